"""From the tables of routes to a router."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from setaria.facts.log import LogFaulty
from setaria.facts.refused import Refused
from setaria.facts.writer import LONGEST_COMMAND_ID
from setaria.home.somewhere import acts_somewhere
from setaria.web.answers import encode, send_json, send_refused
from setaria.web.credentials import asked_to_sign_in, identify, setting_cookie, until_signed_out
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
        send = setting_cookie(call, send)
        try:
            await self._answer(call, receive, send)
        except Refused as refused:
            await send_refused(send, refused, call.language, asked_to_sign_in(refused))
        except LogFaulty as faulty:
            await send_refused(send, faulty.refusal, call.language)
        except Exception:
            logger.exception("%s %s", self._route.method, self._route.path)
            await send_refused(send, Refused("fault"), call.language)

    async def _answer(self, call: Call, receive: Any, send: Any) -> None:
        route = self._route
        await identify(call)
        if route.acts:
            self._ask(call)
        call.command = _command_id(call.scope)
        if route.query is not None:
            call.query = _query(call.scope["query_string"], route.query)
        if self._decode is not None:
            try:
                call.body = self._decode(call.scope["setaria.body"])
            except UNREADABLE as error:
                raise unreadable(error) from None
        if route.stream:
            async with until_signed_out(call, receive) as receive_or_end:
                call.receive, call.send = receive_or_end, send
                await route.handler(call)
            return
        if call.command and route.method != "GET" and route.acts:  # who is not known yet has no keys
            request = (route.method, call.scope["path"], call.scope["setaria.body"])
            document = await self._once.run(call.by.member, call.command, request, lambda: self._document(call))
        else:
            document = await self._document(call)
        await send_json(send, 200, document, VARIES)

    def _ask(self, call: Call) -> None:
        """Raises Refused: sign_in_needed, not_allowed. Where the home asks for itself it is asked here whether this
        caller has the right anywhere at all, so that not even a body is read of who has it nowhere."""
        route = self._route
        if call.caller is None:
            raise Refused("sign_in_needed")
        if not route.home_asks:
            refused: Refused | None = None
            for act in route.acts:
                try:
                    return self._services.home.permits.require(call.by, act)
                except Refused as error:
                    refused = refused or error
            assert refused is not None
            raise refused
        if not acts_somewhere(self._services.home.permits, call.by, route.acts):
            self._services.home.permits.require(call.by, route.acts[0])
        return None

    async def _document(self, call: Call) -> bytes:
        return encode(await self._route.handler(call))


class Router:
    """Plain ASGI. A path with fewer parameters comes first, so that `/linkages/check` is not a linkage of that name."""

    def __init__(self, routes: Iterable[Route], services: Services) -> None:
        once = Once(services.clock)
        self._paths: dict[int, dict[tuple[str, ...], dict[str, Endpoint]]] = {}  # by how many parts they have
        for route in sorted(routes, key=lambda each: each.path.count("{")):
            parts = tuple(route.path.split("/"))
            methods = self._paths.setdefault(len(parts), {}).setdefault(parts, {})
            methods[route.method] = Endpoint(route, services, once)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        method = "GET" if scope["method"] == "HEAD" else str(scope["method"])
        allowed: list[str] = []
        for methods, parameters in self._matching(scope["path"]):
            if method in methods:
                scope["path_params"] = parameters
                await methods[method](scope, receive, send)
                return
            allowed = allowed or list(methods)  # those of the path that means it most closely
        if allowed:
            shown = ", ".join(allowed)
            refused, extra = Refused("method_unknown", method=method[:20], allowed=shown), ((b"allow", shown.encode()),)
            await send_refused(send, refused, scope["setaria.language"], extra)
        else:
            await send_refused(send, Refused("route_unknown", path=str(scope["path"])[:120]), scope["setaria.language"])

    def _matching(self, path: str) -> Iterator[tuple[dict[str, Endpoint], dict[str, str]]]:
        asked = path.split("/")
        for parts, methods in self._paths.get(len(asked), {}).items():
            given = _parameters(parts, asked)
            if given is not None:
                yield methods, given


def _parameters(parts: tuple[str, ...], asked: list[str]) -> dict[str, str] | None:
    """What stands for each `{name}`, or None when it is another path."""
    given: dict[str, str] = {}
    for part, each in zip(parts, asked, strict=True):
        if part[:1] == "{":
            if not each:
                return None
            given[part[1:-1]] = each
        elif part != each:
            return None
    return given


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
