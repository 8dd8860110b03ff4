"""Bringing a reset thing into the home's Wi-Fi, from a computer that has joined the thing's own: no hub is needed."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
import time
from collections.abc import Callable
from datetime import datetime
from ipaddress import IPv4Address
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from setaria.cli.adding import read_text
from setaria.cli.client import HubRefused
from setaria.cli.language import complain
from setaria.cli.places import hub_folder, parse_address
from setaria.cli.terminal import Terminal, terminal_of, usage
from setaria.facts.clock import SECOND, Clock, SystemClock
from setaria.facts.refused import Refused

if TYPE_CHECKING:
    from setaria.radio.miio.link import Link, Location, Receiver
    from setaria.radio.miio.payload import RouterConfig
    from setaria.radio.miio.provision import Provisioned

RADIO: Final = "miio"
EVERYWHERE: Final = "255.255.255.255"
LOOKS: Final = 30  # once a second, until the hub has seen the thing too
SEARCH_EVERY: Final = 5  # looks

app = typer.Typer()


class Wish(msgspec.Struct, frozen=True):
    """`host` as typed. `token` is b"" where the thing is to give its own."""

    host: str
    ssid: str
    broadcast: tuple[tuple[str, int], ...]
    token: bytes = b""
    folder: Path | None = None


@app.command("wifi")
def wifi(
    context: typer.Context,
    host: Annotated[str, typer.Argument(metavar="HOST")],
    ssid: Annotated[str, typer.Option("--ssid", metavar="NAME")],
    password_file: Annotated[Path | None, typer.Option("--password-file", metavar="FILE")] = None,
    broadcast: Annotated[list[str] | None, typer.Option("--broadcast", metavar="ADDR:PORT")] = None,
    token: Annotated[str, typer.Option("--token", metavar="HEX")] = "",
    name: Annotated[str, typer.Option("--name", metavar="NAME")] = "",
    room: Annotated[str, typer.Option("--room", metavar="ROOM")] = "",
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR")] = None,
    show_token: Annotated[bool, typer.Option("--show-token")] = False,
) -> None:
    terminal = terminal_of(context)
    if show_token and not terminal.json:
        raise usage("--show-token", "")
    wish = Wish(_host(host), ssid, tuple(map(parse_address, broadcast or (EVERYWHERE,))), _token(token), data)
    back = _bring(terminal, wish, _password(terminal, ssid, password_file))
    folder = keep(terminal, back.address, back.token, data)
    document = {"address": back.address, "location": back.location, "kept": folder or "hub", "thing": ""}
    if show_token:
        document["token"] = back.token.hex()
    added, refused = _add(terminal, back.address, name, room) if name or room else (None, None)
    if added is not None:
        document["thing"] = added["thing"]
    terminal.answer(document, lambda: _show(terminal, back, folder, added))
    if refused is not None:
        raise refused


def _show(terminal: Terminal, back: Provisioned, folder: str, added: Any) -> None:
    terminal.print(terminal.say("cli.wifi.back", address=back.address, location=back.location))
    if added is None:
        terminal.print(_kept(terminal, back.address, folder))
    else:
        terminal.print(terminal.say("cli.done.added", name=added["name"], id=added["thing"]))


def _kept(terminal: Terminal, address: str, folder: str) -> str:
    return terminal.say("cli.wifi.kept_folder" if folder else "cli.wifi.kept_hub", address=address, folder=folder)


def _host(text: str) -> str:
    """Names are no use: answers are known by the address they come from. Raises Refused("location_invalid")."""
    from setaria.radio.miio.link import parse_location

    try:
        IPv4Address(text.partition(":")[0])
        parse_location(text)
    except ValueError:
        raise Refused("location_invalid", location=text[:64]) from None
    return text


def _token(text: str) -> bytes:
    """Raises Refused: miio_token_invalid, option_unusable; neither repeats it."""
    from setaria.radio.miio.codec import Keys

    try:
        token = bytes.fromhex(text)
    except ValueError:
        raise usage("--token", "") from None
    if token:
        try:
            Keys(token)
        except ValueError:
            raise Refused("miio_token_invalid", size=len(token)) from None
    return token


def _password(terminal: Terminal, ssid: str, file: Path | None) -> str:
    """Raises Refused: wifi_password_needed, file_unreadable."""
    if file is not None:
        return read_text(file).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Refused("wifi_password_needed")
    try:
        return getpass.getpass(terminal.say("cli.ask.wifi_password", ssid=ssid))
    except EOFError as error:
        raise Refused("wifi_password_needed") from error


def _bring(terminal: Terminal, wish: Wish, password: str) -> Provisioned:
    """A thing that has been told the Wi-Fi gives its token to nobody any more: it is kept even if the thing stays away
    or nobody waits for it."""
    from setaria.radio.miio.link import UdpLink, parse_location
    from setaria.radio.miio.payload import RouterConfig

    clock = SystemClock()
    config = RouterConfig(ssid=wish.ssid, passwd=password, gmt_offset=_seconds_from_utc(clock))
    met = Met(UdpLink(), parse_location(wish.host))
    told = False

    def step(name: str) -> None:
        nonlocal told
        told = name != "calling"
        sys.stderr.write(terminal.say(f"cli.wifi.{name}", host=wish.host, ssid=wish.ssid) + "\n")
        sys.stderr.flush()

    try:
        return asyncio.run(_provision(clock, met, wish, config, step))
    except (KeyboardInterrupt, Refused) as ended:
        gone = not isinstance(ended, Refused) or ended.code == "wifi_thing_gone"
        token = wish.token or met.token
        if told and gone and token:
            folder = keep(terminal, met.address, token, wish.folder)
            sys.stderr.write(_kept(terminal, met.address, folder) + "\n")
        raise


async def _provision(
    clock: Clock, link: Link, wish: Wish, config: RouterConfig, step: Callable[[str], None]
) -> Provisioned:
    from setaria.radio.miio.provision import provision

    return await provision(
        clock,
        link,
        Random(),  # noqa: S311  numbers of messages
        location=wish.host,
        wifi=config,
        broadcast=wish.broadcast,
        token=wish.token,
        step=step,
    )


def _seconds_from_utc(clock: Clock) -> int:
    """Of this computer's zone."""
    offset = datetime.fromtimestamp(clock.now() / SECOND).astimezone().utcoffset()
    return int(offset.total_seconds()) if offset else 0


