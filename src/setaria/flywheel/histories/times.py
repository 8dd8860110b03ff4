"""Times as they come, to UTC and local microseconds since 1970.

What a column holds is decided once, by the first block with a readable value; values that do not fit it are then
unreadable, so a file cannot change its mind halfway.
"""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from setaria.facts.clock import DAY
from setaria.facts.refused import Refused
from setaria.flywheel.arrays import Flags, Floats, Whole
from setaria.flywheel.histories.texts import missing_texts

Form = Literal["iso", "stamps", "days", "compact", "epoch"]

UNREADABLE: Final = np.int64(-(2**62))
MISSING: Final = UNREADABLE - 1
# Microseconds of one unit, and below which size a count since 1970 is taken to be in it (the year 5138 in seconds).
UNITS: Final = (
    ("seconds", 1_000_000.0, 1e11),
    ("milliseconds", 1_000.0, 1e14),
    ("microseconds", 1.0, 1e17),
    ("nanoseconds", 0.001, np.inf),
)
_NUMBER: Final = r"^[+-]?\d+(\.\d+)?$"
_ZONED: Final = r":\d{2}.*(?:[zZ]|[+-]\d{2}(?::?\d{2})?)$"
_ISO: Final = (
    r"^(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"
    r"(?:[T ](?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d{1,9}))?)?)?"
    r"\s?(?P<zulu>[zZ]|UTC)?(?:(?P<sign>[+-])(?P<away>\d{2}):?(?P<off>\d{2})?)?$"
)


@dataclass(frozen=True, slots=True)
class Moments:
    """UTC and local microseconds; UNREADABLE or MISSING in both where there is none."""

    utc: Whole
    local: Whole


