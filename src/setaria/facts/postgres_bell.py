"""Tells readers, in this process and in others, that facts were written: LISTEN and NOTIFY without a payload.

The notice travels on a connection of its own after the commit: inside the writing transaction it would make all
owners' commits wait for one another. A notice may therefore be missed (its sender died in between), so readers are
also told every few seconds for nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from setaria.facts.log import LogFaulty
from setaria.facts.postgres_place import Place, faults

TELL_ANYWAY: Final = 5.0  # seconds
RECONNECT_AFTER: Final = 1.0  # seconds
BETWEEN_NOTICES: Final = 0.005  # seconds


class Bell:
    def __init__(self, place: Place) -> None:
        self._place = place
        self._told: list[Callable[[], None]] = []
        self._connection: Any = None
        self._lost = asyncio.Event()
        self._appended = asyncio.Event()
        self._telling = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Raises LogFaulty."""
        await self._connect()
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._notify())]

    def ring(self) -> None:
        """Facts of our own are readable."""
        self._appended.set()
        self._tell_soon()

    def subscribe(self, told: Callable[[], None]) -> Callable[[], None]:
        self._told.append(told)
        return lambda: self._told.remove(told)

    async def stop(self) -> None:
        if self._appended.is_set() and self._connection is not None:
            await self._send()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._connection is not None:
            self._connection.terminate()

    async def _connect(self) -> None:
        with self._place.explained():
            # A notice alone is worth no fsync.
            connection = await self._place.connect(synchronous_commit="off")
            self._lost.clear()
            connection.add_termination_listener(lambda _: self._lost.set())
            await connection.add_listener(self._place.channel, self._heard)
            self._connection = connection

    def _heard(self, connection: Any, sender: int, channel: str, payload: str) -> None:
        if sender != connection.get_server_pid():
            self._tell_soon()

    def _tell_soon(self) -> None:
        if not self._telling:
            self._telling = True
            asyncio.get_running_loop().call_soon(self._tell)

    def _tell(self) -> None:
        self._telling = False
        for told in list(self._told):
            told()

    async def _listen(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self._lost.wait(), TELL_ANYWAY)
            except TimeoutError:
                self._tell_soon()
                continue
            try:
                await self._connect()
            except LogFaulty:
                await asyncio.sleep(RECONNECT_AFTER)
            self._tell_soon()

    async def _notify(self) -> None:
        while True:
            await self._appended.wait()
            await self._send()
            await asyncio.sleep(BETWEEN_NOTICES)

    async def _send(self) -> None:
        self._appended.clear()
        try:
            await self._connection.execute(f"NOTIFY {self._place.channel}")
        except faults():
            self._lost.set()
