"""Functions of dates and times. What has no zone is in the home's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from setaria.expression.bounds import MAX_FORMAT
from setaria.expression.compute import NUMBERS, UNDEFINED, Fault
from setaria.expression.environment import Environment

# The fields of a date and time that an expression may read as attributes.
FIELDS: Final[Mapping[str, Callable[[datetime], Any]]] = {
    "year": lambda value: value.year,
    "month": lambda value: value.month,
    "day": lambda value: value.day,
    "hour": lambda value: value.hour,
    "minute": lambda value: value.minute,
    "second": lambda value: value.second,
    "microsecond": lambda value: value.microsecond,
}
_DIRECTIVES: Final = frozenset("aAwdbBmyYHIpMSfzZjUWcxXuVG%")
_TIME: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")


def utcnow(world: Environment) -> datetime:
    return world.now().astimezone(UTC)


def today_at(world: Environment, time: Any = "00:00") -> datetime:
    match = _TIME.fullmatch(time) if type(time) is str else None
    if match is None:
        raise Fault("not_a_time")
    try:
        return world.now().replace(
            hour=int(match[1]), minute=int(match[2]), second=int(match[3] or 0), microsecond=0, fold=0
        )
    except ValueError:
        raise Fault("not_a_time") from None


def span(
    days: Any = 0,
    seconds: Any = 0,
    microseconds: Any = 0,
    milliseconds: Any = 0,
    minutes: Any = 0,
    hours: Any = 0,
    weeks: Any = 0,
) -> timedelta:
    given = (days, seconds, microseconds, milliseconds, minutes, hours, weeks)
    if any(type(value) not in NUMBERS for value in given):
        raise Fault("not_a_number")
    return timedelta(*given)


def as_datetime(world: Environment, value: Any, default: Any = UNDEFINED) -> Any:
    found = value
    try:
        if type(value) in NUMBERS:
            found = datetime.fromtimestamp(value, UTC)
        elif type(value) is str and len(value) <= 64:
            found = datetime.fromisoformat(value.strip())
    except (ValueError, OverflowError, OSError):
        found = None
    if isinstance(found, datetime):
        return found if found.tzinfo else found.replace(tzinfo=world.now().tzinfo)
    if default is UNDEFINED:
        raise Fault("not_a_time")
    return default


def as_timestamp(world: Environment, value: Any, default: Any = UNDEFINED) -> Any:
    found = as_datetime(world, value, None)
    if found is not None:
        return found.timestamp()
    if default is UNDEFINED:
        raise Fault("not_a_time")
    return default


def timestamp_custom(
    world: Environment,
    value: Any,
    format: Any = "%Y-%m-%d %H:%M:%S",  # noqa: A002  as expressions call it
    local: Any = True,
    default: Any = UNDEFINED,
) -> Any:
    found = as_datetime(world, value, None)
    if found is not None:
        return strftime(found.astimezone(world.now().tzinfo if local else UTC), format)
    if default is UNDEFINED:
        raise Fault("not_a_time")
    return default


def strftime(value: datetime, pattern: Any) -> str:
    """One directive at a time, so that a platform's own (widths of a gigabyte among them) never reach it."""
    if type(pattern) is not str or len(pattern) > MAX_FORMAT:
        raise Fault("wrong_type", "strftime")

    def one(match: re.Match[str]) -> str:
        if match[1] not in _DIRECTIVES:
            raise Fault("wrong_type", "strftime")
        return value.strftime(match[0])

    return re.sub(r"%(.?)", one, pattern, flags=re.DOTALL)
