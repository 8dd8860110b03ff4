"""What a home knows can be dropped and rebuilt: from the facts, from a snapshot with those after it, after a crash."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.home.home_place import LAMP, LAMP_TOO, Place

from setaria.facts.clock import DAY, HOUR, MILLISECOND, MINUTE, SECOND, VirtualClock
from setaria.facts.ids import IdSource
from setaria.facts.log import Batch, Snapshot
from setaria.facts.refused import Refused
from setaria.home import commands as c
from setaria.home import facts as f
from setaria.home.loading import FORM, SNAPSHOT, save_snapshot
from setaria.home.retention import Retention

PURIFIER = "zhimi.airp.mb5"
LINKAGES = """
- id: away
  alias: x
  mode: restart
  triggers: [{trigger: state, entity_id: lamp/light.on, to: true}]
  actions:
    - {delay: "00:02:00"}
    - {action: property.set, target: {entity_id: lamp/light.on}, data: {value: false}}
- id: held
  alias: x
  triggers: [{trigger: numeric_state, entity_id: air/environment.pm2.5-density, above: 50, for: "00:01:00"}]
  actions: [{action: counter.increment, target: {entity_id: helper/openings}}]
- id: line
  alias: x
  mode: queued
  max: 3
  triggers: [{trigger: event, event_type: timer_finished}]
  actions: [{delay: "00:03:00"}]
- id: clock
  alias: x
  triggers: [{trigger: time_pattern, minutes: /5}]
  conditions: [{condition: state, entity_id: lamp/light.on, state: true}]
  actions: [{event: chimed}]
