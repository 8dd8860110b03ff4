"""A clock that runs faster than the one it is built on, so that a virtual day passes in minutes."""

from __future__ import annotations

from collections.abc import Callable

from setaria.facts.clock import Clock, Timer


class FastClock:
    """`speed` microseconds of its time to one of `clock`'s, from the moment it is made."""

    def __init__(self, clock: Clock, speed: float) -> None:
        if speed <= 0:
            raise ValueError("a clock does not stand still")
        self._clock = clock
        self._speed = speed
        self._start = clock.ticks()
        self._date = clock.now()

    def now(self) -> int:
        return self._date + self._passed()

    def ticks(self) -> int:
        return self._start + self._passed()

    def trusted(self) -> bool:
        return self._clock.trusted()

    def call_at(self, ticks: int, callback: Callable[[], None]) -> Timer:
        return self._clock.call_at(self._start + int((ticks - self._start) / self._speed), callback)

    async def sleep(self, microseconds: int) -> None:
        await self._clock.sleep(int(microseconds / self._speed))

    def _passed(self) -> int:
        return int((self._clock.ticks() - self._start) * self._speed)
