"""Experiments by lot: what the randomisation itself says, before any model is asked.

Unit i (a household at a time of assignment) got arm a_i with probability p_i; y_i is what it did in (t, t + horizon].
With a model m_a(x) of arm a's outcome, fitted by least squares with weights 1 / p_i, the effect of arm a against the
control c is

    mean[m_a - m_c] + mean[1(a_i = a) (y - m_a) / p] - mean[1(a_i = c) (y - m_c) / p]

    horvitz_thompson  m = 0: unbiased, and noisy (Horvitz, Thompson, JASA 47, 1952)
    hajek             m constant: a ratio of weighted sums (Hajek, comment on Basu, 1971)
    adjusted          m linear in the outcome of the time before (Lin, Annals of Applied Statistics 7(1), 2013; known as
                      CUPED: Deng, Xu, Kohavi, Walker, WSDM 2013); only the lot makes it valid, not the model

Where only strata are known, p is the arm's share in the stratum and m has the strata's means (post-stratification).
The variance is that of the influence function (Lunceford, Davidian, Statistics in Medicine 23, 2004), summed over a
household's waves (clusters), with Student quantiles for the smaller arm. A later wave is part of what an earlier one
leads to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
import numpy as np

from setaria.facts.refused import Refused
from setaria.flywheel.answers.attribution import main_currency
from setaria.flywheel.answers.weighting import Effect, effect, interval
from setaria.flywheel.arrays import Flags, Floats, Whole
from setaria.flywheel.histories.assignments import CONTROL, MAX_ASSIGNMENTS, Assignment
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import Estimate
from setaria.flywheel.report.report import Measured, Sentence

HORIZON: Final = 30.0  # days
MISMATCH: Final = 0.001  # a chance below it says that the lot was not as stated
MAX_EXPERIMENTS: Final = 1_000
MAX_ARMS: Final = 50
MAX_STRATA: Final = 500
Unit = Literal["amount", "facts"]
Method = Literal["adjusted", "hajek", "horvitz_thompson"]


class Asked(msgspec.Struct, frozen=True):
    """What counts as outcome: amounts, or facts, of one touchpoint or of all that receive."""

    horizon: float = HORIZON
    unit: Unit = "amount"
    touchpoint: str | None = None
    currency: int | None = None  # index; None is that of the greatest total
    control: str = CONTROL
    method: Method = "adjusted"
    absent_is_zero: bool = False  # a household without a history, or before its history begins, did nothing
    lenient: bool = False  # an experiment that cannot be measured is told of, and refuses nothing


@dataclass(frozen=True, slots=True)
class Lot:
    """One experiment's assignments as columns, n of them."""

    name: str
    arms: tuple[str, ...]  # the control first
    arm: Whole
    at: Floats
    probability: Floats  # of the arm drawn
    stratum: Whole
    household: Whole  # index in the histories, -1 where there is none
    cluster: Whole
    stated: bool  # probabilities were given; else they are shares of strata


@dataclass(frozen=True, slots=True)
class Comparison:
    """One arm of a lot against its control, over the units that were watched to the end; `household` as in Lot."""

    name: str  # of its entry in the report
    lot: Lot
    number: int  # of the arm
    arm: Whole
    at: Floats
    probability: Floats
    household: Whole
    cluster: Whole
    design: Floats | None
    outcome: Floats


def measure(
    histories: Histories,
    assignments: Sequence[Assignment],
    asked: Asked | None = None,
    models: Mapping[str, Estimate] | None = None,
) -> list[Measured]:
    """Each arm of each experiment against its control. `models`: by the name of an entry, what the model expects."""
    asked = asked or Asked()
    return measured(compare(histories, assignments, asked)[0], asked, models)


