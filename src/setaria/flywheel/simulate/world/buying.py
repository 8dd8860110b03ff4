"""Needs, visits, demos, purchases: what each household decides about each product on each day."""

from __future__ import annotations

import numpy as np

from setaria.flywheel.arrays import Flags, Floats, Whole
from setaria.flywheel.simulate.world.households import MONTH
from setaria.flywheel.simulate.world.kinds import K
from setaria.flywheel.simulate.world.world import World, among, likely


def needs_arise(world: World) -> None:
    """More often with taste, with linkages, and where an elder has begun; none for what a home has enough of."""
    now, ways = world.now, world.parameters.behaviour
    drawn, here = world.luck.each("need"), world.here()
    around = (1 + ways.need_by_link * np.minimum(now.links, 6)) * np.where(now.elder, 1.3, 1.0)
    for product in world.products:
        about = world.parameters.products[product]
        enough = now.own[product] + now.broken[product] >= about.wanted
        chance = np.where(enough | ~here, 0.0, about.need * world.homes.taste[product] * around)
        arises = drawn[product] < chance
        now.need[product] = np.minimum(now.need[product] + arises, 2.0)


def utility(world: World, product: int, price: int, who: Whole) -> Floats:
    now, ways, homes = world.now, world.parameters.behaviour, world.homes
    reasons: Floats = (
        ways.by_need * now.need[product, who]
        + ways.by_knowledge * now.knowledge[product, who]
        + ways.by_trust * (now.satisfaction[who] - 0.5)
        - ways.by_price * price / (homes.spending[who] * MONTH)
        - ways.reluctance
    )
    if product == world.promoted:
        reasons += ways.by_boost * now.boost[who]
    return np.where(homes.taste[product, who] > 0, reasons, -50.0)


def go_out(world: World) -> Flags:
    """H: who visits a store today. Wanting something brings people; so does a store nearby."""
    stores, now = world.parameters.stores, world.now
    if not world.parameters.has("visit_store"):
        return np.zeros(world.count, dtype=np.bool_)
    reach = stores.visiting * np.where(world.homes.near, 1.0, stores.far) * world.rush
    visits: Flags = world.here() & (world.luck.one("visit") < reach * (1 + 2 * now.need.max(axis=0)))
    world.record.note(world.day, K.VISITED, among(visits))
    return visits


def try_out(world: World, visits: Flags) -> None:
    """A demo is of the product that is most wanted and least known, with some chance in it."""
    stores, now = world.parameters.stores, world.now
    if not world.parameters.has("demo"):
        return
    shown = among(visits & (world.luck.one("demo") < stores.demo))
    if not len(shown):
        return
    liking = now.need[:, shown] + 0.5 * (1 - now.knowledge[:, shown]) + world.luck.each("demo_pick")[:, shown]
    product: Whole = np.argmax(liking, axis=0).astype(np.int64)
    now.knowledge[product, shown] += stores.shown_knowledge * (1 - now.knowledge[product, shown])
    now.need[product, shown] = np.minimum(now.need[product, shown] + stores.shown_need, 2.0)
    world.record.note(world.day, K.DEMO, shown, product)


def buy(world: World, visits: Flags) -> None:
    """One look a day and product: in the store for those who are there, else online."""
    ways, stores, now = world.parameters.behaviour, world.parameters.stores, world.now
    drawn, here = world.luck.each("buy"), world.here()
    look = np.where(visits, stores.closing, np.minimum(ways.shopping * world.rush, 1.0))
    push = np.where(visits, stores.push, 0.0)
    for product in world.products:
        if not world.sells(product):
            continue
        price = int(world.prices[product])
        room = now.own[product] + now.broken[product] < world.parameters.products[product].wanted
        may = here & room & (now.budget >= price) & (drawn[product] < look)
        able = among(may)
        chance = look[able] * likely(utility(world, product, price, able) + push[able])
        decided = drawn[product, able] < chance
        buyers = able[decided]
        sell(world, product, buyers[visits[buyers]], price, K.STORE_ORDER)
        sell(world, product, buyers[~visits[buyers]], price, K.ORDER)


def sell(world: World, product: int, buyers: Whole, price: int, kind: K) -> None:
    """All of them can pay. A partner's part of the margin is cost to the brand."""
    brand, now = world.parameters.brand, world.now
    if not len(buyers):
        return
    now.budget[buyers] -= price
    cost = world.shelves[product].take(world.day, len(buyers))
    if brand.open and world.parameters.products[product].partner:
        cost = cost + (np.maximum(price - cost, 0) * brand.partner_part).astype(np.int64)
    now.own[product, buyers] += 1
    now.need[product, buyers] = np.maximum(now.need[product, buyers] - 1.0, 0.0)
    now.bought[product, buyers] = world.day
    now.software[product, buyers] = world.levels[product]
    now.knowledge[product, buyers] = 1.0
    now.first[buyers] = np.where(now.first[buyers] < 0, world.day, now.first[buyers])
    world.record.note(world.day, kind, buyers, product, amount=price, cost=cost)
