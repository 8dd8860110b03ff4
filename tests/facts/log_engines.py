"""What the log's tests stand on: facts to write, a private PostgreSQL cluster, both engines behind one protocol."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, Protocol
from uuid import uuid4

from setaria.facts.clock import BUILT, SECOND, Clock, SystemClock
from setaria.facts.fact import Actor, Fact
from setaria.facts.ids import IdSource
from setaria.facts.kinds import Body, Keep, kind
from setaria.facts.log import Batch, Log, Stored, partition_of, start
from setaria.facts.postgres import PostgresLog
from setaria.facts.sqlite import SqliteLog

ACTOR: Final = Actor("member/wei", "owner")


@kind("logtest.noted")
class Noted(Body, frozen=True):
    text: str


@kind("logtest.measured", keep=Keep.READING)
class Measured(Body, frozen=True):
    value: int


def _add_unit(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "unit": "lux"}


def _rename_level(data: dict[str, Any]) -> dict[str, Any]:
    return {"brightness": data["level"], "unit": data["unit"]}


@kind("logtest.dimmed", version=3, upcast={1: _add_unit, 2: _rename_level})
class Dimmed(Body, frozen=True):
    brightness: int
    unit: str


class Facts:
    """Facts with rising ids; a microsecond passes between them."""

    def __init__(self, clock: Clock, source: int = 1) -> None:
        self._ids = IdSource(clock, source=source)
        self._time = BUILT

    def __call__(self, body: Body, aggregate: str = "lamp", *, time: int | None = None, household: str = "h1") -> Fact:
        self._time += 1
        return Fact(self._ids.next(), self._time if time is None else time, aggregate, household, ACTOR, body)

    def notes(self, count: int, aggregate: str = "lamp", text: str = "note") -> list[Fact]:
        return [self(Noted(f"{text} {number}"), aggregate) for number in range(count)]


def aggregate_in(partition: int, partitions: int, stem: str = "thing") -> str:
    return next(
        key for key in (f"{stem}/{number}" for number in range(10_000)) if partition_of(key, partitions) == partition
    )


async def read_all(log: Log, limit: int = 1000) -> list[Stored]:
    """Follow the log from its start, as every reader does."""
    cursor, found = start(log.partitions), list[Stored]()
    while window := await log.read(cursor, limit):
        assert len(window) <= limit
        for stored in window:
            assert stored.seq > cursor.seqs[stored.partition], "a partition's seqs rise"
            cursor = cursor.moved(stored.partition, stored.seq)
        found += window
    return found


class Engine(Protocol):
    """One place where a log lies. Every `open` opens the same one."""

    name: str

    async def open(self) -> Log: ...

    async def open_reader(self) -> Log:
        """The same log in a reader that owns no partition."""

    async def open_at_once(self) -> Log:
        """As `open`, without waiting for another owner to let go."""

    async def execute(self, statement: str) -> None:
        """Run SQL behind the log's back, as a fault or an intruder would."""

    def blob(self, value: bytes) -> str:
        """How SQL writes these bytes."""

    async def break_commits(self) -> None:
        """From now on a batch with a snapshot fails, after its facts were written."""

    async def mend_commits(self) -> None: ...

    def owner_arguments(self) -> list[str]:
        """What `log_engines.py`, started as a program, needs to own this log: one list of words a process."""


class SqliteEngine:
    name = "sqlite"

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.clock = clock

    async def open(self) -> Log:
        return await SqliteLog.open(self.path, self.clock)

    async def open_reader(self) -> Log:
        return await SqliteLog.open(self.path, self.clock, read_only=True)

    async def open_at_once(self) -> Log:
        return await self.open()

    async def execute(self, statement: str) -> None:
        import sqlite3

        connection = sqlite3.connect(self.path)
        connection.execute(statement)
        connection.commit()
        connection.close()

    def blob(self, value: bytes) -> str:
        return f"X'{value.hex()}'"

    async def break_commits(self) -> None:
        await self.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON snapshots BEGIN SELECT RAISE(ABORT, 'broken on purpose'); END"
        )

    async def mend_commits(self) -> None:
        await self.execute("DROP TRIGGER broken")

    def owner_arguments(self) -> list[str]:
        return [f"sqlite {self.path}"]


