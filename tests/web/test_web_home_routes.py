"""The home over HTTP: reading, writing, arranging, finding."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

import msgspec
import pytest
from tests.web.site_helpers import LAMP, TOKEN, Client, FakeRadio, cookie_of

from setaria.app import Hub
from setaria.facts.clock import DAY, VirtualClock
from setaria.facts.fact import from_cloud_event
from setaria.facts.log import LogFaulty
from setaria.facts.refused import Refused
from setaria.home import commands as c
from setaria.home.ports import Done, Found, Reading, Unreachable
from setaria.web import once
from setaria.web.server import Site


async def test_the_index_leads_on(client: Client) -> None:
    index = (await client.get("/api")).json()
    assert (index["name"], index["version"], index["household"]) == ("setaria", "0.1", "home")
    for link in index["links"].values():
        if link != "/api/live":
            assert (await client.get(link)).status == 200


async def test_the_home_at_a_glance(client: Client, hub: Hub) -> None:
    hub.home.following.observed("lamp", [Reading(2, 1, True), Reading(2, 2, 40)])
    home = (await client.get("/api/home")).json()
    assert home["household"]["name"] == "My home"
    assert home["rooms"] == [{"id": "study", "name": "Study", "storey": ""}]
    assert [(each["id"], each["role"], each["home"]) for each in home["members"]] == [("owner", "owner", None)]
    [lamp] = home["things"]
    assert (lamp["id"], lamp["tile"], lamp["reachable"], lamp["reason"]) == ("lamp", "light", True, "")
    assert lamp["values"]["light.on"] is True
    assert lamp["values"]["light.brightness"] == 40


async def test_a_thing_with_its_spec_in_both_languages(client: Client, hub: Hub) -> None:
    hub.home.following.observed("lamp", [Reading(2, 1, True)])
    lamp = (await client.get("/api/things/lamp")).json()
    assert (lamp["radio"], lamp["address"], lamp["secure"]) == ("miio", "1", False)
    assert lamp["values"]["light.on"]["value"] is True
    assert lamp["values"]["light.on"]["changed"] > 0
    properties = {each["address"]: each for service in lamp["spec"]["services"] for each in service["properties"]}
    brightness = properties["light.brightness"]
    assert brightness["range"][:2] == [1, 100]
    assert brightness["names"] == {"zh-CN": "亮度", "en": "Brightness"}
    assert (brightness["feature"], brightness["writable"]) == ("brightness", True)
    assert (await client.get("/api/things/none")).status == 404


async def test_writing_waits_for_the_thing(client: Client, hub: Hub, radio: FakeRadio) -> None:
    reply = await client.post("/api/things/lamp/write", {"writes": {"light.on": True, "light.brightness": 40}})
    assert (reply.status, reply.json()) == (200, {"outcome": "done"})
    [(thing, writes)] = radio.writes
    assert (thing, [each.value for each in writes]) == ("lamp", [True, 40])
    assert hub.home.live.slots["lamp/light.on"].value is True


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [
        (Unreachable("no_answer"), 504, "thing_unreachable"),
        (Refused("device_refused", thing="lamp", reason="internal_error", device_code=-704), 502, "device_refused"),
    ],
)
async def test_what_a_thing_says_no_to(
    client: Client, radio: FakeRadio, outcome: Refused | Unreachable, status: int, code: str
) -> None:
    radio.outcome = outcome
    reply = await client.post("/api/things/lamp/write", {"writes": {"light.on": True}})
    assert (reply.status, reply.refused) == (status, code)


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/api/things/lamp/write", {"writes": {"light.no": True}}, 404, "unknown_property"),
        ("/api/things/lamp/write", {"writes": {"light.brightness": 101}}, 422, "value_out_of_range"),
        ("/api/things/none/write", {"writes": {"light.on": True}}, 404, "not_found"),
        ("/api/things/lamp/act", {"action": "light.fly"}, 404, "unknown_action"),
        ("/api/scenes/none/set", None, 404, "not_found"),
        ("/api/helpers/none/operate", {"operation": "toggle"}, 404, "not_found"),
        ("/api/members/none/presence", {"home": True}, 404, "not_found"),
        ("/api/arrange", {"command": "Explode"}, 400, "body_unfit"),
        ("/api/arrange", {"command": "SaveRoom", "room": "a", "name": "A", "colour": "red"}, 400, "body_unfit"),
        ("/api/arrange", {"command": "SaveMember", "member": "a", "name": "A", "role": "x"}, 400, "role_unknown"),
        ("/api/arrange", {"command": "SaveHelper", "helper": "h", "type": "counter", "name": "H", "initial": 2**80},
         400, "body_unreadable"),
        ("/api/arrange", {"command": "AddThing", "radio": "miio", "address": "1", "model": LAMP}, 409,
         "thing_already_added"),
    ],
)  # fmt: skip
async def test_refusals_have_their_status(client: Client, path: str, body: object, status: int, code: str) -> None:
    reply = await client.post(path, body)
    assert (reply.refused, reply.status) == (code, status)
    assert reply.json()["refused"]["sentence"] != f"refused.{code}"


async def test_an_action_gives_its_results(client: Client, radio: FakeRadio) -> None:
    radio.outcome = Done((7,))
    reply = await client.post("/api/things/lamp/act", {"action": "light.toggle"})
    assert (reply.status, reply.json()) == (200, {"outcome": "done", "values": [7]})


async def test_arranging_answers_with_facts(client: Client) -> None:
    reply = await client.post("/api/arrange", {"command": "SaveRoom", "room": "hall", "name": "Hall"})
    [event] = reply.json()["facts"]
    assert (event["specversion"], event["type"], event["subject"]) == ("1.0", "home.room_saved", "home/home")
    assert from_cloud_event(event).actor.who == "member/owner"
    assert {each["id"] for each in (await client.get("/api/home")).json()["rooms"]} == {"study", "hall"}


async def test_the_same_key_gives_the_same_answer(client: Client) -> None:
    command = {"command": "SaveRoom", "room": "hall", "name": "Hall"}
    first = await client.post("/api/arrange", command, **{"Idempotency-Key": "once"})
    second = await client.post("/api/arrange", command, **{"Idempotency-Key": "once"})
    assert first.json() == second.json()
    assert (await client.post("/api/arrange", command, **{"Idempotency-Key": "k" * 201})).refused == (
        "command_id_too_long"
    )
    assert (await client.post("/api/arrange", command, **{"Idempotency-Key": "a\tb"})).refused == "command_id_unfit"


async def test_a_repeated_request_is_sent_to_the_thing_once(client: Client, radio: FakeRadio) -> None:
    body = {"writes": {"light.on": True}}
    path, key = "/api/things/lamp/write", {"Idempotency-Key": "k1"}
    both = await asyncio.gather(client.post(path, body, **key), client.post(path, body, **key))
    assert [each.status for each in both] == [200, 200]
    assert len(radio.writes) == 1
    other = await client.post(path, {"writes": {"light.on": False}}, **key)
    assert (other.status, other.refused) == (409, "command_id_reused")
    await client.post("/api/arrange", {"command": "SaveHelper", "helper": "party", "type": "switch", "name": "Party"})
    for _ in range(2):
        toggled = await client.post("/api/helpers/party/operate", {"operation": "toggle"}, **{"Idempotency-Key": "k2"})
        assert toggled.status == 200
    assert (await client.get("/api/helpers")).json()["helpers"][0]["value"] is True


async def test_a_refusal_is_decided_anew() -> None:
    kept = once.Once(VirtualClock())
    answers: list[Refused | bytes] = [Refused("log_full"), b"{}"]

    async def make() -> bytes:
        await asyncio.sleep(0)
        answer = answers.pop(0)
        if isinstance(answer, Refused):
            raise answer
        return answer

    def ask() -> Awaitable[bytes]:
        return kept.run("owner", "key", ("POST", "/", b""), make)

    assert list(await asyncio.gather(ask(), ask(), return_exceptions=True)) == [Refused("log_full")] * 2
    assert list(await asyncio.gather(ask(), ask())) == [b"{}", b"{}"]


async def test_keys_are_forgotten_when_old_or_many() -> None:
    clock = VirtualClock()
    kept = once.Once(clock)
    made: list[str] = []

    async def ask(key: str) -> None:
        async def make() -> bytes:
            made.append(key)
            return b"{}"

        await kept.run("owner", key, ("POST", "/", b""), make)

    for number in range(once.MOST_KEPT + 1):
        await ask(str(number))
    await ask("1000")
    assert len(made) == once.MOST_KEPT + 1
    await ask("0")
    clock.advance(once.KEPT)
    await ask("1000")
    assert made[once.MOST_KEPT + 1 :] == ["0", "1000"]


async def test_a_log_that_cannot_be_used(client: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise LogFaulty(Refused("log_full", free=0))

    monkeypatch.setattr(hub.log, "append", broken)
    monkeypatch.setattr(hub.log, "head", broken)
    reply = await client.post("/api/arrange", {"command": "SaveRoom", "room": "hall", "name": "Hall"})
    assert (reply.status, reply.refused) == (503, "log_full")
    assert (await client.get("/api")).refused == "log_full"
    health = (await client.get("/api/health")).json()
    assert (health["ok"], health["faulty"]["code"], health["cursor"]) == (False, "log_full", "")
    monkeypatch.undo()


async def test_a_home_without_an_owner_has_nobody_for_the_terminal(client: Client, hub: Hub) -> None:
    hub.home.structure.members.clear()
    reply = await client.get("/api/home")
    assert (reply.status, reply.refused) == (403, "no_owner")


async def test_a_rule_nobody_checked_cannot_be_saved(client: Client) -> None:
    rule = {"id": "x", "alias": "x", "triggers": [], "actions": []}
    reply = await client.post("/api/arrange", {"command": "SaveLinkage", "rule": rule, "author": "owner"})
    assert reply.refused == "command_elsewhere"


async def test_scenes_helpers_and_members(client: Client, hub: Hub, radio: FakeRadio) -> None:
    for command in (
        {"command": "SaveScene", "scene": "read", "name": "Reading", "targets": {"lamp/light.on": True}},
        {"command": "SaveHelper", "helper": "party", "type": "switch", "name": "Party"},
    ):
        assert (await client.post("/api/arrange", command)).status == 200
    assert (await client.post("/api/scenes/read/set")).status == 200
    assert [thing for thing, _ in radio.writes] == ["lamp"]
    assert (await client.post("/api/helpers/party/operate", {"operation": "toggle", "value": None})).status == 200
    [helper] = (await client.get("/api/helpers")).json()["helpers"]
    assert (helper["id"], helper["value"], helper["due"]) == ("party", True, 0)
    assert (await client.post("/api/members/owner/presence", {"home": True})).status == 200
    [member] = (await client.get("/api/members")).json()["members"]
    assert member["home"] is True
    assert [each["id"] for each in (await client.get("/api/scenes")).json()["scenes"]] == ["read"]


async def test_finding_and_secrets(
    client: Client, hub: Hub, radio: FakeRadio, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hub.home.following.found(Found("miio", "2", name="new lamp", location="10.0.0.2", needs="token"))
    hub.home.following.found(Found("miio", "3", LAMP, secret=bytes.fromhex(TOKEN)))
    replies = [await client.get("/api/found")]
    assert {(each["address"], each["needs"]) for each in replies[0].json()["found"]} == {("2", "token"), ("3", "")}
    replies.append(await client.post("/api/secrets", {"radio": "miio", "address": "2", "token": TOKEN}))
    assert replies[-1].status == 200
    for body in (
        {"radio": "miio", "address": "2", "token": TOKEN[:-1]},
        {"radio": "miio", "address": "2", "token": TOKEN + "00"},
        {"radio": "miio", "address": "2", "token": TOKEN[:-2] + "xy"},
        {"radio": "other", "address": "2", "token": TOKEN},
        {"radio": "miio", "address": "", "token": TOKEN},
        {"radio": "miio", "address": "2", "token": [TOKEN]},
    ):
        replies.append(await client.post("/api/secrets", body))
        assert 400 <= replies[-1].status < 500
    text = msgspec.json.encode([{"did": "4", "token": TOKEN}, {"did": "5", "token": TOKEN}]).decode()
    replies.append(await client.post("/api/secrets/import", {"text": text}))
    assert replies[-1].json() == {"taken": 2}
    replies.append(await client.post("/api/secrets/import", {"text": f"ID: 6\nTOKEN: {TOKEN[:-1]}\n"}))
    assert replies[-1].refused == "token_list_line"
    assert (await client.post("/api/search")).status == 200
    assert radio.searches == 1
    replies.append(await client.get("/api/facts"))
    replies.append(await client.get("/api/things/lamp"))
    for reply in replies:
        assert TOKEN[:-2].encode() not in reply.body
    assert TOKEN[:-2] not in caplog.text


async def test_without_the_right_nothing_is_told(client: Client, hub: Hub, radio: FakeRadio) -> None:
    await hub.home.arrange(hub.owner, c.SaveMember("guest", "Guest", "guest", hub.clock.now() + DAY))
    guest = await cookie_of(hub, "guest")
    for path in ("/api/home", "/api/things", "/api/scenes", "/api/linkages", "/api/facts", "/api/found", "/api/tokens"):
        reply = await client.get(path, **guest)
        assert (path, reply.status, reply.refused) == (path, 403, "not_allowed")
    writes = {"writes": {"light.on": True}}
    assert (await client.post("/api/things/lamp/write", writes, **guest)).refused == "not_allowed"
    secret = {"radio": "miio", "address": "1", "token": TOKEN}
    assert (await client.post("/api/secrets", secret, **guest)).status == 403
    assert radio.writes == []


async def test_every_answer_carries_the_headers(client: Client, site: Site) -> None:
    for route in site.routes:
        if not route.stream:
            reply = await client.send(route.method, route.path)
            assert reply.headers["cache-control"] == "no-store"
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert reply.status < 500
    for reply in (await client.get("/api/nothing"), await client.get("/api", Host="evil")):
        assert reply.headers["cache-control"] == "no-store"


async def test_a_method_that_is_not_there(client: Client) -> None:
    reply = await client.send("PUT", "/api/linkages/x")
    assert (reply.status, reply.refused) == (405, "method_unknown")
    assert set(reply.headers["allow"].split(", ")) == {"GET", "DELETE"}


async def test_a_fault_of_ours_is_told_without_its_inside(
    client: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the private parts")

    monkeypatch.setattr(hub.home, "search", broken)
    reply = await client.post("/api/search")
    assert (reply.status, reply.refused) == (500, "fault")
    assert b"private" not in reply.body
    assert "the private parts" in caplog.text


async def test_radios_and_health(client: Client, site: Site) -> None:
    [radio] = (await client.get("/api/radios")).json()["radios"]
    assert (radio["radio"], radio["followed"]) == ("miio", 1)
    health = (await client.get("/api/health")).json()
    assert (health["ok"], health["faulty"], health["lost"]) == (True, None, 0)
    assert health["cursor"]
