"""A hub as a whole: its folder, its start and end, and a simulated home that it speaks to over real UDP."""

from __future__ import annotations

import asyncio
import random
import signal
import socket
import stat
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.home.fake_radio import FakeRadio

from setaria.app import HOUSEHOLD, Hub, Settings
from setaria.facts.clock import SECOND, SystemClock
from setaria.facts.refused import Refused
from setaria.home import commands as c
from setaria.home import facts as f
from setaria.home.linkage.rule import DelayStep, EventStep, EventTrigger, Rule
from setaria.radio.miio import liveness, session
from setaria.radio.miio.events import Settings as MiioSettings
from setaria.radio.miio.radio import MiioRadio

LAMP = "yeelink.light.colorc"


def settings(folder: Path) -> Settings:
    return Settings(folder / "hub", "en", port=0, miio=False, mdns=False)


@asynccontextmanager
async def running(folder: Path, *radios: Any) -> AsyncIterator[Hub]:
    hub = Hub.open(settings(folder), radios)
    try:
        await hub.start()
        yield hub
    finally:
        await hub.close()


async def until(holds: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    for _ in range(int(seconds / 0.02)):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_a_hub_can_be_started_again_and_again_on_its_folder(tmp_path: Path) -> None:
    for turn in range(3):
        before = asyncio.all_tasks()
        async with running(tmp_path) as hub:
            assert hub.home.structure.household.name == "My home"
            assert [(each.id, each.role) for each in hub.home.structure.members.values()] == [("owner", "owner")]
            assert hub.owner.member == "owner"
            assert len(hub.home.structure.rooms) == turn
            await hub.home.arrange(hub.owner, c.SaveRoom(f"room_{turn}", "x"))
            assert f"room_{turn}" in hub.home.structure.rooms
        assert asyncio.all_tasks() == before, "nothing goes on when it is closed"
    folder = tmp_path / "hub"
    assert mode_of(folder) == 0o700
    assert {path.name: mode_of(path) for path in (folder / "log.db", folder / "key")} == {
        "log.db": 0o600,
        "key": 0o600,
    }


async def test_one_folder_has_one_hub(tmp_path: Path) -> None:
    async with running(tmp_path):
        with pytest.raises(Refused) as refused:
            Hub.open(settings(tmp_path), ())
        assert refused.value.code == "log_in_use"
    async with running(tmp_path) as hub:
        assert hub.owner.member == "owner"


async def test_a_hub_that_cannot_be_opened_leaves_nothing_open(tmp_path: Path) -> None:
    async with running(tmp_path):
        pass
    key = tmp_path / "hub" / "key"
    key.chmod(0o644)
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            Hub.open(settings(tmp_path), ())
        assert refused.value.code == "key_file_open"
    key.chmod(0o600)
    hub = Hub.open(settings(tmp_path), ())
    await hub.close()  # opened and never started
    async with running(tmp_path) as hub:
        assert hub.owner.member == "owner"


async def test_a_hub_that_cannot_start_can_be_closed(tmp_path: Path) -> None:
    class Taken(FakeRadio):
        async def start(self, observer: Any) -> None:
            raise Refused("radio_port_taken")

    with pytest.raises(Refused, match="radio_port_taken"):
        async with running(tmp_path, Taken(SystemClock())):
            pytest.fail("it started")
    async with running(tmp_path) as hub:
        assert hub.owner.member == "owner"


async def test_things_followed_and_runs_waiting_outlast_the_end(tmp_path: Path) -> None:
    clock = SystemClock()
    radio = FakeRadio(clock)
    device = radio.device("7", LAMP, {(2, 1): True})
    rule = Rule(
        id="late",
        alias="late",
        triggers=(EventTrigger(path="trigger/0", event="go"),),
        actions=(DelayStep(path="action/0", duration=2 * SECOND), EventStep(path="action/1", event="gone")),
    )
    async with running(tmp_path, radio) as hub:
        home, owner = hub.home, hub.owner
        home.give_secret(owner, "fake", "7", device.secret)
        radio.show("7")
        await home.arrange(owner, c.AddThing("fake", "7", LAMP, "lamp"))
        await home.arrange(owner, c.SaveLinkage(rule, owner.member))
        await until(lambda: home.live.slots["lamp/light.on"].value is True, "the lamp is seen")
        run = await home.run_linkage(owner, "late")
        device.silent = True
        asking = asyncio.ensure_future(home.write(owner, "lamp", {"light.on": False}))
        await asyncio.sleep(0.05)
    assert not radio.followed
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    device.silent = False
    async with running(tmp_path, radio) as hub:
        assert hub.replayed <= 5, "closed with a snapshot of how it stood"
        assert list(hub.home.engine.armed["late"].runs) == [run]
        await until(lambda: hub.home.live.things["lamp"].reachable, "the lamp is followed again")
        await until(lambda: not hub.home.engine.armed["late"].runs, "the run goes on to its end")
        await hub.writer.flush()
        ended = [each.fact.body for each in await hub.log.latest("linkage/late", 10)]
        assert [each.outcome for each in ended if isinstance(each, f.RunEnded)] == ["done"]


# A simulated home, in a process of its own.


class Simulated:
    def __init__(self, process: Process, ready: dict[str, Any]) -> None:
        self.process = process
        self.broadcast: tuple[str, int] = tuple(ready["broadcast"])
        self.things: dict[str, dict[str, Any]] = {each["did"]: each for each in ready["things"]}

    async def do(self, **order: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(msgspec.json.encode(order) + b"\n")
        answer: dict[str, Any] = msgspec.json.decode(await self.process.stdout.readline())
        assert answer["ok"], answer
        return answer


def free_port() -> int:
    """Of those that the simulation takes: below 55,535."""
    chance = random.Random()
    while True:
        port = chance.randrange(20_000, 55_000)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tried:
            try:
                tried.bind(("127.0.30.1", port))
            except OSError:
                continue
            return port


@asynccontextmanager
async def simulated(port: int, *more: str) -> AsyncIterator[Simulated]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "setaria.simulated", "--list", "--with-parent", "--still"),
        *("--first-address", "127.0.30.1", "--port", str(port), *more),
        stdin=PIPE,
        stdout=PIPE,
        limit=1 << 22,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            ready = msgspec.json.decode(await process.stdout.readline())
        yield Simulated(process, ready)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def miio(broadcast: tuple[str, int]) -> MiioRadio:
    return MiioRadio(
        SystemClock(),
        broadcast=[broadcast],
        random=random.Random(1),
        bind="127.0.0.1",
        settings=MiioSettings(poll=SECOND, poll_pushed=2 * SECOND),
    )


async def adopt(hub: Hub, home: Simulated) -> None:
    """As a family does: tokens given, what is found is added."""
    found = hub.home.finding
    for did, thing in home.things.items():
        hub.home.give_secret(hub.owner, "miio", did, bytes.fromhex(thing["token"]))
    hub.home.search(hub.owner)
    await until(
        lambda: sum(not each.needs and each.model != "" for each in found.all()) == len(home.things),
        "everything is found and has said what it is",
    )
    for each in found.all():
        placed = home.things[each.address]
        await hub.home.arrange(hub.owner, c.AddThing("miio", each.address, each.model, placed["id"], placed["name_en"]))


def unread(hub: Hub) -> list[str]:
    return [
        slot.address
        for slot in hub.home.live.slots.values()
        if slot.property is not None and slot.property.readable and slot.value is None
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="it needs loopback addresses to spare")
async def test_a_home_is_found_followed_and_steered_over_the_air(tmp_path: Path) -> None:
    port = free_port()
    models = [LAMP, "zhimi.airp.mb5", "lumi.curtain.hagl08", LAMP]
    chosen = [word for model in models for word in ("--model", model)]
    async with simulated(port, *chosen) as home, running(tmp_path, miio(home.broadcast)) as hub:
        await adopt(hub, home)
        live = hub.home.live
        await until(lambda: all(each.reachable for each in live.things.values()), "all are reached")
        await until(lambda: len(unread(hub)) <= 3, f"all that can be read is read, not {unread(hub)[:5]}")
        lamp = next(each for each in hub.home.structure.things.values() if each.model == LAMP)

        await hub.home.write(hub.owner, lamp.id, {"light.on": True, "light.brightness": 17})
        assert (await home.do(do="get", thing=lamp.address, siid=2, piid=2))["value"] == 17
        assert live.slots[f"{lamp.id}/light.brightness"].value == 17
        with pytest.raises(Refused) as refused:
            await hub.home.write(hub.owner, lamp.id, {"light.brightness": 0})
        assert refused.value.code == "value_out_of_range"

        await home.do(do="set", thing=lamp.address, siid=2, piid=2, value=83)
        await until(lambda: live.slots[f"{lamp.id}/light.brightness"].value == 83, "the push or the poll is seen")

        await home.do(do="reboot")
        await hub.home.write(hub.owner, lamp.id, {"light.brightness": 29})
        assert live.slots[f"{lamp.id}/light.brightness"].value == 29


@pytest.mark.skipif(sys.platform != "linux", reason="it needs loopback addresses to spare")
async def test_a_wrong_token_is_told_and_a_wrong_place_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "TIMEOUTS", (SECOND // 5,) * 3)
    async with simulated(free_port(), "--model", LAMP) as home, running(tmp_path, miio(home.broadcast)) as hub:
        [(did, thing)] = home.things.items()
        hub.home.give_secret(hub.owner, "miio", did, b"\x01" * 16)
        hub.home.search(hub.owner)
        await until(lambda: len(hub.home.finding.all()) == 1, "it is found")
        await hub.home.arrange(hub.owner, c.AddThing("miio", did, LAMP, "lamp"))
        live = hub.home.live.things["lamp"]
        await until(lambda: live.reason == "wrong_token", "the token is wrong", 20)
        hub.home.live.located("lamp", "127.0.30.77:9")
        hub.home.give_secret(hub.owner, "miio", did, bytes.fromhex(thing["token"]))
        hub.home.search(hub.owner)
        await until(lambda: live.reachable, "with the right token, wherever it is", 20)
        assert live.location == f"{thing['host']}:{thing['port']}"


@pytest.mark.skipif(sys.platform != "linux", reason="it needs loopback addresses to spare")
async def test_what_dies_is_lost_and_what_comes_back_is_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "FIRST_INTERVAL", SECOND // 2)
    monkeypatch.setattr(liveness, "PING_INTERVAL", SECOND // 4)
    monkeypatch.setattr(session, "TIMEOUTS", (SECOND // 5,) * 3)
    port = free_port()
    chosen = ("--model", LAMP, "--model", "zhimi.airp.mb5")
    async with simulated(port, *chosen) as home, running(tmp_path, miio(home.broadcast)) as hub:
        await adopt(hub, home)
        things = hub.home.live.things
        await until(lambda: all(each.reachable for each in things.values()), "all are reached")
        home.process.send_signal(signal.SIGKILL)
        await home.process.wait()
        await until(lambda: not any(each.reachable for each in things.values()), "all are lost", 15)
        assert {each.reason for each in things.values()} == {"unreachable"}
        lamp = next(each.id for each in hub.home.structure.things.values() if each.model == LAMP)
        with pytest.raises(Refused) as refused:
            await hub.home.write(hub.owner, lamp, {"light.on": True})
        assert refused.value.code == "thing_unreachable"
        async with simulated(port, *chosen):
            hub.home.search(hub.owner)
            await until(lambda: all(each.reachable for each in things.values()), "all are back", 20)


def test_the_household_of_a_hub_has_one_name() -> None:
    assert settings(Path("x")).log_path == Path("x/hub/log.db")
    assert HOUSEHOLD == "home"
