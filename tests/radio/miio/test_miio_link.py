"""The socket, against a tiny device on another one; and the radio over it, with hostile packets."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from setaria.facts.clock import SystemClock
from setaria.facts.refused import Refused
from setaria.home.ports import Done, Followed, Outcome, Write
from setaria.radio.miio.codec import HelloReply, Keys, decode, encode, encode_hello_reply, is_hello
from setaria.radio.miio.link import UNSENT_LIMIT, Location, UdpLink, format_location, parse_location
from setaria.radio.miio.radio import MiioRadio

DID, TOKEN = 99, bytes(range(16))


class Device(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.keys = Keys(TOKEN)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Location) -> None:
        if is_hello(data):
            self.transport.sendto(encode_hello_reply(HelloReply(DID, 5)), addr)
            return
        asked = json.loads(decode(self.keys, data).payload)
        result = [{**param, "code": 0, "value": param.get("value", 1)} for param in asked["params"]]
        self.transport.sendto(
            encode(self.keys, DID, 5, json.dumps({"id": asked["id"], "result": result}).encode()), addr
        )


async def device() -> tuple[asyncio.DatagramTransport, Location]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Device, local_addr=("127.0.0.1", 0))
    return transport, transport.get_extra_info("sockname")


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not met():
            await asyncio.sleep(0.005)


class Ignoring:
    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_: None


async def test_a_radio_talks_to_a_device_while_noise_comes_in() -> None:
    transport, place = await device()
    link = UdpLink("127.0.0.1")
    radio = MiioRadio(SystemClock(), broadcast=[place], random=Random(1), link=link)
    observed: list[object] = []
    observer: Any = Ignoring()
    observer.observed = lambda thing, readings: observed.extend(readings)
    await radio.start(observer)
    random = Random(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for size in (0, 1, 31, 32, 33, 48, 1400, 4096, 4097, 60_000):
            stranger.sendto(random.randbytes(size), ("127.0.0.1", link.port))
            front = b"\x21\x31" + min(size, 65535).to_bytes(2, "big") + DID.to_bytes(8, "big")
            stranger.sendto((front + random.randbytes(size))[:size], ("127.0.0.1", link.port))
        radio.follow(Followed("lamp", str(DID), "", f"127.0.0.1:{place[1]}", TOKEN, ((2, 1), (2, 2))))
        await until(lambda: len(observed) == 2)
        answers: list[Outcome] = []
        radio.write("lamp", [Write(2, 1, 5)], answers.append)
        await until(lambda: bool(answers))
    assert answers == [Done()]
    faults = radio.health().faults
    assert faults["stranger"] >= 8
    assert faults["oversized"] >= 1  # those that claimed to be from the lamp
    assert radio.health().reachable == 1
    await radio.stop()
    transport.close()


async def test_what_was_sent_arrives_in_order_and_whole() -> None:
    received: list[tuple[bytes, Location]] = []
    receiving, sending = UdpLink("127.0.0.1"), UdpLink("127.0.0.1")
    receiving.open(lambda datagram, sender: received.append((datagram, sender)))
    sending.open(lambda _datagram, _sender: None)
    datagrams = [bytes([number]) * (number + 1) for number in range(100)]
    for datagram in datagrams:
        sending.send(datagram, ("127.0.0.1", receiving.port))
    await until(lambda: len(received) == 100)
    assert received == [(datagram, ("127.0.0.1", sending.port)) for datagram in datagrams]
    receiving.close()
    sending.close()
    sending.send(b"late", ("127.0.0.1", 9))
    assert sending.failed == 0


async def test_what_cannot_be_sent_is_counted() -> None:
    link = UdpLink("127.0.0.1")
    link.open(lambda _datagram, _sender: None)
    link.send(bytes(70_000), ("127.0.0.1", 9))
    assert link.failed == 1
    link.close()


class Clogged:
    """A socket that takes nothing until it is unclogged."""

    def __init__(self, real: socket.socket) -> None:
        self.real = real
        self.clogged = True
        self.sent: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def sendto(self, datagram: bytes, _to: Location) -> int:
        if self.clogged:
            raise BlockingIOError
        self.sent.append(datagram)
        return len(datagram)


async def test_a_full_socket_is_waited_for_up_to_a_limit() -> None:
    link = UdpLink("127.0.0.1")
    link.open(lambda _datagram, _sender: None)
    real: Any = link._socket
    clogged = Clogged(real)
    stand_in: Any = clogged
    link._socket = stand_in
    for number in range(UNSENT_LIMIT + 3):
        link.send(b"%d" % number, ("127.0.0.1", 9))
    assert link.failed == 3
    clogged.clogged = False
    await until(lambda: len(clogged.sent) == UNSENT_LIMIT)
    assert clogged.sent == [b"%d" % number for number in range(UNSENT_LIMIT)]
    link.close()


async def test_a_taken_port_is_refused() -> None:
    first = UdpLink("127.0.0.1")
    first.open(lambda _datagram, _sender: None)
    second = UdpLink("127.0.0.1", first.port)
    with pytest.raises(Refused, match="radio_port_taken"):
        second.open(lambda _datagram, _sender: None)
    first.close()


def test_locations() -> None:
    assert parse_location("") is None
    assert parse_location("10.0.0.1") == ("10.0.0.1", 54321)
    assert parse_location("10.0.0.1:5") == ("10.0.0.1", 5)
    for wrong in ("a:", "a:0", "a:65536", "a:-1", "a:1:2", "a:٣", "a:99999999999999"):
        with pytest.raises(Refused, match="location_invalid"):
            parse_location(wrong)
    for location in (("10.0.0.1", 54321), ("10.0.0.1", 7)):
        assert parse_location(format_location(location)) == location
