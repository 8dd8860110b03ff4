"""The kinds of fact a home writes.

Aggregates: `home/<household>` for what people arrange (one state, home/structure.py), `thing/<id>`, `linkage/<id>`,
`helper/<id>` and `member/<id>` for what happens. Properties are addressed within their thing (`light.on`), everything
else by id. Times are UTC microseconds.
"""

from __future__ import annotations

from typing import Any

from setaria.facts.kinds import Body, Keep, kind
from setaria.home.linkage.rule import Rule
from setaria.home.ports import Value

# What people arrange.


@kind("home.household_described")
class HouseholdDescribed(Body, frozen=True, gc=False):
    """`zone` is an IANA time zone; the place is for the sun and never leaves the home."""

    name: str
    zone: str
    latitude: float
    longitude: float
    language: str


@kind("home.storey_saved")
class StoreySaved(Body, frozen=True, gc=False):
    storey: str
    name: str
    level: int = 0


@kind("home.storey_removed")
class StoreyRemoved(Body, frozen=True, gc=False):
    storey: str


@kind("home.room_saved")
class RoomSaved(Body, frozen=True, gc=False):
    room: str
    name: str
    storey: str = ""


@kind("home.room_removed")
class RoomRemoved(Body, frozen=True, gc=False):
    """Its things stay in the home, in no room."""

    room: str


@kind("home.member_saved", version=2, upcast={1: lambda data: {**data, "of": ""}})
class MemberSaved(Body, frozen=True, gc=False):
    """`until` ends a guest; 0 is no end. `of` is the name of the household that a guest belongs to, when a thing is
    shared with another."""

    member: str
    name: str
    role: str
    until: int = 0
    language: str = ""
    of: str = ""


@kind("home.member_removed")
class MemberRemoved(Body, frozen=True, gc=False):
    member: str


@kind("home.grant_given")
class GrantGiven(Body, frozen=True):
    """`rights.Grant` as data; `until` 0 is no end, `by` the member who gave it."""

    grant: str
    member: str
    acts: tuple[str, ...]
    rooms: tuple[str, ...] = ()
    things: tuple[str, ...] = ()
    since: int = 0
    until: int = 0
    windows: tuple[tuple[int, int], ...] = ()
    by: str = ""


@kind("home.grant_ended")
class GrantEnded(Body, frozen=True, gc=False):
    grant: str


@kind("home.thing_added")
class ThingAdded(Body, frozen=True, gc=False):
    thing: str
    radio: str
    address: str
    model: str
    name: str
    room: str = ""


@kind("home.thing_arranged")
class ThingArranged(Body, frozen=True):
    """Name, room and labels as they are from now on."""

    thing: str
    name: str
    room: str
    labels: tuple[str, ...] = ()


@kind("home.thing_replaced")
class ThingReplaced(Body, frozen=True, gc=False):
    """Another device takes the broken one's place: its id, name, room, linkages and history stay."""

    thing: str
    radio: str
    address: str
    model: str
    was_model: str
    was_address: str


@kind("home.thing_removed")
class ThingRemoved(Body, frozen=True, gc=False):
    thing: str


@kind("home.spec_described")
class SpecDescribed(Body, frozen=True):
    """What a thing that describes itself has and can do from now on: a whole MIoT-Spec instance. Aggregate
    `spec/<model>`."""

    model: str
    spec: dict[str, Any]


@kind("home.scene_saved")
class SceneSaved(Body, frozen=True):
    """Target values by full address (`living_light/light.on`)."""

    scene: str
    name: str
    targets: dict[str, Value]


@kind("home.scene_removed")
class SceneRemoved(Body, frozen=True, gc=False):
    scene: str


@kind("home.helper_saved")
class HelperSaved(Body, frozen=True, gc=False):
    """`type`: switch, counter or timer. A counter starts at `initial`; a timer lasts `initial` seconds."""

    helper: str
    type: str
    name: str
    initial: int = 0


@kind("home.helper_removed")
class HelperRemoved(Body, frozen=True, gc=False):
    helper: str


@kind("home.presence_source_saved")
class PresenceSourceSaved(Body, frozen=True, gc=False):
    """`type` is network (a host name or address of a member's phone), later wristband and phone."""

    member: str
    type: str
    address: str


@kind("home.presence_source_removed")
class PresenceSourceRemoved(Body, frozen=True, gc=False):
    member: str
    type: str
    address: str


@kind("home.tiles_arranged")
class TilesArranged(Body, frozen=True):
    """How one member wants the things of the home shown, from now on: ids of things, each once in a list. `order` names
    those that were moved by hand, first to last."""

    member: str
    pinned: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    order: tuple[str, ...] = ()


