"""A toy domain for the tests of the writer: limited stock, and a log that fails when told to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from setaria.facts.decider import Asked, Command
from setaria.facts.fact import Actor, Fact
from setaria.facts.kinds import Body, Keep, kind
from setaria.facts.log import Batch, LogFaulty
from setaria.facts.refused import Refused
from setaria.facts.sqlite import SqliteLog

WEI = Actor("member/wei", "owner")


@kind("stocktest.taken")
class Taken(Body, frozen=True):
    count: int
    note: str = ""


@kind("stocktest.added")
class Added(Body, frozen=True):
    count: int


@kind("stocktest.seen", keep=Keep.READING)
class Seen(Body, frozen=True):
    value: int


class Take(Command, frozen=True):
    sale: str
    count: int = 1
    note: str = ""


class Break(Command, frozen=True):
    """Makes the decider fail as a defect would."""

    sale: str


class Stock(msgspec.Struct):
    left: int
    taken: int = 0


class StockDecider:
    commands: Sequence[type[Command]] = (Take, Break)
    aggregates: Sequence[str] = ("sale",)
    form = "stock/1"

    def __init__(self, stock: int = 10) -> None:
        self.stock = stock
        self.created = 0
        self.evolved = 0

    def aggregate_of(self, command: Any) -> str:
        return f"sale/{command.sale}"

    def create(self, aggregate: str) -> Stock:
        self.created += 1
        return Stock(self.stock)

    def evolve(self, state: Stock, fact: Fact) -> None:
        self.evolved += 1
        if isinstance(fact.body, Taken):
            state.left -= fact.body.count
            state.taken += fact.body.count
        elif isinstance(fact.body, Added):
            state.left += fact.body.count

    def decide(self, state: Stock, asked: Asked) -> Sequence[Body]:
        if isinstance(asked.command, Break):
            raise KeyError("a defect")
        if asked.command.count > state.left:
            raise Refused("sold_out", left=state.left)
        return (Taken(asked.command.count, asked.command.note),)

    def freeze(self, state: Stock) -> bytes:
        return msgspec.msgpack.encode(state)

    def thaw(self, aggregate: str, frozen: bytes) -> Stock:
        return msgspec.msgpack.decode(frozen, type=Stock)


class UnsureLog(SqliteLog):
    """Fails while `failing` is set; holds appends back while `gate` is closed."""

    failing: str = ""
    gate: Any = None
    appends = 0
    largest = 0

    async def append(self, partition: int, batch: Batch) -> int:
        self.appends += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.failing:
            raise LogFaulty(Refused(self.failing))
        self.largest = max(self.largest, len(batch.facts))
        return await super().append(partition, batch)
