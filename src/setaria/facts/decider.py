"""How a domain decides: the shape every decider has, and what a command is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from setaria.facts.fact import Actor, Fact, Row, from_row, to_row
from setaria.facts.kinds import Body

State = TypeVar("State")


class Command(msgspec.Struct, frozen=True, tag_field="command"):
    """What somebody wants. Its type says which decider takes it."""


class Asked(msgspec.Struct, frozen=True):
    """A command with its circumstances. `id` is empty when a repeat need not give the same answer."""

    command: Any
    actor: Actor
    at: int
    household: str = ""
    id: str = ""


class Decider(Protocol[State]):
    """Pure: no I/O, no clock, no randomness. `evolve` must accept every fact that `decide` ever returned."""

    @property
    def commands(self) -> Sequence[type[Command]]: ...

    @property
    def aggregates(self) -> Sequence[str]:
        """The first parts of the aggregate keys it owns: `order` for `order/…`."""

    @property
    def form(self) -> str:
        """The layout of a frozen state; change it with the layout. "" is for a decider that keeps no state: nothing
        is read back for it."""

    def aggregate_of(self, command: Any) -> str: ...

    def create(self, aggregate: str) -> State: ...

    def evolve(self, state: State, fact: Fact) -> None: ...

    def decide(self, state: State, asked: Asked) -> Sequence[Body]:
        """Raises Refused."""

    def freeze(self, state: State) -> bytes: ...

    def thaw(self, aggregate: str, frozen: bytes) -> State: ...


class Answer(msgspec.Struct, frozen=True):
    """What came of a command: its facts, durable by the time anyone sees this."""

    facts: tuple[Fact, ...] = ()


_rows = msgspec.msgpack.Decoder(list[tuple[bytes, int, str, str, bytes]])


def freeze_answer(answer: Answer) -> bytes:
    return msgspec.msgpack.encode([tuple(to_row(fact)) for fact in answer.facts])


def thaw_answer(frozen: bytes) -> Answer:
    return Answer(tuple(from_row(*Row(*row)) for row in _rows.decode(frozen)))
