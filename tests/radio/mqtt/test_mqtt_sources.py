"""Announcements as those who send them make them, each read against its maker's source:

- Zigbee2MQTT 2.12.1, lib/extension/homeassistant.ts (6835cbf);
- ESPHome 2024.11, esphome/components/mqtt/mqtt_*.cpp and mqtt_const.h (33fdbbe);
- Tasmota 13 and later, tasmota/tasmota_xdrv_driver/xdrv_12_discovery.ino (080cdb4) and xdrv_04_light.ino; what its keys
  mean as hatasmota 0.10.1 reads them (ee69941), which is what Home Assistant uses.
"""

from __future__ import annotations

import json
from typing import Any

from tests.radio.mqtt.mqtt_bench import Bench

from setaria.home.ports import Act, Done
from setaria.home.spec.capability import capability
from setaria.home.spec.kinds import Tile

# Zigbee2MQTT: what `discover()` puts on every announcement of a device.
BASE = "zigbee2mqtt/儿童房 TRV"
IEEE = "0x00158d0001d8e1d2"
DEVICE = {
    "identifiers": [f"zigbee2mqtt_{IEEE}"],
    "name": "儿童房 TRV",
    "sw_version": "1.0.8",
    "hw_version": 1,
    "model": "Thermostatic radiator valve",
    "model_id": "TRV06",
    "manufacturer": "Moes",
    "via_device": "zigbee2mqtt_bridge_0x00124b00120144ae",
}
SHARED: dict[str, Any] = {
    "device": DEVICE,
    "origin": {"name": "Zigbee2MQTT", "sw": "2.12.1", "url": "https://www.zigbee2mqtt.io"},
    "availability": [
        {"topic": "zigbee2mqtt/bridge/state", "value_template": "{{ value_json.state }}"},
        {"topic": f"{BASE}/availability", "value_template": "{{ value_json.state }}"},
    ],
    "availability_mode": "all",
}


async def zigbee(*announced: tuple[str, str, dict[str, Any]]) -> Bench:
    """Each is its type, its object id, and what is its own."""
    made = await Bench().start()
    for component, identity, own in announced:
        config = {
            "state_topic": BASE,
            **own,
            **SHARED,
            "object_id": f"trv_{identity}",
            "default_entity_id": f"{component}.trv_{identity}",
            "unique_id": f"{IEEE}_{identity}_zigbee2mqtt",
        }
        made.announce(component, f"{IEEE}/{identity}", {key: value for key, value in config.items() if value != ()})
    made.settle()
    made.follow(f"zigbee2mqtt_{IEEE}")
    made.link.say("zigbee2mqtt/bridge/state", {"state": "online"}, retain=True)
    made.link.say(f"{BASE}/availability", {"state": "online"}, retain=True)
    assert made.home.reach == {"thing": "reached"}
    assert made.radio.findings == []
    made.sent()
    return made


def said(home: Bench, **told: Any) -> None:
    home.link.say(BASE, told)


