"""Reactors: a fact in the log makes a command of the reactor's own domain.

Delivery is at least once, effect exactly once: the command's id is derived from the fact that caused it, and the cursor
moves only after the answer. A refusal by the domain is an answer; a log that cannot take facts now is waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from setaria.facts.clock import Clock
from setaria.facts.decider import Command
from setaria.facts.fact import Actor, Fact
from setaria.facts.ids import id_text
from setaria.facts.keeping_up import PAUSE_FIRST, PAUSE_LAST, KeepingUp
from setaria.facts.log import Batch, Cursor, Log, LogFaulty, Snapshot, partition_of, start
from setaria.facts.refused import Refused
from setaria.facts.writer import Writer

KEYS_TRIED: Final = 10_000  # of 8 partitions, a handful finds each
FACTS_A_STEP: Final = 500
PASSING: Final = frozenset({"partition_owned_elsewhere", "aggregate_unreadable"})  # and whatever begins with log_


React = Callable[[Fact], Sequence[Command]]


class Reactor:
    """`react` is pure: the same fact always gives the same commands, in the same order."""

    def __init__(self, name: str, log: Log, writer: Writer, clock: Clock, react: React) -> None:
        self.name = name
        self._log = log
        self._writer = writer
        self._clock = clock
        self._react = react
        self._keeping_up = KeepingUp(f"reactor {name}", log, clock, self.catch_up)
        self.refused = 0

    def start(self) -> None:
        self._keeping_up.start()

    async def stop(self) -> None:
        await self._keeping_up.stop()

    async def catch_up(self) -> int:
        """React to all there is; returns how many facts were looked at."""
        cursor = await self._cursor()
        seen = 0
        while stored := await self._log.read(cursor, FACTS_A_STEP):
            for each in stored:
                for number, command in enumerate(self._react(each.fact)):
                    await self._submit(command, f"{self.name}:{id_text(each.fact.id)}:{number}")
                cursor = cursor.moved(each.partition, each.seq)
            await self._keep(cursor)
            seen += len(stored)
        return seen

    async def _submit(self, command: Command, command_id: str) -> None:
        pause = PAUSE_FIRST
        while True:
            try:
                await self._writer.submit(command, Actor(f"reactor/{self.name}", "hub"), command_id, derived=True)
            except Refused as refused:
                if refused.code not in PASSING and not refused.code.startswith("log_"):
                    self.refused += 1
                    return
                await self._clock.sleep(pause)
                pause = min(pause * 2, PAUSE_LAST)
            else:
                return

    @property
    def _key(self) -> str:
        """One that lies in a partition of ours, so that the cursor is read where it was written."""
        names = (f"view/reactor/{self.name}" + f"/{n}" * bool(n) for n in range(KEYS_TRIED))
        return next(
            key for key in names if partition_of(key, self._log.partitions) in self._log.owned or not self._log.owned
        )

    async def _cursor(self) -> Cursor:
        saved, _ = (await self._log.read_aggregates([self._key]))[self._key]
        if saved is None:
            return start(self._log.partitions)
        return Cursor.parse(saved.state.decode(), self._log.partitions)

    async def _keep(self, cursor: Cursor) -> None:
        """Losing the move costs only a repetition, which the derived ids make harmless."""
        snapshot = Snapshot(self._key, 0, "cursor", cursor.token.encode())
        try:
            await self._log.append(partition_of(self._key, self._log.partitions), Batch(snapshots=[snapshot]))
        except LogFaulty:
            return
