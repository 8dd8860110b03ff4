"""The pass over households: marginal log-likelihood, gradient, what the information needs, posteriors.

The information is Louis's (J. R. Statist. Soc. B 44, 1982): of the complete data, less the variance of its score. Both
are taken at the same draws of the household's factor and silence, so that their tails cancel; types' own factors are
integrated.
A sum over households, so a draw or two of each are enough; seeded, so the same each time. Where the household's factor
alone is open, the variance is projected on functions of it instead of drawn.
"""

from __future__ import annotations

import math

import numpy as np

from setaria.flywheel.arrays import Floats
from setaria.flywheel.compiled import compiled
from setaria.flywheel.kernels.latent_data import (
    CERTAIN,
    GAPS,
    LAST_GAP,
    LATTICE,
    NODES,
    SILENCES,
    STATS,
    Columns,
    Draws,
    Household,
    Model,
    Sums,
)
from setaria.flywheel.kernels.latent_draws import draw, room_for_draws
from setaria.flywheel.kernels.latent_facts import nodes_of_silence, read, totals
from setaria.flywheel.kernels.latent_information import (
    add_baselines,
    add_facts,
    close_blocks,
    close_types,
    room_for_blocks,
)
from setaria.flywheel.kernels.latent_nodes import along_own, along_shared, lay_grids, moved, posterior, tail_variance
from setaria.flywheel.kernels.latent_sums import expect_factor, expect_own, expect_shared

_TRIES = 4


@compiled
def scratch(facts: int, receivers: int, own: int, silent: bool, decays: int, wide: int, front: int) -> Household:
    silences = 2 * (GAPS + LAST_GAP) + 2 if silent else 1
    r = max(own, 1)
    return Household(
        np.zeros(facts),
        np.zeros(facts),
        np.zeros(facts),
        np.zeros(facts, dtype=np.int64),
        np.zeros(facts, dtype=np.int64),
        np.zeros((facts, STATS)),
        np.zeros((facts, decays)),
        np.zeros(wide),
        np.zeros(wide),
        np.zeros(front),
        np.zeros(silences),
        np.zeros(silences, dtype=np.int64),
        np.zeros(silences),
        np.zeros(1 + silences, dtype=np.int64),
        np.zeros(1 + silences),
        np.zeros((silences, NODES)),
        np.zeros((silences, NODES)),
        np.zeros(NODES),
        np.zeros(NODES),
        np.zeros(NODES),
        np.zeros(NODES),
        np.zeros(NODES),
        np.zeros((r, LATTICE)),
        np.zeros((r, NODES, LATTICE)),
        np.zeros((r, silences, LATTICE)),
        np.zeros((r, silences)),
        np.zeros((r, silences, NODES)),
        np.zeros((silences, NODES)),
        np.zeros((silences, LATTICE)),
        np.zeros((NODES, LATTICE)),
        np.zeros((r, max(SILENCES, NODES), LATTICE)),
        np.zeros(max(SILENCES, NODES) * LATTICE, dtype=np.int64),
        np.zeros((SILENCES, NODES)),
        np.zeros((SILENCES, NODES)),
        np.zeros(silences),
        np.zeros(receivers, dtype=np.int64),
        np.zeros(receivers),
        np.zeros((receivers, silences)),
        np.zeros((receivers, silences)),
        np.zeros((r, LATTICE)),
        np.zeros(LATTICE),
        np.zeros((silences, front)),
        np.zeros(front),
    )


@compiled
def _settle(
    model: Model, columns: Columns, h: int, n: int, work: Household, logs: Floats, lattice: Floats
) -> tuple[int, int, float]:
    """Lays grids until they lie where the posterior is; returns nodes, silences, log-likelihood."""
    own = len(model.own) > 0
    silences = nodes_of_silence(model, columns, h, n, work)
    totals(model, columns, h, silences, work)
    nodes, value = 1, 0.0
    for _ in range(_TRIES):
        nodes = lay_grids(model, columns, h, work)
        silences = along_own(model, n, nodes, silences, work) if own else along_shared(model, n, nodes, silences, work)
        value = posterior(model, columns, h, nodes, silences, work)
        again = False
        if nodes > 1:
            again = moved(columns, h, 0, work.marginal, nodes, work.grid)
        if own:
            expect_own(model, n, nodes, silences, work, logs, lattice)
            for r in range(len(model.own)):
                if work.counts[r] and model.own[r] < CERTAIN:
                    again = moved(columns, h, 1 + r, lattice[r], LATTICE, work.lattice[r]) or again
        if not again:
            break
    return nodes, silences, value


