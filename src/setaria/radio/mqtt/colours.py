"""Colours of other people's scales <-> 0xRRGGBB of full brightness.

xy is CIE 1931 with the sRGB primaries and the D65 white, as lamps' own software computes it.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import Any

from setaria.home.spec.convert import numeric


def packed(red: float, green: float, blue: float) -> int:
    def part(value: float) -> int:
        return min(max(round(value), 0), 255)

    return part(red) << 16 | part(green) << 8 | part(blue)


def parts(colour: int) -> tuple[int, int, int]:
    return colour >> 16 & 255, colour >> 8 & 255, colour & 255


def from_hs(hue: float, saturation: float) -> int:
    """Hue in degrees, saturation in percent."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 360 / 360, min(max(saturation, 0), 100) / 100, 1)
    return packed(red * 255, green * 255, blue * 255)


def to_hs(colour: int) -> tuple[float, float]:
    hue, saturation, _ = colorsys.rgb_to_hsv(*(part / 255 for part in parts(colour)))
    return round(hue * 360, 3), round(saturation * 100, 3)


def from_xy(x: float, y: float) -> int:
    if y <= 0:
        return 0
    big_x, big_z = x / y, max(1 - x - y, 0) / y
    linear = (
        3.2406 * big_x - 1.5372 - 0.4986 * big_z,
        -0.9689 * big_x + 1.8758 + 0.0415 * big_z,
        0.0557 * big_x - 0.2040 + 1.0570 * big_z,
    )
    kept = [max(each, 0.0) for each in linear]
    most = max(kept) or 1.0
    return packed(*(_gamma(each / most) * 255 for each in kept))


def to_xy(colour: int) -> tuple[float, float]:
    red, green, blue = (_linear(part / 255) for part in parts(colour))
    big_x = 0.4124 * red + 0.3576 * green + 0.1805 * blue
    big_y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    big_z = 0.0193 * red + 0.1192 * green + 0.9505 * blue
    whole = big_x + big_y + big_z
    return (round(big_x / whole, 4), round(big_y / whole, 4)) if whole else (0.3127, 0.329)


def _gamma(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def numbers(wire: Any, least: int) -> list[float] | None:
    """`255,0,127`, or a list."""
    given: Sequence[Any] = wire.split(",") if isinstance(wire, str) else wire if isinstance(wire, list) else ()
    found = [numeric(each.strip() if isinstance(each, str) else each) for each in given[:8]]
    kept = [each for each in found if each is not None]
    return kept if len(kept) == len(found) >= least else None


def from_object(found: Any) -> int | None:
    """The `color` object of a JSON light: h and s, x and y, or r, g and b, whichever are there."""
    if not isinstance(found, dict):
        return None

    def all_of(*keys: str) -> list[float] | None:
        given = [numeric(found.get(key)) for key in keys]
        kept = [each for each in given if each is not None]
        return kept if len(kept) == len(keys) else None

    if (rgb := all_of("r", "g", "b")) is not None:
        return packed(*rgb)
    if (hs := all_of("h", "s") or all_of("hue", "saturation")) is not None:
        return from_hs(*hs)
    if (xy := all_of("x", "y")) is not None:
        return from_xy(*xy)
    return None
