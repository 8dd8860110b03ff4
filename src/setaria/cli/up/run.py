"""`setaria up`: a living home in one terminal."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from setaria.app import Hub, Settings
from setaria.cli.hub import HOST, PORT
from setaria.cli.lan import LanOptions, lan_of
from setaria.cli.places import PORTS_TRIED, SAMPLE_FOLDER, free_port, is_free
from setaria.cli.serve import Ending, running
from setaria.cli.up import mqtt, sample
from setaria.cli.up.child import Ready, Simulated
from setaria.cli.up.happenings import Happenings, Line
from setaria.facts.refused import Refused
from setaria.home.ports import Found
from setaria.home.telling.state import Tone
from setaria.radio.mqtt.options import MqttSettings
from setaria.simulated.sample_home import SAMPLE
from setaria.words import say

THINGS_PORT: Final = 54_321
FIRST_ADDRESS: Final = "127.0.1.1"
ALL_FOUND_WITHIN: Final = 20.0  # seconds
STARTS_TRIED: Final = 4
FOUND_WAITING: Final = 10_000
SAMPLE_THINGS: Final = len(SAMPLE.things)


class UpOptions(msgspec.Struct, frozen=True):
    things: int = SAMPLE_THINGS
    speed: float = 1.0
    port: int = PORT
    data: Path | None = None
    plain: bool = False
    lan: LanOptions = LanOptions()
    mqtt: bool = False


def run_up(options: UpOptions, language: str) -> int:
    """Until Ctrl-C. Raises Refused: what Hub.open does, port_in_use, simulation_failed."""
    if not 1 <= options.things <= 10_000:
        raise Refused("option_unusable", option="--things", value=options.things)
    if not 0.01 <= options.speed <= 10_000:
        raise Refused("option_unusable", option="--speed", value=options.speed)
    asyncio.run(_up(options, language))
    return 0


async def _up(options: UpOptions, language: str) -> None:
    ending = Ending()
    notes: list[str] = []
    port = _free(options.port, HOST, socket.SOCK_STREAM, "api", notes, language)
    lan = lan_of(options.lan)
    if lan is not None and options.lan.port is None:
        lan = msgspec.structs.replace(lan, port=_free(lan.port, lan.host, socket.SOCK_STREAM, "lan", notes, language))
    folder = options.data or SAMPLE_FOLDER
    child, ready = await _start_things(options, notes, language)
    try:
        ready = msgspec.structs.replace(ready, things=ready.things[: options.things])
        settings = Settings(folder, language, HOST, port, ready.search_addresses(), mdns=False, bind=HOST, lan=lan)
        if options.mqtt and mqtt.is_installed():
            broker = _free(mqtt.PORT, HOST, socket.SOCK_STREAM, "mqtt", notes, language)
            settings = msgspec.structs.replace(settings, mqtt=MqttSettings(listen=(HOST, broker)))
        async with running(settings) as (hub, address):
            shown = _Shown(address, tuple(notes), options.plain, language, options.speed if options.mqtt else 0.0)
            await _show(hub, child, ready, ending, shown)
    finally:
        await child.stop()
    sys.stdout.write(say("cli.up.ended", language, folder=str(folder)) + "\n")


class _Shown(msgspec.Struct, frozen=True):
    address: str
    notes: tuple[str, ...]
    plain: bool
    language: str
    mqtt: float  # how fast the things on MQTT live, 0 without any


async def _start_things(options: UpOptions, notes: list[str], language: str) -> tuple[Simulated, Ready]:
    """Another home that starts at the same moment may take the port that was free just now: then the next one is."""
    more = max(0, options.things - SAMPLE_THINGS)
    for left in reversed(range(STARTS_TRIED)):
        said: list[str] = []
        port = _free(THINGS_PORT, FIRST_ADDRESS, socket.SOCK_DGRAM, "things", said, language)
        arguments = ["--sample", "--port", str(port), "--speed", str(options.speed)]
        try:
            started = await Simulated.start([*arguments, *(["--count", str(more)] if more else [])])
        except Refused:
            if not left or is_free(port, FIRST_ADDRESS, socket.SOCK_DGRAM):
                raise
        else:
            notes += said
            return started
    raise AssertionError("the last try returns or raises")


def _free(wanted: int, host: str, kind: socket.SocketKind, what: str, notes: list[str], language: str) -> int:
    port = free_port(wanted, host, kind)
    if port is None:
        raise Refused("port_in_use", port=wanted, tried=PORTS_TRIED)
    if port != wanted:
        notes.append(say(f"cli.up.other_port_{what}", language, wanted=wanted, port=port))
    return port


async def _show(hub: Hub, child: Simulated, ready: Ready, ending: Ending, shown: _Shown) -> None:
    changed = asyncio.Event()
    happenings = Happenings(hub.home, shown.language, changed.set)
    unlisten = hub.writer.listen(happenings.take)
    hub.home.live.on_change(lambda _: changed.set())
    hub.home.live.on_reach(lambda _: changed.set())
    asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, changed.set)
    tasks = [
        asyncio.create_task(_settle_in(hub, ready, shown.language, happenings)),
        asyncio.create_task(_mourn(child, happenings, hub)),
    ]
    if shown.mqtt:
        tasks.append(asyncio.create_task(mqtt.bring(hub, shown.language, shown.mqtt, happenings)))
    try:
        with _logged(happenings, hub):
            if shown.plain or not sys.stdout.isatty():
                from setaria.cli.up.plain import show_lines

                await show_lines(hub, happenings, changed, ending, shown.address, shown.notes)
            else:
                from setaria.cli.up.screen import show_picture

                await show_picture(hub, happenings, changed, ending, shown.address, shown.notes)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        unlisten()


async def _settle_in(hub: Hub, ready: Ready, language: str, happenings: Happenings) -> None:
    """The first time: arrange the home. Each time: take in what the plan has and the home has not."""
    try:
        if sample.is_new(hub):
            await sample.arrange_household(hub, language)
        adopter = sample.Adopter(hub, ready.things, language)
        if not adopter.missing:
            things = len(hub.home.structure.things)
            happenings.note(Line(hub.clock.now(), "ready", say("cli.up.again", language, things=things)))
            return
        found: asyncio.Queue[Found] = asyncio.Queue(FOUND_WAITING)
        hub.home.following.on_found(lambda each: None if found.full() else found.put_nowait(each))
        sample.give_tokens(hub, ready.things)
        hub.home.search(hub.owner)
        for each in hub.home.finding.all():
            await adopter.adopt(each)
        async with asyncio.timeout(ALL_FOUND_WITHIN + len(ready.things) / 50):
            while adopter.missing:
                await adopter.adopt(await found.get())
    except TimeoutError:
        text = say("cli.up.not_found", language, count=len(adopter.missing))
        happenings.note(Line(hub.clock.now(), "missing", text, Tone.CARE))
    except Refused as refused:
        happenings.note(Line(hub.clock.now(), "refused", str(refused), Tone.CARE))
        return
    await _furnish(hub, language, happenings)


async def _furnish(hub: Hub, language: str, happenings: Happenings) -> None:
    if hub.home.structure.linkages:
        return
    await sample.save_scenes(hub, language)
    for path, code in await sample.save_linkages(hub, language):
        text = say("cli.up.linkage_left", language, file=path.name, code=code)
        happenings.note(Line(hub.clock.now(), "refused", text, Tone.CARE))
    count = len(hub.home.structure.active_linkages())
    text = say("cli.up.ready", language, things=len(hub.home.structure.things), linkages=count)
    happenings.note(Line(hub.clock.now(), "ready", text))


async def _mourn(child: Simulated, happenings: Happenings, hub: Hub) -> None:
    await child.ended()
    text = say("cli.up.things_ended", happenings.language)
    happenings.note(Line(hub.clock.now(), "ended", text, Tone.CARE))


class _ToStrip(logging.Handler):
    """Warnings of the hub belong into the picture, not across it."""

    def __init__(self, happenings: Happenings, hub: Hub) -> None:
        super().__init__(logging.WARNING)
        self._happenings = happenings
        self._hub = hub

    def emit(self, record: logging.LogRecord) -> None:
        self._happenings.note(
            Line(
                self._hub.clock.now(),
                "log",
                (record.getMessage() + (f": {record.exc_info[1]!r}" if record.exc_info else ""))[:300],
                Tone.CARE,
            )
        )


@contextmanager
def _logged(happenings: Happenings, hub: Hub) -> Iterator[None]:
    handler = _ToStrip(happenings, hub)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
