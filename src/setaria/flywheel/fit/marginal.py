"""The marginal log-likelihood of a specification over shards: value, score, information."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from scipy.linalg import blas
from scipy.special import polygamma, psi

from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.calendar import Calendar
from setaria.flywheel.fit.decays import Decays
from setaria.flywheel.fit.engines import Engine, Shard, Threads, added, plain
from setaria.flywheel.fit.layout import LOG_OWN, Layout
from setaria.flywheel.fit.naive import Exposed, Over
from setaria.flywheel.fit.survey import Covariates, Survey
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.kernels.latent import latent_pass
from setaria.flywheel.kernels.latent_data import CERTAIN, Columns, Model, Sums

AT_ONCE = 256  # households whose scores are in memory together
LIKELIHOOD, SCORE = -1, -2  # instead of a number of draws: no more than that is wanted
_SEED = 20_170_406
# Of the household's factor, where it alone is open: two leave less than 1 % of any standard error, three .1 %.
_FUNCTIONS = 3
# Normal priors so weak that only what the data leave open feels them: standard deviations of calendar and covariate
# coefficients, and of the logarithm of variances and of the churn rate, around these values.
_SOFT = 1.0
_HYPER_SOFT = 1.5
PRIOR = 1 / _HYPER_SOFT**2  # its information
_HYPER_AT = np.log(0.5)
_CHURN_AT = np.log(1 / 1000)


@dataclass(slots=True)
class Marginal:
    """Sums over shards at one vector. `score` and `information` include the soft priors, `likelihood` does not."""

    likelihood: float
    objective: float
    score: Floats
    information: Floats
    meat: Floats = field(default_factory=lambda: np.zeros((0, 0)))


@dataclass(frozen=True, slots=True)
class Setting:
    """What stays the same at every vector, and goes to where the shards are."""

    layout: Layout
    decays: Decays
    calendar: Calendar
    covariates: Covariates
    shift: float  # 1 for day grain: the day n stands for (n - 1, n]
    problem: int  # its serial: whose posteriors are kept beside a shard

    def model(self, vector: Floats) -> Model:
        layout, features = self.layout, plain(self.calendar.features)
        blocks = vector[: layout.blocks].reshape(-1, layout.block)
        width = features.shape[1]
        level = np.exp(blocks[:, 1 : 1 + width] @ features.T)
        receiver = np.full(layout.types, -1, dtype=np.int64)
        receiver[layout.receivers] = np.arange(len(layout.receivers))
        hyper = vector[layout.blocks :]
        own = np.exp(-hyper[layout.hyper - len(layout.receivers) :]) if layout.own else np.zeros(0)
        own = np.where(own >= np.exp(-LOG_OWN) * (1 - 1e-9), CERTAIN, own)
        return Model(
            receiver,
            plain(self.decays.rates),
            plain(self.decays.jumps),
            plain(self.decays.mass),
            plain(blocks[:, layout.front :]),
            plain(blocks[:, 0]),
            plain(blocks[:, 1 + width : layout.front]),
            float(np.exp(-hyper[0])) if layout.shared else 0.0,
            own,
            float(np.exp(hyper[int(layout.shared)])) if layout.churn else 0.0,
            self.calendar.first,
            self.shift,
            features,
            level,
            _running(level[:, :, None])[:, :, 0],
            _running(level[:, :, None] * features[None]),
        )

    def columns(self, shard: Shard, histories: Histories) -> Columns:
        """The kernels' view of a shard. Where its households' posteriors were found last stays beside it."""
        kept = shard.kept.get("posteriors")
        if kept is None or kept.problem != self.problem:
            kept = shard.kept["posteriors"] = _Posteriors.of(self, histories)
        return Columns(
            plain(histories.offsets),
            plain(histories.times),
            plain(histories.kinds),
            plain(histories.start),
            plain(histories.end),
            kept.covariates,
            kept.center,
            kept.spread,
        )


@dataclass(frozen=True, slots=True)
class _Posteriors:
    problem: int
    covariates: Floats
    center: Floats
    spread: Floats

    @classmethod
    def of(cls, setting: Setting, histories: Histories) -> _Posteriors:
        counts = np.zeros((len(histories), 1 + histories.types))
        inside = histories.counted
        owners, kinds = histories.owner[inside], histories.kinds[inside]
        np.add.at(counts, (owners, np.zeros_like(kinds)), 1.0)
        np.add.at(counts, (owners, 1 + kinds.astype(np.int64)), 1.0)
        counts = counts[:, np.concatenate([[True], histories.receivers])]
        days = (histories.end - histories.start)[:, None]
        usual = counts.sum(axis=0) / max(days.sum(), 1e-9)
        center = np.log((1.0 + 0.5 * counts) / (1.0 + usual * days))
        return cls(
            setting.problem, plain(setting.covariates(histories)), plain(center), 1.0 / np.sqrt(1.0 + 0.6 * counts)
        )


class At:
    """A setting at one vector: what tasks are given. The model is made once in each process."""

    def __init__(self, setting: Setting, vector: Floats, draws: int = 0, more: Any = None) -> None:
        self.setting = setting
        self.vector = vector
        self.draws = draws
        self.more = more
        self._model: Model | None = None
        self._making = Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return At, (self.setting, self.vector, self.draws, self.more)

    @property
    def model(self) -> Model:
        with self._making:
            if self._model is None:
                self._model = self.setting.model(self.vector)
            return self._model


_Answer = TypeVar("_Answer")
_serial = count()


class Problem:
    """The shards of an engine that was started, or some of them (`only`), under one setting."""

    def __init__(
        self,
        engine: Engine,
        surveys: Sequence[Survey],
        layout: Layout,
        decays: Decays,
        calendar: Calendar,
        covariates: Covariates,
        only: Sequence[int] | None = None,
    ) -> None:
        self.engine = engine
        self.surveys = surveys
        self.layout = layout
        self.decays = decays
        self.calendar = calendar
        self.covariates = covariates
        self.only = only
        self.survey = added(replace(surveys[number]) for number in (range(len(surveys)) if only is None else only))
        self.households = self.survey.households
        self.setting = Setting(layout, decays, calendar, covariates, float(surveys[0].grain == "day"), next(_serial))
        assert len(calendar.names) == layout.features

    def part(self, numbers: Sequence[int]) -> Problem:
        """On some of the shards."""
        return Problem(self.engine, self.surveys, self.layout, self.decays, self.calendar, self.covariates, numbers)

    def lasting(self) -> Problem:
        """On the same shards, of households that do not fall silent."""
        layout = replace(self.layout, churn=False)
        return Problem(self.engine, self.surveys, layout, self.decays, self.calendar, self.covariates, self.only)

    @property
    def shards(self) -> list[Shard]:
        """Those that are in this process."""
        assert isinstance(self.engine, Threads)
        shards = self.engine.shards
        return shards if self.only is None else [shards[number] for number in self.only]

    def model(self, vector: Floats) -> Model:
        return self.setting.model(vector)

    def exposed(self) -> Exposed:
        limits = None if self.only is None else {number: self.surveys[number].households for number in self.only}
        return Over(self.engine, self.decays, limits).exposed()

    def each(self, task: Callable[[Shard, At], _Answer], vector: Floats, more: Any = None) -> Iterator[_Answer]:
        """A task's answer for each shard, in order; the task finds `more` beside the model."""
        return self.engine.sums(task, At(self.setting, vector, 0, more), self.only)

    def evaluate(
        self, vector: Floats, *, draws: int = 0, meat: Callable[[Histories], Floats] | None = None
    ) -> Marginal:
        """`draws` of each household's posterior for Louis's correction (functions of the household's factor where that
        alone is open), or SCORE or LIKELIHOOD alone; with `meat`, the outer products of scores, each household's
        widened by the columns that `meat` gives for its shard."""
        at = At(self.setting, vector, draws, meat)
        return self._finish(at, added(self.engine.sums(_total, at, self.only)))

    def household_likelihoods(self, vector: Floats) -> Floats:
        """Marginal log-likelihood of each household, shard by shard."""
        return np.concatenate(list(self.each(_likelihoods, vector)))

    def _finish(self, at: At, total: _Total) -> Marginal:
        layout, vector = self.layout, at.vector
        weight, center = self._priors()
        away = vector - center
        likelihood = float(total.sums.likelihood[0])
        objective = likelihood - 0.5 * float(weight @ away**2)
        if not total.score.size:
            return Marginal(likelihood, objective, total.score, total.spread)
        if not total.sums.information.shape[1]:
            return Marginal(likelihood, objective, total.score - weight * away, total.spread)
        information = np.diag(weight)
        for r in range(len(layout.receivers)):
            low = total.sums.information[r]
            where = list(range(r * layout.block, (r + 1) * layout.block))
            if layout.own:
                where.append(layout.size - len(layout.receivers) + r)
            else:
                low = low[:-1, :-1]
            low = np.tril(low) + np.tril(low, -1).T
            low[: 1 + layout.features, : 1 + layout.features] += _calendar_squares(at.model, total.sums.days[r], r)
            information[np.ix_(where, where)] += low
        hyper = np.arange(layout.blocks, layout.size)
        information[hyper, hyper] += self._hyper_information(vector, total)
        return Marginal(
            likelihood,
            objective,
            total.score - weight * away,
            information - (_both(total.spread) if total.spread.size else 0.0),
            _both(total.meat) if total.meat.size else total.meat,
        )

    def _priors(self) -> tuple[Floats, Floats]:
        layout = self.layout
        weight, center = np.zeros(layout.size), np.zeros(layout.size)
        for r in range(len(layout.receivers)):
            weight[r * layout.block + 1 : r * layout.block + layout.front] = 1 / _SOFT**2
        weight[layout.blocks :] = PRIOR
        center[layout.blocks :] = _HYPER_AT
        if layout.churn:
            center[layout.blocks + int(layout.shared)] = _CHURN_AT
        return weight, center

    def _hyper_information(self, vector: Floats, total: _Total) -> Floats:
        """Of the complete data: n a (a psi'(a) - 1) - a sum g for a gamma's log variance, rate x risk for churn."""
        layout = self.layout
        shapes = np.exp(-vector[layout.blocks :])
        raw = np.concatenate([[total.sums.hyper[0]], [0.0], total.sums.hyper[3:]])[layout.hyper_columns]
        constant = self.households * (np.log(shapes) + 1 - psi(shapes))
        made: Floats = self.households * shapes * (shapes * polygamma(1, shapes) - 1) - shapes * (raw + constant)
        if layout.churn:
            made[int(layout.shared)] = total.sums.hyper[2] / shapes[int(layout.shared)]
        if layout.shared and total.spread.size:  # what draws of nodes do not see of the score's variance
            made[0] -= shapes[0] ** 2 * total.sums.hyper[-1]
        return made


