from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from setaria.flywheel.answers.together import pairs, together
from setaria.flywheel.histories.histories import Grain, Histories, Touchpoint

NAMES = ("a", "b", "c")


def made(
    households: list[list[tuple[float, int]]], end: float = 100.0, start: float = 0.0, grain: Grain = "day"
) -> Histories:
    facts = [fact for household in households for fact in sorted(household)]
    count = len(facts)
    return Histories(
        touchpoints=tuple(Touchpoint(name) for name in NAMES),
        households=np.array([str(each) for each in range(len(households))], dtype=object),
        start=np.full(len(households), start),
        end=np.full(len(households), end),
        offsets=np.concatenate([[0], np.cumsum([len(each) for each in households])]).astype(np.int64),
        times=np.array([time for time, _ in facts], dtype=np.float64),
        kinds=np.array([kind for _, kind in facts], dtype=np.int16),
        amounts=np.zeros(count, dtype=np.int64),
        currencies=("CNY",),
        currency=np.full(count, -1, dtype=np.int8),
        grain=grain,
    )


def test_meetings_and_chance_are_their_definitions() -> None:
    random = np.random.default_rng(1)
    rows = [
        [(float(t), int(k)) for t, k in zip(random.integers(0, 30, n), random.integers(0, 3, n), strict=True)]
        for n in random.integers(0, 60, 25)
    ]
    histories = made(rows, end=29.0)
    counts, expected = pairs(histories)
    for one, other in combinations(range(3), 2):
        days = [tuple({t for t, k in row if k == kind} for kind in (one, other)) for row in rows]
        assert counts[one, other] == sum(len(first & second) for first, second in days)
        assert expected[one, other] == pytest.approx(sum(len(first) * len(second) / 30 for first, second in days))


def test_independent_facts_meet_by_chance_and_a_basket_does_not() -> None:
    random = np.random.default_rng(2)
    rows: list[list[tuple[float, int]]] = []
    for _ in range(800):
        # Heavy households do much of everything: pooled, all pairs would look bound together.
        rate = 0.3 * random.gamma(0.5)
        row = [(float(day), kind) for kind in range(3) for day in np.flatnonzero(random.random(100) < min(rate, 0.9))]
        rows.append([*row, *((time, 1) for time, kind in row if kind == 0 and random.random() < 0.3)])
    found = together(made(rows, end=99.0))
    assert (found[0].one, found[0].other) == ("a", "b")
    assert found[0].ratio > 1.3
    assert [each.ratio for each in found[1:]] == [pytest.approx(1.0, abs=0.06)] * 2


def test_exact_stamps_meet_only_at_the_same_instant() -> None:
    rows = [[(10.25, 0), (10.25, 1), (10.26, 2)] for _ in range(6)]
    (found,) = together(made(rows, end=19.5, start=10.0, grain="exact"))
    assert (found.one, found.other, found.count) == ("a", "b", 6)
    assert found.ratio == pytest.approx(10.0)


def test_pairs_met_too_seldom_are_left_out_and_lines_of_one_type_are_one() -> None:
    rows = [[(1.0, 0), (1.0, 0), (1.0, 1)] for _ in range(4)]
    assert together(made(rows)) == []
    assert [each.count for each in together(made(rows), least=4)] == [4]
    assert together(made([[], []])) == []
    assert together(made([])) == []
