"""One UDP socket for everything: hellos by broadcast, and the talk with every device.

It reads until the socket is empty at each turn of the loop, which asyncio's own datagram transport does not; with a
thousand devices that is the difference between keeping up and losing pushes.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from setaria.facts.refused import Refused
from setaria.radio.miio.codec import PORT, READ_LIMIT

Location = tuple[str, int]
Receiver = Callable[[bytes, Location], None]

RECEIVE_BUFFER: Final = 4 * 1024 * 1024
DATAGRAMS_A_TURN: Final = 256  # then others get their turn
UNSENT_LIMIT: Final = 1024


class Link(Protocol):
    @property
    def failed(self) -> int:
        """Datagrams that could not be sent."""

    def open(self, receive: Receiver) -> None: ...

    def send(self, datagram: bytes, to: Location) -> None: ...

    def close(self) -> None: ...


class UdpLink:
    def __init__(self, bind: str = "0.0.0.0", port: int = 0) -> None:  # noqa: S104  devices are on any interface
        self._bind: Final = (bind, port)
        self._socket: socket.socket | None = None
        self._receive: Receiver | None = None
        self._unsent: deque[tuple[bytes, Location]] = deque()
        self.failed = 0

    def open(self, receive: Receiver) -> None:
        """Raises Refused(radio_port_taken)."""
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        try:
            opened.bind(self._bind)
        except OSError as error:
            opened.close()
            raise Refused("radio_port_taken", address=self._bind[0], port=self._bind[1]) from error
        self._socket, self._receive = opened, receive
        asyncio.get_running_loop().add_reader(opened.fileno(), self._read)

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1]) if self._socket is not None else 0

    def send(self, datagram: bytes, to: Location) -> None:
        """Never raises: what cannot be sent is counted, as is what the network would lose without a word."""
        if self._socket is None:
            return
        if self._unsent:
            self._keep(datagram, to)
            return
        try:
            self._socket.sendto(datagram, to)
        except BlockingIOError:
            self._keep(datagram, to)
            asyncio.get_running_loop().add_writer(self._socket.fileno(), self._write)
        except OSError:
            self.failed += 1

    def close(self) -> None:
        if self._socket is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._socket.fileno())
            loop.remove_writer(self._socket.fileno())
            self._socket.close()
        self._socket = None
        self._unsent.clear()

    def _keep(self, datagram: bytes, to: Location) -> None:
        if len(self._unsent) < UNSENT_LIMIT:
            self._unsent.append((datagram, to))
        else:
            self.failed += 1

    def _write(self) -> None:
        while self._unsent and self._socket is not None:
            try:
                self._socket.sendto(*self._unsent[0])
            except BlockingIOError:
                return
            except OSError:
                self.failed += 1
            self._unsent.popleft()
        if self._socket is not None:
            asyncio.get_running_loop().remove_writer(self._socket.fileno())

    def _read(self) -> None:
        for _ in range(DATAGRAMS_A_TURN):
            if self._socket is None or self._receive is None:
                return
            try:
                datagram, sender = self._socket.recvfrom(READ_LIMIT + 1)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error of an earlier datagram
                self.failed += 1
                continue
            self._receive(datagram, sender)


def parse_location(location: str) -> Location | None:
    """`host` or `host:port`; None when it is empty. Raises Refused(location_invalid)."""
    if not location:
        return None
    host, colon, port = location.partition(":")
    if not colon:
        return host, PORT
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        raise Refused("location_invalid", location=location[:64])
    return host, int(port)


def format_location(location: Location) -> str:
    return location[0] if location[1] == PORT else f"{location[0]}:{location[1]}"
