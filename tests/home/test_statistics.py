from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.facts.clock import BUILT, DAY, HOUR, MINUTE
from setaria.home.facts import Statistics
from setaria.home.ports import Value
from setaria.home.statistics import NARROW, WIDE, Bucket, buckets, statistics, widen

DAY_START = BUILT
Readings = list[tuple[int, Value]]


def readings_of(values: st.SearchStrategy[Value]) -> st.SearchStrategy[Readings]:
    moments = st.integers(DAY_START, DAY_START + DAY - 1)
    return st.lists(st.tuples(moments, values), max_size=60).map(lambda found: sorted(found, key=lambda each: each[0]))


NUMBERS = st.one_of(st.floats(-1e6, 1e6), st.integers(-(2**63), 2**64))
ANY = st.one_of(NUMBERS, st.booleans(), st.text(max_size=3))


def test_a_value_lasts_over_the_borders() -> None:
    made = buckets(
        [(DAY_START + 4 * MINUTE, 10.0), (DAY_START + 12 * MINUTE, 20.0)], DAY_START, DAY_START + HOUR, NARROW
    )
    assert len(made) == 12
    assert [each.statistics("t").mean for each in made[:4]] == [10.0, 10.0, 16.0, 20.0]
    assert [each.count for each in made[:4]] == [1, 0, 1, 0]
    assert [each.covered for each in made[:2]] == [MINUTE, 5 * MINUTE], "before the first reading nothing is known"
    assert (made[2].minimum, made[2].maximum, made[2].last) == (10.0, 20.0, 20.0)


def test_the_value_from_the_day_before_counts() -> None:
    (first, *_) = buckets([(DAY_START + 3 * MINUTE, 20.0)], DAY_START, DAY_START + HOUR, NARROW, before=10.0)
    assert first.statistics("t") == Statistics("t", DAY_START, NARROW, 1, 20.0, 10.0, 20.0, 14.0)


def test_of_a_boolean_the_share_of_time_that_it_was_true() -> None:
    readings: Readings = [(DAY_START + 15 * MINUTE, True), (DAY_START + 45 * MINUTE, False)]
    found = [each for each in statistics("on", readings, DAY_START, DAY_START + HOUR, False) if each.width == WIDE]
    assert found == [Statistics("on", DAY_START, WIDE, 2, False, mean=0.5)]


def test_of_words_the_count_and_the_last() -> None:
    readings: Readings = [(DAY_START + 1, "auto"), (DAY_START + 2, "sleep")]
    found = statistics("mode", readings, DAY_START, DAY_START + HOUR)
    assert found == [Statistics("mode", DAY_START, width, 2, "sleep") for width in (NARROW, WIDE)]


def test_nothing_is_said_about_buckets_without_a_change() -> None:
    readings: Readings = [(DAY_START + 7 * MINUTE, 1.0), (DAY_START + 5 * HOUR, 2.0)]
    found = statistics("t", readings, DAY_START, DAY_START + DAY, 5.0)
    assert [(each.since - DAY_START, each.width) for each in found] == [
        (5 * MINUTE, NARROW), (5 * HOUR, NARROW), (0, WIDE), (5 * HOUR, WIDE)
    ]  # fmt: skip
    assert statistics("t", [], DAY_START, DAY_START + DAY, 5.0) == []


@given(readings_of(NUMBERS), st.none() | NUMBERS)
def test_numbers(readings: Readings, before: Value | None) -> None:
    made = buckets(readings, DAY_START, DAY_START + DAY, NARROW, before)
    assert sum(each.count for each in made) == len(readings)
    assert [each.since for each in made] == [DAY_START + DAY - NARROW * n for n in range(len(made), 0, -1)], "no hole"
    for each in made:
        said = each.statistics("t")
        assert said.minimum is not None
        assert said.maximum is not None
        assert said.minimum <= said.maximum
        if said.mean is not None:
            assert said.minimum <= said.mean <= said.maximum
        assert 0 < each.covered <= NARROW
    known_from = DAY_START if before is not None else readings[0][0] if readings else DAY_START + DAY
    assert sum(each.covered for each in made) == DAY_START + DAY - known_from
    if made:
        assert made[-1].last == (readings[-1][1] if readings else before)


@given(readings_of(ANY), st.none() | ANY)
def test_hours_from_five_minutes_are_hours_from_readings(readings: Readings, before: Value | None) -> None:
    narrow = buckets(readings, DAY_START, DAY_START + DAY, NARROW, before)
    from_narrow = widen(narrow, WIDE)
    from_raw = buckets(readings, DAY_START, DAY_START + DAY, WIDE, before)
    assert len(from_narrow) == len(from_raw)
    for one, other in zip(from_narrow, from_raw, strict=True):
        _same(one, other)


def _same(one: Bucket, other: Bucket) -> None:
    assert (one.since, one.width, one.count, one.covered) == (other.since, other.width, other.count, other.covered)
    assert (one.minimum, one.maximum, one.last) == (other.minimum, other.maximum, other.last)
    assert (one.booleans, one.numbers) == (other.booleans, other.numbers)
    largest = max((abs(each) for each in (one.minimum, one.maximum) if math.isfinite(each)), default=0.0)
    assert math.isclose(one.area, other.area, rel_tol=1e-9, abs_tol=largest * HOUR * 1e-9)


@given(readings_of(NUMBERS), st.integers(1, 23))
def test_days_may_be_cut_anywhere(readings: Readings, hour: int) -> None:
    """With the value carried over, two parts say what the whole says."""
    cut = DAY_START + hour * HOUR
    whole = buckets(readings, DAY_START, DAY_START + DAY, NARROW)
    first = buckets(readings, DAY_START, cut, NARROW)
    carried = first[-1].last if first else None
    both = first + buckets(readings, cut, DAY_START + DAY, NARROW, carried)
    assert len(both) == len(whole)
    for one, other in zip(both, whole, strict=True):
        _same(one, other)


@given(readings_of(st.booleans()))
def test_shares_lie_between_nothing_and_all(readings: Readings) -> None:
    for each in statistics("on", readings, DAY_START, DAY_START + DAY):
        assert each.mean is not None
        assert 0.0 <= each.mean <= 1.0
        assert each.minimum is None


def test_equal_values_have_that_mean() -> None:
    (bucket,) = buckets([(DAY_START + n, 0.1) for n in range(1, 50)], DAY_START, DAY_START + NARROW, NARROW)
    assert bucket.statistics("t").mean == pytest.approx(0.1, abs=0)
