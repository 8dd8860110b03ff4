"""One Tasmota device as it announced itself, and its topics with the words between % filled in."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from setaria.radio.mqtt.announcing import Config, Device, Entity, text_of

CMND, STAT, TELE = 0, 1, 2
POLLS: Final[tuple[tuple[str, str], ...]] = (("STATE", ""), ("STATUS", "10"))
"""Commands that make it tell all of its outputs and all of its sensors."""


class Said(msgspec.Struct):
    """One device's `config`, as it was read."""

    mac: str
    device: Device
    config: Config
    availability: Config

    def topic(self, prefix: int, last: str) -> str:
        told = self.config
        whole = text_of(told["ft"])
        names = {"%prefix%": told["tp"][prefix], "%topic%": text_of(told["t"]), "%hostname%": text_of(told.get("hn"))}
        for each, value in {**names, "%id%": self.mac[-6:]}.items():
            whole = whole.replace(each, value)
        return f"{whole.rstrip('/')}/{last}"

    def entity(self, component: str, key: str, name: str, config: Config) -> Entity:
        polls = tuple((self.topic(CMND, command), payload) for command, payload in POLLS)
        return Entity(f"{component}:{self.mac}_{key}", component, name, {**self.availability, **config}, polls)

    def option(self, number: str) -> bool:
        """A `SetOption`, as the announcement names it."""
        options = self.config.get("so")
        return isinstance(options, dict) and options.get(number) == 1

    def flag(self, key: str) -> bool:
        return self.config.get(key) == 1

    def listed(self, key: str) -> list[Any]:
        found = self.config.get(key)
        return found[:MOST_LISTED] if isinstance(found, list) else []

    def word(self, place: int, default: str) -> str:
        """The texts for off, on, toggle and hold."""
        words = self.listed("state")
        return text_of(words[place]) or default if place < len(words) else default


MOST_LISTED: Final = 32
