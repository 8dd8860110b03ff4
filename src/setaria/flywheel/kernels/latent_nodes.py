"""The marginal likelihood of a household: quadrature over its factor, its types' own factors, and its silence.

Given the household's factor u and the time of silence its types are independent, so the integral is nested: for each
node of u and of silence the product over types of an integral over z = u w on the type's own lattice, which is closed
for a type without counted facts. All grids are even on a logarithmic scale (the trapezoidal rule, which converges
faster than any power here) and lie where the last pass found the posterior.
"""

from __future__ import annotations

import math

import numpy as np

from setaria.flywheel.arrays import Floats
from setaria.flywheel.compiled import compiled, fast
from setaria.flywheel.kernels.latent_data import (
    CERTAIN,
    COARSEST,
    FINE,
    LATTICE,
    LATTICE_ZERO,
    NODES,
    STEP,
    ZERO,
    Columns,
    Household,
    Model,
)

_FLUSH = 32
_NOTHING = -40.0  # logarithm, to the greatest: left out
_OVER = 14.0


@compiled
def _step(spread: float) -> float:
    return min(STEP * spread, COARSEST)


@compiled
def lay_grids(model: Model, columns: Columns, h: int, work: Household) -> int:
    """The household's nodes, and where types have a factor of their own their lattices; returns the number of nodes."""
    if model.shared <= 0.0:
        work.grid[0] = 1.0
        nodes = 1
    else:
        nodes = NODES
        step = _step(columns.spread[h, 0])
        for q in range(NODES):
            work.grid[q] = math.exp(columns.center[h, 0] + (q - ZERO) * step)
    for r in range(len(model.own)):
        if work.counts[r] and model.own[r] >= CERTAIN:
            _no_factor(work, r, nodes)
        elif work.counts[r]:
            step = min(_step(columns.spread[h, 1 + r]), FINE / math.sqrt(model.own[r]))
            for j in range(LATTICE):
                work.lattice[r, j] = math.exp(columns.center[h, 1 + r] + (j - LATTICE_ZERO) * step)
            _prior(model.own[r], step, work.grid[:nodes], work.lattice[r], work.prior[r])
    return nodes


@compiled
def _no_factor(work: Household, r: int, nodes: int) -> None:
    """The type's lattice is the household's grid, each point certain at its own node."""
    work.prior[r, :nodes] = 0.0
    for j in range(LATTICE):
        work.lattice[r, j] = work.grid[min(j, nodes - 1)]
        if j < nodes:
            work.prior[r, j, j] = 1.0


@compiled
def _prior(shape: float, step: float, grid: Floats, lattice: Floats, into: Floats) -> None:
    """Weight of lattice point z given u: gamma density of w = z / u on the logarithmic scale, times the step."""
    constant = shape * math.log(shape) - math.lgamma(shape) + math.log(step)
    tail = 1.0 / (1.0 - math.exp(-shape * step))  # all that lies to the left of the lattice
    first = math.log(lattice[0])
    for q in range(len(grid)):
        log_u = math.log(grid[q])
        for j in range(len(lattice)):
            exponent = constant + shape * (first + j * step - log_u - lattice[j] / grid[q])
            into[q, j] = math.exp(exponent) if exponent > _NOTHING else 0.0
        into[q, 0] *= tail


@compiled
def _log_prior(model: Model, columns: Columns, h: int, q: int, grid: Floats) -> float:
    if model.shared <= 0.0:
        return 0.0
    step = _step(columns.spread[h, 0])
    value = model.shared * (math.log(model.shared * grid[q]) - grid[q]) - math.lgamma(model.shared) + math.log(step)
    if q == 0:
        value -= math.log(1.0 - math.exp(-model.shared * step))
    return float(value)


@compiled
def mean_log(model: Model, columns: Columns, h: int, q: int, grid: Floats) -> float:
    """Of the factor: the first node stands for all to its left too. So sums over nodes are the gradient of theirs."""
    value = math.log(grid[q])
    if q == 0 and model.shared > 0.0:
        step = _step(columns.spread[h, 0])
        value -= step / (math.exp(model.shared * step) - 1.0)
    return float(value)


