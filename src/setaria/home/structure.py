"""The arrangement of a home: what its people have set up. A pure state, evolved by facts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from setaria.facts.fact import Fact
from setaria.facts.kinds import Body
from setaria.home import facts as f
from setaria.home.linkage.rule import Rule
from setaria.home.ports import Value
from setaria.rights import Act, Grant

REVISIONS_KEPT: Final = 10
REMOVED_KEPT: Final = 100  # removed linkages that can be brought back


class Household(msgspec.Struct, frozen=True):
    name: str = ""
    zone: str = "UTC"
    latitude: float = 0.0
    longitude: float = 0.0
    language: str = "en"


class Storey(msgspec.Struct, frozen=True):
    id: str
    name: str
    level: int = 0


class Room(msgspec.Struct, frozen=True):
    id: str
    name: str
    storey: str = ""


class Member(msgspec.Struct, frozen=True):
    id: str
    name: str
    role: str
    until: int = 0
    language: str = ""
    of: str = ""


class Thing(msgspec.Struct, frozen=True):
    id: str
    radio: str
    address: str
    model: str
    name: str
    room: str = ""
    labels: tuple[str, ...] = ()
    added: int = 0
    replaced: int = 0


class Scene(msgspec.Struct, frozen=True):
    id: str
    name: str
    targets: dict[str, Value]


class Helper(msgspec.Struct, frozen=True):
    id: str
    type: str
    name: str
    initial: int = 0


class Tiles(msgspec.Struct, frozen=True):
    """How one member wants things shown: ids of things, each once in a list."""

    pinned: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    order: tuple[str, ...] = ()

    def without(self, thing: str) -> Tiles:
        return Tiles(*(tuple(each for each in listed if each != thing) for listed in self.lists))

    @property
    def lists(self) -> tuple[tuple[str, ...], ...]:
        return self.pinned, self.hidden, self.order


class PresenceSource(msgspec.Struct, frozen=True):
    member: str
    type: str
    address: str


class Linkage(msgspec.Struct, frozen=True):
    """`rule` is None once removed; `earlier` are the revisions before, newest last, for undo."""

    id: str
    rule: Rule | None
    author: str
    revision: int
    enabled: bool = True
    saved: int = 0
    earlier: tuple[tuple[Rule, str], ...] = ()


class Structure(msgspec.Struct):
    household: Household = Household()
    storeys: dict[str, Storey] = {}
    rooms: dict[str, Room] = {}
    members: dict[str, Member] = {}
    grants: dict[str, Grant] = {}
    things: dict[str, Thing] = {}
    scenes: dict[str, Scene] = {}
    helpers: dict[str, Helper] = {}
    presence_sources: list[PresenceSource] = []
    tiles: dict[str, Tiles] = {}  # by member
    linkages: dict[str, Linkage] = {}

    def thing_at(self, radio: str, address: str) -> Thing | None:
        return next((each for each in self.things.values() if (each.radio, each.address) == (radio, address)), None)

    def active_linkages(self) -> list[Linkage]:
        return [each for each in self.linkages.values() if each.rule is not None]


def evolve(state: Structure, fact: Fact) -> None:
    """Facts that do not arrange anything are passed over."""
    change = _CHANGES.get(type(fact.body))
    if change is not None:
        change(state, fact.body, fact)


def _household(state: Structure, body: f.HouseholdDescribed, _: Fact) -> None:
    state.household = Household(body.name, body.zone, body.latitude, body.longitude, body.language)


def _storey(state: Structure, body: f.StoreySaved, _: Fact) -> None:
    state.storeys[body.storey] = Storey(body.storey, body.name, body.level)


def _storey_removed(state: Structure, body: f.StoreyRemoved, _: Fact) -> None:
    state.storeys.pop(body.storey, None)
    for room in [each for each in state.rooms.values() if each.storey == body.storey]:
        state.rooms[room.id] = msgspec.structs.replace(room, storey="")


def _room(state: Structure, body: f.RoomSaved, _: Fact) -> None:
    state.rooms[body.room] = Room(body.room, body.name, body.storey)


def _room_removed(state: Structure, body: f.RoomRemoved, _: Fact) -> None:
    state.rooms.pop(body.room, None)
    for thing in [each for each in state.things.values() if each.room == body.room]:
        state.things[thing.id] = msgspec.structs.replace(thing, room="")
    _narrow_grants(state, room=body.room)


def _narrow_grants(state: Structure, room: str = "", thing: str = "") -> None:
    """What is gone is lent no more. A grant without places would hold everywhere: one that has lost its last ends."""
    for grant in [each for each in state.grants.values() if room in each.rooms or thing in each.things]:
        rooms = tuple(each for each in grant.rooms if each != room)
        things = tuple(each for each in grant.things if each != thing)
        if rooms or things:
            state.grants[grant.id] = msgspec.structs.replace(grant, rooms=rooms, things=things)
        else:
            del state.grants[grant.id]


def _member(state: Structure, body: f.MemberSaved, _: Fact) -> None:
    state.members[body.member] = Member(body.member, body.name, body.role, body.until, body.language, body.of)


def _member_removed(state: Structure, body: f.MemberRemoved, _: Fact) -> None:
    state.members.pop(body.member, None)
    state.grants = {key: each for key, each in state.grants.items() if each.member != body.member}
    state.presence_sources = [each for each in state.presence_sources if each.member != body.member]
    state.tiles.pop(body.member, None)


def _grant(state: Structure, body: f.GrantGiven, _: Fact) -> None:
    state.grants[body.grant] = Grant(
        id=body.grant,
        member=body.member,
        acts=tuple(map(Act, body.acts)),
        rooms=body.rooms,
        things=body.things,
        since=body.since,
        until=body.until or None,
        windows=body.windows,
        by=body.by,
    )


def _grant_ended(state: Structure, body: f.GrantEnded, _: Fact) -> None:
    state.grants.pop(body.grant, None)


def _thing(state: Structure, body: f.ThingAdded, fact: Fact) -> None:
    state.things[body.thing] = Thing(
        body.thing, body.radio, body.address, body.model, body.name, body.room, (), fact.time
    )


def _thing_arranged(state: Structure, body: f.ThingArranged, _: Fact) -> None:
    thing = state.things[body.thing]
    state.things[body.thing] = msgspec.structs.replace(thing, name=body.name, room=body.room, labels=body.labels)


def _thing_replaced(state: Structure, body: f.ThingReplaced, fact: Fact) -> None:
    state.things[body.thing] = msgspec.structs.replace(
        state.things[body.thing], radio=body.radio, address=body.address, model=body.model, replaced=fact.time
    )


def _thing_removed(state: Structure, body: f.ThingRemoved, _: Fact) -> None:
    state.things.pop(body.thing, None)
    _narrow_grants(state, thing=body.thing)
    for member, tiles in state.tiles.items():
        if any(body.thing in listed for listed in tiles.lists):
            state.tiles[member] = tiles.without(body.thing)


def _scene(state: Structure, body: f.SceneSaved, _: Fact) -> None:
    state.scenes[body.scene] = Scene(body.scene, body.name, body.targets)


def _scene_removed(state: Structure, body: f.SceneRemoved, _: Fact) -> None:
    state.scenes.pop(body.scene, None)


def _helper(state: Structure, body: f.HelperSaved, _: Fact) -> None:
    state.helpers[body.helper] = Helper(body.helper, body.type, body.name, body.initial)


def _helper_removed(state: Structure, body: f.HelperRemoved, _: Fact) -> None:
    state.helpers.pop(body.helper, None)


def _source(state: Structure, body: f.PresenceSourceSaved, _: Fact) -> None:
    source = PresenceSource(body.member, body.type, body.address)
    if source not in state.presence_sources:
        state.presence_sources.append(source)


def _source_removed(state: Structure, body: f.PresenceSourceRemoved, _: Fact) -> None:
    gone = PresenceSource(body.member, body.type, body.address)
    state.presence_sources = [each for each in state.presence_sources if each != gone]


def _tiles(state: Structure, body: f.TilesArranged, _: Fact) -> None:
    state.tiles[body.member] = Tiles(body.pinned, body.hidden, body.order)


def _linkage(state: Structure, body: f.LinkageSaved, fact: Fact) -> None:
    before = state.linkages.get(body.rule.id)
    earlier: tuple[tuple[Rule, str], ...] = ()
    if before is not None:
        kept = before.earlier if before.rule is None else (*before.earlier, (before.rule, before.author))
        earlier = before.earlier[:-1] if body.undo else kept[-REVISIONS_KEPT:]
    anew = before is None or (before.rule is None and not body.undo)
    enabled = body.rule.enabled if before is None or anew else before.enabled
    state.linkages[body.rule.id] = Linkage(
        body.rule.id, body.rule, body.author, body.revision, enabled, fact.time, earlier
    )


def _linkage_switched(state: Structure, body: f.LinkageSwitched, _: Fact) -> None:
    linkage = state.linkages[body.linkage]
    state.linkages[body.linkage] = msgspec.structs.replace(linkage, enabled=body.enabled)


def _linkage_removed(state: Structure, body: f.LinkageRemoved, _: Fact) -> None:
    linkage = state.linkages[body.linkage]
    if linkage.rule is not None:
        earlier = (*linkage.earlier, (linkage.rule, linkage.author))[-REVISIONS_KEPT:]
        del state.linkages[body.linkage]  # to the end: the order tells which was removed first
        state.linkages[body.linkage] = msgspec.structs.replace(linkage, rule=None, earlier=earlier)
        removed = [each.id for each in state.linkages.values() if each.rule is None]
        for forgotten in removed[:-REMOVED_KEPT]:
            del state.linkages[forgotten]


_CHANGES: Final[dict[type[Body], Callable[[Structure, Any, Fact], None]]] = {
    f.HouseholdDescribed: _household,
    f.StoreySaved: _storey,
    f.StoreyRemoved: _storey_removed,
    f.RoomSaved: _room,
    f.RoomRemoved: _room_removed,
    f.MemberSaved: _member,
    f.MemberRemoved: _member_removed,
    f.GrantGiven: _grant,
    f.GrantEnded: _grant_ended,
    f.ThingAdded: _thing,
    f.ThingArranged: _thing_arranged,
    f.ThingReplaced: _thing_replaced,
    f.ThingRemoved: _thing_removed,
    f.SceneSaved: _scene,
    f.SceneRemoved: _scene_removed,
    f.HelperSaved: _helper,
    f.HelperRemoved: _helper_removed,
    f.PresenceSourceSaved: _source,
    f.PresenceSourceRemoved: _source_removed,
    f.TilesArranged: _tiles,
    f.LinkageSaved: _linkage,
    f.LinkageSwitched: _linkage_switched,
    f.LinkageRemoved: _linkage_removed,
}
ARRANGING: Final = frozenset(_CHANGES)
