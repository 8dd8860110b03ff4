"""From the posterior of a household's latents to sums: expectations for each fact, then gradient and information."""

from __future__ import annotations

import math

import numpy as np

from setaria.flywheel.arrays import Floats
from setaria.flywheel.compiled import compiled, fast
from setaria.flywheel.kernels.features import decay
from setaria.flywheel.kernels.latent_data import LATTICE, Columns, Draws, Household, Model, Sums
from setaria.flywheel.kernels.latent_facts import place
from setaria.flywheel.kernels.special import digamma, trigamma

_NEGLIGIBLE = 1e-9
SMALL = 1e-5  # a lattice point's chance below which it is left out of variances


@fast
def _expect(work: Household, i: int, weights: Floats, at: Floats, dead: float) -> None:
    """Fact i's expectations; `dead` is the chance that the household fell silent before it."""
    base, excited = work.base[i], work.excited[i]
    inverse1, own1, inverse2, own2, cross = 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(len(at)):
        inverse = 1.0 / (at[j] * base + excited)
        own = at[j] * base * inverse
        w = weights[j]
        inverse1 += w * inverse
        own1 += w * own
        inverse2 += w * inverse * inverse
        own2 += w * own * own
        cross += w * own * inverse
    if dead > _NEGLIGIBLE and excited > 0.0:
        inverse1 += dead / excited
        inverse2 += dead / (excited * excited)
    work.stats[i, 0] = inverse1
    work.stats[i, 1] = own1
    work.stats[i, 2] = inverse2
    work.stats[i, 3] = own2
    work.stats[i, 4] = cross


@compiled
def expect_shared(model: Model, n: int, nodes: int, silences: int, work: Household) -> None:
    at = work.grid[:nodes]
    gathered = np.zeros(nodes)
    alive = n
    for m in range(silences):
        while alive > work.node_alive[m]:
            alive -= 1
            _expect(work, alive, gathered, at, work.weights[m:silences, :nodes].sum())
        mean = 0.0
        for q in range(nodes):
            gathered[q] += work.weights[m, q]
            mean += work.weights[m, q] * at[q]
        for r in range(len(model.log_mu)):
            work.factor[r, m] = mean
    while alive > 0:
        alive -= 1
        _expect(work, alive, gathered, at, 0.0)


@compiled
def expect_own(model: Model, n: int, nodes: int, silences: int, work: Household, logs: Floats, lattice: Floats) -> None:
    """`logs` (R) takes E[log w - w]; `lattice` (R x LATTICE) the posterior of each type's own factor."""
    at = work.grid[:nodes]
    lattice[:] = 0.0
    for r in range(len(model.own)):
        logs[r] = 0.0
        alive = n
        for m in range(silences):
            while alive > work.node_alive[m]:
                alive -= 1
                if work.whose[alive] == r:
                    _expect(work, alive, lattice[r], work.lattice[r], work.weights[m:silences, :nodes].sum())
            if work.counts[r]:
                _spread(work, r, m, nodes, lattice[r], logs)
            else:
                _closed(model, work, r, m, nodes, at, logs)
        while alive > 0:
            alive -= 1
            if work.whose[alive] == r:
                _expect(work, alive, lattice[r], work.lattice[r], 0.0)


@fast
def _spread(work: Household, r: int, m: int, nodes: int, gathered: Floats, logs: Floats) -> None:
    """Posterior of z on its lattice at silence m, all of the household's nodes together."""
    lattice, powers = work.lattice[r], work.powers[r, m]
    column = np.zeros(LATTICE)
    mean, log_own = 0.0, 0.0
    for q in range(nodes):
        weight = work.weights[m, q]
        if weight <= _NEGLIGIBLE:
            continue
        prior = work.prior[r, q]
        whole = 0.0
        for j in range(LATTICE):
            whole += prior[j] * powers[j]
        if whole <= 0.0:
            continue
        share = weight / whole
        z = 0.0
        for j in range(LATTICE):
            part = share * prior[j] * powers[j]
            column[j] += part
            z += part * lattice[j]
        mean += z
        log_own -= weight * math.log(work.grid[q]) + z / work.grid[q]
    for j in range(LATTICE):
        gathered[j] += column[j]
        if column[j] > 0.0:
            log_own += column[j] * math.log(lattice[j])
    work.factor[r, m] = mean
    logs[r] += log_own


@compiled
def _closed(model: Model, work: Household, r: int, m: int, nodes: int, at: Floats, logs: Floats) -> None:
    """A type without counted facts: z given u is gamma with shape a and rate a / u + its baseline."""
    shape = model.own[r]
    psi = digamma(shape)
    mean = 0.0
    for q in range(nodes):
        if work.weights[m, q] > 0.0:
            rate = shape + at[q] * work.total[r, m]
            mean += work.weights[m, q] * at[q] * shape / rate
            logs[r] += work.weights[m, q] * (psi - math.log(rate) - shape / rate)
    work.factor[r, m] = mean


@fast
def _outer(x: Floats, y: Floats, weight: float, into: Floats) -> None:
    for a in range(len(x)):
        scaled = weight * x[a]
        if scaled != 0.0:
            for b in range(len(y)):
                into[a, b] += scaled * y[b]


