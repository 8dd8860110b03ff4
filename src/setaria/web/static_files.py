"""The built interface, served from memory.

What can be asked for is what the listing found: a path is a key of a table and is never joined to a folder. Every path
without a file extension is a page, and all pages are index.html (history routing); what they show comes by the API.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import zlib
from pathlib import Path
from typing import Any, Final

import msgspec

from setaria.facts.refused import Refused
from setaria.web.answers import Headers, accepts, send_refused
from setaria.words.catalogue import say

FOLDER: Final = Path(__file__).with_name("static")
INDEX: Final = "/index.html"
HASHED: Final = "/assets/"  # Vite puts a hash of the content into these names
MOST_FILES: Final = 500
MOST_FOLDERS: Final = 50
LARGEST_FILE: Final = 4 << 20
LARGEST_TOTAL: Final = 24 << 20
LEVEL: Final = 9

# extension -> (type, worth compressing). What stands in no row is not served.
TYPES: Final = {
    ".html": (b"text/html; charset=utf-8", True),
    ".js": (b"text/javascript; charset=utf-8", True),
    ".css": (b"text/css; charset=utf-8", True),
    ".json": (b"application/json", True),
    ".webmanifest": (b"application/manifest+json", True),
    ".svg": (b"image/svg+xml", True),
    ".txt": (b"text/plain; charset=utf-8", True),
    ".png": (b"image/png", False),
    ".jpg": (b"image/jpeg", False),
    ".webp": (b"image/webp", False),
    ".ico": (b"image/x-icon", True),
    ".woff2": (b"font/woff2", False),
}
POLICY: Final = b"; ".join(
    (
        b"default-src 'none'",
        b"script-src 'self'",
        b"style-src 'self'",
        b"img-src 'self' data: blob:",
        b"connect-src 'self'",
        b"font-src 'self'",
        b"manifest-src 'self'",
        b"worker-src 'self'",
        b"base-uri 'none'",
        b"form-action 'none'",
        b"frame-ancestors 'none'",
    )
)
OFF: Final = (
    *(b"accelerometer", b"display-capture", b"geolocation", b"gyroscope", b"hid", b"magnetometer"),
    *(b"midi", b"payment", b"serial", b"usb", b"xr-spatial-tracking"),
)
SECURITY: Final[Headers] = [
    (b"content-security-policy", POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b", ".join((b"camera=(self)", b"microphone=(self)", *(each + b"=()" for each in OFF)))),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
# A part of a page, which makes no document or worker of its own, needs none of what rules those: of forty small files
# of a page these lines would be a third of all that comes.
PART: Final[Headers] = [
    each for each in SECURITY if each[0] in (b"x-content-type-options", b"cross-origin-resource-policy")
]
PARTS: Final = frozenset({".js", ".css", ".woff2"})
STRICT_TRANSPORT: Final = (b"strict-transport-security", b"max-age=31536000")
FOREVER: Final = b"public, max-age=31536000, immutable"
ASK_AGAIN: Final = b"no-cache"
READ: Final = ("GET", "HEAD")


class Content(msgspec.Struct, frozen=True):
    """`packed` is the gzip form, `brotli` the one that the build made; empty where there is none shorter."""

    plain: bytes
    packed: bytes
    brotli: bytes
    etag: bytes


class StaticFiles:
    """Plain ASGI, behind the guard. A folder built anew while it is served is listed anew."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._folder = folder
        self._stamp = -1
        self._files: dict[str, Path] = {}
        self._contents: dict[str, Content] = {}
        self._list()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path: str = scope["path"]
        method: str = scope["method"]
        if method not in READ:
            refused = Refused("method_unknown", method=method[:20], allowed=", ".join(READ))
            await send_refused(send, refused, scope["setaria.language"], ((b"allow", b"GET, HEAD"),))
            return
        self._list()
        name = INDEX if is_page(path) else path
        if name not in self._files:
            await self._missing(scope, send, name)
            return
        try:
            content = self._contents.get(name) or await self._load(name)
        except OSError:  # a build under way took it
            await self._missing(scope, send, name)
            return
        await self._send(scope, send, name, content)

    def _list(self) -> None:
        stamp = _stamp(self._folder / INDEX[1:])
        if stamp == self._stamp:
            return
        self._stamp = stamp
        self._contents = {}
        self._files = listing(self._folder)

    async def _load(self, name: str) -> Content:
        content = await asyncio.to_thread(read, self._files[name], TYPES[Path(name).suffix][1])
        if (
            sum(len(each.plain) + len(each.packed) + len(each.brotli) for each in self._contents.values())
            < LARGEST_TOTAL
        ):
            self._contents[name] = content
        return content

    async def _missing(self, scope: Any, send: Any, name: str) -> None:
        language = scope["setaria.language"]
        if name != INDEX:
            await send_refused(send, Refused("route_unknown", path=str(scope["path"])[:120]), language)
            return
        body = say("web.not_built", language).encode() + b"\n"
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
        await _answer(send, 503, [*headers, *SECURITY], body, scope["method"])

    async def _send(self, scope: Any, send: Any, name: str, content: Content) -> None:
        asked: dict[bytes, bytes] = scope["setaria.headers"]
        headers: Headers = [
            (b"cache-control", FOREVER if name.startswith(HASHED) else ASK_AGAIN),
            (b"etag", content.etag),
            (b"vary", b"accept-encoding"),
            *(PART if is_part(name) else SECURITY),
        ]
        if scope.get("setaria.strict"):
            headers.append(STRICT_TRANSPORT)
        if matches(asked.get(b"if-none-match", b""), content.etag):
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        headers.append((b"content-type", TYPES[Path(name).suffix][0]))
        body = content.plain
        if content.brotli and accepts(b"br", asked):
            headers.append((b"content-encoding", b"br"))
            body = content.brotli
        elif content.packed and accepts(b"gzip", asked):
            headers.append((b"content-encoding", b"gzip"))
            body = content.packed
        await _answer(send, 200, headers, body, scope["method"])


