"""Shapley values of touchpoints, exact for any number of them.

The game: a coalition S of touchpoints earns v(S), the amounts of all earning facts whose earlier touchpoints (as a
set) all lie in S. It is a sum of unanimity games, one for each distinct set T with the amount a_T, and the Shapley
value of a unanimity game divides a_T equally among the members of T (Shapley, A value for n-person games, 1953). So

    phi_s = sum over T containing s of a_T / |T|

with no sum over 2^D coalitions and nothing sampled: Zhao, Mahboobi, Bagheri, Shapley value methods for attribution
modeling in online advertising, arXiv:1804.05327, 2018.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from math import factorial

from setaria.flywheel.arrays import Floats


def weights(counts: Floats) -> Floats:
    """Rows of how often each touchpoint came before -> rows of Shapley weights: 1 for each that came at all."""
    present: Floats = (counts > 0).astype(counts.dtype)
    return present


def by_coalitions(amounts: Mapping[frozenset[int], int], touchpoints: int) -> list[float]:
    """The definition itself, over all 2^D coalitions: a yardstick for few touchpoints. Amounts are by set of them."""

    def worth(coalition: frozenset[int]) -> int:
        return sum(amount for members, amount in amounts.items() if members and members <= coalition)

    values = []
    for one in range(touchpoints):
        others = [other for other in range(touchpoints) if other != one]
        value = 0.0
        for size in range(touchpoints):
            weight = factorial(size) * factorial(touchpoints - size - 1) / factorial(touchpoints)
            for chosen in combinations(others, size):
                coalition = frozenset(chosen)
                value += weight * (worth(coalition | {one}) - worth(coalition))
        values.append(value)
    return values
