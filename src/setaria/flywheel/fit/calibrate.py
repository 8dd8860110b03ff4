"""A fit that takes experiments by lot into account.

The fit's one-step estimate v has covariance S; the lots say t of effects that the model puts at g(v), with slope J. Of
the same households, they err together: C = cov(v, t). Their distance r = t - g(v) has variance

    Q = V + J S J' - J C - C' J'

and r^2 / Q tests the model (Hausman, Econometrica 46(6), 1978). What r^2 has beyond Q is laid to the model as a bias of
that variance, W, along K0 = S J' (J S J')^-1, the way by which the data themselves would move v. The best linear
combination is then v + K r with

    K = (S J' - C + K0 W) (Q + W)^-1

(minimum distance; Imbens and Lancaster, Review of Economic Studies 61(4), 1994). Where the model agrees the two are
weighed by their precision; where it does not, the lots have the word. No interval can be shorter than the lots' own and
hold whatever the model's bias is (Armstrong, Kline, Sun, Econometrica 93(6), 2025), so the intervals are those of a
bias of mean square r^2 + Q: what the lots say of it, and how surely. Lots that could tell neither themselves nor the
model from nothing, nor one from the other, would only widen it all: they are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from scipy import stats

from setaria.facts.refused import Refused
from setaria.flywheel.arrays import Flags, Floats, Texts
from setaria.flywheel.fit.fitted import NORMAL, Figures, Fitted, Influence
from setaria.flywheel.fit.flywheel import amount_scores
from setaria.flywheel.fit.marginal import LIKELIHOOD, Problem
from setaria.flywheel.fit.newton import LONGEST
from setaria.flywheel.fit.quadratic import even, inverse, step
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import Estimate, Parameters

_FIRM: Final = 1e4  # how much more the effects weigh than how near the optimum is
_LEAST: Final = 1e-6  # of V and J S J' together: Q is not taken for less


@dataclass(frozen=True, slots=True)
class Lots:
    """Effects that were measured by lot, E of them, and what the model would say in their place.

    `influence`: each household's part in the error of each effect, so that over all households its outer products add
    up to `covariance`; households without a row took no part in that.
    """

    effects: Floats  # E
    covariance: Floats  # E x E
    households: Texts
    influence: Floats  # as many x E
    figures: Figures  # E


@dataclass(frozen=True, slots=True)
class Calibrated:
    fitted: Fitted
    before: list[Estimate]  # the model's effects as they were
    after: list[Estimate]
    used: Flags  # E: not left out
    agree: Floats  # E: the chance of lots so far from a model that is right


def calibrate(fitted: Fitted, problem: Problem, lots: Lots) -> Calibrated:
    """`problem` is the one that was fitted. Raises Refused where the model says of no effect how sure it is."""
    if fitted.influence is None or not fitted.influence.turn.size:
        raise Refused("flywheel_calibrate_no_intervals")
    center, slope = fitted.linear(lots.figures)
    free = np.arange(slope.shape[1]) < fitted.layout.size  # mean amounts are what was seen
    joint = _Joint.of(fitted.influence, slope, lots.covariance, _together(fitted, problem, lots), free)
    apart = lots.effects - center
    agree = stats.chi2.sf(apart**2 / np.diag(joint.apart), 1)
    before = fitted.estimates(lots.figures)
    used = _telling(lots, center)
    if not used.any():
        return Calibrated(fitted, before, before, used, agree)
    moved = _moved(fitted, lots.effects[used], apart[used], _of(lots.figures, used), joint.of_effects(used))
    moved = replace(moved, log_likelihood=problem.evaluate(moved.vector, draws=LIKELIHOOD).likelihood)
    return Calibrated(moved, before, moved.estimates(lots.figures), used, agree)


def _telling(lots: Lots, center: Floats) -> Flags:
    most = np.max(np.abs([lots.effects, center, lots.effects - center]), axis=0)
    telling: Flags = most >= NORMAL * np.sqrt(np.diag(lots.covariance))
    return telling


def _of(figures: Figures, used: Flags) -> Figures:
    def chosen(parameters: Parameters, mean_amounts: Floats) -> Floats:
        return np.atleast_1d(figures(parameters, mean_amounts))[used]

    return chosen


def _moved(fitted: Fitted, effects: Floats, apart: Floats, figures: Figures, joint: _Joint) -> Fitted:
    """`apart`: the effects less what the one-step estimate says of them."""
    assert fitted.influence is not None
    chance = np.diag(joint.apart)
    bias = joint.biases(np.maximum(apart**2 - chance, 0.0))
    gain = joint.gain(bias)
    covariance = joint.covariance(gain, joint.biases(apart**2 + chance))
    vector = _constrained(fitted, effects, figures, joint, bias)
    move = gain @ apart
    move[: fitted.layout.size] = _shortened(fitted, move[: fitted.layout.size])
    return replace(
        fitted,
        parameters=fitted.layout.parameters(vector, fitted.parameters.decays),
        vector=vector,
        influence=replace(fitted.influence, vector=fitted.influence.vector + move, covariance=covariance),
    )


def _together(fitted: Fitted, problem: Problem, lots: Lots) -> Floats:
    """C: of the vector and the mean amounts (rows) with the lots' effects."""
    assert fitted.influence is not None
    places = {name: row for row, name in enumerate(lots.households)}
    scores = partial(_scores, fitted.mean_amounts, places, lots.influence)
    meat = problem.evaluate(fitted.vector, meat=scores).meat
    effects = len(lots.effects)
    made: Floats = fitted.influence.turn @ meat[:-effects, -effects:]
    return made