@kind("home.linkage_saved")
class LinkageSaved(Body, frozen=True):
    """The whole linkage with its author; `revision` counts from 1. An undo is one more of these."""

    rule: Rule
    author: str
    revision: int
    undo: bool = False


@kind("home.linkage_switched")
class LinkageSwitched(Body, frozen=True, gc=False):
    linkage: str
    enabled: bool


@kind("home.linkage_removed")
class LinkageRemoved(Body, frozen=True, gc=False):
    linkage: str


# What happens.


@kind("home.reading", keep=Keep.READING)
class Reading(Body, frozen=True, gc=False):
    """A property changed. Only changes beyond the dead band are kept."""

    property: str
    value: Value


@kind("home.statistics")
class Statistics(Body, frozen=True, gc=False):
    """What remains of readings: numbers of one property in [since, since + width).

    `mean` is weighted by how long each value lasted, as is `on`, the share of the time a boolean was true; `count` is
    of changes, `last` the value at the end.
    """

    property: str
    since: int
    width: int
    count: int
    last: Value
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None


@kind("home.happened")
class Happened(Body, frozen=True):
    """A thing's event, its arguments by property name."""

    event: str
    arguments: dict[str, Value] = {}


@kind("home.thing_reached")
class ThingReached(Body, frozen=True, gc=False):
    pass


@kind("home.thing_located")
class ThingLocated(Body, frozen=True, gc=False):
    location: str


@kind("home.thing_lost")
class ThingLost(Body, frozen=True, gc=False):
    reason: str


@kind("home.command_given")
class CommandGiven(Body, frozen=True):
    """Somebody's wish for one thing: values to write, or an action with arguments by piid."""

    writes: dict[str, Value] = {}
    action: str = ""
    arguments: dict[str, Value] = {}


@kind("home.command_ended")
class CommandEnded(Body, frozen=True, gc=False):
    """`cause` is the id of the command's fact, or of the run that sent it. outcome: done, refused, unreachable."""

    cause: str
    outcome: str
    code: str = ""
    took: int = 0


@kind("home.scene_set")
class SceneSet(Body, frozen=True, gc=False):
    scene: str


@kind("home.helper_set")
class HelperSet(Body, frozen=True, gc=False):
    """The value from now on; for a timer `due` is when it ends, 0 when it is not running."""

    value: bool | int
    due: int = 0


@kind("home.presence_changed")
class PresenceChanged(Body, frozen=True, gc=False):
    home: bool
    source: str


@kind("home.notified")
class Notified(Body, frozen=True):
    """Something was said to people; `to` are members, empty for everybody who lives here."""

    message: str
    title: str = ""
    to: tuple[str, ...] = ()


@kind("home.event_fired")
class EventFired(Body, frozen=True):
    """A named event of the home, for linkages to listen to."""

    event: str
    data: dict[str, Value] = {}


@kind("home.hold_began")
class HoldBegan(Body, frozen=True, gc=False):
    """A trigger with `for:` began to wait: it fires at `due` unless the state leaves first."""

    trigger: int
    address: str
    due: int


@kind("home.hold_ended")
class HoldEnded(Body, frozen=True, gc=False):
    """how: fired, left (the state changed), missed (due while the hub was off), changed (the linkage was edited)."""

    trigger: int
    address: str
    how: str


@kind("home.run_queued")
class RunQueued(Body, frozen=True):
    run: str
    revision: int
    trigger: dict[str, Any]


@kind("home.run_paused")
class RunPaused(Body, frozen=True):
    """A run that waits. `threads` is all that it needs to go on after a restart (linkage/run.py)."""

    run: str
    revision: int
    began: int
    trigger: dict[str, Any]
    threads: tuple[dict[str, Any], ...]
    trace: tuple[tuple[Any, ...], ...]


@kind("home.run_ended")
class RunEnded(Body, frozen=True, gc=False):
    """outcome: done, stopped, failed, cancelled (by a restart or an edit), missed, full (no place in the queue).

    `trace` is a tuple of (path, what came of it, microseconds since it began).
    """

    run: str
    revision: int
    began: int
    took: int
    outcome: str
    trigger: dict[str, Any]
    trace: tuple[tuple[Any, ...], ...]


@kind("home.run_declined")
class RunDeclined(Body, frozen=True, gc=False):
    """A trigger fired and nothing was done: why, and the conditions' trace.

    reason: conditions, busy (single mode), cooldown, rate, disabled, not_allowed, too_fast, missed.
    """

    revision: int
    reason: str
    trigger: dict[str, Any]
    trace: tuple[tuple[Any, ...], ...] = ()
