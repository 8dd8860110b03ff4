"""The value formats, access rights and units of MIoT-Spec-V2, as tables."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final


class Format(enum.StrEnum):
    BOOL = "bool"
    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT32 = "uint32"
    UINT64 = "uint64"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT = "float"
    STRING = "string"


class Access(enum.IntFlag):
    NONE = 0
    READ = 1
    WRITE = 2
    NOTIFY = 4


# Names met in the wild for the same formats.
FORMATS: Final[Mapping[str, Format]] = {
    **{f.value: f for f in Format},
    "boolean": Format.BOOL,
    "int": Format.INT32,
    "integer": Format.INT32,
    "double": Format.FLOAT,
    "str": Format.STRING,
    "hex": Format.STRING,
}

INTEGER_BOUNDS: Final[Mapping[Format, tuple[int, int]]] = {
    Format.UINT8: (0, 2**8 - 1),
    Format.UINT16: (0, 2**16 - 1),
    Format.UINT32: (0, 2**32 - 1),
    Format.UINT64: (0, 2**64 - 1),
    Format.INT8: (-(2**7), 2**7 - 1),
    Format.INT16: (-(2**15), 2**15 - 1),
    Format.INT32: (-(2**31), 2**31 - 1),
    Format.INT64: (-(2**63), 2**63 - 1),
}

ACCESS_BITS: Final[Mapping[str, int]] = {"read": 1, "write": 2, "notify": 4}
ACCESS: Final = tuple(Access(bits) for bits in range(8))  # arithmetic of an IntFlag is slow, and loading does it often

# One spelling a unit. Both micro signs (U+00B5, U+03BC) are in use.
UNITS: Final[Mapping[str, str]] = {
    "": "",
    "none": "",
    "null": "",
    "%": "percentage",
    "percent": "percentage",
    "percentage": "percentage",
    "second": "seconds",
    "seconds": "seconds",
    "s": "seconds",
    "minute": "minutes",
    "minutes": "minutes",
    "min": "minutes",
    "hour": "hours",
    "hours": "hours",
    "h": "hours",
    "day": "days",
    "days": "days",
    "celsius": "celsius",
    "℃": "celsius",
    "fahrenheit": "fahrenheit",
    "kelvin": "kelvin",
    "k": "kelvin",
    "rgb": "rgb",
    "arcdegrees": "arcdegrees",
    "arcdegress": "arcdegrees",
    "degree": "arcdegrees",
    "degrees": "arcdegrees",
    "w": "watt",
    "watt": "watt",
    "watts": "watt",
    "kwh": "kilowatt-hour",
    "kw·h": "kilowatt-hour",
    "wh": "watt-hour",
    "v": "volt",
    "volt": "volt",
    "mv": "millivolt",
    "a": "ampere",
    "ampere": "ampere",
    "ma": "milliampere",
    "lux": "lux",
    "ppm": "ppm",
    "ppb": "ppb",
    "pascal": "pascal",
    "pa": "pascal",
    "hpa": "hectopascal",
    "\u00b5g/m3": "microgram-per-cubic-metre",
    "\u03bcg/m3": "microgram-per-cubic-metre",
    "ug/m3": "microgram-per-cubic-metre",
    "\u03bcg/m³": "microgram-per-cubic-metre",
    "mg/m3": "milligram-per-cubic-metre",
    "mg/l": "milligram-per-litre",
    "m3": "cubic-metre",
    "m3/h": "cubic-metre-per-hour",
    "m": "metre",
    "metre": "metre",
    "meter": "metre",
    "km": "kilometre",
    "km/h": "kilometre-per-hour",
    "rpm": "revolution-per-minute",
    "l": "litre",
    "litre": "litre",
    "liter": "litre",
    "ml": "millilitre",
    "g": "gram",
    "gram": "gram",
    "kg": "kilogram",
    "db": "decibel",
}


def unit_of(written: str | None) -> str:
    """One spelling for each unit, "" for none; a unit not in the table stays as the vendor wrote it."""
    if not written:
        return ""
    return UNITS.get(written.strip().lower(), written.strip()[:32])
