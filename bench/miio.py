"""Claims of the miIO radio, each beside its peer: python -m bench.miio or python bench/miio.py [--seconds 60].

The things run in a process of their own. CPU is that of the hub's process alone. The peer's numbers are python-miio
0.5.12, measured in the same run by the Python that --peer names (`make test` makes one), else `from notes`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

sys.path.append(str(Path(__file__).parents[1]))

from bench.claims import Claims
from setaria.facts.clock import SystemClock
from setaria.home.ports import Followed, Found, Reading, Value
from setaria.home.spec.library import SpecLibrary
from setaria.radio.miio.radio import MiioRadio

FOREIGN: Final = Path(__file__).parents[1] / ".venv-foreign" / "bin" / "python"
PEER_SCRIPT: Final = Path(__file__).with_name("miio_peer.py")
PEER_CPU_US: Final = 400.0  # a call of python-miio's synchronous client
PEER_CALLS_A_SECOND: Final = 820.0  # the middle of 680 to 960
THINGS: Final = 219
FOLLOWED: Final = 1_000
BATCH: Final = 15
ROUNDS: Final = 5
WALL_LIMIT: Final = 1.0
CPU_LIMIT: Final = 0.2


class Things:
    """The simulated things, in their own process."""

    def __init__(self, count: int, *more: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "setaria.simulated", "--count", str(count), "--list", "--with-parent", *more],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        ready = json.loads(self._process.stdout.readline())
        self.things: list[dict[str, Any]] = ready["things"]

    def ask(self, order: dict[str, object]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def quit(self) -> dict[str, Any]:
        """The last word, which with --churn is its count."""
        out, _ = self._process.communicate(json.dumps({"do": "quit"}) + "\n", timeout=30)
        last: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
        return last


class Home:
    """Counts what it is told; `expected` addresses of all things, and `complete` once each was observed."""

    def __init__(self, expected: set[tuple[str, int, int]]) -> None:
        self.missing = set(expected)
        self.complete = asyncio.Event()
        self.readings = 0
        self.reached_now: set[str] = set()
        self.losses = 0
        self.latest: dict[tuple[str, int, int], Value] = {}

    def found(self, found: Found) -> None:
        pass

    def located(self, thing: str, location: str) -> None:
        pass

    def reached(self, thing: str) -> None:
        self.reached_now.add(thing)

    def lost(self, thing: str, reason: str) -> None:
        self.reached_now.discard(thing)
        self.losses += 1

    def observed(self, thing: str, readings: Sequence[Reading]) -> None:
        self.readings += len(readings)
        for siid, piid, value in ((reading.siid, reading.piid, reading.value) for reading in readings):
            self.latest[thing, siid, piid] = value
            self.missing.discard((thing, siid, piid))
        if not self.missing:
            self.complete.set()

    def happened(self, thing: str, siid: int, eiid: int, arguments: Sequence[tuple[int, Value]]) -> None:
        pass


def followed(things: Sequence[dict[str, Any]], library: SpecLibrary) -> list[Followed]:
    found: list[Followed] = []
    for thing in things:
        properties = [prop for prop in library.get(thing["model"]).properties() if prop.readable]
        found.append(
            Followed(
                thing=thing["id"],
                address=thing["did"],
                model=thing["model"],
                location=f"{thing['host']}:{thing['port']}",
                secret=bytes.fromhex(thing["token"]),
                readable=tuple((prop.siid, prop.piid) for prop in properties),
                notified=tuple((prop.siid, prop.piid) for prop in properties if prop.notifies),
            )
        )
    return found


def addresses(things: Sequence[Followed]) -> set[tuple[str, int, int]]:
    return {(thing.thing, siid, piid) for thing in things for siid, piid in thing.readable}


class Run(NamedTuple):
    """`wall` and `cpu` in seconds from nothing to everything read once; `again` the CPU seconds of a later round."""

    wall: float
    cpu: float
    missing: int
    sent: int
    again: float


async def read_all(things: Sequence[Followed]) -> Run:
    home = Home(addresses(things))
    radio = MiioRadio(SystemClock(), broadcast=[], random=Random(1))
    await radio.start(home)
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    for thing in things:
        radio.follow(thing)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(home.complete.wait(), 10)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    missing, sent = len(home.missing), radio.health().sent
    await asyncio.sleep(0.2)
    again = time.process_time()
    for _ in range(ROUNDS):
        home.missing, home.complete = addresses(things), asyncio.Event()
        for thing in things:
            radio.read(thing.thing)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(home.complete.wait(), 10)
        missing += len(home.missing)
    again = (time.process_time() - again) / ROUNDS
    await radio.stop()
    return Run(wall, cpu, missing, sent, again)


async def follow_all(things: Sequence[Followed], simulated: Things, seconds: float) -> tuple[float, Home, Any, Any]:
    """CPU seconds over the time, the home, the things' push tally before and after."""
    home = Home(addresses(things))
    radio = MiioRadio(SystemClock(), broadcast=[], random=Random(1))
    await radio.start(home)
    for thing in things:
        radio.follow(thing)
    await asyncio.wait_for(home.complete.wait(), 60)
    await asyncio.sleep(1)
    before = simulated.ask({"do": "stats"})
    losses, readings = home.losses, home.readings
    cpu = time.process_time()
    await asyncio.sleep(seconds)
    cpu = time.process_time() - cpu
    await asyncio.sleep(3)  # three tries of a push, a second apart
    after = simulated.ask({"do": "stats"})
    home.losses -= losses
    home.readings -= readings
    print(f"# {radio.health()}", file=sys.stderr)
    await radio.stop()
    return cpu, home, before, after


