from __future__ import annotations

from collections import defaultdict
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setaria.flywheel.answers import markov
from setaria.flywheel.answers.attribution import EVERY, compare, credited, differences, earning
from setaria.flywheel.answers.shapley import by_coalitions
from setaria.flywheel.histories.histories import Histories, Touchpoint
from setaria.flywheel.parameters import Estimate
from setaria.flywheel.report.figures import Reader
from setaria.flywheel.report.report import Compared, Explained, Loop
from setaria.words import languages

TOUCHPOINTS = (Touchpoint("visit"), Touchpoint("promotion", receives=False), Touchpoint("buy"), Touchpoint("spare"))
Fact = tuple[float, int, int, int]  # time, kind, amount, currency


def made(*households: list[Fact], start: float = 0.0, end: float = 400.0) -> Histories:
    facts = [fact for household in households for fact in sorted(household, key=lambda each: each[0])]
    columns = list(zip(*facts, strict=True)) if facts else [(), (), (), ()]
    return Histories(
        touchpoints=TOUCHPOINTS,
        households=np.array([f"h{each}" for each in range(len(households))], dtype=object),
        start=np.full(len(households), start),
        end=np.full(len(households), end),
        offsets=np.concatenate([[0], np.cumsum([len(each) for each in households])]).astype(np.int64),
        times=np.array(columns[0], dtype=np.float64),
        kinds=np.array(columns[1], dtype=np.int16),
        amounts=np.array(columns[2], dtype=np.int64),
        currencies=("CNY", "USD"),
        currency=np.array(columns[3], dtype=np.int8),
    )


def plain(histories: Histories, lookback: float) -> list[tuple[int, int, list[tuple[float, int]]]]:
    """(kind, amount, earlier facts of the window), fact by fact, the slow and obvious way."""
    found = []
    for fact in np.flatnonzero(earning(histories, 0)).tolist():
        mine = histories.owner == histories.owner[fact]
        now = histories.times[fact]
        inside = mine & (histories.times < now) & (histories.times >= now - lookback)
        earlier = [(float(histories.times[each]), int(histories.kinds[each])) for each in np.flatnonzero(inside)]
        found.append((int(histories.kinds[fact]), int(histories.amounts[fact]), earlier))
    return found


def random_histories(seed: int, households: int = 40, most: int = 30, grain: int = 1) -> Histories:
    random = np.random.default_rng(seed)
    made_of = []
    for _ in range(households):
        count = int(random.integers(0, most))
        times = np.floor(random.random(count) * 300 * grain) / grain
        kinds = random.integers(0, 4, count)
        amounts = np.where(kinds >= 2, random.integers(-50, 5000, count), 0)
        currency = np.where(kinds >= 2, random.integers(0, 2, count), -1)
        made_of.append(
            [(float(t), int(k), int(a), int(c)) for t, k, a, c in zip(times, kinds, amounts, currency, strict=True)]
        )
    return made(*made_of)


facts = st.tuples(
    st.integers(0, 40).map(float), st.integers(0, 3), st.integers(-100, 10_000), st.sampled_from([-1, 0, 0, 0, 1])
)


@settings(max_examples=60)
@given(st.lists(st.lists(facts, max_size=12), min_size=1, max_size=5), st.sampled_from([1.0, 10.0, 90.0]))
def test_every_method_adds_up(households: list[list[Fact]], lookback: float) -> None:
    histories = made(*households)
    total = int(histories.amounts[earning(histories, 0)].sum())
    entries = compare(histories, 0, lookback, EVERY)
    assert [sum(entry.credits.values()) for entry in entries] == [total] * len(EVERY)
    assert len({entry.credits[""] for entry in entries}) == 1
    assert all(amount >= 0 for entry in entries for amount in entry.credits.values())
    assert compare(histories, 0, lookback, EVERY) == entries


