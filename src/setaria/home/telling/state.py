"""What a thing is doing, in a few words: `on · 60 % · 4000 K`, `PM2.5 38`, `docked · 92 %`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

import msgspec

from setaria.home.ports import Value
from setaria.home.spec.capability import capability
from setaria.home.spec.formats import Format
from setaria.home.spec.kinds import Tile
from setaria.home.spec.model import Property, Spec
from setaria.home.spec.names import name_of, value_name
from setaria.words import say

LOW_BATTERY: Final = 20  # per cent
BLACK_TO_WHITE: Final = 100


class Tone(StrEnum):
    """PLAIN is a reading, ON something at work, OFF at rest, CARE something to look at."""

    PLAIN = "plain"
    ON = "on"
    OFF = "off"
    CARE = "care"


class Word(msgspec.Struct, frozen=True):
    text: str
    tone: Tone = Tone.PLAIN


Values = Mapping[str, Value]
"""Address within the thing -> its value; what was never seen is absent."""

# What is told of each kind of thing, most important first.
_TOLD: Final[Mapping[Tile, tuple[str, ...]]] = {
    Tile.LIGHT: ("on", "brightness", "color_temperature"),
    Tile.STRIP: ("on", "brightness"),
    Tile.CURTAIN: ("position", "moving"),
    Tile.CLIMATE: ("on", "mode", "target_temperature", "temperature", "humidity"),
    Tile.PURIFIER: ("on", "pm25", "mode", "humidity", "temperature"),
    Tile.FAN: ("on", "fan_level", "mode"),
    Tile.SWITCH: ("switches", "power"),
    Tile.LOCK: ("locked", "door", "battery_low"),
    Tile.VACUUM: ("status", "battery"),
    Tile.APPLIANCE: ("status_or_on", "left_time", "heat", "target_heat"),
    Tile.CAMERA: ("on", "recording"),
    Tile.SENSOR: (
        *("motion", "contact", "submersion", "smoke", "temperature", "humidity", "pm25", "co2", "lux"),
        "battery_low",
    ),
    Tile.SPEAKER: ("playing", "mute", "volume"),
    Tile.GENERIC: ("on", "status", "arming", "temperature"),
}
_UNITS: Final = {
    "brightness": "percent",
    "battery": "percent",
    "color_temperature": "kelvin",
    "humidity": "humidity",
    "temperature": "celsius",
    "target_temperature": "target",
    "heat": "celsius",
    "target_heat": "target",
    "pm25": "pm25",
    "co2": "co2",
    "power": "watt",
    "left_time": "left",
    "volume": "volume",
    "illumination": "lux",
}
_NOT_ZERO: Final = frozenset({"left_time", "power"})
# Said only while the thing is on.
_WHILE_ON: Final = frozenset({"brightness", "color_temperature", "fan_level", "mode", "target_temperature"})
_BOOLS: Final[Mapping[str, tuple[Tone, Tone]]] = {
    "on": (Tone.OFF, Tone.ON),
    "motion": (Tone.OFF, Tone.ON),
    "contact": (Tone.ON, Tone.OFF),
    "door": (Tone.OFF, Tone.ON),
    "locked": (Tone.CARE, Tone.OFF),
    "submersion": (Tone.OFF, Tone.CARE),
    "smoke": (Tone.OFF, Tone.CARE),
}
AT_REST: Final = frozenset(
    (
        *("idle", "off", "standby", "charging", "stopped", "stop", "pause", "paused", "closed", "charging-completed"),
        *("charged", "fullcharge", "keep-warm", "shutdown", "completed", "sleep", "dormant", "parked", "未加热状态"),
    )
)
"""The specs' own words, in lower case and with hyphens, for a state in which nothing is under way."""


def at_rest(prop: Property, value: Value) -> bool:
    return prop.described(value).casefold().replace(" ", "-") in AT_REST


def in_words(spec: Spec, values: Values, language: str) -> list[Word]:
    """Most important first; nothing when nothing of it is known yet."""
    return _Teller(spec, values, language).words()