class PostgresEngine:
    name = "postgres"

    def __init__(self, dsn: str, clock: Clock, partitions: int = 3) -> None:
        self.dsn = dsn
        self.schema = f"log_{uuid4().hex[:12]}"
        self.clock = clock
        self.partitions = partitions

    async def open(self, own: Sequence[int] | Literal["all"] = "all", wait: int = 10 * SECOND) -> PostgresLog:
        return await PostgresLog.open(
            self.dsn, self.partitions, own, self.clock, schema=self.schema, wait_for_ownership=wait
        )

    async def open_at_once(self) -> PostgresLog:
        return await self.open(wait=0)

    async def open_reader(self) -> PostgresLog:
        return await self.open(own=())

    async def execute(self, statement: str) -> None:
        import asyncpg

        connection = await asyncpg.connect(self.dsn, server_settings={"search_path": self.schema})
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def blob(self, value: bytes) -> str:
        return f"'\\x{value.hex()}'"

    async def break_commits(self, state: str = "53100") -> None:
        """`state` is the SQLSTATE it fails with; 53100 is a full disk."""
        await self.execute(
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN RAISE EXCEPTION 'broken on purpose' USING ERRCODE = '{state}'; END $$;"
            "CREATE TRIGGER broken BEFORE INSERT ON snapshots FOR EACH ROW EXECUTE FUNCTION broken()"
        )

    async def mend_commits(self) -> None:
        await self.execute("DROP TRIGGER broken ON snapshots; DROP FUNCTION broken()")

    def owner_arguments(self) -> list[str]:
        half = self.partitions // 2
        shares = [range(half), range(half, self.partitions)]
        return [f"postgres {self.dsn} {self.schema} {self.partitions} {','.join(map(str, own))}" for own in shares]


# A program that owns and writes, for tests with more than one process.

TASKS: Final = 4
BATCHES_A_TASK: Final = 25
FACTS_A_BATCH: Final = 10


async def _own_and_write(engine: str, *where: str) -> None:
    """Four tasks append to the partitions owned here; each fact's text is its number within its task."""
    clock = SystemClock()
    if engine == "sqlite":
        log: Log = await SqliteLog.open(Path(where[0]), clock)
    else:
        own = [int(partition) for partition in where[3].split(",")]
        log = await PostgresLog.open(where[0], int(where[2]), own, clock, schema=where[1])

    async def task(number: int) -> None:
        partition = log.owned[number % len(log.owned)]
        key = aggregate_in(partition, log.partitions, f"{'-'.join(map(str, log.owned))}/{number}")
        facts = Facts(clock, source=secrets.randbits(62))
        for batch in range(BATCHES_A_TASK):
            first = batch * FACTS_A_BATCH
            texts = [str(first + each) for each in range(FACTS_A_BATCH)]
            await log.append(partition, Batch([facts(Noted(text), key) for text in texts]))
            await asyncio.sleep(0.001 * (number % 3))

    await asyncio.gather(*(task(number) for number in range(TASKS)))
    await log.close()


# A private PostgreSQL.


def postgres_bin() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


class Cluster:
    """One PostgreSQL in a directory of its own, reached over a socket in it alone."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def dsn(self) -> str:
        return f"postgresql://setaria@/postgres?host={self.directory}"

    @classmethod
    def start(cls, binaries: Path, *, fsync: bool) -> Cluster:
        cluster = cls(Path(tempfile.mkdtemp(prefix="setaria-pg-", dir="/tmp")))
        if (user := _server_user()) is not None:
            os.chown(cluster.directory, *pwd.getpwnam(user)[2:4])
        data = cluster.directory / "data"
        cluster._run(
            binaries / "initdb", "-D", data, "-U", "setaria", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"
        )
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(cluster.directory),
            "fsync": "on" if fsync else "off",
            "max_connections": "150",
            "shared_buffers": "256MB" if fsync else "32MB",
            "max_wal_size": "4GB",
        }
        with (data / "postgresql.conf").open("a") as config:
            config.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        try:
            cluster._run(binaries / "pg_ctl", "-D", data, "-l", cluster.directory / "log", "-w", "-t", "60", "start")
        except BaseException:
            cluster.stop(binaries)
            raise
        return cluster

    def stop(self, binaries: Path) -> None:
        try:
            self._run(binaries / "pg_ctl", "-D", self.directory / "data", "-m", "immediate", "-w", "stop")
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _run(self, *command: str | Path) -> None:
        user = _server_user()
        done = subprocess.run(
            [str(part) for part in command],
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if "initdb" in str(command[0]) else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command[0]} failed: {done.stdout}"


def _server_user() -> str | None:
    """PostgreSQL refuses to run as root: whom to run it as then."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextmanager
def shared_cluster(shared: Path, binaries: Path) -> Iterator[Cluster]:
    """One cluster for all test processes that name the same directory; the last one out stops it."""
    record = shared / "postgres.json"

    def users_changed(by: int) -> Cluster:
        with (shared / "postgres.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if record.exists():
                state = json.loads(record.read_text())
            else:
                state = {"directory": str(Cluster.start(binaries, fsync=False).directory), "users": 0}
            state["users"] += by
            cluster = Cluster(Path(state["directory"]))
            if state["users"] == 0:
                record.unlink()
                cluster.stop(binaries)
            else:
                record.write_text(json.dumps(state))
            return cluster

    cluster = users_changed(1)
    try:
        yield cluster
    finally:
        users_changed(-1)


if __name__ == "__main__":
    asyncio.run(_own_and_write(*sys.argv[1:]))
