"""One world on one day: what its parts look at and change."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from setaria.flywheel.arrays import Flags, Floats, Whole
from setaria.flywheel.simulate.world.households import Households, Standing
from setaria.flywheel.simulate.world.luck import Luck
from setaria.flywheel.simulate.world.parameters import WorldParameters
from setaria.flywheel.simulate.world.products import PHONE
from setaria.flywheel.simulate.world.record import Recorder
from setaria.flywheel.simulate.world.supply import Shelf

EPOCH = date(1970, 1, 1)
SATURDAY = 5
FRIDAY = 4


@dataclass(frozen=True, slots=True)
class Train:
    day: int
    product: int
    level: float  # of the product's software, 0..1, once it is installed
    votes: int  # that it answered


@dataclass(slots=True)
class World:
    parameters: WorldParameters
    homes: Households
    now: Standing
    luck: Luck
    record: Recorder
    shelves: list[Shelf]
    margins: list[float]
    levels: Floats  # P: software the brand has ready
    votes: Floats  # P: since the last train
    day: int = 0
    prices: Whole = field(default_factory=lambda: np.zeros(0, dtype=np.int64))  # P, fen, this morning
    trains: list[Train] = field(default_factory=list)
    rush: float = 1.0  # weekend and shopping days
    promoted: int = 0  # the product of the last promotion
    train: tuple[int, float] | None = None  # last week's, which all but the ring still wait for

    @property
    def count(self) -> int:
        return len(self.homes)

    @property
    def products(self) -> range:
        return range(len(self.parameters.products))

    @property
    def date(self) -> date:
        return EPOCH + timedelta(days=self.parameters.first_day + self.day)

    def here(self) -> Flags:
        flags: Flags = (self.now.gone < 0) & (self.homes.arrives <= self.day)
        return flags

    def sells(self, product: int) -> bool:
        return self.parameters.has("purchase_" + self.parameters.products[product].name)

    def linkable(self) -> Whole:
        """H: pairs of different products that work in a home; in an open ecosystem things of other brands as well."""
        different = (self.now.own > 0).sum(axis=0)
        among = different * (different - 1) // 2
        if self.parameters.brand.open:
            reached: Whole = among + different * np.minimum(self.homes.others, 2)
            return reached
        held: Whole = np.where(self.now.own[PHONE] > 0, among, 0)
        return held

    def pay(self, who: Whole, amount: int) -> Whole:
        """Those of `who` who can, and now have."""
        able: Whole = who[self.now.budget[who] >= amount]
        self.now.budget[able] -= amount
        return able


def rush_of(parameters: WorldParameters, today: date) -> float:
    factor = parameters.weekend if today.weekday() >= SATURDAY else 1.0
    for month, first, days in parameters.shopping_days:
        if 0 <= (today - date(today.year, month, first)).days < days:
            factor *= parameters.shopping_rush
    return factor


def among(flags: Flags) -> Whole:
    """The indices of those who."""
    return np.flatnonzero(flags).astype(np.int64)


def likely(utility: Floats) -> Floats:
    """The logit choice: 0..1."""
    chance: Floats = 1.0 / (1.0 + np.exp(-utility))
    return chance
