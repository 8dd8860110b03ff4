"""Small simulated histories whose truth is known."""

from __future__ import annotations

import numpy as np

from setaria.flywheel.histories.histories import Histories, Touchpoint
from setaria.flywheel.parameters import Parameters
from setaria.flywheel.simulate.branching import simulate


def truth(
    *,
    types: int = 3,
    number: float = 0.4,
    shared: float = 0.0,
    own: float = 0.0,
    churn: float = 0.0,
    rates: tuple[float, ...] = (1 / 7,),
    mu: float = 0.004,
    seed: int = 1,
) -> Parameters:
    """A random branching matrix with this spectral radius; its entries spread evenly over the decays."""
    source = np.random.default_rng(seed)
    matrix = source.exponential(size=(types, types)) * (source.random((types, types)) < 0.7)
    radius = np.abs(np.linalg.eigvals(matrix)).max()
    matrix = matrix * number / radius if number and radius > 0 else np.zeros((types, types))
    excitation = np.repeat(matrix[:, :, None], len(rates), axis=2) / len(rates)
    return Parameters(
        np.array(rates),
        np.full(types, mu),
        excitation,
        shared_variance=shared,
        own_variance=np.full(types, own) if own else np.zeros(0),
        churn_rate=churn,
    )


def world(parameters: Parameters, households: int = 1500, *, seed: int = 1, sends: int = 0, **how: object) -> Histories:
    """A touchpoint a type; the last `sends` are source-only."""
    types = len(parameters.baseline)
    touchpoints = [Touchpoint(f"type {d}", d < types - sends) for d in range(types)]
    return simulate(
        parameters,
        touchpoints=touchpoints,
        households=households,
        window=(300.0, 600.0),
        seed=seed,
        amounts=np.linspace(500, 5000, types),
        **how,  # type: ignore[arg-type]  # passed on as given
    )