@compiled
def drawn_log(model: Model, columns: Columns, h: int, u: float, grid: Floats) -> float:
    """At one of the places that node u stands for, by lot."""
    value = math.log(u)
    if model.shared > 0.0 and u <= grid[0]:
        step = _step(columns.spread[h, 0])
        value -= step * math.floor(-math.log(1.0 - np.random.random()) / (model.shared * step))
    return float(value)


@fast
def _product(work: Household, r: int, n: int, at: Floats, into: Floats) -> None:
    """sum over facts i < n (of type r, or all for r = -1) of log(at base_i + excited_i), at each point."""
    points = len(at)
    running = np.ones(points)
    since = 0
    middle = at[points // 2]
    level = 0.0
    into[:points] = 0.0
    for i in range(n):
        if r >= 0 and work.whose[i] != r:
            continue
        base, excited = work.base[i], work.excited[i]
        rate = middle * base + excited
        level += math.log(rate)
        base /= rate
        excited /= rate
        for j in range(points):
            running[j] *= at[j] * base + excited
        since += 1
        if since == _FLUSH:
            since = 0
            for j in range(points):
                into[j] += math.log(running[j]) if running[j] > 0.0 else -np.inf
                running[j] = 1.0
    for j in range(points):
        into[j] += level + (math.log(running[j]) if running[j] > 0.0 else -np.inf)


@compiled
def _die(work: Household, i: int, at: Floats, values: Floats) -> None:
    """Fact i happened after the silence: excited, not of the baseline."""
    for j in range(len(at)):
        values[j] += math.log(work.excited[i]) - math.log(at[j] * work.base[i] + work.excited[i])


@compiled
def along_shared(model: Model, n: int, nodes: int, silences: int, work: Household) -> int:
    """log_values where types have no factor of their own; returns how many silences matter."""
    at = work.grid[:nodes]
    product = np.zeros(nodes)
    _product(work, -1, n, at, product)
    alive, best = n, -1e300
    for m in range(silences):
        while alive > work.node_alive[m]:
            alive -= 1
            _die(work, alive, at, product)
        total = 0.0
        for r in range(len(model.log_mu)):
            total += work.total[r, m]
        for q in range(nodes):
            work.log_values[m, q] = product[q] - at[q] * total
        best = max(best, work.log_values[m, :nodes].max())
        if m % 2 == 0 and _is_over(work, m, nodes, best):
            return m + 1
    return silences


@compiled
def _is_over(work: Household, m: int, nodes: int, best: float) -> bool:
    """Whether the last three gaps all say that the household cannot have fallen silent so early."""
    if m < 6:
        return False
    return bool(work.log_values[m - 5 : m + 1, :nodes].max() <= best - _OVER)


@compiled
def along_own(model: Model, n: int, nodes: int, silences: int, work: Household) -> int:
    """log_values where each type has a factor of its own; keeps powers and folded for the posterior."""
    at = work.grid[:nodes]
    products = np.zeros((len(model.own), LATTICE))
    for r in range(len(model.own)):
        if work.counts[r]:
            _product(work, r, n, work.lattice[r], products[r])
    alive, best = n, -1e300
    for m in range(silences):
        while alive > work.node_alive[m]:
            alive -= 1
            r = work.whose[alive]
            _die(work, alive, work.lattice[r], products[r])
        work.log_values[m, :nodes] = 0.0
        for r in range(len(model.own)):
            if work.counts[r]:
                _fold(work, r, m, nodes, products[r])
            else:
                for q in range(nodes):
                    work.folded[r, m, q] = -model.own[r] * math.log1p(at[q] * work.total[r, m] / model.own[r])
            for q in range(nodes):
                work.log_values[m, q] += work.folded[r, m, q]
        best = max(best, work.log_values[m, :nodes].max())
        if m % 2 == 0 and _is_over(work, m, nodes, best):
            return m + 1
    return silences


@fast
def _fold(work: Household, r: int, m: int, nodes: int, product: Floats) -> None:
    top = -1e300
    for j in range(LATTICE):
        work.powers[r, m, j] = product[j] - work.lattice[r, j] * work.total[r, m]
        top = max(top, work.powers[r, m, j])
    for j in range(LATTICE):
        work.powers[r, m, j] = math.exp(work.powers[r, m, j] - top)
    for q in range(nodes):
        value = 0.0
        for j in range(LATTICE):
            value += work.prior[r, q, j] * work.powers[r, m, j]
        work.folded[r, m, q] = top + math.log(value) if value > 0.0 else -1e300


@compiled
def posterior(model: Model, columns: Columns, h: int, nodes: int, silences: int, work: Household) -> float:
    """Turns log_values into weights that sum to 1; returns the household's log-likelihood (without the excitations').

    A gap's integral is its length times the logarithmic mean of its ends (exact where the logarithm is linear); the
    ends' weights are that mean's derivatives, so that sums over nodes are the gradient of what is returned.
    """
    top = -1e300
    prior = np.zeros(nodes)
    for q in range(nodes):
        prior[q] = _log_prior(model, columns, h, q, work.grid)
    for m in range(silences):
        risk = model.churn * (work.node_time[m] - columns.start[h])
        for q in range(nodes):
            work.log_values[m, q] += prior[q] - risk
            top = max(top, work.log_values[m, q])
    total = 0.0
    for q in range(nodes):
        work.weights[0, q] = math.exp(work.log_values[0, q] - top)
        total += work.weights[0, q]
        for m in range(1, silences, 2):
            left, right = work.log_values[m, q] - top, work.log_values[m + 1, q] - top
            apart = left - right
            if right < _NOTHING and left < _NOTHING:
                work.weights[m, q] = 0.0
                work.weights[m + 1, q] = 0.0
                continue
            if abs(apart) < 1e-5:
                mean = math.exp(right + apart / 2)
                share = 0.5 + apart / 12
            elif apart > 0:
                mean = (math.exp(left) - math.exp(right)) / apart
                share = 1.0 / (1.0 - math.exp(-apart)) - 1.0 / apart
            else:
                mean = (math.exp(left) - math.exp(right)) / apart
                share = -1.0 / apart + 1.0 / (1.0 - math.exp(min(-apart, 700.0)))
            weight = model.churn * math.exp(work.node_gap[m]) * mean
            work.weights[m, q] = weight * share
            work.weights[m + 1, q] = weight * (1.0 - share)
            total += weight
    for m in range(silences):
        for q in range(nodes):
            work.weights[m, q] /= total
    return top + math.log(total)


@compiled
def moved(columns: Columns, h: int, which: int, weights: Floats, at: Floats) -> bool:
    """Keeps where the posterior of a factor lies on its logarithm; says whether the grid lay elsewhere.

    The household's grid is laid around the logarithm of the mean: its left end stands for all further left, and where
    that is much the mean of the logarithm would draw the grid away from the right.
    """
    mean = 0.0
    square = 0.0
    whole = 0.0
    for j in range(len(at)):
        y = math.log(at[j])
        mean += weights[j] * y
        square += weights[j] * y * y
        whole += weights[j] * at[j]
    spread = math.sqrt(max(square - mean * mean, 1e-12))
    middle = math.log(whole) if which == 0 else mean
    old_middle, old = columns.center[h, which], columns.spread[h, which]
    far = abs(middle - old_middle) > 0.8 * old  # then only the grid's edge is seen, and how wide it is says nothing
    columns.center[h, which] = middle
    columns.spread[h, which] = min(max(spread, old if far else 0.4 * old), 2.5 * old)
    return bool(far or spread > 1.5 * old or spread < 0.5 * old)
