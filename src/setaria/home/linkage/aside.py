"""Work that takes too long for the loop of a hub: in one thread, one piece after another, and not too many waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from setaria.facts.refused import Refused

T = TypeVar("T")
MOST_WAITING: Final = 16


class Aside:
    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None  # begun by the first who needs it
        self._waiting = 0

    async def do(self, work: Callable[[], T]) -> T:
        """`work` must read nothing that the loop changes. Who no longer waits for it does not stop it: what comes next
        waits for it all the same. Raises Refused: what it raises, or `desk_busy`."""
        if self._waiting >= MOST_WAITING:
            raise Refused("desk_busy", waiting=self._waiting)
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "linkage-desk")
        self._waiting += 1
        done = asyncio.get_running_loop().run_in_executor(self._thread, work)
        done.add_done_callback(self._ended)
        return await done

    def _ended(self, done: asyncio.Future[T]) -> None:
        self._waiting -= 1
        if not done.cancelled():
            done.exception()  # nobody may be left to hear of it
