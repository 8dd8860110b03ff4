"""A whole run: `simulate(parameters, seed)`."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.histories.histories import Grain, Histories, Touchpoint
from setaria.flywheel.simulate.world import brand, buying, people, supply, things
from setaria.flywheel.simulate.world.households import MONTH, Households, Standing, begin, settle
from setaria.flywheel.simulate.world.kinds import ROLES, TABLE, K
from setaria.flywheel.simulate.world.luck import Luck
from setaria.flywheel.simulate.world.parameters import WorldParameters
from setaria.flywheel.simulate.world.record import (
    Columns,
    Happening,
    Recorder,
    happenings,
    household_name,
    morning,
    when,
)
from setaria.flywheel.simulate.world.supply import Batch
from setaria.flywheel.simulate.world.world import Train, World, rush_of

CURRENCY: Final = "CNY"
MOST_HOUSEHOLDS: Final = 1_000_000
MOST_DAYS: Final = 366 * 20


@dataclass(frozen=True, slots=True)
class Look:
    """Everybody at the end of a day."""

    day: int
    owners: int  # who have a working thing and are still here
    homes: int  # of them, who have one that is no phone
    things: int  # working, of those still here, phones left out
    five: int  # households here with five and more of them
    prices: Whole  # P, fen
    advertising: int  # fen, earned up to here


@dataclass(frozen=True, slots=True)
class Run:
    """`columns` by household, then time. `homes` and `end` are the truth, which no operator would know."""

    parameters: WorldParameters
    seed: int
    homes: Households
    end: Standing
    columns: Columns
    batches: tuple[Batch, ...]
    trains: tuple[Train, ...]
    looks: tuple[Look, ...]
    unsold: tuple[tuple[int, int], ...]  # per product: units and their cost

    @property
    def product_names(self) -> tuple[str, ...]:
        return tuple(product.name for product in self.parameters.products)

    @property
    def revenue(self) -> int:
        """Fen that households paid. Advertising, which others pay, is in looks."""
        return int(self.columns.amount.sum())

    def facts(self) -> Iterator[Happening]:
        """Of households and of the brand, in order of time."""
        theirs = happenings(self.columns, self.product_names, self.parameters.first_day)
        return heapq.merge(theirs, sorted(self._brands(), key=when), key=when)

    def _brands(self) -> Iterator[Happening]:
        names, first = self.product_names, self.parameters.first_day
        for batch in self.batches:
            body = {"product": names[batch.product], "units": batch.units, "cost": batch.cost}
            yield Happening("market.batch_received", morning(first + batch.day, 6), "", "", None, body)
        for train in self.trains:
            about = {"product": names[train.product], "level": train.level, "votes": train.votes}
            yield Happening("releases.train_left", morning(first + train.day, 6), "", "", None, about)
        before = 0
        for look in self.looks:
            earned, before = look.advertising - before, look.advertising
            yield Happening("books.advertising_earned", morning(first + look.day, 23), "", "", earned, {})

    def touchpoints(self) -> tuple[tuple[Touchpoint, ...], Whole]:
        """And per fact its place among them; -1 where it is none."""
        names, sent = _names(self.product_names)
        codes = np.full((len(K), len(self.product_names) + 1), -1, dtype=np.int64)
        for kind, about in TABLE.items():
            for product, name in enumerate((*self.product_names, "")):
                whole = about.touchpoint + name if about.touchpoint.endswith("_") else about.touchpoint
                codes[kind, product if name else -1] = names.index(whole) if whole in names else -1
        found = codes[self.columns.kind, self.columns.product]
        used = np.unique(found[found >= 0])
        place = np.full(len(names) + 1, -1, dtype=np.int64)
        place[used] = np.arange(len(used))
        return tuple(Touchpoint(names[each], names[each] not in sent) for each in used), place[found]

    def histories(self, grain: Grain = "exact", from_day: int = 0) -> Histories:
        """A household is watched from `from_day`, or its arrival, to the end of the run; prospects are included.

        Facts before `from_day` are kept as sources. Only touchpoints that occur are there.
        """
        touchpoints, codes = self.touchpoints()
        kept = codes >= 0
        columns = self.columns
        count, first = self.parameters.households, float(self.parameters.first_day)
        day = first + columns.day[kept]
        times: Floats = day.astype(np.float64)
        if grain == "exact":
            times += columns.time[kept]
        opens = first + np.maximum(self.homes.arrives, from_day) - (1.0 if grain == "day" else 0.0)
        closes = first + self.parameters.days - (1.0 if grain == "day" else 0.0)
        amounts = columns.amount[kept]
        priced = np.array([bool(TABLE[kind].leg) for kind in K])[columns.kind[kept]]
        lengths = np.bincount(columns.household[kept], minlength=count)
        return Histories(
            touchpoints=touchpoints,
            households=np.array([household_name(number) for number in range(count)], dtype=object),
            start=np.minimum(opens, closes),
            end=np.full(count, closes),
            offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            times=times,
            kinds=codes[kept].astype(np.int16),
            amounts=amounts,
            currencies=(CURRENCY,),
            currency=np.where(priced, 0, -1).astype(np.int8),
            grain=grain,
            roles=columns.role[kept].astype(np.int8),
            role_names=ROLES,
            simulated=True,
            name="world",
        )


def _names(products: tuple[str, ...]) -> tuple[list[str], set[str]]:
    names: list[str] = []
    for about in TABLE.values():
        whole = [about.touchpoint + product for product in products] if about.touchpoint.endswith("_") else []
        names.extend(name for name in whole or [about.touchpoint] if name and name not in names)
    return names, {about.touchpoint for about in TABLE.values() if about.touchpoint and not about.receives}


def simulate(parameters: WorldParameters, seed: int, progress: Callable[[int, int], None] | None = None) -> Run:
    """`progress(day, days)` after every day."""
    assert 0 < parameters.households <= MOST_HOUSEHOLDS, parameters.households
    assert 0 < parameters.days <= MOST_DAYS, parameters.days
    luck = Luck(seed, parameters.households, len(parameters.products))
    homes = settle(parameters, luck)
    world = World(
        parameters=parameters,
        homes=homes,
        now=begin(parameters, homes),
        luck=luck,
        record=Recorder(homes, luck),
        shelves=supply.shelves(parameters),
        margins=supply.margins(parameters),
        levels=np.zeros(len(parameters.products)),
        votes=np.zeros(len(parameters.products)),
    )
    looks = []
    for day in range(parameters.days):
        world.day = day
        live(world)
        if (day + 1) % MONTH == 0 or day + 1 == parameters.days:
            looks.append(look(world))
        if progress is not None:
            progress(day + 1, parameters.days)
    batches = sorted((batch for shelf in world.shelves for batch in shelf.batches), key=lambda batch: batch.day)
    unsold = tuple((shelf.units, shelf.value) for shelf in world.shelves)
    return Run(
        parameters=parameters,
        seed=seed,
        homes=homes,
        end=world.now,
        columns=world.record.columns(),
        batches=tuple(batches),
        trains=tuple(world.trains),
        looks=tuple(looks),
        unsold=unsold,
    )


def live(world: World) -> None:
    """One day: the brand's morning, the people's day, the evening. What is said in the evening counts tomorrow."""
    parameters, now = world.parameters, world.now
    world.luck.turn(world.day)
    world.rush = rush_of(parameters, world.date)
    most = (world.homes.spending * (MONTH * parameters.people.saved_months)).astype(np.int64)
    now.budget = np.minimum(now.budget + world.homes.spending, np.maximum(most, now.budget))
    least = max(parameters.households // 200, 1)
    before = [shelf.sold for shelf in world.shelves]
    for shelf in world.shelves:
        shelf.fill(world.day, parameters.brand.batch_days, least)
    world.prices = np.array(
        [
            shelf.price(margin, parameters.brand.passes_on)
            for shelf, margin in zip(world.shelves, world.margins, strict=True)
        ]
    )
    brand.promote(world)
    brand.greet(world)
    brand.drive_train(world)
    things.things_fail(world)
    buying.needs_arise(world)
    visits = buying.go_out(world)
    buying.try_out(world, visits)
    buying.buy(world, visits)
    brand.crowdfund(world)
    brand.gather(world)
    people.subscribe(world)
    people.vote(world)
    things.link(world)
    things.elders_start(world)
    things.repair(world)
    people.talk(world)
    people.evening(world)
    people.advertise(world)
    people.leave(world)
    for shelf, sold in zip(world.shelves, before, strict=True):
        shelf.close(shelf.sold - sold)


def look(world: World) -> Look:
    here, now = world.here(), world.now
    things_here = np.where(here, now.own[1:].sum(axis=0), 0)
    days = int(now.advertised.sum() + now.advertised_later.sum())
    return Look(
        day=world.day,
        owners=int((here & (now.own > 0).any(axis=0)).sum()),
        homes=int((things_here > 0).sum()),
        things=int(things_here.sum()),
        five=int((things_here >= 5).sum()),
        prices=world.prices.copy(),
        advertising=days * world.parameters.brand.advertising,
    )
