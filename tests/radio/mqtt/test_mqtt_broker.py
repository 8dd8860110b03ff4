"""The broker within: who may come, what each may say and hear, and how much. Over real sockets, with our own client."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from setaria.facts.clock import SystemClock
from setaria.facts.refused import Refused
from setaria.facts.secrets import KeyFile, SecretStore
from setaria.radio.mqtt import packets
from setaria.radio.mqtt.access import HUB, Access
from setaria.radio.mqtt.broker import LARGEST_PACKET, Broker
from setaria.radio.mqtt.conversation import Ended, Event, Message, Ready, Sent, Turned
from setaria.radio.mqtt.link import TcpLink
from setaria.radio.mqtt.options import Broker as Where
from setaria.radio.mqtt.options import MqttSettings
from setaria.radio.mqtt.packets import Will
from setaria.radio.mqtt.settings import make_radio

HOST = "127.0.13.9"


async def until(holds: Callable[[], Any], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


class Client:
    """Anybody's, remembering all that happens to it."""

    def __init__(self, port: int, user: str, password: str, identity: str = "", will: Will | None = None) -> None:
        self.events: list[Event] = []
        where = Where(HOST, port, username=user, password=password)
        self.link = TcpLink(where, identity or user, will, SystemClock(), random.Random(1))

    async def open(self) -> Client:
        await self.link.open(self.events.append)
        await until(lambda: self.events)
        return self

    def messages(self) -> list[tuple[str, bytes | None]]:
        return [(each.topic, each.payload) for each in self.events if isinstance(each, Message)]


class Room:
    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.clients: list[Client] = []

    async def come(self, user: str, password: str = "", identity: str = "", will: Will | None = None) -> Client:
        made = Client(self.broker.port, user, password or self.broker.access.own_password, identity, will)
        self.clients.append(made)
        return await made.open()


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    access = Access(SecretStore(tmp_path / "secrets", KeyFile(tmp_path / "key")))
    made = Room(Broker(access, HOST, 0))
    await made.broker.start()
    yield made
    for client in made.clients:
        await client.link.close()
    await made.broker.stop()


async def test_only_who_is_known_comes_in(room: Room) -> None:
    password = room.broker.access.add("z2m")
    for user, given in (("", ""), ("z2m", "wrong"), ("nobody", password), (HUB, "wrong")):
        client = Client(room.broker.port, user, given)
        room.clients.append(client)
        await client.open()
        assert client.events == [Ended("declined")], user
        await client.link.close()
    client = await room.come("z2m", password)
    assert client.events == [Ready()]
    room.broker.access.remove("z2m")
    again = await room.come("z2m", password, "other")
    assert again.events == [Ended("declined")]


async def test_each_says_and_hears_only_what_is_its_own(room: Room) -> None:
    access = room.broker.access
    plug = await room.come("plug", access.add("plug", "tasmota"))
    bridge = await room.come("bridge", access.add("bridge", "zigbee2mqtt"))
    hub = await room.come(HUB)
    hub.link.subscribe(["#"])
    bridge.link.subscribe(["zigbee2mqtt/#", "cmnd/plug/#", "#"])
    await until(lambda: sum(isinstance(each, Turned) for each in bridge.events) == 2)
    for topic in ("cmnd/plug/POWER", "homeassistant/status", "setaria/x", "stat/plug/RESULT"):
        bridge.link.publish(topic, b"ON", 1, False, 1)
    plug.link.publish("zigbee2mqtt/lamp/set", b"ON", 1, False, 1)
    plug.link.publish("stat/plug/RESULT", b"yes", 1, False, 2)
    bridge.link.publish("zigbee2mqtt/lamp", b"ON", 1, False, 9)
    await until(lambda: len(hub.messages()) >= 2)
    await until(lambda: bridge.messages())
    assert sorted(hub.messages()) == [("stat/plug/RESULT", b"yes"), ("zigbee2mqtt/lamp", b"ON")]
    assert bridge.messages() == [("zigbee2mqtt/lamp", b"ON")]


async def test_what_is_retained_goes_to_who_asked_for_it(room: Room) -> None:
    hub = await room.come(HUB)
    hub.link.subscribe(["private/#"])
    hub.link.publish("private/x", b"secret", 1, True, 1)
    await until(lambda: hub.messages())
    other = await room.come("other", room.broker.access.add("other", "zigbee2mqtt"))
    other.link.subscribe(["zigbee2mqtt/#"])
    other.link.publish("zigbee2mqtt/a", b"1", 1, False, 2)
    await until(lambda: other.messages())
    assert other.messages() == [("zigbee2mqtt/a", b"1")]


async def test_a_stranger_cannot_take_anothers_place(room: Room) -> None:
    hub = await room.come(HUB, identity="same")
    hub.link.subscribe(["t"])
    stranger = Client(room.broker.port, HUB, "wrong", "same")
    room.clients.append(stranger)
    await stranger.open()
    guest = await room.come("guest", room.broker.access.add("guest"), "same")
    guest.link.publish("t", b"hello", 1, False, 1)
    await until(lambda: hub.messages())
    assert hub.messages() == [("t", b"hello")]
    assert not any(isinstance(each, Ended) for each in hub.events)


