"""`setaria hub`, without anything that a small board need not load."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from setaria.cli.exits import Exit, exit_of
from setaria.cli.language import complain, language_of
from setaria.cli.places import hub_folder, is_free, parse_address
from setaria.facts.refused import Refused
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


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refused("option_unusable", option=message[:200], value="")


def parse(arguments: Sequence[str]) -> HubOptions:
    """The options that `setaria hub --help` shows. Raises Refused("option_unusable")."""
    parser = _Parser(prog="setaria hub", add_help=False, allow_abbrev=False)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--broadcast", action="append", default=[])
    parser.add_argument("--mdns", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--lang", default="")
    given = parser.parse_args(arguments)
    return HubOptions(given.data, given.port, tuple(given.broadcast), given.mdns, given.lang)


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

    if not 0 <= options.port < 65_536:
        raise Refused("option_unusable", option="--port", value=options.port)
    broadcast = tuple(map(parse_address, options.broadcast))
    if options.port and not is_free(options.port, HOST, socket.SOCK_STREAM):
        raise Refused("port_in_use", port=options.port)
    try:
        asyncio.run(_serve(options, broadcast, language))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    return Exit.OK


async def _serve(options: HubOptions, broadcast: tuple[tuple[str, int], ...], language: str) -> None:
    from setaria.app import Settings
    from setaria.cli.serve import Ending, running

    ending = Ending()
    settings = Settings(options.data or hub_folder(), language, HOST, options.port, mdns=options.mdns)
    if broadcast:
        settings = msgspec.structs.replace(settings, broadcast=broadcast)
    async with running(settings) as (hub, address):
        name = hub.home.structure.household.name
        things = len(hub.home.structure.things)
        sys.stdout.write(say("cli.hub.ready", language, name=name, address=address, things=things) + "\n")
        sys.stdout.flush()
        await ending.wait()
