"""What a page of activity shows: one thing that happened, told once, with the facts that say so."""

from __future__ import annotations

from typing import Final

import msgspec

from setaria.facts.fact import Actor, Fact
from setaria.home.telling.state import Tone


class Doer(msgspec.Struct, frozen=True):
    """`kind` is member, linkage, hub or program; `id` is empty for the hub, and where a linkage is not known."""

    kind: str
    id: str
    name: str


class Entry(msgspec.Struct, frozen=True):
    """`at` is UTC microseconds; `tone` plain, on (something at work), off (nothing done) or care (look at it).

    `because` is what set it off, "" when that goes without saying. `took` is microseconds, 0 for not known. `thing`,
    `linkage` and `member` are ids of what it is about, `run` that of a linkage's run; "" for none. `facts` are ids.
    """

    id: str
    at: int
    kind: str
    tone: Tone
    text: str
    because: str
    actor: Doer
    thing: str
    linkage: str
    member: str
    run: str
    took: int
    facts: tuple[str, ...]


_KINDS: Final = {
    "command_given": "command",
    "scene_set": "scene",
    "helper_set": "helper",
    "presence_changed": "presence",
    "notified": "notified",
    "happened": "event",
    "run_ended": "ran",
    "run_paused": "waiting",
    "run_declined": "declined",
    "thing_lost": "lost",
    "thing_reached": "reached",
}
_BEGINNINGS: Final = {
    **dict.fromkeys(("session", "password", "invitation", "token", "account"), "account"),
    **dict.fromkeys(("notifier", "notifications"), "notifier"),
    **dict.fromkeys(("backup", "data", "version"), "upkeep"),
}
_ROOMS: Final = ("linkage", "thing", "member", "grant", "room", "storey", "scene", "helper", "household", "presence")


def entry_kind(name: str) -> str:
    """`home.run_ended` -> ran; `home.room_saved` -> room; `home.token_issued` -> account."""
    room, _, kind = name.rpartition(".")
    if room != "home":
        return room or "other"
    beginning = _BEGINNINGS.get(kind.partition("_")[0])
    return _KINDS.get(kind) or beginning or next((each for each in _ROOMS if kind.startswith(each)), "other")


def doer_kind(actor: Actor) -> str:
    what = actor.who.partition("/")[0]
    if what in ("linkage", "run") or actor.role == "linkage":
        return "linkage"
    if what in ("program", "token") or actor.role == "program":
        return "program"
    return "member" if what == "member" else "hub"


def doer_id(fact: Fact) -> str:
    kind, name = doer_kind(fact.actor), fact.actor.who.partition("/")[2]
    if kind == "linkage":
        owner, _, linkage = fact.aggregate.partition("/")
        return linkage if owner == "linkage" else name if fact.actor.who.startswith("linkage/") else ""
    return "" if kind == "hub" else name
