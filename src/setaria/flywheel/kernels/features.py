"""The pass that all others share: decaying the counts of earlier facts, and how much each fact could excite."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from setaria.flywheel.arrays import Flags, Floats, Kinds, Whole
from setaria.flywheel.compiled import fast
from setaria.flywheel.kernels.elementary import fading

BLOCK: Final = 128  # facts of a type that wait for each other
LANES: Final = 16  # numbers that the machine's widest loop takes at once: rows filled up to this have no remainder
AHEAD: Final = 128  # facts, of whichever households, whose rows are made at once
_SMALL: Final = 1e-100  # of a product of rates the logarithm is taken when it leaves this or its inverse


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
    """The exposure of all households: [watched days, S K of the facts]. As `exposure`, of many facts at once."""
    total = np.zeros(1 + types * len(rates))
    total[0] = (end - start).sum()
    left, until = np.zeros(AHEAD), np.zeros(AHEAD)
    before, after, powers = np.ones(AHEAD), np.ones(AHEAD), np.zeros(AHEAD, dtype=np.int64)
    h = 0
    for low in range(0, len(times), AHEAD):
        high = min(low + AHEAD, len(times))
        early = False
        for i in range(low, high):
            while i >= offsets[h + 1]:
                h += 1
            left[i - low] = max(end[h] - times[i], 0.0)
            until[i - low] = max(start[h] - times[i], 0.0)
            early |= times[i] < start[h]
        for k in range(len(rates)):
            fading(left[: high - low], rates[k], powers, after)
            if early:
                fading(until[: high - low], rates[k], powers, before)
            else:
                before[:] = 1.0
            for i in range(low, high):
                total[1 + k * types + kinds[i]] += mass[k] * (before[i - low] - after[i - low])
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
    """Adds sum log(theta_d . x), its gradient (D x F) and minus its Hessian (D x F x F, or D x 0 x 0 for none),
    x = [1, R].

    In stages, each over some facts. Their kernels index arrays in place: to make a view of one takes a locked count of
    its owners, which costs as much as a fact's whole arithmetic.
    """
    types, width = theta.shape
    lanes = -(-types // LANES) * LANES
    columns = len(rates) * lanes
    weights, slopes = np.zeros((types, columns)), np.zeros((types, columns))
    for a in range(1, width):
        weights[:, _column(a, types)] = theta[:, a]
    factors, elapsed, powers = np.zeros((len(rates), AHEAD)), np.zeros(AHEAD), np.zeros(AHEAD, dtype=np.int64)
    units, made = np.eye(types, lanes), np.zeros((AHEAD + 1, len(rates), lanes))
    x, receivers, inverse = made.reshape((AHEAD + 1, columns)), np.zeros(AHEAD, dtype=np.int64), np.zeros(AHEAD)
    rows = np.zeros((types, BLOCK if information.shape[1] else 0, columns + 1))
    filled, products, turned = np.zeros(types, dtype=np.int64), np.ones(types), np.zeros((width, BLOCK))
    h = 0
    for low in range(0, len(times), AHEAD):
        high = min(low + AHEAD, len(times))
        for i in range(max(low, 1), high):
            elapsed[i - low] = max(times[i] - times[i - 1], 0.0)  # between households it means nothing
        for k in range(len(rates)):
            fading(elapsed[: high - low], rates[k], powers, factors[k])
        h = _rows(low, high, h, offsets, times, kinds, start, receives, jumps, factors, units, made, receivers)
        _rates(high - low, x, receivers, theta, weights, products, likelihood, inverse)
        _slopes(high - low, x, receivers, inverse, gradient, slopes)
        if information.shape[1]:
            _keep(high - low, x, receivers, inverse, rows, filled, turned, information)
        x[0] = x[high - low]
    for d in range(types):
        likelihood[d] += math.log(products[d])
        for a in range(1, width):
            gradient[d, a] += slopes[d, _column(a, types)]
        if filled[d]:
            _add(rows[d, : filled[d]], types, turned, information[d])
        for a in range(information.shape[1]):
            information[d, :a, a] = information[d, a, :a]


@fast
def _column(a: int, types: int) -> int:
    """Where entry a >= 1 of x stands: each decay's types are filled up to whole lanes."""
    return (a - 1) // types * -(-types // LANES) * LANES + (a - 1) % types


