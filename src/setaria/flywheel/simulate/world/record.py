"""What happened, in columns; then as facts, and as histories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy as np

from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.simulate.world.households import Households
from setaria.flywheel.simulate.world.kinds import ACTORS, ASSIGNED, CONTROL, LOTS, ROLES, TABLE, K, Part
from setaria.flywheel.simulate.world.luck import Luck

DAY_US = 86_400_000_000
HOUR = 1 / 24
MINUTE = HOUR / 60
HOURS, TRIPS, ROLE = 1, 2, 3  # what a hashed number is for


class Columns(NamedTuple):
    """N facts. `product` -1 is none; `role` is a place in ROLES, -1 the brand."""

    day: Whole
    time: Floats  # of the day, 0..1
    household: Whole
    kind: Whole
    product: Whole
    amount: Whole  # fen
    cost: Whole  # fen, to the brand
    role: Whole
    extra: Floats
    chosen: Whole  # by lot: 1, 0; else 0


class Happening(msgspec.Struct, frozen=True):
    """A fact as plain data. `household` and `role` are empty where the brand acts for itself."""

    kind: str
    time: int  # UTC microseconds
    household: str
    role: str
    amount: int | None
    body: dict[str, Any]


class Noted(NamedTuple):
    """One kind on one day, for all of `who`; what is one number holds for all of them."""

    day: int
    kind: K
    who: Whole
    product: Whole | int
    amount: int
    cost: Whole | int
    extra: Floats | float
    chosen: Whole | int


@dataclass(slots=True)
class Recorder:
    homes: Households
    luck: Luck
    noted: list[Noted] = field(default_factory=list)

    def note(
        self,
        day: int,
        kind: K,
        who: Whole,
        product: Whole | int = -1,
        amount: int = 0,
        cost: Whole | int = 0,
        extra: Floats | float = 0.0,
        chosen: Whole | int = 0,
    ) -> None:
        if len(who):
            self.noted.append(Noted(day, kind, who, product, amount, cost, extra, chosen))

    def columns(self) -> Columns:
        """By household, then time."""
        lengths = np.array([len(each.who) for each in self.noted], dtype=np.int64)
        day, kind = self._whole("day", lengths), self._whole("kind", lengths)
        household, product = self._whole("who", lengths), self._whole("product", lengths)
        time = self._times(day, kind, household, product)
        order = np.lexsort((kind, time, day, household))
        return Columns(
            day[order],
            time[order],
            household[order],
            kind[order],
            product[order],
            self._whole("amount", lengths)[order],
            self._whole("cost", lengths)[order],
            self._roles(day, kind, household)[order],
            self._column("extra", lengths).astype(np.float64)[order],
            self._whole("chosen", lengths)[order],
        )

    def _column(self, name: str, lengths: Whole) -> Floats | Whole:
        parts = [getattr(each, name) for each in self.noted]
        filled = [
            part if isinstance(part, np.ndarray) else np.full(length, part)
            for part, length in zip(parts, lengths, strict=True)
        ]
        return np.concatenate(filled) if filled else np.zeros(0)

    def _whole(self, name: str, lengths: Whole) -> Whole:
        return self._column(name, lengths).astype(np.int64)

    def _times(self, day: Whole, kind: Whole, household: Whole, product: Whole) -> Floats:
        some = self.luck.hashed(HOURS, household, day, kind, product)
        trip = (9 + 11 * self.luck.hashed(TRIPS, household, day)) * HOUR
        parts = np.array([int(TABLE[each].part) for each in K])[kind]
        time: Floats = np.select(
            [
                parts == Part.LOT,
                parts == Part.SENT,
                parts == Part.TRIP,
                parts == Part.SHOWN,
                parts == Part.BOUGHT_THERE,
            ],
            [
                np.full(len(day), 7 * HOUR),
                (7 + 2 * some) * HOUR,
                trip,
                trip + (2 + 28 * some) * MINUTE,
                trip + (31 + 59 * some) * MINUTE,
            ],
            (9 + 13 * some) * HOUR,
        )
        return time

    def _roles(self, day: Whole, kind: Whole, household: Whole) -> Whole:
        """Of those a household has; an elder who has started, as of the day after, counts thrice. The brand is -1."""
        since = np.full(len(self.homes), np.iinfo(np.int64).max)
        for each in self.noted:
            if each.kind is K.ELDER:
                since[each.who] = each.day
        weights = np.array([ACTORS.get(each, (0.0, 0.0, 0.0)) for each in K])[kind]
        young = weights[:, 0] * (self.homes.young[household] > 0)
        elder = weights[:, 2] * (self.homes.elders[household] > 0) * np.where(since[household] < day, 3.0, 1.0)
        whole = young + weights[:, 1] + elder
        drawn = self.luck.hashed(ROLE, household, day, kind) * whole
        role = np.where(drawn < young, 0, np.where(drawn < young + weights[:, 1], 1, 2))
        return np.where(whole > 0, role, -1).astype(np.int64)


def morning(day: int, hour: int) -> int:
    return (day * 24 + hour) * (DAY_US // 24)


def assigned(kind: K, columns: Columns, place: int, products: tuple[str, ...]) -> dict[str, Any]:
    """`extra` is the chance of being chosen; what is written is that of the arm drawn."""
    experiment, arm = LOTS[kind]
    chosen, chance = bool(columns.chosen[place]), float(columns.extra[place])
    return {
        "experiment": experiment,
        "arm": arm if chosen else CONTROL,
        "probability": chance if chosen else 1 - chance,
        "of": products[int(columns.product[place])],
    }


def when(happening: Happening) -> int:
    return happening.time


def household_name(number: int) -> str:
    return f"h{number:06d}"


def happenings(columns: Columns, products: tuple[str, ...], first_day: int) -> Iterator[Happening]:
    """In order of time."""
    times = (first_day + columns.day) * DAY_US + np.rint(columns.time * DAY_US).astype(np.int64)
    for place in np.argsort(times, kind="stable"):
        about = TABLE[K(int(columns.kind[place]))]
        product, role = int(columns.product[place]), int(columns.role[place])
        body: dict[str, Any] = {} if product < 0 else {"product": products[product]}
        if about.extra:
            body[about.extra] = float(columns.extra[place])
        if about.kind == ASSIGNED:
            body = assigned(K(int(columns.kind[place])), columns, int(place), products)
        yield Happening(
            kind=about.kind,
            time=int(times[place]),
            household=household_name(int(columns.household[place])),
            role="" if role < 0 else ROLES[role],
            amount=int(columns.amount[place]) if about.leg else None,
            body=body,
        )
