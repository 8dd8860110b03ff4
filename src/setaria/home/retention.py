"""After 31 days raw readings become statistics and go.

Each past day is closed thing by thing: its statistics are appended under `statistics/<thing>/<day>`, with ids derived
from what they are about, and only when all are durable are the raw readings dropped. A run that was stopped anywhere
and begins again therefore writes nothing twice. The `last` of a property's newest statistics is its state as far as the
dropped days go; for the next day it also lies in a snapshot, which may be lost at no greater cost than that a value
that lasted over midnight has no weight until its first change.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import msgspec

from setaria.facts.clock import DAY, MINUTE, Clock, Timer
from setaria.facts.fact import HUB, Fact
from setaria.facts.log import Batch, Log, LogFaulty, Snapshot, Stored, partition_of
from setaria.facts.refused import Refused
from setaria.facts.writer import Writer
from setaria.home.facts import Reading, Statistics
from setaria.home.ports import Value
from setaria.home.statistics import statistics

KEPT_RAW: Final = 31 * DAY
MOST_READINGS: Final = 100_000  # of one thing in memory at a time
FACTS_A_BATCH: Final = 1_000
FORM: Final = "last/1"
TRY_AGAIN: Final = 60 * MINUTE

logger = logging.getLogger(__name__)


class Retired(msgspec.Struct, frozen=True):
    """What one run did."""

    days: int = 0
    statistics: int = 0
    readings: int = 0


class _Last(msgspec.Struct, frozen=True, array_like=True):
    """The values at the end of a day, by property."""

    until: int
    values: dict[str, Value]


class Retention:
    def __init__(self, log: Log, writer: Writer, clock: Clock) -> None:
        self._log = log
        self._writer = writer
        self._clock = clock
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Run now, and from then on once a day."""
        self._due()

    async def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _due(self) -> None:
        self._task = asyncio.create_task(self._run(), name="retention")

    async def _run(self) -> None:
        pause = DAY
        try:
            await self.run_once()
        except (LogFaulty, Refused) as error:
            logger.warning("readings are kept for now: %s", error)
            pause = TRY_AGAIN
        self._timer = self._clock.call_at(self._clock.ticks() + pause, self._due)

    async def run_once(self) -> Retired:
        """Close all days that are older than 31 days. A clock that is not to be believed closes none."""
        if not self._clock.trusted():
            return Retired()
        before = (self._clock.now() - KEPT_RAW) // DAY * DAY
        held = await self._log.readings_held(before)
        written = dropped = 0
        for day in sorted({day for day, _ in held}):
            for aggregate in (each for on, each in held if on == day):
                written += await self._close(aggregate, day)
            dropped += await self._log.drop_readings(day + DAY)
        return Retired(len({day for day, _ in held}), written, dropped)

    async def _close(self, aggregate: str, day: int) -> int:
        """Write one thing's statistics of one day."""
        carried = await self._carried(aggregate, day)
        values = dict(carried)
        facts: list[Fact] = []
        properties: dict[str, list[tuple[int, Value]]] = {}
        for stored in await self._readings(aggregate, day, day + DAY):
            body = stored.fact.body
            if isinstance(body, Reading):
                properties.setdefault(body.property, []).append((stored.fact.time, body.value))
        for address, readings in properties.items():
            readings.sort(key=_time_of)  # stable: of one moment the later in the log counts
            values[address] = readings[-1][1]
            facts += [
                self._fact(aggregate, day, each)
                for each in statistics(address, readings, day, day + DAY, carried.get(address))
            ]
        if properties:
            await self._append(aggregate, facts, _Last(day + DAY, values))
        return len(facts)

    async def _readings(self, aggregate: str, since: int, until: int) -> list[Stored]:
        """All of them, asked for in halves when they are more than fit one answer."""
        found = await self._log.readings(aggregate, since, until, MOST_READINGS)
        middle = (since + until) // 2
        if len(found) < MOST_READINGS or middle == since:
            return found
        return await self._readings(aggregate, since, middle) + await self._readings(aggregate, middle, until)

    async def _carried(self, aggregate: str, day: int) -> dict[str, Value]:
        key = _snapshot_key(aggregate)
        snapshot, _ = (await self._log.read_aggregates([key]))[key]
        if snapshot is None or snapshot.form != FORM:
            return {}
        last = msgspec.msgpack.decode(snapshot.state, type=_Last)
        return last.values if last.until <= day else {}  # else this day was closed before

    def _fact(self, aggregate: str, day: int, body: Statistics) -> Fact:
        name = datetime.fromtimestamp(day / 1e6, UTC).strftime("%Y%m%d")
        key = f"statistics/{aggregate.partition('/')[2] or aggregate}/{name}"
        end = body.since + body.width
        return Fact(_derived_id(aggregate, body), end, key, self._writer.household, HUB, body)

    async def _append(self, aggregate: str, facts: Sequence[Fact], last: _Last) -> None:
        """Durable when this returns. Facts that are there already are skipped by their ids."""
        for first in range(0, len(facts), FACTS_A_BATCH):
            some = list(facts[first : first + FACTS_A_BATCH])
            await self._log.append(partition_of(some[0].aggregate, self._log.partitions), Batch(facts=some))
        key = _snapshot_key(aggregate)
        snapshot = Snapshot(key, 0, FORM, msgspec.msgpack.encode(last))
        await self._log.append(partition_of(key, self._log.partitions), Batch(snapshots=[snapshot]))


def _time_of(reading: tuple[int, Value]) -> int:
    return reading[0]


def _snapshot_key(aggregate: str) -> str:
    return f"view/retention/{aggregate}"


def _derived_id(aggregate: str, body: Statistics) -> bytes:
    """As an IdSource's, of the bucket's end, and the same whenever it is made."""
    about = sha256(f"{aggregate} {body.property} {body.since} {body.width}".encode()).digest()
    millisecond = (body.since + body.width) // 1000
    rest = int.from_bytes(about[:10], "big") & ((1 << 74) - 1)
    tail = (0b10 << 62) | (rest & ((1 << 62) - 1))
    return (millisecond << 16 | 0x7000 | rest >> 62).to_bytes(8, "big") + tail.to_bytes(8, "big")
