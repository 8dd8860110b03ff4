"""What a device tells by itself: the subscription to it, repeats, contents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from setaria.facts.clock import SECOND
from setaria.home.ports import Reading, Value
from setaria.radio.miio import payload
from setaria.radio.miio.codec import Push
from setaria.radio.miio.requests import Kind, Request

REPEAT_WINDOW: Final = 5 * SECOND
SEEN_LIMIT: Final = 1024  # of one device, within those 5 s
LATE_WITHIN: Final = 1_000  # ids so far apart are no sequence
PUSH_KINDS: Final = (0, 1, 4)  # the subscription types seen on devices that take "everything"

Happening = tuple[int, int, Sequence[tuple[int, Value]]]


class Pushes:
    __slots__ = ("_asked_as", "_did", "_held_as", "_newest", "_seen")

    def __init__(self, did: str) -> None:
        self._did: Final = did
        self._asked_as = 0
        self._held_as = 0
        self._newest = 0
        self._seen: dict[int, int] = {}

    def holds(self, push: Push) -> bool:
        """Whether the device pushes to us: what it holds is the subscription we made."""
        return self._held_as != 0 and push.subscribed_at == self._held_as

    def wants(self, push: Push) -> bool:
        return push.wildcard and push.kind in PUSH_KINDS

    def subscription(self, virtual_did: int, stamp: int) -> Request:
        self._asked_as = stamp & 0xFFFF_FFFF
        asked = payload.Subscription(did=str(virtual_did), update_ts=self._asked_as)
        return Request(Kind.SUBSCRIBE, payload.SUBSCRIBE, msgspec.json.encode(asked))

    def subscribed(self, accepted: bool) -> None:
        self._held_as = self._asked_as if accepted else 0

    def repeated(self, identity: int, now: int) -> bool:
        """Whether this push came within the last 5 s already: its acknowledgement was lost."""
        seen = self._seen
        repeated = seen.pop(identity, 0) > now
        seen[identity] = now + REPEAT_WINDOW
        oldest = next(iter(seen))
        if len(seen) > SEEN_LIMIT or seen[oldest] <= now:
            del seen[oldest]
        return repeated

    def late(self, identity: int) -> bool:
        """Whether a newer push has come before this one: then its values may be old."""
        late = 0 < self._newest - identity < LATE_WITHIN
        if not late:
            self._newest = identity
        return late

    def read(self, envelope: payload.Envelope) -> tuple[list[Reading], list[Happening]]:
        """Raises CodecError. What a gateway tells of its children is left out, and so are methods we do not know."""
        readings: list[Reading] = []
        happenings: list[Happening] = []
        if envelope.method == payload.PROPERTIES_CHANGED:
            readings = [
                Reading(change.siid, change.piid, change.value)
                for change in payload.read_changes(envelope.params)
                if self._own(change.did) and isinstance(change.value, payload.VALUES)
            ]
        elif envelope.method == payload.EVENT_OCCURRED:
            happenings = [
                (event.siid, event.eiid, payload.read_arguments(event.arguments))
                for event in payload.read_occurrences(envelope.params)
                if self._own(event.did)
            ]
        return readings, happenings

    def _own(self, did: str | int) -> bool:
        return did == "" or str(did) == self._did