async def test_zigbee_thermostat() -> None:
    home = await zigbee(
        (
            "climate",
            "climate",
            {
                "name": None,
                "state_topic": (),  # `state_topic: false` is taken out
                "temperature_unit": "C",
                "temp_step": 0.5,
                "min_temp": "5",
                "max_temp": "35",
                "current_temperature_topic": BASE,
                "current_temperature_template": '{{ value_json["local_temperature"] }}',
                "mode_state_topic": BASE,
                "mode_state_template": '{{ value_json["system_mode"] }}',
                "modes": ["off", "heat", "auto"],
                "mode_command_topic": f"{BASE}/set/system_mode",
                "action_topic": BASE,
                "action_template": "{% set values = {None:None,'idle':'idle','heat':'heating','cool':'cooling',"
                "'fan_only':'fan'} %}{{ values[value_json[\"running_state\"]] }}",
                "temperature_command_topic": f"{BASE}/set/current_heating_setpoint",
                "temperature_state_template": '{{ value_json["current_heating_setpoint"] }}',
                "temperature_state_topic": BASE,
                "preset_modes": ["schedule", "manual", "boost"],
                "preset_mode_command_topic": f"{BASE}/set/preset",
                "preset_mode_value_template": '{{ value_json["preset"] }}',
                "preset_mode_state_topic": BASE,
            },
        ),
        (
            "switch",
            "child_lock",
            {
                "name": "Child lock",
                "payload_off": "UNLOCK",
                "payload_on": "LOCK",
                "value_template": '{{ value_json["child_lock"] }}',
                "command_topic": f"{BASE}/set/child_lock",
                "entity_category": "config",
            },
        ),
        (
            "number",
            "local_temperature_calibration",
            {
                "name": "Local temperature calibration",
                "value_template": '{{ value_json["local_temperature_calibration"] }}',
                "command_topic": f"{BASE}/set/local_temperature_calibration",
                "device_class": "temperature_delta",
                "entity_category": "config",
                "unit_of_measurement": "°C",
                "min": -9,
                "max": 9,
                "step": 0.5,
            },
        ),
        (
            "sensor",
            "schedule_monday",
            {
                "name": "Schedule monday",
                "value_template": "{{ value_json[\"schedule_monday\"] | default('',True) | string "
                "| truncate(254, True, '', 0) }}",
            },
        ),
        (
            "update",
            "update",
            {
                "name": None,
                "device_class": "firmware",
                "entity_category": "config",
                "command_topic": "zigbee2mqtt/bridge/request/device/ota_update/update",
                "payload_install": json.dumps({"id": IEEE}),
                "value_template": "{\"latest_version\":\"{{ value_json['update']['latest_version'] }}\","
                "\"installed_version\":\"{{ value_json['update']['installed_version'] }}\","
                "\"update_percentage\":{{ value_json['update'].get('progress', 'null') }},"
                "\"in_progress\":{{ (value_json['update']['state'] == 'updating')|lower }}}",
            },
        ),
    )
    said(
        home,
        local_temperature=19.5,
        current_heating_setpoint=21,
        system_mode="heat",
        running_state="heat",
        preset="manual",
        child_lock="LOCK",
        local_temperature_calibration=-1.5,
        schedule_monday="06:00/20 " * 60,
        update={"state": "available", "installed_version": 75, "latest_version": 78},
    )
    assert home.value("environment.temperature") == 19.5
    assert (home.value("thermostat.target-temperature"), home.word("thermostat.status")) == (21, "heating")
    assert (home.value("thermostat.on"), home.word("thermostat.preset")) == (True, "manual")
    assert home.value("settings.child-lock") is True
    assert home.value("settings.local-temperature-calibration") == -1.5
    assert len(str(home.value("sensor.schedule-monday"))) == 254
    assert home.value("firmware-update.latest-version") == "78"
    home.write({"thermostat.target-temperature": 22.5})
    home.write({"settings.child-lock": False})
    assert home.sent() == [(f"{BASE}/set/current_heating_setpoint", "22.5"), (f"{BASE}/set/child_lock", "UNLOCK")]
    install = home.specs["thing"].find_action("firmware-update.install")
    home.radio.act("thing", Act(install.siid, install.aiid, ()), lambda outcome: None)
    assert json.loads(home.sent()[0][1]) == {"id": IEEE}
    assert home.radio.health().faults == {}


async def test_zigbee_climate_with_two_ends() -> None:
    ends: dict[str, Any] = {}
    for end, setpoint in (("low", "occupied_heating_setpoint"), ("high", "occupied_cooling_setpoint")):
        ends |= {
            f"temperature_{end}_command_topic": f"{BASE}/set/{setpoint}",
            f"temperature_{end}_state_template": f'{{{{ value_json["{setpoint}"] }}}}',
            f"temperature_{end}_state_topic": BASE,
        }
    modes = {"modes": ["off", "heat", "cool", "heat_cool"], "mode_command_topic": f"{BASE}/set/system_mode"}
    home = await zigbee(("climate", "climate", {"name": None, "min_temp": "7", "max_temp": "30", **modes, **ends}))
    said(home, occupied_heating_setpoint=19, occupied_cooling_setpoint=26)
    found = {end: home.value(f"air-conditioner.target-temperature-{end}") for end in ("low", "high")}
    assert found == {"low": 19, "high": 26}
    home.write({"air-conditioner.target-temperature-high": 25})
    assert home.sent() == [(f"{BASE}/set/occupied_cooling_setpoint", "25")]


