"""What only households that were not fitted can say: which decays, and how well each specification foretells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from setaria.flywheel.arrays import Floats
from setaria.flywheel.fit.flywheel import parameters_of, problem_of, shrunk
from setaria.flywheel.fit.naive import fit_naive
from setaria.flywheel.fit.newton import climb
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import DECAYS, Parameters, Specification

FITTED = 2_400  # households at most; a quarter as many again are held out
_SEED = 1971


def split(histories: Histories, most: int = FITTED) -> tuple[list[Histories], int]:
    """Parts of households in a seeded order, and how many of the parts are for fitting; the rest are held out."""
    order = np.random.default_rng(_SEED).permutation(len(histories)).astype(np.int64)
    fitted = min(most, int(0.8 * len(histories)))
    held = max(1, min(len(histories) - fitted, fitted // 4))
    return [histories.take(order[:fitted]), histories.take(order[fitted : fitted + held])], 1


def held_out(
    parts: Sequence[Histories],
    fitted: int,
    specification: Specification,
    rates: Floats,
    start: Parameters | None = None,
) -> tuple[Floats, Parameters]:
    """Log-likelihoods of the households of the parts from `fitted` on, and the parameters found on those before."""
    problem, _ = problem_of(parts, specification, rates)
    train, test = problem.part(range(fitted)), problem.part(range(fitted, len(parts)))
    if start is None:
        naive = fit_naive(parts[:fitted], problem.decays)
        start = shrunk(parameters_of(naive, problem.layout, rates), specification)
    found = climb(train, problem.layout.vector(start), gain=0.5)
    return test.household_likelihoods(found.vector), problem.layout.parameters(found.vector, rates)


def choose_decays(histories: Histories, told: Callable[[str, float], None] | None = None) -> tuple[float, ...]:
    """One to three of DECAYS, added one at a time while held-out households gain, with shared frailty.

    A gain within one standard error, over households, is no reason for one more decay. With too few households to hold
    any out: a week and a month and a half.
    """
    parts, fitted = split(histories)
    if len(histories) < 50 or not parts[1].counted.any():
        return DECAYS[1:3]
    specification = Specification(shared=True, own=False, churn=False, calendar=False)
    chosen: tuple[float, ...] = ()
    best = np.zeros(0)  # log-likelihoods of the held-out households
    # A decay that hardly ends within a window cannot be told from households that differ.
    window = float(np.median(histories.end - histories.start))
    asked = [each for each in DECAYS if 1 / each <= window / 2] or [DECAYS[0]]
    for size in (1, 2, 3):
        ways = [each for each in combinations(asked, size) if set(chosen) <= set(each)]
        if not ways:
            break
        values = []
        for at, way in enumerate(ways):
            if told:
                told("flywheel.progress_decays", (size - 1 + at / len(ways)) / 3)
            values.append(held_out(parts, fitted, specification, np.array(way))[0])
        most = int(np.argmax([each.sum() for each in values]))
        if chosen and not _surely(values[most] - best):
            break
        best, chosen = values[most], ways[most]
    return chosen


def _surely(gains: Floats) -> bool:
    """Of households: whether they add up to more than their standard error."""
    return bool(gains.sum() > gains.std() * np.sqrt(len(gains)))
