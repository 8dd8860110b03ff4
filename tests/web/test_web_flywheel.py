"""The flywheel's routes: reports are shown, judged and kept by a process of their own; the hub never imports numpy."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.flywheel.report_example import HOSTILE, bare, example
from tests.web.site_helpers import PORT, Client, cookie_of

from setaria.app import Hub
from setaria.facts.clock import DAY
from setaria.flywheel.refit.about import Behind
from setaria.flywheel.refit.keeping import keep
from setaria.flywheel.report import report as said
from setaria.home import commands as c
from setaria.web.flywheel_desk import EVERY, FlywheelDesk
from setaria.web.server import Services, Site

UI = Path(__file__).parents[2] / "ui" / "src" / "pages" / "flywheel" / "report.ts"
# Tells how far it is, waits for a file to be there, keeps the example.
STAND_IN = """
import pathlib, sys, time
sys.path.append({root!r})
print('{{"key": "flywheel.refit.reading", "done": 0.25}}', flush=True)
while not pathlib.Path({go!r}).exists():
    time.sleep(0.01)
from tests.flywheel.report_example import example
from setaria.flywheel.refit.about import Behind
from setaria.flywheel.refit.keeping import keep
kept = keep(example(), pathlib.Path(sys.argv[-1]), 1_800_000_000_000_000, {{}})
print('{{"kept": "' + kept.id + '"}}', flush=True)
"""


@pytest.fixture
async def desk(hub: Hub, tmp_path: Path) -> AsyncIterator[FlywheelDesk]:
    made = FlywheelDesk(tmp_path / "flywheel", hub.settings.log_path, hub.clock)
    yield made
    await made.stop()


@pytest.fixture
async def site(services: Services, desk: FlywheelDesk) -> AsyncIterator[Site]:
    made = Site(msgspec.structs.replace(services, flywheel=desk), port=PORT)
    made.app.serve_port(PORT)
    yield made
    await made.stop()


def stand_in(folder: Path, desk: FlywheelDesk) -> Path:
    """From now on the desk's process is this one; it goes on once the file that is returned is there."""
    go = folder / "go"
    program = STAND_IN.format(root=str(Path(__file__).parents[2]), go=str(go))
    desk._process = (sys.executable, "-c", program)
    return go


async def fitted(client: Client) -> dict[str, Any]:
    for _ in range(12_000):  # of the lowest priority, so beside a busy machine it takes its time
        told: dict[str, Any] = (await client.get("/api/flywheel/fit")).json()
        if told["stage"] == "":
            return told
        await asyncio.sleep(0.01)
    raise AssertionError("the fit does not end")


async def test_without_a_report_it_says_what_there_is(client: Client) -> None:
    told = (await client.get("/api/flywheel")).json()
    assert told["report"] is None
    assert told["shown"] is None
    assert told["reports"] == []
    assert told["facts"] > 0
    assert told["missing"] == []
    assert told["fit"] == {"stage": "", "done": 0.0, "failed": None, "next": 0}


async def test_a_report_made_elsewhere_is_judged_kept_and_shown(client: Client, desk: FlywheelDesk) -> None:
    given = json.loads(msgspec.json.encode(example()))
    kept = (await client.post("/api/flywheel/reports", given)).json()
    assert kept["how"] == "given"
    told = (await client.get("/api/flywheel", **{"Accept-Language": "zh-CN"})).json()
    assert told["report"] == given
    assert told["current"] == kept
    assert told["traced"] == []  # its facts are not in this log
    assert "门店体验" in told["shown"]["headline"][0]["text"]
    english = (await client.get("/api/flywheel", **{"Accept-Language": "en"})).json()
    assert english["shown"]["headline"][0]["text"].startswith("Do more of")
    assert not (desk.folder / ".given.part").exists()
    assert desk.doing is None


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"source": 1}, "flywheel_report_unfit"),
        ({"version": 2}, "flywheel_report_version"),
        ([], "flywheel_report_unfit"),
    ],
)
async def test_what_is_no_report_is_refused_and_leaves_nothing(
    client: Client, desk: FlywheelDesk, document: Any, code: str
) -> None:
    reply = await client.post("/api/flywheel/reports", document)
    assert (reply.status, reply.refused) == (400, code)
    assert reply.json()["refused"]["next"]
    assert desk.kept() == []
    assert desk.doing is None


async def test_a_single_household_is_told_calmly_that_it_cannot_be_fitted(client: Client, hub: Hub) -> None:
    await hub.writer.flush()
    begun = (await client.post("/api/flywheel/fit")).json()
    assert begun["stage"] != ""
    told = await fitted(client)
    assert told["failed"]["code"] == "flywheel_households_few"
    assert "at least 30" in told["failed"]["sentence"]
    assert told["failed"]["next"]


