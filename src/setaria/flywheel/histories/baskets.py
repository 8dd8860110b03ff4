"""Lines of one basket are one fact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from setaria.flywheel.arrays import Flags, Whole


@dataclass(frozen=True, slots=True)
class Lines:
    """Columns of one length. `basket` is -1 where there is none, `currency` -1 where there is no amount."""

    household: Whole
    kind: Whole
    tick: Whole
    basket: Whole
    currency: Whole
    amount: Whole
    role: Whole
    row: Whole

    def __len__(self) -> int:
        return len(self.tick)

    def at(self, chosen: Whole | None) -> Lines:
        """`chosen` None is all of them. Columns of a single repeated value stay so."""
        if chosen is None:
            return self
        columns = (getattr(self, name) for name in self.__dataclass_fields__)
        return Lines(*(each[chosen] if each.strides[0] else np.broadcast_to(each[:1], len(chosen)) for each in columns))


def ordered(*keys: Whole) -> Whole | None:
    """Indices in ascending order of the first key, among equals of the second, and so on; stable. None: they are so."""
    if len(keys[0]) < 2:
        return None
    packed, room = [np.zeros(len(keys[0]), dtype=np.int64)], 1
    for key in keys[::-1]:  # as few keys as 63 bits allow: the last of them first
        low = int(key.min())
        span = int(key.max()) - low + 1
        if room * span >= 2**63:
            packed.append(np.zeros(len(key), dtype=np.int64))
            room = 1
        packed[-1] += (key - low) * room
        room *= span
    risen = np.ones(len(keys[0]) - 1, dtype=np.bool_)
    for each in packed:
        step = np.diff(each)
        risen = (step > 0) | ((step == 0) & risen)
    if risen.all():
        return None
    return np.argsort(packed[0], kind="stable") if len(packed) == 1 else np.lexsort(packed)


def merged(lines: Lines) -> Lines:
    """One fact for the lines of a household and touchpoint with the same basket, or, without baskets, the same time.

    Its time, role and row are those of the first line. Currencies stay apart; lines without an amount join any.
    """
    if not len(lines):
        return lines
    baskets = bool((lines.basket >= 0).any())
    if baskets:
        unit = np.where(lines.basket >= 0, -1 - lines.basket, lines.tick)
        order = ordered(lines.household, lines.kind, unit, lines.tick)
        unit = unit if order is None else unit[order]
    else:
        order = ordered(lines.household, lines.tick, lines.kind)
    sorted_ = lines.at(order)
    new = _new(sorted_.household, sorted_.kind, unit if baskets else sorted_.tick)
    if (sorted_.currency != sorted_.currency[0]).any():
        group = np.cumsum(new) - 1
        some = np.where(sorted_.currency < 0, 127, sorted_.currency)
        least = np.minimum.reduceat(some, np.flatnonzero(new))[group]
        currency = np.where((sorted_.currency < 0) & (least < 127), least, sorted_.currency)
        again = ordered(group, currency, sorted_.tick)
        if again is not None:
            sorted_, currency, group = sorted_.at(again), currency[again], group[again]
        new = _new(group, currency)
    else:
        currency = sorted_.currency
    first = np.flatnonzero(new)
    facts = sorted_.at(None if len(first) == len(new) else first)
    amount = np.add.reduceat(sorted_.amount, first)
    return Lines(facts.household, facts.kind, facts.tick, facts.basket, currency[first], amount, facts.role, facts.row)


def _new(*keys: Whole) -> Flags:
    """Flags: the first row of each run of equal keys."""
    new = np.zeros(len(keys[0]), dtype=np.bool_)
    new[:1] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return new