def peer_cpu(python: str, things: Sequence[Followed]) -> tuple[float, float, str]:
    """CPU microseconds a call, calls a second, where from."""
    if not python:
        return PEER_CPU_US, PEER_CALLS_A_SECOND, "from notes"
    asked = [
        {
            "host": thing.location.partition(":")[0],
            "token": thing.secret.hex(),
            "properties": [{"did": thing.address, "siid": siid, "piid": piid} for siid, piid in thing.readable],
        }
        for thing in things
        if thing.readable
    ]
    done = subprocess.run(
        [python, "-P", "-W", "ignore", str(PEER_SCRIPT)],
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    measured = json.loads(done.stdout)
    return measured["cpu_us"], measured["calls_a_second"], "measured"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument(
        "--peer", default=str(FOREIGN) if FOREIGN.exists() else "", help="a Python that has python-miio"
    )
    given = parser.parse_args()
    claims, library = Claims("miIO: 219 things read, 1,000 things followed"), SpecLibrary()

    simulated = Things(THINGS, "--still")
    things = followed(simulated.things, library)
    properties = len(addresses(things))
    calls = sum(-(-len(thing.readable) // BATCH) for thing in things)
    peer_us, peer_rate, source = peer_cpu(given.peer, things)
    runs = [asyncio.run(read_all(things)) for _ in range(3)]
    wall, cpu, missing, sent, _ = min(runs, key=lambda run: run.cpu)
    again = min(run.again for run in runs)
    simulated.quit()
    claims.claim(
        f"{len(things)} things, {properties} properties read in < {WALL_LIMIT:g} s",
        f"{wall:.3f} s, {missing} missing",
        f"{calls / peer_rate:.2f} s ({source})",
        wall < WALL_LIMIT and not missing,
    )
    claims.claim(
        f"with < {CPU_LIMIT:g} s of CPU (handshakes, subscriptions and {calls} calls: {sent} datagrams)",
        f"{cpu:.3f} s",
        f"{calls * peer_us / 1e6:.3f} s for the calls alone ({source})",
        cpu < CPU_LIMIT and not missing,
    )
    claims.claim(
        f"a call of up to {BATCH} properties takes less CPU than python-miio's",
        f"{again / calls * 1e6:.0f} us",
        f"{peer_us:.0f} us ({source})",
        again / calls * 1e6 < peer_us,
    )

    simulated = Things(FOLLOWED, "--churn", "1")
    things = followed(simulated.things, library)
    cpu, home, before, after = asyncio.run(follow_all(things, simulated, given.seconds))
    simulated.quit()
    pushed, lost = after["pushed"] - before["pushed"], after["given_up"] - before["given_up"]
    retried = (after["sent"] - after["messages"]) - (before["sent"] - before["messages"])
    claims.claim(
        f"{len(things)} things followed for {given.seconds:g} s, no push lost",
        f"{pushed} pushed, {lost} lost, {retried} sent again, {home.losses} things lost",
        "python-miio takes no such pushes",
        pushed > 0 and lost == 0 and home.losses == 0 and len(home.reached_now) == len(things),
    )
    claims.claim(
        "on one core",
        f"{cpu / given.seconds:.1%} of it",
        f"{1000 * peer_us / 1e6:.1%} to poll each once a second ({source})",
        cpu < given.seconds,
    )
    return 1 if claims.failed else 0


if __name__ == "__main__":
    sys.exit(main())
