"""The one writer of a log: orders, decides, commits in groups, and only then answers.

Two things come in. A **command** is decided against its aggregate's state and answered when its facts are durable. A
**record** is a fact that has already happened (an observation, a linkage that ran): nobody waits for it.

Commits are grouped: while one is under way the next is made up, as large as will end within 100 ms. Records alone wait
a moment for company, so that a quiet home does not wear out its storage.

When a commit fails, nothing of it is in the log: its commands, and all that wait behind them, are refused; the states
they touched are dropped and read again; its records are held, within a bound, and tried again. No answer, and no
refusal either, is given on the strength of a fact that is not durable.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from setaria.facts.aggregates import Aggregates
from setaria.facts.clock import DAY, Clock
from setaria.facts.decider import Answer, Asked, Command, Decider
from setaria.facts.fact import Actor, Fact
from setaria.facts.ids import IdSource
from setaria.facts.kinds import Body
from setaria.facts.lane import Lane, Waiting
from setaria.facts.log import Cursor, Log, LogFaulty, partition_of, start
from setaria.facts.refused import Refused

ANSWERS_KEPT: Final = 7 * DAY
LONGEST_COMMAND_ID: Final = 200

logger = logging.getLogger(__name__)
Listener = Callable[[Sequence[Fact], Cursor], None]


class Writer:
    """Partitions that this process owns each have a lane; facts of one aggregate go through one lane."""

    def __init__(
        self, log: Log, clock: Clock, ids: IdSource, deciders: Sequence[Decider[Any]] = (), household: str = ""
    ) -> None:
        self._log = log
        self._clock = clock
        self._ids = ids
        self.household = household
        self._by_command = {command: decider for decider in deciders for command in decider.commands}
        by_key = {first: decider for decider in deciders for first in decider.aggregates}
        self._listeners: list[Listener] = []
        self._cursor: Cursor | None = None
        self._lanes = {p: Lane(p, log, clock, ids, Aggregates(log, by_key), self._publish) for p in log.owned}

        self._only_lane = self._lanes[0] if log.partitions == 1 else None

    def start(self) -> None:
        for lane in self._lanes.values():
            lane.start()

    async def stop(self) -> None:
        """Commit what is waiting, then end. Records that cannot be committed are counted in `lost`."""
        for lane in self._lanes.values():
            await lane.stop()

    @property
    def lost(self) -> int:
        return sum(lane.lost for lane in self._lanes.values())

    @property
    def held(self) -> int:
        """Facts that are not durable yet."""
        return sum(lane.held for lane in self._lanes.values())

    @property
    def faulty(self) -> Refused | None:
        """Why the last commit failed, until one succeeds."""
        return next((lane.faulty for lane in self._lanes.values() if lane.faulty), None)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` called with each batch once it is durable, in order, and the cursor after it; the result
        undoes it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def record(self, aggregate: str, body: Body, actor: Actor, time: int | None = None) -> Fact:
        """Add a fact that has happened. Returns it at once; durable within 100 ms on a healthy log."""
        if time is None:
            time = self._clock.now()
        fact = Fact(self._ids.next(time), time, aggregate, self.household, actor, body, body.amount())
        (self._only_lane or self._lane(aggregate)).record(fact)
        return fact

    async def submit(self, command: Command, actor: Actor, command_id: str = "", *, derived: bool = False) -> Answer:
        """Decide, commit, answer. The same `command_id` gives the same answer again, for 7 days; for ever if `derived`.

        Raises Refused: what the decider refused, or log_busy, log_full and the like when the log cannot take it.
        """
        if len(command_id) > LONGEST_COMMAND_ID:
            raise Refused("command_id_too_long", longest=LONGEST_COMMAND_ID)
        now = self._clock.now()
        aggregate = self._by_command[type(command)].aggregate_of(command)
        asked = Asked(command, actor, now, self.household, command_id)
        keep = -1 if not command_id else 0 if derived else now + ANSWERS_KEPT
        waiting = Waiting(aggregate, asked, asyncio.get_running_loop().create_future(), keep)
        self._lane(aggregate).submit(waiting)
        return await waiting.answer

    async def flush(self) -> None:
        """Wait until all that was recorded before is durable. Raises LogFaulty when it cannot be."""
        await asyncio.gather(*(lane.flush() for lane in self._lanes.values()))

    async def _publish(self, partition: int, seq: int, facts: Sequence[Fact]) -> None:
        if self._cursor is None:
            try:
                head = await self._log.head()
            except (LogFaulty, Refused):
                head = start(self._log.partitions)  # readers that go on from it see some facts twice, and none never
            self._cursor = self._cursor or head  # another lane may have come first
        self._cursor = self._cursor.moved(partition, max(seq, self._cursor.seqs[partition]))
        for listener in tuple(self._listeners):
            try:
                listener(facts, self._cursor)
            except Exception:
                logger.exception("a listener of the writer failed")

    def _lane(self, aggregate: str) -> Lane:
        lane = self._lanes.get(partition_of(aggregate, self._log.partitions) if self._log.partitions > 1 else 0)
        if lane is None:
            raise Refused("partition_owned_elsewhere", aggregate=aggregate)
        return lane
