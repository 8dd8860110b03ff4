"""What the brand sells. Prices are of the order of such things in China; every other figure is an assumption."""

from __future__ import annotations

from typing import Final

import msgspec


class Product(msgspec.Struct, frozen=True):
    """Cost of a unit by all that was made (Wright): launch_cost (made / launch_made)^-b, b = -log2(1 - learning).

    `launch_made` is in units per household of the world, so that a world of another size has the same prices.
    `partner`: made by an ecosystem company, which an open ecosystem has and a closed one replaces by fewer of its own.
    """

    name: str
    launch_cost: int  # fen
    learning: float  # share of the unit cost that a doubling of all that was made takes away
    launch_made: float
    margin: float  # of cost, in the ecosystem model
    quality: float  # satisfaction, 0..1, that its use leads to
    faults: float  # per unit and day, before any release
    lifetime: float  # days
    need: float  # per household and day, at average taste
    wanted: int  # units beyond which a household needs no more
    partner: bool = False


PHONE: Final = 0  # its place in CATALOGUE: linkages of a closed ecosystem and advertising rest on it
CAMERA: Final = 3  # plans rest on it
CATALOGUE: Final = (
    Product("phone", 172_000, 0.05, 0.50, 0.05, 0.62, 1 / 600, 900, 1 / 1_500, 2),
    Product("band", 14_000, 0.15, 0.20, 0.20, 0.58, 1 / 400, 700, 1 / 1_100, 3),
    Product("lamp", 9_500, 0.18, 0.20, 0.20, 0.64, 1 / 900, 1_800, 1 / 900, 6),
    Product("camera", 15_500, 0.16, 0.15, 0.12, 0.60, 1 / 500, 1_300, 1 / 1_500, 3, partner=True),
    Product("purifier", 62_000, 0.13, 0.12, 0.12, 0.66, 1 / 700, 2_000, 1 / 1_800, 2, partner=True),
)
