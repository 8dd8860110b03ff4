"""The built interface: what is served, how it is kept by browsers, and what is no file of it."""

from __future__ import annotations

import asyncio
import gzip
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.web.site_helpers import PORT, Client, Reply, scope_of

from setaria.web import static_files
from setaria.web.answers import accepts, send_json
from setaria.web.guard import Entrance, Guard, entrance
from setaria.web.static_files import StaticFiles, is_page, is_part, listing, matches

INDEX = b"<!doctype html><title>Setaria</title>" + b"<p>" * 400
SCRIPT = b"console.log(1);" * 100
SECRET = b"not for anybody"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill(tmp_path)


def fill(around: Path) -> Path:
    made = around / "static"
    (made / "assets").mkdir(parents=True)
    (made / "index.html").write_bytes(INDEX)
    (made / "assets" / "app-1a2b3c.js").write_bytes(SCRIPT)
    (made / "assets" / "inter.woff2").write_bytes(b"wOF2" * 1_000)
    (made / "sw.js").write_bytes(b"1")
    (made / "manifest.webmanifest").write_bytes(b"{}")
    (made / "notes.exe").write_bytes(SECRET)
    (around / "secret.txt").write_bytes(SECRET)
    (made / "link.txt").symlink_to(around / "secret.txt")
    (made / "up").symlink_to(around)
    return made


def client_of(folder: Path, door: Entrance | None = None) -> Client:
    guard = Guard(StaticFiles(folder), "en")
    guard.open(door or entrance(["127.0.0.1"], PORT))
    return Client(guard)


@pytest.fixture
def pages(folder: Path) -> Client:
    return client_of(folder)


@pytest.mark.parametrize(
    "path", ["/", "/linkages", "/linkages/evening", "/settings/radios", "/join", "/sign-in", "/家"]
)
async def test_every_page_is_the_index(pages: Client, path: str) -> None:
    reply = await pages.get(path)
    assert (reply.status, reply.body) == (200, INDEX)
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert reply.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "kind", "kept"),
    [
        ("/assets/app-1a2b3c.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"),
        ("/assets/inter.woff2", "font/woff2", "public, max-age=31536000, immutable"),
        ("/index.html", "text/html; charset=utf-8", "no-cache"),
        ("/sw.js", "text/javascript; charset=utf-8", "no-cache"),
        ("/manifest.webmanifest", "application/manifest+json", "no-cache"),
    ],
)
async def test_types_and_how_long_they_are_kept(pages: Client, path: str, kind: str, kept: str) -> None:
    reply = await pages.get(path)
    assert (reply.status, reply.headers["content-type"], reply.headers["cache-control"]) == (200, kind, kept)


@pytest.mark.parametrize(
    "path",
    [
        *("/assets/gone.js", "/notes.exe", "/link.txt", "/up/secret.txt", "/assets", "/assets/"),
        *("/../secret.txt", "/assets/../../secret.txt", "/%2e%2e/secret.txt", "/..", "/../x", "/a/./b", "/.git/config"),
        *(
            "/x\x00",
            "/secret.txt\x00.html",
            "//secret.txt",
            "\\..\\secret.txt",
            "secret.txt",
            "",
            "/index.html/",
            "/x\n",
        ),
    ],
)
async def test_nothing_else_is_served(pages: Client, path: str) -> None:
    reply = await pages.get(path)
    assert SECRET not in reply.body
    assert reply.refused == "route_unknown" if reply.status == 404 else reply.body == INDEX
    if ".." in path or "\x00" in path or "." in path.rpartition("/")[2]:
        assert reply.status == 404


PIECES = [
    "/",
    ".",
    "..",
    "%2e",
    "\\",
    "\x00",
    "a",
    "é",
    "secret.txt",
    "index.html",
    "assets",
    "up",
    "app-1a2b3c.js",
    "\n",
]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("shelf"))


@given(pieces=st.lists(st.sampled_from(PIECES), max_size=12))
def test_only_listed_content_ever_comes_out(shelf: Path, pieces: list[str]) -> None:
    path = "".join(["/", *pieces])
    reply = asyncio.run(client_of(shelf).get(path))
    assert SECRET not in reply.body
    if reply.status == 200 and reply.body != INDEX:
        assert reply.body == (shelf / path[1:]).read_bytes()
        assert path in listing(shelf)
    elif reply.status == 200:
        assert path == "/index.html" or is_page(path)
    else:
        assert reply.status == 404


