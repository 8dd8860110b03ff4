"""Who got what by lot: what experiments are measured from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from setaria.flywheel.histories.rows import RowsRead

MAX_ASSIGNMENTS: Final = 5_000_000
CONTROL: Final = "control"  # the arm that the others are compared with, where nobody says otherwise


class Assignment(msgspec.Struct, frozen=True):
    """Who got what by lot. Give the probability of the arm that was drawn, or the stratum in which all were drawn."""

    experiment: str
    household: str
    arm: str
    at: float  # days since 1970-01-01 UTC
    probability: float | None = None
    stratum: str = ""


@dataclass(frozen=True, slots=True)
class Assignments:
    """`rows`: what became of every row of the input, the bad ones listed."""

    given: Sequence[Assignment]
    rows: RowsRead = field(default_factory=RowsRead)

    def __len__(self) -> int:
        return len(self.given)
