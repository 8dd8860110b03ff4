"""`setaria hub`, without anything that a small board need not load."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from setaria.cli import mqtt_options
from setaria.cli.exits import Exit, exit_of
from setaria.cli.lan import LanOptions, add_options, lan_of, options_of, said, setup_address
from setaria.cli.language import complain, language_of
from setaria.cli.mqtt_options import MqttOptions, mqtt_of
from setaria.cli.places import hub_folder, is_free, parse_address
from setaria.facts.refused import Refused
from setaria.web.lan import Lan
from setaria.words import say

HOST: Final = "127.0.0.1"
PORT: Final = 8080


class HubOptions(msgspec.Struct, frozen=True):
    """`broadcast` as typed, ADDRESS:PORT; empty is the whole network."""

    data: Path | None = None
    port: int = PORT
    broadcast: tuple[str, ...] = ()
    mdns: bool = True
    lang: str = ""
    lan: LanOptions = LanOptions()
    mqtt: MqttOptions = MqttOptions()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refused("option_unusable", option=message[:200], value="")


def options_parser() -> argparse.ArgumentParser:
    """Of the options that `setaria hub --help` shows."""
    parser = _Parser(prog="setaria hub", add_help=False, allow_abbrev=False)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--broadcast", action="append", default=[])
    parser.add_argument("--mdns", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--lang", default="")
    add_options(parser)
    mqtt_options.add_options(parser)
    return parser


def parse(arguments: Sequence[str]) -> HubOptions:
    """Raises Refused("option_unusable")."""
    given = options_parser().parse_args(arguments)
    return HubOptions(
        given.data,
        given.port,
        tuple(given.broadcast),
        given.mdns,
        given.lang,
        options_of(given),
        mqtt_options.options_of(given),
    )


def run_hub(arguments: Sequence[str]) -> int:
    language = language_of(arguments)
    try:
        return start_hub(parse(arguments), language)
    except Refused as refused:
        complain(refused, language)
        return exit_of(refused.code)


def start_hub(options: HubOptions, language: str) -> int:
    """Serve until SIGINT or SIGTERM. Raises Refused: port_in_use, and what Hub.open does."""
    import socket

    from setaria.upkeep import switching

    if not 0 <= options.port < 65_536:
        raise Refused("option_unusable", option="--port", value=options.port)
    broadcast = tuple(map(parse_address, options.broadcast))
    lan = lan_of(options.lan)
    if options.port and not is_free(options.port, HOST, socket.SOCK_STREAM):
        raise Refused("port_in_use", port=options.port)
    data = options.data or hub_folder()
    switching.settle(data)
    try:
        asyncio.run(_serve(options, broadcast, lan, language))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    status = switching.go_on(data)
    return Exit.OK if status is None else status


async def _serve(options: HubOptions, broadcast: tuple[tuple[str, int], ...], lan: Lan | None, language: str) -> None:
    from setaria.app import Settings
    from setaria.cli.serve import Ending, running

    ending = Ending()
    settings = Settings(
        options.data or hub_folder(),
        language,
        HOST,
        options.port,
        mdns=options.mdns,
        lan=lan,
        mqtt=mqtt_of(options.mqtt),
    )
    if broadcast:
        settings = msgspec.structs.replace(settings, broadcast=broadcast)
    async with running(settings) as (hub, address):
        name = hub.home.structure.household.name
        things = len(hub.home.structure.things)
        ready = say("cli.hub.ready", language, name=name, address=address, things=things)
        sys.stdout.write("\n".join((ready, *said(hub, address, language))) + "\n")
        if sys.stdout.isatty() and hub.lan is not None and (setup := setup_address(hub, address)):
            from setaria.cli.qr import painted, qr_lines

            sys.stdout.write(painted(qr_lines(setup)) + "\n")
        sys.stdout.flush()
        await ending.wait()
