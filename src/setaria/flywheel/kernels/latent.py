"""The pass over households: marginal log-likelihood, gradient, what the information needs, posteriors.

The information is Louis's (J. R. Statist. Soc. B 44, 1982): of the complete data, less the variance of its score. Both
are taken at the same draws of the household's factor and silence, so that their tails cancel; types' own factors are
integrated.
A sum over households, so a draw or two of each are enough; seeded, so the same each time.
"""

from __future__ import annotations

import math

import numpy as np

from setaria.flywheel.arrays import Floats
from setaria.flywheel.compiled import compiled, fast
from setaria.flywheel.kernels.features import exposure
from setaria.flywheel.kernels.latent_data import (
    CERTAIN,
    GAPS,
    LAST_GAP,
    LATTICE,
    NODES,
    STATS,
    Columns,
    Draws,
    Household,
    Model,
    Sums,
)
from setaria.flywheel.kernels.latent_facts import baseline_integral, nodes_of_silence, place, read, totals
from setaria.flywheel.kernels.latent_nodes import (
    along_own,
    along_shared,
    drawn_log,
    lay_grids,
    mean_log,
    moved,
    posterior,
)
from setaria.flywheel.kernels.latent_sums import add_facts, close_types, expect_own, expect_shared
from setaria.flywheel.kernels.special import digamma

_TRIES = 4