async def test_a_fit_tells_how_far_it_is_and_is_one_at_a_time(
    client: Client, desk: FlywheelDesk, tmp_path: Path
) -> None:
    go = stand_in(tmp_path, desk)
    await client.post("/api/flywheel/fit")
    while desk.doing is not None and desk.doing.done == 0:
        await asyncio.sleep(0.01)
    told = (await client.get("/api/flywheel/fit")).json()
    assert (told["stage"], told["done"]) == ("Reading the log", 0.25)
    assert (await client.post("/api/flywheel/fit")).refused == "flywheel_busy"
    assert (await client.post("/api/flywheel/reports", {})).refused == "flywheel_busy"
    go.touch()
    told = await fitted(client)
    assert told["failed"] is None
    assert [each.how for each in desk.kept()] == ["fitted"]
    assert told["next"] == desk.kept()[0].at + EVERY


async def test_a_process_that_dies_or_babbles_is_told_of(client: Client, desk: FlywheelDesk) -> None:
    for program in ("raise SystemExit(3)", "print('hello')", "print('[1]')", "print('x' * 100_000)"):
        desk._process = (sys.executable, "-c", program)
        await client.post("/api/flywheel/fit")
        assert (await fitted(client))["failed"]["code"] == "flywheel_failed", program


async def test_what_runs_ends_with_the_hub(client: Client, desk: FlywheelDesk, tmp_path: Path) -> None:
    stand_in(tmp_path, desk)
    await client.post("/api/flywheel/fit")
    while desk._running is None:
        await asyncio.sleep(0.01)
    running = desk._running
    await desk.stop()
    assert running.returncode is not None
    assert desk.doing is None


async def test_without_the_extra_the_page_says_so_and_the_menu_has_none(
    client: Client, site: Site, hub: Hub, desk: FlywheelDesk
) -> None:
    desk._missing = ["numba"]
    assert (await client.get("/api/flywheel")).json()["missing"] == ["numba"]
    assert (await client.post("/api/flywheel/fit")).refused == "flywheel_extra_missing"
    assert await pages_of(site, hub, "owner") == []
    keep(bare(), desk.folder, 10)
    assert await pages_of(site, hub, "owner") == ["flywheel"]  # there is something to look at


async def pages_of(site: Site, hub: Hub, member: str) -> list[str]:
    reply = await Client(site.app).get("/api/session", **await cookie_of(hub, member))
    pages: list[str] = reply.json()["pages"]
    return pages


async def test_the_menu_shows_it_to_whom_it_is_for(site: Site, hub: Hub) -> None:
    await hub.home.arrange(hub.owner, c.SaveMember("mum", "Mum", "adult"))
    await hub.home.arrange(hub.owner, c.SaveMember("kid", "Kid", "child"))
    await hub.home.arrange(hub.owner, c.SaveMember("gran", "Gran", "elder"))
    found = {member: await pages_of(site, hub, member) for member in ("owner", "mum", "kid", "gran")}
    assert found == {"owner": ["flywheel"], "mum": ["flywheel"], "kid": [], "gran": []}


async def test_only_an_owner_shows_and_removes_reports(site: Site, hub: Hub, desk: FlywheelDesk) -> None:
    await hub.home.arrange(hub.owner, c.SaveMember("mum", "Mum", "adult"))
    path = f"/api/flywheel/reports/{keep(example(), desk.folder, 10).id}"
    client = Client(site.app)
    headers = await cookie_of(hub, "mum")
    assert (await client.get("/api/flywheel", **headers)).status == 200
    assert (await client.post("/api/flywheel/reports", {}, **headers)).refused == "not_allowed"
    assert (await client.send("DELETE", path, headers=headers)).refused == "not_allowed"
    owner = await cookie_of(hub, "owner")
    assert (await client.send("DELETE", path, headers=owner)).status == 200
    assert desk.kept() == []
    assert (await client.send("DELETE", "/api/flywheel/reports/..", headers=owner)).refused == "not_found"


async def test_each_table_comes_as_csv_in_the_asked_language(client: Client, desk: FlywheelDesk) -> None:
    keep(example(HOSTILE), desk.folder, 10)
    kept = desk.find("")
    assert len(kept.tables) > 12
    for name in kept.tables:
        reply = await client.get(f"/api/flywheel/tables/{name}?language=zh-CN")
        assert reply.status == 200
        assert reply.headers["content-type"] == "text/csv; charset=utf-8"
        assert name in reply.headers["content-disposition"]
        rows = list(csv.reader(io.StringIO(reply.body.decode("utf-8-sig"))))
        assert len({len(row) for row in rows}) == 1
        assert not [cell for row in rows for cell in row if cell.startswith(("=", "@"))]
    english = (await client.get("/api/flywheel/tables/values.csv?language=en")).body.decode("utf-8-sig")
    assert english.startswith("Touchpoint,")


