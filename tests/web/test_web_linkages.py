"""Linkages over HTTP: checked, saved, run, undone, tried out."""

from __future__ import annotations

import asyncio

from tests.web.site_helpers import Client, FakeRadio

from setaria.app import Hub

GOOD = """
id: evening
alias: Evening
triggers:
  - trigger: time
    at: "19:00:00"
actions:
  - action: light.turn_on
    target: {entity_id: lamp}
"""
BAD = GOOD.replace("entity_id: lamp", "entity_id: none")


async def test_checking_saves_nothing(client: Client, hub: Hub) -> None:
    good = (await client.post("/api/linkages/check", {"text": GOOD})).json()
    assert good["ok"], good
    assert good["drafts"][0]["id"] == "evening"
    assert good["drafts"][0]["sentence"]
    bad = (await client.post("/api/linkages/check", {"text": BAD}, **{"Accept-Language": "zh-CN"})).json()
    assert not bad["ok"]
    assert bad["drafts"][0]["problems"][0]["line"] > 0
    assert hub.home.structure.linkages == {}
    assert not (await client.post("/api/linkages/check", {"text": "a: [\x00"})).json()["ok"]


async def test_a_life_of_a_linkage(client: Client, radio: FakeRadio) -> None:
    assert (await client.post("/api/linkages", {"text": GOOD})).json() == {"saved": ["evening"]}
    [listed] = (await client.get("/api/linkages")).json()["linkages"]
    assert (listed["id"], listed["enabled"], listed["revision"], listed["place"]) == ("evening", True, 1, "hub")
    full = (await client.get("/api/linkages/evening")).json()
    assert full["source"].strip() == GOOD.strip()
    assert full["linkage"]["author"] == "owner"
    assert full["rule"]["triggers"]
    assert (await client.post("/api/linkages/evening/run")).json()["run"]
    assert [thing for thing, _ in radio.writes] == ["lamp"]
    [trace] = (await client.get("/api/linkages/evening/traces")).json()["traces"]
    assert trace["outcome"] == "done"
    assert (await client.get("/api/linkages")).json()["linkages"][0]["last"] > 0
    assert (await client.post("/api/linkages/evening/switch", {"enabled": False})).status == 200
    assert not (await client.get("/api/linkages")).json()["linkages"][0]["enabled"]
    assert (await client.post("/api/linkages", {"text": GOOD.replace("19:", "20:")})).status == 200
    assert (await client.post("/api/linkages/evening/undo")).status == 200
    assert "19:00" in (await client.get("/api/linkages/evening")).json()["source"]
    assert (await client.send("DELETE", "/api/linkages/evening")).status == 200
    assert (await client.get("/api/linkages/evening")).status == 404
    assert (await client.get("/api/linkages")).json() == {"linkages": [], "findings": []}


async def test_saving_is_refused_with_every_problem(client: Client, hub: Hub) -> None:
    reply = await client.post("/api/linkages", {"text": BAD})
    assert (reply.status, reply.refused) == (400, "linkage_not_sound")
    assert reply.json()["refused"]["details"]["problems"][0]["sentence"]
    assert hub.home.structure.linkages == {}


async def test_a_linkage_may_be_called_check(client: Client) -> None:
    assert (await client.post("/api/linkages", {"text": GOOD.replace("id: evening", "id: check")})).status == 200
    assert (await client.get("/api/linkages/check")).json()["linkage"]["id"] == "check"
    assert (await client.send("DELETE", "/api/linkages/check")).status == 200


async def test_what_the_whole_home_would_do_is_found(client: Client, hub: Hub) -> None:
    loop = """
- id: up
  alias: Up
  triggers: [{trigger: state, entity_id: lamp/light.on, to: "on"}]
  actions: [{action: light.turn_off, target: {entity_id: lamp}}]
- id: down
  alias: Down
  triggers: [{trigger: state, entity_id: lamp/light.on, to: "off"}]
  actions: [{action: light.turn_on, target: {entity_id: lamp}}]
"""
    saved = await client.post("/api/linkages", {"text": loop})
    assert saved.json() == {"saved": ["up", "down"]}, saved.body
    full = (await client.get("/api/linkages/up")).json()
    assert [each["code"] for each in full["findings"]] == ["loop"]


async def test_dry_runs(client: Client, hub: Hub) -> None:
    done = await client.post("/api/linkages/dry-run", {"text": GOOD, "linkage": None, "days": 3})
    assert done.status == 200
    assert done.json()["until"] > done.json()["since"]
    for body, code in (
        ({"days": 3}, "dry_run_of_what"),
        ({"text": GOOD, "linkage": "evening"}, "dry_run_of_what"),
        ({"linkage": "none"}, "not_found"),
        ({"text": GOOD, "days": 0}, "days_unusable"),
        ({"text": GOOD, "days": 10**9}, "days_unusable"),
        ({"text": BAD}, "linkage_not_sound"),
    ):
        assert (await client.post("/api/linkages/dry-run", body)).refused == code


async def test_automations_of_home_assistant(client: Client, hub: Hub) -> None:
    theirs = GOOD.replace("entity_id: lamp", "entity_id: light.hall")
    body = {"text": theirs, "mapping": {"light.hall": "lamp"}, "save": False}
    report = (await client.post("/api/linkages/import-ha", body)).json()
    assert (report["total"], len(report["converted"])) == (1, 1)
    assert hub.home.structure.linkages == {}
    assert (await client.post("/api/linkages/import-ha", {**body, "save": True})).status == 200
    await asyncio.sleep(0)
    assert len((await client.get("/api/linkages")).json()["linkages"]) == 1


async def test_linkages_that_are_not_there(client: Client) -> None:
    for path in ("run", "undo"):
        assert (await client.post(f"/api/linkages/none/{path}")).status == 404
    assert (await client.post("/api/linkages/none/switch", {"enabled": True})).status == 404
    assert (await client.send("DELETE", "/api/linkages/none")).status == 404
    assert (await client.get("/api/linkages/none/traces")).status == 404
