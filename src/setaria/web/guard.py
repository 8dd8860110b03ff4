"""What stands before every route: who may knock, and with how much, for how long. One guard for each listener.

A page of another site, open in a browser that can reach the hub, must not get in: Host is ours (else a name of the
attacker's own was pointed at our address: DNS rebinding), Origin is ours, and a body is JSON by its type, which no form
can send.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from setaria.facts.refused import Refused
from setaria.web.answers import accepts, gzipping, send_refused
from setaria.words.catalogue import pick

LARGEST_BODY: Final = 512 * 1024
BODY_WITHIN: Final = 10.0  # seconds for a body to arrive
ANSWER_WITHIN: Final = 120.0  # seconds for an answer to begin
LONGEST_TARGET: Final = 8 * 1024  # bytes of path and query
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Entrance(msgspec.Struct, frozen=True):
    """`hosts` as the Host header names them, `origins` as Origin does. `strict` has browsers stay with HTTPS."""

    hosts: frozenset[bytes] = frozenset()
    origins: frozenset[bytes] = frozenset()
    secure: bool = False
    strict: bool = False


def entrance(names: Iterable[str], port: int, *, secure: bool = False, strict: bool = False) -> Entrance:
    """For names and addresses, IPv6 ones without brackets."""
    scheme, usual = ("https", 443) if secure else ("http", 80)
    bare = [f"[{name}]" if ":" in name else name for name in names]
    hosts = [f"{name}:{port}" for name in bare] + (bare if port == usual else [])
    written = frozenset(host.lower().encode() for host in hosts)
    return Entrance(written, frozenset(scheme.encode() + b"://" + host for host in written), secure, strict)


class Guard:
    """Plain ASGI. The inner application receives one whole body, within the limit. `scope["scheme"]` can be believed;
    `setaria.strict` tells of Strict-Transport-Security."""

    def __init__(self, inner: Any, language: str, answer_within: float = ANSWER_WITHIN) -> None:
        self._inner = inner
        self._language = language
        self._answer_within = answer_within
        self._entrance = Entrance()
        self._admits: Callable[[str], bool] | None = None

    def open(self, entrance: Entrance, admits: Callable[[str], bool] | None = None) -> None:
        """From now on only requests for `entrance` pass, and of peers whose address `admits`."""
        self._entrance = entrance
        self._admits = admits

    def serve_port(self, port: int) -> None:
        """For the loopback interface."""
        self.open(entrance(LOOPBACK, port))

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
        scope["scheme"] = "https" if self._entrance.secure else "http"
        scope["setaria.strict"] = self._entrance.strict
        try:
            self._check_peer(scope.get("client"))
            self._check_sender(scope, headers, twice)
            if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST_TARGET:
                raise Refused("target_too_long", most=LONGEST_TARGET)
            scope["setaria.body"] = await self._body(scope["method"], headers, receive)
        except Refused as refused:
            await send_refused(send, refused, language, ((b"connection", b"close"),))
            return
        await self._within(scope, receive, gzipping(send, accepts(b"gzip", headers)), language)

    def _check_peer(self, client: Any) -> None:
        peer = str(client[0]) if client else ""
        if self._admits is not None and not self._admits(peer):
            raise Refused("peer_not_near", peer=peer[:80])

    def _check_sender(self, scope: Any, headers: dict[bytes, bytes], twice: set[bytes]) -> None:
        host = headers.get(b"host", b"")
        if host.lower() not in self._entrance.hosts or b"host" in twice:
            raise Refused("host_foreign", host=_shown(host))
        origin = headers.get(b"origin")
        if origin is not None and (origin.lower() not in self._entrance.origins or b"origin" in twice):
            raise Refused("origin_foreign", origin=_shown(origin))
        if headers.get(b"sec-fetch-site") == b"cross-site" and not _follows_a_link(scope, headers):
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


def _follows_a_link(scope: Any, headers: dict[bytes, bytes]) -> bool:
    """Whether somebody comes to a page from elsewhere (a letter, a chat): pages hold nothing of the home."""
    path: str = scope["path"]
    return (
        scope["method"] in ("GET", "HEAD")
        and path != "/api"
        and not path.startswith("/api/")
        and headers.get(b"sec-fetch-mode") == b"navigate"
        and headers.get(b"sec-fetch-dest") == b"document"
    )


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
