"""Ids rise and never repeat, whatever the clock does (RFC 9562, section 5.7)."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.facts.clock import BUILT, MILLISECOND, SECOND, VirtualClock
from setaria.facts.ids import IdSource, id_bytes, id_text


def test_an_id_is_a_uuid_of_version_7_of_its_time() -> None:
    clock = VirtualClock(BUILT + 5 * MILLISECOND + 700)
    made = IdSource(clock).next()
    read = uuid.UUID(bytes=made)
    assert len(made) == 16
    assert (read.version, read.variant) == (7, uuid.RFC_4122)
    assert int.from_bytes(made[:6], "big") == BUILT // 1000 + 5


@given(st.lists(st.integers(-5 * SECOND, 5 * SECOND), max_size=50), st.integers(1, 100))
def test_ids_rise_whatever_the_clock_does(steps: list[int], each: int) -> None:
    clock = VirtualClock()
    source = IdSource(clock)
    made = [source.next()]
    for step in steps:
        clock.set(clock.now() + step)
        made += [source.next() for _ in range(each)]
    assert made == sorted(set(made))


def test_ids_rise_beyond_the_count_of_one_millisecond() -> None:
    source = IdSource(VirtualClock())
    made = [source.next() for _ in range(3 * 4096 + 1)]
    assert made == sorted(set(made))
    assert {uuid.UUID(bytes=each).version for each in made} == {7}


def test_ids_go_on_after_the_newest_of_the_log_although_the_clock_went_back() -> None:
    ahead = IdSource(VirtualClock(BUILT + SECOND))
    newest = [ahead.next() for _ in range(10)][-1]
    source = IdSource(VirtualClock(BUILT), after=newest)
    made = [source.next() for _ in range(5000)]
    assert newest < made[0]
    assert made == sorted(set(made))


def test_ids_return_to_the_clock_when_it_has_caught_up() -> None:
    clock = VirtualClock(BUILT + SECOND)
    source = IdSource(clock, after=IdSource(clock).next())
    clock.advance(10 * SECOND)
    assert int.from_bytes(source.next()[:6], "big") == clock.now() // 1000


def test_two_sources_never_make_the_same_id() -> None:
    clock = VirtualClock()
    one, two = IdSource(clock), IdSource(clock)
    assert not {one.next() for _ in range(1000)} & {two.next() for _ in range(1000)}


def test_a_named_source_makes_the_same_ids_again() -> None:
    assert IdSource(VirtualClock(), source=7).next() == IdSource(VirtualClock(), source=7).next()


@given(st.binary(min_size=16, max_size=16))
def test_text_and_bytes_are_the_same_id(made: bytes) -> None:
    assert id_bytes(id_text(made)) == made


@pytest.mark.parametrize("text", ["", "x", "0" * 31, "g" * 32])
def test_a_text_that_is_no_id(text: str) -> None:
    with pytest.raises(ValueError, match=r"UUID|base 16"):
        id_bytes(text)
