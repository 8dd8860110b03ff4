"""Who sees what of a home: those who live there all, a guest or a program what was lent, and for how long."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.home.home_place import LAMP, LOCK, Place

from setaria.facts.clock import DAY, HOUR, MINUTE, SECOND
from setaria.facts.fact import HUB, Actor, Fact
from setaria.facts.refused import Refused
from setaria.home import commands as c
from setaria.home import facts as f
from setaria.home.permits import FOR_EVER
from setaria.home.sight import Sight
from setaria.home.told import Told
from setaria.rights import Act, Grant, Principal, Role

LINKAGES = """
- id: lamps
  alias: x
  triggers: [{trigger: state, entity_id: lamp/light.on, to: true}]
  actions: [{set: {spot/light.on: true}}]
- id: peeks
  alias: x
  triggers: [{trigger: state, entity_id: lamp/light.on, to: true}]
  conditions: [{condition: template, value_template: "{{ is_state('lock/door.door-state', 1) }}"}]
  actions: [{set: {spot/light.on: true}}]
- id: comes
  alias: x
  triggers: [{trigger: zone, entity_id: member/fang, event: enter}]
  actions: [{set: {spot/light.on: true}}]
- id: reaches
  alias: x
  triggers: [{trigger: state, entity_id: lamp/light.on, to: true}]
  actions: [{set: {far/light.on: true}}]
