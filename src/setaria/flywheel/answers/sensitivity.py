"""Derivatives of what-if answers by all parameters at once, for intervals by the delta method.

Differences would move the state through all days for each of D D K entries; this does so once forwards and once
backwards. With W_d(t) what one more fact of d is worth in t days, own amount included, and R(t) the expected state,
both after the change, the expected amounts up to day T have the derivatives

    by excitation[d, s, k]: integral of W_d(T - t) decay_k R[s, k](t)
    by baseline[d]:         integral of W_d(T - t) exposure_d(t)

for an entry of the excitation adds facts of d at the rate decay_k R[s, k](t), and each is worth W_d in the days left
(the adjoint method: Pontryagin's costate of the linear system). Integrals by six Gauss-Legendre nodes in each day,
within which all is smooth. The rate of silence, factors and calendar are in the exposure and held fixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg import expm

from setaria.flywheel.answers.horizon import generator, rates_of_state
from setaria.flywheel.answers.whatif import Change, Coming, changed, expected_counts, scaled, started, worth_of
from setaria.flywheel.arrays import Floats
from setaria.flywheel.parameters import Parameters

NODES: Final = 6


@dataclass(frozen=True, slots=True)
class Gradient:
    """F figures and their derivatives."""

    values: Floats  # F
    excitation: Floats  # F x D x D x K
    baseline: Floats  # F x D
    amounts: Floats  # F x C x D

    def times(self, factor: Floats) -> Gradient:
        """Each figure times its own factor."""
        return Gradient(
            values=self.values * factor,
            excitation=self.excitation * factor[:, None, None, None],
            baseline=self.baseline * factor[:, None],
            amounts=self.amounts * factor[:, None, None],
        )

    def minus(self, other: Gradient) -> Gradient:
        return Gradient(
            values=self.values - other.values,
            excitation=self.excitation - other.excitation,
            baseline=self.baseline - other.baseline,
            amounts=self.amounts - other.amounts,
        )


def path_gradient(
    parameters: Parameters, mean_amounts: Floats, ahead: Coming, change: Change | None = None
) -> Gradient:
    """Of the expected amounts over all the days, `whatif.path` at its last: a figure a currency."""
    change = Change(0) if change is None else change
    at = change.touchpoint
    immigrants = started(ahead.immigrants(parameters), change)
    worth = worth_of(mean_amounts, change)
    _, weights = _nodes()
    past, new = _states(parameters, immigrants, ahead.state, change)
    left = _worth_left(changed(parameters, change), worth, len(immigrants))[::-1, ::-1]
    new[:, :, at] *= change.effect
    entries = np.einsum("i,nicd,nisk->cdsk", weights, left, past + new, optimize=True) * parameters.decays
    entries[:, at] *= change.reached
    bases = np.einsum("i,nicd,nd->cd", weights, left, ahead.exposure)
    bases[:, at] *= change.starts
    counts = expected_counts(parameters, ahead.immigrants(parameters), ahead.state, change).sum(axis=0)
    ratio = np.where(np.arange(len(counts)) == at, change.amount, 1.0)
    return Gradient(
        values=worth @ counts,
        excitation=entries,
        baseline=bases,
        amounts=np.eye(len(worth))[:, :, None] * (counts * ratio),
    )


def change_gradient(
    parameters: Parameters,
    mean_amounts: Floats,
    before: Coming,
    change: Change | None = None,
    after: Coming | None = None,
) -> Gradient:
    """Of `whatif.change_figures`: a figure a currency."""
    then = path_gradient(parameters, mean_amounts, before if after is None else after, change)
    return then.minus(path_gradient(parameters, mean_amounts, before))


def removal_gradient(parameters: Parameters, mean_amounts: Floats, seen: Coming) -> list[Gradient]:
    """Of `whatif.removal_effects`: for each touchpoint, a figure a currency. share = 1 - without / whole."""
    whole = path_gradient(parameters, mean_amounts, seen)
    found = []
    for touchpoint in range(mean_amounts.shape[1]):
        rest = path_gradient(parameters, mean_amounts, seen, scaled(touchpoint, 0.0))
        over = np.divide(1.0, whole.values, out=np.full(len(whole.values), np.nan), where=whole.values > 0)
        found.append(whole.times(rest.values * over * over).minus(rest.times(over)))
        shares = 1.0 - rest.values * over
        found[-1] = Gradient(shares, found[-1].excitation, found[-1].baseline, found[-1].amounts)
    return found


def _nodes() -> tuple[Floats, Floats]:
    """Places in a day and their weights; the places are symmetric about noon."""
    places, weights = np.polynomial.legendre.leggauss(NODES)
    return (places + 1.0) / 2.0, weights / 2.0


def _states(parameters: Parameters, immigrants: Floats, state: Floats, change: Change) -> tuple[Floats, Floats]:
    """days x nodes x D x K: what is left of the facts before, and the state of the coming ones."""
    types, decays = len(parameters.excitation), parameters.decays
    side, days = types * len(decays), len(immigrants)
    places, _ = _nodes()
    lent = rates_of_state(changed(parameters, Change(change.touchpoint, reached=change.reached)))
    adds = np.repeat(np.eye(types), len(decays), axis=0)
    whole = np.zeros((2 * side + types, 2 * side + types))
    whole[:side, :side] = -np.diag(np.tile(decays, types))
    whole[side : 2 * side, :side] = adds @ lent
    whole[side : 2 * side, side : 2 * side] = generator(changed(parameters, change))
    whole[side : 2 * side, 2 * side :] = adds
    steps = np.array([expm(whole * place)[: 2 * side] for place in (*places, 1.0)])
    now = np.concatenate([state.ravel(), np.zeros(side)])
    seen = np.empty((days, NODES, 2 * side))
    for day, rate in enumerate(immigrants):
        reached = steps @ np.concatenate([now, rate])
        seen[day], now = reached[:-1], reached[-1]
    shape = (days, NODES, types, len(decays))
    return seen[:, :, :side].reshape(shape), seen[:, :, side:].reshape(shape)


def _worth_left(parameters: Parameters, worth: Floats, days: int) -> Floats:
    """days x nodes x C x D: W at each node of each day left. dw/dt = M^T w + L^T m, W_d = m_d + sum_k w_dk."""
    types, decay_count = len(parameters.excitation), len(parameters.decays)
    side, currencies = types * decay_count, len(worth)
    places, _ = _nodes()
    whole = np.zeros((side + currencies, side + currencies))
    whole[:side, :side] = generator(parameters).T
    whole[:side, side:] = rates_of_state(parameters).T @ worth.T
    steps = np.array([expm(whole * place)[:side] for place in (*places, 1.0)])
    now, seen = np.zeros((side, currencies)), np.empty((days, NODES, side, currencies))
    for day in range(days):
        reached = steps[:, :, :side] @ now + steps[:, :, side:]
        seen[day], now = reached[:-1], reached[-1]
    by_type = seen.reshape(days, NODES, types, decay_count, currencies).sum(axis=3)
    left: Floats = by_type.transpose(0, 1, 3, 2) + worth
    return left
