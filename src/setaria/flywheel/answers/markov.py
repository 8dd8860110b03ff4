"""Markov attribution: how much less often would paths end in an earning fact without a touchpoint?

A first-order chain over touchpoints with a start and two absorbing states, conversion and null (Anderl, Becker, von
Wangenheim, Schumann, Mapping the customer journey, International Journal of Research in Marketing 33(3), 2016).

A household's facts are cut into paths. A path begins with the household's first fact, with an earning fact (which is
the first touchpoint of what follows), or after more than `lookback` days without a fact. It ends in conversion when
the next facts earn, once for each that does, and otherwise in null. Facts at one time are taken in the order of
touchpoints.

Removal effect of s: 1 - P(conversion, all ways into s leading to null) / P(conversion). Credits are in proportion.
"""

from __future__ import annotations

import numpy as np

from setaria.flywheel.arrays import Flags, Floats, Whole
from setaria.flywheel.histories.histories import Histories


def transitions(histories: Histories, earning: Flags, lookback: float) -> Whole:
    """(D + 1) x (D + 2) counts: from each touchpoint and from the start (last), to touchpoints, conversion and null."""
    types = histories.types
    counts = np.zeros((types + 1, types + 2), dtype=np.int64)
    if not histories.facts:
        return counts
    owner, times = histories.owner, histories.times
    order = np.lexsort((histories.kinds, times, owner))
    kinds, owner = histories.kinds[order].astype(np.int64), owner[order]
    times = times[order]
    fresh = np.ones(len(times), dtype=np.bool_)
    fresh[1:] = owner[1:] != owner[:-1]
    moment = fresh.copy()
    moment[1:] |= times[1:] != times[:-1]
    earners = np.add.reduceat(earning[order].astype(np.int64), np.flatnonzero(moment))
    late = fresh.copy()  # nothing within the lookback before it
    late[1:] |= times[:-1] < times[1:] - lookback
    opening = np.flatnonzero(moment)
    heads = (earners > 0) | late[opening]
    starts = opening[heads]  # of each path
    ends = np.append(starts[1:], len(times)) - 1
    # How the path ends is how the next one begins.
    follows = np.append(np.where(late[starts], 0, earners[heads])[1:], 0)
    weight = np.maximum(follows, 1)
    inside = np.ones(len(times), dtype=np.bool_)
    inside[starts] = False
    path = np.cumsum(~inside) - 1
    where = np.flatnonzero(inside)
    np.add.at(counts, (kinds[where - 1], kinds[where]), weight[path[where]])
    np.add.at(counts[types], kinds[starts], weight)
    np.add.at(counts, (kinds[ends], np.where(follows > 0, types, types + 1)), weight)
    return counts


def converting(counts: Whole) -> Floats:
    """D + 1 numbers: the chance of conversion from the start, without each touchpoint; and, last, with all of them."""
    types = len(counts) - 1
    sums = counts.sum(axis=1, keepdims=True)
    chances = counts / np.maximum(sums, 1)
    among, begin, success = chances[:types, :types], chances[types, :types], chances[:types, types]
    found = np.zeros(types + 1)
    for without in range(types + 1):
        kept = np.array([each for each in range(types) if each != without and sums[each, 0] > 0], dtype=np.int64)
        if kept.size:
            system = np.eye(kept.size) - among[np.ix_(kept, kept)]
            found[without] = begin[kept] @ np.linalg.solve(system, success[kept])
    return found


def removal_effects(counts: Whole) -> Floats:
    """D numbers in [0, 1]; all 0 where nothing converts."""
    found = converting(counts)
    if found[-1] <= 0:
        return np.zeros(len(found) - 1)
    effects: Floats = np.clip(1 - found[:-1] / found[-1], 0, 1)
    return effects
