"""Which earlier facts a fact is explained by: by the group of its parent, or of its first ancestor."""

from __future__ import annotations

import numpy as np

from setaria.flywheel.arrays import Floats, Kinds, Whole
from setaria.flywheel.compiled import fast
from setaria.flywheel.kernels.features import decay


@fast
def credit_pass(
    offsets: Whole,
    times: Floats,
    kinds: Kinds,
    start: Floats,
    receiver: Whole,
    excitation: Floats,
    rates: Floats,
    jumps: Floats,
    inverse: Floats,
    own: Floats,
    groups: Whole,
    lineage: bool,
    credited: Floats,
) -> None:
    """Fills credited (N x (G + 1): last is "nothing earlier"), rows that sum to 1. `groups`: each fact's of 0 to G - 1.

    To parents of group g: E[1 / lambda] sum_sk A[d, s, k] R_sk of g. With `lineage` to first ancestors: those of its
    parents, or itself where nothing earlier led to it. A fact that is not counted has nothing earlier. `inverse` and
    `own`: E[1 / lambda], E[baseline / lambda].
    """
    types, last = len(receiver), credited.shape[1] - 1
    state = np.zeros((types * len(rates), last))  # decayed facts by decay and type, and by their or their roots' group
    for h in range(len(start)):
        low, high = offsets[h], offsets[h + 1]
        state[:] = 0.0
        first = low
        while first < high:
            now = times[first]
            if first > low:
                decay(state.reshape(-1), rates, types * last, now - times[first - 1])
            after = first
            while after < high and times[after] == now:
                row = credited[after]
                row[:] = 0.0
                itself = groups[after] if lineage else last
                if receiver[kinds[after]] < 0 or now <= start[h]:
                    row[itself] = 1.0
                else:
                    _one(excitation[receiver[kinds[after]]], state, inverse[after], own[after], itself, row)
                after += 1
            for i in range(first, after):
                for k in range(len(rates)):
                    into = state[k * types + kinds[i]]
                    if lineage:
                        for g in range(last):
                            into[g] += jumps[k] * credited[i, g]
                    else:
                        into[groups[i]] += jumps[k]
            first = after


@fast
def _one(excitation: Floats, state: Floats, inverse: float, own: float, itself: int, row: Floats) -> None:
    for at in range(len(excitation)):
        if excitation[at] > 0.0:
            for g in range(state.shape[1]):
                row[g] += excitation[at] * inverse * state[at, g]
    row[itself] += own
    whole = 0.0
    for g in range(len(row)):
        whole += row[g]
    for g in range(len(row)):
        row[g] /= whole
