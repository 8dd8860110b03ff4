"""What a fit says of a promotion once lots are taken in: where the model is right, and where it is deceived.

    python bench/flywheel_lots.py [--sets N]

Half of the households get a promotion by lot in three waves; others are sent too, to heavy buyers. A model that is
blind to the households' means of what is sent takes that for an effect. Printed are the errors of the lots alone, the
model alone and both together, and how often their intervals of 95 % hold the truth. Minutes; not part of `make bench`.
"""

from __future__ import annotations

import os

os.environ |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import argparse
import sys
from pathlib import Path
from typing import Final

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))

from tests.flywheel.lots_world import BLIND, DECAYS, RIGHT, by_lot, effect_of_one, world

from bench.claims import Claims, cpu_seconds
from setaria.flywheel.fit.calibrate import calibrate
from setaria.flywheel.fit.fitted import NORMAL
from setaria.flywheel.fit.flywheel import Flywheel, problem_of

# name: specification, households, effect of a promotion, targeted promotions a day
CASES: Final = {
    "a model that is right, 1,500 households": (RIGHT, 1_500, 0.2, 0.005),
    "a model that is right, 3,000 households": (RIGHT, 3_000, 0.2, 0.005),
    "a model that is deceived, 4,000 households": (BLIND, 4_000, 0.0, 0.02),
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--sets", type=int, default=60)
    asked = options.parse_args()
    claims = Claims("a fit that takes lots in")
    for name, (specification, households, effect, sent) in CASES.items():
        rows = []
        for seed in range(asked.sets):
            histories, arms = world(seed, households, effect, sent)
            fitted = Flywheel(specification, workers=1).fit(histories)
            problem, _ = problem_of(list(histories.shards(512)), specification, np.array(DECAYS))
            lots = by_lot(histories, arms)
            found = calibrate(fitted, problem, lots)
            before, after = found.before[0], found.after[0]
            half = NORMAL * lots.covariance[0, 0] ** 0.5
            row = [lots.effects[0], lots.effects[0] - half, lots.effects[0] + half]
            row += [before.value, before.low, before.high, after.value, after.low, after.high, float(found.used[0])]
            rows.append(row)
        told = np.array(rows)
        truth = _truth(effect)
        used = told[:, 9] > 0
        claims.note(
            f"{name}: an effect of {truth:.3f} purchases; the lots were taken in in {used.sum()} of {len(told)}"
        )
        for what, at, those in (("lots", 0, used | True), ("model", 3, used | True), ("both, where taken in", 6, used)):
            value, low, high = told[those, at : at + 3].T
            miss = np.sqrt(np.mean((value - truth) ** 2))
            held = np.mean((low <= truth) & (truth <= high))
            claims.note(f"  {what}: off by {miss:.4f} (root mean square), the interval holds the truth in {held:.0%}")
            if at == 6:
                error = (held * (1 - held) / max(len(value), 1)) ** 0.5
                text = f"{held:.1%} ± {error:.1%}"
                claims.claim(f"{name}: both together hold the truth in about 95 %, >= 90 %", text, "", held >= 0.9)
    claims.note(f"CPU of all of this: {cpu_seconds():.0f} s")
    claims.end()


def _truth(effect: float) -> float:
    """By the same function as the model's word, at the parameters that were simulated."""
    from setaria.flywheel.parameters import Parameters

    excitation = np.zeros((2, 2, 2))
    excitation[0, 0] = 0.1
    excitation[0, 1, 1] = effect
    return float(effect_of_one(Parameters(np.array(DECAYS), np.zeros(2), excitation), np.zeros((1, 2)))[0])


if __name__ == "__main__":
    main()