@pytest.mark.parametrize("name", ["../about.json", "about.json", "..%2Fabout.json", "none.csv", "a.csv%00"])
async def test_no_other_file_is_a_table(client: Client, desk: FlywheelDesk, name: str) -> None:
    keep(example(), desk.folder, 10)
    assert (await client.get(f"/api/flywheel/tables/{name}")).status == 404


async def test_an_earlier_report_can_be_looked_at(client: Client, desk: FlywheelDesk) -> None:
    first, second = keep(bare(), desk.folder, 10), keep(example(), desk.folder, 20, {})
    assert (await client.get("/api/flywheel")).json()["current"]["id"] == second.id
    told = (await client.get(f"/api/flywheel?report={first.id}")).json()
    assert told["report"]["source"]["name"] == "empty.csv"
    assert [each["id"] for each in told["reports"]] == [second.id, first.id]
    assert (await client.get("/api/flywheel?report=../x")).refused == "not_found"


async def test_the_facts_behind_a_number_are_found(client: Client, hub: Hub, desk: FlywheelDesk) -> None:
    await hub.home.arrange(hub.owner, c.SaveMember("mum", "Mum", "adult"))
    await hub.writer.flush()
    model = hub.home.structure.things["lamp"].model
    touchpoints = {
        f"thing_added:{model}": Behind("home.thing_added", {"model": model}),
        "thing_added:other": Behind("home.thing_added", {"model": "other"}),
        "by_a_child": Behind("home.thing_added", {}, ["child"]),
        "room": Behind("home.room_saved"),
        "unknown": Behind("shop.order_paid"),
    }
    keep(example(), desk.folder, 10, touchpoints)
    assert (await client.get("/api/flywheel")).json()["traced"] == list(touchpoints)
    page = (await client.get(f"/api/flywheel/facts?touchpoint=thing_added:{model}")).json()
    assert [each["type"] for each in page["facts"]] == ["home.thing_added"]
    assert page["facts"][0]["sentence"]
    assert not page["more"]
    both = (await client.get(f"/api/flywheel/facts?touchpoint=room&then=thing_added:{model}")).json()["facts"]
    assert [each["touchpoint"] for each in both] == [f"thing_added:{model}", "room"]  # newest first
    for name in ("thing_added:other", "by_a_child", "unknown", "not there"):
        assert (await client.get(f"/api/flywheel/facts?touchpoint={name.replace(' ', '%20')}")).json()["facts"] == []
    first = (await client.get(f"/api/flywheel/facts?touchpoint=room&then=thing_added:{model}&limit=1")).json()
    rest = f"/api/flywheel/facts?touchpoint=room&then=thing_added:{model}&before={first['cursor']}"
    assert [each["id"] for each in (first["facts"] + (await client.get(rest)).json()["facts"])] == [
        each["id"] for each in both
    ]


async def test_a_fit_is_planned_a_week_after_the_last(hub: Hub, desk: FlywheelDesk) -> None:
    assert desk.next_fit == 0
    now = hub.clock.now()
    keep(bare(), desk.folder, now)
    assert desk.next_fit == 0  # a report made elsewhere is no fit of this log
    kept = keep(bare(), desk.folder, now - DAY, {})
    desk._kept = (-1, [])
    assert desk.next_fit == kept.at + EVERY


def test_the_page_asks_for_no_field_that_a_report_does_not_have() -> None:
    """report.ts is written by hand: the hub must not import what would tell its schema."""
    text = UI.read_text(encoding="utf-8")
    shapes = {
        name: set(re.findall(r"^  (\w+): ", body, re.M))
        for name, body in re.findall(r"export interface (\w+) \{\n(.*?)^\}", text, re.M | re.S)
    }
    for name in ("Source", "Value", "Lead", "Explained", "Specified", "Check", "Compared", "WhatIf", "Report"):
        known = set(getattr(said, name).__struct_fields__)
        assert shapes[name], name
        assert shapes[name] <= known, name


PROGRAM = """
import asyncio, pathlib, sys, tempfile
from setaria.app import Hub, Settings
async def run():
    with tempfile.TemporaryDirectory() as folder:
        hub = Hub.open(Settings(pathlib.Path(folder), port=0, miio=False))
        await hub.start()
        await hub.serve()
        report = pathlib.Path(sys.argv[1]).read_bytes()
        kept = hub.flywheel.find(await hub.flywheel.give(report))
        hub.flywheel.read(kept, "shown.en.json"), hub.flywheel.table(kept, "values.csv", "en")
        hub.flywheel.fit()
        while hub.flywheel.doing is not None:
            await asyncio.sleep(0.01)
        assert hub.flywheel.failed.code == "flywheel_households_few", hub.flywheel.failed
        await hub.close()
asyncio.run(run())
heavy = {"numpy", "scipy", "numba", "pyarrow", "pandas"} & sys.modules.keys()
sys.exit(f"imported: {heavy}" if heavy else 0)
"""


def test_a_hub_that_shows_and_fits_never_imports_numpy(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_bytes(msgspec.json.encode(example()))
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "report.json")]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
