"""A household's counted facts: baseline and excitation of each, and the baselines' integrals.

What is called for each fact takes numbers, not tuples of arrays: Numba counts references to every array of a tuple
that is passed, which costs more than the arithmetic here.
"""

from __future__ import annotations

import math

from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.compiled import compiled, fast
from setaria.flywheel.kernels.latent_data import GAPS, LAST_GAP, Columns, Household, Model


@compiled
def scale(model: Model, columns: Columns, r: int, h: int) -> float:
    """mu exp(covariates . x): the household's baseline of one type where the calendar says 1."""
    exponent = model.log_mu[r]
    for p in range(columns.covariates.shape[1]):
        exponent += model.covariate[r, p] * columns.covariates[h, p]
    return math.exp(exponent)


@compiled
def place(model: Model, time: float) -> tuple[int, float]:
    """The day's row in the calendar's tables and how much of the day has passed."""
    return _placed(time + model.shift - model.first_day, model.level.shape[1])


@compiled
def _placed(moved: float, days: int) -> tuple[int, float]:
    day = min(max(math.floor(moved), 0), days - 1)
    return day, moved - day


@compiled
def area(model: Model, r: int, time: float) -> float:
    day, part = place(model, time)
    return float(model.area[r, day] + part * model.level[r, day])


@fast
def _add_faded(weight: float, state: Floats, rates: Floats, types: int, elapsed: float, into: Floats) -> None:
    """`state` and `into` are K x S."""
    for k in range(len(rates)):
        factor = weight * math.exp(-rates[k] * max(elapsed, 0.0))
        for s in range(types):
            into[k, s] += factor * state[k, s]


@fast
def _close(
    state: Floats, rates: Floats, mass: Floats, jumps: Floats, to_start: float, to_end: float, exposed: Floats
) -> None:
    """`to_start` and `to_end` count from the last fact."""
    types = state.shape[1]
    if to_start > 0.0:
        _add_faded(1.0, state, rates, types, to_start, exposed)
    _add_faded(-1.0, state, rates, types, to_end, exposed)
    for k in range(len(rates)):
        for s in range(types):
            exposed[k, s] *= mass[k] / jumps[k]


@compiled
def _fill_scales(log_mu: Floats, covariate: Floats, covariates: Floats, h: int, into: Floats) -> None:
    for r in range(len(into)):
        exponent = log_mu[r]
        for p in range(covariates.shape[1]):
            exponent += covariate[r, p] * covariates[h, p]
        into[r] = math.exp(exponent)


@fast
def read(model: Model, columns: Columns, h: int, work: Household) -> int:
    """Fills base, excited, when, whose, day, fade and exposed; returns how many facts are counted.

    Of each fact the window sees mass (what was left at its start or at the fact, less what is left at its end).
    """
    receiver, rates, jumps, excitation, level = model.receiver, model.rates, model.jumps, model.excitation, model.level
    times, kinds, scales = columns.times, columns.kinds, work.scales
    base, excited, when, whose, day, counts = work.base, work.excited, work.when, work.whose, work.day, work.counts
    fade, flat, mass = work.fade, work.state, model.mass
    first_day, days = model.first_day, level.shape[1]
    types, decays = len(receiver), len(rates)
    low, high = columns.offsets[h], columns.offsets[h + 1]
    start, end = columns.start[h], columns.end[h]
    _fill_scales(model.log_mu, model.covariate, columns.covariates, h, scales)
    state, exposed = flat.reshape((decays, types)), work.exposed.reshape((decays, types))
    counts[:] = 0
    state[:] = 0.0
    exposed[:] = 0.0
    n = 0
    first = low
    while first < high:
        now = times[first]
        elapsed = now - times[first - 1] if first > low else 0.0
        if first > low and now >= start and times[first - 1] < start:
            _add_faded(1.0, state, rates, types, start - times[first - 1], exposed)
        for k in range(decays):
            factor = math.exp(-rates[k] * elapsed)
            fade[first - low, k] = factor
            for s in range(types):
                state[k, s] *= factor
        today = _placed(now - first_day, days)[0]
        after = first
        while after < high and times[after] == now:
            r = receiver[kinds[after]]
            if r >= 0 and now > start:
                value = 0.0
                for a in range(types * decays):
                    value += excitation[r, a] * flat[a]
                base[n] = scales[r] * level[r, today]
                excited[n] = value
                when[n] = now
                whose[n] = r
                day[n] = today
                counts[r] += 1
                n += 1
            after += 1
        for i in range(first, after):
            for k in range(decays):
                state[k, kinds[i]] += jumps[k]
                if now >= start:
                    exposed[k, kinds[i]] += jumps[k]
        first = after
    if high > low:
        _close(state, rates, mass, jumps, start - times[high - 1], end - times[high - 1], exposed)
    return n


