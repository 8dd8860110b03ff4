"""Looking back over a log, newest first, on each engine alike; and one fact by its id."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest
from tests.facts.log_engines import Engine, Facts, Measured, Noted, aggregate_in

from setaria.facts import postgres_look, sqlite_look
from setaria.facts.fact import Fact
from setaria.facts.log import ANYTHING, Batch, Cursor, Log, Stored, Wanted, partition_of, start

NOTED = "logtest.noted/1"


@pytest.fixture
async def log(engine: Engine) -> AsyncIterator[Log]:
    opened = await engine.open()
    yield opened
    await opened.close()


async def write(log: Log, *facts: Fact) -> None:
    for fact in facts:
        await log.append(partition_of(fact.aggregate, log.partitions), Batch([fact]))


async def back(log: Log, limit: int, wanted: Wanted = ANYTHING) -> list[Stored]:
    """All of it, page by page."""
    cursor, found = await log.head(), list[Stored]()
    for _ in range(1_000):
        look = await log.look_back(cursor, limit, wanted)
        assert len(look.found) <= limit
        assert all(a <= b for a, b in zip(look.reached.seqs, cursor.seqs, strict=True))
        assert look.reached != cursor, "it gets on"
        found += look.found
        cursor = look.reached
        if cursor == start(log.partitions):
            return found
    raise AssertionError("it does not end")


def spread(log: Log) -> list[str]:
    return [aggregate_in(each, log.partitions) for each in range(log.partitions)]


async def test_an_empty_log_has_nothing_behind_it(log: Log) -> None:
    look = await log.look_back(await log.head(), 10)
    assert (look.found, look.reached) == ([], start(log.partitions))
    assert await log.find(b"x" * 16) is None


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_the_newest_come_first_and_readings_not_at_all(log: Log, facts: Facts, limit: int) -> None:
    kept: list[Fact] = []
    chance = random.Random(7)
    for number in range(25):
        key = chance.choice(spread(log))
        fact = facts(Measured(number), key) if chance.random() < 0.4 else facts(Noted(str(number)), key)
        kept += [fact] if isinstance(fact.body, Noted) else []
        await write(log, fact)
    assert [each.fact for each in await back(log, limit)] == kept[::-1]


async def test_a_look_begins_at_its_cursor(log: Log, facts: Facts) -> None:
    key = spread(log)[0]
    written = facts.notes(5, key)
    await write(log, *written)
    lies = partition_of(key, log.partitions)
    look = await log.look_back((await log.head()).moved(lies, 3), 10)
    assert [each.fact for each in look.found] == written[2::-1]
    assert [each.seq for each in look.found] == [3, 2, 1]
    beyond = Cursor(tuple(seq + 1_000 for seq in (await log.head()).seqs))
    assert len((await log.look_back(beyond, 10)).found) == 5


async def test_kinds_aggregates_and_what_documents_name(log: Log, facts: Facts) -> None:
    keys = spread(log)
    one = facts(Noted("the lamp/light.on"), keys[0])
    two = facts(Noted("nothing"), "somewhere")
    three = facts(Noted("灯 lamp"), "elsewhere")
    await write(log, one, two, three)

    async def found(wanted: Wanted) -> list[Fact]:
        return [each.fact for each in await back(log, 2, wanted)]

    assert await found(Wanted(labels=(NOTED,))) == [three, two, one]
    assert await found(Wanted(labels=("logtest.other/1",))) == []
    assert await found(Wanted(without=(NOTED,))) == []
    assert await found(Wanted(naming=("lamp/",))) == [one]
    assert await found(Wanted(naming=("灯", "lamp/"))) == [three, one]
    assert await found(Wanted(aggregates=("elsewhere",))) == [three]
    assert await found(Wanted(aggregates=("elsewhere", keys[0]))) == [three, one]
    assert await found(Wanted(aggregates=("elsewhere",), naming=("lamp/",))) == [three, one]
    assert await found(Wanted(aggregates=("elsewhere",), without=(NOTED,))) == []
    assert await found(Wanted(aggregates=("none",))) == []


async def test_one_look_goes_only_so_far(log: Log, facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sqlite_look, postgres_look):
        monkeypatch.setattr(module, "MOST_LOOKED_AT", 4)
        monkeypatch.setattr(module, "MOST_OF_AGGREGATES", 3)
    key = spread(log)[0]
    written = [facts(Noted("wanted" if number in (0, 9) else "not"), key) for number in range(10)]
    await write(log, *written)
    wanted = Wanted(naming=("wanted",))
    first = await log.look_back(await log.head(), 10, wanted)
    assert [each.fact for each in first.found] == [written[9]]
    assert first.reached.seqs[partition_of(key, log.partitions)] == 6
    assert [each.fact for each in await back(log, 10, wanted)] == [written[9], written[0]]
    assert [each.fact for each in await back(log, 10, Wanted(aggregates=(key,)))] == written[::-1]
    assert [each.fact for each in await back(log, 2, ANYTHING)] == written[::-1]


async def test_a_partition_that_is_not_looked_through_holds_back_the_others(
    log: Log, facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One partition's next wanted fact lies far down, and is newer than all of the others'."""
    for module in (sqlite_look, postgres_look):
        monkeypatch.setattr(module, "MOST_LOOKED_AT", 3)
    busy, quiet = spread(log)[0], spread(log)[-1]
    old = [facts(Noted(f"wanted {number}"), quiet) for number in range(3)]
    new = facts(Noted("wanted last"), busy)
    await write(log, *old, new, *[facts(Noted("not"), busy) for _ in range(10)])
    found = [each.fact for each in await back(log, 10, Wanted(naming=("wanted",)))]
    assert found == [new, *old[::-1]]


async def test_one_fact_by_its_id(log: Log, facts: Facts) -> None:
    kept, reading = facts(Noted("kept"), spread(log)[-1]), facts(Measured(3), spread(log)[0])
    await write(log, kept, reading)
    for fact in (kept, reading):
        stored = await log.find(fact.id)
        assert stored is not None
        assert stored.fact == fact
        assert stored.partition == partition_of(fact.aggregate, log.partitions)
    assert await log.find(bytes(16)) is None
    assert await log.find(b"short") is None