def compare(
    histories: Histories, assignments: Sequence[Assignment], asked: Asked
) -> tuple[list[Comparison], list[Sentence]]:
    """What can be measured; and, where the asking is lenient, why the rest cannot. Else raises Refused."""
    if not len(histories):
        raise Refused("flywheel_no_households")
    if not 0 < len(assignments) <= MAX_ASSIGNMENTS:
        raise Refused("flywheel_experiment_size", count=len(assignments), most=MAX_ASSIGNMENTS)
    if not 0 < asked.horizon < np.inf:
        raise Refused("flywheel_experiment_horizon", days=f"{asked.horizon:g}")
    by_name: dict[str, list[Assignment]] = {}
    for each in assignments:
        by_name.setdefault(each.experiment, []).append(each)
    per_fact(histories, asked)  # what is asked for must be there, whatever the lot
    index = {str(name): place for place, name in enumerate(histories.households)}
    found: list[Comparison] = []
    told: list[Sentence] = []
    for number, (name, mine) in enumerate(by_name.items()):
        try:
            if number >= MAX_EXPERIMENTS:
                raise Refused("flywheel_experiments_many", count=len(by_name), most=MAX_EXPERIMENTS)
            found += _compared(histories, draw(histories, index, name, mine, asked), asked)
        except Refused as refused:
            if not asked.lenient:
                raise
            told.append(Sentence(f"refused.{refused.code}", refused.details, "careful"))
            if number >= MAX_EXPERIMENTS:
                break
    return found, told


def effect_of(each: Comparison) -> Effect:
    return effect(each.outcome, each.arm, each.number, each.probability, each.design, each.cluster)


def measured(
    comparisons: Sequence[Comparison], asked: Asked, models: Mapping[str, Estimate] | None = None
) -> list[Measured]:
    return [
        Measured(
            name=each.name,
            households=len(np.unique(each.cluster)),
            treated=int((each.arm == each.number).sum()),
            effect=interval(effect_of(each)),
            unit=asked.unit,
            model=(models or {}).get(each.name),
            days=asked.horizon,
            outcome=asked.touchpoint or "",
        )
        for each in comparisons
    ]


def draw(
    histories: Histories, index: Mapping[str, int], name: str, assignments: Sequence[Assignment], asked: Asked
) -> Lot:
    """The assignments of one experiment, checked against one another and against the households' windows."""
    _undoubled(name, assignments)
    arms = (asked.control, *sorted({each.arm for each in assignments} - {asked.control}))
    if asked.control not in {each.arm for each in assignments}:
        raise Refused("flywheel_experiment_no_control", experiment=name, control=asked.control, arms=list(arms[1:]))
    if len(arms) == 1:
        raise Refused("flywheel_experiment_one_arm", experiment=name, arm=asked.control)
    if len(arms) > MAX_ARMS:
        raise Refused("flywheel_experiment_arms", experiment=name, count=len(arms), most=MAX_ARMS)
    household = np.array([index.get(each.household, -1) for each in assignments], dtype=np.int64)
    at = np.array([each.at for each in assignments], dtype=np.float64)
    absent = np.flatnonzero(household < 0)
    if absent.size and not asked.absent_is_zero:
        example = assignments[int(absent[0])].household
        raise Refused("flywheel_experiment_household_unknown", experiment=name, count=int(absent.size), example=example)
    if not np.all(np.isfinite(at)):
        raise Refused("flywheel_experiment_time", experiment=name)
    before = (household >= 0) & (at < histories.start[household])
    if asked.absent_is_zero:
        before &= ~_opened_by_a_fact(histories)[household]
    early = np.flatnonzero(before)
    if early.size:
        example = assignments[int(early[0])].household
        raise Refused("flywheel_experiment_before_window", experiment=name, count=int(early.size), example=example)
    numbers = {arm: number for number, arm in enumerate(arms)}
    strata = {stratum: number for number, stratum in enumerate(sorted({each.stratum for each in assignments}))}
    clusters: dict[str, int] = {}
    arm = np.array([numbers[each.arm] for each in assignments], dtype=np.int64)
    stratum = np.array([strata[each.stratum] for each in assignments], dtype=np.int64)
    stated = assignments[0].probability is not None
    return Lot(
        name=name,
        arms=arms,
        arm=arm,
        at=at,
        probability=_stated(name, assignments) if stated else _shares(name, assignments, arm, stratum, len(arms)),
        stratum=stratum,
        household=household,
        cluster=np.array([clusters.setdefault(each.household, len(clusters)) for each in assignments], dtype=np.int64),
        stated=stated,
    )


