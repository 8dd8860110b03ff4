"""What stands before every route: who may knock, and with how much, for how long.

Until there are accounts only this machine is served, and a page of another site open in a browser on this machine must
not get in either: Host is ours (else a name of the attacker's own was pointed at 127.0.0.1), Origin is ours, and a
body is JSON by its type, which no form can send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any, Final

from setaria.facts.refused import Refused
from setaria.web.answers import send_refused
from setaria.words.catalogue import pick

LARGEST_BODY: Final = 512 * 1024
BODY_WITHIN: Final = 10.0  # seconds for a body to arrive
ANSWER_WITHIN: Final = 120.0  # seconds for an answer to begin
LONGEST_TARGET: Final = 8 * 1024  # bytes of path and query
LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
_BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Plain ASGI. The inner application receives one whole body, within the limit."""

    def __init__(self, inner: Any, language: str, answer_within: float = ANSWER_WITHIN) -> None:
        self._inner = inner
        self._language = language
        self._answer_within = answer_within
        self._hosts: Collection[bytes] = ()
        self._origins: Collection[bytes] = ()

    def serve_port(self, port: int) -> None:
        hosts = [f"{name}:{port}" for name in LOOPBACK]
        if port == 80:
            hosts += LOOPBACK
        self._hosts = frozenset(host.encode() for host in hosts)
        self._origins = frozenset(f"http://{host}".encode() for host in hosts)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers: dict[bytes, bytes] = {}
        twice: set[bytes] = set()
        for name, value in scope["headers"]:
            name = name.lower()
            if name in headers:
                twice.add(name)
            headers[name] = value
        wanted = headers.get(b"accept-language")
        language = pick(wanted.decode("latin-1")) if wanted is not None else self._language
        scope["setaria.headers"], scope["setaria.language"] = headers, language
        try:
            self._check_sender(headers, twice)
            if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST_TARGET:
                raise Refused("target_too_long", most=LONGEST_TARGET)
            scope["setaria.body"] = await self._body(scope["method"], headers, receive)
        except Refused as refused:
            await send_refused(send, refused, language, ((b"connection", b"close"),))
            return
        await self._within(scope, receive, send, language)

    def _check_sender(self, headers: dict[bytes, bytes], twice: set[bytes]) -> None:
        host = headers.get(b"host", b"")
        if host.lower() not in self._hosts or b"host" in twice:
            raise Refused("host_foreign", host=_shown(host))
        origin = headers.get(b"origin")
        if origin is not None and (origin.lower() not in self._origins or b"origin" in twice):
            raise Refused("origin_foreign", origin=_shown(origin))
        if headers.get(b"sec-fetch-site") == b"cross-site":
            raise Refused("origin_foreign", origin="cross-site")

    async def _body(self, method: str, headers: dict[bytes, bytes], receive: Any) -> bytes:
        if method in _BODILESS:
            return b""
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) > LARGEST_BODY:
            raise Refused("body_too_large", most=LARGEST_BODY)
        if b"transfer-encoding" in headers or length != b"0":
            kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
            if kind != b"application/json":
                raise Refused("content_type_unfit", type=_shown(kind))
        try:
            async with asyncio.timeout(BODY_WITHIN):
                return await _received(receive)
        except TimeoutError:
            raise Refused("request_too_slow", seconds=round(BODY_WITHIN)) from None

    async def _within(self, scope: Any, receive: Any, send: Any, language: str) -> None:
        """The limit is on the answer's beginning: live updates go on for as long as they are wanted."""
        begun = False

        async def noting(message: Any) -> None:
            nonlocal begun
            if not begun:
                begun = True
                limit.reschedule(None)
            await send(message)

        try:
            async with asyncio.timeout(self._answer_within) as limit:
                await self._inner(scope, receive, noting)
        except TimeoutError:
            if not begun:
                await send_refused(send, Refused("request_too_long", seconds=round(self._answer_within)), language)


async def _received(receive: Any) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused("body_unreadable", where="", why="cut_off")
        part = message.get("body", b"")
        size += len(part)
        if size > LARGEST_BODY:
            raise Refused("body_too_large", most=LARGEST_BODY)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _shown(header: bytes) -> str:
    return header[:80].decode("ascii", "replace")
