"""Reading an SQLite log: windows merged over the tables, one aggregate's past, raw readings."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from setaria.facts.clock import DAY
from setaria.facts.fact import UNREADABLE, Fact, decoder_of
from setaria.facts.log import Snapshot, Stored
from setaria.facts.refused import Refused
from setaria.facts.sqlite_rows import FACTS, table_day, unpack_seqs

SEQS_A_STATEMENT: Final = 500
COLUMNS: Final = "seq, id, time, aggregate, kind, document"

Values = tuple[Any, ...]
_seq_of = itemgetter(0)
make = tuple.__new__  # a third of what Stored(...) costs, once a fact


def reading_tables(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'readings_[0-9]*'")
    return sorted(name for (name,) in found)


def stored(rows: Iterable[Values]) -> list[Stored]:
    """`from_row` for many, without a call a fact: this is what replaying a log takes its time for."""
    found: list[Stored] = []
    decoders: dict[str, Callable[[bytes], Any]] = {}
    for seq, fact_id, time, aggregate, kind, document in rows:
        decode = decoders.get(kind)
        if decode is None:
            decode = decoders[kind] = decoder_of(kind)
        try:
            household, actor, amount, body = decode(document)
        except UNREADABLE as error:
            raise Refused("fact_unreadable", id=fact_id.hex(), kind=kind, why=str(error)) from error
        found.append(make(Stored, (0, seq, Fact(fact_id, time, aggregate, household, actor, body, amount))))
    return found


def read_aggregate(
    connection: sqlite3.Connection, key: str, snapshots: bool = True
) -> tuple[Snapshot | None, list[Stored]]:
    """With its snapshot only the facts after it."""
    saved = None
    if snapshots:
        query = "SELECT aggregate, seq, form, state FROM snapshots WHERE aggregate = ?"
        saved = connection.execute(query, (key,)).fetchone()
    snapshot = Snapshot(*saved) if saved else None
    after = snapshot.seq if snapshot else 0
    lie = connection.execute(
        "SELECT seqs FROM places WHERE aggregate = ? AND last > ? ORDER BY first", (key, after)
    ).fetchall()
    seqs = [seq for (packed,) in lie for seq in unpack_seqs(packed) if seq > after]
    return snapshot, stored(_at(connection, seqs))


def _at(connection: sqlite3.Connection, seqs: Sequence[int]) -> Iterator[Values]:
    """Kept facts by their seqs, in that order (rising or falling)."""
    for first in range(0, len(seqs), SEQS_A_STATEMENT):
        some = seqs[first : first + SEQS_A_STATEMENT]
        order = "DESC" if some[0] > some[-1] else "ASC"
        marks = ", ".join("?" * len(some))
        yield from connection.execute(
            f"SELECT {COLUMNS} FROM facts WHERE seq IN ({marks}) ORDER BY seq {order}",  # noqa: S608  marks and names
            some,
        )


def read_window(connection: sqlite3.Connection, after: int, limit: int) -> list[Stored]:
    """The facts of up to `limit` seqs beyond `after`, merged over the tables; a gap is stepped over."""
    tables = [FACTS, *reading_tables(connection)]
    while True:
        window = [
            connection.execute(
                f"SELECT {COLUMNS} FROM {table} WHERE seq > ? AND seq <= ? ORDER BY seq",  # noqa: S608  names of ours
                (after, after + limit),
            ).fetchall()
            for table in tables
        ]
        filled = [rows for rows in window if rows]
        if len(filled) == 1:
            return stored(filled[0])
        if filled:
            return stored(sorted(chain.from_iterable(filled), key=_seq_of))
        beyond = _next_seq(connection, tables, after)
        if beyond is None:
            return []
        after = beyond - 1


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
    seqs: list[int] = []
    for (packed,) in connection.execute(
        "SELECT seqs FROM places WHERE aggregate = ? ORDER BY first DESC", (aggregate,)
    ):
        seqs += reversed(unpack_seqs(packed))
        if len(seqs) >= limit:
            break
    rows = list(_at(connection, seqs[:limit]))
    for table in reversed(reading_tables(connection)):
        oldest = rows[limit - 1][2] if len(rows) >= limit else 0
        if table_day(table) + DAY <= oldest:
            break
        rows += connection.execute(f"SELECT {COLUMNS} FROM {table} {newest_first}", (aggregate, limit))  # noqa: S608
        rows.sort(key=_seq_of, reverse=True)
        del rows[limit:]
    return stored(rows)