@fast
def _rows(
    low: int,
    high: int,
    h: int,
    offsets: Whole,
    times: Floats,
    kinds: Kinds,
    start: Floats,
    receives: Flags,
    jumps: Floats,
    factors: Floats,
    units: Floats,
    x: Floats,
    receivers: Whole,
) -> int:
    """R before each fact from row 1 of x on, and its type or, where it does not count, -1. Row 0 is the fact before.

    A fact is added in whole lanes: a number that was just written alone cannot be read at once with its neighbours.
    """
    lanes = units.shape[1]
    for i in range(low, high):
        while i >= offsets[h + 1]:
            h += 1
        at = i - low
        begins = i == offsets[h]
        later = not begins and times[i] > times[i - 1]
        last = kinds[i - 1]
        for k in range(len(jumps)):
            factor = factors[k, at] if later else 0.0 if begins else 1.0
            jump = jumps[k] * factor if later else 0.0
            for a in range(lanes):
                x[at + 1, k, a] = x[at, k, a] * factor + units[last, a] * jump
        if later and i - 2 >= offsets[h] and times[i - 2] == times[i - 1]:
            _together(i - 2, offsets[h], times, kinds, jumps, factors[:, at], x[at + 1])
        receivers[at] = kinds[i] if times[i] > start[h] and receives[kinds[i]] else -1
    return h


@fast
def _together(i: int, first: int, times: Floats, kinds: Kinds, jumps: Floats, factors: Floats, row: Floats) -> None:
    """Adds the facts at fact i + 1's own moment, up to fact i."""
    while i >= first and times[i] == times[i + 1]:
        for k in range(len(jumps)):
            row[k, kinds[i]] += jumps[k] * factors[k]
        i -= 1


@fast
def _rates(
    count: int,
    x: Floats,
    receivers: Whole,
    theta: Floats,
    weights: Floats,
    products: Floats,
    likelihood: Floats,
    inverse: Floats,
) -> None:
    """One over theta_d . x, whose logarithm is taken together with others', of their product."""
    for i in range(count):
        d = receivers[i]
        if d < 0:
            continue
        rate = theta[d, 0]
        for a in range(x.shape[1]):
            rate += weights[d, a] * x[i + 1, a]
        product = products[d] * rate
        if product < _SMALL or product > 1 / _SMALL:
            likelihood[d] += math.log(product)
            product = 1.0
        products[d] = product
        inverse[i] = 1.0 / rate


@fast
def _slopes(count: int, x: Floats, receivers: Whole, inverse: Floats, gradient: Floats, slopes: Floats) -> None:
    for i in range(count):
        d = receivers[i]
        if d < 0:
            continue
        gradient[d, 0] += inverse[i]
        for a in range(x.shape[1]):
            slopes[d, a] += x[i + 1, a] * inverse[i]


@fast
def _keep(
    count: int,
    x: Floats,
    receivers: Whole,
    inverse: Floats,
    rows: Floats,
    filled: Whole,
    turned: Floats,
    information: Floats,
) -> None:
    """Rows over their rates wait for others of their type."""
    for i in range(count):
        d = receivers[i]
        if d < 0:
            continue
        at = filled[d]
        for a in range(x.shape[1]):
            rows[d, at, a] = x[i + 1, a] * inverse[i]
        rows[d, at, x.shape[1]] = inverse[i]
        filled[d] = at + 1
        if at + 1 == BLOCK:
            _add(rows[d], len(filled), turned, information[d])
            filled[d] = 0


@fast
def _add(rows: Floats, types: int, turned: Floats, information: Floats) -> None:
    """Adds rows' rows below the diagonal, four entries at a time."""
    width, lanes = len(turned), -(-types // LANES) * LANES
    count = len(rows)
    for a in range(width):
        column = (a - 1) // types * lanes + (a - 1) % types if a else rows.shape[1] - 1
        for i in range(count):
            turned[a, i] = rows[i, column]
    for a in range(0, width - 1, 2):
        for b in range(0, a + 1, 2):
            one = two = three = four = 0.0
            for i in range(count):
                one += turned[a, i] * turned[b, i]
                two += turned[a, i] * turned[b + 1, i]
                three += turned[a + 1, i] * turned[b, i]
                four += turned[a + 1, i] * turned[b + 1, i]
            information[a, b] += one
            information[a, b + 1] += two
            information[a + 1, b] += three
            information[a + 1, b + 1] += four
    if width % 2:
        for b in range(width):
            one = 0.0
            for i in range(count):
                one += turned[width - 1, i] * turned[b, i]
            information[width - 1, b] += one
