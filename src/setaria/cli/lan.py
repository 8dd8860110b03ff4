"""How other devices reach the hub: the options for it, and what the terminal says of it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from setaria.facts.refused import Refused
from setaria.web.lan import PORT, Lan
from setaria.words import refusal, say

if TYPE_CHECKING:
    from setaria.app import Hub

SETUP: Final = "/setup"


class LanOptions(msgspec.Struct, frozen=True):
    """As typed; `port` is None for the usual one."""

    on: bool = True
    host: str = ""
    port: int | None = None
    names: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--lan", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--lan-host", default="")
    parser.add_argument("--lan-port", type=int)
    parser.add_argument("--name", action="append", default=[])
    parser.add_argument("--tls-cert", type=Path)
    parser.add_argument("--tls-key", type=Path)


def options_of(given: argparse.Namespace) -> LanOptions:
    return LanOptions(given.lan, given.lan_host, given.lan_port, tuple(given.name), given.tls_cert, given.tls_key)


def lan_of(options: LanOptions) -> Lan | None:
    """Raises Refused: option_unusable, name_unfit, tls_half_given."""
    from setaria.web.tls.names import check_name, is_address

    if not options.on:
        return None
    if options.host and not is_address(options.host):
        raise Refused("option_unusable", option="--lan-host", value=options.host[:80])
    port = PORT if options.port is None else options.port
    if not 0 <= port < 65_536:
        raise Refused("option_unusable", option="--lan-port", value=port)
    if (options.certificate is None) != (options.key is None):
        raise Refused("tls_half_given")
    names = tuple(map(check_name, options.names))
    host = "" if options.host in ("0.0.0.0", "::") else options.host  # noqa: S104
    return Lan(host, port, names, options.certificate, options.key, needed=options != LanOptions())


def addresses(hub: Hub, address: str) -> str:
    """`address` is that on this computer."""
    return f"{address}  {hub.lan.url}" if hub.lan is not None and hub.lan.open else address


def setup_address(hub: Hub, address: str) -> str:
    """Where the first owner comes in, with the code behind the mark that no server sees; empty once one has."""
    code = hub.accounts.setup_code
    return f"{hub.lan.url if hub.lan is not None and hub.lan.open else address}{SETUP}#{code}" if code else ""


def said(hub: Hub, address: str, language: str) -> Iterator[str]:
    """Lines about other devices and about the first owner."""
    if hub.lan is not None and hub.lan.open:
        yield say("cli.lan.open", language, address=hub.lan.url)
        for name in hub.lan.beyond:
            yield say("cli.lan.beyond", language, name=name)
    elif hub.lan is not None:
        yield say("cli.lan.waits", language)
    elif hub.lan_refused is not None:
        yield " ".join(filter(None, (say("cli.lan.shut", language), *refusal(hub.lan_refused, language))))
    if setup := setup_address(hub, address):
        yield said_of_setup(setup, language)


def said_of_setup(setup: str, language: str) -> str:
    if not setup:
        return ""
    address, _, code = setup.partition("#")
    return say("cli.lan.setup", language, address=address, code=code)
