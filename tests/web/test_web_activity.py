"""What happened, in words, over HTTP: who may read it, single facts, one thing's life, histories as CSV."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.web.site_helpers import Client, Listening, cookie_of

from setaria.app import Hub
from setaria.facts.clock import MINUTE, SECOND
from setaria.facts.fact import HUB, Fact
from setaria.facts.ids import IdSource, id_text
from setaria.facts.log import Batch
from setaria.home import commands as c
from setaria.home import facts as f
from setaria.home.telling.entry import Entry
from setaria.web import history_csv
from setaria.web.history_csv import cell, value_cell
from setaria.web.server import Site


async def entries(client: Client, query: str = "", **headers: str) -> list[Any]:
    reply = await client.get(f"/api/activity{query}", **headers)
    assert reply.status == 200, reply.body
    found: list[Any] = reply.json()["entries"]
    return found


async def test_what_happened_is_told_in_the_asked_language(client: Client, hub: Hub) -> None:
    await client.post("/api/things/lamp/write", {"writes": {"light.on": True}})
    await hub.writer.flush()
    newest = (await entries(client))[0]
    assert tuple(newest) == Entry.__struct_fields__
    assert newest["text"] == "Owner: Lamp on"
    assert newest["actor"] == {"kind": "member", "id": "owner", "name": "Owner"}
    assert len(newest["facts"]) == 2
    chinese = (await entries(client, **{"Accept-Language": "zh-CN"}))[0]
    assert chinese["text"] == "Owner：Lamp 开"


async def test_each_entry_leads_to_its_facts(client: Client) -> None:
    for entry in await entries(client):
        for fact in entry["facts"]:
            event = (await client.get(f"/api/facts/{fact}")).json()
            assert event["id"] == fact
            assert event["specversion"] == "1.0"
            assert event["sentence"]
    assert (await client.get("/api/facts/nothing")).refused == "not_found"
    assert (await client.get("/api/facts/" + id_text(bytes(16)))).refused == "not_found"


async def test_pages_go_back_to_the_beginning(client: Client) -> None:
    everything = await entries(client, "?limit=200")
    seen, path = list[Any](), "/api/activity?limit=1"
    for _ in range(100):
        page = (await client.get(path)).json()
        seen += page["entries"]
        path = f"/api/activity?limit=1&before={page['next']}"
        if not page["next"]:
            break
    assert seen == everything
    assert len(seen) > 2


async def test_facts_newest_first(client: Client) -> None:
    forward = (await client.get("/api/facts")).json()["facts"]
    kept = [each for each in forward if each["type"] != "home.reading"]
    assert (await client.get("/api/facts?before=now")).json()["facts"] == kept[::-1]
    seen, before = list[Any](), "now"
    for _ in range(100):
        page = (await client.get(f"/api/facts?limit=1&aggregate=home/home&before={before}")).json()
        seen += page["facts"]
        before = page["cursor"]
        if not page["more"]:
            break
    assert seen == [each for each in kept[::-1] if each["subject"] == "home/home"]
    rooms = (await client.get("/api/facts?before=now&kind=home.room_saved")).json()["facts"]
    assert [each["data"]["room"] for each in rooms] == ["study"]
    assert (await client.get("/api/facts?before=now&kind=no.such")).json()["facts"] == []
    assert (await client.get("/api/facts?before=zz")).refused == "cursor_unreadable"


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "before=x", "before=5.6", "other=1", "thing=" + "x" * 81])
async def test_activity_that_makes_no_sense(client: Client, query: str) -> None:
    assert (await client.get(f"/api/activity?{query}")).status == 400


@pytest.fixture
async def family(hub: Hub) -> Hub:
    for member, role in (("fang", "adult"), ("tao", "child"), ("nai", "elder")):
        await hub.home.arrange(hub.owner, c.SaveMember(member, member.title(), role))
    until = hub.clock.now() + 60 * MINUTE
    await hub.home.arrange(hub.owner, c.SaveMember("mei", "Mei", "guest", until))
    return hub


@pytest.mark.parametrize("member", ["tao", "nai"])
async def test_a_child_and_an_elder_see_their_own(client: Client, family: Hub, member: str) -> None:
    cookie = await cookie_of(family, member)
    for who in ("tao", "nai", "fang"):
        principal = family.home.permits.principal(who)
        assert principal is not None
        await family.home.say_presence(principal, who, True)
    found = await entries(client, **cookie)
    assert found
    assert {entry["member"] for entry in found} == {member}
    assert f"{member.title()} came home" in [entry["text"] for entry in found]
    assert await entries(client, "?member=fang", **cookie) == []
    own = await family.log.latest(f"member/{member}", 1)
    assert (await client.get(f"/api/facts/{id_text(own[0].fact.id)}", **cookie)).status == 200
    others = await family.log.latest("member/fang", 1)
    assert (await client.get(f"/api/facts/{id_text(others[0].fact.id)}", **cookie)).refused == "not_allowed"
    for path in ("/api/things/lamp/life", "/api/things/lamp/history.csv?property=light.on"):
        assert (await client.get(path, **cookie)).refused == "not_allowed"


async def test_a_guest_sees_none_and_an_adult_all(client: Client, family: Hub) -> None:
    guest = await cookie_of(family, "mei")
    newest = (await family.log.latest("home/home", 1))[0].fact
    paths = ("/api/activity", f"/api/facts/{id_text(newest.id)}", "/api/things/lamp/life")
    for path in (*paths, "/api/things/lamp/history.csv?property=light.on"):
        assert (await client.get(path, **guest)).refused == "not_allowed"
    adult = await cookie_of(family, "fang")
    assert await entries(client, **adult) == await entries(client)


async def test_a_life(client: Client) -> None:
    life = (await client.get("/api/things/lamp/life")).json()["entries"]
    assert [each["text"] for each in life] == ["Owner added Lamp in Study"]
    assert (await client.get("/api/things/none/life")).refused == "not_found"


# CSV.


async def past(hub: Hub, address: str, values: list[Any]) -> int:
    """A value a second, the first a minute ago; returns when that was."""
    ids, began = IdSource(hub.clock), hub.clock.now() - MINUTE
    times = [began + number * SECOND for number in range(len(values))]
    bodies = [f.Reading(address, value) for value in values]
    facts = [Fact(ids.next(), time, "thing/lamp", "home", HUB, body) for time, body in zip(times, bodies, strict=True)]
    await hub.log.append(0, Batch(facts))
    return began


async def downloaded(site: Site, query: str) -> str:
    listening = Listening(site, f"/api/things/lamp/history.csv?{query}")
    await listening.ended()
    assert listening.status == 200
    return listening.text


async def test_a_history_as_a_file(site: Site, hub: Hub) -> None:
    began = await past(hub, "light.brightness", [10, 20, 30])
    text = await downloaded(site, "property=light.brightness")
    assert text.endswith("\r\n")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert rows[0] == ["time", "Lamp · Brightness (percentage)"]
    assert [row[1] for row in rows[1:]] == ["10", "20", "30"]
    times = [datetime.fromisoformat(row[0]) for row in rows[1:]]
    assert [round(time.timestamp() * SECOND) for time in times] == [began + n * SECOND for n in range(3)]
    assert all(time.utcoffset() is not None for time in times)


async def test_a_long_history_comes_in_pages_up_to_its_bound(
    site: Site, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_csv, "MOST_POINTS", 4)
    await past(hub, "light.brightness", list(range(30)))
    text = await downloaded(site, "property=light.brightness")
    assert [line.partition(",")[2] for line in text.split("\r\n")[1:-1]] == [str(number) for number in range(30)]
    monkeypatch.setattr(history_csv, "MOST_ROWS", 10)
    assert (await downloaded(site, "property=light.brightness")).count("\r\n") == 11


async def test_a_name_that_is_a_formula_stays_text(site: Site, hub: Hub) -> None:
    await hub.home.arrange(hub.owner, c.ArrangeThing("lamp", '=HYPERLINK("x")', "study", ()))
    await past(hub, "light.on", [True, False])
    rows = list(csv.reader(io.StringIO(await downloaded(site, "property=light.on"), newline="")))
    assert rows[0][1].startswith("'=HYPERLINK")
    assert [row[1] for row in rows[1:]] == ["true", "false"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("property=light.none", "unknown_property"),
        ("", "query_unfit"),
        ("property=light.on&since=yesterday", "time_unreadable"),
    ],
)
async def test_files_that_make_no_sense(client: Client, query: str, code: str) -> None:
    assert (await client.get(f"/api/things/lamp/history.csv?{query}")).refused == code
    assert (await client.get("/api/things/none/history.csv?property=light.on")).refused == "not_found"


@given(st.text(max_size=40))
def test_a_cell_is_never_a_formula_and_reads_back(text: str) -> None:
    written = cell(text)
    rows = list(csv.reader(io.StringIO(f"{written},x\r\n", newline=""), strict=True))
    assert len(rows) == 1
    assert len(rows[0]) == 2
    assert not rows[0][0].lstrip().startswith(("=", "+", "-", "@", "|", "%"))
    assert "\t" not in written


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans()))
def test_numbers_stay_numbers(value: bool | int | float) -> None:
    written = value_cell(value)
    if isinstance(value, bool):
        assert written in ("true", "false")
    else:
        assert float(written) == pytest.approx(float(value))
    assert value_cell("=1+1") == "'=1+1"
    msgspec.json.encode(written)
