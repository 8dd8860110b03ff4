"""A hub that runs in this process until it is asked to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from setaria.app import Hub, Settings

IMPATIENT_AFTER: Final = 1.0  # seconds


class Ending:
    """Set by SIGINT, SIGTERM or SIGHUP. Who asks again a second later does not want to wait for a clean end."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._asked = 0.0
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.set)

    def set(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._event.is_set() and now - self._asked > IMPATIENT_AFTER:
            raise KeyboardInterrupt
        if not self._event.is_set():
            self._asked = now
        self._event.set()

    async def wait(self) -> None:
        await self._event.wait()

    async def within(self, seconds: float) -> bool:
        """Whether it was set before `seconds` had passed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        return self._event.is_set()


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[tuple[Hub, str]]:
    """The hub, and where its API is. Raises Refused as Hub.open and Hub.serve do."""
    hub = Hub.open(settings)
    try:
        await hub.start()
        yield hub, await hub.serve()
    finally:
        await hub.close()