async def test_zigbee_cover_that_says_that_it_runs() -> None:
    home = await zigbee(
        (
            "cover",
            "cover",
            {
                "name": None,
                "command_topic": f"{BASE}/set",
                "value_template": '{% if "running" in value_json and value_json["running"] %} '
                '{% if value_json["position"] > 0 %} closing {% else %} opening {% endif %} '
                "{% else %} stopped {% endif %}",
                "position_template": '{{ value_json["position"] }}',
                "set_position_template": '{ "position": {{ position }} }',
                "set_position_topic": f"{BASE}/set",
                "position_topic": BASE,
                "tilt_command_topic": f"{BASE}/set/tilt",
                "tilt_status_topic": BASE,
                "tilt_status_template": '{{ value_json["tilt"] }}',
            },
        )
    )
    said(home, running=True, position=40, tilt=10, state="OPEN")
    assert (home.word("curtain.status"), home.value("curtain.current-position")) == ("closing", 40)
    home.write({"curtain.target-position": 70})
    home.write({"curtain.motor-control": "stop"})
    home.write({"curtain.tilt-position": 55})
    sent = home.sent()
    assert json.loads(sent[0][1]) == {"position": 70}
    assert sent[1:] == [(f"{BASE}/set", "STOP"), (f"{BASE}/set/tilt", "55")]
    assert home.radio.health().faults == {}


async def test_zigbee_lock() -> None:
    own = {
        "name": None,
        "command_topic": f"{BASE}/set",
        "value_template": '{{ value_json["state"] }}',
        "state_locked": "LOCK",
        "state_unlocked": "UNLOCK",
    }
    home = await zigbee(("lock", "lock", own))
    said(home, state="UNLOCK")
    assert home.value("lock.locked") is False
    told = home.write({"lock.locked": True})
    assert home.sent() == [(f"{BASE}/set", "LOCK")]
    said(home, state="LOCK")
    home.settle(1)
    assert told == [Done()]


async def test_zigbee_fan_with_modes() -> None:
    """Its templates look a speed up as a number."""
    speeds = ["off", "low", "medium", "high"]
    home = await zigbee(
        (
            "fan",
            "fan",
            {
                "name": None,
                "command_topic": f"{BASE}/set/fan_state",
                "state_value_template": "{{ value_json.fan_state }}",
                "percentage_state_topic": BASE,
                "percentage_command_topic": f"{BASE}/set/fan_mode",
                "percentage_value_template": "{{ {"
                + ", ".join(f"'{each}':{place}" for place, each in enumerate(speeds))
                + "}[value_json[\"fan_mode\"]] | default('None') }}",
                "percentage_command_template": "{{ {"
                + ", ".join(f"{place}:'{each}'" for place, each in enumerate(speeds))
                + "}[value] | default('') }}",
                "speed_range_min": 1,
                "speed_range_max": 3,
                "preset_mode_state_topic": BASE,
                "preset_mode_command_topic": f"{BASE}/set/fan_mode",
                "preset_mode_value_template": '{{ value_json["fan_mode"] if value_json["fan_mode"] in '
                "['on', 'auto', 'smart'] else 'None' | default('None') }}",
                "preset_modes": ["on", "auto", "smart"],
            },
        )
    )
    said(home, fan_state="ON", fan_mode="medium")
    assert (home.value("fan.on"), home.word("fan.fan-level")) == (True, "2")
    said(home, fan_state="ON", fan_mode="auto")
    assert home.word("fan.mode") == "auto"
    home.write({"fan.fan-level": "3"})
    home.write({"fan.mode": "smart"})
    assert home.sent() == [(f"{BASE}/set/fan_mode", "high"), (f"{BASE}/set/fan_mode", "smart")]


