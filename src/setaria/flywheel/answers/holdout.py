"""How large a holdout must be, and what effect a given number of households could show.

n households, the part s of them treated by lot, outcome variance v in both arms, of which the outcome of the time
before explains the part r^2. The difference of means has the variance

    V = v (1 - r^2) (1 / (n s) + 1 / (n (1 - s))) = v (1 - r^2) / (n s (1 - s)).

A two-sided test at level a finds the effect e when |difference| > t sqrt(V), so with d = e / sqrt(V), T the noncentral
Student distribution of n - 2 degrees of freedom,

    power = 1 - T_d(t) + T_d(-t)      and, while the lower tail is nothing and n is large,
    n     = (z_(1-a/2) + z_power)^2 v (1 - r^2) / (s (1 - s) e^2)

(Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd ed., 1988; the same as statsmodels' TTestIndPower
with the ratio (1 - s) / s). The numbers here come from the first line, by search.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from setaria.facts.refused import Refused
from setaria.flywheel.answers.experiments import Asked, outcomes
from setaria.flywheel.arrays import Floats
from setaria.flywheel.histories.histories import Histories

MOST: Final = 1 << 40  # households: beyond, no holdout will do
_NORMAL: Final = 2000  # degrees of freedom from which Student's distribution is the normal one


class Outcome(msgspec.Struct, frozen=True):
    """What households did in the last `horizon` days of their windows, and how well the time before tells it."""

    horizon: float
    households: int
    mean: float
    variance: float
    correlation: float = 0.0  # between the two times; 0 where the windows are too short to know


class Holdout(msgspec.Struct, frozen=True):
    households: int
    treated: int
    held: int
    effect: float
    power: float


def seen(histories: Histories, asked: Asked | None = None) -> Outcome:
    """From the households watched for at least the horizon; the correlation from those watched twice as long."""
    asked = asked or Asked()
    watched = histories.end - histories.start
    chosen = np.flatnonzero(watched >= asked.horizon)
    if chosen.size < 2:
        raise Refused("flywheel_holdout_too_short", days=f"{asked.horizon:g}")
    after, before = outcomes(histories, chosen, histories.end[chosen] - asked.horizon, asked)
    long = watched[chosen] >= 2 * asked.horizon
    return Outcome(
        horizon=asked.horizon,
        households=int(chosen.size),
        mean=float(after.mean()),
        variance=float(after.var(ddof=1)),
        correlation=_correlation(after[long], before[long]),
    )


def _correlation(one: Floats, other: Floats) -> float:
    if len(one) < 10 or not np.ptp(one) or not np.ptp(other):
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def power(
    households: int, effect: float, variance: float, share: float = 0.5, correlation: float = 0.0, alpha: float = 0.05
) -> float:
    """The chance that the interval of 1 - alpha leaves out 0."""
    from scipy import stats

    _sound(variance, share, correlation, alpha)
    freedom = households - 2
    if freedom < 1:
        return 0.0
    if variance == 0 or abs(correlation) == 1:
        return 1.0 if effect else alpha
    away = abs(effect) * (households * share * (1 - share) / (variance * (1 - correlation**2))) ** 0.5
    if freedom > _NORMAL:
        far = float(stats.norm.ppf(1 - alpha / 2))
        return float(stats.norm.sf(far - away) + stats.norm.cdf(-far - away))
    far = float(stats.t.ppf(1 - alpha / 2, freedom))
    return min(1.0, float(stats.nct.sf(far, freedom, away) + stats.nct.cdf(-far, freedom, away)))


def needed(
    effect: float,
    variance: float,
    share: float = 0.5,
    correlation: float = 0.0,
    alpha: float = 0.05,
    wanted: float = 0.8,
) -> Holdout:
    """The fewest households that find `effect` with the chance `wanted`."""
    _sound(variance, share, correlation, alpha)
    if not effect or not np.isfinite(effect) or not alpha < wanted < 1:
        raise Refused("flywheel_holdout_effect", effect=effect, power=wanted)

    def enough(households: int) -> bool:
        return power(households, effect, variance, share, correlation, alpha) >= wanted

    high = 4
    while not enough(high):
        high *= 2
        if high > MOST:
            raise Refused("flywheel_holdout_too_large", effect=effect)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    treated = min(max(round(high * share), 1), high - 1)
    return Holdout(high, treated, high - treated, effect, power(high, effect, variance, share, correlation, alpha))


def detectable(
    households: int,
    variance: float,
    share: float = 0.5,
    correlation: float = 0.0,
    alpha: float = 0.05,
    wanted: float = 0.8,
) -> Holdout:
    """The smallest effect that so many households find with the chance `wanted`."""
    from scipy import optimize

    _sound(variance, share, correlation, alpha)
    if households < 4 or not alpha < wanted < 1:
        raise Refused("flywheel_holdout_too_few", households=households)
    scale = (variance * (1 - correlation**2) / (households * share * (1 - share))) ** 0.5
    effect = 0.0
    if scale:
        effect = scale * float(
            optimize.brentq(
                lambda x: power(households, x * scale, variance, share, correlation, alpha) - wanted, 0, 100
            )
        )
    treated = min(max(round(households * share), 1), households - 1)
    return Holdout(households, treated, households - treated, effect, wanted)


def _sound(variance: float, share: float, correlation: float, alpha: float) -> None:
    if not (0 <= variance < np.inf and 0 < share < 1 and -1 <= correlation <= 1 and 0 < alpha < 1):
        raise Refused("flywheel_holdout_numbers")
