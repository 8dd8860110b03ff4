"""The PostgreSQL schema under a log: connecting to it, its numbered migrations, its days of readings, its errors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from zlib import crc32

import msgspec

from setaria.facts.clock import DAY, SECOND
from setaria.facts.log import LogFaulty
from setaria.facts.refused import Refused

MIGRATIONS: Final = Path(__file__).parent / "migrations" / "postgres"
STATEMENT_TIMEOUT: Final = 30.0  # seconds
LONG_STATEMENT_TIMEOUT: Final = 3600.0  # seconds, for what goes through a whole table
CONNECT_TIMEOUT: Final = 10.0  # seconds
# A dead client's locks are let go after 10 + 3 * 5 seconds; a new owner waits for longer than that.
SERVER_SETTINGS: Final = {
    "application_name": "setaria",
    "client_min_messages": "warning",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "jit": "off",
}
# All that is read is read by a key. A planner whose statistics are older than the last million facts would sort them
# all for each window.
READER_SETTINGS: Final = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
UNREACHABLE_STATES: Final = ("08", "57P", "57014", "25006", "53300", "28", "3D", "55P03")
DAMAGED_STATES: Final = ("XX001", "XX002", "58030")


class Place(msgspec.Struct, frozen=True):
    """A schema of a database. `dsn` reaches a server session directly: a pooler that lends sessions out by the
    transaction would lose the advisory locks."""

    dsn: str
    schema: str

    def __post_init__(self) -> None:
        assert re.fullmatch(r"[a-z_][a-z0-9_]{0,40}", self.schema), "a schema's name is written into SQL as it stands"

    @property
    def name(self) -> str:
        """Where it is, without the password."""
        parts = urlsplit(self.dsn)
        return f"{parts.hostname or 'local'}{parts.path}/{self.schema}"

    @property
    def lock_class(self) -> int:
        """The first of the two numbers that make an advisory lock; the second is the partition."""
        return crc32(b"setaria/" + self.schema.encode()) - (1 << 31)

    @property
    def channel(self) -> str:
        return f"setaria_{self.schema}"

    async def connect(self, **settings: str) -> Any:
        return await driver().connect(
            self.dsn,
            timeout=CONNECT_TIMEOUT,
            command_timeout=STATEMENT_TIMEOUT,
            server_settings={**SERVER_SETTINGS, "search_path": self.schema, **settings},
        )

    async def pool(self, most: int) -> Any:
        return await driver().create_pool(
            self.dsn,
            min_size=1,
            max_size=most,
            timeout=CONNECT_TIMEOUT,
            command_timeout=STATEMENT_TIMEOUT,
            server_settings={**SERVER_SETTINGS, **READER_SETTINGS, "search_path": self.schema},
        )

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turns whatever the server or the way to it says no with into LogFaulty."""
        try:
            yield
        except faults() as error:
            raise LogFaulty(self.explain(error)) from error

    def explain(self, error: BaseException) -> Refused:
        """What a server's error means to a person."""
        state = getattr(error, "sqlstate", None) or ""
        why = f"{state} {error or type(error).__name__}".strip()
        if state == "53100":
            return Refused("log_full", path=self.name)
        if state.startswith(DAMAGED_STATES):
            return Refused("log_damaged", path=self.name, why=why)
        if not state or state.startswith(UNREACHABLE_STATES):
            return Refused("log_unreachable", path=self.name, why=why)
        return Refused("log_faulty", path=self.name, why=why)


def driver() -> Any:
    """asyncpg, an optional part of the installation. Raises Refused("postgres_missing")."""
    try:
        import asyncpg
    except ImportError as error:
        raise Refused("postgres_missing") from error
    return asyncpg


def faults() -> tuple[type[BaseException], ...]:
    asyncpg = driver()
    return asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError


async def migrate(connection: Any, place: Place, partitions: int) -> None:
    """Apply each migration the schema has not seen, all in one transaction, one process at a time.

    Raises Refused: log_newer, partitions_differ.
    """
    scripts = sorted(MIGRATIONS.glob("[0-9]*.sql"))
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1, -1)", place.lock_class)
        await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {place.schema}")
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (version integer PRIMARY KEY, name text NOT NULL)"
        )
        version = await connection.fetchval("SELECT coalesce(max(version), 0) FROM migrations")
        if version > len(scripts):
            raise Refused("log_newer", path=place.name, version=version, known=len(scripts))
        for number, script in enumerate(scripts[version:], version + 1):
            await connection.execute(script.read_text(), timeout=LONG_STATEMENT_TIMEOUT)
            await connection.execute("INSERT INTO migrations VALUES ($1, $2)", number, script.name)
        known = await connection.fetchval("SELECT partitions FROM settings")
        if known is None:
            await connection.execute("INSERT INTO settings VALUES ($1)", partitions)
            heads = [(partition, 0, 0, b"", b"") for partition in range(partitions)]
            await connection.executemany("INSERT INTO heads VALUES ($1, $2, $3, $4, $5)", heads)
        elif known != partitions:
            raise Refused("partitions_differ", path=place.name, asked=partitions, written=known)


def day_table(time: int) -> str:
    return datetime.fromtimestamp(time // DAY * DAY // SECOND, UTC).strftime("readings_%Y%m%d")


async def create_day(connection: Any, place: Place, time: int) -> None:
    """Attached rather than created in place: readers of the other days are not held up."""
    table, begin = day_table(time), time // DAY * DAY
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1, -2)", place.lock_class)
        if table not in {name for name, _ in await days(connection)}:
            await connection.execute(f"CREATE TABLE {table} (LIKE readings INCLUDING ALL)")
            await connection.execute(
                f"ALTER TABLE readings ATTACH PARTITION {table} FOR VALUES FROM ({begin}) TO ({begin + DAY})"
            )


async def days(connection: Any) -> Sequence[tuple[str, int]]:
    """Each table of readings with the moment its day begins, UTC microseconds."""
    rows = await connection.fetch(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'readings'::regclass ORDER BY c.relname"
    )
    return [
        (name, int(datetime.strptime(name, "readings_%Y%m%d").replace(tzinfo=UTC).timestamp()) * SECOND)
        for (name,) in rows
    ]


async def drop_days(connection: Any, place: Place, before: int) -> int:
    dropped = 0
    for table, begin in await days(connection):
        if begin + DAY > before:
            break
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1, -2)", place.lock_class)
            if table in {name for name, _ in await days(connection)}:
                count = await connection.fetchval(
                    f"SELECT count(*) FROM {table}",  # noqa: S608  a name of ours
                    timeout=LONG_STATEMENT_TIMEOUT,
                )
                await connection.execute(f"DROP TABLE {table}")
                dropped += count
    return dropped
