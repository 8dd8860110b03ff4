"""What live updates claim: CPU of the whole hub and memory for each reader, while things change.

    python bench/live.py [--readers N] [--rate N] [--seconds N]

A hub with its log on disk and 28 lamps, served by its own server on the loopback interface. Readers are one other
process with a socket each; all read /api/live, as the page does (state, reach, found, arranged) and as a program does
(the facts as well). Changes come from a radio without air, evenly over the second, each at an address of its own in
turn; their facts become durable meanwhile. CPU is that of the hub's process, with the changes themselves.

Peer: the same pages by NiceGUI (figures from the notes: measured on another day and an idle machine of the same kind).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

sys.path.append(str(Path(__file__).parents[1]))

from bench.claims import Claims, cpu_seconds
from bench.linkage import LAMP, TakingRadio
from setaria.app import Hub, Settings
from setaria.home import commands as c
from setaria.home.ports import Reading

THINGS: Final = 28
PAGE: Final = "state,reach,found,arranged"
SERIES: Final = 3  # these machines are shared: the best tells of the code, the median of the day
SETTLE: Final = 1.0  # seconds
CPU_BAR: Final = 0.15
MEMORY_BAR: Final = 0.2  # MB a reader


class Readers:
    """Another process; it says on its standard output how many bytes it has read once a line comes in."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    async def open(cls, url: str, count: int, kinds: str, headers: str) -> Readers:
        arguments = (__file__, "--read", url, "--readers", str(count), "--kinds", kinds, "--headers", headers)
        process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdin=PIPE, stdout=PIPE)
        made = cls(process)
        await made.line()
        return made

    async def line(self) -> str:
        assert self._process.stdout is not None
        written = (await self._process.stdout.readline()).decode().strip()
        if not written:
            raise SystemExit("the readers have ended")
        return written

    async def close(self) -> list[int]:
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        counts: list[int] = json.loads(await self.line())
        await self._process.wait()
        return counts


async def read(url: str, count: int, kinds: str, headers: str) -> None:
    """What the other process does."""
    place = urlsplit(url)
    events = [0] * count
    streams = []
    for _ in range(count):
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        asked = f"GET /api/live?kinds={kinds} HTTP/1.1\r\nHost: {place.netloc}\r\n{headers}\r\n"
        writer.write(asked.encode())
        status = await reader.readline()
        if b" 200 " not in status:
            raise SystemExit(f"the hub does not let the readers in: {status.decode().strip()}")
        streams.append((reader, writer))

    async def follow(number: int) -> None:
        while written := await streams[number][0].read(1 << 16):
            events[number] += written.count(b"event: ")

    tasks = [asyncio.create_task(follow(number)) for number in range(count)]
    print("open", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    print(json.dumps(events), flush=True)
    for task in tasks:
        task.cancel()
    for _, writer in streams:
        writer.close()


class Bench:
    def __init__(self, hub: Hub, url: str, rate: int, seconds: float) -> None:
        self.hub = hub
        self.url = url
        self.rate = rate
        self.seconds = seconds
        self.headers = f"Authorization: Bearer {hub.accounts.terminal.value}\r\n"
        self._place = hub.specs.get(LAMP).find_property("light.brightness")
        self._level = 1

    async def furnish(self) -> None:
        me = self.hub.owner
        for number in range(THINGS):
            await self.hub.home.arrange(me, c.AddThing("miio", str(number), LAMP, f"lamp_{number}"))

    async def changes(self) -> float:
        """The share of a CPU that the hub takes meanwhile."""
        gc.collect()
        began, cpu = time.perf_counter(), cpu_seconds()
        for number in range(int(self.rate * self.seconds)):
            if number % THINGS == 0:
                self._level = self._level % 90 + 5  # beyond the dead band: each is a fact
            reading = Reading(self._place.siid, self._place.piid, self._level)
            self.hub.home.following.observed(f"lamp_{number % THINGS}", [reading])
            await asyncio.sleep(max(0.0, began + (number + 1) / self.rate - time.perf_counter()))
        return (cpu_seconds() - cpu) / (time.perf_counter() - began)

    async def driver(self) -> float:
        """What it takes to wait for each moment of a change."""
        began, cpu = time.perf_counter(), cpu_seconds()
        for number in range(int(self.rate * self.seconds)):
            await asyncio.sleep(max(0.0, began + (number + 1) / self.rate - time.perf_counter()))
        return (cpu_seconds() - cpu) / (time.perf_counter() - began)

    async def with_readers(self, count: int, kinds: str) -> tuple[float, float, list[int]]:
        """CPU share, MB for each reader, events that each has read."""
        gc.collect()
        before = resident()
        readers = await Readers.open(self.url, count, kinds, self.headers)
        await asyncio.sleep(SETTLE)
        share = await self.changes()
        await asyncio.sleep(SETTLE)
        memory = (resident() - before) / count
        return share, memory, await readers.close()


def resident() -> float:
    """MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def measure(count: int, rate: int, seconds: float) -> None:
    claims = Claims(f"Live updates: {count} readers, {rate} changes/s for {seconds:g} s, median of {SERIES} (best)")
    with tempfile.TemporaryDirectory() as folder:
        hub = Hub.open(Settings(Path(folder), port=0, miio=False), [TakingRadio()])
        await hub.start()
        url = await hub.serve()
        bench = Bench(hub, url, rate, seconds)
        await bench.furnish()
        driver = await bench.driver()
        await bench.changes()
        alone = sorted([await bench.changes() for _ in range(SERIES)])
        claims.note(f"this script's own clockwork, taken off below: {driver:.1%} of a CPU")
        claims.note(f"nobody reads: {alone[SERIES // 2] - driver:.1%} ({alone[0] - driver:.1%}) of a CPU")
        for name, kinds in (("as the page reads", PAGE), ("with every fact", "")):
            runs = [await bench.with_readers(count, kinds) for _ in range(SERIES)]
            shares = sorted(share - driver for share, _, _ in runs)
            memory = runs[0][1]  # what later ones take was given back before
            heard = min(min(events) for _, _, events in runs)
            expected = int(rate * seconds)
            share = shares[SERIES // 2]
            cpu = f"{share:.1%} ({shares[0]:.1%})"
            if kinds:
                claims.claim(f"CPU, {name}", cpu, "45 % NiceGUI, as noted", share < CPU_BAR)
            else:
                claims.note(f"CPU, {name}: {cpu}")
            claims.claim(
                f"memory a reader, {name}", f"{memory:.2f} MB", "1.5 MB NiceGUI, as noted", memory < MEMORY_BAR
            )
            claims.note(f"events each has read, {name}: at least {heard:,}, of {expected:,} changes")
        await hub.close()
    claims.end()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--rate", type=int, default=200, metavar="CHANGES_A_SECOND")
    parser.add_argument("--seconds", type=float, default=5.0)
    for inner in ("--read", "--kinds", "--headers"):
        parser.add_argument(inner, default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        asyncio.run(read(given.read, given.readers, given.kinds, given.headers))
    else:
        asyncio.run(measure(given.readers, given.rate, given.seconds))


if __name__ == "__main__":
    main()
