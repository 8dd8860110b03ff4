"""A Zigbee2MQTT-shaped bridge with a lamp and a thermometer, speaking real MQTT to a broker.

What it announces and how it answers is as Zigbee2MQTT 2 does (lib/extension/homeassistant.ts): a JSON light, sensors
with templates, availability of the bridge and of each device, states retained.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Any, Final

import msgspec

from setaria.facts.clock import MINUTE, Clock
from setaria.facts.refused import Refused
from setaria.radio.mqtt.conversation import Event, Message, Ready
from setaria.radio.mqtt.link import TcpLink
from setaria.radio.mqtt.options import PREFIX, Broker
from setaria.radio.mqtt.packets import Will

BASE: Final = "zigbee2mqtt"
BRIDGE: Final = f"{BASE}/bridge/state"
TELLING: Final = 1 * MINUTE
LARGEST_COMMAND: Final = 4_096
DRIFT: Final = 0.2  # °C a minute


class SampleDevice(msgspec.Struct, frozen=True):
    """`ieee` is its address; the home knows it by `address`."""

    id: str
    ieee: str
    zh: str
    en: str
    room: str
    model: str
    maker: str

    @property
    def address(self) -> str:
        return f"{BASE}_{self.ieee}"


LAMP: Final = SampleDevice(
    "bedroom_mood", "0x00158d0000480029", "卧室氛围灯", "Bedroom mood light", "bedroom", "LED1545G12", "IKEA"
)
THERMOMETER: Final = SampleDevice(
    "balcony_climate", "0x00158d000048002a", "阳台温湿度计", "Balcony thermometer", "balcony", "WSDCGQ11LM", "Aqara"
)
DEVICES: Final = (LAMP, THERMOMETER)


class Bridge:
    """`named` are what the devices call themselves. `speed` is how fast their time runs."""

    def __init__(self, broker: Broker, clock: Clock, random: Random, named: Mapping[str, str], speed: float) -> None:
        will = Will(BRIDGE, b'{"state":"offline"}', 1, retain=True)
        self._link: Final = TcpLink(broker, "zigbee2mqtt", will, clock, random)
        self._clock, self._random, self._named = clock, random, named
        self._every: Final = max(round(TELLING / speed), 1)
        self._work: asyncio.Task[None] | None = None
        self._lamp: dict[str, Any] = {"state": "OFF", "brightness": 127, "color_temp": 370, "linkquality": 120}
        self._air: dict[str, Any] = {"temperature": 21.4, "humidity": 48.0, "battery": 97, "linkquality": 84}

    async def start(self) -> None:
        await self._link.open(self._heard)
        self._work = asyncio.create_task(self._weather(), name="simulated thermometer")

    async def stop(self) -> None:
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        await self._link.close()

    def topic(self, device: SampleDevice) -> str:
        return f"{BASE}/{self._named[device.id]}"

    def _heard(self, event: Event) -> None:
        if isinstance(event, Ready):
            self._link.subscribe([f"{self.topic(LAMP)}/set", f"{PREFIX}/status"])
            self._announce()
        elif isinstance(event, Message) and event.topic == f"{PREFIX}/status":
            if event.payload == b"online":
                self._announce()
        elif isinstance(event, Message) and event.payload is not None and len(event.payload) <= LARGEST_COMMAND:
            self._obey(event.payload)

    def _obey(self, payload: bytes) -> None:
        try:
            wanted = msgspec.json.decode(payload, type=dict[str, Any])
        except msgspec.MsgspecError:
            return
        for key, kind in (("state", str), ("brightness", int), ("color_temp", int)):
            if isinstance(wanted.get(key), kind):
                self._lamp[key] = wanted[key]
        if wanted.get("state") is None and {"brightness", "color_temp"} & wanted.keys():
            self._lamp["state"] = "ON"
        self._say(self.topic(LAMP), self._lamp)

    async def _weather(self) -> None:
        """A random walk of the air."""
        while True:
            await self._clock.sleep(self._every)
            air = self._air
            air["temperature"] = round(min(max(air["temperature"] + self._random.uniform(-DRIFT, DRIFT), -5), 38), 2)
            air["humidity"] = round(min(max(air["humidity"] + self._random.uniform(-1, 1), 20), 95), 1)
            self._say(self.topic(THERMOMETER), air)

    def _announce(self) -> None:
        for component, device, identity, own in ENTITIES:
            told = {**own, **self._shared(device, identity)}
            told.update({key: value.format(topic=self.topic(device)) for key, value in own.items() if key in _TOPICS})
            self._say(f"{PREFIX}/{component}/{device.ieee}/{identity}/config", told)
        self._say(BRIDGE, {"state": "online"})
        for device, state in ((LAMP, self._lamp), (THERMOMETER, self._air)):
            self._say(f"{self.topic(device)}/availability", {"state": "online"})
            self._say(self.topic(device), state)

    def _shared(self, device: SampleDevice, identity: str) -> dict[str, Any]:
        template = "{{ value_json.state }}"
        return {
            "availability": [
                {"topic": BRIDGE, "value_template": template},
                {"topic": f"{self.topic(device)}/availability", "value_template": template},
            ],
            "availability_mode": "all",
            "device": {
                "identifiers": [device.address],
                "name": self._named[device.id],
                "model_id": device.model,
                "manufacturer": device.maker,
            },
            "origin": {"name": "Zigbee2MQTT", "sw": "2.12.1", "url": "https://www.zigbee2mqtt.io"},
            "state_topic": self.topic(device),
            "unique_id": f"{device.ieee}_{identity}_{BASE}",
        }

    def _say(self, topic: str, told: Mapping[str, Any]) -> None:
        try:
            self._link.publish(topic, msgspec.json.encode(told), 0, True, 0)
        except Refused:
            return  # it is said anew when it is there again


_TOPICS: Final = frozenset({"command_topic"})


def _sensor(device_class: str, unit: str) -> dict[str, Any]:
    return {
        "device_class": device_class,
        "state_class": "measurement",
        "unit_of_measurement": unit,
        "value_template": f'{{{{ value_json["{device_class}"] }}}}',
    }


ENTITIES: Final[tuple[tuple[str, SampleDevice, str, Mapping[str, Any]], ...]] = (
    (
        "light",
        LAMP,
        "light",
        {
            "name": None,
            "schema": "json",
            "brightness": True,
            "brightness_scale": 254,
            "supported_color_modes": ["color_temp"],
            "min_mireds": 250,
            "max_mireds": 454,
            "command_topic": "{topic}/set",
        },
    ),
    ("sensor", THERMOMETER, "temperature", _sensor("temperature", "°C")),
    ("sensor", THERMOMETER, "humidity", _sensor("humidity", "%")),
    ("sensor", THERMOMETER, "battery", _sensor("battery", "%")),
)
