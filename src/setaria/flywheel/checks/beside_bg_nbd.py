"""Each household's purchases after the cut: foretold by the model, and by BG/NBD from the same facts."""

from __future__ import annotations

from typing import Final

import numpy as np

from setaria.flywheel.arrays import Floats
from setaria.flywheel.checks.bg_nbd import BgNbd, purchases
from setaria.flywheel.checks.fitting import Given
from setaria.flywheel.checks.foretell import BackTest
from setaria.flywheel.checks.saying import said, unknown
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.report.report import Check

NAME: Final = "bg_nbd"
LEAST_REPEATS: Final = 50  # households
LEAST_PURCHASES: Final = 50  # after the cut
AS_GOOD: Final = 1.02  # times BG/NBD's error


def beside_bg_nbd(given: Given, test: BackTest | None) -> Check:
    """figure and against: mean Poisson deviance a household, 2 (y log(y / p) - y + p), ours and BG/NBD's.

    A proper score of an expectation, where a mean absolute error would favour guesses that are too low. Purchases are
    days with one, of the touchpoint that earns most. Passed: ours is at most 2 % greater.
    """
    if test is None:
        return unknown(NAME, "too_short")
    cut = test.cut
    kind = earner(cut.whole, given.currency)
    seen = purchases(cut.before, (kind,))
    if (seen.frequency > 0).sum() < LEAST_REPEATS:
        return unknown(NAME, "few_repeats")
    bought = _days(cut.whole, kind, cut.day)[seen.households]
    if bought.sum() < LEAST_PURCHASES:
        return unknown(NAME, "few_repeats")
    ahead = (cut.end - cut.day)[seen.households]
    theirs = BgNbd.fit(seen).expected(seen, ahead)
    facts = (cut.before.kinds == kind).sum()
    ours = test.foretold.households[seen.households, kind] * (seen.frequency.sum() + len(seen)) / max(facts, 1)
    mine, other = deviance(bought, ours), deviance(bought, theirs)
    detail = {
        "touchpoint": cut.whole.names[kind],
        "ours": mine,
        "theirs": other,
        "off": float(np.abs(bought - ours).mean()),
        "other": float(np.abs(bought - theirs).mean()),
        "households": len(seen),
    }
    return said(NAME, mine <= AS_GOOD * other, mine, other, detail)


def earner(histories: Histories, currency: int) -> int:
    """The receiver with the greatest total, or with most facts where there are no amounts."""
    chosen = histories.currency == currency
    totals = np.bincount(histories.kinds[chosen], weights=histories.amounts[chosen], minlength=histories.types)
    if not totals[histories.receivers].any():
        totals = np.bincount(histories.kinds, minlength=histories.types).astype(np.float64)
    return int(np.argmax(np.where(histories.receivers, totals, -1.0)))


def deviance(happened: Floats, expected: Floats) -> float:
    p = np.maximum(expected, 1e-6)
    ratio = np.where(happened > 0, happened * np.log(np.maximum(happened, 1.0) / p), 0.0)
    return float(2 * (ratio - happened + p).mean())


def _days(histories: Histories, kind: int, day: int) -> Floats:
    """H: days with a purchase after the cut."""
    late = (histories.kinds == kind) & (histories.times > day) & histories.counted
    pairs = np.unique(np.stack([histories.owner[late], np.floor(histories.times[late]).astype(np.int64)]), axis=1)
    made: Floats = np.bincount(pairs[0], minlength=len(histories)).astype(np.float64)
    return made
