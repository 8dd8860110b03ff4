"""The naive specification: no frailty, no churn, no calendar. D separate concave problems.

log L_d(theta) = sum over facts of type d of log(theta . x_i) - theta . c, x = [1, R], c their exposures (Hawkes 1971;
Ogata 1978). Projected Newton (Bertsekas 1982) with exact Hessians; a start on a tenth of the households.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from setaria.flywheel.arrays import Floats
from setaria.flywheel.fit.decays import Decays
from setaria.flywheel.fit.engines import Engine, Shard, Source, Threads, added, plain, running
from setaria.flywheel.fit.quadratic import step
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.kernels.features import exposures, linear_pass

PASSES = 60
_ENOUGH = 4_000  # households: from twice so many on, the start is found on a part of them
_TINY = 1e-12


@dataclass(slots=True)
class Sums:
    """Of some households: log-likelihood by type without the exposures, gradient, information."""

    likelihood: Floats  # D
    gradient: Floats  # D x F
    information: Floats  # D x F x F

    def add(self, other: Sums) -> None:
        self.likelihood += other.likelihood
        self.gradient += other.gradient
        self.information += other.information


@dataclass(slots=True)
class Exposed:
    """Of some households: the exposures, counted facts by type, and how many they are."""

    total: Floats  # F: watched days, then the facts'
    counts: Floats  # D
    households: int

    def add(self, other: Exposed) -> None:
        self.total += other.total
        self.counts += other.counts
        self.households += other.households


@dataclass(frozen=True, slots=True)
class Naive:
    theta: Floats  # D x F: [mu, A decay-major]
    log_likelihood: float
    by_type: Floats  # D
    passes: int
    gain_left: float


@dataclass(frozen=True, slots=True)
class _At:
    """What a task is given. `limits`: of some shards no more than so many households."""

    decays: Decays
    theta: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    limits: dict[int, int] = field(default_factory=dict)

    def histories(self, shard: Shard) -> Histories:
        histories, limit = shard.lean, self.limits.get(shard.number)
        return histories if limit is None else histories.part(0, limit)


def _sums(shard: Shard, at: _At) -> Sums:
    histories, theta = at.histories(shard), at.theta
    types, width = theta.shape
    made = Sums(np.zeros(types), np.zeros((types, width)), np.zeros((types, width, width)))
    linear_pass(
        plain(histories.offsets),
        plain(histories.times),
        plain(histories.kinds),
        plain(histories.start),
        histories.receivers,
        plain(theta),
        plain(at.decays.rates),
        plain(at.decays.jumps),
        made.likelihood,
        made.gradient,
        made.information,
    )
    return made


def _exposed(shard: Shard, at: _At) -> Exposed:
    histories = at.histories(shard)
    total: Floats = exposures(
        plain(histories.offsets),
        plain(histories.times),
        plain(histories.kinds),
        plain(histories.start),
        plain(histories.end),
        plain(at.decays.rates),
        plain(at.decays.mass),
        histories.types,
    )
    counts = np.bincount(histories.kinds[histories.counted], minlength=histories.types).astype(np.float64)
    return Exposed(total, counts, len(histories))


@dataclass(frozen=True, slots=True)
class Over:
    """Sums over an engine's shards, or over the first households of some of them."""

    engine: Engine
    decays: Decays
    limits: dict[int, int] | None = None

    def sums(self, theta: Floats) -> Sums:
        return added(self.engine.sums(_sums, _At(self.decays, theta, self.limits or {}), self._only))

    def exposed(self) -> Exposed:
        return added(self.each_exposed())

    def each_exposed(self) -> list[Exposed]:
        return list(self.engine.sums(_exposed, _At(self.decays, limits=self.limits or {}), self._only))

    @property
    def _only(self) -> list[int] | None:
        return None if self.limits is None else sorted(self.limits)

    def first(self, households: int, sizes: list[int]) -> Over:
        limits: dict[int, int] = {}
        for number, size in enumerate(sizes):
            if households <= 0:
                break
            limits[number] = min(size, households)
            households -= size
        return Over(self.engine, self.decays, limits)


def fit_naive(
    parts: Source, decays: Decays, *, workers: int = 1, gain: float = 1e-3, engine: Engine | None = None
) -> Naive:
    """Shards in, optimum out: ends when the next Newton step promises less than `gain` nats.

    Without an engine: on so many threads of this process.
    """
    with running(engine or Threads(workers), parts) as started:
        return climb_naive(started, decays, gain)


def climb_naive(engine: Engine, decays: Decays, gain: float = 1e-3) -> Naive:
    """As `fit_naive`, over the shards of an engine that was started."""
    over = Over(engine, decays)
    each = over.each_exposed()
    sizes = [one.households for one in each]
    whole = added(each)
    counts = whole.counts
    theta = _start(counts, whole.total)
    if whole.households >= 2 * _ENOUGH:
        some = over.first(max(_ENOUGH // 2, whole.households // 10), sizes)
        theta = _climb(some, theta, some.exposed().total, 1.0).theta
        unseen = (theta[:, 0] <= 0) & (counts > 0)
        theta[unseen] = _start(counts, whole.total)[unseen]
    return _climb(over, np.where(counts[:, None] > 0, theta, 0.0), whole.total, gain)


def _start(counts: Floats, total: Floats) -> Floats:
    """Half of what happened without earlier facts, the rest spread evenly over all earlier facts."""
    later = total[1:].sum()
    theta = np.zeros((len(counts), len(total)))
    theta[:, 0] = counts / max(total[0], _TINY) * (0.5 if later > 0 else 1.0)
    if later > 0:
        theta[:, 1:] = (0.5 * counts / later)[:, None] * (total[1:] > 0)
    return theta


def _climb(over: Over, theta: Floats, total: Floats, gain: float) -> Naive:
    now = over.sums(theta)
    reached = now.likelihood - theta @ total
    promised = np.inf
    floor = np.zeros(theta.shape[1])
    for passed in range(1, PASSES + 1):
        steps = np.zeros_like(theta)
        promises = np.zeros(len(theta))
        for d in range(len(theta)):
            if now.gradient[d, 0] == 0:
                continue
            full = now.information[d]
            pull = now.gradient[d] - total
            steps[d] = step(full, pull, theta[d], floor)
            promises[d] = pull @ steps[d] - 0.5 * steps[d] @ full @ steps[d]
        promised = float(promises.sum())
        if promised < gain:
            return Naive(theta, float(reached.sum()), reached, passed, promised)
        theta, now, reached = _accepted(over, theta, steps, promises, reached, total)
    return Naive(theta, float(reached.sum()), reached, PASSES, promised)


def _accepted(
    over: Over, theta: Floats, steps: Floats, promises: Floats, reached: Floats, total: Floats
) -> tuple[Floats, Sums, Floats]:
    """Each type goes as far as its own likelihood rises: full steps near the optimum, halves far from it."""
    scale = np.ones(len(theta))
    while True:
        tried = np.maximum(theta + scale[:, None] * steps, 0.0)
        tried[:, 0] = np.maximum(tried[:, 0], theta[:, 0] * 1e-3)
        now = over.sums(tried)
        value = now.likelihood - tried @ total
        rose = (value >= reached + 1e-4 * scale * promises - 1e-9 * np.abs(reached)) | (promises <= 0)
        if rose.all() or scale.min() < 1e-6:
            return tried, now, value
        scale = np.where(rose, scale, scale / 2)
