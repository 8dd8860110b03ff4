"""One POST to a program of others, over HTTP/1.1: no redirects, bounded in size and time.

Plain http goes to addresses of private networks only, and to the very address that was checked: a name that is pointed
elsewhere between the check and the connection leads nowhere.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from setaria.facts.refused import Refused
from setaria.home.ports import Done, Outcome, Unreachable

WITHIN: Final = 15.0  # seconds for all of it
LARGEST_HEAD: Final = 16 * 1024
MOST_INTERIM: Final = 5  # answers of 1xx before the real one
MOST_ADDRESSES: Final = 3
LONGEST_URL: Final = 2_000
AGAIN: Final = frozenset({408, 425, 429})
_LABELS: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?")
_PRIVATE: Final = tuple(
    map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "::1/128", "fc00::/7"))
)


class Target(msgspec.Struct, frozen=True):
    """`path` has the query with it, `origin` is shown to people and signed for push services."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == (443 if self.secure else 80) else f":{self.port}"
        return f"http{'s' * self.secure}://{host}{port}"


def target_of(url: str, *, secure: bool = False) -> Target:
    """With `secure` https alone will do. Raises Refused: target_unusable, target_insecure."""
    try:
        if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
            raise ValueError("length or characters")
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        port = (443 if parts.scheme == "https" else 80) if parts.port is None else parts.port
    except ValueError as error:
        raise Refused("target_unusable", target=url[:80]) from error
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or parts.fragment or not port or not _is_host(host):
        raise Refused("target_unusable", target=url[:80])
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    target = Target(parts.scheme == "https", host, port, path)
    literal = _literal(host)
    if not target.secure and (secure or (literal is not None and not is_private(literal))):
        raise Refused("target_insecure", target=target.origin)
    return target


def _is_host(host: str) -> bool:
    return len(host) <= 253 and (_literal(host) is not None or _LABELS.fullmatch(host) is not None)


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_private(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Link-local is not: there the machines of clouds keep their secrets."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    there = mapped or address
    return any(there in network for network in _PRIVATE if network.version == there.version)


class Http:
    """`tls` replaces the machine's own certificate authorities."""

    def __init__(self, tls: ssl.SSLContext | None = None, within: float = WITHIN) -> None:
        self._tls = tls
        self._within = within

    async def post(self, target: Target, headers: Mapping[str, str], body: bytes) -> int | Outcome:
        """The status of the answer, or why there was none."""
        try:
            async with asyncio.timeout(self._within):
                addresses = await resolve(target.host, target.port, private=not target.secure)
                reader, writer = await self._connect(target, addresses)
                try:
                    writer.write(_request(target, headers, body))
                    await writer.drain()
                    return await _status(reader)
                finally:
                    writer.transport.abort()  # what else it would say is of no use
        except TimeoutError:
            return Unreachable("timeout")
        except ssl.SSLError:
            return Unreachable("tls")
        except (OSError, EOFError):
            return Unreachable("connection")
        except (ValueError, asyncio.LimitOverrunError):
            return Unreachable("no_http")
        except Refused as refused:
            return Unreachable("name") if refused.code == "name_unknown" else refused

    async def _connect(self, target: Target, addresses: list[str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        tls: ssl.SSLContext | None = None
        if target.secure:
            if self._tls is None:
                self._tls = await asyncio.to_thread(ssl.create_default_context)  # reads all authorities: 20 ms
            tls = self._tls
        failure: OSError = OSError()
        for address in addresses[:MOST_ADDRESSES]:
            try:
                name = target.host if tls is not None else None
                return await asyncio.open_connection(
                    address, target.port, ssl=tls, server_hostname=name, limit=LARGEST_HEAD
                )
            except OSError as error:
                failure = error
        raise failure


async def resolve(host: str, port: int, *, private: bool) -> list[str]:
    """Addresses to connect to. Raises Refused: target_insecure when one is not private and must be, name_unknown."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Refused("name_unknown", name=host[:80]) from error
    addresses = list(dict.fromkeys(str(each[4][0]).partition("%")[0] for each in found))
    if private and not all(is_private(ipaddress.ip_address(each)) for each in addresses):
        raise Refused("target_insecure", target=host[:80])
    return addresses


def _request(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [
        f"POST {target.path} HTTP/1.1",
        f"Host: {target.origin.partition('://')[2]}",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"Content-Length: {len(body)}",
        "User-Agent: setaria",
        "Accept: */*",
        "Connection: close",
    ]
    if any(not line.isascii() or not line.isprintable() for line in lines):
        raise ValueError("a header that is no header")
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body


async def _status(reader: asyncio.StreamReader) -> int:
    for _ in range(MOST_INTERIM):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            raise EOFError from error
        match = re.match(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]", head)
        if match is None:
            raise ValueError("no HTTP")
        if (status := int(match[1])) >= 200:
            return status
    raise ValueError("no answer after the interim ones")


def outcome_of(answered: int | Outcome, target: Target, gone: frozenset[int] = frozenset()) -> Outcome:
    """`gone` are statuses that say the target is no more."""
    if not isinstance(answered, int):
        return answered
    if 200 <= answered < 300:
        return Done()
    if answered in gone:
        return Refused("notifier_gone")
    if answered in AGAIN or answered >= 500:
        return Unreachable("busy")
    if 300 <= answered < 400:
        return Refused("notifier_redirects", target=target.origin)
    return Refused("notifier_answered", target=target.origin, status=answered)
