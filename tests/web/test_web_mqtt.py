"""MQTT through the API: how it fares, and who may come to the broker of the hub's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.web.site_helpers import PORT, Client, owner_token

from setaria.app import Hub, Settings
from setaria.facts.clock import SystemClock
from setaria.radio.mqtt.conversation import Ended, Event, Ready
from setaria.radio.mqtt.link import TcpLink
from setaria.radio.mqtt.options import Broker, MqttSettings

HOST = "127.0.18.3"


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(15):
        while not holds():
            await asyncio.sleep(0.01)


async def open_hub(folder: Path, mqtt: MqttSettings | None) -> Hub:
    hub = Hub.open(Settings(folder / "hub", "en", port=0, miio=False, mdns=False, mqtt=mqtt))
    await hub.start()
    await hub.serve()
    return hub


def client_of(hub: Hub) -> Client:
    site = hub._site
    assert site is not None
    site.app.serve_port(PORT)  # as which the client asks
    return Client(site.app, owner_token(site))


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    made = await open_hub(tmp_path, MqttSettings(listen=(HOST, 0)))
    await until(lambda: made.home.radios["mqtt"].health().running)
    yield made
    await made.close()


async def come(hub: Hub, name: str, password: str) -> tuple[TcpLink, list[Event]]:
    place = (await client_of(hub).get("/api/mqtt")).json()["listen"]
    where = Broker(HOST, int(place.rpartition(":")[2]), username=name, password=password)
    link, heard = TcpLink(where, "c", None, SystemClock(), Random(1)), list[Event]()
    await link.open(heard.append)
    await until(lambda: heard)
    return link, heard


async def test_without_mqtt_it_says_how_to_have_it(tmp_path: Path) -> None:
    hub = await open_hub(tmp_path, None)
    told = (await client_of(hub).get("/api/mqtt")).json()
    assert (told["running"], told["broker"], told["clients"], told["findings"]) == (False, "", [], [])
    assert "--mqtt-listen" in told["next"]
    reply = await client_of(hub).post("/api/mqtt/clients", {"name": "zigbee", "for": "zigbee2mqtt"})
    assert reply.refused == "mqtt_off"
    await hub.close()


async def test_a_broker_that_is_elsewhere_and_gone(tmp_path: Path) -> None:
    hub = await open_hub(tmp_path, MqttSettings(broker=Broker(HOST, 9)))
    told = (await client_of(hub).get("/api/mqtt")).json()
    assert (told["running"], told["broker"], told["listen"]) == (False, "other", f"{HOST}:9")
    assert "cannot be reached" in told["sentence"]
    reply = await client_of(hub).post("/api/mqtt/clients", {"name": "zigbee"})
    assert reply.refused == "mqtt_broker_elsewhere"
    await hub.close()


async def test_a_client_is_let_in_and_taken_away_at_once(hub: Hub) -> None:
    api = client_of(hub)
    made = (await api.post("/api/mqtt/clients", {"name": "zigbee", "for": "zigbee2mqtt"})).json()
    assert made["name"] == "zigbee"
    link, heard = await come(hub, "zigbee", made["password"])
    assert heard == [Ready()]
    (told,) = (await api.get("/api/mqtt")).json()["clients"]
    assert (told["name"], told["for"], told["connected"]) == ("zigbee", "zigbee2mqtt", True)
    assert "zigbee2mqtt/#" in told["topics"]
    assert abs(told["added"] - hub.clock.now()) < 60_000_000
    assert (await api.send("DELETE", "/api/mqtt/clients/zigbee")).status == 200
    await until(lambda: Ended("closed") in heard)
    await until(lambda: Ended("declined") in heard)  # it tries again, and may not
    assert (await api.get("/api/mqtt")).json()["clients"] == []
    assert (await api.send("DELETE", "/api/mqtt/clients/zigbee")).status == 404
    await link.close()


async def test_a_new_password_ends_what_the_old_one_began(hub: Hub) -> None:
    api = client_of(hub)
    first = (await api.post("/api/mqtt/clients", {"name": "node", "for": "esphome"})).json()["password"]
    link, heard = await come(hub, "node", first)
    second = (await api.post("/api/mqtt/clients", {"name": "node", "for": "esphome"})).json()["password"]
    assert second != first
    await until(lambda: Ended("closed") in heard)
    await link.close()


async def test_unusable_names_are_refused(hub: Hub) -> None:
    for body in ({"name": "客厅"}, {"name": "setaria-hub"}, {"name": "x", "for": "toaster"}, {"name": ""}):
        reply = await client_of(hub).post("/api/mqtt/clients", body)
        assert reply.refused == "mqtt_client_unusable", body


async def test_findings_are_told_with_where_and_when(hub: Hub) -> None:
    api = client_of(hub)
    password = (await api.post("/api/mqtt/clients", {"name": "node", "for": "any"})).json()["password"]
    link, _ = await come(hub, "node", password)
    link.publish("homeassistant/light/bad/config", b"{nonsense", 1, True, 1)
    await until(lambda: hub.home.radios["mqtt"].health().faults.get("mqtt_discovery_unreadable"))
    (told,) = (await api.get("/api/mqtt")).json()["findings"]
    assert told["topic"] == "homeassistant/light/bad/config"
    assert "not JSON" in told["sentence"]
    assert told["next"]
    assert abs(told["at"] - hub.clock.now()) < 60_000_000
    await link.close()
