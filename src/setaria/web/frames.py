"""What goes down a stream of server-sent events, and the queue of each who reads one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import msgspec

from setaria.facts.fact import Fact, to_cloud_event
from setaria.facts.kinds import label_of, split_label
from setaria.facts.log import Cursor
from setaria.facts.refused import Refused
from setaria.home.sight import Sight
from setaria.rights import Principal

MOST_QUEUED: Final = 1_000
MOST_QUEUED_BYTES: Final = 1 << 20
MOST_KINDS: Final = 50
NAMES: Final = frozenset({"fact", "state", "reach", "found", "arranged", "told"})
CURSOR: Final = "cursor"  # a line with an id and nothing else: it moves Last-Event-ID and is no event
GAP: Final = b"event: gap\ndata: {}\n\n"
BEAT: Final = b":\n\n"

Standing = Callable[[], Principal | None]
"""Whom a stream is for, as things stand now; None once the session, the token or the stay is over."""

_encode = msgspec.json.Encoder().encode


class Frame(NamedTuple):
    """`owner` is that of a slot, or a thing, "" of what has none; `fact` is None of what is no fact."""

    name: str
    written: bytes
    owner: str = ""
    fact: Fact | None = None

    def for_eyes_of(self, sight: Sight) -> bool:
        if self.name == "told":
            return sight.facts or sight.own_facts
        if self.fact is not None:
            return sight.fact(self.fact)
        if self.owner:
            return sight.owner(self.owner)
        return self.name != "found" or sight.finds


def frame(name: str, told: object, owner: str = "", fact: Fact | None = None) -> Frame:
    return Frame(name, b"event: " + name.encode() + b"\ndata: " + _encode(told) + b"\n\n", owner, fact)


def fact_frame(fact: Fact) -> Frame:
    return frame("fact", to_cloud_event(fact), fact=fact)


def cursor_frame(cursor: Cursor) -> Frame:
    return Frame(CURSOR, f"id: {cursor.token}\n\n".encode())


def kind_of(fact: Fact) -> str:
    return split_label(label_of(fact.body))[0]


ARRANGED: Final = frame("arranged", {})


class Wanted:
    """What a client asked for with `kinds`: names of events, and kinds of fact. Nothing given is everything."""

    def __init__(self, kinds: str) -> None:
        given = [part for each in kinds.split(",") if (part := each.strip())]
        if len(given) > MOST_KINDS:
            raise Refused("live_kinds", most=MOST_KINDS)
        self.names = frozenset(given) & NAMES if given else NAMES
        self.kinds = frozenset(given) - NAMES
        self.every_fact = "fact" in self.names
        self.facts = self.every_fact or bool(self.kinds)

    def hears(self, name: str) -> bool:
        return name in self.names

    def __contains__(self, frame: Frame) -> bool:
        if frame.name in self.names:
            return True
        if frame.name == CURSOR:
            return self.facts
        return frame.fact is not None and bool(self.kinds) and kind_of(frame.fact) in self.kinds


class Client:
    """One reader's queue. `by` is who he was when `sight` was asked for; `stale` says that it has to be asked anew."""

    def __init__(self, wanted: Wanted, standing: Standing, by: Principal, sight: Sight, language: str) -> None:
        self.wanted = wanted
        self.standing = standing
        self.by = by
        self.sight = sight
        self.language = language
        self.stale = False
        self.closed = False
        self.taken = 0
        self.awake = asyncio.Event()
        self._queue: list[Frame] = []
        self._bytes = 0
        self._gap = False

    def push(self, frames: Iterable[Frame]) -> None:
        if self.closed:
            return
        wanted, sight = self.wanted, self.sight
        mine = [each for each in frames if each in wanted and each.for_eyes_of(sight)]
        if not mine:
            return
        if self._queue and self._queue[-1].name == mine[0].name == CURSOR:
            self._bytes -= len(self._queue.pop().written)  # the newer one says it all
        self._queue += mine
        self._bytes += sum(len(each.written) for each in mine)
        if len(self._queue) > MOST_QUEUED or self._bytes > MOST_QUEUED_BYTES:
            self.gap()
        self.awake.set()

    def pick(self, frames: Iterable[Frame]) -> list[bytes]:
        """Of the past: what is sent without a queue."""
        return [each.written for each in frames if each in self.wanted and each.for_eyes_of(self.sight)]

    def gap(self) -> None:
        self._queue.clear()
        self._bytes = 0
        self._gap = True
        self.awake.set()

    def take(self, ticks: int = 0, known: frozenset[bytes] = frozenset()) -> bytes:
        """All that waits, without the facts that are known already."""
        self.taken = ticks
        frames, self._queue, self._bytes = self._queue, [], 0
        gap, self._gap = self._gap, False
        self.awake.clear()
        written = b"".join(each.written for each in frames if each.fact is None or each.fact.id not in known)
        return GAP + written if gap else written

    def close(self) -> None:
        self.closed = True
        self.awake.set()
