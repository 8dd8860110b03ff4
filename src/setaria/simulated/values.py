"""What a property reads before anything happened to it: believable, allowed by its spec, repeatable from a seed."""

from __future__ import annotations

import math
from functools import lru_cache
from random import Random
from typing import Final

from setaria.home.ports import Value
from setaria.home.spec.formats import INTEGER_BOUNDS, Format
from setaria.home.spec.model import Property, slug

# By the last words of a property's name; the first line that fits counts. (lowest, highest) in the property's own unit.
_USUAL: Final[tuple[tuple[str, float, float], ...]] = (
    ("battery-level", 62, 100),
    ("life-level", 55, 98),
    ("-life", 55, 98),
    ("filter-left-time", 40, 140),
    ("left-time", 0, 0),
    ("delay-time", 0, 0),
    ("delay", 0, 0),
    ("countdown-time", 0, 0),
    ("power-off-time", 0, 0),
    ("used-time", 100, 900),
    ("used-hours", 100, 900),
    ("target-temperature", 24, 24),
    ("color-temperature", 4000, 4000),
    ("temperature", 21, 24),
    ("target-humidity", 50, 50),
    ("humidity", 42, 55),
    ("pm2.5-density", 20, 60),
    ("co2-density", 480, 700),
    ("tvoc-density", 0, 1),
    ("brightness", 70, 70),
    ("volume", 30, 50),
    ("current-position", 0, 0),
    ("target-position", 0, 0),
    ("voltage", 218, 223),
    ("tds-in", 140, 190),
    ("tds-out", 12, 25),
    ("water-level", 60, 90),
    ("total-clean-area", 800, 3000),
    ("total-clean-time", 900, 4000),
    ("total-clean-times", 20, 90),
    ("total-space", 62_500_000, 62_500_000),
    ("free-space", 21_000_000, 21_000_000),
    ("used-space", 41_500_000, 41_500_000),
)
# By a slug in the list of values: what a thing at rest says.
_CALM: Final = (
    "no-faults",
    "no-fault",
    "no-failure",
    "none",
    "idle",
    "standby",
    "closed",
    "not-charging",
    "auto",
    "off",
)
_TEXTS: Final[tuple[tuple[str, str], ...]] = (
    ("start-time", "08:00"),
    ("end-time", "22:00"),
    ("time-zone", "Asia/Shanghai"),
    ("version", "2.1.6_0031"),
    ("manufacturer", "setaria"),
    ("current-time", "2026-01-01 08:00:00"),
)
_ENABLED: Final = ("motion-detection", "contact-state", "auto-keep-warm", "time-watermark")


@lru_cache(4096)
def slugs(values: tuple[tuple[Value, str], ...]) -> tuple[tuple[Value, str], ...]:
    return tuple((value, slug(description)) for value, description in values)


def default(prop: Property, random: Random) -> Value:
    if prop.format is Format.BOOL:
        return prop.name in _ENABLED
    if prop.format is Format.STRING:
        return _text(prop, random)
    if prop.values:
        return _listed(prop)
    low, high = bounds(prop)
    for ending, least, most in _USUAL:
        if prop.name.endswith(ending):
            return fit(prop, random.uniform(least, most))
    # Settings stand somewhere in the middle; counters and codes begin at the bottom, or at nought if they may.
    return fit(prop, low + (high - low) * random.uniform(0.3, 0.6) if prop.writable and high < 1_000_000 else 0)


def fit(prop: Property, value: Value) -> Value:
    """`value` in the property's type, on the step nearest within its range; a list takes only its own values."""
    if prop.format is Format.BOOL:
        return bool(value)
    if prop.format is Format.STRING:
        return str(value)
    number = float(value) if not isinstance(value, str) else 0.0
    if prop.values:
        allowed = [listed for listed, _ in prop.values if not isinstance(listed, str)]
        return min(allowed, key=lambda listed: abs(listed - number)) if allowed else prop.values[0][0]
    low, high = bounds(prop)
    number = min(high, max(low, number))
    step = prop.range[2] if prop.range else 0
    if step > 0:
        # From the bottom up: a highest value off the grid is allowed, what lies between is not.
        number = min(high, low + round((number - low) / step) * step)
        if number < high and number + step > high + step * 1e-6:
            number = low + math.floor((high - low) / step + 1e-6) * step
    return round(number, 6) if prop.format is Format.FLOAT else round(number)


def bounds(prop: Property) -> tuple[float, float]:
    if prop.values:
        numbers = [float(value) for value, _ in prop.values if not isinstance(value, str)]
        return (min(numbers), max(numbers)) if numbers else (0.0, 0.0)
    if prop.range is not None:
        return float(prop.range[0]), float(prop.range[1])
    if prop.format is Format.BOOL:
        return 0.0, 1.0
    low, high = INTEGER_BOUNDS.get(prop.format, (-1_000_000_000, 1_000_000_000))
    return float(low), float(high)


def _listed(prop: Property) -> Value:
    known = {description: value for value, description in reversed(slugs(prop.values))}
    for calm in _CALM:
        if calm in known:
            return known[calm]
    return prop.values[0][0]


def _text(prop: Property, random: Random) -> Value:
    if prop.values:
        return prop.values[0][0]
    for ending, text in _TEXTS:
        if prop.name.endswith(ending):
            return text
    if prop.name in ("serial-number", "mac"):
        return f"{random.getrandbits(48):012X}"
    return ""
