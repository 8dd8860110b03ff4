"""The classical ways to credit what was earned to what came before, on the same facts as the model.

Every counted fact with a positive amount of one currency is divided among the touchpoints of its household strictly
before it and at most `lookback` days ago; what had nothing before it is credited to "" (nothing earlier). Each method's
credits add up to the same total, to the minor unit.

    last_touch   all to the touchpoint nearest to it; several at that time share equally
    first_touch  all to the touchpoint farthest away
    linear       equal parts to every earlier fact
    time_decay   an earlier fact's part halves with every HALF_LIFE days (off unless asked for)
    markov       in proportion to removal effects (markov.py), over all amounts with something earlier
    shapley      equal parts to every *distinct* touchpoint before it, which is the Shapley value (shapley.py)

None of them knows why a household bought: they credit whatever stood before, and heavy buyers have much standing
before. Surveys: Shao, Li, Data-driven multi-touch attribution models, KDD 2011; Berman, Beyond the last touch,
Marketing Science 37(5), 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from setaria.flywheel.answers import markov, shapley
from setaria.flywheel.answers.shares import allocate
from setaria.flywheel.arrays import Flags, Floats, Kinds, Whole
from setaria.flywheel.compiled import compiled
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.report.report import Compared, Explained, Loop, Sentence

METHODS: Final = ("last_touch", "first_touch", "linear", "markov", "shapley")
EVERY: Final = (*METHODS[:3], "time_decay", *METHODS[3:])
LOOKBACK: Final = 90.0  # days
HALF_LIFE: Final = 7.0  # days, of time_decay
_LAST, _FIRST, _COUNTS, _FADING = range(4)
_HOW: Final = {"last_touch": _LAST, "first_touch": _FIRST, "linear": _COUNTS, "time_decay": _FADING, "shapley": _COUNTS}
_NUMBERS: Final = 1 << 22  # weights in memory at a time, if no single household has more


def compare(
    histories: Histories,
    currency: int | None = None,
    lookback: float = LOOKBACK,
    methods: Sequence[str] = METHODS,
) -> list[Compared]:
    """One entry a method. `currency` is an index of the histories' currencies; None is that of the greatest total."""
    chosen = main_currency(histories) if currency is None else currency
    return [Compared(method, _named(histories, credited(histories, chosen, lookback, method))) for method in methods]


def main_currency(histories: Histories) -> int:
    """The index of the currency of the greatest total; 0 where there is none."""
    totals = [histories.total(each) for each in range(len(histories.currencies))]
    return int(np.argmax(totals)) if totals else 0


def earning(histories: Histories, currency: int) -> Flags:
    """N flags: the facts whose amounts are credited."""
    flags: Flags = histories.counted & (histories.currency == currency) & (histories.amounts > 0)
    return flags


