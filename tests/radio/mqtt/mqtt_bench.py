"""What the tests of the MQTT radio share: a link without a wire, an observer that remembers, payloads of lamps."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from setaria.facts.clock import MILLISECOND, VirtualClock
from setaria.facts.refused import Refused
from setaria.home.ports import Followed, Found, Outcome, Reading, Value, Write
from setaria.home.spec.load import load
from setaria.home.spec.model import Spec
from setaria.radio.mqtt.conversation import Ended, Event, Message, Ready, Sent
from setaria.radio.mqtt.radio import MqttRadio

PREFIX = "homeassistant"


class FakeLink:
    """Everything is taken at once; `silent` keeps acknowledgements back."""

    def __init__(self) -> None:
        self.ready = False
        self.sent: list[tuple[str, str, int, bool]] = []
        self.subscribed: list[str] = []
        self.silent = False
        self.full = False
        self._told: Callable[[Event], None] = lambda event: None

    async def open(self, told: Callable[[Event], None]) -> None:
        self._told = told

    async def close(self) -> None:
        self.ready = False

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool, tag: int) -> None:
        if self.full:
            raise Refused("radio_busy", limit=1)
        self.sent.append((topic, payload.decode(), qos, retain))
        if not self.silent:
            self._told(Sent(tag))

    def subscribe(self, filters: Sequence[str]) -> None:
        self.subscribed += filters

    def unsubscribe(self, filters: Sequence[str]) -> None:
        self.subscribed = [each for each in self.subscribed if each not in filters]

    def connect(self) -> None:
        self.ready = True
        self._told(Ready())

    def drop(self, why: str = "closed") -> None:
        self.ready = False
        self._told(Ended(why))

    def say(self, topic: str, payload: Any, retain: bool = False) -> None:
        content = (
            payload if isinstance(payload, bytes) else payload if isinstance(payload, str) else json.dumps(payload)
        )
        encoded = content if isinstance(content, bytes) else content.encode()
        self._told(Message(topic, encoded, retain, len(encoded)))

    def say_too_much(self, topic: str, size: int) -> None:
        self._told(Message(topic, None, True, size))


class Remembers:
    """An observer."""

    def __init__(self) -> None:
        self.all_found: list[Found] = []
        self.values: dict[tuple[str, int, int], Value] = {}
        self.reach: dict[str, str] = {}
        self.events: list[tuple[str, int, int]] = []

    def found(self, found: Found) -> None:
        self.all_found.append(found)

    def located(self, thing: str, location: str) -> None:
        raise AssertionError("MQTT has no places")

    def reached(self, thing: str) -> None:
        self.reach[thing] = "reached"

    def lost(self, thing: str, reason: str) -> None:
        self.reach[thing] = reason

    def observed(self, thing: str, readings: Sequence[Reading]) -> None:
        for each in readings:
            self.values[thing, each.siid, each.piid] = each.value

    def happened(self, thing: str, siid: int, eiid: int, arguments: Sequence[tuple[int, Value]]) -> None:
        self.events.append((thing, siid, eiid))


class Bench:
    """A radio on a link without a wire, with a clock moved by hand."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.link = FakeLink()
        self.radio = MqttRadio(self.clock, self.link)
        self.home = Remembers()
        self.specs: dict[str, Spec] = {}

    async def start(self) -> Bench:
        await self.radio.start(self.home)
        self.link.connect()
        return self

    def announce(self, component: str, identity: str, config: Any) -> None:
        self.link.say(f"{PREFIX}/{component}/{identity}/config", config, retain=True)

    def settle(self, milliseconds: int = 2_000) -> None:
        self.clock.advance(milliseconds * MILLISECOND)

    def found(self, address: str) -> Found:
        return [each for each in self.home.all_found if each.address == address][-1]

    def follow(self, address: str, thing: str = "thing", spec: bytes | None = None) -> Spec:
        found = self.found(address) if spec is None else None
        content = found.spec if found is not None else spec or b""
        model = found.model if found is not None else "setaria.x.y"
        self.radio.follow(Followed(thing, address, model, "", b"", (), (), content))
        self.specs[thing] = load(content, model)
        return self.specs[thing]

    def add(self, component: str, config: Any, thing: str = "thing") -> Spec:
        """Announce one entity of the device `d1` and follow it."""
        self.announce(component, "e1", {**config, "device": {"identifiers": ["d1"], "name": "Thing"}})
        self.settle()
        return self.follow("d1", thing)

    def value(self, address: str, thing: str = "thing") -> Value | None:
        found = self.specs[thing].find_property(address)
        return self.home.values.get((thing, found.siid, found.piid))

    def word(self, address: str, thing: str = "thing") -> str:
        found = self.specs[thing].find_property(address)
        value = self.home.values.get((thing, found.siid, found.piid))
        return "" if value is None else found.described(value)

    def write(self, values: dict[str, Value], thing: str = "thing") -> list[Outcome]:
        """The list gets the outcome when it comes."""
        spec, outcomes = self.specs[thing], list[Outcome]()
        writes = []
        for address, value in values.items():
            found = spec.find_property(address)
            writes.append(Write(found.siid, found.piid, found.parse(value)))
        self.radio.write(thing, writes, outcomes.append)
        assert outcomes == []
        return outcomes

    def sent(self) -> list[tuple[str, str]]:
        told, self.link.sent = self.link.sent, []
        return [(topic, payload) for topic, payload, _, _ in told if topic != f"{PREFIX}/status"]


JSON_LAMP: dict[str, Any] = {
    "schema": "json",
    "unique_id": "0x01_light",
    "command_topic": "z/客厅 lamp/set",
    "state_topic": "z/客厅 lamp",
    "brightness": True,
    "brightness_scale": 254,
    "supported_color_modes": ["color_temp", "xy"],
    "min_mireds": 153,
    "max_mireds": 500,
    "effect": True,
    "effect_list": ["blink", "breathe"],
}
