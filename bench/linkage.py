"""What linkages claim: CPU of a run with every fact durable, and latency while the writer is busy with other facts.

    python bench/linkage.py [--rounds N] [--peer]

500 things, 200 linkages as people write them (YAML, parsed, checked, compiled), each with a state trigger, two
conditions and a command; the radio takes commands and answers at once. Bursts change 200 sensors in one turn of the
loop; each change sets off one run, whose facts are the observation and the run with its command.

Peer: Home Assistant core (figures from the notes: measured as a library, in memory, on another day and an idle machine
of the same kind).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

sys.path.append(str(Path(__file__).parents[1]))

from bench.claims import Claims, cpu_seconds, percentile
from setaria.app import HOUSEHOLD, Hub, Settings
from setaria.facts.fact import HUB, Actor
from setaria.home import commands as c
from setaria.home import facts as f
from setaria.home.linkage.check import check
from setaria.home.linkage.parse import parse
from setaria.home.ports import Act, Answer, Done, Followed, Learnt, Observer, RadioHealth, Reading, Unreachable, Write

THINGS: Final = 500
LINKAGES: Final = 200
SENSOR: Final = "lumi.sensor_motion.v2"
LAMP: Final = "philips.light.ceiling"
OTHER_FACTS_A_SECOND: Final = 10_000
ONE_AT_A_TIME: Final = 3_200  # an even number of turns for each of them
SERIES: Final = 6  # these machines are shared: the best tells of the code, the median of the day
PASSES: Final = 3

LINKAGE: Final = """
id: rule_{n}
alias: Rule {n}
mode: parallel
max: 10
triggers:
  - trigger: state
    entity_id: sensor_{n}/{motion}
    to: [true, false]
conditions:
  - condition: state
    entity_id: helper/guest_mode.on
    state: false
  - condition: numeric_state
    entity_id: lamp_{n}/light.brightness
    below: 90
actions:
  - set:
      lamp_{n}/light.on: true
      lamp_{n}/light.brightness: 40