async def test_zigbee_siren_is_silenced_and_not_started() -> None:
    level = (
        "{% if volume_level is defined %}{% if volume_level | float <= 0.25 %}low"
        "{% elif volume_level | float <= 0.5 %}medium{% elif volume_level | float <= 0.75 %}high"
        "{% else %}very_high{% endif %}{% else %}medium{% endif %}"
    )
    home = await zigbee(
        (
            "siren",
            "siren",
            {
                "name": None,
                "state_topic": (),
                "optimistic": True,
                "command_topic": f"{BASE}/set",
                "available_tones": ["burglar", "fire", "emergency"],
                "support_volume_set": True,
                "support_duration": True,
                "command_template": '{"warning": {"mode": "{{ tone | default(\'emergency\') }}", "level": "'
                + level
                + '", "duration": {{ duration | default(10) }}}}',
                "command_off_template": '{"warning": {"mode": "stop"}}',
            },
        )
    )
    home.write({"alarm.alarm": True})
    home.write({"alarm.alarm": False})
    loud, quiet = (json.loads(payload)["warning"] for _, payload in home.sent())
    assert loud == {"mode": "emergency", "level": "medium", "duration": 10}
    assert quiet == {"mode": "stop"}


async def test_zigbee_contact_and_action() -> None:
    home = await zigbee(
        (
            "binary_sensor",
            "contact",
            {  # with a device class it announces no name
                "value_template": '{{ value_json["contact"] }}',
                "payload_on": False,
                "payload_off": True,
                "device_class": "door",
            },
        ),
        (
            "switch",
            "switch_led_enable",
            {
                "name": "Led enable",
                "value_template": '{% if value_json["led_enable"] %}true{% else %}false{% endif %}',
                "payload_on": "true",
                "payload_off": "false",
                "command_topic": f"{BASE}/set/led_enable",
                "entity_category": "config",
            },
        ),
    )
    trigger = {
        "automation_type": "trigger",
        "type": "action",
        "subtype": "single_left",
        "payload": "single_left",
        "topic": f"{BASE}/action",
        "device": DEVICE,
        "origin": SHARED["origin"],
    }
    home.announce("device_automation", f"{IEEE}/action_single_left", trigger)
    home.settle()
    home.follow(f"zigbee2mqtt_{IEEE}")
    said(home, contact=False, led_enable=True)
    assert home.value("magnet-sensor.contact-state") is False
    assert home.value("settings.led-enable") is True
    home.link.say(f"{BASE}/action", "single_left")
    assert len(home.home.events) == 1
    assert home.radio.findings == []


# ESPHome: short keys but for the few it spells out; names in any script, ids of what is left of them in ASCII.
NODE: dict[str, Any] = {
    "avty_t": "kitchen-node/status",
    "dev": {
        "ids": "a4cf12345678",
        "name": "厨房 node",
        "sw": "2024.11.0 (Nov 20 2024, 10:00:00)",
        "mdl": "esp32dev",
        "mf": "Espressif",
        "sa": "厨房",
        "cns": [["mac", "a4cf12345678"]],
    },
}


async def esphome(*announced: tuple[str, str, dict[str, Any]]) -> Bench:
    made = await Bench().start()
    for component, identity, own in announced:
        base = f"kitchen-node/{component}/{identity}"
        topics = {"stat_t": f"{base}/state", "cmd_t": f"{base}/command"}
        config = {**topics, "uniq_id": f"ESP{component}{identity}", **own, **NODE}
        made.announce(component, f"kitchen-node/{identity}", {k: v for k, v in config.items() if v != ()})
    made.settle()
    made.follow("a4cf12345678")
    made.link.say("kitchen-node/status", "online", retain=True)
    assert made.home.reach == {"thing": "reached"}
    assert made.radio.findings == []
    made.sent()
    return made


async def test_esphome_colour_light() -> None:
    own = {
        "schema": "json",
        "name": "灯带",
        "clrm": True,
        "supported_color_modes": ["rgb", "color_temp"],
        "brightness": True,
        "effect": True,
        "fx_list": ["Rainbow", "None"],
    }
    home = await esphome(("light", "______", own))
    state = "kitchen-node/light/______/state"
    told = {"color_mode": "rgb", "state": "ON", "brightness": 128, "color": {"r": 255, "g": 0, "b": 0}}
    home.link.say(state, {**told, "effect": "None"})
    assert (home.value("light.brightness"), home.value("light.color")) == (50, 0xFF0000)
    home.write({"light.color": 0x00FF00, "light.mode": "Rainbow"})
    topic, payload = home.sent()[0]
    assert topic == "kitchen-node/light/______/command"
    assert json.loads(payload) == {"state": "ON", "color": {"r": 0, "g": 255, "b": 0}, "effect": "Rainbow"}


