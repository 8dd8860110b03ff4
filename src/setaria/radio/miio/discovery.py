"""Who is out there: when to call, and what of the answers is news."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from setaria.facts.clock import MILLISECOND, SECOND, Clock, Timer
from setaria.radio.miio.codec import HelloReply
from setaria.radio.miio.link import Location

FIRST_INTERVAL: Final = 5 * SECOND
LAST_INTERVAL: Final = 45 * SECOND
SEEN_LIMIT: Final = 4096
TARGETS_A_STEP: Final = 64  # where broadcasts do not reach, addresses are called one by one
STEP: Final = 10 * MILLISECOND


class Sighting(msgspec.Struct, frozen=True):
    device_id: int
    location: Location
    token: bytes


class Caller:
    """Says hello to every target, at once when told to and then after 5, 10, 20, 40, 45, 45 ... s."""

    def __init__(self, clock: Clock, targets: Sequence[Location], call: Callable[[Location], None]) -> None:
        self._clock: Final = clock
        self._targets: Final = tuple(targets)
        self._call: Final = call
        self._interval = FIRST_INTERVAL
        self._timer: Timer | None = None

    def start(self) -> None:
        self.stop()
        self._interval = FIRST_INTERVAL
        self._step(0)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _step(self, first: int) -> None:
        for target in self._targets[first : first + TARGETS_A_STEP]:
            self._call(target)
        following = first + TARGETS_A_STEP
        if following < len(self._targets):
            self._timer = self._clock.call_at(self._clock.ticks() + STEP, lambda: self._step(following))
            return
        self._timer = self._clock.call_at(self._clock.ticks() + self._interval, lambda: self._step(0))
        self._interval = min(2 * self._interval, LAST_INTERVAL)


class Sightings:
    """Devices nobody follows; beyond 4,096 the one that was news longest ago is forgotten."""

    def __init__(self) -> None:
        self._seen: OrderedDict[int, Sighting] = OrderedDict()

    def news(self, reply: HelloReply, location: Location) -> Sighting | None:
        sighting = Sighting(reply.device_id, location, reply.token)
        if self._seen.get(reply.device_id) == sighting:
            return None
        self._seen[reply.device_id] = sighting
        self._seen.move_to_end(reply.device_id)
        if len(self._seen) > SEEN_LIMIT:
            self._seen.popitem(last=False)
        return sighting

    def forget(self, device_id: int) -> None:
        """Seen again, it is news again."""
        self._seen.pop(device_id, None)

    def clear(self) -> None:
        self._seen.clear()

    def __len__(self) -> int:
        return len(self._seen)
