"""Households by the model itself, from its branching (cluster) construction.

A linear Hawkes process is a Poisson process of immigrants, each the root of a family: every fact has
Poisson(A[d, s, k]) children of type d with delays Exp(decay k), independently (Hawkes and Oakes, "A cluster process
representation of a self-exciting process", J. Appl. Prob. 11, 1974). So nothing is thinned, and one cut at the window's
end is exact, for what comes after the end has no children before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from setaria.facts.refused import Refused
from setaria.flywheel.arrays import Flags, Floats, Kinds, Texts, Whole
from setaria.flywheel.histories.histories import Grain, Histories, Touchpoint
from setaria.flywheel.histories.rows import Amounts, RowsRead
from setaria.flywheel.parameters import Parameters
from setaria.flywheel.simulate.kernels import DONE, TOO_MANY, draw_households, grow, price

MOST: Final = 100_000  # facts of one household
AT_ONCE: Final = 1 << 20  # facts of one call of the kernel
ORIGIN: Final = 19_723.0  # 2024-01-01
MASK: Final = (1 << 64) - 1

# Of z (H x D), the factors of the households: rates a day (H x D), read where a type is source-only.
Sending = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Families:
    """How facts have children, as the kernel reads it."""

    children: Floats  # D: all direct children expected of a parent
    chosen: Floats  # D x (D K): cumulative chances of their (type, decay), by parent
    decays: Floats

    @classmethod
    def of(cls, parameters: Parameters) -> Families:
        by_parent = np.ascontiguousarray(parameters.excitation.transpose(1, 0, 2)).reshape(len(parameters.baseline), -1)
        children = by_parent.sum(axis=1)
        cumulative = np.cumsum(by_parent, axis=1)
        whole = cumulative[:, -1:] if cumulative.shape[1] else np.zeros((len(children), 1))
        chosen = np.divide(cumulative, whole, out=np.ones_like(cumulative), where=whole > 0)
        return cls(children=children, chosen=chosen, decays=np.ascontiguousarray(parameters.decays, dtype=np.float64))


@dataclass(frozen=True, slots=True)
class Grown:
    times: Floats  # N, days since each household's start
    kinds: Kinds
    offsets: Whole  # H + 1


def targeted(rates: Sequence[float], power: float = 1.0) -> Sending:
    """Source-only types sent at `rates` a day (D) times the mean factor of the household's types to this power.

    What a brand does that sends more to its heavy buyers. Not rescaled: with power 1 the mean rate is `rates`.
    """
    per_type = np.asarray(rates, dtype=np.float64)

    def sending(factors: Floats) -> Floats:
        return np.outer(factors.mean(axis=1) ** power, per_type)

    return sending


def simulate(
    parameters: Parameters,
    *,
    touchpoints: Sequence[Touchpoint],
    households: int,
    seed: int,
    window: tuple[float, float] = (365.0, 730.0),
    together: Literal["start", "end"] = "start",
    grain: Grain = "exact",
    amounts: Sequence[float] | Floats | None = None,
    spread: float = 0.5,
    currency: str = "CNY",
    sent: Sequence[float] | Floats | Sending | None = None,
    calendar_by_day: Floats | None = None,
    origin: float = ORIGIN,
    first: int = 0,
    most: int = MOST,
) -> Histories:
    """Households `first`, `first + 1`, ... of the population that `seed` stands for; facts from the start of each on.

    window: least and greatest length in days, uniform between; all start at `origin`, or (together "end") all end at
    `origin + window[1]`. amounts: D mean minor units of a fact, lognormal, `spread` the deviation of the logarithm;
    0 is a type without amounts. sent: rates a day of source-only types (D), the same for all or of their factors;
    silence does not stop what the brand sends. calendar_by_day: days x D factors of rates from `origin` on; it stands
    for `parameters.calendar`, which is not read. Covariates are standard normal. With grain "day" a window is whole
    days, stamps are days, start is the day before the first, and facts of one type and day are one fact.

    Nothing precedes the start: the process is not stationary there. More than `most` facts of a household: refused.
    """
    means = _per_type(amounts, len(touchpoints), "amounts")
    _check(parameters, touchpoints, households, window, grain, origin)
    receives = np.array([each.receives for each in touchpoints], dtype=np.bool_)
    lengths, factors, silent, covariates = _households(parameters, households, window, grain, seed, first)
    rates = _rates(parameters, receives, factors, covariates, sent)
    last = window[1] if grain == "exact" else float(np.round(window[1]))
    late = last - lengths if together == "end" else np.zeros(households)
    calendar = _calendar(calendar_by_day, len(touchpoints), float(np.max(late + lengths, initial=0.0)))
    grown = grow_households(
        Families.of(parameters),
        rates=rates,
        receives=receives,
        silent=silent,
        lengths=lengths,
        late=late,
        calendar=calendar,
        floored=grain == "day",
        seed=seed,
        first=first,
        most=most,
    )
    worth = np.zeros(len(grown.times), dtype=np.int64)
    price(_word(seed, 3), first, grown.offsets, grown.kinds, means, spread, worth)
    read = len(worth)
    if grain == "day":
        grown, worth = _merged(grown, worth)
    start = origin + late - (1.0 if grain == "day" else 0.0)
    total = int(worth.sum())
    return Histories(
        touchpoints=tuple(touchpoints),
        households=_names(first, households),
        start=start,
        end=start + lengths,
        offsets=grown.offsets,
        times=grown.times + np.repeat(origin + late, np.diff(grown.offsets)),
        kinds=grown.kinds,
        amounts=worth,
        currencies=(currency,),
        currency=np.where(means[grown.kinds] > 0, 0, -1).astype(np.int8),
        grain=grain,
        covariates=covariates,
        covariate_names=tuple(f"x{p + 1}" for p in range(covariates.shape[1])),
        rows=RowsRead(
            read=read,
            facts=len(worth),
            merged=read - len(worth),
            amounts=[Amounts(currency=currency, read=total, kept=total)],
        ),
        simulated=True,
        name=f"branching-{seed}",
    )


def simulate_shards(
    parameters: Parameters, *, households: int, households_per_shard: int, first: int = 0, **options: Any
) -> Iterator[Histories]:
    """The households of `simulate` with the same options, so many at a time: the same facts for any size of shard."""
    for begun in range(0, households, households_per_shard):
        count = min(households_per_shard, households - begun)
        yield simulate(parameters, households=count, first=first + begun, **options)


def grow_households(
    families: Families,
    *,
    rates: Floats,
    receives: Flags,
    silent: Floats,
    lengths: Floats,
    late: Floats | None = None,
    calendar: Floats | None = None,
    initial: Floats | None = None,
    floored: bool = False,
    seed: int,
    first: int = 0,
    most: int = MOST,
) -> Grown:
    """Families of stated immigrants: rates H x D a day, times calendar (D x days). See `kernels.grow`."""
    households, types = rates.shape
    calendar = np.zeros((types, 0)) if calendar is None else np.ascontiguousarray(calendar, dtype=np.float64)
    heights = np.concatenate([np.zeros((types, 1)), np.cumsum(calendar, axis=1)], axis=1)
    times, kinds = np.empty(max(AT_ONCE, most)), np.empty(max(AT_ONCE, most), dtype=np.int16)
    ends = np.zeros(households, dtype=np.int64)
    parts: list[tuple[Floats, Kinds]] = []
    before, begun, status = 0, 0, -1
    while status != DONE:
        after, facts, status = grow(
            np.uint64(_word(seed, 2)), first, begun,
            np.ascontiguousarray(rates, dtype=np.float64), receives, silent, lengths,
            np.zeros(households) if late is None else late,
            calendar, heights, np.zeros((0, 0)) if initial is None else initial,
            families.children, families.chosen, families.decays, floored, most, times, kinds, ends,
        )  # fmt: skip
        if status == TOO_MANY:
            raise Refused("flywheel_simulation_explodes", household=first + after + 1, facts=most)
        parts.append((times[:facts].copy(), kinds[:facts].copy()))
        ends[begun:after] += before
        before, begun = before + facts, after
    return Grown(
        times=np.concatenate([part[0] for part in parts]),
        kinds=np.concatenate([part[1] for part in parts]),
        offsets=np.concatenate([[0], ends]).astype(np.int64),
    )


def _word(seed: int, use: int) -> np.uint64:
    """Another seed for each use of one seed."""
    return np.uint64((seed * 0x9E3779B97F4A7C15 + use * 0xD1B54A32D192ED03) & MASK)


def _per_type(given: Sequence[float] | Floats | None, types: int, what: str) -> Floats:
    array = np.zeros(types) if given is None else np.asarray(given, dtype=np.float64)
    if array.shape != (types,) or not np.all(np.isfinite(array)) or np.any(array < 0):
        raise Refused("flywheel_simulation_unclear", what=what)
    return array


def _check(
    parameters: Parameters,
    touchpoints: Sequence[Touchpoint],
    households: int,
    window: tuple[float, float],
    grain: Grain,
    origin: float,
) -> None:
    types, decays = len(touchpoints), len(parameters.decays)
    right = {
        "touchpoints": 0 < types == len(parameters.baseline),
        "excitation": parameters.excitation.shape == (types, types, decays)
        and bool(np.all(parameters.excitation >= 0)),
        "decays": bool(np.all(parameters.decays > 0)),
        "households": households >= 0,
        "window": 0 < window[0] <= window[1] < float("inf"),
        "origin": grain == "exact" or float(origin).is_integer(),
        "own_variance": parameters.own_variance.size in (0, types),
    }
    for what, fine in right.items():
        if not fine:
            raise Refused("flywheel_simulation_unclear", what=what)


def _households(
    parameters: Parameters, households: int, window: tuple[float, float], grain: Grain, seed: int, first: int
) -> tuple[Floats, Floats, Floats, Floats]:
    types = len(parameters.baseline)
    lengths, silent = np.empty(households), np.empty(households)
    factors = np.empty((households, types))
    covariates = np.empty((households, parameters.covariates.shape[1] if parameters.covariates.size else 0))
    own = parameters.own_variance if parameters.own_variance.size else np.zeros(types)
    draw_households(
        _word(seed, 1), first, np.asarray(window, dtype=np.float64),
        np.concatenate([[parameters.shared_variance], own]), float(parameters.churn_rate),
        lengths, factors, silent, covariates,
    )  # fmt: skip
    if grain == "day":
        lengths = np.maximum(np.round(lengths), 1.0)
    return lengths, factors, silent, covariates


def _rates(
    parameters: Parameters,
    receives: Flags,
    factors: Floats,
    covariates: Floats,
    sent: Sequence[float] | Floats | Sending | None,
) -> Floats:
    rates: Floats = factors * parameters.baseline
    if covariates.shape[1]:
        rates = rates * np.exp(covariates @ parameters.covariates.T)
    if callable(sent):
        sending = sent(factors)
        if sending.shape != factors.shape:
            raise Refused("flywheel_simulation_unclear", what="sent")
    else:
        sending = np.broadcast_to(_per_type(sent, len(receives), "sent"), factors.shape)
    return np.where(receives, rates, sending)


def _calendar(by_day: Floats | None, types: int, days: float) -> Floats | None:
    if by_day is None:
        return None
    if by_day.ndim != 2 or by_day.shape[1] != types or len(by_day) < days or not np.all(by_day >= 0):
        raise Refused("flywheel_simulation_unclear", what="calendar_by_day")
    return np.ascontiguousarray(by_day.T, dtype=np.float64)


def _names(first: int, households: int) -> Texts:
    return np.array([f"h{number:07d}" for number in range(first + 1, first + households + 1)], dtype=np.object_)


def _merged(grown: Grown, worth: Whole) -> tuple[Grown, Whole]:
    """Facts of one household, type and day become one, and their amounts one sum."""
    count = len(grown.times)
    owner = np.repeat(np.arange(len(grown.offsets) - 1), np.diff(grown.offsets))
    fresh = np.ones(count, dtype=np.bool_)
    if count:
        fresh[1:] = (np.diff(owner) != 0) | (np.diff(grown.times) != 0) | (np.diff(grown.kinds) != 0)
    at = np.flatnonzero(fresh)
    kept = np.concatenate([[0], np.cumsum(fresh)]).astype(np.int64)
    merged = Grown(times=grown.times[at], kinds=grown.kinds[at], offsets=kept[grown.offsets])
    return merged, np.add.reduceat(worth, at) if count else worth
