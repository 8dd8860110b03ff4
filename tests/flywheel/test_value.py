"""What a fact brings: closed form beside the sum of generations and beside simulated families."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from setaria.flywheel.answers.value import indirect, progeny, value
from setaria.flywheel.parameters import Parameters
from setaria.flywheel.simulate.branching import Families, grow_households


def drawn(seed: int, types: int, number: float) -> Parameters:
    """Two decays, half of the links absent, the last type source-only; of the stated flywheel number."""
    rng = np.random.default_rng(seed)
    excitation = rng.uniform(0, 1, (types, types, 2)) * (rng.uniform(size=(types, types, 1)) < 0.5)
    excitation[0, 0] += 0.1
    excitation[-1] = 0.0
    made = Parameters(decays=np.array([1.0, 0.1]), baseline=rng.uniform(0, 0.1, types), excitation=excitation)
    scaled = excitation * (number / made.flywheel_number)
    return Parameters(decays=made.decays, baseline=made.baseline, excitation=scaled)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), types=st.integers(2, 8), number=st.floats(0.01, 0.9), currencies=st.integers(1, 3))
def test_value_is_the_sum_over_generations(seed: int, types: int, number: float, currencies: int) -> None:
    parameters = drawn(seed, types, number)
    amounts = np.random.default_rng(seed + 1).uniform(0, 1000, (currencies, types))
    total, generation = np.zeros_like(amounts), amounts.copy()
    for _ in range(600):
        total += generation
        generation = generation @ parameters.branching
    found = value(parameters, amounts).reshape(amounts.shape)
    assert np.allclose(found, total, rtol=1e-9)
    assert np.allclose(indirect(parameters, amounts).reshape(amounts.shape), total - amounts, rtol=1e-9, atol=1e-9)
    assert np.all(found >= amounts - 1e-9)


def test_a_funnel_by_hand_and_what_the_brand_sends() -> None:
    # A mail leads to .2 visits, a visit to .5 orders, an order to .1 visits.
    g = np.zeros((3, 3, 1))
    g[1, 0], g[2, 1], g[1, 2] = 0.2, 0.5, 0.1
    parameters = Parameters(decays=np.array([1.0]), baseline=np.array([0.0, 0.1, 0.0]), excitation=g)
    order = 1 / (1 - 0.05)
    amounts = np.array([[0.0, 0.0, 1000.0], [0.0, 7.0, 0.0]])
    expected = np.array([[0.1 * order, 0.5 * order, order], [0.2 * order * 0.007, order * 0.007, 0.1 * order * 0.007]])
    assert np.allclose(value(parameters, amounts), 1000 * expected.ravel())


def test_simulated_families_have_the_stated_sizes() -> None:
    parameters = drawn(3, 4, 0.6)
    runs, expected = 20_000, progeny(parameters)
    for kind in range(4):
        first = np.einsum("dsk,s->dk", parameters.excitation, np.eye(4)[kind])
        grown = grow_households(
            Families.of(parameters),
            rates=np.zeros((runs, 4)),
            receives=np.ones(4, dtype=np.bool_),
            silent=np.full(runs, np.inf),
            lengths=np.full(runs, 1e5),
            initial=first,
            seed=kind,
        )
        owner = np.repeat(np.arange(runs), np.diff(grown.offsets))
        counts = np.bincount(owner * 4 + grown.kinds, minlength=runs * 4).reshape(runs, 4)
        error = counts.std(axis=0) / np.sqrt(runs)
        assert np.all(np.abs(counts.mean(axis=0) - (expected[:, kind] - np.eye(4)[kind])) <= 4.5 * error + 1e-12)


def test_where_families_need_not_end_there_is_no_value_without_a_horizon() -> None:
    for number in (1.0, 1.3):
        assert np.isnan(value(drawn(4, 3, number), np.ones((1, 3)))).all()
