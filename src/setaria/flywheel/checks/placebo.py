"""The same facts with their times exchanged between households: whoever still finds effects finds them anywhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from setaria.flywheel.arrays import Floats
from setaria.flywheel.checks.fitting import SEED, Given, changed, problem_on, refit
from setaria.flywheel.checks.saying import said, unknown
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import Parameters
from setaria.flywheel.report.report import Check

NAME: Final = "placebo"
HOUSEHOLDS: Final = 2_000
FACTS: Final = (100_000, 12_000)
LEAST: Final = (40, 500)  # households, counted facts
SMALL: Final = 0.02  # of the facts
CHANCE: Final = 1.2  # times sqrt(excitations / facts): what chance leaves, for no excitation can be found below 0
PART: Final = 1 / 3  # of the real share
ROUNDS: Final = 16


def placebo(given: Given) -> Check:
    """figure: the share of facts that the fit explains by earlier ones after the exchange; against: before it.

    Every household keeps how many facts of each type it has, and all together keep their times, so the differences
    between households and the calendar stay as they are; who did what after what is gone. Fitted under the fit's own
    specification. Passed: at most 0.02, what chance leaves and a third of the real share, together: facts that lead to
    others make households differ too, and that part is not exchanged away.
    """
    histories, _ = given.sample(HOUSEHOLDS, *FACTS)
    counted = int(histories.counted.sum())
    if len(histories) < LEAST[0] or counted < LEAST[1]:
        return unknown(NAME, "too_few")
    problem = problem_on([exchanged(histories)], given)
    fitted = given.fitted.parameters
    # Half of the excitation: neither the answer hoped for nor the one feared is where the search begins.
    begun = replace(fitted, excitation=fitted.excitation * 0.5, baseline=fitted.baseline * 1.25)
    found = problem.layout.parameters(refit(problem, begun), fitted.decays)
    figure, real = explained_share(found, histories), explained_share(fitted, histories)
    layout = problem.layout
    chance = CHANCE * float(np.sqrt(len(layout.receivers) * layout.wide / counted))
    passed = figure <= SMALL + chance + PART * real
    detail = {
        "share": {"share": figure},
        "real": {"share": real},
        "number": found.flywheel_number,
        "households": len(histories),
    }
    return said(NAME, passed, figure, real, detail)


def explained_share(parameters: Parameters, histories: Histories) -> float:
    """Direct children expected of all facts within their windows, of any type, over the counted facts."""
    left = np.repeat(histories.end, np.diff(histories.offsets)) - histories.times
    early = np.maximum(np.repeat(histories.start, np.diff(histories.offsets)) - histories.times, 0.0)
    children: Floats = parameters.excitation.sum(axis=0)  # S x K
    total = 0.0
    for k, decay in enumerate(parameters.decays):
        seen = np.exp(-decay * early) - np.exp(-decay * left)
        total += float(children[histories.kinds, k] @ seen)
    return total / max(int(histories.counted.sum()), 1)


def exchanged(histories: Histories) -> Histories:
    """Times of each type's facts swapped, pair by pair, wherever both fall into each other's windows; seeded."""
    chance = np.random.default_rng(SEED)
    times, owner = histories.times.copy(), histories.owner
    start, end = histories.start[owner], histories.end[owner]
    inside = times > start
    for kind in range(histories.types):
        facts = np.flatnonzero(inside & (histories.kinds == kind))
        for _ in range(ROUNDS):
            mixed = chance.permutation(facts)
            half = len(mixed) // 2
            one, other = mixed[:half], mixed[half : 2 * half]
            fits = (times[other] > start[one]) & (times[other] <= end[one])
            fits &= (times[one] > start[other]) & (times[one] <= end[other])
            one, other = one[fits], other[fits]
            times[one], times[other] = times[other], times[one]
    return changed(histories, times=times)
