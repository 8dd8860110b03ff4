"""What the model expects of an experiment by lot: the figure beside the measured one.

The arm of a lot shows in what the brand sent: the dose of type s is the difference of its mean counts between the arm
and the control, weighted as the outcome is (`weighting.weights`), by the days that were left of the horizon when it was
sent. With N_d(r; s) the facts of type d that descend from one fact of s within r days (`horizon`), and w_d what a fact
of d counts for (its mean amount, or 1),

    effect = sum over s, r of dose[s, r] sum_d w_d N_d(r; s)

The days left stand on a grid of STEPS parts of the horizon, N linear between: exact for what is sent with the lot. A
fact at the very time of the assignment is of the dose, and not of the outcome. Doses are taken as they are: chance
differences in other sendings between the arms are in the measured effect as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg import expm

from setaria.flywheel.answers.attribution import main_currency
from setaria.flywheel.answers.experiments import Asked, Comparison, compare, counted_kinds, until
from setaria.flywheel.answers.horizon import augmented
from setaria.flywheel.answers.weighting import weights
from setaria.flywheel.arrays import Flags, Floats
from setaria.flywheel.fit.fitted import Figures, Fitted
from setaria.flywheel.histories.assignments import Assignment
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import Estimate, Parameters

STEPS: Final = 60


@dataclass(frozen=True, slots=True)
class Doses:
    """What E entries of a report were sent more than their controls, and what is asked of it."""

    names: tuple[str, ...]  # E
    doses: Floats  # E x D x (STEPS + 1): facts a unit, by steps of the horizon that are left
    horizon: float
    counted: Flags  # D: what the outcome counts
    currency: int | None  # amounts in it; None counts facts


def doses_of(histories: Histories, comparisons: Sequence[Comparison], asked: Asked) -> Doses:
    """Entries without any dose are left out: such an arm shows in nothing that the brand sends."""
    counted = counted_kinds(histories, asked)
    currency = None
    if asked.unit == "amount":
        currency = main_currency(histories) if asked.currency is None else asked.currency
    sent = ~histories.receivers
    names, doses = [], []
    if not (counted & sent).any():  # else the dose would be its own outcome
        for each in comparisons:
            dose = _dose(histories, each, asked.horizon, sent)
            if np.any(np.abs(dose) > 0):
                names.append(each.name)
                doses.append(dose)
    whole = np.stack(doses) if doses else np.zeros((0, histories.types, STEPS + 1))
    return Doses(tuple(names), whole, asked.horizon, counted, currency)


def _dose(histories: Histories, comparison: Comparison, horizon: float, sent: Flags) -> Floats:
    """D x (STEPS + 1)."""
    dose = np.zeros((histories.types, STEPS + 1))
    known = comparison.household >= 0
    household, at = comparison.household[known], comparison.at[known]
    first = until(histories, household, at, inclusive=False)
    lengths = until(histories, household, at + horizon, inclusive=True) - first
    if not lengths.sum():
        return dose
    unit = np.repeat(np.arange(len(first)), lengths)
    facts = np.arange(int(lengths.sum())) + np.repeat(first - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
    chosen = sent[histories.kinds[facts]]
    unit, facts = unit[chosen], facts[chosen]
    left = np.clip(at[unit] + horizon - histories.times[facts], 0.0, horizon) / horizon * STEPS
    low = np.minimum(left.astype(np.int64), STEPS - 1)
    each = weights(comparison.arm, comparison.number, comparison.probability, comparison.design)[known][unit]
    kinds = histories.kinds[facts]
    np.add.at(dose, (kinds, low), each * (1 - (left - low)))
    np.add.at(dose, (kinds, low + 1), each * (left - low))
    return dose


def effect_figures(doses: Doses) -> Figures:
    """Pure: E effects, in the order of `doses.names`, of the parameters and the mean amounts (currencies x D)."""

    def figures(parameters: Parameters, mean_amounts: Floats) -> Floats:
        worth = np.where(doses.counted, 1.0 if doses.currency is None else mean_amounts[doses.currency or 0], 0.0)
        effects: Floats = np.einsum("esr,rs->e", doses.doses, _brought(parameters, worth, doses.horizon))
        return effects

    return figures


def _brought(parameters: Parameters, worth: Floats, horizon: float) -> Floats:
    """(STEPS + 1) x D: what the facts that descend from one of each type count for (`worth` each), on the grid."""
    types, decays = len(parameters.excitation), len(parameters.decays)
    side = types * decays
    step = expm(augmented(parameters) * (horizon / STEPS))
    row = np.concatenate([np.zeros(side), worth])
    brought = np.zeros((STEPS + 1, types))
    with np.errstate(over="ignore", invalid="ignore"):
        for each in range(1, STEPS + 1):
            row = row @ step
            # After one fact of a type its places of the state are 1, for each decay.
            brought[each] = row[:side].reshape(types, decays).sum(axis=1)
    return brought


def model_effects(
    histories: Histories, fitted: Fitted, assignments: Sequence[Assignment], asked: Asked | None = None
) -> dict[str, Estimate]:
    """By the name of an entry: what the fit expects of it, with its interval by the delta method."""
    asked = asked or Asked()
    doses = doses_of(histories, compare(histories, assignments, asked)[0], asked)
    if not doses.names:
        return {}
    return dict(zip(doses.names, fitted.estimates(effect_figures(doses)), strict=True))
