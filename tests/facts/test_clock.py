"""Clocks: the virtual one moves only by hand; the machine's is not believed before it can be."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from setaria.facts.clock import BUILT, HOUR, MINUTE, SECOND, SystemClock, VirtualClock


def test_a_virtual_clock_stands_still_until_it_is_moved() -> None:
    clock = VirtualClock()
    assert (clock.now(), clock.ticks(), clock.trusted()) == (BUILT, 0, True)
    clock.advance(HOUR)
    assert (clock.now(), clock.ticks()) == (BUILT + HOUR, HOUR)


@given(st.lists(st.integers(0, 100), max_size=20), st.integers(0, 120))
def test_timers_fire_in_order_at_their_own_moment(due: list[int], until: int) -> None:
    clock = VirtualClock()
    fired: list[tuple[int, int, int]] = []
    for number, ticks in enumerate(due):
        clock.call_at(ticks, lambda number=number: fired.append((clock.ticks(), number, clock.now())))  # type: ignore[misc]
    clock.advance(until)
    expected = sorted((ticks, number) for number, ticks in enumerate(due) if ticks <= until)
    assert fired == [(ticks, number, BUILT + ticks) for ticks, number in expected]
    assert clock.ticks() == until


def test_a_timer_set_by_a_timer_fires_in_the_same_advance() -> None:
    clock = VirtualClock()
    fired: list[int] = []

    def set_another() -> None:
        clock.call_at(20, lambda: fired.append(clock.ticks()))

    clock.call_at(10, set_another)
    clock.advance(30)
    assert fired == [20]


def test_a_timer_for_the_past_fires_with_the_next_step() -> None:
    clock = VirtualClock()
    clock.advance(50)
    fired: list[int] = []
    clock.call_at(10, lambda: fired.append(clock.ticks()))
    clock.advance(0)
    assert fired == [50]


def test_a_cancelled_timer_does_not_fire() -> None:
    clock = VirtualClock()
    fired: list[int] = []
    clock.call_at(10, lambda: fired.append(1)).cancel()
    clock.call_at(10, lambda: fired.append(2))
    clock.advance(10)
    assert fired == [2]


def test_setting_the_date_moves_no_timer() -> None:
    clock = VirtualClock()
    fired: list[int] = []
    clock.call_at(MINUTE, lambda: fired.append(clock.ticks()))
    clock.set(BUILT + 365 * 24 * HOUR, trusted=False)
    clock.advance(MINUTE - 1)
    assert fired == []
    assert not clock.trusted()
    clock.advance(1)
    assert fired == [MINUTE]


async def test_sleepers_wake_when_the_clock_runs() -> None:
    clock = VirtualClock()
    woken: list[tuple[str, int]] = []

    async def sleeper(name: str, microseconds: int, times: int) -> None:
        for _ in range(times):
            await clock.sleep(microseconds)
            woken.append((name, clock.ticks()))

    tasks = [asyncio.create_task(sleeper("slow", 30, 1)), asyncio.create_task(sleeper("fast", 10, 3))]
    await clock.run(29)
    assert woken == [("fast", 10), ("fast", 20)]
    await clock.run(1)
    assert sorted(woken[2:]) == [("fast", 30), ("slow", 30)]
    await asyncio.gather(*tasks)


async def test_a_sleeper_may_be_cancelled() -> None:
    clock = VirtualClock()
    task = asyncio.create_task(clock.sleep(10))
    await clock.run(5)
    task.cancel()
    await clock.run(10)
    assert task.cancelled()


def test_a_machine_whose_date_was_never_set_is_not_believed(tmp_path: Path) -> None:
    future = time.time_ns() // 1000 + 1000 * HOUR
    clock = SystemClock(floor=future, synchronised=tmp_path / "synchronised")
    assert not clock.trusted()
    first, second = clock.now(), clock.now()
    assert future <= first <= second, "time goes on from the last known moment"
    assert second < future + HOUR
    (tmp_path / "synchronised").touch()
    assert clock.trusted()
    assert clock.now() < future


def test_no_date_before_the_program_was_built_is_believed(tmp_path: Path) -> None:
    clock = SystemClock(floor=0, synchronised=tmp_path / "no")
    assert clock.now() >= BUILT


def test_the_logs_newest_fact_raises_the_floor(tmp_path: Path) -> None:
    clock = SystemClock(synchronised=tmp_path / "no")
    future = time.time_ns() // 1000 + 1000 * HOUR
    clock.raise_floor(future)
    assert not clock.trusted()
    assert clock.now() >= future
    clock.raise_floor(BUILT)
    assert clock.now() >= future, "and never lowers it"


async def test_the_machines_timers_fire_and_can_be_cancelled() -> None:
    clock = SystemClock()
    fired = asyncio.Event()
    never: list[int] = []
    clock.call_at(clock.ticks() + SECOND // 1000, fired.set)
    clock.call_at(clock.ticks(), lambda: never.append(1)).cancel()
    await asyncio.wait_for(fired.wait(), 5)
    before = clock.ticks()
    await clock.sleep(1000)
    assert clock.ticks() >= before
    assert never == []
