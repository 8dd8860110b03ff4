"""Live updates: what is told, once for all, in order, and what happens to who cannot follow."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.web.site_helpers import PORT, Client, Listening, owner_token

from setaria.app import Hub
from setaria.facts.clock import MILLISECOND
from setaria.facts.fact import HUB
from setaria.home import commands as c
from setaria.home import facts as f
from setaria.home.permits import FOR_EVER
from setaria.home.ports import Found, Reading
from setaria.home.sight import Sight
from setaria.rights import Principal, Role
from setaria.web import frames, live
from setaria.web.server import Services, Site


async def test_state_facts_reach_and_finds_are_told(site: Site, client: Client, hub: Hub) -> None:
    reader = Listening(site)
    await reader.begun()
    assert (await client.post("/api/things/lamp/write", {"writes": {"light.on": True}})).status == 200
    [state] = await reader.until("state")
    assert (state["address"], state["value"]) == ("lamp/light.on", True)
    assert state["changed"] > 0
    hub.home.following.lost("lamp", "no_answer")
    assert await reader.until("reach") == [{"thing": "lamp", "reachable": False, "reason": "no_answer"}]
    hub.home.following.found(Found("miio", "9", "yeelink.light.lamp1", secret=b"0" * 16))
    [found] = await reader.until("found")
    assert (found["address"], found["known"]) == ("9", True)
    assert "secret" not in found
    facts = await reader.until("fact", 4)
    assert facts[0]["type"] == "home.command_given"
    assert {each["type"] for each in facts[1:]} == {"home.command_ended", "home.reading", "home.thing_lost"}
    await reader.leave()
    assert site.live.clients == set()


async def test_a_reader_goes_on_where_it_was(site: Site, hub: Hub) -> None:
    first = Listening(site)
    await first.begun()
    await hub.home.arrange(hub.owner, c.SaveRoom("hall", "Hall"))
    await first.until("fact")
    await asyncio.sleep(0)
    await first.leave()
    for room in ("attic", "cellar"):
        await hub.home.arrange(hub.owner, c.SaveRoom(room, room))
    again = Listening(site, **{"Last-Event-ID": first.last_id})
    facts = await again.until("fact", 2)
    assert [each["data"]["room"] for each in facts] == ["attic", "cellar"]
    await hub.home.arrange(hub.owner, c.SaveRoom("roof", "Roof"))
    assert [each["data"]["room"] for each in await again.until("fact", 3)] == ["attic", "cellar", "roof"]
    await again.leave()


async def test_what_happens_during_the_replay_is_told_once(site: Site, hub: Hub) -> None:
    home = await Client(site.app, owner_token(site)).get("/api/home")
    writing = asyncio.gather(*(hub.home.arrange(hub.owner, c.SaveRoom(f"r{n}", "R")) for n in range(200)))
    reader = Listening(site, f"/api/live?kinds=home.room_saved&after={home.json()['cursor']}")
    await writing
    rooms = [each["data"]["room"] for each in await reader.until("fact", 200)]
    await hub.home.arrange(hub.owner, c.SaveRoom("last", "R"))
    rooms = [each["data"]["room"] for each in await reader.until("fact", 201)]
    assert sorted(rooms) == sorted({*(f"r{n}" for n in range(200)), "last"})
    await reader.leave()


async def test_changes_of_one_address_are_joined(site: Site, hub: Hub) -> None:
    reader = Listening(site, "/api/live?kinds=state")
    await reader.begun()
    for level in range(1, 51):
        hub.home.following.observed("lamp", [Reading(2, 2, level)])
    hub.home.following.observed("lamp", [Reading(2, 1, True)])
    states = await reader.until("state", 2)
    assert {each["address"]: each["value"] for each in states} == {"lamp/light.brightness": 50, "lamp/light.on": True}
    await reader.leave()


async def test_only_what_was_asked_for_is_told(site: Site, hub: Hub) -> None:
    reader = Listening(site, "/api/live?kinds=reach,home.room_saved")
    await reader.begun()
    await hub.home.arrange(hub.owner, c.SaveStorey("up", "Up"))
    hub.home.following.observed("lamp", [Reading(2, 1, True)])
    await hub.home.arrange(hub.owner, c.SaveRoom("hall", "Hall"))
    hub.home.following.lost("lamp", "no_answer")
    await reader.until("reach")
    assert [each["type"] for each in await reader.until("fact")] == ["home.room_saved"]
    assert reader.events("state") == []
    await reader.leave()


async def test_who_does_not_read_loses_the_queue_and_is_told(
    site: Site, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = Listening(site), Listening(site)
    await asyncio.gather(slow.begun(), quick.begun())
    slow.reading.clear()
    told = 0
    while told <= 3 * frames.MOST_QUEUED:
        for _ in range(200):
            hub.writer.record("home/home", f.EventFired("tick"), HUB)
        told += 200
        await hub.writer.flush()
    client = max(site.live.clients, key=lambda each: len(each._queue))
    assert len(client._queue) <= frames.MOST_QUEUED
    await quick.until("fact", told)
    assert quick.events("gap") == []
    slow.reading.set()
    await slow.until("gap")
    await hub.home.arrange(hub.owner, c.SaveRoom("hall", "Hall"))
    async with asyncio.timeout(10):
        while not any(each["type"] == "home.room_saved" for each in slow.events("fact")):
            await asyncio.sleep(0.01)
    await asyncio.gather(slow.leave(), quick.leave())


def reader(kinds: str) -> frames.Client:
    by = Principal("wei", Role.OWNER)
    nothing: frozenset[str] = frozenset()
    sight = Sight("wei", False, True, True, True, True, nothing, nothing, nothing, True, 0, FOR_EVER)
    return frames.Client(frames.Wanted(kinds), lambda: by, by, sight, "en")


def test_a_queue_is_bounded_in_bytes() -> None:
    client = reader("")
    client.push([frames.Frame("state", b"x" * 100_000)] * 10)
    assert len(client.take()) == 1_000_000
    client.push([frames.Frame("state", b"x" * 100_000)] * 11)
    assert client.take() == frames.GAP
    assert client.take() == b""


def test_cursors_alone_do_not_fill_a_queue() -> None:
    client = reader("home.room_saved")
    for number in range(2 * frames.MOST_QUEUED):
        client.push([frames.Frame(frames.CURSOR, f"id: {number}\n\n".encode())])
    assert client.take() == f"id: {2 * frames.MOST_QUEUED - 1}\n\n".encode()


async def test_too_long_a_past_is_a_gap(site: Site, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_REPLAYED", 10)
    monkeypatch.setattr(live, "REPLAY_STEP", 5)
    for number in range(20):
        hub.writer.record("home/home", f.EventFired(f"e{number}"), HUB)
    await hub.writer.flush()
    reader = Listening(site, "/api/live?after=0")
    await reader.until("gap")
    assert len(reader.events("fact")) <= 10
    await reader.leave()


async def test_no_more_readers_than_there_is_room_for(
    site: Site, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_CLIENTS", 2)
    readers = [Listening(site), Listening(site)]
    await asyncio.gather(*(each.begun() for each in readers))
    reply = await client.get("/api/live")
    assert (reply.status, reply.refused) == (429, "live_full")
    await readers[0].leave()
    third = Listening(site)
    await third.begun()
    await asyncio.gather(readers[1].leave(), third.leave())


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/live?after=zz", "cursor_unreadable"),
        ("/api/live?after=0-0", "cursor_unreadable"),
        ("/api/live?kinds=" + "a," * 51, "live_kinds"),
        ("/api/live?colour=red", "query_unfit"),
    ],
)
async def test_requests_that_cannot_be_followed(client: Client, path: str, code: str) -> None:
    reply = await client.get(path)
    assert (reply.status, reply.refused) == (400, code)


async def test_a_quiet_line_has_a_heartbeat(services: Services) -> None:
    site = Site(services)
    site.live.heartbeat = 10 * MILLISECOND
    site.app.serve_port(PORT)
    reader = Listening(site, "/api/live?kinds=found")
    async with asyncio.timeout(10):
        while reader.text.count(":\n\n") < 3:
            await asyncio.sleep(0.005)
    await reader.leave()
    await site.stop()


async def test_the_end_of_the_site_ends_its_streams(site: Site, hub: Hub) -> None:
    reader = Listening(site)
    await reader.begun()
    await site.stop()
    await reader.ended()
    hub.home.following.observed("lamp", [Reading(2, 1, True)])
    await hub.home.arrange(hub.owner, c.SaveRoom("hall", "Hall"))
    assert reader.events("fact") == []
    refused = await Client(site.app, owner_token(site)).get("/api/live")
    assert refused.refused == "live_full"


async def test_each_event_is_written_once_for_all(site: Site, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    real = frames.frame

    def counting(name: str, *rest: Any, **more: Any) -> frames.Frame:
        written.append(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(frames, "frame", counting)
    hub.home.following.observed("lamp", [Reading(2, 1, True)])
    await hub.writer.flush()
    assert written == []  # nobody listens
    readers = [Listening(site) for _ in range(5)]
    await asyncio.gather(*(each.begun() for each in readers))
    await hub.home.arrange(hub.owner, c.SaveRoom("attic", "Attic"))
    for each in readers:
        await each.until("fact")
    assert written == ["fact"]
    await asyncio.gather(*(each.leave() for each in readers))


async def test_news_are_told_without_readings(site: Site, client: Client, hub: Hub) -> None:
    """What shows what happened reads again on `told`: readings alone are no news."""
    reader = Listening(site, "/api/live?kinds=told")
    await reader.begun()
    hub.home.following.observed("lamp", [Reading(2, 2, 41)])
    assert (await client.post("/api/things/lamp/write", {"writes": {"light.on": True}})).status == 200
    [news] = await reader.until("told")
    assert "home.command_given" in news["kinds"]
    assert "home.reading" not in news["kinds"]
    assert news["subjects"] == ["thing/lamp"]
    await reader.leave()


async def test_what_changed_since_the_page_was_read_is_told_at_once(site: Site, client: Client, hub: Hub) -> None:
    seen = (await client.get("/api/home")).json()["at"]
    hub.home.following.observed("lamp", [Reading(2, 1, True)])
    hub.home.following.lost("lamp", "no_answer")
    reader = Listening(site, f"/api/live?kinds=state,reach&since={seen}")
    [state] = await reader.until("state")
    assert (state["address"], state["value"]) == ("lamp/light.on", True)
    assert await reader.until("reach") == [{"thing": "lamp", "reachable": False, "reason": "no_answer"}]
    await reader.leave()
