"""Direct and induced amounts of kinds of households and of facts; every table adds up to its input, to the minor unit.

The caller says what is direct and what is induced, one whole amount a fact. Two readings are in use: a fact's own
amount beside what later facts brought on its credit (credit goes back to who began it), or the part of a fact's amount
that nothing earlier explains beside the part that something does (over the household's age: early by itself, later
induced).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.report.report import Handed, Segment

MONTH: Final = 365.25 / 12  # days
Period = Literal["month", "quarter"]


def direct(histories: Histories, currency: int) -> Whole:
    """N: each fact's own amount, 0 in other currencies."""
    amounts: Whole = np.where(histories.currency == currency, histories.amounts, 0).astype(np.int64)
    return amounts


def by_role(histories: Histories, own: Whole, induced: Whole) -> list[Segment]:
    """By the role of each fact's actor; "" where none is known."""
    if histories.roles is None:
        return []
    label = np.where(histories.roles < 0, len(histories.role_names), histories.roles).astype(np.int64)
    return _segments("role", (*histories.role_names, ""), label, histories, own, induced, None)


def by_cohort(histories: Histories, own: Whole, induced: Whole, period: Period = "month") -> list[Segment]:
    """By when the household's window opened: `2024-03` or `2024-Q1`, the earliest first."""
    months = np.floor(histories.start).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    kept, which = np.unique(months if period == "month" else months // 3, return_inverse=True)
    names = [_month(each) if period == "month" else _quarter(each) for each in kept.tolist()]
    return _of_households("cohort", names, which.astype(np.int64), histories, own, induced)


def by_entry(histories: Histories, own: Whole, induced: Whole) -> list[Segment]:
    """By the touchpoint of the household's first fact that was not sent to it; "" where there is none."""
    entry = np.full(len(histories), histories.types, dtype=np.int64)
    where = np.flatnonzero(histories.receivers[histories.kinds])
    households, first = np.unique(histories.owner[where], return_index=True)
    entry[households] = histories.kinds[where[first]]
    return _of_households("entry", (*histories.names, ""), entry, histories, own, induced)


def by_age(histories: Histories, own: Whole, induced: Whole, months: int = 120) -> list[Segment]:
    """By the household's age in months since its window opened, as "0", "1", ...; the last holds all that is older.

    `households` are those watched at that age, so amounts can be told per household. Facts from before are of age 0.
    """
    since = histories.times - histories.start[histories.owner]
    age = np.clip(np.floor(since / MONTH), 0, months - 1).astype(np.int64)
    watched = np.clip(np.ceil((histories.end - histories.start) / MONTH), 1, months).astype(np.int64)
    after = np.bincount(watched, minlength=months + 1)
    known = len(histories) - np.cumsum(after)[:months]  # households watched beyond each age's first day
    names = [str(each) for each in range(months)]
    return _segments("age", names, age, histories, own, induced, known)


def handed(role_names: Sequence[str], amounts: Whole, facts: Floats) -> list[Handed]:
    """What one role begins and another goes on with, from (R + 1) x (R + 2) credits, the greatest amount first.

    Rows are the roles of the facts' actors and none known; columns those of their parents', and nothing earlier. The
    sum of all amounts is kept. Nothing where no fact has a role.
    """
    if not role_names:
        return []
    children = (*role_names, "")
    parents = (*children, None)
    made = [
        Handed(parent, child, float(facts[c, p]), int(amounts[c, p]))
        for c, child in enumerate(children)
        for p, parent in enumerate(parents)
        if amounts[c, p] or facts[c, p] > 0
    ]
    return sorted(made, key=lambda each: (-each.amount, -each.facts))


def _of_households(
    by: str, names: Sequence[str], which: Whole, histories: Histories, own: Whole, induced: Whole
) -> list[Segment]:
    known = np.bincount(which, minlength=len(names))
    return _segments(by, names, which[histories.owner], histories, own, induced, known)


def _segments(
    by: str,
    names: Sequence[str],
    label: Whole,
    histories: Histories,
    own: Whole,
    induced: Whole,
    known: Whole | None,
) -> list[Segment]:
    """Without `known`, a segment's households are those with a fact in it. Empty segments are left out."""
    size = len(names)
    facts = np.bincount(label, minlength=size)
    if known is None:
        pairs = np.unique(histories.owner * size + label)
        known = np.bincount(pairs % size, minlength=size)
    sums = [_sums(label, each, size) for each in (own, induced)]
    return [
        Segment(by, name, int(known[k]), int(facts[k]), int(sums[0][k]), int(sums[1][k]))
        for k, name in enumerate(names)
        if facts[k] or known[k]
    ]


def _sums(label: Whole, amounts: Whole, size: int) -> Whole:
    # Not bincount, whose weights are floats.
    sums = np.zeros(size, dtype=np.int64)
    np.add.at(sums, label, amounts)
    return sums


def _month(months: int) -> str:
    return f"{1970 + months // 12}-{months % 12 + 1:02}"


def _quarter(quarters: int) -> str:
    return f"{1970 + quarters // 4}-Q{quarters % 4 + 1}"
