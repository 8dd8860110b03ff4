"""A home whose notifiers are fakes: a real log in a folder, a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from setaria.facts.clock import DAY, SECOND, VirtualClock
from setaria.facts.fact import HUB
from setaria.facts.ids import IdSource
from setaria.facts.log import start
from setaria.facts.secrets import KeyFile, SecretStore
from setaria.facts.sqlite import SqliteLog
from setaria.facts.writer import Writer
from setaria.home import commands as c
from setaria.home import facts as f
from setaria.home.deciders import ArrangementDecider
from setaria.home.home import Home
from setaria.home.loading import load
from setaria.home.notifying.decide import NotifierDecider
from setaria.home.notifying.desk import Notifying
from setaria.home.notifying.facts import NotificationsUndelivered
from setaria.home.notifying.types import Field, NotifierType, Settings
from setaria.home.ports import Done, Notification, Outcome
from setaria.home.spec.library import SpecLibrary
from setaria.rights import Principal

LIBRARY = SpecLibrary()


class Fake:
    """Takes down what it is given; answers with the outcomes of its target in turn, the last for ever."""

    def __init__(self, place: NotifyingPlace, settings: Settings) -> None:
        self._place = place
        self._target = settings["target"]

    async def send(self, notification: Notification) -> Outcome:
        self._place.sent.append((self._target, notification))
        outcomes = self._place.outcomes.get(self._target, [Done()])
        return outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]


class NotifyingPlace:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = VirtualClock(1_795_339_800 * SECOND)
        self.sent: list[tuple[str, Notification]] = []
        self.outcomes: dict[str, list[Outcome]] = {}
        self.log: SqliteLog

    async def open(self) -> NotifyingPlace:
        self.log = await SqliteLog.open(self.folder / "log.db", self.clock)
        ids = IdSource(self.clock, self.log.last_known()[0])
        self.writer = Writer(self.log, self.clock, ids, (ArrangementDecider("home"), NotifierDecider("home")), "home")
        self.secrets = SecretStore(self.folder / "secrets", KeyFile(self.folder / "key"))
        self.home = Home("home", self.writer, self.clock, ids, LIBRARY, self.secrets, [], self.log)
        load(self.home, self.log)
        self.writer.start()
        if not self.home.structure.members:
            await self._people()
        await self.home.start()
        fields = (Field("target"), Field("word", secret=True, required=False))
        kind = NotifierType("fake", fields, lambda each: (dict(each), each["target"]), near, lambda s: Fake(self, s))
        by_browser = NotifierType(
            "push",
            (Field("endpoint", sealed=True), Field("browser", required=False)),
            lambda each: ({**each, "browser": each["endpoint"][-1]}, "push.example"),
            near,
            lambda s: Fake(self, {"target": s["endpoint"]}),
            by_hand=False,
        )
        types = {"fake": kind, "push": by_browser}
        args = (self.home, self.log, self.writer, self.clock, ids, self.secrets, types, lambda: "key")
        self.desk = Notifying(*args)
        self.desk.load(self.log)
        self.desk.start()
        await self.until(lambda: self.desk.delivery._cursor is not None)
        return self

    async def _people(self) -> None:
        commands: list[c.Arrangement] = [c.DescribeHousehold("Home", language="en")]
        roles = {"wei": "owner", "ling": "adult", "bao": "child", "visitor": "guest"}
        until = self.clock.now() + 30 * DAY
        commands += [
            c.SaveMember(member, member.title(), role, until if role == "guest" else 0)
            for member, role in roles.items()
        ]
        for command in commands:
            self.home.take_over((await self.writer.submit(command, HUB)).facts)

    async def close(self, *, crash: bool = False) -> None:
        """A crash writes nothing more of its own."""
        if crash:
            await self.desk.delivery._keeping_up.stop()
            for task in list(self.desk.delivery._running.values()):
                task.cancel()
        else:
            await self.desk.stop()
        await self.home.stop()
        await self.writer.stop()
        await self.log.close()

    def by(self, member: str) -> Principal:
        found = self.home.permits.principal(member)
        assert found is not None
        return found

    async def add(self, member: str, target: str, **settings: str) -> str:
        return (await self.desk.add(self.by(member), "fake", member, "Mine", {"target": target, **settings})).id

    def say(self, message: str, *to: str, ago: int = 0) -> None:
        time = self.clock.now() - ago
        self.writer.record("home/home", f.Notified(message, "", to), HUB, time)

    async def told(self, count: int) -> list[tuple[str, str]]:
        """(target, message) of all so far, once there are `count`; and no more a moment later."""
        await self.until(lambda: len(self.sent) >= count)
        await self.settle()
        return [(target, each.message) for target, each in self.sent]

    async def undelivered(self) -> list[NotificationsUndelivered]:
        await self.writer.flush()
        stored = await self.log.read(start(1), 10_000)
        return [each.fact.body for each in stored if isinstance(each.fact.body, NotificationsUndelivered)]

    async def settle(self) -> None:
        """Group commit has taken what was recorded, and the loop what came of it."""
        await self.writer.flush()
        for _ in range(20):
            await asyncio.sleep(0.002)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():
                self.clock.advance(1_000)
                await asyncio.sleep(0.002)


def near(settings: Settings) -> bool:
    return settings.get("target", "").startswith("near")