class Met:
    """A link that remembers the first hello from `place`: the thing's id and the token that it gave."""

    def __init__(self, link: Link, place: Location | None) -> None:
        self.address = ""
        self.token = b""
        self._link: Final = link
        self._place: Final = place

    @property
    def failed(self) -> int:
        return self._link.failed

    def open(self, receive: Receiver) -> None:
        from setaria.radio.miio.codec import HEADER_SIZE, CodecError, is_hello, parse_hello_reply

        def hear(datagram: bytes, sender: Location) -> None:
            if not self.address and sender == self._place and len(datagram) == HEADER_SIZE and not is_hello(datagram):
                try:
                    reply = parse_hello_reply(datagram)
                except CodecError:
                    return
                self.address, self.token = str(reply.device_id), reply.token
            receive(datagram, sender)

        self._link.open(hear)

    def send(self, datagram: bytes, to: Location) -> None:
        self._link.send(datagram, to)

    def close(self) -> None:
        self._link.close()


def keep(terminal: Terminal, address: str, token: bytes, data: Path | None) -> str:
    """Hand it to the hub, or where none takes it, to a data folder, which is returned."""
    try:
        terminal.client.post("/api/secrets", {"radio": RADIO, "address": address, "token": token.hex()})
    except Refused as refused:
        if isinstance(refused, HubRefused):
            complain(refused, terminal.language)
    else:
        return ""
    return str(_store(address, token, data))


def _store(address: str, token: bytes, data: Path | None) -> Path:
    from setaria.facts.secrets import KeyFile, SecretStore
    from setaria.home.finding import secret_name

    named = os.environ.get("SETARIA_DATA", "")
    folder = data or (Path(named) if named else hub_folder())  # never the sample home's: this thing is real
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        SecretStore(folder / "secrets", KeyFile(folder / "key")).put(secret_name(RADIO, address), token)
    except OSError as error:
        raise Refused("file_unwritable", path=str(folder), why=error.strerror or "?") from error
    return folder


def _add(terminal: Terminal, address: str, name: str, room: str) -> tuple[Any, Refused | None]:
    """What was added, or why nothing was."""
    client = terminal.client
    try:
        for look in range(LOOKS):
            if look % SEARCH_EVERY == 0:
                client.post("/api/search")
            for each in client.get("/api/found")["found"]:
                if (each["radio"], each["address"]) == (RADIO, address) and each["model"]:
                    answer = client.arrange(
                        "AddThing", radio=RADIO, address=address, model=each["model"], thing="", name=name, room=room
                    )
                    return answer["facts"][0]["data"], None
            time.sleep(1)
    except Refused as refused:
        return None, refused
    return None, Refused("not_found_on_air", address=address)
