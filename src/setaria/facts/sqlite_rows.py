"""Facts as rows of an SQLite log: which table they go to, and where the log stands after them.

Values of a table lie flat, one row after another, because they are bound so: many rows go into one INSERT, and each
statement gives up the interpreter's lock once.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from setaria.facts.chain import digest
from setaria.facts.clock import DAY
from setaria.facts.fact import Fact, Row, is_reading

FACTS: Final = "facts"
ROWS_A_STATEMENT: Final = 64
PLACES: Final = "places"
WIDTHS: Final = {FACTS: 7, PLACES: 4}
READING_WIDTH: Final = 6


class Head(NamedTuple):
    """Where the log stands: `kept` and `chain` are of the last kept fact."""

    seq: int
    kept: int
    last_id: bytes
    last_time: int
    chain: bytes


def head_of(connection: sqlite3.Connection) -> Head:
    return Head(*connection.execute("SELECT seq, kept, last_id, last_time, chain FROM head").fetchone())


def day_table(time: int) -> str:
    return _table_of_day(time // DAY)


@lru_cache(maxsize=8)
def _table_of_day(day: int) -> str:
    return datetime.fromtimestamp(day * DAY / 1e6, UTC).strftime("readings_%Y%m%d")


def table_day(table: str) -> int:
    """When the day of a readings table begins, UTC microseconds."""
    day = datetime.strptime(table, "readings_%Y%m%d").replace(tzinfo=UTC)
    return int(day.timestamp()) * 1_000_000


def pack(head: Head, facts: Sequence[Fact], rows: Sequence[Row]) -> tuple[dict[str, list[Any]], Head]:
    """Values by table, the chain on the batch's last kept fact, and the head after them."""
    tables: dict[str, list[Any]] = {}
    kept: list[Row] = []
    places: dict[str, list[int]] = {}
    seq, kept_seq = head.seq, head.kept
    for fact, row in zip(facts, rows, strict=True):
        seq += 1
        if is_reading(fact):
            table = day_table(fact.time)
            values = tables.get(table)
            if values is None:
                values = tables[table] = []
            values.append(seq)
            values += row
        else:
            kept.append(row)
            kept_seq = seq
            lies = places.get(fact.aggregate)
            if lies is None:
                places[fact.aggregate] = [seq]
            else:
                lies.append(seq)
            values = tables.get(FACTS)
            if values is None:
                values = tables[FACTS] = []
            values.append(seq)
            values += row
            values.append(None)
    if not rows:
        return tables, head
    chain = head.chain
    if kept:
        chain = tables[FACTS][-1] = digest(head.chain, kept)
        tables[PLACES] = [value for key, seqs in places.items() for value in (key, seqs[0], seqs[-1], pack_seqs(seqs))]
    newest_id = max(head.last_id, max(row[0] for row in rows))
    newest_time = max(head.last_time, max(row[1] for row in rows))
    return tables, Head(seq, kept_seq, newest_id, newest_time, chain)


def pack_seqs(seqs: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(seqs)}q", *seqs)


def unpack_seqs(packed: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(packed) // 8}q", packed)


def insert(connection: sqlite3.Connection, table: str, values: Sequence[Any]) -> None:
    width = WIDTHS.get(table, READING_WIDTH)
    one = f"({', '.join('?' * width)})"
    step = width * ROWS_A_STATEMENT
    whole = len(values) // step * step
    many = f"INSERT INTO {table} VALUES {', '.join([one] * ROWS_A_STATEMENT)}"  # noqa: S608  a name of ours
    for first in range(0, whole, step):
        connection.execute(many, values[first : first + step])
    rest = [values[first : first + width] for first in range(whole, len(values), width)]
    connection.executemany(f"INSERT INTO {table} VALUES {one}", rest)  # noqa: S608  a name of ours


def create_day(connection: sqlite3.Connection, table: str) -> None:
    connection.execute(
        f"CREATE TABLE {table} (seq INTEGER PRIMARY KEY, id BLOB NOT NULL, time INTEGER NOT NULL,"
        " aggregate TEXT NOT NULL, kind TEXT NOT NULL, document BLOB NOT NULL) STRICT"
    )
    connection.execute(f"CREATE UNIQUE INDEX {table}_by_id ON {table} (id)")
