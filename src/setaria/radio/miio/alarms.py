"""One timer for any number of sessions.

A session's due time moves with every message, mostly to later. So an alarm is set only when it would ring too late, and
one that rings too early looks again: a busy session costs one timer a second, not two a message.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from setaria.facts.clock import Clock, Timer

NEVER: Final = 2**62


class Sleeper(Protocol):
    alarm: int

    @property
    def due(self) -> int: ...


_S = TypeVar("_S", bound=Sleeper)


class Alarms(Generic[_S]):
    """A new sleeper's `alarm` must be NEVER. `ring` is called with the ticks once its `due` has come; it
    must `set` the next one."""

    def __init__(self, clock: Clock, ring: Callable[[_S, int], None]) -> None:
        self._clock: Final = clock
        self._ring: Final = ring
        self._heap: list[tuple[int, int, _S]] = []
        self._order: Final = itertools.count()
        self._timer: Timer | None = None
        self._armed = NEVER

    def set(self, sleeper: _S) -> None:
        due = sleeper.due
        if due >= sleeper.alarm:
            return
        sleeper.alarm = due
        heapq.heappush(self._heap, (due, next(self._order), sleeper))
        if due < self._armed:
            self._arm(due)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._heap.clear()
        self._armed = NEVER

    def _arm(self, due: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed = due
        self._timer = self._clock.call_at(due, self._wake)

    def _wake(self) -> None:
        now = self._clock.ticks()
        self._timer, self._armed = None, NEVER
        try:
            for _ in range(len(self._heap)):  # what is set meanwhile has its turn at the next wake
                if not self._heap or self._heap[0][0] > now:
                    break
                alarm, _, sleeper = heapq.heappop(self._heap)
                if alarm != sleeper.alarm:  # an earlier one was set meanwhile
                    continue
                sleeper.alarm = NEVER
                if sleeper.due <= now:
                    self._ring(sleeper, now)
                else:
                    self.set(sleeper)
        finally:
            if self._heap and self._heap[0][0] < self._armed:
                self._arm(self._heap[0][0])