def credited(histories: Histories, currency: int, lookback: float = LOOKBACK, method: str = "last_touch") -> Whole:
    """D x (D + 1) minor units: of each earner's amounts to each touchpoint; the last column is nothing earlier.

    Markov's credits are divided among touchpoints as a whole, then among earners by their amounts with something
    earlier.
    """
    flags, types = earning(histories, currency), histories.types
    if method == "markov":
        return _markov(histories, flags, lookback)
    table = np.zeros((types, types + 1), dtype=np.int64)
    before = np.concatenate([[0], np.cumsum(flags)])[histories.offsets]
    first = 0
    while first < len(histories):
        room = before[first] + max(_NUMBERS // max(types, 1), 1)
        after = max(int(np.searchsorted(before, room, side="right")) - 1, first + 1)
        rows = slice(int(histories.offsets[first]), int(histories.offsets[after]))
        chosen = np.flatnonzero(flags[rows]) + rows.start
        weights = np.zeros((len(chosen), types + 1))
        _weigh(
            histories.offsets[first : after + 1],
            histories.times,
            histories.kinds,
            flags,
            lookback,
            np.log(2) / HALF_LIFE if method == "time_decay" else 0.0,
            _HOW[method],
            weights,
        )
        if method == "shapley":
            weights = shapley.weights(weights)
        parts = allocate(weights, histories.amounts[chosen], types)
        np.add.at(table, histories.kinds[chosen].astype(np.int64), parts)
        first = after
    return table


def _markov(histories: Histories, flags: Flags, lookback: float) -> Whole:
    types = histories.types
    earlier = flags & _follows(histories, lookback)
    amounts = np.zeros((2, types), dtype=np.int64)
    for row, chosen in enumerate((flags & ~earlier, earlier)):
        np.add.at(amounts[row], histories.kinds[chosen].astype(np.int64), histories.amounts[chosen])
    effects = markov.removal_effects(markov.transitions(histories, flags, lookback))
    total = np.array([amounts[1].sum()], dtype=np.int64)
    touchpoints = allocate(np.append(effects, 0.0)[None, :], total, types)[0]
    # Both margins whole: fill the earners one after another from what the touchpoints have left.
    table = np.zeros((types, types + 1), dtype=np.int64)
    left = touchpoints.copy()
    for earner in range(types):
        if amounts[1, earner]:
            table[earner] = _taken(left, int(amounts[1, earner]))
            left -= table[earner]
    table[:, types] += amounts[0]
    return table


def _taken(left: Whole, amount: int) -> Whole:
    """`amount` out of `left`, in proportion, never more of a column than it has."""
    part: Whole = np.minimum(allocate(left[None, :].astype(np.float64), np.array([amount], dtype=np.int64), 0)[0], left)
    for column in range(len(left)):
        more = min(amount - int(part.sum()), int(left[column] - part[column]))
        part[column] += more
    return part


def _follows(histories: Histories, lookback: float) -> Flags:
    """N flags: a fact of the household stands strictly before it, at most `lookback` days ago."""
    times, owner = histories.times, histories.owner
    opens = np.ones(len(times), dtype=np.bool_)
    opens[1:] = (owner[1:] != owner[:-1]) | (times[1:] != times[:-1])
    first = np.maximum.accumulate(np.where(opens, np.arange(len(times)), 0))  # of the facts at the same time
    previous = np.maximum(first - 1, 0)
    flags: Flags = (first > 0) & (owner[previous] == owner) & (times[previous] >= times - lookback)
    return flags


def _named(histories: Histories, table: Whole) -> dict[str, int]:
    sums = [int(each) for each in table.sum(axis=0)]
    return dict(zip((*histories.names, ""), sums, strict=True))


@compiled
def _leave(
    times: Floats,
    kinds: Kinds,
    low: int,
    here: int,
    since: float,
    now: float,
    rate: float,
    counts: Whole,
    inside: Floats,
) -> int:
    """Takes the facts from `low` on that are older than `since` out of the window; where the window begins now."""
    while low < here and times[low] < since:
        kind = kinds[low]
        counts[kind] -= 1
        inside[kind] -= np.exp(-rate * (now - times[low]))
        if counts[kind] == 0:
            inside[kind] = 0.0  # nor any rounding error
        low += 1
    return low


@compiled
def _weigh(
    offsets: Whole,
    times: Floats,
    kinds: Kinds,
    flags: Flags,
    lookback: float,
    rate: float,
    how: int,
    weights: Floats,
) -> None:
    """Rows of weights of the flagged facts, in order. Each fact enters and leaves its household's window once."""
    types = weights.shape[1] - 1
    row = 0
    for household in range(len(offsets) - 1):
        here, stop = offsets[household], offsets[household + 1]
        low, opened = here, here - 1
        counts = np.zeros(types, dtype=np.int64)
        inside, nearest, farthest = np.zeros(types), np.zeros(types), np.zeros(types)
        before = times[here] if here < stop else 0.0
        while here < stop:
            now, after = times[here], here
            inside *= np.exp(-rate * (now - before))
            low = _leave(times, kinds, low, here, now - lookback, now, rate, counts, inside)
            if how == _FIRST and low < here and low != opened:
                opened = low
                farthest[:] = 0.0
                while opened < here and times[opened] == times[low]:
                    farthest[kinds[opened]] += 1.0
                    opened += 1
                opened = low
            while after < stop and times[after] == now:
                if flags[after]:
                    if low < here:
                        weights[row, :types] = nearest if how == _LAST else farthest if how == _FIRST else inside
                    row += 1
                after += 1
            nearest[:] = 0.0
            for each in range(here, after):
                counts[kinds[each]] += 1
                inside[kinds[each]] += 1.0
                nearest[kinds[each]] += 1.0
            here, before = after, now


def differences(
    histories: Histories,
    compared: Sequence[Compared],
    explained: Explained | None = None,
    loops: Sequence[Loop] = (),
    currency: int | None = None,
    lookback: float = LOOKBACK,
) -> list[Sentence]:
    """Why last touch and its like differ from the model, as far as these facts show; each with its figures.

    The model's credits are the entry `flywheel_parent` of `compared`. `explained.parents` tells self-repeat apart.
    """
    by_method = {each.method: each.credits for each in compared}
    model = by_method.get("flywheel_parent")
    chosen = main_currency(histories) if currency is None else currency
    table = credited(histories, chosen, lookback)
    total = int(table.sum())
    if model is None or total <= 0:
        return []
    touched = 1 - int(table[:, -1].sum()) / total
    reasons = [
        *_heavy(histories, chosen, lookback, touched, 1 - model.get("", 0) / max(sum(model.values()), 1)),
        *_repeated(histories, table, explained),
        *_sent(histories, chosen, table, model),
        *_looped(loops),
    ]
    return reasons or [Sentence("flywheel.differs_little")]


def _heavy(histories: Histories, currency: int, lookback: float, touched: float, model: float) -> list[Sentence]:
    if touched - model < 0.05:
        return []
    flags = earning(histories, currency)
    facts = np.diff(histories.offsets)
    most = np.zeros(len(histories), dtype=np.bool_)
    most[np.argsort(-facts, kind="stable")[: -(-len(histories) // 10)]] = True
    credited_here = flags & _follows(histories, lookback)
    amounts = np.where(credited_here, histories.amounts, 0)
    part = float(amounts[most[histories.owner]].sum()) / max(int(amounts.sum()), 1)
    details = {"last": {"share": touched}, "model": {"share": model}, "part": {"share": part}}
    return [Sentence("flywheel.differs_by_heavy_buyers", details, "careful")]


def _repeated(histories: Histories, table: Whole, explained: Explained | None) -> list[Sentence]:
    if explained is None:
        return []
    total = int(table.sum())
    gaps = [
        int(table[kind, kind]) - explained.parents.get(name, {}).get(name, 0)
        for kind, name in enumerate(histories.names)
    ]
    kind = int(np.argmax(gaps))
    if gaps[kind] < 0.05 * total:
        return []
    name = histories.names[kind]
    model = explained.parents.get(name, {}).get(name, 0) / total
    details = {"touchpoint": name, "last": {"share": float(table[kind, kind]) / total}, "model": {"share": model}}
    return [Sentence("flywheel.differs_by_repeat", details, "careful")]


def _sent(histories: Histories, currency: int, table: Whole, model: dict[str, int]) -> list[Sentence]:
    total, whole = int(table.sum()), max(sum(model.values()), 1)
    owner, flags = histories.owner, earning(histories, currency)
    bought = np.bincount(owner[flags], minlength=len(histories))
    often = bought > np.median(bought)
    sentences = []
    for kind, touchpoint in enumerate(histories.touchpoints):
        last, fitted = float(table[:, kind].sum()) / total, model.get(touchpoint.name, 0) / whole
        if touchpoint.receives or last - fitted < 0.02 or not often.any() or often.all():
            continue
        got = np.bincount(owner[histories.kinds == kind], minlength=len(histories))
        more, less = float(got[often].mean()), float(got[~often].mean())
        if more > 1.1 * less:
            details = {
                "touchpoint": touchpoint.name,
                "last": {"share": last},
                "model": {"share": fitted},
                "times": more / less if less else "∞",
            }
            sentences.append(Sentence("flywheel.differs_by_sent", details, "careful"))
    return sentences


def _looped(loops: Sequence[Loop]) -> list[Sentence]:
    """The strongest stands for all."""
    sure = [loop for loop in loops if loop.sure and len(loop.members) > 1]
    if not sure:
        return []
    most = max(sure, key=lambda loop: loop.strength.value)
    details = {"touchpoints": list(most.members), "strength": f"{most.strength.value:.2f}"}
    return [Sentence("flywheel.differs_by_loop", details)]
