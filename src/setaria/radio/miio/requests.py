"""Requests on their way: ids, repeats, queue."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from enum import IntEnum
from random import Random
from typing import Final

import msgspec

from setaria.facts.clock import SECOND
from setaria.facts.refused import Refused
from setaria.home.ports import Write
from setaria.radio.miio.batches import Batch

FIRST_ID: Final = 1
LAST_ID: Final = 9999
# How long each sending of a request is waited for. All carry the same id, so that a device that did it need not again.
TIMEOUTS: Final = (1 * SECOND, 2 * SECOND, 4 * SECOND)
QUEUE_LIMIT: Final = 64


class Kind(IntEnum):
    READ = 0
    WRITE = 1
    ACT = 2
    SUBSCRIBE = 3
    INFO = 4
    CALL = 5  # whatever else; its answer is one code
    CHALLENGE = 6  # sent once to where a device seems to have moved; only it can answer


_BESIDE: Final = (Kind.READ, Kind.CHALLENGE)  # these run beside the one command in flight


class Request(msgspec.Struct, eq=False):
    """`tag` is the asker's and comes back with the answer; `due` and `sent_at` are ticks."""

    kind: Kind
    method: str
    params: bytes
    tag: object = None
    batch: Batch | None = None
    writes: Sequence[Write] = ()
    id: int = 0
    attempt: int = 0
    sent_at: int = 0
    due: int = 0


class Ids:
    """Round and round from a random start: a device forgets an id it has seen only after a while."""

    __slots__ = ("_last",)

    def __init__(self, random: Random) -> None:
        self._last = random.randint(FIRST_ID, LAST_ID)

    def next(self) -> int:
        self._last = self._last + 1 if self._last < LAST_ID else FIRST_ID
        return self._last


class Queue:
    """What waits to be sent: commands first, one in flight at a time so that none overtakes another, then reads."""

    __slots__ = ("_commanding", "_commands", "_reads", "in_flight")

    def __init__(self) -> None:
        self._commands: deque[Request] = deque()
        self._reads: deque[Batch] = deque()
        self._commanding = False
        self.in_flight: dict[int, Request] = {}

    def add(self, request: Request) -> None:
        if len(self._commands) >= QUEUE_LIMIT:
            raise Refused("radio_busy", limit=QUEUE_LIMIT)
        self._commands.append(request)

    def add_subscription(self, request: Request) -> None:
        """Next, whatever waits: it is one at most, so the limit may be passed by it."""
        self._commands.appendleft(request)

    def add_reads(self, batches: Sequence[Batch], first: bool = False) -> None:
        if first:
            self._reads.extendleft(reversed(batches))
        else:
            self._reads.extend(batches)

    @property
    def reading(self) -> bool:
        return bool(self._reads) or any(request.kind is Kind.READ for request in self.in_flight.values())

    @property
    def waiting(self) -> bool:
        return bool(self._commands or self._reads or self.in_flight)

    def has(self, kind: Kind) -> bool:
        return any(request.kind is kind for request in (*self._commands, *self.in_flight.values()))

    def take(self, method_of_reads: str) -> Request | None:
        if self._commands and not self._commanding:
            self._commanding = True
            return self._commands.popleft()
        if self._reads:
            batch = self._reads.popleft()
            return Request(Kind.READ, method_of_reads, batch.params, batch=batch)
        return None

    def finish(self, identity: int) -> Request | None:
        request = self.in_flight.pop(identity, None)
        if request is not None and request.kind not in _BESIDE:
            self._commanding = False
        return request

    def drain(self) -> Iterator[Request]:
        """Give up everything; the commands among it still want an answer."""
        given_up = [request for request in self.in_flight.values() if request.kind not in _BESIDE]
        given_up.extend(self._commands)
        self.in_flight.clear()
        self._commands.clear()
        self._reads.clear()
        self._commanding = False
        return iter(given_up)
