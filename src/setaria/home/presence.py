"""Who is at home, and how the home knows.

Sources are added one by one: the network (a member's phone answers) now, wristband and phone later, and people
themselves, who may always say so. A phone that sleeps does not answer every time: only a long silence means away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final

from setaria.facts.clock import MINUTE, SECOND, Clock
from setaria.facts.fact import Actor
from setaria.home import facts as f
from setaria.home.live import Live
from setaria.home.structure import PresenceSource

PROBE_EVERY: Final = 30 * SECOND
AWAY_AFTER: Final = 10 * MINUTE
PROBE_WAITS: Final = 2.0  # seconds
PROBE_PORT: Final = 62_078  # answered or refused by a phone that is there; either will do
PROBES_AT_ONCE: Final = 16

logger = logging.getLogger(__name__)
Probe = Callable[[str], Awaitable[bool]]


class Presence:
    def __init__(self, live: Live, clock: Clock, probe: Probe | None = None) -> None:
        self._live = live
        self._clock = clock
        self._probe = probe or network_probe
        self._sources: list[PresenceSource] = []
        self._heard: dict[PresenceSource, int] = {}
        self._task: asyncio.Task[None] | None = None

    def add_member(self, member: str) -> None:
        self._live.add_slot(f"member/{member}.home", f"member/{member}", None)

    def remove_member(self, member: str) -> None:
        self._live.remove_slots(f"member/{member}.")

    def sources(self, sources: Iterable[PresenceSource]) -> None:
        self._sources = list(sources)
        self._heard = {source: at for source, at in self._heard.items() if source in self._sources}

    def say(self, member: str, home: bool, source: str, actor: Actor) -> None:
        """`source`: network, wristband, phone, or person. A change is a fact; a repetition is not."""
        address = f"member/{member}.home"
        slot = self._live.slots.get(address)
        if slot is not None and slot.value is not home:
            self._live.set(address, home, f"member/{member}", f.PresenceChanged(home, source), actor)

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="presence")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> None:
        """Ask every source once."""
        gate = asyncio.Semaphore(PROBES_AT_ONCE)
        there: set[str] = set()

        async def ask(source: PresenceSource) -> None:
            async with gate:
                if await self._answers(source.address):
                    self._heard[source] = self._clock.ticks()
                    there.add(source.member)

        sources = [each for each in self._sources if each.type == "network"]
        now = self._clock.ticks()
        for source in sources:
            self._heard.setdefault(source, now)
        await asyncio.gather(*(ask(source) for source in sources))
        actor = Actor("radio/network", "thing")
        for member in sorted({source.member for source in sources}):
            last = max(self._heard.get(source, now) for source in sources if source.member == member)
            if member in there:
                self.say(member, True, "network", actor)
            elif now - last >= AWAY_AFTER:
                self.say(member, False, "network", actor)

    async def _answers(self, address: str) -> bool:
        """A source that cannot even be asked (a name that is none) must not silence the others."""
        try:
            return await self._probe(address)
        except Exception:
            logger.exception("asking whether %s is there", address)
            return False

    async def _run(self) -> None:
        while True:
            if self._sources:
                await self.look()
            await self._clock.sleep(PROBE_EVERY)


async def network_probe(address: str) -> bool:
    """Whether a host answers: a connection accepted or refused both prove it; so does an entry of the ARP table."""
    try:
        async with asyncio.timeout(PROBE_WAITS):
            _, writer = await asyncio.open_connection(address, PROBE_PORT)
        writer.close()
    except ConnectionRefusedError:
        return True
    except (OSError, TimeoutError):
        return await asyncio.to_thread(_in_arp_table, address)
    return True


def _in_arp_table(address: str) -> bool:
    """Source: Linux, /proc/net/arp; flag 0x2 is a completed entry."""
    try:
        lines = Path("/proc/net/arp").read_text().splitlines()[1:]
    except OSError:
        return False
    return any(fields[0] == address and int(fields[2], 16) & 2 for line in lines if len(fields := line.split()) > 2)
