"""What one more fact of each touchpoint brings: all generations, no horizon, undiscounted.

    val = m + G^T m + (G^T)^2 m + ... = (I - G^T)^-1 m

G[d, s] is the expected number of direct children of type d of one fact of type s, m the mean amount of a fact. It is
the expectation of a multitype branching process's total progeny, weighted by m (Harris, "The Theory of Branching
Processes", 1963, ch. II). The series ends only where the flywheel number is below 1; elsewhere all figures are NaN, and
only values within a horizon can be said (`horizon`). Types that the brand sends have values like all others.

Assumed: induced facts carry the same mean amount as others. A count of facts times their value is not revenue: a fact
that another one led to would be counted in both.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from setaria.flywheel.answers.loops import radius
from setaria.flywheel.arrays import Floats
from setaria.flywheel.parameters import Parameters

CRITICAL: Final = 1e-9  # so near to 1, rounding would decide


def progeny(parameters: Parameters) -> Floats:
    """D x D: facts of each type (row) in the whole family of one fact of each type (column), itself counted.

    (I - G)^-1; NaN where families need not end.
    """
    g = parameters.branching
    if not radius(g) < 1.0 - CRITICAL:
        return np.full(g.shape, np.nan)
    return np.linalg.inv(np.eye(len(g)) - g).astype(np.float64)


def value(parameters: Parameters, mean_amounts: Floats) -> Floats:
    """(I - G^T)^-1 m, currency-major: C D minor units a fact."""
    return (mean_amounts @ progeny(parameters)).ravel()


def indirect(parameters: Parameters, mean_amounts: Floats) -> Floats:
    """(I - G^T)^-1 m - m, currency-major: C D minor units a fact, its own amount left out."""
    return (mean_amounts @ progeny(parameters) - mean_amounts).ravel()