"""


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = await (await Place(tmp_path / "home").open()).settle_in()
    for number, (thing, model, room) in enumerate(
        [("lamp", LAMP, "living"), ("spot", LAMP, "living"), ("far", LAMP, "door"), ("lock", LOCK, "door")]
    ):
        await place.add(thing, model, str(number), room)
    await place.arrange(c.SaveHelper("openings", "counter", "开门"))
    await place.arrange(c.SaveScene("near", "近", {"lamp/light.on": True, "spot/light.on": True}))
    await place.arrange(c.SaveScene("wide", "远", {"lamp/light.on": True, "far/light.on": True}))
    await place.arrange(c.SaveScene("counted", "数", {"lamp/light.on": True, "helper/openings.count": 0}))
    yield place
    await place.close()


async def lend(place: Place, *acts: Act, **where: object) -> Principal:
    given = {"until": place.clock.now() + DAY, **where}
    await place.arrange(c.GiveGrant("visit", "mei", tuple(map(str, acts)), **given))  # type: ignore[arg-type]
    return place.who("mei")


def ids(found: list[object]) -> set[str]:
    return {each.id for each in found}  # type: ignore[attr-defined]


def seen(place: Place, by: Principal) -> Sight:
    return place.home.sights.of(by)


def program(*acts: Act, rooms: tuple[str, ...] = (), things: tuple[str, ...] = ()) -> Principal:
    grant = Grant(id="g", member="program/p", acts=acts, rooms=rooms, things=things, since=0, by="wei")
    return Principal("program/p", Role.PROGRAM, (grant,))


@pytest.mark.parametrize("member", ["wei", "fang", "xiaoman", "nainai"])
async def test_who_lives_there_sees_all_for_ever(place: Place, member: str) -> None:
    sight = seen(place, place.who(member))
    assert sight.whole
    assert not sight.nothing
    assert sight.until == FOR_EVER
    sights = place.home.sights
    assert ids([*sights.things(sight)]) == {"lamp", "spot", "far", "lock"}
    assert ids([*sights.members(sight)]) == {"wei", "fang", "xiaoman", "nainai", "mei"}
    assert ids([*sights.scenes(place.who(member), sight)]) == {"near", "wide", "counted"}
    assert sight.owner("member/wei")
    assert sight.owner("helper/openings")


async def test_facts_are_for_those_who_may_read_them(place: Place) -> None:
    wei, child = seen(place, place.who("wei")), seen(place, place.who("xiaoman"))
    reading = Fact(b"1" * 16, 1, "thing/lamp", "home", HUB, f.Reading("light.on", True))
    own = Fact(b"2" * 16, 1, "member/xiaoman", "home", HUB, f.PresenceChanged(True, "network"))
    other = Fact(b"3" * 16, 1, "member/wei", "home", HUB, f.PresenceChanged(True, "network"))
    assert [wei.fact(each) for each in (reading, own, other)] == [True] * 3
    assert [child.fact(each) for each in (reading, own, other)] == [False, True, False]


async def test_a_guest_with_nothing_lent_sees_nothing(place: Place) -> None:
    mei = place.who("mei")
    assert seen(place, mei).nothing
    with pytest.raises(Refused) as refused:
        place.home.sights.require(mei)
    assert refused.value.code == "not_allowed"
    with pytest.raises(Refused) as refused:
        place.home.sights.require_thing(mei, "lamp")
    assert refused.value.code == "not_allowed"


@pytest.mark.parametrize("act", [Act.HOME_SEE, Act.THING_CONTROL, Act.CAMERA_WATCH])
async def test_a_guest_sees_the_room_that_was_lent(place: Place, act: Act) -> None:
    mei = await lend(place, act, rooms=("living",))
    sight, sights = seen(place, mei), place.home.sights
    assert not sight.whole
    assert ids([*sights.things(sight)]) == {"lamp", "spot"} == sight.things
    assert ids([*sights.rooms(sight)]) == {"living"}
    assert ids([*sights.members(sight)]) == {"mei"}
    assert sights.helpers(sight) == []
    assert sights.require_thing(mei, "lamp").id == "lamp"
    with pytest.raises(Refused) as refused:
        sights.require_thing(mei, "lock")
    assert (refused.value.code, refused.value.details["id"]) == ("not_found", "lock"), "as if it were not there"
    owners = ["lamp", "far", "member/mei", "member/wei", "helper/openings"]
    assert [sight.owner(each) for each in owners] == [True, False, True, False, False]
    controlled = [] if act is not Act.THING_CONTROL else ["lamp", "spot"]
    assert sights.operable(mei, sights.things(sight)) == controlled
    assert ids([*sights.scenes(mei, sight)]) == ({"near"} if controlled else set())


async def test_a_thing_alone_brings_its_room_along(place: Place) -> None:
    mei = await lend(place, Act.THING_CONTROL, things=("far",))
    sight = seen(place, mei)
    assert [*sight.things, *sight.rooms] == ["far", "door"]


async def test_the_lock_is_not_lent_with_its_room(place: Place) -> None:
    mei = await lend(place, Act.THING_CONTROL, rooms=("door",))
    assert seen(place, mei).things == {"far"}
    mei = await lend(place, Act.THING_CONTROL, Act.THING_SECURE, rooms=("door",))
    assert seen(place, mei).things == {"far", "lock"}
    assert place.home.sights.operable(mei, place.home.structure.things.values()) == ["far", "lock"]


async def test_control_everywhere_shows_things_and_no_people(place: Place) -> None:
    mei = await lend(place, Act.THING_CONTROL)
    sight, sights = seen(place, mei), place.home.sights
    assert not sight.whole
    assert sight.things == {"lamp", "spot", "far"}
    assert ids([*sights.members(sight)]) == {"mei"}
    assert ids([*sights.helpers(sight)]) == {"openings"}
    assert ids([*sights.scenes(mei, sight)]) == {"near", "wide", "counted"}


async def test_the_whole_home_may_be_lent(place: Place) -> None:
    mei = await lend(place, Act.HOME_SEE)
    sight = seen(place, mei)
    assert sight.whole
    assert not sight.facts, "to see is not to read the past"
    assert ids([*place.home.sights.members(sight)]) >= {"wei", "mei"}


async def test_linkages_that_name_nothing_else(place: Place) -> None:
    await place.link(LINKAGES)
    everything = place.home.sights.linkages(place.owner, seen(place, place.owner))
    assert ids([*everything]) == {"lamps", "peeks", "comes", "reaches"}
    mei = await lend(place, Act.THING_CONTROL, rooms=("living",))
    assert ids([*place.home.sights.linkages(mei, seen(place, mei))]) == {"lamps"}
    mei = await lend(place, Act.HOME_SEE, rooms=("living",))
    assert place.home.sights.linkages(mei, seen(place, mei)) == [], "what may not be operated"


async def test_a_lent_room_ends_with_its_time(place: Place) -> None:
    began = place.clock.now()
    mei = await lend(place, Act.HOME_SEE, rooms=("living",), since=began + HOUR, until=began + 2 * HOUR)
    before = seen(place, mei)
    assert before.nothing
    assert before.until == began + HOUR
    place.clock.set(began + HOUR)
    assert not before.good(place.clock.now())
    during = seen(place, mei)
    assert during.things == {"lamp", "spot"}
    assert during.until == began + 2 * HOUR
    assert during.good(place.clock.now())
    assert not during.good(began), "the clock was set back"
    place.clock.set(began + 2 * HOUR)
    after = seen(place, mei)
    assert after.nothing
    assert after.until == place.home.structure.members["mei"].until, "the end of the stay"
    assert not during.shows_as(after)
    assert before.shows_as(after)


async def test_a_window_is_looked_at_each_minute(place: Place) -> None:
    now = place.clock.now()  # Sunday, 17:30
    evening = (6 * 24 * 60 + 17 * 60 + 31, 6 * 24 * 60 + 18 * 60)
    mei = await lend(place, Act.HOME_SEE, rooms=("living",), windows=(evening,))
    sight = seen(place, mei)
    assert sight.nothing
    assert sight.until == now + MINUTE - now % MINUTE
    place.clock.set(sight.until)
    assert seen(place, mei).things == {"lamp", "spot"}


async def test_a_program_reads_what_its_things_tell(place: Place) -> None:
    by = program(Act.HOME_SEE, Act.FACTS_READ, rooms=("living",))
    sight = seen(place, by)
    assert sight.told == {"lamp", "spot"}

    def fact(aggregate: str, actor: Actor) -> Fact:
        return Fact(b"1" * 16, 1, aggregate, "home", actor, f.Reading("light.on", True))

    radio, wei, own = Actor("radio/fake", "thing"), Actor("member/wei", "owner"), Actor("member/program/p", "program")
    assert sight.fact(fact("thing/lamp", radio))
    assert sight.fact(fact("thing/lamp", own))
    assert not sight.fact(fact("thing/lamp", wei)), "who else used it"
    assert not sight.fact(fact("thing/lamp", Actor("linkage/away", "linkage")))
    assert not sight.fact(fact("thing/lock", radio))
    assert not sight.fact(fact("home/home", radio))
    assert not sight.fact(fact("statistics/lamp/20261122", radio))
    assert place.home.sights.require_facts(by, "lamp") == sight
    for thing, code in (("lock", "not_found"), ("nowhere", "not_found")):
        with pytest.raises(Refused) as refused:
            place.home.sights.require_facts(by, thing)
        assert refused.value.code == code
    only = program(Act.HOME_SEE, rooms=("living",))
    assert seen(place, only).told == frozenset()
    with pytest.raises(Refused) as refused:
        place.home.sights.require_facts(only, "lamp")
    assert refused.value.code == "not_allowed"


async def test_what_moves_out_of_a_room_is_out_of_sight(place: Place) -> None:
    mei = await lend(place, Act.HOME_SEE, rooms=("living",))
    await place.arrange(c.ArrangeThing("spot", room="door"))
    assert seen(place, mei).things == {"lamp"}


async def test_everybody_arranges_their_own_tiles(place: Place) -> None:
    await lend(place, Act.HOME_SEE, rooms=("living",))
    for member in ("wei", "xiaoman", "nainai", "mei"):
        await place.arrange(c.ArrangeTiles(("lamp", "gone", "lamp"), ("lamp", "spot"), ("spot", "lamp")), member)
        tiles = place.home.structure.tiles[member]
        assert (tiles.pinned, tiles.hidden, tiles.order) == (("lamp",), ("spot",), ("spot", "lamp"))
    by = program(Act.HOME_SEE)
    refused = await place.refused(place.home.arrange(by, c.ArrangeTiles(("lamp",))))
    assert refused.code == "not_allowed"
    before = place.clock.now() - SECOND
    tiles_of = dict(place.home.structure.tiles)
    await place.crash()
    await place.open()
    assert place.home.structure.tiles == tiles_of
    assert before < place.clock.now()


def test_who_leaves_is_told_no_more() -> None:
    told: Told[int] = Told()
    heard: list[tuple[str, int]] = []
    undo_one = told.add(lambda news: heard.append(("one", news)))

    def two(news: int) -> None:
        heard.append(("two", news))
        undo_one()

    undo_two, undo_again = told.add(two), told.add(two)
    for each in told.all:
        each(1)
    undo_two()
    undo_two()
    for each in told.all:
        each(2)
    undo_again()
    assert told.all == ()
    assert heard == [("one", 1), ("two", 1), ("two", 1), ("two", 2)]
