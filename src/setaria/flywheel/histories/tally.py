"""The counting of rows and money while they are read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from setaria.facts.refused import Refused
from setaria.flywheel.arrays import Bytes, Flags, Whole
from setaria.flywheel.histories.rows import EXAMPLES, Amounts, BadRow, RowsRead
from setaria.flywheel.report.report import Sentence
from setaria.money import EXPONENTS

CODES: Final = tuple(sorted(EXPONENTS))  # a currency is its place here until the histories are made
SHOWN: Final = 40  # characters of a bad value that are shown
_MOST: Final = 2**63 - 1


class Understood(RowsRead):
    """`understood`: what was taken for granted about the input, in words (flywheel.understood_*)."""

    understood: list[Sentence] = []


def exact_sum(amounts: Whole) -> int:
    """Without the overflow of a sum of 64 bits."""
    return (int((amounts >> 32).sum()) << 32) + int((amounts & 0xFFFFFFFF).sum())


class Tally:
    def __init__(self) -> None:
        self.rows = Understood()
        self.troubles: dict[str, int] = {}
        self._examples: dict[str, list[BadRow]] = {}
        self._sums: dict[str, dict[str, int]] = {}
        self._size: dict[str, int] = {}

    def trouble(self, name: str, count: int, examples: Iterable[tuple[str, str]]) -> None:
        """`examples`: where and what is shown; no more of them are looked at than are listed."""
        if not count:
            return
        self.troubles[name] = self.troubles.get(name, 0) + count
        listed = self._examples.setdefault(name, [])
        for (place, shown), _ in zip(examples, range(EXAMPLES - len(listed)), strict=False):
            listed.append(BadRow(place, name, shown if len(shown) <= SHOWN else shown[: SHOWN - 1] + "…"))

    def room(self, name: str) -> int:
        """How many more examples of this trouble would be listed."""
        return EXAMPLES - len(self._examples.get(name, ()))

    def money(self, bucket: str, amounts: Whole, currency: Bytes, chosen: Flags | None = None) -> None:
        """Add to a field of Amounts; currencies are places in CODES, rows below 0 carry no amount."""
        inside = currency >= 0 if chosen is None else chosen & (currency >= 0)
        for code in np.flatnonzero(np.bincount(currency[inside], minlength=1)):
            these = amounts[inside & (currency == code)]
            sums = self._sums.setdefault(CODES[code], {})
            sums[bucket] = sums.get(bucket, 0) + exact_sum(these)
            if bucket == "read":
                self._size[CODES[code]] = self._size.get(CODES[code], 0) + exact_sum(np.abs(these))

    def check_size(self) -> None:
        """Raises Refused("flywheel_amounts_too_large"): sums of 64 bits would not hold what was read."""
        for code, size in self._size.items():
            if size > _MOST:
                raise Refused("flywheel_amounts_too_large", currency=code)

    def understood(self, key: str, **details: Any) -> None:
        self.rows.understood.append(Sentence(f"flywheel.understood_{key}", details))

    def finish(self) -> Understood:
        """Raises AssertionError when money was lost on the way: that would be a defect of ours."""
        rows = self.rows
        rows.troubles = dict(sorted(self.troubles.items()))
        rows.examples = [each for name in rows.troubles for each in self._examples[name]]
        rows.amounts = [Amounts(code, **sums) for code, sums in sorted(self._sums.items())]
        for each in rows.amounts:
            assert each.read == each.kept + each.bad + each.outside + each.refunds_alone, each
        return rows
