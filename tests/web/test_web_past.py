"""Facts and histories over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from tests.web.site_helpers import Client

from setaria.app import Hub
from setaria.facts.clock import DAY, HOUR, MINUTE, SECOND
from setaria.facts.fact import HUB, Fact, from_cloud_event
from setaria.facts.ids import IdSource
from setaria.facts.log import Batch
from setaria.facts.refused import Refused
from setaria.home import facts as f
from setaria.home.retention import Retention
from setaria.web import history
from setaria.web.times import parse_time


async def past(hub: Hub, points: list[tuple[int, str, bool | int]]) -> None:
    ids = IdSource(hub.clock)
    facts = [
        Fact(ids.next(), time, "thing/lamp", "home", HUB, f.Reading(address, value)) for time, address, value in points
    ]
    await hub.log.append(0, Batch(facts=facts))


async def test_facts_are_read_on_with_the_cursor(client: Client, hub: Hub) -> None:
    everything = (await client.get("/api/facts")).json()
    assert not everything["more"]
    seen, cursor = [], ""
    while True:
        page = (await client.get(f"/api/facts?limit=2&after={cursor}")).json()
        assert len(page["facts"]) <= 2
        seen += page["facts"]
        cursor = page["cursor"]
        if not page["more"]:
            break
    assert seen == everything["facts"]
    assert [from_cloud_event(each).id for each in seen] == sorted(from_cloud_event(each).id for each in seen)
    rooms = (await client.get("/api/facts?kind=home.room_saved")).json()["facts"]
    assert [each["data"]["room"] for each in rooms] == ["study"]
    lamps = (await client.get("/api/facts?aggregate=thing/lamp")).json()["facts"]
    assert {each["subject"] for each in lamps} == {"thing/lamp"}


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=9" + "9" * 30, "after=zz", "a=1", "%ff"])
async def test_queries_that_make_no_sense(client: Client, query: str) -> None:
    assert (await client.get(f"/api/facts?{query}")).status == 400


async def test_the_newest_facts_of_a_thing_come_first(client: Client, hub: Hub) -> None:
    await client.post("/api/things/lamp/write", {"writes": {"light.on": True}})
    await hub.writer.flush()
    facts = (await client.get("/api/things/lamp/facts?limit=3")).json()["facts"]
    assert len(facts) == 3
    assert {"home.command_ended", "home.reading"} == {each["type"] for each in facts[:2]}
    assert facts[2]["type"] == "home.command_given"
    assert (await client.get("/api/things/none/facts")).status == 404


async def test_raw_readings_of_one_property(client: Client, hub: Hub) -> None:
    now = hub.clock.now()
    points = [(now - HOUR + n * MINUTE, "light.brightness", n) for n in range(1, 31)]
    await past(hub, [*points, *((time + 1, "light.on", bool(value % 2)) for time, _, value in points)])
    found = (await client.get("/api/things/lamp/history?property=light.brightness")).json()
    assert found["points"] == [[time, value] for time, _, value in points]
    assert not found["more"]
    since = points[9][0]
    path = f"/api/things/lamp/history?property=light.brightness&since={since}&until={points[19][0]}&limit=4"
    seen = []
    for _ in range(5):
        page = (await client.get(path)).json()
        seen += page["points"]
        path = path.replace(f"since={since}", f"since={page['reached']}")
        since = page["reached"]
        if not page["more"]:
            break
    assert seen == [[time, value] for time, _, value in points[9:19]]


async def test_what_is_older_comes_from_statistics(client: Client, hub: Hub) -> None:
    day = hub.clock.now() // DAY * DAY - 40 * DAY
    await past(hub, [(day + n * HOUR, "light.brightness", 10 * n + 10) for n in range(3)])
    await past(hub, [(day + HOUR, "light.on", True)])
    path = f"/api/things/lamp/history?property=light.brightness&since={day}&until={day + DAY}"
    raw = (await client.get(path)).json()
    assert [value for _, value in raw["points"]] == [10, 20, 30]  # not made into statistics yet
    await Retention(hub.log, hub.writer, hub.clock).run_once()
    fine = (await client.get(path)).json()
    assert fine["points"] == [
        [day, 10],
        [day + 5 * MINUTE, 10],
        [day + HOUR, 20],
        [day + HOUR + 5 * MINUTE, 20],
        [day + 2 * HOUR, 30],
        [day + 2 * HOUR + 5 * MINUTE, 30],
    ]
    assert fine["raw_since"] == day + DAY
    assert not fine["more"]
    wide = (await client.get(path.replace(f"until={day + DAY}", f"until={day + 20 * DAY}"))).json()
    assert wide["points"] == [[day, 10], [day + HOUR, 20], [day + 2 * HOUR, 30], [day + 3 * HOUR, 30]]
    few = (await client.get(path + "&limit=3")).json()
    assert (few["points"], few["more"]) == (fine["points"][:3], True)
    rest = (await client.get(path.replace(f"since={day}", f"since={few['reached']}"))).json()
    assert rest["points"] == fine["points"][3:]


async def test_a_history_reads_no_more_than_it_may(client: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST_READ", 10)
    monkeypatch.setattr(history, "A_READ", 5)
    now = hub.clock.now()
    await past(hub, [(now - HOUR + n * SECOND, "light.on", bool(n % 2)) for n in range(30)])
    path = f"/api/things/lamp/history?property=light.brightness&since={now - HOUR}&until={now - MINUTE}"
    first = (await client.get(path)).json()
    assert (first["points"], first["more"]) == ([], True)
    assert now - HOUR < first["reached"] < now - MINUTE


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 400, "query_unfit"),
        ("property=light.none", 404, "unknown_property"),
        ("property=light.on&since=yesterday", 400, "time_unreadable"),
        ("property=light.on&since=" + "9" * 30, 400, "time_unreadable"),
        ("property=light.on&since=2026-01-02&until=2026-01-01", 400, "time_order"),
        ("property=light.on&limit=5001", 400, "query_unfit"),
    ],
)
async def test_histories_that_make_no_sense(client: Client, query: str, status: int, code: str) -> None:
    reply = await client.get(f"/api/things/lamp/history?{query}")
    assert (reply.status, reply.refused) == (status, code)


def test_times_are_microseconds_or_iso() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    moment = datetime(2026, 1, 31, 8, tzinfo=UTC)
    expected = int(moment.timestamp()) * SECOND
    for written in (
        str(expected),
        "2026-01-31T08:00:00Z",
        "2026-01-31T16:00:00 08:00",  # a plus that was not escaped
        "2026-01-31T16:00:00+08:00",
        "2026-01-31T16:00",
        "2026-01-31 16:00",
    ):
        assert parse_time(written, zone, "since") == expected
    for wrong in ("", "-1", "0001-01-01", "²", "9" * 41, "2026-13-01", "1e3"):
        with pytest.raises(Refused, match="time_unreadable"):
            parse_time(wrong, zone, "since")