"""


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = await Place(tmp_path / "home").open()
    yield place
    await place.close()


async def lived_in(place: Place) -> Place:
    await place.settle_in()
    await place.add("lamp", LAMP, "7", "living", {"light.on": False, "light.brightness": 40})
    await place.add("air", PURIFIER, "8", "living", {"environment.pm2.5-density": 12, "environment.temperature": 21.0})
    for name, kind, initial in (("guest", "switch", 0), ("openings", "counter", 3), ("tidy", "timer", 90)):
        await place.arrange(c.SaveHelper(name, kind, "x", initial))
    await place.link(LINKAGES)
    await place.arrange(c.SaveScene("evening", "x", {"lamp/light.on": True, "helper/guest.on": True}))
    return place


class Life:
    """Something happens; what, a seed tells."""

    def __init__(self, place: Place, seed: int) -> None:
        self.place = place
        self.chance = random.Random(seed)
        self.done: list[str] = []
        self._devices = 100

    async def step(self) -> None:
        deeds = [
            self.lamp_changes, self.lamp_changes, self.air_changes, self.air_changes, self.air_changes,
            self.wish, self.helper, self.presence, self.scene, self.lost, self.reached, self.replaced, self.again,
            self.linkage, self.new_helper, self.new_member, self.passes, self.passes,
        ]  # fmt: skip
        deed: Callable[[], Awaitable[None]] = self.chance.choice(deeds)
        self.done.append(deed.__name__)
        try:
            await deed()
        except Refused as refused:
            self.done.append(refused.code)

    def _at(self, thing: str) -> str:
        known = self.place.home.structure.things.get(thing)
        return known.address if known is not None else ""

    def _push(self, thing: str, values: dict[tuple[int, int], Any]) -> None:
        if self._at(thing) in self.place.radio.devices:
            self.place.radio.push(self._at(thing), values)

    async def lamp_changes(self) -> None:
        self._push("lamp", {(2, 1): self.chance.random() < 0.5, (2, 2): self.chance.randint(1, 100)})

    async def air_changes(self) -> None:
        self._push("air", {(3, 4): self.chance.choice([10, 40, 60, 61, 90]), (3, 7): 21 + self.chance.random() / 5})

    async def wish(self) -> None:
        await self.place.done(self.place.home.write(self.place.owner, "lamp", {"light.on": self.chance.random() < 0.5}))

    async def helper(self) -> None:
        helper, operation = self.chance.choice(
            [("guest", "toggle"), ("openings", "increment"), ("tidy", "start"), ("tidy", "cancel")]
        )
        await self.place.done(self.place.home.operate_helper(self.place.owner, helper, operation))

    async def _any(self, *commands: c.Arrangement) -> None:
        await self.place.arrange(self.chance.choice(commands))

    async def new_helper(self) -> None:
        await self._any(
            c.RemoveHelper("guest"), c.SaveHelper("guest", "switch", "y"), c.SaveHelper("openings", "counter", "y", 8)
        )

    async def presence(self) -> None:
        member = self.chance.choice(["wei", "fang", "xiaoman"])
        await self.place.done(self.place.home.say_presence(self.place.owner, member, self.chance.random() < 0.5))

    async def new_member(self) -> None:
        await self._any(c.RemoveMember("fang"), c.SaveMember("fang", "王芳", "adult"), c.RemoveRoom("living"))

    async def scene(self) -> None:
        await self.place.done(self.place.home.set_scene(self.place.owner, "evening"))

    async def lost(self) -> None:
        self.place.home.following.lost("lamp", self.chance.choice(["unreachable", "wrong_token"]))

    async def reached(self) -> None:
        self.place.home.following.reached("lamp")

    async def replaced(self) -> None:
        self._devices += 1
        address = str(self._devices)
        self.place.radio.device(address, LAMP_TOO, {(2, 1): True, (2, 2): 5})
        self.place.home.give_secret(self.place.owner, "fake", address, b"k" * 16)
        model = self.chance.choice([LAMP, LAMP_TOO])
        await self.place.arrange(c.ReplaceThing("lamp", "fake", address, model))

    async def again(self) -> None:
        if "lamp" in self.place.home.structure.things:
            await self.place.arrange(c.RemoveThing("lamp"))
        else:
            await self.place.arrange(c.AddThing("fake", "7", LAMP, "lamp"))

    async def linkage(self) -> None:
        name = self.chance.choice(["away", "held", "line"])
        await self._any(
            c.SwitchLinkage(name, False), c.SwitchLinkage(name, True), c.RemoveLinkage(name), c.UndoLinkage(name)
        )

    async def passes(self) -> None:
        await self.place.run(self.chance.choice([SECOND, 30 * SECOND, MINUTE, 4 * MINUTE]))


def picture(place: Place) -> dict[str, Any]:
    """All that a home knows. Of a reading what was worth keeping: the rest lies within the dead band."""
    home = place.home
    memory = home.engine.memory
    return {
        "structure": msgspec.to_builtins(home.structure),
        "things": {each.id: (each.reachable, each.reason, each.location) for each in home.live.things.values()},
        "kept": {slot.address: slot.kept for slot in home.live.slots.values() if slot.property is not None},
        "said": {slot.address: slot.value for slot in home.live.slots.values() if slot.property is None},
        "timers": dict(home.helpers.dues),
        "waiting": msgspec.to_builtins([memory.paused, memory.queued, memory.holds]),
        "began": msgspec.to_builtins([memory.began, memory.dues]),
    }


async def copied(place: Place, folder: Path, **how: Any) -> dict[str, Any]:
    """What another home is like that is loaded from a copy of this one's log."""
    folder.mkdir()
    await place.log.copy_to(folder / "log.db")
    other = await Place(folder, VirtualClock(place.clock.now())).open(start=False, **how)
    try:
        seen = picture(other)
        assert [p.siid for s in other.home.live.slots.values() if (p := s.property)], "something was loaded"
        return seen
    finally:
        other.home.engine.close()
        await other.log.close()


@pytest.mark.parametrize("seed", range(12))
async def test_a_home_is_the_same_rebuilt_from_its_facts(place: Place, tmp_path: Path, seed: int) -> None:
    life = Life(await lived_in(place), seed)
    for number in range(40):
        await life.step()
        if number in (13, 31):
            await place.done(save_snapshot(place.home, place.log))
    await place.run(SECOND)
    now = picture(place)
    assert await copied(place, tmp_path / "whole", use_snapshot=False) == now, life.done
    assert await copied(place, tmp_path / "after", use_snapshot=True) == now, life.done


