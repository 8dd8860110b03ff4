"""The writer: what is acknowledged is durable and happened once; what is refused changed nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.facts.log_engines import read_all
from tests.facts.stock_decider import WEI, Added, Break, Seen, Stock, StockDecider, Take, Taken, UnsureLog

from setaria.facts import aggregates, lane
from setaria.facts.clock import BUILT, DAY, SECOND, VirtualClock
from setaria.facts.decider import Answer
from setaria.facts.fact import LARGEST_FACT, Fact
from setaria.facts.ids import IdSource
from setaria.facts.log import Cursor, LogFaulty, Stored
from setaria.facts.refused import Refused
from setaria.facts.sqlite import SqliteLog
from setaria.facts.writer import Writer


class Place:
    """One log with its writer."""

    def __init__(self, path: Path, clock: VirtualClock, stock: int = 10) -> None:
        self.clock = clock
        self.log: UnsureLog = UnsureLog.open_now(path / "log.db", clock)  # type: ignore[assignment]
        self.decider = StockDecider(stock)
        ids = IdSource(clock, self.log.last_known()[0], source=7)
        self.writer = Writer(self.log, clock, ids, [self.decider], "h1")

    async def take(self, count: int = 1, sale: str = "a", command_id: str = "", note: str = "") -> Answer | Refused:
        try:
            return await self.writer.submit(Take(sale, count, note), WEI, command_id)
        except Refused as refused:
            return refused

    async def kept(self) -> list[Stored]:
        return await read_all(self.log)

    def state(self, sale: str = "a") -> Stock:
        held: Stock = self.writer._lanes[0]._aggregates.state(f"sale/{sale}")
        return held


@asynccontextmanager
async def opened(path: Path, clock: VirtualClock, stock: int = 10) -> AsyncIterator[Place]:
    place = Place(path, clock, stock)
    place.writer.start()
    try:
        yield place
    finally:
        if place.log.gate is not None:
            place.log.gate.set()
        place.log.failing = ""
        await place.writer.stop()
        await place.log.close()


async def until(true: Callable[[], bool], clock: VirtualClock | None = None) -> None:
    """Let the loop run on, and the clock with it, until something has come about."""
    for _ in range(2_000):
        if true():
            return
        if clock is not None:
            clock.advance(SECOND // 50)
        await asyncio.sleep(0.001)
    raise AssertionError("it never came about")


async def durable(place: Place) -> None:
    await asyncio.wait_for(place.writer.flush(), 20)


async def test_a_thousand_at_once_never_oversell(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock, stock=100) as place:
        answers = await asyncio.gather(*(place.take() for _ in range(1000)))
        sold = [each for each in answers if isinstance(each, Answer)]
        assert len(sold) == 100
        assert {each.code for each in answers if isinstance(each, Refused)} == {"sold_out"}
        kept = await place.kept()
        assert [each.fact for each in kept] == [fact for answer in sold for fact in answer.facts]
        assert place.log.appends < 20, "commits are grouped"


async def test_one_command_id_has_one_answer(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock) as place:
        first, *others = await asyncio.gather(*(place.take(command_id="c1") for _ in range(50)))
        assert isinstance(first, Answer)
        assert all(each == first for each in others)
        assert await place.take(command_id="c1") == first
        assert len(await place.kept()) == 1
    async with opened(tmp_path, clock) as place:
        assert await place.take(command_id="c1") == first
        assert len(await place.kept()) == 1


async def test_a_command_id_whose_batch_is_on_the_way_is_not_decided_again(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock) as place:
        place.log.gate = asyncio.Event()
        first = asyncio.create_task(place.take(command_id="c1"))
        await until(lambda: place.log.appends == 1)
        second = asyncio.create_task(place.take(command_id="c1"))
        await asyncio.sleep(0.05)
        place.log.gate.set()
        assert await first == await second
        assert len(await place.kept()) == 1


async def test_a_batch_that_is_committed_while_the_next_looks_up_answers(tmp_path: Path, clock: VirtualClock) -> None:
    """The narrow moment: the log was asked before the commit, the batch under way is looked at after it."""
    async with opened(tmp_path, clock) as place:
        place.log.gate = asyncio.Event()
        first = asyncio.create_task(place.take(command_id="c1"))
        await until(lambda: place.log.appends == 1)
        look_up = place.log.answers

        async def slow(commands: Sequence[str]) -> dict[str, bytes]:
            found = await look_up(commands)
            assert place.log.gate is not None
            place.log.gate.set()
            await first
            return found

        place.log.answers = slow  # type: ignore[method-assign]
        second = await place.take(command_id="c1")
        place.log.answers = look_up  # type: ignore[method-assign]
        assert second == await first
        assert len(await place.kept()) == 1


async def test_answers_last_seven_days_and_derived_ones_for_ever(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock) as place:
        first = await place.take(command_id="client")
        derived = await place.writer.submit(Take("a"), WEI, "derived", derived=True)
        clock.advance(7 * DAY - SECOND)
        assert await place.take(command_id="client") == first
        clock.advance(2 * SECOND)
        second = await place.take(command_id="client")
        assert second != first
        assert await place.take(command_id="client") == second, "the new answer has taken the place of the old"
        clock.advance(400 * DAY)
        assert await place.writer.submit(Take("a"), WEI, "derived", derived=True) == derived
        assert len(await place.kept()) == 3


async def test_a_refusal_is_decided_anew(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock, stock=0) as place:
        assert await place.take(command_id="c1") == Refused("sold_out", left=0)
        place.writer.record("sale/a", Added(1), WEI)
        assert isinstance(await place.take(command_id="c1"), Answer)


async def test_a_full_queue_says_so(tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "MOST_COMMANDS", 8)
    async with opened(tmp_path, clock, stock=1000) as place:
        answers = await asyncio.gather(*(place.take() for _ in range(20)))
        assert [each for each in answers if isinstance(each, Refused)] == [Refused("log_busy", most=8)] * 12
        assert isinstance(await place.take(), Answer)


async def test_a_failed_commit_refuses_and_leaves_no_trace(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock) as place:
        await place.take(3)
        place.log.failing = "log_full"
        assert await place.take(4, command_id="c1") == Refused("log_full")
        assert str(place.writer.faulty) == "log_full"
        place.log.failing = ""
        assert isinstance(await place.take(7), Answer), "the four were never taken"
        assert isinstance(await place.take(1, command_id="c1"), Refused)
        assert not place.writer.faulty
        assert sum(each.fact.body.count for each in await place.kept() if isinstance(each.fact.body, Taken)) == 10


async def test_what_was_decided_behind_a_failing_commit_is_refused_too(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock) as place:
        await place.take(1)
        place.log.gate, place.log.failing = asyncio.Event(), "log_full"
        first = asyncio.create_task(place.take(5))
        await until(lambda: place.log.appends == 2)
        behind = [asyncio.create_task(place.take(5, command_id=name)) for name in ("c1", "")]
        sold_out = asyncio.create_task(place.take(9))
        await asyncio.sleep(0.05)
        assert not sold_out.done(), "it would rest on a sale that may yet fail"
        place.log.gate.set()
        assert await first == Refused("log_full")
        assert {each.code for each in await asyncio.gather(*behind, sold_out) if isinstance(each, Refused)} == {
            "log_full"
        }
        place.log.failing = ""
        assert isinstance(await place.take(9), Answer)


async def test_a_commit_that_fails_while_the_next_is_prepared(tmp_path: Path, clock: VirtualClock) -> None:
    """The states that the next batch was given have been dropped by the time it decides."""
    async with opened(tmp_path, clock) as place:
        await place.take(1)
        place.log.gate, place.log.failing = asyncio.Event(), "log_full"
        first = asyncio.create_task(place.take(5))
        await until(lambda: place.log.appends == 2)
        look_up = place.log.answers

        async def slow(commands: Sequence[str]) -> dict[str, bytes]:
            assert place.log.gate is not None
            place.log.gate.set()
            await first
            return await look_up(commands)

        place.log.answers = slow  # type: ignore[method-assign]
        second = await asyncio.wait_for(place.take(5, command_id="c1"), 10)
        place.log.answers, place.log.failing = look_up, ""  # type: ignore[method-assign]
        assert second == Refused("log_full")
        assert isinstance(await asyncio.wait_for(place.take(9), 10), Answer)


async def test_records_are_held_and_written_when_there_is_room(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock) as place:
        place.log.failing = "log_full"
        made = [place.writer.record("thing/lamp", Seen(number), WEI) for number in range(50)]
        with pytest.raises(LogFaulty):
            await durable(place)
        assert place.writer.held == 50
        place.log.failing = ""
        await until(lambda: place.writer.held == 0, clock)  # nothing else comes in to wake it
        assert [each.fact for each in await place.kept()] == made
        assert place.writer.lost == 0


async def test_flush_tries_again_rather_than_repeat_an_old_failure(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock) as place:
        place.log.failing = "log_full"
        place.writer.record("thing/lamp", Seen(1), WEI)
        with pytest.raises(LogFaulty):
            await durable(place)
        place.log.failing = ""
        await durable(place)
        assert len(await place.kept()) == 1


async def test_a_really_full_disk(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock, stock=10_000) as place:
        (pages,) = place.log._write.execute("PRAGMA page_count").fetchone()
        place.log._write.execute(f"PRAGMA max_page_count = {pages + 40}")
        taken = 0
        while isinstance(answer := await place.take(1, note="x" * 2_000), Answer):
            taken += 1
        assert answer.code == "log_full"
        assert 0 < taken < 200
        record = place.writer.record("thing/lamp", Added(1), WEI)
        big = place.writer.record("thing/lamp", Taken(1, "y" * 400_000), WEI)
        with pytest.raises(LogFaulty):
            await durable(place)
        place.log._write.execute("PRAGMA max_page_count = 1000000")
        await durable(place)
        kept = [each.fact for each in await place.kept()]
        assert kept[-2:] == [record, big]
        assert len(kept) == taken + 2
        assert (await place.log.verify()).faults == []
        answer = await place.take(1)
        assert isinstance(answer, Answer)
        assert place.state().taken == taken + 1


async def test_held_records_are_bounded_and_readings_go_first(
    tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "MOST_RECORDS", 100)
    async with opened(tmp_path, clock) as place:
        place.log.failing = "log_full"
        kept = [place.writer.record("thing/lamp", Added(number), WEI) for number in range(10)]
        readings = [place.writer.record("thing/lamp", Seen(number), WEI) for number in range(200)]
        assert place.writer.held <= 100
        assert place.writer.held + place.writer.lost == 210
        place.log.failing = ""
        await durable(place)
        found = [each.fact for each in await place.kept()]
        assert found[:10] == kept, "what is no reading stays"
        assert found[10:] == readings[place.writer.lost :]


async def test_one_fact_that_is_too_large_hurts_nobody_else(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock) as place:
        huge = "z" * (LARGEST_FACT + 1)
        before = place.writer.record("thing/lamp", Added(1), WEI)
        place.writer.record("thing/lamp", Taken(1, huge), WEI)
        answers = await asyncio.gather(
            place.take(2), place.take(1, note=huge), place.take(1, note=huge, command_id="c1"), place.take(3)
        )
        after = place.writer.record("thing/lamp", Added(2), WEI)
        await durable(place)
        assert [isinstance(each, Answer) for each in answers] == [True, False, False, True]
        assert {each.code for each in answers if isinstance(each, Refused)} == {"fact_too_large"}
        assert place.state().left == 5
        facts = [each.fact for each in await place.kept()]
        assert facts[0] == before
        assert facts[-1] == after
        assert len(facts) == 4
        assert place.writer.lost == 1


async def test_a_defect_in_a_decider_refuses_its_command_alone(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock) as place:
        broken, fine = await asyncio.gather(place.writer.submit(Break("a"), WEI), place.take(1), return_exceptions=True)
        assert broken == Refused("command_faulty", command="Break")
        assert isinstance(fine, Answer)
        assert isinstance(await place.take(1), Answer)


async def test_a_listener_that_fails_stops_nothing(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock) as place:
        heard: list[Fact] = []

        def fails(facts: Sequence[Fact], cursor: Cursor) -> None:
            raise ValueError("a defect")

        place.writer.listen(fails)
        place.writer.listen(lambda facts, _: heard.extend(facts))
        answers = [await place.take(1), await place.take(1)]
        assert heard == [fact for answer in answers if isinstance(answer, Answer) for fact in answer.facts]


async def test_records_and_commands_keep_their_order(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock, stock=0) as place:
        short = asyncio.create_task(place.take(1))
        await asyncio.sleep(0)
        place.writer.record("sale/a", Added(2), WEI)
        enough = asyncio.create_task(place.take(2))
        await asyncio.sleep(0)
        place.writer.record("sale/a", Added(1), WEI)
        assert await short == Refused("sold_out", left=0)
        assert isinstance(await enough, Answer)
        await durable(place)
        assert [each.fact.body for each in await place.kept()] == [Added(2), Taken(2), Added(1)]
        assert place.state() == Stock(1, 2)


async def test_a_state_is_not_read_back_before_a_record_on_its_way_is_there(
    tmp_path: Path, clock: VirtualClock
) -> None:
    async with opened(tmp_path, clock, stock=0) as place:
        place.log.gate = asyncio.Event()
        place.writer.record("sale/a", Added(1), WEI)
        await until(lambda: place.log.appends == 1, clock)
        taking = asyncio.create_task(place.take(1))
        await asyncio.sleep(0.05)
        place.log.gate.set()
        assert isinstance(await taking, Answer)


async def test_snapshots_spare_the_reading_of_all_facts(
    tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aggregates, "FACTS_BEFORE_SNAPSHOT", 20)
    async with opened(tmp_path, clock, stock=1000) as place:
        for _ in range(50):
            await place.take(1)
    async with opened(tmp_path, clock, stock=1000) as place:
        await place.take(1)
        assert place.state() == Stock(949, 51)
        assert place.decider.evolved == 11
        assert (await place.log.verify()).faults == []
    async with opened(tmp_path, clock, stock=1000) as place:
        place.decider.form = "stock/2"
        await place.take(1)
        assert place.state() == Stock(948, 52)
        assert place.decider.evolved == 52, "a snapshot of another form is not used"


async def test_eviction_never_loses_facts_on_their_way(
    tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, clock, stock=100) as place:
        held = place.writer._lanes[0]._aggregates
        monkeypatch.setattr(held, "_most", 2)
        taken = dict.fromkeys("abcdefgh", 0)
        for turn in range(30):
            sales = [list(taken)[(turn * 3 + each * 5) % 8] for each in range(6)]
            for sale, answer in zip(sales, await asyncio.gather(*(place.take(1, sale) for sale in sales)), strict=True):
                assert isinstance(answer, Answer)
                taken[sale] += 1
        assert len(held) <= 6 + 2
        for sale, count in taken.items():
            assert await place.take(101 - count, sale) == Refused("sold_out", left=100 - count)


async def test_stop_commits_what_waits(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock) as place:
        place.writer.record("thing/lamp", Seen(1), WEI)
        taking = asyncio.create_task(place.take(1))
        await asyncio.sleep(0)
        await asyncio.wait_for(place.writer.stop(), 10)
        assert isinstance(await taking, Answer)
        assert len(await place.kept()) == 2
        assert await place.take(1) == Refused("log_closing")


async def test_stop_ends_though_the_log_fails(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock) as place:
        place.log.failing = "log_full"
        for number in range(3):
            place.writer.record("thing/lamp", Seen(number), WEI)
        taking = asyncio.create_task(place.take(1))
        await asyncio.sleep(0)
        await asyncio.wait_for(place.writer.stop(), 10)
        assert await taking == Refused("log_full")
        assert place.writer.lost == 3


async def test_a_command_id_has_a_longest(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock) as place:
        assert await place.take(1, command_id="x" * 201) == Refused("command_id_too_long", longest=200)


async def test_whoever_stops_waiting_before_the_decision_gets_nothing(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock) as place:
        place.log.gate = asyncio.Event()
        first = asyncio.create_task(place.take(1))
        await until(lambda: place.log.appends == 1)
        gone = asyncio.create_task(place.take(1))
        await asyncio.sleep(0)
        gone.cancel()
        place.log.gate.set()
        await first
        await durable(place)
        assert len(await place.kept()) == 1


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(1, 4), st.sampled_from("ab"), st.sampled_from(["", "x", "y", "z"])),
        st.tuples(st.just("record"), st.integers(1, 3), st.sampled_from("ab")),
        st.tuples(st.just("fail"), st.booleans()),
        st.tuples(st.just("pause"), st.integers(0, 3)),
        st.tuples(st.just("restart")),
    ),
    max_size=40,
)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_the_state_in_memory_is_what_the_log_says(
    steps: list[tuple[Any, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    asyncio.run(_whatever_happens(steps, tmp_path_factory.mktemp("log")))


async def _whatever_happens(steps: list[tuple[Any, ...]], path: Path) -> None:
    clock = VirtualClock(BUILT)
    promised: list[Fact] = []
    recorded: list[Fact] = []
    place = Place(path, clock)
    place.writer.start()
    waiting: list[asyncio.Task[Answer | Refused]] = []
    for step, *details in [*steps, ("restart",)]:
        if step == "take":
            waiting.append(asyncio.create_task(place.take(details[0], details[1], details[2])))
            await asyncio.sleep(0)
        elif step == "record":
            recorded.append(place.writer.record(f"sale/{details[1]}", Added(details[0]), WEI))
        elif step == "fail":
            place.log.failing = "log_full" if details[0] else ""
        elif step == "pause":
            for _ in range(details[0]):
                await asyncio.sleep(0.001)
            clock.advance(SECOND)
        else:
            answers = await asyncio.wait_for(asyncio.gather(*waiting), 20)
            promised += [fact for answer in answers if isinstance(answer, Answer) for fact in answer.facts]
            waiting = []
            place.log.failing = ""
            await durable(place)
            await _agrees(place)
            await place.writer.stop()
            assert place.writer.lost == 0
            await place.log.close()
            place = Place(path, clock)
            place.writer.start()
    kept = [each.fact for each in await place.kept()]
    assert len({fact.id for fact in kept}) == len(kept)
    assert {fact.id for fact in kept} == {fact.id for fact in [*promised, *recorded]}
    await place.writer.stop()
    await place.log.close()


async def _agrees(place: Place) -> None:
    facts = [each.fact for each in await place.kept()]
    for sale in "ab":
        rebuilt = Stock(place.decider.stock)
        for fact in facts:
            if fact.aggregate == f"sale/{sale}":
                place.decider.evolve(rebuilt, fact)
                assert rebuilt.left >= 0
        if place.writer._lanes[0]._aggregates.holds(f"sale/{sale}"):
            assert place.state(sale) == rebuilt


async def test_opening_again_goes_on_where_it_ended(tmp_path: Path, clock: VirtualClock) -> None:
    async with opened(tmp_path, clock) as place:
        await place.take(1)
        last = await place.log.head()
    log = await SqliteLog.open(tmp_path / "log.db", clock)
    assert await log.head() == last
    await log.close()
