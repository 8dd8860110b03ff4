"""Tasmota's own discovery: `tasmota/discovery/<MAC>/config` and `/sensors` -> the same announcements.

As Tasmota 13 and later write it (tasmota/tasmota_xdrv_driver/xdrv_12_discovery.ino at 080cdb4): `tp` are the words for
%prefix% (cmnd, stat, tele), `ft` the full topic, `t` the topic, `fn` friendly names, `dn` the device's name, `ofln` and
`onln` its will. What it switches is read in tasmota_outputs.py, what it feels in tasmota_inputs.py.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from setaria.facts.refused import Refused
from setaria.radio.mqtt.announcing import (
    LARGEST_PAYLOAD,
    Announcement,
    Config,
    Device,
    Withdrawal,
    text_of,
    too_large,
)
from setaria.radio.mqtt.tasmota_inputs import inputs, sensors
from setaria.radio.mqtt.tasmota_outputs import outputs
from setaria.radio.mqtt.tasmota_said import TELE, Said
from setaria.radio.mqtt.topics import TASMOTA

PREFIX: Final = f"{TASMOTA}/"
FILTERS: Final = (f"{TASMOTA}/+/config", f"{TASMOTA}/+/sensors")
MOST_DEVICES: Final = 1_000
MOST_HELD: Final = 100
_TOPIC: Final = re.compile(rf"{TASMOTA}/([0-9A-Fa-f]{{12}})/(config|sensors)")


class Tasmotas:
    """Sensors can only be understood with the config of their device, whichever comes first."""

    def __init__(self) -> None:
        self._said: dict[str, Said] = {}
        self._held: dict[str, bytes] = {}

    def held(self, topic: str) -> tuple[str, bytes] | None:
        """Sensors that came before the config at this topic: topic and payload, once."""
        found = _TOPIC.fullmatch(topic)
        payload = self._held.pop(found[1], None) if found is not None and found[2] == "config" else None
        return None if found is None or payload is None else (f"{PREFIX}{found[1]}/sensors", payload)

    def read(self, topic: str, payload: bytes) -> Announcement | Withdrawal | None:
        """Raises Refused: mqtt_discovery_too_large, mqtt_discovery_unreadable, mqtt_discovery_incomplete."""
        found = _TOPIC.fullmatch(topic)
        if found is None:
            return None
        if len(payload) > LARGEST_PAYLOAD:
            raise too_large(topic, len(payload))
        mac = found[1].upper()
        if not payload.strip():
            if found[2] == "config":
                self._said.pop(mac, None)
            return Withdrawal(topic)
        told = _object(topic, payload)
        if found[2] == "config":
            if mac not in self._said and len(self._said) >= MOST_DEVICES:
                raise Refused("mqtt_too_many", what="devices", most=MOST_DEVICES)
            said = self._said[mac] = _read_config(mac, topic, told)
            entities = (*outputs(said), *inputs(said))
        else:
            known = self._said.get(mac)
            if known is None:
                if len(self._held) < MOST_HELD:
                    self._held[found[1]] = payload
                return None
            said = known
            entities = tuple(sensors(said, told))
        return Announcement(topic, said.device, entities, "Tasmota")


def _object(topic: str, payload: bytes) -> Config:
    try:
        told = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Refused("mqtt_discovery_unreadable", topic=topic) from None
    if not isinstance(told, dict):
        raise Refused("mqtt_discovery_unreadable", topic=topic)
    return told


def _read_config(mac: str, topic: str, told: Config) -> Said:
    name = text_of(told.get("dn"))
    prefixes = told.get("tp")
    full, own = text_of(told.get("ft")), text_of(told.get("t"))
    if not (isinstance(prefixes, list) and len(prefixes) == 3 and all(isinstance(each, str) for each in prefixes)):
        raise Refused("mqtt_discovery_incomplete", topic=topic, missing="tp")
    if "%prefix%" not in full or not own:
        raise Refused("mqtt_discovery_incomplete", topic=topic, missing="ft, t")
    device = Device(mac, (f"id:{mac}", f"mac:{mac.lower()}"), name, "Tasmota", text_of(told.get("md")))
    said = Said(mac, device, told, {})
    said.availability = {
        "availability_topic": said.topic(TELE, "LWT"),
        "payload_available": text_of(told.get("onln")) or "Online",
        "payload_not_available": text_of(told.get("ofln")) or "Offline",
    }
    return said