@dataclass(slots=True)
class _Total:
    sums: Sums
    score: Floats
    spread: Floats  # upper triangle, as is `meat`
    meat: Floats

    def add(self, other: _Total) -> None:
        for mine, theirs in zip(self.sums, other.sums, strict=True):
            mine += theirs
        self.score += other.score
        self.spread = _plus(self.spread, other.spread)
        self.meat = _plus(self.meat, other.meat)


@dataclass(frozen=True, slots=True)
class Posteriors:
    """Of a shard's households. `inverse` and `own` are zero for facts that are not counted."""

    inverse: Floats  # N: E[1 / lambda]
    own: Floats  # N: the chance that nothing earlier led to the fact
    kept: Floats  # H x (3 + 2 R), as `latent_pass` writes it


def posteriors(shard: Shard, at: At) -> Posteriors:
    histories, receivers = shard.histories, len(at.setting.layout.receivers)
    sums = _no_sums(at.setting.layout, 0, False)
    inverse, own = np.zeros(histories.facts), np.zeros(histories.facts)
    kept, none = np.zeros((len(histories), 3 + 2 * receivers)), np.zeros((len(histories), 0))
    columns = at.setting.columns(shard, histories)
    latent_pass(at.model, columns, 0, len(histories), sums, none, none[:0], 0, inverse, own, kept)
    return Posteriors(inverse, own, kept)


