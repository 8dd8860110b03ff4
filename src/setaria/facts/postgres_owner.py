"""The owner of one partition: it holds the partition's advisory lock on the very connection it writes with.

So a session that can still write is a session that still owns: when the connection is lost the lock is lost with it,
and the next append connects again, takes the lock again and reads again where the partition stands. The owner alone
assigns `seq`, which makes the order of commits the order of seqs: a reader that goes by seq misses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from setaria.facts.chain import digest
from setaria.facts.clock import DAY, MILLISECOND, MINUTE, SECOND, Clock
from setaria.facts.fact import Row, is_reading, to_row
from setaria.facts.log import Batch, LogFaulty
from setaria.facts.postgres_place import Place, create_day, driver, faults
from setaria.facts.refused import Refused

RETAKE: Final = 2 * SECOND  # how long an append waits for its own dead session to let go of the lock
EXPIRE_ANSWERS_EVERY: Final = 10 * MINUTE
MOST_SECOND_TRIES: Final = 2
MOST_EXPIRED: Final = 10_000  # answers a clean-up
READING_COLUMNS: Final = ("partition", "seq", "id", "time", "aggregate", "kind", "document")
FACT_COLUMNS: Final = (*READING_COLUMNS, "chain")


class Head(NamedTuple):
    batch: int
    seq: int
    last_id: bytes
    chain: bytes


class Written(NamedTuple):
    """One row of a batch on its way, and whether it is a reading."""

    row: Row
    reading: bool


class Owner:
    def __init__(self, place: Place, partition: int, clock: Clock) -> None:
        self._place = place
        self._partition = partition
        self._clock = clock
        self._connection: Any = None
        self._head: Head | None = None  # None: must be read before the next append
        self._attempted: Head | None = None
        self._days: set[int] = set()
        self._expired = 0
        self._turn = asyncio.Lock()

    async def take(self, wait: int) -> Head:
        """Connect and own, waiting up to `wait` microseconds. Raises LogFaulty."""
        with self._place.explained():
            self._connection = await self._place.connect(synchronous_commit="on")
            try:
                await self._lock(wait)
                self._head = await self._read_head()
            except BaseException:
                self._let_go()
                raise
        return self._head

    async def append(self, batch: Batch) -> int:
        """Raises LogFaulty, and Refused for a fact that is too large."""
        rows = [Written(to_row(fact), is_reading(fact)) for fact in batch.facts]
        async with self._turn:
            head = await self._ready()
            try:
                with self._place.explained():
                    self._head = await self._commit_fresh(head, rows, batch)
            except LogFaulty as fault:
                if not self._lost(fault):
                    raise
                self._head = await self._settle(fault)
            return self._head.seq

    async def close(self) -> None:
        async with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None and not connection.is_closed():
                try:
                    await connection.close(timeout=5)
                except faults():
                    connection.terminate()

    async def _ready(self) -> Head:
        if self._connection is None or self._connection.is_closed():
            return await self.take(RETAKE)
        if self._head is None:
            with self._place.explained():
                self._head = await self._read_head()
        return self._head

    async def _lock(self, wait: int) -> None:
        named = (self._place.lock_class, self._partition)
        if wait < MILLISECOND:
            if not await self._connection.fetchval("SELECT pg_try_advisory_lock($1, $2)", *named):
                raise LogFaulty(self._owned_elsewhere())
            return
        await self._connection.execute(f"SET lock_timeout = {wait // MILLISECOND}")
        try:
            await self._connection.execute("SELECT pg_advisory_lock($1, $2)", *named, timeout=wait / SECOND + 10)
        except driver().LockNotAvailableError as error:
            raise LogFaulty(self._owned_elsewhere()) from error
        await self._connection.execute("SET lock_timeout = 0")

    async def _read_head(self) -> Head:
        row = await self._connection.fetchrow(
            "SELECT batch, seq, last_id, chain FROM heads WHERE partition = $1", self._partition
        )
        return Head(*row)

    async def _commit_fresh(self, head: Head, rows: Sequence[Written], batch: Batch) -> Head:
        """Goes the slow way only when told that a fact is doubled or that another process dropped a day's table."""
        self._head = None  # known again once this has ended well; whoever cancels us in between leaves it unknown
        for _ in range(MOST_SECOND_TRIES):
            try:
                return await self._commit(head, rows, batch)
            except driver().UniqueViolationError:
                rows = await self._unknown(rows)
            except driver().CheckViolationError:
                self._days.clear()
        return await self._commit(head, rows, batch)

    async def _commit(self, head: Head, rows: Sequence[Written], batch: Batch) -> Head:
        for day in {each.row.time // DAY for each in rows if each.reading} - self._days:
            await create_day(self._connection, self._place, day * DAY)
            self._days.add(day)
        kept, readings, after = _number(self._partition, head, rows)
        self._attempted = after
        async with self._connection.transaction():
            await self._move_head(head, after)
            if kept:
                await self._connection.copy_records_to_table("facts", records=kept, columns=FACT_COLUMNS)
            if readings:
                await self._connection.copy_records_to_table("readings", records=readings, columns=READING_COLUMNS)
            await self._save(batch)
        return after

    async def _move_head(self, head: Head, after: Head) -> None:
        moved = await self._connection.execute(
            "UPDATE heads SET batch = $3, seq = $4, last_id = $5, chain = $6 WHERE partition = $1 AND batch = $2",
            self._partition,
            head.batch,
            *after,
        )
        if moved != "UPDATE 1":  # the lock did not hold: a pooler between us and the server, or a hand in the tables
            raise LogFaulty(self._owned_elsewhere())

    async def _save(self, batch: Batch) -> None:
        if batch.snapshots:
            await self._connection.executemany(
                "INSERT INTO snapshots VALUES ($1, $2, $3, $4, $5) ON CONFLICT (partition, aggregate)"
                " DO UPDATE SET seq = excluded.seq, form = excluded.form, state = excluded.state",
                [(self._partition, each.aggregate, each.seq, each.form, each.state) for each in batch.snapshots],
            )
        now = self._clock.now()
        if batch.answers:
            await self._connection.executemany(
                "INSERT INTO answers VALUES ($1, $2, $3, $4) ON CONFLICT (command, partition) DO UPDATE"
                " SET answer = excluded.answer, expires = excluded.expires"
                " WHERE answers.expires > 0 AND answers.expires <= $5",
                [(each.command, self._partition, each.answer, each.expires, now) for each in batch.answers],
            )
        if now - self._expired >= EXPIRE_ANSWERS_EVERY:
            await self._connection.execute(
                "DELETE FROM answers WHERE (command, partition) IN (SELECT command, partition FROM answers"
                " WHERE partition = $1 AND expires > 0 AND expires <= $2 LIMIT $3)",
                self._partition,
                now,
                MOST_EXPIRED,
            )
            self._expired = now

    async def _unknown(self, rows: Sequence[Written]) -> list[Written]:
        """The slow way, taken when a fact is doubled: all but those the log or the batch itself holds already."""
        known = await self._connection.fetch(
            "SELECT id FROM facts WHERE partition = $1 AND id = ANY($2)"
            " UNION SELECT id FROM readings WHERE partition = $1 AND id = ANY($2)",
            self._partition,
            [each.row.id for each in rows],
        )
        seen = {row[0] for row in known}
        fresh: list[Written] = []
        for each in rows:
            if each.row.id not in seen:
                seen.add(each.row.id)
                fresh.append(each)
        return fresh

    def _lost(self, fault: LogFaulty) -> bool:
        """Whether this session can no longer write; it is let go of, and with it the lock."""
        if fault.refusal.code not in ("log_unreachable", "log_damaged"):
            return False
        self._let_go()
        return True

    async def _settle(self, fault: LogFaulty) -> Head:
        """The way to the server broke within a batch: it may have been written all the same. Own again and look."""
        try:
            found = await self.take(RETAKE)
        except LogFaulty as again:
            raise again from fault
        if found != self._attempted:
            raise fault
        return found

    def _let_go(self) -> None:
        connection, self._connection, self._head = self._connection, None, None
        if connection is not None:
            connection.terminate()

    def _owned_elsewhere(self) -> Refused:
        return Refused("partition_owned_elsewhere", path=self._place.name, partition=self._partition)


def _number(
    partition: int, head: Head, rows: Sequence[Written]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]], Head]:
    """Records for `facts` and for `readings`, the chain on the last kept one, and where the partition stands then."""
    kept: list[tuple[Any, ...]] = []
    readings: list[tuple[Any, ...]] = []
    seq = head.seq
    for seq, (row, reading) in enumerate(rows, head.seq + 1):
        if reading:
            readings.append((partition, seq, *row))
        else:
            kept.append((partition, seq, *row, None))
    chain = head.chain
    if kept:
        chain = digest(chain, (each.row for each in rows if not each.reading))
        kept[-1] = (*kept[-1][:-1], chain)
    return kept, readings, Head(head.batch + 1, seq, rows[-1].row.id if rows else head.last_id, chain)