def is_page(path: str) -> bool:
    """Whether a path that is not the API's names a page of the interface rather than a file."""
    dotted = "." in path.rpartition("/")[2] or any(part in ("..", ".") for part in path.split("/"))
    return path.isprintable() and not dotted


def is_part(name: str) -> bool:
    """The service worker is none: it lies beside index.html."""
    return name.startswith(HASHED) and Path(name).suffix in PARTS


def listing(folder: Path) -> dict[str, Path]:
    """Path asked for -> file. Plain files only: nothing that a link leads to."""
    found: dict[str, Path] = {}
    folders = [(folder, "/")]
    for here, prefix in folders:
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False) and len(folders) < MOST_FOLDERS:
                folders.append((Path(entry.path), f"{prefix}{entry.name}/"))
            elif (
                entry.is_file(follow_symlinks=False)
                and Path(entry.name).suffix in TYPES
                and entry.stat(follow_symlinks=False).st_size <= LARGEST_FILE
                and len(found) < MOST_FILES
            ):
                found[prefix + entry.name] = Path(entry.path)
    return found


def read(path: Path, compress: bool) -> Content:
    """Raises OSError, for a link too."""
    plain = _read(path)
    packed, brotli = b"", b""
    if compress:
        packing = zlib.compressobj(LEVEL, wbits=31)
        packed = packing.compress(plain) + packing.flush()
        with contextlib.suppress(OSError):
            brotli = _read(path.with_name(f"{path.name}.br"))
    # Weak, since it stands for both forms (RFC 9110, section 8.8.1).
    etag = b'W/"' + hashlib.sha256(plain).hexdigest()[:24].encode() + b'"'
    return Content(plain, packed if len(packed) < len(plain) else b"", brotli, etag)


def _read(path: Path) -> bytes:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        return file.read(LARGEST_FILE)


def matches(given: bytes, etag: bytes) -> bool:
    """If-None-Match (RFC 9110, section 13.1.2), compared weakly."""
    bare = etag.removeprefix(b"W/")
    return any(each.strip().removeprefix(b"W/") in (bare, b"*") for each in given[:2_000].split(b","))


async def _answer(send: Any, status: int, headers: Headers, body: bytes, method: str) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


def _stamp(index: Path) -> int:
    try:
        return index.stat().st_mtime_ns
    except OSError:
        return 0
