"""Whole minor units divided by weights, many rows at once, so that every row adds up exactly.

The rule is that of `Money.allocate` (the Hamilton method): each part is its exact share rounded down, and the units
left over go to the largest remainders, among equal ones to the lowest column. Weights are taken for the exact numbers
that their floats are. Rows in which rounding could decide otherwise than exact arithmetic are divided by `Money`
itself.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from setaria.flywheel.arrays import Flags, Floats, Whole
from setaria.money import Money

_ROWS: Final = 1 << 15  # at a time, to stay in the cache
_WHOLE: Final = 2.0**53  # up to here a float is an exact whole number
_EPSILON: Final = float(np.finfo(np.float64).eps)


def allocate(weights: Floats, totals: Whole, spare: int) -> Whole:
    """N x W parts of N totals, by N x W weights >= 0. A row whose weights are all zero goes to column `spare`."""
    rows, columns = weights.shape
    parts = np.zeros((rows, columns), dtype=np.int64)
    if not columns:
        raise ValueError("no columns to divide among")
    for first in range(0, rows, _ROWS):
        chunk = slice(first, first + _ROWS)
        parts[chunk] = _allocate(np.asarray(weights[chunk], dtype=np.float64), totals[chunk], spare)
    return parts


def _allocate(weights: Floats, totals: Whole, spare: int) -> Whole:
    sums = weights.sum(axis=1)
    if not np.all(np.isfinite(sums)) or (weights.size and float(weights.min()) < 0):
        raise ValueError("weights must be finite and not below zero")
    amounts = np.abs(totals)
    parts = np.zeros(weights.shape, dtype=np.int64)
    # Whole weights, as counts are, need no floats at all.
    most = amounts.astype(np.float64) * weights.max(axis=1)
    exact = (most < _WHOLE) & (sums < _WHOLE) & (weights == np.floor(weights)).all(axis=1) & (sums > 0)
    if exact.any():
        parts[exact] = _by_whole(weights[exact].astype(np.int64), amounts[exact])
    rest = np.flatnonzero(~exact & (sums > 0))
    if rest.size:
        parts[rest], unsure = _by_floats(weights[rest], sums[rest], amounts[rest])
        for row in rest[unsure]:
            parts[row] = _by_money(weights[row], int(amounts[row]))
    parts[sums == 0, spare] = amounts[sums == 0]
    return parts * np.sign(totals)[:, None]


def _by_whole(weights: Whole, amounts: Whole) -> Whole:
    products, sums = amounts[:, None] * weights, weights.sum(axis=1)[:, None]
    parts: Whole = products // sums
    left = amounts - parts.sum(axis=1)
    rank, _ = _ranks((products - parts * sums).astype(np.float64))
    parts += rank < left[:, None]
    return parts


def _by_floats(weights: Floats, sums: Floats, amounts: Whole) -> tuple[Whole, Flags]:
    """The parts, and in which rows exact arithmetic must be asked."""
    columns = weights.shape[1]
    shares = amounts[:, None] * (weights / sums[:, None])
    floors = np.floor(shares)
    whole = floors.astype(np.int64)
    left = amounts - whole.sum(axis=1)
    remainders = shares - floors
    rank, order = _ranks(remainders)
    parts = whole + (rank < left[:, None])
    # Near the cut between who gets a unit and who does not, only equal weights are sure to stand in order.
    near = amounts * _EPSILON * (columns + 8)
    at = np.clip(left - 1, 0, columns - 1)[:, None], np.clip(left, 0, columns - 1)[:, None]
    cut = [np.take_along_axis(remainders, np.take_along_axis(order, each, axis=1), axis=1)[:, 0] for each in at]
    close = np.abs(remainders - cut[0][:, None]) <= 2 * near[:, None]
    highest = np.where(close, weights, -np.inf).max(axis=1)
    lowest = np.where(close, weights, np.inf).min(axis=1)
    tight = (left > 0) & (left < columns) & (cut[0] - cut[1] <= 2 * near) & (highest != lowest)
    return parts, tight | (left < 0) | (left > (weights > 0).sum(axis=1)) | (near > 1 / 8)


def _by_money(weights: Floats, amount: int) -> Whole:
    ratios = [float(weight).as_integer_ratio() for weight in weights]
    common = max(below for _, below in ratios)  # powers of two all
    parts = Money(amount, "CNY").allocate([above * (common // below) for above, below in ratios])  # any currency
    return np.array([part.amount for part in parts], dtype=np.int64)


def _ranks(remainders: Floats) -> tuple[Whole, Whole]:
    """Each column's place in its row, the largest first, equal ones from the left; and the columns in that order."""
    order = np.argsort(-remainders, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(order.shape[1]), order.shape), axis=1)
    return rank, order
