"""Promotions of which some are sent by lot, and what the lots say: simulated, with a truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from setaria.flywheel.answers.horizon import descendants
from setaria.flywheel.arrays import Flags, Floats
from setaria.flywheel.fit.calibrate import Lots
from setaria.flywheel.histories.histories import Histories, Touchpoint
from setaria.flywheel.parameters import Parameters, Specification
from setaria.flywheel.simulate.branching import simulate, targeted

DECAYS = (1.0, 1 / 7)
WAVES = (40.0, 90.0, 140.0)
HORIZON = 30.0
DAYS = 200.0
RIGHT = Specification(decays=DECAYS, own=False, churn=False, calendar=False)
BLIND = Specification(decays=DECAYS, own=False, churn=False, calendar=False, sent_means=False)


def effect_of_one(parameters: Parameters, mean_amounts: Floats) -> Floats:
    """Purchases within the horizon that follow from a promotion."""
    return descendants(parameters, HORIZON)[:1, 1]


def world(seed: int, households: int, effect: float, sent: float) -> tuple[Histories, Flags]:
    """Promotions go to heavy buyers, and in each wave to every other household by lot (waves x households)."""
    excitation = np.zeros((2, 2, 2))
    excitation[0, 0] = 0.1
    excitation[0, 1, 1] = effect
    parameters = Parameters(np.array(DECAYS), np.array([0.02, 0.0]), excitation, shared_variance=1.0)
    made = simulate(
        parameters,
        touchpoints=[Touchpoint("buy"), Touchpoint("promotion", receives=False)],
        households=households,
        seed=seed,
        window=(DAYS, DAYS),
        amounts=[10_000.0, 0.0],
        sent=targeted([0.0, sent]),
    )
    random = np.random.default_rng(seed)
    arms = random.random((len(WAVES), households)) < 0.5
    times, kinds, owner = list(made.times), list(made.kinds), list(made.owner)
    for wave, household in zip(*np.nonzero(arms), strict=True):
        waiting = [(made.start[household] + WAVES[wave], 1)]
        while waiting:
            at, what = waiting.pop()
            if at <= made.end[household]:
                times.append(at)
                kinds.append(what)
                owner.append(household)
                for k, rate in enumerate(DECAYS):
                    many = random.poisson(excitation[0, what, k])
                    waiting += [(at + random.exponential(1 / rate), 0) for _ in range(many)]
    order = np.lexsort((times, owner))
    sorted_kinds = np.array(kinds, dtype=np.int16)[order]
    bought = sorted_kinds == 0
    return replace(
        made,
        offsets=np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=households))]).astype(np.int64),
        times=np.array(times)[order],
        kinds=sorted_kinds,
        amounts=np.where(bought, 10_000, 0),
        currency=np.where(bought, 0, -1).astype(np.int8),
    ), arms


def by_lot(histories: Histories, arms: Flags) -> Lots:
    """The difference of means, and each household's part in its error."""
    households = len(histories)
    since, bought = histories.times - histories.start[histories.owner], histories.kinds == 0
    later = [bought & (since > wave) & (since <= wave + HORIZON) for wave in WAVES]
    counts = np.stack([np.bincount(histories.owner[each], minlength=households) for each in later])
    share = arms.mean()
    given, withheld = counts[arms].mean(), counts[~arms].mean()
    parts = np.where(arms, (counts - given) / share, -(counts - withheld) / (1 - share))
    influence = (parts.sum(axis=0) / counts.size)[:, None]
    return Lots(np.array([given - withheld]), influence.T @ influence, histories.households, influence, effect_of_one)
