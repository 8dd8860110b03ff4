"""The compiled loops of the branching simulation. Times here are days since the household's start."""

from __future__ import annotations

from typing import Final

import numpy as np

from setaria.flywheel.arrays import Flags, Floats, Kinds, Whole
from setaria.flywheel.compiled import compiled
from setaria.flywheel.simulate.chance import Stream, begin, exponential, frailty, normal, poisson, uniform

DONE: Final = 0
FULL: Final = 1
TOO_MANY: Final = 2


@compiled
def draw_households(
    seed: np.uint64,
    first: int,
    window: Floats,
    variance: Floats,
    churn_rate: float,
    lengths: Floats,
    factors: Floats,
    silent: Floats,
    covariates: Floats,
) -> None:
    """Fills H lengths, H x D factors z, H days until silence, H x P covariates. `variance`: the shared one, then D."""
    stream = np.empty(1, dtype=np.uint64)
    for h in range(len(lengths)):
        begin(stream, seed, first + h)
        lengths[h] = window[0] + (window[1] - window[0]) * uniform(stream)
        shared = frailty(stream, variance[0])
        for d in range(factors.shape[1]):
            factors[h, d] = shared * frailty(stream, variance[1 + d])
        silent[h] = exponential(stream) / churn_rate if churn_rate > 0.0 else np.inf
        for p in range(covariates.shape[1]):
            covariates[h, p] = normal(stream)


@compiled
def sift(times: Floats, kinds: Kinds, low: int, root: int, after: int) -> None:
    """Restores the heap of [low, after) below `root`; later is greater, at equal times the greater kind."""
    time, kind = times[low + root], kinds[low + root]
    while True:
        child = 2 * root + 1
        if low + child >= after:
            break
        c = low + child
        if c + 1 < after and (times[c + 1] > times[c] or (times[c + 1] == times[c] and kinds[c + 1] > kinds[c])):
            child, c = child + 1, c + 1
        if times[c] < time or (times[c] == time and kinds[c] <= kind):
            break
        times[low + root], kinds[low + root] = times[c], kinds[c]
        root = child
    times[low + root], kinds[low + root] = time, kind


@compiled
def sort(times: Floats, kinds: Kinds, low: int, after: int) -> None:
    for root in range((after - low) // 2 - 1, -1, -1):
        sift(times, kinds, low, root, after)
    for last in range(after - 1, low, -1):
        time, kind = times[last], kinds[last]
        times[last], kinds[last] = times[low], kinds[low]
        times[low], kinds[low] = time, kind
        sift(times, kinds, low, 0, last)


@compiled
def arrive(
    stream: Stream,
    d: int,
    rate: float,
    late: float,
    stop: float,
    calendar: Floats,
    heights: Floats,
    n: int,
    room: int,
    times: Floats,
    kinds: Kinds,
) -> int:
    """Immigrants of one type after the `n` facts there; more than `room` is as far as it counts."""
    days = calendar.shape[1]
    time, day, height = 0.0, 0, 0.0
    if days > 0:
        day = int(late)
        height = heights[d, day] + (late - day) * calendar[d, day]
    while n <= room:
        if days > 0:  # unit exponential steps up the integral of the calendar
            height += exponential(stream) / rate
            while day < days and heights[d, day + 1] < height:
                day += 1
            if day >= days:
                break
            time = day + (height - heights[d, day]) / calendar[d, day] - late
        else:
            time += exponential(stream) / rate
        if time > stop:
            break
        if n < room:
            times[n], kinds[n] = time, d
        n += 1
    return n


@compiled
def multiply(
    stream: Stream,
    low: int,
    n: int,
    room: int,
    length: float,
    children: Floats,
    chosen: Floats,
    decays: Floats,
    times: Floats,
    kinds: Kinds,
) -> int:
    """All later generations of the facts [low, n), which lie behind one another: the list is its own queue."""
    decay_count = len(decays)
    parent = low
    while parent < n <= room:
        s = kinds[parent]
        for _ in range(poisson(stream, children[s])):
            x, at, above = uniform(stream), 0, chosen.shape[1] - 1
            while at < above:  # the first place whose cumulative chance exceeds x
                middle = (at + above) // 2
                if chosen[s, middle] > x:
                    above = middle
                else:
                    at = middle + 1
            time = times[parent] + exponential(stream) / decays[at % decay_count]
            if time <= length:
                if n < room:
                    times[n], kinds[n] = time, at // decay_count
                n += 1
        parent += 1
    return n


@compiled
def grow(
    seed: np.uint64,
    first: int,
    begun: int,
    rates: Floats,
    receives: Flags,
    silent: Floats,
    lengths: Floats,
    late: Floats,
    calendar: Floats,
    heights: Floats,
    initial: Floats,
    children: Floats,
    chosen: Floats,
    decays: Floats,
    floored: bool,
    most: int,
    times: Floats,
    kinds: Kinds,
    ends: Whole,
) -> tuple[int, int, int]:
    """Facts of households `begun` on, into `times` and `kinds`, `ends[h]` after each: next household, facts, status.

    rates: H x D per day. calendar: D x days, heights: D x (days + 1) its integral, both empty for none; `late` is where
    in the calendar a household starts. initial: D x K facts expected of what was before. children: D, all children of
    a parent; chosen: D x (D K) the cumulative chances of their (type, decay). A household that does not fit is begun
    anew in the next call, and is the same then.
    """
    stream = np.empty(1, dtype=np.uint64)
    n = 0
    for h in range(begun, len(lengths)):
        begin(stream, seed, first + h)
        low, length = n, lengths[h]
        room = min(len(times), low + most)
        for d in range(rates.shape[1]):
            if rates[h, d] > 0.0:
                stop = min(length, silent[h]) if receives[d] else length
                n = arrive(stream, d, rates[h, d], late[h], stop, calendar, heights, n, room, times, kinds)
        for d in range(initial.shape[0]):
            for k in range(initial.shape[1]):
                for _ in range(poisson(stream, initial[d, k])):
                    time = exponential(stream) / decays[k]
                    if time <= length:
                        if n < room:
                            times[n], kinds[n] = time, d
                        n += 1
        n = multiply(stream, low, n, room, length, children, chosen, decays, times, kinds)
        if n > room:
            return h, low, TOO_MANY if low == 0 and room == most else FULL
        if floored:
            for i in range(low, n):
                times[i] = min(np.floor(times[i]), length - 1.0)
        sort(times, kinds, low, n)
        ends[h] = n
    return len(lengths), n, DONE


@compiled
def price(
    seed: np.uint64, first: int, offsets: Whole, kinds: Kinds, means: Floats, spread: float, amounts: Whole
) -> None:
    """Lognormal amounts of the stated means; rounded up or down by lot, so that whole units keep the mean."""
    stream = np.empty(1, dtype=np.uint64)
    for h in range(len(offsets) - 1):
        begin(stream, seed, first + h)
        for i in range(offsets[h], offsets[h + 1]):
            mean = means[kinds[i]]
            if mean > 0.0:
                exact = mean * np.exp(spread * normal(stream) - 0.5 * spread * spread)
                amounts[i] = int(exact + uniform(stream))
