"""`python -m setaria.simulated`: a process full of things, steered by lines of JSON on its standard input."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from setaria.facts.clock import Clock, SystemClock
from setaria.facts.refused import Refused
from setaria.home.spec.library import SpecLibrary
from setaria.simulated.assembly import SimulatedHome
from setaria.simulated.churn import Churn
from setaria.simulated.clocks import FastClock
from setaria.simulated.control import LINE_LIMIT, Control
from setaria.simulated.faults import Broken, Faults
from setaria.simulated.sample_home import SAMPLE, SampleThing, many, of_models
from setaria.simulated.server import Addresses, Options, Server

_CHUNK: Final = 64 * 1024


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m setaria.simulated", description="Things that speak miIO.")
    add = parser.add_argument
    add("--sample", action="store_true", help="the sample home (the default when neither --count nor --model is given)")
    add("--count", type=int, default=0, metavar="N", help="N things, going round all models or those of --model")
    add("--model", action="append", default=[], metavar="M", help="a thing of this model; may be repeated")
    add("--seed", type=int, default=1)
    add("--port", type=int, default=Options().port)
    add("--first-address", default=Options().first_address)
    add("--addresses", choices=[*Addresses], default=Addresses.AUTO, help="shared: a port a thing on 127.0.0.1")
    add("--speed", type=float, default=1.0, help="how many times faster than real time the things live")
    add("--reset", action="store_true", help="things as from the factory: tokens in their hellos, no Wi-Fi")
    add("--push", action=argparse.BooleanOptionalAction, default=True)
    add("--list", action="store_true", help="name all things, with their tokens, in the ready line")
    add("--churn", type=float, default=0.0, metavar="R", help="each thing changes a property R times a second")
    add("--still", action="store_true", help="nothing changes by itself")
    add("--with-parent", action="store_true", help="end when the standard input is closed")
    add("--loss", type=float, default=0.0, metavar="P")
    add("--delay", type=float, nargs=2, default=(0.0, 0.0), metavar="MS")
    add("--duplicate", type=float, default=0.0, metavar="P")
    add("--reorder", type=float, default=0.0, metavar="P")
    add("--broken", action="append", choices=[*Broken], default=[])
    add("--silent", action="store_true")
    add("--wrong-token", action="store_true")
    return parser.parse_args(given)


def _chosen(options: argparse.Namespace, library: SpecLibrary) -> tuple[SampleThing, ...]:
    things: tuple[SampleThing, ...] = ()
    if options.model:
        things = of_models(tuple(options.model), options.count or len(options.model))
    elif options.count:
        things = many(options.count, options.seed, library)
    return SAMPLE.things + things if options.sample or not things else things


def _options(given: argparse.Namespace) -> Options:
    return Options(
        port=given.port,
        first_address=given.first_address,
        addresses=Addresses(given.addresses),
        reset=given.reset,
        push=given.push,
        faults=Faults(
            loss=given.loss,
            delay=(given.delay[0], given.delay[1]),
            duplicate=given.duplicate,
            reorder=given.reorder,
            silent=given.silent,
            wrong_token=given.wrong_token,
            broken=tuple(Broken(each) for each in given.broken),
        ),
    )


class _Lines:
    """Reads the standard input without waiting for it; over-long lines are cut and answered as mistakes."""

    def __init__(self, take: Callable[[bytes], None], ended: Callable[[], None]) -> None:
        self._take = take
        self._ended = ended
        self._rest = b""
        try:
            asyncio.get_running_loop().add_reader(0, self._read)
        except (OSError, ValueError):  # a file or nothing: no one steers
            ended()

    def stop(self) -> None:
        asyncio.get_running_loop().remove_reader(0)

    def _read(self) -> None:
        try:
            chunk = os.read(0, _CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            chunk = b""
        if not chunk:
            self.stop()
            self._ended()
            return
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LINE_LIMIT:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            if line.strip():
                self._take(line)


def _print(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


async def _serve(given: argparse.Namespace) -> int:
    real = SystemClock()
    clock: Clock = real if given.speed == 1.0 else FastClock(real, given.speed)
    library = SpecLibrary()
    still = given.still or given.churn > 0  # with churn, what changes is what is counted
    home = SimulatedHome(_chosen(given, library), library, clock, given.seed, still=still)
    server = Server(home, real, _options(given))
    server.open()
    control = Control(server)
    ended = asyncio.Event()
    ready: dict[str, object] = {"ready": len(home.things), "broadcast": server.broadcast}
    if given.list:
        ready["things"] = control.things()
    churn = Churn(list(home.things.values()), real, given.churn) if given.churn else None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)

    def take(line: bytes) -> None:
        _print(control.do(line))
        if control.quitting:
            ended.set()

    _print(msgspec.json.encode(ready))
    lines = _Lines(take, lambda: ended.set() if given.with_parent else None)
    await ended.wait()
    lines.stop()
    if churn is not None:
        churn.stop()
        _print(msgspec.json.encode({"churn": {"things": churn.things, "changes": churn.changed, **control.stats()}}))
    home.stop()
    server.close()
    return 0


def main(given: Sequence[str] | None = None) -> int:
    options = _arguments(given)
    try:
        return asyncio.run(_serve(options))
    except (OSError, ValueError, Refused) as mistake:
        sys.stderr.write(f"setaria.simulated: {mistake}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
