"""Where the next yuan should go: spend moved between touchpoints until each brings the same for one more.

With f_s facts at cost c_s and indirect value v_s each, spend scaled by x_s brings V_s(x) = f_s v_s x^b_s, where b_s is
the elasticity of what it brings at the present dose (saturation.py). The total spend stays. The best x, with

    b_s v_s x_s^(b_s - 1) = l c_s   (equal marginal return l; Dorfman, Steiner, American Economic Review 44, 1954)

inside [low, high] x the present spend, is found by one search for l, as V is concave. Farther than the bounds nothing
was seen, and nothing is advised. The interval of the gain is for the advised shift as it stands: delta method over the
fit, joint over touchpoints, and independently over elasticities. The shift was chosen by the same data, so the gain is
somewhat too hopeful (the winner's curse).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from setaria.facts.refused import Refused
from setaria.flywheel.answers.costs import Estimating, indirect_figures
from setaria.flywheel.arrays import Floats
from setaria.flywheel.parameters import Estimate, Parameters
from setaria.flywheel.report.report import Budget, Sentence

LOW, HIGH = 0.5, 2.0  # of the present spend
_LEAST, _MOST = 0.01, 0.99  # elasticities for which returns fall, so that there is one best
_NORMAL: Final = 1.959963984540054


class Spend(msgspec.Struct, frozen=True):
    """A touchpoint with a known cost: `kind` its index, `cost` minor units of a fact, `facts` over the time asked
    about.

    `elasticity` None: its dose does not vary, so nobody knows what more of it would bring.
    """

    touchpoint: str
    kind: int
    facts: float
    cost: float
    elasticity: Estimate | None


class Advice(msgspec.Struct, frozen=True):
    budget: list[Budget]
    words: list[Sentence]
    gain: Estimate | None = None  # of all shifts together; None without advice


def advise(
    fitted: Estimating,
    spends: Sequence[Spend],
    currency: int,
    code: str,
    identified: bool,
    low: float = LOW,
    high: float = HIGH,
) -> Advice:
    """`code`: of the currency. `identified`: whether the specifications agree.

    What the data cannot support is not moved, and the words say why.
    """
    if not 0 < low <= 1 <= high < np.inf:
        raise Refused("flywheel_budget_bounds", low=low, high=high)
    paid = [each for each in spends if each.cost > 0 and each.facts > 0]
    if not identified:
        return Advice([], [_cannot("not_identified")])
    if fitted.parameters.flywheel_number >= 1:
        return Advice([], [_cannot("explosive")])
    if not paid:
        return Advice([], [_cannot("no_costs")])
    values = fitted.estimates(indirect_figures(currency))
    words, sure = [], []
    for spend in paid:
        why = _unsupported(spend, values[spend.kind])
        if why:
            words.append(Sentence(f"flywheel.budget_held_{why}", {"touchpoint": spend.touchpoint}, "careful"))
        else:
            sure.append(spend)
    if len(sure) < 2:
        return Advice([], [_cannot("too_few"), *words])
    scale, gains = _shifted(fitted, sure, currency, (low, high), values)
    total = gains[-1]
    words = [_first(scale, total, code), *_straight(sure), *words]
    budget = [
        Budget(each.touchpoint, each.facts * each.cost, each.facts * each.cost * float(scale[place]), gains[place])
        for place, each in enumerate(sure)
    ]
    return Advice(budget, words, total)


def _unsupported(spend: Spend, value: Estimate) -> str:
    if not value.low > 0:
        return "value"
    if spend.elasticity is None or not np.isfinite(spend.elasticity.error):
        return "dose"
    if spend.elasticity.low <= 0:
        return "elasticity"
    return ""


def _shifted(
    fitted: Estimating,
    spends: Sequence[Spend],
    currency: int,
    bounds: tuple[float, float],
    values: Sequence[Estimate],
) -> tuple[Floats, list[Estimate]]:
    facts = np.array([each.facts for each in spends])
    worth = facts * np.array([values[each.kind].value for each in spends])
    now = facts * np.array([each.cost for each in spends])
    power = np.clip([each.elasticity.value for each in spends if each.elasticity], _LEAST, _MOST)
    scale = allocated(worth, now, power, *bounds)
    return scale, _gains(fitted, spends, currency, scale, power)


def _first(scale: Floats, total: Estimate, code: str) -> Sentence:
    if np.allclose(scale, 1, atol=0.02):
        return Sentence("flywheel.budget_stay", {}, "good")
    details = {"gain": {"estimate": [total.value, total.low, total.high], "currency": code}}
    if total.low > 0:
        return Sentence("flywheel.budget_gain", details, "good")
    return Sentence("flywheel.budget_gain_unsure", details, "careful")


def _straight(spends: Sequence[Spend]) -> list[Sentence]:
    """Where nothing says that more would bring less each time, the bounds alone hold the advice."""
    return [
        Sentence("flywheel.budget_no_saturation", {"touchpoint": each.touchpoint}, "careful")
        for each in spends
        if each.elasticity and each.elasticity.high >= 1
    ]


def allocated(worth: Floats, now: Floats, power: Floats, low: float, high: float) -> Floats:
    """The x in [low, high] that maximise sum worth x^power with sum now x = sum now; 0 < power < 1, worth > 0."""
    from scipy import optimize

    def scales(price: float) -> Floats:
        wanted: Floats = np.clip((np.log(worth * power / now) - price) / (1 - power), np.log(low), np.log(high))
        return np.exp(wanted)

    def over(price: float) -> float:
        return float(now @ scales(price) - now.sum())

    marginal = np.log(worth * power / now)
    far = 1 + float(np.max(np.abs(np.log([low, high]))))
    edges = float(marginal.min()) - far, float(marginal.max()) + far
    if over(edges[0]) <= 0 or over(edges[1]) >= 0:  # no room: low or high is 1
        return np.ones(len(now))
    return scales(float(optimize.brentq(over, *edges, xtol=1e-13)))


def _gains(fitted: Estimating, spends: Sequence[Spend], currency: int, scale: Floats, power: Floats) -> list[Estimate]:
    """Of each touchpoint, value gained less spend added; and, last, of all together."""
    kinds = np.array([each.kind for each in spends])
    facts = np.array([each.facts for each in spends])
    spent = facts * np.array([each.cost for each in spends]) * (scale - 1)
    more = facts * (scale**power - 1)
    values = indirect_figures(currency)

    def figures(parameters: Parameters, mean_amounts: Floats) -> Floats:
        won = more * values(parameters, mean_amounts)[kinds] - spent
        return np.append(won, won.sum())

    plain = fitted.estimates(figures)
    brought = np.array([each.value for each in plain[:-1]]) + spent
    # d(f v x^b)/db = f v x^b log x, from the value that the shift was computed with.
    ratio = np.divide(scale**power * np.log(scale), scale**power - 1, out=np.zeros_like(scale), where=scale != 1)
    bent = brought * ratio * np.array([each.elasticity.error for each in spends if each.elasticity])
    return [
        _widened(estimate, float(extra))
        for estimate, extra in zip(plain, [*np.abs(bent), np.sqrt((bent**2).sum())], strict=True)
    ]


def _widened(estimate: Estimate, extra: float) -> Estimate:
    middle = (estimate.low + estimate.high) / 2
    error = float(np.hypot(estimate.error, extra))
    return Estimate(estimate.value, middle - _NORMAL * error, middle + _NORMAL * error, error)


def _cannot(why: str) -> Sentence:
    return Sentence(f"flywheel.budget_cannot_{why}", {}, "careful")