@compiled
def scratch(facts: int, receivers: int, own: int, silent: bool) -> Household:
    silences = 2 * (GAPS + LAST_GAP) + 2 if silent else 1
    r = max(own, 1)
    return Household(
        np.zeros(facts),
        np.zeros(facts),
        np.zeros(facts),
        np.zeros(facts, dtype=np.int64),
        np.zeros((facts, STATS)),
        np.zeros(silences),
        np.zeros(silences, dtype=np.int64),
        np.zeros(silences),
        np.zeros((silences, NODES)),
        np.zeros((silences, NODES)),
        np.zeros(NODES),
        np.zeros((r, LATTICE)),
        np.zeros((r, NODES, LATTICE)),
        np.zeros((r, silences, LATTICE)),
        np.zeros((r, silences, NODES)),
        np.zeros(receivers, dtype=np.int64),
        np.zeros(receivers),
        np.zeros((receivers, silences)),
        np.zeros((receivers, silences)),
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
        if own:
            expect_own(model, n, nodes, silences, work, logs, lattice)
        else:
            expect_shared(model, n, nodes, silences, work)
        again = False
        if nodes > 1:
            weights = np.zeros(nodes)
            for m in range(silences):
                for q in range(nodes):
                    weights[q] += work.weights[m, q]
            again = moved(columns, h, 0, weights, work.grid[:nodes])
        for r in range(len(model.own)):
            if work.counts[r] and model.own[r] < CERTAIN:
                again = moved(columns, h, 1 + r, lattice[r], work.lattice[r]) or again
        if not again:
            break
    return nodes, silences, value


@compiled
def room_for_draws(many: int, facts: int, receivers: int, own: int, block: int) -> Draws:
    wide = own if many else 0
    return Draws(
        np.zeros((many, facts, 2)),
        np.zeros((facts, 3)),
        np.zeros((many, wide, LATTICE)),
        np.zeros((many, receivers)),
        np.zeros((many, receivers)),
        np.zeros((many, 2)),
        np.zeros((many, wide, LATTICE, block + 1)),
    )


@compiled
def _draw(model: Model, n: int, nodes: int, silences: int, work: Household, draws: Draws) -> None:
    """The household's factor and silence by systematic sampling, then expectations given them."""
    many = len(draws.at)
    if many:
        draws.second[:n] = 0.0
    else:
        draws.second[:n] = work.stats[:n, 2:]
    draws.at[:, 0] = 0.0
    draws.at[:, 1] = nodes // 2  # of a draw that rounding leaves over
    offset = np.random.random()
    running, chosen = 0.0, 0
    for m in range(silences):
        for q in range(nodes):
            running += work.weights[m, q] * many
            while chosen < many and running > chosen + offset:
                draws.at[chosen, 0] = m
                draws.at[chosen, 1] = q
                chosen += 1
    for j in range(many):  # called in one place, with what is no literal: else compiled four times
        _given(model, n, int(draws.at[j, 1]), int(draws.at[j, 0]), work, draws, j)


@compiled
def _given(model: Model, n: int, q: int, m: int, work: Household, draws: Draws, j: int) -> None:
    u = work.grid[q]
    draws.at[j, 0] = m
    draws.at[j, 1] = u
    for r in range(len(model.log_mu)):
        draws.factors[j, r] = u
    for r in range(len(model.own)):
        shape = model.own[r]
        if not work.counts[r]:
            rate = shape + u * work.total[r, m]
            draws.factors[j, r] = u * shape / rate
            draws.logs[j, r] = digamma(shape) - math.log(rate) - shape / rate
            continue
        chances = draws.chances[j, r]
        whole, mean, log_own = 0.0, 0.0, 0.0
        for p in range(LATTICE):
            chances[p] = work.prior[r, q, p] * work.powers[r, m, p]
            whole += chances[p]
        for p in range(LATTICE):
            chances[p] /= whole
            own = work.lattice[r, p] / u
            mean += chances[p] * work.lattice[r, p]
            log_own += chances[p] * (math.log(own) - own)
        draws.factors[j, r] = mean
        draws.logs[j, r] = log_own
    single, certain = np.array([u]), np.ones(1)
    for i in range(n):
        if i >= work.node_alive[m]:
            _given_fact(work, i, certain, np.zeros(1), draws, j)
        elif len(model.own):
            _given_fact(work, i, draws.chances[j, work.whose[i]], work.lattice[work.whose[i]], draws, j)
        else:
            _given_fact(work, i, certain, single, draws, j)


@fast
def _given_fact(work: Household, i: int, chances: Floats, at: Floats, draws: Draws, j: int) -> None:
    inverse1, own1, inverse2, own2, cross = 0.0, 0.0, 0.0, 0.0, 0.0
    for p in range(len(at)):
        own = at[p] * work.base[i]
        inverse = 1.0 / (own + work.excited[i])
        own *= inverse
        w = chances[p]
        inverse1 += w * inverse
        own1 += w * own
        inverse2 += w * inverse * inverse
        own2 += w * own * own
        cross += w * own * inverse
    share = 1.0 / len(draws.at)
    draws.terms[j, i, 0] = inverse1 - work.stats[i, 0]
    draws.terms[j, i, 1] = own1 - work.stats[i, 1]
    draws.second[i, 0] += share * inverse2
    draws.second[i, 1] += share * own2
    draws.second[i, 2] += share * cross


@compiled
def _subtract_baselines(
    model: Model,
    columns: Columns,
    h: int,
    silences: int,
    work: Household,
    sums: Sums,
    row: Floats,
    draws: Draws,
    integrals: Floats,
    drawn: Floats,
) -> None:
    """The exposure of the baselines: minus E[z] times their integrals, and each draw's departure from it."""
    features = model.features.shape[1]
    extra = columns.covariates.shape[1]
    front = 1 + features + extra
    block = front + len(model.receiver) * len(model.rates)
    integral = np.zeros((silences, front))
    mean = np.zeros(front)
    for r in range(len(model.log_mu)):
        mean[:] = 0.0
        for m in range(silences):
            if work.factor[r, m] > 0.0:
                baseline_integral(model, columns, h, r, work.scales[r], work.node_time[m], integral[m])
                mean += work.factor[r, m] * integral[m]
                if sums.information.shape[1]:
                    _add_squares(model, columns, h, r, work.node_time[m], work.factor[r, m], integral[m], sums)
        row[r * block : r * block + front] -= mean
        for j in range(len(drawn)):
            integrals[j, r] = integral[int(draws.at[j, 0])]
            drawn[j, r * block : r * block + front] -= draws.factors[j, r] * integrals[j, r] - mean


@compiled
def _add_squares(
    model: Model, columns: Columns, h: int, r: int, time: float, weight: float, integral: Floats, sums: Sums
) -> None:
    """weight times the integral of the baseline times f f', f = [1, calendar, covariates]; lower triangle."""
    features = model.features.shape[1]
    extra = columns.covariates.shape[1]
    into = sums.information[r]
    for a in range(1 + features + extra):
        into[a, 0] += weight * integral[a]
    if features:
        day, part = place(model, time)
        day0, part0 = place(model, columns.start[h])
        factor = weight * integral[0]
        whole = model.area[r, day] + part * model.level[r, day] - model.area[r, day0] - part0 * model.level[r, day0]
        factor = factor / whole if whole > 0.0 else 0.0
        level, level0 = factor * part * model.level[r, day], factor * part0 * model.level[r, day0]
        cell = 0
        for a in range(features):
            now, then = level * model.features[day, a], level0 * model.features[day0, a]
            for b in range(a + 1):
                into[1 + a, 1 + b] += (
                    factor * (model.area_squares[r, day, cell] - model.area_squares[r, day0, cell])
                    + now * model.features[day, b]
                    - then * model.features[day0, b]
                )
                cell += 1
    for p in range(extra):
        x = weight * columns.covariates[h, p]
        for a in range(features):
            into[1 + features + p, 1 + a] += x * integral[1 + a]
        for q in range(p + 1):
            into[1 + features + p, 1 + features + q] += x * columns.covariates[h, q] * integral[0]


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
    """Households first..after: rows (H' x P) take their scores, drawn (M H' x P) the draws' departures.

    rows with no columns: the log-likelihood alone; sums.information without any: no information. `inverse` and `own`
    (N, or empty) take E[1/l] and E[zb/l] of each fact; posterior_mean (H' x (3 + 2 R)) takes E[u], P(not silent at the
    end), the log-likelihood, and of each receiver E[z] exp(covariates . x), then the same of those not silent alone.
    """
    np.random.seed(seed)
    receivers = len(model.log_mu)
    most = min(after - first, 1)  # no literal: else what takes it is compiled twice
    for h in range(first, after):
        most = max(most, columns.offsets[h + 1] - columns.offsets[h])
    work = scratch(most, receivers, len(model.own), model.churn > 0.0)
    wide = len(model.receiver) * len(model.rates)
    width = rows.shape[1]
    many = len(drawn) // max(after - first, 1)
    logs, lattice = np.zeros(receivers), np.zeros((max(len(model.own), 1), LATTICE))
    exposed = np.zeros(wide)
    front = width_front(model, columns)
    draws = room_for_draws(many, most, receivers, len(model.own), front + wide)
    integrals = np.zeros((many, receivers, front))
    for h in range(first, after):
        n = read(model, columns, h, work)
        nodes, silences, value = _settle(model, columns, h, n, work, logs, lattice)
        low, high = columns.offsets[h], columns.offsets[h + 1]
        exposed[:] = 0.0
        exposure(
            columns.times[low:high],
            columns.kinds[low:high],
            columns.start[h],
            columns.end[h],
            model.rates,
            model.mass,
            len(model.receiver),
            exposed,
        )
        for r in range(receivers):
            for a in range(wide):
                value -= model.excitation[r, a] * exposed[a]
        sums.likelihood[0] += value
        _keep(model, columns, h, nodes, silences, work, logs, sums, posterior_mean[h - first], value)
        if len(inverse):
            _write(columns, model, h, work, inverse, own)
        if not width:
            continue
        row = rows[h - first]
        deep = drawn[(h - first) * many : (h - first + 1) * many]
        if sums.information.shape[1]:
            _draw(model, n, nodes, silences, work, draws)
        add_facts(model, columns, h, work, sums, row, draws, deep)
        _subtract_baselines(model, columns, h, silences, work, sums, row, draws, integrals, deep)
        if many:
            close_types(model, work, draws, integrals, sums)
        for r in range(receivers):
            row[r * (front + wide) + front : (r + 1) * (front + wide)] -= exposed
        _hyper(model, columns, h, nodes, silences, work, logs, row, deep, draws)


@compiled
def width_front(model: Model, columns: Columns) -> int:
    return int(1 + model.features.shape[1] + columns.covariates.shape[1])


@compiled
def _keep(
    model: Model,
    columns: Columns,
    h: int,
    nodes: int,
    silences: int,
    work: Household,
    logs: Floats,
    sums: Sums,
    into: Floats,
    value: float,
) -> None:
    mean, alive, log_shared, risk = 0.0, 0.0, 0.0, 0.0
    for m in range(silences):
        for q in range(nodes):
            weight = work.weights[m, q]
            u = work.grid[q]
            mean += weight * u
            log_shared += weight * (mean_log(model, columns, h, q, work.grid) - u)
            risk += weight * (work.node_time[m] - columns.start[h])
            if m == 0:
                alive += weight
    into[0] = mean
    into[1] = alive
    into[2] = value
    for r in range(len(model.log_mu)):
        covariates = work.scales[r] / math.exp(model.log_mu[r])
        into[3 + r] = work.factor[r, :silences].sum() * covariates
        into[3 + len(model.log_mu) + r] = work.factor[r, 0] * covariates
    sums.hyper[0] += log_shared
    sums.hyper[1] += 1.0 - alive
    sums.hyper[2] += risk
    for r in range(len(model.own)):
        sums.hyper[3 + r] += logs[r]


@compiled
def _hyper(
    model: Model,
    columns: Columns,
    h: int,
    nodes: int,
    silences: int,
    work: Household,
    logs: Floats,
    row: Floats,
    deep: Floats,
    draws: Draws,
) -> None:
    """The last columns of a row: log u - u, then churned - rate * risk, then log w - w of each type.

    Left raw (without the shape's constants): the caller scales and shifts them.
    """
    last = len(row) - 2 - len(model.own)
    log_shared, alive, risk = 0.0, 0.0, 0.0
    for m in range(silences):
        for q in range(nodes):
            weight = work.weights[m, q]
            log_shared += weight * (mean_log(model, columns, h, q, work.grid) - work.grid[q])
            risk += weight * (work.node_time[m] - columns.start[h])
            if m == 0:
                alive += weight
    row[last] = log_shared
    row[last + 1] = 1.0 - alive - model.churn * risk
    for r in range(len(model.own)):
        row[last + 2 + r] = logs[r]
    for j in range(len(deep)):
        u, m = draws.at[j, 1], int(draws.at[j, 0])
        deep[j, last] = drawn_log(model, columns, h, u, work.grid) - u - log_shared
        fell = 1.0 if m > 0 else 0.0
        deep[j, last + 1] = fell - model.churn * (work.node_time[m] - columns.start[h]) - row[last + 1]
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
