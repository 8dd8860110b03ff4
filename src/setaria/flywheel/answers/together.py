"""What is bought together: two touchpoints at one and the same time in a household, against chance.

The model lets facts at equal times not see each other, so what a basket holds beside what it hides stands here.
Chance: were the n_hs days on which household h has a fact of s placed independently over the days T_h it is watched,

    expected(s, d) = sum over h of n_hs n_hd / T_h,        ratio = count / expected

so a household that does much of everything is expected to do things on one day; what is left is the lift of
association rules (Brin, Motwani, Ullman, Tsur, Dynamic itemset counting and implication rules for market basket data,
SIGMOD 1997) within households, free of their differences. For exact stamps the same time is a stricter demand than the
same day, and the ratio is to chance meetings on one day: it understates.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.report.report import Together

LEAST: Final = 5  # of a pair's meetings; fewer are not worth a line


def together(histories: Histories, least: int = LEAST, most: int = 100) -> list[Together]:
    """The pairs met at least so often, by how many meetings are above chance; facts after the end are not there."""
    counts, expected = pairs(histories)
    names = histories.names
    one, other = np.nonzero(np.triu(counts, 1) >= max(least, 1))
    order = np.argsort(-(counts[one, other] - expected[one, other]), kind="stable")[:most]
    return [
        Together(names[i], names[j], int(counts[i, j]), float(counts[i, j] / expected[i, j]))
        for i, j in zip(one[order], other[order], strict=True)
    ]


def pairs(histories: Histories) -> tuple[Whole, Floats]:
    """D x D meetings, and D x D expected ones (their diagonals mean nothing)."""
    from scipy import sparse  # not every answer needs it

    types, owner = histories.types, histories.owner
    kinds = histories.kinds.astype(np.int64)
    fresh = np.ones(histories.facts, dtype=np.bool_)
    fresh[1:] = (owner[1:] != owner[:-1]) | (np.diff(histories.times) != 0)
    moment = np.cumsum(fresh) - 1
    met = np.unique(moment * types + kinds)
    shape = (int(moment[-1]) + 1 if len(moment) else 0, types)
    present = sparse.csr_array((np.ones(len(met), dtype=np.int64), (met // types, met % types)), shape=shape)
    days = np.floor(histories.times).astype(np.int64)
    first = days.min() if len(days) else 0
    span = int(days.max() - first) + 1 if len(days) else 1
    active = np.unique((owner * span + days - first) * types + kinds)
    rows = active // types // span
    watched = _days(histories)
    held = sparse.csr_array((1 / np.sqrt(watched[rows]), (rows, active % types)), shape=(len(histories), types))
    counts: Whole = (present.T @ present).toarray()
    expected: Floats = (held.T @ held).toarray()
    return counts, expected


def _days(histories: Histories) -> Floats:
    """H: the days of each household's window, and of the facts before it."""
    begin = histories.start.copy()
    some = np.diff(histories.offsets) > 0
    begin[some] = np.minimum(begin[some], histories.times[histories.offsets[:-1][some]])
    days: Floats = np.floor(histories.end) - np.floor(begin) + 1
    return np.maximum(days, 1)
