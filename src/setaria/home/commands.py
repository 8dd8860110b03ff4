"""What people can ask of a home's arrangement. Answers are the facts of home/facts.py."""

from __future__ import annotations

from functools import cache

import msgspec

from setaria.facts.decider import Command
from setaria.home.linkage.rule import Rule
from setaria.home.ports import Value


class DescribeHousehold(Command, frozen=True, tag=True):
    name: str
    zone: str = "Asia/Shanghai"
    latitude: float = 39.9
    longitude: float = 116.4
    language: str = "zh-CN"


class SaveStorey(Command, frozen=True, tag=True):
    storey: str
    name: str
    level: int = 0


class RemoveStorey(Command, frozen=True, tag=True):
    storey: str


class SaveRoom(Command, frozen=True, tag=True):
    room: str
    name: str
    storey: str = ""


class RemoveRoom(Command, frozen=True, tag=True):
    room: str


class SaveMember(Command, frozen=True, tag=True):
    """`of` is the name of the household that a guest belongs to, when a thing is shared with another."""

    member: str
    name: str
    role: str
    until: int = 0
    language: str = ""
    of: str = ""


class RemoveMember(Command, frozen=True, tag=True):
    member: str


class GiveGrant(Command, frozen=True, tag=True):
    grant: str
    member: str
    acts: tuple[str, ...]
    rooms: tuple[str, ...] = ()
    things: tuple[str, ...] = ()
    since: int = 0
    until: int = 0
    windows: tuple[tuple[int, int], ...] = ()


class EndGrant(Command, frozen=True, tag=True):
    grant: str


class AddThing(Command, frozen=True, tag=True):
    """An empty `thing` or `name` is made up from the model (home/naming.py)."""

    radio: str
    address: str
    model: str
    thing: str = ""
    name: str = ""
    room: str = ""


class ArrangeThing(Command, frozen=True, tag=True):
    """What is None stays as it is."""

    thing: str
    name: str | None = None
    room: str | None = None
    labels: tuple[str, ...] | None = None


class ReplaceThing(Command, frozen=True, tag=True):
    thing: str
    radio: str
    address: str
    model: str


class RemoveThing(Command, frozen=True, tag=True):
    thing: str


class SaveScene(Command, frozen=True, tag=True):
    scene: str
    name: str
    targets: dict[str, Value]


class RemoveScene(Command, frozen=True, tag=True):
    scene: str


class SaveHelper(Command, frozen=True, tag=True):
    helper: str
    type: str
    name: str
    initial: int = 0


class RemoveHelper(Command, frozen=True, tag=True):
    helper: str


class SavePresenceSource(Command, frozen=True, tag=True):
    member: str
    type: str
    address: str


class RemovePresenceSource(Command, frozen=True, tag=True):
    member: str
    type: str
    address: str


class ArrangeTiles(Command, frozen=True, tag=True):
    """One's own, whole: ids of things. What is unknown or said twice is passed over."""

    pinned: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    order: tuple[str, ...] = ()


class SaveLinkage(Command, frozen=True, tag=True):
    """`author` is the member in whose rights it will run."""

    rule: Rule
    author: str


class UndoLinkage(Command, frozen=True, tag=True):
    """Back to the revision before, also from a removal."""

    linkage: str


class SwitchLinkage(Command, frozen=True, tag=True):
    linkage: str
    enabled: bool


class RemoveLinkage(Command, frozen=True, tag=True):
    linkage: str


Arrangement = (
    DescribeHousehold
    | SaveStorey
    | RemoveStorey
    | SaveRoom
    | RemoveRoom
    | SaveMember
    | RemoveMember
    | GiveGrant
    | EndGrant
    | AddThing
    | ArrangeThing
    | ReplaceThing
    | RemoveThing
    | SaveScene
    | RemoveScene
    | SaveHelper
    | RemoveHelper
    | SavePresenceSource
    | RemovePresenceSource
    | ArrangeTiles
    | SaveLinkage
    | UndoLinkage
    | SwitchLinkage
    | RemoveLinkage
)


class ControlThing(Command, frozen=True, tag=True):
    """Checked against the spec before it comes here: the wish itself is always recorded."""

    thing: str
    writes: dict[str, Value] = {}
    action: str = ""
    arguments: dict[str, Value] = {}


def decode_arrangement(document: bytes) -> Arrangement:
    """From JSON whose `command` names it. Raises msgspec.DecodeError."""
    return _decoder().decode(document)


@cache
def _decoder() -> msgspec.json.Decoder[Arrangement]:
    return msgspec.json.Decoder(Arrangement)  # takes 10 ms to make, and a start needs none
