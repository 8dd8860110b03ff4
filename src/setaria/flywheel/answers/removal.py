"""What would be absent, in the days to come, without each touchpoint: its facts, and all that they would lead to."""

from __future__ import annotations

from typing import Final

import numpy as np

from setaria.flywheel.answers.sensitivity import Gradient, path_gradient
from setaria.flywheel.answers.whatif import Coming, coming, path, scaled
from setaria.flywheel.arrays import Floats
from setaria.flywheel.calendar import Calendar
from setaria.flywheel.fit.fitted import NORMAL, Fitted
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import Estimate
from setaria.flywheel.report.report import WhatIf

DAYS: Final = 180
STEP: Final = 15
MOST: Final = 12  # touchpoints shown
_LEAST: Final = 1e-4  # of what is to come: less does not matter


def removals(histories: Histories, fitted: Fitted, currency: int) -> list[WhatIf]:
    """The touchpoints whose absence would cost most over 180 days, in minor units; the dearest first.

    As if every household's coming days began after the last day of all. What the brand sends goes on as it did.
    """
    ahead = ahead_of(histories, fitted, DAYS)
    parameters, amounts = fitted.parameters, fitted.mean_amounts[currency : currency + 1]
    immigrants = ahead.immigrants(parameters)
    before = path(parameters, amounts, immigrants, ahead.state)[:, 0]
    if not (np.isfinite(before[-1]) and before[-1] > 0):
        return []
    without = [path(parameters, amounts, immigrants, ahead.state, scaled(d, 0.0))[:, 0] for d in range(histories.types)]
    absent = np.array([before[-1] - each[-1] for each in without])
    dearest = np.argsort(-absent, kind="stable")[:MOST]
    plain = path_gradient(parameters, amounts, ahead)
    shown = np.arange(STEP, DAYS + 1, STEP)
    made = []
    for d in dearest[absent[dearest] > _LEAST * before[-1]]:
        difference = path_gradient(parameters, amounts, ahead, scaled(int(d), 0.0)).minus(plain)
        made.append(
            WhatIf(
                name=histories.names[d],
                scale=0.0,
                days=[0.0, *shown.astype(float).tolist()],
                before=[0.0, *before[shown - 1].tolist()],
                after=[0.0, *without[d][shown - 1].tolist()],
                change=_below(estimate_with_gradient(fitted, difference, currency)[0]),
            )
        )
    return made


def ahead_of(histories: Histories, fitted: Fitted, days: int) -> Coming:
    """What drives the days to come, with each household's factor and chance of being alive where the fit has them."""
    return coming(
        histories,
        fitted.parameters,
        days,
        frailty=fitted.living if len(fitted.living) == len(histories) else None,
        calendar_by_day=calendar_by_day(fitted, int(np.floor(histories.end.max())) + 1, days),
    )


def calendar_by_day(fitted: Fitted, first: int, days: int) -> Floats | None:
    """Factors (days x D) of the days from `first` on; None without a calendar. Its columns are the fit's."""
    seen = fitted.calendar
    if not seen.names:
        return None
    wanted = Calendar.design(min(seen.first, first), max(seen.last, first + days - 1), over=(seen.first, seen.last))
    places = [wanted.names.index(name) for name in seen.names]
    rows = slice(first - wanted.first, first - wanted.first + days)
    factors: Floats = np.exp(wanted.features[rows][:, places] @ fitted.parameters.calendar.T)
    return factors


def estimate_with_gradient(fitted: Fitted, gradient: Gradient, currency: int = 0) -> list[Estimate]:
    """As `Fitted.estimates`, for figures whose derivatives at the optimum are known; never clipped.

    `gradient.amounts` has the rows of the currencies from `currency` on. Calendar, covariates and variances are in
    the exposure and held fixed.
    """
    if fitted.influence is None:
        return [Estimate(float(each), float("nan"), float("nan")) for each in gradient.values]
    slope = slopes(fitted, gradient, currency)
    here = np.concatenate([fitted.vector, fitted.mean_amounts.reshape(-1)])
    middles = gradient.values + slope @ (fitted.influence.vector - here)
    variances = np.einsum("ij,jk,ik->i", slope, fitted.influence.covariance, slope)
    errors = np.sqrt(np.maximum(variances, 0.0))
    lows = np.minimum(middles - NORMAL * errors, gradient.values)
    highs = np.maximum(middles + NORMAL * errors, gradient.values)
    return [
        Estimate(float(value), float(low), float(high), float(error))
        for value, low, high, error in zip(gradient.values, lows, highs, errors, strict=True)
    ]


def slopes(fitted: Fitted, gradient: Gradient, currency: int = 0) -> Floats:
    """F x (vector of the layout, then mean amounts)."""
    layout, figures = fitted.layout, len(gradient.values)
    made = np.zeros((figures, layout.size + fitted.mean_amounts.size))
    for r, d in enumerate(layout.receivers):
        made[:, r * layout.block] = gradient.baseline[:, d] * fitted.parameters.baseline[d]
        made[:, layout.excitation_slice(r)] = gradient.excitation[:, d].transpose(0, 2, 1).reshape(figures, -1)
    types = fitted.mean_amounts.shape[1]
    first = layout.size + currency * types
    given = gradient.amounts.reshape(figures, -1)
    made[:, first : first + given.shape[1]] = given
    return made


def _below(found: Estimate) -> Estimate:
    """Nothing that is removed can bring more."""
    return Estimate(found.value, min(found.low, 0.0), min(found.high, 0.0), found.error)
