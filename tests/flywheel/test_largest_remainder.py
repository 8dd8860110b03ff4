from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.flywheel.answers.shares import allocate
from setaria.money import Money

whole = st.integers(0, 10**6).map(float)
awkward = st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.7, 1 / 3, 2 / 3, 0.5, 1.0, 1e-300, 1e-9, 3e15])
anything = st.floats(0, 1e12, allow_nan=False, allow_subnormal=False)
amounts = st.one_of(st.integers(-(10**6), 10**6), st.integers(-(2**62), 2**62))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[float]], list[int]]:
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 7))
    weight = draw(st.sampled_from([whole, awkward, anything, st.one_of(whole, awkward, anything)]))
    table = draw(st.lists(st.lists(weight, min_size=columns, max_size=columns), min_size=rows, max_size=rows))
    return table, draw(st.lists(amounts, min_size=rows, max_size=rows))


def by_money(weights: list[float], amount: int, spare: int) -> list[int]:
    """The scalar rule on the very numbers that the floats are."""
    if not any(weights):
        return [amount if column == spare else 0 for column in range(len(weights))]
    ratios = [weight.as_integer_ratio() for weight in weights]
    common = max(below for _, below in ratios)
    shares = [above * (common // below) for above, below in ratios]
    return [part.amount for part in Money(amount, "CNY").allocate(shares)]


@given(tables(), st.integers(0, 6))
def test_rows_add_up_and_agree_with_money(table: tuple[list[list[float]], list[int]], column: int) -> None:
    weights, totals = table
    spare = column % len(weights[0])
    parts = allocate(np.array(weights), np.array(totals, dtype=np.int64), spare)
    for row, (shares, total) in enumerate(zip(weights, totals, strict=True)):
        assert [int(part) for part in parts[row]] == by_money(shares, total, spare)
        assert sum(int(part) for part in parts[row]) == total


def test_many_rows_agree_with_money() -> None:
    random = np.random.default_rng(1)
    totals = random.integers(-5000, 5000, 3000)
    for weights in (random.random((3000, 5)), random.integers(0, 4, (3000, 5)) / 10, random.dirichlet([0.1] * 5, 3000)):
        parts = allocate(weights, totals, 4)
        expected = [by_money(row, total, 4) for row, total in zip(weights.tolist(), totals.tolist(), strict=True)]
        assert parts.tolist() == expected


def test_among_equal_remainders_the_first_gets_the_unit() -> None:
    parts = allocate(np.array([[0.1, 0.1, 0.1], [1.0, 1.0, 1.0]]), np.array([100, -2]), 0)
    assert parts.tolist() == [[34, 33, 33], [-1, -1, 0]]


@pytest.mark.parametrize("wrong", [-1.0, np.nan, np.inf])
def test_weights_that_are_none_are_not_taken(wrong: float) -> None:
    with pytest.raises(ValueError, match="weights"):
        allocate(np.array([[1.0, wrong]]), np.array([5]), 0)


def test_no_rows() -> None:
    assert allocate(np.zeros((0, 3)), np.zeros(0, dtype=np.int64), 0).shape == (0, 3)
