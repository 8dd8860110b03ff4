"""Whether a device is still there, and when to ask it.

heard of it                     ask again after an interval that doubles from 10 to 50 s
asked, nothing heard for 5 s    ask again, 3 times in all; then it is lost
lost 3 times within 2 minutes   its return counts only after it stayed for 30 s
"""

from __future__ import annotations

from collections import deque
from typing import Final

from setaria.facts.clock import MINUTE, SECOND

FIRST_INTERVAL: Final = 10 * SECOND
LAST_INTERVAL: Final = 50 * SECOND
PING_INTERVAL: Final = 5 * SECOND
PINGS: Final = 3
FLAPS: Final = 3
FLAP_WINDOW: Final = 2 * MINUTE
STEADY_AFTER: Final = 30 * SECOND


class Liveness:
    __slots__ = ("_interval", "_losses", "_pings", "due", "heard_at")

    def __init__(self) -> None:
        self._interval = FIRST_INTERVAL
        self._pings = 0
        self._losses: deque[int] = deque(maxlen=FLAPS)
        self.heard_at = 0
        self.due = 0

    def found(self, now: int) -> None:
        self._interval = FIRST_INTERVAL
        self.heard(now)

    def heard(self, now: int) -> None:
        if self._pings:
            self._pings = 0
            self._interval = min(2 * self._interval, LAST_INTERVAL)
        self.heard_at = now
        self.due = now + self._interval

    def ping(self, now: int) -> bool:
        """At `due`: True to send a ping now, False when the device is to be given up."""
        if self._pings == PINGS:
            return False
        self._pings += 1
        self.due = now + PING_INTERVAL
        return True

    def lost(self, now: int) -> None:
        self._pings = 0
        self._losses.append(now)

    def steady_at(self, now: int) -> int:
        """From when on a device that is back now may be called back."""
        flapping = len(self._losses) == FLAPS and now - self._losses[0] < FLAP_WINDOW
        return now + STEADY_AFTER if flapping else now
