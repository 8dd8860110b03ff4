"""The marginal likelihood of a household: quadrature over its factor, its types' own factors, and its silence.

Given the household's factor u and the time of silence its types are independent, so the integral is nested: for each
node of u and of silence the product over types of an integral over z = u w on the type's own lattice, which is closed
for a type without counted facts. All grids are even on a logarithmic scale (the trapezoidal rule, which converges
faster than any power here) and lie where the last pass found the posterior.
"""

from __future__ import annotations

import math

import numpy as np

from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.compiled import compiled, fast
from setaria.flywheel.kernels.elementary import fading, logarithms
from setaria.flywheel.kernels.latent_data import (
    CERTAIN,
    COARSEST,
    FINE,
    LATTICE,
    LATTICE_ZERO,
    NODES,
    SILENCES,
    STEP,
    ZERO,
    Columns,
    Household,
    Model,
)

_FLUSH = 32
_TINY, _HUGE = 1e-150, 1e150  # a product beyond is turned into a logarithm before it leaves what a number can hold
_NOTHING = -40.0  # logarithm, to the greatest: left out
_FAINT = 345.0  # below 0, a logarithm: the product of two such numbers is still none that slows arithmetic down
_OVER = 14.0
_LEAST = 1e-6  # of a posterior's standard deviation


@compiled
def _step(spread: float) -> float:
    return min(STEP * spread, COARSEST)


@compiled
def lay_grids(model: Model, columns: Columns, h: int, work: Household) -> int:
    """The household's nodes with the prior's logarithm, and where types have a factor of their own their lattices;
    returns the number of nodes."""
    shape, grid, log_grid, mean_log, log_prior = model.shared, work.grid, work.log_grid, work.mean_log, work.log_prior
    nodes = 1
    grid[0], log_grid[0], mean_log[0], log_prior[0] = 1.0, 0.0, 0.0, 0.0
    if shape > 0.0:
        nodes = NODES
        step = _step(columns.spread[h, 0])
        ratio = math.exp(step)
        constant = shape * math.log(shape) - math.lgamma(shape) + math.log(step)
        for q in range(nodes):
            log_grid[q] = columns.center[h, 0] + (q - ZERO) * step
            grid[q] = grid[q - 1] * ratio if q else math.exp(log_grid[0])
            mean_log[q] = log_grid[q]
            log_prior[q] = constant + shape * (log_grid[q] - grid[q])
        # The first node stands for all to its left too, so that sums over nodes are the gradient of theirs.
        log_prior[0] -= math.log(1.0 - math.exp(-shape * step))
        mean_log[0] -= tail_mean(shape, step)
    for r in range(len(model.own)):
        if work.counts[r] and model.own[r] >= CERTAIN:
            _no_factor(work, r, nodes)
        elif work.counts[r]:
            step = min(_step(columns.spread[h, 1 + r]), FINE / math.sqrt(model.own[r]))
            for j in range(LATTICE):
                work.lattice[r, j] = math.exp(columns.center[h, 1 + r] + (j - LATTICE_ZERO) * step)
            _prior(model.own[r], step, nodes, work, r)
    return nodes


@compiled
def tail_mean(shape: float, step: float) -> float:
    """How far left of a grid's first node, on the logarithm, all places that it stands for lie on average."""
    return step / (math.exp(shape * step) - 1.0) if shape < CERTAIN else 0.0


@compiled
def tail_variance(shape: float, step: float) -> float:
    """Of the factor's logarithm among those places."""
    if shape >= CERTAIN:
        return 0.0
    return step * step * math.exp(shape * step) / (math.exp(shape * step) - 1.0) ** 2


@compiled
def _no_factor(work: Household, r: int, nodes: int) -> None:
    """The type's lattice is the household's grid, each point certain at its own node."""
    work.prior[r, :nodes] = 0.0
    for j in range(LATTICE):
        work.lattice[r, j] = work.grid[min(j, nodes - 1)]
        if j < nodes:
            work.prior[r, j, j] = 1.0


@compiled
def _prior(shape: float, step: float, nodes: int, work: Household, r: int) -> None:
    """Weight of lattice point z given u: gamma density of w = z / u on the logarithmic scale, times the step."""
    grid, log_grid, lattice, below, prior = work.grid, work.log_grid, work.lattice[r], work.below[r], work.prior[r]
    constant = shape * math.log(shape) - math.lgamma(shape) + math.log(step)
    tail = 1.0 / (1.0 - math.exp(-shape * step))  # all that lies to the left of the lattice
    first = math.log(lattice[0])
    for q in range(nodes):
        inverse, front = 1.0 / grid[q], constant + shape * (first - log_grid[q])
        for j in range(LATTICE):
            below[q, j] = shape * (lattice[j] * inverse - j * step) - front
    _faint(below[:nodes].reshape(-1), work.whole, prior[:nodes].reshape(-1))
    for q in range(nodes):
        prior[q, 0] *= tail


@compiled
def _faint(below: Floats, whole: Whole, into: Floats) -> None:
    """exp(-below), 0 where that is faint."""
    fading(below, 1.0, whole[: len(below)], into)
    for j in range(len(below)):
        into[j] = into[j] if below[j] <= _FAINT else 0.0


