"""Worlds named after the essay's mechanisms, in pairs. One of each pair is the base; the other changes what it says."""

from __future__ import annotations

from typing import Final

import msgspec

from setaria.flywheel.simulate.world.parameters import WorldParameters

BASE: Final = WorldParameters()


def early_model(base: WorldParameters) -> WorldParameters:
    """Every product earns 18 % of its cost; there are no plans and no advertising. Things link as in the base."""
    brand = msgspec.structs.replace(base.brand, margins=0.18, plan_price=0, advertising=0)
    return msgspec.structs.replace(base, brand=brand)


def ecosystem_model(base: WorldParameters) -> WorldParameters:
    """The base: a phone earns 5 % of cost, partners' products 12 %, bands and lamps 20 %; plans and advertising."""
    return base


def closed(base: WorldParameters) -> WorldParameters:
    """Own products instead of partners': their whole margin stays, and 60 % of households, not 90 %, find theirs.

    Linkages need the brand's phone and nothing of other brands; with linkages, leaving is half as frequent.
    """
    return msgspec.structs.replace(base, brand=msgspec.structs.replace(base.brand, open=False))


def open_to_all(base: WorldParameters) -> WorldParameters:
    """The base: partners' products suit 90 % of households, half of their margin is the partners', any phone links."""
    return base


def stores_for_experience(base: WorldParameters) -> WorldParameters:
    """The base: 55 % of visits have a demo, and nobody urges."""
    return base


def stores_for_sales(base: WorldParameters) -> WorldParameters:
    """10 % of visits have a demo; the seller adds .8 to the utility of buying that day. No regret is assumed."""
    return msgspec.structs.replace(base, stores=msgspec.structs.replace(base.stores, demo=0.10, push=0.8))


def with_fans(base: WorldParameters) -> WorldParameters:
    """The base: 12 % of households are fans, who vote four times as often, talk thrice, gather, and pledge more."""
    return base


def without_fans(base: WorldParameters) -> WorldParameters:
    """Nobody is a fan; no gatherings, no crowdfunds."""
    people = msgspec.structs.replace(base.people, fans=0.0)
    brand = msgspec.structs.replace(base.brand, gathering_days=0, crowdfund_days=0)
    return msgspec.structs.replace(base, people=people, brand=brand)


PRESETS: Final = {
    "early_model": early_model,
    "ecosystem_model": ecosystem_model,
    "open": open_to_all,
    "closed": closed,
    "stores_for_experience": stores_for_experience,
    "stores_for_sales": stores_for_sales,
    "with_fans": with_fans,
    "without_fans": without_fans,
}


def preset(name: str, households: int = BASE.households, days: int = BASE.days) -> WorldParameters:
    """Raises KeyError."""
    return PRESETS[name](msgspec.structs.replace(BASE, households=households, days=days))