@compiled
def nodes_of_silence(model: Model, columns: Columns, h: int, n: int, work: Household) -> int:
    """Node 0: not silent by the end. Then left and right end of each gap in which silence may have begun, last first.

    The last gap is cut into parts that double in length: a household that was busy is probably silent soon after.
    """
    node_time, node_alive, node_gap = work.node_time, work.node_alive, work.node_gap
    node_time[0] = columns.end[h]
    node_alive[0] = n
    if model.churn <= 0.0:
        return 1
    made = 1
    right = columns.end[h]
    alive = n
    for _ in range(GAPS):
        left = work.when[alive - 1] if alive else columns.start[h]
        parts = LAST_GAP if alive == n else 1
        length = right - left
        if length > 0.0:
            share = 1.0 / (2.0**parts - 1.0)
            end = right
            for part in range(parts - 1, -1, -1):
                begin = left + length * share * (2.0**part - 1.0)
                if part == 0:
                    begin = left
                node_time[made] = begin
                node_time[made + 1] = end
                node_alive[made] = alive
                node_alive[made + 1] = alive
                node_gap[made] = math.log(end - begin)
                made += 2
                end = begin
        right = left
        if alive == 0:
            break
        alive -= 1
        if work.excited[alive] <= 0.0:
            break
    return made


@compiled
def totals(model: Model, columns: Columns, h: int, silences: int, work: Household) -> None:
    areas, level, total, scales = model.area, model.level, work.total, work.scales
    node_day, node_part, node_time = work.node_day, work.node_part, work.node_time
    days, offset = level.shape[1], model.shift - model.first_day
    node_day[0], node_part[0] = _placed(columns.start[h] + offset, days)
    for m in range(silences):
        node_day[1 + m], node_part[1 + m] = _placed(node_time[m] + offset, days)
    day0, part0 = node_day[0], node_part[0]
    for r in range(len(scales)):
        before = areas[r, day0] + part0 * level[r, day0]
        for m in range(silences):
            day, part = node_day[1 + m], node_part[1 + m]
            total[r, m] = scales[r] * (areas[r, day] + part * level[r, day] - before)


@fast
def baseline_integrals(
    total: Floats,
    scale: float,
    area_features: Floats,
    level: Floats,
    features: Floats,
    covariates: Floats,
    node_day: Whole,
    node_part: Floats,
    silences: int,
    into: Floats,
) -> None:
    """Up to each node of silence, the integral of a type's baseline times [1, its features, covariates]."""
    width = features.shape[1]
    day0 = node_day[0]
    level0 = node_part[0] * level[day0]
    for m in range(silences):
        into[m, 0] = total[m]
        day = node_day[1 + m]
        level1 = node_part[1 + m] * level[day]
        for c in range(width):
            later = area_features[day, c] + level1 * features[day, c]
            into[m, 1 + c] = scale * (later - area_features[day0, c] - level0 * features[day0, c])
        for p in range(len(covariates)):
            into[m, 1 + width + p] = into[m, 0] * covariates[p]
