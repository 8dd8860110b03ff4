"""Simulated households beside what the branching construction says about them in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setaria.facts.refused import Refused
from setaria.flywheel.arrays import Floats
from setaria.flywheel.histories.histories import Histories, Touchpoint
from setaria.flywheel.parameters import Parameters
from setaria.flywheel.simulate.branching import simulate, simulate_shards, targeted
from setaria.words import refusal

VISIT, BUY, MAIL = Touchpoint("visit"), Touchpoint("buy"), Touchpoint("mail", receives=False)
TWO = (VISIT, BUY)


def model(
    g: list[list[float]],
    baseline: list[float],
    decays: tuple[float, ...] = (1.0,),
    shared: float = 0.0,
    own: list[float] | None = None,
    churn: float = 0.0,
) -> Parameters:
    """Children spread evenly over the decays."""
    share = np.full(len(decays), 1 / len(decays))
    return Parameters(
        decays=np.array(decays),
        baseline=np.array(baseline),
        excitation=np.array(g)[:, :, None] * share,
        shared_variance=shared,
        own_variance=np.array(own if own is not None else []),
        churn_rate=churn,
    )


LOOP = model([[0.2, 0.1], [0.5, 0.2]], [0.02, 0.01], (1.0, 1 / 7))


def counts(histories: Histories) -> Floats:
    """H x D facts."""
    cells = histories.owner * histories.types + histories.kinds
    shape = (len(histories), histories.types)
    return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)


def near(sample: Floats, expected: Floats | float, errors: float = 4.5) -> bool:
    """The mean of the rows is within so many of its standard errors."""
    off = np.abs(sample.mean(axis=0) - expected)
    return bool(np.all(off <= errors * sample.std(axis=0) / np.sqrt(len(sample))))


def test_long_windows_hold_the_immigrants_times_the_inverse_of_one_minus_the_branching_matrix() -> None:
    histories = simulate(LOOP, touchpoints=TWO, households=400, window=(6000.0, 6000.0), seed=1)
    rate = np.linalg.inv(np.eye(2) - LOOP.branching).astype(np.float64) @ LOOP.baseline
    # The first days lack what earlier ones would have led to: two weeks or so, of 6000.
    assert near(counts(histories) / 6000.0, rate)
    assert histories.simulated
    assert histories.facts == histories.rows.facts == histories.rows.read


def test_without_children_counts_are_poisson_of_the_length() -> None:
    plain = model([[0.0, 0.0], [0.0, 0.0]], [0.03, 0.07])
    histories = simulate(plain, touchpoints=TWO, households=4000, window=(100.0, 300.0), seed=2)
    lengths = histories.end - histories.start
    assert lengths.min() >= 100.0
    assert lengths.max() <= 300.0
    assert abs(lengths.mean() - 200.0) < 4.0
    scaled = (counts(histories) - lengths[:, None] * plain.baseline) / np.sqrt(lengths[:, None] * plain.baseline)
    assert near(scaled, 0.0)
    assert near(scaled**2, 1.0)
    place = (histories.times - np.repeat(histories.start, np.diff(histories.offsets))) / np.repeat(
        lengths, np.diff(histories.offsets)
    )
    assert near(place[:, None], 0.5)
    assert near((place[:, None] - 0.5) ** 2, 1 / 12)


def test_children_come_after_exponential_delays_of_the_stated_mixture() -> None:
    chain = Parameters(
        decays=np.array([1.0, 0.1]),
        baseline=np.array([0.0, 0.0]),
        excitation=np.array([[[0.0, 0.0], [0.0, 0.0]], [[0.3, 0.1], [0.0, 0.0]]]),
    )
    mails = (Touchpoint("mail", receives=False), BUY)
    histories = simulate(
        chain, touchpoints=mails, households=60_000, window=(400.0, 400.0), seed=3, sent=[1 / 400, 0.0]
    )
    seen = counts(histories)
    lone = np.flatnonzero((seen[:, 0] == 1) & (seen[:, 1] == 1))  # a single mail and a single child: its delay is plain
    firsts = histories.offsets[lone]
    delays = histories.times[firsts + 1] - histories.times[firsts]
    sent_at = histories.times[firsts] - histories.start[lone]
    early = delays[(sent_at < 200.0) & (delays < 200.0)]  # the cut at the window's end is then out of reach
    assert np.all(histories.kinds[firsts] == 0)
    assert len(early) > 2000
    for day in (0.5, 2.0, 10.0, 30.0):
        share = 0.75 * (1 - np.exp(-day)) + 0.25 * (1 - np.exp(-0.1 * day))
        assert abs(np.mean(early <= day) - share) < 4.5 * np.sqrt(share * (1 - share) / len(early)), day
    assert near(seen[:, [1]] - 0.4 * seen[:, [0]], -lost_children(400.0))


def lost_children(length: float) -> float:
    """Children of one mail a window, uniform in it, that would come after the end."""
    return sum(a * (1 - float(np.exp(-b * length))) / (b * length) for a, b in ((0.3, 1.0), (0.1, 0.1)))


def test_factors_of_households_have_the_stated_variances_and_are_shared_or_own() -> None:
    heavy = model([[0.0, 0.0], [0.0, 0.0]], [1.0, 1.0], shared=0.5, own=[0.0, 2.0])
    seen = counts(simulate(heavy, touchpoints=TWO, households=20_000, window=(100.0, 100.0), seed=4)) / 100.0
    assert near(seen, 1.0)
    products = (seen[:, 0] - 1) * (seen[:, 1] - 1)
    assert near(products[:, None], 0.5)
    squares = (seen - 1) ** 2 - 0.01  # less the Poisson noise
    assert near(squares, np.array([0.5, 1.5 * 3.0 - 1.0]))


def test_silence_stops_immigrants_and_neither_children_nor_what_the_brand_sends() -> None:
    churned = model([[0.0, 0.0, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, 0.0]], [0.1, 0.0, 0.0], (0.05,), churn=1 / 50)
    histories = simulate(
        churned, touchpoints=(VISIT, BUY, MAIL), households=8000, window=(300.0, 300.0), seed=5, sent=[0.0, 0.0, 0.02]
    )
    alive = 50 * (1 - np.exp(-300 / 50))
    # Children of visits at t: .5 (1 - exp(-.05 (300 - t))), visits at .1 exp(-t / 50).
    late = np.linspace(0.0, 300.0, 30_001)
    children = np.trapezoid(0.1 * np.exp(-late / 50) * 0.5 * (1 - np.exp(-0.05 * (300 - late))), late)
    assert near(counts(histories), np.array([0.1 * alive, children, 6.0]))


def test_a_calendar_multiplies_the_rates_of_its_days() -> None:
    plain = model([[0.0, 0.0], [0.0, 0.0]], [0.1, 0.1])
    calendar = np.ones((60, 2))
    calendar[10:20, 0], calendar[30:40, 1] = 3.0, 0.0
    histories = simulate(
        plain,
        touchpoints=TWO,
        households=5000,
        window=(30.0, 60.0),
        together="end",
        seed=6,
        calendar_by_day=calendar,
        origin=100.0,
    )
    assert np.allclose(histories.end, 160.0)
    by_day = np.zeros((60, 2))
    np.add.at(by_day, (np.floor(histories.times).astype(int) - 100, histories.kinds), 1)
    day = np.arange(60)[:, None]
    watched: Floats = np.clip(day + 1.0 - (histories.start - 100.0), 0.0, 1.0).sum(axis=1)
    expected: Floats = 0.1 * watched[:, None] * calendar
    assert np.all(np.abs(by_day - expected) <= 5 * np.sqrt(expected + 1e-9))
    assert by_day[30:40, 1].sum() == 0


def correlation(pairs: Floats) -> float:
    one, other = (pairs - pairs.mean(axis=0)).T
    return float(one @ other / np.sqrt((one @ one) * (other @ other)))


def test_what_is_sent_may_follow_the_factors() -> None:
    heavy = model([[0.0, 0.0], [0.0, 0.0]], [0.1, 0.0], shared=1.0)
    sides = (BUY, MAIL)
    sent = targeted([0.0, 0.05])
    seen = counts(simulate(heavy, touchpoints=sides, households=4000, window=(200.0, 200.0), seed=7, sent=sent))
    blind = counts(simulate(heavy, touchpoints=sides, households=4000, window=(200.0, 200.0), seed=7, sent=[0.0, 0.05]))
    assert near(seen, np.array([20.0, 10.0]))
    assert correlation(seen) > 0.8
    assert abs(correlation(blind)) < 0.06


def test_amounts_keep_their_mean_in_whole_units_and_types_without_have_none() -> None:
    histories = simulate(LOOP, touchpoints=TWO, households=2000, seed=8, amounts=[0.0, 3.3], currency="USD")
    bought = histories.kinds == 1
    assert near(histories.amounts[bought, None].astype(np.float64), 3.3)
    assert not histories.amounts[~bought].any()
    assert set(histories.currency[bought]) == {0}
    assert set(histories.currency[~bought]) == {-1}
    assert histories.rows.amounts[0].read == histories.total(0) == int(histories.amounts.sum())


def same(one: Histories, other: Histories) -> bool:
    fields = ("households", "start", "end", "offsets", "times", "kinds", "amounts", "currency", "covariates")
    return all(np.array_equal(getattr(one, each), getattr(other, each)) for each in fields)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**70), per_shard=st.integers(1, 60), day=st.booleans(), churn=st.sampled_from([0.0, 0.01]))
def test_households_are_the_same_in_any_shards_and_facts_lie_in_order_in_their_windows(
    seed: int, per_shard: int, day: bool, churn: float
) -> None:
    parameters = Parameters(
        decays=np.array([1.0, 1 / 7]),
        baseline=LOOP.baseline,
        excitation=LOOP.excitation,
        covariates=np.array([[0.5], [0.0]]),
        shared_variance=1.0,
        own_variance=np.array([0.3, 3.0]),
        churn_rate=churn,
    )
    options: dict[str, Any] = {
        "touchpoints": TWO,
        "seed": seed,
        "window": (20.0, 90.5),
        "grain": "day" if day else "exact",
        "amounts": [0.0, 500.0],
    }
    whole = simulate(parameters, households=50, **options)
    parts = list(simulate_shards(parameters, households=50, households_per_shard=per_shard, **options))
    at = 0
    for part in parts:
        assert same(whole.part(at, at + len(part)), part)
        at += len(part)
    assert at == 50
    owner = whole.owner
    assert np.all(whole.times >= whole.start[owner])
    assert np.all(whole.times <= whole.end[owner])
    assert np.all(whole.counted)
    steps = np.diff(whole.times)[np.diff(owner) == 0]
    assert np.all(steps >= 0) if day else np.all(steps > 0)
    if day:
        cells = {(int(h), float(t), int(d)) for h, t, d in zip(owner, whole.times, whole.kinds, strict=True)}
        assert len(cells) == whole.facts == whole.rows.read - whole.rows.merged
        assert np.all(whole.times == np.floor(whole.times))
        assert np.all(whole.end - whole.start >= 20.0)


def test_another_seed_is_another_population_and_households_without_facts_stay() -> None:
    one = simulate(LOOP, touchpoints=TWO, households=300, seed=9, window=(5.0, 9.0))
    other = simulate(LOOP, touchpoints=TWO, households=300, seed=10, window=(5.0, 9.0))
    assert not np.array_equal(one.start + one.end, other.start + other.end)
    assert len(one) == 300
    assert (np.diff(one.offsets) == 0).sum() > 100
    assert len(simulate(LOOP, touchpoints=TWO, households=0, seed=9)) == 0


def test_explosive_parameters_are_bounded_by_the_window_or_refused() -> None:
    hot = model([[1.5]], [0.01])
    short = simulate(hot, touchpoints=(BUY,), households=200, window=(10.0, 10.0), seed=11)
    assert short.facts < 10_000
    with pytest.raises(Refused) as refused:
        simulate(hot, touchpoints=(BUY,), households=200, window=(400.0, 400.0), seed=11, most=5000)
    assert refused.value.code == "flywheel_simulation_explodes"
    assert "5000" in "".join(refusal(refused.value, "en")).replace(",", "")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"window": (0.0, 5.0)}, "window"),
        ({"amounts": [1.0]}, "amounts"),
        ({"amounts": [1.0, float("nan")]}, "amounts"),
        ({"sent": [-1.0, 0.0]}, "sent"),
        ({"calendar_by_day": np.ones((10, 2))}, "calendar_by_day"),
        ({"touchpoints": (BUY,)}, "touchpoints"),
        ({"grain": "day", "origin": 1.5}, "origin"),
    ],
)
def test_what_cannot_be_used_is_named(options: dict[str, Any], what: str) -> None:
    all_options: dict[str, Any] = {"touchpoints": TWO, "households": 2, "seed": 1} | options
    with pytest.raises(Refused) as refused:
        simulate(LOOP, **all_options)
    assert refused.value.details == {"what": what}
