"""Durations and times as a person reads them."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from setaria.facts.clock import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from setaria.words.catalogue import say

_UNITS: Final = ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second"), (MILLISECOND, "millisecond"))


def duration(microseconds: int, language: str) -> str:
    """The two largest units next to each other, rounded down: 90 s is `1 min 30 s`, 25 h and 1 s is `1 d 1 h`."""
    rest, parts = abs(microseconds), list[str]()
    for index, (size, unit) in enumerate(_UNITS):
        count, rest = divmod(rest, size)
        # Below a second nobody wants the milliseconds of a duration that has seconds.
        if parts and (not count or unit == "millisecond"):
            break
        if count or index == len(_UNITS) - 1:
            parts.append(say(f"words.duration.{unit}", language, count=count))
        if len(parts) == 2:
            break
    sign = "-" if microseconds < 0 else ""
    return sign + say("words.duration.join", language).join(parts)


@functools.lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return UTC


def local(now: int, zone: str) -> datetime:
    """`now` (UTC microseconds) in the zone, or in UTC if there is no such zone or the time is no date."""
    try:
        # Whole seconds first: as a float, microseconds of today would be rounded.
        return datetime.fromtimestamp(now // SECOND, _zone(zone)).replace(microsecond=now % SECOND)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


def minute_of_week(now: int, zone: str) -> int:
    """In local time, from Monday 00:00: what `rights` takes."""
    moment = local(now, zone)
    return (moment.weekday() * 24 + moment.hour) * 60 + moment.minute


def clock(now: int, zone: str) -> str:
    moment = local(now, zone)
    return f"{moment.hour:02}:{moment.minute:02}"


def day(now: int, zone: str, language: str) -> str:
    moment = local(now, zone)
    month = say(f"words.month.{moment.month}", language)
    return say("words.day", language, year=str(moment.year), month=month, day=moment.day)


def weekday(now: int, zone: str, language: str) -> str:
    return say(f"words.weekday.{local(now, zone).weekday()}", language)


def when(now: int, zone: str, language: str) -> str:
    return say("words.when", language, day=day(now, zone, language), time=clock(now, zone))
