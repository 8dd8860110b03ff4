"""What-if: closed form beside simulation, beside simpler closed forms, and beside the simulated households."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from setaria.facts.refused import Refused
from setaria.flywheel.answers.horizon import within
from setaria.flywheel.answers.sensitivity import Gradient, change_gradient, removal_gradient
from setaria.flywheel.answers.value import value
from setaria.flywheel.answers.whatif import (
    Change,
    change_figures,
    coming,
    excited,
    expected_counts,
    households_scale,
    path,
    priced,
    removal_effects,
    scaled,
    simulated_paths,
    watched,
)
from setaria.flywheel.arrays import Floats
from setaria.flywheel.fit.fitted import Figures
from setaria.flywheel.histories.histories import Touchpoint
from setaria.flywheel.parameters import Parameters
from setaria.flywheel.simulate.branching import simulate

POINTS = (Touchpoint("visit"), Touchpoint("buy"), Touchpoint("mail", receives=False))
AMOUNTS = np.array([[0.0, 5000.0, 0.0], [100.0, 0.0, 0.0]])


def model(churn: float = 0.0, shared: float = 0.0) -> Parameters:
    excitation = np.zeros((3, 3, 2))
    excitation[0, 0] = [0.1, 0.1]
    excitation[1, 0] = [0.2, 0.1]
    excitation[0, 1] = [0.0, 0.4]
    excitation[0, 2] = [0.3, 0.0]
    excitation[1, 2] = [0.0, 0.1]
    return Parameters(
        decays=np.array([1.0, 1 / 20]),
        baseline=np.array([0.03, 0.01, 0.0]),
        excitation=excitation,
        churn_rate=churn,
        shared_variance=shared,
    )


def drive() -> tuple[Floats, Floats]:
    """Immigrants of 40 days, a season in them, and the state of some past facts."""
    immigrants = np.tile([6.0, 2.0, 3.0], (40, 1))
    immigrants[10:15, 1] = 9.0
    immigrants[:, 2] = np.where(np.arange(40) % 7 == 0, 21.0, 0.0)
    return immigrants, np.array([[10.0, 60.0], [4.0, 30.0], [5.0, 9.0]])


@pytest.mark.parametrize(
    "change",
    [
        None,
        scaled(0, 0.0),
        scaled(2, 1.7),
        Change(1, effect=0.0),
        Change(0, effect=2.0, reached=0.5),
        priced(1, 1.2, -1.5),
    ],
)
def test_simulation_and_closed_form_agree_within_monte_carlo_error(change: Change | None) -> None:
    immigrants, state = drive()
    exact = path(model(), AMOUNTS, immigrants, state, change)
    found = simulated_paths(model(), AMOUNTS, immigrants, state, change, runs=400, seed=7)
    assert found.runs.shape == (400, 40, 2)
    error = (found.high - found.mean) / 1.96
    assert np.all(np.abs(found.mean - exact) <= 4.5 * error + 1e-9)
    assert found.high[-1, 0] - found.low[-1, 0] < 0.03 * max(found.mean[-1, 0], 1.0)


def test_one_past_fact_and_no_immigrants_bring_what_the_horizon_says() -> None:
    parameters, state = model(), np.zeros((3, 2))
    state[2] = 1.0
    after = path(parameters, AMOUNTS, np.zeros((30, 3)), state)[-1]
    mail = within(30.0)(parameters, AMOUNTS).reshape(2, 3)[:, 2]
    assert np.allclose(after, mail)


def test_constant_immigrants_tend_to_their_number_times_value_a_day() -> None:
    parameters = model()
    counts = expected_counts(parameters, np.tile([1.0, 2.0, 3.0], (2000, 1)), np.zeros((3, 2)))
    by_day = counts[-1] @ AMOUNTS.T
    assert np.allclose(by_day, value(parameters, AMOUNTS).reshape(2, 3) @ [1.0, 2.0, 3.0])


def test_facts_so_far_keep_their_effect_and_removal_ends_new_facts_only() -> None:
    parameters, (immigrants, state) = model(), drive()
    none = expected_counts(parameters, immigrants, state, scaled(0, 0.0))
    assert np.all(none[:, 0] == 0)
    deaf = expected_counts(parameters, immigrants * 0, state, Change(0, effect=0.0))
    # Direct children of the past are there; visits among them have no more children, purchases have.
    first = np.einsum("dsk,sk->d", parameters.excitation, state)
    plain = expected_counts(parameters, immigrants * 0, state)
    assert deaf.sum(axis=0)[0] < plain.sum(axis=0)[0]
    assert deaf.sum(axis=0)[1] == pytest.approx(first[1] * (1 - 0.13), rel=0.2)
    assert np.allclose(
        expected_counts(parameters, immigrants, state, Change(0)), expected_counts(parameters, immigrants, state)
    )


def test_explosive_parameters_have_a_path_too() -> None:
    hot = replace(model(), excitation=model().excitation * 4)
    assert hot.flywheel_number > 1
    immigrants, state = drive()
    exact = path(hot, AMOUNTS, immigrants[:12], state)
    found = simulated_paths(hot, AMOUNTS, immigrants[:12], state, runs=200, seed=3)
    assert np.all(np.abs(found.mean - exact) <= 4.5 * (found.high - found.mean) / 1.96)


def test_what_comes_of_simulated_households_is_foreseen_from_their_first_windows() -> None:
    parameters, calendar = model(churn=1 / 400), np.ones((160, 3))
    calendar[110:120, :2] = 2.0
    options: dict[str, Any] = {
        "touchpoints": POINTS,
        "households": 6000,
        "seed": 5,
        "calendar_by_day": calendar,
        "sent": [0, 0, 0.02],
    }
    whole = simulate(parameters, window=(160.0, 160.0), **options)
    cut = whole.start[0] + 100.0
    early = whole.times <= cut
    past = replace(
        whole,
        end=np.full(6000, cut),
        offsets=np.concatenate([[0], np.cumsum(np.bincount(whole.owner[early], minlength=6000))]),
        times=whole.times[early],
        kinds=whole.kinds[early],
        amounts=whole.amounts[early],
        currency=whole.currency[early],
    )
    alive = np.full(6000, np.exp(-100 / 400))
    ahead = coming(past, parameters, 60, alive=alive, sent=[0, 0, 120.0], calendar_by_day=calendar[100:])
    living = 6000 * np.exp(-100 / 400) * 400  # times what falls silent between two days
    assert ahead.exposure[:10, 0].sum() == pytest.approx(living * (1 - np.exp(-10 / 400)))
    assert ahead.exposure[20:, 0].sum() == pytest.approx(living * (np.exp(-20 / 400) - np.exp(-60 / 400)))
    expected = expected_counts(parameters, ahead.immigrants(parameters), ahead.state)
    day = np.floor(whole.times[~early] - cut).astype(int)
    seen = np.bincount(np.minimum(day, 59) * 3 + whole.kinds[~early], minlength=180).reshape(60, 3)
    assert np.all(np.abs(seen.sum(axis=0) - expected.sum(axis=0)) <= 6 * np.sqrt(expected.sum(axis=0)))
    assert np.all(np.abs(seen - expected) <= 6 * np.sqrt(expected))
    by_itself = coming(past, parameters, 60)
    assert by_itself.sent[0, 2] == pytest.approx(120.0, rel=0.05)
    assert np.all(by_itself.sent[:, :2] == 0)
    assert np.all(by_itself.exposure[:, 2] == 0)


def test_a_cohort_is_removed_with_its_past_and_its_coming() -> None:
    parameters = model()
    histories = simulate(parameters, touchpoints=POINTS, households=300, seed=6, sent=[0, 0, 0.02])
    before = coming(histories, parameters, 30)
    cohort = np.arange(100)
    after = coming(histories, parameters, 30, scale=households_scale(histories, cohort))
    alone = coming(histories.take(cohort), parameters, 30)
    gone = change_figures(before, after=after)(parameters, AMOUNTS)
    theirs = path(parameters, AMOUNTS, alone.immigrants(parameters), alone.state)[-1]
    assert np.allclose(gone, -theirs)
    removed = change_figures(before, scaled(1, 0.0))(parameters, AMOUNTS)
    assert removed[0] == pytest.approx(-path(parameters, AMOUNTS, before.immigrants(parameters), before.state)[-1, 0])


def test_a_state_by_the_day_is_on_average_that_of_exact_times() -> None:
    parameters = model()
    options: dict[str, Any] = {"touchpoints": POINTS, "households": 4000, "seed": 8, "window": (50.0, 50.0)}
    exact = simulate(parameters, **options)
    by_day = simulate(parameters, grain="day", **options)
    fine, coarse = excited(exact, parameters.decays), excited(by_day, parameters.decays)
    merged = 1 - by_day.facts / exact.facts
    assert np.allclose(coarse[:2, 1], fine[:2, 1], rtol=2 * merged)
    assert np.allclose(coarse[:2, 0], fine[:2, 0], rtol=0.1)


def test_removal_effects_are_the_shares_that_simulated_households_lose() -> None:
    parameters = model(churn=1 / 300, shared=0.5)
    options: dict[str, Any] = {
        "touchpoints": POINTS,
        "households": 8000,
        "window": (60.0, 200.0),
        "amounts": [100, 5000, 0],
    }
    amounts = np.array([[100.0, 5000.0, 0.0], [0.0, 0.0, 0.0]])
    whole = simulate(parameters, seed=9, sent=[0, 0, 0.02], **options)
    seen = watched(whole, 2)
    # The truth of silence, which a fit does not know: shares of starts alive, by days since the start.
    lengths = np.round(whole.end - whole.start).astype(int)
    for left in range(len(seen.exposure)):
        ages = lengths[lengths > left] - left - 0.5
        seen.exposure[-1 - left, :2] = np.exp(-ages / 300).sum()
    found = removal_effects(seen)(parameters, amounts).reshape(2, 3)
    assert np.isnan(found[1]).all()
    for touchpoint in range(3):
        excitation, baseline, sent = parameters.excitation.copy(), parameters.baseline.copy(), [0.0, 0.0, 0.02]
        excitation[touchpoint], baseline[touchpoint] = 0.0, 0.0
        sent[2] = 0.0 if touchpoint == 2 else 0.02
        without = replace(parameters, excitation=excitation, baseline=baseline)
        rest = simulate(without, seed=9, sent=sent, **options)
        assert found[0, touchpoint] == pytest.approx(1 - rest.total(0) / whole.total(0), abs=0.025), touchpoint


def test_watched_days_add_up_to_the_windows_and_given_facts_are_those_not_counted() -> None:
    parameters = model()
    histories = simulate(parameters, touchpoints=POINTS, households=700, seed=10, window=(5.0, 40.5), sent=[0, 0, 0.1])
    seen = watched(histories, 2)
    days = (histories.end - histories.start).sum()
    assert np.allclose(seen.exposure.sum(axis=0), [days, days, 0.0])
    assert seen.sent.sum() == (~histories.counted).sum()
    doubled = watched(histories, 2, calendar_by_day=np.full((1, 3), 2.0), frailty=np.full(700, 0.5))
    assert np.allclose(doubled.exposure, seen.exposure)
    fading = watched(histories, 2, alive=np.full(700, 0.5))
    assert np.all(fading.exposure <= seen.exposure + 1e-9)
    assert fading.exposure[-1, 0] < 0.62 * seen.exposure[-1, 0]


def test_a_price_needs_an_elasticity_from_whoever_asks() -> None:
    with pytest.raises(Refused) as refused:
        priced(1, 1.1, None, "buy")
    assert refused.value.code == "flywheel_price_needs_elasticity"
    change = priced(1, 2.0, -1.0)
    assert (change.starts, change.reached, change.amount, change.effect) == (0.5, 0.5, 2.0, 1.0)


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_scales_below_nothing_are_refused(bad: float) -> None:
    with pytest.raises(Refused):
        scaled(0, bad)
    with pytest.raises(Refused):
        priced(0, bad, -1.0)


def test_a_touchpoint_that_is_not_there_and_days_that_do_not_come_are_refused() -> None:
    immigrants, state = drive()
    with pytest.raises(Refused) as refused:
        expected_counts(model(), immigrants, state, scaled(3, 0.0))
    assert refused.value.details == {"what": "touchpoint"}
    histories = simulate(model(), touchpoints=POINTS, households=2, seed=1)
    with pytest.raises(Refused):
        coming(histories, model(), 0)
    with pytest.raises(Refused):
        coming(histories, model(), 9, calendar_by_day=np.ones((3, 3)))


def differences(figures: Figures, parameters: Parameters) -> tuple[Floats, Floats, Floats]:
    """F x D x D x K, F x D, F x C x D."""
    step, count = 1e-5, len(figures(parameters, AMOUNTS))
    excitation, baseline = np.empty((count, 3, 3, 2)), np.empty((count, 3))
    amounts = np.empty((count, 2, 3))
    for place in np.ndindex(3, 3, 2):
        add = np.zeros((3, 3, 2))
        add[place] = step
        more = figures(replace(parameters, excitation=parameters.excitation + add), AMOUNTS)
        excitation[:, *place] = (
            more - figures(replace(parameters, excitation=parameters.excitation - add), AMOUNTS)
        ) / 2
    for d in range(3):
        add = np.eye(3)[d] * step
        more = figures(replace(parameters, baseline=parameters.baseline + add), AMOUNTS)
        baseline[:, d] = (more - figures(replace(parameters, baseline=parameters.baseline - add), AMOUNTS)) / 2
    for place in np.ndindex(2, 3):
        add = np.zeros((2, 3))
        add[place] = 0.01
        amounts[:, *place] = (figures(parameters, AMOUNTS + add) - figures(parameters, AMOUNTS - add)) / 0.02
    return excitation / step, baseline / step, amounts


def same(found: Gradient, expected: tuple[Floats, Floats, Floats]) -> bool:
    pairs = zip((found.excitation, found.baseline, found.amounts), expected, strict=True)
    return all(np.allclose(one, other, rtol=1e-5, atol=1e-6 * np.abs(other).max()) for one, other in pairs)


@pytest.mark.parametrize("change", [scaled(0, 0.0), Change(0, effect=0.3, reached=0.5), priced(1, 1.2, -1.5)])
def test_gradients_of_changes_are_those_of_differences(change: Change) -> None:
    parameters = model()
    histories = simulate(parameters, touchpoints=POINTS, households=50, seed=11, sent=[0, 0, 0.05])
    before = coming(histories, parameters, 25)
    after = coming(histories, parameters, 25, scale=households_scale(histories, np.arange(10), 0.5))
    figures = change_figures(before, change, after)
    found = change_gradient(parameters, AMOUNTS, before, change, after)
    assert np.allclose(found.values, figures(parameters, AMOUNTS))
    assert same(found, differences(figures, parameters))


def test_gradients_of_removal_effects_are_those_of_differences() -> None:
    parameters = model()
    seen = watched(
        simulate(parameters, touchpoints=POINTS, households=50, seed=12, sent=[0, 0, 0.05], window=(9, 30)), 2
    )
    figures = removal_effects(seen)
    expected = differences(figures, parameters)
    for touchpoint, found in enumerate(removal_gradient(parameters, AMOUNTS, seen)):
        mine = tuple(each.reshape(2, 3, *each.shape[1:])[:, touchpoint] for each in expected)
        assert np.allclose(found.values, figures(parameters, AMOUNTS).reshape(2, 3)[:, touchpoint])
        assert same(found, (mine[0], mine[1], mine[2]))
