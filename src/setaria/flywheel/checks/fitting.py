"""What checks need of the estimator: to fit again, on other histories, from where a fit ended; and posteriors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from setaria.flywheel.arrays import Flags, Floats, Whole
from setaria.flywheel.calendar import Calendar
from setaria.flywheel.fit.decays import Decays
from setaria.flywheel.fit.engines import Threads
from setaria.flywheel.fit.fitted import Fitted
from setaria.flywheel.fit.layout import Layout
from setaria.flywheel.fit.marginal import At, Problem, posteriors
from setaria.flywheel.fit.newton import climb
from setaria.flywheel.fit.survey import Covariates, surveyed
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import Parameters

GAIN: Final = 0.5  # nats that the next step may still promise: far below what a check can see
SEED: Final = 1984


@dataclass(frozen=True, slots=True)
class Given:
    """What every check is given. `covariates` brings them to the fit's scale."""

    histories: Histories
    fitted: Fitted
    covariates: Covariates
    currency: int

    @property
    def dear(self) -> bool:
        """Whether a pass costs some thirty times as much, for types' own factors or for households that fall silent."""
        return self.fitted.layout.own or self.fitted.layout.churn

    def sample(self, households: int, cheap: int, dear: int) -> tuple[Histories, Whole]:
        """At most so many households, by a seeded lot, with about so many facts; and their indices."""
        histories = self.histories
        order = np.random.default_rng(SEED).permutation(len(histories)).astype(np.int64)
        facts = np.cumsum(np.diff(histories.offsets)[order])
        within = int(np.searchsorted(facts, dear if self.dear else cheap, side="right"))
        most = min(households, max(1, within))
        if most >= len(histories):
            return histories, np.arange(len(histories))
        chosen = np.sort(order[:most])
        return histories.take(chosen), chosen


@dataclass(frozen=True, slots=True)
class Seen:
    """The posterior of each household at one vector."""

    factors: Floats  # H x D: E[z] exp(covariates . x); 1 for source-only types
    living: Floats  # H x D: the same of those not silent at the end, E[z 1(alive)] exp(covariates . x)
    alive: Floats  # H: P(not silent at the end)
    log_likelihood: Floats  # H
    own: Floats  # N: the probability that nothing earlier led to the fact; 0 where it is not counted


def problem_on(
    parts: Sequence[Histories], given: Given, *, layout: Layout | None = None, calendar: Calendar | None = None
) -> Problem:
    """As the fit's, of other histories. Raises Refused where no fact is counted."""
    engine = Threads(1)
    engine.start(parts)
    layout = layout or given.fitted.layout
    rates = given.fitted.parameters.decays if layout.decays else np.zeros(0)
    decays = Decays.of(rates, parts[0].grain)
    return Problem(engine, surveyed(engine), layout, decays, calendar or given.fitted.calendar, given.covariates)


def narrowed(fitted: Fitted, columns: Whole) -> Fitted:
    """As if its calendar had had these columns alone; a start for another fit, with the errors of this one."""
    if len(columns) == fitted.layout.features:
        return fitted
    old = fitted.layout
    layout = replace(old, features=len(columns))
    block = np.concatenate([[0], 1 + columns, np.arange(1 + old.features, old.block)])
    blocks = (np.arange(len(old.receivers))[:, None] * old.block + block).reshape(-1)
    places = np.concatenate([blocks, np.arange(old.blocks, old.size)])
    influence = fitted.influence
    if influence is not None:
        both = np.concatenate([places, np.arange(old.size, len(influence.vector))])
        influence = replace(
            influence, vector=influence.vector[both], covariance=influence.covariance[np.ix_(both, both)]
        )
    calendar = fitted.calendar
    names = tuple(calendar.names[column] for column in columns)
    vector = fitted.vector[places]
    return replace(
        fitted,
        parameters=layout.parameters(vector, fitted.parameters.decays),
        layout=layout,
        calendar=Calendar(calendar.first, np.ascontiguousarray(calendar.features[:, columns]), names),
        vector=vector,
        influence=influence,
    )


def refit(problem: Problem, begun: Parameters, gain: float = GAIN) -> Floats:
    """The vector found."""
    return climb(problem, problem.layout.vector(begun), gain=gain).vector


def posterior(problem: Problem, vector: Floats, number: int = 0) -> Seen:
    """Of one part's households."""
    shard = problem.shards[number]
    histories, receivers = shard.histories, problem.layout.receivers
    found = posteriors(shard, At(problem.setting, vector))
    factors, living = np.ones((2, len(histories), histories.types))
    factors[:, receivers] = found.kept[:, 3 : 3 + len(receivers)]
    living[:, receivers] = found.kept[:, 3 + len(receivers) :]
    return Seen(factors, living, found.kept[:, 1].copy(), found.kept[:, 2].copy(), found.own)


def changed(
    histories: Histories,
    *,
    kept: Flags | None = None,
    times: Floats | None = None,
    start: Floats | None = None,
    end: Floats | None = None,
) -> Histories:
    """Some of the facts, at other times; windows too. Put in order again; without roles and references."""
    mask = np.ones(histories.facts, dtype=np.bool_) if kept is None else kept
    owner = histories.owner[mask]
    moved = (histories.times if times is None else times)[mask]
    order = np.lexsort((moved, owner))
    return replace(
        histories,
        start=histories.start if start is None else start,
        end=histories.end if end is None else end,
        offsets=np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(histories)))]).astype(np.int64),
        times=moved[order],
        kinds=histories.kinds[mask][order],
        amounts=histories.amounts[mask][order],
        currency=histories.currency[mask][order],
        roles=None,
        role_names=(),
        references=None,
    )
