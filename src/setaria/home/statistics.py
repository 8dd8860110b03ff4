"""Five-minute and hourly statistics of one property, made from its readings.

A value lasts until the next reading, also across the borders of buckets. Time before the first reading is unknown and
has no weight. Of values that are told in words only the count and the last are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from setaria.facts.clock import HOUR, MINUTE
from setaria.home.facts import Statistics
from setaria.home.ports import Value

NARROW: Final = 5 * MINUTE
WIDE: Final = HOUR


class Bucket(msgspec.Struct, gc=False):
    """What is known of [since, since + width). `area` is the sum of value times microseconds over `covered`.

    `booleans` and `numbers` say whether all its values are such; minimum and maximum also see a value that only lasted
    into it.
    """

    since: int
    width: int
    last: Value
    count: int = 0
    area: float = 0.0
    covered: int = 0
    minimum: float = float("inf")
    maximum: float = float("-inf")
    booleans: bool = True
    numbers: bool = True

    def see(self, value: Value) -> None:
        if not isinstance(value, bool):
            self.booleans = False
        if isinstance(value, str):
            self.numbers = False
        else:
            self.minimum = min(self.minimum, value)
            self.maximum = max(self.maximum, value)

    def last_for(self, value: Value, microseconds: int) -> None:
        if not isinstance(value, str):
            self.area += value * microseconds
            self.covered += microseconds

    def statistics(self, address: str) -> Statistics:
        if not self.numbers or self.minimum > self.maximum:
            return Statistics(address, self.since, self.width, self.count, self.last)
        minimum, maximum, mean = float(self.minimum), float(self.maximum), None
        if self.covered:
            mean = min(max(self.area / self.covered, minimum), maximum)  # floats may round past the end
        if self.booleans:
            return Statistics(address, self.since, self.width, self.count, self.last, mean=mean)
        return Statistics(address, self.since, self.width, self.count, self.last, minimum, maximum, mean)


def buckets(
    readings: Sequence[tuple[int, Value]], since: int, until: int, width: int, before: Value | None = None
) -> list[Bucket]:
    """Every bucket of [since, until) from the first known value on, also those without a change.

    `readings` are (time, value) in the order of time, `before` is the value at `since`. `since` and `until` are
    multiples of `width`; readings outside are left out.
    """
    assert since % width == 0
    assert until % width == 0
    made: list[Bucket] = []
    value, moment = before, since
    for time, following in readings:
        if not since <= time < until:
            continue
        if value is not None:
            _lasts(made, value, moment, time, width)
        border = time - time % width
        if not made or made[-1].since != border:
            made.append(Bucket(border, width, following))
        bucket = made[-1]
        bucket.see(following)
        bucket.count += 1
        bucket.last = following
        value, moment = following, time
    if value is not None:
        _lasts(made, value, moment, until, width)
    return made


def _lasts(made: list[Bucket], value: Value, since: int, until: int, width: int) -> None:
    while since < until:
        border = since - since % width
        if not made or made[-1].since != border:
            made.append(Bucket(border, width, value))
        end = min(until, border + width)
        made[-1].see(value)
        made[-1].last_for(value, end - since)
        since = end


def widen(narrow: Iterable[Bucket], width: int) -> list[Bucket]:
    """Wider buckets from narrower ones, which must lie in the order of time and divide `width`."""
    made: list[Bucket] = []
    for each in narrow:
        border = each.since - each.since % width
        if not made or made[-1].since != border:
            made.append(Bucket(border, width, each.last))
        into = made[-1]
        into.count += each.count
        into.area += each.area
        into.covered += each.covered
        into.minimum = min(into.minimum, each.minimum)
        into.maximum = max(into.maximum, each.maximum)
        into.booleans = into.booleans and each.booleans
        into.numbers = into.numbers and each.numbers
        into.last = each.last
    return made


def statistics(
    address: str, readings: Sequence[tuple[int, Value]], since: int, until: int, before: Value | None = None
) -> list[Statistics]:
    """Five-minute and hourly statistics of the buckets in which something changed.

    The others need none: until the next change the value is the `last` before.
    """
    narrow = buckets(readings, since, until, NARROW, before)
    return [bucket.statistics(address) for some in (narrow, widen(narrow, WIDE)) for bucket in some if bucket.count]
