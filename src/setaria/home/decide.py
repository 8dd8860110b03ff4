"""What a home's arrangement allows: command in, facts out, or Refused. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from setaria.facts.decider import Asked, Command
from setaria.facts.kinds import Body
from setaria.facts.refused import Refused
from setaria.home import commands as c
from setaria.home import facts as f
from setaria.home.naming import RESERVED, id_for
from setaria.home.structure import Linkage, PresenceSource, Structure
from setaria.rights import Act
from setaria.rights.grants import WEEK

MOST: Final = {
    "storeys": 50,
    "rooms": 500,
    "members": 100,
    "grants": 1_000,
    "things": 5_000,
    "scenes": 500,
    "helpers": 500,
    "presence_sources": 200,
    "linkages": 2_000,
}
MOST_TILES: Final = 1_000  # in one list of one member
LONGEST_NAME: Final = 80
LONGEST_ALIAS: Final = 200
MOST_LABELS: Final = 20
MOST_TARGETS: Final = 500
HIGHEST_LEVEL: Final = 200
LATEST: Final = 1 << 52  # microseconds: the year 2112, and an integer that every reader of JSON keeps
LONGEST_ADDRESS: Final = 253
LANGUAGES: Final = ("zh-CN", "en")
ROLES: Final = ("owner", "adult", "child", "elder", "guest")
HELPER_TYPES: Final = ("switch", "counter", "timer")
SOURCE_TYPES: Final = ("network",)
_ID: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")


def decide(state: Structure, asked: Asked) -> Sequence[Body]:
    return _DECISIONS[type(asked.command)](state, asked.command, asked)


def _valid_id(given: str) -> str:
    if not _ID.fullmatch(given) or given in RESERVED:
        raise Refused("id_unusable", id=given[:80])
    return given


def _valid_name(given: str, longest: int = LONGEST_NAME) -> str:
    name = " ".join(given.split())
    if not name or len(name) > longest or not name.isprintable():
        raise Refused("name_unusable", name=given[:longest], longest=longest)
    return name


def _valid_address(given: str) -> str:
    if not given or len(given) > LONGEST_ADDRESS or not given.isprintable():
        raise Refused("address_unusable", address=given[:80])
    return given


def _check_language(given: str) -> None:
    if given not in LANGUAGES:
        raise Refused("language_unknown", language=given[:20])


def _check_times(*given: int) -> None:
    for time in given:
        if not 0 <= time < LATEST:
            raise Refused("time_unusable", time=str(time)[:40])


def _known(table: dict[str, Any], what: str, key: str) -> Any:
    if key not in table:
        raise Refused("not_found", what=what, id=key[:80])
    return table[key]


def _room_left(state: Structure, table: str) -> None:
    held = state.active_linkages() if table == "linkages" else getattr(state, table)
    if len(held) >= MOST[table]:
        raise Refused("too_many", what=table, most=MOST[table])


def _describe(state: Structure, command: c.DescribeHousehold, _: Asked) -> Sequence[Body]:
    try:
        ZoneInfo(command.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Refused("time_zone_unknown", zone=command.zone[:80]) from error
    if not (-90 <= command.latitude <= 90 and -180 <= command.longitude <= 180):
        raise Refused("place_unusable", latitude=command.latitude, longitude=command.longitude)
    _check_language(command.language)
    name = _valid_name(command.name)
    return [f.HouseholdDescribed(name, command.zone, command.latitude, command.longitude, command.language)]


def _save_storey(state: Structure, command: c.SaveStorey, _: Asked) -> Sequence[Body]:
    if command.storey not in state.storeys:
        _room_left(state, "storeys")
    if abs(command.level) > HIGHEST_LEVEL:
        raise Refused("level_unusable", level=str(command.level)[:20], most=HIGHEST_LEVEL)
    return [f.StoreySaved(_valid_id(command.storey), _valid_name(command.name), command.level)]


def _remove_storey(state: Structure, command: c.RemoveStorey, _: Asked) -> Sequence[Body]:
    _known(state.storeys, "storey", command.storey)
    return [f.StoreyRemoved(command.storey)]


def _save_room(state: Structure, command: c.SaveRoom, _: Asked) -> Sequence[Body]:
    if command.room not in state.rooms:
        _room_left(state, "rooms")
    if command.storey:
        _known(state.storeys, "storey", command.storey)
    return [f.RoomSaved(_valid_id(command.room), _valid_name(command.name), command.storey)]


def _remove_room(state: Structure, command: c.RemoveRoom, _: Asked) -> Sequence[Body]:
    _known(state.rooms, "room", command.room)
    return [f.RoomRemoved(command.room)]


def _owners(state: Structure) -> set[str]:
    return {each.id for each in state.members.values() if each.role == "owner"}


def _save_member(state: Structure, command: c.SaveMember, asked: Asked) -> Sequence[Body]:
    if command.role not in ROLES:
        raise Refused("role_unknown", role=command.role[:20], roles=", ".join(ROLES))
    _check_times(command.until)
    if command.language:
        _check_language(command.language)
    if command.member not in state.members:
        _room_left(state, "members")
    if command.role == "guest" and command.until <= asked.at:
        raise Refused("guest_needs_end", member=command.member[:80])
    if command.role != "guest" and command.until:
        raise Refused("only_guests_end", role=command.role)
    if command.role != "owner" and _owners(state) == {command.member}:
        raise Refused("last_owner", member=command.member)
    if command.of and command.role != "guest":
        raise Refused("only_guests_of", role=command.role)
    member, name = _valid_id(command.member), _valid_name(command.name)
    of = _valid_name(command.of) if command.of else ""
    return [f.MemberSaved(member, name, command.role, command.until, command.language, of)]


def _remove_member(state: Structure, command: c.RemoveMember, _: Asked) -> Sequence[Body]:
    _known(state.members, "member", command.member)
    if _owners(state) == {command.member}:
        raise Refused("last_owner", member=command.member)
    authored = [each.id for each in state.active_linkages() if each.author == command.member]
    if authored:
        raise Refused("member_has_linkages", member=command.member, linkages=", ".join(authored[:5]))
    return [f.MemberRemoved(command.member)]


def _give_grant(state: Structure, command: c.GiveGrant, asked: Asked) -> Sequence[Body]:
    member = _known(state.members, "member", command.member)
    _check_times(command.since, command.until)
    if command.grant not in state.grants:
        _room_left(state, "grants")
    for room in command.rooms:
        _known(state.rooms, "room", room)
    for thing in command.things:
        _known(state.things, "thing", thing)
    unknown = set(command.acts) - set(Act)
    if not command.acts or unknown:
        raise Refused("grant_acts_unknown", acts=", ".join(sorted(unknown))[:200])
    if command.until and command.until <= max(asked.at, command.since):
        raise Refused("grant_already_over", grant=command.grant[:80])
    if any(not (0 <= start < WEEK and 0 <= end <= WEEK) for start, end in command.windows) or len(command.windows) > 50:
        raise Refused("grant_windows_unusable", grant=command.grant[:80])
    return [
        f.GrantGiven(
            _valid_id(command.grant),
            command.member,
            command.acts,
            command.rooms,
            command.things,
            command.since or asked.at,
            command.until or member.until,  # what is lent to a guest ends with the stay at the latest
            command.windows,
            asked.actor.who.removeprefix("member/"),
        )
    ]


def _end_grant(state: Structure, command: c.EndGrant, _: Asked) -> Sequence[Body]:
    _known(state.grants, "grant", command.grant)
    return [f.GrantEnded(command.grant)]


def _add_thing(state: Structure, command: c.AddThing, _: Asked) -> Sequence[Body]:
    there = state.thing_at(command.radio, command.address)
    if there is not None:
        raise Refused("thing_already_added", thing=there.id, address=command.address[:80])
    _room_left(state, "things")
    if command.room:
        _known(state.rooms, "room", command.room)
    _check_device(command)
    thing = command.thing or id_for(command.model, command.room, state.things)
    if thing in state.things:
        raise Refused("id_taken", id=thing)
    name = _valid_name(command.name or thing.replace("_", " "))
    return [f.ThingAdded(_valid_id(thing), command.radio, command.address, command.model, name, command.room)]


def _check_device(command: c.AddThing | c.ReplaceThing) -> None:
    for given in (command.radio, command.address, command.model):
        _valid_address(given)


def _arrange_thing(state: Structure, command: c.ArrangeThing, _: Asked) -> Sequence[Body]:
    thing = _known(state.things, "thing", command.thing)
    room = thing.room if command.room is None else command.room
    if room:
        _known(state.rooms, "room", room)
    labels = thing.labels if command.labels is None else tuple(dict.fromkeys(map(_valid_id, command.labels)))
    if len(labels) > MOST_LABELS:
        raise Refused("too_many", what="labels", most=MOST_LABELS)
    name = thing.name if command.name is None else _valid_name(command.name)
    return [f.ThingArranged(command.thing, name, room, labels)]


def _replace_thing(state: Structure, command: c.ReplaceThing, _: Asked) -> Sequence[Body]:
    thing = _known(state.things, "thing", command.thing)
    there = state.thing_at(command.radio, command.address)
    if there is not None and there.id != command.thing:
        raise Refused("thing_already_added", thing=there.id, address=command.address[:80])
    _check_device(command)
    return [f.ThingReplaced(command.thing, command.radio, command.address, command.model, thing.model, thing.address)]


def _remove_thing(state: Structure, command: c.RemoveThing, _: Asked) -> Sequence[Body]:
    _known(state.things, "thing", command.thing)
    return [f.ThingRemoved(command.thing)]


def _save_scene(state: Structure, command: c.SaveScene, __: Asked) -> Sequence[Body]:
    if command.scene not in state.scenes:
        _room_left(state, "scenes")
    if not command.targets or len(command.targets) > MOST_TARGETS:
        raise Refused("scene_unusable", scene=command.scene[:80], most=MOST_TARGETS)
    for address in command.targets:
        owner, _, rest = address.partition("/")
        if owner == "helper":
            _known(state.helpers, "helper", rest.partition(".")[0])
        else:
            _known(state.things, "thing", owner)
    return [f.SceneSaved(_valid_id(command.scene), _valid_name(command.name), command.targets)]


def _remove_scene(state: Structure, command: c.RemoveScene, _: Asked) -> Sequence[Body]:
    _known(state.scenes, "scene", command.scene)
    return [f.SceneRemoved(command.scene)]


def _save_helper(state: Structure, command: c.SaveHelper, _: Asked) -> Sequence[Body]:
    if command.type not in HELPER_TYPES:
        raise Refused("helper_type_unknown", type=command.type[:20], types=", ".join(HELPER_TYPES))
    before = state.helpers.get(command.helper)
    if before is None:
        _room_left(state, "helpers")
    elif before.type != command.type:
        raise Refused("id_taken", id=command.helper)
    if not 0 <= command.initial < 1 << 31:
        raise Refused("helper_initial_unusable", initial=command.initial)
    return [f.HelperSaved(_valid_id(command.helper), command.type, _valid_name(command.name), command.initial)]


def _remove_helper(state: Structure, command: c.RemoveHelper, _: Asked) -> Sequence[Body]:
    _known(state.helpers, "helper", command.helper)
    return [f.HelperRemoved(command.helper)]


def _save_source(state: Structure, command: c.SavePresenceSource, _: Asked) -> Sequence[Body]:
    _known(state.members, "member", command.member)
    source = PresenceSource(command.member, command.type, command.address)
    if source not in state.presence_sources:
        _room_left(state, "presence_sources")
    if command.type not in SOURCE_TYPES:
        raise Refused("presence_source_unknown", type=command.type[:20], types=", ".join(SOURCE_TYPES))
    return [f.PresenceSourceSaved(command.member, command.type, _valid_address(command.address))]


def _remove_source(state: Structure, command: c.RemovePresenceSource, _: Asked) -> Sequence[Body]:
    if PresenceSource(command.member, command.type, command.address) not in state.presence_sources:
        raise Refused("not_found", what="presence_source", id=command.address[:80])
    return [f.PresenceSourceRemoved(command.member, command.type, command.address)]


def _arrange_tiles(state: Structure, command: c.ArrangeTiles, asked: Asked) -> Sequence[Body]:
    member = asked.actor.who.removeprefix("member/")
    _known(state.members, "member", member)
    for listed in (command.pinned, command.hidden, command.order):
        if len(listed) > MOST_TILES:
            raise Refused("too_many", what="tiles", most=MOST_TILES)
    pinned = _there(state, command.pinned)
    hidden = tuple(each for each in _there(state, command.hidden) if each not in pinned)
    return [f.TilesArranged(member, pinned, hidden, _there(state, command.order))]


def _there(state: Structure, things: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in things if each in state.things))


def _save_linkage(state: Structure, command: c.SaveLinkage, _: Asked) -> Sequence[Body]:
    before = state.linkages.get(command.rule.id)
    _known(state.members, "member", command.author)
    if before is None or before.rule is None:
        _room_left(state, "linkages")
    _valid_id(command.rule.id)
    _valid_name(command.rule.alias, LONGEST_ALIAS)
    return [f.LinkageSaved(command.rule, command.author, before.revision + 1 if before else 1)]


def _undo_linkage(state: Structure, command: c.UndoLinkage, asked: Asked) -> Sequence[Body]:
    linkage: Linkage = _known(state.linkages, "linkage", command.linkage)
    if not linkage.earlier:
        if linkage.rule is None:
            raise Refused("nothing_to_undo", linkage=command.linkage)
        return [f.LinkageRemoved(command.linkage)]
    if linkage.rule is None:
        _room_left(state, "linkages")
    rule, author = linkage.earlier[-1]
    if author not in state.members:  # who has left can answer for nothing: whoever brings it back does
        author = asked.actor.who.removeprefix("member/")
        _known(state.members, "member", author)
    return [f.LinkageSaved(rule, author, linkage.revision + 1, undo=True)]


def _switch_linkage(state: Structure, command: c.SwitchLinkage, _: Asked) -> Sequence[Body]:
    linkage: Linkage = _known(state.linkages, "linkage", command.linkage)
    if linkage.rule is None:
        raise Refused("not_found", what="linkage", id=command.linkage)
    return [f.LinkageSwitched(command.linkage, command.enabled)]


def _remove_linkage(state: Structure, command: c.RemoveLinkage, _: Asked) -> Sequence[Body]:
    linkage: Linkage = _known(state.linkages, "linkage", command.linkage)
    if linkage.rule is None:
        raise Refused("not_found", what="linkage", id=command.linkage)
    return [f.LinkageRemoved(command.linkage)]


_DECISIONS: Final[dict[type[Command], Callable[[Structure, Any, Asked], Sequence[Body]]]] = {
    c.DescribeHousehold: _describe,
    c.SaveStorey: _save_storey,
    c.RemoveStorey: _remove_storey,
    c.SaveRoom: _save_room,
    c.RemoveRoom: _remove_room,
    c.SaveMember: _save_member,
    c.RemoveMember: _remove_member,
    c.GiveGrant: _give_grant,
    c.EndGrant: _end_grant,
    c.AddThing: _add_thing,
    c.ArrangeThing: _arrange_thing,
    c.ReplaceThing: _replace_thing,
    c.RemoveThing: _remove_thing,
    c.SaveScene: _save_scene,
    c.RemoveScene: _remove_scene,
    c.SaveHelper: _save_helper,
    c.RemoveHelper: _remove_helper,
    c.SavePresenceSource: _save_source,
    c.RemovePresenceSource: _remove_source,
    c.ArrangeTiles: _arrange_tiles,
    c.SaveLinkage: _save_linkage,
    c.UndoLinkage: _undo_linkage,
    c.SwitchLinkage: _switch_linkage,
    c.RemoveLinkage: _remove_linkage,
}
ARRANGING_COMMANDS: Final = tuple(_DECISIONS)
