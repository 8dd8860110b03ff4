"""The digamma and trigamma functions, which compiled code lacks."""

from __future__ import annotations

import math

from setaria.flywheel.compiled import compiled


@compiled
def digamma(x: float) -> float:
    """Recurrence up to 8, then the asymptotic series (Abramowitz and Stegun 6.3.5, 6.3.18); x > 0; to 1e-12."""
    lifted = 0.0
    while x < 8.0:
        lifted -= 1.0 / x
        x += 1.0
    square = 1.0 / (x * x)
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square * (1 / 240 - square / 132))))
    return lifted + math.log(x) - 0.5 / x - series


@compiled
def trigamma(x: float) -> float:
    """As `digamma` (Abramowitz and Stegun 6.4.6, 6.4.12)."""
    lifted = 0.0
    while x < 8.0:
        lifted += 1.0 / (x * x)
        x += 1.0
    square = 1.0 / (x * x)
    series = 1 / 6 - square * (1 / 30 - square * (1 / 42 - square * (1 / 30 - square * 5 / 66)))
    return lifted + 1.0 / x + 0.5 * square + series * square / x
