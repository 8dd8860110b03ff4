"""The log in one SQLite file: one writing process, group commit, WAL, synchronous=FULL.

Kept facts lie in `facts`, readings in a table a UTC day (`readings_20261122`), so that a day is dropped at the cost of
one statement. Both take their seq from one counter. One thread writes and another reads; many rows go into one INSERT,
because each statement gives up the interpreter's lock once: the event loop runs on while the rows are written.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from setaria.facts.clock import DAY, Clock
from setaria.facts.fact import Fact, Row, is_reading, to_row
from setaria.facts.log import ANYTHING, Batch, Cursor, LogFaulty, Look, Snapshot, Stored, Verdict, Wanted
from setaria.facts.refused import Refused
from setaria.facts.sqlite_file import FileLock, connect, explain, migrate, refuse_damage, refuse_newer
from setaria.facts.sqlite_look import find, look_back
from setaria.facts.sqlite_read import latest, read_aggregate, read_window, reading_tables, readings, readings_held
from setaria.facts.sqlite_rows import FACTS, WIDTHS, create_day, day_table, head_of, insert, pack, table_day
from setaria.facts.sqlite_verify import verify

EXPIRE_ANSWERS_EVERY: Final = 500  # batches

Result = TypeVar("Result")


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
        self._head = head_of(self._write)
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
        return await self._in_reader(lambda: {key: read_aggregate(self._read, key, snapshots) for key in keys})

    def read_aggregate_now(self, key: str, snapshots: bool = True) -> tuple[Snapshot | None, list[Stored]]:
        """`read_aggregates` without the event loop: for starting. Raises Refused."""
        try:
            return read_aggregate(self._read, key, snapshots)
        except sqlite3.DatabaseError as error:
            raise explain(error, self._path) from error

    async def answers(self, commands: Sequence[str]) -> dict[str, bytes]:
        return await self._in_reader(lambda: self._answers(commands))

    async def head(self) -> Cursor:
        return await self._in_reader(lambda: Cursor((head_of(self._read).seq,)))

    async def last_id(self) -> bytes:
        return await self._in_reader(lambda: head_of(self._read).last_id)

    def last_known(self) -> tuple[bytes, int]:
        """The newest fact's id and time, (b"", 0) in an empty log; read at once, for starting a clock."""
        head = head_of(self._read)
        return head.last_id, head.last_time

    def read_now(self, after: int, limit: int) -> list[Stored]:
        """`read` without the event loop: for starting, before anything else runs. Raises Refused."""
        try:
            return read_window(self._read, after, limit)
        except sqlite3.DatabaseError as error:
            raise explain(error, self._path) from error

    def on_append(self, told: Callable[[], None]) -> Callable[[], None]:
        self._told.append(told)
        return lambda: self._told.remove(told)

    async def readings(self, aggregate: str, since: int, until: int, limit: int) -> list[Stored]:
        return await self._in_reader(lambda: readings(self._read, aggregate, since, until, limit))

    async def readings_held(self, before: int) -> list[tuple[int, str]]:
        """(start of the day, aggregate) of all raw readings in whole UTC days that end at or before `before`."""
        return await self._in_reader(lambda: readings_held(self._read, before))

    async def latest(self, aggregate: str, limit: int) -> list[Stored]:
        return await self._in_reader(lambda: latest(self._read, aggregate, limit))

    async def look_back(self, at: Cursor, limit: int, wanted: Wanted = ANYTHING) -> Look:
        return await self._in_reader(lambda: look_back(self._read, at.seqs[0], limit, wanted))

    async def find(self, fact_id: bytes) -> Stored | None:
        return await self._in_reader(lambda: find(self._read, fact_id))

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

    def _commit(self, rows: Sequence[Row], batch: Batch) -> None:
        try:
            self._transact(batch.facts, rows, batch)
        except sqlite3.IntegrityError:
            fresh = self._without_known(batch.facts)
            self._transact(fresh, [to_row(fact) for fact in fresh], batch)
        self._batches += 1

    def _transact(self, facts: Sequence[Fact], rows: Sequence[Row], batch: Batch) -> None:
        write = self._write
        tables, head = pack(self._head, facts, rows)
        write.execute("BEGIN IMMEDIATE")
        try:
            for table, values in tables.items():
                if table not in WIDTHS and table not in self._tables:
                    create_day(write, table)
                insert(write, table, values)
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
        self._tables.update(table for table in tables if table not in WIDTHS)

    def _without_known(self, facts: Sequence[Fact]) -> list[Fact]:
        """The slow way, taken when a fact is doubled: all but those the log or the batch itself holds already."""
        fresh: dict[bytes, Fact] = {}
        for fact in facts:
            table = day_table(fact.time) if is_reading(fact) else FACTS
            known = (table == FACTS or table in self._tables) and self._write.execute(
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
