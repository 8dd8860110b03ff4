"""The home's two deciders, as the writer takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from setaria.facts.decider import Asked
from setaria.facts.fact import Fact
from setaria.facts.kinds import Body
from setaria.home import commands as c
from setaria.home import facts as f
from setaria.home.decide import ARRANGING_COMMANDS, decide
from setaria.home.structure import Structure, evolve


class ArrangementDecider:
    """The arrangement of a home is one aggregate: every rule about it can be checked in one place."""

    commands: Final = ARRANGING_COMMANDS
    aggregates: Final = ("home",)
    form: Final = "structure/1"

    def __init__(self, household: str) -> None:
        self.key = f"home/{household}"

    def aggregate_of(self, command: Any) -> str:
        return self.key

    def create(self, aggregate: str) -> Structure:
        return Structure()

    def evolve(self, state: Structure, fact: Fact) -> None:
        evolve(state, fact)

    def decide(self, state: Structure, asked: Asked) -> Sequence[Body]:
        return decide(state, asked)

    def freeze(self, state: Structure) -> bytes:
        return msgspec.msgpack.encode(state)

    def thaw(self, aggregate: str, frozen: bytes) -> Structure:
        return msgspec.msgpack.decode(frozen, type=Structure)


class ControlDecider:
    """A wish for a thing is always taken down; whether the thing follows is told by `home.command_ended`."""

    commands: Final = (c.ControlThing,)
    aggregates: Final = ("thing",)
    form: Final = ""

    def aggregate_of(self, command: c.ControlThing) -> str:
        return f"thing/{command.thing}"

    def create(self, aggregate: str) -> None:
        return None

    def evolve(self, state: None, fact: Fact) -> None:
        return None

    def decide(self, state: None, asked: Asked) -> Sequence[Body]:
        command: c.ControlThing = asked.command
        return [f.CommandGiven(command.writes, command.action, command.arguments)]

    def freeze(self, state: None) -> bytes:
        return b""

    def thaw(self, aggregate: str, frozen: bytes) -> None:
        return None
