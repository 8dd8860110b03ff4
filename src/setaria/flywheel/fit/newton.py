"""Projected Newton on the marginal likelihood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from setaria.flywheel.arrays import Flags, Floats
from setaria.flywheel.fit.marginal import SCORE, Marginal, Problem
from setaria.flywheel.fit.quadratic import step

PASSES = 40
LONGEST = 1.5  # of a step in a logarithm
_DRAWN = 2_000  # posterior draws of all households together are enough for a direction
FINER = 4  # times as many, where those were not
HALVINGS = 5
TRIES = 3  # without a rise
_NEAR = 300.0  # nats promised: from here on the information is kept while steps shrink
_ROUNDING = 1e-6  # of the objective: the grids' sums are no finer
_STRETCH = 8.0  # times a step at most
_STEADY = 2.5  # times: a promise that shrinks less asks for new information


@dataclass(frozen=True, slots=True)
class Climbed:
    vector: Floats
    at: Marginal
    passes: int
    gain_left: float  # nats, predicted by the last step


def climb(
    problem: Problem, vector: Floats, *, gain: float = 1e-2, told: Callable[[int, float], None] | None = None
) -> Climbed:
    """Ends when the next step promises less than `gain` nats; `told` hears each pass and its promise."""
    layout = problem.layout
    lower, still = layout.lower(), 0
    logs = np.ones(layout.size, dtype=np.bool_)
    for r in range(len(layout.receivers)):
        logs[layout.excitation_slice(r)] = False
    draws = max(1, -(-_DRAWN // max(problem.households, 1))) if layout.hyper else 0
    now = problem.evaluate(vector, draws=draws)
    information = now.information
    promised, stretch = np.inf, 1.0
    for passed in range(1, PASSES + 1):
        before = promised
        direction, promised = _step(information, now, vector, lower)
        if not now.information.size and promised > before / _STEADY:
            now = problem.evaluate(vector, draws=draws)
            information = now.information
            direction, promised = _step(information, now, vector, lower)
        if told:
            told(passed, promised)
        if promised < gain:
            return Climbed(vector, now, passed, promised)
        direction = _shortened(stretch * direction, logs)
        from_, was = vector, now
        vector, now, rose = _along(problem, vector, direction, now, SCORE if promised < _NEAR else draws)
        if not rose:
            draws *= FINER
            now = problem.evaluate(vector, draws=draws)
        information = now.information if now.information.size else _bent(information, vector - from_, was, now)
        # In a rate or variance near 0 the objective bends up, which no information says: steps grow while they pay.
        pays = rose and float(now.score @ (vector - from_)) > 0.8 * float(was.score @ (vector - from_))
        stretch = min(2 * stretch, _STRETCH) if pays else 1.0
        still = 0 if rose else still + 1
        if still == TRIES:
            return Climbed(vector, now, passed, promised)
    return Climbed(vector, now, PASSES, promised)


def _step(information: Floats, now: Marginal, vector: Floats, lower: Floats) -> tuple[Floats, float]:
    """Where to, and what that promises."""
    direction = step(information, now.score, vector, lower)
    promised = float(now.score @ direction - 0.5 * direction @ information @ direction)
    return direction, promised if promised > 0 else float(now.score @ direction) / 2


def _bent(information: Floats, moved: Floats, was: Marginal, now: Marginal) -> Floats:
    """The information, corrected along the last step by how the score changed there (the BFGS update)."""
    change = was.score - now.score
    pulled = information @ moved
    along, expected = float(change @ moved), float(pulled @ moved)
    if along <= 0.1 * expected or expected <= 0:
        return information
    return information + np.outer(change, change) / along - np.outer(pulled, pulled) / expected


def _along(
    problem: Problem, vector: Floats, direction: Floats, now: Marginal, asked: int
) -> tuple[Floats, Marginal, bool]:
    """As far as the objective rises, or the score says so where it is level up to rounding (Hager and Zhang, SIAM J.
    Optim. 16(1), 2005). Each look moves the grids a little to where posteriors lie: where nothing rises the caller
    looks at the old place again, for what it was compared with may have been a coarser sum."""
    lower, upper = problem.layout.lower(), problem.layout.upper()
    size, along = 1.0, float(now.score @ direction)
    level = now.objective - _ROUNDING * abs(now.objective)
    for _ in range(HALVINGS):
        tried = np.clip(vector + size * direction, lower, upper)
        then = problem.evaluate(tried, draws=asked)
        rose = then.objective >= now.objective + 1e-4 * size * along
        if rose or (then.objective >= level and abs(float(then.score @ direction)) <= 0.9 * along):
            return tried, then, True
        size /= 2
    return vector, now, False


def _shortened(direction: Floats, logs: Flags) -> Floats:
    longest = float(np.abs(direction[logs]).max(initial=0.0))
    return direction * min(1.0, LONGEST / longest) if longest > 0 else direction
