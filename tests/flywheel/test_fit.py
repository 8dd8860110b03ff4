"""The estimator on small worlds whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from tests.flywheel.fit_worlds import truth, world

from setaria.facts.refused import Refused
from setaria.flywheel.answers.loops import flywheel_number
from setaria.flywheel.fit.fitted import Fitted
from setaria.flywheel.fit.flywheel import Flywheel, no_less_than_the_prior
from setaria.flywheel.fit.marginal import PRIOR
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import Specification

RATES = (1 / 7,)
NAIVE = Specification(decays=RATES, shared=False, own=False, churn=False, calendar=False)
SHARED = Specification(decays=RATES, own=False, churn=False, calendar=False)
OWN = Specification(decays=RATES, churn=False, calendar=False)
CHURN = Specification(decays=RATES, own=False, calendar=False)


def fit(histories: Histories, specification: Specification) -> Fitted:
    return Flywheel(specification, workers=1).fit(histories)


def number(fitted: Fitted) -> float:
    return fitted.parameters.flywheel_number


def test_a_clean_process_is_found() -> None:
    parameters = truth(number=0.4)
    fitted = fit(world(parameters), NAIVE)
    (found,) = fitted.estimates(flywheel_number, floor=0.0)
    assert abs(found.value - 0.4) < 3 * found.error < 0.05
    assert np.abs(fitted.parameters.branching - parameters.branching).max() < 0.1
    assert fitted.converged


def test_heavy_buyers_are_not_influence() -> None:
    histories = world(truth(number=0.0, shared=1.0))
    assert number(fit(histories, NAIVE)) > 0.15
    found = fit(histories, SHARED)
    assert number(found) < 0.04
    assert found.parameters.shared_variance == pytest.approx(1.0, rel=0.2)


def test_what_one_household_buys_most_is_not_influence() -> None:
    histories = world(truth(number=0.0, own=1.0))
    found = fit(histories, OWN)
    assert number(found) < 0.02 < number(fit(histories, SHARED))
    assert np.median(found.parameters.own_variance) == pytest.approx(1.0, rel=0.3)


def test_falling_silent_is_not_influence() -> None:
    histories = world(truth(number=0.0, shared=1.0, churn=1 / 200))
    assert number(fit(histories, SHARED)) > 0.1
    found = fit(histories, CHURN)
    assert number(found) < 0.06
    assert found.parameters.churn_rate == pytest.approx(1 / 200, rel=0.2)


def test_an_own_factor_that_is_none_costs_nothing() -> None:
    histories = world(truth(number=0.3, shared=0.8), 800)
    without, with_ = fit(histories, SHARED), fit(histories, OWN)
    assert with_.log_likelihood >= without.log_likelihood - 3.0  # the soft prior holds three variances off 0
    assert number(with_) == pytest.approx(number(without), abs=0.02)


def test_promotions_to_heavy_buyers_are_not_influence() -> None:
    from setaria.flywheel.simulate.branching import targeted

    parameters = truth(types=3, number=0.0, shared=1.0)
    histories = world(parameters, sends=1, sent=targeted([0.0, 0.0, 0.01], 1.0))
    fitted = fit(histories, SHARED)
    center, error = fitted.one_step(lambda found, means: found.branching[:2, 2])
    assert (np.abs(center) < 0.03).all()
    assert (np.abs(center) < 3.5 * error).all()
    assert (fitted.parameters.branching[2] == 0).all()  # what the brand sends is never caused


def test_the_same_answer_twice_and_with_more_workers() -> None:
    histories = world(truth(shared=0.8), 700)
    one = Flywheel(SHARED, workers=1).fit(histories)
    two = Flywheel(SHARED, workers=2).fit(histories)
    assert np.array_equal(one.vector, two.vector)
    assert one.influence is not None
    assert two.influence is not None
    assert np.array_equal(one.influence.covariance, two.influence.covariance)


def test_whole_days_lose_no_influence() -> None:
    parameters = truth(number=0.4, rates=(1.0,))
    days = world(parameters, 2500, grain="day")
    found = fit(days, Specification(decays=(1.0,), shared=False, own=False, churn=False, calendar=False))
    assert number(found) == pytest.approx(0.4, abs=0.05)


def test_the_optimum_lies_in_its_interval() -> None:
    fitted = fit(world(truth(number=0.2, shared=1.0), 200), SHARED)
    for each in fitted.estimates(lambda found, means: found.branching.reshape(-1), floor=0.0):
        assert each.low <= each.value <= each.high


def test_one_household_with_very_many_facts() -> None:
    parameters = truth(shared=0.5)
    usual = world(parameters, 120)
    busy = world(truth(mu=12.0, number=0.3), 1, seed=3)
    assert busy.facts > 8_000
    both = Histories(
        usual.touchpoints,
        np.append(usual.households, "busy"),
        np.append(usual.start, busy.start),
        np.append(usual.end, busy.end),
        np.append(usual.offsets, usual.facts + busy.facts),
        np.append(usual.times, busy.times),
        np.append(usual.kinds, busy.kinds),
        np.append(usual.amounts, busy.amounts),
        usual.currencies,
        np.append(usual.currency, busy.currency),
    )
    fitted = fit(both, SHARED)
    assert np.isfinite(fitted.log_likelihood)
    assert fitted.parameters.shared_variance > 1


def test_a_type_seen_once_and_one_never_seen() -> None:
    histories = world(truth(types=4, mu=0.004), 300)
    kinds = histories.kinds.copy()
    kinds[kinds == 3] = 2
    kinds[np.flatnonzero(histories.counted)[0]] = 3
    kinds[kinds == 1] = 0
    changed = Histories(
        histories.touchpoints,
        histories.households,
        histories.start,
        histories.end,
        histories.offsets,
        histories.times,
        kinds,
        histories.amounts,
        histories.currencies,
        histories.currency,
    )
    fitted = fit(changed, SHARED)
    assert fitted.influence is not None
    assert np.isfinite(fitted.influence.covariance).all()
    assert (fitted.parameters.branching[1] <= 1e-4).all()


def test_nothing_to_fit_is_refused() -> None:
    histories = world(truth(), 40)
    with pytest.raises(Refused) as refused:
        fit(histories.take(np.zeros(0, dtype=np.int64)), NAIVE)
    assert refused.value.code == "flywheel_no_households"
    with pytest.raises(Refused) as refused:
        fit(world(truth(mu=1e-12), 5), NAIVE)
    assert refused.value.code == "flywheel_no_counted_facts"


def test_the_data_say_no_less_of_a_variance_than_its_prior() -> None:
    """With the blocks at their best: a ridge is raised to the prior, what is known stays as it is."""
    source = np.random.default_rng(3)
    rows = source.normal(size=(40, 8))
    known = rows.T @ rows
    assert np.allclose(no_less_than_the_prior(known, 5), known)
    ridge = known.copy()
    across, inner = ridge[:5, 5:], ridge[:5, :5]
    ridge[5:, 5:] = across.T @ np.linalg.solve(inner, across) + np.diag([-2.0, PRIOR / 3, 30.0])
    raised = no_less_than_the_prior(ridge, 5)
    assert np.allclose(raised[:5], ridge[:5])
    left = raised[5:, 5:] - across.T @ np.linalg.solve(inner, across)
    assert np.allclose(np.linalg.eigvalsh(left), [PRIOR, PRIOR, 30.0])
