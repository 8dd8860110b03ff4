"""What households were expected to do after a cut, from the facts before it, day by day.

The expectation of every generation: a linear Markov state of each household (see `answers.horizon`), driven by its own
baselines and by what the brand sent it, which is taken as it was. With day stamps the same in whole days, for there a
fact leads to nothing within its own day.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.linalg import expm

from setaria.flywheel.answers.horizon import generator, rates_of_state
from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.checks.fitting import Given, changed, narrowed, posterior, problem_on, refit
from setaria.flywheel.fit.decays import Decays
from setaria.flywheel.histories.histories import Grain, Histories
from setaria.flywheel.parameters import Parameters

SHARE: Final = 0.75  # of the calendar is for fitting
WEEK: Final = 7
LEAST_DAYS: Final = 14
LEAST_HOUSEHOLDS: Final = 30
LEAST_FACTS: Final = 100
HOUSEHOLDS: Final = 2_000
FACTS: Final = (120_000, 20_000)  # cheap, dear


@dataclass(frozen=True, slots=True)
class Cut:
    """Households that were watched before `day`: up to it, and what came then."""

    day: int
    before: Histories
    whole: Histories  # the same households
    end: Floats  # H: not before the cut

    @property
    def after(self) -> Whole:
        """Indices of the counted facts after the cut."""
        late = self.whole.counted & (self.whole.times > self.day)
        return np.flatnonzero(late).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Foretold:
    """Expected facts after the cut; H households, W weeks, n days."""

    households: Floats  # H x D
    weeks: Floats  # H x W: all receivers together
    immigrants: Floats  # n x D, households together
    state: Floats  # n x D x K, likewise


@dataclass(frozen=True, slots=True)
class BackTest:
    given: Given  # with a calendar that the days before the cut support
    cut: Cut
    parameters: Parameters  # of the facts before the cut
    mean_amounts: Floats  # D, in the main currency, likewise
    foretold: Foretold


def cut_at(histories: Histories, share: float = SHARE) -> Cut:
    first, last = float(histories.start.min()), float(histories.end.max())
    day = int(np.floor(first + share * (last - first)))
    whole = histories.take(np.flatnonzero(histories.start < day))
    before = changed(whole, kept=whole.times <= day, end=np.minimum(whole.end, day))
    return Cut(day, before, whole, np.maximum(whole.end, day))


def back_tested(given: Given) -> BackTest | None:
    """Fitted up to a cut and foretold from there. None where there is too little on either side."""
    histories, _ = given.sample(HOUSEHOLDS, *FACTS)
    cut = cut_at(histories)
    long = cut.end.max(initial=cut.day) - cut.day >= LEAST_DAYS
    if not long or (cut.end > cut.day).sum() < LEAST_HOUSEHOLDS or cut.before.counted.sum() < LEAST_FACTS:
        return None
    given = replace(given, fitted=narrowed(given.fitted, given.fitted.calendar.known_by(cut.day)))
    problem = problem_on([cut.before], given)
    vector = refit(problem, given.fitted.parameters)
    parameters = problem.layout.parameters(vector, given.fitted.parameters.decays)
    baselines = posterior(problem, vector).living * parameters.baseline
    foretold = foretell(given, cut, parameters, baselines)
    return BackTest(given, cut, parameters, _means(cut.before, given.currency), foretold)


def _means(histories: Histories, currency: int) -> Floats:
    """D: minor units per fact of the type; 0 where there are no amounts."""
    if not histories.currencies:
        return np.zeros(histories.types)
    chosen = histories.currency == currency
    sums = np.bincount(histories.kinds[chosen], weights=histories.amounts[chosen], minlength=histories.types)
    means: Floats = sums / np.maximum(np.bincount(histories.kinds, minlength=histories.types), 1)
    return means


@dataclass(frozen=True, slots=True)
class Steps:
    """A day: the state after it, and the facts in it, from the state before and a rate of immigrants."""

    moved: Floats  # D K x D K
    driven: Floats  # D K x D
    counted: Floats  # D x D K
    came: Floats  # D x D
    lent: Floats  # K: rate that a state lends to a child

    @classmethod
    def of(cls, parameters: Parameters, grain: Grain) -> Steps:
        types, rates = len(parameters.excitation), parameters.decays
        adds, side = np.repeat(np.eye(types), len(rates), axis=0), types * len(rates)
        if grain == "day":
            jumps = Decays.of(rates, grain).jumps
            counted = (parameters.excitation * jumps).reshape(types, -1)
            left = np.diag(np.tile(np.exp(-rates), types))
            return cls(left @ (np.eye(side) + adds @ counted), left @ adds, counted, np.eye(types), jumps)
        whole = np.zeros((side + 2 * types, side + 2 * types))
        whole[:side, :side] = generator(parameters)
        whole[:side, side + types :] = adds
        whole[side : side + types, :side] = rates_of_state(parameters)
        whole[side : side + types, side + types :] = np.eye(types)
        step = expm(whole)
        low, high = slice(side, side + types), slice(side + types, None)
        return cls(step[:side, :side], step[:side, high], step[low, :side], step[low, high], rates)


def state_at(histories: Histories, decays: Floats, day: int) -> Floats:
    """H x (D K): sums of exp(-decay age) over each household's facts, at the beginning of the day after a cut."""
    aged = day - histories.times + (1.0 if histories.grain == "day" else 0.0)
    cells = histories.owner * histories.types + histories.kinds
    made = np.zeros((len(histories) * histories.types, len(decays)))
    for k, decay in enumerate(decays):
        made[:, k] = np.bincount(cells, weights=np.exp(-decay * aged), minlength=len(made))
    return made.reshape(len(histories), -1)


