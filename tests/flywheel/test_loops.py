"""Components, cycles, and a derivative of the flywheel number that exists everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from setaria.flywheel.answers.loops import (
    components,
    cycles,
    flywheel_gradient,
    flywheel_number,
    radius,
    radius_gradient,
    strengths,
)
from setaria.flywheel.arrays import Floats
from setaria.flywheel.parameters import Parameters


def parameters(g: Floats, decays: int = 1) -> Parameters:
    return Parameters(
        decays=1.0 / np.arange(1, decays + 1),
        baseline=np.full(len(g), 0.01),
        excitation=np.repeat(g[:, :, None] / decays, decays, axis=2),
    )


def differences(matrix: Floats) -> Floats:
    found = np.zeros_like(matrix)
    for place in np.ndindex(matrix.shape):
        step = np.zeros_like(matrix)
        step[place] = 1e-6
        found[place] = (radius(matrix + step) - radius(matrix - step)) / 2e-6
    return found


def test_a_funnel_has_no_loop_and_no_flywheel_number() -> None:
    funnel = np.zeros((4, 4))
    funnel[1, 0], funnel[2, 1], funnel[3, 2] = 3.0, 0.5, 0.9
    assert components(parameters(funnel)) == []
    assert cycles(parameters(funnel)) == []
    assert flywheel_number(parameters(funnel), np.ones((1, 4)))[0] == pytest.approx(0.0, abs=1e-12)


def test_components_are_found_with_their_strengths_and_the_greatest_is_the_flywheel_number() -> None:
    g = np.zeros((6, 6))
    g[1, 0], g[0, 1] = 0.9, 0.4  # 0 and 1: sqrt(.36) = .6
    g[2, 1] = 2.0  # a way out of it
    g[3, 3] = 0.3
    g[5, 4] = 1.0
    made = parameters(g, 2)
    found = components(made)
    assert [ring.members for ring in found] == [(0, 1), (3,)]
    assert np.allclose([ring.strength for ring in found], [0.6, 0.3])
    assert np.allclose(strengths(found)(made, np.ones((1, 6))), [0.6, 0.3])
    assert np.isclose(flywheel_number(made, np.ones((1, 6)))[0], 0.6)
    assert np.isclose(made.flywheel_number, 0.6)


def test_cycles_come_strongest_first_and_run_the_way_the_children_do() -> None:
    g = np.zeros((4, 4))
    g[1, 0], g[2, 1], g[0, 2] = 0.5, 0.5, 0.5  # 0 -> 1 -> 2 -> 0
    g[3, 0], g[0, 3] = 0.9, 0.1  # .3
    g[2, 2] = 0.2
    made = parameters(g)
    found = cycles(made)
    assert [ring.members for ring in found] == [(0, 1, 2), (0, 3), (2,)]
    assert np.allclose([ring.strength for ring in found], [0.5, 0.3, 0.2])
    assert np.allclose(strengths(found)(made, np.ones((1, 4))), [0.5, 0.3, 0.2])
    assert all(ring.strength <= radius(g) + 1e-12 for ring in found)
    assert [ring.members for ring in cycles(made, most=1)] == [(0, 1, 2)]
    assert [ring.members for ring in cycles(made, least=0.4)] == [(0, 1, 2)]


def test_cycles_of_a_full_matrix_are_those_of_trying_all() -> None:
    g = np.random.default_rng(1).uniform(0, 0.3, (5, 5))
    tried: dict[tuple[int, ...], float] = {}
    for length in range(1, 6):
        for path in np.ndindex(*([5] * length)):
            if len(set(path)) == length and path[0] == min(path):
                steps = [g[path[(i + 1) % length], path[i]] for i in range(length)]
                tried[path] = float(np.prod(steps) ** (1 / length))
    best = sorted(tried, key=lambda path: -tried[path])[:12]
    assert [ring.members for ring in cycles(parameters(g), most=12)] == best


@pytest.mark.parametrize("number", [0.3, 0.95, 1.5])
def test_the_gradient_of_a_simple_radius_is_that_of_differences(number: float) -> None:
    g = np.random.default_rng(2).uniform(0, 1, (6, 6))
    g *= number / radius(g)
    assert np.allclose(radius_gradient(g), differences(g), atol=1e-7)
    reducible = np.triu(g)
    reducible[0, 0] += 1.0
    assert np.allclose(radius_gradient(reducible), differences(reducible), atol=1e-7)
    by_entry = flywheel_gradient(parameters(g, 3))
    assert by_entry.shape == (6, 6, 3)
    assert np.allclose(by_entry[:, :, 2], differences(g), atol=1e-7)


@pytest.mark.parametrize(
    "matrix",
    [
        np.zeros((3, 3)),
        np.array([[0.0, 1.0], [0.0, 0.0]]),  # nilpotent: sqrt at its branch point
        np.array([[0.4, 1.0], [0.0, 0.4]]),  # defective
        np.diag([0.4, 0.4, 0.1]),  # twice the same
        np.array([[0.0, -0.3], [0.3, 0.0]]),  # a complex pair, as one-step estimates may have
    ],
)
def test_the_gradient_is_finite_and_that_of_the_groups_mean_where_one_eigenvalue_has_none(matrix: Floats) -> None:
    gradient = radius_gradient(matrix)
    assert np.all(np.isfinite(gradient))
    assert np.abs(gradient).max() <= 1.0

    def mean_of_group(changed: Floats) -> float:
        values = np.linalg.eigvals(changed).real
        size = int((np.linalg.eigvals(matrix).real >= radius(matrix) - 1e-3).sum())
        return float(np.sort(values)[-size:].mean())

    for place in np.ndindex(matrix.shape):
        step = np.zeros_like(matrix)
        step[place] = 1e-6
        slope = (mean_of_group(matrix + step) - mean_of_group(matrix - step)) / 2e-6
        assert np.isclose(gradient[place], slope, atol=1e-4), place
    assert radius_gradient(np.zeros((0, 0))).shape == (0, 0)