async def test_esphome_climate_fan_event_and_update() -> None:
    base = "kitchen-node/climate/ac"
    climate = {
        "name": "AC",
        "stat_t": (),
        "cmd_t": (),
        "curr_temp_t": f"{base}/current_temperature/state",
        "mode_cmd_t": f"{base}/mode/command",
        "mode_stat_t": f"{base}/mode/state",
        "modes": ["off", "cool", "heat", "fan_only", "heat_cool"],
        "temp_lo_cmd_t": f"{base}/target_temperature_low/command",
        "temp_lo_stat_t": f"{base}/target_temperature_low/state",
        "temp_hi_cmd_t": f"{base}/target_temperature_high/command",
        "temp_hi_stat_t": f"{base}/target_temperature_high/state",
        "min_temp": 16,
        "max_temp": 30,
        "temp_step": 0.5,
        "temp_unit": "C",
        "min_hum": 30,
        "max_hum": 99,
        "pr_mode_cmd_t": f"{base}/preset/command",
        "pr_mode_stat_t": f"{base}/preset/state",
        "preset_modes": ["home", "away", "夜间"],
        "act_t": f"{base}/action/state",
    }
    fan = {
        "name": "Fan",
        "osc_cmd_t": "kitchen-node/fan/fan/oscillation/command",
        "osc_stat_t": "kitchen-node/fan/fan/oscillation/state",
        "pct_cmd_t": "kitchen-node/fan/fan/speed_level/command",
        "pct_stat_t": "kitchen-node/fan/fan/speed_level/state",
        "spd_rng_max": 3,
    }
    event = {"name": "Doorbell", "cmd_t": (), "evt_typ": ["single_click", "hold"], "dev_cla": "button"}
    update = {"name": "Firmware", "schema": "json", "pl_inst": "INSTALL"}
    home = await esphome(
        ("climate", "ac", climate), ("fan", "fan", fan), ("event", "doorbell", event), ("update", "firmware", update)
    )
    home.link.say(f"{base}/target_temperature_low/state", "20.5")
    home.link.say(f"{base}/mode/state", "heat_cool")
    home.link.say(f"{base}/preset/state", "夜间")
    home.link.say(f"{base}/action/state", "idle")
    assert home.value("air-conditioner.target-temperature-low") == 20.5
    assert (home.word("air-conditioner.mode"), home.word("air-conditioner.preset")) == ("heat_cool", "夜间")
    home.link.say("kitchen-node/fan/fan/speed_level/state", "2")
    home.link.say("kitchen-node/fan/fan/oscillation/state", "oscillate_on")
    assert (home.word("fan.fan-level"), home.value("fan.horizontal-swing")) == ("2", True)
    home.write({"fan.fan-level": "1"})
    home.write({"fan.horizontal-swing": False})
    assert [payload for _, payload in home.sent()] == ["1", "oscillate_off"]
    home.link.say("kitchen-node/event/doorbell/state", {"event_type": "hold"})
    assert len(home.home.events) == 1
    home.link.say(
        "kitchen-node/update/firmware/state",
        {"installed_version": "2024.10.1", "latest_version": "2024.11.0", "title": "ESPHome", "release_url": "x"},
    )
    assert home.value("firmware-update.latest-version") == "2024.11.0"
    assert home.radio.health().faults == {}


# Tasmota: arrays as long as it sends them.
PLACE = "tasmota/discovery/A0B1C2C0FFEE"