"""


class TakingRadio:
    """Takes what is sent and says yes; `left` is when the last command left the home."""

    name: Final = "miio"

    def __init__(self) -> None:
        self.sent = 0
        self.left = 0
        self._answers: list[Answer] = []

    async def start(self, observer: Observer) -> None: ...

    async def stop(self) -> None: ...

    def search(self) -> None: ...

    def follow(self, followed: Followed) -> None: ...

    def forget(self, thing: str) -> None: ...

    def write(self, thing: str, writes: Sequence[Write], answer: Answer) -> None:
        self.left = time.perf_counter_ns()
        self.sent += 1
        self._answers.append(answer)

    def act(self, thing: str, act: Act, answer: Answer) -> None:
        answer(Unreachable())

    def read(self, thing: str) -> None: ...

    def identify(self, address: str, location: str, secret: bytes, learnt: Learnt) -> None: ...

    def health(self) -> RadioHealth:
        return RadioHealth(self.name, True, 0, 0, self.sent, 0, {})

    def answer_all(self) -> None:
        answers, self._answers = self._answers, []
        for answer in answers:
            answer(Done())


class Bench:
    def __init__(self, hub: Hub, radio: TakingRadio) -> None:
        self.hub = hub
        self.radio = radio
        self.home = hub.home
        motion = next(
            each for each in hub.specs.get(SENSOR).properties() if each.readable and each.format.value == "bool"
        )
        self.motion = motion
        self.on = [Reading(motion.siid, motion.piid, True)]
        self.off = [Reading(motion.siid, motion.piid, False)]

    async def furnish(self) -> None:
        me = self.hub.owner
        await self.home.arrange(me, c.SaveHelper("guest_mode", "switch", "Guest mode"))
        brightness = self.hub.specs.get(LAMP).find_property("light.brightness")
        adding = [
            self.home.arrange(me, c.AddThing("miio", str(n), model, name))
            for n, (model, name) in enumerate(
                [(SENSOR, f"sensor_{n}") for n in range(THINGS // 2)]
                + [(LAMP, f"lamp_{n}") for n in range(THINGS // 2)]
            )
        ]
        await asyncio.gather(*adding)
        for n in range(THINGS // 2):
            self.home.following.observed(f"sensor_{n}", self.off)
            self.home.following.observed(f"lamp_{n}", [Reading(brightness.siid, brightness.piid, 50)])
        for n in range(LINKAGES):
            parsed, problems = parse(LINKAGE.format(n=n, motion=self.motion.address))
            assert not problems, problems
            checked = check(parsed[0], self.home.arranged)
            assert checked.sound, checked.problems
            await self.home.arrange(me, c.SaveLinkage(checked.rule, me.member))
        for n in range(LINKAGES):
            self.home.following.observed(f"sensor_{n}", self.on)
        self.radio.answer_all()
        assert self.radio.sent == LINKAGES, self.radio.sent
        gc.collect()
        gc.freeze()  # as a hub does once it has started
        await self.hub.writer.flush()

    async def bursts(self, rounds: int) -> tuple[float, float, int]:
        """CPU seconds and wall seconds of that many pairs of bursts, all facts durable; and how many linkages ran."""
        before = self.radio.sent
        cpu, wall = cpu_seconds(), time.perf_counter()
        for _ in range(rounds):
            for change in (self.off, self.on):
                for n in range(LINKAGES):
                    self.home.following.observed(f"sensor_{n}", change)
                self.radio.answer_all()
                await asyncio.sleep(0)
            while self.hub.writer.held > 20_000:  # noqa: ASYNC110  a bench may look
                await asyncio.sleep(0.001)
        await self.hub.writer.flush()
        return cpu_seconds() - cpu, time.perf_counter() - wall, self.radio.sent - before

    async def latencies(self) -> tuple[list[float], float]:
        """Milliseconds from an observation's entry to its command's leaving; and other facts a second meanwhile."""
        taken: list[float] = []
        others = 0
        began = time.perf_counter()
        actor = Actor("radio/other", "thing")
        other = f.Happened("switch-sensor.click", {"times": 1})
        for turn in range(ONE_AT_A_TIME):
            await asyncio.sleep(0.001)
            due = (time.perf_counter() - began) * OTHER_FACTS_A_SECOND
            while others < due:
                self.hub.writer.record(f"thing/other_{others % 500}", other, actor)
                others += 1
            n = turn % LINKAGES
            sent = self.radio.sent
            entered = time.perf_counter_ns()
            self.home.following.observed(f"sensor_{n}", self.off if turn // LINKAGES % 2 == 0 else self.on)
            assert self.radio.sent == sent + 1
            taken.append((self.radio.left - entered) / 1e6)
            self.radio.answer_all()
        await self.hub.writer.flush()
        return taken, others / (time.perf_counter() - began)


async def run(rounds: int) -> None:
    claims = Claims("linkages: 500 things, 200 linkages")
    with tempfile.TemporaryDirectory() as folder:
        radio = TakingRadio()
        hub = Hub.open(Settings(Path(folder)), [radio])
        hub.home.live.record(f"home/{HOUSEHOLD}", f.EventFired("bench"), HUB)
        await hub.start()
        bench = Bench(hub, radio)
        await bench.furnish()
        await bench.bursts(5)
        series = [await bench.bursts(rounds) for _ in range(SERIES)]
        each = [cpu / ran * 1e6 for cpu, _, ran in series]
        per_run, fastest = min(each), max(ran / wall for _, wall, ran in series)
        claims.claim(
            f"CPU a linkage run, all facts durable, <= 60 us (best of {SERIES} series)",
            f"{per_run:.1f} us, median {percentile(each, 0.5):.1f} ({fastest:,.0f} runs/s)",
            "300-530 us, 1,900-3,400 runs/s, in memory (from notes)",
            per_run <= 60,
        )
        passes = [await bench.latencies() for _ in range(PASSES)]
        taken, others = min(passes, key=lambda result: percentile(result[0], 0.5))
        p50, p99 = percentile(taken, 0.5), percentile(taken, 0.99)
        busy = f"with {others:,.0f} other facts/s committed"
        claims.claim("latency p50 <= 0.05 ms", f"{p50:.4f} ms {busy}", "0.26 ms, idle (from notes)", p50 <= 0.05)
        claims.claim("latency p99 <= 0.5 ms", f"{p99:.4f} ms {busy}", "0.5-1.2 ms, idle (from notes)", p99 <= 0.5)
        medians = ", ".join(f"{percentile(each, 0.5):.4f}" for each, _ in passes)
        claims.note(f"p50 of each pass: {medians} ms; worst: {max(taken):.3f} ms; facts not kept: {hub.writer.lost}")
        await hub.close()
    claims.end()


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=50, help="pairs of bursts in a series")
    asyncio.run(run(options.parse_args().rounds))
