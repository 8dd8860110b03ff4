"""What may be done about notifiers: command in, facts out, or Refused. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from setaria.facts.decider import Asked, Command
from setaria.facts.fact import Fact
from setaria.facts.kinds import Body
from setaria.facts.refused import Refused
from setaria.home.notifying import facts as f
from setaria.home.notifying.state import Notifiers, evolve

MOST: Final = 200
MOST_A_MEMBER: Final = 20
LONGEST_NAME: Final = 80


class AddNotifier(Command, frozen=True, tag=True):
    notifier: str
    type: str
    member: str
    name: str
    shown: str
    settings: dict[str, str]


class RemoveNotifier(Command, frozen=True, tag=True):
    notifier: str
    reason: str = "asked"


class RemoveNotifiersOf(Command, frozen=True, tag=True):
    member: str


class NotifierDecider:
    commands: Final = (AddNotifier, RemoveNotifier, RemoveNotifiersOf)
    aggregates: Final = ("notifiers",)
    form: Final = "notifiers/1"

    def __init__(self, household: str) -> None:
        self.key = f"notifiers/{household}"

    def aggregate_of(self, command: Any) -> str:
        return self.key

    def create(self, aggregate: str) -> Notifiers:
        return Notifiers()

    def evolve(self, state: Notifiers, fact: Fact) -> None:
        evolve(state, fact)

    def decide(self, state: Notifiers, asked: Asked) -> Sequence[Body]:
        command = asked.command
        if isinstance(command, AddNotifier):
            return _add(state, command)
        if isinstance(command, RemoveNotifier):
            if command.notifier not in state.known:
                raise Refused("not_found", what="notifier", id=command.notifier[:80])
            return [f.NotifierRemoved(command.notifier, command.reason)]
        return [f.NotifierRemoved(each.id, "left") for each in state.of(command.member)]

    def freeze(self, state: Notifiers) -> bytes:
        return msgspec.msgpack.encode(state)

    def thaw(self, aggregate: str, frozen: bytes) -> Notifiers:
        return msgspec.msgpack.decode(frozen, type=Notifiers)


def _add(state: Notifiers, command: AddNotifier) -> Sequence[Body]:
    name = " ".join(command.name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Refused("name_unusable", name=name[:LONGEST_NAME], longest=LONGEST_NAME)
    if command.notifier in state.known:
        raise Refused("id_taken", id=command.notifier[:80])
    for held, most in ((state.known, MOST), (state.of(command.member), MOST_A_MEMBER)):
        if len(held) >= most:
            raise Refused("too_many", what="notifiers", most=most)
    return [f.NotifierAdded(command.notifier, command.type, command.member, name, command.shown, command.settings)]