def tasmota(**own: Any) -> dict[str, Any]:
    options = {str(number): 0 for number in (4, 11, 13, 17, 20, 30, 68, 73, 82, 114, 117)} | own.pop("so", {})
    names = own.pop("fn", ["书房 Tasmota"])
    relays, modes, texts, buttons = (own.pop(key, []) for key in ("rl", "swc", "swn", "btn"))
    return {
        "ip": "192.168.1.20",
        "dn": "书房 Tasmota",
        "fn": [*names, *[None] * (8 - len(names))],
        "hn": "tasmota-C0FFEE-8174",
        "mac": "A0B1C2C0FFEE",
        "md": "Generic",
        "ty": 0,
        "if": 0,
        "ofln": "Offline",
        "onln": "Online",
        "state": ["OFF", "ON", "TOGGLE", "HOLD"],
        "sw": "13.1.0",
        "t": "study",
        "ft": "%prefix%/%topic%/",
        "tp": ["cmnd", "stat", "tele"],
        "rl": [*relays, *[0] * (32 - len(relays))],
        "swc": [*modes, *[-1] * (28 - len(modes))],
        "swn": [*texts, *[None] * (28 - len(texts))],
        "btn": [*buttons, *[0] * (32 - len(buttons))],
        "so": options,
        "lk": 1,
        "lt_st": 0,
        "bat": 0,
        "dslp": 0,
        "sho": [],
        "sht": [],
        "ver": 1,
        **own,
    }


async def tasmotas(sensors: Any = None, **own: Any) -> Bench:
    made = await Bench().start()
    made.link.say(f"{PLACE}/config", tasmota(**own), retain=True)
    made.link.say(f"{PLACE}/sensors", {"sn": {"Time": "2026-11-22T10:00:00", **(sensors or {})}, "ver": 1}, retain=True)
    made.settle()
    made.follow("A0B1C2C0FFEE")
    made.link.say("tele/study/LWT", "Online", retain=True)
    assert made.home.reach == {"thing": "reached"}
    assert made.radio.findings == []
    return made


async def test_tasmota_is_asked_for_its_state() -> None:
    home = await tasmotas(rl=[1])
    assert home.sent() == [("cmnd/study/STATE", ""), ("cmnd/study/STATUS", "10")]
    home.radio.read("thing")
    assert home.sent() == [("cmnd/study/STATE", ""), ("cmnd/study/STATUS", "10")]
    home.link.say("stat/study/RESULT", {"POWER": "ON"})
    assert home.value("switch.on") is True


async def test_tasmota_relays_that_are_lights() -> None:
    home = await tasmotas(rl=[1, 1], fn=["主灯", "夜灯"], so={"30": 1})
    assert capability(home.specs["thing"]).tile is Tile.LIGHT
    home.sent()
    home.write({"light.on": True})
    assert home.sent() == [("cmnd/study/POWER1", "ON")]


async def test_tasmota_two_shutters_one_the_wrong_way_round() -> None:
    home = await tasmotas(rl=[3, 3, 3, 3], sho=[0, 1], sht=[[-90, 90, 20], [0, 0, 0]])
    home.sent()
    home.link.say("stat/study/RESULT", {"Shutter1": {"Position": 30, "Direction": 0, "Target": 30, "Tilt": 0}})
    home.link.say("stat/study/STATUS10", {"StatusSNS": {"Shutter2": {"Position": 30, "Direction": 0, "Target": 30}}})
    assert (home.value("curtain.current-position"), home.value("curtain.tilt-position")) == (30, 50)
    assert home.value("curtain#2.current-position") == 70
    home.write({"curtain.motor-control": "open"})
    home.write({"curtain#2.target-position": 80})
    home.write({"curtain.tilt-position": 100})
    assert home.sent() == [
        ("cmnd/study/Backlog", "ShutterOpen1"),
        ("cmnd/study/ShutterPosition2", "20"),
        ("cmnd/study/ShutterTilt1", "90"),
    ]


async def test_tasmota_colour_and_white_apart() -> None:
    home = await tasmotas(rl=[2, 2], lt_st=5, lk=0, so={"82": 1})
    home.sent()
    home.link.say(
        "tele/study/STATE",
        {"POWER1": "ON", "Dimmer1": 40, "HSBColor": "240,100,40", "POWER2": "OFF", "Dimmer2": 70, "CT": 250},
    )
    assert (home.value("light.brightness"), home.value("light.color")) == (40, 0x0000FF)
    assert (home.value("light#2.brightness"), home.value("light#2.color-temperature")) == (70, 4000)
    assert home.specs["thing"].find_property("light#2.color-temperature").range == (2632, 5000, 1)
    home.write({"light.color": 0x00FF00})
    home.write({"light#2.brightness": 20})
    assert home.sent() == [
        ("cmnd/study/Backlog", "NoDelay;HsbColor1 120;NoDelay;HsbColor2 100"),
        ("cmnd/study/Dimmer2", "20"),
    ]


