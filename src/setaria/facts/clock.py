"""Clocks: what time it is, whether to believe it, and what to do later.

Everything that depends on time takes a `Clock`. `SystemClock` follows the machine, `VirtualClock` is moved by hand.
All times are integer microseconds: `now` since 1970 UTC, `ticks` since an arbitrary start that never goes back.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

MILLISECOND: Final = 1_000
SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

# No fact can be older than this program: a clock that says so has not been set yet (a board without a battery).
BUILT: Final = 1_767_225_600 * SECOND  # 2026-01-01
SYNCHRONISED: Final = Path("/run/systemd/timesync/synchronized")


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    def now(self) -> int:
        """UTC in microseconds, never before the last time the log has seen unless the machine's clock is known good."""

    def ticks(self) -> int:
        """Microseconds that never go back, whatever is done to the machine's date."""

    def trusted(self) -> bool:
        """Whether `now` may decide what time of day it is; while false, timers bound to the date wait."""

    def call_at(self, ticks: int, callback: Callable[[], None]) -> Timer: ...

    async def sleep(self, microseconds: int) -> None: ...


class SystemClock:
    """The machine's clock, distrusted until it is at or past `floor`, the last time known to have been real."""

    def __init__(self, floor: int = BUILT, synchronised: Path = SYNCHRONISED) -> None:
        self._floor = max(floor, BUILT)
        self._synchronised = synchronised
        self._started = time.monotonic_ns() // 1000

    def raise_floor(self, known: int) -> None:
        """The log's newest fact is proof that this much time has passed."""
        self._floor = max(self._floor, known)
        self._started = self.ticks()

    def now(self) -> int:
        wall = time.time_ns() // 1000
        if wall >= self._floor or self._synchronised.exists():
            return wall
        return self._floor + self.ticks() - self._started

    def trusted(self) -> bool:
        return time.time_ns() // 1000 >= self._floor or self._synchronised.exists()

    def ticks(self) -> int:
        return time.monotonic_ns() // 1000

    def call_at(self, ticks: int, callback: Callable[[], None]) -> Timer:
        delay = max(0, ticks - self.ticks()) / SECOND
        return asyncio.get_running_loop().call_later(delay, callback)

    async def sleep(self, microseconds: int) -> None:
        await asyncio.sleep(microseconds / SECOND)


class _VirtualTimer:
    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualClock:
    """A clock that only moves when told to; timers that fall due fire in order, ties in the order they were set."""

    def __init__(self, now: int = BUILT) -> None:
        self._now = now
        self._ticks = 0
        self._trusted = True
        self._order = itertools.count()
        self._due: list[tuple[int, int, _VirtualTimer]] = []

    def now(self) -> int:
        return self._now

    def ticks(self) -> int:
        return self._ticks

    def trusted(self) -> bool:
        return self._trusted

    def set(self, now: int, trusted: bool = True) -> None:
        """Change the date, as an administrator or a time server does: timers do not notice."""
        self._now, self._trusted = now, trusted

    def call_at(self, ticks: int, callback: Callable[[], None]) -> Timer:
        timer = _VirtualTimer(callback)
        heapq.heappush(self._due, (max(ticks, self._ticks), next(self._order), timer))
        return timer

    async def sleep(self, microseconds: int) -> None:
        woken = asyncio.get_running_loop().create_future()
        self.call_at(self._ticks + microseconds, lambda: None if woken.done() else woken.set_result(None))
        await woken

    def advance(self, microseconds: int) -> None:
        """Move time on, firing each timer at its own moment. What they awaken runs when the caller next awaits."""
        target = self._ticks + microseconds
        while self._due and self._due[0][0] <= target:
            self._fire_next()
        self._move_to(target)

    async def run(self, microseconds: int, settle: int = 5) -> None:
        """`advance`, letting coroutines run for `settle` turns of the loop after each timer."""
        target = self._ticks + microseconds
        await self._settle(settle)
        while self._due and self._due[0][0] <= target:
            self._fire_next()
            await self._settle(settle)
        self._move_to(target)
        await self._settle(settle)

    @staticmethod
    async def _settle(turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)

    def _fire_next(self) -> None:
        due, _, timer = heapq.heappop(self._due)
        self._move_to(due)
        if timer.callback is not None:
            timer.callback()

    def _move_to(self, ticks: int) -> None:
        self._now += ticks - self._ticks
        self._ticks = ticks
