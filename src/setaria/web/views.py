"""What is told of a home, as the API's structs. Times are UTC microseconds; no secret has a field here."""

from __future__ import annotations

from typing import Any

import msgspec

from setaria.home.ports import Value

Names = dict[str, str]
"""By language: {"zh-CN": …, "en": …}."""


class ThingSummary(msgspec.Struct, frozen=True, gc=False):
    """`values` are those of the properties that make the thing what it is, by address; null was never seen. `type` is
    what its spec calls it (light, outlet, air-conditioner), "" when the model is not known; `secure` that it guards the
    home, so that operating it is worth a second thought."""

    id: str
    name: str
    room: str
    model: str
    tile: str
    type: str
    secure: bool
    added: int
    reachable: bool
    reason: str
    values: dict[str, Value | None]


class Things(msgspec.Struct, frozen=True):
    things: list[ThingSummary]


class ChoiceView(msgspec.Struct, frozen=True):
    value: Value
    names: Names


class PropertyView(msgspec.Struct, frozen=True):
    """`range` is lowest, highest, step (0: any); `feature` is the name that is the same for every model, if any."""

    address: str
    siid: int
    piid: int
    names: Names
    format: str
    readable: bool
    writable: bool
    notifies: bool
    unit: str
    range: tuple[int | float, int | float, int | float] | None
    choices: list[ChoiceView]
    feature: str


class ActionView(msgspec.Struct, frozen=True):
    """`inputs` and `outputs` are addresses of properties."""

    address: str
    siid: int
    aiid: int
    names: Names
    inputs: list[str]
    outputs: list[str]
    feature: str


class EventView(msgspec.Struct, frozen=True):
    address: str
    siid: int
    eiid: int
    names: Names
    arguments: list[str]
    feature: str


class ServiceView(msgspec.Struct, frozen=True):
    address: str
    siid: int
    names: Names
    properties: list[PropertyView]
    actions: list[ActionView]
    events: list[EventView]


class SpecView(msgspec.Struct, frozen=True):
    model: str
    urn: str
    type: str
    names: Names
    tile: str
    domain: str
    matter: int | None
    services: list[ServiceView]


class SlotView(msgspec.Struct, frozen=True, gc=False):
    value: Value
    changed: int


class ThingFull(msgspec.Struct, frozen=True):
    """`spec` is null when the model is not known; `values` by address, without those never seen."""

    id: str
    name: str
    room: str
    model: str
    tile: str
    labels: list[str]
    radio: str
    address: str
    location: str
    added: int
    reachable: bool
    reason: str
    secure: bool
    values: dict[str, SlotView]
    spec: SpecView | None


class ValueView(msgspec.Struct, frozen=True, omit_defaults=True):
    """`rest` says that nothing is under way then: idle, charging, closed; absent is false."""

    value: Value
    name: str
    rest: bool = False


class FeatureView(msgspec.Struct, frozen=True):
    """A property in the asked language. `range` is lowest, highest, step (0: any); `choices` are listed values."""

    address: str
    name: str
    format: str
    readable: bool
    writable: bool
    unit: str
    range: tuple[int | float, int | float, int | float] | None
    choices: list[ValueView]


class DeedView(msgspec.Struct, frozen=True):
    """`inputs` are addresses of properties."""

    address: str
    name: str
    inputs: list[str]


class ModelView(msgspec.Struct, frozen=True):
    """What the things of one model can do, under names that are the same for every model. `shown` are the addresses
    worth showing of a thing that has no tile of its own, the main one first, or the channels of one that switches
    several; `properties` describes those of them that are no feature, and every channel, by address."""

    tile: str
    type: str
    domain: str
    name: str
    features: dict[str, FeatureView]
    actions: dict[str, DeedView]
    shown: list[str]
    properties: dict[str, FeatureView]


class TilesView(msgspec.Struct, frozen=True):
    """Ids of things, as the caller arranged them by hand."""

    pinned: list[str]
    hidden: list[str]
    order: list[str]


class MayView(msgspec.Struct, frozen=True):
    """What the caller may do: `control` are ids of things, `arrange` is adding, moving and removing them."""

    control: list[str]
    arrange: bool


class HouseholdView(msgspec.Struct, frozen=True):
    """Where it stands is told to those who live there only."""

    id: str
    name: str
    zone: str
    latitude: float | None
    longitude: float | None
    language: str


class StoreyView(msgspec.Struct, frozen=True):
    id: str
    name: str
    level: int


class RoomView(msgspec.Struct, frozen=True):
    id: str
    name: str
    storey: str


class MemberView(msgspec.Struct, frozen=True):
    """`home` is null while nobody knows; `until` 0 is no end. `sign_in` says that there is a password; `of` is the name
    of the other household whose guest this is, with whom a thing is shared."""

    id: str
    name: str
    role: str
    until: int
    language: str
    home: bool | None
    sign_in: bool
    of: str


class SceneView(msgspec.Struct, frozen=True):
    id: str
    name: str
    targets: dict[str, Value]


class HelperView(msgspec.Struct, frozen=True):
    """`due` is when a running timer ends, else 0; `value` is what a switch, a counter or a timer stands at."""

    id: str
    type: str
    name: str
    initial: int
    value: Value | None
    due: int


class HomeView(msgspec.Struct, frozen=True):
    """What the caller may see. `cursor` is where to go on from with /api/live or /api/facts: everything durable before
    it is in here. `at` is when it was looked at: /api/live?since= tells what has changed from then on. `models` has
    those of the things in here; `me` is the member who asks."""

    household: HouseholdView
    storeys: list[StoreyView]
    rooms: list[RoomView]
    members: list[MemberView]
    scenes: list[SceneView]
    helpers: list[HelperView]
    things: list[ThingSummary]
    models: dict[str, ModelView]
    tiles: TilesView
    me: str
    may: MayView
    cursor: str
    at: int


class Scenes(msgspec.Struct, frozen=True):
    scenes: list[SceneView]


class Helpers(msgspec.Struct, frozen=True):
    helpers: list[HelperView]


class Members(msgspec.Struct, frozen=True):
    members: list[MemberView]


class Outcome(msgspec.Struct, frozen=True):
    """`values` are an action's results, in the order of its outputs."""

    outcome: str = "done"
    values: tuple[Value, ...] = ()


class Facts(msgspec.Struct, frozen=True):
    """CloudEvents 1.0, structured JSON form."""

    facts: list[dict[str, Any]]


class FoundView(msgspec.Struct, frozen=True):
    """`needs`: token, wifi, or empty. `known` says that there is a spec of its model; `type` and `tile` then say what
    it is. `sentence` says how it stands and `next` how to get what is missing, in the asked language; `next` is empty
    when it can be added at once. `suggested` is a name that no thing has yet, `room` a room's id; both may be empty."""

    radio: str
    address: str
    model: str
    name: str
    location: str
    needs: str
    known: bool
    sentence: str
    next: str
    type: str
    tile: str
    suggested: str
    room: str


class FoundThings(msgspec.Struct, frozen=True):
    found: list[FoundView]


class Done(msgspec.Struct, frozen=True):
    outcome: str = "done"
