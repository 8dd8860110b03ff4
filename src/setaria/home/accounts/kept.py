"""The accounts as the log tells them: read at the start, followed, and closed for who has left."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from setaria.facts.clock import SECOND, Clock
from setaria.facts.decider import Command
from setaria.facts.fact import HUB, Actor, Fact
from setaria.facts.log import LogFaulty, Snapshot, Stored
from setaria.facts.refused import Refused
from setaria.facts.writer import Writer
from setaria.home import facts as home_facts
from setaria.home.accounts import commands as c
from setaria.home.accounts.decide import AccountsDecider
from setaria.home.accounts.state import CHANGING, AccountsState, evolve
from setaria.home.home import Home
from setaria.home.structure import ARRANGING

CLOSE_AGAIN: Final = SECOND

logger = logging.getLogger(__name__)


class Source(Protocol):
    def read_aggregate_now(self, key: str, snapshots: bool = True) -> tuple[Snapshot | None, list[Stored]]: ...


class Kept:
    """`taken` is called after any change of the state, before anybody else hears of it; `closed` with what was the name
    of the password of who has left. Nobody who is `leaving` may be let in."""

    def __init__(
        self,
        home: Home,
        writer: Writer,
        clock: Clock,
        taken: Callable[[AccountsState], None],
        closed: Callable[[str], None],
    ) -> None:
        self.state = AccountsState()
        self.leaving: set[str] = set()
        self._home = home
        self._writer = writer
        self._clock = clock
        self._on_taken = taken
        self._on_closed = closed
        self._listeners: list[Callable[[], None]] = []
        self._last = b""  # the id of the last fact that was taken
        self._took = asyncio.Event()
        self._unlisten: Callable[[], None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def load(self, source: Source) -> None:
        decider = AccountsDecider(self._home.household)
        snapshot, stored = source.read_aggregate_now(decider.key)
        if snapshot is not None and snapshot.form != decider.form:
            snapshot, stored = source.read_aggregate_now(decider.key, snapshots=False)
        if snapshot is not None:
            self.state = decider.thaw(decider.key, snapshot.state)
        for each in stored:
            evolve(self.state, each.fact)
        self._on_taken(self.state)

    def start(self) -> None:
        self._unlisten = self._writer.listen(lambda facts, cursor: self._take(facts))
        for member in self.state.members() - self._home.structure.members.keys():
            self._close(member)

    async def stop(self) -> None:
        if self._unlisten is not None:
            self._unlisten()
            self._unlisten = None
            self._took.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def on_change(self, changed: Callable[[], None]) -> Callable[[], None]:
        self._listeners.append(changed)
        return lambda: self._listeners.remove(changed)

    async def submit(self, command: Command, actor: Actor) -> None:
        answer = await self._writer.submit(command, actor)
        while self._unlisten is not None and answer.facts and answer.facts[-1].id > self._last:
            await self._took.wait()  # whoever asks next finds it done

    def _take(self, facts: Sequence[Fact]) -> None:
        ours = [fact for fact in facts if type(fact.body) in CHANGING]
        for fact in ours:
            try:
                evolve(self.state, fact)
            except Exception:
                logger.exception("putting %s into effect", type(fact.body).__name__)
        if ours:
            self._on_taken(self.state)
            self._last = max(self._last, ours[-1].id)
            took, self._took = self._took, asyncio.Event()
            took.set()
        for fact in facts:
            if isinstance(fact.body, home_facts.MemberRemoved) and fact.body.member in self.state.members():
                self._close(fact.body.member)
        if ours or any(type(fact.body) in ARRANGING for fact in facts):
            for changed in tuple(self._listeners):
                changed()

    def _close(self, member: str) -> None:
        """Who has left is not let in from this moment, and an id that is given anew later inherits nothing."""
        if member not in self.leaving:
            self.leaving.add(member)
            task = asyncio.create_task(self._close_account(member), name="closing an account")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _close_account(self, member: str) -> None:
        secret = self.state.passwords.get(member, "")
        while True:
            try:
                await self.submit(c.CloseAccount(member), HUB)
                break
            except (Refused, LogFaulty):
                await self._clock.sleep(CLOSE_AGAIN)
        if secret:
            self._on_closed(secret)
        self.leaving.discard(member)
