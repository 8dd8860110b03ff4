"""Devices that come, change, go and come again; who may say what; what a broker's absence means."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.radio.mqtt.mqtt_bench import JSON_LAMP, Bench

from setaria.facts.refused import Refused
from setaria.home.ports import Act, Done, Outcome, Unreachable
from setaria.radio.mqtt import registry, tasmota
from setaria.radio.mqtt.abbreviations import DEVICE, expand, long_names
from setaria.radio.mqtt.announcing import LARGEST_PAYLOAD
from setaria.radio.mqtt.orders import MOST_OF_A_THING
from setaria.radio.mqtt.topics import covers

DEV = {"identifiers": ["d1"], "name": "Lamp 灯"}


def switch(key: str, **more: Any) -> dict[str, Any]:
    return {
        "unique_id": key,
        "device": DEV,
        "name": key,
        "state_topic": f"s/{key}",
        "command_topic": f"s/{key}/set",
        **more,
    }


def codes(home: Bench) -> list[str]:
    return [each.code for each in home.radio.findings]


async def test_what_is_found_tells_what_it_is() -> None:
    home = await Bench().start()
    assert "homeassistant/+/+/config" in home.link.subscribed
    assert ("homeassistant/status", "online", 0, False) in home.link.sent
    home.announce("light", "l", {**JSON_LAMP, "device": {**DEV, "suggested_area": "客厅"}})
    home.settle()
    found = home.found("d1")
    assert (found.radio, found.name, found.location, found.needs) == ("mqtt", "Lamp 灯", "客厅", "")
    assert found.model.startswith("setaria.light.")
    assert json.loads(found.spec)["type"].startswith("urn:setaria-spec:device:light:")
    assert "z/客厅 lamp" not in home.link.subscribed  # nobody follows it
    home.follow("d1")
    assert "z/客厅 lamp" in home.link.subscribed


async def test_the_device_form_with_short_names_and_a_base() -> None:
    home = await Bench().start()
    home.announce(
        "device",
        "d",
        {
            "~": "kitchen",
            "dev": {"ids": "d1", "name": "Kitchen", "mf": "Bla"},
            "o": {"name": "bla2mqtt"},
            "avty_t": "~/status",
            "stat_t": "~/state",
            "cmps": {
                "one": {
                    "p": "sensor",
                    "dev_cla": "temperature",
                    "unit_of_meas": "°C",
                    "val_tpl": "{{ value_json.t }}",
                    "uniq_id": "t",
                },
                "two": {"p": "switch", "cmd_t": "~/set", "val_tpl": "{{ value_json.s }}", "uniq_id": "s"},
                "three": {"p": "camera", "uniq_id": "c", "topic": "x"},
                "gone": {"p": "sensor"},
            },
        },
    )
    home.settle()
    home.follow("d1")
    home.settle()
    assert home.home.reach == {"thing": "offline"}
    home.link.say("kitchen/status", "online")
    home.link.say("kitchen/state", {"t": 19, "s": "ON"})
    assert home.home.reach == {"thing": "reached"}
    assert (home.value("environment.temperature"), home.value("switch.on")) == (19, True)
    assert codes(home) == ["mqtt_component_unknown"]


def test_every_short_name_is_long_somewhere_and_none_hides_another() -> None:
    names = long_names()
    for short, long in {
        "bri_cmd_t": "brightness_command_topic",
        "clr_temp_val_tpl": "color_temp_value_template",
        "pr_mode_cmd_t": "preset_mode_command_topic",
        "hum_stat_t": "target_humidity_state_topic",
        "set_pos_tpl": "set_position_template",
        "tilt_status_t": "tilt_status_topic",
        "whit_scl": "white_scale",
        "avty": "availability",
        "evt_typ": "event_types",
        "stype": "subtype",
    }.items():
        assert names[short] == long
    # a key that is long already must never be taken for a short one of another
    assert all(names[key] == key for key in set(names) & set(names.values()))
    assert expand({"ids": 1, "name": 2}, DEVICE) == {"identifiers": 1, "name": 2}
    assert expand({"cmd_t": "short", "command_topic": "long"}, names) == {"command_topic": "long"}


async def test_ids_stay_whatever_a_device_gains_loses_or_reorders() -> None:
    home = await Bench().start()
    for key in ("b", "a"):
        home.announce("switch", key, switch(key))
    home.settle()
    spec = home.follow("d1")
    before = {prop.description or prop.address: (prop.siid, prop.piid) for prop in spec.properties()}
    first = {service.description: (service.siid, service.address) for service in spec.services}
    home.announce("light", "l", {**JSON_LAMP, "device": DEV})
    home.announce("select", "o", switch("o", name="Options", options=["x", "y"]))
    home.announce("switch", "b", "")
    home.settle(10_000)
    lost = home.follow("d1")
    assert lost.find_property("switch#2.on").siid == first["a"][0]  # the place of the other is kept
    home.announce("select", "o", switch("o", name="Options", options=["z", "y", "x"]))
    home.announce("switch", "b", switch("b"))
    home.settle(60_000)
    again = home.follow("d1")
    assert {each.description: (each.siid, each.address) for each in again.services if each.name == "switch"} == first
    assert {prop.address: (prop.siid, prop.piid) for prop in again.properties()}.items() >= {
        (prop.address, (prop.siid, prop.piid)) for prop in spec.properties()
    }
    assert before
    assert dict(again.find_property("settings.options").values) == {0: "x", 1: "y", 2: "z"}


async def test_it_all_holds_from_what_was_kept_without_the_broker() -> None:
    home = await Bench().start()
    for key in ("b", "a"):
        home.announce("switch", key, switch(key))
    home.settle()
    kept = home.found("d1").spec
    later = Bench()
    await later.radio.start(later.home)
    later.follow("d1", spec=kept)
    assert later.home.all_found == []  # nothing new is told
    assert later.write({"switch.on": True}) == []
    later.link.connect()
    assert later.home.reach == {"thing": "reached"}
    later.sent()
    later.write({"switch.on": True})
    assert later.sent() == [("s/b/set", "ON")]
    for key in ("a", "b"):  # announced again, in another order: nothing has changed
        later.announce("switch", key, switch(key))
    later.settle()
    assert later.home.all_found == []


async def test_doubled_late_and_migrated_announcements() -> None:
    home = await Bench().start()
    home.announce("switch", "one", switch("u"))
    home.announce("switch", "one", switch("u"))
    home.announce("switch", "other", switch("u", command_topic="elsewhere"))
    home.settle()
    spec = home.follow("d1")
    assert [each.address for each in spec.services] == ["switch"]
    assert codes(home) == ["mqtt_entity_doubled"]
    found = len(home.home.all_found)
    home.announce("switch", "other", "")  # it was never theirs
    home.settle()
    assert home.home.reach == {"thing": "reached"}
    home.announce("switch", "one", {"migrate_discovery": True})
    whole = {"dev": DEV, "o": {"name": "x"}, "cmps": {"s": {"p": "switch", **switch("u", command_topic="new/set")}}}
    home.announce("device", "d", whole)
    home.announce("switch", "one", "")
    home.settle(10_000)
    assert len(home.home.all_found) > found
    home.sent()
    home.write({"switch.on": True})
    assert home.sent() == [("new/set", "ON")]
    assert home.home.reach == {"thing": "reached"}


async def test_removal_and_return() -> None:
    home = await Bench().start()
    home.announce("switch", "a", switch("a"))
    home.settle()
    home.announce("switch", "a", "")
    home.settle(5_000)
    assert home.home.all_found[-1].needs == "gone"
    home.announce("switch", "a", switch("a"))
    home.settle(10_000)
    home.follow("d1")
    home.announce("switch", "a", "")
    home.settle(10_000)
    assert home.home.reach == {"thing": "withdrawn"}
    told = home.write({"switch.on": True})
    home.settle(1)
    assert told == [Unreachable("not_announced")]
    home.announce("switch", "a", switch("a"))
    home.settle(30_000)
    assert home.home.reach == {"thing": "reached"}


@pytest.mark.parametrize(
    "topic",
    [
        *("a/#", "+/set", "$SYS/broker", "$share/x/y", "a\x00b", "x" * 1_025, "", "\ud800", 5, None, ["a"]),
        *("homeassistant/switch/other/config", "homeassistant/status", "setaria/x", "tasmota/discovery/x/config"),
    ],
)
async def test_a_hostile_topic_is_refused_and_nothing_else_suffers(topic: Any) -> None:
    home = await Bench().start()
    home.announce("switch", "bad", switch("bad", command_topic=topic, state_topic=topic))
    home.announce("switch", "good", switch("good"))
    home.announce(
        "binary_sensor", "bad2", {"unique_id": "x", "device": DEV, "state_topic": "s", "availability_topic": topic}
    )
    home.settle()
    spec = home.follow("d1")
    assert [each.description for each in spec.services if each.name == "switch"] == ["good"]
    assert set(codes(home)) <= {"mqtt_topic_refused", "mqtt_discovery_incomplete", "mqtt_discovery_unreadable"}
    assert topic not in home.link.subscribed
    assert home.link.ready


async def test_a_megabyte_and_a_template_that_loops_or_grows() -> None:
    home = await Bench().start()
    home.link.say_too_much("homeassistant/light/x/config", 1_000_000)
    home.link.say("homeassistant/light/y/config", b'{"name": "' + b"x" * LARGEST_PAYLOAD + b'"}')
    loop = "{% for i in range(10**9) %}x{% endfor %}"
    home.announce("sensor", "loops", {"unique_id": "l", "device": DEV, "state_topic": "s", "value_template": loop})
    grows = "{{ value * 1000000 }}"
    more = "{{ (value | replace('x', 'xxxxxxxxxxxxxxxx')) | replace('x', 'xxxxxxxxxxxxxxxx') | replace('x', value) }}"
    for key, template in (("g", grows), ("m", more), ("ok", "{{ value }}")):
        home.announce("sensor", key, {"unique_id": key, "device": DEV, "state_topic": "s", "value_template": template})
    home.settle()
    home.follow("d1")
    home.link.say("s", "x" * 1_000)
    assert sorted(codes(home)) == ["expression_refused", "mqtt_discovery_too_large", "mqtt_discovery_too_large"]
    assert home.radio.health().faults["template"] == 2
    assert home.link.ready


async def test_no_more_devices_or_bytes_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MOST_DEVICES", 5)
    monkeypatch.setattr(registry, "MOST_OF_ONE", 2_000)
    home = await Bench().start()
    for number in range(8):
        home.announce(
            "switch",
            f"s{number}",
            {**switch("a"), "unique_id": f"u{number}", "device": {"identifiers": [f"x{number}"]}},
        )
    for number in range(30):
        home.announce("switch", f"t{number}", {**switch(f"t{number}"), "device": {"identifiers": ["x1"]}})
    home.settle()
    assert {each.address for each in home.home.all_found} == {f"x{number}" for number in range(5)}
    assert set(codes(home)) == {"mqtt_too_many"}
    assert len(home.radio.findings) <= registry.MOST_FINDINGS


async def test_a_device_that_keeps_changing_is_looked_at_ever_more_rarely() -> None:
    home = await Bench().start()
    home.announce("switch", "a", switch("a"))
    home.settle()
    home.follow("d1")
    before = len(home.home.all_found)
    for turn in range(600):
        home.announce("switch", "a", switch("a", command_topic=f"t/{turn}"))
        home.settle(100)
    assert len(home.home.all_found) - before < 10
    home.settle(600_000)
    home.sent()
    home.write({"switch.on": True})
    assert home.sent() == [("t/599", "ON")]


async def test_availability_in_all_its_modes() -> None:
    for mode in ("all", "any", "latest"):
        home = await Bench().start()
        topics = [
            {"topic": "av/1"},
            {"topic": "av/2", "value_template": "{{ value_json.state }}", "payload_available": "yes"},
        ]
        home.add("switch", {**switch("a"), "availability": topics, "availability_mode": mode})
        home.settle()
        assert home.home.reach == {"thing": "offline"}
        home.link.say("av/1", "online", retain=True)
        assert home.home.reach == {"thing": "offline" if mode == "all" else "reached"}
        home.link.say("av/2", {"state": "yes"})
        assert home.home.reach == {"thing": "reached"}
        home.link.say("av/1", "offline")
        assert home.home.reach == {"thing": "reached" if mode == "any" else "offline"}
        outcomes = home.write({"switch.on": True})
        home.settle(1)
        assert outcomes == ([] if mode == "any" else [Unreachable("offline")])


async def test_commands_end_as_they_should() -> None:
    home = await Bench().start()
    home.add("switch", switch("a"))
    told = home.write({"switch.on": True})
    home.settle(4_900)
    assert told == []
    home.settle(200)
    assert told == [Unreachable("no_answer")]
    told = home.write({"switch.on": True})
    home.link.say("s/a", "OFF")
    home.link.say("s/a", "ON")
    home.settle(1)
    assert told == [Done()]
    told = home.write({"switch.on": True})  # many devices tell only changes
    home.settle(1)
    assert told == [Done()]
    told = home.write({"switch.on": False})
    home.link.drop()
    home.settle(1)
    assert told == [Unreachable("broker_gone")]
    assert home.home.reach == {"thing": "broker_gone"}
    told = home.write({"switch.on": False})
    home.settle(1)
    assert told == [Unreachable("broker_gone")]
    home.link.connect()
    assert home.home.reach == {"thing": "reached"}
    assert home.link.subscribed.count("s/a") == 2
    home.link.full = True
    told = home.write({"switch.on": False})
    home.settle(1)
    assert isinstance(told[0], Refused)
    strange: list[Outcome] = []
    home.radio.write("nobody", [], strange.append)
    home.radio.act("thing", Act(99, 1), strange.append)
    home.settle(1)
    assert [each.code for each in strange if isinstance(each, Refused)] == ["thing_not_followed", "unknown_action"]


async def test_an_optimistic_switch_is_what_was_said_last() -> None:
    home = await Bench().start()
    home.add("switch", {"unique_id": "a", "command_topic": "c"})
    told = home.write({"switch.on": True})
    home.settle(1)
    assert told == [Done()]
    assert home.value("switch.on") is True


async def test_only_so_many_commands_wait_for_one_thing() -> None:
    home = await Bench().start()
    home.add("switch", switch("a"))
    home.link.silent = True
    told = [home.write({"switch.on": True}) for _ in range(MOST_OF_A_THING + 1)]
    home.settle(1)
    assert [len(each) for each in told] == [0] * MOST_OF_A_THING + [1]
    assert isinstance(told[-1][0], Refused)
    await home.radio.stop()
    home.settle(1)
    assert [each[0] for each in told[:-1]] == [Unreachable("stopped")] * MOST_OF_A_THING
    assert home.link.sent[-1] == ("homeassistant/status", "offline", 0, False)


async def test_forgotten_things_are_found_again_and_no_longer_heard() -> None:
    home = await Bench().start()
    home.add("switch", switch("a"))
    assert "s/a" in home.link.subscribed
    home.radio.forget("thing")
    home.settle(5_000)
    assert "s/a" not in home.link.subscribed
    assert home.found("d1").needs == ""
    assert home.radio.health().followed == 0


TASMOTA = {
    "ip": "192.168.1.9",
    "dn": "书房 Plug",
    "fn": ["主灯", "Side lamp", None],
    "hn": "tasmota-1234",
    "mac": "AABBCCDDEEFF",
    "md": "Sonoff Basic",
    "ty": 0,
    "if": 0,
    "ofln": "Offline",
    "onln": "Online",
    "state": ["OFF", "ON", "TOGGLE", "HOLD"],
    "sw": "14.2.0",
    "t": "study",
    "ft": "%prefix%/%topic%/",
    "tp": ["cmnd", "stat", "tele"],
    "rl": [1, 2, 0, 0],
    "lt_st": 5,
    "ver": 1,
}


async def test_tasmota_in_whatever_order() -> None:
    home = await Bench().start()
    place = f"{tasmota.PREFIX}AABBCCDDEEFF"
    sensors = {
        "sn": {
            "Time": "2026-11-22T10:00:00",
            "ENERGY": {"Power": 3, "Total": 1.25},
            "AM2301": {"Temperature": 20.5, "Humidity": 40},
            "TempUnit": "C",
        },
        "ver": 1,
    }
    home.link.say(f"{place}/sensors", sensors, retain=True)
    home.link.say(f"{place}/config", TASMOTA, retain=True)
    home.settle()
    spec = home.follow("AABBCCDDEEFF")
    assert home.found("AABBCCDDEEFF").name == "书房 Plug"
    home.settle()
    assert home.home.reach == {"thing": "offline"}
    home.link.say("tele/study/LWT", "Online", retain=True)
    assert home.home.reach == {"thing": "reached"}
    home.link.say("stat/study/RESULT", {"POWER1": "ON"})
    home.link.say(
        "tele/study/STATE", {"POWER1": "ON", "POWER2": "OFF", "Dimmer": 40, "CT": 250, "HSBColor": "240,100,40"}
    )
    home.link.say("tele/study/SENSOR", {"AM2301": {"Temperature": 21.5}, "ENERGY": {"Power": 7, "Total": 1.5}})
    assert (home.value("switch.on"), home.value("light.on"), home.value("light.brightness")) == (True, False, 40)
    assert (home.value("light.color-temperature"), home.value("light.color")) == (4000, 0x0000FF)
    assert home.value("environment.temperature") == 21.5
    assert home.value("power-consumption.electric-power") == 7
    assert [each.description for each in spec.services if each.name in ("switch", "light")] == ["主灯", "Side lamp"]
    home.sent()
    told = home.write({"switch.on": False})
    assert home.sent() == [("cmnd/study/POWER1", "OFF")]
    home.link.say("stat/study/RESULT", {"POWER1": "OFF"})
    home.settle(1)
    assert told == [Done()]
    home.write({"light.brightness": 55, "light.color": 0x00FF00})
    colour = "NoDelay;HsbColor1 120;NoDelay;HsbColor2 100"
    assert home.sent() == [("cmnd/study/Dimmer", "55"), ("cmnd/study/Backlog", colour)]
    assert codes(home) == []


async def test_tasmotas_that_are_none() -> None:
    home = await Bench().start()
    place = f"{tasmota.PREFIX}AABBCCDDEEFF/config"
    for wrong in (
        {},
        {**TASMOTA, "tp": ["#", "+", "$SYS"]},
        {**TASMOTA, "ft": "x"},
        {**TASMOTA, "t": "a/#"},
        {**TASMOTA, "rl": "x"},
    ):
        home.link.say(place, wrong)
        home.settle(600_000)
    assert home.home.all_found == []
    assert codes(home)


def test_filters_cover_what_they_should() -> None:
    assert covers("a/+/c", "a/b/c")
    assert covers("a/#", "a")
    assert covers("#", "a/b")
    assert not covers("#", "$SYS/x")
    assert not covers("+/b", "$SYS/b")
    assert not covers("a/+", "a/b/c")
    assert not covers("a/b", "a")


async def test_who_has_not_said_yet_is_not_lost_at_once() -> None:
    home = await Bench().start()
    home.add("switch", {"unique_id": "u", "command_topic": "a/set", "availability_topic": "a/here"})
    assert home.home.reach == {}
    home.link.say("a/here", "online", retain=True)
    assert home.home.reach == {"thing": "reached"}
    home.settle(10_000)
    assert home.home.reach == {"thing": "reached"}
