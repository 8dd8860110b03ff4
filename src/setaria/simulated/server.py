"""The sockets: each thing on an address of its own, all of them behind one broadcast address.

On loopback 127.0.1.1, 127.0.1.2 and so on, all at the standard port, as devices in a home have it. Where a platform has
only 127.0.0.1 (`Addresses.SHARED`), each thing takes a port of its own instead, and there is no broadcast.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import resource
import socket
from enum import StrEnum
from functools import partial
from ipaddress import IPv4Address
from random import Random
from typing import Final

import msgspec

from setaria.facts.clock import MILLISECOND, Clock
from setaria.radio.miio import codec
from setaria.simulated.assembly import SimulatedHome
from setaria.simulated.endpoint import Endpoint
from setaria.simulated.faults import CALM, Faults
from setaria.simulated.push import Address, Tally

BROADCAST: Final = "127.255.255.255"
PER_BLOCK: Final = 250  # addresses used of each 256
MOST_THINGS: Final = 10_000
LAST_PORT: Final = 65_535  # things that share an address take one port each, from the first up
_AT_ONCE: Final = 32  # datagrams read from one socket before the others have their turn
_GREETERS: Final = 64  # things that answer a broadcast in the same moment
_GREETING_GAP: Final = 5 * MILLISECOND


class Addresses(StrEnum):
    AUTO = "auto"
    OWN = "own"
    SHARED = "shared"


class Options(msgspec.Struct, frozen=True):
    port: int = codec.PORT
    first_address: str = "127.0.1.1"
    addresses: Addresses = Addresses.AUTO
    reset: bool = False
    push: bool = True
    faults: Faults = CALM


class Server:
    """Serves a home from the running event loop, between `open` and `close`."""

    def __init__(self, home: SimulatedHome, clock: Clock, options: Options) -> None:
        if len(home.things) > MOST_THINGS:
            raise ValueError(f"at most {MOST_THINGS} things")
        if not 1 <= options.port <= LAST_PORT - MOST_THINGS:
            raise ValueError(f"a port lies between 1 and {LAST_PORT - MOST_THINGS}")
        self.home = home
        self.endpoints: dict[str, Endpoint] = {}
        self.places: dict[str, Address] = {}
        self.broadcast: Address | None = None
        self._clock = clock
        self._options = options
        self._sockets: list[socket.socket] = []

    def open(self) -> None:
        """Raises OSError if an address is taken; then nothing stays open."""
        _allow_files(len(self.home.things) + 64)
        shared = self._options.addresses is Addresses.SHARED or (
            self._options.addresses is Addresses.AUTO and not _has_address(self._options.first_address)
        )
        try:
            for place, did in enumerate(self.home.things):
                self._open_thing(did, place, shared)
            if not shared:
                self._open_broadcast()
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        for endpoint in self.endpoints.values():
            endpoint.pusher.forget()
        for opened in self._sockets:
            loop.remove_reader(opened.fileno())
            opened.close()
        self._sockets.clear()

    def tally(self) -> Tally:
        total = Tally()
        for endpoint in self.endpoints.values():
            for field in Tally.__struct_fields__:
                setattr(total, field, getattr(total, field) + getattr(endpoint.pusher.tally, field))
        return total

    def _open_thing(self, did: str, place: int, shared: bool) -> None:
        options = self._options
        address = ("127.0.0.1", options.port + place) if shared else (host(options.first_address, place), options.port)
        opened = self._socket(address)
        endpoint = Endpoint(
            self.home.things[did],
            self._clock,
            Random(f"{self.home.seed}:{did}:wire"),  # noqa: S311  a simulation
            partial(_send, opened),
            push=options.push,
            reset=options.reset,
            host=address[0],
        )
        endpoint.faults = options.faults
        self.endpoints[did] = endpoint
        self.places[did] = address
        asyncio.get_running_loop().add_reader(opened.fileno(), _drain, opened, endpoint.receive)

    def _open_broadcast(self) -> None:
        self.broadcast = (BROADCAST, self._options.port)
        opened = self._socket(self.broadcast, reuse=True)
        asyncio.get_running_loop().add_reader(opened.fileno(), _drain, opened, self._greet)

    def _socket(self, address: Address, reuse: bool = False) -> socket.socket:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | getattr(socket, "SOCK_NONBLOCK", 0))
        self._sockets.append(opened)
        opened.setblocking(False)
        if reuse:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        return opened

    def _greet(self, datagram: bytes, address: Address) -> None:
        if not codec.is_hello(datagram):
            return
        # Not all in one breath: the asker's buffer holds a few hundred answers.
        endpoints = list(self.endpoints.values())
        for first in range(0, len(endpoints), _GREETERS):
            wait = first // _GREETERS * _GREETING_GAP
            some = endpoints[first : first + _GREETERS]
            self._clock.call_at(self._clock.ticks() + wait, partial(_greet_by, some, datagram, address))


def host(first: str, place: int) -> str:
    """The address of the thing at `place`, counted from 0: 250 to a block of 256."""
    start = int(IPv4Address(first))
    block, last = divmod((start & 0xFF) - 1 + place, PER_BLOCK)
    return str(IPv4Address((start & 0xFFFF_FF00) + (block << 8) + last + 1))


def _greet_by(endpoints: list[Endpoint], datagram: bytes, address: Address) -> None:
    for endpoint in endpoints:
        endpoint.receive(datagram, address)


def _drain(opened: socket.socket, receive: object) -> None:
    assert callable(receive)
    for _ in range(_AT_ONCE):
        try:
            datagram, address = opened.recvfrom(codec.READ_LIMIT + 1)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # the answer to an earlier datagram found nobody
            continue
        receive(datagram, address)


def _send(opened: socket.socket, datagram: bytes, address: Address) -> None:
    # A full buffer loses the datagram, as a full network does; a closed socket belongs to a thing that is gone.
    with contextlib.suppress(OSError):
        opened.sendto(datagram, address)


def _has_address(address: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as fault:
            if fault.errno == errno.EADDRNOTAVAIL:
                return False
            raise
    return True


def _allow_files(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted and soft != resource.RLIM_INFINITY:
        ceiling = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))
