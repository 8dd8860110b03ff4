"""One port, served by granian within the hub's own process and event loop."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from pathlib import Path
from typing import Any, Final

from setaria.facts.refused import Refused

HEADERS_WITHIN: Final = 10_000  # milliseconds
LARGEST_HEADERS: Final = 64 * 1024  # bytes
MOST_CONNECTIONS: Final = 512
MOST_STREAMS: Final = 100  # of one HTTP/2 connection (RFC 9113, section 6.5.2)
UP_WITHIN: Final = 5.0  # seconds
DOWN_WITHIN: Final = 3.0
BOTH_LISTEN: Final = 0.25  # seconds in which the new server takes connections beside the old one
ALL: Final = ("::", "0.0.0.0")  # noqa: S104  every interface, by IPv6 and IPv4 or, where there is no IPv6, by IPv4


class Listener:
    """`port` is 0 for any free one until `start` has found it; `host` one of ALL for every interface."""

    def __init__(self, app: Any, host: str, port: int) -> None:
        self.app = app
        self.host = host
        self.port = port
        self._claim: socket.socket | None = None
        self._server: Any = None
        self._serving: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    def claim(self) -> None:
        """Take the port. Raises Refused("port_in_use" | "port_unusable")."""
        try:
            self._claim = claim(self.host, self.port)
        except Refused as refused:
            if self.host != ALL[0] or refused.code == "port_in_use":
                raise
            self.host = ALL[1]
            self._claim = claim(self.host, self.port)
        self.port = self._claim.getsockname()[1]

    async def start(self, pair: tuple[Path, Path] | None = None) -> None:
        """Returns once connections are taken; with a `pair` of certificate and key, over TLS. Raises as `claim`."""
        if self._claim is None:
            self.claim()
        self._serve(pair)
        await self._up()

    async def swap(self, pair: tuple[Path, Path]) -> None:
        """Go on with another pair. What is under way on the old connections, live updates too, ends in its own time."""
        server, serving = self._server, self._serving
        self._serve(pair)
        await asyncio.sleep(BOTH_LISTEN)
        if serving is not None:
            server.stop()
            self._ending.add(serving)
            serving.add_done_callback(self._ending.discard)

    def _serve(self, pair: tuple[Path, Path] | None) -> None:
        from granian.constants import HTTPModes, Interfaces
        from granian.http import HTTP1Settings, HTTP2Settings
        from granian.server.embed import Server

        logging.getLogger("_granian").setLevel(logging.ERROR)  # it warns each time that embedding is new
        certificate, key = pair or (None, None)
        self._server = Server(
            self.app,
            address=self.host,
            port=self.port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.auto if pair else HTTPModes.http1,  # browsers speak HTTP/2 over TLS only
            http1_settings=HTTP1Settings(header_read_timeout=HEADERS_WITHIN, max_buffer_size=LARGEST_HEADERS),
            http2_settings=HTTP2Settings(max_concurrent_streams=MOST_STREAMS, max_headers_size=LARGEST_HEADERS),
            websockets=False,
            backlog=MOST_CONNECTIONS,
            backpressure=MOST_CONNECTIONS,
            log_enabled=False,
            ssl_cert=certificate,
            ssl_key=key,
        )
        self._serving = asyncio.create_task(self._server.serve(), name="web")

    async def _up(self) -> None:
        near = {"::": "::1", "0.0.0.0": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104
        try:
            async with asyncio.timeout(UP_WITHIN):
                while True:
                    if self._serving is None or self._serving.done():
                        raise Refused("port_unusable", port=self.port, why="not_up")
                    try:
                        _, writer = await asyncio.open_connection(near, self.port)
                    except OSError:
                        await asyncio.sleep(0.005)
                        continue
                    writer.close()
                    return
        except (TimeoutError, Refused):
            await self.stop()
            raise Refused("port_unusable", port=self.port, why="not_up") from None

    async def stop(self) -> None:
        """Lets requests under way finish for a moment, and frees the port. End the live updates before."""
        if self._serving is not None:
            self._server.stop()
            serving = {self._serving, *self._ending}
            await asyncio.wait(serving, timeout=DOWN_WITHIN)
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)
            self._serving = None
        if self._claim is not None:
            self._claim.close()
            self._claim = None


def claim(host: str, port: int) -> socket.socket:
    """Bind without SO_REUSEPORT, so that nobody else has the port nor gets it; then let granian, which binds with it,
    join. It never listens, so no connection goes astray."""
    made: socket.socket | None = None
    try:
        made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except (OSError, OverflowError) as error:
        if made is not None:
            made.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise Refused("port_in_use", port=port) from None
        raise Refused("port_unusable", port=port, why=str(error)[:80]) from None
    return made
