"""What becomes of things in a home: faults, repairs, wear, linkages, and those who use what others started."""

from __future__ import annotations

import numpy as np

from setaria.flywheel.arrays import Whole
from setaria.flywheel.simulate.world.kinds import K
from setaria.flywheel.simulate.world.world import World, among

UPDATED = 0.7  # of faults, software at level 1 avoids so many
WARRANTY = 365


def things_fail(world: World) -> None:
    now, ways = world.now, world.parameters.behaviour
    faults, wear = world.luck.each("fault"), world.luck.each("wear")
    for product in world.products:
        about = world.parameters.products[product]
        rate = about.faults * (1 - UPDATED * now.software[product])
        fails = among(faults[product] < rate * now.own[product])
        now.own[product, fails] -= 1
        now.broken[product, fails] += 1
        now.satisfaction[fails] *= 1 - ways.fault_hurts
        now.troubled[fails] += 1
        world.record.note(world.day, K.FAILED, fails[now.gone[fails] < 0], product)
        worn = among(wear[product] < now.own[product] / about.lifetime)
        now.own[product, worn] -= 1
        now.need[product, worn] = np.minimum(now.need[product, worn] + 0.7, 2.0)
        world.record.note(world.day, K.WORN, worn[now.gone[worn] < 0], product)


def repair(world: World) -> None:
    """Free for a year after the last purchase of that product; what is not repaired is given up one day."""
    now, ways, brand = world.now, world.parameters.behaviour, world.parameters.brand
    here, exists, drawn = world.here(), world.parameters.has("repair"), world.luck.each("repair")
    for product in world.products:
        broken = now.broken[product] > 0
        if not broken.any():
            continue
        fee = round(int(world.prices[product]) * brand.repair_fee / 100) * 100
        free = world.day - now.bought[product] <= WARRANTY
        if exists:
            brought = broken & here & (drawn[product] < ways.repairing)
            _mend(world, product, among(brought & free), 0)
            _mend(world, product, world.pay(among(brought & ~free), fee), fee)
        lost = among((now.broken[product] > 0) & (drawn[product] > 1 - ways.giving_up))
        now.broken[product, lost] -= 1
        now.need[product, lost] = np.minimum(now.need[product, lost] + 0.7, 2.0)


def _mend(world: World, product: int, who: Whole, fee: int) -> None:
    now = world.now
    now.broken[product, who] -= 1
    now.own[product, who] += 1
    now.satisfaction[who] += world.parameters.behaviour.repair_heals * (1 - now.satisfaction[who])
    cost = world.parameters.brand.repair_cost
    world.record.note(world.day, K.REPAIRED, who, product, amount=fee, cost=cost)


def link(world: World) -> None:
    """The young start far more often. A linkage shows what is missing: need for the product that would join."""
    now, ways = world.now, world.parameters.behaviour
    reach = world.linkable()
    now.links = np.minimum(now.links, reach)
    if not world.parameters.has("link"):
        return
    keen = np.where(world.homes.young > 0, 1.0, 0.25) * (1 + now.spark)
    links = world.here() & (reach > now.links) & (world.luck.one("link") < ways.linking * keen)
    who = among(links)
    if not len(who):
        return
    now.links[who] += 1
    missing = np.where(now.own[:, who] == 0, world.homes.taste[:, who], -1.0)
    joins: Whole = np.argmax(missing, axis=0).astype(np.int64)
    some = missing[joins, np.arange(len(who))] > 0
    more = ways.need_after_link * some
    now.need[joins, who] = np.minimum(now.need[joins, who] + more, 2.0)
    world.record.note(world.day, K.LINKED, who, extra=now.links[who].astype(np.float64))


def elders_start(world: World) -> None:
    """Elders begin to use what others started: only once something is linked."""
    now = world.now
    may = world.here() & (world.homes.elders > 0) & ~now.elder & (now.links > 0)
    starts = among(may & (world.luck.one("elder") < world.parameters.behaviour.elder_starts))
    now.elder[starts] = True
    world.record.note(world.day, K.ELDER, starts)
