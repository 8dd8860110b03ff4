"""What would be absent without a touchpoint: beside differences of the closed form, and in its signs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from setaria.flywheel.answers.removal import ahead_of, calendar_by_day, estimate_with_gradient, removals, slopes
from setaria.flywheel.answers.sensitivity import change_gradient
from setaria.flywheel.answers.whatif import change_figures, scaled
from setaria.flywheel.arrays import Floats
from setaria.flywheel.calendar import Calendar
from setaria.flywheel.fit.fitted import Fitted, Influence
from setaria.flywheel.fit.layout import Layout
from setaria.flywheel.histories.histories import Histories, Touchpoint
from setaria.flywheel.parameters import Parameters, Specification
from setaria.flywheel.simulate.branching import simulate

POINTS = (Touchpoint("visit"), Touchpoint("buy"), Touchpoint("mail", receives=False), Touchpoint("idle"))


def parameters(calendar: Floats | None = None) -> Parameters:
    excitation = np.zeros((4, 4, 2))
    excitation[0, 0] = [0.1, 0.1]
    excitation[1, 0] = [0.2, 0.1]
    excitation[0, 1] = [0.0, 0.3]
    excitation[0, 2] = [0.3, 0.0]
    made = np.zeros((4, 0)) if calendar is None else calendar
    return Parameters(np.array([1.0, 1 / 20]), np.array([0.03, 0.01, 0.0, 0.02]), excitation, made)


@pytest.fixture(scope="module")
def histories() -> Histories:
    return simulate(
        parameters(),
        touchpoints=POINTS,
        households=60,
        seed=5,
        window=(100.0, 100.0),
        amounts=[0.0, 5000.0, 0.0, 0.0],
        sent=[0.0, 0.0, 0.02, 0.0],
    )


def fitted(histories: Histories, calendar: Calendar | None = None) -> Fitted:
    first, last = int(histories.start.min()), int(histories.end.max()) + 1
    calendar = calendar or Calendar.none(first, last)
    weights = np.full((4, len(calendar.names)), 0.1)
    layout = Layout(np.array([0, 1, 3]), 4, 2, len(calendar.names), 0, shared=True, churn=False, own=False)
    vector = layout.vector(parameters(weights))
    amounts = np.array([[0.0, 5000.0, 0.0, 0.0]])
    size = layout.size + amounts.size
    spread = np.random.default_rng(1).normal(size=(size, size)) * 1e-3
    influence = Influence(np.concatenate([vector, amounts.reshape(-1)]), spread @ spread.T)
    return Fitted(
        Specification(decays=(1.0, 1 / 20)),
        layout.parameters(vector, np.array([1.0, 1 / 20])),
        amounts,
        0.0,
        1,
        layout,
        calendar,
        vector,
        influence=influence,
    )


def test_intervals_are_those_of_differences_one_by_one(histories: Histories) -> None:
    fit = fitted(histories)
    ahead = ahead_of(histories, fit, 20)
    gradient = change_gradient(fit.parameters, fit.mean_amounts, ahead, scaled(0, 0.0))
    (quick,) = estimate_with_gradient(fit, gradient)
    (slow,) = fit.estimates(change_figures(ahead, scaled(0, 0.0)))
    assert quick.value == pytest.approx(slow.value, rel=1e-9)
    assert quick.error == pytest.approx(slow.error, rel=1e-4)
    assert (quick.low, quick.high) == pytest.approx((slow.low, slow.high), rel=1e-4)
    assert slopes(fit, gradient).shape == (1, fit.layout.size + 4)


def test_what_is_expected_lies_within_its_interval_where_a_bound_holds_the_optimum(histories: Histories) -> None:
    fit = fitted(histories)
    ahead = ahead_of(histories, fit, 20)
    gradient = change_gradient(fit.parameters, fit.mean_amounts, ahead, scaled(0, 0.0))
    assert fit.influence is not None
    for shift, held in ((-0.9, "low"), (0.9, "high")):  # of the mean amount of a purchase
        vector = fit.influence.vector * np.where(np.arange(len(fit.influence.vector)) < fit.layout.size, 1, 1 + shift)
        (found,) = estimate_with_gradient(replace(fit, influence=replace(fit.influence, vector=vector)), gradient)
        assert found.low <= found.value <= found.high
        assert found.value == getattr(found, held)


def test_what_leads_to_purchases_is_missed_and_what_does_not_is_not_listed(histories: Histories) -> None:
    found = removals(histories, fitted(histories), 0)
    assert [each.name for each in found] == ["buy", "visit", "mail"]
    for each in found:
        assert each.scale == 0.0
        assert each.days[0] == 0.0
        assert each.days[-1] == 180.0
        assert len(each.days) == len(each.before) == len(each.after)
        assert np.all(np.diff(each.before) > 0)
        assert each.change.value == pytest.approx(each.after[-1] - each.before[-1])
        assert each.change.low < each.change.value < each.change.high <= 0.0
    assert found[0].after[-1] == pytest.approx(0.0, abs=1e-6)


def test_posteriors_of_households_are_used(histories: Histories) -> None:
    fit = fitted(histories)
    quiet = replace(fit, living=np.zeros((len(histories), 4)))
    assert removals(histories, quiet, 0)[0].before[-1] < 0.5 * removals(histories, fit, 0)[0].before[-1]


def test_the_coming_days_have_the_fits_calendar(histories: Histories) -> None:
    first, last = int(histories.start.min()), int(histories.end.max()) + 1
    calendar = Calendar.design(first, last)
    fit = fitted(histories, calendar)
    assert calendar.names
    factors = calendar_by_day(fit, last - 6, 14)
    assert factors is not None
    assert factors.shape == (14, 4)
    # The last seven days of the fit, as it had them; then the same weekdays again.
    assert factors[:7] == pytest.approx(np.exp(calendar.features[-7:] @ fit.parameters.calendar.T))
    assert calendar_by_day(fitted(histories), last, 5) is None


def test_without_amounts_there_is_nothing_to_say(histories: Histories) -> None:
    assert removals(histories, replace(fitted(histories), mean_amounts=np.zeros((1, 4))), 0) == []