@pytest.mark.parametrize("lookback", [7.0, 60.0])
def test_each_method_is_its_definition(lookback: float) -> None:
    histories = random_histories(3)
    expected: dict[str, dict[int, Fraction]] = {method: defaultdict(Fraction) for method in EVERY}
    rows = plain(histories, lookback)
    for _, amount, earlier in rows:
        if not earlier:
            continue
        ends = {"last_touch": max(earlier)[0], "first_touch": min(earlier)[0]}
        groups = {method: [k for t, k in earlier if t == when] for method, when in ends.items()}
        groups |= {"linear": [k for _, k in earlier], "shapley": sorted({k for _, k in earlier})}
        for method, kinds in groups.items():
            for kind in kinds:
                expected[method][kind] += Fraction(amount, len(kinds))
    for method in ("last_touch", "first_touch", "linear", "shapley"):
        table = credited(histories, 0, lookback, method).sum(axis=0)
        for kind in range(4):
            assert abs(int(table[kind]) - expected[method][kind]) <= len(rows)
        assert int(table[4]) == sum(amount for _, amount, earlier in rows if not earlier)


def test_time_decay_halves_with_each_week() -> None:
    histories = made([(0.0, 0, 0, -1), (7.0, 1, 0, -1), (14.0, 2, 700, 0)])
    assert compare(histories, methods=["time_decay"])[0].credits == {
        "visit": 233, "promotion": 467, "buy": 0, "spare": 0, "": 0
    }  # fmt: skip


def test_a_window_that_moves_keeps_the_first_touch_right() -> None:
    buys: list[Fact] = [(float(day), 2, 100, 0) for day in (1, 5, 20, 50)]
    histories = made([(0.5, 0, 0, -1), *buys])
    assert compare(histories, 0, 10.0, ["first_touch"])[0].credits == {
        "visit": 200, "promotion": 0, "buy": 0, "spare": 0, "": 200
    }  # fmt: skip
    assert credited(histories, 0, 19.0, "first_touch")[2].tolist() == [200, 0, 100, 0, 100]


def test_facts_at_one_time_do_not_see_each_other() -> None:
    histories = made([(3.0, 0, 0, -1), (3.0, 2, 100, 0), (3.0, 3, 50, 0)])
    for entry in compare(histories, methods=EVERY):
        assert entry.credits[""] == 150


def test_shapley_is_the_value_of_the_game() -> None:
    histories = random_histories(5, households=30, most=16)
    sets: dict[frozenset[int], int] = defaultdict(int)
    rows = plain(histories, 90.0)
    for _, amount, earlier in rows:
        sets[frozenset(kind for _, kind in earlier)] += amount
    assert len(sets) > 8
    table = credited(histories, 0, 90.0, "shapley").sum(axis=0)
    assert np.allclose(table[:4], by_coalitions(sets, 4), atol=len(rows))


def test_removal_effects_of_a_chain_known_by_hand() -> None:
    # Three paths: visit > buy, visit > promotion > buy, promotion > null.
    histories = made(
        [(1.0, 0, 0, -1), (2.0, 2, 100, 0)],
        [(1.0, 0, 0, -1), (2.0, 1, 0, -1), (3.0, 2, 100, 0)],
        [(1.0, 1, 0, -1)],
    )
    counts = markov.transitions(histories, earning(histories, 0), 90.0)
    # From the start also the two paths that the purchases open, which lead to nothing.
    assert counts[4].tolist() == [2, 1, 2, 0, 0, 0]
    assert counts[0].tolist() == [0, 1, 0, 0, 1, 0]
    assert counts[1].tolist() == [0, 0, 0, 0, 1, 1]
    assert counts[2].tolist() == [0, 0, 0, 0, 0, 2]
    # P = 2/5 (1/2 + 1/2 1/2) + 1/5 1/2 = 2/5; without visit 1/10, without promotion 1/5.
    assert np.allclose(markov.converting(counts), [0.1, 0.2, 0.4, 0.4, 0.4])
    assert np.allclose(markov.removal_effects(counts), [0.75, 0.5, 0, 0])
    assert compare(histories, methods=["markov"])[0].credits == {
        "visit": 120, "promotion": 80, "buy": 0, "spare": 0, "": 0
    }  # fmt: skip


