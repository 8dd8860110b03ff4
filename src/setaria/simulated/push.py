"""What a thing tells by itself: `properties_changed` and `event_occured`, again until acknowledged or given up.

A hub subscribes by `miIO.sub` under a virtual device id of its own. Each subscriber has a line. Changes of one property
that follow each other faster than the line carries them are merged into the last.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from setaria.facts.clock import SECOND, Clock, Timer
from setaria.home.ports import Value

TRIES: Final = 3
RETRY: Final = 1 * SECOND
SUBSCRIBERS: Final = 4
AT_ONCE: Final = 8  # properties in one message
IN_FLIGHT: Final = 8  # messages
EVENTS: Final = 32  # waiting; the oldest goes first
PATIENCE: Final = 20  # messages given up in a row before a subscriber is taken for dead

Address = tuple[str, int]


class Tally(msgspec.Struct):
    """Counted in properties, but for `messages` and `sent`, which counts retries too."""

    changed: int = 0
    merged: int = 0
    pushed: int = 0
    acknowledged: int = 0
    given_up: int = 0
    events: int = 0
    messages: int = 0
    sent: int = 0


class _Waiting(msgspec.Struct, eq=False):
    payload: bytes
    weight: int
    tries: int
    timer: Timer


class _Line:
    def __init__(self, address: Address, stamp: int) -> None:
        self.address = address
        self.stamp = stamp
        self.changes: dict[tuple[int, int], Value] = {}
        self.events: deque[dict[str, Any]] = deque(maxlen=EVENTS)
        self.waiting: dict[int, _Waiting] = {}
        self.in_vain = 0
        self.flushing = False

    def drop(self) -> None:
        for waiting in self.waiting.values():
            waiting.timer.cancel()
        self.waiting.clear()


class Pusher:
    """`send` takes the payload of a message and where it goes."""

    def __init__(self, did: str, clock: Clock, first_id: int, send: Callable[[bytes, Address], None]) -> None:
        self.tally = Tally()
        self._did = did
        self._clock = clock
        self._id = first_id
        self._send = send
        self._lines: dict[str, _Line] = {}

    def subscribe(self, subscriber: str, address: Address, stamp: int) -> bool:
        """False when there is no room for one more."""
        old = self._lines.pop(subscriber, None)
        if old is not None:
            old.drop()
        if len(self._lines) >= SUBSCRIBERS:
            return False
        self._lines[subscriber] = _Line(address, stamp)
        return True

    def unsubscribe(self, subscriber: str) -> None:
        line = self._lines.pop(subscriber, None)
        if line is not None:
            line.drop()

    def forget(self) -> None:
        for line in self._lines.values():
            line.drop()
        self._lines.clear()

    def stamp_of(self, subscriber: str) -> int:
        """The `update_ts` the subscriber gave, 0 if it has no subscription."""
        line = self._lines.get(subscriber)
        return 0 if line is None else line.stamp

    def changed(self, siid: int, piid: int, value: Value) -> None:
        for line in self._lines.values():
            self.tally.changed += 1
            self.tally.merged += (siid, piid) in line.changes
            line.changes[siid, piid] = value
            self._flush_soon(line)

    def happened(self, siid: int, eiid: int, arguments: Sequence[tuple[int, Value]]) -> None:
        given = [{"piid": piid, "value": value} for piid, value in arguments]
        for line in self._lines.values():
            line.events.append({"did": self._did, "siid": siid, "eiid": eiid, "arguments": given})
            self._flush_soon(line)

    def acknowledged(self, identity: int, address: Address) -> None:
        for line in self._lines.values():
            if line.address == address and identity in line.waiting:
                waiting = line.waiting.pop(identity)
                waiting.timer.cancel()
                line.in_vain = 0
                self.tally.acknowledged += waiting.weight
                self._flush_soon(line)
                return

    def _flush_soon(self, line: _Line) -> None:
        # At the next turn: what one write changes goes out in one message, after the answer to the write.
        if not line.flushing:
            line.flushing = True
            self._clock.call_at(self._clock.ticks(), lambda: self._flush(line))

    def _flush(self, line: _Line) -> None:
        line.flushing = False
        if line not in self._lines.values():
            return
        while line.events and len(line.waiting) < IN_FLIGHT:
            self.tally.events += 1
            self._post(line, "event_occured", line.events.popleft(), 0)
        while line.changes and len(line.waiting) < IN_FLIGHT:
            places = list(line.changes)[:AT_ONCE]
            params = [
                {"did": self._did, "siid": siid, "piid": piid, "value": line.changes.pop((siid, piid))}
                for siid, piid in places
            ]
            self.tally.pushed += len(places)
            self._post(line, "properties_changed", params, len(places))

    def _post(self, line: _Line, method: str, params: object, weight: int) -> None:
        self._id = self._id % 1_000_000_000 + 1
        self.tally.messages += 1
        payload = msgspec.json.encode({"id": self._id, "method": method, "params": params})
        self._transmit(line, self._id, payload, weight, 1)

    def _transmit(self, line: _Line, identity: int, payload: bytes, weight: int, tries: int) -> None:
        self.tally.sent += 1
        timer = self._clock.call_at(self._clock.ticks() + RETRY, lambda: self._overdue(line, identity))
        line.waiting[identity] = _Waiting(payload, weight, tries, timer)
        self._send(payload, line.address)

    def _overdue(self, line: _Line, identity: int) -> None:
        waiting = line.waiting.pop(identity)
        if waiting.tries < TRIES:
            self._transmit(line, identity, waiting.payload, waiting.weight, waiting.tries + 1)
            return
        self.tally.given_up += waiting.weight
        line.in_vain += 1
        if line.in_vain < PATIENCE:
            self._flush_soon(line)
            return
        line.drop()
        self._lines = {name: other for name, other in self._lines.items() if other is not line}