async def test_a_snapshot_spares_most_of_the_facts(place: Place, tmp_path: Path) -> None:
    await lived_in(place)
    for value in range(1, 60):
        place.radio.push("7", {(2, 2): value})
    await place.run(SECOND)
    await place.done(save_snapshot(place.home, place.log))
    await place.close()
    await place.open()
    assert place.replayed <= 2
    assert place.value("lamp/light.brightness") == 59
    await place.done(place.writer.flush())


@pytest.mark.parametrize(
    "snapshot",
    [Snapshot(SNAPSHOT, 0, "home/0", b"\xc1"), Snapshot(SNAPSHOT, 0, FORM, b"\xc1"), Snapshot(SNAPSHOT, 0, FORM, b"")],
    ids=["another form", "damaged", "empty"],
)
async def test_a_snapshot_that_cannot_be_read_is_passed_over(place: Place, tmp_path: Path, snapshot: Snapshot) -> None:
    await lived_in(place)
    await place.run(MINUTE)
    now = picture(place)
    await place.log.append(0, Batch(snapshots=[msgspec.structs.replace(snapshot, seq=10)]))
    assert await copied(place, tmp_path / "other") == now


async def test_a_snapshot_never_holds_what_the_log_does_not(place: Place, tmp_path: Path) -> None:
    await lived_in(place)
    await place.done(save_snapshot(place.home, place.log))
    await fill(place)
    place.radio.push("7", {(2, 2): 99})
    await place.done(save_snapshot(place.home, place.log))
    seen = await copied(place, tmp_path / "other")
    assert seen["kept"]["lamp/light.brightness"] == 40
    assert place.value("lamp/light.brightness") == 99
    make_room(place)


async def test_after_31_days_a_home_still_knows_what_has_not_changed_since(place: Place, tmp_path: Path) -> None:
    await lived_in(place)
    place.radio.push("7", {(2, 2): 77})
    await place.run(SECOND)
    await place.close()
    place.clock.set(place.clock.now() + 40 * DAY)
    await place.open()
    retired = await place.done(Retention(place.log, place.writer, place.clock).run_once())
    assert retired.readings > 0
    assert (await copied(place, tmp_path / "whole", use_snapshot=False))["kept"]["lamp/light.brightness"] == 77


@pytest.mark.parametrize("seed", range(4))
async def test_whenever_the_power_goes_the_home_comes_back(place: Place, tmp_path: Path, seed: int) -> None:
    life = Life(await lived_in(place), 100 + seed)
    chance = random.Random(seed)
    acknowledged: list[str] = []
    for number in range(12):
        await life.step()
        room = f"room_{number}"
        await place.arrange(c.SaveRoom(room, "x"))
        acknowledged.append(room)
        place.radio.push("8", {(3, 4): chance.randint(0, 500)})  # on its way, perhaps not yet durable
        for _ in range(chance.randint(0, 6)):
            await asyncio.sleep(0.0005)
        folder = tmp_path / f"crash_{number}"
        folder.mkdir()
        for name in ("log.db-wal", "log.db"):  # as the disk holds it, mid-way
            if (place.folder / name).exists():
                shutil.copy(place.folder / name, folder / name)
        other = await Place(folder, VirtualClock(place.clock.now() + MINUTE)).open(start=False)
        assert set(acknowledged) <= set(other.home.structure.rooms)
        assert not (await other.log.verify()).faults
        other.home.engine.close()
        await other.log.close()


async def test_a_run_that_waited_goes_on_after_a_crash(place: Place) -> None:
    await lived_in(place)
    place.radio.push("7", {(2, 1): True})
    await place.run(MINUTE)
    assert await place.bodies(f.RunPaused)
    await place.crash()
    await place.clock.run(10 * SECOND)
    await place.open()
    await place.run(2 * MINUTE)
    device = place.radio.devices["7"]
    assert [each.value for each in device.written] == [False]
    assert [each.outcome for each in await place.bodies(f.RunEnded) if each.trigger.get("platform") == "state"] == [
        "done"
    ]


