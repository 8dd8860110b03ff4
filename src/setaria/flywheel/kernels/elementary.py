"""Exponentials and logarithms of many numbers at once, in loops that the compiler turns into wide ones."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.compiled import fast

_LOG2: Final = math.log(2.0)
_LONGEST: Final = 700.0  # exp(-708) would be subnormal, which is slow
_ONE: Final = 1023 << 52  # the bits of 1.0
_FRACTION: Final = (1 << 52) - 1
_ROOT: Final = math.sqrt(2.0)


@fast
def fading(elapsed: Floats, rate: float, powers: Whole, into: Floats) -> None:
    """exp(-rate elapsed), as exact as the product is, in a third of the time of one call after another.

    2^n exp(r), |r| <= log(2) / 2, by the Taylor polynomial of degree 13, whose remainder is below 1e-17. `powers` is
    scratch.
    """
    for i in range(len(elapsed)):
        x = -min(rate * elapsed[i], _LONGEST)
        n = np.floor(x / _LOG2 + 0.5)
        r = x - n * _LOG2
        powers[i] = (np.int64(np.int32(n)) + 1023) << 52
        high = ((1 / 6227020800 * r + 1 / 479001600) * r + 1 / 39916800) * r + 1 / 3628800
        middle = (((high * r + 1 / 362880) * r + 1 / 40320) * r + 1 / 5040) * r + 1 / 720
        into[i] = (((((middle * r + 1 / 120) * r + 1 / 24) * r + 1 / 6) * r + 0.5) * r + 1.0) * r + 1.0
    scales = powers.view(np.float64)
    for i in range(len(elapsed)):
        into[i] *= scales[i]


@fast
def logarithms(values: Floats, powers: Whole, into: Floats) -> None:
    """Of normal numbers above 0, to 3e-16 of the greater of 1 and the logarithm. `powers` is scratch.

    n log 2 + 2 artanh((m - 1) / (m + 1)), 1 / sqrt(2) < m <= sqrt(2), by the series up to the 21st power, whose
    remainder is below 1e-17.
    """
    bits = values.view(np.int64)
    for i in range(len(values)):
        powers[i] = (bits[i] & _FRACTION) | _ONE
    fractions = powers.view(np.float64)
    for i in range(len(values)):
        n = np.float64(np.int32(bits[i] >> 52) - 1023)
        over = fractions[i] > _ROOT
        m = 0.5 * fractions[i] if over else fractions[i]
        n = n + 1.0 if over else n
        s = (m - 1.0) / (m + 1.0)
        z = s * s
        tail = (((1 / 21 * z + 1 / 19) * z + 1 / 17) * z + 1 / 15) * z + 1 / 13
        tail = ((((tail * z + 1 / 11) * z + 1 / 9) * z + 1 / 7) * z + 1 / 5) * z + 1 / 3
        into[i] = n * _LOG2 + 2.0 * s * (tail * z + 1.0)
