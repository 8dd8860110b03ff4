"""The log in one SQLite file: one writing process, group commit, WAL, synchronous=FULL.

Kept facts lie in `facts`, readings in a table a UTC day (`readings_20261122`), so that a day is dropped at the cost of
one statement. Both take their seq from one counter. One thread writes and another reads; many rows go into one INSERT,
because each statement gives up the interpreter's lock once: the event loop runs on while the rows are written.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from setaria.facts.chain import digest
from setaria.facts.clock import DAY, Clock
from setaria.facts.fact import Fact, Row, from_row, is_reading, to_row
from setaria.facts.log import Batch, Cursor, LogFaulty, Snapshot, Stored, Verdict
from setaria.facts.refused import Refused
from setaria.facts.sqlite_file import FileLock, connect, explain, migrate, refuse_damage, refuse_newer
from setaria.facts.sqlite_verify import verify

ROWS_A_STATEMENT: Final = 64
COLUMNS: Final = "seq, id, time, aggregate, kind, document"
EXPIRE_ANSWERS_EVERY: Final = 500  # batches

Result = TypeVar("Result")
Values = tuple[Any, ...]


class Head(NamedTuple):
    seq: int
    kept: int
    last_id: bytes
    last_time: int
    chain: bytes


def day_table(time: int) -> str:
    return _table_of_day(time // DAY)


@lru_cache(maxsize=8)
def _table_of_day(day: int) -> str:
    return datetime.fromtimestamp(day * DAY / 1e6, UTC).strftime("readings_%Y%m%d")


def table_day(table: str) -> int:
    """When the day of a readings table begins, UTC microseconds."""
    day = datetime.strptime(table, "readings_%Y%m%d").replace(tzinfo=UTC)
    return int(day.timestamp()) * 1_000_000


def reading_tables(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'readings_[0-9]*'")
    return sorted(name for (name,) in found)


class SqliteLog:
    partitions: Final = 1
    owned: Final = (0,)

    def __init__(self, path: Path, clock: Clock, lock: FileLock | None) -> None:
        self._path = path
        self._clock = clock
        self._lock = lock
        self._write = connect(path, read_only=lock is None)
        self._read = connect(path, read_only=True)
        if lock is not None:
            self._read.execute("PRAGMA query_only = ON")
        self._head = _head(self._write)
        self._tables = set(reading_tables(self._write))
        self._batches = 0
        self._writer = ThreadPoolExecutor(1, "log-writer")
        self._reader = ThreadPoolExecutor(1, "log-reader")
        self._told: list[Callable[[], None]] = []
        self._appending = asyncio.Lock()

    @classmethod
    def open_now(cls, path: Path, clock: Clock, *, read_only: bool = False) -> SqliteLog:
        """Raises Refused: log_in_use (another hub writes this file), log_damaged, log_newer, log_missing."""
        if read_only and not path.exists():
            raise Refused("log_missing", path=str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = None if read_only else FileLock.take(path)
        try:
            refuse_damage(path)
            if read_only:
                refuse_newer(path)
            else:
                migrate(path)
            return cls(path, clock, lock)
        except BaseException as error:
            if lock is not None:
                lock.release()
            if isinstance(error, sqlite3.DatabaseError):
                raise explain(error, path) from error
            raise

    @classmethod
    async def open(cls, path: Path, clock: Clock, *, read_only: bool = False) -> SqliteLog:
        return cls.open_now(path, clock, read_only=read_only)

    async def append(self, partition: int, batch: Batch) -> int:
        assert partition == 0
        rows = [to_row(fact) for fact in batch.facts]
        async with self._appending:
            await self._in_writer(lambda: self._commit(rows, batch))
            last = self._head.seq
        for told in tuple(self._told):
            told()
        return last

    async def read(self, after: Cursor, limit: int) -> list[Stored]:
        return await self._in_reader(lambda: read_window(self._read, after.seqs[0], limit))

    async def read_aggregates(
        self, keys: Sequence[str], snapshots: bool = True
    ) -> dict[str, tuple[Snapshot | None, list[Stored]]]:
        return await self._in_reader(lambda: {key: self.read_aggregate_now(key, snapshots) for key in keys})

    def read_aggregate_now(self, key: str, snapshots: bool = True) -> tuple[Snapshot | None, list[Stored]]:
        saved = (
            snapshots
            and self._read.execute(
                "SELECT aggregate, seq, form, state FROM snapshots WHERE aggregate = ?", (key,)
            ).fetchone()
        )
        snapshot = Snapshot(*saved) if saved else None
        rows = self._read.execute(
            f"SELECT {COLUMNS} FROM facts WHERE aggregate = ? AND seq > ? ORDER BY seq",  # noqa: S608  constant names
            (key, snapshot.seq if snapshot else 0),
        )
        return snapshot, [Stored(0, row[0], from_row(*row[1:])) for row in rows]

    async def answers(self, commands: Sequence[str]) -> dict[str, bytes]:
        return await self._in_reader(lambda: self._answers(commands))

    async def head(self) -> Cursor:
        return await self._in_reader(lambda: Cursor((_head(self._read).seq,)))

    async def last_id(self) -> bytes:
        return await self._in_reader(lambda: _head(self._read).last_id)

    def last_known(self) -> tuple[bytes, int]:
        """The newest fact's id and time, (b"", 0) in an empty log; read at once, for starting a clock."""
        head = _head(self._read)
        return head.last_id, head.last_time

    def read_now(self, after: int, limit: int) -> list[Stored]:
        """`read` without the event loop: for starting, before anything else runs."""
        return read_window(self._read, after, limit)

    def on_append(self, told: Callable[[], None]) -> Callable[[], None]:
        self._told.append(told)
        return lambda: self._told.remove(told)

    async def readings(self, aggregate: str, since: int, until: int, limit: int) -> list[Stored]:
        return await self._in_reader(lambda: _readings(self._read, aggregate, since, until, limit))

    async def readings_held(self, before: int) -> list[tuple[int, str]]:
        """(start of the day, aggregate) of all raw readings in whole UTC days that end at or before `before`."""
        return await self._in_reader(lambda: _readings_held(self._read, before))

    async def latest(self, aggregate: str, limit: int) -> list[Stored]:
        return await self._in_reader(lambda: _latest(self._read, aggregate, limit))

    async def drop_readings(self, before: int) -> int:
        return await self._in_writer(lambda: self._drop_readings(before))

    async def verify(self, progress: Callable[[int, int], None] | None = None) -> Verdict:
        return await self._in_reader(lambda: verify(self._read, self._path, reading_tables(self._read), progress))

    async def copy_to(self, target: Path) -> None:
        """A consistent copy while the log is in use (SQLite's online backup)."""

        def copy() -> None:
            source, into = connect(self._path, read_only=True), sqlite3.connect(target)
            try:
                source.backup(into)
            finally:
                into.close()
                source.close()

        try:
            await asyncio.to_thread(copy)  # not in the reader's thread: readers go on meanwhile
        except sqlite3.DatabaseError as error:
            raise LogFaulty(explain(error, target)) from error

    async def close(self) -> None:
        self.close_now()

    def close_now(self) -> None:
        self._writer.shutdown(wait=True)
        self._reader.shutdown(wait=True)
        self._read.close()
        self._write.close()
        if self._lock is not None:
            self._lock.release()

    # In the writer's thread, or on the way to it.

    def _number(self, facts: Sequence[Fact], rows: Sequence[Row]) -> dict[str, list[Values]]:
        """Rows by table with their seq, the chain on the batch's last kept fact."""
        tables: dict[str, list[Values]] = {}
        kept: list[Row] = []
        seq = self._head.seq
        for fact, row in zip(facts, rows, strict=True):
            seq += 1
            if is_reading(fact):
                tables.setdefault(day_table(fact.time), []).append((seq, *row))
            else:
                kept.append(row)
                tables.setdefault("facts", []).append((seq, *row, None))
        if kept:
            last = tables["facts"][-1]
            tables["facts"][-1] = (*last[:-1], digest(self._head.chain, kept))
        return tables

    def _commit(self, rows: Sequence[Row], batch: Batch) -> None:
        tables = self._number(batch.facts, rows)
        try:
            self._transact(tables, batch)
        except sqlite3.IntegrityError:
            fresh = self._without_known(batch.facts)
            tables = self._number(fresh, [to_row(fact) for fact in fresh])
            self._transact(tables, batch)
        self._batches += 1

    def _transact(self, tables: dict[str, list[Values]], batch: Batch) -> None:
        write = self._write
        head = _moved(self._head, tables)
        write.execute("BEGIN IMMEDIATE")
        try:
            for table, rows in tables.items():
                if table != "facts" and table not in self._tables:
                    _create_day(write, table)
                _insert(write, table, rows)
            write.executemany(
                "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)",
                [(each.aggregate, each.seq or head.seq, each.form, each.state) for each in batch.snapshots],
            )
            now = self._clock.now()
            write.executemany(
                "INSERT INTO answers VALUES (?, ?, ?) ON CONFLICT (command) DO UPDATE"
                " SET answer = excluded.answer, expires = excluded.expires"
                " WHERE answers.expires > 0 AND answers.expires <= ?",
                [(each.command, each.answer, each.expires, now) for each in batch.answers],
            )
            if self._batches % EXPIRE_ANSWERS_EVERY == 0:
                write.execute("DELETE FROM answers WHERE expires > 0 AND expires <= ?", (now,))
            write.execute("UPDATE head SET seq = ?, kept = ?, last_id = ?, last_time = ?, chain = ?", head)
            write.execute("COMMIT")
        except BaseException:
            if write.in_transaction:
                write.execute("ROLLBACK")
            raise
        self._head = head
        self._tables.update(table for table in tables if table != "facts")

    def _without_known(self, facts: Sequence[Fact]) -> list[Fact]:
        """The slow way, taken when a fact is doubled: all but those the log or the batch itself holds already."""
        fresh: dict[bytes, Fact] = {}
        for fact in facts:
            table = day_table(fact.time) if is_reading(fact) else "facts"
            known = (table == "facts" or table in self._tables) and self._write.execute(
                f"SELECT 1 FROM {table} WHERE id = ?",  # noqa: S608  a name of ours
                (fact.id,),
            ).fetchone()
            if not known:
                fresh.setdefault(fact.id, fact)
        return list(fresh.values())

    def _drop_readings(self, before: int) -> int:
        dropped = 0
        past = [table for table in sorted(self._tables) if table_day(table) + DAY <= before]
        for table in past:
            (count,) = self._write.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608  a name of ours
            self._write.execute(f"DROP TABLE {table}")
            self._tables.discard(table)
            dropped += count
        return dropped

    def _answers(self, commands: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        now = self._clock.now()
        for command in commands:
            row = self._read.execute("SELECT answer, expires FROM answers WHERE command = ?", (command,)).fetchone()
            if row is not None and (row[1] == 0 or row[1] > now):
                found[command] = row[0]
        return found

    async def _in_writer(self, work: Callable[[], Result]) -> Result:
        if self._lock is None:
            raise LogFaulty(Refused("log_read_only"))
        return await self._run(self._writer, work)

    async def _in_reader(self, work: Callable[[], Result]) -> Result:
        """`work` sees one moment of the log, however many statements it takes."""

        def in_one_transaction() -> Result:
            self._read.execute("BEGIN")
            try:
                return work()
            finally:
                if self._read.in_transaction:
                    self._read.execute("ROLLBACK")

        return await self._run(self._reader, in_one_transaction)

    async def _run(self, thread: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, work)
        except sqlite3.DatabaseError as error:
            raise LogFaulty(explain(error, self._path)) from error


def _head(connection: sqlite3.Connection) -> Head:
    return Head(*connection.execute("SELECT seq, kept, last_id, last_time, chain FROM head").fetchone())


def _moved(head: Head, tables: dict[str, list[Values]]) -> Head:
    """Where the log stands after these rows: (seq, id, time, …), kept ones with their chain last."""
    newest = [rows[-1] for rows in tables.values() if rows]
    if not newest:
        return head
    kept = tables.get("facts")
    return Head(
        max(row[0] for row in newest),
        kept[-1][0] if kept else head.kept,
        max(head.last_id, *(row[1] for row in newest)),
        max(head.last_time, *(row[2] for row in newest)),
        kept[-1][-1] if kept else head.chain,
    )


def _insert(connection: sqlite3.Connection, table: str, rows: Sequence[Values]) -> None:
    if not rows:
        return
    one = f"({', '.join('?' * len(rows[0]))})"
    whole = len(rows) // ROWS_A_STATEMENT * ROWS_A_STATEMENT
    many = f"INSERT INTO {table} VALUES {', '.join([one] * ROWS_A_STATEMENT)}"  # noqa: S608  a name of ours
    for first in range(0, whole, ROWS_A_STATEMENT):
        flat: list[Any] = []
        for row in rows[first : first + ROWS_A_STATEMENT]:
            flat.extend(row)
        connection.execute(many, flat)
    connection.executemany(f"INSERT INTO {table} VALUES {one}", rows[whole:])  # noqa: S608  a name of ours


def _create_day(connection: sqlite3.Connection, table: str) -> None:
    connection.execute(
        f"CREATE TABLE {table} (seq INTEGER PRIMARY KEY, id BLOB NOT NULL, time INTEGER NOT NULL,"
        " aggregate TEXT NOT NULL, kind TEXT NOT NULL, document BLOB NOT NULL) STRICT"
    )
    connection.execute(f"CREATE UNIQUE INDEX {table}_by_id ON {table} (id)")


def _tables_of(connection: sqlite3.Connection) -> list[str]:
    return ["facts", *reading_tables(connection)]


def read_window(connection: sqlite3.Connection, after: int, limit: int) -> list[Stored]:
    """The facts of up to `limit` seqs beyond `after`, merged over the tables; a gap is stepped over."""
    tables = _tables_of(connection)
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
            return [Stored(0, row[0], from_row(row[1], row[2], row[3], row[4], row[5])) for row in rows]
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


def _readings(connection: sqlite3.Connection, aggregate: str, since: int, until: int, limit: int) -> list[Stored]:
    found: list[Stored] = []
    for table in reading_tables(connection):
        if table_day(table) + DAY <= since or table_day(table) >= until or len(found) >= limit:
            continue
        rows = connection.execute(
            f"SELECT {COLUMNS} FROM {table} WHERE aggregate = ? AND time >= ? AND time < ? ORDER BY seq LIMIT ?",  # noqa: S608
            (aggregate, since, until, limit - len(found)),
        )
        found += [Stored(0, row[0], from_row(*row[1:])) for row in rows]
    return found


def _readings_held(connection: sqlite3.Connection, before: int) -> list[tuple[int, str]]:
    return [
        (table_day(table), aggregate)
        for table in reading_tables(connection)
        if table_day(table) + DAY <= before
        for (aggregate,) in connection.execute(f"SELECT DISTINCT aggregate FROM {table} ORDER BY aggregate")  # noqa: S608
    ]


def _latest(connection: sqlite3.Connection, aggregate: str, limit: int) -> list[Stored]:
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
    return [Stored(0, row[0], from_row(*row[1:])) for row in rows]
