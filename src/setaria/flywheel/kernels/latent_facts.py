"""A household's counted facts: baseline and excitation of each, and the baselines' integrals."""

from __future__ import annotations

import math

import numpy as np

from setaria.flywheel.arrays import Floats
from setaria.flywheel.compiled import compiled, fast
from setaria.flywheel.kernels.features import decay
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
    moved = time + model.shift - model.first_day
    day = min(max(math.floor(moved), 0), model.level.shape[1] - 1)
    return day, moved - day


@compiled
def area(model: Model, r: int, time: float) -> float:
    day, part = place(model, time)
    return float(model.area[r, day] + part * model.level[r, day])


@fast
def read(model: Model, columns: Columns, h: int, work: Household) -> int:
    """Fills base, excited, when, whose; returns how many facts are counted."""
    types, decays = len(model.receiver), len(model.rates)
    low, high = columns.offsets[h], columns.offsets[h + 1]
    state = np.zeros(types * decays)
    for r in range(len(model.log_mu)):
        work.scales[r] = scale(model, columns, r, h)
    work.counts[:] = 0
    n = 0
    first = low
    while first < high:
        now = columns.times[first]
        if first > low:
            decay(state, model.rates, types, now - columns.times[first - 1])
        after = first
        while after < high and columns.times[after] == now:
            r = model.receiver[columns.kinds[after]]
            if r >= 0 and now > columns.start[h]:
                day, _ = place(model, now - model.shift)
                excited = 0.0
                for a in range(types * decays):
                    excited += model.excitation[r, a] * state[a]
                work.base[n] = work.scales[r] * model.level[r, day]
                work.excited[n] = excited
                work.when[n] = now
                work.whose[n] = r
                work.counts[r] += 1
                n += 1
            after += 1
        for i in range(first, after):
            for k in range(decays):
                state[k * types + columns.kinds[i]] += model.jumps[k]
        first = after
    return n


@compiled
def nodes_of_silence(model: Model, columns: Columns, h: int, n: int, work: Household) -> int:
    """Node 0: not silent by the end. Then left and right end of each gap in which silence may have begun, last first.

    The last gap is cut into parts that double in length: a household that was busy is probably silent soon after.
    """
    work.node_time[0] = columns.end[h]
    work.node_alive[0] = n
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
                work.node_time[made] = begin
                work.node_time[made + 1] = end
                work.node_alive[made] = alive
                work.node_alive[made + 1] = alive
                work.node_gap[made] = math.log(end - begin)
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
def totals(model: Model, columns: Columns, h: int, nodes: int, work: Household) -> None:
    for r in range(len(model.log_mu)):
        factor = work.scales[r]
        before = area(model, r, columns.start[h])
        for m in range(nodes):
            work.total[r, m] = factor * (area(model, r, work.node_time[m]) - before)


@compiled
def baseline_integral(model: Model, columns: Columns, h: int, r: int, factor: float, time: float, into: Floats) -> None:
    """Writes the integral of factor times the calendar times [1, its features, covariates] from the start on."""
    day, part = place(model, time)
    day0, part0 = place(model, columns.start[h])
    level, level0 = part * model.level[r, day], part0 * model.level[r, day0]
    into[0] = factor * (model.area[r, day] + level - model.area[r, day0] - level0)
    features = model.features.shape[1]
    for c in range(features):
        into[1 + c] = factor * (
            model.area_features[r, day, c]
            + level * model.features[day, c]
            - model.area_features[r, day0, c]
            - level0 * model.features[day0, c]
        )
    for p in range(columns.covariates.shape[1]):
        into[1 + features + p] = into[0] * columns.covariates[h, p]
