"""The pass that all others share: decaying the counts of earlier facts, and how much each fact could excite."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from setaria.flywheel.arrays import Flags, Floats, Kinds, Whole
from setaria.flywheel.compiled import fast

BLOCK: Final = 64


@fast
def decay(state: Floats, rates: Floats, types: int, elapsed: float) -> None:
    for k in range(len(rates)):
        factor = math.exp(-rates[k] * elapsed)
        for s in range(k * types, (k + 1) * types):
            state[s] *= factor


@fast
def exposure(
    times: Floats, kinds: Kinds, start: float, end: float, rates: Floats, mass: Floats, types: int, into: Floats
) -> None:
    """Adds mass_k (exp(-rate_k (max(start, t) - t)) - exp(-rate_k (end - t))) of each fact, S K in all."""
    for k in range(len(rates)):
        rate = rates[k]
        for i in range(len(times)):
            before = 1.0 if times[i] >= start else math.exp(-rate * (start - times[i]))
            after = math.exp(-rate * (end - times[i])) if times[i] < end else 1.0
            into[k * types + kinds[i]] += mass[k] * (before - after)


@fast
def exposures(
    offsets: Whole, times: Floats, kinds: Kinds, start: Floats, end: Floats, rates: Floats, mass: Floats, types: int
) -> Floats:
    """The exposure of all households: [watched days, S K of the facts]."""
    total = np.zeros(1 + types * len(rates))
    for h in range(len(start)):
        low, high = offsets[h], offsets[h + 1]
        total[0] += end[h] - start[h]
        exposure(times[low:high], kinds[low:high], start[h], end[h], rates, mass, types, total[1:])
    return total


@fast
def linear_pass(
    offsets: Whole,
    times: Floats,
    kinds: Kinds,
    start: Floats,
    receives: Flags,
    theta: Floats,
    rates: Floats,
    jumps: Floats,
    likelihood: Floats,
    gradient: Floats,
    information: Floats,
) -> None:
    """Adds sum log(theta_d . x), its gradient (D x F) and minus its Hessian (D x F x F), x = [1, R].

    Rows wait for others of their type: products of blocks are several times as fast as of single rows.
    """
    types, width = theta.shape
    x = np.zeros(width)
    state = x[1:]
    rows = np.zeros((types, BLOCK, width))
    filled = np.zeros(types, dtype=np.int64)
    square = np.zeros((width, width))
    for h in range(len(start)):
        low, high = offsets[h], offsets[h + 1]
        x[:] = 0.0
        x[0] = 1.0
        first = low
        while first < high:
            now = times[first]
            if first > low:
                decay(state, rates, types, now - times[first - 1])
            after = first
            while after < high and times[after] == now:
                d = kinds[after]
                after += 1
                if now > start[h] and receives[d]:
                    rows[d, filled[d]] = x
                    filled[d] += 1
                    if filled[d] == BLOCK:
                        _add(rows[d], theta[d], square, likelihood, gradient[d], information[d], d)
                        filled[d] = 0
            for i in range(first, after):
                for k in range(len(rates)):
                    state[k * types + kinds[i]] += jumps[k]
            first = after
    for d in range(types):
        if filled[d]:
            _add(rows[d, : filled[d]], theta[d], square, likelihood, gradient[d], information[d], d)


@fast
def _add(
    rows: Floats, theta: Floats, square: Floats, likelihood: Floats, gradient: Floats, information: Floats, d: int
) -> None:
    rate = np.dot(rows, theta)
    total = 0.0
    for i in range(len(rows)):
        total += math.log(rate[i])
        inverse = 1.0 / rate[i]
        for a in range(len(theta)):
            rows[i, a] *= inverse
            gradient[a] += rows[i, a]
    likelihood[d] += total
    np.dot(rows.T, rows, square)
    for a in range(len(theta)):
        for b in range(len(theta)):
            information[a, b] += square[a, b]
