"""What happened, told once: gathered into entries, filtered, page after page back to the beginning."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.home.home_place import LAMP, Place

from setaria.facts.clock import HOUR, MINUTE, SECOND, VirtualClock
from setaria.facts.fact import HUB, Actor, Fact
from setaria.facts.ids import IdSource, id_text
from setaria.facts.kinds import Body
from setaria.facts.log import Batch
from setaria.facts.refused import Refused
from setaria.facts.sqlite import SqliteLog
from setaria.home import commands as c
from setaria.home import facts as f
from setaria.home.accounts.facts import SessionBegan
from setaria.home.home import Home
from setaria.home.telling import activity as module
from setaria.home.telling.about import Filter
from setaria.home.telling.activity import activity
from setaria.home.telling.entry import Entry
from setaria.home.telling.life import life
from setaria.home.telling.state import Tone
from setaria.rights import Principal

NIGHT = """
id: night
alias: Night light
triggers:
  - {trigger: state, entity_id: helper/night.on, to: "on"}
actions:
  - {action: light.turn_on, target: {entity_id: lamp}}
"""
NOT_NOW = """conditions:
  - {condition: time, after: '03:00', before: '04:00'}
"""
WAITING = """
id: slow
alias: Slow
triggers:
  - {trigger: state, entity_id: helper/night.on, to: "on"}
actions:
  - {action: light.turn_on, target: {entity_id: lamp}}
  - {delay: "01:00:00"}
  - {action: notify, data: {message: done now}}
