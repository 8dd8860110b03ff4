"""A fit that takes an experiment into account: promotions of which some are sent by lot."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.flywheel.lots_world import BLIND, DECAYS, HORIZON, RIGHT, by_lot, effect_of_one, world

from setaria.facts.refused import Refused
from setaria.flywheel.arrays import Floats
from setaria.flywheel.fit.calibrate import Calibrated, Lots, calibrate
from setaria.flywheel.fit.fitted import Fitted
from setaria.flywheel.fit.flywheel import Flywheel, problem_of
from setaria.flywheel.fit.marginal import Problem
from setaria.flywheel.parameters import Parameters


@cache
def fitted_to(seed: int, households: int, effect: float, blind: bool) -> tuple[Fitted, Problem, Lots]:
    specification = BLIND if blind else RIGHT
    histories, arms = world(seed, households, effect, 0.02 if blind else 0.005)
    fitted = Flywheel(specification, workers=1).fit(histories)
    problem, _ = problem_of(list(histories.shards(512)), specification, np.array(DECAYS))
    return fitted, problem, by_lot(histories, arms)


def calibrated(seed: int, households: int, effect: float, blind: bool = False) -> Calibrated:
    return calibrate(*fitted_to(seed, households, effect, blind))


def test_the_lots_correct_a_model_that_takes_heavy_buyers_for_an_effect() -> None:
    found = calibrated(7, 4000, 0.0, blind=True)
    (before,), (after,) = found.before, found.after
    assert before.low > 0.01, "the model is sure of what is not there"
    assert found.agree[0] < 0.05
    assert after.low <= 0 <= after.high
    assert after.value < before.value / 2


def test_lots_and_a_model_that_is_right_agree() -> None:
    found = calibrated(1, 1500, 0.2)
    (before,), (after,) = found.before, found.after
    truth = 0.2 * (1 - np.exp(-HORIZON / 7)) * 1.2
    assert found.used.all()
    assert found.agree[0] > 0.05
    assert after.low < truth < after.high
    lots = fitted_to(1, 1500, 0.2, False)[2]
    assert before.error < after.error < 1.2 * np.sqrt(lots.covariance[0, 0])
    assert min(before.value, lots.effects[0]) - 0.02 <= after.value <= max(before.value, lots.effects[0]) + 0.02


def test_exact_lots_have_the_last_word() -> None:
    fitted, problem, lots = fitted_to(1, 1500, 0.2, False)
    exact = replace(lots, effects=np.array([0.3]), covariance=np.array([[1e-10]]), influence=lots.influence * 0)
    found = calibrate(fitted, problem, exact)
    center, error = found.fitted.one_step(effect_of_one)
    assert center[0] == pytest.approx(0.3, abs=0.01)
    assert error[0] < 2e-3
    assert found.after[0].value == pytest.approx(0.3, abs=0.01)
    assert found.fitted.log_likelihood < fitted.log_likelihood, "the data alone would have it otherwise"
    assert np.array_equal(found.fitted.mean_amounts, fitted.mean_amounts)


def test_lots_that_cannot_tell_leave_the_fit_as_it_is() -> None:
    fitted, problem, lots = fitted_to(1, 1500, 0.2, False)
    found = calibrate(fitted, problem, replace(lots, covariance=lots.covariance * 400, influence=lots.influence * 20))
    assert not found.used.any()
    assert found.fitted is fitted
    assert found.after == found.before


def test_nothing_goes_below_what_is_possible() -> None:
    fitted, problem, lots = fitted_to(1, 1500, 0.2, False)
    less = replace(lots, effects=np.array([-0.2]), covariance=np.array([[1e-6]]), influence=lots.influence * 0)
    found = calibrate(fitted, problem, less)
    assert (found.fitted.vector >= fitted.layout.lower()).all()
    assert found.fitted.parameters.excitation[0, 1].sum() < 0.01
    assert found.fitted.one_step(effect_of_one)[0][0] < -0.1


def test_the_same_effect_twice_is_no_more_than_once() -> None:
    fitted, problem, lots = fitted_to(1, 1500, 0.2, False)

    def twice(parameters: Parameters, mean_amounts: Floats) -> Floats:
        return np.repeat(effect_of_one(parameters, mean_amounts), 2)

    doubled = Lots(
        np.repeat(lots.effects, 2),
        np.full((2, 2), lots.covariance[0, 0]),
        lots.households,
        np.repeat(lots.influence, 2, axis=1),
        twice,
    )
    once, both = calibrate(fitted, problem, lots), calibrate(fitted, problem, doubled)
    assert both.after[0].value == pytest.approx(once.after[0].value, abs=0.01)


def test_households_that_the_fit_does_not_hold_count_for_the_lots_alone() -> None:
    fitted, problem, lots = fitted_to(1, 1500, 0.2, False)
    strangers = np.array([f"x{each}" for each in range(len(lots.households))], dtype=np.object_)
    apart = calibrate(fitted, problem, replace(lots, households=strangers)).after[0]
    none = calibrate(fitted, problem, replace(lots, influence=lots.influence * 0)).after[0]
    assert apart == none


def test_without_intervals_or_with_an_effect_that_nothing_moves_it_is_refused() -> None:
    fitted, problem, lots = fitted_to(1, 1500, 0.2, False)
    with pytest.raises(Refused, match="flywheel_calibrate_no_intervals"):
        calibrate(replace(fitted, influence=None), problem, lots)
    with pytest.raises(Refused, match="flywheel_calibrate_unrelated"):
        calibrate(fitted, problem, replace(lots, figures=lambda parameters, mean_amounts: np.ones(1)))
