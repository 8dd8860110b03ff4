"""Suppliers' batches: what a unit costs falls with all that was ever made, and a price follows its cost."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import msgspec
import numpy as np

from setaria.flywheel.arrays import Whole
from setaria.flywheel.simulate.world.parameters import WorldParameters
from setaria.flywheel.simulate.world.products import Product


class Batch(msgspec.Struct, frozen=True):
    day: int
    product: int
    units: int
    cost: int  # fen, of all
    made: float  # units ever made, this batch included


def unit_cost(product: Product, made: float, launched: float) -> float:
    """Fen; `launched`: units that had been made at launch."""
    return product.launch_cost * math.pow(made / launched, math.log2(1 - product.learning))


@dataclass(slots=True)
class Shelf:
    """One product's stock at its average cost; whole fen, so that cost of sales and stock add up to the batches."""

    product: int
    about: Product
    launched: float
    made: float
    units: int = 0
    value: int = 0
    sold: int = 0
    lately: float = 0.0  # units a day, forgetting over a month
    batches: list[Batch] = field(default_factory=list)

    def fill(self, day: int, days: int, least: int) -> None:
        """Orders for `days` of sales, and `least` at least, when fewer than a week of sales are left."""
        if self.units <= 7 * self.lately or self.units < least:
            self.order(day, max(math.ceil(days * self.lately), least))

    def order(self, day: int, units: int) -> None:
        self.made += units
        cost = round(units * unit_cost(self.about, self.made, self.launched))
        self.units += units
        self.value += cost
        self.batches.append(Batch(day, self.product, units, cost, self.made))

    def take(self, day: int, units: int) -> Whole:
        """The cost of each unit sold; what is short is made at once."""
        if self.units < units:
            self.order(day, units - self.units)
        cost = self.value * units // self.units
        self.units -= units
        self.value -= cost
        self.sold += units
        each, more = divmod(cost, units)
        return each + (np.arange(units) < more)

    def close(self, sold: int) -> None:
        """The end of a day on which so many were sold."""
        self.lately += (sold - self.lately) / 30

    def price(self, margin: float, passes_on: float) -> int:
        """Whole yuan, in fen."""
        now = self.value / self.units if self.units else unit_cost(self.about, self.made, self.launched)
        basis = self.about.launch_cost * (1 - passes_on) + now * passes_on
        return max(round(basis * (1 + margin) / 100), 1) * 100


def shelves(parameters: WorldParameters) -> list[Shelf]:
    made = [product.launch_made * parameters.households for product in parameters.products]
    return [Shelf(place, product, made[place], made[place]) for place, product in enumerate(parameters.products)]


def margins(parameters: WorldParameters) -> list[float]:
    flat = parameters.brand.margins
    return [product.margin if flat is None else flat for product in parameters.products]
