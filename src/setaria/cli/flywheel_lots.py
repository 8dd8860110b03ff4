"""Who got what by lot, and what is asked of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setaria.cli.terminal import usage

if TYPE_CHECKING:
    from setaria.flywheel.histories.histories import Histories


@dataclass(frozen=True, slots=True)
class Lots:
    """What was typed; empty or 0 where nothing was."""

    file: Path | None
    control: str
    days: float
    outcome: str
    unit: str
    absent_is_zero: bool

    def check(self) -> None:
        """Before the long work."""
        if self.unit not in ("", "amount", "facts"):
            raise usage("--outcome-unit", self.unit)
        if not 0 <= self.days < math.inf:
            raise usage("--horizon-days", self.days)
        asked = {
            "--control": self.control,
            "--horizon-days": self.days,
            "--outcome": self.outcome,
            "--outcome-unit": self.unit,
            "--absent-is-zero": self.absent_is_zero,
        }
        for option, given in asked.items():
            if given and self.file is None:  # it would do nothing
                raise usage(option, given)

    def read(self, histories: Histories, zone: str) -> dict[str, Any]:
        """What `analyse` is told. Raises Refused."""
        if self.file is None:
            return {}
        from setaria.flywheel.answers.experiments import HORIZON, Asked, Unit, usual_unit
        from setaria.flywheel.histories.assignments import CONTROL
        from setaria.flywheel.histories.assignments_in import read_assignments

        units: dict[str, Unit] = {"amount": "amount", "facts": "facts"}
        asked = Asked(
            horizon=self.days or HORIZON,
            unit=units.get(self.unit) or usual_unit(histories),
            touchpoint=self.outcome or None,
            control=self.control or CONTROL,
            absent_is_zero=self.absent_is_zero,
        )
        given = read_assignments(self.file, zone=zone, grain=histories.grain, day_shift=histories.day_shift)
        return {"assignments": given, "asked": asked}
