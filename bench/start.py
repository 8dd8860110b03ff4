"""What starting claims: `setaria hub` with a home of 500 things, 200 linkages and a million facts.

    python bench/start.py [--facts N] [--runs N] [--keep FOLDER]

The home is made once, through the hub's own writer, with a snapshot 2,000 facts before the end. Then `setaria hub` is
started cold in a process of its own: the time runs from before the process is made until GET /api/health answers, with
every value and linkage there (asked afterwards). Memory is the resident set of all of the hub's processes, read from
/proc ten seconds after it answered. Peer: Home Assistant core (figures from the notes, 500 entities, 200 automations).
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

sys.path.append(str(Path(__file__).parents[1]))

from bench.claims import Claims, percentile
from bench.linkage import LINKAGE, LINKAGES, TakingRadio
from setaria.app import Hub, Settings
from setaria.home import commands as c
from setaria.home.finding import secret_name
from setaria.home.linkage.check import check
from setaria.home.linkage.parse import parse
from setaria.home.loading import save_snapshot
from setaria.home.ports import Reading

THINGS: Final = 500
MODELS: Final = 60
SENSOR: Final = "lumi.sensor_motion.v2"
LAMP: Final = "philips.light.ceiling"
AFTER_SNAPSHOT: Final = 2_000
SETTLE: Final = 10.0  # seconds


async def make_home(folder: Path, facts: int) -> None:
    """500 things of 60 models, among them the sensors and lamps that the 200 linkages join."""
    hub = Hub.open(Settings(folder, mdns=False), [TakingRadio()])
    await hub.start()
    me = hub.owner
    home = hub.home
    await home.arrange(me, c.SaveHelper("guest_mode", "switch", "Guest mode"))
    others = [model for model in hub.specs.models() if any(each.readable for each in hub.specs.get(model).properties())]
    models = [(SENSOR, f"sensor_{n}") for n in range(LINKAGES)] + [(LAMP, f"lamp_{n}") for n in range(LINKAGES)]
    models += [(others[n % MODELS], f"thing_{n}") for n in range(THINGS - len(models))]
    await asyncio.gather(
        *(home.arrange(me, c.AddThing("miio", str(n + 1), model, name)) for n, (model, name) in enumerate(models))
    )
    for n in range(THINGS):
        hub.secrets.put(secret_name("miio", str(n + 1)), n.to_bytes(16, "big"))
    motion = next(each for each in hub.specs.get(SENSOR).properties() if each.format.value == "bool" and each.readable)
    for n in range(LINKAGES):
        parsed, _ = parse(LINKAGE.format(n=n, motion=motion.address))
        await home.arrange(me, c.SaveLinkage(check(parsed[0], home.arranged).rule, me.member))
    await fill(hub, facts - AFTER_SNAPSHOT)
    await save_snapshot(home, hub.log)
    await fill(hub, AFTER_SNAPSHOT)
    await hub.writer.stop()  # as if the power went: no snapshot at the end
    hub.log.close_now()


async def fill(hub: Hub, facts: int) -> None:
    """Readings of every numeric property, each a change, through the home itself."""
    slots = [
        (thing.id, slot.property)
        for thing in hub.home.live.things.values()
        for slot in thing.by_key.values()
        if slot.property is not None and slot.property.readable and slot.property.format.value == "bool"
    ]
    made = 0
    while made < facts:
        for thing, each in slots:
            hub.home.following.observed(thing, [Reading(each.siid, each.piid, (made // len(slots)) % 2 == 0)])
            made += 1
            if made % 500 == 0:
                await asyncio.sleep(0)
                while hub.writer.held > 20_000:  # noqa: ASYNC110  a bench may look
                    await asyncio.sleep(0.002)
            if made >= facts:
                break
    await hub.writer.flush()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def get(port: int, path: str, token: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def children(process: int) -> list[int]:
    listed = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(each) for each in listed] + [deeper for each in listed for deeper in children(int(each))]


def resident(process: int) -> float:
    pages = sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in (process, *children(process)))
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def installed(bytecode: Path) -> dict[str, str]:
    """The environment of an installed program: its modules were compiled once, not at every start."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(bytecode)}


def start_once(folder: Path, environment: dict[str, str], measure_memory: bool) -> tuple[float, float, float]:
    """(seconds to the first answer, CPU seconds until then, MiB resident)."""
    port = free_port()
    terminal = folder / "terminal"  # the way in for who may read the folder; made anew by each start
    terminal.unlink(missing_ok=True)
    command = [
        str(Path(sys.executable).with_name("setaria")),
        "hub",
        "--data",
        str(folder),
        "--port",
        str(port),
        "--no-mdns",
        *("--lan-host", "127.0.0.1", "--lan-port", str(free_port())),
    ]
    command += ["--broadcast", "127.255.255.255:54399"]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    try:
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
            except OSError:
                if process.poll() is not None or time.perf_counter() - began > 60:
                    raise SystemExit("the hub did not start") from None
                time.sleep(0.002)
        while not terminal.exists():
            time.sleep(0.001)
        token = terminal.read_text().split()[0]
        health = get(port, "/api/health", token)
        took = time.perf_counter() - began
        assert health["ok"], health
        times = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        cpu = (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")
        assert (
            len(get(port, "/api/things", token)) == THINGS or len(get(port, "/api/things", token)["things"]) == THINGS
        )
        armed = get(port, "/api/linkages", token)
        assert len(armed if isinstance(armed, list) else armed["linkages"]) == LINKAGES
        memory = 0.0
        if measure_memory:
            time.sleep(SETTLE)
            memory = resident(process.pid)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return took, cpu, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="make the home here, or use the one that is there")
    options = parser.parse_args()
    claims = Claims(f"start: 500 things, 200 linkages, {options.facts:,} facts")
    folder = options.keep or Path(tempfile.mkdtemp(prefix="setaria-start-"))
    try:
        if not (folder / "log.db").exists():
            began = time.perf_counter()
            asyncio.run(make_home(folder, options.facts))
            claims.note(f"made in {time.perf_counter() - began:.0f} s, {(folder / 'log.db').stat().st_size >> 20} MiB")
        environment = installed(folder / "bytecode")
        start_once(folder, environment, False)
        runs = [start_once(folder, environment, run == options.runs - 1) for run in range(options.runs)]
        took = percentile([run[0] for run in runs], 0.5)
        cpu = percentile([run[1] for run in runs], 0.5)
        memory = runs[-1][2]
        claims.claim(
            "cold to answering < 0.5 s (median)",
            f"{took:.3f} s ({min(run[0] for run in runs):.3f}-{max(run[0] for run in runs):.3f}; CPU {cpu:.2f} s)",
            "1.0-3.8 s (from notes)",
            took < 0.5,
        )
        claims.claim("resident < 60 MiB", f"{memory:.1f} MiB", "75-152 MiB (from notes)", 0 < memory < 60)
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    claims.end()


if __name__ == "__main__":
    main()
