"""Ids for things nobody has named yet: from the room and what the model is, `living_light`, `living_light_2`."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Final

RESERVED: Final = frozenset({"helper", "member", "sun", "hub", "home", "time", "trigger"})
_KINDS: Final = {
    "airp": "purifier",
    "airpurifier": "purifier",
    "airc": "air_conditioner",
    "aircondition": "air_conditioner",
    "acpartner": "air_conditioner",
    "airm": "air_monitor",
    "airmonitor": "air_monitor",
    "derh": "dehumidifier",
    "ctrl_neutral": "switch",
    "sensor_magnet": "door_sensor",
    "magnet": "door_sensor",
    "sensor_motion": "motion_sensor",
    "motion": "motion_sensor",
    "plug": "plug",
    "waterheater": "water_heater",
    "bhf_light": "bath_heater",
}


def id_for(model: str, room: str, taken: Container[str]) -> str:
    """`model` is VENDOR.KIND.VERSION, as Xiaomi's are."""
    parts = model.lower().split(".")
    kind = parts[1] if len(parts) > 1 else parts[0]
    word = re.sub(r"[^a-z0-9]+", "_", _KINDS.get(kind, kind)).strip("_") or "thing"
    base = f"{room}_{word}" if room else word
    base = base if base[0].isalpha() and base not in RESERVED else f"thing_{base}"
    base = base[:56]
    candidate, number = base, 2
    while candidate in taken:
        candidate, number = f"{base}_{number}", number + 1
    return candidate
