"""Does more of a touchpoint bring less each time?

A fact's dose is its number among the household's facts of its type in the past WINDOW days: 1, 2, 3, 4 or more. In the
fitted intensity, each fact i of the type gets a factor by its dose,

    lambda_d(t) = others_d(t) + sum over i of g[dose_i] sum_k A[d, s, k] beta_k exp(-beta_k (t - t_i)),

and the likelihood of all later facts is maximised over the g alone: a Poisson regression of what follows on what the
fit expects after each dose, concave (Ogata, The asymptotic behaviour of maximum likelihood estimators for stationary
point processes, 1978). Everything else of the fit is held; g = 1 is what it says. Variance: sandwich by households.
Then a curve

    power   F(n) = a n^b             the n-th fact brings F(n) - F(n - 1); b = 1 is no saturation
    hill    F(n) = a n / (1 + c n)   Hill's curve of slope one (Hill, J. Physiology 40, 1910); c = 0 is no saturation

is fitted to the g by least squares weighted by their information, and the one that fits better is kept. Its elasticity
at the present dose, marginal over average effect, turns an average value into that of one more: b, or 1 / (1 + c n).

Whoever gets much also differs from others. The baseline is that of the fit, refined by household as the g move; what it
does not catch (a household's busy weeks; the fit's own blindness to doses) stands in g. In simulations with promotions
sent to heavy buyers, b is found up to .07 too high (.14 without the Mundlak term): saturation is rather missed than
invented.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from setaria.facts.refused import Refused
from setaria.flywheel.answers.costs import roi
from setaria.flywheel.answers.experiments import until
from setaria.flywheel.arrays import Flags, Floats, Kinds, Whole
from setaria.flywheel.compiled import compiled
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import Estimate, Parameters

WINDOW: Final = 30.0  # days
DOSES: Final = 4  # classes; the last is that dose or more
LEAST: Final = 30  # facts that a dose must have to be asked about
_MOST: Final = 1000  # a dose above counts as this
_STEPS: Final = 50
_ROUNDS: Final = 20
_NORMAL: Final = 1.959963984540054


class Dose(msgspec.Struct, frozen=True):
    """`effect`: of a fact at this dose, as a multiple of what the fit says of a fact."""

    dose: int
    more: bool  # this dose or more
    facts: int
    effect: Estimate


class Saturation(msgspec.Struct, frozen=True):
    touchpoint: str
    doses: list[Dose]
    present: float  # mean dose of a fact
    curve: str = ""  # power, hill; "" where the dose does not vary enough
    elasticity: Estimate | None = None  # marginal over average effect, at the present dose
    saturates: bool | None = None  # None: the data cannot say


def saturation(
    histories: Histories,
    parameters: Parameters,
    touchpoint: str,
    baseline: Floats | None = None,
    window: float = WINDOW,
) -> Saturation:
    """`baseline`: per fact, what the fitted intensity has without excitation (`baseline_of`); a fit in which households
    or days differ needs it, as under a plain mu heavy buyers' own purchases pass for what their many promotions bring.
    """
    if touchpoint not in histories.names:
        raise Refused("flywheel_touchpoint_unknown", touchpoint=touchpoint, known=list(histories.names))
    kind = histories.names.index(touchpoint)
    mine = np.flatnonzero(histories.kinds == kind)
    dose = doses(histories, mine, window)
    number = np.bincount(np.minimum(dose, DOSES), minlength=DOSES + 1)[1:]
    classes = _classes(number)
    present = float(dose.mean()) if dose.size else 0.0
    if not classes or parameters.branching[:, kind].sum() <= 0:
        return Saturation(touchpoint, [], present)
    # A dose too rare to ask about is counted with the one below it.
    label = np.searchsorted(np.array(classes), np.minimum(dose, DOSES), side="right") - 1
    shares, others, exposure = expected(
        histories, parameters, kind, mine, label, len(classes), np.zeros(histories.facts)
    )
    base = _plain(histories, parameters) if baseline is None else baseline
    others += _refined(histories, parameters, shares, others, base[histories.counted], exposure)
    effect, covariance, information = _maximised(histories, shares, others, exposure)
    errors = np.sqrt(np.diag(covariance))
    facts = np.bincount(label, minlength=len(classes))
    found = [
        Dose(at, place == len(classes) - 1, int(facts[place]), _estimate(float(effect[place]), float(errors[place]), 0))
        for place, at in enumerate(classes)
    ]
    if len(classes) < 2 or not np.all(np.isfinite(errors)) or np.any(errors <= 0):
        return Saturation(touchpoint, found, present)
    curve, value, error = _curve(effect, covariance, information, dose, label, present)
    elasticity = Estimate(value, value - _NORMAL * error, value + _NORMAL * error, error)
    saturates = True if elasticity.high < 1 else False if elasticity.low > 0.8 else None
    return Saturation(touchpoint, found, present, curve, elasticity, saturates)


def baseline_of(own: Floats, inverse: Floats) -> Floats:
    """Per fact, from a fit's P(nothing earlier led to it) and E[1 / lambda], as `fit.flywheel.expected` gives them."""
    made: Floats = np.divide(own, inverse, out=np.zeros_like(own), where=inverse > 0)
    return made


