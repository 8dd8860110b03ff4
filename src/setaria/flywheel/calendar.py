"""What a day is like for everybody: season, weekday, festivals. Log-linear factors of the baseline.

A factor is exp(weights . c(t)); c has mean 0 over the days it was chosen on, so that the factor is about 1 there and
the baseline keeps its meaning. There is no trend: growth is what the model explains otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from setaria.facts.refused import Refused
from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.festivals import RISING, Festivals, celebrated

YEAR: Final = 365.2425
HARMONICS: Final = 2
SEASON: Final = "year_"  # how the names of a season's columns begin
SEASON_NEEDS: Final = 0.98 * YEAR  # days: curves through nine months say anything of the other three
WEEKDAYS_NEED: Final = 14  # days
FESTIVAL_NEEDS: Final = 3  # days of it; a caller's own festival needs one
OWN_SHARE: Final = 0.01  # of a column's variance that the columns before it must leave unexplained
MAX_DAYS: Final = 200 * 366
MAX_FESTIVALS: Final = 40
EPOCH: Final = date(1970, 1, 1)
WEEKDAYS: Final = ("tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Calendar:
    """`features` is days x C: row i belongs to day `first` + i, counted from 1970-01-01 UTC."""

    first: int
    features: Floats
    names: tuple[str, ...]

    @property
    def last(self) -> int:
        return self.first + len(self.features) - 1

    def known_by(self, day: int) -> Whole:
        """Columns that the days up to `day` support: a season all of a year, any other days with it and without."""
        seen = self.features[: max(day - self.first + 1, 0)]
        if not len(seen):
            return np.zeros(0, dtype=np.int64)
        whole = len(seen) >= SEASON_NEEDS
        kept = np.array([whole or not name.startswith(SEASON) for name in self.names], dtype=np.bool_)
        return np.flatnonzero(kept & (np.ptp(seen, axis=0) > 0)).astype(np.int64)

    @staticmethod
    def none(first_day: int, last_day: int) -> Calendar:
        return Calendar(first_day, np.zeros((_days(first_day, last_day), 0)), ())

    @staticmethod
    def design(
        first_day: int,
        last_day: int,
        *,
        festivals: Festivals | None = None,
        over: tuple[int, int] | None = None,
    ) -> Calendar:
        """The columns that the days can support, at most 18 of them with the built-in festivals.

        `festivals` takes the place of the built-in ones; add to them with {**celebrated(first, last), "own": ranges}.
        `over`, a first and a last day within, is where columns are chosen and centred: for a forecast, the days of
        the fit, so that its weights fit these columns.
        """
        days = _days(first_day, last_day)
        begin, end = over or (first_day, last_day)
        if not first_day <= begin <= end <= last_day:
            raise Refused("flywheel_calendar_days", first=_shown(begin), last=_shown(end))
        if festivals is not None and len(festivals) > MAX_FESTIVALS:
            raise Refused("flywheel_calendar_festivals", count=len(festivals), limit=MAX_FESTIVALS)
        fitted = slice(begin - first_day, end - first_day + 1)
        named = [
            *_season(first_day, days, end - begin + 1),
            *_weekdays(first_day, days, end - begin + 1),
            *_festivals(first_day, days, fitted, festivals),
        ]
        if not named:
            return Calendar.none(first_day, last_day)
        columns = np.column_stack([column for _, column in named])
        columns -= columns[fitted].mean(axis=0)
        kept = _independent(columns[fitted])
        return Calendar(first_day, np.ascontiguousarray(columns[:, kept]), tuple(named[each][0] for each in kept))


def _days(first_day: int, last_day: int) -> int:
    count = last_day - first_day + 1
    if not 1 <= count <= MAX_DAYS:
        raise Refused("flywheel_calendar_days", first=_shown(first_day), last=_shown(last_day))
    return count


def _shown(day: int) -> str:
    ordinal = day + EPOCH.toordinal()
    within = date.min.toordinal() <= ordinal <= date.max.toordinal()
    return date.fromordinal(ordinal).isoformat() if within else str(day)


def _season(first: int, days: int, fitted: int) -> Iterator[tuple[str, Floats]]:
    if fitted < SEASON_NEEDS:
        return
    angle = 2 * np.pi * np.arange(first, first + days) / YEAR
    for harmonic in range(1, HARMONICS + 1):
        yield f"{SEASON}cos_{harmonic}", np.cos(harmonic * angle)
        yield f"{SEASON}sin_{harmonic}", np.sin(harmonic * angle)


def _weekdays(first: int, days: int, fitted: int) -> Iterator[tuple[str, Floats]]:
    if fitted < WEEKDAYS_NEED:
        return
    weekday = (np.arange(first, first + days) + EPOCH.weekday()) % 7  # Monday is 0, and what others are compared with
    for number, name in enumerate(WEEKDAYS, start=1):
        yield name, (weekday == number).astype(np.float64)


def _festivals(first: int, days: int, fitted: slice, own: Festivals | None) -> Iterator[tuple[str, Floats]]:
    least = FESTIVAL_NEEDS if own is None else 1
    given = own if own is not None else _celebrated(first, days)
    for name, ranges in given.items():
        column = np.zeros(days)
        for begin, end in ranges:
            if end < begin:
                raise Refused(
                    "flywheel_calendar_festival_ends", name=name, first=begin.isoformat(), last=end.isoformat()
                )
            low, high = (begin - EPOCH).days - first, (end - EPOCH).days - first + 1
            length = high - low
            weight = np.arange(1, length + 1) / length if name in RISING else np.ones(length)
            inside = slice(max(low, 0), min(high, days))
            if inside.start < inside.stop:
                column[inside] = np.maximum(column[inside], weight[inside.start - low : inside.stop - low])
        if np.count_nonzero(column[fitted]) >= least:
            yield name, column


def _celebrated(first: int, days: int) -> Festivals:
    """None where the days lie beyond what a date can say."""
    if not date.min.toordinal() <= first + EPOCH.toordinal() <= date.max.toordinal() - days:
        return {}
    begin = EPOCH + timedelta(first)
    return celebrated(begin, begin + timedelta(days - 1))


def _independent(columns: Floats) -> list[int]:
    """The centred columns that say something the ones before them do not."""
    kept: list[int] = []
    basis = np.zeros((len(columns), 0))
    for number, column in enumerate(columns.T):
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)  # a second time, for the digits
        if rest @ rest > max(OWN_SHARE * (column @ column), 1e-12):
            kept.append(number)
            basis = np.column_stack([basis, rest / np.sqrt(rest @ rest)])
    return kept
