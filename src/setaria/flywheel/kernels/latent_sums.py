"""From the posterior of a household's latents to expectations for each fact and type."""

from __future__ import annotations

import math

import numpy as np

from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.compiled import compiled, fast
from setaria.flywheel.kernels.latent_data import LATTICE, Household, Model
from setaria.flywheel.kernels.latent_nodes import tail_mean
from setaria.flywheel.kernels.special import digamma

_NEGLIGIBLE = 1e-9


@fast
def _expect(
    low: int,
    high: int,
    r: int,
    base: Floats,
    excited: Floats,
    whose: Whole,
    weights: Floats,
    at: Floats,
    points: int,
    dead: float,
    into: Floats,
) -> None:
    """Expectations of the facts low..high (of type r, or all for r = -1); `dead` is the chance that the household fell
    silent before them."""
    for i in range(low, high):
        if r >= 0 and whose[i] != r:
            continue
        inverse1, own1, inverse2, own2, cross = 0.0, 0.0, 0.0, 0.0, 0.0
        for j in range(points):
            own = at[j] * base[i]
            inverse = 1.0 / (own + excited[i])
            own *= inverse
            weighted = weights[j] * inverse
            weighted_own = weights[j] * own
            inverse1 += weighted
            own1 += weighted_own
            inverse2 += weighted * inverse
            own2 += weighted_own * own
            cross += weighted_own * inverse
        if dead > _NEGLIGIBLE and excited[i] > 0.0:
            inverse1 += dead / excited[i]
            inverse2 += dead / (excited[i] * excited[i])
        into[i, 0] = inverse1
        into[i, 1] = own1
        into[i, 2] = inverse2
        into[i, 3] = own2
        into[i, 4] = cross


@compiled
def _share(weights: Floats, m: int, silences: int, nodes: int) -> float:
    """The posterior of the silences from m on."""
    found = 0.0
    for later in range(m, silences):
        for q in range(nodes):
            found += weights[later, q]
    return found


@compiled
def expect_factor(nodes: int, silences: int, work: Household) -> None:
    """E[z 1(silence)] where types have no factor of their own."""
    weights, grid, factor = work.weights, work.grid, work.factor
    for m in range(silences):
        mean = 0.0
        for q in range(nodes):
            mean += weights[m, q] * grid[q]
        for r in range(len(factor)):
            factor[r, m] = mean


@compiled
def expect_shared(n: int, nodes: int, silences: int, work: Household) -> None:
    base, excited, whose, stats = work.base, work.excited, work.whose, work.stats
    weights, grid, node_alive = work.weights, work.grid, work.node_alive
    gathered = work.running
    gathered[:] = 0.0
    alive = n
    for m in range(silences):
        if alive > node_alive[m]:
            dead = _share(weights, m, silences, nodes)
            _expect(node_alive[m], alive, -1, base, excited, whose, gathered, grid, nodes, dead, stats)
            alive = node_alive[m]
        for q in range(nodes):
            gathered[q] += weights[m, q]
    _expect(0, alive, -1, base, excited, whose, gathered, grid, nodes, 0.0, stats)


@compiled
def expect_own(model: Model, n: int, nodes: int, silences: int, work: Household, logs: Floats, lattice: Floats) -> None:
    """`logs` (R) takes E[log w - w]; `lattice` (R x LATTICE) the posterior of each type's own factor."""
    base, excited, whose, stats = work.base, work.excited, work.whose, work.stats
    weights, node_alive, counts = work.weights, work.node_alive, work.counts
    lattice[:] = 0.0
    for r in range(len(model.own)):
        logs[r] = 0.0
        points = work.lattice[r]
        alive = n
        for m in range(silences):
            if alive > node_alive[m]:
                if counts[r]:
                    dead = _share(weights, m, silences, nodes)
                    _expect(node_alive[m], alive, r, base, excited, whose, lattice[r], points, LATTICE, dead, stats)
                alive = node_alive[m]
            if counts[r]:
                _spread(model.own[r], work, r, m, nodes, lattice[r], logs)
            else:
                _closed(model, work, r, m, nodes, logs)
        if counts[r]:
            _expect(0, alive, r, base, excited, whose, lattice[r], points, LATTICE, 0.0, stats)


