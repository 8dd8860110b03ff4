"""Two listeners on one hub, over real sockets of the loopback net: the API, live updates, and other certificates."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))

from tests.web.site_helpers import owner_token
from tests.web.test_web_tls import NOW, pair_in

from setaria.app import Hub, Settings
from setaria.facts.clock import DAY, SystemClock, VirtualClock
from setaria.facts.refused import Refused
from setaria.home.ports import Reading
from setaria.web import lan as lan_module
from setaria.web.lan import Lan
from setaria.web.server import Services, Site
from setaria.web.tls.names import Machine

HOST = "127.0.12.21"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def both(services: Services, hub: Hub, tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(services, port=0, static=tmp_path / "static")
    await site.start()
    await site.open_lan(Lan(HOST, 0, ("hub.lan",)), tmp_path / "tls", hub.secrets)
    yield site
    await site.stop()


def trusting(site: Site, *protocols: str) -> ssl.SSLContext:
    assert site.lan is not None
    context = ssl.create_default_context(cadata=site.lan.authority)
    context.set_alpn_protocols(list(protocols or ("http/1.1",)))
    return context


async def connect(site: Site, name: str = HOST, context: ssl.SSLContext | None = None) -> Connection:
    assert site.lan is not None
    made = context or trusting(site)
    return await asyncio.open_connection(HOST, site.lan.port, ssl=made, server_hostname=name)


async def ask(connection: Connection, path: str, host: str, token: str = "") -> bytes:
    reader, writer = connection
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{bearer}Connection: close\r\n\r\n".encode())
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


def serial(connection: Connection) -> str:
    shown = connection[1].get_extra_info("ssl_object").getpeercert()
    found: str = shown["serialNumber"]
    return found


async def test_one_hub_by_two_ways(both: Site) -> None:
    assert both.lan is not None
    assert both.lan.url == f"https://{HOST}:{both.lan.port}"
    port = both.lan.port
    for name in (HOST, "hub.lan", "setaria.local", "localhost"):  # each is verified by Python's ssl
        answer = await ask(await connect(both, name), "/api/health", f"{name}:{port}", owner_token(both))
        assert answer.startswith(b"HTTP/1.1 200 "), answer
    plain = await asyncio.open_connection("127.0.0.1", both.port)
    answer = await ask(plain, "/api/health", f"127.0.0.1:{both.port}", owner_token(both))
    assert answer.startswith(b"HTTP/1.1 200 "), answer


async def test_each_way_has_its_own_names(both: Site) -> None:
    assert both.lan is not None
    for host in (f"evil.example:{both.lan.port}", f"127.0.0.1:{both.port}", f"{HOST}:{both.port}"):
        answer = await ask(await connect(both), "/api/health", host, owner_token(both))
        assert answer.startswith(b"HTTP/1.1 403 "), answer
        assert b"host_foreign" in answer
    plain = await asyncio.open_connection("127.0.0.1", both.port)
    assert b"host_foreign" in await ask(plain, "/api/health", f"{HOST}:{both.lan.port}", owner_token(both))


async def test_without_a_token_the_local_network_sees_nothing_of_the_home(both: Site) -> None:
    assert both.lan is not None
    answer = await ask(await connect(both), "/api/home", f"{HOST}:{both.lan.port}")
    assert answer.startswith(b"HTTP/1.1 401 "), answer


async def test_the_certificate_to_trust_can_be_had_by_both_ways(both: Site) -> None:
    assert both.lan is not None
    plain = await asyncio.open_connection("127.0.0.1", both.port)
    for answer in (
        await ask(await connect(both), "/ca.crt", f"{HOST}:{both.lan.port}"),
        await ask(plain, "/ca.crt", f"127.0.0.1:{both.port}"),
    ):
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"application/x-x509-ca-cert" in head
        assert body == both.lan.authority


async def test_browsers_are_offered_http_2(both: Site) -> None:
    _, writer = await connect(both, context=trusting(both, "h2", "http/1.1"))
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    writer.close()


async def test_who_does_not_trust_the_authority_is_not_fooled(both: Site) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await connect(both, context=ssl.create_default_context())
    with pytest.raises(ssl.SSLCertVerificationError):
        await connect(both, "bank.example")


async def test_another_address_is_certified_while_live_updates_go_on(
    both: Site, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert both.lan is not None
    port, token = both.lan.port, owner_token(both)
    reader, writer = await connect(both)
    writer.write(
        f"GET /api/live?kinds=state HTTP/1.1\r\nHost: {HOST}:{port}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    )
    async with asyncio.timeout(10):
        await reader.readuntil(b"id: ")
    old = serial((reader, writer))
    monkeypatch.setattr("setaria.web.tls.names.find_machine", lambda: Machine((), ("192.168.77.7",)))
    await both.lan._look()
    async with asyncio.timeout(10):
        hub.home.following.observed("lamp", [Reading(2, 1, True)])
        await reader.readuntil(b'"lamp/light.on"')  # the old connection lives on
        while serial(fresh := await connect(both, "192.168.77.7" if await shows(both) else HOST)) == old:
            fresh[1].close()
    answer = await ask(fresh, "/api/health", f"192.168.77.7:{port}", token)
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    assert not both.lan.keeper.due(both.lan.keeper.kept.wanted if both.lan.keeper.kept else ())
    writer.close()


async def shows(site: Site) -> bool:
    """Whether a new connection gets the certificate of the new address."""
    try:
        _, writer = await connect(site, "192.168.77.7")
    except ssl.SSLCertVerificationError:
        return False
    writer.close()
    return True


async def test_stopping_ends_both(services: Services, hub: Hub, tmp_path: Path) -> None:
    site = Site(services, port=0)
    await site.start()
    await site.open_lan(Lan(HOST, 0), tmp_path / "tls", hub.secrets)
    assert site.lan is not None
    port, plain = site.lan.port, site.port
    await site.stop()
    for host, each in ((HOST, port), ("127.0.0.1", plain)):
        with pytest.raises(OSError):
            await asyncio.open_connection(host, each)


async def test_a_taken_port_leaves_this_computer_served(services: Services, hub: Hub, tmp_path: Path) -> None:
    site = Site(services, "127.0.0.1", 0)
    await site.start()
    with pytest.raises(Refused) as refused:
        await site.open_lan(Lan("127.0.0.1", site.port), tmp_path / "tls", hub.secrets)
    assert refused.value == Refused("lan_port_in_use", port=site.port)
    assert site.lan is None
    plain = await asyncio.open_connection("127.0.0.1", site.port)
    assert b" 200 " in await ask(plain, "/api/health", f"127.0.0.1:{site.port}", owner_token(site))
    await site.stop()


@pytest.mark.parametrize("host", ["203.0.113.77", "127.0.0.1x"])
async def test_an_address_that_is_not_ours(services: Services, hub: Hub, tmp_path: Path, host: str) -> None:
    site = Site(services, port=0)
    await site.start()
    with pytest.raises(Refused, match="lan_port_unusable"):
        await site.open_lan(Lan(host, 0), tmp_path / "tls", hub.secrets)
    await site.stop()


async def test_until_the_clock_is_set_nothing_is_certified(
    services: Services, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SystemClock, "trusted", lambda self: False)
    site = Site(services, port=0)
    await site.start()
    await site.open_lan(Lan(HOST, 0), tmp_path / "tls", hub.secrets)
    assert site.lan is not None
    assert (site.lan.open, site.lan.authority) == (False, b"")
    monkeypatch.setattr(SystemClock, "trusted", lambda self: True)
    await site.lan._look()
    assert site.lan.open
    (await connect(site))[1].close()
    await site.stop()


async def test_ones_own_certificate_is_shown_and_exchanged(services: Services, hub: Hub, tmp_path: Path) -> None:
    now = hub.clock.now()
    pair = pair_in(tmp_path / "own", since=now - DAY)
    site = Site(services, port=0)
    await site.start()
    await site.open_lan(Lan(HOST, 0, (), *pair), tmp_path / "tls", hub.secrets)
    assert site.lan is not None
    assert site.lan.authority == b""
    assert not (tmp_path / "tls").exists()
    context = ssl.create_default_context(cafile=str(pair[0]))
    answer = await ask(await connect(site, "hub.example.org", context), "/ca.crt", f"hub.example.org:{site.lan.port}")
    assert answer.startswith(b"HTTP/1.1 404 "), answer
    before = site.lan._serving
    pair_in(tmp_path / "own", since=now - 200 * DAY)  # expired: what is served stays
    with pytest.raises(Refused, match="tls_certificate_expired"):
        await site.lan._look()
    assert site.lan._serving == before
    pair_in(tmp_path / "own", since=now - DAY)
    await site.lan._look()
    assert site.lan._serving != before
    await site.stop()


async def test_the_watch_looks_again_and_survives_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    network = object.__new__(lan_module.LocalNetwork)
    clock = VirtualClock(NOW)
    network._clock = clock
    network._serving = (1,)
    looked: list[int] = []

    async def look() -> None:
        looked.append(clock.ticks())
        if len(looked) == 1:
            raise Refused("tls_unwritable", path="x", why="full")

    monkeypatch.setattr(network, "_look", look)
    watching = asyncio.create_task(network._watch())
    await clock.run(3 * lan_module.LOOK_EVERY)
    assert looked == [lan_module.LOOK_EVERY * n for n in (1, 2, 3)]
    network._serving = ()
    await clock.run(lan_module.LOOK_EVERY + 2 * lan_module.LOOK_SOON)
    assert len(looked) == 6
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching


async def test_a_hub_opens_both_and_goes_on_when_it_can_open_only_one(tmp_path: Path) -> None:
    for needed in (False, True):
        taken = Lan("203.0.113.77", 0, needed=needed)
        hub = Hub.open(Settings(tmp_path / str(needed), "en", port=0, miio=False, mdns=False, lan=taken), [])
        await hub.start()
        if needed:
            with pytest.raises(Refused, match="lan_port_unusable"):
                await hub.serve()
        else:
            await hub.serve()
            assert hub.lan is None
            assert hub.lan_refused is not None
            assert hub.lan_refused.code == "lan_port_unusable"
        await hub.close()
    hub = Hub.open(Settings(tmp_path / "good", "en", port=0, miio=False, mdns=False, lan=Lan(HOST, 0)), [])
    await hub.start()
    await hub.serve()
    assert hub.lan is not None
    assert hub.lan.open
    assert (tmp_path / "good" / "tls" / "ca.crt").exists()
    await hub.close()
