"""The log in a PostgreSQL schema, for when one machine is not enough.

Facts are partitioned by their aggregate's key. Each partition has one owner at a time (postgres_owner.py), any number
of processes read. COPY at every size of batch: measured, it takes half the time of INSERT from unnest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from setaria.facts.clock import DAY, SECOND, Clock
from setaria.facts.fact import from_row
from setaria.facts.log import ANYTHING, Batch, Cursor, LogFaulty, Look, Snapshot, Stored, Verdict, Wanted, partition_of
from setaria.facts.postgres_bell import Bell
from setaria.facts.postgres_look import find, look_back
from setaria.facts.postgres_owner import Owner
from setaria.facts.postgres_place import Place, driver, drop_days, migrate
from setaria.facts.postgres_verify import Verification
from setaria.facts.refused import Refused

MOST_READERS: Final = 4  # connections
WAIT_FOR_OWNERSHIP: Final = 30 * SECOND  # outlasts the locks of a machine that died without a word

WINDOW: Final = """
(SELECT seq, id, time, aggregate, kind, document FROM facts
 WHERE partition = $1 AND seq > $2 ORDER BY seq LIMIT $3)
UNION ALL
(SELECT seq, id, time, aggregate, kind, document FROM readings
 WHERE partition = $1 AND seq > $2 ORDER BY seq LIMIT $3)
