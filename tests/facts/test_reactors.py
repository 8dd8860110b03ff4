"""A reactor in the toy domain: each note is answered by taking one from the stock."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from tests.facts.log_engines import Facts, Noted, read_all
from tests.facts.stock_decider import StockDecider, Take, Taken, UnsureLog

from setaria.facts import reactors
from setaria.facts.clock import SECOND, VirtualClock
from setaria.facts.decider import Command
from setaria.facts.fact import Fact
from setaria.facts.ids import IdSource
from setaria.facts.log import Batch, Cursor, Log, partition_of
from setaria.facts.reactors import Reactor
from setaria.facts.refused import Refused
from setaria.facts.writer import Writer


def react(fact: Fact) -> Sequence[Command]:
    if not isinstance(fact.body, Noted):
        return ()
    return tuple(Take("a") for _ in range(fact.body.text.count("take")))


class Place:
    def __init__(self, path: Path, clock: VirtualClock, stock: int) -> None:
        self.clock = clock
        self.log: UnsureLog = UnsureLog.open_now(path / "log.db", clock)  # type: ignore[assignment]
        ids = IdSource(clock, self.log.last_known()[0], source=7)
        self.writer = Writer(self.log, clock, ids, [StockDecider(stock)])
        self.writer.start()
        self.reactor = Reactor("shop", self.log, self.writer, clock, react)

    async def taken(self) -> int:
        return sum(isinstance(each.fact.body, Taken) for each in await read_all(self.log))

    async def close(self) -> None:
        await self.reactor.stop()
        await self.writer.stop()
        await self.log.close()


async def noted(place: Place, facts: Facts, *texts: str) -> None:
    await place.log.append(0, Batch(facts=[facts(Noted(text)) for text in texts]))


async def test_each_fact_has_its_effect_once(tmp_path: Path, clock: VirtualClock, facts: Facts) -> None:
    place = Place(tmp_path, clock, 100)
    await noted(place, facts, "take", "nothing", "take and take")
    await place.reactor.catch_up()
    assert await place.taken() == 3
    assert await place.reactor.catch_up() == 0, "its own effects were looked at in the first run"
    await place.close()


@pytest.mark.parametrize("crash_after", range(5))
async def test_a_crash_between_answer_and_cursor_repeats_nothing(
    tmp_path: Path, clock: VirtualClock, facts: Facts, monkeypatch: pytest.MonkeyPatch, crash_after: int
) -> None:
    monkeypatch.setattr(reactors, "FACTS_A_STEP", 2)
    place = Place(tmp_path, clock, 100)
    await noted(place, facts, "take", "take take", "take", "x", "take")
    keeps = 0

    async def crash(cursor: Cursor) -> None:
        nonlocal keeps
        keeps += 1
        if keeps > crash_after:
            raise KeyboardInterrupt
        await type(place.reactor)._keep(place.reactor, cursor)

    place.reactor._keep = crash  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await place.reactor.catch_up()
    await place.close()
    clock.advance(30 * 86_400 * SECOND)  # derived ids are kept for ever
    place = Place(tmp_path, clock, 100)
    await place.reactor.catch_up()
    assert await place.taken() == 5
    await place.close()


async def test_what_is_refused_does_not_hold_up_the_rest(tmp_path: Path, clock: VirtualClock, facts: Facts) -> None:
    place = Place(tmp_path, clock, 1)
    await noted(place, facts, "take", "take", "take")
    await asyncio.wait_for(place.reactor.catch_up(), 10)
    assert place.reactor.refused == 2
    assert await place.taken() == 1
    assert (await place.reactor._cursor()).seqs[0] >= 3
    await place.close()


async def test_a_full_log_is_waited_for(tmp_path: Path, clock: VirtualClock, facts: Facts) -> None:
    place = Place(tmp_path, clock, 10)
    await noted(place, facts, "take", "take")
    place.log.failing = "log_full"
    place.reactor.start()
    for _ in range(100):
        await clock.run(SECOND)
        await asyncio.sleep(0.001)
    assert place.reactor.refused == 0
    assert await place.taken() == 0
    assert place.log.appends < 20, "it waits longer each time"
    place.log.failing = ""
    for _ in range(300):
        await clock.run(SECOND)
        await asyncio.sleep(0.001)
        if await place.taken() == 2:
            break
    assert await place.taken() == 2
    await place.close()


async def test_a_writer_that_is_closing_is_no_answer(tmp_path: Path, clock: VirtualClock, facts: Facts) -> None:
    place = Place(tmp_path, clock, 10)
    await noted(place, facts, "take")
    await place.writer.stop()
    place.reactor.start()
    await asyncio.sleep(0.05)
    await place.reactor.stop()
    assert place.reactor.refused == 0
    await place.log.close()
    place = Place(tmp_path, clock, 10)
    await place.reactor.catch_up()
    assert await place.taken() == 1
    await place.close()


async def test_a_failing_read_is_tried_again(tmp_path: Path, clock: VirtualClock, facts: Facts) -> None:
    place = Place(tmp_path, clock, 10)
    await noted(place, facts, "take")
    read, failures = place.log.read, 2

    async def unsure(after: Cursor, limit: int) -> object:
        nonlocal failures
        if failures:
            failures -= 1
            raise Refused("fact_unreadable", id="", kind="", why="")
        return await read(after, limit)

    place.log.read = unsure  # type: ignore[method-assign, assignment]
    place.reactor.start()
    for _ in range(300):
        await clock.run(SECOND)
        await asyncio.sleep(0.001)
        if not failures:
            break
    place.log.read = read  # type: ignore[method-assign]
    for _ in range(100):
        await clock.run(SECOND)
        await asyncio.sleep(0.001)
    assert await place.taken() == 1
    await place.close()


async def test_the_cursor_lies_in_a_partition_of_ours(tmp_path: Path, clock: VirtualClock) -> None:
    place = Place(tmp_path, clock, 10)
    for mine in range(8):
        owning = SimpleNamespace(partitions=8, owned=(mine,))
        key = Reactor("sale", cast("Log", owning), place.writer, clock, react)._key
        assert partition_of(key, 8) == mine
    await place.close()
