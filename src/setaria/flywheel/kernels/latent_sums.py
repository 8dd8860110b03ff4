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
def _add_later(silences: int, nodes: int, work: Household) -> None:
    found = 0.0
    for m in range(silences - 1, -1, -1):
        for q in range(nodes):
            found += work.weights[m, q]
        work.later[m] = found


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
    _add_later(silences, nodes, work)
    alive = n
    for m in range(silences):
        if alive > node_alive[m]:
            _expect(node_alive[m], alive, -1, base, excited, whose, gathered, grid, nodes, work.later[m], stats)
            alive = node_alive[m]
        for q in range(nodes):
            gathered[q] += weights[m, q]
    _expect(0, alive, -1, base, excited, whose, gathered, grid, nodes, 0.0, stats)


@compiled
def expect_own(model: Model, n: int, nodes: int, silences: int, work: Household, logs: Floats, lattice: Floats) -> None:
    """`logs` (R) takes E[log w - w]; `lattice` (R x LATTICE) the posterior of each type's own factor."""
    base, excited, whose, stats = work.base, work.excited, work.whose, work.stats
    node_alive, columns = work.node_alive, work.columns
    _add_later(silences, nodes, work)
    lattice[:] = 0.0
    for r in range(len(model.own)):
        if not work.counts[r]:
            logs[r] = _closed(model.own[r], work, r, silences, nodes)
            continue
        points, gathered = work.lattice[r], lattice[r]
        _spread(work, r, silences, nodes)
        alive = n
        for m in range(silences):
            if alive > node_alive[m]:
                low = node_alive[m]
                _expect(low, alive, r, base, excited, whose, gathered, points, LATTICE, work.later[m], stats)
                alive = low
            for j in range(LATTICE):
                gathered[j] += columns[m, j]
        _expect(0, alive, r, base, excited, whose, gathered, points, LATTICE, 0.0, stats)
        logs[r] = _mean_log(model.own[r], work, r, nodes, gathered)


@fast
def _spread(work: Household, r: int, silences: int, nodes: int) -> None:
    """Posterior of z on its lattice at each silence, all of the household's nodes together; and of z and node."""
    folded, weights, shares, lattice = work.folded[r], work.weights, work.shares, work.lattice[r]
    columns, powers = work.columns[:silences], work.powers[r, :silences]
    for m in range(silences):
        for q in range(nodes):
            possible = weights[m, q] > _NEGLIGIBLE and folded[m, q] > 0.0
            shares[m, q] = weights[m, q] / folded[m, q] if possible else 0.0
    np.dot(shares[:silences], work.prior[r], columns)
    np.dot(shares[:silences].T, powers, work.joint)
    for m in range(silences):
        mean = 0.0
        for j in range(LATTICE):
            columns[m, j] *= powers[m, j]
            mean += columns[m, j] * lattice[j]
        work.factor[r, m] = mean


@fast
def _mean_log(shape: float, work: Household, r: int, nodes: int, gathered: Floats) -> float:
    """E[log w - w], w = z / u."""
    lattice, prior, joint = work.lattice[r], work.prior[r], work.joint
    found = 0.0
    for q in range(nodes):
        together, mean = 0.0, 0.0
        for j in range(LATTICE):
            part = joint[q, j] * prior[q, j]
            together += part
            mean += part * lattice[j]
        found -= together * work.log_grid[q] + mean / work.grid[q]
    first = math.log(lattice[0])
    step = math.log(lattice[1]) - first
    for j in range(LATTICE):
        found += gathered[j] * (first + j * step)
    beyond: float = gathered[0] * tail_mean(shape, step)
    return found - beyond


@compiled
def _closed(shape: float, work: Household, r: int, silences: int, nodes: int) -> float:
    """A type without counted facts: z given u is gamma with shape a and rate a / u + its baseline."""
    weights, grid, total, folded, factor = work.weights, work.grid, work.total[r], work.folded[r], work.factor[r]
    constant, found = digamma(shape) - math.log(shape), 0.0
    for m in range(silences):
        mean = 0.0
        for q in range(nodes):
            inverse = shape / (shape + grid[q] * total[m])
            mean += weights[m, q] * grid[q] * inverse
            found += weights[m, q] * (constant - folded[m, q] - inverse)
        factor[m] = mean
    return found


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
