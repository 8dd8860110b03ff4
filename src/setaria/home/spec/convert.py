"""Values of other people's scales, made to fit a property."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from setaria.home.ports import Value
from setaria.home.spec.formats import INTEGER_BOUNDS, Format
from setaria.home.spec.model import Property, slug
from setaria.home.spec.services_table import NO_LEVELS, SYNONYMS

LARGEST: Final = 1e15


def numeric(value: object) -> float | None:
    """A finite number, also from text; imported files write `"50"`."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value[:32] if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) <= LARGEST else None


def within(prop: Property, number: float) -> Value | None:
    """The nearest value the property takes."""
    if prop.format in (Format.BOOL, Format.STRING):
        return None
    if prop.values:
        listed = [value for value, _ in prop.values if isinstance(value, int | float)]
        return min(listed, key=lambda value: abs(value - number), default=None)
    if prop.range is not None:
        low, high, step = prop.range
        number = min(max(number, low), high)
        if step > 0:
            steps = min(round((number - low) / step), math.floor((high - low) / step + 1e-9))
            number = round(low + steps * step, 9)
    elif prop.format in INTEGER_BOUNDS:
        lowest, highest = INTEGER_BOUNDS[prop.format]
        number = min(max(number, lowest), highest)
    return number if prop.format is Format.FLOAT else round(number)


def percent_of(prop: Property, percent: float) -> Value | None:
    """0..100 of the range, or of the listed levels; anything above 0 is at least the lowest level."""
    percent = min(max(percent, 0), 100)
    if prop.values:
        levels = _levels(prop)
        place = max(math.ceil(percent / 100 * len(levels) - 1e-9), 1) - 1
        return levels[place] if levels else None
    if prop.range is None or prop.unit == "percentage":
        return within(prop, percent)
    low, high, _ = prop.range
    return within(prop, low + percent / 100 * (high - low))


def named(prop: Property, text: str) -> Value | None:
    """A listed value by its own name, or by what it is called elsewhere."""
    own = prop.named(text)
    if own is not None:
        return own
    others = SYNONYMS.get(text.strip().casefold(), ())
    return next((value for other in others if (value := prop.named(other)) is not None), None)


def rgb_of(value: Value | Sequence[Value]) -> int | None:
    """0xRRGGBB."""
    if isinstance(value, bool | float):
        return None
    if isinstance(value, int):
        return value if 0 <= value <= 0xFFFFFF else None
    if isinstance(value, str):
        text = value.strip().removeprefix("#")
        if len(text) == 6 and value.strip().startswith("#"):
            return int(text, 16) if all(letter in "0123456789abcdefABCDEF" for letter in text) else None
        value = text.strip("[]()").split(",")[:4]
    parts = [numeric(part) for part in value[:4]]
    if len(parts) != 3:
        return None
    red, green, blue = (-1 if part is None or not 0 <= part <= 255 else round(part) for part in parts)
    return None if min(red, green, blue) < 0 else red << 16 | green << 8 | blue


def _levels(prop: Property) -> list[Value]:
    return [value for value, description in sorted(prop.values, key=_order) if slug(description) not in NO_LEVELS]


def _order(listed: tuple[Value, str]) -> float:
    return listed[0] if isinstance(listed[0], int | float) else 0.0
