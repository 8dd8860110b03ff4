"""Whatever is lent to whom: nothing that is out of a caller's sight occurs in any answer or live event of theirs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.web.site_helpers import LAMP, PORT, Client, FakeRadio

from setaria.app import Hub, Settings
from setaria.facts.clock import HOUR
from setaria.facts.fact import Actor
from setaria.home import facts as f
from setaria.home.accounts.accounts import Caller
from setaria.home.linkage.desk import LinkageDesk
from setaria.home.linkage.rule import Assignment, Ref, Rule, SetStep, StateTrigger
from setaria.home.ports import Found, Reading
from setaria.home.structure import (
    Helper,
    Household,
    Linkage,
    Member,
    Room,
    Scene,
    Storey,
    Structure,
    Thing,
    Tiles,
)
from setaria.rights import Act, Grant, Principal, Role
from setaria.web.frames import Wanted
from setaria.web.server import Services, Site

# No word of the catalogues, the specs or the API holds these.
THINGS: Final = ("qqlamp", "qqlock", "qqspot", "qqair")
ROOMS: Final = ("qqhall", "qqattic", "qqcellar")
MEMBERS: Final = ("qqwei", "qqfang")
GUEST: Final = "qqmei"
MODELS: Final = {"qqlamp": LAMP, "qqspot": LAMP, "qqlock": "miot.door.06131", "qqair": "zhimi.airp.mb5"}
SECURE: Final = frozenset({"qqlock"})
SHOWING: Final = (Act.HOME_SEE, Act.CAMERA_WATCH)
ACTS: Final = (*SHOWING, Act.THING_CONTROL, Act.THING_SECURE, Act.SCENE_RUN, Act.LINKAGE_RUN, Act.FACTS_READ)
ZURICH: Final = (47.377_176, 8.542_042)
NEEDLE: Final = re.compile(rb"qq[a-z]+")
# What is asked of a caller who sees only a part is refused, or answered for that part; these take more to ask for.
QUERIES: Final = {"history": "?property=light.on", "history.csv": "?property=light.on"}


class Asked:
    """The hub and its site, with a loop of their own that all examples share; who calls is set by hand."""

    def __init__(self, folder: Path, runner: asyncio.Runner) -> None:
        self.runner = runner
        self.caller = Principal("nobody", Role.GUEST)
        self.hub = Hub.open(Settings(folder, language="en", port=0), [FakeRadio()])
        runner.run(self._start())

    async def _start(self) -> None:
        hub = self.hub
        await hub.start()
        services = Services(
            hub.home, hub.writer, hub.log, hub.clock, LinkageDesk(hub.home, hub.log), "0.1", hub.accounts, "en"
        )
        self.site = Site(services, port=PORT)
        self.site.app.serve_port(PORT)
        hub.accounts.by_bearer = lambda given, *, loopback: Caller(self.caller)  # type: ignore[method-assign]
        hub.accounts.again = lambda caller: caller  # type: ignore[method-assign]

    def close(self) -> None:
        async def ending() -> None:
            await self.site.stop()
            await self.hub.close()

        self.runner.run(ending())


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with asyncio.Runner() as runner:
        made = Asked(tmp_path_factory.mktemp("hub") / "hub", runner)
        yield made
        made.close()


@st.composite
def homes(draw: st.DrawFn) -> Structure:
    def some(of: tuple[str, ...]) -> list[str]:
        return draw(st.lists(st.sampled_from(of), unique=True, max_size=len(of)))

    room = st.sampled_from(("", *ROOMS))
    things = {
        each: Thing(each, "miio", str(number), MODELS[each], f"Name {each}", draw(room), (), 1)
        for number, each in enumerate(some(THINGS))
    }
    people = {each: Member(each, f"Name {each}", "adult") for each in MEMBERS}
    people[GUEST] = Member(GUEST, f"Name {GUEST}", "guest", 1 << 51)
    structure = Structure(
        household=Household("Home", "Europe/Zurich", *ZURICH, "en"),
        storeys={"qqground": Storey("qqground", "Name qqground")},
        rooms={each: Room(each, f"Name {each}", draw(st.sampled_from(("", "qqground")))) for each in ROOMS},
        members=people,
        things=things,
        helpers={"qqhelper": Helper("qqhelper", "switch", "Name qqhelper")},
    )
    if things:
        writable = [f"{each}/light.on" for each in things if MODELS[each] == LAMP]
        for number, targets in enumerate(
            draw(st.lists(st.sets(st.sampled_from([*writable, "helper/qqhelper.on"])), max_size=3))
        ):
            if targets:
                structure.scenes[f"scene_{number}"] = Scene(f"scene_{number}", "Scene", dict.fromkeys(targets, True))
        for number, target in enumerate(draw(st.lists(st.sampled_from(writable), max_size=2)) if writable else []):
            watched = draw(st.sampled_from([*things]))
            rule = Rule(
                id=f"linkage_{number}",
                alias="Linkage",
                triggers=(StateTrigger(refs=(Ref(f"{watched}/light.on"),)),),
                actions=(SetStep(assignments=(Assignment(Ref(target), True),)),),
            )
            structure.linkages[rule.id] = Linkage(rule.id, rule, "qqwei", 1)
    structure.tiles[GUEST] = Tiles(tuple(things), (), tuple(things))
    return structure


@st.composite
def callers(draw: st.DrawFn) -> Principal:
    role = draw(st.sampled_from((Role.GUEST, Role.PROGRAM)))
    who = GUEST if role is Role.GUEST else "program/one"
    grants = [
        Grant(
            id=f"grant_{number}",
            member=who,
            acts=tuple(draw(st.lists(st.sampled_from(ACTS), min_size=1, unique=True))),
            rooms=tuple(draw(st.lists(st.sampled_from(ROOMS), unique=True, max_size=2))),
            things=tuple(draw(st.lists(st.sampled_from(THINGS), unique=True, max_size=2))),
            since=draw(st.sampled_from((0, 0, 0, 1 << 51))),
            until=draw(st.sampled_from((1 << 51, 1 << 51, HOUR))),
            by="qqwei",
        )
        for number in range(draw(st.integers(1, 3)))
    ]
    return Principal(who, role, tuple(grants))


def in_force(caller: Principal, now: int) -> list[Grant]:
    return [each for each in caller.grants if each.since <= now and each.until is not None and now < each.until]


def everywhere(grant: Grant, act: Act) -> bool:
    return act in grant.acts and not grant.rooms and not grant.things


def unseen(structure: Structure, caller: Principal, now: int) -> set[str]:
    """What must not be told, by the words of the grants themselves."""
    grants = in_force(caller, now)
    shown: set[str] = set()
    for thing in structure.things.values():
        for grant in grants:
            operates = Act.THING_SECURE if thing.id in SECURE else Act.THING_CONTROL
            there = not (grant.rooms or grant.things) or thing.id in grant.things or thing.room in grant.rooms
            reads = {Act.FACTS_READ} if caller.role is Role.PROGRAM else set[Act]()
            if there and {*SHOWING, Act.THING_SECURE, operates, *reads} & set(grant.acts):
                shown |= {thing.id, thing.room}
    rooms = {structure.rooms[each].storey for each in ROOMS if each in shown}
    helper = {"qqhelper"} if any(everywhere(each, Act.THING_CONTROL) for each in grants) else set[str]()
    seen = shown | rooms | helper | {caller.member}
    return {*THINGS, *ROOMS, *MEMBERS, GUEST, "qqground", "qqhelper"} - seen


def sees_all(caller: Principal, now: int) -> bool:
    """Who sees the whole home, or may read all that ever happened in it, is kept nothing from."""
    facts = (Act.FACTS_READ,) if caller.role is Role.PROGRAM else ()
    return any(everywhere(each, act) for each in in_force(caller, now) for act in (Act.HOME_SEE, *facts))


def found_in(written: bytes, hidden: set[str], asked_for: str = "") -> list[str]:
    """`asked_for` may be repeated by the refusal of a request that named it."""
    return sorted({each.decode() for each in NEEDLE.findall(written)} & hidden - {asked_for})


async def happen(hub: Hub, structure: Structure) -> None:
    """Something with every thing and everybody, for the facts and the live events."""
    home = hub.home
    for number, thing in enumerate(structure.things):
        actor = Actor(f"member/{MEMBERS[number % 2]}", "adult")
        hub.writer.record(f"thing/{thing}", f.CommandGiven({"light.on": True}), actor)
        home.live.observed(thing, [Reading(2, 1, not home.live.slots[address_in(hub, thing)].value)])
        home.live.lost(thing, "no_answer")
        home.live.reached(thing)
    for member in structure.members:
        home.presence.say(member, not home.live.slots[f"member/{member}.home"].value, "person", Actor("hub", "hub"))
    home.following.found(Found("miio", "99", LAMP, "qqfound"))
    await hub.writer.flush()


def address_in(hub: Hub, thing: str) -> str:
    prop = hub.home.live.things[thing].spec.property(2, 1)
    assert prop is not None
    return f"{thing}/{prop.address}"


def settle(hub: Hub, structure: Structure) -> None:
    for thing in [*hub.home.live.things]:
        hub.home.live.remove_thing(thing)
    hub.home.follow_structure(structure)


def paths(site: Site, structure: Structure) -> list[tuple[str, str]]:
    """Every path that can be read, and what it names."""
    named = {
        "thing": [*THINGS],
        "member": [*structure.members],
        "linkage": [*structure.linkages],
        "scene": [*structure.scenes],
        "helper": [*structure.helpers],
    }
    made: list[tuple[str, str]] = []
    for route in site.routes:
        if route.method != "GET" or route.stream:
            continue
        parameter = re.search(r"\{(\w+)\}", route.path)
        for value in named.get(parameter[1], ["0"]) if parameter else [""]:
            path = re.sub(r"\{\w+\}", value, route.path)
            made.append((path + QUERIES.get(path.rpartition("/")[2], ""), value))
    return made


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(homes(), callers())
def test_nothing_unseen_is_told(asked: Asked, structure: Structure, caller: Principal) -> None:
    asked.runner.run(walk(asked, structure, caller))


async def walk(asked: Asked, structure: Structure, caller: Principal) -> None:
    hub, site = asked.hub, asked.site
    now = hub.clock.now()
    asked.caller = caller
    settle(hub, structure)
    if sees_all(caller, now):
        return
    hidden = unseen(structure, caller, now)
    listeners = []
    if not hub.home.sights.of(caller).nothing:
        listeners.append(site.live.join(Wanted(""), lambda: caller, "en"))
    await happen(hub, structure)
    client = Client(site.app, "setaria_any")
    answered = (await client.get("/api/home")).status == 200
    assert answered == bool(listeners), "what was lent is seen"
    for path, value in paths(site, structure):
        reply = await client.get(path)
        assert found_in(reply.body, hidden, value) == [], (path, reply.status, reply.body[:2_000])
        if reply.status == 200:
            assert b"47.37" not in reply.body, path
    for listener in listeners:
        site.live._flush()
        told: Any = listener.take()
        assert found_in(told, hidden) == []
        assert b"47.37" not in told
        site.live.leave(listener)


def test_the_search_finds_what_is_told_to_the_owner(asked: Asked) -> None:
    """The walk can fail: the same structure, read by who lives there, is full of what it looks for."""

    async def owners() -> None:
        structure = Structure(
            household=Household("Home", "Europe/Zurich", *ZURICH, "en"),
            rooms={each: Room(each, each) for each in ROOMS},
            members={each: Member(each, each, "owner") for each in MEMBERS},
            things={each: Thing(each, "miio", each, MODELS[each], each, "qqhall") for each in THINGS},
        )
        settle(asked.hub, structure)
        asked.caller = Principal("qqwei", Role.OWNER)
        listener = asked.site.live.join(Wanted(""), lambda: asked.caller, "en")
        await happen(asked.hub, structure)
        reply = await Client(asked.site.app, "setaria_any").get("/api/home")
        assert found_in(reply.body, {*THINGS, *ROOMS, *MEMBERS}) == sorted({*THINGS, *ROOMS, *MEMBERS})
        assert b"47.37" in reply.body
        asked.site.live._flush()
        assert set(found_in(listener.take(), {*THINGS, *MEMBERS})) == {*THINGS, *MEMBERS}
        asked.site.live.leave(listener)

    asked.runner.run(owners())
