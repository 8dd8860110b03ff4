"""The closed forms against the integrals that they solve, against simulation and against the paper's own example."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from scipy.special import roots_genlaguerre, roots_jacobi

from setaria.facts.refused import Refused
from setaria.flywheel.arrays import Floats
from setaria.flywheel.checks.bg_nbd import BgNbd, Purchases, _likelihood, purchases
from setaria.flywheel.histories.histories import Histories, Touchpoint

PAPER = BgNbd(0.243, 4.414, 0.793, 2.426)  # CDNOW, in weeks: Fader, Hardie, Lee (2005), table 2


def seen(*rows: tuple[float, float, float]) -> Purchases:
    table = np.array(rows, dtype=np.float64)
    return Purchases(np.arange(len(table)), table[:, 0].copy(), table[:, 1].copy(), table[:, 2].copy())


def integrals(model: BgNbd, x: float, recency: float, age: float, days: float) -> tuple[float, float, float]:
    """Likelihood, P(alive), expected purchases: sums over gamma rates and beta chances, by Gaussian quadrature."""
    rates, rate_weights = roots_genlaguerre(60, model.r - 1)
    chances, chance_weights = roots_jacobi(60, model.b - 1, model.a - 1)
    p = ((chances + 1) / 2)[None, :]
    rate = (rates / model.alpha)[:, None]
    weight = np.outer(rate_weights / rate_weights.sum(), chance_weights / chance_weights.sum())
    alive = weight * rate**x * (1 - p) ** x * np.exp(-rate * age)
    silent = weight * rate**x * p * (1 - p) ** (x - 1) * np.exp(-rate * recency) if x else np.zeros_like(alive)
    total = alive.sum() + silent.sum()
    return float(total), float(alive.sum() / total), float((alive * -np.expm1(-rate * p * days) / p).sum() / total)


def histories(rows: list[list[tuple[float, int]]], end: float = 100.0) -> Histories:
    flat = [fact for row in rows for fact in row]
    count = len(flat)
    return Histories(
        touchpoints=(Touchpoint("visit"), Touchpoint("buy"), Touchpoint("accessory")),
        households=np.array([str(number) for number in range(len(rows))], dtype=object),
        start=np.zeros(len(rows)),
        end=np.full(len(rows), end),
        offsets=np.cumsum([0, *map(len, rows)]).astype(np.int64),
        times=np.array([time for time, _ in flat]),
        kinds=np.array([kind for _, kind in flat], dtype=np.int16),
        amounts=np.zeros(count, dtype=np.int64),
        currencies=(),
        currency=np.full(count, -1, dtype=np.int8),
    )


def simulated(model: BgNbd, households: int, age: float, days: float, seed: int) -> tuple[Purchases, Floats]:
    """What is seen up to `age`, and the purchases in the `days` after it."""
    random = np.random.default_rng(seed)
    rows, later = [], []
    for rate, chance in zip(
        random.gamma(model.r, 1 / model.alpha, households), random.beta(model.a, model.b, households), strict=True
    ):
        times: list[float] = []
        now, silent = 0.0, False
        while not silent and (now := now + random.exponential(1 / max(rate, 1e-12))) < age + days:
            times.append(now)
            silent = bool(random.random() < chance)
        past = [time for time in times if time <= age]
        rows.append((float(len(past)), past[-1] if past else 0.0, age))
        later.append(len(times) - len(past))
    return seen(*rows), np.array(later, dtype=np.float64)


def test_the_papers_example() -> None:
    """Fader and Hardie's note 004: x = 2, t_x = 30.43, T = 38.86 weeks buys 1.226 times in the next 39."""
    assert PAPER.expected(seen((2, 30.43, 38.86)), 39.0)[0] == pytest.approx(1.226, abs=6e-4)


@pytest.mark.parametrize("row", [(0, 0, 30), (1, 3, 30), (2, 28, 30), (9, 12, 30)])
@pytest.mark.parametrize("model", [BgNbd(1.3, 14, 0.8, 2.4), BgNbd(2.2, 9, 1.0, 3.1), BgNbd(1.1, 20, 1.7, 1.2)])
def test_closed_forms_are_the_integrals(model: BgNbd, row: tuple[float, float, float]) -> None:
    likelihood, alive, expected = integrals(model, *row, days=25.0)
    one = seen(row)
    assert math.exp(model.log_likelihoods(one)[0]) == pytest.approx(likelihood, rel=1e-7)
    assert model.alive(one)[0] == pytest.approx(alive, rel=1e-7)
    assert model.expected(one, 25.0)[0] == pytest.approx(expected, rel=1e-5)


