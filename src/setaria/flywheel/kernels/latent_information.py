"""From each fact's expectations to the score's rows and to what the information is made of.

A fact's part of the complete data's information is E[v v'] less E[zb/l] own own', with v = [zb/l own, state / l], own =
[1, calendar, covariates] and state the decayed counts. E[v v'] is an outer product of one row, which waits in a block,
but for own's own corner: what the two leave of that is a weight, which for the calendar is added up by day.
"""

from __future__ import annotations

import math

import numpy as np

from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.compiled import compiled, fast
from setaria.flywheel.kernels.features import BLOCK
from setaria.flywheel.kernels.latent_data import LATTICE, Blocks, Columns, Draws, Household, Model, Sums
from setaria.flywheel.kernels.latent_facts import baseline_integrals
from setaria.flywheel.kernels.latent_nodes import tail_mean, tail_variance
from setaria.flywheel.kernels.special import trigamma

SMALL = 1e-5  # a lattice point's chance below which it is left out of variances


@compiled
def room_for_blocks(receivers: int, width: int) -> Blocks:
    return Blocks(np.zeros((receivers, BLOCK, width)), np.zeros(receivers, dtype=np.int64), np.zeros((width, width)))


@compiled
def close_blocks(blocks: Blocks, information: Floats) -> None:
    for r in range(len(blocks.filled)):
        if blocks.filled[r]:
            _close_block(blocks.rows[r, : blocks.filled[r]], blocks.square, information, r)
            blocks.filled[r] = 0


@fast
def _close_block(rows: Floats, square: Floats, information: Floats, r: int) -> None:
    np.dot(rows.T, rows, square)
    for a in range(len(square)):
        for b in range(a + 1):
            information[r, a, b] += square[a, b]


@fast
def add_facts(
    model: Model,
    columns: Columns,
    h: int,
    work: Household,
    sums: Sums,
    row: Floats,
    draws: Draws,
    drawn: Floats,
    blocks: Blocks,
) -> None:
    """Gradient of each fact into `row` (P), information into `sums`, and each draw's departure into `drawn` (M x P).

    The features are computed once more rather than kept: a household may have a million facts.
    """
    receiver, jumps, features = model.receiver, model.jumps, model.features
    times, kinds, start = columns.times, columns.kinds, columns.start[h]
    state, fade, day, own, stats = work.state, work.fade, work.day, work.own, work.stats
    second, terms, chosen, node_alive = draws.second, draws.terms, draws.at, work.node_alive
    many, each_own = len(drawn), len(model.own) > 0
    rows, filled, square = blocks.rows, blocks.filled, blocks.square
    information, days = sums.information, sums.days
    informed = information.shape[1] > 0
    types, decays, width, front = len(receiver), len(jumps), features.shape[1], len(own)
    wide = types * decays
    block = front + wide
    by_decay = state.reshape((decays, types))
    state[:] = 0.0
    own[0] = 1.0
    own[1 + width :] = columns.covariates[h]
    low, high = columns.offsets[h], columns.offsets[h + 1]
    n = 0
    first = low
    while first < high:
        now = times[first]
        _fade(by_decay, fade, first - low)
        after = first
        while after < high and times[after] == now:
            r = receiver[kinds[after]]
            after += 1
            if r < 0 or now <= start:
                continue
            today = day[n]
            for a in range(width):
                own[1 + a] = features[today, a]
            at = r * block
            _add_row(stats[n, 1], stats[n, 0], own, state, row, at)
            for j in range(many):
                _add_row(terms[j, n, 1], terms[j, n, 0], own, state, drawn[j], at)
                if each_own and n < node_alive[int(chosen[j, 0])]:
                    own_mean, inverse_mean = terms[j, n, 1] + stats[n, 1], terms[j, n, 0] + stats[n, 0]
                    chances, apart = draws.chances[j, r], draws.apart[j, r]
                    _add_apart(
                        work.base[n],
                        work.excited[n],
                        own_mean,
                        inverse_mean,
                        work.lattice[r],
                        chances,
                        own,
                        state,
                        apart,
                    )
            if informed:
                left = _wait(second, stats, n, own, state, rows, filled, r)
                if filled[r] == BLOCK:
                    _close_block(rows[r], square, information, r)
                    filled[r] = 0
                days[r, today, 0] += left
                _add_squares(left, own, 1 + width, information, r)
            n += 1
        for i in range(first, after):
            for k in range(decays):
                by_decay[k, kinds[i]] += jumps[k]
        first = after


@fast
def _fade(state: Floats, fade: Floats, i: int) -> None:
    for k in range(len(state)):
        factor = fade[i, k]
        for s in range(state.shape[1]):
            state[k, s] *= factor


@fast
def _add_squares(weight: float, x: Floats, first: int, into: Floats, r: int) -> None:
    """weight times x x' into its rows from `first` on, lower triangle."""
    for p in range(first, len(x)):
        for a in range(p + 1):
            into[r, p, a] += weight * x[p] * x[a]


@fast
def _wait(
    second: Floats, stats: Floats, n: int, own: Floats, state: Floats, rows: Floats, filled: Whole, r: int
) -> float:
    """Puts the fact's row into its type's block; returns what it leaves of own's weight."""
    to_state = math.sqrt(second[n, 0])
    to_own = second[n, 2] / to_state if to_state > 0.0 else 0.0
    waiting = rows[r, filled[r]]
    waiting[:] = 0.0
    _add_row(to_own, to_state, own, state, waiting, 0)
    filled[r] += 1
    return float(second[n, 1] - stats[n, 1] - to_own * to_own)