async def raw(client: Client, method: str, path: str, asked: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    """An answer whose body need not be as long as its headers say."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await client.app(scope_of(method, path, b"", asked), None, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, sent[1]["body"]


async def test_head_answers_as_get_without_the_body(pages: Client) -> None:
    asked = await pages.get("/")
    assert await raw(pages, "HEAD", "/", {}) == (200, asked.headers, b"")


async def test_nothing_is_written_to_pages(pages: Client) -> None:
    reply = await pages.post("/", {})
    assert (reply.status, reply.refused, reply.headers["allow"]) == (405, "method_unknown", "GET, HEAD")


async def test_an_unchanged_file_is_not_sent_again(pages: Client) -> None:
    etag = (await pages.get("/")).headers["etag"]
    for known in (etag, etag.removeprefix("W/"), f'"x", {etag}', "*"):
        status, _, body = await raw(pages, "GET", "/", {"If-None-Match": known})
        assert (status, body) == (304, b"")
    assert (await pages.get("/", **{"If-None-Match": '"other"'})).status == 200
    assert not matches(b"", b'W/"a"')


async def test_what_is_worth_it_is_packed(pages: Client) -> None:
    reply = await pages.get("/assets/app-1a2b3c.js", **{"Accept-Encoding": "br, gzip;q=0.5"})
    assert reply.headers["content-encoding"] == "gzip"
    assert gzip.decompress(reply.body) == SCRIPT
    assert len(reply.body) < len(SCRIPT)
    for path, accepted in (("/assets/app-1a2b3c.js", "identity"), ("/assets/inter.woff2", "gzip"), ("/sw.js", "gzip")):
        plain = await pages.get(path, **{"Accept-Encoding": accepted})
        assert "content-encoding" not in plain.headers
        assert plain.headers["vary"] == "accept-encoding"


@pytest.mark.parametrize(
    ("asked", "accepted"),
    [
        ("gzip", True),
        ("*", True),
        ("GZIP", True),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("br", False),
        ("", False),
    ],
)
def test_accept_encoding(asked: str, accepted: bool) -> None:
    assert accepts(b"gzip", {b"accept-encoding": asked.encode()}) is accepted


def policy(reply: Reply) -> dict[str, str]:
    parts = [each.partition(" ") for each in reply.headers["content-security-policy"].split("; ")]
    return {name: value for name, _, value in parts}


async def test_pages_come_with_the_headers_that_protect_them(pages: Client) -> None:
    reply = await pages.get("/")
    rules = policy(reply)
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == rules["frame-ancestors"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert "unsafe" not in reply.headers["content-security-policy"]
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert reply.headers["cross-origin-opener-policy"] == reply.headers["cross-origin-resource-policy"] == "same-origin"
    assert {"camera=(self)", "microphone=(self)", "geolocation=()"} <= set(
        reply.headers["permissions-policy"].split(", ")
    )


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("/assets/index-1a.js", True),
        ("/assets/index-1a.css", True),
        ("/assets/inter-1a.woff2", True),
        ("/assets/picture-1a.svg", False),
        ("/sw.js", False),
        ("/index.html", False),
    ],
)
def test_what_makes_a_document_or_a_worker_is_no_part(name: str, part: bool) -> None:
    assert is_part(name) is part


async def test_only_a_certificate_of_ones_own_is_held_to(folder: Path) -> None:
    for secure, strict in ((False, False), (True, False), (True, True)):
        door = entrance(["127.0.0.1"], PORT, secure=secure, strict=strict)
        reply = await client_of(folder, door).get("/")
        assert ("strict-transport-security" in reply.headers) is strict


async def test_who_follows_a_link_from_elsewhere_gets_the_page_and_nothing_else(pages: Client) -> None:
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert (await pages.get("/join", **elsewhere)).status == 200
    for path, headers in (
        ("/api/home", elsewhere),
        ("/", {**elsewhere, "Sec-Fetch-Dest": "iframe"}),
        ("/assets/app-1a2b3c.js", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}),
    ):
        assert (await pages.get(path, **headers)).refused == "origin_foreign"
    assert (await pages.send("POST", "/", headers=elsewhere)).refused == "origin_foreign"


async def test_without_a_built_interface_a_sentence_says_how_to_build_it(tmp_path: Path) -> None:
    pages = client_of(tmp_path / "nothing")
    reply = await pages.get("/", **{"Accept-Language": "zh-CN"})
    assert (reply.status, reply.headers["content-type"]) == (503, "text/plain; charset=utf-8")
    assert "make ui" in reply.body.decode()
    assert (await pages.get("/assets/a.js")).status == 404


async def test_an_interface_built_anew_is_served(folder: Path, pages: Client) -> None:
    assert (await pages.get("/")).body == INDEX
    (folder / "assets" / "new.js").write_bytes(b"2")
    (folder / "index.html").write_bytes(b"new")
    os.utime(folder / "index.html", ns=(1, 1))
    assert (await pages.get("/")).body == b"new"
    assert (await pages.get("/assets/new.js")).status == 200
    (folder / "assets" / "new.js").unlink()
    (folder / "assets" / "app-1a2b3c.js").unlink()
    assert (await pages.get("/assets/app-1a2b3c.js")).status == 404
    assert (await pages.get("/assets/new.js")).body == b"2"  # from memory, as before


async def test_memory_and_listing_are_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(static_files, "LARGEST_FILE", len(INDEX))
    monkeypatch.setattr(static_files, "MOST_FILES", 3)
    monkeypatch.setattr(static_files, "LARGEST_TOTAL", 1)
    files = StaticFiles(folder)
    assert len(listing(folder)) == 3
    assert "/assets/app-1a2b3c.js" not in listing(folder)
    guard = Guard(files, "en")
    guard.serve_port(PORT)
    for path in ("/", "/manifest.webmanifest", "/sw.js"):
        assert (await Client(guard).get(path)).status == 200
    assert len(files._contents) == 1


async def answer(document: bytes, **headers: str) -> Reply:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send_json(
            send, 200, document, ((b"vary", b"accept-language"), (b"set-cookie", b"a"), (b"set-cookie", b"b"))
        )

    guard = Guard(inner, "en")
    guard.serve_port(PORT)
    return await Client(guard).get("/api", **headers)


async def test_long_json_is_packed_for_who_accepts_it() -> None:
    document = b'"' + b"a" * 2_000 + b'"'
    packed = await answer(document, **{"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == document
    assert packed.headers["vary"] == "accept-encoding, accept-language"
    plain = await answer(document)
    assert plain.body == document
    assert plain.headers["vary"] == "accept-encoding, accept-language"
    short = await answer(b'"a"', **{"Accept-Encoding": "gzip"})
    assert (short.body, short.headers["vary"]) == (b'"a"', "accept-language")