"""


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    made = await Place(tmp_path).open()
    await made.settle_in()
    await made.add("lamp", LAMP, "1", "living", {"light.on": False})
    await made.arrange(c.ArrangeThing("lamp", "台灯", "living", ()))
    await made.arrange(c.SaveHelper("night", "switch", "夜里"))
    await made.run(MINUTE)
    yield made
    await made.close()


async def told(place: Place, language: str = "en", limit: int = 100, **filters: str) -> list[Entry]:
    await place.done(place.writer.flush())
    page = await place.done(activity(place.home, place.log, language, "", limit, Filter(**filters)))
    return page.entries


async def newest(place: Place, language: str = "en", **filters: str) -> Entry:
    return (await told(place, language, 100, **filters))[0]


async def put(place: Place, body: Body, aggregate: str, actor: Actor = HUB) -> Fact:
    fact = place.home.live.record(aggregate, body, actor)
    await place.done(place.writer.flush())
    return fact


async def test_a_command_and_its_answer_are_one(place: Place) -> None:
    await place.done(place.home.write(place.owner, "lamp", {"light.on": True}))
    entry = await newest(place, "zh-CN")
    assert (entry.text, entry.kind, entry.tone) == ("李伟：台灯 开", "command", Tone.PLAIN)
    assert (entry.actor.kind, entry.actor.id, entry.thing, entry.member) == ("member", "wei", "lamp", "wei")
    assert entry.took > 0
    given = await place.facts(f.CommandGiven)
    ended = await place.facts(f.CommandEnded)
    assert entry.facts == (id_text(given[-1].id), id_text(ended[-1].id))
    assert entry.id == entry.facts[0]


async def test_a_command_that_came_to_nothing_says_so(place: Place) -> None:
    place.radio.devices["1"].refuses = Refused("device_refused", device_code=-4004)
    await place.refused(place.home.write(place.owner, "lamp", {"light.on": True}))
    entry = await newest(place)
    assert entry.text == "李伟: 台灯 on — refused (-4004)"
    assert entry.tone is Tone.CARE


async def test_a_slider_that_is_dragged_is_one(place: Place) -> None:
    for value in (20, 40, 60):
        await place.done(place.home.write(place.owner, "lamp", {"light.brightness": value}))
    before, entry = (await told(place))[1], await newest(place)
    assert entry.text == "李伟: 台灯 60%"
    assert len(entry.facts) == 6
    assert before.kind != "command"
    await place.run(11 * SECOND)
    await place.done(place.home.write(place.owner, "lamp", {"light.brightness": 80}))
    assert [each.text for each in (await told(place))[:2]] == ["李伟: 台灯 80%", "李伟: 台灯 60%"]


async def test_a_run_tells_why_what_and_how_long(place: Place) -> None:
    await place.link(NIGHT)
    await place.done(place.home.operate_helper(place.owner, "night", "turn_on"))
    await place.run(SECOND)
    entry = await newest(place)
    assert (entry.kind, entry.linkage, entry.thing) == ("ran", "night", "lamp")
    assert (entry.text, entry.because) == ("Night light: 台灯 on", "夜里 on")
    assert (entry.actor.kind, entry.actor.name) == ("linkage", "Night light")
    assert entry.run
    assert [each.kind for each in (await told(place))[:2]] == ["ran", "helper"]


async def test_what_a_run_could_not_do_is_told_with_it(place: Place) -> None:
    await place.link(NIGHT)
    place.radio.devices["1"].silent = True
    await place.done(place.home.operate_helper(place.owner, "night", "turn_on"))
    await place.run(5 * SECOND)
    entry = next(each for each in await told(place) if each.kind == "ran")
    assert entry.text == "Night light: 台灯 on — 台灯: no answer"
    assert entry.tone is Tone.CARE
    assert len(entry.facts) == 2
    only = await told(place, linkage="night")
    assert [each for each in only if each.kind == "ran"] == [entry]


async def test_a_run_that_waits_is_told_once_and_ends_as_one(place: Place) -> None:
    await place.link(WAITING)
    await place.done(place.home.operate_helper(place.owner, "night", "turn_on"))
    await place.run(SECOND)
    entry = await newest(place)
    assert (entry.kind, entry.text) == ("waiting", "Slow: 台灯 on, to be continued")
    await place.run(HOUR)
    entries = await told(place)
    assert [each.kind for each in entries[:2]] == ["ran", "helper"]
    assert entries[0].text == "Slow: 台灯 on, told “done now”"
    assert entries[0].took >= HOUR
    facts = await place.facts(f.RunEnded, f.RunPaused, f.Notified)
    assert {id_text(each.id) for each in facts} == set(entries[0].facts)


async def test_why_a_linkage_did_not_run_is_told_where_it_is_asked_for(place: Place) -> None:
    await place.link(
        NIGHT.replace("actions:", "conditions:\n  - {condition: time, after: '03:00', before: '04:00'}\nactions:")
    )
    await place.done(place.home.operate_helper(place.owner, "night", "turn_on"))
    await place.run(SECOND)
    assert "declined" not in [each.kind for each in await told(place)]
    entry = await newest(place, linkage="night")
    assert (entry.kind, entry.text) == ("declined", "Night light did not run: a condition did not hold")


async def test_things_reached_together_are_one(place: Place) -> None:
    for thing in ("a", "b", "c", "d"):
        await put(place, f.ThingReached(), f"thing/{thing}", Actor("radio/fake", "thing"))
    entry = await newest(place)
    assert (entry.text, entry.kind, len(entry.facts), entry.actor.kind) == (
        "4 things can be reached",
        "reached",
        4,
        "hub",
    )
    await place.run(11 * SECOND)
    await put(place, f.ThingReached(), "thing/lamp", Actor("radio/fake", "thing"))
    assert (await newest(place)).text == "台灯 can be reached"


@pytest.mark.parametrize(
    ("body", "aggregate", "english", "chinese"),
    [
        (f.PresenceChanged(True, "person"), "member/fang", "fang came home", "fang回家了"),
        (f.ThingLost("no_answer"), "thing/lamp", "台灯 is lost: no answer", "台灯失联：没有回应"),
        (f.Notified("Hello", "", ("fang",)), "home/home", "Told fang: Hello", "通知fang：Hello"),
        (f.HelperSet(True), "helper/night", "夜里 on", "夜里 开"),
        (SessionBegan("s", "fang", "d", "Firefox"), "accounts/home", "fang signed in: Firefox", "fang登录了：Firefox"),
    ],
)
async def test_kinds_in_words(place: Place, body: Body, aggregate: str, english: str, chinese: str) -> None:
    await put(place, body, aggregate)
    assert (await newest(place)).text == english
    assert (await newest(place, "zh-CN")).text == chinese


async def test_names_of_what_is_gone_and_what_it_was_called_before(place: Place) -> None:
    await place.arrange(c.ArrangeThing("lamp", "床头灯", "living", ()))
    await place.arrange(c.ArrangeThing("lamp", "床头灯", "door", ()))
    await place.arrange(c.RemoveThing("lamp"))
    texts = [each.text for each in (await told(place, "zh-CN"))[:3]]
    assert texts == ["李伟移除了床头灯", "李伟把床头灯移到门厅", "李伟把台灯改名为床头灯"]


async def test_filters_narrow(place: Place) -> None:
    await place.link(NIGHT)
    await place.done(place.home.operate_helper(place.who("fang"), "night", "turn_on"))
    await place.done(place.home.say_presence(place.owner, "xiaoman", True))
    await place.run(SECOND)
    everything = await told(place)
    by_fang = await told(place, member="fang")
    assert {each.kind for each in by_fang} == {"helper", "member"}
    about_lamp = await told(place, thing="lamp")
    assert about_lamp[0].text == "Night light: 台灯 on"
    assert {each.kind for each in about_lamp} == {"ran", "reached", "thing"}
    assert {each.kind for each in await told(place, linkage="night")} == {"ran", "linkage"}
    assert all(each in everything for each in by_fang)
    assert [each.text for each in await told(place, own="xiaoman")][:1] == ["xiaoman came home"]
    assert await told(place, member="fang", own="xiaoman") == []
    assert await told(place, thing="none") == []


async def test_a_life_is_told_without_starts(place: Place) -> None:
    await place.link(NIGHT)
    await put(place, f.ThingLost("no_answer"), "thing/lamp")
    await place.run(10 * MINUTE)
    await put(place, f.ThingReached(), "thing/lamp")
    await put(place, f.ThingReached(), "thing/lamp")
    entries = (await place.done(life(place.home, place.log, "lamp", "en"))).entries
    assert [each.kind for each in entries] == ["lost", "linked", "thing", "thing"]
    assert entries[0].text == "Not reached for 10 min: no answer"
    assert entries[1].text == "Used by the linkage “Night light” (李伟 made the linkage “Night light”)"
    assert entries == sorted(entries, key=lambda entry: entry.at, reverse=True)


@pytest.mark.parametrize("token", ["x", "1-2", "5.zz", "5." + "0" * 39, "5" + ("." + "0" * 40) * 21, "9" * 99, "."])
async def test_a_token_that_is_none_is_refused(place: Place, token: str) -> None:
    refused = await place.refused(activity(place.home, place.log, "en", token, 5, Filter()))
    assert refused.code == "cursor_unreadable"


async def test_one_page_looks_only_so_far(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LOOKS", 1)
    monkeypatch.setattr(module, "A_READ", 3)
    seen, before = list[str](), ""
    for _ in range(200):
        page = await place.done(activity(place.home, place.log, "en", before, 50, Filter(member="mei")))
        seen += [each.text for each in page.entries]
        before = page.next
        if not before:
            break
    assert before == ""
    assert len(seen) == 1
    assert seen[0].startswith("李伟 saved 梅姨 as guest, until")


# Paging, on random logs.

MEMBERS = ("wei", "fang")
THINGS = ("lamp", "b", "c")


class Happening(msgspec.Struct, frozen=True):
    """`after` seconds of the one before; `number` picks who or what."""

    what: str
    after: float
    number: int


HAPPENINGS = st.lists(
    st.builds(
        Happening,
        st.sampled_from(["reached", "lost", "command", "run", "notify", "ended", "reading", "statistics", "presence"]),
        st.sampled_from([0.0, 0.0, 0.2, 3.0, 11.0]),
        st.integers(0, 2),
    ),
    max_size=60,
)


def facts_of(happenings: list[Happening]) -> list[Fact]:
    clock = VirtualClock(1_795_339_800 * SECOND)
    ids = IdSource(clock, source=1)
    facts: list[Fact] = []
    given: list[str] = []

    def add(body: Body, aggregate: str, actor: Actor = HUB) -> Fact:
        facts.append(Fact(ids.next(), clock.now(), aggregate, "home", actor, body))
        return facts[-1]

    for each in happenings:
        asyncio.run(clock.run(round(each.after * SECOND)))
        thing, member = THINGS[each.number], MEMBERS[each.number % 2]
        match each.what:
            case "reached":
                add(f.ThingReached(), f"thing/{thing}")
            case "lost":
                add(f.ThingLost("no_answer"), f"thing/{thing}")
            case "command":
                body = f.CommandGiven({"light.on": True})
                given.append(id_text(add(body, f"thing/{thing}", Actor(f"member/{member}", "owner")).id))
            case "run":
                run = ids.next().hex()
                actor = Actor("linkage/hall", "linkage")
                trace = (("action/0", {"b/light.on": True}, 5),)
                add(f.Notified("x"), "home/home", Actor(f"run/{run}", "linkage"))
                add(f.RunEnded(run, 1, clock.now(), 9, "done", {"platform": "time"}, trace), "linkage/hall", actor)
                given.append(run)
            case "notify":
                add(f.Notified("hello", "", (member,)), "home/home")
            case "ended" if given:
                add(f.CommandEnded(given[each.number % len(given)], "unreachable", "silent", 3), f"thing/{thing}")
            case "reading":
                add(f.Reading("light.on", True), f"thing/{thing}")
            case "statistics":
                add(f.Statistics("light.on", 0, 1, 1, True), "statistics/x")
            case "presence":
                add(f.PresenceChanged(True, "person"), f"member/{member}")
    return facts


def is_told(fact: Fact) -> bool:
    if isinstance(fact.body, f.Reading | f.Statistics | f.CommandEnded):
        return False
    return not (isinstance(fact.body, f.Notified) and fact.actor.who.startswith("run/"))


async def pages(home: Home, log: SqliteLog, limit: int, wanted: Filter) -> list[Entry]:
    found, before = list[Entry](), ""
    for _ in range(200):
        page = await activity(home, log, "en", before, limit, wanted)
        assert len(page.entries) <= limit
        found += page.entries
        before = page.next
        if not before:
            return found
    raise AssertionError("it does not end")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    async def made() -> Home:
        place = await Place(tmp_path_factory.mktemp("paging")).open()
        await place.settle_in()
        await place.close()
        return place.home

    return asyncio.run(made())


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(happenings=HAPPENINGS, limit=st.integers(1, 5), batch=st.integers(1, 7))
def test_every_told_fact_once_and_in_order(
    home: Home, tmp_path_factory: pytest.TempPathFactory, happenings: list[Happening], limit: int, batch: int
) -> None:
    facts = facts_of(happenings)

    async def check() -> None:
        log = await SqliteLog.open(tmp_path_factory.mktemp("log") / "log.db", VirtualClock())
        for first in range(0, len(facts), batch):
            await log.append(0, Batch(facts[first : first + batch]))
        by_page, at_once = await pages(home, log, limit, Filter()), await pages(home, log, 200, Filter())
        own = await pages(home, log, limit, Filter(own="wei"))
        await log.close()
        told = Counter(each for entry in by_page for each in entry.facts)
        place = {id_text(each.id): number for number, each in enumerate(facts)}
        assert [number for _, number in told.items() if number > 1] == []
        assert {id_text(each.id) for each in facts if is_told(each)} <= set(told)
        where = [place[entry.id] for entry in by_page]
        assert where == sorted(where, reverse=True)
        assert shown(by_page) == shown(at_once), "pages cut nothing in two"
        assert all(
            entry.actor.id == "wei" or entry.member == "wei" or "notif" in entry.kind for entry in own if not entry.run
        )

    asyncio.run(check())


def shown(entries: list[Entry]) -> list[Any]:
    return [(entry.id, entry.text, entry.took, sorted(entry.facts)) for entry in entries]


def test_a_guest_is_nobody_who_reads(home: Home) -> None:
    assert isinstance(home.permits.principal("mei"), Principal)