def _scores(mean_amounts: Floats, places: dict[str, int], influence: Floats, part: Histories) -> Floats:
    """What each household's score is widened by: its parts in the mean amounts and in the lots' effects."""
    rows = np.array([places.get(name, -1) for name in part.households], dtype=np.int64)
    mine = np.where(rows[:, None] >= 0, influence[np.maximum(rows, 0)], 0.0) if len(influence) else 0.0
    return np.hstack([amount_scores(mean_amounts, part), np.broadcast_to(mine, (len(part), influence.shape[1]))])


@dataclass(frozen=True, slots=True)
class _Joint:
    """Of the vector and the lots: S, J (E x places), V, C and Q. What is not `free` stays where it is."""

    spread: Floats
    slope: Floats
    lots: Floats
    together: Floats
    apart: Floats
    free: Flags

    @classmethod
    def of(cls, influence: Influence, slope: Floats, lots: Floats, together: Floats, free: Flags) -> _Joint:
        spread = influence.covariance
        model, both = slope @ spread @ slope.T, slope @ together
        if np.any(np.diag(model) <= 0):
            raise Refused("flywheel_calibrate_unrelated")
        apart = lots + model - both - both.T
        least = _LEAST * (np.diag(lots) + np.diag(model))
        apart += np.diag(np.maximum(least - np.diag(apart), 0.0))
        return cls(spread, slope, lots, together, apart, free)

    def of_effects(self, used: Flags) -> _Joint:
        square = np.ix_(used, used)
        return _Joint(
            self.spread, self.slope[used], self.lots[square], self.together[:, used], self.apart[square], self.free
        )

    def along(self) -> Floats:
        """K0."""
        moves = (self.spread @ self.slope.T) * self.free[:, None]
        return _right_divided(moves, self.slope @ moves)

    def gain(self, bias: Floats) -> Floats:
        moves = (self.spread @ self.slope.T - self.together) * self.free[:, None]
        return _right_divided(moves + self.along() @ bias, self.apart + bias)

    def biases(self, variances: Floats) -> Floats:
        """W: correlated as the distances are, so that one effect measured twice is one bias."""
        scale = np.sqrt(variances / np.diag(self.apart))
        made: Floats = self.apart * np.outer(scale, scale)
        return made

    def covariance(self, gain: Floats, bias: Floats) -> Floats:
        """Of v + K r for any K, so that it is never negative."""
        keep = np.eye(len(gain)) - gain @ self.slope
        cross = keep @ self.together @ gain.T
        left = self.along() - gain
        own: Floats = keep @ self.spread @ keep.T
        whole: Floats = own + gain @ self.lots @ gain.T + left @ bias @ left.T + cross + cross.T
        return even(whole)


def _right_divided(left: Floats, matrix: Floats) -> Floats:
    """left matrix^-1, where two effects are the same the shorter of all answers."""
    return np.asarray(np.linalg.lstsq(matrix.T, left.T, rcond=1e-12)[0].T, dtype=np.float64)


def _constrained(fitted: Fitted, effects: Floats, figures: Figures, joint: _Joint, bias: Floats) -> Floats:
    """Of what the bounds allow, the nearest to the optimum (by S) that says what the combination says of the effects,
    or comes as near to that as there is a way."""
    size = fitted.layout.size
    low, high = fitted.layout.lower(), fitted.layout.upper()
    slope, spread = joint.slope[:, :size], joint.spread[:size, :size]
    apart = effects - np.atleast_1d(figures(fitted.parameters, fitted.mean_amounts))
    target = slope @ (joint.gain(bias) @ apart)[:size]
    loose = np.diag(spread) > 0
    slope, weight = slope[:, loose], _FIRM / np.diag(joint.slope @ joint.spread @ joint.slope.T)
    information = inverse(spread[np.ix_(loose, loose)]) + (slope.T * weight) @ slope
    move = np.zeros(size)
    move[loose] = step(information, slope.T @ (weight * target), fitted.vector[loose], low[loose])
    return np.clip(fitted.vector + _shortened(fitted, move), low, high)


def _shortened(fitted: Fitted, move: Floats) -> Floats:
    """Logarithms move by no more than in a Newton step: of what hardly happens they are hardly known."""
    made = np.clip(move, -LONGEST, LONGEST)
    for r in range(len(fitted.layout.receivers)):
        at = fitted.layout.excitation_slice(r)
        made[at] = move[at]
    return made
