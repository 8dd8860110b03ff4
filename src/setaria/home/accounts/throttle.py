"""Who guesses must wait, twice as long each time. By ticks: no date, however it is set, shortens or prolongs it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import msgspec

from setaria.facts.clock import HOUR, MINUTE, SECOND, Clock
from setaria.facts.refused import Refused

FORGOTTEN: Final = HOUR  # after the last try
MOST: Final = 4_096


class _Tries(msgspec.Struct):
    count: int = 0
    last: int = 0
    barred: int = 0  # until, in ticks


class Throttle:
    """`free` tries cost nothing; then one waits a second, two, four …, at most `longest` microseconds."""

    def __init__(self, clock: Clock, free: int, longest: int, most: int = MOST) -> None:
        self._clock = clock
        self._free = free
        self._longest = longest
        self._most = most
        self._tries: OrderedDict[str, _Tries] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tries)

    def enter(self, key: str) -> None:
        """Before a try, which counts at once: many at the same time are many. Raises Refused("sign_in_throttled")."""
        now = self._clock.ticks()
        tries = self._tries.pop(key, None)
        if tries is None or now >= max(tries.last + FORGOTTEN, tries.barred):
            tries = _Tries()
        self._tries[key] = tries
        while len(self._tries) > self._most:
            self._tries.popitem(last=False)
        if now < tries.barred:
            raise Refused("sign_in_throttled", seconds=-(-(tries.barred - now) // SECOND))
        tries.count += 1
        tries.last = now
        if tries.count > self._free:
            doubled = min(tries.count - self._free - 1, 40)
            tries.barred = now + min(self._longest, SECOND << doubled)

    def forgive(self, key: str) -> None:
        """It was right, and so was whoever tried before."""
        self._tries.pop(key, None)

    def undo(self, key: str) -> None:
        """This one try was right; what others at the same place tried still counts."""
        tries = self._tries.get(key)
        if tries is not None:
            tries.count -= 1
            if tries.count <= self._free:
                tries.barred = 0


def by_name(clock: Clock) -> Throttle:
    """Short, or whoever guesses at a name would keep its owner out."""
    return Throttle(clock, 5, MINUTE)


def by_address(clock: Clock) -> Throttle:
    return Throttle(clock, 10, 15 * MINUTE)
