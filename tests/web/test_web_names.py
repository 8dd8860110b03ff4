"""What this machine is called, who is its neighbour, and which names a listener answers to."""

from __future__ import annotations

from typing import Any

import pytest
from tests.web.site_helpers import Client, scope_of

from setaria.facts.refused import Refused
from setaria.web.answers import send_json
from setaria.web.guard import Guard, entrance
from setaria.web.tls.names import (
    MOST_NAMES,
    Machine,
    certified,
    check_name,
    find_machine,
    is_address,
    is_name,
    is_neighbour,
    names_of,
)

HUB = ("hub.lan", "setaria.local", "192.168.1.5", "fd00::5")


def test_this_machine_is_found_without_loopback() -> None:
    machine = find_machine()
    assert all(is_address(each) for each in machine.addresses)
    assert not any(each.startswith(("127.", "169.254.", "fe80:")) or each == "::1" for each in machine.addresses)
    assert all(map(is_name, machine.names))


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("nas", ("nas", "nas.local")),
        ("NAS.lan.", ("nas.lan", "nas", "nas.local")),
        ("a_b", ()),
        ("", ()),
        ("nas.local", ("nas.local", "nas")),
    ],
)
def test_names_of_a_host(host: str, names: tuple[str, ...]) -> None:
    assert names_of(host) == names


def test_a_certificate_names_all_but_bare_host_names() -> None:
    named = certified(Machine(("nas", "nas.local"), ("10.0.0.2",)), ("hub.lan", "dev"))
    assert named == ("localhost", "setaria.local", "nas.local", "hub.lan", "127.0.0.1", "::1", "10.0.0.2")
    many = certified(Machine((), ()), [f"h{n}.lan" for n in range(MOST_NAMES + 5)])
    assert len(many) == MOST_NAMES + 4


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "-a.lan", "1.2.3.4", "::1", "x" * 64, "a..b", "*.lan", "ü.lan", "a/b"]
)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(Refused, match="name_unfit"):
        check_name(name)


def test_a_name_is_taken_in_lower_case() -> None:
    assert check_name(" Hub.LAN. ") == "hub.lan"


@pytest.mark.parametrize(
    ("peer", "near"),
    [
        *(("192.168.1.9", True), ("10.1.2.3", True), ("127.0.0.1", True), ("169.254.1.1", True), ("fd12::1", True)),
        *(("fe80::1%eth0", True), ("::1", True), ("::ffff:192.168.1.9", True), ("2001:470:1:2::9", True)),
        *(("8.8.8.8", False), ("::ffff:8.8.8.8", False), ("2001:470:1:3::9", False), ("100.64.0.9", False)),
        *(("", False), ("evil", False), ("172.32.0.1", False)),
    ],
)
def test_neighbours(peer: str, near: bool) -> None:
    assert is_neighbour(peer, ("192.168.1.5", "2001:470:1:2::5")) is near


def test_a_private_network_over_the_internet_counts_when_we_are_in_it() -> None:
    assert is_neighbour("100.64.0.9", ("100.100.1.1",))


async def inner(scope: Any, receive: Any, send: Any) -> None:
    await send_json(send, 200, scope["scheme"].encode())


def client_of(port: int = 8443, **options: bool) -> Client:
    guard = Guard(inner, "en")
    guard.open(entrance(HUB, port, **options))
    return Client(guard)


@pytest.mark.parametrize("host", ["hub.lan:8443", "SETARIA.local:8443", "192.168.1.5:8443", "[fd00::5]:8443"])
async def test_our_names_are_let_in_over_https(host: str) -> None:
    client = client_of(secure=True)
    reply = await client.get("/api", Host=host)
    assert (reply.status, reply.body) == (200, b"https")
    assert (await client.get("/api", Host=host, Origin=f"https://{host}")).status == 200
    assert (await client.get("/api", Host=host, Origin=f"http://{host}")).refused == "origin_foreign"


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example:8443",
            "hub.lan:8080",
            "hub.lan",
            "hub.lan.evil.example:8443",
            "192.168.1.6:8443",
            "fd00::5:8443",
        ),
        *("hub.lan:8443.", "hub.lan:08443", "user@hub.lan:8443", "hub.lan :8443", "127.0.0.1:8443"),
    ],
)
async def test_rebound_names_are_refused(host: str) -> None:
    assert (await client_of(secure=True).get("/api", Host=host)).refused == "host_foreign"


async def test_the_usual_port_need_not_be_named() -> None:
    for port, secure in ((443, True), (80, False)):
        client = client_of(port, secure=secure)
        for host in ("hub.lan", f"hub.lan:{port}"):
            assert (await client.get("/api", Host=host)).status == 200
    assert (await client_of(443).get("/api", Host="hub.lan")).refused == "host_foreign"


async def test_a_scheme_that_somebody_claims_is_not_believed() -> None:
    guard = Guard(inner, "en")
    guard.open(entrance(HUB, 80))
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await guard({**scope_of("GET", "/api", b"", {"Host": "hub.lan"}), "scheme": "https"}, None, send)
    assert sent[1]["body"] == b"http"


async def test_who_is_not_of_this_network_is_refused_before_anything_is_read() -> None:
    guard = Guard(inner, "en")
    guard.open(entrance(HUB, 8443, secure=True), lambda peer: is_neighbour(peer, ()))

    async def status(client: Any) -> int:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await guard({**scope_of("GET", "/api", b"", {"Host": "hub.lan:8443"}), "client": client}, None, send)
        found: int = sent[0]["status"]
        return found

    assert await status(("192.168.1.9", 1)) == 200
    for client in (("8.8.8.8", 1), None, ("", 0)):
        assert await status(client) == 403


async def test_before_it_is_opened_a_guard_lets_nobody_in() -> None:
    assert (await Client(Guard(inner, "en")).get("/api", Host="")).refused == "host_foreign"
