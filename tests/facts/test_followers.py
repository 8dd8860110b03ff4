from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.facts.log_engines import Facts, Measured, Noted

from setaria.facts import followers
from setaria.facts.clock import SECOND, VirtualClock
from setaria.facts.followers import Follower
from setaria.facts.log import Batch, Cursor, LogFaulty, Stored
from setaria.facts.refused import Refused
from setaria.facts.sqlite import SqliteLog

Rows = list[tuple[int, bytes, str]]


class Notes:
    """Every fact once: a fact applied twice breaks the view's own key."""

    name = "notes"

    def __init__(self, form: str = "1") -> None:
        self.form = form
        self.stop_at: int | None = None

    def create(self, connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE note (seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, aggregate TEXT)")

    def apply(self, connection: sqlite3.Connection, stored: Sequence[Stored]) -> None:
        for each in stored:
            connection.execute("INSERT INTO note VALUES (?, ?, ?)", (each.seq, each.fact.id, each.fact.aggregate))
            if each.seq == self.stop_at:
                self.stop_at = None
                raise KeyboardInterrupt


def rows(follower: Follower) -> Rows:
    return list(follower.connection.execute("SELECT seq, id, aggregate FROM note ORDER BY seq"))


@pytest.fixture
def log(tmp_path: Path, clock: VirtualClock) -> SqliteLog:
    return SqliteLog.open_now(tmp_path / "log.db", clock)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "views"


async def expected(log: SqliteLog) -> Rows:
    return [(each.seq, each.fact.id, each.fact.aggregate) for each in log.read_now(0, 100_000)]


async def closed(log: SqliteLog, *some: Follower) -> None:
    for follower in some:
        await follower.stop()
    await log.close()


async def test_stopped_at_any_point_each_fact_is_there_once(
    log: SqliteLog, folder: Path, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "FACTS_A_STEP", 4)
    await log.append(0, Batch(facts=facts.notes(10)))
    for stop_at in range(1, 11):
        view = Notes()
        view.stop_at = stop_at
        stopped = Follower(log, view, folder)
        with pytest.raises(KeyboardInterrupt):
            await stopped.catch_up()
        await stopped.stop()
        again = Follower(log, Notes(), folder)
        await again.catch_up()
        assert rows(again) == await expected(log)
        again.forget()
    await log.close()


async def test_forgotten_and_built_anew_it_is_the_same(log: SqliteLog, folder: Path, facts: Facts) -> None:
    follower = Follower(log, Notes(), folder)
    for _ in range(5):
        await log.append(0, Batch(facts=[*facts.notes(3), facts(Measured(1))]))
        await follower.catch_up()
    before = rows(follower)
    follower.forget()
    assert await follower.catch_up() == 20
    assert rows(follower) == before == await expected(log)
    await closed(log, follower)


async def test_another_form_is_built_anew(log: SqliteLog, folder: Path, facts: Facts) -> None:
    await log.append(0, Batch(facts=facts.notes(5)))
    old = Follower(log, Notes("1"), folder)
    await old.catch_up()
    await old.stop()
    same = Follower(log, Notes("1"), folder)
    assert await same.catch_up() == 0
    await same.stop()
    new = Follower(log, Notes("2"), folder)
    assert await new.catch_up() == 5
    assert rows(new) == await expected(log)
    await closed(log, new)


@pytest.mark.parametrize("damage", ["garbage", "cut", "no tables"])
async def test_a_damaged_view_is_built_anew(log: SqliteLog, folder: Path, facts: Facts, damage: str) -> None:
    await log.append(0, Batch(facts=facts.notes(500)))
    first = Follower(log, Notes(), folder)
    await first.catch_up()
    await first.stop()
    path = folder / "notes.view"
    if damage == "garbage":
        path.write_bytes(b"\xff" * 10_000)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:5_000])
    else:
        connection = sqlite3.connect(path)
        connection.execute("DROP TABLE follower")
        connection.close()
    second = Follower(log, Notes(), folder)
    await second.catch_up()
    assert rows(second) == await expected(log)
    await closed(log, second)


async def test_a_view_in_use_is_not_thrown_away(log: SqliteLog, folder: Path, facts: Facts) -> None:
    await log.append(0, Batch(facts=facts.notes(5)))
    first = Follower(log, Notes(), folder)
    await first.catch_up()
    await first.stop()
    holder = sqlite3.connect(folder / "notes.view", isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    connect = sqlite3.connect
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sqlite3, "connect", lambda path, **more: connect(path, timeout=0, **more))
        with pytest.raises(sqlite3.OperationalError):
            await Follower(log, Notes(), folder).catch_up()
    holder.execute("ROLLBACK")
    holder.close()
    again = Follower(log, Notes(), folder)
    assert await again.catch_up() == 0
    assert len(rows(again)) == 5
    await closed(log, again)


async def test_a_view_that_knows_more_than_the_log_is_built_anew(
    log: SqliteLog, folder: Path, facts: Facts, tmp_path: Path, clock: VirtualClock
) -> None:
    """A log restored from a backup gives the seqs after its end a second time."""
    await log.append(0, Batch(facts=facts.notes(5)))
    await log.copy_to(tmp_path / "older.db")
    await log.append(0, Batch(facts=facts.notes(5)))
    follower = Follower(log, Notes(), folder)
    await follower.catch_up()
    await closed(log, follower)
    older = await SqliteLog.open(tmp_path / "older.db", clock)
    follower = Follower(older, Notes(), folder)
    await follower.catch_up()
    assert rows(follower) == await expected(older)
    await older.append(0, Batch(facts=facts.notes(5, "other")))
    await follower.catch_up()
    assert rows(follower) == await expected(older)
    await closed(older, follower)


async def test_it_keeps_up_and_outlives_a_log_that_fails_for_a_while(
    log: SqliteLog, folder: Path, facts: Facts, clock: VirtualClock
) -> None:
    follower = Follower(log, Notes(), folder, clock)
    failing = True
    read = log.read

    async def unsure(after: Cursor, limit: int) -> list[Stored]:
        if failing:
            raise LogFaulty(Refused("log_unreachable", path="x", why=""))
        return await read(after, limit)

    log.read = unsure  # type: ignore[method-assign]
    follower.follow()
    await log.append(0, Batch(facts=[facts(Noted("one"))]))
    await asyncio.sleep(0.02)
    failing = False
    await log.append(0, Batch(facts=[facts(Noted("two"))]))
    for _ in range(500):
        clock.advance(SECOND)
        await asyncio.sleep(0.002)
        if len(rows(follower)) == 2:
            break
    assert rows(follower) == await expected(log)
    await closed(log, follower)
