"""Followers: views built from the log, in a file of their own, which may be thrown away at any time.

The cursor lies in the same file as the view and moves in the same transaction: a view holds each fact exactly once,
wherever the process was stopped. A view of another `form` is dropped and built anew.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from setaria.facts.clock import Clock, SystemClock
from setaria.facts.keeping_up import KeepingUp
from setaria.facts.log import Cursor, Log, Stored, start

FACTS_A_STEP: Final = 2_000
DAMAGE: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_ERROR")  # the last: tables that are not there


class View(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def form(self) -> str:
        """Change it with the tables: the view is then built anew."""

    def create(self, connection: sqlite3.Connection) -> None: ...

    def apply(self, connection: sqlite3.Connection, stored: Sequence[Stored]) -> None:
        """Inside a transaction that `Follower` begins and commits."""


class Follower:
    def __init__(self, log: Log, view: View, folder: Path, clock: Clock | None = None) -> None:
        self._log = log
        self._view = view
        self._path = folder / f"{view.name}.view"
        self._connection: sqlite3.Connection | None = None
        self._keeping_up = KeepingUp(
            f"follower {view.name}", log, clock or SystemClock(), self.catch_up, (sqlite3.DatabaseError,), self._failed
        )

    @property
    def connection(self) -> sqlite3.Connection:
        """To read the view with, from the event loop's thread."""
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    @property
    def cursor(self) -> Cursor:
        (token,) = self.connection.execute("SELECT cursor FROM follower").fetchone()
        return Cursor.parse(token, self._log.partitions)

    async def catch_up(self) -> int:
        """Apply all there is; returns how many facts. A view that knows more than the log is built anew: another log,
        or an older one, has been put in its place."""
        head = await self._log.head()
        if any(seen > last for seen, last in zip(self.cursor.seqs, head.seqs, strict=True)):
            self.forget()
        applied = 0
        while stored := await self._log.read(self.cursor, FACTS_A_STEP):
            self._apply(stored)
            applied += len(stored)
        return applied

    def follow(self) -> None:
        """Keep up with the log until `stop`."""
        self._keeping_up.start()

    async def stop(self) -> None:
        await self._keeping_up.stop()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def forget(self) -> None:
        """Throw the view away; the next use builds it anew from the log."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def _failed(self, error: Exception) -> None:
        if isinstance(error, sqlite3.DatabaseError) and _is_damage(error):
            self.forget()

    def _apply(self, stored: Sequence[Stored]) -> None:
        connection = self.connection
        cursor = self.cursor
        for each in stored:
            cursor = cursor.moved(each.partition, each.seq)
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._view.apply(connection, stored)
            connection.execute("UPDATE follower SET cursor = ?", (cursor.token,))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk has rolled back by itself
                connection.execute("ROLLBACK")
            raise

    def _open(self) -> sqlite3.Connection:
        connection = self._connect()
        if connection is None:
            self.forget()
            connection = self._connect()
        assert connection is not None, "a new file has the form it was made with"
        return connection

    def _connect(self) -> sqlite3.Connection | None:
        """None when the file is damaged or of another form: a view is never worth repairing."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'follower'").fetchone():
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("CREATE TABLE follower (form TEXT NOT NULL, cursor TEXT NOT NULL) STRICT")
                at_start = start(self._log.partitions).token
                connection.execute("INSERT INTO follower VALUES (?, ?)", (self._view.form, at_start))
                self._view.create(connection)
                connection.execute("COMMIT")
            (form,) = connection.execute("SELECT form FROM follower").fetchone()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                connection.close()
                raise
            form = None
        if form != self._view.form:
            connection.close()
            return None
        return connection


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Rather than a full disk, or a file in use."""
    return (getattr(error, "sqlite_errorname", "") or "").startswith(DAMAGE)
