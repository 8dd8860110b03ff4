"""A whole home for tests: a real SQLite log in a folder, fake things, a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar

from tests.home.fake_radio import FakeDevice, FakeRadio

from setaria.facts.clock import MILLISECOND, SECOND, VirtualClock
from setaria.facts.fact import HUB, Fact
from setaria.facts.ids import IdSource
from setaria.facts.kinds import Body
from setaria.facts.log import start as at_the_start
from setaria.facts.refused import Refused
from setaria.facts.secrets import KeyFile, SecretStore
from setaria.facts.sqlite import SqliteLog
from setaria.facts.writer import Writer
from setaria.home import commands as c
from setaria.home.accounts.accounts import Accounts
from setaria.home.accounts.decide import AccountsDecider
from setaria.home.deciders import ArrangementDecider, ControlDecider
from setaria.home.finding import secret_name
from setaria.home.home import Home
from setaria.home.linkage.check import check
from setaria.home.linkage.parse import parse
from setaria.home.linkage.rule import Rule
from setaria.home.loading import load
from setaria.home.ports import Value
from setaria.home.spec.library import SpecLibrary
from setaria.rights import Principal

LIBRARY = SpecLibrary()
LAMP = "yeelink.light.colorc"
LAMP_TOO = "yeelink.light.lamp22"
LOCK = "miot.door.06131"
TOKEN = b"k" * 16
DECIDERS = (ArrangementDecider("home"), ControlDecider(), AccountsDecider("home"))
T = TypeVar("T")


class Place:
    """`open` makes or reopens it; everything that waits is waited for with `done`, which lets the clock run."""

    def __init__(self, folder: Path, clock: VirtualClock | None = None) -> None:
        self.folder = folder
        self.clock = clock or VirtualClock(1_795_339_800 * SECOND)  # 2026-11-22, 17:30 in Shanghai, a Sunday
        self.radio = FakeRadio(self.clock)
        self.log: SqliteLog
        self.writer: Writer
        self.home: Home
        self.replayed = 0

    async def open(self, *, start: bool = True, use_snapshot: bool = True) -> Place:
        self.log = await SqliteLog.open(self.folder / "log.db", self.clock)
        ids = IdSource(self.clock, self.log.last_known()[0])
        self.writer = Writer(self.log, self.clock, ids, DECIDERS, "home")
        secrets = SecretStore(self.folder / "secrets", KeyFile(self.folder / "key"))
        self.secrets = secrets
        self.home = Home("home", self.writer, self.clock, ids, LIBRARY, secrets, [self.radio], self.log)
        self.replayed = load(self.home, self.log, use_snapshot)
        self.accounts = Accounts(self.home, self.writer, self.clock, secrets)
        self.accounts.load(self.log)
        if start:
            self.writer.start()
            await self.home.start()
            self.accounts.start()
        return self

    async def close(self) -> None:
        await self.accounts.stop()
        await self.home.stop()
        await self.done(self.writer.stop())
        await self.log.close()

    async def crash(self) -> None:
        """As if the power went: nothing is written any more."""
        for lane in self.writer._lanes.values():
            for task in (lane._task, lane._committing):
                if task is not None:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
        await self.accounts.stop()
        await self.home.presence.stop()
        self.home.engine.close()
        self.home.helpers.close()
        await self.log.close()
        self.radio = self._other_radio()

    def _other_radio(self) -> FakeRadio:
        radio = FakeRadio(self.clock)
        radio.devices = self.radio.devices
        return radio

    async def done(self, waiting: Awaitable[T]) -> T:
        """Let the clock run until it is."""
        task = asyncio.ensure_future(waiting)
        for _ in range(20_000):
            if task.done():
                return task.result()
            await self.clock.run(5 * MILLISECOND, settle=1)
            await asyncio.sleep(0.0002)  # the log writes in a thread of its own
        task.cancel()
        raise AssertionError("it does not end")

    async def run(self, microseconds: int) -> None:
        """Let time pass, and all that was recorded become durable."""
        await self.clock.run(microseconds)
        await self.done(self.writer.flush())

    async def refused(self, waiting: Awaitable[Any]) -> Refused:
        try:
            answer = await self.done(waiting)
        except Refused as refused:
            return refused
        raise AssertionError(f"it was not refused: {answer}")

    # The people and things in it.

    def who(self, member: str) -> Principal:
        principal = self.home.permits.principal(member)
        assert principal is not None, f"{member} is not here"
        return principal

    @property
    def owner(self) -> Principal:
        return self.who("wei")

    async def settle_in(self) -> Place:
        """An owner, one member of each role, two rooms."""
        await self.done(self.writer.submit(c.DescribeHousehold("李家"), HUB))
        await self.done(self.writer.submit(c.SaveMember("wei", "李伟", "owner"), HUB))
        for member, role in (("fang", "adult"), ("xiaoman", "child"), ("nainai", "elder")):
            await self.arrange(c.SaveMember(member, member, role))
        await self.arrange(c.SaveMember("mei", "梅姨", "guest", self.clock.now() + 48 * 3600 * SECOND))
        await self.arrange(c.SaveRoom("living", "客厅"))
        await self.arrange(c.SaveRoom("door", "门厅"))
        return self

    async def arrange(self, command: c.Arrangement, by: str = "wei", command_id: str = "") -> None:
        await self.done(self.home.arrange(self.who(by), command, command_id))

    async def add(
        self, thing: str, model: str, address: str, room: str = "", values: dict[str, Value] | None = None
    ) -> FakeDevice:
        """Found, its token given, added, reached: as people do it. `values` by address within the thing."""
        spec = LIBRARY.get(model)
        known = {spec.find_property(name): value for name, value in (values or {}).items()}
        device = self.radio.device(address, model, {(p.siid, p.piid): value for p, value in known.items()})
        self.home.give_secret(self.owner, "fake", address, TOKEN)
        self.radio.show(address)
        await self.run(50 * MILLISECOND)
        await self.arrange(c.AddThing("fake", address, model, thing, "", room))
        await self.run(50 * MILLISECOND)
        return device

    def secret(self, address: str) -> bytes | None:
        return self.secrets.get(secret_name("fake", address))

    def rules(self, text: str) -> list[Rule]:
        parsed, whole = parse(text)
        assert not whole, whole
        checked = [check(each, self.home.arranged) for each in parsed]
        assert checked
        assert all(each.sound for each in checked), [each.problems for each in checked]
        return [each.rule for each in checked]

    async def link(self, text: str, by: str = "wei") -> None:
        for rule in self.rules(text):
            await self.arrange(c.SaveLinkage(rule, by), by)

    # What is known of it.

    def value(self, address: str) -> Value | None:
        return self.home.live.slots[address].value

    async def facts(self, *kinds: type[Body], aggregate: str = "") -> list[Fact]:
        await self.done(self.writer.flush())
        cursor, found = at_the_start(1), []
        while stored := await self.log.read(cursor, 1_000):
            found += [each.fact for each in stored]
            cursor = cursor.moved(0, stored[-1].seq)
        return [
            fact
            for fact in found
            if (not kinds or isinstance(fact.body, kinds)) and (not aggregate or fact.aggregate == aggregate)
        ]

    async def bodies(self, *kinds: type[Body], aggregate: str = "") -> list[Any]:
        return [fact.body for fact in await self.facts(*kinds, aggregate=aggregate)]
