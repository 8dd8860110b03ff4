"""The data sets of bench/flywheel.py, simulated and the same each time: 20,000 households, 12 types, ~600,000 facts.

python bench/flywheel_data.py prints what each holds.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))

from setaria.flywheel.arrays import Floats
from setaria.flywheel.calendar import Calendar
from setaria.flywheel.histories.histories import Histories, Touchpoint
from setaria.flywheel.parameters import Parameters
from setaria.flywheel.simulate.branching import ORIGIN, simulate

HOUSEHOLDS: Final = 20_000
TYPES: Final = 12
WINDOW: Final = (365.0, 730.0)  # days
FACTS: Final = 600_000
FLYWHEEL_NUMBER: Final = 0.6
ONE_DECAY: Final = (1 / 7,)
THREE_DECAYS: Final = (1.0, 1 / 7, 1 / 45)
LINKED: Final = 0.4  # of the matrix is not zero, its diagonal always
CALENDAR_WEIGHT: Final = 0.25  # standard deviation of a weight
SEED: Final = 4


@dataclass(frozen=True, slots=True)
class Recipe:
    """What `simulate` and `simulate_shards` are given, beside the number of households."""

    truth: Parameters
    calendar: Calendar
    options: dict[str, Any]

    def made(self, households: int = HOUSEHOLDS) -> Histories:
        return simulate(self.truth, households=households, **self.options)


def recipe(
    decays: tuple[float, ...] = ONE_DECAY, *, shared_variance: float = 0.0, calendar: bool = False, seed: int = SEED
) -> Recipe:
    """All windows start together, so that a calendar covers each; every type receives, and has amounts."""
    random = np.random.default_rng(seed)
    matrix = random.exponential(1.0, (TYPES, TYPES)) * (
        (random.random((TYPES, TYPES)) < LINKED) | np.eye(TYPES, dtype=bool)
    )
    matrix *= FLYWHEEL_NUMBER / np.abs(np.linalg.eigvals(matrix)).max()
    excitation = matrix[:, :, None] * random.dirichlet(np.full(len(decays), 2.0), (TYPES, TYPES))
    baseline = random.uniform(0.5, 1.5, TYPES)
    first = int(ORIGIN)
    days = Calendar.design(first, first + int(WINDOW[1]) - 1) if calendar else Calendar.none(first, first)
    weights = random.normal(0.0, CALENDAR_WEIGHT, (TYPES, len(days.names)))
    by_day = np.exp(days.features @ weights.T)
    truth = Parameters(
        decays=np.array(decays),
        baseline=baseline,
        excitation=excitation,
        calendar=weights,
        shared_variance=shared_variance,
    )
    truth = replace(truth, baseline=baseline * FACTS / HOUSEHOLDS / _facts(truth, by_day))
    options = {
        "touchpoints": tuple(Touchpoint(f"type {number + 1}") for number in range(TYPES)),
        "seed": seed,
        "window": WINDOW,
        "calendar_by_day": by_day if calendar else None,
        "amounts": np.linspace(1_000, 12_000, TYPES),
    }
    return Recipe(truth, days, options)


def _facts(parameters: Parameters, by_day: Floats) -> float:
    """Expected of a household, by steps of a day; nothing precedes its start."""
    days = int(WINDOW[1])
    rates = np.broadcast_to(by_day if by_day.shape[0] == days else np.ones(TYPES), (days, TYPES)) * parameters.baseline
    still = np.exp(-parameters.decays)
    waiting = np.zeros((TYPES, len(still)))  # children of facts so far, still to come
    total = 0.0
    for day, rate in enumerate(rates):
        arriving = waiting * (1 - still)
        facts = np.linalg.solve(
            np.eye(TYPES) - (parameters.excitation * (1 - (1 - still) / parameters.decays)).sum(axis=2),
            rate + arriving.sum(axis=1),
        )  # those of the day: its own children within the day too
        waiting = waiting * still + np.einsum(
            "dsk,s->dk", parameters.excitation * ((1 - still) / parameters.decays), facts
        )
        total += float(facts.sum()) * min(1.0, (WINDOW[1] - day - 0.5) / (WINDOW[1] - WINDOW[0]))
    return total


def saved(histories: Histories, path: Path) -> None:
    """As bench/flywheel_peer.py reads it: times count from each household's start."""
    starts = np.repeat(histories.start, np.diff(histories.offsets))
    assert np.all(histories.times > starts)
    np.savez(
        path,
        times=histories.times - starts,
        kinds=histories.kinds,
        offsets=histories.offsets,
        ends=histories.end - histories.start,
        types=histories.types,
    )


def main() -> None:
    for decays in (ONE_DECAY, THREE_DECAYS):
        for shared_variance, calendar in ((0.0, False), (1.0, True)):
            made = recipe(decays, shared_variance=shared_variance, calendar=calendar)
            histories = made.made()
            print(
                f"decays {len(decays)}, variance {shared_variance}, calendar {made.truth.calendar.shape[1]}:"
                f" {histories.facts:,} facts, flywheel number {made.truth.flywheel_number:.4f}"
            )


if __name__ == "__main__":
    main()
