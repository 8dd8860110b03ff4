"""What each caller is told of the home: all, or what was lent; and nothing else, whatever is asked."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import msgspec
import pytest
from tests.web.site_helpers import LAMP, Client, FakeRadio, Listening

from setaria.app import Hub
from setaria.facts.clock import DAY, HOUR, MILLISECOND, SECOND
from setaria.facts.fact import HUB
from setaria.home import commands as c
from setaria.home import facts as f
from setaria.home.accounts.accounts import Caller
from setaria.home.ports import Found, Outcome, Reading, Write
from setaria.web import live
from setaria.web.server import Site

PURIFIER = "zhimi.airp.mb5"
SCOOTER = "setaria.scooter.k1"
LOCK = "miot.door.06131"


@pytest.fixture(autouse=True)
def credentials(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """`Bearer as_MEMBER` is that member."""
    accounts = site.services.accounts
    real = accounts.by_bearer

    def by_bearer(given: str, *, loopback: bool) -> Caller | None:
        if not given.startswith("as_"):
            return real(given, loopback=loopback)
        principal = site.services.home.permits.principal(given.removeprefix("as_"))
        return None if principal is None else Caller(principal)

    monkeypatch.setattr(accounts, "by_bearer", by_bearer)


@pytest.fixture
async def furnished(hub: Hub) -> Hub:
    """A study with a lamp, a hall with a lock and a purifier; a guest to whom the study was lent."""
    me, home = hub.owner, hub.home
    for command in (
        c.SaveStorey("ground", "Ground", 0),
        c.SaveRoom("hall", "Hall", "ground"),
        c.AddThing("miio", "2", PURIFIER, "air", "Air", "hall"),
        c.AddThing("miio", "3", LOCK, "lock", "Lock", "hall"),
        c.SaveHelper("guests", "switch", "Guests"),
        c.SaveScene("reading", "Reading", {"lamp/light.on": True}),
        c.SaveScene("all", "All", {"lamp/light.on": True, "air/air-purifier.on": True}),
        c.SaveMember("fang", "Fang", "adult"),
        c.SaveMember("kid", "Kid", "child"),
        c.SaveMember("mei", "Mei", "guest", hub.clock.now() + DAY),
        c.GiveGrant("visit", "mei", ("home.see", "thing.control"), ("study",)),
    ):
        await home.arrange(me, command)
    await home.say_presence(me, "fang", True)
    return hub


def guest(site: Site) -> Client:
    return Client(site.app, "as_mei")


async def home_of(client: Client, language: str = "en") -> Any:
    reply = await client.get("/api/home", **{"Accept-Language": language})
    assert reply.status == 200, reply.body
    return reply.json()


def ids(listed: list[Any]) -> list[str]:
    return [each["id"] for each in listed]


async def test_the_owner_sees_the_whole_home(client: Client, furnished: Hub) -> None:
    told = await home_of(client)
    assert ids(told["things"]) == ["lamp", "air", "lock"]
    assert sorted(ids(told["members"])) == ["fang", "kid", "mei", "owner"]
    assert told["household"]["latitude"] == 39.9
    assert told["me"] == "owner"
    assert told["may"] == {"control": ["lamp", "air", "lock"], "arrange": True}
    assert [each["secure"] for each in told["things"]] == [False, False, True]
    assert [each["type"] for each in told["things"]] == ["light", "air-purifier", "door"]
    assert all(each["added"] > 0 for each in told["things"])
    assert told["tiles"] == {"pinned": [], "hidden": [], "order": []}
    assert set(told["models"]) == {LAMP, PURIFIER, LOCK}


async def test_a_child_may_not_operate_the_lock(site: Site, furnished: Hub) -> None:
    told = await home_of(Client(site.app, "as_kid"))
    assert ids(told["things"]) == ["lamp", "air", "lock"]
    assert told["may"] == {"control": ["lamp", "air"], "arrange": False}


async def test_a_guest_sees_what_was_lent(site: Site, furnished: Hub) -> None:
    theirs = guest(site)
    told = await home_of(theirs)
    assert ids(told["things"]) == ["lamp"]
    assert ids(told["rooms"]) == ["study"]
    assert (told["storeys"], told["helpers"], ids(told["members"])) == ([], [], ["mei"])
    assert (told["household"]["latitude"], told["household"]["longitude"]) == (None, None)
    assert told["household"]["name"]
    assert ids(told["scenes"]) == ["reading"]
    assert set(told["models"]) == {LAMP}
    assert told["me"] == "mei"
    assert told["may"] == {"control": ["lamp"], "arrange": False}
    assert ids((await theirs.get("/api/things")).json()["things"]) == ["lamp"]
    assert ids((await theirs.get("/api/scenes")).json()["scenes"]) == ["reading"]
    assert (await theirs.get("/api/helpers")).json() == {"helpers": []}
    assert ids((await theirs.get("/api/members")).json()["members"]) == ["mei"]
    assert (await theirs.get("/api/things/lamp")).status == 200
    hidden, absent = await theirs.get("/api/things/lock"), await theirs.get("/api/things/nothing")
    assert (hidden.status, hidden.refused) == (absent.status, absent.refused) == (404, "not_found")
    assert (await theirs.post("/api/things/lamp/write", {"writes": {"light.on": True}})).status == 200
    await furnished.home.arrange(furnished.owner, c.EndGrant("visit"))
    for path in ("/api/home", "/api/things", "/api/things/lamp", "/api/scenes", "/api/helpers", "/api/members"):
        reply = await theirs.get(path)
        assert (path, reply.status, reply.refused) == (path, 403, "not_allowed")


async def test_models_in_the_asked_language(client: Client, furnished: Hub) -> None:
    model = (await home_of(client))["models"][LAMP]
    assert (model["tile"], model["domain"], model["type"], model["name"]) == ("light", "light", "light", "Light")
    level = model["features"]["brightness"]
    assert level["address"] == "light.brightness"
    assert (level["name"], level["unit"], level["range"]) == ("Brightness", "percentage", [1, 100, 1])
    assert (level["readable"], level["writable"], level["choices"]) == (True, True, [])
    assert (model["shown"], model["properties"]) == ([], {})
    chinese = (await home_of(client, "zh-CN"))["models"]
    assert chinese[LAMP]["features"]["brightness"]["name"] == "亮度"
    mode = chinese[PURIFIER]["features"]["mode"]
    assert {each["name"] for each in mode["choices"]} >= {"自动", "睡眠"}
    deed = chinese[PURIFIER]["actions"]["toggle"]
    assert (deed["address"], deed["inputs"]) == ("air-purifier.toggle", [])
    assert deed["name"]


async def test_a_thing_without_a_tile_shows_what_is_worth_it(client: Client, hub: Hub) -> None:
    await hub.home.arrange(hub.owner, c.AddThing("miio", "4", SCOOTER, "scooter"))
    told = await home_of(client)
    model = told["models"][SCOOTER]
    assert model["tile"] == "generic"
    assert 0 < len(model["shown"]) <= 4
    described = {each["address"] for each in model["features"].values()} | set(model["properties"])
    assert described >= set(model["shown"])
    assert all(each["readable"] for each in model["properties"].values())
    [scooter] = [each for each in told["things"] if each["id"] == "scooter"]
    assert set(model["shown"]) <= set(scooter["values"])


async def test_every_model_known_can_be_told_of(hub: Hub) -> None:
    from setaria.home.spec.capability import capability
    from setaria.web.models import view

    for name in hub.specs.models():
        spec = hub.specs.get(name)
        for language in ("zh-CN", "en"):
            model = view(spec, language)
            assert all(spec.find_property(each).readable for each in model.shown)
            on = capability(spec).features.get("on")
            if model.tile == "generic":
                assert len(model.shown) <= 4
                assert on is None or not on.readable or model.shown[0] == on.address
            assert all(each.name for each in [*model.features.values(), *model.properties.values()])


async def test_the_home_is_small_on_the_wire(client: Client, hub: Hub) -> None:
    models = [each for each in hub.specs.models() if "switch" in each or "light" in each or "airp" in each][:28]
    for number, model in enumerate(models):
        await hub.home.arrange(hub.owner, c.AddThing("miio", str(100 + number), model, f"thing_{number}"))
    reply = await client.get("/api/home")
    assert len(reply.json()["things"]) == 29
    assert len(gzip.compress(reply.body)) < 12_000


async def test_tiles_are_everybodys_own(client: Client, site: Site, furnished: Hub) -> None:
    asked = {"command": "ArrangeTiles", "pinned": ["lamp", "lock", "lamp"], "hidden": ["air"], "order": ["lock", "no"]}
    for caller in (client, guest(site), Client(site.app, "as_kid")):
        reply = await caller.post("/api/arrange", asked)
        assert reply.status == 200, reply.body
    assert (await home_of(client))["tiles"] == {"pinned": ["lamp", "lock"], "hidden": ["air"], "order": ["lock"]}
    assert (await home_of(guest(site)))["tiles"] == {"pinned": ["lamp"], "hidden": [], "order": []}
    await furnished.home.arrange(furnished.owner, c.RemoveThing("lock"))
    assert (await home_of(client))["tiles"] == {"pinned": ["lamp"], "hidden": ["air"], "order": []}
    too_many = await client.post("/api/arrange", {**asked, "pinned": [f"t{n}" for n in range(1_001)]})
    assert too_many.refused == "too_many"


async def test_what_was_found_says_what_is_missing(client: Client, hub: Hub) -> None:
    await hub.home.arrange(hub.owner, c.ArrangeThing("lamp", name="Light"))
    hub.home.following.found(Found("miio", "9", LAMP, "Study lamp", secret=b"0" * 16))
    hub.home.following.found(Found("miio", "10", needs="token"))
    hub.home.following.found(Found("miio", "11", LAMP, needs="wifi"))
    hub.home.following.found(Found("miio", "12", "nobody.knows.v1"))
    hub.home.following.found(Found("miio", "13"))
    told = {each["address"]: each for each in (await client.get("/api/found")).json()["found"]}
    assert told["9"]["next"] == ""
    assert (told["9"]["type"], told["9"]["tile"], told["9"]["suggested"]) == ("light", "light", "Light 2")
    assert told["9"]["room"] == "study"
    assert "32 hexadecimal" in told["10"]["next"]
    assert "setaria wifi" in told["11"]["next"]
    assert "nobody.knows.v1.json" in told["12"]["next"]
    assert told["13"]["type"] == ""
    sentences = {each["sentence"] for each in told.values()}
    assert len(sentences) == 5
    assert all(sentences)
    chinese = await client.get("/api/found", **{"Accept-Language": "zh-CN"})
    assert sentences.isdisjoint(each["sentence"] for each in chinese.json()["found"])


# Live updates.


async def test_a_guest_hears_of_what_was_lent(site: Site, furnished: Hub) -> None:
    reader = Listening(site, Authorization="Bearer as_mei")
    await reader.begun()
    following = furnished.home.following
    following.observed("air", [Reading(2, 1, True)])
    following.observed("lamp", [Reading(2, 1, True)])
    following.lost("air", "no_answer")
    following.lost("lamp", "no_answer")
    following.found(Found("miio", "9", LAMP))
    await furnished.home.say_presence(furnished.owner, "fang", False)
    await furnished.home.operate_helper(furnished.owner, "guests", "turn_on")
    await furnished.home.arrange(furnished.owner, c.SaveRoom("attic", "Attic"))
    await reader.until("arranged")
    assert [each["address"] for each in await reader.until("state")] == ["lamp/light.on"]
    assert await reader.until("reach") == [{"thing": "lamp", "reachable": False, "reason": "no_answer"}]
    assert (reader.events("found"), reader.events("fact")) == ([], [])
    await reader.leave()


async def test_everybody_is_told_that_the_arrangement_has_changed(site: Site, furnished: Hub) -> None:
    readers = [Listening(site), Listening(site, "/api/live?kinds=arranged", Authorization="Bearer as_mei")]
    deaf = Listening(site, "/api/live?kinds=state")
    await asyncio.gather(*(each.begun() for each in (*readers, deaf)))
    for number in range(20):
        await furnished.home.arrange(furnished.owner, c.SaveRoom(f"r{number}", "R"))
    for each in readers:
        assert (await each.until("arranged"))[0] == {}
    await asyncio.sleep(2 * live.ARRANGED_AFTER / SECOND)
    assert len(readers[0].events("arranged")) < 20, "changes close together are told once"
    furnished.home.following.observed("lamp", [Reading(2, 1, True)])
    await deaf.until("state")
    assert deaf.events("arranged") == []
    await asyncio.gather(*(each.leave() for each in (*readers, deaf)))


async def test_sight_follows_the_arrangement(site: Site, furnished: Hub) -> None:
    reader = Listening(site, "/api/live?kinds=state", Authorization="Bearer as_mei")
    await reader.begun()
    observed = furnished.home.following.observed
    await furnished.home.arrange(furnished.owner, c.ArrangeThing("air", room="study"))
    observed("air", [Reading(2, 1, True)])
    await reader.until("state")
    await furnished.home.arrange(furnished.owner, c.ArrangeThing("air", room="hall"))
    observed("air", [Reading(2, 1, False)])
    observed("lamp", [Reading(2, 1, True)])
    states = await reader.until("state", 2)
    assert [each["address"] for each in states] == ["air/air-purifier.on", "lamp/light.on"]
    await reader.leave()


async def test_a_stream_ends_with_what_was_lent(site: Site, furnished: Hub) -> None:
    reader = Listening(site, Authorization="Bearer as_mei")
    await reader.begun()
    await furnished.home.arrange(furnished.owner, c.EndGrant("visit"))
    await reader.ended()
    refused = await guest(site).get("/api/live")
    assert (refused.status, refused.refused) == (403, "not_allowed")


async def test_a_stream_ends_with_the_member(site: Site, furnished: Hub) -> None:
    reader = Listening(site, Authorization="Bearer as_fang")
    await reader.begun()
    await furnished.home.arrange(furnished.owner, c.RemoveMember("fang"))
    await reader.ended()


async def test_a_stream_ends_with_its_time(site: Site, furnished: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK_AGAIN", 10 * MILLISECOND)
    reader = Listening(site, Authorization="Bearer as_mei")
    await reader.begun()
    now = furnished.clock.now
    monkeypatch.setattr(furnished.clock, "now", lambda: now() + 2 * DAY)
    await reader.ended()


async def test_a_clock_set_back_does_not_lend_for_longer(
    site: Site, furnished: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LOOK_AGAIN", 10 * MILLISECOND)
    now = furnished.clock.now
    begins = now() + HOUR
    given = c.GiveGrant("visit", "mei", ("home.see",), ("study",), since=begins)
    await furnished.home.arrange(furnished.owner, given)
    monkeypatch.setattr(furnished.clock, "now", lambda: now() + 2 * HOUR)
    reader = Listening(site, Authorization="Bearer as_mei")
    await reader.begun()
    monkeypatch.setattr(furnished.clock, "now", now)
    await reader.ended()


async def test_a_grant_that_begins_is_told(site: Site, furnished: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK_AGAIN", 10 * MILLISECOND)
    now = furnished.clock.now
    more = c.GiveGrant("more", "mei", ("home.see",), ("hall",), since=now() + HOUR)
    await furnished.home.arrange(furnished.owner, more)
    reader = Listening(site, Authorization="Bearer as_mei")
    await reader.begun()
    assert reader.events("arranged") == []
    monkeypatch.setattr(furnished.clock, "now", lambda: now() + 2 * HOUR)
    await reader.until("arranged")
    furnished.home.following.observed("air", [Reading(2, 1, True)])
    await reader.until("state")
    await reader.leave()


async def test_a_child_hears_of_no_facts_but_its_own(site: Site, furnished: Hub) -> None:
    reader = Listening(site, "/api/live?kinds=fact", Authorization="Bearer as_kid")
    await reader.begun()
    for member in ("fang", "kid"):
        furnished.writer.record(f"member/{member}", f.PresenceChanged(True, "network"), HUB)
    assert [each["subject"] for each in await reader.until("fact")] == ["member/kid"]
    again = Listening(site, "/api/live?after=0&kinds=fact", Authorization="Bearer as_kid")
    assert [each["subject"] for each in await again.until("fact")] == ["member/kid"]
    await asyncio.gather(reader.leave(), again.leave())


async def test_a_site_that_has_ended_hears_of_nothing(site: Site, furnished: Hub) -> None:
    told = furnished.home.live._changed, furnished.home.live._reach, furnished.home.following._on_found
    before = [len(each.all) for each in told]
    await site.stop()
    assert [len(each.all) for each in told] == [each - 1 for each in before]


async def test_a_list_of_tokens_is_one_write(client: Client, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    save = hub.secrets._save

    def counted(entries: dict[str, bytes]) -> None:
        written.append(len(entries))
        save(entries)

    monkeypatch.setattr(hub.secrets, "_save", counted)
    tokens = [{"did": str(number), "token": f"{number:032x}"} for number in range(1, 201)]
    reply = await client.post("/api/secrets/import", {"text": msgspec.json.encode(tokens).decode()})
    assert reply.json() == {"taken": 200}
    assert len(written) == 1
    assert hub.secrets.get("miio/200/token") == (200).to_bytes(16, "big")


# Two people at one slider.


class Slow(FakeRadio):
    """Answers each write a little later, the later ones not always last."""

    DELAYS = (0.004, 0.001, 0.003, 0.0, 0.002)

    def write(self, thing: str, writes: Any, answer: Any) -> None:
        self.writes.append((thing, tuple(writes)))
        loop = asyncio.get_running_loop()
        loop.call_later(self.DELAYS[len(self.writes) % len(self.DELAYS)], self._answer, writes, answer)

    def _answer(self, writes: tuple[Write, ...], answer: Any) -> None:
        self.acknowledged = getattr(self, "acknowledged", [])
        self.acknowledged.append(writes[0].value)
        outcome: Outcome = self.outcome
        answer(outcome)


@pytest.mark.parametrize("radio", [FakeRadio(), Slow()], ids=["at once", "out of order"])
async def test_two_people_at_one_slider_end_at_the_same_value(
    site: Site, client: Client, furnished: Hub, radio: FakeRadio
) -> None:
    async def drags(who: Client, levels: list[int]) -> None:
        for level in levels:
            reply = await who.post("/api/things/lamp/write", {"writes": {"light.brightness": level}})
            assert reply.status == 200, reply.body

    readers = [Listening(site), Listening(site, Authorization="Bearer as_mei")]
    await asyncio.gather(*(each.begun() for each in readers))
    mine, theirs = list(range(1, 100, 2)), list(range(100, 0, -2))
    await asyncio.gather(drags(client, mine), drags(guest(site), theirs))
    last = furnished.home.live.slots["lamp/light.brightness"].value
    acknowledged = getattr(radio, "acknowledged", [writes[0].value for _, writes in radio.writes])
    assert len(acknowledged) == 100
    assert last == acknowledged[-1]
    furnished.home.following.observed("lamp", [Reading(2, 1, True)])  # told after all of them
    for each in readers:
        async with asyncio.timeout(10):
            while all(state["address"] != "lamp/light.on" for state in each.events("state")):
                await asyncio.sleep(0.005)
        states = [state for state in each.events("state") if state["address"] == "lamp/light.brightness"]
        assert states[-1]["value"] == last
        assert [state["changed"] for state in states] == sorted(state["changed"] for state in states)
        order = [acknowledged.index(state["value"]) for state in states]
        assert order == sorted(order), "nobody is shown an older value again"
    replies = [await home_of(who) for who in (client, guest(site))]
    shown = [each["things"][0]["values"]["light.brightness"] for each in replies]
    assert shown == [last, last]
    await asyncio.gather(*(each.leave() for each in readers))
