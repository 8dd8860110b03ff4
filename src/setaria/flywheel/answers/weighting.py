"""The weighting of an experiment's outcomes: one arm against the control, with its influence function.

`weights` and `effect` are two forms of the same estimate: the second has the error as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from setaria.flywheel.arrays import Flags, Floats, Whole
from setaria.flywheel.parameters import Estimate


@dataclass(frozen=True, slots=True)
class Effect:
    """Of one arm against the control. `parts`: each unit's in the error, whose square is that of their cluster sums."""

    value: float
    error: float
    degrees: int  # Student's
    parts: Floats


def effect(
    outcome: Floats, arm: Whole, treated: int, probability: Floats, design: Floats | None, cluster: Whole
) -> Effect:
    """The mean effect of arm `treated` against arm 0."""
    n = len(outcome)
    value, degrees = 0.0, n
    influence = np.zeros(n)
    for sign, number in ((1.0, treated), (-1.0, 0)):
        mine = arm == number
        fitted, scale = np.zeros(n), np.ones(n)
        if design is not None:
            fitted, scale = _fitted(outcome, mine, probability, design)
        rest = np.where(mine, (outcome - fitted) / probability, 0.0)
        value += sign * float((fitted + rest).mean())
        influence += sign * (fitted + scale * rest)
        degrees = min(degrees, len(np.unique(cluster[mine])) - 1)
    clusters = len(np.unique(cluster))
    parts = (influence - influence.mean()) * np.sqrt(clusters / max(clusters - 1, 1)) / n
    error = float(np.sqrt((np.bincount(cluster, parts) ** 2).sum()))
    return Effect(value, error, degrees, parts)


def _fitted(outcome: Floats, mine: Flags, probability: Floats, design: Floats) -> tuple[Floats, Floats]:
    """The arm's model at all units, and what its residuals are short by: 1 / (1 - leverage), as in HC3 (MacKinnon,
    White, Journal of Econometrics 29, 1985), without which few units of great weight pass for certainty."""
    weight = 1 / probability[mine]
    inverse = np.linalg.pinv(design[mine].T @ (design[mine] * weight[:, None]))
    scale = np.ones(len(outcome))
    leverage = weight * np.einsum("ij,jk,ik->i", design[mine], inverse, design[mine])
    scale[mine] = 1 / np.maximum(1 - leverage, 1e-3)
    return design @ (inverse @ (design[mine].T @ (weight * outcome[mine]))), scale


def interval(found: Effect) -> Estimate:
    from scipy import stats

    half = float(stats.t.ppf(0.975, found.degrees)) * found.error
    return Estimate(found.value, found.value - half, found.value + half, found.error)


def weights(arm: Whole, treated: int, probability: Floats, design: Floats | None) -> Floats:
    """n, of which the sum over an outcome is the `effect` of arm `treated`: the estimate is linear in the outcome."""
    n = len(arm)
    made = np.zeros(n)
    for sign, number in ((1.0, treated), (-1.0, 0)):
        mine = arm == number
        inverse = 1 / probability[mine]
        if design is None:
            made[mine] += sign * inverse / n
            continue
        x = design[mine]
        bread = np.linalg.pinv(x.T @ (x * inverse[:, None]))
        # sum_i x_i b, with b the arm's fit, and the weighted residuals y - x b.
        lent = (design.sum(axis=0) - (x * inverse[:, None]).sum(axis=0)) @ bread
        made[mine] += sign * inverse * (1.0 + x @ lent) / n
    return made
