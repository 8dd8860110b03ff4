"""The MQTT radio with software of others: Debian's mosquitto as the broker, mosquitto_pub and mosquitto_sub as devices.

Each journey runs on the embedded broker and on mosquitto. What is announced are payloads as Zigbee2MQTT, Tasmota and
ESPHome document theirs. Where the continuous integration runs (CI is set), mosquitto's absence is a failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from setaria.app import Hub, Settings
from setaria.facts.refused import Refused
from setaria.facts.secrets import KeyFile, SecretStore
from setaria.home import commands as c
from setaria.home.ports import Value
from setaria.radio.mqtt.access import Access
from setaria.radio.mqtt.options import Broker, MqttSettings
from setaria.radio.mqtt.radio import MqttRadio

pytestmark = pytest.mark.foreign
HOST = "127.0.13.7"
USER, PASSWORD = "devices", "not-a-secret"
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
PATIENCE = 15.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


async def until(holds: Callable[[], Any], seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)


class World:
    """A hub with its broker, and the devices around it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.user, self.password = USER, PASSWORD
        self.hub: Hub
        self._mosquitto: asyncio.subprocess.Process | None = None
        self._listening: list[asyncio.subprocess.Process] = []

    @property
    def radio(self) -> MqttRadio:
        radio = self.hub.home.radios["mqtt"]
        assert isinstance(radio, MqttRadio)
        return radio

    async def open(self, settings: MqttSettings) -> None:
        self.settings = settings
        self.hub = Hub.open(Settings(self.folder / "hub", "en", miio=False, mdns=False, mqtt=settings))
        await self.hub.start()
        await until(lambda: self.radio.health().running)

    async def start_mosquitto(self) -> None:
        assert MOSQUITTO is not None
        passwords, config = self.folder / "passwords", self.folder / "mosquitto.conf"
        if not config.exists():
            config.write_text(
                f"listener {self.port} {HOST}\nallow_anonymous false\npassword_file {passwords}\nuser root\n"
            )
            passwords.touch()
            for user in (USER, "hub"):
                await run("mosquitto_passwd", "-b", str(passwords), user, PASSWORD)
        self._mosquitto = await asyncio.create_subprocess_exec(
            MOSQUITTO, "-c", str(config), stderr=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
        )
        await until(lambda: not is_free(self.port))

    async def stop_mosquitto(self) -> None:
        if self._mosquitto is not None:
            self._mosquitto.terminate()
            await self._mosquitto.wait()
            self._mosquitto = None

    async def close(self) -> None:
        for process in self._listening:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
        await self.hub.close()
        await self.stop_mosquitto()

    def _who(self) -> list[str]:
        return ["-h", HOST, "-p", str(self.port), "-u", self.user, "-P", self.password]

    async def publish(self, topic: str, payload: Any, retain: bool = True) -> None:
        text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
        file = self.folder / "payload"
        file.write_text(text)
        await run("mosquitto_pub", *self._who(), "-q", "1", *(["-r"] if retain else []), "-t", topic, "-f", str(file))

    async def listen(self, *topics: str) -> Callable[[], Awaitable[tuple[str, str]]]:
        """The next message that another program hears."""
        probe = f"probe/{len(self._listening)}"
        wanted = [each for topic in (*topics, probe) for each in ("-t", topic)]
        process = await asyncio.create_subprocess_exec(
            *("mosquitto_sub", *self._who(), "-q", "1", *wanted, "-F", "%t\t%p"), stdout=asyncio.subprocess.PIPE
        )
        self._listening.append(process)
        assert process.stdout is not None
        ready = asyncio.create_task(process.stdout.readline())
        while not ready.done():  # until it has subscribed nothing of this reaches it
            await self.publish(probe, "ready", retain=False)
            await asyncio.wait([ready], timeout=0.05)
        again = ready.result()

        async def heard() -> tuple[str, str]:
            assert process.stdout is not None
            line = again
            while line == again:
                line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
            topic, _, payload = line.decode().rstrip("\n").partition("\t")
            return topic, payload

        return heard

    async def add(self, address: str, thing: str) -> None:
        home = self.hub.home
        await until(lambda: home.finding.get("mqtt", address))
        found = home.finding.get("mqtt", address)
        assert found is not None
        await home.arrange(self.hub.owner, c.AddThing("mqtt", address, found.model, thing, found.name))

    def value(self, address: str) -> Value | None:
        return self.hub.home.live.slots[address].value

    async def command(
        self, thing: str, values: dict[str, Value], heard: Callable[[], Awaitable[tuple[str, str]]], *answers: Any
    ) -> list[tuple[str, str]]:
        """Write, let the device hear as many messages as it answers, and give its answers."""
        asked = asyncio.create_task(self.hub.home.write(self.hub.owner, thing, values))
        told = []
        for topic, payload in answers:
            told.append(await heard())
            if topic:
                await self.publish(topic, payload)
        await asked
        return told


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


