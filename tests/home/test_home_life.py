"""Scenes, helpers, presence, linkages on a home, and what becomes of them when a thing breaks or goes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.home.home_place import LAMP, LAMP_TOO, LOCK, Place

from setaria.facts.clock import HOUR, MILLISECOND, MINUTE, SECOND
from setaria.facts.refused import Refused
from setaria.home import commands as c
from setaria.home import facts as f
from setaria.home.ports import Act, Value, Write
from setaria.home.presence import AWAY_AFTER

OTHER_LAMP = "cuco.light.sl4a"  # its brightness lies under the number that the first lamp has for another property


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = await Place(tmp_path).open()
    await place.settle_in()
    yield place
    await place.close()


# Scenes.


async def test_a_scene_sets_all_it_names_one_message_a_thing(place: Place) -> None:
    lamp = await place.add("lamp", LAMP, "7")
    hall = await place.add("hall", LAMP, "9")
    await place.arrange(c.SaveHelper("guest", "switch", "x"))
    await place.arrange(c.SaveHelper("openings", "counter", "x", 5))
    await place.arrange(c.SaveHelper("tidy", "timer", "x", 60))
    targets: dict[str, Value] = {
        "lamp/light.on": True,
        "lamp/light.mode": "Ct",
        "hall/light.on": False,
        "helper/guest.on": True,
        "helper/openings.count": 0,
        "helper/tidy.running": True,
    }
    await place.arrange(c.SaveScene("evening", "晚上", targets))
    assert place.home.structure.scenes["evening"].targets["lamp/light.mode"] == 2
    await place.done(place.home.set_scene(place.who("xiaoman"), "evening"))
    await place.run(50 * MILLISECOND)
    assert (lamp.written, hall.written) == ([Write(2, 1, True), Write(2, 5, 2)], [Write(2, 1, False)])
    names = ("helper/guest.on", "helper/openings.count", "helper/tidy.running")
    assert [place.value(each) for each in names] == [True, 0, True]
    assert await place.bodies(f.SceneSet) == [f.SceneSet("evening")]
    assert not await place.bodies(f.CommandEnded), "of what went well nothing is told but what changed"
    await place.arrange(c.SaveScene("calm", "x", {"helper/tidy.running": False}))
    await place.done(place.home.set_scene(place.owner, "calm"))
    assert place.value("helper/tidy.running") is False
    assert (await place.refused(place.home.set_scene(place.owner, "chaos"))).code == "not_found"


@pytest.mark.parametrize(
    ("targets", "code"),
    [
        ({"lamp/light.brightness": 0}, "value_out_of_range"),
        ({"lamp/light.glow": 1}, "unknown_property"),
        ({"air/environment.temperature": 20}, "property_not_writable"),
        ({"toaster/toaster.on": True}, "not_found"),
        ({"helper/guest.count": True}, "not_found"),
        ({"helper/guest.on": 1}, "value_wrong_type"),
        ({"helper/openings.count": True}, "value_wrong_type"),
        ({"helper/openings.count": "3"}, "value_wrong_type"),
    ],
)
async def test_a_scene_that_could_not_be_set_is_not_saved(place: Place, targets: dict[str, Value], code: str) -> None:
    await place.add("lamp", LAMP, "7")
    await place.add("air", "zhimi.airp.mb5", "8")
    await place.arrange(c.SaveHelper("guest", "switch", "x"))
    await place.arrange(c.SaveHelper("openings", "counter", "x"))
    assert (await place.refused(place.home.arrange(place.owner, c.SaveScene("s", "x", targets)))).code == code


async def test_a_scene_with_a_lock_needs_the_right_to_the_lock(place: Place) -> None:
    lamp = await place.add("lamp", LAMP, "7")
    await place.add("lock", LOCK, "8")
    await place.arrange(c.SaveScene("leave", "x", {"lamp/light.on": False, "lock/doorbell.on": True}))
    refused = await place.refused(place.home.set_scene(place.who("xiaoman"), "leave"))
    assert (refused.code, refused.details["act"]) == ("not_allowed", "thing.secure")
    assert not lamp.written, "not even the part that would have been allowed"
    await place.done(place.home.set_scene(place.who("nainai"), "leave"))
    assert lamp.written


async def test_a_scene_passes_over_what_is_gone_and_tells_what_refused(place: Place) -> None:
    lamp = await place.add("lamp", LAMP, "7")
    hall = await place.add("hall", LAMP, "9")
    await place.add("old", LAMP, "10")
    await place.arrange(c.SaveHelper("guest", "switch", "x"))
    await place.arrange(
        c.SaveScene(
            "evening",
            "x",
            {"old/light.on": True, "helper/guest.on": True, "hall/light.on": True, "lamp/light.on": True},
        )
    )
    await place.arrange(c.RemoveThing("old"))
    await place.arrange(c.RemoveHelper("guest"))
    hall.refuses = Refused("device_refused", device_code=-4001)
    await place.done(place.home.set_scene(place.owner, "evening"))
    await place.run(50 * MILLISECOND)
    assert lamp.written == [Write(2, 1, True)]
    [ended] = await place.facts(f.CommandEnded)
    assert isinstance(ended.body, f.CommandEnded)
    assert (ended.aggregate, ended.body.outcome, ended.body.code) == (
        "thing/hall",
        "refused",
        "device_refused:-4001",
    )
    [scene] = await place.facts(f.SceneSet)
    assert bytes.fromhex(ended.body.cause.replace("-", "")) == scene.id


# Helpers.


async def test_switches_and_counters(place: Place) -> None:
    await place.arrange(c.SaveHelper("guest", "switch", "x"))
    await place.arrange(c.SaveHelper("openings", "counter", "x", 5))
    owner, operate = place.owner, place.home.operate_helper

    async def after(helper: str, operation: str, value: Value | None = None) -> Value | None:
        await place.done(operate(owner, helper, operation, value))
        return place.value("helper/guest.on" if helper == "guest" else "helper/openings.count")

    assert place.value("helper/openings.count") == 5
    assert [await after("guest", each) for each in ("toggle", "toggle", "turn_on", "turn_off")] == [
        True,
        False,
        True,
        False,
    ]
    assert await after("guest", "set", True) is True
    assert [await after("openings", each) for each in ("increment", "increment", "decrement", "reset")] == [6, 7, 6, 5]
    assert await after("openings", "increment", 10) == 15
    assert await after("openings", "set", 1 << 60) == 1 << 53
    for helper, operation, value, code in (
        ("tea", "toggle", None, "not_found"),
        ("guest", "increment", None, "helper_operation_unknown"),
        ("guest", "set", 1, "value_wrong_type"),
        ("openings", "set", True, "value_wrong_type"),
        ("openings", "increment", 1.5, "value_wrong_type"),
    ):
        assert (await place.refused(operate(owner, helper, operation, value))).code == code
    assert (await place.refused(operate(place.who("mei"), "guest", "toggle"))).code == "not_allowed"
    assert [each.value for each in await place.bodies(f.HelperSet, aggregate="helper/guest")] == [
        *(True, False) * 2,
        True,
    ]


async def test_a_timer_runs_out_and_says_so(place: Place) -> None:
    await place.arrange(c.SaveHelper("tidy", "timer", "x", 600))
    await place.link(
        "id: done\nalias: x\ntriggers:\n  - {trigger: event, event_type: timer_finished, event_data: {helper: tidy}}\n"
        "actions:\n  - {event: tidied}\n"
    )
    owner, operate = place.owner, place.home.operate_helper
    await place.done(operate(owner, "tidy", "start"))
    await place.run(9 * MINUTE)
    await place.done(operate(owner, "tidy", "start"))  # anew
    await place.run(9 * MINUTE)
    assert place.value("helper/tidy.running") is True
    await place.run(2 * MINUTE)
    assert place.value("helper/tidy.running") is False
    fired = await place.bodies(f.EventFired)
    assert [each.event for each in fired] == ["timer_finished", "tidied"]
    assert fired[0].data == {"helper": "tidy"}
    await place.done(operate(owner, "tidy", "start", 5))
    await place.done(operate(owner, "tidy", "cancel"))
    await place.run(MINUTE)
    assert len(await place.bodies(f.EventFired)) == 2
    for value in (0, -1, True, "long", 1e12):
        assert (await place.refused(operate(owner, "tidy", "start", value))).code == "value_out_of_range"


async def test_a_timer_goes_on_over_a_restart_and_what_ran_out_meanwhile_ends_then(place: Place) -> None:
    for name, seconds in (("short", 60), ("long", 3_600)):
        await place.arrange(c.SaveHelper(name, "timer", "x", seconds))
        await place.done(place.home.operate_helper(place.owner, name, "start"))
    await place.close()
    await place.clock.run(10 * MINUTE)
    await place.open()
    assert place.value("helper/short.running") is True
    await place.run(SECOND)
    assert [place.value(f"helper/{each}.running") for each in ("short", "long")] == [False, True]
    await place.run(49 * MINUTE)
    assert place.value("helper/long.running") is True
    await place.run(MINUTE)
    assert place.value("helper/long.running") is False
    assert [each.data["helper"] for each in await place.bodies(f.EventFired)] == ["short", "long"]


async def test_a_helper_made_anew_under_an_old_name_is_a_new_one(place: Place) -> None:
    await place.arrange(c.SaveHelper("x", "switch", "x"))
    await place.done(place.home.operate_helper(place.owner, "x", "turn_on"))
    await place.arrange(c.RemoveHelper("x"))
    await place.arrange(c.SaveHelper("x", "counter", "x", 4))
    assert place.value("helper/x.count") == 4
    await place.arrange(c.SaveHelper("x", "counter", "x", 9))
    assert place.value("helper/x.count") == 4, "what it counts is not what it starts from"
    await place.close()
    await place.open(use_snapshot=False)
    assert place.value("helper/x.count") == 4


# Presence.


async def test_people_say_who_is_at_home(place: Place) -> None:
    await place.done(place.home.say_presence(place.who("xiaoman"), "xiaoman", True))
    await place.done(place.home.say_presence(place.owner, "nainai", False))
    refused = await place.refused(place.home.say_presence(place.who("xiaoman"), "nainai", True))
    assert (refused.code, refused.details["why"]) == ("not_allowed", "not_own")
    assert (await place.refused(place.home.say_presence(place.owner, "bo", True))).code == "not_found"
    await place.done(place.home.say_presence(place.owner, "xiaoman", True))
    assert await place.bodies(f.PresenceChanged) == [
        f.PresenceChanged(True, "person"),
        f.PresenceChanged(False, "person"),
    ]


async def test_a_phone_that_is_silent_for_long_has_gone(place: Place) -> None:
    answering = {"10.0.0.20"}

    async def probe(address: str) -> bool:
        if address == "broken":
            raise ValueError(address)
        return address in answering

    place.home.presence._probe = probe
    await place.arrange(c.SavePresenceSource("fang", "network", "broken"))
    await place.arrange(c.SavePresenceSource("wei", "network", "10.0.0.20"))
    await place.arrange(c.SavePresenceSource("wei", "network", "10.0.0.21"))
    assert place.value("member/wei.home") is None
    await place.run(MINUTE)
    assert place.value("member/wei.home") is True
    answering.clear()
    await place.run(AWAY_AFTER - MINUTE)
    assert place.value("member/wei.home") is True, "a phone that sleeps does not answer every time"
    await place.run(2 * MINUTE)
    assert place.value("member/wei.home") is False
    answering.add("10.0.0.21")
    await place.run(MINUTE)
    assert place.value("member/wei.home") is True, "one of two phones is enough"
    assert place.value("member/fang.home") is False, "what cannot be asked does not answer"
    told = [fact.body for fact in await place.facts(f.PresenceChanged, aggregate="member/wei")]
    assert told == [f.PresenceChanged(home, "network") for home in (True, False, True)]
    await place.arrange(c.RemoveMember("nainai"))
    assert "member/nainai.home" not in place.home.live.slots


# Linkages, and things that are replaced or go.

EVENING = """
id: evening
alias: x
triggers:
  - {trigger: event, event_type: go}