def _undoubled(name: str, assignments: Sequence[Assignment]) -> None:
    seen: set[tuple[str, float]] = set()
    for each in assignments:
        if (each.household, each.at) in seen:
            raise Refused("flywheel_experiment_doubled", experiment=name, household=each.household)
        seen.add((each.household, each.at))


def _stated(name: str, assignments: Sequence[Assignment]) -> Floats:
    for each in assignments:
        # Written so that NaN is refused too.
        if each.probability is None or not 0 < each.probability < 1:
            raise Refused(
                "flywheel_experiment_probability",
                experiment=name,
                household=each.household,
                probability=each.probability,
            )
    return np.array([each.probability for each in assignments], dtype=np.float64)


def _shares(name: str, assignments: Sequence[Assignment], arm: Whole, stratum: Whole, arms: int) -> Floats:
    for each in assignments:
        if each.probability is not None:
            raise Refused(
                "flywheel_experiment_probability", experiment=name, household=each.household, probability=None
            )
    strata = int(stratum.max()) + 1
    if strata > MAX_STRATA:
        raise Refused("flywheel_experiment_strata", experiment=name, count=strata, most=MAX_STRATA)
    counts = np.bincount(stratum * arms + arm, minlength=strata * arms).reshape(strata, arms)
    lacking = np.flatnonzero((counts == 0).any(axis=1))
    if lacking.size:
        example = assignments[int(np.flatnonzero(stratum == lacking[0])[0])].stratum
        raise Refused("flywheel_experiment_stratum_one_arm", experiment=name, stratum=example)
    shares: Floats = counts[stratum, arm] / counts.sum(axis=1)[stratum]
    return shares


def mismatch(lot: Lot) -> float:
    """The chance of arms as unequal as these under the stated probabilities; 1 where none were stated.

    One probability for each arm: Pearson's chi-square with arms - 1 degrees of freedom (sample ratio mismatch; Fabijan
    et al., KDD 2019). Otherwise sum 1(a) / p - n of each arm by its normal approximation, with Bonferroni's
    correction.
    """
    from scipy import stats

    if not lot.stated:
        return 1.0
    n, arms = len(lot.arm), len(lot.arms)
    counts = np.bincount(lot.arm, minlength=arms)
    inverse = np.bincount(lot.arm, 1 / lot.probability, minlength=arms)
    mean = counts / inverse
    if np.allclose(lot.probability, mean[lot.arm], rtol=1e-9) and abs(mean.sum() - 1) < 1e-6:
        return float(stats.chi2.sf(((counts - n * mean) ** 2 / (n * mean)).sum(), arms - 1))
    spread = np.sqrt(np.bincount(lot.arm, (1 - lot.probability) / lot.probability**2, minlength=arms))
    return min(1.0, arms * float((2 * stats.norm.sf(np.abs(inverse - n) / spread)).min()))


def _opened_by_a_fact(histories: Histories) -> Flags:
    """H flags: nobody stated the window, so before its first fact a household did nothing."""
    if not histories.facts:
        return np.zeros(len(histories), dtype=np.bool_)
    first = np.minimum(histories.offsets[:-1], histories.facts - 1)
    flags: Flags = (np.diff(histories.offsets) > 0) & (histories.times[first] == histories.start)
    return flags