async def test_tasmota_one_light_a_channel() -> None:
    home = await tasmotas(rl=[2, 2], lt_st=2, so={"68": 1})
    home.link.say("tele/study/STATE", {"POWER1": "ON", "Channel1": 30, "POWER2": "ON", "Channel2": 80})
    assert (home.value("light.brightness"), home.value("light#2.brightness")) == (30, 80)
    home.sent()
    home.write({"light#2.brightness": 55})
    assert home.sent() == [("cmnd/study/Channel2", "55")]


async def test_tasmota_fan_with_a_lamp() -> None:
    home = await tasmotas(rl=[2], **{"if": 1})
    home.link.say("tele/study/STATE", {"POWER1": "ON", "FanSpeed": 3})
    assert (home.value("light.on"), home.value("fan.on"), home.word("fan.fan-level")) == (True, True, "3")
    home.link.say("stat/study/RESULT", {"FanSpeed": 0})
    assert home.value("fan.on") is False
    home.sent()
    home.write({"fan.fan-level": "1"})
    assert home.sent() == [("cmnd/study/FanSpeed", "1")]


async def test_tasmota_switches_and_buttons() -> None:
    home = await tasmotas(
        rl=[1], swc=[1, 5, 0], swn=["门磁", "Switch2", "Switch3"], btn=[1], so={"73": 1, "114": 1, "11": 1}
    )
    home.link.say("tele/study/SENSOR", {"Time": "x", "门磁": "ON", "Switch2": "OFF"})
    assert home.specs["thing"].find_property("binary-sensor.switch-1").description == "门磁"
    assert (home.value("binary-sensor.switch-1"), home.value("binary-sensor.switch2")) == (True, False)
    home.link.say("stat/study/RESULT", {"门磁": {"Action": "OFF"}})
    assert home.value("binary-sensor.switch-1") is False
    home.link.say("stat/study/STATUS10", {"StatusSNS": {"门磁": "ON"}})
    assert home.value("binary-sensor.switch-1") is True
    for told in ({"Switch2": {"Action": "HOLD"}}, {"Switch3": {"Action": "TOGGLE"}}, {"Button1": {"Action": "SINGLE"}}):
        home.link.say("stat/study/RESULT", told)
    named = {
        (service.siid, each.eiid): each.name for service in home.specs["thing"].services for each in service.events
    }
    assert [named[siid, eiid] for _, siid, eiid in home.home.events] == ["long-press", "click", "double-click"]
    assert home.radio.health().faults == {}


async def test_tasmota_sensors_of_all_shapes() -> None:
    sensors = {
        "Switch1": "ON",
        "ENERGY": {"TotalStartTime": "2026-01-01T00:00:00", "Total": 1.5, "Power": [3, 7], "Factor": 0.5},
        "BME280": {"Temperature": 70.5, "Humidity": 45.0, "Pressure": 753.2},
        "ANALOG": {"Temperature1": 68.0, "CTEnergy1": {"Power": 2300}},
        "PN532": {"UID": "04AABBCC"},
        "TempUnit": "F",
        "PressureUnit": "mmHg",
    }
    home = await tasmotas(sensors)
    home.link.say("stat/study/STATUS10", {"StatusSNS": sensors})
    spec = home.specs["thing"]
    assert home.value("power-consumption.electric-power") == 3
    assert spec.find_property("environment.temperature").unit == "fahrenheit"
    assert spec.find_property("environment.atmospheric-pressure").unit == "mmHg"
    words = [each.description for each in spec.properties()]
    assert "ENERGY Power 2" in words
    assert "ANALOG CTEnergy1 Power" in words
    assert not [each for each in words if "PN532" in each or "Switch" in each or "TotalStartTime" in each]
    assert home.radio.health().faults == {}