ORDER BY seq LIMIT $3
"""
SNAPSHOTS: Final = """
SELECT s.aggregate, s.seq, s.form, s.state FROM unnest($1::int[], $2::text[]) AS k (partition, aggregate)
JOIN snapshots s USING (partition, aggregate)
"""
AFTER_SNAPSHOTS: Final = """
SELECT f.partition, f.seq, f.id, f.time, f.aggregate, f.kind, f.document
FROM unnest($1::int[], $2::text[], $3::bigint[]) AS k (partition, aggregate, seq)
JOIN facts f ON f.partition = k.partition AND f.aggregate = k.aggregate AND f.seq > k.seq
ORDER BY f.partition, f.seq
"""
LATEST: Final = """
SELECT partition, seq, id, time, aggregate, kind, document FROM (
    (SELECT partition, seq, id, time, aggregate, kind, document FROM facts
     WHERE partition = $1 AND aggregate = $2 ORDER BY seq DESC LIMIT $3)
    UNION ALL
    (SELECT partition, seq, id, time, aggregate, kind, document FROM readings
     WHERE partition = $1 AND aggregate = $2 ORDER BY time DESC, seq DESC LIMIT $3)
) AS newest ORDER BY seq DESC LIMIT $3
"""
READINGS_HELD: Final = """
SELECT DISTINCT time / $1::bigint * $1::bigint AS day, aggregate FROM readings WHERE time < $2 ORDER BY day, aggregate
"""
READINGS: Final = """
SELECT partition, seq, id, time, aggregate, kind, document FROM readings
WHERE partition = $1 AND aggregate = $2 AND time >= $3 AND time < $4 ORDER BY time, seq LIMIT $5
"""


class PostgresLog:
    """Made by `open`."""

    def __init__(self, place: Place, pool: Any, partitions: int, clock: Clock, owners: dict[int, Owner]) -> None:
        self._place = place
        self._pool = pool
        self._partitions = partitions
        self._clock = clock
        self._owners = owners
        self._bell = Bell(place)

    @classmethod
    async def open(
        cls,
        dsn: str,
        partitions: int,
        own: Sequence[int] | Literal["all"],
        clock: Clock,
        *,
        wait_for_ownership: int = WAIT_FOR_OWNERSHIP,
        schema: str = "setaria",
    ) -> PostgresLog:
        """`wait_for_ownership` in microseconds: how long another owner may take to let go.

        Raises Refused: postgres_missing, log_unreachable, log_newer, partitions_differ, partition_owned_elsewhere.
        """
        driver()
        place = Place(dsn, schema)
        owned = range(partitions) if own == "all" else own
        assert all(0 <= partition < partitions for partition in owned)
        owners = {partition: Owner(place, partition, clock) for partition in owned}
        log: PostgresLog | None = None
        try:
            with place.explained():
                connection = await place.connect()
                try:
                    await migrate(connection, place, partitions)
                finally:
                    await connection.close(timeout=5)
                log = cls(place, await place.pool(MOST_READERS), partitions, clock, owners)
            await log._bell.start()
            for owner in owners.values():
                await owner.take(wait_for_ownership)
        except BaseException as error:
            if log is not None:
                await log.close()
            if isinstance(error, LogFaulty):
                raise error.refusal from error
            raise
        return log

    @property
    def partitions(self) -> int:
        return self._partitions

    @property
    def owned(self) -> Sequence[int]:
        return tuple(self._owners)

    async def append(self, partition: int, batch: Batch) -> int:
        owner = self._owners.get(partition)
        if owner is None:
            raise LogFaulty(Refused("partition_owned_elsewhere", path=self._place.name, partition=partition))
        last = await owner.append(batch)
        self._bell.ring()
        return last

    async def read(self, after: Cursor, limit: int) -> list[Stored]:
        found: list[Stored] = []
        with self._place.explained():
            async with self._pool.acquire() as connection:
                heads = await connection.fetch("SELECT partition, seq FROM heads")
                # Those with the least news first: what they leave of their share goes to the others.
                news = sorted((seq - after.seqs[partition], partition) for partition, seq in heads)
                waiting = [partition for beyond, partition in news if beyond > 0]
                while waiting and len(found) < limit:
                    partition = waiting.pop(0)
                    share = -(-(limit - len(found)) // (len(waiting) + 1))
                    rows = await connection.fetch(WINDOW, partition, after.seqs[partition], share)
                    found += [Stored(partition, seq, from_row(*values)) for seq, *values in rows]
        return found

    async def read_aggregates(
        self, keys: Sequence[str], snapshots: bool = True
    ) -> dict[str, tuple[Snapshot | None, list[Stored]]]:
        keys = list(dict.fromkeys(keys))
        lie = [partition_of(key, self._partitions) for key in keys]
        found: dict[str, tuple[Snapshot | None, list[Stored]]] = {key: (None, []) for key in keys}
        with self._place.explained():
            async with self._pool.acquire() as connection:
                for row in await connection.fetch(SNAPSHOTS, lie, keys) if snapshots else ():
                    found[row[0]] = (Snapshot(*row), [])
                after = [snapshot.seq if snapshot else 0 for snapshot, _ in map(found.__getitem__, keys)]
                rows = await connection.fetch(AFTER_SNAPSHOTS, lie, keys, after)
        for partition, seq, *values in rows:
            stored = Stored(partition, seq, from_row(*values))
            found[stored.fact.aggregate][1].append(stored)
        return found

    async def latest(self, aggregate: str, limit: int) -> list[Stored]:
        with self._place.explained():
            rows = await self._pool.fetch(LATEST, partition_of(aggregate, self._partitions), aggregate, limit)
        return [Stored(partition, seq, from_row(*values)) for partition, seq, *values in rows]

    async def look_back(self, at: Cursor, limit: int, wanted: Wanted = ANYTHING) -> Look:
        with self._place.explained():
            async with self._pool.acquire() as connection:
                return await look_back(connection, at, limit, wanted)

    async def find(self, fact_id: bytes) -> Stored | None:
        with self._place.explained():
            async with self._pool.acquire() as connection:
                return await find(connection, fact_id, self._partitions)

    async def answers(self, commands: Sequence[str]) -> dict[str, bytes]:
        with self._place.explained():
            rows = await self._pool.fetch(
                "SELECT command, answer FROM answers WHERE command = ANY($1) AND (expires = 0 OR expires > $2)",
                commands,
                self._clock.now(),
            )
        return dict(rows)

    async def head(self) -> Cursor:
        with self._place.explained():
            rows = await self._pool.fetch("SELECT seq FROM heads ORDER BY partition")
        return Cursor(tuple(seq for (seq,) in rows))

    async def last_id(self) -> bytes:
        with self._place.explained():
            rows = await self._pool.fetch("SELECT last_id FROM heads")
        newest: bytes = max(last for (last,) in rows)
        return newest

    def on_append(self, told: Callable[[], None]) -> Callable[[], None]:
        return self._bell.subscribe(told)

    async def readings(self, aggregate: str, since: int, until: int, limit: int) -> list[Stored]:
        lies = partition_of(aggregate, self._partitions)
        with self._place.explained():
            rows = await self._pool.fetch(READINGS, lies, aggregate, since, until, limit)
        return [Stored(partition, seq, from_row(*values)) for partition, seq, *values in rows]

    async def readings_held(self, before: int) -> list[tuple[int, str]]:
        with self._place.explained():
            rows = await self._pool.fetch(READINGS_HELD, DAY, before // DAY * DAY)
        return [(day, aggregate) for day, aggregate in rows]

    async def drop_readings(self, before: int) -> int:
        with self._place.explained():
            async with self._pool.acquire() as connection:
                return await drop_days(connection, self._place, before)

    async def verify(self, progress: Callable[[int, int], None] | None = None) -> Verdict:
        with self._place.explained():
            async with self._pool.acquire() as connection:
                return await Verification(connection, progress).run()

    async def close(self) -> None:
        """Lets go of the partitions once the appends under way have ended."""
        for owner in self._owners.values():
            await owner.close()
        await self._bell.stop()
        self._pool.terminate()
