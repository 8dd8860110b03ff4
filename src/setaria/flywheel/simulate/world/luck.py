"""Chance, laid out so that two worlds that differ in one thing share all of their luck.

Every household has a number in [0, 1) for every day and every thing that may happen, drawn whether it is used or not.
A chance compared with it changes only what the difference between the worlds changes: common random numbers.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from setaria.flywheel.arrays import Floats, Whole

ONE: Final = (
    "visit", "demo", "link", "elder", "vote", "vote_pick", "gathering", "plan", "leave", "talk", "talk_pick",
    "talk_to", "promotion", "ring", "greeting",
)  # fmt: skip
EACH: Final = ("need", "buy", "pledge", "demo_pick", "fault", "wear", "repair")  # one for each product

Numbers = NDArray[np.float32]
PEOPLE, DAYS = 1, 2
MASK: Final = 2**64 - 1
GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
# The finaliser of SplitMix64 (Steele, Lea, Flood, 2014).
SPLIT_MIX: Final = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


class Luck:
    def __init__(self, seed: int, households: int, products: int) -> None:
        self.seed, self.households, self.products = seed, households, products
        self.rows = len(ONE) + products * len(EACH)
        self.drawn: Numbers = np.empty((self.rows, households), dtype=np.float32)

    def people(self) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence((self.seed, PEOPLE))))

    def hashed(self, *about: Whole | int) -> Floats:
        """For each row of `about` (of which one part at least is an array) a number in [0, 1) that depends on it
        alone: hours and roles, which change nothing."""
        mixed: NDArray[np.uint64] = np.array([self.seed & MASK], dtype=np.uint64)
        with np.errstate(over="ignore"):
            for part in about:
                mixed = mixed * GOLDEN + np.asarray(part).astype(np.uint64) + np.uint64(1)
                for shift, factor in SPLIT_MIX:
                    mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
            mixed = mixed ^ (mixed >> np.uint64(31))
        return np.asarray((mixed >> np.uint64(11)).astype(np.float64) / 2**53)

    def turn(self, day: int) -> None:
        chance = np.random.Generator(np.random.SFC64(np.random.SeedSequence((self.seed, DAYS, day))))
        chance.random(out=self.drawn, dtype=np.float32)

    def one(self, name: str) -> Numbers:
        numbers: Numbers = self.drawn[ONE.index(name)]
        return numbers

    def each(self, name: str) -> Numbers:
        """Products x households."""
        first = len(ONE) + EACH.index(name) * self.products
        return self.drawn[first : first + self.products]
