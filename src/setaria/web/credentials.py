"""Who asks: from the cookie of a browser or the token of a program to a caller, and the cookie back.

A cookie is sent by the browser whoever made it ask, so with one every method that changes something must say that a
page of ours asked (Origin; the guard has seen that it is ours). A token is only ever sent on purpose.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

from setaria.facts.clock import SECOND
from setaria.facts.refused import Refused
from setaria.home.accounts.sessions import UNUSED_FOR
from setaria.web.table import Call

COOKIE: Final = "setaria_session"
SECURE_COOKIE: Final = f"__Host-{COOKIE}"
LONGEST_COOKIES: Final = 8_192  # bytes of the header that are looked at
MOST_COOKIES: Final = 4  # of our name: a browser sends the one of the longest path first
LOOK_AGAIN: Final = 15.0  # seconds
_SAFE: Final = frozenset({"GET", "HEAD"})
_BEARER: Final = re.compile(rb"[Bb]earer +([A-Za-z0-9._~+/=-]{1,300})")
_ASK: Final = ((b"www-authenticate", b"Bearer"),)


async def identify(call: Call) -> None:
    """Sets `caller` and `by`, if it is anybody. Raises Refused: token_void, origin_missing."""
    headers = call.scope["setaria.headers"]
    accounts = call.services.accounts
    given = headers.get(b"authorization")
    if given is not None:
        bearer = _BEARER.fullmatch(given)
        call.caller = accounts.by_bearer(bearer[1].decode(), loopback=is_loopback(call)) if bearer else None
        if call.caller is None:
            raise Refused("token_void")
    else:
        for value in _cookies(headers.get(b"cookie", b""), SECURE_COOKIE if is_secure(call) else COOKIE):
            call.caller = call.caller or accounts.by_cookie(value)
        if call.caller is not None:
            if call.scope["method"] not in _SAFE and b"origin" not in headers:
                call.caller = None
                raise Refused("origin_missing")
            call.cookie = await accounts.renew(call.caller) or None
    if call.caller is not None:
        call.by = call.caller.principal


def is_secure(call: Call) -> bool:
    return bool(call.scope.get("scheme") == "https")


def is_loopback(call: Call) -> bool:
    """Whether it comes from this very machine."""
    try:
        return ip_address(_peer(call)).is_loopback
    except ValueError:
        return False


def address_of(call: Call) -> str:
    """For counting what one place tries: an IPv6 host has as many addresses as it likes, but one network."""
    try:
        address = ip_address(_peer(call))
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped is not None else address.exploded[:19]
    return str(address)


def _peer(call: Call) -> str:
    client = call.scope.get("client")
    return str(client[0]).partition("%")[0] if client else ""


def _cookies(header: bytes, name: str) -> Sequence[str]:
    if len(header) > LONGEST_COOKIES:
        return ()
    pairs = (each.strip().partition("=") for each in header.decode("latin-1").split(";"))
    return [value.strip('"') for key, _, value in pairs if key == name][:MOST_COOKIES]


def set_cookie(value: str, secure: bool) -> bytes:
    """`value` empty takes it away."""
    name = SECURE_COOKIE if secure else COOKIE
    age = UNUSED_FOR // SECOND if value else 0
    written = f"{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict"
    return (written + "; Secure" * secure).encode()


def setting_cookie(call: Call, send: Any) -> Any:
    """A `send` that gives the browser the cookie that the call ends with."""

    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start" and call.cookie is not None:
            header = (b"set-cookie", set_cookie(call.cookie, is_secure(call)))
            message = {**message, "headers": [*message["headers"], header]}
        await send(message)

    return sending


def asked_to_sign_in(refused: Refused) -> Sequence[tuple[bytes, bytes]]:
    """RFC 9110, section 15.5.2: who is told 401 is told how."""
    return _ASK if refused.code in ("sign_in_needed", "token_void") else ()


@asynccontextmanager
async def until_signed_out(call: Call, receive: Any) -> AsyncIterator[Any]:
    """A `receive` that says the reader has gone as soon as the caller is nobody any more."""
    changed = asyncio.Event()
    unlisten = call.services.accounts.on_change(changed.set)
    over = asyncio.create_task(_over(call, changed), name="until signed out")

    async def receive_or_end() -> Any:
        receiving = asyncio.ensure_future(receive())
        try:
            await asyncio.wait({receiving, over}, return_when=asyncio.FIRST_COMPLETED)
            return receiving.result() if receiving.done() else {"type": "http.disconnect"}
        finally:
            receiving.cancel()

    try:
        yield receive_or_end
    finally:
        unlisten()
        over.cancel()


async def _over(call: Call, changed: asyncio.Event) -> None:
    while call.again() is not None:
        changed.clear()
        try:
            async with asyncio.timeout(LOOK_AGAIN):
                await changed.wait()
        except TimeoutError:
            continue