def _likelihoods(shard: Shard, at: At) -> Floats:
    return posteriors(shard, at).kept[:, 2]


def _total(shard: Shard, at: At) -> _Total:
    layout, model, draws = at.setting.layout, at.model, at.draws
    wanted, drawn = draws != LIKELIHOOD, layout.own or layout.churn
    many = max(draws, 0) if drawn else min(max(draws, 0), _FUNCTIONS)
    histories = shard.histories if at.more else shard.lean
    columns = at.setting.columns(shard, histories)
    extra = at.more(histories) if at.more else None
    sums = _no_sums(layout, model.level.shape[1], draws >= 0)
    width = (layout.blocks + 2 + (len(layout.receivers) if layout.own else 0)) * wanted
    score, spread, meat = np.zeros(width), np.zeros((0, 0)), np.zeros((0, 0))
    scale, shift = _hyper_scale(layout, model)
    seed, none, nobody = _SEED + shard.number * 7919, np.zeros(0), np.zeros((0, 0))
    at_once = AT_ONCE if many or extra is not None else len(histories)
    for first in range(0, len(histories), at_once):
        after = min(first + at_once, len(histories))
        # A row for each household only where the outer products of scores are wanted.
        households = after - first
        rows = np.zeros((1, width) if extra is None else (households, width + extra.shape[1]))
        deep = np.zeros((households * many, width))
        latent_pass(model, columns, first, after, sums, rows, deep, seed + first, none, none, nobody)
        if not wanted:
            continue
        hyper = rows[:, layout.blocks : width]
        hyper[:] = (hyper + shift * (households / len(rows))) * scale
        score += rows[:, :width].sum(axis=0)
        if many:
            deep[:, layout.blocks :] *= scale
            spread = _plus_square(spread, deep, 1.0 / many if drawn else 1.0)
        if extra is not None:
            rows[:, width:] = extra[first:after]
            meat = _plus_square(meat, rows)
    if not wanted:
        return _Total(sums, score, spread, meat)
    chosen = np.concatenate([np.arange(layout.blocks), layout.blocks + layout.hyper_columns])
    return _Total(sums, score[chosen], _of(spread, chosen), _of(meat, np.append(chosen, np.arange(width, len(meat)))))