def test_removal_effects_are_those_of_walks_on_the_chain() -> None:
    histories = random_histories(11, households=60)
    counts = markov.transitions(histories, earning(histories, 0), 30.0)
    chances = counts / counts.sum(axis=1, keepdims=True)
    for without in range(5):
        state, reached = np.append(np.zeros(4), 1.0), 0.0
        for _ in range(2000):
            moved = state @ chances
            reached += moved[4]
            state = np.append(moved[:4], 0.0)
            state[without if without < 4 else 4] = 0.0
        assert markov.converting(counts)[without] == pytest.approx(reached, abs=1e-9)


def test_paths_end_after_a_long_silence_and_count_each_earning_fact() -> None:
    histories = made([(1.0, 0, 0, -1), (100.0, 0, 0, -1), (101.0, 2, 10, 0), (101.0, 3, 10, 0), (102.0, 2, 10, 0)])
    counts = markov.transitions(histories, earning(histories, 0), 30.0)
    assert counts[4].tolist() == [1 + 2, 0, 1 + 1, 0, 0, 0]
    assert counts[0].tolist() == [0, 0, 0, 0, 2, 1]
    assert (counts[2].tolist(), counts[3].tolist()) == ([0, 0, 0, 1, 0, 1], [0, 0, 0, 0, 1, 0])


def test_no_facts_and_no_currency() -> None:
    for histories in (made([], []), made([(1.0, 0, 0, -1)])):
        assert all(sum(entry.credits.values()) == 0 for entry in compare(histories, methods=EVERY))
        assert differences(histories, compare(histories)) == []


def test_a_household_of_many_facts_and_many_of_few() -> None:
    # More weights than are held at a time, so that households are taken in several parts.
    many: list[Fact] = [(day / 10, 2 + day % 2, 100, 0) for day in range(3000)]
    histories = made(*([(1.0, 0, 0, -1), (2.0, 2, 7, 0)] for _ in range(50)), many)
    import setaria.flywheel.answers.attribution as module

    whole = {method: credited(histories, 0, 90.0, method).tolist() for method in EVERY}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_NUMBERS", 40)
        assert {method: credited(histories, 0, 90.0, method).tolist() for method in EVERY} == whole


def test_why_last_touch_differs_from_the_model() -> None:
    random = np.random.default_rng(2)
    households: list[list[Fact]] = []
    for each in range(200):
        rate = 30 if each % 10 == 0 else 2
        buys = np.sort(random.random(random.poisson(rate)) * 400)
        sent = random.random(random.poisson(rate)) * 400
        households.append([(float(t), 2, 100, 0) for t in buys] + [(float(t), 1, 0, -1) for t in sent])
    histories = made(*households)
    total = int(histories.amounts.sum())
    model = {"visit": 0, "promotion": 0, "buy": total // 100, "spare": 0, "": total - total // 100}
    compared = [*compare(histories), Compared("flywheel_parent", model)]
    explained = Explained("CNY", total, total, 0, 0, 0, 0, 0, parents={"buy": {"": total}})
    loops = [Loop(["buy", "visit"], Estimate(0.4, 0.3, 0.5), sure=True), Loop(["buy"], Estimate(0, 0, 1), sure=False)]
    reasons = differences(histories, compared, explained, loops)
    assert [reason.key.removeprefix("flywheel.differs_by_") for reason in reasons] == [
        "heavy_buyers", "repeat", "sent", "loop"
    ]  # fmt: skip
    assert reasons[2].details["touchpoint"] == "promotion"
    assert float(reasons[2].details["times"]) > 1.5
    for reason in reasons:
        for language in languages():
            sentence = Reader(language).sentence(reason)
            assert sentence != reason.key
            assert "{" not in sentence
            assert "…" not in sentence
    same = Compared("flywheel_parent", compared[0].credits)
    assert [reason.key for reason in differences(histories, [*compare(histories), same])] == ["flywheel.differs_little"]
