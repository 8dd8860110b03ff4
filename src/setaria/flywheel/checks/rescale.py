"""The compensators of a household's types, given only what was seen before: gaps between facts become exponential.

A filter runs along the household. On nodes of its factor u (even on a logarithmic scale, prior weights) it keeps each
type's own factor as a gamma distribution, exact while nothing happens; at a fact, which may be of the baseline or led
to, the mixture of both is replaced by the gamma of the same mean and variance. A share of the weight may have fallen
silent. While nothing happens the expected baselines of all types add up to minus the logarithm of the weight that is
left, so that sum is exact; types share it by their parts at both ends of the gap.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from setaria.flywheel.arrays import Floats
from setaria.flywheel.compiled import compiled
from setaria.flywheel.kernels.latent_data import Columns, Model
from setaria.flywheel.kernels.latent_facts import area, place, scale


class Filter(NamedTuple):
    nodes: Floats  # Q: u
    prior: Floats  # Q
    weights: Floats  # Q
    alpha: Floats  # Q x R
    beta: Floats  # Q x R
    silent: Floats  # 1: weight that has fallen silent
    state: Floats  # S K: sums of exp(-decay age), decay-major
    scales: Floats  # R
    areas: Floats  # R: of the baselines in the gap, for factor 1
    split: Floats  # R


@compiled
def _excite(model: Model, elapsed: float, kept: Filter, into: Floats) -> None:
    types = len(model.receiver)
    for k in range(len(model.rates)):
        left = math.exp(-model.rates[k] * elapsed)
        for a in range(k * types, (k + 1) * types):
            spent = kept.state[a] * (1.0 - left) * model.mass[k]
            kept.state[a] *= left
            for r in range(len(into)):
                into[r] += model.excitation[r, a] * spent


@compiled
def _advance(model: Model, columns: Columns, h: int, since: float, until: float, kept: Filter, into: Floats) -> None:
    """Adds each type's compensator of a gap."""
    elapsed = until - since
    if elapsed <= 0.0:
        return
    receivers = len(model.log_mu)
    _excite(model, elapsed, kept, into)
    for r in range(receivers):
        kept.areas[r] = kept.scales[r] * (area(model, r, until) - area(model, r, since))
        kept.split[r] = 0.0
    own = len(model.own) > 0
    risk = model.churn * elapsed
    for q in range(len(kept.nodes)):
        u, before, sum_ = kept.nodes[q], kept.weights[q], 0.0
        for r in range(receivers):
            if own:
                sum_ += kept.alpha[q, r] * math.log1p(u * kept.areas[r] / kept.beta[q, r])
            else:
                sum_ += u * kept.areas[r]
        stays = math.exp(-sum_ - risk)
        mean = (1.0 - stays) / (sum_ + risk) if sum_ + risk > 1e-9 else 1.0
        kept.silent[0] += before * risk * mean
        kept.weights[q] = before * stays
        for r in range(receivers):
            part = u * kept.areas[r]
            if own:
                part = kept.alpha[q, r] * math.log1p(part / kept.beta[q, r])
                kept.beta[q, r] += u * kept.areas[r]
            kept.split[r] += before * mean * part
    total = kept.silent[0] + kept.weights.sum()
    whole = kept.split.sum()
    if whole > 0.0 and total > 0.0:
        for r in range(receivers):
            into[r] -= math.log(total) * kept.split[r] / whole
        kept.weights[:] /= total
        kept.silent[0] /= total


@compiled
def _happens(model: Model, r: int, base: float, excited: float, kept: Filter) -> None:
    """One fact: what it says of the factors."""
    own = len(model.own) > 0
    total = kept.silent[0] * excited
    for q in range(len(kept.nodes)):
        mean = kept.nodes[q] * base
        if own:
            mean *= kept.alpha[q, r] / kept.beta[q, r]
        kept.weights[q] *= mean + excited
        total += kept.weights[q]
        if own and mean + excited > 0.0:
            share, alpha = mean / (mean + excited), kept.alpha[q, r]
            first = alpha + share
            variance = share * (alpha + 1.0) * (alpha + 2.0) + (1.0 - share) * alpha * (alpha + 1.0) - first * first
            kept.alpha[q, r] = first * first / variance
            kept.beta[q, r] *= first / variance
    kept.silent[0] *= excited
    if total > 0.0:
        kept.weights[:] /= total
        kept.silent[0] /= total


