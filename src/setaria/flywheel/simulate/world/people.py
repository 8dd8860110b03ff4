"""Votes, plans, talk, satisfaction, and leaving without a word."""

from __future__ import annotations

import numpy as np

from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.simulate.world.kinds import K
from setaria.flywheel.simulate.world.products import CAMERA, PHONE
from setaria.flywheel.simulate.world.world import World, among, likely

UPDATED_QUALITY = 0.12  # what software at level 1 adds to quality in use
EARLY = 90  # days of a household's life


def pick(chances: Floats, drawn: Floats) -> Whole:
    """For each column one row, by weight; `drawn` in 0..1."""
    heaps = np.cumsum(chances, axis=0)
    chosen: Whole = (drawn * heaps[-1] >= heaps).sum(axis=0).astype(np.int64)
    return np.minimum(chosen, len(chances) - 1)


def vote(world: World) -> None:
    now, ways = world.now, world.parameters.behaviour
    if not world.parameters.has("vote"):
        return
    keen = np.where(world.homes.young > 0, 1.0, 0.2) * (1 + 3 * world.homes.fan) * (1 + np.minimum(now.troubled, 2))
    owner = (now.own > 0).any(axis=0)
    voters = among(world.here() & owner & (now.voted < 0) & (world.luck.one("vote") < ways.voting * keen))
    if not len(voters):
        return
    wish = pick(now.own[:, voters].astype(np.float64), world.luck.one("vote_pick")[voters].astype(np.float64))
    now.voted[voters] = wish
    world.votes += np.bincount(wish, minlength=len(world.products))
    world.record.note(world.day, K.VOTED, voters, wish)


def subscribe(world: World) -> None:
    """For cameras: storage and watching; likelier where an elder has begun. Paid again for as long as it pleases."""
    now, ways, brand = world.now, world.parameters.behaviour, world.parameters.brand
    if not brand.plan_price or not world.parameters.has("plan"):
        return
    pleased = likely(4 * (now.satisfaction - 0.5) + np.where(now.elder, 0.8, 0.0))
    has = (now.own[CAMERA] > 0) & world.here()
    drawn = world.luck.one("plan")
    ends = now.planned == world.day
    begins = has & (now.planned < 0) & (drawn < ways.plan * 2 * pleased)
    renews = has & ends & (drawn < np.minimum(0.6 + 0.5 * pleased, 0.97))
    now.planned[ends] = -1
    payers = world.pay(among(begins | renews), brand.plan_price)
    now.planned[payers] = world.day + brand.plan_days
    cost = round(brand.plan_price * brand.service_cost)
    world.record.note(world.day, K.PLAN, payers, amount=brand.plan_price, cost=cost)


def talk(world: World) -> None:
    """One neighbour hears of one product; who is content makes it wanted, who is not makes the brand less trusted."""
    now, ways = world.now, world.parameters.behaviour
    owner = (now.own > 0).any(axis=0)
    extreme = np.abs(now.satisfaction - 0.5) * 4
    fans = 1 + 2 * world.homes.fan
    tells = among(world.here() & owner & (world.luck.one("talk") < ways.talking * np.minimum(extreme, 1.0) * fans))
    if not len(tells):
        return
    product = pick(now.own[:, tells].astype(np.float64), world.luck.one("talk_pick")[tells].astype(np.float64))
    among_all = world.homes.neighbours.shape[1]
    hears = world.homes.neighbours[tells, (world.luck.one("talk_to")[tells] * among_all).astype(np.int64)]
    content = (now.satisfaction[tells] - 0.5) * 4
    cells, told = summed(product * world.count + hears, np.clip(content, 0.0, 1.0))
    room = np.minimum(told, 1.0)
    knowledge, need = now.knowledge.reshape(-1), now.need.reshape(-1)  # views
    knowledge[cells] += ways.told_knowledge * room * (1 - knowledge[cells])
    need[cells] = np.minimum(need[cells] + ways.told_need * room, 2.0)
    doubters, doubt = summed(hears, np.clip(-content, 0.0, 1.0))
    now.satisfaction[doubters] *= 1 - ways.told_doubt * np.minimum(doubt, 1.0)


def summed(places: Whole, weights: Floats) -> tuple[Whole, Floats]:
    """Each place once, with the sum of its weights."""
    once, where = np.unique(places, return_inverse=True)
    sums: Floats = np.bincount(where, weights=weights).astype(np.float64)
    return once, sums


def evening(world: World) -> None:
    """Satisfaction follows quality in use; needs, knowledge and novelty fade."""
    now, ways = world.now, world.parameters.behaviour
    quality = np.array([product.quality for product in world.parameters.products])
    working = now.own.sum(axis=0)
    all_things = working + now.broken.sum(axis=0)
    used = (now.own * (quality[:, None] + UPDATED_QUALITY * now.software)).sum(axis=0) / np.maximum(working, 1)
    together = 0.05 * np.log1p(now.links) + np.where(now.elder, 0.03, 0.0)
    aim = np.where(all_things > 0, (used + together) * working / np.maximum(all_things, 1), 0.5)
    now.satisfaction = np.clip(now.satisfaction + (aim - now.satisfaction) / ways.settling, 0.0, 1.0)
    now.need *= np.exp(-1 / ways.need_fades)
    now.knowledge = np.where(now.own > 0, now.knowledge, now.knowledge * np.exp(-1 / ways.knowledge_fades))
    now.boost *= np.exp(-1 / ways.boost_fades)
    now.spark *= np.exp(-1 / ways.spark_fades)
    now.troubled *= np.exp(-1 / 30)


def leave(world: World) -> None:
    """For good. In a closed ecosystem linked things make it harder."""
    now, ways, brand = world.now, world.parameters.behaviour, world.parameters.brand
    owner = (now.own + now.broken > 0).any(axis=0) | (now.first >= 0)
    hazard = ways.leaving * np.exp(-ways.leaving_by_satisfaction * (now.satisfaction - 0.6))
    if not brand.open:
        hazard = np.where(now.links > 0, hazard * brand.locked_in, hazard)
    left = among(world.here() & owner & (world.luck.one("leave") < hazard))
    now.gone[left] = world.day


def advertise(world: World) -> None:
    """Days with an active phone: what advertisers pay for. Early and later in the household's life are kept apart."""
    now = world.now
    active = world.here() & (now.own[PHONE] > 0)
    early = (now.first < 0) | (world.day - now.first < EARLY)
    now.advertised += active & early
    now.advertised_later += active & ~early