@fast
def _spread(shape: float, work: Household, r: int, m: int, nodes: int, gathered: Floats, logs: Floats) -> None:
    """Posterior of z on its lattice at silence m, all of the household's nodes together."""
    lattice, powers, prior, weights = work.lattice[r], work.powers[r, m], work.prior[r], work.weights
    grid, log_grid, column = work.grid, work.log_grid, work.running
    column[:] = 0.0
    mean, log_own = 0.0, 0.0
    for q in range(nodes):
        weight = weights[m, q]
        if weight <= _NEGLIGIBLE:
            continue
        whole, z = 0.0, 0.0
        for j in range(LATTICE):
            part = prior[q, j] * powers[j]
            whole += part
            z += part * lattice[j]
        if whole <= 0.0:
            continue
        share = weight / whole
        z *= share
        for j in range(LATTICE):
            column[j] += share * prior[q, j] * powers[j]
        mean += z
        log_own -= weight * log_grid[q] + z / grid[q]
    first = math.log(lattice[0])
    step = math.log(lattice[1]) - first
    for j in range(LATTICE):
        gathered[j] += column[j]
        if column[j] > 0.0:
            log_own += column[j] * (first + j * step)
    log_own -= column[0] * tail_mean(shape, step)
    work.factor[r, m] = mean
    logs[r] += log_own


@compiled
def _closed(model: Model, work: Household, r: int, m: int, nodes: int, logs: Floats) -> None:
    """A type without counted facts: z given u is gamma with shape a and rate a / u + its baseline."""
    shape, weights, grid, total = model.own[r], work.weights, work.grid, work.total[r, m]
    psi = digamma(shape)
    mean = 0.0
    for q in range(nodes):
        if weights[m, q] > 0.0:
            rate = shape + grid[q] * total
            mean += weights[m, q] * grid[q] * shape / rate
            logs[r] += weights[m, q] * (psi - math.log(rate) - shape / rate)
    work.factor[r, m] = mean


@compiled
def project(n: int, nodes: int, work: Household, weighted: Floats, terms: Floats, second: Floats) -> None:
    """Functions of the factor u, orthonormal under its posterior, and each fact's covariance with them.

    They are made of u, then each of the one before times log u.

    How the score varies with the factor is a smooth curve, so that one or two of them hold nearly all of its variance,
    which Louis's correction asks for. A fact's own second moments are projected alike, so that what is left out of both
    cancels.
    """
    grid, log_grid, weights = work.grid, work.log_grid, work.marginal
    value = np.ones((len(weighted) + 1, nodes))
    for j in range(len(weighted)):
        for q in range(nodes):
            value[j + 1, q] = value[j, q] * log_grid[q] if j else grid[q]
        for _ in range(2):  # once more takes out what rounding left
            for before in range(j + 1):
                along = 0.0
                for q in range(nodes):
                    along += weights[q] * value[before, q] * value[j + 1, q]
                for q in range(nodes):
                    value[j + 1, q] -= along * value[before, q]
        size = 0.0
        for q in range(nodes):
            size += weights[q] * value[j + 1, q] * value[j + 1, q]
        size = 1.0 / math.sqrt(size) if size > 1e-20 else 0.0
        for q in range(nodes):
            value[j + 1, q] *= size
            weighted[j, q] = weights[q] * value[j + 1, q]
    _project(n, nodes, work.base, work.excited, work.grid, weighted, work.stats, terms, second)


@fast
def _project(
    n: int,
    nodes: int,
    base: Floats,
    excited: Floats,
    at: Floats,
    weighted: Floats,
    stats: Floats,
    terms: Floats,
    second: Floats,
) -> None:
    for i in range(n):
        second[i, 0] = stats[i, 0] * stats[i, 0]
        second[i, 1] = stats[i, 1] * stats[i, 1]
        second[i, 2] = stats[i, 0] * stats[i, 1]
        for k in range(len(weighted)):
            inverse1, own1 = 0.0, 0.0
            for q in range(nodes):
                own = at[q] * base[i]
                inverse = weighted[k, q] / (own + excited[i])
                inverse1 += inverse
                own1 += own * inverse
            terms[k, i, 0] = inverse1
            terms[k, i, 1] = own1
            second[i, 0] += inverse1 * inverse1
            second[i, 1] += own1 * own1
            second[i, 2] += inverse1 * own1
