"""Values within so many days: limits, a second derivation, explosive parameters, and gradients by differences."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from setaria.flywheel.answers.horizon import descendants, generator, rates_of_state, within, within_gradient
from setaria.flywheel.answers.value import value
from setaria.flywheel.arrays import Floats
from setaria.flywheel.parameters import Parameters


def drawn(seed: int, number: float, types: int = 4, decays: tuple[float, ...] = (1.0, 1 / 7, 1 / 45)) -> Parameters:
    rng = np.random.default_rng(seed)
    excitation = rng.uniform(0, 1, (types, types, len(decays))) * (rng.uniform(size=(types, types, 1)) < 0.6)
    excitation[0, 0] += 0.1
    made = Parameters(decays=np.array(decays), baseline=np.full(types, 0.01), excitation=excitation)
    return replace(made, excitation=excitation * (number / made.flywheel_number))


AMOUNTS = np.array([[100.0, 0.0, 30.0, 5.0], [0.0, 1.0, 0.0, 0.0]])


def test_within_grows_from_the_own_amount_to_the_value() -> None:
    parameters = drawn(1, 0.7)
    steps = [within(days)(parameters, AMOUNTS) for days in (0.0, 1.0, 30.0, 90.0, 365.0, 20_000.0)]
    assert np.allclose(steps[0], AMOUNTS.ravel())
    assert all(np.all(late >= early - 1e-9) for early, late in itertools.pairwise(steps))
    assert np.allclose(steps[-1], value(parameters, AMOUNTS), rtol=1e-9)


@pytest.mark.parametrize("number", [0.0001, 0.6, 1.0, 1.4])
def test_the_exponential_solves_the_equations_for_any_flywheel_number(number: float) -> None:
    parameters = drawn(2, number)
    moves, counts = generator(parameters), rates_of_state(parameters)
    side = len(moves)

    def slope(_: float, state: Floats) -> Floats:
        return np.concatenate([moves @ state[:side], counts @ state[:side]])

    for kind in range(4):
        begin = np.zeros(side + 4)
        begin[kind * 3 : kind * 3 + 3] = 1.0
        end = solve_ivp(slope, (0.0, 60.0), begin, rtol=1e-9, atol=1e-12, method="DOP853").y[side:, -1]
        assert np.allclose(descendants(parameters, 60.0)[:, kind], end, rtol=1e-6)


def test_one_type_by_hand() -> None:
    # dR = (a b - b) R: N(T) = a b (1 - exp(-b (1 - a) T)) / (b (1 - a)), and a b T at a = 1.
    for a in (0.5, 1.0, 1.5):
        single = Parameters(decays=np.array([0.2]), baseline=np.array([0.1]), excitation=np.array([[[a]]]))
        expected = 0.2 * a * 30 if a == 1.0 else a * (1 - np.exp(-0.2 * (1 - a) * 30)) / (1 - a)
        assert np.isclose(descendants(single, 30.0)[0, 0], expected, rtol=1e-9)


@pytest.mark.parametrize(("number", "days"), [(0.6, 30.0), (0.6, 365.0), (1.2, 90.0)])
def test_gradients_are_those_of_differences(number: float, days: float) -> None:
    parameters = drawn(3, number)
    values, by_excitation, by_amount = within_gradient(parameters, AMOUNTS, days)
    assert np.allclose(values.ravel(), within(days)(parameters, AMOUNTS), rtol=1e-9)
    for place in np.ndindex(4, 4, 3):
        step = np.zeros((4, 4, 3))
        step[place] = 1e-5
        more = within(days)(replace(parameters, excitation=parameters.excitation + step), AMOUNTS)
        less = within(days)(replace(parameters, excitation=parameters.excitation - step), AMOUNTS)
        assert np.allclose(by_excitation[:, :, *place].ravel(), (more - less) / 2e-5, rtol=1e-5, atol=1e-6)
    for kind in range(4):
        more = within(days)(parameters, AMOUNTS + np.eye(4)[kind]).reshape(2, 4)
        assert np.allclose(more - values, by_amount[:, kind])


def test_a_horizon_too_far_for_numbers_is_no_crash() -> None:
    assert not np.isfinite(descendants(drawn(5, 4.0), 10_000.0)).all()
