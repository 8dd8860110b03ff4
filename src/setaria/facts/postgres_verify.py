"""Reading a whole PostgreSQL log to see that it is what was written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from setaria.facts.chain import digest
from setaria.facts.fact import Row, from_row
from setaria.facts.log import Verdict
from setaria.facts.postgres_place import LONG_STATEMENT_TIMEOUT
from setaria.facts.refused import Refused

MOST_FAULTS: Final = 100
PROGRESS_EVERY: Final = 10_000
ROWS_A_FETCH: Final = 2_000


class Verification:
    def __init__(self, connection: Any, progress: Callable[[int, int], None] | None) -> None:
        self._connection = connection
        self._progress = progress
        self._total = 0
        self._verdict = Verdict()

    async def run(self) -> Verdict:
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            self._total = await self._connection.fetchval("SELECT count(*) FROM facts", timeout=LONG_STATEMENT_TIMEOUT)
            for partition, seq, chain in await self._connection.fetch(
                "SELECT partition, seq, chain FROM heads ORDER BY 1"
            ):
                await self._facts(partition, seq, chain)
                await self._readings(partition, seq)
                await self._snapshots(partition, seq)
        return self._verdict

    async def _facts(self, partition: int, head: int, head_chain: bytes) -> None:
        chain, batch, seq = b"", list[Row](), 0
        rows = self._connection.cursor(
            "SELECT seq, id, time, aggregate, kind, document, chain FROM facts WHERE partition = $1 ORDER BY seq",
            partition,
            prefetch=ROWS_A_FETCH,
        )
        async for seq, *values, said in rows:
            row = Row(*values)
            self._readable(row, f"fact {partition}:{seq}")
            batch.append(row)
            self._verdict.facts += 1
            if said is not None:
                if digest(chain, batch) != said:
                    self._fault(f"fact {partition}:{seq}: the digest of its batch does not agree")
                chain, batch = said, []
                self._verdict.digests += 1
            if self._progress is not None and self._verdict.facts % PROGRESS_EVERY == 0:
                self._progress(self._verdict.facts, self._total)
        if batch:
            self._fault(f"the last {len(batch)} facts of partition {partition} have no digest: the log was cut short")
        elif chain != head_chain or seq > head:
            self._fault(f"partition {partition} does not end where it says: fact {seq}, its head {head}")

    async def _readings(self, partition: int, head: int) -> None:
        rows = self._connection.cursor(
            "SELECT seq, id, time, aggregate, kind, document FROM readings WHERE partition = $1",
            partition,
            prefetch=ROWS_A_FETCH,
        )
        async for seq, *values in rows:
            self._verdict.readings += 1
            self._readable(Row(*values), f"reading {partition}:{seq}")
            if seq > head:
                self._fault(f"reading {partition}:{seq} lies beyond the head {head}")

    async def _snapshots(self, partition: int, head: int) -> None:
        ahead = await self._connection.fetch(
            "SELECT aggregate, seq FROM snapshots WHERE partition = $1 AND seq > $2", partition, head
        )
        for name, seq in ahead:
            self._fault(f"{name}: its snapshot knows of fact {partition}:{seq}, the log ends at {head}")

    def _readable(self, row: Row, where: str) -> None:
        try:
            from_row(*row)
        except Refused as refused:
            self._fault(f"{where}: {refused}")

    def _fault(self, text: str) -> None:
        if len(self._verdict.faults) < MOST_FAULTS:
            self._verdict.faults.append(text)
