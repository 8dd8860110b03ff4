"""Guessing gets slower, whatever is done to the date, and the tables stay small."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.facts.clock import DAY, HOUR, MINUTE, SECOND, VirtualClock
from setaria.facts.refused import Refused
from setaria.home.accounts.throttle import FORGOTTEN, Throttle


def seconds_to_wait(throttle: Throttle, key: str) -> int:
    """0 when the try is taken."""
    try:
        throttle.enter(key)
    except Refused as refused:
        return int(str(refused.details["seconds"]))
    return 0


def test_it_doubles_up_to_the_longest() -> None:
    clock = VirtualClock()
    throttle = Throttle(clock, 3, MINUTE)
    for _ in range(3):
        throttle.enter("wei")
    waits = []
    for _ in range(9):
        assert seconds_to_wait(throttle, "wei") == 0
        waits.append(seconds_to_wait(throttle, "wei"))
        clock.advance(waits[-1] * SECOND)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_waiting_is_not_counted_as_a_try() -> None:
    clock = VirtualClock()
    throttle = Throttle(clock, 0, HOUR)
    assert seconds_to_wait(throttle, "wei") == 0
    assert {seconds_to_wait(throttle, "wei") for _ in range(100)} == {1}
    clock.advance(SECOND)
    assert seconds_to_wait(throttle, "wei") == 0


@pytest.mark.parametrize("jump", [-20 * 365 * DAY, -DAY, DAY, 20 * 365 * DAY])
def test_a_date_that_jumps_changes_nothing(jump: int) -> None:
    clock = VirtualClock()
    throttle = Throttle(clock, 1, MINUTE)
    for _ in range(2):
        throttle.enter("wei")
    assert seconds_to_wait(throttle, "wei") == 1
    clock.set(clock.now() + jump)
    assert seconds_to_wait(throttle, "wei") == 1, "it lets nobody in"
    clock.advance(SECOND)
    assert seconds_to_wait(throttle, "wei") == 0, "and keeps nobody out"


def test_it_forgets_and_forgives() -> None:
    clock = VirtualClock()
    throttle = Throttle(clock, 1, MINUTE)
    for _ in range(2):
        throttle.enter("wei")
    throttle.forgive("wei")
    assert seconds_to_wait(throttle, "wei") == 0
    throttle.enter("wei")
    clock.advance(FORGOTTEN)
    throttle.enter("wei")
    assert seconds_to_wait(throttle, "wei") == 0


def test_being_right_does_not_wash_off_the_wrong_ones_of_the_same_place() -> None:
    clock = VirtualClock()
    throttle = Throttle(clock, 3, MINUTE)
    for _ in range(4):
        throttle.enter("192.168.1.9")
    throttle.undo("192.168.1.9")
    assert seconds_to_wait(throttle, "192.168.1.9") == 0
    assert seconds_to_wait(throttle, "192.168.1.9") == 1


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20 * SECOND)), max_size=200))
def test_the_table_is_bounded(tries: list[tuple[int, int]]) -> None:
    clock = VirtualClock()
    throttle = Throttle(clock, 2, MINUTE, most=8)
    for who, pause in tries:
        seconds_to_wait(throttle, str(who))
        clock.advance(pause)
        assert len(throttle) <= 8