# A disk that is full.


async def fill(place: Place) -> None:
    """No page more, and what room was left in those there are used up."""
    (pages,) = place.log._write.execute("PRAGMA page_count").fetchone()
    place.log._write.execute(f"PRAGMA max_page_count = {pages}")
    for number in range(400):
        place.home.live.happened("air", "custom-service.door-opened", {"note": f"{number}" + "x" * 200})
        await place.clock.run(50 * MILLISECOND)
        await asyncio.sleep(0.002)
        if place.writer.faulty is not None:
            return
    pytest.fail("it never was full")


def make_room(place: Place) -> None:
    place.log._write.execute("PRAGMA max_page_count = 1073741823")


async def test_with_a_full_disk_things_still_switch_and_people_are_told(place: Place) -> None:
    await lived_in(place)
    acknowledged = [f"room_{number}" for number in range(5)]
    for room in acknowledged:
        await place.arrange(c.SaveRoom(room, "x"))
    await fill(place)
    refused = await place.refused(place.home.arrange(place.owner, c.SaveRoom("room_9", "x" * 80)))
    assert refused.code == "log_full"
    assert set(acknowledged) == {each for each in place.home.structure.rooms if each.startswith("room_")}
    refused_write = await place.refused(place.home.write(place.owner, "lamp", {"light.on": True}))
    assert (refused_write.code, refused_write.details["why"]) == ("done_not_kept", "log_full")
    lamp = place.radio.devices["7"]
    assert lamp.written[-1].value is True, "a family is not left in the dark for want of disk"
    assert (await place.refused(place.home.operate_helper(place.owner, "guest", "toggle"))).code == "log_full"
    await place.clock.run(3 * MINUTE)
    assert [each.value for each in lamp.written] == [True, False], "linkages go on"
    why = place.writer.faulty
    assert why == Refused("log_full", path=str(place.folder / "log.db"))
    make_room(place)
    await place.run(MINUTE)
    assert place.writer.faulty is None
    await place.arrange(c.SaveRoom("study", "x"))
    assert place.writer.lost == 0
    now = picture(place)
    await place.close()
    await place.open(use_snapshot=False)
    assert set(acknowledged) < set(place.home.structure.rooms)
    assert picture(place)["kept"] == now["kept"]
    assert [each.writes for each in await place.bodies(f.CommandGiven)] == [{"light.on": True}]
    assert place.value("helper/guest.on") is True


# A clock that cannot be believed.


async def test_with_an_untrusted_clock_timers_wait(place: Place) -> None:
    await lived_in(place)
    await place.done(place.home.operate_helper(place.owner, "tidy", "start"))
    real = place.clock.now()
    await place.close()
    place.clock.set(real - 3 * DAY, trusted=False)
    await place.open()
    await place.run(10 * MINUTE)
    assert place.value("helper/tidy.running") is True
    await place.arrange(c.SaveHelper("tea", "timer", "x", 3 * 60))
    await place.done(place.home.operate_helper(place.owner, "tea", "start"))
    place.clock.set(real + HOUR)
    await place.run(5 * SECOND)
    assert place.value("helper/tidy.running") is False
    assert place.value("helper/tea.running") is True, "three minutes are three minutes, whatever becomes of the date"
    await place.run(3 * MINUTE)
    assert place.value("helper/tea.running") is False


async def test_ids_go_on_rising_when_the_clock_has_gone_back(place: Place) -> None:
    await lived_in(place)
    before = [fact.id for fact in await place.facts()]
    await place.close()
    place.clock.set(place.clock.now() - 300 * DAY)
    await place.open()
    await place.arrange(c.SaveRoom("study", "x"))
    await place.run(100 * MILLISECOND)
    after = [fact.id for fact in await place.facts()][len(before) :]
    assert after
    assert min(after) > max(before)
    assert IdSource(place.clock, place.log.last_known()[0]).next() > max(after)
