"""The five specifications, each adding to the one before, and how well each foretells households it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from setaria.flywheel.answers.loops import flywheel_number
from setaria.flywheel.answers.value import value
from setaria.flywheel.arrays import Floats
from setaria.flywheel.fit.choose import held_out, split
from setaria.flywheel.fit.fitted import Fitted
from setaria.flywheel.fit.flywheel import Flywheel
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import Specification
from setaria.flywheel.report.report import Specified

NAMES: Final = ("naive", "shared", "own", "churn", "calendar")


def ladder(specification: Specification) -> dict[str, Specification]:
    """Naive, + shared frailty, + own, + churn, + calendar; decays and sent means as in `specification`."""
    steps = {"shared": False, "own": False, "churn": False, "calendar": False}
    made = {"naive": msgspec.structs.replace(specification, **steps)}
    for name in NAMES[1:]:
        steps[name] = True
        made[name] = msgspec.structs.replace(specification, **steps)
    return made


@dataclass(frozen=True, slots=True)
class Rungs:
    """`held_out`: log-likelihoods of the households held out, of which `counted` facts are asked for."""

    fitted: dict[str, Fitted]
    held_out: dict[str, Floats]
    counted: int

    def specified(self, currency: int) -> list[Specified]:
        made = []
        best = max(self.held_out.values(), key=lambda each: float(each.sum()), default=np.zeros(0))
        for name, fit in self.fitted.items():
            seen = self.held_out.get(name)
            number = fit.estimates(flywheel_number, floor=0.0)[0]
            values = (
                value(fit.parameters, fit.mean_amounts).reshape(fit.mean_amounts.shape)
                if fit.mean_amounts.size
                else np.zeros((1, 0))
            )
            made.append(
                Specified(
                    name,
                    number,
                    fit.log_likelihood,
                    None if seen is None else float(seen.sum()) / self.counted,
                    [float(each) for each in values[currency]] if len(values) else [],
                    0.0 if seen is None else float(np.std(best - seen) * np.sqrt(len(seen))) / self.counted,
                )
            )
        return made


def climb_ladder(
    histories: Histories,
    specification: Specification,
    *,
    names: tuple[str, ...] = NAMES,
    workers: int | None = None,
    told: Callable[[str, float], None] | None = None,
) -> Rungs:
    """Fits the named specifications, each from where the one before ended; held-out figures on a part of households."""
    parts, split_at = split(histories)
    rates = np.array(specification.decays, dtype=np.float64)
    fitted: dict[str, Fitted] = {}
    seen: dict[str, Floats] = {}
    last: Fitted | None = None
    for at, (name, each) in enumerate((name, each) for name, each in ladder(specification).items() if name in names):
        if told:
            told(f"flywheel.progress_{name}", at / len(names))
        # From naive to frailty the old excitation is far too strong: a fresh start is nearer.
        last = Flywheel(each, workers=workers).fit(histories, start=last if at > 1 else None)
        fitted[name] = last
        if len(histories) >= 50 and parts[1].counted.any():
            seen[name], _ = held_out(parts, split_at, each, rates, last.parameters)
    return Rungs(fitted, seen, max(int(parts[1].counted.sum()), 1))
