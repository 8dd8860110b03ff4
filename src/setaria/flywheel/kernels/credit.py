"""Which earlier facts a fact is explained by: by type of its parent, and by type of its first ancestor."""

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
    parents: Floats,
    roots: Floats,
) -> None:
    """Fills parents (N x (S + 1): last is "nothing earlier") and roots (N x S), rows that sum to 1.

    parent s: E[1 / lambda] sum_k A[d, s, k] R_sk; the root of a fact is its parent's, or itself where nothing earlier
    led to it. A fact that is not counted is its own root. `inverse` and `own`: E[1 / lambda], E[baseline / lambda].
    """
    types = len(receiver)
    wide = types * len(rates)
    state = np.zeros((wide, types))  # decayed facts by type and decay, and by their roots
    for h in range(len(start)):
        low, high = offsets[h], offsets[h + 1]
        state[:] = 0.0
        first = low
        while first < high:
            now = times[first]
            if first > low:
                decay(state.reshape(-1), rates, types * types, now - times[first - 1])
            after = first
            while after < high and times[after] == now:
                _one(after, kinds[after], receiver, now > start[h], excitation, state, inverse, own, parents, roots)
                after += 1
            for i in range(first, after):
                for k in range(len(rates)):
                    into = state[k * types + kinds[i]]
                    for a in range(types):
                        into[a] += jumps[k] * roots[i, a]
            first = after


@fast
def _one(
    i: int,
    kind: int,
    receiver: Whole,
    inside: bool,
    excitation: Floats,
    state: Floats,
    inverse: Floats,
    own: Floats,
    parents: Floats,
    roots: Floats,
) -> None:
    types = len(receiver)
    for a in range(types):
        parents[i, a] = 0.0
        roots[i, a] = 0.0
    parents[i, types] = 1.0
    if receiver[kind] < 0 or not inside:
        roots[i, kind] = 1.0
        return
    row = excitation[receiver[kind]]
    for at in range(len(row)):
        if row[at] > 0.0:
            weight = row[at] * inverse[i]
            led = 0.0
            for a in range(types):
                led += state[at, a]
                roots[i, a] += weight * state[at, a]
            parents[i, at % types] += weight * led
    roots[i, kind] += own[i]
    whole = own[i]
    for a in range(types):
        whole += parents[i, a]
    parents[i, types] = own[i]
    for a in range(types):
        parents[i, a] /= whole
        roots[i, a] /= whole
    parents[i, types] /= whole