actions:
  - {action: property.set, target: {entity_id: lamp/light.on}, data: {value: true}}
  - {action: property.set, target: {entity_id: lamp/light.brightness}, data: {value: 60}}
  - delay: "00:02:00"
  - {action: property.set, target: {entity_id: lamp/light.brightness}, data: {value: 5}}
"""


async def go(place: Place, linkage: str = "evening") -> str:
    run = await place.done(place.home.run_linkage(place.owner, linkage))
    await place.run(100 * MILLISECOND)
    return run


async def replace(place: Place, model: str, address: str = "70", thing: str = "lamp") -> Any:
    device = place.radio.device(address, model)
    place.home.give_secret(place.owner, "fake", address, b"k" * 16)
    await place.arrange(c.ReplaceThing(thing, "fake", address, model))
    await place.run(50 * MILLISECOND)
    return device


async def test_a_replaced_thing_keeps_its_place_in_the_home(place: Place) -> None:
    old = await place.add("lamp", LAMP, "7", "living", {"light.on": True, "light.color": 255})
    await place.arrange(c.ArrangeThing("lamp", "大灯", labels=("night",)))
    await place.link(EVENING)
    await place.arrange(c.SaveScene("s", "x", {"lamp/light.on": True}))
    before = place.home.structure.things["lamp"]
    new = await replace(place, LAMP_TOO)
    thing = place.home.structure.things["lamp"]
    assert (thing.name, thing.room, thing.labels, thing.added) == (
        before.name,
        before.room,
        before.labels,
        before.added,
    )
    live = place.home.live.things["lamp"]
    assert (live.reachable, live.spec.model) == (True, LAMP_TOO)
    assert place.value("lamp/light.on") is None, "what the broken one last said is not true of the new one"
    assert "lamp/light.color" not in place.home.live.slots
    readings = await place.bodies(f.Reading, aggregate="thing/lamp")
    assert {each.property for each in readings} == {"light.on", "light.color"}, "its history stays"
    await go(place)
    assert new.written == [Write(2, 1, True), Write(2, 2, 60)]
    assert not old.written
    assert place.radio.followed["lamp"].address == "70"


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_linkage_follows_the_property_to_where_the_new_model_has_it(place: Place, restarted: bool) -> None:
    await place.add("lamp", LAMP, "7")
    await place.link(EVENING)
    new = await replace(place, OTHER_LAMP)
    if restarted:
        await place.close()
        await place.open()
        await place.run(50 * MILLISECOND)
    await go(place)
    assert new.written == [Write(2, 1, True), Write(2, 3, 60)]
    assert not place.home.unbound


async def test_a_run_under_way_does_not_write_the_old_numbers_to_a_new_model(place: Place) -> None:
    await place.add("lamp", LAMP, "7")
    await place.link(EVENING)
    await go(place)
    new = await replace(place, OTHER_LAMP)
    await place.run(3 * MINUTE)
    assert all(each == Write(2, 3, 5) for each in new.written), new.written


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_the_new_model_does_not_have_is_not_sent_and_told(place: Place, restarted: bool) -> None:
    await place.add("lamp", LAMP, "7")
    await place.link(
        "id: evening\nalias: x\ntriggers:\n  - {trigger: event, event_type: go}\n"
        "actions:\n  - {action: property.set, target: {entity_id: lamp/light.color}, data: {value: 255}}\n"
    )
    new = await replace(place, LAMP_TOO)  # under the number of the colour it has whether to come on by itself
    if restarted:
        await place.close()
        await place.open()
        await place.run(50 * MILLISECOND)
    assert place.home.unbound == {"evening": ("lamp/light.color",)}
    run = await go(place)
    assert not new.written
    [ended] = await place.bodies(f.CommandEnded)
    assert (ended.cause, ended.outcome, ended.code) == (run, "refused", "unknown_property")
    await replace(place, LAMP, "71")
    assert not place.home.unbound
    await go(place)
    assert place.radio.devices["71"].written == [Write(2, 4, 255)]


async def test_actions_are_bound_anew_too(place: Place) -> None:
    await place.add("lamp", LAMP_TOO, "7")
    await place.link(
        "id: evening\nalias: x\ntriggers:\n  - {trigger: event, event_type: go}\n"
        "actions:\n  - {action: thing.act, target: {entity_id: lamp/light.toggle}}\n"
    )
    await go(place)
    assert place.radio.devices["7"].acted == [Act(2, 1)]
    new = await replace(place, LAMP)
    assert place.home.unbound == {"evening": ("lamp/light.toggle",)}
    await go(place)
    assert not new.acted
    assert "unknown_action" in [each.code for each in await place.bodies(f.CommandEnded)]
    again = await replace(place, LAMP_TOO, "71")
    await go(place)
    assert again.acted == [Act(2, 1)]
    assert not place.home.unbound


async def test_a_value_the_new_model_does_not_take_is_not_sent(place: Place) -> None:
    await place.add("lamp", LAMP, "7")
    await place.link(
        "id: evening\nalias: x\ntriggers:\n  - {trigger: event, event_type: go}\n"
        "actions:\n  - {action: property.set, target: {entity_id: lamp/light.mode}, data: {value: Color}}\n"
    )
    await place.arrange(c.SaveScene("s", "x", {"lamp/light.mode": "Color", "lamp/light.on": True}))
    new = await replace(place, LAMP_TOO)
    await go(place)
    assert not new.written
    await place.done(place.home.set_scene(place.owner, "s"))
    assert new.written == [Write(2, 1, True)]
    assert [each.code for each in await place.bodies(f.CommandEnded)] == ["value_not_in_list"] * 2


async def test_a_removed_thing_leaves_linkages_and_scenes_that_harm_nobody(place: Place) -> None:
    await place.add("lamp", LAMP, "7")
    await place.add("hall", LAMP, "9")
    await place.link(EVENING)
    await place.link(
        "id: follow\nalias: x\ntriggers:\n  - {trigger: state, entity_id: lamp/light.on, to: true}\n"
        "actions:\n  - {action: property.set, target: {entity_id: hall/light.on}, data: {value: true}}\n"
    )
    await place.arrange(c.RemoveThing("lamp"))
    await go(place)
    assert [each.outcome for each in await place.bodies(f.CommandEnded)] == ["unreachable"] * 2
    await place.run(3 * MINUTE)
    place.radio.device("8", LAMP, {(2, 1): False})
    await place.arrange(c.AddThing("fake", "8", LAMP, "lamp"))
    place.home.give_secret(place.owner, "fake", "8", b"k" * 16)
    await place.run(SECOND)
    place.radio.push("8", {(2, 1): True})
    await place.run(SECOND)
    assert place.radio.devices["9"].written == [Write(2, 1, True)], "another lamp by that name takes its place"


async def test_a_linkage_acts_in_its_authors_rights_as_they_are_now(place: Place) -> None:
    lamp = await place.add("lamp", LAMP, "7")
    await place.link(
        "id: x\nalias: x\ntriggers:\n  - {trigger: event, event_type: go}\n"
        "actions:\n  - {action: property.set, target: {entity_id: lamp/light.on}, data: {value: true}}\n",
        by="fang",
    )
    await go(place, "x")
    assert len(lamp.written) == 1
    await place.arrange(c.SaveMember("fang", "x", "guest", place.clock.now() + HOUR))
    await go(place, "x")
    assert len(lamp.written) == 1
    await place.arrange(c.GiveGrant("g", "fang", ("thing.control",)))
    await go(place, "x")
    assert len(lamp.written) == 2
    await place.clock.run(HOUR)
    await go(place, "x")
    assert len(lamp.written) == 2
    outcomes = [each.outcome for each in await place.bodies(f.RunEnded)]
    assert outcomes == ["done", "failed", "done", "failed"]


async def test_a_service_of_a_thing_that_is_gone_fails_alone(place: Place) -> None:
    """The state that set it off is seen all the same, and by the other linkages too."""
    await place.add("lamp", LAMP, "7", values={"light.on": False})
    await place.add("hall", LAMP, "9")
    await place.add("old", LAMP, "10")
    trigger = "triggers: [{trigger: state, entity_id: lamp/light.on, to: true}]"
    await place.link(
        f"- id: first\n  alias: x\n  {trigger}\n  actions: [{{action: light.turn_on, target: {{entity_id: old}}}}]\n"
        f"- id: second\n  alias: x\n  {trigger}\n  actions: [{{action: light.turn_on, target: {{entity_id: hall}}}}]\n"
    )
    await place.arrange(c.RemoveThing("old"))
    place.radio.push("7", {(2, 1): True})
    await place.run(SECOND)
    assert place.value("lamp/light.on") is True
    assert place.radio.devices["9"].written == [Write(2, 1, True)]
    outcomes = {fact.aggregate: fact.body for fact in await place.facts(f.RunEnded)}
    assert {name: getattr(body, "outcome", "") for name, body in outcomes.items()} == {
        "linkage/first": "failed",
        "linkage/second": "done",
    }


async def test_what_began_before_the_date_was_known_goes_on_once(place: Place) -> None:
    lamp = await place.add("lamp", LAMP, "7")
    await place.link(EVENING)
    await place.close()
    real = place.clock.now()
    place.clock.set(real - 30 * HOUR, trusted=False)
    await place.open()
    await place.run(SECOND)
    await go(place)
    lamp.written.clear()
    place.clock.set(real)
    await place.run(10 * MINUTE)
    assert lamp.written == [Write(2, 2, 5)]
