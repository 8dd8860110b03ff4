"""Which notifiers there are. A pure state, evolved by facts."""

from __future__ import annotations

import msgspec

from setaria.facts.fact import Fact
from setaria.home.notifying import facts as f


class Known(msgspec.Struct, frozen=True):
    """A notifier, without its secrets."""

    id: str
    type: str
    member: str
    name: str
    shown: str
    settings: dict[str, str]


class Notifiers(msgspec.Struct):
    known: dict[str, Known] = {}

    def of(self, member: str) -> list[Known]:
        return [each for each in self.known.values() if each.member == member]


def evolve(state: Notifiers, fact: Fact) -> None:
    """Other facts are passed over."""
    body = fact.body
    if isinstance(body, f.NotifierAdded):
        added = Known(body.notifier, body.type, body.member, body.name, body.shown, body.settings)
        state.known[body.notifier] = added
    elif isinstance(body, f.NotifierRemoved):
        state.known.pop(body.notifier, None)
