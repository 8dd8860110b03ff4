"""The specification without frailty: its sums by their definition, and the same optimum whichever way leads there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setaria.flywheel.arrays import Floats
from setaria.flywheel.fit import naive
from setaria.flywheel.fit.decays import Decays
from setaria.flywheel.fit.engines import Threads, running
from setaria.flywheel.fit.naive import Naive, Over, Sums, fit_naive
from setaria.flywheel.fit.quadratic import step, steps
from setaria.flywheel.histories.histories import Grain, Histories, Touchpoint
from setaria.flywheel.kernels.elementary import fading, logarithms
from setaria.flywheel.kernels.features import AHEAD, BLOCK
from setaria.flywheel.parameters import Parameters
from setaria.flywheel.simulate.branching import simulate

RATES = np.array([1 / 3, 1 / 30])


def made(households: int, *, seed: int = 2, grain: Grain = "exact", rare: float = 0.004) -> Histories:
    """Visits, orders, a rare type, and promotions, which nothing causes; some facts precede their window."""
    truth = Parameters(
        decays=RATES,
        baseline=np.array([0.02, 0.01, rare, 0.0]),
        excitation=np.array([[0.2, 0.1, 0.0, 0.2], [0.1, 0.0, 0.3, 0.1], [0.0, 0.1, 0.0, 0.0], [0.0] * 4])[:, :, None]
        * np.array([0.6, 0.4]),
    )
    histories = simulate(
        truth,
        touchpoints=tuple(Touchpoint(name, receives=name != "promotion") for name in ("a", "b", "c", "promotion")),
        households=households,
        seed=seed,
        window=(100.0, 300.0),
        amounts=(0, 0, 0, 0),
        sent=(0.0, 0.0, 0.0, 0.01),
        grain=grain,
    )
    histories.start[::3] += 40.0
    return histories


def by_definition(histories: Histories, decays: Decays, theta: Floats) -> Sums:
    types, width = theta.shape
    sums = Sums(np.zeros(types), np.zeros((types, width)), np.zeros((types, width, width)))
    for h in range(len(histories)):
        part = slice(histories.offsets[h], histories.offsets[h + 1])
        times, kinds = histories.times[part], histories.kinds[part]
        for time, kind in zip(times, kinds, strict=True):
            if time <= histories.start[h] or not histories.receivers[kind]:
                continue
            earlier = times < time
            decayed = decays.jumps[:, None] * np.exp(-np.outer(decays.rates, time - times[earlier]))
            x = np.ones(width)
            for k, weights in enumerate(decayed):
                x[1 + k * types : 1 + (k + 1) * types] = np.bincount(kinds[earlier], weights, types)
            rate = theta[kind] @ x
            sums.likelihood[kind] += np.log(rate)
            sums.gradient[kind] += x / rate
            sums.information[kind] += np.outer(x / rate, x / rate)
    return sums


@pytest.mark.parametrize("grain", ["exact", "day"])
def test_sums_are_those_of_the_definition(grain: Grain) -> None:
    histories = made(500, grain=grain)
    decays = Decays.of(RATES, grain)
    assert histories.facts > 2 * AHEAD
    assert np.bincount(histories.kinds).max() > 2 * BLOCK
    theta = np.random.default_rng(1).exponential(0.1, (4, 9))
    defined = by_definition(histories, decays, theta)
    with running(Threads(), [histories]) as engine:
        sums, score = Over(engine, decays).sums(theta), Over(engine, decays).sums(theta, informed=False)
    for column in ("likelihood", "gradient", "information"):
        assert getattr(sums, column) == pytest.approx(getattr(defined, column), rel=1e-12), column
    assert np.array_equal(sums.likelihood, score.likelihood)
    assert score.gradient == pytest.approx(sums.gradient, rel=1e-14)
    assert score.information.size == 0


def test_rates_far_from_one_have_a_logarithm() -> None:
    histories = made(50)
    decays = Decays.of(RATES, "exact")
    with running(Threads(), [histories]) as engine:
        for scale in (1e-140, 1e-60, 1e60, 1e140):
            theta = np.full((4, 9), scale)
            defined = by_definition(histories, decays, theta).likelihood
            assert Over(engine, decays).sums(theta, informed=False).likelihood == pytest.approx(defined, rel=1e-12)


def test_exposures_are_those_of_the_definition() -> None:
    histories = made(500)
    decays = Decays.of(RATES, "day")
    total = np.zeros(9)
    total[0] = (histories.end - histories.start).sum()
    owner = np.repeat(np.arange(len(histories)), np.diff(histories.offsets))
    start, end = histories.start[owner], histories.end[owner]
    assert (histories.times < start).any()
    for k, rate in enumerate(RATES):
        seen = np.exp(-rate * np.maximum(start - histories.times, 0)) - np.exp(-rate * (end - histories.times))
        total[1 + 4 * k : 5 + 4 * k] = decays.mass[k] * np.bincount(histories.kinds, seen, 4)
    with running(Threads(), [histories]) as engine:
        found = Over(engine, decays).exposed()
    assert found.total == pytest.approx(total, rel=1e-12)
    assert found.households == len(histories)
    assert found.counts == pytest.approx(np.bincount(histories.kinds[histories.counted], minlength=4))


@given(st.lists(st.floats(0, 2_000), min_size=1, max_size=40), st.sampled_from([1 / 365, 1 / 7, 1.0]))
def test_fading_is_the_exponential(elapsed: list[float], rate: float) -> None:
    days, into = np.array(elapsed), np.zeros(len(elapsed))
    fading(days, rate, np.zeros(len(days), dtype=np.int64), into)
    exponent = np.minimum(rate * days, 700.0)
    assert (np.abs(into / np.exp(-exponent) - 1) <= 1e-15 + 2e-16 * exponent).all()
    assert (into[days == 0] == 1).all()


@given(st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=40))
def test_logarithms_are_the_logarithm(numbers: list[float]) -> None:
    values = np.concatenate([numbers, [1.0, 1.0 + 1e-15, 1.0 - 1e-15, math.sqrt(2.0), math.sqrt(0.5)]])
    into = np.zeros(len(values))
    logarithms(values, np.zeros(len(values), dtype=np.int64), into)
    known = np.log(values)
    assert (np.abs(into - known) <= 3e-16 * np.maximum(1.0, np.abs(known))).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 9), st.booleans())
@settings(deadline=None)
def test_many_steps_are_each_ones_step(seed: int, count: int, size: int, singular: bool) -> None:
    random = np.random.default_rng(seed)
    rows = random.normal(size=(count, size - 1 if singular else size + 3, size)) * 10.0 ** random.uniform(-4, 4, size)
    information = rows.transpose(0, 2, 1) @ rows
    at = random.exponential(1.0, (count, size)) * (random.random((count, size)) < 0.6)
    gradient = random.normal(size=(count, size)) * np.sqrt(np.diagonal(information, axis1=1, axis2=2))
    each = [step(*one, np.zeros(size)) for one in zip(information, gradient, at, strict=True)]
    found = steps(information, gradient, at)
    assert (at + found >= -1e-12 * (1 + at)).all()
    promised = [
        [g @ d - 0.5 * d @ matrix @ d for matrix, g, d in zip(information, gradient, chosen, strict=True)]
        for chosen in (found, each)
    ]
    assert promised[0] == pytest.approx(promised[1], rel=1e-6, abs=1e-9)


def apart(one: Naive, other: Naive) -> float:
    return abs(one.log_likelihood - other.log_likelihood)


def test_parts_lead_where_all_households_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    histories, decays = made(6_000), Decays.of(RATES, "exact")
    parts = list(histories.shards(2_500))
    sizes: list[Any] = []
    climb = naive._climb

    def climbed(over: Over, *more: Any) -> Any:
        sizes.append(over.limits)
        return climb(over, *more)

    monkeypatch.setattr(naive, "_climb", climbed)
    grown = fit_naive(parts, decays)
    assert sizes == [{0: 750}, None]
    monkeypatch.setattr(naive, "_LEAST", 10**9)
    whole = fit_naive(parts, decays)
    assert apart(grown, whole) < 2e-6
    assert max(grown.gain_left, whole.gain_left) < 1e-6
    assert (grown.theta >= 0).all()
    assert grown.theta[3] == pytest.approx(0.0)
    assert grown.by_type.sum() == pytest.approx(grown.log_likelihood)


def test_a_type_that_no_part_has_seen() -> None:
    histories, decays = made(3_000, rare=0.0), Decays.of(RATES, "exact")
    kinds = histories.kinds.copy()
    kinds[kinds == 2] = 0
    late = np.flatnonzero((np.arange(len(kinds)) > histories.offsets[2_000]) & histories.counted & (kinds == 0))
    kinds[late[:40]] = 2
    changed = histories.part(0, len(histories))
    object.__setattr__(changed, "kinds", kinds)
    fitted = fit_naive([changed], decays)
    assert np.isfinite(fitted.log_likelihood)
    assert fitted.gain_left < 1e-6
    assert fitted.theta[2, 0] > 0
    with running(Threads(), [changed]) as engine:
        exposed = Over(engine, decays).exposed()
    assert exposed.counts[2] == 40
    assert fitted.theta @ exposed.total == pytest.approx(exposed.counts, rel=1e-4)  # expected are as many as happened
