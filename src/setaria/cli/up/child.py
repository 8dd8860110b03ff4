"""The simulated things, in a process of their own that ends with this one."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from setaria.facts.refused import Refused

LONGEST_LINE: Final = 16 << 20  # the ready line of 10,000 things
READY_WITHIN: Final = 30.0  # seconds
ENDS_WITHIN: Final = 1.0


class ReadyThing(msgspec.Struct, frozen=True):
    """One thing as the ready line names it: what an owner's token list says of it, and its place in the plan."""

    id: str
    did: str
    model: str
    host: str
    port: int
    token: str
    name: str
    name_en: str
    room: str


class Ready(msgspec.Struct, frozen=True):
    """`broadcast` is None where a platform has no loopback addresses to spare."""

    ready: int
    broadcast: tuple[str, int] | None = None
    things: tuple[ReadyThing, ...] = ()

    def search_addresses(self) -> tuple[tuple[str, int], ...]:
        if self.broadcast is not None:
            return (self.broadcast,)
        return tuple((thing.host, thing.port) for thing in self.things)


class Simulated:
    """`process` has a group of its own: a Ctrl-C in the terminal is this program's to handle."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._said: deque[str] = deque(maxlen=20)
        self._tasks = [asyncio.create_task(self._hear())]

    @classmethod
    async def start(cls, arguments: Sequence[str]) -> tuple[Simulated, Ready]:
        """Raises Refused("simulation_failed") with what it said."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "setaria.simulated", "--list", "--with-parent", *arguments),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=LONGEST_LINE,
            process_group=0,
        )
        child = cls(process)
        assert process.stdout is not None
        try:
            async with asyncio.timeout(READY_WITHIN):
                line = await process.stdout.readline()
            ready = msgspec.json.decode(line, type=Ready)
        except (TimeoutError, ValueError) as error:
            await child.stop()
            raise Refused("simulation_failed", why=child.said or "?") from error
        except BaseException:
            await child.stop()
            raise
        child._tasks.append(asyncio.create_task(child._drain()))
        return child, ready

    @property
    def said(self) -> str:
        """The last that it wrote to its standard error."""
        return self._said[-1] if self._said else ""

    async def ended(self) -> int:
        return await self._process.wait()

    def order(self, **order: Any) -> None:
        """One line for simulated/control.py; what is answered is not waited for."""
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")

    async def stop(self) -> None:
        """Asked, then told, then made to."""
        with contextlib.suppress(OSError, RuntimeError):
            self.order(do="quit")
            assert self._process.stdin is not None
            self._process.stdin.close()
        for insist in (None, self._process.terminate, self._process.kill):
            if self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    if insist is not None:
                        insist()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ENDS_WITHIN):
                        await self._process.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _hear(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self._said.append(line.decode(errors="replace").strip()[:200])

    async def _drain(self) -> None:
        assert self._process.stdout is not None
        async for _ in self._process.stdout:
            pass
