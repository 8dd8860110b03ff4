"""From the tables of routes to a router."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from starlette.routing import Route as StarletteRoute
from starlette.routing import Router

from setaria.facts.log import LogFaulty
from setaria.facts.refused import Refused
from setaria.facts.writer import LONGEST_COMMAND_ID
from setaria.web.answers import encode, send_json, send_refused
from setaria.web.once import Once
from setaria.web.services import Services
from setaria.web.table import MOST_PARAMETERS, UNREADABLE, Call, Query, Route, unreadable

logger = logging.getLogger(__name__)

VARIES: Final = ((b"vary", b"accept-language"),)


class Endpoint:
    """Plain ASGI for one route: reads, asks for the right, calls, answers."""

    def __init__(self, route: Route, services: Services, once: Once) -> None:
        self._route = route
        self._once = once
        self._services = services
        self._decode: Callable[[bytes], Any] | None = None
        if route.body is not None and not route.raw:
            self._decode = msgspec.json.Decoder(route.body).decode

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        call = Call(self._services, scope, scope.get("path_params", {}))
        try:
            await self._answer(call, receive, send)
        except Refused as refused:
            await send_refused(send, refused, call.language)
        except LogFaulty as faulty:
            await send_refused(send, faulty.refusal, call.language)
        except Exception:
            logger.exception("%s %s", self._route.method, self._route.path)
            await send_refused(send, Refused("fault"), call.language)

    async def _answer(self, call: Call, receive: Any, send: Any) -> None:
        route = self._route
        call.by = self._services.owner()
        if route.right is not None and not route.home_asks:
            self._services.home.permits.require(call.by, route.right)
        call.command = _command_id(call.scope)
        if route.query is not None:
            call.query = _query(call.scope["query_string"], route.query)
        if self._decode is not None:
            try:
                call.body = self._decode(call.scope["setaria.body"])
            except UNREADABLE as error:
                raise unreadable(error) from None
        if route.stream:
            call.receive, call.send = receive, send
            await route.handler(call)
            return
        if call.command and route.method != "GET":
            request = (route.method, call.scope["path"], call.scope["setaria.body"])
            document = await self._once.run(call.by.member, call.command, request, lambda: self._document(call))
        else:
            document = await self._document(call)
        await send_json(send, 200, document, VARIES)

    async def _document(self, call: Call) -> bytes:
        return encode(await self._route.handler(call))


class _Path(StarletteRoute):
    """A method that a path does not have is refused in our own form."""

    def __init__(self, path: str, endpoint: Endpoint, method: str, allowed: Sequence[str]) -> None:
        super().__init__(path, endpoint, methods=[method])
        self._allowed = ", ".join(allowed)

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        if self.methods and scope["method"] not in self.methods:
            refused = Refused("method_unknown", method=str(scope["method"])[:20], allowed=self._allowed)
            await send_refused(send, refused, scope["setaria.language"], ((b"allow", self._allowed.encode()),))
        else:
            await self.app(scope, receive, send)


def make_router(routes: Iterable[Route], services: Services) -> Router:
    """Paths with fewer parameters come first, so that `/linkages/check` is not a linkage of that name."""
    ordered = sorted(routes, key=lambda route: route.path.count("{"))
    methods: dict[str, list[str]] = {}
    for route in ordered:
        methods.setdefault(route.path, []).append(route.method)
    once = Once(services.clock)
    paths = [_Path(each.path, Endpoint(each, services, once), each.method, methods[each.path]) for each in ordered]
    return Router(paths, default=_unknown, redirect_slashes=False)


async def _unknown(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send_refused(send, Refused("route_unknown", path=str(scope["path"])[:120]), scope["setaria.language"])


def _command_id(scope: Any) -> str:
    given: bytes = scope["setaria.headers"].get(b"idempotency-key", b"")
    if len(given) > LONGEST_COMMAND_ID:
        raise Refused("command_id_too_long", longest=LONGEST_COMMAND_ID)
    if not given.isascii() or not given.decode("ascii", "replace").isprintable():
        raise Refused("command_id_unfit")
    return given.decode("ascii")


def _query(written: bytes, kind: type[Query]) -> Query:
    try:
        pairs = parse_qsl(
            written.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
        )
        return msgspec.convert(dict(pairs), kind, strict=False)
    except UNREADABLE as error:
        why = str(error).partition(" - at `")[0] if isinstance(error, msgspec.ValidationError) else "unreadable"
        where = str(error).partition(" - at `$.")[2].rstrip("`") if isinstance(error, msgspec.ValidationError) else ""
        raise Refused("query_unfit", where=where[:80], why=why[:160]) from None