@fast
def _add_row(to_own: float, to_state: float, own: Floats, state: Floats, into: Floats, at: int) -> None:
    begin, middle = np.uint64(at), np.uint64(at + len(own))  # unsigned: else each is asked whether it is negative
    for a in range(len(own)):
        into[begin + np.uint64(a)] += to_own * own[a]
    for a in range(len(state)):
        into[middle + np.uint64(a)] += to_state * state[a]


@fast
def _add_apart(
    base: float,
    excited: float,
    own_mean: float,
    inverse_mean: float,
    lattice: Floats,
    chances: Floats,
    own: Floats,
    state: Floats,
    into: Floats,
) -> None:
    """The fact's part of the score at each point of its type's lattice, less its mean given the draw."""
    for p in range(LATTICE):
        if chances[p] > SMALL:
            inverse = 1.0 / (lattice[p] * base + excited)
            _add_row(lattice[p] * base * inverse - own_mean, inverse - inverse_mean, own, state, into[p], 0)


@fast
def add_baselines(
    model: Model,
    columns: Columns,
    h: int,
    silences: int,
    work: Household,
    sums: Sums,
    row: Floats,
    draws: Draws,
    drawn: Floats,
    center: float,
) -> None:
    """The exposures into `row`, of the baselines minus E[z] times their integrals, and each draw's departure from it.

    `center` is 1, or 0 where what is drawn is a covariance already.
    """
    factor, scales, node_day, node_part = work.factor, work.scales, work.node_day, work.node_part
    integral, mean, integrals, factors, chosen = work.integral, work.mean, draws.integrals, draws.factors, draws.at
    level, features, areas, total = model.level, model.features, model.area_features, work.total
    covariates, days, information = columns.covariates[h], sums.days, sums.information
    informed = information.shape[1] > 0
    calendar, front = 1 + features.shape[1], len(mean)
    block = front + len(work.state)
    for r in range(len(scales)):
        baseline_integrals(
            total[r], scales[r], areas[r], level[r], features, covariates, node_day, node_part, silences, integral
        )
        mean[:] = 0.0
        for m in range(silences):
            z = factor[r, m]
            if z <= 0.0:
                continue
            for a in range(front):
                mean[a] += z * integral[m, a]
            if informed:
                day0, day1, weight = node_day[0], node_day[1 + m], z * scales[r]
                days[r, day1, 0] += weight * node_part[1 + m] * level[r, day1]
                days[r, day1, 1] += weight
                days[r, day0, 0] -= weight * node_part[0] * level[r, day0]
                days[r, day0, 1] -= weight
        _add_row(-1.0, -1.0, mean, work.exposed, row, r * block)
        if informed:
            for p in range(calendar, front):
                for a in range(p + 1):
                    information[r, p, a] += covariates[p - calendar] * mean[a]
        for j in range(len(drawn)):
            m = int(chosen[j, 0])
            for a in range(front):
                integrals[j, r, a] = integral[m, a]
                drawn[j, r * block + a] -= factors[j, r] * integral[m, a] - center * mean[a]


@fast
def _outer_lower(x: Floats, size: int, weight: float, into: Floats) -> None:
    for a in range(size):
        scaled = weight * x[a]
        for b in range(a + 1):
            into[a, b] += scaled * x[b]


@compiled
def close_types(model: Model, work: Household, draws: Draws, sums: Sums) -> None:
    """Takes the variance of each type's score given the draws from the information, the types' own factors being the
    only thing left open."""
    many = len(draws.at)
    for r in range(len(model.own)):
        shape = model.own[r]
        for j in range(many):
            if not work.counts[r]:
                rate = shape + draws.at[j, 1] * work.total[r, int(draws.at[j, 0])]
                _add_closed(shape, rate, draws.at[j, 1], draws.integrals[j, r], 1.0 / many, sums.information[r])
                continue
            _add_lattice(
                shape,
                draws.at[j, 1],
                draws.factors[j, r],
                draws.logs[j, r],
                work.lattice[r],
                draws.chances[j, r],
                draws.integrals[j, r],
                1.0 / many,
                draws.apart[j, r],
                sums.information[r],
            )


@compiled
def _add_closed(shape: float, rate: float, u: float, integral: Floats, weight: float, into: Floats) -> None:
    """A type without counted facts: w is gamma(shape, rate), and z = u w meets minus the integral."""
    last = len(into) - 1
    spread = shape / (rate * rate)  # var w; below cov(log w - w, w) and var(log w - w)
    joint = 1.0 / rate - spread
    _outer_lower(integral, len(integral), -spread * u * u * weight, into)
    # The score of the log variance is -shape (log w - w) and a constant.
    for a in range(len(integral)):
        into[last, a] -= shape * joint * u * integral[a] * weight
    into[last, last] -= (trigamma(shape) - 2.0 / rate + spread) * shape * shape * weight


@fast
def _add_lattice(
    shape: float,
    u: float,
    factor: float,
    log_own: float,
    lattice: Floats,
    chances: Floats,
    integral: Floats,
    weight: float,
    apart: Floats,
    into: Floats,
) -> None:
    last, step = len(into) - 1, math.log(lattice[1] / lattice[0])
    beyond = tail_mean(shape, step)
    into[last, last] -= shape * shape * weight * chances[0] * tail_variance(shape, step)
    for p in range(LATTICE):
        if chances[p] > SMALL:
            own = lattice[p] / u
            for a in range(len(integral)):
                apart[p, a] -= (lattice[p] - factor) * integral[a]
            apart[p, last] = -shape * (math.log(own) - (beyond if p == 0 else 0.0) - own - log_own)
            root = math.sqrt(chances[p] * weight)
            for a in range(last + 1):
                apart[p, a] *= root
        else:
            apart[p] = 0.0
    into -= np.dot(apart.T, apart)
    apart[:] = 0.0
