"""Reading a whole SQLite log to see that it is what was written."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from setaria.facts.chain import digest
from setaria.facts.fact import Fact, Row, from_row
from setaria.facts.log import Verdict
from setaria.facts.refused import Refused

MOST_FAULTS: Final = 100
PROGRESS_EVERY: Final = 10_000


def verify(
    connection: sqlite3.Connection,
    path: Path,
    readings: Sequence[str],
    progress: Callable[[int, int], None] | None = None,
) -> Verdict:
    verdict = Verdict()
    try:
        damage = connection.execute("PRAGMA integrity_check(20)").fetchall()
        verdict.faults += [f"engine: {text}" for (text,) in damage if text != "ok"]
        _verify_facts(connection, verdict, progress)
        for table in readings:
            for row in connection.execute(f"SELECT id, time, aggregate, kind, document FROM {table}"):  # noqa: S608
                verdict.readings += 1
                _readable(Row(*row), verdict, table)
        _verify_end(connection, verdict)
    except sqlite3.DatabaseError as error:
        verdict.faults.append(f"{path.name}: {error}")
    return verdict


def _verify_facts(
    connection: sqlite3.Connection, verdict: Verdict, progress: Callable[[int, int], None] | None
) -> None:
    (total,) = connection.execute("SELECT count(*) FROM facts").fetchone()
    chain = b""
    batch: list[Row] = []
    counts: Counter[str] = Counter()
    for seq, *values, said in connection.execute(
        "SELECT seq, id, time, aggregate, kind, document, chain FROM facts ORDER BY seq"
    ):
        row = Row(*values)
        _readable(row, verdict, f"fact {seq}")
        batch.append(row)
        counts[row.aggregate] += 1
        verdict.facts += 1
        if said is not None:
            if len(verdict.faults) < MOST_FAULTS and digest(chain, batch) != said:
                verdict.faults.append(f"fact {seq}: the digest of its batch does not agree")
            chain, batch = said, []
            verdict.digests += 1
        if progress is not None and verdict.facts % PROGRESS_EVERY == 0:
            progress(verdict.facts, total)
    if batch:
        verdict.faults.append(f"the last {len(batch)} facts have no digest: the log was cut short")
    listed = dict(connection.execute("SELECT aggregate, sum(length(seqs) / 8) FROM places GROUP BY aggregate"))
    for aggregate in [key for key in counts.keys() | listed.keys() if counts[key] != listed.get(key, 0)][:MOST_FAULTS]:
        verdict.faults.append(
            f"{aggregate}: {listed.get(aggregate, 0)} facts are listed, {counts[aggregate]} are there"
        )


def _verify_end(connection: sqlite3.Connection, verdict: Verdict) -> None:
    """What was written last must still be there."""
    head, kept, chain = connection.execute("SELECT seq, kept, chain FROM head").fetchone()
    newest = connection.execute("SELECT seq, chain FROM facts ORDER BY seq DESC LIMIT 1").fetchone() or (0, b"")
    if newest != (kept, chain):
        verdict.faults.append(f"the log ends at fact {newest[0]}, fact {kept} was written: it was cut short")
    for name, seq in connection.execute("SELECT aggregate, seq FROM snapshots WHERE seq > ?", (head,)):
        verdict.faults.append(f"{name}: its snapshot knows of fact {seq}, the log ends at {head}")


def _readable(row: Row, verdict: Verdict, where: str) -> None:
    try:
        from_row(*row)
    except Refused as refused:
        if len(verdict.faults) < MOST_FAULTS:
            verdict.faults.append(f"{where}: {refused}")


def salvage(path: Path) -> Iterator[Fact]:
    """Every kept fact that can still be read of a damaged file, from its start on; the file is not changed."""
    wal = path.with_name(path.name + "-wal")
    how = "mode=ro" if wal.exists() and wal.stat().st_size > 0 else "mode=ro&immutable=1"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, isolation_level=None)
    try:
        connection.execute("PRAGMA writable_schema = ON")  # else SQLite opens no file shorter than its header says
        rows = connection.execute("SELECT id, time, aggregate, kind, document FROM facts NOT INDEXED ORDER BY seq")
        while (row := rows.fetchone()) is not None and None not in row:  # the missing half of a page reads as zeros
            yield from_row(*row)
    except (sqlite3.DatabaseError, Refused):
        return
    finally:
        connection.close()
