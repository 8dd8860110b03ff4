"""The truths of bench/flywheel_truth.py: what is simulated, and what is asked of a fit to it.

Every data set is made from a seed and nothing else. Windows are of a year to two years and begin together.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))

from setaria.flywheel.arrays import Floats
from setaria.flywheel.calendar import Calendar
from setaria.flywheel.histories.histories import Histories, Touchpoint
from setaria.flywheel.parameters import Parameters, Specification
from setaria.flywheel.simulate.branching import ORIGIN, simulate, targeted

FLYWHEEL_NUMBER: Final = 0.4
WINDOW: Final = (365.0, 730.0)  # days
FIRST_DAY: Final = int(ORIGIN)
RATE: Final = 0.0025  # facts of a type, household and day that nothing led to, on average
THREE_DECAYS: Final = (1.0, 1 / 7, 1 / 45)
DECAYS: Final = (1 / 7, 1 / 45)  # where three would cost too much
LINKED: Final = 0.5  # of the matrix is not zero, its diagonal always
WEIGHT: Final = 0.25  # standard deviation of a calendar weight
STRONG: Final = 0.5  # the same, where the season is what is looked for
LIFE: Final = 400.0  # days until a household falls silent, on average
LINES: Final = 1.0  # of an order, on average
LINE_TYPES: Final = 2
PROMOTED: Final = 1 / 60  # promotions a day of an average household
MEAN_AMOUNTS: Final = (1_000, 12_000)  # of the first and the last type, minor units

NOTHING: Final = {"shared": False, "own": False, "churn": False, "calendar": False}
KINDS: Final = ("shared", "own", "churn", "season", "baskets")  # what may be taken for influence


@dataclass(frozen=True, slots=True)
class Truth:
    parameters: Parameters
    specification: Specification
    days: Calendar
    touchpoints: tuple[Touchpoint, ...]
    baskets: str = ""  # "tied": lines of an order at its time. "apart": minutes later
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def mean_amounts(self) -> Floats:
        receives = [each.receives for each in self.touchpoints]
        amounts: Floats = np.linspace(*MEAN_AMOUNTS, len(receives)) * np.array(receives)
        return amounts

    def made(self, households: int, seed: int) -> Histories:
        by_day = np.exp(self.days.features @ self.parameters.calendar.T) if self.days.names else None
        histories = simulate(
            self.parameters,
            touchpoints=self.touchpoints,
            households=households,
            seed=seed,
            window=WINDOW,
            amounts=self.mean_amounts,
            calendar_by_day=by_day,
            **self.options,
        )
        return in_baskets(histories, self.baskets == "apart", seed) if self.baskets else histories


def truth(
    random: np.random.Generator,
    types: int,
    decays: tuple[float, ...],
    specification: Specification,
    *,
    number: float = FLYWHEEL_NUMBER,
    links: str = "any",
    weight: float = WEIGHT,
    baskets: str = "",
) -> Truth:
    """With the components that `specification` names. links: "any"; "funnel" (no loop), "none": a number of 0."""
    excitation = _matrix(random, types, number, links)[:, :, None] * random.dirichlet(
        np.full(len(decays), 2.0), (types, types)
    )
    last = FIRST_DAY + int(WINDOW[1])
    days = Calendar.design(FIRST_DAY, last) if specification.calendar else Calendar.none(FIRST_DAY, last)
    parameters = Parameters(
        decays=np.array(decays),
        baseline=RATE * random.uniform(0.5, 1.5, types),
        excitation=excitation,
        calendar=random.normal(0.0, weight, (types, len(days.names))),
        shared_variance=1.0 if specification.shared else 0.0,
        own_variance=np.ones(types) if specification.own else np.zeros(0),
        churn_rate=1 / LIFE if specification.churn else 0.0,
    )
    touchpoints = tuple(Touchpoint(f"type {number + 1}") for number in range(types))
    return Truth(parameters, specification, days, touchpoints, baskets)


def _matrix(random: np.random.Generator, types: int, number: float, links: str) -> Floats:
    if links == "none":
        return np.zeros((types, types))
    matrix: Floats = random.exponential(1.0, (types, types))
    if links == "funnel":
        return np.tril(matrix, -1) * 0.2
    matrix *= (random.random((types, types)) < LINKED) | np.eye(types, dtype=bool)
    matrix *= number / np.abs(np.linalg.eigvals(matrix)).max()
    return matrix


def one() -> Truth:
    """The same for all sets of the coverage: each figure's own coverage can be counted."""
    specification = Specification(decays=THREE_DECAYS, own=False, churn=False)
    return truth(np.random.default_rng(2), 5, THREE_DECAYS, specification)


