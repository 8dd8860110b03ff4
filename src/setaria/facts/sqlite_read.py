"""Reading an SQLite log: windows merged over the tables, one aggregate's past, raw readings."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, Final

from setaria.facts.clock import DAY
from setaria.facts.fact import from_row
from setaria.facts.log import Snapshot, Stored
from setaria.facts.sqlite_rows import FACTS, table_day

COLUMNS: Final = "seq, id, time, aggregate, kind, document"

Values = tuple[Any, ...]
make = tuple.__new__  # a third of what Stored(...) costs, once a fact


def reading_tables(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'readings_[0-9]*'")
    return sorted(name for (name,) in found)


def stored(rows: Iterable[Values]) -> list[Stored]:
    return [
        make(Stored, (0, seq, from_row(fact_id, time, aggregate, kind, document)))
        for seq, fact_id, time, aggregate, kind, document in rows
    ]


def read_aggregate(
    connection: sqlite3.Connection, key: str, snapshots: bool = True
) -> tuple[Snapshot | None, list[Stored]]:
    """With its snapshot only the facts after it."""
    saved = None
    if snapshots:
        query = "SELECT aggregate, seq, form, state FROM snapshots WHERE aggregate = ?"
        saved = connection.execute(query, (key,)).fetchone()
    snapshot = Snapshot(*saved) if saved else None
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM facts WHERE aggregate = ? AND seq > ? ORDER BY seq",  # noqa: S608  constant names
        (key, snapshot.seq if snapshot else 0),
    )
    return snapshot, stored(rows)


def read_window(connection: sqlite3.Connection, after: int, limit: int) -> list[Stored]:
    """The facts of up to `limit` seqs beyond `after`, merged over the tables; a gap is stepped over."""
    tables = [FACTS, *reading_tables(connection)]
    while True:
        rows: list[Values] = []
        for table in tables:
            rows += connection.execute(
                f"SELECT {COLUMNS} FROM {table} WHERE seq > ? AND seq <= ? ORDER BY seq",  # noqa: S608  names of ours
                (after, after + limit),
            )
        if rows:
            if len(tables) > 1:
                rows.sort(key=_seq_of)
            return stored(rows)
        beyond = _next_seq(connection, tables, after)
        if beyond is None:
            return []
        after = beyond - 1


def _seq_of(row: Values) -> int:
    seq: int = row[0]
    return seq


def _next_seq(connection: sqlite3.Connection, tables: Iterable[str], after: int) -> int | None:
    found = [
        connection.execute(f"SELECT min(seq) FROM {table} WHERE seq > ?", (after,)).fetchone()[0]  # noqa: S608
        for table in tables
    ]
    return min((seq for seq in found if seq is not None), default=None)


def readings(connection: sqlite3.Connection, aggregate: str, since: int, until: int, limit: int) -> list[Stored]:
    found: list[Stored] = []
    for table in reading_tables(connection):
        if table_day(table) + DAY <= since or table_day(table) >= until or len(found) >= limit:
            continue
        rows = connection.execute(
            f"SELECT {COLUMNS} FROM {table} WHERE aggregate = ? AND time >= ? AND time < ? ORDER BY seq LIMIT ?",  # noqa: S608
            (aggregate, since, until, limit - len(found)),
        )
        found += stored(rows)
    return found


def readings_held(connection: sqlite3.Connection, before: int) -> list[tuple[int, str]]:
    return [
        (table_day(table), aggregate)
        for table in reading_tables(connection)
        if table_day(table) + DAY <= before
        for (aggregate,) in connection.execute(f"SELECT DISTINCT aggregate FROM {table} ORDER BY aggregate")  # noqa: S608
    ]


def latest(connection: sqlite3.Connection, aggregate: str, limit: int) -> list[Stored]:
    """Day by day backwards: older days are not opened once there are enough."""
    newest_first = "WHERE aggregate = ? ORDER BY seq DESC LIMIT ?"
    rows = connection.execute(f"SELECT {COLUMNS} FROM facts {newest_first}", (aggregate, limit)).fetchall()  # noqa: S608
    for table in reversed(reading_tables(connection)):
        oldest = rows[limit - 1][2] if len(rows) >= limit else 0
        if table_day(table) + DAY <= oldest:
            break
        rows += connection.execute(f"SELECT {COLUMNS} FROM {table} {newest_first}", (aggregate, limit))  # noqa: S608
        rows.sort(key=_seq_of, reverse=True)
        del rows[limit:]
    return stored(rows)