def marginal_roi(value: Estimate, elasticity: Estimate, cost: float) -> Estimate | None:
    """(elasticity x value - cost) / cost of one more fact, the two errors independent (first order)."""
    error = float(np.hypot(elasticity.value * value.error, value.value * elasticity.error))
    middle = elasticity.value * value.value
    return roi(Estimate(middle, middle - _NORMAL * error, middle + _NORMAL * error, error), cost)


def doses(histories: Histories, mine: Whole, window: float = WINDOW) -> Whole:
    """For facts `mine` (all of one type): 1 + the household's facts of the type in [t - window, t)."""
    flags = np.zeros(histories.facts + 1, dtype=np.int64)
    flags[mine + 1] = 1
    sums, owner, times = np.cumsum(flags), histories.owner[mine], histories.times[mine]
    now = until(histories, owner, times, inclusive=False)
    then = until(histories, owner, times - window, inclusive=False)
    found: Whole = np.minimum(1 + sums[now] - sums[then], _MOST)
    return found


def expected(
    histories: Histories,
    parameters: Parameters,
    kind: int,
    mine: Whole,
    label: Whole,
    classes: int,
    baseline: Floats,
) -> tuple[Floats, Floats, Floats]:
    """Of counted facts, the intensity from each dose (N x C) and from all else (N); the H x C masses of each dose."""
    dose = np.full(histories.facts, -1, dtype=np.int64)
    dose[mine] = label
    decays = parameters.decays
    quick = np.exp(-decays)
    by_day = histories.grain == "day"
    scale = (1 - quick) ** 2 / (decays * quick) if by_day else decays
    mass = (1 - quick) / decays if by_day else np.ones(len(decays))
    shares, others = np.zeros((histories.facts, classes)), np.array(baseline, dtype=np.float64)
    counted = histories.counted
    _followed(
        histories.offsets,
        histories.times,
        histories.kinds,
        counted,
        dose,
        decays,
        parameters.excitation * scale,
        shares,
        others,
    )
    owner = histories.owner[mine]
    begin = np.maximum(histories.start[owner] - histories.times[mine], 0.0)
    stop = np.maximum(histories.end[owner] - histories.times[mine], 0.0)
    reach = parameters.excitation[histories.receivers, kind].sum(axis=0) * mass
    lasting = (np.exp(-np.outer(begin, decays)) - np.exp(-np.outer(stop, decays))) @ reach
    exposure = np.zeros((len(histories), classes))
    np.add.at(exposure, (owner, label), lasting)
    return shares[counted], others[counted], exposure


@compiled
def _fade(left: Floats, decays: Floats, days: float) -> None:
    for k in range(len(decays)):
        kept = np.exp(-decays[k] * days)
        for row in range(len(left)):
            left[row, k] *= kept


@compiled
def _followed(
    offsets: Whole,
    times: Floats,
    kinds: Kinds,
    counted: Flags,
    dose: Whole,
    decays: Floats,
    excitation: Floats,
    shares: Floats,
    others: Floats,
) -> None:
    """Adds to each counted fact what earlier facts excite: of a dose to its column of `shares`, else to `others`."""
    types, classes, many = excitation.shape[1], shares.shape[1], len(decays)
    left = np.zeros((types + classes, many))  # of types, and after them of doses
    for household in range(len(offsets) - 1):
        here, stop = offsets[household], offsets[household + 1]
        left[:] = 0.0
        asked = 0
        before = times[here] if here < stop else 0.0
        while here < stop:
            now, after = times[here], here
            _fade(left, decays, now - before)
            while after < stop and times[after] == now:
                if counted[after]:
                    child = kinds[after]
                    for k in range(many):
                        for each in range(types):
                            others[after] += excitation[child, each, k] * left[each, k]
                        for each in range(classes):
                            shares[after, each] += excitation[child, asked, k] * left[types + each, k]
                after += 1
            for each in range(here, after):
                row = int(kinds[each])
                if dose[each] >= 0:
                    asked = row
                    row = types + dose[each]
                for k in range(many):
                    left[row, k] += 1.0
            here, before = after, now


def _classes(number: Whole) -> list[int]:
    """The doses with enough facts, from 1 on; those between that have too few are joined to the one below."""
    return [place + 1 for place, count in enumerate(number) if count >= LEAST] if number[0] >= LEAST else []


def _plain(histories: Histories, parameters: Parameters) -> Floats:
    differing = parameters.shared_variance or parameters.own_variance.any()
    if differing or parameters.covariates.size or parameters.calendar.size or parameters.churn_rate:
        raise ValueError("households or days differ in this fit: give its baseline")
    plain: Floats = parameters.baseline[histories.kinds]
    return plain


