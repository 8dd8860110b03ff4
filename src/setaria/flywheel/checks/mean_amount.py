"""Do facts that earlier ones led to earn as much as others of their type? A value takes it that they do."""

from __future__ import annotations

from typing import Final

import numpy as np

from setaria.flywheel.checks.fitting import Given, posterior, problem_on
from setaria.flywheel.checks.saying import said, unknown
from setaria.flywheel.fit.fitted import NORMAL
from setaria.flywheel.report.report import Check

NAME: Final = "mean_amount"
HOUSEHOLDS: Final = 2_000
FACTS: Final = (200_000, 30_000)
LEAST: Final = 200  # facts with an amount
NEAR: Final = 0.05
WIDEST: Final = 0.5  # half an interval beyond which nothing is said


def mean_amount(given: Given) -> Check:
    """figure: the mean amount of a fact that was led to, over that of one that was not; against 1.

    Amounts over their type's mean, regressed on the probability of having been led to within each type; errors
    clustered by household. Passed: the interval holds 1, or the figure is within 5 % of it.
    """
    histories, _ = given.sample(HOUSEHOLDS, *FACTS)
    earning = histories.counted & (histories.currency == given.currency) & (histories.amounts > 0)
    if not histories.currencies or earning.sum() < LEAST:
        return unknown(NAME, "no_amounts")
    problem = problem_on([histories], given)
    led = 1.0 - posterior(problem, given.fitted.vector).own[earning]
    kinds, owner = histories.kinds[earning].astype(np.int64), histories.owner[earning]
    counts = np.maximum(np.bincount(kinds, minlength=histories.types), 1)
    amounts = histories.amounts[earning].astype(np.float64)
    amounts /= (np.bincount(kinds, weights=amounts, minlength=histories.types) / counts)[kinds]
    apart = led - (np.bincount(kinds, weights=led, minlength=histories.types) / counts)[kinds]
    power = float(apart @ apart)
    if power < 1e-6 * len(apart):
        return unknown(NAME, "nothing_led")
    slope = float(apart @ amounts) / power
    meat = np.bincount(owner, weights=apart * (amounts - 1.0 - slope * apart))
    error = float(np.sqrt(meat @ meat)) / power
    # Of one not led to the mean is below or above the type's by the mean probability of having been led to.
    others = max(1.0 - slope * float(led.mean()), 1e-3)
    figure, error = 1.0 + slope / others, error / others
    inside = abs(figure - 1.0) <= max(NORMAL * error, NEAR)
    passed = None if NORMAL * error > WIDEST else inside
    detail = {
        "ratio": {"estimate": [figure, figure - NORMAL * error, figure + NORMAL * error]},
        "facts": int(earning.sum()),
    }
    return said(NAME, passed, figure, 1.0, detail)
