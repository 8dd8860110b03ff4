"""The file under an SQLite log: who holds it, whether it is whole, and its numbered migrations."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import Final

from setaria.facts.refused import Refused

MIGRATIONS: Final = Path(__file__).parent / "migrations" / "sqlite"
PAGES_BEFORE_CHECKPOINT: Final = 4_000
CACHE_KIB: Final = 4_096


class FileLock:
    """Held for as long as the process lives: the kernel lets go of it even after SIGKILL."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> FileLock:
        """Raises Refused("log_in_use") naming the holder's process."""
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 20).decode(errors="replace").strip() or "?"
            os.close(descriptor)
            raise Refused("log_in_use", path=str(path), process=holder) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        return cls(descriptor)

    def release(self) -> None:
        os.close(self._descriptor)


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=5.0,
    )
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    if not read_only:
        path.chmod(0o600)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {PAGES_BEFORE_CHECKPOINT}")
    return connection


def refuse_damage(path: Path) -> None:
    """A file shorter than its own header says was cut short, unless the WAL still holds the rest.

    Source: SQLite file format, section 1.3 (offset 16 page size, offset 28 pages). Nothing is written to such a file:
    what can be read of it is still there for `setaria facts export --damaged`.
    """
    wal = path.with_name(path.name + "-wal")
    if not path.exists() or path.stat().st_size == 0 or (wal.exists() and wal.stat().st_size > 0):
        return
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        raise Refused("log_damaged", path=str(path), why="no SQLite header")
    page = int.from_bytes(header[16:18], "big")
    said = int.from_bytes(header[28:32], "big") * (65_536 if page == 1 else page)
    if path.stat().st_size < said:
        raise Refused("log_damaged", path=str(path), why=f"{path.stat().st_size} of {said} bytes")


def refuse_newer(path: Path) -> None:
    """Raises Refused("log_newer"), for those who read without migrating."""
    connection = connect(path, read_only=True)
    try:
        _scripts_beyond(connection, path)
    finally:
        connection.close()


def _scripts_beyond(connection: sqlite3.Connection, path: Path) -> list[tuple[int, Path]]:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    scripts = sorted(MIGRATIONS.glob("[0-9]*.sql"))
    if version > len(scripts):
        raise Refused("log_newer", path=str(path), version=version, known=len(scripts))
    return list(enumerate(scripts, 1))[version:]


def migrate(path: Path) -> None:
    """Apply each migration the file has not seen, one transaction each. Raises Refused("log_newer")."""
    connection = connect(path, read_only=False)
    try:
        for number, script in _scripts_beyond(connection, path):
            connection.executescript(f"BEGIN;\n{script.read_text()}\nPRAGMA user_version = {number};\nCOMMIT;")
    finally:
        connection.close()


def explain(error: sqlite3.DatabaseError, path: Path) -> Refused:
    """What an engine's error means to a person."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC")):
        return Refused("log_full", path=str(path))
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return Refused("log_damaged", path=str(path), why=str(error))
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Refused("log_in_use", path=str(path), process="?")
    return Refused("log_faulty", path=str(path), why=f"{name} {error}".strip())
