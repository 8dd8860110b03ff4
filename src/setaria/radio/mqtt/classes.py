"""Device classes of Home Assistant and what a MIoT-Spec calls the same: service, property, device type.

Sources: Home Assistant's documentation of sensor and binary sensor device classes; MIoT names as in 231 real specs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from setaria.home.spec.formats import Format


class Sense(msgspec.Struct, frozen=True):
    """`inverted`: what Home Assistant calls on is false here. `kind` is the device type it makes alone."""

    service: str
    property: str
    kind: str = ""
    format: Format = Format.FLOAT
    inverted: bool = False


_E, _P, _B = "environment", "power-consumption", "battery"
_THERMOMETER = "temperature-humidity-sensor"

SENSORS: Final[Mapping[str, Sense]] = {
    "temperature": Sense(_E, "temperature", _THERMOMETER),
    "humidity": Sense(_E, "relative-humidity", _THERMOMETER),
    "pm25": Sense(_E, "pm2.5-density", "air-monitor"),
    "pm10": Sense(_E, "pm10-density", "air-monitor"),
    "pm1": Sense(_E, "pm1-density", "air-monitor"),
    "carbon_dioxide": Sense(_E, "co2-density", "air-monitor"),
    "carbon_monoxide": Sense(_E, "co-density", "air-monitor"),
    "volatile_organic_compounds": Sense(_E, "tvoc-density", "air-monitor"),
    "volatile_organic_compounds_parts": Sense(_E, "tvoc-density", "air-monitor"),
    "aqi": Sense(_E, "air-quality-index", "air-monitor"),
    "atmospheric_pressure": Sense(_E, "atmospheric-pressure", _THERMOMETER),
    "pressure": Sense(_E, "atmospheric-pressure"),
    "illuminance": Sense("illumination-sensor", "illumination", "illumination-sensor"),
    "battery": Sense(_B, "battery-level"),
    "power": Sense(_P, "electric-power"),
    "energy": Sense(_P, "power-consumption"),
    "voltage": Sense(_P, "voltage"),
    "current": Sense(_P, "electric-current"),
}

BINARY: Final[Mapping[str, Sense]] = {
    "motion": Sense("motion-sensor", "motion-state", "motion-sensor", Format.BOOL),
    "moving": Sense("motion-sensor", "motion-state", "motion-sensor", Format.BOOL),
    "occupancy": Sense("occupancy-sensor", "occupancy-status", "occupancy-sensor", Format.BOOL),
    "presence": Sense("occupancy-sensor", "occupancy-status", "occupancy-sensor", Format.BOOL),
    # On is open there; here the state is that of the contact.
    "door": Sense("magnet-sensor", "contact-state", "magnet-sensor", Format.BOOL, inverted=True),
    "garage_door": Sense("magnet-sensor", "contact-state", "magnet-sensor", Format.BOOL, inverted=True),
    "opening": Sense("magnet-sensor", "contact-state", "magnet-sensor", Format.BOOL, inverted=True),
    "window": Sense("magnet-sensor", "contact-state", "magnet-sensor", Format.BOOL, inverted=True),
    "moisture": Sense("submersion-sensor", "submersion-state", "submersion-sensor", Format.BOOL),
    "smoke": Sense("smoke-sensor", "smoke-state", "smoke-sensor", Format.BOOL),
    "gas": Sense("gas-sensor", "gas-state", "gas-sensor", Format.BOOL),
    "carbon_monoxide": Sense("gas-sensor", "gas-state", "gas-sensor", Format.BOOL),
    "battery": Sense(_B, "battery-low", "", Format.BOOL),
    "battery_charging": Sense(_B, "charging-state", "", Format.BOOL),
}

# How Home Assistant writes units -> how specs do, where home/spec/formats.py does not know it.
UNITS: Final[Mapping[str, str]] = {
    "°C": "celsius",
    "°F": "fahrenheit",
    "K": "kelvin",
    "lx": "lux",
    "µg/m³": "microgram-per-cubic-metre",
    "μg/m³": "microgram-per-cubic-metre",
    "mg/m³": "milligram-per-cubic-metre",
    "m³": "cubic-metre",
    "m³/h": "cubic-metre-per-hour",
    "°": "arcdegrees",
}

# Types that a device with several entities may be, the one that says most of it first. What guards the home comes
# before all: it must be guarded whatever else the device is.
KINDS: Final[tuple[str, ...]] = (
    "lock",
    "door",
    "vacuum",
    "air-conditioner",
    "thermostat",
    "curtain",
    "humidifier",
    "dehumidifier",
    "air-purifier",
    "fan",
    "light",
    "outlet",
    "switch",
    "smoke-sensor",
    "gas-sensor",
    "submersion-sensor",
    "magnet-sensor",
    "motion-sensor",
    "occupancy-sensor",
    "remote-control",
    "air-monitor",
    _THERMOMETER,
    "illumination-sensor",
)
OTHERWISE: Final = "sensor"

GUARDED_COVERS: Final = frozenset({"garage", "gate", "door"})

# What buttons say -> MIoT's words, so that linkages and tiles know them.
PRESSES: Final[Mapping[str, str]] = {
    "single": "click",
    "press": "click",
    "click": "click",
    "short_press": "click",
    "button_short_press": "click",
    "double": "double-click",
    "double_press": "double-click",
    "button_double_press": "double-click",
    "hold": "long-press",
    "long": "long-press",
    "long_press": "long-press",
    "button_long_press": "long-press",
    "ring": "doorbell-ring",
}

# What a fan, a vacuum or a cover says of itself, in the order of the values.
COVER_STATES: Final = ("open", "opening", "closed", "closing", "stopped")
VACUUM_STATES: Final = ("cleaning", "docked", "paused", "idle", "returning", "error")
HVAC_MODES: Final = ("auto", "off", "cool", "heat", "dry", "fan_only")