def mixed(seed: int) -> Truth:
    """Another truth each time, with all components."""
    random = np.random.default_rng([3, seed])
    decays = (DECAYS, THREE_DECAYS)[int(random.integers(2))]
    return truth(random, int(random.integers(4, 7)), decays, Specification(decays=decays))


def without_loops(seed: int) -> Truth:
    """Every other one a funnel; every fourth one's number is of a matrix with nothing in it."""
    specification = Specification(decays=DECAYS, own=False, churn=False)
    return truth(np.random.default_rng([4, seed]), 5, DECAYS, specification, links=("funnel", "none")[seed % 2])


def confounded(kind: str, seed: int, *, number: float, apart: bool = False) -> Truth:
    """A truth with one thing that is taken for influence; the specification is the one that knows of it.

    Specifications are those of the ladder: each knows what the ones before it know.
    """
    parts = NOTHING | {"shared": kind != "season"}
    parts |= {"own": {"own": True}, "churn": {"churn": True}, "season": {"calendar": True}}.get(kind, {})
    made = truth(
        np.random.default_rng([5, KINDS.index(kind), seed]),
        4,
        DECAYS,
        Specification(decays=DECAYS, **parts),
        number=number,
        links="any" if number else "none",
        weight=STRONG if kind == "season" else 0.0,
        baskets="" if kind != "baskets" else "apart" if apart else "tied",
    )
    if kind == "baskets":
        made = padded(made, tuple(Touchpoint(f"line {number + 1}") for number in range(LINE_TYPES)))
    ladder = {"own": "own", "churn": "churn", "season": "calendar"}.get(kind, "shared")
    names = ("shared", "own", "churn", "calendar")
    knows = NOTHING | dict.fromkeys(names[: names.index(ladder) + 1], True)
    return replace(made, specification=Specification(decays=DECAYS, **knows))


def padded(made: Truth, more: tuple[Touchpoint, ...]) -> Truth:
    """With types that nothing leads to and that lead to nothing."""
    parameters, count = made.parameters, len(more)
    return replace(
        made,
        parameters=replace(
            parameters,
            baseline=np.pad(parameters.baseline, (0, count)),
            excitation=np.pad(parameters.excitation, ((0, count), (0, count), (0, 0))),
            calendar=np.pad(parameters.calendar, ((0, count), (0, 0))),
            own_variance=np.pad(parameters.own_variance, (0, count)) if parameters.own_variance.size else np.zeros(0),
        ),
        touchpoints=(*made.touchpoints, *more),
    )


def promoted(seed: int) -> Truth:
    """Buyers differ, the brand sends more to the heavy ones, and what it sends does nothing."""
    specification = Specification(decays=DECAYS, own=False, churn=False, calendar=False)
    made = truth(np.random.default_rng([6, seed]), 4, DECAYS, specification, weight=0.0)
    return replace(
        padded(made, (Touchpoint("promotion", receives=False),)),
        options={"sent": targeted([0.0] * len(made.touchpoints) + [PROMOTED])},
    )


def in_baskets(histories: Histories, apart: bool, seed: int) -> Histories:
    """Each fact is an order with lines of the last types, Poisson many, by lot; a line has its order's amount.

    Nothing follows from a line, so that the flywheel number is the orders'. Lines of one order and type are one fact,
    as they are when a file is read.
    """
    random = np.random.default_rng([7, seed])
    lines = 1 + random.poisson(LINES, histories.facts)
    order = np.repeat(np.arange(histories.facts), lines)
    fresh = np.diff(order, prepend=-1) != 0
    lot = random.integers(histories.types - LINE_TYPES, histories.types, len(order))
    kinds = np.where(fresh, histories.kinds[order], lot).astype(np.int16)
    times, owner = histories.times[order], histories.owner[order]
    if apart:
        times = times + np.where(fresh, 0.0, random.uniform(0.0, 10 / 1440, len(order)))
        times = np.minimum(times, histories.end[owner])
    sorted_ = np.lexsort((kinds, times, owner))
    order, kinds, times, owner = order[sorted_], kinds[sorted_], times[sorted_], owner[sorted_]
    new = (np.diff(owner, prepend=-1) != 0) | (np.diff(times, prepend=-1.0) != 0) | (np.diff(kinds, prepend=-1) != 0)
    at = np.flatnonzero(new)
    counts = np.bincount(owner[at], minlength=len(histories))
    return replace(
        histories,
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        times=times[at],
        kinds=kinds[at],
        amounts=np.add.reduceat(histories.amounts[order], at),
        currency=histories.currency[order][at],
        name=f"{histories.name} in baskets",
    )
