"""What one pass says of all shards before anything is fitted: how many, when, how much, and of which households."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from setaria.facts.refused import Refused
from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.fit.engines import Engine, Shard
from setaria.flywheel.histories.histories import Grain, Histories, Touchpoint
from setaria.flywheel.parameters import Specification


@dataclass(slots=True)
class Survey:
    """Of one shard, or of several added. Covariates are the caller's, then the logarithm of each sent type's rate."""

    touchpoints: tuple[Touchpoint, ...]
    currencies: tuple[str, ...]
    grain: Grain
    covariate_names: tuple[str, ...]
    households: int
    counted: int
    start: float  # the first
    end: float  # the last
    kinds: Floats  # D: all facts, in windows and before
    amounts: Floats  # currencies x D, minor units
    mean: Floats  # of the covariates
    squares: Floats  # sums of their squared departures from it

    def add(self, other: Survey) -> None:
        """Moments as in Chan, Golub, LeVeque (American Statistician 37(3), 1983): no digits are lost to the mean."""
        apart = other.mean - self.mean
        households = self.households + other.households
        share = other.households / max(households, 1)
        self.mean = self.mean + apart * share
        self.squares = self.squares + other.squares + apart**2 * (self.households * share)
        self.households = households
        self.counted += other.counted
        self.start = min(self.start, other.start)
        self.end = max(self.end, other.end)
        self.kinds = self.kinds + other.kinds
        self.amounts = self.amounts + other.amounts

    @property
    def receivers(self) -> Whole:
        """Indices of types."""
        return np.flatnonzero([each.receives for each in self.touchpoints]).astype(np.int64)

    @property
    def mean_amounts(self) -> Floats:
        """Currencies x D, minor units per fact of the type."""
        made: Floats = self.amounts / np.maximum(self.kinds, 1.0)
        return made


@dataclass(frozen=True, slots=True)
class Covariates:
    """How a household's covariates are brought to mean 0 and deviation 1, from the survey of all households."""

    names: tuple[str, ...]
    mean: Floats
    spread: Floats

    @classmethod
    def of(cls, survey: Survey, specification: Specification) -> Covariates:
        names = list(survey.covariate_names)
        if specification.sent_means:
            names += [f"sent {each.name}" for each in survey.touchpoints if not each.receives]
        spread = np.sqrt(survey.squares[: len(names)] / max(survey.households, 1))
        return cls(tuple(names), survey.mean[: len(names)], np.where(spread > 1e-9, spread, 1.0))

    def __call__(self, part: Histories) -> Floats:
        """H x P."""
        made: Floats = (raw_covariates(part)[:, : len(self.names)] - self.mean) / self.spread
        return made


def surveyed(engine: Engine) -> list[Survey]:
    """Of each shard. Raises Refused where there is nothing to fit."""
    made = list(engine.sums(_survey, None))
    if not any(each.households for each in made):
        raise Refused("flywheel_no_households")
    if not any(each.counted for each in made):
        raise Refused("flywheel_no_counted_facts")
    return made


def _survey(shard: Shard, nothing: None) -> Survey:
    part = shard.histories
    currencies, types = len(part.currencies), part.types
    amounts = np.zeros((currencies, types))
    for c in range(currencies):
        chosen = part.currency == c
        amounts[c] = np.bincount(part.kinds[chosen], weights=part.amounts[chosen], minlength=types)
    covariates = raw_covariates(part)
    some = len(part) > 0
    mean = covariates.mean(axis=0) if some else np.zeros(covariates.shape[1])
    return Survey(
        part.touchpoints,
        part.currencies,
        part.grain,
        part.covariate_names,
        len(part),
        int(part.counted.sum()),
        float(part.start.min()) if some else np.inf,
        float(part.end.max()) if some else -np.inf,
        np.bincount(part.kinds, minlength=types).astype(np.float64),
        amounts,
        mean,
        ((covariates - mean) ** 2).sum(axis=0),
    )


def raw_covariates(part: Histories) -> Floats:
    """H x P: the caller's, and for each source-only type the logarithm of its rate (Mundlak)."""
    given = part.covariates if part.covariate_names else np.zeros((len(part), 0))
    sent = np.flatnonzero(~part.receivers)
    if not len(sent):
        return given
    inside = part.times > np.repeat(part.start, np.diff(part.offsets))
    counts = np.zeros((len(part), len(sent)))
    for column, d in enumerate(sent):
        chosen = inside & (part.kinds == d)
        counts[:, column] = np.bincount(part.owner[chosen], minlength=len(part))
    return np.hstack([given, np.log((counts + 0.5) / (part.end - part.start)[:, None])])