class _Teller:
    def __init__(self, spec: Spec, values: Values, language: str) -> None:
        self.spec = spec
        self.values = values
        self.language = language
        self.capability = capability(spec)
        self.special: Mapping[str, Callable[[], list[Word]]] = {
            "position": self.position,
            "moving": self.moving,
            "switches": self.switches,
            "battery_low": self.battery_low,
            "status_or_on": self.status_or_on,
            "heat": lambda: self.number("temperature", "heat"),
            "target_heat": lambda: self.number("target_temperature", "target_heat"),
            "lux": lambda: self.number("illumination", "illumination"),
            "mute": self.mute,
        }

    def words(self) -> list[Word]:
        off = self.known("on") is False
        told: list[Word] = []
        for name in _TOLD[self.capability.tile]:
            if not (off and name in _WHILE_ON):
                told += self.special[name]() if name in self.special else self.feature(name)
        return told

    def say(self, name: str, **parameters: object) -> str:
        return say(f"telling.state.{name}", self.language, **parameters)

    def known(self, feature: str) -> Value | None:
        prop = self.capability.features.get(feature)
        return None if prop is None else self.values.get(prop.address)

    def feature(self, name: str) -> list[Word]:
        prop = self.capability.features.get(name)
        value = None if prop is None else self.values.get(prop.address)
        if prop is None or value is None:
            return []
        if isinstance(value, bool):
            if name not in _BOOLS:
                return []
            return [Word(self.say(f"{name}_{str(value).lower()}"), _BOOLS[name][value])]
        if prop.values:
            return self.listed(prop, value)
        return self.number(name, name)

    def listed(self, prop: Property, value: Value) -> list[Word]:
        text = lowered(value_name(prop, value, self.language))
        if not text or prop.described(value).casefold() in ("none", ""):
            return []
        resting = at_rest(prop, value)
        status = prop is self.capability.features.get("status")
        return [Word(text, (Tone.OFF if resting else Tone.ON) if status else Tone.PLAIN)]

    def number(self, feature: str, told_as: str) -> list[Word]:
        prop = self.capability.features.get(feature)
        value = None if prop is None else self.values.get(prop.address)
        if prop is None or prop.values or isinstance(value, bool) or not isinstance(value, int | float):
            return []
        if told_as not in _UNITS or (told_as in _NOT_ZERO and not value):
            return []
        return [Word(self.say(f"unit_{_UNITS[told_as]}", value=f"{round(value, 1):g}"))]

    def position(self) -> list[Word]:
        value = self.known("position")
        if not isinstance(value, int | float) or isinstance(value, bool):
            return []
        if value in (0, BLACK_TO_WHITE):
            return [Word(self.say("position_open" if value else "position_closed"), Tone.ON if value else Tone.OFF)]
        return [Word(self.say("position", value=f"{value:g}"), Tone.ON)]

    def moving(self) -> list[Word]:
        prop = self.capability.features.get("status")
        value = self.known("status")
        if prop is None or value is None or prop.described(value).casefold() in ("stopped", "pause", "stop", ""):
            return []
        return self.listed(prop, value)

    def switches(self) -> list[Word]:
        found = [
            self.values[prop.address]
            for service in self.spec.services
            if service.name in ("switch", "outlet")
            for prop in service.properties
            if prop.name == "on" and prop.format is Format.BOOL and prop.address in self.values
        ]
        texts = [Word(self.say(f"on_{str(bool(value)).lower()}"), Tone.ON if value else Tone.OFF) for value in found]
        return texts if len({word.text for word in texts}) > 1 else texts[:1]

    def battery_low(self) -> list[Word]:
        level = self.known("battery")
        if not isinstance(level, int | float) or level >= LOW_BATTERY:
            return []
        return [Word(self.say("battery_low", value=f"{level:g}"), Tone.CARE)]

    def status_or_on(self) -> list[Word]:
        return self.feature("status") or self.feature("on")

    def mute(self) -> list[Word]:
        return [Word(self.say("muted"), Tone.OFF)] if self.known("mute") is True else []


def lowered(text: str) -> str:
    """`Go charging` stands in the middle of a line; `CO₂` stays, and what specs write as `basic_arming` is read."""
    text = text.replace("_", " ")
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def value_in_words(spec: Spec, address: str, value: Value, language: str) -> str:
    """One value alone: `on`, `38 μg`, `cleaning`; of what nothing better is known, property and number."""
    prop = next((each for each in spec.properties() if each.address == address), None)
    if prop is None:
        return str(value)
    teller = _Teller(spec, {address: value}, language)
    feature = next((name for name, each in teller.capability.features.items() if each is prop), "")
    words = teller.feature(feature) if feature else []
    if not words and feature in ("position", "target_position"):
        words = _Teller(spec, {teller.capability.features["position"].address: value}, language).position()
    if words:
        return words[0].text
    shown = value_name(prop, value, language) if isinstance(value, bool) or prop.values else ""
    if prop.name == "on" and isinstance(value, bool):
        shown = teller.say(f"on_{str(value).lower()}")
    return lowered(shown) or f"{name_of(prop, language)} {value}"


def reason_in_words(reason: str, language: str) -> str:
    """Why a thing is not reached."""
    text = say(f"telling.reason.{reason}", language)
    return reason.replace("_", " ") if text.startswith("telling.reason.") else text