@fast
def _product(
    base: Floats, excited: Floats, whose: Whole, r: int, n: int, at: Floats, points: int, running: Floats, into: Floats
) -> None:
    """sum over facts i < n (of type r, or all for r = -1) of log(at base_i + excited_i), at each point.

    Facts are divided by their value at a middle point, so that a logarithm is taken of a product of many.
    """
    since = 0
    middle = at[points // 2]
    level, scale = 0.0, 1.0
    for j in range(points):
        into[j] = 0.0
        running[j] = 1.0
    for i in range(n):
        if r >= 0 and whose[i] != r:
            continue
        rate = middle * base[i] + excited[i]
        scale *= rate
        if not _TINY < scale < _HUGE:
            level += math.log(scale)
            scale = 1.0
        inverse = 1.0 / rate
        of_base, of_excited = base[i] * inverse, excited[i] * inverse
        for j in range(points):
            running[j] *= at[j] * of_base + of_excited
        since += 1
        if since == _FLUSH:
            since = 0
            for j in range(points):
                into[j] += math.log(running[j]) if running[j] > 0.0 else -np.inf
                running[j] = 1.0
    level += math.log(scale)
    for j in range(points):
        into[j] += level + (math.log(running[j]) if running[j] > 0.0 else -np.inf)


@compiled
def _die(base: float, excited: float, at: Floats, points: int, values: Floats) -> None:
    """The fact happened after the silence: excited, not of the baseline."""
    level = math.log(excited)
    for j in range(points):
        values[j] += level - math.log(at[j] * base + excited)


@compiled
def along_shared(model: Model, n: int, nodes: int, silences: int, work: Household) -> int:
    """log_values where types have no factor of their own; returns how many silences matter."""
    base, excited, grid, totals, log_values = work.base, work.excited, work.grid, work.total, work.log_values
    product, node_alive = work.product[0], work.node_alive
    _product(base, excited, work.whose, -1, n, grid, nodes, work.running, product)
    alive, best = n, -1e300
    for m in range(silences):
        while alive > node_alive[m]:
            alive -= 1
            _die(base[alive], excited[alive], grid, nodes, product)
        total = 0.0
        for r in range(len(totals)):
            total += totals[r, m]
        for q in range(nodes):
            log_values[m, q] = product[q] - grid[q] * total
            best = max(best, log_values[m, q])
        if m >= 6 and m % 2 == 0 and _is_over(log_values, m, nodes, best):
            return m + 1
    return silences


@compiled
def _is_over(log_values: Floats, m: int, nodes: int, best: float) -> bool:
    """Whether the last three gaps all say that the household cannot have fallen silent so early."""
    for before in range(m - 5, m + 1):
        for q in range(nodes):
            if log_values[before, q] > best - _OVER:
                return False
    return True


@compiled
def along_own(model: Model, n: int, nodes: int, silences: int, work: Household) -> int:
    """log_values where each type has a factor of its own; keeps powers and folded for the posterior."""
    base, excited, whose, products, counts = work.base, work.excited, work.whose, work.product, work.counts
    for r in range(len(model.own)):
        if counts[r]:
            _product(base, excited, whose, r, n, work.lattice[r], LATTICE, work.running, products[r])
    node_alive, log_values = work.node_alive, work.log_values
    alive, best = n, -1e300
    for first in range(0, silences, SILENCES):
        after = min(first + SILENCES, silences)
        for m in range(first, after):
            while alive > node_alive[m]:
                alive -= 1
                r = whose[alive]
                _die(base[alive], excited[alive], work.lattice[r], LATTICE, products[r])
            for r in range(len(model.own)):
                if counts[r]:
                    work.top[r, m] = _power(work.total[r, m], products[r], work.lattice[r], work.below[r, m - first])
        _fold(model, first, after, nodes, work)
        for m in range(first, after):
            for q in range(nodes):
                best = max(best, log_values[m, q])
            if m >= 6 and m % 2 == 0 and _is_over(log_values, m, nodes, best):
                return m + 1
    return silences


@fast
def _power(total: float, product: Floats, lattice: Floats, below: Floats) -> float:
    """How far the likelihood's logarithm lies below its greatest, which is returned."""
    top = -1e300
    for j in range(LATTICE):
        below[j] = lattice[j] * total - product[j]
        top = max(top, -below[j])
    for j in range(LATTICE):
        below[j] += top
    return top


@compiled
def _fold(model: Model, first: int, after: int, nodes: int, work: Household) -> None:
    """log_values of these silences, all types together; a type's integrals as one product of matrices."""
    counts, shapes, value, logarithm = work.counts, model.own, work.value, work.logarithm
    log_values, whole = work.log_values, work.whole[: SILENCES * NODES]
    log_values[first:after] = 0.0
    value[:] = 1.0
    for r in range(len(shapes)):
        folded = work.folded[r, first:after]
        if counts[r]:
            powers = work.powers[r, first:after]
            _faint(work.below[r, : after - first].reshape(-1), work.whole, powers.reshape(-1))
            np.dot(powers, work.prior[r].T, folded)
            _multiply(work.top[r, first:after], folded, nodes, value, log_values[first:after])
    logarithms(value.reshape(-1), whole, logarithm.reshape(-1))
    for m in range(first, after):
        for q in range(nodes):
            log_values[m, q] += logarithm[m - first, q]
    for r in range(len(shapes)):
        if not counts[r]:
            for m in range(first, after):
                rate = work.total[r, m] / shapes[r]
                for q in range(nodes):
                    value[m - first, q] = 1.0 + work.grid[q] * rate
            logarithms(value.reshape(-1), whole, logarithm.reshape(-1))
            for m in range(first, after):
                for q in range(nodes):
                    work.folded[r, m, q] = logarithm[m - first, q]
                    log_values[m, q] -= shapes[r] * logarithm[m - first, q]


@compiled
def _multiply(top: Floats, folded: Floats, nodes: int, value: Floats, log_values: Floats) -> None:
    """`value` takes the product; what would leave what a number can hold goes to log_values."""
    for m in range(len(top)):
        for q in range(nodes):
            log_values[m, q] += top[m]
            factor = folded[m, q]
            if factor < _TINY:
                log_values[m, q] += math.log(factor) if factor > 0.0 else -1e300
                continue
            value[m, q] *= factor
            if not _TINY < value[m, q] < _HUGE:
                log_values[m, q] += math.log(value[m, q])
                value[m, q] = 1.0


@compiled
def posterior(model: Model, columns: Columns, h: int, nodes: int, silences: int, work: Household) -> float:
    """Turns log_values into weights that sum to 1; returns the household's log-likelihood (without the excitations').

    A gap's integral is its length times the logarithmic mean of its ends (exact where the logarithm is linear); the
    ends' weights are that mean's derivatives, so that sums over nodes are the gradient of what is returned.
    """
    log_values, weights, marginal, log_prior = work.log_values, work.weights, work.marginal, work.log_prior
    churn, node_gap, node_time, start = model.churn, work.node_gap, work.node_time, columns.start[h]
    top = -1e300
    for m in range(silences):
        risk = churn * (node_time[m] - start)
        for q in range(nodes):
            log_values[m, q] += log_prior[q] - risk
            top = max(top, log_values[m, q])
    total = 0.0
    for q in range(nodes):
        weights[0, q] = math.exp(log_values[0, q] - top)
        total += weights[0, q]
    for m in range(1, silences, 2):
        length = churn * math.exp(node_gap[m])
        for q in range(nodes):
            left, right = log_values[m, q] - top, log_values[m + 1, q] - top
            weight, share = 0.0, 0.0
            if left >= _NOTHING or right >= _NOTHING:
                mean, share = _logarithmic_mean(left, right)
                weight = length * mean
            weights[m, q] = weight * share
            weights[m + 1, q] = weight * (1.0 - share)
            total += weight
    inverse = 1.0 / total
    for q in range(nodes):
        marginal[q] = 0.0
    for m in range(silences):
        for q in range(nodes):
            weights[m, q] *= inverse
            marginal[q] += weights[m, q]
    return top + math.log(total)


@compiled
def _logarithmic_mean(left: float, right: float) -> tuple[float, float]:
    """Of exp(left) and exp(right), and how much of its change follows the left one."""
    apart = left - right
    if abs(apart) < 1e-5:
        return math.exp(right + apart / 2), 0.5 + apart / 12
    mean = (math.exp(left) - math.exp(right)) / apart
    if apart > 0:
        return mean, 1.0 / (1.0 - math.exp(-apart)) - 1.0 / apart
    return mean, -1.0 / apart + 1.0 / (1.0 - math.exp(min(-apart, 700.0)))


@compiled
def moved(columns: Columns, h: int, which: int, weights: Floats, points: int, at: Floats) -> bool:
    """Keeps where the posterior of a factor lies on its logarithm; says whether the grid, which is even, lay elsewhere.

    A grid is laid around the logarithm of the mean: its left end stands for all further left, and where that is much
    the mean of the logarithm would draw the grid away from the right, further with every look.
    """
    first = math.log(at[0])
    step = math.log(at[1]) - first
    mean, square, whole = 0.0, 0.0, 0.0
    for j in range(points):
        mean += weights[j] * j
        square += weights[j] * j * j
        whole += weights[j] * at[j]
    old_middle, old = columns.center[h, which], columns.spread[h, which]
    middle = math.log(whole)
    spread = max(step * math.sqrt(max(square - mean * mean, 0.0)), _LEAST)
    # Where only the grid's edge is seen, how wide it is says nothing: a finer grid would never get there.
    edge = abs(middle - old_middle) > 0.8 * old or not 1.0 <= mean <= points - 2.0
    columns.center[h, which] = middle
    columns.spread[h, which] = min(max(spread, old if edge else 0.4 * old), 2.5 * old)
    return bool(abs(middle - old_middle) > 0.8 * old or spread > 1.5 * old or (spread < 0.5 * old and not edge))
