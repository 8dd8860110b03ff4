"""What the brand does of itself: promotions by lot, greetings, the train on Friday, gatherings, crowdfunds."""

from __future__ import annotations

import numpy as np

from setaria.flywheel.arrays import Flags, Whole
from setaria.flywheel.simulate.world.buying import sell, utility
from setaria.flywheel.simulate.world.kinds import K
from setaria.flywheel.simulate.world.products import PHONE
from setaria.flywheel.simulate.world.world import FRIDAY, Train, World, among, likely

HALF_YEAR = 182
HEAVY = 3  # things that make a household one that greetings go to


def promote(world: World) -> None:
    """By lot among all who are here, bought or not: each chance is in the record, and so is who was not chosen."""
    brand = world.parameters.brand
    if not brand.promotion_days or world.day % brand.promotion_days or not world.parameters.has("promotion"):
        return
    now = world.now
    world.promoted = world.day // brand.promotion_days % len(world.products)
    recent = (now.bought.max(axis=0) > world.day - HALF_YEAR) & (now.first >= 0)
    chance = np.clip(brand.promotion_share * np.where(recent, brand.targeted, 1.0), 0.0, 0.95)
    lot = among(world.here())
    chosen = world.luck.one("promotion")[lot] < chance[lot]
    world.record.note(
        world.day, K.PROMOTION_LOT, lot, world.promoted, extra=chance[lot], chosen=chosen.astype(np.int64)
    )
    sent = lot[chosen]
    world.record.note(world.day, K.PROMOTION, sent, world.promoted)
    now.boost[:] = 0.0
    now.boost[sent] = 1.0
    now.knowledge[world.promoted, sent] += 0.1 * (1 - now.knowledge[world.promoted, sent])


def greet(world: World) -> None:
    """Does nothing, and goes to those who have much: what an estimator must not take for influence."""
    every = world.parameters.brand.greeting_days
    if not every or world.day % every or not world.parameters.has("greeting"):
        return
    chance = np.where(world.now.own.sum(axis=0) >= HEAVY, 0.8, 0.05)
    world.record.note(world.day, K.GREETING, among(world.here() & (world.luck.one("greeting") < chance)))


def drive_train(world: World) -> None:
    """The product with most votes gets the next release: to a ring by lot at once, to all others a train later."""
    brand = world.parameters.brand
    weekday = world.date.weekday()
    if weekday != FRIDAY or world.day // 7 % max(brand.train_days // 7, 1) or not world.parameters.has("release"):
        return
    now, ring, before = world.now, world.luck.one("ring") < brand.ring, world.train
    product = _next_product(world)
    votes = int(world.votes[product])
    voted = min(votes / max(brand.quorum * world.count, 1.0), 1.0)
    repaired = brand.train_repairs + brand.voted_repairs * voted
    world.levels[product] += repaired * (1 - world.levels[product])
    world.votes[product] = 0
    level = float(world.levels[product])
    world.train = (product, level)
    world.trains.append(Train(world.day, product, level, votes))
    asked = world.here() & (now.own[product] > 0)
    lot = among(asked)
    world.record.note(world.day, K.RING_LOT, lot, product, extra=brand.ring, chosen=ring[lot].astype(np.int64))
    install(world, product, level, asked & ring)
    if before is not None:  # after the ring: who has the newer one of the same product does not get the older
        product, level = before
        install(world, product, level, (now.own[product] > 0) & (now.software[product] < level))


def _next_product(world: World) -> int:
    if world.votes.any():
        return int(np.argmax(world.votes))
    return world.day // 7 % len(world.products)


def install(world: World, product: int, level: float, who: Flags) -> None:
    now, ways = world.now, world.parameters.behaviour
    chosen = among(who & world.here())
    now.software[product, chosen] = level
    now.spark[chosen] += 1.0
    heals = np.where(now.voted[chosen] == product, ways.wish_heals, ways.release_heals)
    now.satisfaction[chosen] += heals * (1 - now.satisfaction[chosen])
    now.voted[chosen] = np.where(now.voted[chosen] == product, -1, now.voted[chosen])
    world.record.note(world.day, K.RELEASE, chosen, product, extra=level)


def gather(world: World) -> None:
    brand, ways, now = world.parameters.brand, world.parameters.behaviour, world.now
    due = brand.gathering_days and world.day % brand.gathering_days == brand.gathering_days // 2
    if not due or not world.parameters.has("gathering"):
        return
    near = np.where(world.homes.near, 1.0, 0.3)
    come = world.luck.one("gathering") < ways.gathering * near * 2 * now.satisfaction
    came = world.pay(among(world.here() & world.homes.fan & come), brand.ticket)
    cost = round(brand.ticket * brand.ticket_cost)
    world.record.note(world.day, K.GATHERING, came, amount=brand.ticket, cost=cost)
    now.satisfaction[came] += ways.gathering_heals * (1 - now.satisfaction[came])
    now.knowledge[:, came] += 0.1 * (1 - now.knowledge[:, came])
    now.spark[came] += 1.0


def crowdfund(world: World) -> None:
    """All or nothing, in one day, at a premium, for fans and homes with young members; a phone is never crowdfunded."""
    brand, ways = world.parameters.brand, world.parameters.behaviour
    if not brand.crowdfund_days or world.day % brand.crowdfund_days != brand.crowdfund_days - 1:
        return
    others = [product for product in world.products if product != PHONE]
    product = others[world.day // brand.crowdfund_days % len(others)]
    if not world.sells(product):
        return
    price = round(int(world.prices[product]) * (1 + brand.premium) / 100) * 100
    room = world.now.own[product] < world.parameters.products[product].wanted
    keen = (world.homes.fan | (world.homes.young > 0)) & room & (world.now.budget >= price)
    asked = among(world.here() & keen)
    liking = utility(world, product, price, asked) + ways.fan_premium * world.homes.fan[asked]
    pledged: Whole = asked[world.luck.each("pledge")[product, asked] < likely(liking)]
    if len(pledged) >= brand.goal * world.count:
        sell(world, product, pledged, price, K.PLEDGE)
