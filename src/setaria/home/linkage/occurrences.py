"""When a trigger bound to the clock or the sun is due. Pure: local dates in, UTC microseconds out.

Daylight saving: a local time that is skipped that day is taken as the moment clocks jump past it; one that comes twice
fires the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from setaria.facts.clock import DAY, HOUR, MINUTE, SECOND
from setaria.home.linkage import rule as r
from setaria.home.linkage.sun import sun_times
from setaria.home.linkage.world import World

DAYS_AHEAD: Final = 400  # a sun that does not rise for months, a weekday list


def is_time(trigger: r.Trigger) -> bool:
    return isinstance(trigger, r.TimeTrigger | r.SunTrigger | r.PatternTrigger)


def next_due(trigger: r.Trigger, after: int, world: World) -> int | None:
    """The first moment later than `after`."""
    if isinstance(trigger, r.PatternTrigger):
        return next(_pattern_from(trigger, after + 1, after + 8 * DAY, world.zone), None)
    first = datetime.fromtimestamp(after / 1e6, world.zone).date() - timedelta(days=1)
    for ahead in range(DAYS_AHEAD):
        for due in _DUES[type(trigger)](trigger, first + timedelta(days=ahead), world):
            if due > after:
                return due
    return None


def last_due(trigger: r.Trigger, until: int, world: World) -> int | None:
    """The last moment not later than `until`, within the week before."""
    if isinstance(trigger, r.PatternTrigger):
        return _last_of_pattern(trigger, until, world.zone)
    today = datetime.fromtimestamp(until / 1e6, world.zone).date() + timedelta(days=1)
    for back in range(9):
        dues = [due for due in _DUES[type(trigger)](trigger, today - timedelta(days=back), world) if due <= until]
        if dues:
            return max(dues)
    return None


def local_moment(day: date, microseconds: int, zone: ZoneInfo) -> int:
    """UTC microseconds of a local time of day."""
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001  the zone follows
    local = (midnight + timedelta(microseconds=microseconds)).replace(tzinfo=zone, fold=0)
    utc = local.astimezone(UTC)
    if utc.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        # A skipped time: with fold 0 its offset is that of before the jump, so the sum lies behind it by as much as
        # the time lies in the gap. The jump itself is where the offsets of fold 0 and fold 1 meet.
        early, late = local.utcoffset(), local.replace(fold=1).utcoffset()
        assert early is not None
        assert late is not None
        utc = _jump(utc - abs(late - early), utc, zone)
    return round(utc.timestamp() * 1e6)


def _jump(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The first minute with the later offset, by halving."""
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(minutes=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(second=0, microsecond=0)


def _time_dues(trigger: r.TimeTrigger, day: date, world: World) -> Iterator[int]:
    if day.weekday() in trigger.weekdays:
        yield from sorted(local_moment(day, at, world.zone) for at in trigger.at)


def _sun_dues(trigger: r.SunTrigger, day: date, world: World) -> Iterator[int]:
    sunrise, sunset = sun_times(world, day)
    if sunrise != sunset and sunset - sunrise < DAY:
        yield (sunrise if trigger.event == "sunrise" else sunset) + trigger.offset


def _last_of_pattern(trigger: r.PatternTrigger, until: int, zone: ZoneInfo) -> int | None:
    """Looks at no more than it must: some patterns come every second."""
    for before in (MINUTE, HOUR, DAY, 8 * DAY):
        dues = list(_pattern_from(trigger, until - before, until + 1, zone))
        if dues:
            return dues[-1]
    return None


def _pattern_from(trigger: r.PatternTrigger, start: int, end: int, zone: ZoneInfo) -> Iterator[int]:
    """Elapsed minutes, read as local hours and minutes: a pattern goes on evenly through a change of clocks."""
    hours, minutes = frozenset(matching(trigger.hours, 24)), frozenset(matching(trigger.minutes, 60))
    seconds = matching(trigger.seconds, 60)
    moment = start // MINUTE * MINUTE
    while moment < end:
        local = datetime.fromtimestamp(moment // SECOND, zone)
        if local.hour not in hours:
            moment += (60 - local.minute) * MINUTE
            continue
        if local.minute in minutes:
            for second in seconds:
                if start <= moment + second * SECOND < end:
                    yield moment + second * SECOND
        moment += MINUTE


def matching(text: str, most: int) -> list[int]:
    """`*`, `7` or `/15` as the numbers below `most`; empty when it is none of these."""
    if text == "*":
        return list(range(most))
    digits = text.removeprefix("/")
    if not digits.isdecimal() or len(digits) > 4:
        return []
    number = int(digits)
    if text.startswith("/"):
        return list(range(0, most, number)) if number else []
    return [number] if number < most else []


_DUES: Final[dict[type, Callable[[Any, date, World], Iterator[int]]]] = {
    r.TimeTrigger: _time_dues,
    r.SunTrigger: _sun_dues,
}