def _refined(
    histories: Histories, parameters: Parameters, shares: Floats, others: Floats, base: Floats, exposure: Floats
) -> Floats:
    """The baselines, where a dose's factor takes facts from them or gives them some.

    The posterior mean of a gamma factor of mean 1 and variance v is (1 + v n) / (1 + v m) for n own facts of m
    expected; its ratio to that under the fit, which had n_1, is (1 + v n) / (1 + v n_1).
    """
    types, owner = histories.types, histories.owner[histories.counted]
    kinds = histories.kinds[histories.counted].astype(np.int64)
    own = parameters.own_variance if parameters.own_variance.size else np.zeros(types)
    variance = (1 + parameters.shared_variance) * (1 + own[kinds]) - 1
    cell = owner * types + kinds if own.any() else owner
    fitted = np.bincount(cell, base / np.maximum(base + others + shares.sum(axis=1), 1e-300))
    factor = np.ones(len(base))
    for _ in range(_ROUNDS if variance.any() else 0):
        effect = _maximised(histories, shares, base * factor + others, exposure)[0]
        part = np.bincount(cell, base * factor / np.maximum(base * factor + others + shares @ effect, 1e-300))
        factor = (1 + variance * part[cell]) / (1 + variance * fitted[cell])
    refined: Floats = base * factor
    return refined


def _maximised(histories: Histories, shares: Floats, others: Floats, exposure: Floats) -> tuple[Floats, Floats, Floats]:
    """sum log(others + shares g) - exposure g over g >= 0, by projected Newton steps; covariance, information."""
    kept = (shares > 0).any(axis=1)
    owner = histories.owner[histories.counted][kept]
    shares, others, mass = shares[kept], others[kept], exposure.sum(axis=0)
    effect = np.ones(shares.shape[1])

    def height(at: Floats) -> float:
        return float(np.log(others + shares @ at + 1e-300).sum() - mass @ at)

    now = height(effect)
    for _ in range(_STEPS):
        ratio = shares / (others + shares @ effect)[:, None]
        slope, bend = ratio.sum(axis=0) - mass, ratio.T @ ratio
        free = (effect > 0) | (slope > 0)
        step = np.zeros_like(effect)
        step[free] = np.linalg.lstsq(bend[np.ix_(free, free)], slope[free], rcond=None)[0]
        size = 1.0
        while size > 1e-6 and height(np.maximum(effect + size * step, 0)) < now:
            size /= 2
        moved = np.maximum(effect + size * step, 0)
        gain = height(moved) - now
        if gain <= 1e-9:
            break
        effect, now = moved, now + gain
    ratio = shares / (others + shares @ effect)[:, None]
    scores = -exposure
    np.add.at(scores, owner, ratio)
    information = ratio.T @ ratio
    inverse = np.linalg.pinv(information)
    return effect, inverse @ (scores.T @ scores) @ inverse, information


def _curve(
    effect: Floats, covariance: Floats, information: Floats, dose: Whole, label: Whole, present: float
) -> tuple[str, float, float]:
    """The better curve, its elasticity at the present dose, and the standard error of that.

    Weighted by the information of the likelihood, which is surer than the inverse of an estimated covariance.
    """
    from scipy import optimize

    root = np.linalg.cholesky(information).T
    whitened = root @ covariance @ root.T
    levels, counts = np.unique(np.stack([dose, label]), axis=1, return_counts=True)
    spread = np.zeros((len(effect), levels.shape[1]))
    spread[levels[1], np.arange(levels.shape[1])] = counts
    spread /= spread.sum(axis=1, keepdims=True)
    n = levels[0].astype(np.float64)
    shapes = {"power": lambda x: n**x - (n - 1) ** x, "hill": lambda x: n / (1 + x * n) - (n - 1) / (1 + x * (n - 1))}
    limits = {"power": (1e-3, 2.0), "hill": (0.0, 100.0)}
    found = []
    for name, shape in shapes.items():
        low, high = limits[name]
        solved = optimize.least_squares(
            lambda x, shape=shape: root @ (x[0] * (spread @ shape(x[1])) - effect),
            [max(float(effect[0]), 1e-3), 0.5 if name == "power" else 0.3],
            bounds=([0, low], [np.inf, high]),
        )
        moved = np.linalg.pinv(solved.jac)[1]
        error = float(np.sqrt(moved @ whitened @ moved))
        x = float(solved.x[1])
        if name == "power":
            found.append((float(solved.cost), name, x, error))
        else:
            found.append((float(solved.cost), name, 1 / (1 + x * present), error * present / (1 + x * present) ** 2))
    _, name, value, error = min(found, key=lambda each: each[0] - (1e-9 if each[1] == "power" else 0))
    return name, value, error


def _estimate(value: float, error: float, floor: float) -> Estimate:
    return Estimate(value, max(value - _NORMAL * error, floor), value + _NORMAL * error, error)
