"""Fitted up to a date, what does the model foretell for the time after it, and what happened?"""

from __future__ import annotations

from typing import Final

import numpy as np

from setaria.flywheel.arrays import Floats
from setaria.flywheel.checks.fitting import Given
from setaria.flywheel.checks.foretell import LEAST_FACTS, WEEK, BackTest, slopes
from setaria.flywheel.checks.saying import said, unknown
from setaria.flywheel.fit.fitted import NORMAL
from setaria.flywheel.report.report import Check

NAME: Final = "back_test"
NEAR: Final = 0.10  # of what was foretold: as good as inside


def back_test(given: Given, test: BackTest | None) -> Check:
    """Passed: facts, and amounts where there are any, are in all inside the interval of 95 %, or within a tenth.

    The interval: households' departures from what was foretold, as they were (luck, factors and silence alike), and
    the uncertainty of the parameters. figure: happened over foretold. points: [foretold, happened, low, high, day] of
    each week, in facts.
    """
    if test is None:
        return unknown(NAME, "too_short")
    happened = _happened(test)
    counts = happened.sum(axis=0)
    if counts.sum() < LEAST_FACTS:
        return unknown(NAME, "too_few")
    receivers = test.cut.whole.receivers
    worth = [receivers.astype(np.float64)]
    seen, expected = [happened.sum(axis=1)], [test.foretold.households.sum(axis=1)]
    if test.mean_amounts.any():
        worth.append(np.where(receivers, test.mean_amounts, 0.0))
        seen.append(_amounts(given, test))
        expected.append(test.foretold.households @ test.mean_amounts)
    errors = _errors(test, np.array(worth), [s - e for s, e in zip(seen, expected, strict=True)])
    totals = [(float(e.sum()), float(s.sum()), float(x)) for e, s, x in zip(expected, seen, errors, strict=True)]
    passed = all(abs(s - e) <= max(NORMAL * x, NEAR * e) for e, s, x in totals)
    foretold, total, error = totals[-1]
    ratio = total / max(foretold, 1e-9)
    detail = {
        "ratio": ratio,
        "low": max(0.0, 1 - NORMAL * error / max(foretold, 1e-9)),
        "high": 1 + NORMAL * error / max(foretold, 1e-9),
        "weeks": -(-len(test.foretold.immigrants) // WEEK),
        "households": len(test.cut.whole),
        "touchpoint": _furthest(test, happened),
        "facts": int(counts.sum()),
        "foretold": round(float(totals[0][0])),
    }
    points = _weeks(test, errors[0] / max(totals[0][0], 1e-9))
    return said(NAME, passed, ratio, 1.0, detail, points)


def _happened(test: BackTest) -> Floats:
    """H x D facts."""
    whole, after = test.cut.whole, test.cut.after
    cells = whole.owner[after] * whole.types + whole.kinds[after]
    counts = np.bincount(cells, minlength=len(whole) * whole.types)
    return counts.reshape(len(whole), whole.types).astype(np.float64)


def _amounts(given: Given, test: BackTest) -> Floats:
    """H: minor units."""
    whole, after = test.cut.whole, test.cut.after
    after = after[whole.currency[after] == given.currency]
    weights = whole.amounts[after].astype(np.float64)
    made: Floats = np.bincount(whole.owner[after], weights=weights, minlength=len(whole)).astype(np.float64)
    return made


def _errors(test: BackTest, worth: Floats, away: list[Floats]) -> Floats:
    """Of each total: households vary around what was foretold, and the parameters are not known for sure."""
    luck = np.array([((each - each.mean()) ** 2).sum() for each in away])
    given = test.given
    influence, size = given.fitted.influence, given.fitted.layout.size
    if influence is None:
        made: Floats = np.sqrt(luck)
        return made
    slope = slopes(test, worth)
    scale = given.fitted.counted / max(int(test.cut.before.counted.sum()), 1)
    unsure = scale * np.einsum("fi,ij,fj->f", slope, influence.covariance[:size, :size], slope)
    errors: Floats = np.sqrt(luck + np.maximum(unsure, 0.0))
    return errors


def _furthest(test: BackTest, happened: Floats) -> str:
    """The touchpoint that departs most, in its own standard errors."""
    away = happened - test.foretold.households
    errors = np.sqrt(((away - away.mean(axis=0)) ** 2).sum(axis=0))
    apart = np.divide(np.abs(away.sum(axis=0)), errors, out=np.zeros(len(errors)), where=errors > 0)
    return test.cut.whole.names[int(np.argmax(apart))]


def _weeks(test: BackTest, unsure: float) -> list[list[float]]:
    whole, after, weeks = test.cut.whole, test.cut.after, test.foretold.weeks
    gone = np.ceil(whole.times[after] - test.cut.day) - 1  # a day stands for its end, as a time of day does for itself
    week = np.clip(gone // WEEK, 0, weeks.shape[1] - 1).astype(np.int64)
    cells = whole.owner[after] * weeks.shape[1] + week
    happened = np.bincount(cells, minlength=weeks.size).reshape(weeks.shape)
    away = happened - weeks
    luck = ((away - away.mean(axis=0)) ** 2).sum(axis=0)
    foretold = weeks.sum(axis=0)
    error = np.sqrt(luck + (unsure * foretold) ** 2)
    low, high = np.maximum(foretold - NORMAL * error, 0.0), foretold + NORMAL * error
    day = test.cut.day + WEEK * np.arange(len(foretold), dtype=np.float64)
    rows: list[list[float]] = np.column_stack([foretold, happened.sum(axis=0), low, high, day]).tolist()
    return rows