async def test_a_will_is_told_and_a_newcomer_takes_its_own_place(room: Room) -> None:
    password = room.broker.access.add("dev")
    watcher = await room.come(HUB)
    watcher.link.subscribe(["dev/#"])
    first = await room.come("dev", password, "one", Will("dev/lwt", b"gone", 1, retain=True))
    second = await room.come("dev", password, "one")
    await until(lambda: any(isinstance(each, Ended) for each in first.events))
    await first.link.close()
    second.link.publish("dev/state", b"here", 1, False, 1)
    await until(lambda: ("dev/state", b"here") in watcher.messages())


async def test_what_is_too_large_ends_who_sent_it_and_nobody_else(room: Room) -> None:
    hub = await room.come(HUB)
    hub.link.subscribe(["#"])
    access = room.broker.access
    big = await room.come("big", access.add("big"))
    big.link.publish("homeassistant/light/x/config", b"x" * 1_000_000, 1, True, 1)
    await until(lambda: Message("homeassistant/light/x/config", None, False, 1_000_000) in hub.events)
    await until(lambda: Sent(1) in big.events)
    await big.link.close()
    with socket.create_connection((HOST, room.broker.port), timeout=5) as raw:
        raw.sendall(packets.connect("raw", 30, "big", access.add("big"), None))
        assert await asyncio.to_thread(raw.recv, 4) == b"\x20\x02\x00\x00"
        raw.sendall(packets.publish("x", b"x" * (LARGEST_PACKET + 1), 0, False, 0)[:100])
        with contextlib.suppress(ConnectionResetError):
            assert await asyncio.to_thread(raw.recv, 4) == b""
    assert not any(isinstance(each, Ended) for each in hub.events)
    for garbage in (b"\x00" * 100, b"\xff" * 100, b"GET / HTTP/1.1\r\n\r\n"):
        with socket.create_connection((HOST, room.broker.port), timeout=5) as raw:
            raw.sendall(garbage)
    hub.link.publish("still", b"there", 1, False, 7)
    await until(lambda: Sent(7) in hub.events)


async def test_nothing_is_lost_while_others_subscribe(room: Room) -> None:
    hub = await room.come(HUB)
    hub.link.subscribe(["n/#"])
    other = await room.come("other", room.broker.access.add("other"))
    for number in range(200):
        other.link.subscribe([f"s/{number}"])
        other.link.publish(f"n/{number}", b"", 1, False, number)
        if number % 20 == 0:
            await asyncio.sleep(0.01)
    await until(lambda: len(hub.messages()) >= 200)
    assert len({topic for topic, _ in hub.messages()}) == 200


async def test_a_port_that_is_taken_is_refused(room: Room) -> None:
    second = Broker(room.broker.access, HOST, room.broker.port)
    with pytest.raises(Refused) as refused:
        await second.start()
    assert refused.value.code == "radio_port_taken"


def test_clients_are_kept_without_their_passwords(tmp_path: Path) -> None:
    store = SecretStore(tmp_path / "secrets", KeyFile(tmp_path / "key"))
    access = Access(store)
    password = access.add("z2m", "zigbee2mqtt")
    assert len(password) == 24
    stored = store.get("mqtt/client/z2m")
    assert stored is not None
    assert password.encode() not in stored
    other = Access(store)
    assert other.admit("z2m", password)
    assert other.names() == ["z2m"]
    assert access.add("z2m") != password  # a new one takes the place of the old
    assert not other.admit("z2m", password)
    for name, sort in (("", "any"), ("a/b", "any"), (HUB, "any"), ("x", "nothing"), ("a#", "any")):
        with pytest.raises(Refused):
            access.add(name, sort)
    with pytest.raises(Refused):
        access.remove("nobody")


def test_without_the_package_a_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [each for each in sys.modules if each.startswith(("amqtt", "setaria.radio.mqtt.within"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "setaria.radio.mqtt.broker")
    monkeypatch.setitem(sys.modules, "amqtt", None)
    store = SecretStore(tmp_path / "secrets", KeyFile(tmp_path / "key"))
    with pytest.raises(Refused) as refused:
        make_radio(MqttSettings(), SystemClock(), store, random.Random(1))
    assert refused.value.code == "mqtt_broker_missing"
    assert make_radio(MqttSettings(broker=Where("x")), SystemClock(), store, random.Random(1)).name == "mqtt"


async def test_who_was_taken_away_by_another_process_is_noticed(room: Room, tmp_path: Path) -> None:
    access = room.broker.access
    client = await room.come("z2m", access.add("z2m"))
    assert room.broker.connected == {"z2m"}
    assert not access.changed("z2m")
    elsewhere = Access(SecretStore(tmp_path / "secrets", KeyFile(tmp_path / "key")))
    elsewhere.add("z2m")  # a new password
    assert access.changed("z2m")
    room.broker.let_go("z2m")
    await until(lambda: Ended("closed") in client.events)
    assert room.broker.connected == set()
    elsewhere.remove("z2m")
    assert not access.changed("nobody")