class Times:
    """Reads the blocks of one column of times."""

    def __init__(self, zone: str) -> None:
        self.form: Form | None = None
        self.unit = ""
        self.zone = zone
        try:
            zoneinfo.ZoneInfo(zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise Refused("flywheel_zone_unknown", zone=zone[:40]) from error
        self._utc = zone in ("UTC", "Etc/UTC")

    def read(self, column: pa.Array) -> Moments:
        kind = column.type
        if pa.types.is_dictionary(kind):
            return self.read(column.cast(kind.value_type))
        if pa.types.is_string_view(kind):
            return self._texts(column.cast(pa.string()))
        if pa.types.is_timestamp(kind):
            return self._stamps(column)
        if pa.types.is_date(kind):
            self.form = self.form or "days"
            return self._from_local(_filled(column.cast(pa.timestamp("us"))))
        if pa.types.is_integer(kind) or pa.types.is_floating(kind):
            return self._numbers(column.cast(pa.float64(), safe=False), column if pa.types.is_integer(kind) else None)
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return self._texts(column)
        if pa.types.is_null(kind):
            nothing = np.full(len(column), MISSING)
            return Moments(nothing, nothing)
        raise Refused("flywheel_time_column", type=str(kind))

    def _stamps(self, column: pa.Array) -> Moments:
        self.form = self.form or "stamps"
        if column.type.tz is None:
            return self._from_local(_filled(column.cast(pa.timestamp("us"), safe=False)))
        return self._from_utc(_filled(column.cast(pa.timestamp("us", column.type.tz), safe=False)))

    def _texts(self, column: pa.Array) -> Moments:
        if self.form == "iso":
            read = self._plain(column)
            if read is not None:
                return read
        column = pc.utf8_trim_whitespace(column)
        missing = missing_texts(column)
        column = pc.if_else(missing, pa.scalar(None, column.type), column)
        numbers = pc.fill_null(pc.match_substring_regex(column, _NUMBER), False)
        if self.form is None and pc.any(pc.is_valid(column)).as_py():
            self.form = "epoch" if 2 * pc.sum(numbers).as_py() > len(column) - column.null_count else "iso"
        if self.form in ("epoch", "compact"):
            read = self._numbers(pc.if_else(numbers, column, None).cast(pa.float64()), None)
        else:
            read = self._iso(column)
        lost = (read.utc == MISSING) & ~missing.to_numpy(zero_copy_only=False)
        return Moments(np.where(lost, UNREADABLE, read.utc), np.where(lost, UNREADABLE, read.local))

    def _plain(self, column: pa.Array) -> Moments | None:
        """A column in which every text is right and all or none have a zone: the quick way."""
        for zone, place in ((None, self._from_local), ("UTC", self._from_utc)):
            try:
                return place(_filled(column.cast(pa.timestamp("us", zone))))
            except pa.ArrowInvalid:
                continue
        return None

    def _iso(self, column: pa.Array) -> Moments:
        zoned = pc.fill_null(pc.match_substring_regex(column, _ZONED), False).to_numpy(zero_copy_only=False)
        if not zoned.any():
            return self._from_local(_local_of(column))
        utc = self._from_utc(_utc_of(pc.if_else(zoned, column, None)))
        if zoned.all():
            return utc
        local = self._from_local(_local_of(pc.if_else(zoned, None, column)))
        return Moments(np.where(zoned, utc.utc, local.utc), np.where(zoned, utc.local, local.local))

    def _numbers(self, column: pa.Array, whole: pa.Array | None) -> Moments:
        values: Floats = column.to_numpy(zero_copy_only=False).astype(np.float64)
        valid = np.isfinite(values)
        if not self.unit and valid.any():
            self.form, self.unit = _unit(values[valid])
        if self.form == "compact":
            return self._from_local(np.where(np.isnan(values), MISSING, _compact(values)))
        scale = next((micro for name, micro, _ in UNITS if name == self.unit), 1.0)
        if whole is not None and scale >= 1:  # exact where a double would not be
            counts = pc.fill_null(whole, 0).to_numpy(zero_copy_only=False)
            exact = np.abs(values) * scale < 2.0**62
            micros = np.where(exact, counts, 0).astype(np.int64) * np.int64(scale)
        else:
            scaled = np.where(valid, values, 0.0) * scale
            exact = valid & (np.abs(scaled) < 2.0**62)
            micros = np.rint(np.where(exact, scaled, 0.0)).astype(np.int64)
        return self._from_utc(np.where(np.isnan(values), MISSING, np.where(exact, micros, UNREADABLE)))

    def _from_local(self, local: Whole) -> Moments:
        if self._utc:
            return Moments(local, local)
        known = local > UNREADABLE
        stamps = pa.array(np.where(known, local, 0), pa.timestamp("us"))
        # A time that the clocks skipped or ran through twice is taken as early as it can be.
        utc = pc.assume_timezone(stamps, self.zone, ambiguous="earliest", nonexistent="earliest")
        return Moments(np.where(known, _filled(utc), local), local)

    def _from_utc(self, utc: Whole) -> Moments:
        if self._utc:
            return Moments(utc, utc)
        known = utc > UNREADABLE
        stamps = pa.array(np.where(known, utc, 0), pa.timestamp("us", self.zone))
        return Moments(utc, np.where(known, _filled(pc.local_timestamp(stamps)), utc))


def _unit(values: Floats) -> tuple[Form, str]:
    whole = values == np.floor(values)
    dates: Flags = whole & (values >= 19_000_101) & (values <= 22_001_231)
    if 2 * dates.sum() > len(values) and 2 * (_compact(values) > UNREADABLE).sum() > len(values):
        return "compact", "days"
    size = float(np.sort(np.abs(values))[(len(values) - 1) // 2])
    return "epoch", next(name for name, _, below in UNITS if size < below)


def _filled(stamps: pa.Array) -> Whole:
    ticks: Whole = pc.fill_null(stamps.cast(pa.int64()), int(MISSING)).to_numpy(zero_copy_only=False)
    return ticks


def _local_of(column: pa.Array) -> Whole:
    try:
        return _filled(column.cast(pa.timestamp("us")))
    except pa.ArrowInvalid:
        return _by_parts(column)[0]


def _utc_of(column: pa.Array) -> Whole:
    try:
        return _filled(column.cast(pa.timestamp("us", "UTC")))
    except pa.ArrowInvalid:
        local, away = _by_parts(column)
        return np.where(local > UNREADABLE, local - away, local)


def _compact(values: Floats) -> Whole:
    """20240131, whole floats, to microseconds."""
    whole = np.isfinite(values) & (values == np.floor(values)) & (np.abs(values) < 1e9)
    number = np.where(whole, values, 0).astype(np.int64)
    return _days(number // 10_000, number // 100 % 100, number % 100)


def _days(year: Whole, month: Whole, day: Whole) -> Whole:
    """Microseconds of a date's midnight; UNREADABLE where there is no such day (proleptic Gregorian calendar)."""
    right = (year >= 1) & (year <= 9999) & (month >= 1) & (month <= 12) & (day >= 1)
    months = np.where(right, (year - 1970) * 12 + month - 1, 0)
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    after = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    right &= first + day <= after
    return np.where(right, (first + day - 1) * DAY, UNREADABLE)


def _by_parts(column: pa.Array) -> tuple[Whole, Whole]:
    """Local microseconds and how far ahead of UTC, for texts among which some are not times."""
    parts = pc.extract_regex(column, _ISO)
    none = parts.is_null().to_numpy(zero_copy_only=False)

    def part(name: str, padded: int = 0) -> Whole:
        texts: Any = pc.fill_null(pc.struct_field(parts, name), "")
        texts = pc.if_else(pc.equal(texts, ""), "0", texts)
        if padded:
            texts = pc.utf8_slice_codeunits(pc.utf8_rpad(texts, padded, "0"), 0, padded)
        found: Whole = texts.cast(pa.int64()).to_numpy(zero_copy_only=False)
        return found

    hour, minute, second = part("hour"), part("minute"), part("second")
    date = _days(part("year"), part("month"), part("day"))
    right = ~none & (date > UNREADABLE) & (hour < 24) & (minute < 60) & (second < 60)
    local = date + ((hour * 60 + minute) * 60 + second) * 1_000_000 + part("part", 6)
    sign = pc.equal(pc.fill_null(pc.struct_field(parts, "sign"), ""), "-").to_numpy(zero_copy_only=False)
    away = (part("away") * 60 + part("off")) * 60_000_000 * np.where(sign, -1, 1)
    empty = column.is_null().to_numpy(zero_copy_only=False)
    return np.where(right, local, np.where(empty, MISSING, UNREADABLE)), away
