"""Looking back over an SQLite log, newest first, and finding one fact by its id."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from setaria.facts.log import MOST_LOOKED_AT, MOST_OF_AGGREGATES, Cursor, Look, Stored, Wanted
from setaria.facts.sqlite_read import COLUMNS, SEQS_A_STATEMENT, reading_tables, stored
from setaria.facts.sqlite_rows import FACTS, unpack_seqs

_FLOOR: Final = "SELECT seq FROM facts WHERE seq <= ? ORDER BY seq DESC LIMIT 1 OFFSET ?"


def look_back(connection: sqlite3.Connection, at: int, limit: int, wanted: Wanted) -> Look:
    if wanted.indexed:
        return _of_aggregates(connection, at, limit, wanted)
    last = connection.execute(_FLOOR, (at, MOST_LOOKED_AT - 1)).fetchone()
    floor = last[0] if last else 0
    where, values = _where(wanted)
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM facts WHERE seq <= ? AND seq >= ?{where} ORDER BY seq DESC LIMIT ?",  # noqa: S608  ours
        (at, floor, *values, limit),
    ).fetchall()
    return _look(stored(rows), limit, floor)


def _of_aggregates(connection: sqlite3.Connection, at: int, limit: int, wanted: Wanted) -> Look:
    """Where they lie is known: nothing else is read."""
    seqs: list[int] = []
    cut = False
    for aggregate in wanted.aggregates:
        lie = connection.execute(
            "SELECT seqs FROM places WHERE aggregate = ? AND first <= ? ORDER BY first DESC", (aggregate, at)
        )
        count = 0
        for (packed,) in lie:
            if count >= MOST_OF_AGGREGATES:
                cut = True
                break
            some = [seq for seq in unpack_seqs(packed) if seq <= at]
            seqs += some
            count += len(some)
    seqs.sort(reverse=True)
    cut = cut or len(seqs) > MOST_OF_AGGREGATES
    del seqs[MOST_OF_AGGREGATES:]
    where, values = _where(Wanted(labels=wanted.labels, without=wanted.without))
    rows: list[Any] = []
    for first in range(0, len(seqs), SEQS_A_STATEMENT):
        some = seqs[first : first + SEQS_A_STATEMENT]
        rows += connection.execute(
            f"SELECT {COLUMNS} FROM facts WHERE seq IN ({_marks(some)}){where} ORDER BY seq DESC LIMIT ?",  # noqa: S608  marks
            (*some, *values, limit - len(rows)),
        )
        if len(rows) >= limit:
            break
    return _look(stored(rows), limit, seqs[-1] if cut else 0)


def _look(found: list[Stored], limit: int, floor: int) -> Look:
    """`floor` is the last that was looked at, 0 or the first of the log for all of it."""
    last = found[-1].seq if len(found) >= limit else floor
    return Look(found, Cursor((max(0, last - 1),)))


def _where(wanted: Wanted) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    if wanted.labels:
        parts.append(f"kind IN ({_marks(wanted.labels)})")
        values += wanted.labels
    if wanted.without:
        parts.append(f"kind NOT IN ({_marks(wanted.without)})")
        values += wanted.without
    either: list[str] = []
    if wanted.aggregates:
        either.append(f"aggregate IN ({_marks(wanted.aggregates)})")
        values += wanted.aggregates
    either += ["instr(document, ?) > 0"] * len(wanted.naming)
    values += [text.encode() for text in wanted.naming]
    if either:
        parts.append(f"({' OR '.join(either)})")
    return "".join(f" AND {part}" for part in parts), values


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def find(connection: sqlite3.Connection, fact_id: bytes) -> Stored | None:
    """Readings too: each day has an index on its ids, and there are 31 days at most."""
    for table in (FACTS, *reversed(reading_tables(connection))):
        row = connection.execute(f"SELECT {COLUMNS} FROM {table} WHERE id = ?", (fact_id,)).fetchone()  # noqa: S608  ours
        if row is not None:
            return stored([row])[0]
    return None
