"""A linkage tried on a month that was made up: it must have run as often as the one that lived through it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from tests.home.linkage.engine_bench import NAMES, Bench

from setaria.facts.clock import DAY, HOUR, SECOND, VirtualClock
from setaria.facts.fact import HUB, Fact
from setaria.facts.ids import IdSource
from setaria.facts.kinds import Body
from setaria.facts.log import Batch
from setaria.facts.secrets import KeyFile, SecretStore
from setaria.facts.sqlite import SqliteLog
from setaria.facts.writer import Writer
from setaria.home import facts as f
from setaria.home.deciders import ArrangementDecider, ControlDecider
from setaria.home.home import Home
from setaria.home.linkage import dry_run as module
from setaria.home.linkage.dry_run import DryRun, dry_run
from setaria.home.linkage.fixed_catalogue import FixedCatalogue
from setaria.home.loading import load
from setaria.home.spec.library import SpecLibrary
from setaria.simulated.sample_home import SAMPLE

DAYS = 30
SAY = "{action: notify.notify, data: {message: x}}"
LIGHT = "{action: light.turn_on, target: {entity_id: kitchen_light}}"

RULES = {
    "motion": f"mode: restart\ntriggers: [{{trigger: state, entity_id: kitchen_motion, to: 'on'}}]\n"
    f"actions: [{LIGHT}, {{wait_for_trigger: [{{trigger: state, entity_id: kitchen_motion, to: 'off', for: 120}}], "
    f"timeout: 3600}}, {{action: light.turn_off, target: {{entity_id: kitchen_light}}}}]",
    "night": "triggers: [{trigger: state, entity_id: kitchen_motion, to: 'on'}]\n"
    f"conditions: [{{condition: sun, after: sunset, before: sunrise}}]\nactions: [{LIGHT}]",
    "quiet": "triggers: [{trigger: state, entity_id: kitchen_motion, to: 'off', for: '03:00:00'}]\n"
    f"conditions: [{{condition: time, after: '07:00:00', before: '22:00:00'}}]\nactions: [{SAY}]",
    "air": f"triggers: [{{trigger: numeric_state, entity_id: {NAMES['pm']}, above: 75, for: 300}}]\n"
    f"cooldown: 7200\nactions: [{SAY}]",
    "morning": "triggers: [{trigger: time, at: '06:40:00', weekday: [mon, tue, wed, thu, fri]}]\n"
    f"actions: [{{wait_for_trigger: [{{trigger: state, entity_id: kitchen_motion, to: 'on'}}], timeout: 5400, "
    f"continue_on_timeout: false}}, {SAY}]",
    "sunset": f"triggers: [{{trigger: sun, event: sunset, offset: '00:10:00'}}]\n"
    f"conditions: [{{condition: zone, entity_id: person.li_wei, zone: home}}]\nactions: [{SAY}]",
    "left": f"triggers: [{{trigger: zone, entity_id: person.li_wei, zone: home, event: leave}}]\n"
    f"actions: [{{delay: 600}}, {SAY}]",
    "guest": f"triggers: [{{trigger: state, entity_id: helper/guest_mode, for: 60}}]\nactions: [{SAY}]",
    "count": f"triggers: [{{trigger: numeric_state, entity_id: helper/openings, above: 0}}]\nactions: [{SAY}]",
    "bell": f"triggers: [{{trigger: event, event: bell}}]\nrate: {{runs: 3, within: 86400}}\nactions: [{SAY}]",
    "often": "mode: single\ntriggers: [{trigger: time_pattern, minutes: '/10'}]\nactions: [{delay: 900}]",
    "late": f"triggers: [{{trigger: time, at: '11:59:30'}}]\nactions: [{{delay: 3600}}, {SAY}]",
}


def live_through(bench: Bench, seed: int) -> None:
    """Thirty days from noon to noon."""
    random = Random(seed)
    until = bench.clock.now() + DAYS * DAY
    while bench.clock.now() < until:
        bench.clock.advance(min(random.choice((30, 100, 700, 4_000, 15_000)) * SECOND, until - bench.clock.now()))
        match random.randrange(7):
            case 0 | 1:
                bench.see(motion=random.random() < 0.5)
            case 2 | 3:
                bench.see(pm=random.randrange(0, 150, 10))
            case 4:
                bench.see(wei=random.random() < 0.5)
            case 5:
                bench.see(guest=random.random() < 0.5, count=random.randrange(3))
            case _:
                bench.live.fire("bell", {}, HUB, "li")


@pytest.fixture(scope="module")
def lived(sample_catalogue: FixedCatalogue) -> Bench:
    bench = Bench(sample_catalogue, "2026-05-30 12:00")
    bench.see(motion=False, pm=20, wei=True)
    bench.until("2026-06-01 12:00")
    for name, text in RULES.items():
        bench.save(f"id: {name}\n{text}\n")
    live_through(bench, 7)
    return bench


def arrangement(bench: Bench) -> list[Fact]:
    bodies: list[Body] = [f.HouseholdDescribed("li", bench.place[0], bench.place[1], bench.place[2], "zh-CN")]
    bodies += [f.MemberSaved(member.id, member.zh, member.role) for member in SAMPLE.members]
    bodies += [f.ThingAdded(thing.id, "miio", thing.did, thing.model, thing.zh) for thing in SAMPLE.things]
    bodies += [f.HelperSaved(each.id, each.type, each.name, each.initial) for each in bench.helpers.all()]
    time = bench.facts[0].time - HOUR if bench.facts else bench.clock.now() - HOUR
    ids = IdSource(VirtualClock(time))
    return [Fact(ids.next(), time, "home/li", "li", HUB, body) for body in bodies]


class Lived:
    """A home whose log holds what the bench went through."""

    def __init__(self, home: Home, log: SqliteLog) -> None:
        self.home = home
        self.log = log


async def a_home(bench: Bench, folder: Path) -> Lived:
    log = await SqliteLog.open(folder / "log.db", bench.clock)
    await log.append(0, Batch(facts=arrangement(bench)))
    for start in range(0, len(bench.facts), 2_000):
        await log.append(0, Batch(facts=bench.facts[start : start + 2_000]))
    ids = IdSource(bench.clock)
    writer = Writer(log, bench.clock, ids, (ArrangementDecider("li"), ControlDecider()), "li")
    secrets = SecretStore(folder / "secrets", KeyFile(folder / "key"))
    home = Home("li", writer, bench.clock, ids, SpecLibrary(), secrets)
    load(home, log)
    return Lived(home, log)


@pytest.fixture
async def place(lived: Bench, tmp_path: Path) -> AsyncIterator[Lived]:
    place = await a_home(lived, tmp_path)
    yield place
    await place.log.close()


async def test_counts_are_those_of_the_life_it_had(lived: Bench, place: Lived) -> None:
    night = 0
    for name in RULES:
        found = await dry_run(lived.kept[name].rule, place.home, place.log, DAYS)
        ended = lived.ended(name)
        waiting = lived.engine.armed[name].runs.values()
        assert found.ran == len(ended) + len(waiting), name
        reasons = Counter(
            fact.body.reason
            for fact in lived.facts
            if isinstance(fact.body, f.RunDeclined) and fact.aggregate == f"linkage/{name}"
        )
        assert dict(found.declined) == dict(reasons), name
        began = sorted([*(body.began for body in ended), *(run.began for run in waiting)], reverse=True)
        assert sorted((each.at for each in found.runs), reverse=True) == began[: module.MOST_TIMES], name
        assert Counter(each.outcome for each in found.runs if each.outcome != "waiting") <= Counter(
            body.outcome for body in ended
        )
        night += found.at_night if name == "night" else 0
        if name == "night":
            assert found.at_night == found.ran > 0
    assert night > 0


async def test_the_home_is_left_as_it_was(lived: Bench, place: Lived) -> None:
    values, head = place.home.live.values(), await place.log.head()
    watchers = sum(len(slot.watchers) for slot in place.home.live.slots.values())
    await dry_run(lived.kept["motion"].rule, place.home, place.log, DAYS)
    assert place.home.live.values() == values
    assert await place.log.head() == head
    assert sum(len(slot.watchers) for slot in place.home.live.slots.values()) == watchers
    assert place.home.engine.armed == {}


async def test_what_each_run_would_have_sent(lived: Bench, place: Lived) -> None:
    found = await dry_run(lived.kept["motion"].rule, place.home, place.log, DAYS)
    for each in found.runs:
        wanted = {"done": 2, "cancelled": 1, "waiting": 1}[each.outcome]
        assert len(each.sent) == wanted, each
    assert found.runs[0].trigger["platform"] == "state"
    assert {each.outcome for each in found.runs} >= {"done", "cancelled"}


async def test_the_window_may_be_shorter(lived: Bench, place: Lived) -> None:
    found = await dry_run(lived.kept["sunset"].rule, place.home, place.log, 3)
    assert found.until - found.since == 3 * DAY
    assert found.ran + found.declined.get("conditions", 0) == 3
    assert found.at_night == found.ran


async def test_times_count_from_the_beginning_of_the_window(sample_catalogue: FixedCatalogue, tmp_path: Path) -> None:
    """A quiet home: nothing happened in the window, but the hub was there."""
    bench = Bench(sample_catalogue)
    bench.see(motion=False)
    rule = bench.save(f"id: a\ntriggers: [{{trigger: time, at: '13:00:00'}}]\nactions: [{SAY}]\n")
    bench.engine.disarm("a", "removed")
    bench.wait(10 * 86_400)
    bench.see(motion=True)
    bench.wait(86_400)
    place = await a_home(bench, tmp_path)
    assert (await dry_run(rule, place.home, place.log, 5)).ran == 5
    assert (await dry_run(rule, place.home, place.log, 30)).ran == 11  # there was no hub before
    await place.log.close()


async def test_a_linkage_that_runs_without_end_is_cut_short(
    lived: Bench, place: Lived, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_RAN", 500)
    rule = lived.save(f"id: seconds\ntriggers: [{{trigger: time_pattern, seconds: '*'}}]\nactions: [{SAY}]\n")
    lived.remove("seconds")
    turns = 0

    async def another() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(another())
    found: DryRun = await dry_run(rule, place.home, place.log, DAYS)
    beside.cancel()
    assert 500 <= found.ran < 5_000
    assert found.until < place.home.clock.now() - 29 * DAY
    assert len(found.runs) == module.MOST_TIMES
    assert turns > 1
