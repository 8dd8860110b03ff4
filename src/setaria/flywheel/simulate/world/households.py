"""Who lives in the world, and how it stands with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from setaria.flywheel.arrays import Flags, Floats, Whole
from setaria.flywheel.simulate.world.luck import Luck
from setaria.flywheel.simulate.world.parameters import WorldParameters
from setaria.flywheel.simulate.world.products import PHONE

MONTH = 30


@dataclass(frozen=True, slots=True)
class Households:
    """H households; P products. What does not change."""

    young: Whole  # members
    adults: Whole
    elders: Whole
    fan: Flags
    near: Flags
    spending: Whole  # fen a day
    taste: Floats  # P x H, mean 1; 0 where the range has nothing for them
    others: Whole  # things of other brands that a linkage could reach
    neighbours: Whole  # H x N
    arrives: Whole  # the day from which the brand reaches them
    phone_before: Flags
    phone_age: Whole  # days, of those

    def __len__(self) -> int:
        return len(self.young)


@dataclass(slots=True)
class Standing:
    """How it stands with each household, at the end of a day. P x H where it says so, else H."""

    budget: Whole  # fen, never negative
    need: Floats  # P x H, 0..2
    knowledge: Floats  # P x H, 0..1
    boost: Floats  # by the last promotion
    spark: Floats  # by the last release: something new to try
    own: Whole  # P x H, working things
    broken: Whole  # P x H
    bought: Whole  # P x H, day of the last purchase
    software: Floats  # P x H, 0..1: the level that is installed
    links: Whole
    elder: Flags  # an elder has begun to use what others started
    satisfaction: Floats  # 0..1
    gone: Whole  # the day it left without a word; -1 while it is here
    troubled: Floats  # faults of late
    voted: Whole  # the product it last voted for and has not heard of since; -1 is none
    planned: Whole  # day its plan ends; -1 without
    first: Whole  # day of the first purchase; -1 before
    advertised: Whole  # days with an active phone, in the first 90 days after the first purchase
    advertised_later: Whole


def settle(parameters: WorldParameters, luck: Luck) -> Households:
    people, count, products = parameters.people, parameters.households, parameters.products
    chance = luck.people()
    has_young = chance.random(count) < people.with_young
    young = np.where(has_young, 1 + (chance.random(count) < 0.3), 0).astype(np.int64)
    elders = np.where(chance.random(count) < people.with_elders, 1 + (chance.random(count) < 0.5), 0).astype(np.int64)
    share = people.fans / (people.with_young * 3 + (1 - people.with_young))
    fan = chance.random(count) < np.where(has_young, 3 * share, share)
    spending = people.spending * np.exp(people.spending_spread * chance.standard_normal(count)) / MONTH
    spread = people.taste_spread
    taste = np.exp(spread * chance.standard_normal((len(products), count)) - spread**2 / 2)
    suited = chance.random((len(products), count))
    reach = parameters.brand.range_open if parameters.brand.open else parameters.brand.range_closed
    fits = np.array([reach if product.partner else 1.0 for product in products])
    around = np.arange(count)
    ring = people.neighbours // 2
    steps = np.array([step for near in range(1, ring + 1) for step in (near, -near)][:ring], dtype=np.int64)
    anywhere = chance.integers(0, count, (count, people.neighbours - ring))
    phone_before = chance.random(count) < people.phone_before * np.where(has_young, 1.5, 0.73)
    days, shares = np.array(people.reach, dtype=np.float64).T
    arrives = np.ceil(np.interp(chance.random(count), shares, days)).astype(np.int64)
    return Households(
        young=young,
        adults=1 + (chance.random(count) < 0.7).astype(np.int64),
        elders=elders,
        fan=fan,
        near=chance.random(count) < people.near_store,
        spending=np.maximum(spending.astype(np.int64), 1),
        taste=np.where(suited < fits[:, None], taste, 0.0),
        others=chance.poisson(people.things_of_others, count).astype(np.int64),
        neighbours=np.hstack([(around[:, None] + steps) % count, anywhere]),
        arrives=arrives,
        phone_before=phone_before & (arrives == 0),
        phone_age=(chance.random(count) * 600).astype(np.int64),
    )


def begin(parameters: WorldParameters, homes: Households) -> Standing:
    count, products = len(homes), len(parameters.products)
    own = np.zeros((products, count), dtype=np.int64)
    own[PHONE] = homes.phone_before
    bought = np.full((products, count), -1, dtype=np.int64)
    bought[PHONE] = np.where(homes.phone_before, -homes.phone_age, -1)
    knowledge = np.full((products, count), 0.1)
    knowledge[PHONE] = np.where(homes.phone_before, 1.0, 0.3)
    return Standing(
        budget=homes.spending * (MONTH * 2),
        need=np.zeros((products, count)),
        knowledge=knowledge,
        boost=np.zeros(count),
        spark=np.zeros(count),
        own=own,
        broken=np.zeros_like(own),
        bought=bought,
        software=np.zeros((products, count)),
        links=np.zeros(count, dtype=np.int64),
        elder=np.zeros(count, dtype=np.bool_),
        satisfaction=np.where(homes.phone_before, 0.62, 0.5),
        gone=np.full(count, -1, dtype=np.int64),
        troubled=np.zeros(count),
        voted=np.full(count, -1, dtype=np.int64),
        planned=np.full(count, -1, dtype=np.int64),
        first=np.full(count, -1, dtype=np.int64),
        advertised=np.zeros(count, dtype=np.int64),
        advertised_later=np.zeros(count, dtype=np.int64),
    )
