"""A fit that takes an experiment into account: promotions of which some are sent by lot."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from setaria.facts.refused import Refused
from setaria.flywheel.answers.horizon import descendants
from setaria.flywheel.arrays import Flags, Floats
from setaria.flywheel.fit.calibrate import Calibrated, Lots, calibrate
from setaria.flywheel.fit.fitted import Fitted
from setaria.flywheel.fit.flywheel import Flywheel, problem_of
from setaria.flywheel.fit.marginal import Problem
from setaria.flywheel.histories.histories import Histories, Touchpoint
from setaria.flywheel.parameters import Parameters, Specification
from setaria.flywheel.simulate.branching import simulate, targeted

DECAYS = (1.0, 1 / 7)
WAVES = (40.0, 90.0, 140.0)
HORIZON = 30.0
DAYS = 200.0
RIGHT = Specification(decays=DECAYS, own=False, churn=False, calendar=False)
BLIND = Specification(decays=DECAYS, own=False, churn=False, calendar=False, sent_means=False)


def effect_of_one(parameters: Parameters, mean_amounts: Floats) -> Floats:
    """Purchases within the horizon that follow from a promotion."""
    return descendants(parameters, HORIZON)[:1, 1]


def world(seed: int, households: int, effect: float, sent: float) -> tuple[Histories, Flags]:
    """Promotions go to heavy buyers, and in each wave to every other household by lot (waves x households)."""
    excitation = np.zeros((2, 2, 2))
    excitation[0, 0] = 0.1
    excitation[0, 1, 1] = effect
    parameters = Parameters(np.array(DECAYS), np.array([0.02, 0.0]), excitation, shared_variance=1.0)
    made = simulate(
        parameters,
        touchpoints=[Touchpoint("buy"), Touchpoint("promotion", receives=False)],
        households=households,
        seed=seed,
        window=(DAYS, DAYS),
        amounts=[10_000.0, 0.0],
        sent=targeted([0.0, sent]),
    )
    random = np.random.default_rng(seed)
    arms = random.random((len(WAVES), households)) < 0.5
    times, kinds, owner = list(made.times), list(made.kinds), list(made.owner)
    for wave, household in zip(*np.nonzero(arms), strict=True):
        waiting = [(made.start[household] + WAVES[wave], 1)]
        while waiting:
            at, what = waiting.pop()
            if at <= made.end[household]:
                times.append(at)
                kinds.append(what)
                owner.append(household)
                for k, rate in enumerate(DECAYS):
                    many = random.poisson(excitation[0, what, k])
                    waiting += [(at + random.exponential(1 / rate), 0) for _ in range(many)]
    order = np.lexsort((times, owner))
    sorted_kinds = np.array(kinds, dtype=np.int16)[order]
    bought = sorted_kinds == 0
    return replace(
        made,
        offsets=np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=households))]).astype(np.int64),
        times=np.array(times)[order],
        kinds=sorted_kinds,
        amounts=np.where(bought, 10_000, 0),
        currency=np.where(bought, 0, -1).astype(np.int8),
    ), arms


def by_lot(histories: Histories, arms: Flags) -> Lots:
    """The difference of means, and each household's part in its error."""
    households = len(histories)
    since, bought = histories.times - histories.start[histories.owner], histories.kinds == 0
    later = [bought & (since > wave) & (since <= wave + HORIZON) for wave in WAVES]
    counts = np.stack([np.bincount(histories.owner[each], minlength=households) for each in later])
    share = arms.mean()
    given, withheld = counts[arms].mean(), counts[~arms].mean()
    parts = np.where(arms, (counts - given) / share, -(counts - withheld) / (1 - share))
    influence = (parts.sum(axis=0) / counts.size)[:, None]
    return Lots(np.array([given - withheld]), influence.T @ influence, histories.households, influence, effect_of_one)


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
