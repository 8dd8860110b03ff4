"""What the marginal likelihood's kernels are given and what they add into: tuples of arrays, as Numba likes them.

R receivers, S types in all, K decays, C calendar features, P covariates; F = 1 + C + P is the width of the baseline's
part of a receiver's block, [log mu, calendar, covariates], followed by S K excitations, decay-major.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from setaria.flywheel.arrays import Floats, Kinds, Whole

NODES: Final = 20  # of the household's factor, or of a type's when each has its own
ZERO: Final = 11  # the node at the centre: more lies to the left, where a gamma's logarithm has its long tail
STEP: Final = 0.75  # of a node, in posterior standard deviations
COARSEST: Final = 0.7  # of a step: the right side of a gamma's logarithm is steep, however wide its left tail is
LATTICE: Final = 32  # nodes of a type's own factor, wider because it serves all nodes of the household's
LATTICE_ZERO: Final = 17
FINE: Final = 1.5  # of the lattice's step in standard deviations of the own factor's logarithm: coarser would miss it
CERTAIN: Final = 1e6  # the shape of an own factor that is none: always 1
GAPS: Final = 60  # gaps between facts, from the last one back, in which a household may have fallen silent
LAST_GAP: Final = 6  # parts of the last one, each twice as long as the one before
STATS: Final = 5  # E[1/l], E[zb/l], E[1/l^2], E[(zb/l)^2], E[zb/l^2]


class Columns(NamedTuple):
    offsets: Whole
    times: Floats
    kinds: Kinds
    start: Floats
    end: Floats
    covariates: Floats  # H x P
    center: Floats  # H x (1 + R): where each factor's posterior lies on its logarithm, improved with each pass
    spread: Floats  # H x (1 + R): its standard deviation


class Model(NamedTuple):
    receiver: Whole  # S: index of the receiver, -1 for a source-only type
    rates: Floats
    jumps: Floats
    mass: Floats
    excitation: Floats  # R x S K
    log_mu: Floats  # R
    covariate: Floats  # R x P
    shared: float  # shape of the household's gamma; 0 is none
    own: Floats  # R: shapes of the types' gammas; empty is none
    churn: float  # per day; 0 is none
    first_day: int
    shift: float  # 1 for day grain: the day n stands for (n - 1, n]
    features: Floats  # days x C
    level: Floats  # R x days: exp(calendar . features)
    area: Floats  # R x (days + 1): its running sum
    area_features: Floats  # R x (days + 1) x C
    area_squares: Floats  # R x (days + 1) x C (C + 1) / 2, lower triangle by rows


class Household(NamedTuple):
    """Scratch for one household: n counted facts, m nodes of silence (0 is: not silent)."""

    base: Floats  # n
    excited: Floats  # n
    when: Floats  # n
    whose: Whole  # n: receiver
    stats: Floats  # n x STATS
    node_time: Floats  # m
    node_alive: Whole  # m: facts before the silence
    node_gap: Floats  # m: logarithm of the gap's length
    log_values: Floats  # m x NODES
    weights: Floats  # m x NODES: posterior
    grid: Floats  # NODES: the household's factor
    lattice: Floats  # R x LATTICE
    prior: Floats  # R x NODES x LATTICE
    powers: Floats  # R x m x LATTICE: likelihood of the type's own factor
    folded: Floats  # R x m x NODES: the same with the own factor integrated out, logarithm
    counts: Whole  # R
    scales: Floats  # R: mu exp(covariates . x)
    factor: Floats  # R x m: E[z 1(node)]
    total: Floats  # R x m: baseline up to the node's time, for z = 1


class Sums(NamedTuple):
    likelihood: Floats  # 1
    gradient: Floats  # R x B
    information: Floats  # R x (B + 1) x (B + 1), lower triangle; last is the logarithm of the own factor's variance
    hyper: Floats  # [E sum (log u - u), E churned, E time at risk, then per receiver E sum (log w - w)]


class Draws(NamedTuple):
    """Of one household, M draws of its factor and its silence; its types' own factors are then integrated exactly."""

    terms: Floats  # M x n x 2: E[1/l | draw] and E[zb/l | draw] less their expectations
    second: Floats  # n x 3: means over draws of E[1/l^2], E[(zb/l)^2], E[zb/l^2]
    chances: Floats  # M x R x LATTICE: of each type's lattice given the draw
    factors: Floats  # M x R: E[z | draw]
    logs: Floats  # M x R: E[log w - w | draw]
    at: Floats  # M x 2: silence, u
    apart: Floats  # M x R x LATTICE x (B + 1): the score at a lattice point less its mean given the draw
