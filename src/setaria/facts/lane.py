"""A lane of the writer: one partition's queue, its states, and its commits, one after another."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from setaria.facts.aggregates import Aggregates
from setaria.facts.clock import MILLISECOND, SECOND, Clock
from setaria.facts.decider import Answer, Asked, freeze_answer, thaw_answer
from setaria.facts.fact import Fact, is_reading, to_row
from setaria.facts.ids import IdSource
from setaria.facts.log import Batch, Log, LogFaulty, SavedAnswer
from setaria.facts.refused import Refused

MOST_COMMANDS: Final = 4_096
MOST_RECORDS: Final = 200_000
RECORDS_LINGER: Final = 20 * MILLISECOND
LONGEST_COMMIT: Final = 100 * MILLISECOND
SMALLEST_BATCH: Final = 128
LARGEST_BATCH: Final = 8_192
RETRY_FIRST: Final = SECOND
RETRY_LAST: Final = 30 * SECOND
TRIES_WHEN_CLOSING: Final = 2

logger = logging.getLogger(__name__)
Publish = Callable[[int, int, Sequence[Fact]], Awaitable[None]]
"""Told the partition, the last seq and the facts of each batch once it is durable."""


class Waiting:
    __slots__ = ("aggregate", "answer", "asked", "keep")

    def __init__(self, aggregate: str, asked: Asked, answer: asyncio.Future[Answer], keep: int) -> None:
        self.aggregate = aggregate
        self.asked = asked
        self.answer = answer
        self.keep = keep  # when the saved answer expires, 0 for never, -1 for not saved

    def refuse(self, refused: Refused) -> None:
        if not self.answer.done():
            self.answer.set_exception(refused)


class _Made:
    """A batch made up and not yet committed.

    `touched` are the aggregates whose state at hand contains its facts; `unheld` those with facts in it and no state at
    hand, which therefore must not be read back before it is committed.
    """

    __slots__ = ("answered", "batch", "records", "refusals", "touched", "unheld")

    def __init__(self) -> None:
        self.batch = Batch(facts=[], answers=[], snapshots=[])
        self.answered: list[tuple[Waiting, Answer]] = []
        self.refusals: list[tuple[Waiting, Refused]] = []
        self.records: list[Fact] = []
        self.touched: set[str] = set()
        self.unheld: set[str] = set()


class Lane:
    def __init__(
        self, partition: int, log: Log, clock: Clock, ids: IdSource, aggregates: Aggregates, publish: Publish
    ) -> None:
        self._partition = partition
        self._log = log
        self._clock = clock
        self._ids = ids
        self._aggregates = aggregates
        self._publish = publish
        self._queue: deque[Fact | Waiting] = deque()
        self._commands = 0
        self._awake = asyncio.Event()
        self._durable = asyncio.Condition()
        self._urgent = False
        self._flushing = 0
        self._closing = False
        self._largest = 1_024
        self._retry = 0
        self._attempts = 0
        self._failed_closing = 0
        self._committing: asyncio.Task[bool] | None = None
        self._task: asyncio.Task[None] | None = None
        self._making = _Made()
        self._under_way = _Made()
        self.lost = 0
        self.faulty: Refused | None = None

    @property
    def held(self) -> int:
        return len(self._queue) - self._commands + len(self._making.records) + len(self._under_way.batch.facts)

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"writer {self._partition}")

    async def stop(self) -> None:
        self._closing = True
        self._urgent = True
        self._awake.set()
        if self._task is not None:
            await self._task
        self.lost += self.held
        self._queue.clear()

    def record(self, fact: Fact) -> None:
        if self._closing and (self._task is None or self._task.done()):
            self.lost += 1
            return
        if len(self._queue) >= MOST_RECORDS:
            self._make_room()
        self._queue.append(fact)
        if not self._awake.is_set():
            self._awake.set()

    def submit(self, waiting: Waiting) -> None:
        if self._closing:
            raise Refused("log_closing")
        if self._commands >= MOST_COMMANDS:
            raise Refused("log_busy", most=MOST_COMMANDS)
        self._queue.append(waiting)
        self._commands += 1
        self._urgent = True
        self._awake.set()

    async def flush(self) -> None:
        if self._task is None or self._task.done():
            if self.held:
                raise LogFaulty(self.faulty or Refused("log_closing"))
            return
        self._urgent = True
        self._awake.set()
        before = self._attempts
        self._flushing += 1
        try:
            async with self._durable:
                await self._durable.wait_for(
                    lambda: not (self._queue or self.held) or (self.faulty is not None and self._attempts > before)
                )
        finally:
            self._flushing -= 1
        if self.faulty is not None and (self._queue or self.held):
            raise LogFaulty(self.faulty)

    def _make_room(self) -> None:
        """The log has been failing for long: give up the oldest readings, else the oldest records, some at a time."""
        most = max(1, MOST_RECORDS // 64)
        records = [each for each in self._queue if isinstance(each, Fact)]
        readings = [each for each in records if is_reading(each)]
        given_up = {id(each) for each in (readings or records)[:most]}
        self._queue = deque(each for each in self._queue if id(each) not in given_up)
        self.lost += len(given_up)

    async def _run(self) -> None:
        while True:
            await self._wait_for_work()
            if self._committing is not None and self._committing.done():
                self._committing = None  # a failure has been dealt with, and is over
            if not self._queue:
                await self._last_commit()
                if not self._queue:
                    return
            if self._failed_closing >= TRIES_WHEN_CLOSING:
                return
            made = await self._make()
            if not await self._last_commit():
                self._undo(made, self._why)
                continue
            self._under_way, self._making = made, _Made()
            self._committing = asyncio.create_task(self._commit(made))

    @property
    def _why(self) -> Refused:
        return self.faulty or Refused("log_faulty", why="")

    async def _last_commit(self) -> bool:
        """Wait for the commit under way; False when it failed."""
        if self._committing is None:
            return True
        committing, self._committing = self._committing, None
        return await committing

    async def _wait_for_work(self) -> None:
        while not self._queue and not self._closing:
            self._awake.clear()
            await self._awake.wait()
        if self._urgent or self._closing:
            return
        if self.faulty is not None:
            await self._pause(self._retry)
        elif len(self._queue) < self._largest // 2:
            await self._pause(RECORDS_LINGER)

    async def _pause(self, microseconds: int) -> None:
        """Sleep, but not through a command, nor while a whole batch is waiting."""
        until = self._clock.ticks() + microseconds
        timer = self._clock.call_at(until, self._awake.set)
        while not self._urgent and not self._closing and self._clock.ticks() < until:
            self._awake.clear()
            await self._awake.wait()
            if len(self._queue) >= self._largest and self.faulty is None:
                break
        timer.cancel()

    async def _make(self) -> _Made:
        """Take what fits into one commit and decide it."""
        taken = [self._queue.popleft() for _ in range(min(len(self._queue), self._largest))]
        waiting = [each for each in taken if type(each) is Waiting]
        self._commands -= len(waiting)
        self._urgent = self._commands > 0 or self._flushing > 0
        made = self._making
        made.records = [each for each in taken if type(each) is Fact]
        saved = await self._prepare(waiting) if waiting else {}
        if self._committing is not None and self._committing.done() and not self._committing.result():
            for command in waiting:  # its facts were in the states at hand
                command.refuse(self._why)
            return made
        stateful, kept = self._aggregates.stateful, made.batch.facts.append
        for each in taken:
            if type(each) is Fact:
                kept(each)
                if each.aggregate.startswith(stateful):
                    self._take(each, made)
            elif isinstance(each, Waiting) and not each.answer.done():
                self._decide(each, made, saved)
        made.batch.snapshots = self._aggregates.snapshots(made.touched)
        return made

    async def _prepare(self, waiting: list[Waiting]) -> dict[str, Answer]:
        """Have the states at hand, and the answers given before. What cannot be read refuses the commands."""
        under_way = self._under_way  # as of now: once committed it is another, and the log was asked too early
        on_their_way = {each.asked.id: answer for each, answer in under_way.answered if each.keep >= 0}
        keys = {each.aggregate for each in waiting}
        commands = [each.asked.id for each in waiting if each.keep >= 0]
        try:
            if self._committing is not None and not keys.isdisjoint(under_way.unheld):
                await asyncio.wait({self._committing})
            await self._aggregates.load(keys, pinned=under_way.touched)
            known = await self._log.answers(commands) if commands else {}
            return on_their_way | {command: thaw_answer(frozen) for command, frozen in known.items()}
        except (LogFaulty, Refused) as error:
            for each in waiting:
                each.refuse(error.refusal if isinstance(error, LogFaulty) else error)
            return {}

    def _take(self, fact: Fact, made: _Made) -> None:
        """A record of an aggregate with a decider changes its state as well."""
        if is_reading(fact):
            return
        if self._aggregates.holds(fact.aggregate):
            self._evolve(fact.aggregate, (fact,), made)
        else:
            made.unheld.add(fact.aggregate)

    def _decide(self, waiting: Waiting, made: _Made, saved: dict[str, Answer]) -> None:
        asked = waiting.asked
        before = saved.get(asked.id) if waiting.keep >= 0 else None
        if before is not None:
            made.answered.append((waiting, before))
            return
        key = waiting.aggregate
        if not self._aggregates.holds(key):
            waiting.refuse(Refused("aggregate_unreadable", aggregate=key))
            return
        try:
            bodies = self._aggregates.decider(key).decide(self._aggregates.state(key), asked)
            answer = Answer(
                tuple(
                    Fact(self._ids.next(), asked.at, key, asked.household, asked.actor, body, body.amount())
                    for body in bodies
                )
            )
            frozen = freeze_answer(answer)  # also sees that each fact fits
        except Refused as refused:
            self._refuse(waiting, refused, made)
            return
        except Exception:
            logger.exception("deciding %s on %s", type(asked.command).__name__, key)
            self._refuse(waiting, Refused("command_faulty", command=type(asked.command).__name__), made)
            return
        if not self._evolve(key, answer.facts, made):
            waiting.refuse(Refused("command_faulty", command=type(asked.command).__name__))
            return
        made.batch.facts.extend(answer.facts)
        made.answered.append((waiting, answer))
        if waiting.keep >= 0:
            saved[asked.id] = answer
            made.batch.answers.append(SavedAnswer(asked.id, frozen, waiting.keep))

    def _refuse(self, waiting: Waiting, refused: Refused, made: _Made) -> None:
        """At once, unless the refusal may rest on facts that are still on their way."""
        if waiting.aggregate in made.touched or waiting.aggregate in self._under_way.touched:
            made.refusals.append((waiting, refused))
        else:
            waiting.refuse(refused)

    def _evolve(self, key: str, facts: Sequence[Fact], made: _Made) -> bool:
        try:
            self._aggregates.evolve(key, facts)
        except Exception:
            logger.exception("the state of %s does not take its facts", key)
            self._aggregates.drop((key,))
            made.touched.discard(key)
            made.unheld.add(key)
            return False
        made.touched.add(key)
        return True

    async def _commit(self, made: _Made) -> bool:
        began = self._clock.ticks()
        last = 0
        try:
            if made.batch.facts or made.batch.answers:
                last = await self._append(made)
        except Exception as error:
            self._fail(made, error)
            await self._tell()
            return False
        self._attempts += 1
        self.faulty, self._retry = None, 0
        self._adapt(len(made.batch.facts), self._clock.ticks() - began)
        self._under_way = _Made()
        for waiting, answer in made.answered:
            if not waiting.answer.done():
                waiting.answer.set_result(answer)
        for waiting, refused in made.refusals:
            waiting.refuse(refused)
        if made.batch.facts:
            await self._publish(self._partition, last, made.batch.facts)
        await self._tell()
        return True

    async def _append(self, made: _Made) -> int:
        """A record too large for the log is left out; nobody waits for it, and the others must not suffer."""
        try:
            return await self._log.append(self._partition, made.batch)
        except Refused as refused:
            if refused.code != "fact_too_large":
                raise
            left_out = {id(fact) for fact in self._too_large(made.records)}
            if any(fact.aggregate in made.touched for fact in made.records if id(fact) in left_out):
                raise
            made.batch.facts = [fact for fact in made.batch.facts if id(fact) not in left_out]
            made.records = [fact for fact in made.records if id(fact) not in left_out]
            self.lost += len(left_out)
            return await self._log.append(self._partition, made.batch)

    def _fail(self, made: _Made, error: Exception) -> None:
        if isinstance(error, LogFaulty):
            self.faulty = error.refusal
        elif isinstance(error, Refused):
            self.faulty = error
        else:
            logger.error("the log failed", exc_info=error)
            self.faulty = Refused("log_faulty", why=f"{type(error).__name__}: {error}")
        self._attempts += 1
        self._failed_closing += self._closing
        self._retry = min(max(RETRY_FIRST, self._retry * 2), RETRY_LAST)
        self._undo(made, self.faulty)

    def _undo(self, made: _Made, why: Refused) -> None:
        """Nothing of this batch, nor of what waits behind it, has happened; the records have, and are held."""
        self._aggregates.drop(made.touched)
        queued = [each for each in self._queue if isinstance(each, Waiting)]
        for waiting in [*(each for each, _ in made.answered), *(each for each, _ in made.refusals), *queued]:
            waiting.refuse(why)
        held = [*made.records, *(each for each in self._queue if isinstance(each, Fact))]
        if why.code == "fact_too_large":
            left_out = {id(fact) for fact in self._too_large(held)}
            held = [fact for fact in held if id(fact) not in left_out]
            self.lost += len(left_out)
        held.sort(key=lambda fact: fact.id)
        self._queue = deque(held)
        self._commands = 0
        self._urgent = False
        if made is self._under_way:
            self._under_way = _Made()
        else:
            self._making = _Made()
        self._awake.set()

    @staticmethod
    def _too_large(facts: Sequence[Fact]) -> list[Fact]:
        found = []
        for fact in facts:
            try:
                to_row(fact)
            except Refused:
                found.append(fact)
        return found

    async def _tell(self) -> None:
        async with self._durable:
            self._durable.notify_all()

    def _adapt(self, facts: int, took: int) -> None:
        """Keep commits within their 100 ms: grow while there is room, shrink before it is used up."""
        if took > LONGEST_COMMIT // 2:
            self._largest = max(SMALLEST_BATCH, self._largest * 6 // 10)
        elif facts >= self._largest // 2 and took < LONGEST_COMMIT // 4:
            self._largest = min(LARGEST_BATCH, self._largest * 5 // 4)