def test_where_the_series_is_lost_the_integral_is_not() -> None:
    model, one = BgNbd(math.e, 1.0, math.e, math.e), seen((123, 0.0, 0.5))
    known = seen((123, 3.0, 3.0), (2, 1.0, 4.0), (2, 4.0, 4.0))
    by_series = model.expected(known, 1.0) / model.alive(known)
    by_quadrature = model._grown(known.frequency, 1 / (1 + known.age + 1))
    assert by_quadrature == pytest.approx(by_series, rel=1e-6)
    assert model.expected(one, 14.0)[0] == pytest.approx(
        model.alive(one)[0] * model._grown(one.frequency, np.array([14 / 15.5]))[0]
    )


def test_slopes_are_those_of_the_likelihood() -> None:
    rows = seen((0, 0, 30), (1, 3, 30), (2, 28, 30), (9, 12, 12))
    logs = np.log([0.7, 12.0, 0.9, 2.2])
    slopes = _likelihood(np.exp(logs), rows.frequency, rows.recency, rows.age)[1].sum(axis=1)

    def total(at: Floats) -> float:
        return float(_likelihood(np.exp(at), rows.frequency, rows.recency, rows.age)[0].sum())

    assert slopes == pytest.approx(approx_fprime(logs, total, 1e-7), abs=1e-5)


def test_fit_finds_the_parameters_and_the_future() -> None:
    truth = BgNbd(0.8, 10, 0.9, 3.0)
    past, later = simulated(truth, 6_000, 80.0, 40.0, seed=3)
    fitted = BgNbd.fit(past)
    assert fitted.log_likelihood >= truth.log_likelihoods(past).sum()
    assert fitted.log_likelihood < truth.log_likelihoods(past).sum() + 9.5  # half a chi-squared of 4: one in 1,000
    expected = fitted.expected(past, 40.0)
    many = past.frequency >= 4
    for group in (many, ~many):
        error = later[group].std() / math.sqrt(group.sum())
        assert abs(later[group].mean() - expected[group].mean()) < 4 * error


@settings(max_examples=100, deadline=None)
@given(
    st.tuples(*[st.floats(-6, 6)] * 4),
    st.integers(0, 3_000),
    st.floats(0, 1),
    st.floats(0.5, 5_000),
    st.floats(0.01, 3_650),
)
def test_figures_are_sane_at_any_parameters(
    logs: tuple[float, float, float, float], count: int, share: float, age: float, days: float
) -> None:
    model = BgNbd(*(math.exp(each) for each in logs))
    one = seen((count, share * age if count else 0.0, age))
    assert np.isfinite(model.log_likelihoods(one)).all()
    assert 0 <= model.alive(one)[0] <= 1
    most = (model.r + count) / (model.alpha + age) * days  # nobody ever falls silent
    assert -1e-9 * (1 + most) <= model.expected(one, days)[0] <= most * (1 + 1e-6) * (model.alive(one)[0] + 1e-12)


def test_purchases_by_the_day() -> None:
    made = histories(
        [
            [(1.2, 1), (1.9, 1), (5.0, 0), (11.5, 2), (40.0, 1), (90.0, 1)],  # twice on day 1; a visit is no purchase
            [(3.0, 0)],
            [(60.5, 1)],
            [(7.9, 1), (8.1, 1)],
        ]
    )
    whole = purchases(made, (1, 2))
    assert whole.households.tolist() == [0, 2, 3]
    assert whole.frequency.tolist() == [3, 0, 1]
    assert whole.recency.tolist() == [89, 0, 1]
    assert whole.age.tolist() == [99, 40, 93]
    half = purchases(made, (1, 2), until=50.0)
    assert half.households.tolist() == [0, 3]
    assert half.frequency.tolist() == [2, 1]
    assert half.age.tolist() == [49, 43]
    assert len(purchases(made, (0,), until=1.0)) == 0


def test_without_a_repeat_there_is_no_fit() -> None:
    with pytest.raises(Refused, match="flywheel_bg_nbd_no_repeat"):
        BgNbd.fit(seen((0, 0, 10), (0, 0, 20)))