@compiled
def _begin(model: Model, columns: Columns, h: int, kept: Filter) -> None:
    kept.weights[:] = kept.prior
    kept.silent[0] = 0.0
    kept.state[:] = 0.0
    for r in range(len(model.log_mu)):
        kept.scales[r] = scale(model, columns, r, h)
        if len(model.own):
            kept.alpha[:, r] = model.own[r]
            kept.beta[:, r] = model.own[r]


@compiled
def rescale(
    model: Model,
    columns: Columns,
    nodes: Floats,
    prior: Floats,
    daily: bool,
    places: Floats,
    gaps: Floats,
    censored: Floats,
    lasting: Floats,
) -> None:
    """gaps (N) takes each counted fact's compensator since its type's last; censored (H x R) what is left at the end.

    lasting (H x R): the baselines expected at the end, a day, where the calendar says 1; silent ones count nothing.
    With day stamps (`daily`) a fact lies anywhere in its day: `places` (N) says where.
    """
    receivers, types, decays = len(model.log_mu), len(model.receiver), len(model.rates)
    shape = (len(nodes), receivers)
    kept = Filter(
        nodes,
        prior,
        np.zeros(len(nodes)),
        np.ones(shape),
        np.ones(shape),
        np.zeros(1),
        np.zeros(types * decays),
        np.zeros(receivers),
        np.zeros(receivers),
        np.zeros(receivers),
    )
    today = np.zeros(receivers)
    for h in range(len(columns.start)):
        _begin(model, columns, h, kept)
        run = censored[h]
        now, after = columns.start[h], columns.offsets[h]
        while after < columns.offsets[h + 1]:
            first, time = after, columns.times[after]
            while after < columns.offsets[h + 1] and columns.times[after] == time:
                after += 1
            today[:] = 0.0
            if time > columns.start[h]:
                eve = time - 1.0 if daily else time
                _advance(model, columns, h, now, eve, kept, run)
                now = time
                _take(model, columns, h, first, after, daily, places, kept, run, today, gaps)
            for i in range(first, after):
                early = columns.start[h] - time
                for k in range(decays):
                    aged = math.exp(-model.rates[k] * early) if early > 0.0 else 1.0
                    kept.state[k * types + columns.kinds[i]] += aged
        _advance(model, columns, h, now, columns.end[h], kept, run)
        for r in range(receivers):
            for q in range(len(nodes)):
                own = kept.alpha[q, r] / kept.beta[q, r] if len(model.own) else 1.0
                lasting[h, r] += kept.weights[q] * nodes[q] * own * kept.scales[r]


@compiled
def _take(
    model: Model,
    columns: Columns,
    h: int,
    first: int,
    after: int,
    daily: bool,
    places: Floats,
    kept: Filter,
    run: Floats,
    today: Floats,
    gaps: Floats,
) -> None:
    """Facts of one time. Their intensities are those of just before (or, by the day, of the day they are in)."""
    types, time = len(model.receiver), columns.times[first]
    excited = np.zeros(len(run))
    for r in range(len(run)):
        for k in range(len(model.rates)):
            weight = model.jumps[k] * (math.exp(-model.rates[k]) if daily else 1.0)
            for a in range(k * types, (k + 1) * types):
                excited[r] += model.excitation[r, a] * kept.state[a] * weight
    if daily:
        _advance(model, columns, h, time - 1.0, time, kept, today)
    day, _ = place(model, time - model.shift)
    for i in range(first, after):
        r = model.receiver[columns.kinds[i]]
        if r >= 0:
            gaps[i] = run[r] + places[i] * today[r]
            run[r] = -places[i] * today[r]
            _happens(model, r, kept.scales[r] * model.level[r, day], excited[r], kept)
    for r in range(len(run)):
        run[r] += today[r]
