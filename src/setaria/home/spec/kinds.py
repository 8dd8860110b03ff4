"""Device types of MIoT-Spec-V2 and what they are elsewhere: our tile, a Matter device type, a Home Assistant domain.

Matter ids are those of the Device Library Specification 1.4, camera and doorbell of 1.5.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

import msgspec


class Tile(enum.StrEnum):
    LIGHT = "light"
    STRIP = "strip"
    CURTAIN = "curtain"
    CLIMATE = "climate"
    PURIFIER = "purifier"
    FAN = "fan"
    SWITCH = "switch"
    LOCK = "lock"
    VACUUM = "vacuum"
    APPLIANCE = "appliance"
    CAMERA = "camera"
    SENSOR = "sensor"
    SPEAKER = "speaker"
    GENERIC = "generic"


class Kind(msgspec.Struct, frozen=True):
    """`mains` are the services that make the thing what it is, first choice first; none given: the type's own name.
    `code` is "" where no instance has been seen.
    """

    code: str
    tile: Tile
    domain: str
    matter: int | None = None
    mains: tuple[str, ...] = ()


_HEATING: Final = ("heater", "ptc-bath-heater", "electric-blanket")
_CHAMBERS: Final = ("fridge", "refrigerator", "fridge-chamber")

KINDS: Final[Mapping[str, Kind]] = {
    # lights: the Matter type depends on what the lamp can do, see LIGHT_TYPES
    "light": Kind("0000A001", Tile.LIGHT, "light", 0x0100),
    "ambient-light": Kind("", Tile.LIGHT, "light", 0x0100, ("ambient-light", "light")),
    "night-light": Kind("", Tile.LIGHT, "light", 0x0100, ("night-light", "light")),
    "light-strip": Kind("", Tile.STRIP, "light", 0x0100, ("light",)),
    # power
    "outlet": Kind("0000A002", Tile.SWITCH, "switch", 0x010A, ("switch", "outlet")),
    "switch": Kind("0000A003", Tile.SWITCH, "switch", 0x010F),
    "remote-control": Kind("0000A021", Tile.SENSOR, "event", 0x000F, ("remote-control", "switch-sensor", "button")),
    "gateway": Kind("0000A019", Tile.GENERIC, "alarm_control_panel", 0x000E, ("gateway", "arming")),
    # openings
    "curtain": Kind("0000A00C", Tile.CURTAIN, "cover", 0x0202),
    "window-opener": Kind("", Tile.CURTAIN, "cover", 0x0202),
    "airer": Kind("0000A00D", Tile.CURTAIN, "cover"),
    "lock": Kind("0000A038", Tile.LOCK, "lock", 0x000A, ("lock", "door")),
    "door": Kind("0000A041", Tile.LOCK, "lock", 0x000A, ("lock", "door")),
    # air
    "air-purifier": Kind("0000A007", Tile.PURIFIER, "fan", 0x002D),
    "air-fresh": Kind("0000A012", Tile.PURIFIER, "fan", 0x002D),
    "fan": Kind("0000A005", Tile.FAN, "fan", 0x002B),
    "humidifier": Kind("0000A00E", Tile.PURIFIER, "humidifier"),
    "dehumidifier": Kind("0000A02D", Tile.PURIFIER, "humidifier"),
    "diffuser": Kind("0000A01E", Tile.APPLIANCE, "switch"),
    "air-monitor": Kind("0000A008", Tile.SENSOR, "sensor", 0x002C, ("air-monitor", "environment")),
    # warmth
    "air-conditioner": Kind("0000A004", Tile.CLIMATE, "climate", 0x0072),
    "air-condition-outlet": Kind(
        "0000A045", Tile.CLIMATE, "climate", 0x0072, ("air-conditioner", "air-condition-outlet", "switch")
    ),
    "thermostat": Kind("0000A031", Tile.CLIMATE, "climate", 0x0301),
    "heater": Kind("0000A01A", Tile.CLIMATE, "climate", 0x0301, _HEATING),
    "bath-heater": Kind("0000A028", Tile.CLIMATE, "climate", 0x0301, ("ptc-bath-heater", "bath-heater")),
    "electric-blanket": Kind("0000A069", Tile.CLIMATE, "climate"),
    "water-heater": Kind("0000A02A", Tile.CLIMATE, "water_heater", 0x050F),
    # the kitchen and the laundry
    "fridge": Kind("0000A00F", Tile.APPLIANCE, "sensor", 0x0070, _CHAMBERS),
    "refrigerator": Kind("", Tile.APPLIANCE, "sensor", 0x0070, _CHAMBERS),
    "washer": Kind("0000A01F", Tile.APPLIANCE, "sensor", 0x0073),
    "dryer": Kind("", Tile.APPLIANCE, "sensor", 0x007C),
    "dishwasher": Kind("", Tile.APPLIANCE, "sensor", 0x0075),
    "oven": Kind("0000A04E", Tile.APPLIANCE, "sensor", 0x007B),
    "microwave-oven": Kind("0000A032", Tile.APPLIANCE, "sensor", 0x0079),
    "hood": Kind("0000A01B", Tile.APPLIANCE, "fan", 0x007A),
    "cooker": Kind("0000A00B", Tile.APPLIANCE, "sensor"),
    "pressure-cooker": Kind("0000A04B", Tile.APPLIANCE, "sensor"),
    "air-fryer": Kind("0000A0A4", Tile.APPLIANCE, "sensor"),
    "coffee-machine": Kind("0000A049", Tile.APPLIANCE, "switch"),
    "kettle": Kind("0000A009", Tile.APPLIANCE, "sensor"),
    "water-dispenser": Kind("0000A0A1", Tile.APPLIANCE, "sensor"),
    "water-purifier": Kind("", Tile.APPLIANCE, "sensor"),
    # robots
    "vacuum": Kind(
        "0000A006", Tile.VACUUM, "vacuum", 0x0074, ("vacuum", "sweep", "viomi-vacuum", "roborock-vacuum", "clean")
    ),
    # eyes, ears, voices
    "camera": Kind("0000A01C", Tile.CAMERA, "camera", 0x0142, ("camera-control", "camera")),
    "video-doorbell": Kind("0000A03A", Tile.CAMERA, "camera", 0x0143),
    "speaker": Kind("0000A015", Tile.SPEAKER, "media_player", 0x0022, ("speaker", "play-control")),
    "television": Kind("", Tile.SPEAKER, "media_player", 0x0028, ("television", "speaker", "play-control")),
    # sensors
    "motion-sensor": Kind("0000A014", Tile.SENSOR, "binary_sensor", 0x0107),
    "occupancy-sensor": Kind("", Tile.SENSOR, "binary_sensor", 0x0107),
    "magnet-sensor": Kind("0000A016", Tile.SENSOR, "binary_sensor", 0x0015),
    "temperature-humidity-sensor": Kind("0000A00A", Tile.SENSOR, "sensor", 0x0302),
    "illumination-sensor": Kind("", Tile.SENSOR, "sensor", 0x0106),
    "submersion-sensor": Kind("", Tile.SENSOR, "binary_sensor", 0x0043),
    "smoke-sensor": Kind("0000A030", Tile.SENSOR, "binary_sensor", 0x0076),
    "gas-sensor": Kind("", Tile.SENSOR, "binary_sensor"),
    # the rest
    "scooter": Kind("0000A077", Tile.GENERIC, "sensor"),
}

UNKNOWN: Final = Kind("", Tile.GENERIC, "sensor")
BY_CODE: Final[Mapping[str, Kind]] = {kind.code: kind for kind in KINDS.values() if kind.code}

# What the lamp can do -> Matter device type, the most capable first.
LIGHT_TYPES: Final[tuple[tuple[str, int], ...]] = (
    ("color", 0x010D),
    ("color_temperature", 0x010C),
    ("brightness", 0x0101),
    ("on", 0x0100),
)

# Services that carry a Home Assistant domain inside a thing of another domain: the fan in a ceiling lamp.
DOMAIN_MAINS: Final[Mapping[str, tuple[str, ...]]] = {
    "light": ("light", "ambient-light", "night-light"),
    "fan": ("fan", "ceiling-fan", "air-purifier", "air-fresh", "hood"),
    "switch": ("switch", "outlet"),
    "cover": ("curtain", "window-opener", "airer"),
    "climate": ("air-conditioner", "thermostat", *_HEATING),
    "water_heater": ("water-heater",),
    "humidifier": ("humidifier", "dehumidifier"),
    "vacuum": ("vacuum",),
    "lock": ("lock", "scooter"),
    "camera": ("camera-control",),
    "media_player": ("speaker", "play-control", "television"),
}
