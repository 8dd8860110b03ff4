"""Draws of a household's factor and silence, and what each says of its facts and types."""

from __future__ import annotations

import math

import numpy as np

from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.compiled import compiled, fast
from setaria.flywheel.kernels.latent_data import LATTICE, NODES, Draws, Household, Model
from setaria.flywheel.kernels.latent_nodes import tail_mean
from setaria.flywheel.kernels.latent_sums import project
from setaria.flywheel.kernels.special import digamma


@compiled
def room_for_draws(many: int, facts: int, receivers: int, own: int, front: int, block: int) -> Draws:
    wide = own if many else 0
    return Draws(
        np.zeros((many, facts, 2)),
        np.zeros((facts, 3)),
        np.zeros((many, wide, LATTICE)),
        np.zeros((many, receivers)),
        np.zeros((many, receivers)),
        np.zeros((many, 2)),
        np.zeros((many, wide, LATTICE, block + 1)),
        np.zeros((many, NODES)),
        np.zeros(many),
        np.zeros((many, receivers, front)),
    )


@compiled
def draw(model: Model, n: int, nodes: int, silences: int, work: Household, draws: Draws) -> None:
    """The household's factor and silence by systematic sampling, then expectations given them; or `project`."""
    second, stats, chosen, weights = draws.second, work.stats, draws.at, work.weights
    many = len(chosen)
    if not many:
        for i in range(n):
            for a in range(3):
                second[i, a] = stats[i, 2 + a]
        return
    chosen[:, 0] = 0.0
    chosen[:, 1] = nodes // 2  # of a draw that rounding leaves over
    if not len(model.own) and model.churn <= 0.0:
        project(n, nodes, work, draws.weighted, draws.terms, second)
        _project_factor(nodes, work, draws)
        return
    second[:n] = 0.0
    offset = np.random.random()
    running, taken = 0.0, 0
    for m in range(silences):
        for q in range(nodes):
            running += weights[m, q] * many
            while taken < many and running > taken + offset:
                chosen[taken, 0] = m
                chosen[taken, 1] = q
                taken += 1
    for j in range(many):  # called in one place, with what is no literal: else compiled four times
        _given(model, n, int(chosen[j, 1]), int(chosen[j, 0]), work, draws, j)


@compiled
def _project_factor(nodes: int, work: Household, draws: Draws) -> None:
    grid, mean_log, weighted = work.grid, work.mean_log, draws.weighted
    for j in range(len(weighted)):
        along, along_log = 0.0, 0.0
        for q in range(nodes):
            along += weighted[j, q] * grid[q]
            along_log += weighted[j, q] * (mean_log[q] - grid[q])
        draws.log_shared[j] = along_log
        for r in range(draws.factors.shape[1]):
            draws.factors[j, r] = along


@compiled
def _given(model: Model, n: int, q: int, m: int, work: Household, draws: Draws, j: int) -> None:
    u = work.grid[q]
    draws.at[j, 0] = m
    draws.at[j, 1] = u
    draws.log_shared[j] = work.mean_log[q] - u
    for r in range(len(model.log_mu)):
        draws.factors[j, r] = u
    for r in range(len(model.own)):
        shape = model.own[r]
        if work.counts[r]:
            _chances(shape, work.prior[r, q], work.powers[r, m], work.lattice[r], u, draws, j, r)
        else:
            rate = shape + u * work.total[r, m]
            draws.factors[j, r] = u * shape / rate
            draws.logs[j, r] = digamma(shape) - math.log(rate) - shape / rate
    base, excited, stats, terms, second = work.base, work.excited, work.stats, draws.terms[j], draws.second
    share = 1.0 / len(draws.at)
    alive = work.node_alive[m]
    certain = np.ones(1)
    _given_facts(alive, n, -1, base, excited, work.whose, certain, np.zeros(1), share, stats, terms, second)
    for r in range(len(model.own)):
        if work.counts[r]:
            chances, at = draws.chances[j, r], work.lattice[r]
            _given_facts(0, alive, r, base, excited, work.whose, chances, at, share, stats, terms, second)
    if not len(model.own):
        _given_facts(0, alive, -1, base, excited, work.whose, certain, np.array([u]), share, stats, terms, second)


@compiled
def _chances(
    shape: float, prior: Floats, powers: Floats, lattice: Floats, u: float, draws: Draws, j: int, r: int
) -> None:
    """Of the type's lattice given the draw, with the means of its factor and of log w - w."""
    chances = draws.chances[j, r]
    whole, mean, log_own = 0.0, 0.0, 0.0
    for p in range(LATTICE):
        chances[p] = prior[p] * powers[p]
        whole += chances[p]
    for p in range(LATTICE):
        chances[p] /= whole
        own = lattice[p] / u
        mean += chances[p] * lattice[p]
        log_own += chances[p] * (math.log(own) - own)
    draws.factors[j, r] = mean
    draws.logs[j, r] = log_own - chances[0] * tail_mean(shape, math.log(lattice[1] / lattice[0]))


@fast
def _given_facts(
    low: int,
    high: int,
    r: int,
    base: Floats,
    excited: Floats,
    whose: Whole,
    chances: Floats,
    at: Floats,
    share: float,
    stats: Floats,
    terms: Floats,
    second: Floats,
) -> None:
    for i in range(low, high):
        if r >= 0 and whose[i] != r:
            continue
        inverse1, own1, inverse2, own2, cross = 0.0, 0.0, 0.0, 0.0, 0.0
        for p in range(len(at)):
            own = at[p] * base[i]
            inverse = 1.0 / (own + excited[i])
            own *= inverse
            w = chances[p]
            inverse1 += w * inverse
            own1 += w * own
            inverse2 += w * inverse * inverse
            own2 += w * own * own
            cross += w * own * inverse
        terms[i, 0] = inverse1 - stats[i, 0]
        terms[i, 1] = own1 - stats[i, 1]
        second[i, 0] += share * inverse2
        second[i, 1] += share * own2
        second[i, 2] += share * cross
