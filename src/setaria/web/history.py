"""The past of one property: raw readings while they are kept, then what their statistics say."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from setaria.facts.clock import DAY, SECOND
from setaria.facts.log import Log, Stored
from setaria.facts.refused import Refused
from setaria.home import facts as f
from setaria.home.ports import Value
from setaria.home.retention import KEPT_RAW
from setaria.home.statistics import NARROW, WIDE
from setaria.home.structure import Thing
from setaria.home.zone import zone_of
from setaria.rights import Act
from setaria.web.home_routes import thing_of
from setaria.web.table import Call, Query, Route
from setaria.web.times import parse_time

MOST_POINTS: Final = 5_000
MOST_DAYS: Final = 62  # looked at for one answer
MOST_READ: Final = 50_000  # readings of all the thing's properties, for one answer
A_READ: Final = 5_000
FINE_FOR: Final = 14 * DAY  # spans up to this are answered by the finer statistics

Point = tuple[int, Value]


class HistoryQuery(Query, frozen=True):
    """Times are UTC microseconds or ISO 8601; without any, the last 24 hours."""

    property: str
    since: str = ""
    until: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_POINTS)] = 1_000


class History(msgspec.Struct, frozen=True):
    """`points` are (time, value), oldest first. Those before `raw_since` are of statistics: a number's mean, the share
    of the time a switch was on, the last of what has words, in buckets that begin at `time`. With `more`, go on with
    since = `reached`."""

    thing: str
    property: str
    points: list[Point]
    raw_since: int
    more: bool
    reached: int


async def see_history(call: Call) -> History:
    return await history_of(call, thing_of(call), call.query)


async def history_of(call: Call, thing: Thing, query: HistoryQuery) -> History:
    home = call.services.home
    found = home.specs.get(thing.model).find_property(query.property)
    zone = zone_of(home.structure.household.zone)
    now = call.services.clock.now()
    until = parse_time(query.until, zone, "until") if query.until else now
    since = parse_time(query.since, zone, "since") if query.since else max(0, until - DAY)
    if since > until:
        raise Refused("time_order", since=since, until=until)
    until = min(until, now + DAY)
    reader = _Reader(call.services.log, thing.id, found.address, query.limit, until)
    raw_since = max(since, min(until, (now - KEPT_RAW) // DAY * DAY))
    reached = since
    if since < raw_since:
        width = NARROW if until - since <= FINE_FOR else WIDE
        reached = await reader.statistics(since, raw_since, width)
    if reached >= raw_since and not reader.full():
        reached = await reader.readings(raw_since, until)
    return History(thing.id, found.address, reader.points, raw_since, reached < until, reached)


class _Reader:
    """Collects points until there are enough; each step returns the time up to which it has looked."""

    def __init__(self, log: Log, thing: str, address: str, limit: int, until: int) -> None:
        self._log = log
        self._thing = thing
        self._address = address
        self._limit = limit
        self._until = until
        self._left = MOST_READ
        self.points: list[Point] = []

    def full(self) -> bool:
        return len(self.points) >= self._limit

    async def statistics(self, since: int, until: int, width: int) -> int:
        day = since // DAY * DAY
        for _ in range(MOST_DAYS):
            if day >= until:
                return until
            key = statistics_key(self._thing, day)
            _, stored = (await self._log.read_aggregates([key]))[key]
            if stored:
                found = self._points(stored, width)
                if self.points and found and self.points[-1][0] == found[0][0]:
                    self.points.pop()
                within = [point for point in found if since <= point[0] < until]
                room = self._limit - len(self.points)
                self.points += within[:room]
                if len(within) > room:
                    return within[room][0]
            else:  # this day's readings have not been made into statistics yet, or there are none
                reached = await self.readings(max(since, day), min(day + DAY, until))
                if reached < min(day + DAY, until):
                    return reached
            day += DAY
        return min(day, until)

    def _points(self, stored: Iterable[Stored], width: int) -> list[Point]:
        """Only buckets with a change are kept: behind one the value stays at its last until the next."""
        bodies = (each.fact.body for each in stored)
        found = sorted(
            (
                body
                for body in bodies
                if isinstance(body, f.Statistics) and body.property == self._address and body.width == width
            ),
            key=lambda body: body.since,
        )
        points: list[Point] = []
        for body in found:
            if points and points[-1][0] == body.since:
                points.pop()
            points.append((body.since, body.last if body.mean is None else body.mean))
            points.append((body.since + width, body.last))
        return points

    async def readings(self, since: int, until: int) -> int:
        aggregate = f"thing/{self._thing}"
        while since < until:
            if self.full() or self._left <= 0:
                return since
            stored = await self._log.readings(aggregate, since, until, A_READ)
            self._left -= len(stored)
            for each in stored:
                body = each.fact.body
                if isinstance(body, f.Reading) and body.property == self._address:
                    if self.full():
                        return each.fact.time
                    self.points.append((each.fact.time, body.value))
            if len(stored) < A_READ:
                return until
            since = stored[-1].fact.time + 1
        return until


def statistics_key(thing: str, day: int) -> str:
    """Where home/retention.py puts the statistics of one thing and one UTC day, which begins at `day`."""
    return f"statistics/{thing}/{datetime.fromtimestamp(day // SECOND, UTC):%Y%m%d}"


ROUTES: Final = (
    Route(
        "GET",
        "/api/things/{thing}/history",
        see_history,
        Act.FACTS_READ,
        History,
        "The past of one property",
        query=HistoryQuery,
    ),
)
