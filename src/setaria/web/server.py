"""The site: the API, served by granian within the hub's own process and event loop."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from typing import Any, Final

from setaria.facts.refused import Refused
from setaria.web import arrange_routes, fact_routes, history, home_routes, hub_routes, linkage_routes, live
from setaria.web.guard import Guard
from setaria.web.routing import make_router
from setaria.web.services import Services
from setaria.web.table import Route

HOSTS: Final = {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1", "::1": "::1", "[::1]": "::1"}
HEADERS_WITHIN: Final = 10_000  # milliseconds
LARGEST_HEADERS: Final = 64 * 1024  # bytes
MOST_CONNECTIONS: Final = 512
UP_WITHIN: Final = 5.0  # seconds
DOWN_WITHIN: Final = 3.0

__all__ = ["Services", "Site"]


class Site:
    """`port` is 0 for any free one until `start` has found it."""

    def __init__(self, services: Services, host: str = "127.0.0.1", port: int = 8080) -> None:
        self.services = services
        self.host = HOSTS.get(host, "")
        if not self.host:
            raise Refused("host_not_loopback", host=host[:80])
        self.port = port
        self.live = live.Feed(services)
        self.routes: tuple[Route, ...] = (
            *hub_routes.routes(services.clock.ticks(), lambda: self.routes),
            *home_routes.ROUTES,
            *history.ROUTES,
            *fact_routes.ROUTES,
            *arrange_routes.ROUTES,
            *linkage_routes.ROUTES,
            *live.routes(self.live),
        )
        self.app = Guard(make_router(self.routes, services), services.language)
        self._claim: socket.socket | None = None
        self._server: Any = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    async def start(self) -> None:
        """Returns once connections are taken. Raises Refused("port_in_use" | "port_unusable")."""
        from granian.constants import HTTPModes, Interfaces
        from granian.http import HTTP1Settings
        from granian.server.embed import Server

        self._claim = claim(self.host, self.port)
        self.port = self._claim.getsockname()[1]
        self.app.serve_port(self.port)
        logging.getLogger("_granian").setLevel(logging.ERROR)  # it warns each time that embedding is new
        self._server = Server(
            self.app,
            address=self.host,
            port=self.port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=HEADERS_WITHIN, max_buffer_size=LARGEST_HEADERS),
            websockets=False,
            backlog=MOST_CONNECTIONS,
            backpressure=MOST_CONNECTIONS,
            log_enabled=False,
        )
        self._serving = asyncio.create_task(self._server.serve(), name="web")
        await self._up()

    async def _up(self) -> None:
        try:
            async with asyncio.timeout(UP_WITHIN):
                while True:
                    if self._serving is None or self._serving.done():
                        raise Refused("port_unusable", port=self.port, why="not_up")
                    try:
                        _, writer = await asyncio.open_connection(self.host, self.port)
                    except OSError:
                        await asyncio.sleep(0.005)
                        continue
                    writer.close()
                    return
        except (TimeoutError, Refused):
            await self.stop()
            raise Refused("port_unusable", port=self.port, why="not_up") from None

    async def stop(self) -> None:
        """Ends the live updates, lets requests under way finish for a moment, and frees the port."""
        self.live.close()
        if self._serving is not None:
            self._server.stop()
            await asyncio.wait([self._serving], timeout=DOWN_WITHIN)
            self._serving.cancel()
            await asyncio.gather(self._serving, return_exceptions=True)
            self._serving = None
        if self._claim is not None:
            self._claim.close()
            self._claim = None


def claim(host: str, port: int) -> socket.socket:
    """Bind without SO_REUSEPORT, so that nobody else has the port nor gets it; then let granian, which binds with it,
    join. It never listens, so no connection goes astray."""
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except (OSError, OverflowError) as error:
        made.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise Refused("port_in_use", port=port) from None
        raise Refused("port_unusable", port=port, why=str(error)[:80]) from None
    return made
