"""How much a property must change for the change to be kept.

A band is (absolute, share): a change is kept when it is at least the larger of `absolute`, in the property's unit, and
`share` of the value kept last. What is told in words, listed, or set by people is kept at every change.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from setaria.home.ports import Value
from setaria.home.spec.formats import Format
from setaria.home.spec.model import Property

Band = tuple[float, float]

EVERY_CHANGE: Final[Band] = (0.0, 0.0)
SLACK: Final = 1e-9  # so that 0.1 is a tenth whatever binary floats make of it

# Names first: several quantities share a unit, or have none.
BY_NAME: Final[Mapping[str, Band]] = {
    "temperature": (0.1, 0.0),
    "relative-humidity": (1.0, 0.0),
    "pm2.5-density": (2.0, 0.02),
    "pm10-density": (2.0, 0.02),
    "co2-density": (10.0, 0.02),
    "tvoc-density": (0.0, 0.05),
    "hcho-density": (0.0, 0.05),
    "illumination": (1.0, 0.05),
    "atmospheric-pressure": (10.0, 0.0),  # pascal
    "electric-power": (1.0, 0.02),
    "power-consumption": (0.01, 0.0),
    "electric-current": (0.0, 0.02),
    "voltage": (0.0, 0.01),
    "battery-level": (1.0, 0.0),
    "noise-decibel": (1.0, 0.0),
    "rssi": (5.0, 0.0),
}
BY_UNIT: Final[Mapping[str, Band]] = {
    "celsius": (0.1, 0.0),
    "fahrenheit": (0.2, 0.0),
    "microgram-per-cubic-metre": (2.0, 0.02),
    "milligram-per-cubic-metre": (0.0, 0.05),
    "ppm": (10.0, 0.02),
    "ppb": (10.0, 0.02),
    "lux": (1.0, 0.05),
    "pascal": (10.0, 0.0),
    "hectopascal": (0.1, 0.0),
    "watt": (1.0, 0.02),
    "kilowatt-hour": (0.01, 0.0),
    "watt-hour": (10.0, 0.0),
    "volt": (0.0, 0.01),
    "millivolt": (0.0, 0.01),
    "ampere": (0.0, 0.02),
    "milliampere": (0.0, 0.02),
    "decibel": (1.0, 0.0),
    "revolution-per-minute": (0.0, 0.02),
}


@lru_cache(maxsize=4_096)
def _band(name: str, unit: str) -> Band:
    band = BY_NAME.get(name)
    return BY_UNIT.get(unit, EVERY_CHANGE) if band is None else band


def band_of(prop: Property) -> Band:
    if prop.writable or prop.values or prop.format is Format.BOOL or prop.format is Format.STRING:
        return EVERY_CHANGE
    return _band(prop.name, prop.unit)


def worth_keeping(prop: Property, last_kept: Value | None, value: Value) -> bool:
    """Measured against what was kept last, so that a slow drift is kept too."""
    if last_kept == value and isinstance(last_kept, bool) is isinstance(value, bool):
        return False
    if last_kept is None or isinstance(value, str | bool) or isinstance(last_kept, str | bool):
        return True
    absolute, share = band_of(prop)
    least = max(absolute, share * abs(last_kept))
    return abs(value - last_kept) >= least * (1 - SLACK)