async def run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, error = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0, (command[0], error.decode())


@pytest.fixture(params=["embedded", "mosquitto"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    if MOSQUITTO is None or shutil.which("mosquitto_pub") is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up("mosquitto and mosquitto-clients are missing: .ci/system test installs them")
    made = World(tmp_path, free_port())
    if request.param == "embedded":
        (tmp_path / "hub").mkdir()
        made.password = Access(SecretStore(tmp_path / "hub/secrets", KeyFile(tmp_path / "hub/key"))).add(USER)
        await made.open(MqttSettings(listen=(HOST, made.port)))
    else:
        await made.start_mosquitto()
        await made.open(MqttSettings(broker=Broker(HOST, made.port, username="hub", password=PASSWORD)))
    yield made
    await made.close()


# As Zigbee2MQTT 2.12.1 announces a lamp (lib/extension/homeassistant.ts at 6835cbf).
Z2M = {
    "availability": [
        {"topic": "zigbee2mqtt/bridge/state", "value_template": "{{ value_json.state }}"},
        {"topic": "zigbee2mqtt/客厅 Living room lamp/availability", "value_template": "{{ value_json.state }}"},
    ],
    "availability_mode": "all",
    "device": {
        "identifiers": ["zigbee2mqtt_0x00158d0001d8e1d2"],
        "hw_version": 1,
        "manufacturer": "IKEA",
        "model": "TRADFRI bulb E26/E27, white spectrum",
        "model_id": "LED1545G12",
        "name": "客厅 Living room lamp",
        "sw_version": "2.3.087",
        "via_device": "zigbee2mqtt_bridge_0x00124b00120144ae",
    },
    "origin": {"name": "Zigbee2MQTT", "sw": "2.12.1", "url": "https://www.zigbee2mqtt.io"},
}
Z2M_LAMP = {
    **Z2M,
    "brightness": True,
    "brightness_scale": 254,
    "command_topic": "zigbee2mqtt/客厅 Living room lamp/set",
    "effect": True,
    "effect_list": ["blink", "breathe", "okay"],
    "max_mireds": 454,
    "min_mireds": 250,
    "name": None,
    "default_entity_id": "light.客厅_living_room_lamp",
    "object_id": "客厅_living_room_lamp",
    "schema": "json",
    "state_topic": "zigbee2mqtt/客厅 Living room lamp",
    "supported_color_modes": ["color_temp"],
    "unique_id": "0x00158d0001d8e1d2_light_zigbee2mqtt",
}
Z2M_LINK = {
    **Z2M,
    "enabled_by_default": False,
    "entity_category": "diagnostic",
    "icon": "mdi:signal",
    "name": "Linkquality",
    "default_entity_id": "sensor.客厅_living_room_lamp_linkquality",
    "object_id": "客厅_living_room_lamp_linkquality",
    "state_class": "measurement",
    "state_topic": "zigbee2mqtt/客厅 Living room lamp",
    "unique_id": "0x00158d0001d8e1d2_linkquality_zigbee2mqtt",
    "unit_of_measurement": "lqi",
    "value_template": "{{ value_json.linkquality }}",
}
Z2M_TRIGGER = {
    "automation_type": "trigger",
    "type": "action",
    "subtype": "double",
    "payload": "double",
    "topic": "zigbee2mqtt/客厅 Living room lamp/action",
    "device": Z2M["device"],
    "origin": Z2M["origin"],
}


async def test_zigbee2mqtt(world: World) -> None:
    lamp = "zigbee2mqtt/客厅 Living room lamp"
    identity = "0x00158d0001d8e1d2"
    await world.publish(f"homeassistant/light/{identity}/light/config", Z2M_LAMP)
    await world.publish(f"homeassistant/sensor/{identity}/linkquality/config", Z2M_LINK)
    await world.publish(f"homeassistant/device_automation/{identity}/action_double/config", Z2M_TRIGGER)
    await world.publish("zigbee2mqtt/bridge/state", {"state": "online"})
    await world.publish(lamp, {"state": "OFF", "brightness": 127, "color_temp": 370, "linkquality": 84})
    await world.add(f"zigbee2mqtt_{identity}", "lamp")
    live = world.hub.home.live
    await until(lambda: live.things["lamp"].reason == "offline")
    await world.publish(f"{lamp}/availability", {"state": "online"})
    await until(lambda: live.things["lamp"].reachable)
    await until(lambda: world.value("lamp/sensor.linkquality") == 84)
    assert world.value("lamp/light.brightness") == 50
    assert world.hub.home.structure.things["lamp"].name == "客厅 Living room lamp"
    heard = await world.listen(f"{lamp}/set")
    told = await world.command(
        "lamp",
        {"light.on": True, "light.brightness": 80, "light.color-temperature": 4000},
        heard,
        (lamp, {"state": "ON", "brightness": 203, "color_temp": 250, "linkquality": 90}),
    )
    assert json.loads(told[0][1]) == {"state": "ON", "brightness": 203, "color_temp": 250}
    assert world.value("lamp/light.on") is True
    happened: list[str] = []
    live.event_watchers["lamp/button.double-click"] = (lambda event, arguments: happened.append(event),)
    await world.publish(f"{lamp}/action", "double", retain=False)
    await until(lambda: happened)
    await world.publish("zigbee2mqtt/bridge/state", {"state": "offline"})
    await until(lambda: not live.things["lamp"].reachable)
    assert world.radio.findings == []


# As Tasmota 13 and later announce a plug with a lamp (tasmota/tasmota_xdrv_driver/xdrv_12_discovery.ino at 080cdb4).
TASMOTA = {
    "ip": "192.168.1.20",
    "dn": "书房 Tasmota",
    "fn": ["主机 power", "Side lamp", *[None] * 6],
    "hn": "tasmota-C0FFEE-8174",
    "mac": "A0B1C2C0FFEE",
    "md": "Sonoff T1",
    "ty": 0,
    "if": 0,
    "ofln": "Offline",
    "onln": "Online",
    "state": ["OFF", "ON", "TOGGLE", "HOLD"],
    "sw": "13.1.0",
    "t": "tasmota_C0FFEE",
    "ft": "%prefix%/%topic%/",
    "tp": ["cmnd", "stat", "tele"],
    "rl": [1, 2, *[0] * 30],
    "swc": [-1] * 28,
    "swn": [None] * 28,
    "btn": [0] * 32,
    "so": {**{str(each): 0 for each in (4, 11, 13, 17, 20, 30, 68, 73, 82, 114)}, "117": 0},
    "lk": 1,
    "lt_st": 1,
    "bat": 0,
    "dslp": 0,
    "sho": [],
    "sht": [],
    "ver": 1,
}
TASMOTA_SENSORS = {
    "sn": {
        "Time": "2026-11-22T18:00:00",
        "SI7021": {"Temperature": 21.3, "Humidity": 45.5, "DewPoint": 9.0},
        "TempUnit": "C",
    },
    "ver": 1,
}


async def test_tasmota(world: World) -> None:
    own = "tasmota_C0FFEE"
    await world.publish("tasmota/discovery/A0B1C2C0FFEE/config", TASMOTA)
    await world.publish("tasmota/discovery/A0B1C2C0FFEE/sensors", TASMOTA_SENSORS)
    await world.publish(f"tele/{own}/LWT", "Online")
    await world.add("A0B1C2C0FFEE", "plug")
    await until(lambda: world.hub.home.live.things["plug"].reachable)
    await world.publish(f"tele/{own}/STATE", {"POWER1": "OFF", "POWER2": "ON", "Dimmer": 30}, retain=False)
    sensors = {"Time": "2026-11-22T18:05:00", "SI7021": {"Temperature": 21.7, "Humidity": 46.0}, "TempUnit": "C"}
    await world.publish(f"tele/{own}/SENSOR", sensors, retain=False)
    await until(lambda: world.value("plug/environment.temperature") == 21.7)
    assert (world.value("plug/switch.on"), world.value("plug/light.brightness")) == (False, 30)
    heard = await world.listen(f"cmnd/{own}/+")
    told = await world.command("plug", {"switch.on": True}, heard, (f"stat/{own}/RESULT", {"POWER1": "ON"}))
    told += await world.command(
        "plug", {"light.brightness": 77}, heard, (f"stat/{own}/RESULT", {"POWER2": "ON", "Dimmer": 77})
    )
    assert told == [(f"cmnd/{own}/POWER1", "ON"), (f"cmnd/{own}/Dimmer", "77")]
    assert world.radio.findings == []


# As ESPHome 2024.11 announces itself (esphome/components/mqtt/mqtt_component.cpp at 33fdbbe): short keys, a topic an
# entity; an object id keeps of a name what is ASCII, each other byte is an underscore.
ESPHOME = {
    "avty_t": "厨房-node/status",
    "dev": {
        "ids": "a4cf12345678",
        "name": "厨房 node",
        "sw": "2024.11.0 (Nov 20 2024, 10:00:00)",
        "mdl": "esp32dev",
        "mf": "Espressif",
        "cns": [["mac", "a4cf12345678"]],
    },
}
ESPHOME_PARTS: dict[str, dict[str, Any]] = {
    "sensor/kitchen-node/temperature_______": {
        "dev_cla": "temperature",
        "unit_of_meas": "°C",
        "stat_cla": "measurement",
        "name": "Temperature 温度",
        "stat_t": "厨房-node/sensor/temperature_______/state",
        "uniq_id": "ESPsensortemperature_______",
    },
    "binary_sensor/kitchen-node/motion": {
        "dev_cla": "motion",
        "name": "Motion",
        "stat_t": "厨房-node/binary_sensor/motion/state",
        "uniq_id": "ESPbinary_sensormotion",
    },
    "switch/kitchen-node/_________": {
        "name": "继电器",
        "stat_t": "厨房-node/switch/_________/state",
        "cmd_t": "厨房-node/switch/_________/command",
        "uniq_id": "ESPswitch_________",
    },
    "cover/kitchen-node/blind": {
        "name": "Blind",
        "dev_cla": "blind",
        "pos_t": "厨房-node/cover/blind/position/state",
        "set_pos_t": "厨房-node/cover/blind/position/command",
        "stat_t": "厨房-node/cover/blind/state",
        "cmd_t": "厨房-node/cover/blind/command",
        "uniq_id": "ESPcoverblind",
    },
}


async def test_esphome(world: World) -> None:
    for place, part in ESPHOME_PARTS.items():
        await world.publish(f"homeassistant/{place}/config", {**part, **ESPHOME})
    await world.publish("厨房-node/status", "online")
    await world.publish("厨房-node/sensor/temperature_______/state", "19.8")
    await world.add("a4cf12345678", "node")
    await until(lambda: world.value("node/environment.temperature") == 19.8)
    await world.publish("厨房-node/binary_sensor/motion/state", "ON", retain=False)
    await world.publish("厨房-node/cover/blind/position/state", "35", retain=False)
    await until(lambda: world.value("node/curtain.current-position") == 35)
    assert world.value("node/motion-sensor.motion-state") is True
    heard = await world.listen("厨房-node/+/+/command", "厨房-node/+/+/+/command")
    answer = ("厨房-node/switch/_________/state", "ON")
    told = await world.command("node", {"switch.on": True}, heard, answer)
    told += await world.command("node", {"curtain.target-position": 60}, heard, ("", ""))
    assert told == [
        ("厨房-node/switch/_________/command", "ON"),
        ("厨房-node/cover/blind/position/command", "60"),
    ]
    await world.publish("厨房-node/status", "offline")
    await until(lambda: not world.hub.home.live.things["node"].reachable)
    with pytest.raises(Refused) as refused:
        await world.hub.home.write(world.hub.owner, "node", {"switch.on": False})
    assert refused.value.details["why"] == "offline"


async def test_a_megabyte_hurts_nobody(world: World) -> None:
    await world.publish("homeassistant/light/big/config", json.dumps({"name": "x" * 1_000_000}))
    await until(lambda: [each.code for each in world.radio.findings] == ["mqtt_discovery_too_large"])
    await world.publish("homeassistant/switch/a/config", {"uniq_id": "u", "cmd_t": "a/set", "dev": {"ids": "small"}})
    await world.add("small", "small")
    assert "broker_closed" not in world.radio.health().faults


async def test_others_hear_when_the_hub_comes_and_goes(world: World) -> None:
    heard = await world.listen("homeassistant/status")
    world.hub.home.search(world.hub.owner)
    assert await heard() == ("homeassistant/status", "online")
    if isinstance(world.settings.broker, Broker):  # the other one goes with the hub
        await world.hub.close()
        assert await heard() == ("homeassistant/status", "offline")
        await world.open(world.settings)
        assert await heard() == ("homeassistant/status", "online")


async def test_a_broker_that_dies_and_comes_back(world: World) -> None:
    if world.settings.broker is None:
        pytest.skip("the embedded one lives and dies with the hub: see test_a_hub_starts_again")
    await world.publish(
        "homeassistant/switch/a/config", {"uniq_id": "u", "cmd_t": "a/set", "stat_t": "a", "dev": {"ids": "d"}}
    )
    await world.add("d", "plug")
    await until(lambda: world.hub.home.live.things["plug"].reachable)
    await world.stop_mosquitto()
    await until(lambda: world.hub.home.live.things["plug"].reason == "broker_gone")
    await world.start_mosquitto()
    await until(lambda: world.hub.home.live.things["plug"].reachable)
    heard = await world.listen("a/set")
    assert await world.command("plug", {"switch.on": True}, heard, ("a", "ON")) == [("a/set", "ON")]


async def test_a_hub_starts_again(world: World) -> None:
    config = {"uniq_id": "u", "cmd_t": "a/set", "stat_t": "a", "name": "插座", "dev": {"ids": "d"}}
    await world.publish("homeassistant/switch/a/config", config, retain=False)
    await world.add("d", "plug")
    await world.publish("a", "ON", retain=False)
    await until(lambda: world.value("plug/switch.on") is True)
    await world.hub.close()
    await world.open(world.settings)  # nothing is announced again, and nothing has to be
    assert world.value("plug/switch.on") is True
    await until(lambda: world.hub.home.live.things["plug"].reachable)
    heard = await world.listen("a/set")
    assert await world.command("plug", {"switch.on": False}, heard, ("a", "OFF")) == [("a/set", "OFF")]
