"""The naive specification: no frailty, no churn, no calendar. D separate concave problems.

log L_d(theta) = sum over facts of type d of log(theta . x_i) - theta . c, x = [1, R], c their exposures (Hawkes 1971;
Ogata 1978). Projected Newton (Bertsekas 1982) on parts of the households that grow, then on all. What a part says of
the Hessian serves the first pass over the next; further passes ask for it anew unless steps shrink fast.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from setaria.flywheel.arrays import Floats
from setaria.flywheel.fit.decays import Decays
from setaria.flywheel.fit.engines import Engine, Shard, Source, Threads, added, plain, running
from setaria.flywheel.fit.quadratic import steps
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.kernels.features import exposures, linear_pass

PASSES = 60
_GROWS = 8  # times: from one part to the next
_LEAST = 300  # households of a part
_ROUGHLY = 0.1  # nats by parameter: where a part is left, which differs from the next by more
_FALLS = 0.005  # a Hessian serves again where what a step promises falls to so little of what the last promised
_RARE = 0.05  # of a type's facts have no earlier fact as parent, at least, when a part is left
_TINY = 1e-12


@dataclass(slots=True)
class Sums:
    """Of some households: log-likelihood by type without the exposures, gradient, information."""

    likelihood: Floats  # D
    gradient: Floats  # D x F
    information: Floats  # D x F x F, D x 0 x 0 where it was not asked for

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


@dataclass(slots=True)
class Both:
    """Made of one reading of the shards."""

    sums: Sums
    exposed: Exposed

    def add(self, other: Both) -> None:
        self.sums.add(other.sums)
        self.exposed.add(other.exposed)


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
    informed: bool = True

    def histories(self, shard: Shard) -> Histories:
        histories, limit = shard.lean, self.limits.get(shard.number)
        return histories if limit is None else histories.part(0, limit)


def _sums(shard: Shard, at: _At) -> Sums:
    return _sums_of(at.histories(shard), at)


def _exposed(shard: Shard, at: _At) -> Exposed:
    return _exposed_of(at.histories(shard), at)


def _both(shard: Shard, at: _At) -> Both:
    histories = at.histories(shard)
    return Both(_sums_of(histories, at), _exposed_of(histories, at))


def _size(shard: Shard, nothing: None) -> int:
    return shard.households


def _sums_of(histories: Histories, at: _At) -> Sums:
    types, width = at.theta.shape
    asked = width if at.informed else 0
    made = Sums(np.zeros(types), np.zeros((types, width)), np.zeros((types, asked, asked)))
    linear_pass(
        plain(histories.offsets),
        plain(histories.times),
        plain(histories.kinds),
        plain(histories.start),
        histories.receivers,
        plain(at.theta),
        plain(at.decays.rates),
        plain(at.decays.jumps),
        made.likelihood,
        made.gradient,
        made.information,
    )
    return made


def _exposed_of(histories: Histories, at: _At) -> Exposed:
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

    def sums(self, theta: Floats, informed: bool = True) -> Sums:
        return added(self.engine.sums(_sums, self._at(theta, informed), self._only))

    def both(self, theta: Floats, informed: bool) -> Both:
        return added(self.engine.sums(_both, self._at(theta, informed), self._only))

    def exposed(self) -> Exposed:
        return added(self.engine.sums(_exposed, _At(self.decays, limits=self.limits or {}), self._only))

    def parts(self) -> list[Over]:
        """Of all shards: the first households, each time more. None where there are few."""
        sizes = list(self.engine.sums(_size, None))
        parts: list[Over] = []
        households = sum(sizes) // _GROWS
        while households >= _LEAST:
            parts.insert(0, self._first(households, sizes))
            households //= _GROWS
        return parts

    def _first(self, households: int, sizes: list[int]) -> Over:
        limits: dict[int, int] = {}
        for number, size in enumerate(sizes):
            if households <= 0:
                break
            limits[number] = min(size, households)
            households -= size
        return Over(self.engine, self.decays, limits)

    def _at(self, theta: Floats, informed: bool) -> _At:
        return _At(self.decays, theta, self.limits or {}, informed)

    @property
    def _only(self) -> list[int] | None:
        return None if self.limits is None else sorted(self.limits)


def fit_naive(
    parts: Source, decays: Decays, *, workers: int = 1, gain: float = 1e-6, engine: Engine | None = None
) -> Naive:
    """Shards in, optimum out: ends when the next Newton step promises less than `gain` nats.

    Without an engine: on so many threads of this process.
    """
    with running(engine or Threads(workers), parts) as started:
        return climb_naive(started, decays, gain)


def climb_naive(engine: Engine, decays: Decays, gain: float = 1e-3) -> Naive:
    """As `fit_naive`, over the shards of an engine that was started."""
    over = Over(engine, decays)
    reached: _Climbed | None = None
    for part in over.parts():
        reached = _climb(part, reached, None)
    reached = _climb(over, reached, gain)
    return Naive(reached.theta, float(reached.value.sum()), reached.value, reached.passes, reached.promised)


def _start(exposed: Exposed) -> Floats:
    """Half of what happened without earlier facts, the rest spread evenly over all earlier facts."""
    counts, total = exposed.counts, exposed.total
    later = total[1:].sum()
    theta = np.zeros((len(counts), len(total)))
    theta[:, 0] = counts / max(total[0], _TINY) * (0.5 if later > 0 else 1.0)
    if later > 0:
        theta[:, 1:] = (0.5 * counts / later)[:, None] * (total[1:] > 0)
    return theta


@dataclass(frozen=True, slots=True)
class _Climbed:
    theta: Floats
    value: Floats  # D
    information: Floats  # D x F x F, perhaps of a little before
    exposed: Exposed
    step: Floats  # D x F: the next one
    promised: float
    passes: int

    def further(self) -> Floats:
        """One step more, of which nobody knows how good it is: where the next part begins."""
        theta = _moved(self.theta, self.step)
        theta[:, 0] = np.maximum(theta[:, 0], _RARE * self.exposed.counts / max(self.exposed.total[0], _TINY))
        return theta


def _entered(over: Over, before: _Climbed | None) -> tuple[Floats, Sums, Exposed]:
    """The first pass: where it was made, what it found. Its information may be that of a part, scaled."""
    if before is None:
        exposed = over.exposed()
        theta = _start(exposed)
        return theta, over.sums(theta), exposed
    theta = before.further()
    unseen = before.exposed.counts == 0
    theta[unseen, 0] = 1.0  # any: nobody knows yet whether there are such facts
    both = over.both(theta, informed=False)
    exposed, counts = both.exposed, both.exposed.counts
    theta[unseen] = _start(exposed)[unseen]
    if np.any(unseen & (counts > 0)):
        return theta, over.sums(theta), exposed
    grown = counts / np.maximum(before.exposed.counts, 1.0)
    both.sums.information = before.information * grown[:, None, None]
    return theta, both.sums, exposed


def _climb(over: Over, before: _Climbed | None, gain: float | None) -> _Climbed:
    """Ends where the next step promises less than `gain` nats, without one where that is a part's worth."""
    theta, now, exposed = _entered(over, before)
    total, seen = exposed.total, exposed.counts > 0
    enough = _ROUGHLY * theta.size if gain is None else gain
    information, last = now.information, 0.0
    value = now.likelihood - theta @ total
    for passed in range(1, PASSES + 1):
        step, promises = np.zeros_like(theta), np.zeros(len(theta))
        pull = now.gradient[seen] - total
        step[seen] = steps(information[seen], pull, theta[seen])
        promises[seen] = (pull * step[seen]).sum(axis=1) - 0.5 * _squares(information[seen], step[seen])
        promised = float(promises.sum())
        if promised < enough or passed == PASSES:
            break
        fresh, last = promised > _FALLS * last, promised
        theta, now, value = _accepted(over, theta, step, promises, value, total, fresh)
        if fresh:
            information = now.information
    return _Climbed(theta, value, information, exposed, step, promised, passed)


def _squares(matrices: Floats, vectors: Floats) -> Floats:
    made: Floats = np.einsum("da,dab,db->d", vectors, matrices, vectors, optimize=True)
    return made


def _moved(theta: Floats, step: Floats) -> Floats:
    moved = np.maximum(theta + step, 0.0)
    moved[:, 0] = np.maximum(moved[:, 0], theta[:, 0] * 1e-3)
    return moved


def _accepted(
    over: Over, theta: Floats, step: Floats, promises: Floats, reached: Floats, total: Floats, informed: bool
) -> tuple[Floats, Sums, Floats]:
    """Each type goes as far as its own likelihood rises: full steps near the optimum, halves far from it."""
    scale = np.ones(len(theta))
    while True:
        tried = _moved(theta, scale[:, None] * step)
        now = over.sums(tried, informed)
        value = now.likelihood - tried @ total
        rose = (value >= reached + 1e-4 * scale * promises - 1e-9 * np.abs(reached)) | (promises <= 0)
        if rose.all() or scale.min() < 1e-6:
            return tried, now, value
        scale = np.where(rose, scale, scale / 2)
