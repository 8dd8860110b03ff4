"""What the page of linkages edits with: documents, text, parts; and that a heavy text does not stop the hub."""

from __future__ import annotations

import asyncio
import functools
import threading
from typing import Any

import pytest
from tests.web.site_helpers import Client

from setaria.facts.refused import Refused
from setaria.home.linkage import aside
from setaria.home.linkage.aside import Aside
from setaria.home.linkage.document import SOURCE_BYTES
from setaria.home.linkage.reading import Read, View

COMMENTED = """# why: it gets dark
id: evening
alias: Evening
triggers:
  - trigger: time
    at: "19:00:00"
actions:
  - if: "{{ is_state('lamp', 'off') }}"
    then:
      - action: light.turn_on
        target: {entity_id: lamp}
"""


async def test_a_text_becomes_documents_and_a_document_text(client: Client) -> None:
    found = (await client.post("/api/linkages/document", {"text": COMMENTED})).json()
    [document] = found["documents"]
    assert document["triggers"] == [{"trigger": "time", "at": "19:00:00"}]
    text = (await client.post("/api/linkages/yaml", {"document": document})).json()["text"]
    assert text.startswith("id: evening\nalias: Evening\ntriggers:\n  - trigger: time\n")
    assert (await client.post("/api/linkages/document", {"text": text})).json() == found
    two = (await client.post("/api/linkages/document", {"text": "linkages:\n- {id: a}\n- {id: b}"})).json()
    assert [each["id"] for each in two["documents"]] == ["a", "b"]


async def test_texts_and_documents_are_bounded(client: Client) -> None:
    bomb = "a: &a [x]\n" + "".join(f"{n}: &x{n} [*{'a' if n == 0 else f'x{n - 1}'}, *a, *a]\n" for n in range(2_000))
    for text, code in (
        ("a: [", "linkage_unreadable"),
        (bomb, "linkage_unreadable"),
        ("x" * (SOURCE_BYTES + 1), "linkage_unreadable"),
        ("!!python/object/apply:os.system [x]", "linkage_unreadable"),
        ("triggers: !input x", "linkage_text_only"),
    ):
        assert (await client.post("/api/linkages/document", {"text": text})).refused == code
    checked = await client.post("/api/linkages/check", {"text": bomb})
    assert checked.status == 200
    assert not checked.json()["ok"]
    large = await client.post("/api/linkages/check", {"text": "a" * 1_000_000})
    assert large.refused == "body_too_large"
    unfit = await client.post("/api/linkages/yaml", {"document": {"a": ["x"] * 6_000}})
    assert unfit.refused == "linkage_unreadable"
    assert (await client.post("/api/linkages/yaml", {"document": ["x"]})).refused == "body_unfit"


async def test_parts_come_with_a_check_and_with_a_linkage(client: Client) -> None:
    draft = (await client.post("/api/linkages/check", {"text": COMMENTED})).json()["drafts"][0]
    actions = {each["path"]: each for each in draft["parts"]["actions"]}
    assert list(actions) == ["action/0", "action/0/if/condition/0", "action/0/then/0"]
    assert actions["action/0/then/0"]["sentence"] == "turn on Lamp"
    assert actions["action/0/then/0"]["typed"]["things"] == ["lamp"]
    broken = COMMENTED.replace("{entity_id: lamp}", "{entity_id: lampe}")
    told = (await client.post("/api/linkages/check", {"text": broken})).json()["drafts"][0]
    bad = {each["path"]: each["problems"] for each in told["parts"]["actions"] if each["problems"]}
    assert [each["code"] for each in bad["action/0/then/0"]] == ["thing_unknown"]
    assert (await client.post("/api/linkages", {"text": COMMENTED})).status == 200
    full = (await client.get("/api/linkages/evening")).json()
    assert full["source"].startswith("# why")
    assert full["document"]["actions"][0]["then"][0]["action"] == "light.turn_on"
    assert [each["path"] for each in full["parts"]["triggers"]] == ["trigger/0"]
    listed = (await client.get("/api/linkages")).json()["linkages"][0]
    assert (listed["kind"], listed["about"]) == ("time", "")


async def test_a_linkage_whose_text_names_other_things_can_be_edited(client: Client) -> None:
    theirs = COMMENTED.replace("entity_id: lamp", "entity_id: light.hall").replace("'lamp'", "'light.hall'")
    body = {"text": theirs, "mapping": {"light.hall": "lamp"}, "save": False}
    looked = (await client.post("/api/linkages/import-ha", body)).json()
    assert looked["taken"]["evening"]
    unknown = (await client.post("/api/linkages/import-ha", {**body, "mapping": {}})).json()
    assert unknown["unknown"] == ["light.hall"]
    assert unknown["refused"][0]["problems"][0]["line"] > 0
    assert (await client.post("/api/linkages/import-ha", {**body, "save": True})).status == 200
    full = (await client.get("/api/linkages/evening")).json()
    assert "light.hall" not in full["source"]
    before = full["rule"]
    assert (await client.post("/api/linkages", {"text": full["source"]})).status == 200
    again = (await client.get("/api/linkages/evening")).json()
    assert again["rule"] == before


async def test_what_things_can_be_told(client: Client) -> None:
    models = (await client.get("/api/linkages/services")).json()["models"]
    assert {"light.turn_on", "light.turn_off"} <= set(models["yeelink.light.lamp1"])


async def test_runs_and_trials_are_told(client: Client) -> None:
    assert (await client.post("/api/linkages", {"text": COMMENTED})).status == 200
    assert (await client.post("/api/linkages/evening/run")).status == 200
    found = (await client.get("/api/linkages/evening/traces")).json()
    assert (found["ran"], found["more"]) == (1, False)
    assert found["traces"][0]["told"][0]["path"] == "trigger"
    assert all(each["text"] for each in found["traces"][0]["told"])
    tried = (await client.post("/api/linkages/dry-run", {"linkage": "evening", "days": 3})).json()
    for run in tried["runs"]:
        assert run["told"]


async def test_the_hub_goes_on_while_a_text_is_checked(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    read = View.read

    def slow(view: View, text: str) -> Read:
        begun.set()
        assert go_on.wait(10)
        return read(view, text)

    monkeypatch.setattr(View, "read", slow)
    checking = asyncio.create_task(client.post("/api/linkages/check", {"text": COMMENTED}))
    while not begun.is_set():
        await asyncio.sleep(0.001)
    assert (await client.get("/api/home")).status == 200
    assert not checking.done()
    go_on.set()
    assert (await checking).json()["ok"]


async def test_one_heavy_text_at_a_time_and_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "MOST_WAITING", 3)
    desk, go_on = Aside(), threading.Event()
    under_way: list[int] = []
    most = 0

    def work(number: int) -> int:
        nonlocal most
        under_way.append(number)
        most = max(most, len(under_way))
        assert go_on.wait(10)
        under_way.remove(number)
        return number

    tasks = [asyncio.create_task(desk.do(functools.partial(work, number))) for number in range(3)]
    await asyncio.sleep(0.01)
    with pytest.raises(Refused) as refused:
        await desk.do(lambda: 9)
    assert refused.value.code == "desk_busy"
    tasks[0].cancel()  # who asked has gone; the work has not
    go_on.set()
    assert await asyncio.gather(*tasks[1:]) == [1, 2]
    assert most == 1
    while under_way:
        await asyncio.sleep(0.001)
    assert await desk.do(lambda: 9) == 9


async def test_a_fault_of_the_work_is_told() -> None:
    def work() -> Any:
        raise Refused("linkage_text_only")

    with pytest.raises(Refused):
        await Aside().do(work)