@fast
def _outer_lower(x: Floats, weight: float, into: Floats) -> None:
    for a in range(len(x)):
        scaled = weight * x[a]
        if scaled != 0.0:
            for b in range(a + 1):
                into[a, b] += scaled * x[b]


@fast
def _axpy(weight: float, x: Floats, into: Floats) -> None:
    for a in range(len(x)):
        into[a] += weight * x[a]


@compiled
def add_facts(
    model: Model, columns: Columns, h: int, work: Household, sums: Sums, row: Floats, draws: Draws, drawn: Floats
) -> None:
    """Gradient of each fact into `row` (P), information into `sums`, and each draw's departure into `drawn` (M x P).

    The features are computed once more rather than kept: a household may have a million facts.
    """
    types, decays = len(model.receiver), len(model.rates)
    wide = types * decays
    features = model.features.shape[1]
    front = 1 + features + columns.covariates.shape[1]
    block = front + wide
    state = np.zeros(wide)
    own = np.ones(front)
    own[1 + features :] = columns.covariates[h]
    low, high = columns.offsets[h], columns.offsets[h + 1]
    n = 0
    first = low
    while first < high:
        now = columns.times[first]
        if first > low:
            decay(state, model.rates, types, now - columns.times[first - 1])
        after = first
        while after < high and columns.times[after] == now:
            r = model.receiver[columns.kinds[after]]
            after += 1
            if r < 0 or now <= columns.start[h]:
                continue
            day, _ = place(model, now - model.shift)
            own[1 : 1 + features] = model.features[day]
            start = r * block
            _axpy(work.stats[n, 1], own, row[start : start + front])
            _axpy(work.stats[n, 0], state, row[start + front : start + block])
            if not sums.information.shape[1]:
                n += 1
                continue
            second = draws.second[n]
            information = sums.information[r]
            _outer_lower(own, second[1] - work.stats[n, 1], information[:front, :front])
            if second[2] > 1e-14:
                _outer(state, own, second[2], information[front:block, :front])
            _outer_lower(state, second[0], information[front:block, front:block])
            for j in range(len(drawn)):
                _axpy(draws.terms[j, n, 1], own, drawn[j, start : start + front])
                _axpy(draws.terms[j, n, 0], state, drawn[j, start + front : start + block])
                if len(model.own) and n < work.node_alive[int(draws.at[j, 0])]:
                    _apart(work, n, r, draws, j, own, state)
            n += 1
        for i in range(first, after):
            for k in range(decays):
                state[k * types + columns.kinds[i]] += model.jumps[k]
        first = after


@fast
def _apart(work: Household, n: int, r: int, draws: Draws, j: int, own: Floats, state: Floats) -> None:
    """The fact's part of the score at each point of its type's lattice, less its mean given the draw."""
    front = len(own)
    inverse_mean = draws.terms[j, n, 0] + work.stats[n, 0]
    own_mean = draws.terms[j, n, 1] + work.stats[n, 1]
    for p in range(LATTICE):
        if draws.chances[j, r, p] > SMALL:
            base = work.lattice[r, p] * work.base[n]
            inverse = 1.0 / (base + work.excited[n])
            into = draws.apart[j, r, p]
            _axpy(base * inverse - own_mean, own, into[:front])
            _axpy(inverse - inverse_mean, state, into[front : front + len(state)])


@compiled
def close_types(model: Model, work: Household, draws: Draws, integrals: Floats, sums: Sums) -> None:
    """Takes the variance of each type's score given the draws from the information, the types' own factors being the
    only thing left open. `integrals` (M x R x F): of the baseline up to the draw's silence."""
    many = len(draws.at)
    front = integrals.shape[2]
    row = np.zeros(front + 1)
    for r in range(len(model.own)):
        information = sums.information[r]
        last = len(information) - 1
        shape = model.own[r]
        for j in range(many):
            if not work.counts[r]:
                u, m = draws.at[j, 1], int(draws.at[j, 0])
                rate = shape + u * work.total[r, m]
                # w is gamma(shape, rate): var w, cov(log w - w, w), var(log w - w); z = u w meets -integral.
                spread = shape / (rate * rate)
                joint = 1.0 / rate - spread
                for a in range(front):
                    row[a] = -u * integrals[j, r, a]
                _outer_lower(row[:front], -spread / many, information[:front, :front])
                # The score of the log variance is -shape (log w - w) and a constant.
                for a in range(front):
                    information[last, a] += shape * joint * row[a] / many
                information[last, last] -= (trigamma(shape) - 2.0 / rate + spread) * shape * shape / many
                continue
            for p in range(LATTICE):
                if draws.chances[j, r, p] > SMALL:
                    z = work.lattice[r, p]
                    own = z / draws.at[j, 1]
                    apart = draws.apart[j, r, p]
                    for a in range(front):
                        apart[a] -= (z - draws.factors[j, r]) * integrals[j, r, a]
                    apart[last] = -shape * (math.log(own) - own - draws.logs[j, r])
                    _outer_lower(apart, -draws.chances[j, r, p] / many, information)
                    apart[:] = 0.0