def _hyper_scale(layout: Layout, model: Model) -> tuple[Floats, Floats]:
    """What turns the kernel's raw hyperparameter columns into scores: (raw + shift) scale."""
    shapes = np.concatenate([[model.shared or 1.0], [1.0], model.own if layout.own else []])
    shift = np.log(shapes) + 1 - psi(shapes)
    scale = -shapes
    shift[1], scale[1] = 0.0, 1.0
    return scale, shift


def _no_sums(layout: Layout, days: int, informed: bool) -> Sums:
    receivers, block = len(layout.receivers), (layout.block + 1) * informed
    return Sums(
        np.zeros(1),
        np.zeros((receivers, block, block)),
        np.zeros((receivers, days * informed, 2)),
        np.zeros(4 + receivers),
    )


def _calendar_squares(model: Model, weights: Floats, r: int) -> Floats:
    """Of [1, calendar] with itself: each day's own weight, and its level times the weight of all later days."""
    later = np.cumsum(weights[::-1, 1])[::-1] - weights[:, 1]
    features = np.hstack([np.ones((len(weights), 1)), model.features])
    made: Floats = features.T @ ((weights[:, 0] + model.level[r] * later)[:, None] * features)
    return made


def _plus(one: Floats, other: Floats) -> Floats:
    if not one.size or not other.size:
        return one if one.size else other
    return one + other


def _plus_square(total: Floats, rows: Floats, weight: float = 1.0) -> Floats:
    """total + weight rows' rows, upper triangle."""
    size = rows.shape[1]
    into = total if total.size else np.zeros((size, size), order="F")
    made: Floats = blas.dsyrk(weight, rows.T, beta=1.0, c=into, overwrite_c=1)
    return made


def _of(matrix: Floats, chosen: Whole) -> Floats:
    made: Floats = matrix[np.ix_(chosen, chosen)] if matrix.size else matrix
    return made


def _both(upper: Floats) -> Floats:
    made: Floats = np.triu(upper) + np.triu(upper, 1).T
    return made


def _running(levels: Floats) -> Floats:
    """R x days x W -> R x (days + 1) x W, sums of the days before."""
    made = np.zeros((levels.shape[0], levels.shape[1] + 1, levels.shape[2]))
    np.cumsum(levels, axis=1, out=made[:, 1:])
    return made
