"""What would come, and what would have, if a touchpoint were removed or scaled, or a cohort of households.

Expectations in closed form: the linear Markov state of `horizon`, summed over households (their sum is a Hawkes process
with the sum of their baselines), driven by the immigrants of each day, a constant rate within it:

    dR[s, k]/dt = -decay_k R[s, k] + rate_s     rate_d = immigrants_d(day) + sum_sk excitation[d, s, k] decay_k R[s, k]

One matrix exponential moves it by a day, exactly. The same by simulation: families of the same immigrants and of the
facts so far. What the model says is not what an experiment says: shown beside one where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.linalg import expm

from setaria.facts.refused import Refused
from setaria.flywheel.answers.horizon import generator, rates_of_state
from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.fit.fitted import Figures
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import Parameters
from setaria.flywheel.simulate.branching import Families, grow_households

AT_ONCE: Final = 512  # households whose days are in memory together
MOST_SIMULATED: Final = 20_000_000  # facts of one run


@dataclass(frozen=True, slots=True)
class Coming:
    """What drives the days to come, summed over households: immigrants of a day are exposure * baseline + sent."""

    exposure: Floats  # days x D: factor, chance of being alive and calendar, over households
    sent: Floats  # days x D: facts a day of source-only types
    state: Floats  # D x K: R at the beginning

    def immigrants(self, parameters: Parameters) -> Floats:
        rates: Floats = self.exposure * parameters.baseline + self.sent
        return rates


@dataclass(frozen=True, slots=True)
class Change:
    """One touchpoint, scaled from the first coming day on; facts so far have happened and keep their effect.

    starts: its immigrants, own (the baseline) or sent by the brand. reached: what others lead to of it. effect: what
    its coming facts lead to. amount: its mean amount. Removed is no starts and none reached; twice as many is both
    twofold.
    """

    touchpoint: int
    starts: float = 1.0
    reached: float = 1.0
    effect: float = 1.0
    amount: float = 1.0

    def __post_init__(self) -> None:
        for what in ("starts", "reached", "effect", "amount"):
            if not 0.0 <= getattr(self, what) < float("inf"):
                raise Refused("flywheel_what_if_unclear", what=what)


def scaled(touchpoint: int, scale: float) -> Change:
    """So many times the facts of one touchpoint; 0 removes it."""
    return Change(touchpoint, starts=scale, reached=scale)


def priced(touchpoint: int, ratio: float, elasticity: float | None, name: str = "") -> Change:
    """The price of one touchpoint times `ratio`: facts times ratio^elasticity, amounts times ratio.

    Constant elasticity, stated by the caller: price is not in the likelihood, so nothing is taken from the data.
    """
    if elasticity is None:
        raise Refused("flywheel_price_needs_elasticity", touchpoint=name or str(touchpoint))
    if not 0.0 < ratio < float("inf") or not np.isfinite(elasticity):
        raise Refused("flywheel_what_if_unclear", what="ratio")
    demand = float(ratio**elasticity)
    return Change(touchpoint, starts=demand, reached=demand, amount=ratio)


def excited(histories: Histories, decays: Floats, scale: Floats | None = None) -> Floats:
    """D x K: R at the end of each household's window, summed with weights `scale` (H, ones by default).

    R[s, k] = sum over facts of s of exp(-decay_k (end - time)). With grain "day" a fact lies anywhere in its day and
    the end is the end of the last day: the expectation, exp(-decay_k days) (1 - exp(-decay_k)) / decay_k.
    """
    ages = np.repeat(histories.end, np.diff(histories.offsets)) - histories.times
    weights = np.ones(len(histories)) if scale is None else scale
    by_fact = np.repeat(weights, np.diff(histories.offsets))
    state = np.zeros((histories.types, len(decays)))
    for k, decay in enumerate(decays):
        left = by_fact * np.exp(-decay * ages)
        if histories.grain == "day":
            left *= -np.expm1(-decay) / decay
        state[:, k] = np.bincount(histories.kinds, weights=left, minlength=histories.types)
    return state


def coming(
    histories: Histories,
    parameters: Parameters,
    days: int,
    *,
    frailty: Floats | None = None,
    alive: Floats | None = None,
    sent: Sequence[float] | Floats | None = None,
    calendar_by_day: Floats | None = None,
    scale: Floats | None = None,
) -> Coming:
    """The days after each household's end, were nothing changed; `scale` (H) weighs households, 0 removes a cohort.

    Expected factor (H, or H x D) times chance of being alive times exp(-churn_rate t), averaged over each day, times
    the calendar (days x D); factor and life as if uncorrelated. sent: D facts a day of source-only types, for all
    households together (days x D too); by default as many as in the windows so far, for each household, silent or not.
    """
    if days < 1:
        raise Refused("flywheel_what_if_unclear", what="days")
    weights = np.ones(len(histories)) if scale is None else scale
    factor = np.ones((len(histories), 1)) if frailty is None else frailty.reshape(len(histories), -1)
    living = weights if alive is None else weights * alive
    churn = parameters.churn_rate
    day = np.arange(days)
    survival = np.exp(-churn * day) * (-np.expm1(-churn) / churn if churn > 0 else 1.0)
    calendar = np.ones((days, histories.types)) if calendar_by_day is None else calendar_by_day[:days]
    if calendar.shape != (days, histories.types):
        raise Refused("flywheel_what_if_unclear", what="calendar_by_day")
    exposure = survival[:, None] * calendar * (living @ factor)
    every_day = _sent_so_far(histories, weights) if sent is None else np.asarray(sent, dtype=np.float64)
    return Coming(
        exposure=np.where(histories.receivers, exposure, 0.0),
        sent=np.where(histories.receivers, 0.0, np.broadcast_to(every_day, exposure.shape)),
        state=excited(histories, parameters.decays, weights),
    )


def expected_counts(parameters: Parameters, immigrants: Floats, state: Floats, change: Change | None = None) -> Floats:
    """days x D: expected facts of each coming day, for immigrants (days x D a day) and the state R (D x K) before.

    Each column of the exponential of [[M, 0, B], [L, 0, 1], [0, 0, 0]] (B: a fact adds 1 to R of each decay) moves
    state and counts by a day under immigrants of a constant rate. After a change the facts so far keep the old L, in a
    state of their own that only decays.
    """
    types, decays = len(parameters.excitation), parameters.decays
    side = types * len(decays)
    after = parameters if change is None else changed(parameters, change)
    rates = started(immigrants, change)
    apart = change is not None and change.effect != 1.0
    past = side if apart else 0
    whole = np.zeros((past + side + 2 * types, past + side + 2 * types))
    new, count, drive = past, past + side, past + side + types
    adds = np.repeat(np.eye(types), len(decays), axis=0)
    whole[new:count, new:count] = generator(after)
    whole[new:count, drive:] = adds
    whole[count:drive, new:count] = rates_of_state(after)
    whole[count:drive, drive:] = np.eye(types)
    if apart:
        assert change is not None
        lent = rates_of_state(changed(parameters, replace(change, effect=1.0)))
        whole[:past, :past] = -np.diag(np.tile(decays, types))
        whole[new:count, :past] = adds @ lent
        whole[count:drive, :past] = lent
    step = expm(whole)[:drive]
    moved, driven = step[:count, :count], step[:count, drive:]
    counted, came = step[count:, :count], step[count:, drive:]
    now = np.zeros(count)
    now[:side] = state.ravel()
    facts: Floats = np.empty(rates.shape)
    for day, rate in enumerate(rates):
        facts[day] = counted @ now + came @ rate
        now = moved @ now + driven @ rate
    return facts


def path(
    parameters: Parameters, mean_amounts: Floats, immigrants: Floats, state: Floats, change: Change | None = None
) -> Floats:
    """days x C: expected amounts up to the end of each coming day, in minor units: counts times mean amounts."""
    counts = expected_counts(parameters, immigrants, state, change)
    amounts: Floats = np.cumsum(counts @ worth_of(mean_amounts, change).T, axis=0)
    return amounts


def change_figures(before: Coming, change: Change | None = None, after: Coming | None = None) -> Figures:
    """Amounts over all the days with the change, less those without: one figure a currency.

    `after` where households are scaled: `coming` with that scale.
    """

    def figures(parameters: Parameters, mean_amounts: Floats) -> Floats:
        then = before if after is None else after
        other = path(parameters, mean_amounts, then.immigrants(parameters), then.state, change)
        plain = path(parameters, mean_amounts, before.immigrants(parameters), before.state)
        difference: Floats = other[-1] - plain[-1]
        return difference

    return figures


@dataclass(frozen=True, slots=True)
class SimulatedPaths:
    """Amounts up to each day: over runs, and how sure their mean is (95 %, Monte Carlo error only)."""

    runs: Floats  # runs x days x C
    mean: Floats  # days x C
    low: Floats
    high: Floats


def simulated_paths(
    parameters: Parameters,
    mean_amounts: Floats,
    immigrants: Floats,
    state: Floats,
    change: Change | None = None,
    *,
    runs: int = 200,
    seed: int = 1,
) -> SimulatedPaths:
    """As `path`, by the branching construction (see `simulate.branching`): facts by lot, each at its mean amount.

    The spread over runs is that of counts alone. A state R brings Poisson(sum_s excitation[d, s, k] R[s, k]) facts of
    type d with delays Exp(decay_k), for what an exponential waits does not depend on how long it has waited.
    """
    if runs < 2:
        raise Refused("flywheel_what_if_unclear", what="runs")
    days, types = immigrants.shape
    after = parameters if change is None else changed(parameters, change)
    so_far = parameters if change is None else changed(parameters, replace(change, effect=1.0))
    expected = expected_counts(parameters, immigrants, state, change).sum()
    most = int(min(MOST_SIMULATED, 1000 + 4 * expected)) if np.isfinite(expected) else MOST_SIMULATED
    families, worth = Families.of(after), worth_of(mean_amounts, change)
    calendar = np.ascontiguousarray(started(immigrants, change).T)
    ones = np.ones((1, types))
    seen = np.empty((runs, days, len(mean_amounts)))
    for run in range(runs):
        grown = grow_households(
            families,
            rates=ones,
            receives=np.zeros(types, dtype=np.bool_),
            silent=np.full(1, np.inf),
            lengths=np.full(1, float(days)),
            calendar=calendar,
            initial=np.einsum("dsk,sk->dk", so_far.excitation, state),
            seed=seed,
            first=run,
            most=most,
        )
        cells = np.minimum(grown.times.astype(np.int64), days - 1) * types + grown.kinds
        counts = np.bincount(cells, minlength=days * types).reshape(days, types)
        seen[run] = np.cumsum(counts @ worth.T, axis=0)
    mean, error = seen.mean(axis=0), seen.std(axis=0, ddof=1) / np.sqrt(runs)
    return SimulatedPaths(runs=seen, mean=mean, low=mean - 1.96 * error, high=mean + 1.96 * error)


def watched(
    histories: Histories,
    decays: int,
    *,
    frailty: Floats | None = None,
    alive: Floats | None = None,
    calendar_by_day: Floats | None = None,
    origin: float = 0.0,
) -> Coming:
    """What drove the observed windows, by whole days left to their ends: the last row is the last day of each window.

    exposure: household days, with factor, chance of being alive and calendar. sent: the facts that are taken as they
    are, source-only ones and those at a window's start. calendar_by_day: days x D from `origin` on; beyond its ends,
    its ends.

    A household counts as alive up to its last fact of its own (not one that was sent); from there its chance falls
    geometrically to `alive` at the end.
    """
    lengths = histories.end - histories.start
    days = max(int(np.ceil(lengths.max(initial=0.0))), 1)
    factor = np.ones((len(histories), 1)) if frailty is None else frailty.reshape(len(histories), -1)
    quiet = _quiet(histories)
    exposure = np.zeros((days, histories.types))
    left = np.arange(days) + 0.5
    for low in range(0, len(histories), AT_ONCE):
        rows = slice(low, min(low + AT_ONCE, len(histories)))
        there = np.clip(lengths[rows, None] - np.arange(days), 0.0, 1.0)
        if alive is not None:
            gone = np.clip(1.0 - left / np.maximum(quiet[rows, None], 1e-9), 0.0, 1.0)
            there *= np.maximum(alive[rows, None], 1e-12) ** gone
        if calendar_by_day is None:
            exposure += there.T @ np.broadcast_to(factor[rows], (len(there), histories.types))
        else:
            day = np.clip(np.floor(histories.end[rows, None] - left - origin), 0, len(calendar_by_day) - 1)
            seasons = calendar_by_day[day.astype(np.int64)]
            exposure += np.einsum("hn,hnd,hd->nd", there, seasons, np.broadcast_to(factor[rows], seasons.shape[::2]))
    taken = ~histories.counted
    after = np.repeat(histories.end, np.diff(histories.offsets)) - histories.times
    place = np.clip(np.floor(after[taken]), 0, days - 1).astype(np.int64)
    given = np.bincount(place * histories.types + histories.kinds[taken], minlength=days * histories.types)
    return Coming(
        exposure=np.where(histories.receivers, exposure, 0.0)[::-1],
        sent=given.reshape(days, histories.types).astype(np.float64)[::-1],
        state=np.zeros((histories.types, decays)),
    )


def removal_effects(seen: Coming) -> Figures:
    """The share of the windows' expected amounts that would be absent without each touchpoint: C D, currency-major.

    1 - path without / path with, both from `watched`: households are summed by the days left to their ends, at which
    all are cut. Removed: no immigrants of it and no facts of it as children, so that all that descends through it is
    absent too. The shares of several touchpoints overlap and may add up to more than 1. (The question that Anderl,
    Becker, von Wangenheim and Schumann, IJRM 33(3), 2016, ask a Markov chain of channels.) NaN for a currency without
    amounts.
    """

    def figures(parameters: Parameters, mean_amounts: Floats) -> Floats:
        immigrants = seen.immigrants(parameters)
        whole = path(parameters, mean_amounts, immigrants, seen.state)[-1]
        shares = np.full(mean_amounts.shape, np.nan)
        for touchpoint in range(mean_amounts.shape[1]):
            rest = path(parameters, mean_amounts, immigrants, seen.state, scaled(touchpoint, 0.0))[-1]
            np.divide(whole - rest, whole, out=shares[:, touchpoint], where=whole > 0)
        return shares.ravel()

    return figures


def changed(parameters: Parameters, change: Change) -> Parameters:
    """For coming facts: one row of the excitation times `reached`, one column times `effect`."""
    if not 0 <= change.touchpoint < len(parameters.baseline):
        raise Refused("flywheel_what_if_unclear", what="touchpoint")
    excitation = parameters.excitation.copy()
    excitation[change.touchpoint] *= change.reached
    excitation[:, change.touchpoint] *= change.effect
    return replace(parameters, excitation=excitation)


def started(immigrants: Floats, change: Change | None) -> Floats:
    """days x D: immigrants after the change."""
    rates = immigrants.astype(np.float64)
    if change is not None:
        rates[:, change.touchpoint] *= change.starts
    return rates


def worth_of(mean_amounts: Floats, change: Change | None) -> Floats:
    """C x D: mean amounts after the change."""
    worth = mean_amounts.copy()
    if change is not None:
        worth[:, change.touchpoint] *= change.amount
    return worth


def _sent_so_far(histories: Histories, weights: Floats) -> Floats:
    """D: facts a day of each type in the windows, over households by weight."""
    lengths = histories.end - histories.start
    by_fact = np.repeat(weights / np.maximum(lengths, 1.0), np.diff(histories.offsets))
    rates: Floats = np.bincount(histories.kinds, weights=by_fact, minlength=histories.types).astype(np.float64)
    return rates


def _quiet(histories: Histories) -> Floats:
    """H: days from the last fact that nobody sent, or the start, to the end."""
    latest = histories.start.copy()
    own = histories.receivers[histories.kinds]
    np.maximum.at(latest, histories.owner[own], histories.times[own])
    quiet: Floats = histories.end - latest
    return quiet


def households_scale(histories: Histories, cohort: Whole, scale: float = 0.0) -> Floats:
    """H: `scale` for the households with these indices, 1 for the others; for `coming`."""
    weights = np.ones(len(histories))
    weights[cohort] = scale
    return weights
