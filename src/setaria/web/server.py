"""The site: the API and the interface, on the loopback interface and, over TLS, on the local network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from setaria.facts.refused import Refused
from setaria.facts.secrets import SecretStore
from setaria.web import (
    activity_routes,
    arrange_routes,
    fact_routes,
    flywheel_routes,
    history,
    history_csv,
    home_routes,
    hub_routes,
    linkage_routes,
    live,
    member_routes,
    mqtt_routes,
    notifier_routes,
    session_routes,
    token_routes,
    upkeep_routes,
)
from setaria.web.answers import ALWAYS, send_refused
from setaria.web.guard import Guard
from setaria.web.lan import Lan, LocalNetwork
from setaria.web.listener import Listener
from setaria.web.routing import Router
from setaria.web.services import Services
from setaria.web.static_files import FOLDER, StaticFiles
from setaria.web.table import Route

HOSTS: Final = {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1", "::1": "::1", "[::1]": "::1"}
CA_PATH: Final = "/ca.crt"

__all__ = ["Services", "Site"]


class Site:
    """`port` is 0 for any free one until `start` has found it."""

    def __init__(self, services: Services, host: str = "127.0.0.1", port: int = 8080, static: Path = FOLDER) -> None:
        self.services = services
        self.host = HOSTS.get(host, "")
        if not self.host:
            raise Refused("host_not_loopback", host=host[:80])
        self.live = live.Feed(services)
        self.routes: tuple[Route, ...] = (
            *hub_routes.routes(services.clock.ticks(), lambda: self.routes),
            *home_routes.ROUTES,
            *history.ROUTES,
            *history_csv.ROUTES,
            *fact_routes.ROUTES,
            *flywheel_routes.ROUTES,
            *activity_routes.ROUTES,
            *arrange_routes.ROUTES,
            *linkage_routes.ROUTES,
            *mqtt_routes.ROUTES,
            *notifier_routes.ROUTES,
            *upkeep_routes.ROUTES,
            *session_routes.ROUTES,
            *token_routes.ROUTES,
            *member_routes.ROUTES,
            *live.routes(self.live),
        )
        self._front = front(Router(self.routes, services), StaticFiles(static), self._trusted)
        self.app = Guard(self._front, services.language)
        self.lan: LocalNetwork | None = None
        self._listener = Listener(self.app, self.host, port)

    @property
    def port(self) -> int:
        return self._listener.port

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    async def start(self) -> None:
        """Returns once connections are taken. Raises Refused("port_in_use" | "port_unusable")."""
        self._listener.claim()
        self.app.serve_port(self.port)
        await self._listener.start()

    async def open_lan(self, lan: Lan, folder: Path, secrets: SecretStore) -> None:
        """Answer on the local network too. Raises Refused as `LocalNetwork.start`; this computer is served anyway."""
        guard = Guard(self._front, self.services.language)
        made = LocalNetwork(lan, folder, secrets, self.services.clock, guard)
        await made.start()
        self.lan = made

    async def stop(self) -> None:
        """Ends the live updates, lets requests under way finish for a moment, and frees the ports."""
        self.live.close()
        if self.lan is not None:
            await self.lan.stop()
            self.lan = None
        await self._listener.stop()

    def _trusted(self) -> bytes:
        return b"" if self.lan is None else self.lan.authority


def front(api: Any, pages: Any, authority: Callable[[], bytes]) -> Any:
    """The API, the interface that uses it, and the certificate to trust."""

    async def choose(scope: Any, receive: Any, send: Any) -> None:
        path: str = scope["path"]
        if path == CA_PATH:
            await _send_authority(scope, send, authority())
        elif path == "/api" or path.startswith("/api/"):
            await api(scope, receive, send)
        else:
            await pages(scope, receive, send)

    return choose


async def _send_authority(scope: Any, send: Any, written: bytes) -> None:
    if not written or scope["method"] not in ("GET", "HEAD"):
        await send_refused(send, Refused("route_unknown", path=CA_PATH), scope["setaria.language"])
        return
    headers = [
        (b"content-type", b"application/x-x509-ca-cert"),
        (b"content-disposition", b'attachment; filename="setaria-ca.crt"'),
        (b"content-length", str(len(written)).encode()),
        *ALWAYS,
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else written})
