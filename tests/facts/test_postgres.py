"""What PostgreSQL adds to the log's promises: owners and their locks, lost connections, notices, migrations."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.facts.log_engines import Facts, Measured, Noted, PostgresEngine, aggregate_in, read_all

from setaria.facts.clock import BUILT, DAY, HOUR, SECOND, VirtualClock
from setaria.facts.log import Batch, LogFaulty, SavedAnswer, Snapshot, partition_of, start
from setaria.facts.postgres import AFTER_SNAPSHOTS, READINGS, WINDOW, PostgresLog
from setaria.facts.postgres_owner import EXPIRE_ANSWERS_EVERY, Owner
from setaria.facts.postgres_place import Place
from setaria.facts.refused import Refused

AT = partition_of("lamp", 3)


@pytest.fixture
def engine(postgres_dsn: str, clock: VirtualClock) -> PostgresEngine:
    return PostgresEngine(postgres_dsn, clock)


@pytest.fixture
async def log(engine: PostgresEngine) -> AsyncIterator[PostgresLog]:
    opened = await engine.open()
    yield opened
    await opened.close()


def owner_of(log: PostgresLog) -> Owner:
    return log._owners[AT]


async def end_session(engine: PostgresEngine, connection: Any) -> None:
    """As a crash of the server or a cut cable would; returns when the client has noticed too."""
    await engine.execute(f"SELECT pg_terminate_backend({connection.get_server_pid()}, 5000)")
    async with asyncio.timeout(5):
        while not connection.is_closed():
            await asyncio.sleep(0.001)


# Owners.


async def test_an_owner_that_lost_its_connection_owns_again(
    engine: PostgresEngine, log: PostgresLog, facts: Facts
) -> None:
    await log.append(AT, Batch(facts.notes(2)))
    await end_session(engine, owner_of(log)._connection)
    assert await log.append(AT, Batch(facts.notes(2))) == 4
    assert (await log.verify()).faults == []


async def test_an_owner_that_was_replaced_cannot_write(engine: PostgresEngine, facts: Facts) -> None:
    old = await engine.open()
    await old.append(AT, Batch(facts.notes(1)))
    for owner in old._owners.values():
        await end_session(engine, owner._connection)
    new = await engine.open_at_once()
    await new.append(AT, Batch(facts.notes(1)))
    with pytest.raises(LogFaulty) as fault:
        await old.append(AT, Batch(facts.notes(1)))
    assert fault.value.refusal.code == "partition_owned_elsewhere"
    await new.close()
    assert await old.append(AT, Batch(facts.notes(1))) == 3, "and can again when the other has let go"
    await old.close()


async def test_a_write_by_anyone_else_is_noticed_even_with_the_lock_held(
    engine: PostgresEngine, log: PostgresLog, facts: Facts
) -> None:
    await log.append(AT, Batch(facts.notes(1)))
    await engine.execute(f"UPDATE heads SET batch = batch + 1 WHERE partition = {AT}")
    with pytest.raises(LogFaulty) as fault:
        await log.append(AT, Batch(facts.notes(1)))
    assert fault.value.refusal.code == "partition_owned_elsewhere"
    assert len(await read_all(log)) == 1


async def test_opening_waits_for_the_owner_to_let_go(engine: PostgresEngine, log: PostgresLog) -> None:
    waiting = asyncio.create_task(engine.open(wait=20 * SECOND))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await log.close()
    await (await waiting).close()


async def test_opening_gives_up_in_the_end(engine: PostgresEngine, log: PostgresLog) -> None:
    with pytest.raises(Refused) as refused:
        await engine.open(wait=SECOND // 10)
    assert refused.value.code == "partition_owned_elsewhere"


async def test_owners_share_the_partitions(engine: PostgresEngine, facts: Facts) -> None:
    one, two = await engine.open(own=[0]), await engine.open(own=[1, 2])
    await one.append(0, Batch(facts.notes(1, aggregate_in(0, 3))))
    await two.append(2, Batch(facts.notes(1, aggregate_in(2, 3))))
    with pytest.raises(LogFaulty) as fault:
        await one.append(1, Batch(facts.notes(1, aggregate_in(1, 3))))
    assert fault.value.refusal.code == "partition_owned_elsewhere"
    assert (await one.head()).seqs == (1, 0, 1)
    await one.close()
    await two.close()


# Faults within an append.


async def test_a_session_ended_within_the_commit_leaves_nothing(
    engine: PostgresEngine, log: PostgresLog, facts: Facts
) -> None:
    await engine.execute(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON facts DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION die()"
    )
    with pytest.raises(LogFaulty) as fault:
        await log.append(AT, Batch(facts.notes(3)))
    assert fault.value.refusal.code == "log_unreachable"
    assert await read_all(log) == []
    await engine.execute("DROP TRIGGER die ON facts; DROP FUNCTION die()")
    assert await log.append(AT, Batch(facts.notes(3))) == 3


async def test_a_commit_whose_answer_was_lost_counts(
    log: PostgresLog, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = owner_of(log)
    commit = owner._commit

    async def commit_and_lose(*arguments: Any) -> Any:
        await commit(*arguments)
        owner._connection.terminate()
        raise ConnectionResetError

    monkeypatch.setattr(owner, "_commit", commit_and_lose)
    assert await log.append(AT, Batch(facts.notes(3))) == 3
    monkeypatch.undo()
    assert await log.append(AT, Batch(facts.notes(1))) == 4
    assert (await log.verify()).faults == []


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("53100", "log_full"),
        ("25006", "log_unreachable"),
        ("57P01", "log_unreachable"),
        ("58030", "log_damaged"),
        ("XX001", "log_damaged"),
        ("42501", "log_faulty"),
    ],
)
async def test_what_the_server_says_no_with(
    engine: PostgresEngine, log: PostgresLog, facts: Facts, state: str, code: str
) -> None:
    await engine.break_commits(state)
    batch = Batch(facts.notes(2), snapshots=[Snapshot("lamp", 0, "1", b"")])
    with pytest.raises(LogFaulty) as fault:
        await log.append(AT, batch)
    assert fault.value.refusal.code == code
    await engine.mend_commits()
    assert await log.append(AT, batch) == 2


async def test_an_append_that_is_cancelled_leaves_the_owner_fit(
    engine: PostgresEngine, log: PostgresLog, facts: Facts
) -> None:
    await engine.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(5); RETURN NULL; END $$;"
        "CREATE TRIGGER slow AFTER INSERT ON answers EXECUTE FUNCTION slow()"
    )
    written = facts.notes(2)
    append = asyncio.create_task(log.append(AT, Batch(written, answers=[SavedAnswer("c", b"")])))
    await asyncio.sleep(0.1)
    append.cancel()
    with pytest.raises(asyncio.CancelledError):
        await append
    assert await log.append(AT, Batch(facts.notes(1))) == 1
    assert await log.append(AT, Batch(written)) == 3


async def test_appends_at_the_same_time_take_turns(log: PostgresLog, facts: Facts) -> None:
    lasts = await asyncio.gather(*(log.append(AT, Batch(facts.notes(2))) for _ in range(10)))
    assert sorted(lasts) == list(range(2, 21, 2))


async def test_a_day_dropped_by_another_process_comes_back(
    engine: PostgresEngine, log: PostgresLog, facts: Facts
) -> None:
    await log.append(AT, Batch([facts(Measured(1))]))
    reader = await engine.open_reader()
    assert await reader.drop_readings(BUILT + DAY) == 1
    await reader.close()
    assert await log.append(AT, Batch([facts(Measured(2)), facts(Noted("kept"))])) == 3
    assert len(await read_all(log)) == 2


# Reading.


async def test_a_long_backlog_does_not_hide_the_other_partitions(log: PostgresLog, facts: Facts) -> None:
    await log.append(0, Batch(facts.notes(200, aggregate_in(0, 3))))
    await log.append(2, Batch(facts.notes(3, aggregate_in(2, 3))))
    window = await log.read(start(3), 10)
    assert [each.partition for each in window].count(2) == 3
    assert len(window) == 10, "and what the quiet ones leave is used"


async def test_what_is_read_is_read_by_its_key(log: PostgresLog, facts: Facts) -> None:
    """Without statistics yet, as after a burst: nothing may be sorted or read through."""
    await log.append(AT, Batch([*facts.notes(3000), *(facts(Measured(1)) for _ in range(1000))]))
    lie, none = [AT] * 2, [0] * 2
    plans = [
        (WINDOW, (AT, 100, 50), "facts_pkey"),
        (WINDOW, (AT, 100, 50), "readings_20260101_pkey"),
        (AFTER_SNAPSHOTS, (lie, ["lamp", "lamq"], none), "facts_by_aggregate"),
        (READINGS, (AT, "lamp", BUILT, BUILT + DAY, 50), "readings_20260101_partition_aggregate_time_idx"),
    ]
    for query, arguments, index in plans:
        plan = "\n".join(row[0] for row in await log._pool.fetch(f"EXPLAIN {query}", *arguments))
        assert f"Index Scan using {index}" in plan, plan
        assert "Bitmap" not in plan, plan
        assert "Seq Scan" not in plan, plan


async def test_another_process_is_told(engine: PostgresEngine, log: PostgresLog, facts: Facts) -> None:
    reader = await engine.open_reader()
    told = asyncio.Event()
    reader.on_append(told.set)
    await log.append(AT, Batch(facts.notes(1)))
    await asyncio.wait_for(told.wait(), 4)  # sooner than readers are told for nothing
    told.clear()
    await end_session(engine, reader._bell._connection)
    await asyncio.wait_for(told.wait(), 4)  # what was missed meanwhile is to be read
    while reader._bell._connection.is_closed():
        await asyncio.sleep(0.01)
    told.clear()
    await log.append(AT, Batch(facts.notes(1)))
    await asyncio.wait_for(told.wait(), 4)
    await reader.close()


async def test_expired_answers_are_cleaned_up(engine: PostgresEngine, log: PostgresLog, clock: VirtualClock) -> None:
    await log.append(AT, Batch(answers=[SavedAnswer("c", b"", clock.now() + 1), SavedAnswer("kept", b"")]))
    clock.advance(EXPIRE_ANSWERS_EVERY)
    await log.append(AT, Batch())
    assert [row["command"] for row in await log._pool.fetch("SELECT command FROM answers")] == ["kept"]


# Opening.


async def test_many_open_an_empty_schema_at_once(engine: PostgresEngine) -> None:
    logs = await asyncio.gather(*(engine.open_reader() for _ in range(5)))
    assert (await logs[0].head()).seqs == (0, 0, 0)
    await asyncio.gather(*(log.close() for log in logs))


async def refusal_of_opening(engine: PostgresEngine) -> str:
    with pytest.raises(Refused) as refused:
        await engine.open_reader()
    return refused.value.code


async def test_a_newer_schema_is_refused(engine: PostgresEngine, log: PostgresLog) -> None:
    await engine.execute("INSERT INTO migrations VALUES (999, '0999_of_next_year.sql')")
    assert await refusal_of_opening(engine) == "log_newer"


async def test_another_number_of_partitions_is_refused(engine: PostgresEngine, log: PostgresLog) -> None:
    engine.partitions = 4
    assert await refusal_of_opening(engine) == "partitions_differ"


async def test_a_server_that_is_not_there(engine: PostgresEngine) -> None:
    engine.dsn = "postgresql://nobody@/postgres?host=/nonexistent"
    assert await refusal_of_opening(engine) == "log_unreachable"


async def test_a_user_who_may_not(engine: PostgresEngine) -> None:
    engine.dsn = engine.dsn.replace("setaria@", "nobody@")
    assert await refusal_of_opening(engine) == "log_unreachable"


async def test_without_the_driver(engine: PostgresEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    assert await refusal_of_opening(engine) == "postgres_missing"


def test_a_place_is_named_without_its_password() -> None:
    place = Place("postgresql://wei:secret@db.example:5433/eco?ssl=on", "setaria")
    assert place.name == "db.example/eco/setaria"
    assert "secret" not in str(place.explain(OSError("refused")))
    assert -(1 << 31) <= place.lock_class < 1 << 31


@pytest.mark.parametrize("schema", ["", "a;b", "A", '"', "a" * 60])
def test_a_schemas_name_is_plain(schema: str) -> None:
    with pytest.raises(AssertionError):
        Place("postgresql:///", schema)


async def test_readings_of_one_day_lie_in_one_table(log: PostgresLog, facts: Facts) -> None:
    times = [BUILT, BUILT + 23 * HOUR, BUILT + DAY]
    await log.append(AT, Batch([facts(Measured(1), time=time) for time in times]))
    rows = await log._pool.fetch(
        "SELECT tableoid::regclass::text AS name, count(*) FROM readings GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(row) for row in rows] == [("readings_20260101", 2), ("readings_20260102", 1)]
