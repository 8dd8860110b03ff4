"""Each component as Home Assistant documents it: what is announced can be read and written, exactly, both ways."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.radio.mqtt.mqtt_bench import JSON_LAMP, Bench

from setaria.facts.refused import Refused
from setaria.home.ports import Act, Done, Unreachable, Value
from setaria.home.spec.capability import capability
from setaria.home.spec.kinds import Tile
from setaria.home.spec.names import name_of
from setaria.radio.mqtt import colours
from setaria.radio.mqtt.announcing import Entity
from setaria.radio.mqtt.appliances import Scale, _speeds
from setaria.radio.mqtt.components import COMPONENTS
from setaria.radio.mqtt.draft import Draft
from setaria.radio.mqtt.lights import Brightness, Warmth


async def bench(component: str, config: dict[str, Any]) -> Bench:
    made = await Bench().start()
    made.add(component, config)
    made.sent()
    return made


async def test_json_light() -> None:
    home = await bench("light", JSON_LAMP)
    spec = home.specs["thing"]
    assert capability(spec).tile is Tile.LIGHT
    assert {"on", "brightness", "color_temperature", "color", "mode"} <= capability(spec).features.keys()
    home.link.say("z/客厅 lamp", {"state": "OFF", "brightness": 127, "color_temp": 370, "effect": "blink"})
    assert home.value("light.on") is False
    assert home.value("light.brightness") == 50
    assert home.value("light.color-temperature") == 2703
    assert home.word("light.mode") == "blink"
    told = home.write({"light.on": True, "light.brightness": 80, "light.color-temperature": 4000})
    topic, payload = home.sent()[0]
    assert (topic, json.loads(payload)) == ("z/客厅 lamp/set", {"state": "ON", "brightness": 203, "color_temp": 250})
    home.settle(1_000)
    assert told == []
    home.link.say("z/客厅 lamp", {"state": "ON", "brightness": 203, "color_temp": 250})
    home.settle(1)
    assert told == [Done()]
    home.write({"light.color": 0xFF0000})
    assert json.loads(home.sent()[0][1]) == {"state": "ON", "color": {"x": 0.6401, "y": 0.33}}
    home.link.say("z/客厅 lamp", {"color": {"x": 0.6401, "y": 0.33}, "color_mode": "xy"})
    assert home.value("light.color") == 0xFF0000
    home.write({"light.on": False, "light.brightness": 3})
    assert json.loads(home.sent()[0][1]) == {"state": "OFF"}
    home.link.say("z/客厅 lamp", {"state": "OFF", "brightness": 0})
    assert home.value("light.brightness") == 80  # a lamp that is off says 0, which is no brightness
    home.write({"light.mode": "breathe"})
    assert json.loads(home.sent()[0][1]) == {"effect": "breathe"}


async def test_default_light_has_a_topic_a_field() -> None:
    home = await bench(
        "light",
        {
            "unique_id": "d",
            "state_topic": "l/on",
            "command_topic": "l/on/set",
            "payload_on": "1",
            "payload_off": "0",
            "brightness_state_topic": "l/bri",
            "brightness_command_topic": "l/bri/set",
            "brightness_scale": 100,
            "color_temp_command_topic": "l/ct/set",
            "color_temp_state_topic": "l/ct",
            "color_temp_kelvin": True,
            "min_kelvin": 2200,
            "max_kelvin": 6500,
            "hs_command_topic": "l/hs/set",
            "hs_state_topic": "l/hs",
            "on_command_type": "first",
            "qos": 1,
            "retain": True,
        },
    )
    home.link.say("l/on", "1")
    home.link.say("l/bri", "42")
    home.link.say("l/ct", "3000")
    home.link.say("l/hs", "120,100")
    assert (home.value("light.on"), home.value("light.brightness")) == (True, 42)
    assert (home.value("light.color-temperature"), home.value("light.color")) == (3000, 0x00FF00)
    home.write({"light.brightness": 7, "light.on": False, "light.color": 0x0000FF})
    assert home.link.sent == [
        ("l/on/set", "0", 1, True),
        ("l/bri/set", "7", 1, True),
        ("l/hs/set", "240,100", 1, True),
    ]


async def test_template_light() -> None:
    home = await bench(
        "light",
        {
            "unique_id": "t",
            "schema": "template",
            "command_topic": "t/set",
            "state_topic": "t",
            "command_on_template": "on{% if brightness is defined %},{{ brightness }}{% endif %}"
            "{% if red is defined %},{{ red }}-{{ green }}-{{ blue }}{% endif %}",
            "command_off_template": "off",
            "state_template": "{{ value.split(',')[0] }}",
            "brightness_template": "{{ value.split(',')[1] }}",
            "red_template": "{{ value.split(',')[2].split('-')[0] }}",
            "green_template": "{{ value.split(',')[2].split('-')[1] }}",
            "blue_template": "{{ value.split(',')[2].split('-')[2] }}",
        },
    )
    home.link.say("t", "on,255,1-2-255")
    assert (home.value("light.on"), home.value("light.brightness"), home.value("light.color")) == (True, 100, 0x0102FF)
    home.write({"light.brightness": 50, "light.color": 0x0A0B0C})
    home.write({"light.on": False})
    assert home.sent() == [("t/set", "on,128,10-11-12"), ("t/set", "off")]


async def test_switches_of_one_device_have_services_of_their_own() -> None:
    home = await Bench().start()
    device = {"identifiers": ["d1"], "name": "四路"}
    for place, name in enumerate(("左", "右 right"), 1):
        home.announce(
            "switch",
            f"s{place}",
            {
                "name": name,
                "unique_id": f"u{place}",
                "device": device,
                "state_topic": "s",
                "value_template": f"{{{{ value_json.state_{place} }}}}",
                "command_topic": f"s/set_{place}",
                "payload_on": True,
                "payload_off": False,
            },
        )
    home.settle()
    spec = home.follow("d1")
    assert [each.address for each in spec.services] == ["switch", "switch#2"]
    assert [name_of(each, "zh-CN") for each in spec.services] == ["左", "右 right"]
    home.link.say("s", {"state_1": True, "state_2": False})
    assert (home.value("switch.on"), home.value("switch#2.on")) == (True, False)
    home.sent()
    home.write({"switch#2.on": True})
    assert home.sent() == [("s/set_2", "True")]


async def test_cover_that_counts_the_wrong_way_round() -> None:
    home = await bench(
        "cover",
        {
            "unique_id": "c",
            "command_topic": "c/set",
            "position_topic": "c/pos",
            "set_position_topic": "c/pos/set",
            "set_position_template": '{"position": {{ position }}}',
            "position_open": 0,
            "position_closed": 100,
            "state_topic": "c/state",
            "payload_stop": "HALT",
        },
    )
    spec = home.specs["thing"]
    assert capability(spec).tile is Tile.CURTAIN
    home.link.say("c/pos", "30")
    home.link.say("c/state", "opening")
    assert home.value("curtain.current-position") == 70
    assert home.word("curtain.status") == "opening"
    home.write({"curtain.target-position": 10})
    home.write({"curtain.motor-control": "stop"})
    home.write({"curtain.motor-control": "open"})
    assert home.sent() == [("c/pos/set", '{"position": 90}'), ("c/set", "HALT"), ("c/set", "OPEN")]


async def test_a_garage_is_guarded_as_a_lock_is() -> None:
    home = await bench("cover", {"unique_id": "g", "command_topic": "g/set", "device_class": "garage"})
    assert capability(home.specs["thing"]).tile is Tile.LOCK


async def test_climate() -> None:
    home = await bench(
        "climate",
        {
            "unique_id": "ac",
            "modes": ["off", "cool", "heat"],
            "mode_state_topic": "ac",
            "mode_state_template": "{{ value_json.system_mode }}",
            "mode_command_topic": "ac/mode",
            "temperature_state_topic": "ac",
            "temperature_state_template": "{{ value_json.setpoint }}",
            "temperature_command_topic": "ac/temp",
            "temperature_unit": "C",
            "temp_step": 0.5,
            "min_temp": 5,
            "max_temp": 30,
            "current_temperature_topic": "ac",
            "current_temperature_template": "{{ value_json.local }}",
            "fan_modes": ["low", "高"],
            "fan_mode_command_topic": "ac/fan",
            "preset_modes": ["eco"],
            "preset_mode_command_topic": "ac/preset",
            "action_topic": "ac",
            "action_template": "{% set values = {None:None,'idle':'idle','cool':'cooling'} %}"
            "{{ values[value_json.running] }}",
        },
    )
    home.link.say("ac", {"system_mode": "cool", "setpoint": 21.5, "local": 24.25, "running": "cool"})
    assert (home.value("air-conditioner.on"), home.word("air-conditioner.mode")) == (True, "cool")
    assert home.value("air-conditioner.target-temperature") == 21.5
    assert (home.value("environment.temperature"), home.word("air-conditioner.status")) == (24.25, "cooling")
    home.write({"air-conditioner.on": True})
    home.write({"air-conditioner.on": False})
    home.write({"air-conditioner.on": True, "air-conditioner.mode": "heat"})
    home.write({"air-conditioner.target-temperature": 19.5, "air-conditioner.fan-level": "高"})
    assert home.sent() == [
        ("ac/mode", "cool"),
        ("ac/mode", "off"),
        ("ac/mode", "heat"),
        ("ac/temp", "19.5"),
        ("ac/fan", "高"),
    ]
    home.link.say("ac", {"system_mode": "off", "setpoint": 21.5, "local": None, "running": None})
    assert (home.value("air-conditioner.on"), home.word("air-conditioner.mode")) == (False, "cool")


async def test_fan_in_percent_and_in_levels() -> None:
    config = {
        "unique_id": "f",
        "command_topic": "f/set",
        "state_topic": "f",
        "percentage_state_topic": "f/speed",
        "percentage_command_topic": "f/speed/set",
        "oscillation_state_topic": "f/osc",
        "oscillation_command_topic": "f/osc/set",
        "preset_modes": ["nature"],
        "preset_mode_command_topic": "f/preset",
        "direction_command_topic": "f/dir",
    }
    home = await bench("fan", {**config, "speed_range_max": 255})
    home.link.say("f/speed", "128")
    home.link.say("f/osc", "oscillate_on")
    assert (home.value("fan.speed-level"), home.value("fan.horizontal-swing")) == (50, True)
    home.write({"fan.speed-level": 50, "fan.mode": "nature", "fan.direction": "reverse"})
    assert home.sent() == [("f/speed/set", "128"), ("f/preset", "nature"), ("f/dir", "reverse")]
    few = await bench("fan", {**config, "speed_range_max": 3})
    few.link.say("f/speed", "2")
    assert few.word("fan.fan-level") == "2"
    few.write({"fan.fan-level": "3"})
    assert few.sent() == [("f/speed/set", "3")]


async def test_lock() -> None:
    home = await bench("lock", {"unique_id": "k", "command_topic": "k/set", "state_topic": "k", "payload_open": "OPEN"})
    assert capability(home.specs["thing"]).tile is Tile.LOCK
    home.link.say("k", "LOCKED")
    assert home.value("lock.locked") is True
    told = home.write({"lock.locked": False})
    assert home.sent() == [("k/set", "UNLOCK")]
    home.link.say("k", "JAMMED")
    home.settle(6_000)
    assert told == [Unreachable("no_answer")]
    assert home.value("lock.jammed") is True


async def test_sensors_share_services_and_keep_their_units() -> None:
    home = await Bench().start()
    device = {"identifiers": ["d1"], "name": "卧室 sensor"}
    for key, device_class, unit in (("t", "temperature", "°C"), ("h", "humidity", "%"), ("v", "voltage", "mV")):
        config = {
            "unique_id": key,
            "device": device,
            "device_class": device_class,
            "unit_of_measurement": unit,
            "state_topic": "卧室",
            "value_template": f"{{{{ value_json.{key} }}}}",
        }
        home.announce("sensor", key, config)
    home.announce("sensor", "x", {"unique_id": "x", "device": device, "name": "说明", "state_topic": "卧室/x"})
    home.settle()
    spec = home.follow("d1")
    home.link.say("卧室", {"t": 21.5, "h": "48", "v": 2900})
    home.link.say("卧室/x", "晴")
    assert home.value("environment.temperature") == 21.5
    assert home.value("environment.relative-humidity") == 48
    assert spec.find_property("power-consumption.voltage").unit == "millivolt"
    assert spec.find_property("environment.temperature").unit == "celsius"
    assert capability(spec).tile is Tile.SENSOR
    assert spec.type_name == "temperature-humidity-sensor"
    other = next(each for each in spec.properties() if each.description == "说明")
    assert home.home.values["thing", other.siid, other.piid] == "晴"
    assert name_of(other, "en") == "说明"


async def test_binary_sensors_contact_and_motion() -> None:
    home = await bench(
        "binary_sensor",
        {"unique_id": "m", "device_class": "motion", "state_topic": "m", "off_delay": 30, "payload_on": "hit"},
    )
    home.link.say("m", "hit")
    assert home.value("motion-sensor.motion-state") is True
    home.settle(20_000)
    home.link.say("m", "hit")
    home.settle(20_000)
    assert home.value("motion-sensor.motion-state") is True
    home.settle(11_000)
    assert home.value("motion-sensor.motion-state") is False
    door = await bench("binary_sensor", {"unique_id": "d", "device_class": "door", "state_topic": "d"})
    door.link.say("d", "ON")  # open, so the contact does not touch
    assert door.value("magnet-sensor.contact-state") is False


async def test_number_select_text_button_and_scene() -> None:
    home = await Bench().start()
    device = {"identifiers": ["d1"]}
    home.announce(
        "number",
        "n",
        {"unique_id": "n", "device": device, "name": "Delay", "command_topic": "n", "min": 0, "max": 5, "step": 0.5},
    )
    home.announce(
        "select",
        "s",
        {
            "unique_id": "s",
            "device": device,
            "name": "模式",
            "object_id": "mode",
            "command_topic": "s",
            "options": ["甲", "b c"],
        },
    )
    home.announce("text", "t", {"unique_id": "t", "device": device, "name": "Note", "command_topic": "t"})
    home.announce("button", "b", {"unique_id": "b", "device": device, "name": "Restart", "command_topic": "b"})
    home.announce("scene", "c", {"unique_id": "c", "device": device, "name": "Movie", "command_topic": "c"})
    home.settle()
    spec = home.follow("d1")
    home.sent()
    told = home.write({"settings.delay": 2.5, "settings.mode": "甲", "settings.note": "明天见"})
    home.settle(1)
    assert told == [Done()]
    assert home.value("settings.delay") == 2.5  # nothing tells it otherwise
    for address in ("control.restart", "scene.movie"):
        action = spec.find_action(address)
        home.radio.act("thing", Act(action.siid, action.aiid), told.append)
    assert home.sent() == [("n", "2.5"), ("s", "甲"), ("t", "明天见"), ("b", "PRESS"), ("c", "ON")]


async def test_events_and_triggers_happen_only_when_they_do() -> None:
    home = await Bench().start()
    device = {"identifiers": ["d1"]}
    home.announce(
        "event",
        "e",
        {"unique_id": "e", "device": device, "state_topic": "e", "event_types": ["press", "double_press"]},
    )
    home.announce(
        "device_automation",
        "a",
        {
            "automation_type": "trigger",
            "type": "action",
            "subtype": "hold",
            "topic": "r/action",
            "payload": "hold",
            "device": device,
        },
    )
    home.settle()
    spec = home.follow("d1")
    home.link.say("e", {"event_type": "press"}, retain=True)
    home.link.say("r/action", "hold", retain=True)
    assert home.home.events == []
    home.link.say("e", {"event_type": "double_press", "more": 1})
    home.link.say("r/action", "hold")
    home.link.say("r/action", "release")
    told = [spec.event(siid, eiid) for _, siid, eiid in home.home.events]
    assert [each.name for each in told if each] == ["double-click", "long-press"]


async def test_update_humidifier_siren_and_vacuum() -> None:
    update = await bench(
        "update", {"unique_id": "u", "state_topic": "u", "command_topic": "u/set", "payload_install": "go"}
    )
    update.link.say("u", {"installed_version": "1.0", "latest_version": "1.1"})
    assert update.value("firmware-update.installed-version") == "1.0"
    assert update.value("firmware-update.latest-version") == "1.1"
    humid = await bench(
        "humidifier",
        {
            "unique_id": "h",
            "command_topic": "h/set",
            "target_humidity_command_topic": "h/target",
            "target_humidity_state_topic": "h/target/state",
            "modes": ["sleep"],
            "mode_command_topic": "h/mode",
        },
    )
    humid.link.say("h/target/state", "55")
    assert humid.value("humidifier.target-humidity") == 55
    siren = await bench("siren", {"unique_id": "s", "command_topic": "s/set"})
    siren.write({"alarm.alarm": True})
    assert siren.sent() == [("s/set", '{"state":"ON"}')]  # as components/mqtt/siren.py of Home Assistant
    robot = await bench(
        "vacuum",
        {"unique_id": "v", "command_topic": "v/cmd", "state_topic": "v", "fan_speed_list": ["min", "max"]},
    )
    robot.link.say("v", {"state": "docked", "battery_level": 61, "fan_speed": "max"})
    assert (robot.word("vacuum.status"), robot.value("battery.battery-level")) == ("docked", 61)
    assert {"start", "stop", "return_to_dock"} <= capability(robot.specs["thing"]).actions.keys()


# Values, both ways.


@given(st.integers(100, 10_000), st.integers(1, 100))
def test_a_brightness_comes_back_as_it_went(scale: int, percent: int) -> None:
    bright = Brightness(scale)
    assert bright.from_wire(bright.to_wire(percent)) == percent


@given(st.integers(1, 99))
def test_a_coarse_brightness_is_used_as_it_is(scale: int) -> None:
    bright = Brightness(scale)
    assert bright.range == (1, scale, 1)
    assert [bright.from_wire(bright.to_wire(each)) for each in range(1, scale + 1)] == [*range(1, scale + 1)]


@given(st.integers(153, 500))
def test_mireds_come_back_as_they_were(mireds: int) -> None:
    warm = Warmth(Draft(Entity("light:x", "light", "", {}), "homeassistant"))
    kelvin = warm.from_wire(mireds)
    assert kelvin is not None
    assert warm.to_wire(kelvin) == mireds


@given(st.integers(-1_000, 1_000), st.integers(-1_000, 1_000), st.integers(0, 100))
def test_a_position_comes_back_as_it_went(closed: int, opened: int, percent: int) -> None:
    if abs(closed - opened) >= 100:
        scale = Scale(closed, opened)
        assert scale.from_wire(scale.to_wire(percent)) == percent


@given(st.integers(1, 10_000), st.integers(1, 100))
def test_a_speed_comes_back_within_its_step(high: int, percent: int) -> None:
    to_wire, from_wire = _speeds(1, high)
    wire = to_wire(percent)
    back = from_wire(wire)
    assert 1 <= wire <= high
    assert back is not None
    if high <= 100:
        assert to_wire(back) == wire
    else:
        assert abs(back - percent) <= 1


@given(st.integers(0, 0xFFFFFF))
def test_colours_come_back(colour: int) -> None:
    red, green, blue = colours.parts(colour)
    assert colours.packed(red, green, blue) == colour
    if max(red, green, blue):
        full = colours.packed(*(part * 255 / max(red, green, blue) for part in (red, green, blue)))
        for made in (colours.from_hs(*colours.to_hs(full)), colours.from_xy(*colours.to_xy(full))):
            # xy has four digits, of which the darkest part of a colour gets least
            limit = 1 if made == colours.from_hs(*colours.to_hs(full)) else 12
            assert max(abs(a - b) for a, b in zip(colours.parts(made), colours.parts(full), strict=True)) <= limit


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(
    [
        *("state_topic", "command_topic", "value_template", "payload_on", "brightness_scale", "options", "min", "max"),
        *("step", "device", "unique_id", "availability", "availability_topic", "modes", "effect_list", "schema", "~"),
        *("supported_color_modes", "name", "qos", "retain", "event_types", "topic", "type", "subtype", "platform"),
        *("automation_type", "off_delay", "position_open", "set_position_topic", "command_on_template"),
        *("command_off_template", "components", "mode_command_topic", "fan_speed_list", "speed_range_max"),
    ]
)
COMPONENT_NAMES = [*COMPONENTS, "device", "camera"]


@given(
    st.sampled_from(COMPONENT_NAMES),
    st.dictionaries(KEYS, JSON | st.sampled_from(["a/b", "{{ value }}"]), max_size=8),
    JSON,
)
async def test_whatever_is_announced_and_told_is_used_or_found_wanting(
    component: str, config: dict[str, Any], told: Any
) -> None:
    home = await Bench().start()
    home.announce(component, "e1", config)
    home.announce(component, "e2", {**config, "device": {"identifiers": ["d1"]}, "unique_id": "u"})
    home.settle()
    for found in home.home.all_found:
        home.follow(found.address, found.address)
        home.link.say("a/b", told)
        for prop in home.specs[found.address].properties():
            value: Value = prop.values[0][0] if prop.values else (prop.range[0] if prop.range else "x")
            if prop.writable:
                with contextlib.suppress(Refused):  # a range that its own format cannot hold
                    home.write({prop.address: prop.check(value if prop.format != "bool" else True)}, found.address)
    home.settle(10_000)
    assert all(isinstance(each, Refused) for each in home.radio.findings)


@pytest.mark.parametrize("payload", [b"", b"[1]", b"nonsense", b'{"a":', b"\xff\xfe", b"[" * 60_000, b"null", b'"x"'])
async def test_whatever_bytes_are_announced(payload: bytes) -> None:
    home = await Bench().start()
    home.link.say("homeassistant/light/x/config", payload)
    home.link.say("homeassistant/device/x/config", payload)
    home.link.say("tasmota/discovery/0011223344AA/config", payload)
    home.settle()
    assert home.home.all_found == []
    assert {each.code for each in home.radio.findings} <= {"mqtt_discovery_unreadable"}
    assert (home.radio.findings != []) is (payload != b"")
