"""The site on a real socket: granian in the hub's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import msgspec
import pytest
from tests.web.site_helpers import owner_token

from setaria.app import Hub
from setaria.facts.refused import Refused
from setaria.home.ports import Reading
from setaria.web.guard import LARGEST_BODY
from setaria.web.server import Services, Site


def head_of(site: Site, target: str) -> bytes:
    lines = (f"GET {target} HTTP/1.1", f"Host: 127.0.0.1:{site.port}", f"Authorization: Bearer {owner_token(site)}")
    return "\r\n".join((*lines, "", "")).encode()


async def ask(site: Site, head: str, body: bytes = b"") -> bytes:
    """As the owner, from the terminal."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    head = head.replace("PORT", str(site.port)) + f"\nAuthorization: Bearer {owner_token(site)}"
    writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


async def test_a_request_and_its_answer(services: Services, hub: Hub) -> None:
    site = Site(services, port=0)
    await site.start()
    assert site.url == f"http://127.0.0.1:{site.port}"
    answer = await ask(site, "GET /api/home HTTP/1.1\nHost: localhost:PORT\nConnection: close")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert msgspec.json.decode(body)["household"]["name"] == "My home"
    written = b'{"writes": {"light.on": true}}'
    answer = await ask(
        site,
        "POST /api/things/lamp/write HTTP/1.1\nHost: localhost:PORT\nConnection: close\n"
        f"Content-Type: application/json\nContent-Length: {len(written)}",
        written,
    )
    assert answer.endswith(b'{"outcome":"done"}')
    assert hub.home.live.slots["lamp/light.on"].value is True
    await site.stop()
    with pytest.raises(OSError):
        await ask(site, "GET /api HTTP/1.1\nHost: localhost:PORT")


async def test_foreign_hosts_and_huge_bodies_are_refused_on_the_wire(services: Services) -> None:
    site = Site(services, port=0)
    await site.start()
    answer = await ask(site, "GET /api/home HTTP/1.1\nHost: evil.example:PORT\nConnection: close")
    assert answer.startswith(b"HTTP/1.1 403 ")
    answer = await ask(
        site,
        "POST /api/search HTTP/1.1\nHost: localhost:PORT\nContent-Type: application/json\n"
        f"Content-Length: {LARGEST_BODY + 1}\nConnection: close",
    )
    assert answer.startswith(b"HTTP/1.1 413 ")
    with contextlib.suppress(OSError):
        part = b"10000\r\n" + b" " * 65_536 + b"\r\n"
        answer = await ask(
            site,
            "POST /api/search HTTP/1.1\nHost: localhost:PORT\nContent-Type: application/json\n"
            "Transfer-Encoding: chunked\nConnection: close",
            part * 20,
        )
        assert answer.startswith(b"HTTP/1.1 413 ")
    answer = await ask(site, "GET /api HTTP/1.1\nHost: localhost:PORT\nX: " + "a" * 200_000)
    assert not answer.startswith(b"HTTP/1.1 200")
    answer = await ask(site, "GET /api HTTP/1.1\nHost: localhost:PORT\nConnection: close")
    assert answer.startswith(b"HTTP/1.1 200 ")
    await site.stop()


async def test_live_updates_on_the_wire(services: Services, hub: Hub) -> None:
    site = Site(services, port=0)
    await site.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(head_of(site, "/api/live?kinds=state"))
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"text/event-stream" in head
        await reader.readuntil(b"id: ")
        hub.home.following.observed("lamp", [Reading(2, 1, True)])
        await reader.readuntil(b'data: {"address":"lamp/light.on","value":true')
        assert len(site.live.clients) == 1
        writer.close()
        while site.live.clients:
            await asyncio.sleep(0.01)
    await site.stop()


async def test_stopping_ends_open_streams_and_idle_connections(services: Services) -> None:
    site = Site(services, port=0)
    await site.start()
    idle = await asyncio.open_connection("127.0.0.1", site.port)
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(head_of(site, "/api/live"))
    await reader.readuntil(b"id: ")
    await site.stop()
    async with asyncio.timeout(10):
        assert (await reader.read()).endswith(b"0\r\n\r\n")
    for each in (idle[1], writer):
        each.close()


async def test_a_taken_port_is_refused(services: Services) -> None:
    first = Site(services, port=0)
    await first.start()
    second = Site(services, port=first.port)
    with pytest.raises(Refused) as refused:
        await second.start()
    assert refused.value == Refused("port_in_use", port=first.port)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        third = Site(services, port=other.getsockname()[1])
        with pytest.raises(Refused, match="port_in_use"):
            await third.start()
    await first.stop()
    await second.start()  # it is free now
    await second.stop()
    await third.stop()


async def test_nobody_takes_a_port_that_is_served(services: Services) -> None:
    site = Site(services, port=0)
    await site.start()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", site.port))
    await site.stop()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "example.org", ""])
async def test_only_the_loopback_is_served(services: Services, host: str) -> None:
    with pytest.raises(Refused, match="host_not_loopback"):
        Site(services, host)


@pytest.mark.parametrize("port", [-1, 65_536, 10**12])
async def test_ports_that_do_not_exist(services: Services, port: int) -> None:
    site = Site(services, port=port)
    with pytest.raises(Refused, match="port_unusable"):
        await site.start()
    await site.stop()
