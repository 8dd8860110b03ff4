"""A home with things: what is found, seen, wished for, allowed and answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest
from tests.home.home_place import LAMP, LAMP_TOO, LOCK, Place

from setaria.facts.clock import DAY, HOUR, MILLISECOND, SECOND
from setaria.facts.refused import Refused
from setaria.facts.secrets import SecretStore
from setaria.home import commands as c
from setaria.home import facts as f
from setaria.home.ports import Act, Done, Found, Value, Write

PURIFIER = "zhimi.airp.mb5"
VACUUM = "dreame.vacuum.p2009"


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = await Place(tmp_path).open()
    await place.settle_in()
    yield place
    await place.close()


# Finding and adding.


async def test_a_thing_is_found_given_its_token_added_and_reached(place: Place) -> None:
    heard: list[Found] = []
    place.home.following.on_found(heard.append)
    place.radio.device("7", LAMP, {(2, 1): True, (2, 2): 40})
    place.radio.show("7")
    assert [(each.needs, each.model) for each in place.home.finding.all()] == [("token", "")]
    place.home.give_secret(place.owner, "fake", "7", b"k" * 16)
    await place.run(50 * MILLISECOND)
    assert [(each.needs, each.model) for each in heard] == [("token", ""), ("", LAMP)]
    await place.arrange(c.AddThing("fake", "7", LAMP, room="living"))
    assert place.home.structure.things["living_light"].name == "living light"
    assert not place.home.finding.all()
    await place.run(50 * MILLISECOND)
    assert place.value("living_light/light.on") is True
    assert place.value("living_light/light.brightness") == 40
    live = place.home.live.things["living_light"]
    assert (live.reachable, live.location) == (True, "10.0.0.7")
    assert place.radio.followed["living_light"].location == "10.0.0.7"
    assert await place.bodies(f.ThingReached, f.ThingLocated) == [f.ThingLocated("10.0.0.7"), f.ThingReached()]


async def test_a_reset_thing_brings_its_own_token_which_nobody_is_shown(place: Place) -> None:
    heard: list[Found] = []
    place.home.following.on_found(heard.append)
    place.radio.device("7", LAMP)
    place.radio.show("7", secret=b"k" * 16)
    assert place.secret("7") == b"k" * 16
    assert {each.secret for each in (*heard, *place.home.finding.all())} == {b""}


async def test_a_thing_without_its_token_is_lost_until_it_is_given(place: Place) -> None:
    place.radio.device("7", LAMP, {(2, 1): True})
    place.radio.show("7")
    await place.arrange(c.AddThing("fake", "7", LAMP, "lamp"))
    live = place.home.live.things["lamp"]
    assert (live.reachable, live.reason) == (False, "token_missing")
    assert "lamp" not in place.radio.followed
    place.home.give_secret(place.owner, "fake", "7", b"wrong" * 3)
    await place.run(50 * MILLISECOND)
    assert (live.reachable, live.reason) == (False, "wrong_token")
    place.home.give_secret(place.owner, "fake", "7", b"k" * 16)
    await place.run(50 * MILLISECOND)
    assert (live.reachable, place.value("lamp/light.on")) == (True, True)
    assert live.location == "10.0.0.7", "where it was found was not forgotten for want of a token"
    assert await place.bodies(f.ThingLost) == [f.ThingLost("token_missing"), f.ThingLost("wrong_token")]


async def test_a_thing_that_its_radio_will_not_follow_keeps_no_other_from_it(place: Place) -> None:
    place.home.give_secret(place.owner, "fake", "bad", b"x")
    place.radio.refuses_to_follow = Refused("miio_address_invalid", address="bad")
    await place.arrange(c.AddThing("fake", "bad", LAMP, "odd"))
    assert place.home.live.things["odd"].reason == "miio_address_invalid"
    place.radio.refuses_to_follow = None
    await place.add("lamp", LAMP, "7")
    assert place.home.live.things["lamp"].reachable


async def test_one_damaged_secret_costs_one_thing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await place.add("lamp", LAMP, "7")
    await place.add("hall", LAMP, "9")
    await place.close()
    read = SecretStore.get

    def get(store: SecretStore, name: str) -> bytes | None:
        if name == "fake/7/token":
            raise Refused("secret_damaged", name=name)
        return read(store, name)

    monkeypatch.setattr(SecretStore, "get", get)
    await place.open()
    await place.run(50 * MILLISECOND)
    things = place.home.live.things
    assert (things["lamp"].reason, things["hall"].reachable) == ("secret_damaged", True)


async def test_the_device_that_was_replaced_is_heard_no_more(place: Place) -> None:
    await place.add("lamp", LAMP, "7", values={"light.brightness": 40})
    await place.arrange(c.ReplaceThing("lamp", "fake", "8", LAMP_TOO))
    place.radio.push("7", {(2, 2): 90})
    assert place.value("lamp/light.brightness") is None
    assert place.home.live.things["lamp"].reason == "token_missing"


async def test_what_no_radio_speaks_or_no_spec_describes_is_kept_and_lost(place: Place) -> None:
    await place.arrange(c.AddThing("smoke", "1", LAMP, "lamp"))
    await place.arrange(c.AddThing("fake", "2", "nobody.knows.it", "riddle"))
    assert place.home.live.things["lamp"].reason == "no_radio"
    assert "riddle" in place.home.structure.things
    refused = await place.refused(place.home.write(place.owner, "riddle", {"light.on": True}))
    assert refused.code == "spec_unknown"
    refused = await place.refused(place.home.write(place.owner, "lamp", {"light.on": True}))
    assert (refused.code, refused.details["why"]) == ("thing_unreachable", "no_radio")


async def test_a_removed_thing_is_forgotten_by_its_radio_and_can_be_added_again(place: Place) -> None:
    device = await place.add("lamp", LAMP, "7", values={"light.on": True})
    await place.arrange(c.RemoveThing("lamp"))
    assert place.radio.forgotten[-1] == "lamp"
    assert "lamp" not in place.radio.followed
    assert "lamp/light.on" not in place.home.live.slots
    place.radio.show("7")
    await place.run(50 * MILLISECOND)
    assert [each.address for each in place.home.finding.all()] == ["7"]
    device.values.clear()
    await place.arrange(c.AddThing("fake", "7", LAMP, "lamp"))
    await place.run(50 * MILLISECOND)
    assert place.value("lamp/light.on") is None, "it is another thing now, of which nothing is known"


# Seeing.


async def test_only_changes_are_facts_and_small_ones_are_none(place: Place) -> None:
    await place.add("air", PURIFIER, "7")
    changes = (21.0, 21.0, 21.04, 21.05, 21.2)
    for value in changes:
        place.radio.push("7", {(3, 7): value})
    assert place.value("air/environment.temperature") == 21.2
    readings = [each for each in await place.bodies(f.Reading) if each.property == "environment.temperature"]
    assert [each.value for each in readings] == [21.0, 21.2]
    place.radio.push("7", {(3, 7): 21.24})
    assert place.value("air/environment.temperature") == 21.24, "what is shown is what is"
    place.radio.push("7", {(99, 1): 5, (3, 7): "warm"})
    assert place.value("air/environment.temperature") == 21.24


async def test_an_event_is_a_fact_with_its_arguments_by_name(place: Place) -> None:
    await place.add("vacuum", VACUUM, "7")
    place.radio.happen("7", 4, 1, [(2, 31), (3, 22)])
    place.radio.happen("7", 99, 99)
    assert await place.bodies(f.Happened) == [
        f.Happened("vacuum-extend.cleanup-completed", {"cleaning-time": 31, "cleaning-area": 22})
    ]


# Writing and acting.


async def test_a_wish_is_taken_down_sent_and_answered(place: Place) -> None:
    device = await place.add("lamp", LAMP, "7")
    await place.done(place.home.write(place.who("xiaoman"), "lamp", {"light.on": True, "light.mode": "Ct"}))
    assert device.written == [Write(2, 1, True), Write(2, 5, 2)]
    assert place.value("lamp/light.mode") == 2, "what it said yes to it has"
    given, ended = await place.facts(f.CommandGiven, f.CommandEnded)
    assert given.body == f.CommandGiven({"light.on": True, "light.mode": 2})
    assert (given.actor.who, given.actor.role) == ("member/xiaoman", "child")
    assert isinstance(ended.body, f.CommandEnded)
    assert (ended.body.outcome, ended.body.took >= 20 * MILLISECOND) == ("done", True)
    assert bytes.fromhex(ended.body.cause.replace("-", "")) == given.id


async def test_an_action_takes_its_arguments_by_name_and_gives_its_results(place: Place) -> None:
    device = await place.add("lamp", LAMP_TOO, "7")
    device.results = (3,)
    home, owner = place.home, place.owner
    for name in ("yl-light.delay-time", "delay-time"):
        done = await place.done(home.act(owner, "lamp", "yl-light.delay-off", {name: 5}))
        assert done == Done((3,))
    assert device.acted == [Act(3, 2, ((2, 5),))] * 2
    assert (await place.bodies(f.CommandGiven))[0] == f.CommandGiven({}, "yl-light.delay-off", {"2": 5})
    for arguments, code in (
        ({}, "argument_missing"),
        ({"delay-time": 61}, "value_out_of_range"),
        ({"delay-time": 5, "colour": 1}, "argument_unknown"),
    ):
        assert (await place.refused(home.act(owner, "lamp", "yl-light.delay-off", arguments))).code == code
    assert (await place.refused(home.act(owner, "lamp", "yl-light.sing"))).code == "unknown_action"


@pytest.mark.parametrize(
    ("writes", "code"),
    [
        ({}, "writes_unusable"),
        ({f"light.p{n}": 1 for n in range(51)}, "writes_unusable"),
        ({"light.glow": 1}, "unknown_property"),
        ({"light.on": "maybe"}, "value_wrong_type"),
        ({"light.brightness": 101}, "value_out_of_range"),
        ({"light.mode": 9}, "value_not_in_list"),
        ({"light.mode": "Disco"}, "value_not_in_list"),
    ],
)
async def test_what_a_thing_cannot_take_is_not_even_sent(place: Place, writes: dict[str, Value], code: str) -> None:
    device = await place.add("lamp", LAMP, "7")
    assert (await place.refused(place.home.write(place.owner, "lamp", writes))).code == code
    assert not device.written
    assert not await place.bodies(f.CommandGiven)


async def test_what_can_only_be_read_is_not_written(place: Place) -> None:
    await place.add("air", PURIFIER, "7")
    refused = await place.refused(place.home.write(place.owner, "air", {"environment.temperature": 20}))
    assert refused.code == "property_not_writable"
    refused = await place.refused(place.home.write(place.owner, "toaster", {"light.on": True}))
    assert refused.code == "not_found"


async def test_what_a_thing_refuses_and_what_it_never_answers_is_told_apart(place: Place) -> None:
    device = await place.add("lamp", LAMP, "7", values={"light.on": False})
    device.refuses = Refused("device_refused", device_code=-4005)
    refused = await place.refused(place.home.write(place.owner, "lamp", {"light.on": True}))
    assert refused == Refused("device_refused", device_code=-4005)
    device.refuses, device.silent = None, True
    refused = await place.refused(place.home.write(place.owner, "lamp", {"light.on": True}))
    assert refused == Refused("thing_unreachable", thing="lamp", why="no_answer")
    assert place.value("lamp/light.on") is False
    told = [(each.outcome, each.code) for each in await place.bodies(f.CommandEnded)]
    assert told == [("refused", "device_refused:-4005"), ("unreachable", "no_answer")]


def toggle(place: Place, command_id: str = "") -> Coroutine[Any, Any, Done]:
    return place.home.act(place.owner, "lamp", "light.toggle", command_id=command_id)


async def test_the_same_command_id_is_sent_once_and_gets_the_same_answer(place: Place) -> None:
    device = await place.add("lamp", LAMP_TOO, "7")
    both = await place.done(asyncio.gather(toggle(place, "tap-1"), toggle(place, "tap-1")))
    again = await place.done(toggle(place, "tap-1"))
    assert [*both, again] == [Done()] * 3
    assert device.acted == [Act(2, 1)]
    for tap in ("tap-2", "", ""):
        await place.done(toggle(place, tap))
    assert len(device.acted) == 4
    assert len(await place.bodies(f.CommandEnded)) == 4


async def test_a_refusal_by_the_thing_is_the_answer_to_the_same_id_too(place: Place) -> None:
    device = await place.add("lamp", LAMP, "7")
    device.refuses = Refused("device_refused", device_code=-4005)
    for _ in range(2):
        refused = await place.refused(place.home.write(place.owner, "lamp", {"light.on": True}, "tap"))
        assert refused.code == "device_refused"
    assert len(device.written) == 1


async def test_a_command_id_of_before_a_restart_gets_its_answer_and_is_not_sent_again(place: Place) -> None:
    device = await place.add("lamp", LAMP_TOO, "7")
    outcomes = {"done": None, "refused": Refused("device_refused", device_code=-4005)}
    for tap, refusal in outcomes.items():
        device.refuses = refusal
        await place.done(asyncio.gather(toggle(place, tap), return_exceptions=True))
    device.refuses = None
    await place.close()
    await place.open()
    await place.run(50 * MILLISECOND)
    assert await place.done(toggle(place, "done")) == Done()
    assert await place.refused(toggle(place, "refused")) == outcomes["refused"]
    assert len(device.acted) == 2


async def test_of_a_command_whose_end_nobody_knows_nothing_is_claimed(place: Place) -> None:
    device = await place.add("lamp", LAMP_TOO, "7")
    device.silent = True
    asking = asyncio.ensure_future(toggle(place, "tap"))
    while not device.acted:
        await place.run(10 * MILLISECOND)
    await place.crash()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await place.open()
    refused = await place.refused(toggle(place, "tap"))
    assert (refused.code, refused.details["why"]) == ("thing_unreachable", "asked_before")
    assert len(device.acted) == 1


async def test_who_stops_waiting_stops_nothing(place: Place) -> None:
    device = await place.add("lamp", LAMP, "7")
    device.takes = 3 * SECOND
    asking = asyncio.ensure_future(place.home.write(place.owner, "lamp", {"light.on": True}, "tap"))
    while not device.written:
        await place.run(10 * MILLISECOND)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await place.run(4 * SECOND)
    assert [each.outcome for each in await place.bodies(f.CommandEnded)] == ["done"]
    assert place.value("lamp/light.on") is True
    assert await place.done(place.home.write(place.owner, "lamp", {"light.on": True}, "tap")) == Done()
    assert len(device.written) == 1


# Who may.


async def test_a_child_cannot_open_what_guards_the_home(place: Place) -> None:
    device = await place.add("lock", LOCK, "8", "door")
    assert place.home.arranged.secure("lock")
    for member in ("xiaoman", "mei"):
        refused = await place.refused(place.home.write(place.who(member), "lock", {"doorbell.on": True}))
        assert (refused.code, refused.details["act"]) == ("not_allowed", "thing.secure")
    assert not device.written
    for member in ("wei", "fang", "nainai"):
        await place.done(place.home.write(place.who(member), "lock", {"doorbell.on": True}))
    assert len(device.written) == 3


async def test_an_elder_controls_and_does_not_arrange(place: Place) -> None:
    await place.add("lamp", LAMP, "7")
    nainai = place.who("nainai")
    await place.done(place.home.write(nainai, "lamp", {"light.on": True}))
    for command in (
        c.ArrangeThing("lamp", name="mine"),
        c.SaveRoom("x", "x"),
        c.SaveScene("x", "x", {"lamp/light.on": True}),
        c.SaveMember("xiaoman", "x", "adult"),
        c.SaveMember("nainai", "x", "owner"),
        c.GiveGrant("g", "mei", ("thing.control",)),
        c.DescribeHousehold("x"),
    ):
        assert (await place.refused(place.home.arrange(nainai, command))).code == "not_allowed"
    await place.arrange(c.SaveMember("nainai", "李奶奶", "elder"), by="nainai")
    assert place.home.structure.members["nainai"].name == "李奶奶", "one's own name is one's own"


async def test_a_guest_may_what_was_lent_where_and_when_until_it_ends(place: Place) -> None:
    await place.add("lamp", LAMP, "7", "living")
    await place.add("hall", LAMP, "9", "door")
    on: dict[str, Value] = {"light.on": True}
    assert (await place.refused(place.home.write(place.who("mei"), "lamp", on))).code == "not_allowed"
    evening = (6 * 1440 + 17 * 60, 6 * 1440 + 19 * 60)  # Sunday, 17:00 to 19:00; now it is 17:30
    await place.arrange(
        c.GiveGrant("visit", "mei", ("thing.control",), ("living",), until=place.clock.now() + DAY, windows=(evening,))
    )
    await place.done(place.home.write(place.who("mei"), "lamp", on))
    assert (await place.refused(place.home.write(place.who("mei"), "hall", on))).code == "not_allowed"
    await place.clock.run(2 * HOUR)
    assert (await place.refused(place.home.write(place.who("mei"), "lamp", on))).code == "not_allowed"
    await place.arrange(c.GiveGrant("visit", "mei", ("thing.control",), ("living",), until=place.clock.now() + HOUR))
    await place.done(place.home.write(place.who("mei"), "lamp", on))
    await place.clock.run(HOUR)
    assert (await place.refused(place.home.write(place.who("mei"), "lamp", on))).code == "not_allowed"
    await place.arrange(c.GiveGrant("visit", "mei", ("thing.control",)))
    await place.done(place.home.write(place.who("mei"), "lamp", on))
    await place.clock.run(46 * HOUR)
    assert place.home.permits.principal("mei") is None, "the visit is over"


async def test_nobody_gives_what_is_not_theirs(place: Place) -> None:
    fang = place.who("fang")
    refused = await place.refused(place.home.arrange(fang, c.GiveGrant("g", "fang", ("backup",))))
    assert refused.code == "not_allowed"
    await place.arrange(c.GiveGrant("g", "fang", ("backup",)))
    assert place.home.structure.grants["g"].by == "wei"
    refused = await place.refused(place.home.arrange(place.owner, c.GiveGrant("h", "fang", ("thing.eat",))))
    assert refused.code == "grant_acts_unknown"


async def test_one_writes_linkages_in_ones_own_name_only(place: Place) -> None:
    await place.add("lamp", LAMP, "7")
    text = "id: x\nalias: x\ntriggers:\n  - {trigger: time, at: '20:00'}\nactions:\n  - {event: evening}\n"
    [rule] = place.rules(text)
    assert (
        await place.refused(place.home.arrange(place.who("fang"), c.SaveLinkage(rule, "wei")))
    ).code == "not_allowed"
    assert (
        await place.refused(place.home.arrange(place.who("xiaoman"), c.SaveLinkage(rule, "xiaoman")))
    ).code == "not_allowed"
    await place.arrange(c.SaveLinkage(rule, "fang"), by="fang")
    assert place.home.engine.armed["x"].author == "fang"


async def test_what_was_arranged_is_there_when_the_answer_comes(place: Place) -> None:
    await place.close()
    await place.open()
    await place.arrange(c.SaveRoom("study", "书房"))
    assert "study" in place.home.structure.rooms
    for number in range(5):
        await place.arrange(c.SaveRoom(f"room_{number}", "x"), command_id=f"c{number}")
        assert f"room_{number}" in place.home.structure.rooms
    await place.arrange(c.RemoveRoom("room_0"))
    await place.arrange(c.SaveRoom("room_0", "x"), command_id="c0")
    assert "room_0" not in place.home.structure.rooms, "the answer given before, not the deed once more"


async def test_a_linkage_with_a_lock_is_not_run_for_a_child(place: Place) -> None:
    lock = await place.add("lock", LOCK, "8", "door")
    await place.arrange(c.SaveScene("ring", "x", {"lock/doorbell.on": True}))
    head = "alias: x, triggers: [{trigger: event, event_type: go}]"
    bell = "{action: property.set, target: {entity_id: lock/doorbell.on}, data: {value: true}}"
    await place.link(
        f"- {{id: direct, {head}, actions: [{bell}]}}\n"
        f"- {{id: inside, {head}, actions: [{{if: [], then: [{bell}]}}]}}\n"
        f"- {{id: scene, {head}, actions: [{{scene: scene.ring}}]}}\n"
        f"- {{id: harmless, {head}, actions: [{{event: rung}}]}}\n"
    )
    for linkage in ("direct", "inside", "scene"):
        refused = await place.refused(place.home.run_linkage(place.who("xiaoman"), linkage))
        assert (refused.code, refused.details["act"]) == ("not_allowed", "thing.secure")
        await place.done(place.home.run_linkage(place.who("nainai"), linkage))
    assert len(lock.written) == 3
    await place.done(place.home.run_linkage(place.who("xiaoman"), "harmless"))
