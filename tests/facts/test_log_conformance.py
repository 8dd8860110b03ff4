"""What every engine of the log promises (facts/log.py), checked on each engine alike."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.facts.log_engines import (
    BATCHES_A_TASK,
    FACTS_A_BATCH,
    TASKS,
    Dimmed,
    Engine,
    Facts,
    Measured,
    Noted,
    PostgresEngine,
    aggregate_in,
    read_all,
)

from setaria.facts.clock import BUILT, DAY, HOUR, VirtualClock
from setaria.facts.fact import LARGEST_FACT, Fact, from_row, to_row
from setaria.facts.kinds import Body, Unknown
from setaria.facts.log import Batch, Cursor, Log, LogFaulty, SavedAnswer, Snapshot, Stored, partition_of, start
from setaria.facts.refused import Refused


@pytest.fixture
async def log(engine: Engine) -> AsyncIterator[Log]:
    opened = await engine.open()
    yield opened
    await opened.close()


def partition(log: Log, aggregate: str = "lamp") -> int:
    return partition_of(aggregate, log.partitions)


async def write(log: Log, *facts: Fact) -> int:
    """Append facts of one aggregate to where they belong."""
    return await log.append(partition(log, facts[0].aggregate), Batch([*facts]))


def bodies(stored: list[Stored]) -> list[Body]:
    return [each.fact.body for each in stored]


def spread(log: Log) -> list[str]:
    """One aggregate in each partition."""
    return [aggregate_in(each, log.partitions) for each in range(log.partitions)]


async def test_an_empty_log_has_nothing_to_say(log: Log) -> None:
    assert await log.read(start(log.partitions), 10) == []
    assert await log.head() == start(log.partitions)
    assert await log.last_id() == b""
    assert await log.answers(["any"]) == {}
    assert await log.read_aggregates(["lamp"]) == {"lamp": (None, [])}
    assert (await log.verify()).faults == []


async def test_facts_are_read_as_written_and_in_order(log: Log, facts: Facts) -> None:
    written = [facts(Noted(text)) for text in ("first", "第二", 'tab\t"quote" \\ 🌾')]
    assert await write(log, *written) == 3
    stored = await read_all(log)
    assert [each.fact for each in stored] == written
    assert [each.seq for each in stored] == [1, 2, 3]
    assert {each.partition for each in stored} == {partition(log)}
    assert (await log.head()).seqs[partition(log)] == 3


async def test_each_aggregate_keeps_its_order_over_all_partitions(log: Log, facts: Facts) -> None:
    for number in range(5):
        for key in spread(log):
            await write(log, facts(Noted(str(number)), key))
    stored = await read_all(log, limit=2)
    assert len(stored) == 5 * log.partitions
    for key in spread(log):
        assert bodies([each for each in stored if each.fact.aggregate == key]) == [Noted(str(n)) for n in range(5)]


@pytest.mark.parametrize("limit", [1, 3, 10])
async def test_a_read_keeps_to_its_limit(log: Log, facts: Facts, limit: int) -> None:
    written = facts.notes(7)
    await write(log, *written)
    window = await log.read(start(log.partitions), limit)
    assert [each.fact for each in window] == written[:limit]


async def test_a_cursor_goes_on_where_its_token_was_taken(log: Log, facts: Facts) -> None:
    for key in spread(log):
        await write(log, *facts.notes(3, key))
    first = await log.read(start(log.partitions), 2)
    cursor = start(log.partitions)
    for stored in first:
        cursor = cursor.moved(stored.partition, stored.seq)
    again = Cursor.parse(cursor.token, log.partitions)
    assert again == cursor
    rest = []
    while window := await log.read(again, 4):
        for stored in window:
            again = again.moved(stored.partition, stored.seq)
        rest += window
    assert Counter(each.fact.id for each in first + rest) == Counter(each.fact.id for each in await read_all(log))
    assert again == await log.head()
    assert await log.read(again, 4) == []


@pytest.mark.parametrize("token", ["", "x", "1-2-3-4-5", "-1", "1.5", "f" * 16, "1" * 500])
def test_a_token_that_is_none_is_refused(token: str) -> None:
    for partitions in (1, 3):
        with pytest.raises(Refused) as refused:
            Cursor.parse(token, partitions)
        assert refused.value.code == "cursor_unreadable"


async def test_a_fact_that_is_there_is_skipped(log: Log, facts: Facts) -> None:
    old = facts.notes(3)
    await write(log, *old)
    new = facts.notes(2)
    assert await write(log, old[1], new[0], old[0], new[1], new[0]) == 5
    assert [each.fact for each in await read_all(log)] == old + new
    assert await write(log, *old, *new) == 5
    assert await write(log, facts(Noted("after"))) == 6
    assert (await log.verify()).faults == []


async def test_a_reading_that_is_there_is_skipped(log: Log, facts: Facts) -> None:
    measured = [facts(Measured(value)) for value in range(3)]
    await write(log, *measured)
    assert await write(log, measured[2], facts(Noted("kept")), measured[0]) == 4
    assert bodies(await read_all(log)) == [Measured(0), Measured(1), Measured(2), Noted("kept")]


async def test_a_batch_with_answers_alone_is_written(log: Log, facts: Facts) -> None:
    await write(log, *facts.notes(2))
    assert await log.append(partition(log), Batch(answers=[SavedAnswer("c", b"a")])) == 2
    assert await log.answers(["c"]) == {"c": b"a"}


async def test_a_batch_is_written_whole_or_not_at_all(engine: Engine, log: Log, facts: Facts) -> None:
    kept = facts.notes(2)
    await write(log, *kept)
    await engine.break_commits()
    lost = Batch([*facts.notes(3), facts(Measured(1))], [SavedAnswer("c", b"a")], [Snapshot("lamp", 2, "1", b"s")])
    for _ in range(2):
        with pytest.raises(LogFaulty) as fault:
            await log.append(partition(log), lost)
        assert fault.value.refusal.code in ("log_faulty", "log_full")
    assert [each.fact for each in await read_all(log)] == kept
    assert await log.answers(["c"]) == {}
    await engine.mend_commits()
    assert await log.append(partition(log), lost) == 6
    assert [each.fact for each in await read_all(log)] == kept + lost.facts
    assert await log.answers(["c"]) == {"c": b"a"}
    assert (await log.verify()).faults == []


async def test_aggregates_are_read_from_their_snapshots_on(log: Log, facts: Facts) -> None:
    first, second = facts.notes(3), facts.notes(2)
    seq = await write(log, *first)
    snapshot = Snapshot("lamp", seq, "form 1", b"\x00state")
    await log.append(partition(log), Batch(second, snapshots=[snapshot]))
    other = aggregate_in(partition(log), log.partitions, "other")
    await write(log, *facts.notes(2, other))
    found = await log.read_aggregates(["lamp", other, "nobody", "lamp"])
    assert set(found) == {"lamp", other, "nobody"}
    assert found["lamp"][0] == snapshot
    assert [each.fact for each in found["lamp"][1]] == second
    assert [each.seq for each in found["lamp"][1]] == [4, 5]
    assert found[other][0] is None
    assert [each.seq for each in found[other][1]] == [6, 7]
    assert found["nobody"] == (None, [])
    newer = Snapshot("lamp", 5, "form 2", b"newer")
    await log.append(partition(log), Batch(snapshots=[newer]))
    assert await log.read_aggregates(["lamp"]) == {"lamp": (newer, [])}


async def test_readings_are_merged_by_seq_and_belong_to_no_state(log: Log, facts: Facts) -> None:
    mixed: list[Body] = [Noted("a"), Measured(1), Measured(2), Noted("b"), Measured(3)]
    await write(log, *(facts(body) for body in mixed))
    for limit in (1, 2, 100):
        assert bodies(await read_all(log, limit)) == mixed
    _, kept = (await log.read_aggregates(["lamp"]))["lamp"]
    assert bodies(kept) == [Noted("a"), Noted("b")]


async def test_readings_are_found_by_aggregate_and_time(log: Log, facts: Facts) -> None:
    hours = [BUILT + hour * HOUR for hour in range(0, 72, 6)]
    await write(log, *(facts(Measured(time // HOUR), time=time) for time in hours))
    await write(log, facts(Measured(0), aggregate_in(partition(log), log.partitions, "other"), time=hours[0]))
    found = await log.readings("lamp", hours[2], hours[9], 100)
    assert [each.fact.time for each in found] == hours[2:9]
    assert [each.fact.time for each in await log.readings("lamp", hours[2], hours[9], 4)] == hours[2:6]
    assert await log.readings("lamp", hours[2], hours[2], 4) == []
    assert await log.readings("nobody", 0, 1 << 60, 4) == []


async def test_the_days_that_hold_readings_are_told(log: Log, facts: Facts) -> None:
    days = [BUILT // DAY * DAY + day * DAY for day in range(3)]
    await write(log, *(facts(body, time=day + HOUR) for day in days for body in (Noted("kept"), Measured(1))))
    other = aggregate_in(partition(log), log.partitions, "other")
    await write(log, facts(Measured(0), other, time=days[1]))
    assert await log.readings_held(days[1] + DAY - 1) == [(days[0], "lamp")]
    assert await log.readings_held(days[2]) == [(days[0], "lamp"), (days[1], "lamp"), (days[1], other)]


async def test_whole_days_of_readings_are_dropped_and_facts_stay(log: Log, facts: Facts) -> None:
    days = [BUILT + day * DAY for day in range(4)]
    await write(log, *(facts(body, time=day + HOUR) for day in days for body in (Noted("kept"), Measured(1))))
    assert await log.drop_readings(days[2] + DAY - 1) == 2, "a day that has not ended stays"
    left = await read_all(log, limit=3)
    assert [each.seq for each in left] == [1, 3, 5, 6, 7, 8]
    assert (await log.verify()).faults == []
    await write(log, facts(Measured(9), time=days[0] + HOUR))
    assert [each.seq for each in await read_all(log)] == [1, 3, 5, 6, 7, 8, 9], "a late reading has its day again"
    assert await log.drop_readings(days[2]) == 1
    assert await log.drop_readings(days[2]) == 0


async def test_seq_never_goes_back_when_the_newest_facts_were_dropped(engine: Engine, facts: Facts) -> None:
    log = await engine.open()
    await write(log, facts(Noted("kept")), facts(Measured(1)), facts(Measured(2)))
    head = await log.head()
    assert await log.drop_readings(BUILT + 2 * DAY) == 2
    await log.close()
    log = await engine.open()
    try:
        assert await write(log, facts(Noted("after"))) == 4
        assert bodies(await log.read(head, 10)) == [Noted("after")], "a reader that stood at the head sees what follows"
    finally:
        await log.close()


async def test_answers_are_kept_until_they_expire(log: Log, clock: VirtualClock) -> None:
    now = clock.now()
    at = partition(log)
    saved = [SavedAnswer("for ever", b"1"), SavedAnswer("an hour", b"2", now + HOUR), SavedAnswer("gone", b"3", now)]
    await log.append(at, Batch(answers=saved))
    asked = [each.command for each in saved]
    assert await log.answers([*asked, "unknown"]) == {"for ever": b"1", "an hour": b"2"}
    await log.append(at, Batch(answers=[SavedAnswer("for ever", b"x"), SavedAnswer("an hour", b"x", now + DAY)]))
    assert await log.answers(asked) == {"for ever": b"1", "an hour": b"2"}, "an answer given stands"
    clock.advance(HOUR)
    assert await log.answers(asked) == {"for ever": b"1"}


async def test_an_expired_answer_makes_room_for_the_next(log: Log, clock: VirtualClock) -> None:
    at = partition(log)
    await log.append(at, Batch(answers=[SavedAnswer("c", b"old", clock.now() + HOUR)]))
    clock.advance(2 * HOUR)
    await log.append(at, Batch(answers=[SavedAnswer("c", b"new", clock.now() + HOUR)]))
    assert await log.answers(["c"]) == {"c": b"new"}


async def test_readers_are_told_of_what_was_appended(log: Log, facts: Facts) -> None:
    told = asyncio.Event()
    other: list[int] = []
    forget = log.on_append(told.set)
    forget_other = log.on_append(lambda: other.append(1))
    await write(log, *facts.notes(1))
    await asyncio.wait_for(told.wait(), 5)
    assert len(await read_all(log)) == 1
    forget()
    await asyncio.sleep(0)
    before = len(other)
    told.clear()
    await write(log, *facts.notes(1))
    await asyncio.sleep(0.05)
    assert not told.is_set()
    assert len(other) > before
    forget_other()


async def test_last_id_is_the_newest_facts(log: Log, facts: Facts) -> None:
    for key in spread(log):
        await write(log, *facts.notes(2, key))
    newest = facts(Measured(1), spread(log)[0])
    await write(log, newest)
    assert await log.last_id() == newest.id


async def test_a_fact_that_is_too_large_is_refused_and_nothing_written(log: Log, facts: Facts) -> None:
    fits = facts(Noted("x" * (LARGEST_FACT - 100)))
    await write(log, fits)
    with pytest.raises(Refused) as refused:
        await write(log, facts(Noted("small")), facts(Noted("x" * LARGEST_FACT)))
    assert refused.value.code == "fact_too_large"
    assert [each.fact for each in await read_all(log)] == [fits]
    assert await write(log, facts(Noted("next"))) == 2


async def test_kinds_that_nobody_knows_are_carried_along_untouched(log: Log, facts: Facts) -> None:
    raw = b'{"b": 1.50,  "a":[null, "\\u00e9"]}'
    foreign = facts(Unknown("logtest.unheard_of", 7, msgspec.Raw(raw)))
    newer = facts(Unknown("logtest.noted", 99, msgspec.Raw(b'{"text":1}')))
    await write(log, foreign, newer)
    for stored, fact in zip(await read_all(log), [foreign, newer], strict=True):
        assert isinstance(stored.fact.body, Unknown)
        assert isinstance(fact.body, Unknown)
        assert (stored.fact.body.kind, stored.fact.body.version) == (fact.body.kind, fact.body.version)
        assert bytes(stored.fact.body.data) == bytes(fact.body.data)
        assert to_row(stored.fact) == to_row(fact)


async def test_old_versions_are_lifted_when_read(log: Log, facts: Facts) -> None:
    old = [
        facts(Unknown("logtest.dimmed", 1, msgspec.Raw(b'{"level":5}'))),
        facts(Unknown("logtest.dimmed", 2, msgspec.Raw(b'{"level":6,"unit":"%"}'))),
        facts(Dimmed(7, "%")),
    ]
    await write(log, *old)
    newest: list[Body] = [Dimmed(5, "lux"), Dimmed(6, "%"), Dimmed(7, "%")]
    assert bodies(await read_all(log)) == newest
    assert bodies((await log.read_aggregates(["lamp"]))["lamp"][1]) == newest
    assert (await log.verify()).faults == []


# What verify finds.


async def tampered(engine: Engine, facts: Facts, statement: str) -> list[str]:
    log = await engine.open()
    for _ in range(3):
        await write(log, *facts.notes(3))
    await log.append(partition(log), Batch([facts(Measured(1))], snapshots=[Snapshot("lamp", 9, "1", b"state")]))
    verdict = await log.verify()
    assert (verdict.facts, verdict.readings, verdict.digests, verdict.faults) == (9, 1, 3, [])
    await engine.execute(statement)
    faults = (await log.verify()).faults
    await log.close()
    return faults


async def test_verify_finds_a_changed_byte(engine: Engine, facts: Facts) -> None:
    document = to_row(facts(Noted("NOTE 1"))).document
    assert from_row(b"", 0, "lamp", "logtest.noted/1", document).body == Noted("NOTE 1"), "it reads back all the same"
    faults = await tampered(engine, facts, f"UPDATE facts SET document = {engine.blob(document)} WHERE seq = 5")
    assert len(faults) == 1
    assert "6" in faults[0], "named by the end of its batch"


@pytest.mark.parametrize("column", ["time = time + 1", "aggregate = 'lamq'", "kind = 'logtest.notec/1'"])
async def test_verify_finds_every_column_changed(engine: Engine, facts: Facts, column: str) -> None:
    assert await tampered(engine, facts, f"UPDATE facts SET {column} WHERE seq = 5")


@pytest.mark.parametrize("seq", [1, 5, 6, 9])
async def test_verify_finds_a_removed_fact(engine: Engine, facts: Facts, seq: int) -> None:
    assert await tampered(engine, facts, f"DELETE FROM facts WHERE seq = {seq}")


@pytest.mark.parametrize("after", [6, 7])
async def test_verify_finds_a_removed_tail(engine: Engine, facts: Facts, after: int) -> None:
    assert await tampered(engine, facts, f"DELETE FROM facts WHERE seq > {after}")


async def test_verify_finds_a_fact_that_cannot_be_read(engine: Engine, facts: Facts) -> None:
    faults = await tampered(engine, facts, f"UPDATE facts SET document = {engine.blob(b'[1')} WHERE seq = 5")
    assert any("fact_unreadable" in fault for fault in faults)


async def test_verify_takes_a_snapshot_after_the_last_reading_for_whole(log: Log, facts: Facts) -> None:
    seq = await write(log, facts(Noted("kept")), facts(Measured(1)), facts(Measured(2)))
    await log.append(partition(log), Batch(snapshots=[Snapshot("lamp", seq, "1", b"state")]))
    assert (await log.verify()).faults == []


async def test_verify_tells_how_far_it_is(log: Log, facts: Facts) -> None:
    for _ in range(3):
        await write(log, *facts.notes(4_000))
    steps: list[tuple[int, int]] = []
    verdict = await log.verify(lambda done, total: steps.append((done, total)))
    assert steps == [(10_000, 12_000)]
    assert verdict.facts == 12_000


# More than one at a time, and more than one time.


async def test_readers_read_while_facts_are_appended(engine: Engine, log: Log, facts: Facts) -> None:
    """Three readers, two in a log of their own opened for reading, see each fact once, while it is being written."""
    second = await engine.open_reader()
    written = [facts.notes(20) for _ in range(15)]

    async def follow(reader: Log) -> list[bytes]:
        seen, cursor = list[bytes](), start(reader.partitions)
        while len(seen) < 300:
            for stored in await reader.read(cursor, 17):
                cursor = cursor.moved(stored.partition, stored.seq)
                seen.append(stored.fact.id)
            await asyncio.sleep(0)
        return seen

    async def append() -> None:
        for batch in written:
            await write(log, *batch)

    *seen, _ = await asyncio.wait_for(asyncio.gather(follow(log), follow(second), follow(second), append()), 30)
    assert seen == [[fact.id for batch in written for fact in batch]] * 3
    await second.close()


async def test_a_reader_misses_nothing_of_many_writers(engine: Engine) -> None:
    """Eight tasks in two processes (SQLite, which has one writer: four in one) append while another process reads."""
    if isinstance(engine, PostgresEngine):
        engine.partitions = 4
    await (await engine.open()).close()  # its tables are there
    reader = await engine.open_reader()
    program = str(Path(__file__).with_name("log_engines.py"))
    owners = [
        await asyncio.create_subprocess_exec(sys.executable, program, *words.split())
        for words in engine.owner_arguments()
    ]
    expected = len(owners) * TASKS * BATCHES_A_TASK * FACTS_A_BATCH
    seen, cursor = list[Stored](), start(reader.partitions)
    async with asyncio.timeout(60):
        while len(seen) < expected or any(owner.returncode is None for owner in owners):
            for stored in await reader.read(cursor, 50):
                assert stored.seq == cursor.seqs[stored.partition] + 1, "no fact is stepped over"
                cursor = cursor.moved(stored.partition, stored.seq)
                seen.append(stored)
            await asyncio.sleep(0.001)
        assert [await owner.wait() for owner in owners] == [0] * len(owners)
    assert await reader.read(cursor, 50) == []
    await reader.close()
    assert len({each.fact.id for each in seen}) == len(seen) == expected
    for key in {each.fact.aggregate for each in seen}:
        texts = [body.text for body in bodies([s for s in seen if s.fact.aggregate == key]) if isinstance(body, Noted)]
        assert texts == [str(number) for number in range(BATCHES_A_TASK * FACTS_A_BATCH)], "each task in its order"


async def test_what_was_written_is_there_after_reopening(engine: Engine, facts: Facts) -> None:
    log = await engine.open()
    written = [*facts.notes(2), facts(Measured(1))]
    await log.append(partition(log), Batch(written, [SavedAnswer("c", b"a")], [Snapshot("lamp", 2, "1", b"s")]))
    head = await log.head()
    await log.close()
    log = await engine.open()
    try:
        assert [each.fact for each in await read_all(log)] == written
        assert await log.head() == head
        assert await log.answers(["c"]) == {"c": b"a"}
        assert (await log.read_aggregates(["lamp"]))["lamp"][0] == Snapshot("lamp", 2, "1", b"s")
        assert await write(log, *facts.notes(1)) == 4
        assert (await log.verify()).faults == []
    finally:
        await log.close()


async def test_a_log_has_one_owner_at_a_time(engine: Engine, log: Log) -> None:
    with pytest.raises(Refused) as refused:
        await engine.open_at_once()
    assert refused.value.code in ("log_in_use", "partition_owned_elsewhere")


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
facts_strategy = st.builds(
    lambda body, aggregate, household, time, amount: (body, aggregate, household, time, amount),
    st.one_of(st.builds(Noted, texts), st.builds(Measured, st.integers(-(1 << 63), (1 << 63) - 1))),
    texts,
    texts,
    st.integers(BUILT, BUILT + 2 * DAY),
    st.none() | st.integers(-(1 << 63), (1 << 63) - 1),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(facts_strategy, min_size=1, max_size=12))
async def test_what_was_appended_is_what_is_read(
    log: Log, facts: Facts, drawn: list[tuple[Body, str, str, int, int | None]]
) -> None:
    before = await log.head()
    written: dict[int, list[Fact]] = {}
    for body, aggregate, household, time, amount in drawn:
        fact = facts(body, aggregate, time=time, household=household)
        fact = Fact(fact.id, time, aggregate, household, fact.actor, body, amount)
        written.setdefault(partition(log, aggregate), []).append(fact)
    for at, batch in written.items():
        await log.append(at, Batch(batch))
    read = await log.read(before, 100)
    assert {at: [each.fact for each in read if each.partition == at] for at in written} == written
    assert len(read) == len(drawn)
    for at, batch in written.items():
        for key in {fact.aggregate for fact in batch}:
            _, kept = (await log.read_aggregates([key]))[key]
            fresh = [each.fact for each in kept if each.seq > before.seqs[at]]
            assert fresh == [fact for fact in batch if fact.aggregate == key and isinstance(fact.body, Noted)]