def _compared(histories: Histories, lot: Lot, asked: Asked) -> list[Comparison]:
    chance = mismatch(lot)
    if chance < MISMATCH:
        raise Refused("flywheel_experiment_ratio", experiment=lot.name, chance=f"{chance:.1g}")
    # Who has no history was watched for as long as anybody.
    ends = np.where(lot.household >= 0, histories.end[lot.household], histories.end.max())
    whole = lot.at + asked.horizon <= ends
    if len(np.unique(lot.arm[whole])) < len(lot.arms):
        raise Refused("flywheel_experiment_unfinished", experiment=lot.name, days=f"{asked.horizon:g}")
    for number in range(len(lot.arms)):
        if len(np.unique(lot.cluster[whole & (lot.arm == number)])) < 2:
            raise Refused("flywheel_experiment_too_few", experiment=lot.name, arm=lot.arms[number])
    after, before = outcomes(histories, lot.household, lot.at, asked)
    design = None
    if asked.method != "horvitz_thompson":
        design = _design(lot, before if asked.method == "adjusted" else None)[whole]
    return [
        Comparison(
            name=lot.name if len(lot.arms) == 2 else f"{lot.name}: {lot.arms[number]}",
            lot=lot,
            number=number,
            arm=lot.arm[whole],
            at=lot.at[whole],
            probability=lot.probability[whole],
            household=lot.household[whole],
            cluster=lot.cluster[whole],
            design=design,
            outcome=after[whole],
        )
        for number in range(1, len(lot.arms))
    ]


def _design(lot: Lot, before: Floats | None) -> Floats:
    """n x q: an intercept, strata where they are the design, and the outcome of the time before."""
    columns = [np.ones(len(lot.arm))]
    if not lot.stated:
        columns += [(lot.stratum == each).astype(np.float64) for each in range(1, int(lot.stratum.max()) + 1)]
    if before is not None and np.ptp(before) > 0:
        columns.append((before - before.mean()) / before.std())
    return np.stack(columns, axis=1)


def outcomes(histories: Histories, household: Whole, at: Floats, asked: Asked) -> tuple[Floats, Floats]:
    """In (at, at + horizon] and in [at - horizon, at), of each household index; 0 where it is -1.

    A fact at the very time of the assignment is in neither.
    """
    sums = np.concatenate([[0], np.cumsum(per_fact(histories, asked))])
    known = np.maximum(household, 0)
    edges = (
        until(histories, known, at - asked.horizon, inclusive=False),
        until(histories, known, at, inclusive=False),
        until(histories, known, at, inclusive=True),
        until(histories, known, at + asked.horizon, inclusive=True),
    )
    there = household >= 0
    before = np.where(there, sums[edges[1]] - sums[edges[0]], 0).astype(np.float64)
    after = np.where(there, sums[edges[3]] - sums[edges[2]], 0).astype(np.float64)
    return after, before


def counted_kinds(histories: Histories, asked: Asked) -> Flags:
    """D flags: the touchpoint asked for, or all that receive."""
    if asked.touchpoint is None:
        return histories.receivers
    if asked.touchpoint not in histories.names:
        raise Refused("flywheel_touchpoint_unknown", touchpoint=asked.touchpoint, known=list(histories.names))
    flags: Flags = np.arange(histories.types) == histories.names.index(asked.touchpoint)
    return flags


def usual_unit(histories: Histories) -> Unit:
    return "amount" if histories.currencies else "facts"


def per_fact(histories: Histories, asked: Asked) -> Whole:
    """N: what each fact adds to an outcome."""
    mine = counted_kinds(histories, asked)[histories.kinds]
    if asked.unit == "facts":
        return mine.astype(np.int64)
    if not histories.currencies:
        raise Refused("flywheel_experiment_no_amounts")
    currency = main_currency(histories) if asked.currency is None else asked.currency
    return np.where(mine & (histories.currency == currency), histories.amounts, 0).astype(np.int64)


def until(histories: Histories, household: Whole, when: Floats, inclusive: bool) -> Whole:
    """The index after the last fact of each household before `when`, or at it too; all by bisection at once."""
    low, high = histories.offsets[household].copy(), histories.offsets[household + 1].copy()
    while np.any(low < high):
        middle = (low + high) // 2
        times = histories.times[np.minimum(middle, histories.facts - 1)]
        passed = (times <= when if inclusive else times < when) & (low < high)
        low, high = np.where(passed, middle + 1, low), np.where(passed | (low >= high), high, middle)
    return low