def foretell(given: Given, cut: Cut, parameters: Parameters, baselines: Floats) -> Foretold:
    """`baselines` (H x D): what each household is expected to begin by itself at the cut, a day, silent or not.

    Its factor and its life hang together: who did much and fell silent did much because of the factor. So the
    expectation is of both at once.
    """
    whole, types = cut.whole, cut.whole.types
    days = int(np.ceil(cut.end.max() - cut.day))
    steps = Steps.of(parameters, whole.grain)
    state = state_at(cut.before, parameters.decays, cut.day)
    levels = levels_of(given, parameters, cut.day + (1 if whole.grain == "day" else 0), days)
    sent = _sent(cut, days)
    receivers = whole.receivers
    households, weeks = np.zeros((len(whole), types)), np.zeros((len(whole), -(-days // WEEK)))
    immigrants, states = np.zeros((days, types)), np.zeros((days, state.shape[1]))
    for day in range(days):
        rates = baselines * (levels[day] * np.exp(-parameters.churn_rate * (day + 0.5)))
        np.add.at(rates, sent[day], 1.0)
        watched = np.clip(cut.end - cut.day - day, 0.0, 1.0)[:, None]
        facts = (state @ steps.counted.T + rates @ steps.came.T) * watched * receivers
        households += facts
        weeks[:, day // WEEK] += facts.sum(axis=1)
        immigrants[day] = (rates * watched).sum(axis=0)
        states[day] = (state * watched).sum(axis=0)
        state = state @ steps.moved.T + rates @ steps.driven.T
    return Foretold(households, weeks, immigrants, states.reshape(days, types, -1))


def levels_of(given: Given, parameters: Parameters, first: int, days: int) -> Floats:
    """Days x D: the calendar's factors; beyond its ends, as on its last day."""
    calendar = given.fitted.calendar
    rows = np.clip(np.arange(first, first + days) - calendar.first, 0, len(calendar.features) - 1)
    made: Floats = np.exp(calendar.features[rows] @ parameters.calendar.T) if calendar.names else np.ones((days, 1))
    return made


def _sent(cut: Cut, days: int) -> list[tuple[Whole, Whole]]:
    """Of each day: households and source-only types of what was sent to them."""
    whole = cut.whole
    late = np.flatnonzero((whole.times > cut.day) & ~whole.receivers[whole.kinds])
    ahead = whole.times[late] - cut.day - (1.0 if whole.grain == "day" else 0.0)
    day = np.clip(np.floor(ahead), 0, days - 1).astype(np.int64)
    owner, kinds = whole.owner[late], whole.kinds[late].astype(np.int64)
    return [(owner[day == each], kinds[day == each]) for each in range(days)]


def slopes(test: BackTest, worth: Floats) -> Floats:
    """F x (the fit's vector): derivatives of all foretold facts, weighed by `worth` (F x D); factors held fixed."""
    parameters, foretold, layout = test.parameters, test.foretold, test.given.fitted.layout
    days, types = foretold.immigrants.shape
    steps = Steps.of(parameters, test.cut.whole.grain)
    left = np.zeros(
        (days, len(worth), types)
    )  # what one immigrant of each type brings in so many days left, last first
    now, total = steps.driven.T, steps.came.T @ worth.T
    for day in range(days):
        left[days - 1 - day] = total.T
        total = total + now @ steps.counted.T @ worth.T
        now = now @ steps.moved.T
    made = np.zeros((len(worth), layout.size))
    features = _rows(test, days)
    entries = np.einsum("nfd,nsk->fdks", left, foretold.state * steps.lent)
    for r, d in enumerate(layout.receivers):
        at = r * layout.block
        weights = left[:, :, d] * foretold.immigrants[:, d, None]
        made[:, at] = weights.sum(axis=0)
        made[:, at + 1 : at + 1 + layout.features] = weights.T @ features
        made[:, layout.excitation_slice(r)] = entries[:, d].reshape(len(worth), -1)
    return made


def _rows(test: BackTest, days: int) -> Floats:
    calendar = test.given.fitted.calendar
    first = test.cut.day + (1 if test.cut.whole.grain == "day" else 0) - calendar.first
    rows: Floats = calendar.features[np.clip(np.arange(first, first + days), 0, len(calendar.features) - 1)]
    return rows
