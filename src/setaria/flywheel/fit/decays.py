"""The two constants of each decay that depend on how finely time was stamped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from setaria.flywheel.arrays import Floats
from setaria.flywheel.histories.histories import Grain


@dataclass(frozen=True, slots=True)
class Decays:
    """`jumps` is a fact's weight in the intensity just after it, per day; `mass` is what later times can see of it.

    Exact stamps: beta exp(-beta t), mass 1. Whole days: an exponential delay from a fact placed evenly in its day falls
    n days later with probability (1 - q)^2 q^(n - 1) / beta for n >= 1, q = exp(-beta); 1 - (1 - q) / beta of it falls
    within the day, where it cannot be told from coincidence and is left to "together".
    """

    rates: Floats
    jumps: Floats
    mass: Floats

    @staticmethod
    def of(rates: Floats, grain: Grain) -> Decays:
        if grain == "exact":
            return Decays(rates, rates.copy(), np.ones_like(rates))
        q = np.exp(-rates)
        return Decays(rates, (1 - q) ** 2 / (rates * q), (1 - q) / rates)
