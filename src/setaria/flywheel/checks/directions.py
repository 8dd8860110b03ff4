"""On households that were not fitted: forwards, backwards in time, and without any effect of earlier facts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from setaria.flywheel.arrays import Floats
from setaria.flywheel.calendar import Calendar
from setaria.flywheel.checks.fitting import SEED, Given, changed, posterior, problem_on, refit
from setaria.flywheel.checks.saying import said, unknown
from setaria.flywheel.fit.layout import Layout
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import Parameters
from setaria.flywheel.report.report import Check

HOUSEHOLDS: Final = 2_000
FACTS: Final = (100_000, 12_000)
TURNED: Final = (100_000, 100_000)  # always cheap
LEAST: Final = (60, 600)  # households, counted facts
HELD: Final = 0.3  # of the households
SURE: Final = 2.0  # standard errors, clustered by household


@dataclass(frozen=True, slots=True)
class Compared:
    """Log-likelihoods of each held-out household under two fits, neither of which has seen it."""

    one: Floats
    other: Floats
    facts: int  # counted, of the held-out households
    households: int  # in all

    @property
    def gain(self) -> float:
        """Per fact, the one over the other."""
        return float((self.one - self.other).sum()) / self.facts

    @property
    def error(self) -> float:
        """Standard error of the gain, over households."""
        each = self.one - self.other
        return float(np.sqrt(((each - each.mean()) ** 2).sum())) / self.facts

    @property
    def sure(self) -> bool:
        return self.gain > SURE * self.error


def with_and_without(given: Given) -> Compared | None:
    """The fit's own specification, and the same without any effect of earlier facts."""
    parts = _parts(given.sample(HOUSEHOLDS, *FACTS)[0])
    if parts is None:
        return None
    layout, begun, calendar = given.fitted.layout, given.fitted.parameters, given.fitted.calendar
    still = replace(begun, decays=np.zeros(0), excitation=begun.excitation[:, :, :0])
    with_ = _held_out(given, parts, layout, calendar, begun)
    return _compared(parts, with_, _held_out(given, parts, replace(layout, decays=0), calendar, still))


def both_ways(given: Given) -> Compared | None:
    """Forwards and backwards, from each household's first own fact to its last, either of which opens one way.

    So that households which fall silent look alike both ways. Under shared frailty and the calendar: types' own
    factors and silence cost thirty times as much and have no direction between facts.
    """
    histories = _active(given.sample(HOUSEHOLDS, *TURNED)[0])
    parts = None if histories is None else _parts(histories)
    if parts is None:
        return None
    layout = replace(given.fitted.layout, own=False, churn=False)
    begun, calendar = given.fitted.parameters, given.fitted.calendar
    pivot = calendar.first + calendar.last + 1
    mirrored = Calendar(calendar.first, np.ascontiguousarray(calendar.features[::-1]), calendar.names)
    turned = [reversed_in_time(part, pivot) for part in parts]
    forwards = _held_out(given, parts, layout, calendar, begun)
    return _compared(parts, forwards, _held_out(given, turned, layout, mirrored, begun))


def _active(histories: Histories) -> Histories | None:
    """Windows from the first own fact to the last; households with two or more, a day or more apart."""
    owner = histories.owner
    mine = histories.receivers[histories.kinds] & (histories.times <= histories.end[owner])
    first, last = np.full(len(histories), np.inf), np.full(len(histories), -np.inf)
    np.minimum.at(first, owner[mine], histories.times[mine])
    np.maximum.at(last, owner[mine], histories.times[mine])
    lasting = np.flatnonzero(last - first >= 1.0)
    if not len(lasting):
        return None
    inside = (histories.times >= first[owner]) & (histories.times <= last[owner])
    return changed(histories, kept=inside, start=first, end=last).take(lasting)


def _parts(histories: Histories) -> list[Histories] | None:
    """For fitting, and held out."""
    if len(histories) < LEAST[0] or histories.counted.sum() < LEAST[1]:
        return None
    order = np.random.default_rng(SEED + 1).permutation(len(histories)).astype(np.int64)
    held = max(1, int(HELD * len(histories)))
    parts = [histories.take(order[held:]), histories.take(order[:held])]
    return parts if all(part.counted.any() for part in parts) else None


def _compared(parts: list[Histories], one: Floats, other: Floats) -> Compared:
    return Compared(one, other, int(parts[1].counted.sum()), sum(len(part) for part in parts))


def _held_out(given: Given, parts: list[Histories], layout: Layout, calendar: Calendar, begun: Parameters) -> Floats:
    problem = problem_on(parts, given, layout=layout, calendar=calendar)
    vector = refit(problem.part([0]), begun)
    return posterior(problem, vector, 1).log_likelihood


def reversed_in_time(histories: Histories, pivot: int) -> Histories:
    """Time runs from the end to the start: t becomes pivot - t, the day n the day pivot - 1 - n.

    What was at a window's end is at its start, and opens it.
    """
    turned = pivot - (1.0 if histories.grain == "day" else 0.0)
    return changed(
        histories, times=turned - histories.times, start=turned - histories.end, end=turned - histories.start
    )


def held_out(found: Compared | None) -> Check:
    """figure and against: log-likelihood per fact of held-out households, with and without effects of earlier facts."""
    if found is None:
        return unknown("held_out", "too_few")
    passed = True if found.sure else False if found.gain < -SURE * found.error else None
    detail = {"gain": found.gain, "error": found.error, "households": found.households}
    return said("held_out", passed, found.one.sum() / found.facts, float(found.other.sum()) / found.facts, detail)


def reversal(given: Given, turned: Compared | None, helped: Compared | None) -> Check:
    """figure: log-likelihood per held-out fact, forwards less backwards; against: 0.

    Passed: greater by two standard errors. Not known where earlier facts do not help to foretell at all (`held_out`),
    so that there is no direction to tell, nor where the fit needs more than the shared frailty that is used here.
    """
    if turned is None or helped is None:
        return unknown("reversal", "too_few")
    detail = {"gain": turned.gain, "error": turned.error, "households": turned.households}
    passed = turned.sure if helped.sure and (turned.sure or not given.dear) else None
    return said("reversal", passed, turned.gain, 0.0, detail)
