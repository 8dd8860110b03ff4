"""The parts of the checks beside what is known of them in closed form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setaria.flywheel.answers.whatif import coming, expected_counts
from setaria.flywheel.checks.beside_bg_nbd import deviance, earner
from setaria.flywheel.checks.directions import reversed_in_time
from setaria.flywheel.checks.fitting import Given, changed, posterior, problem_on
from setaria.flywheel.checks.foretell import back_tested, cut_at, foretell
from setaria.flywheel.checks.mean_amount import mean_amount
from setaria.flywheel.checks.placebo import exchanged, explained_share
from setaria.flywheel.checks.rescaling import distance, filtered, rescaling
from setaria.flywheel.fit.flywheel import Flywheel, problem_of
from setaria.flywheel.histories.histories import Grain, Histories, Touchpoint
from setaria.flywheel.parameters import Parameters, Specification
from setaria.flywheel.simulate.branching import simulate

POINTS = (Touchpoint("visit"), Touchpoint("buy"), Touchpoint("mail", receives=False))
SPECIFICATION = Specification(decays=(1 / 5, 1 / 30), own=False, churn=False, calendar=False)


def parameters(shared: float = 0.5, own: float = 0.0, churn: float = 0.0) -> Parameters:
    excitation = np.zeros((3, 3, 2))
    excitation[1, 0] = [0.2, 0.2]
    excitation[0, 1] = [0.2, 0.0]
    excitation[0, 2] = [0.2, 0.0]
    return Parameters(
        np.array([1 / 5, 1 / 30]),
        np.array([0.06, 0.02, 0.0]),
        excitation,
        shared_variance=shared,
        own_variance=np.full(3, own) if own else np.zeros(0),
        churn_rate=churn,
    )


def households(truth: Parameters, count: int = 200, grain: Grain = "exact", seed: int = 3) -> Histories:
    return simulate(
        truth,
        touchpoints=POINTS,
        households=count,
        seed=seed,
        window=(200.0, 400.0),
        grain=grain,
        amounts=[0.0, 900.0, 0.0],
        sent=[0.0, 0.0, 0.01],
    )


def given_with(histories: Histories, truth: Parameters) -> Given:
    """The truth in the place of what was fitted."""
    specification = Specification(
        decays=(1 / 5, 1 / 30), own=truth.own_variance.size > 0, churn=truth.churn_rate > 0, calendar=False
    )
    problem, _ = problem_of([histories], specification, truth.decays)
    fitted = Flywheel(SPECIFICATION, workers=1).fit(histories.part(0, 40), intervals=False)
    truth = replace(truth, covariates=np.zeros((3, len(problem.covariates.names))), calendar=np.zeros((3, 0)))
    layout = problem.layout
    made = replace(
        fitted,
        specification=specification,
        parameters=truth,
        layout=layout,
        vector=layout.vector(truth),
        calendar=problem.calendar,
    )
    return Given(histories, made, problem.covariates, 0)


@pytest.mark.parametrize("grain", ["exact", "day"])
def test_what_is_foretold_sums_to_the_closed_form_of_all_households(grain: Grain) -> None:
    truth = parameters()
    histories = changed(households(truth, 40, grain), end=np.full(40, households(truth, 40, grain).start[0] + 400.0))
    asked = given_with(histories, truth)
    cut = cut_at(histories)
    unsent = replace(cut, whole=changed(cut.whole, kept=(cut.whole.times <= cut.day) | (cut.whole.kinds != 2)))
    count = len(histories)
    found = foretell(asked, unsent, truth, np.tile(truth.baseline, (count, 1)))
    days = len(found.immigrants)
    ahead = coming(cut.before, truth, days, sent=[0.0, 0.0, 0.0])
    exact = expected_counts(truth, ahead.immigrants(truth), ahead.state).sum(axis=0)
    # By the day a fact leads to nothing within its own day, which is a tenth of the fast decay's children here.
    assert found.households.sum(axis=0)[:2] == pytest.approx(exact[:2], rel=1e-6 if grain == "exact" else 0.05)
    assert found.weeks.sum() == pytest.approx(found.households.sum())


@pytest.mark.parametrize(
    "truth", [parameters(0.0), parameters(0.8), parameters(0.4, own=0.5), parameters(0.4, own=0.5, churn=1 / 300)]
)
def test_gaps_rescaled_by_the_truth_are_exponential(truth: Parameters) -> None:
    histories = households(truth)
    asked = given_with(histories, truth)
    gaps, censored, baselines = filtered(problem_on([histories], asked), asked.fitted.vector)
    counted = histories.counted
    assert np.all(gaps[counted] >= 0)
    assert np.all(censored >= 0)
    total = gaps[counted].sum() + censored.sum()
    assert total == pytest.approx(counted.sum(), rel=4.5 / np.sqrt(counted.sum()))
    for r in (0, 1):
        mine = gaps[counted & (histories.kinds == r)]
        assert distance(mine, censored[:, r]) < 1.9 / np.sqrt(len(mine))
    if not truth.churn_rate:
        exact = posterior(problem_on([histories], asked), asked.fitted.vector).factors * truth.baseline
        assert baselines[:, :2] == pytest.approx(exact[:, :2], rel=0.1)


def test_a_back_test_extrapolates_no_season() -> None:
    """Of a year, nine months are fitted: a season through them would say anything of the other three."""
    histories = households(parameters(0.5), 300)
    histories = changed(histories, end=np.minimum(histories.end, histories.start + 365.0))
    histories = changed(histories, kept=histories.times <= histories.end[histories.owner])
    fitted = Flywheel(Specification(decays=(1 / 5, 1 / 30), own=False, churn=False), workers=1).fit(histories)
    problem, _ = problem_of([histories], fitted.specification, fitted.parameters.decays)
    seasons = [each for each in fitted.calendar.names if each.startswith("year")]
    assert seasons
    test = back_tested(Given(histories, fitted, problem.covariates, 0))
    assert test is not None
    narrow = test.given.fitted
    assert not set(seasons) & set(narrow.calendar.names)
    columns = [fitted.calendar.names.index(each) for each in narrow.calendar.names]
    assert np.array_equal(narrow.parameters.calendar, fitted.parameters.calendar[:, columns])
    assert np.array_equal(narrow.parameters.excitation, fitted.parameters.excitation)
    assert narrow.parameters.shared_variance == fitted.parameters.shared_variance
    assert narrow.influence is not None
    assert narrow.influence.covariance.shape == (len(narrow.influence.vector),) * 2
    happened = len(test.cut.after)
    assert test.foretold.households.sum() == pytest.approx(happened, rel=4 / np.sqrt(happened) + 0.05)


def test_facts_of_one_day_lie_one_after_another_in_it() -> None:
    """Two of them drawn into the day in the wrong order were a gap below 0, and a distance far above 1."""
    nothing = np.zeros((3, 3, 2))
    often = replace(parameters(0.0), baseline=np.array([2.5, 0.05, 0.0]), excitation=nothing)
    exact = households(often, 60)  # by the day the simulation makes those of a type and day one
    histories = replace(exact, grain="day", times=np.ceil(exact.times), end=np.floor(exact.end))
    histories = changed(histories, kept=histories.times <= histories.end[histories.owner])
    asked = given_with(histories, often)
    gaps, censored, _ = filtered(problem_on([histories], asked), asked.fitted.vector)
    mine = gaps[histories.counted & (histories.kinds == 0)]
    assert mine.min() >= 0
    assert distance(mine, censored[:, 0]) < 1.9 / np.sqrt(len(mine))
    assert rescaling(asked).passed is True


def test_facts_in_bursts_are_not_as_a_poisson_process_says() -> None:
    bursts = parameters().excitation.copy()
    bursts[0, 0, 0] = bursts[1, 1, 0] = 0.5
    histories = households(replace(parameters(), excitation=bursts, baseline=np.array([0.01, 0.01, 0.0])))
    flat = replace(parameters(), excitation=np.zeros((3, 3, 2)), baseline=np.array([0.05, 0.05, 0.0]))
    assert rescaling(given_with(histories, flat)).passed is False


def test_last_gaps_are_censored_not_short() -> None:
    chance = np.random.default_rng(1)
    gaps, limit = chance.exponential(size=20_000), chance.exponential(size=20_000)
    ended, cut = gaps[gaps <= limit], limit[gaps > limit]
    assert distance(ended, cut) < 0.03
    assert distance(ended, np.zeros(0)) > 0.2


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_an_exchange_keeps_counts_windows_and_all_times_together(seed: int) -> None:
    histories = households(parameters(), 20, seed=seed)
    mixed = exchanged(histories)
    assert np.array_equal(mixed.offsets, histories.offsets)
    assert np.array_equal(np.sort(mixed.times), np.sort(histories.times))
    owner = mixed.owner
    assert np.all((mixed.times > mixed.start[owner]) & (mixed.times <= mixed.end[owner]))
    before, after = (np.bincount(owner * 3 + each.kinds, minlength=60) for each in (histories, mixed))
    assert np.array_equal(before, after)
    assert np.all(np.diff(mixed.times)[np.diff(owner) == 0] >= 0)
    assert int(mixed.amounts.sum()) == int(histories.amounts.sum())


@pytest.mark.parametrize("grain", ["exact", "day"])
def test_time_turned_twice_is_time(grain: Grain) -> None:
    histories = households(parameters(), 10, grain)
    pivot = int(histories.end.max()) * 2
    back = reversed_in_time(histories, pivot)
    owner = back.owner
    assert np.all((back.times >= back.start[owner]) & (back.times <= back.end[owner]))
    again = reversed_in_time(back, pivot)
    assert again.times == pytest.approx(histories.times)
    assert again.start == pytest.approx(histories.start)
    if grain == "day":
        assert np.all(back.times == np.floor(back.times))


def test_the_explained_share_is_that_of_the_branching_matrix_in_long_windows() -> None:
    truth = parameters()
    histories = simulate(truth, touchpoints=POINTS, households=5, seed=1, window=(4e4, 4e4), sent=[0.0, 0.0, 0.01])
    counts = np.bincount(histories.kinds, minlength=3)
    assert explained_share(truth, histories) == pytest.approx(
        (truth.branching @ counts).sum() / counts[:2].sum(), rel=1e-2
    )


def test_the_earner_earns_most_and_is_most_frequent_without_amounts() -> None:
    histories = households(parameters(), 10)
    assert earner(histories, 0) == 1
    assert earner(replace(histories, amounts=np.zeros(histories.facts, dtype=np.int64)), 0) == 0


def test_deviance_is_least_at_the_truth() -> None:
    chance = np.random.default_rng(2)
    means = chance.gamma(1.0, 2.0, 4_000)
    happened = chance.poisson(means).astype(np.float64)
    assert deviance(happened, means) < min(deviance(happened, means * 0.8), deviance(happened, means * 1.25))


def test_amounts_that_follow_others_and_are_half_as_large_are_seen() -> None:
    truth = parameters()
    histories = households(truth, 400)
    asked = given_with(histories, truth)
    assert mean_amount(asked).passed is True
    before = np.zeros(histories.facts, dtype=np.bool_)
    before[1:] = (np.diff(histories.times) < 4.0) & (np.diff(histories.owner) == 0)
    halved = np.where(before, histories.amounts // 3, histories.amounts)
    found = mean_amount(replace(asked, histories=replace(histories, amounts=halved)))
    assert found.passed is False
    assert found.figure < 0.8