@compiled
def latent_pass(
    model: Model,
    columns: Columns,
    first: int,
    after: int,
    sums: Sums,
    rows: Floats,
    drawn: Floats,
    seed: int,
    inverse: Floats,
    own: Floats,
    posterior_mean: Floats,
) -> None:
    """Households first..after: rows (H' x P, or 1 x P for their sum) are added their scores, drawn (M H' x P) the
    draws' departures; columns beyond P stay as they are.

    rows with no columns: the log-likelihood alone; sums.information without any: no information. `inverse` and `own`
    (N, or empty) take E[1/l] and E[zb/l] of each fact; posterior_mean (H' x (3 + 2 R), or empty) takes E[u], P(not
    silent at the end), the log-likelihood, and of each receiver E[z] exp(covariates . x), then the same of those not
    silent alone.
    """
    np.random.seed(seed)
    receivers, own_types, wide = len(model.log_mu), len(model.own), len(model.receiver) * len(model.rates)
    front = 1 + model.features.shape[1] + columns.covariates.shape[1]
    block = front + wide
    many = len(drawn) // max(after - first, 1)
    most = min(after - first, 1)  # no literal: else what takes it is compiled twice
    for h in range(first, after):
        most = max(most, columns.offsets[h + 1] - columns.offsets[h])
    work = scratch(most, receivers, own_types, model.churn > 0.0, len(model.rates), wide, front)
    draws = room_for_draws(many, most, receivers, own_types, front, block)
    informed = sums.information.shape[1] > 0
    blocks = room_for_blocks(receivers if informed else 0, block)
    logs, lattice = np.zeros(receivers), np.zeros((max(own_types, 1), LATTICE))
    pull = np.zeros(wide)
    for r in range(receivers):
        pull += model.excitation[r]
    wanted = rows.shape[1] > 0
    center = 1.0 if own_types or model.churn > 0.0 else 0.0
    for h in range(first, after):
        n = read(model, columns, h, work)
        nodes, silences, value = _settle(model, columns, h, n, work, logs, lattice)
        for a in range(wide):
            value -= pull[a] * work.exposed[a]
        sums.likelihood[0] += value
        if not wanted and not len(posterior_mean):
            continue
        if not own_types:
            expect_factor(nodes, silences, work)
            expect_shared(n, nodes, silences, work)
        log_shared, alive, risk = _add_hyper(columns.start[h], nodes, silences, work, own_types, logs, sums.hyper)
        if len(posterior_mean):
            _keep(model, nodes, silences, work, alive, value, posterior_mean[h - first])
        if len(inverse):
            _write(columns, model, h, work, inverse, own)
        if not wanted:
            continue
        row = rows[(h - first) % len(rows)]
        deep = drawn[(h - first) * many : (h - first + 1) * many]
        if informed:
            draw(model, n, nodes, silences, work, draws)
        add_facts(model, columns, h, work, sums, row, draws, deep, blocks)
        add_baselines(model, columns, h, silences, work, sums, row, draws, deep, center)
        if many:
            close_types(model, work, draws, sums)
            sums.hyper[-1] += _unseen(model.shared, nodes, work, log_shared, draws, center)
        _score_hyper(model, columns.start[h], work, log_shared, alive, risk, logs, row, deep, draws, center)
    close_blocks(blocks, sums.information)


@compiled
def _add_hyper(
    start: float, nodes: int, silences: int, work: Household, own_types: int, logs: Floats, into: Floats
) -> tuple[float, float, float]:
    """Returns E[log u - u], P(not silent at the end), E[time at risk]."""
    log_shared, alive, risk = 0.0, 0.0, 0.0
    for q in range(nodes):
        log_shared += work.marginal[q] * (work.mean_log[q] - work.grid[q])
        alive += work.weights[0, q]
    for m in range(silences):
        time = work.node_time[m] - start
        for q in range(nodes):
            risk += work.weights[m, q] * time
    into[0] += log_shared
    into[1] += 1.0 - alive
    into[2] += risk
    for r in range(own_types):
        into[3 + r] += logs[r]
    return log_shared, alive, risk


@compiled
def _unseen(shape: float, nodes: int, work: Household, log_shared: float, draws: Draws, center: float) -> float:
    """Of the variance of log u - u, what neither draws of nodes nor a few functions of them hold."""
    if nodes == 1:
        return 0.0
    unseen: float = work.marginal[0] * tail_variance(shape, work.log_grid[1] - work.log_grid[0])
    if center == 0.0:  # projected
        unseen -= log_shared * log_shared
        for q in range(nodes):
            unseen += work.marginal[q] * (work.mean_log[q] - work.grid[q]) ** 2
        for j in range(len(draws.log_shared)):
            unseen -= draws.log_shared[j] ** 2
    return unseen


@compiled
def _keep(model: Model, nodes: int, silences: int, work: Household, alive: float, value: float, into: Floats) -> None:
    mean = 0.0
    for q in range(nodes):
        mean += work.marginal[q] * work.grid[q]
    into[0] = mean
    into[1] = alive
    into[2] = value
    for r in range(len(model.log_mu)):
        covariates = work.scales[r] / math.exp(model.log_mu[r])
        into[3 + r] = work.factor[r, :silences].sum() * covariates
        into[3 + len(model.log_mu) + r] = work.factor[r, 0] * covariates


@compiled
def _score_hyper(
    model: Model,
    start: float,
    work: Household,
    log_shared: float,
    alive: float,
    risk: float,
    logs: Floats,
    row: Floats,
    deep: Floats,
    draws: Draws,
    center: float,
) -> None:
    """The columns behind the blocks: log u - u, then churned - rate * risk, then log w - w of each type.

    Left raw (without the shape's constants): the caller scales and shifts them.
    """
    last = len(model.log_mu) * (len(work.state) + len(work.own))
    silent = 1.0 - alive - model.churn * risk
    row[last] += log_shared
    row[last + 1] += silent
    for r in range(len(model.own)):
        row[last + 2 + r] += logs[r]
    for j in range(len(deep)):
        deep[j, last] = draws.log_shared[j] - center * log_shared
        m = int(draws.at[j, 0])
        fell = 1.0 if m > 0 else 0.0
        deep[j, last + 1] = center * (fell - model.churn * (work.node_time[m] - start) - silent)
        for r in range(len(model.own)):
            deep[j, last + 2 + r] = draws.logs[j, r] - logs[r]


@compiled
def _write(columns: Columns, model: Model, h: int, work: Household, inverse: Floats, own: Floats) -> None:
    n = 0
    for i in range(columns.offsets[h], columns.offsets[h + 1]):
        if model.receiver[columns.kinds[i]] >= 0 and columns.times[i] > columns.start[h]:
            inverse[i] = work.stats[n, 0]
            own[i] = work.stats[n, 1]
            n += 1
