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
SILENCES: Final = 16  # nodes of silence at a time
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


class Household(NamedTuple):
    """Scratch for one household: n counted facts, m nodes of silence (0 is: not silent)."""

    base: Floats  # n
    excited: Floats  # n
    when: Floats  # n
    whose: Whole  # n: receiver
    day: Whole  # n: row of the calendar's tables
    stats: Floats  # n x STATS
    fade: Floats  # facts, counted or not, x K: what is left of a count after the time since the fact before
    state: Floats  # S K: decayed counts of earlier facts
    exposed: Floats  # S K: exposure of the household's facts
    own: Floats  # F: [1, calendar, covariates] of a fact
    node_time: Floats  # m
    node_alive: Whole  # m: facts before the silence
    node_gap: Floats  # m: logarithm of the gap's length
    node_day: Whole  # 1 + m: row of the calendar's tables at the start, then at each node
    node_part: Floats  # 1 + m: how much of that day has passed
    log_values: Floats  # m x NODES
    weights: Floats  # m x NODES: posterior
    grid: Floats  # NODES: the household's factor
    log_grid: Floats  # NODES
    mean_log: Floats  # NODES: of all places that a node stands for
    log_prior: Floats  # NODES
    marginal: Floats  # NODES: posterior of the factor, all silences together
    lattice: Floats  # R x LATTICE
    prior: Floats  # R x NODES x LATTICE
    powers: Floats  # R x m x LATTICE: likelihood of the type's own factor, to its greatest
    top: Floats  # R x m: that one's logarithm
    # R x m x NODES: powers with the own factor integrated out; of a type without counted facts the logarithm of
    # 1 + u total / shape
    folded: Floats
    shares: Floats  # m x NODES: posterior to folded
    columns: Floats  # m x LATTICE: posterior of one type's own factor
    joint: Floats  # NODES x LATTICE: powers by posterior to folded, all silences together
    below: Floats  # R x SILENCES x LATTICE, or more: exponents below 0, as `fading` takes them
    whole: Whole  # as large as one of them: scratch of `fading` and `logarithms`
    value: Floats  # SILENCES x NODES: of which a logarithm is taken
    logarithm: Floats  # SILENCES x NODES
    later: Floats  # m: posterior of this node of silence and all behind it
    counts: Whole  # R
    scales: Floats  # R: mu exp(covariates . x)
    factor: Floats  # R x m: E[z 1(node)]
    total: Floats  # R x m: baseline up to the node's time, for z = 1
    product: Floats  # max(1, R) x LATTICE
    running: Floats  # LATTICE
    integral: Floats  # m x F: of a type's baseline times [1, calendar, covariates] up to the node's time
    mean: Floats  # F: E[z times that]


class Sums(NamedTuple):
    likelihood: Floats  # 1
    information: Floats  # R x (B + 1) x (B + 1), lower triangle; last is the logarithm of the own factor's variance
    days: Floats  # R x (days + 1) x 2: weights of [1, calendar] squared, of a day and of all days before it
    hyper: Floats  # [E sum (log u - u), E churned, E time at risk, then per receiver E sum (log w - w), at last what
    # draws do not see of the variance of log u - u]


class Blocks(NamedTuple):
    """Rows that wait for others of their type: products of blocks are several times as fast as of single rows."""

    rows: Floats  # R x BLOCK x B
    filled: Whole  # R
    square: Floats  # B x B


class Draws(NamedTuple):
    """Of one household, M draws of its factor and its silence; its types' own factors are then integrated exactly.

    Where the household's factor alone is open, M functions of it in place of draws (see `project`): what is said of a
    draw is then the covariance with the function.
    """

    terms: Floats  # M x n x 2: E[1/l | draw] and E[zb/l | draw] less their expectations
    second: Floats  # n x 3: means over draws of E[1/l^2], E[(zb/l)^2], E[zb/l^2]
    chances: Floats  # M x R x LATTICE: of each type's lattice given the draw
    factors: Floats  # M x R: E[z | draw]
    logs: Floats  # M x R: E[log w - w | draw]
    at: Floats  # M x 2: silence, u
    apart: Floats  # M x R x LATTICE x (B + 1): the score at a lattice point less its mean given the draw
    weighted: Floats  # M x NODES: the functions times the posterior
    log_shared: Floats  # M: covariance of each function with log u - u
    integrals: Floats  # M x R x F: of the baseline up to the draw's silence
