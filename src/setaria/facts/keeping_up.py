"""Keeping up with a log: what followers and reactors do between a start and a stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from setaria.facts.clock import SECOND, Clock
from setaria.facts.log import Log, LogFaulty
from setaria.facts.refused import Refused

PAUSE_FIRST: Final = SECOND
PAUSE_LAST: Final = 60 * SECOND

logger = logging.getLogger(__name__)


class KeepingUp:
    """Calls `catch_up` at once and whenever the log has grown; after a failure it tries again, ever more slowly.

    `failures` are the exceptions to expect beside the log's own; `failed` is told of each.
    """

    def __init__(
        self,
        name: str,
        log: Log,
        clock: Clock,
        catch_up: Callable[[], Awaitable[int]],
        failures: tuple[type[Exception], ...] = (),
        failed: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        self._name = name
        self._log = log
        self._clock = clock
        self._catch_up = catch_up
        self._failures: tuple[type[Exception], ...] = (LogFaulty, Refused, *failures)
        self._failed = failed
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        undo = self._log.on_append(self._news.set)
        try:
            pause = PAUSE_FIRST
            while True:
                self._news.clear()
                try:
                    await self._catch_up()
                except self._failures as error:
                    logger.warning("%s waits: %s", self._name, error)
                    self._failed(error)
                    await self._clock.sleep(pause)
                    pause = min(pause * 2, PAUSE_LAST)
                    continue
                pause = PAUSE_FIRST
                await self._news.wait()
        finally:
            undo()
