"""From `home.notified` to people, at least once.

What has been read of the log and what still waits for its target are kept together, in one snapshot: after a restart
nothing is lost, and only what was sent in the last moment is sent twice, under the same id. Each target has a lane of
its own, so that one that is down holds up no other. A message that is an hour old is news no more: it is noted as
undelivered, in the log, and not sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from setaria.facts.clock import HOUR, MINUTE, SECOND, Clock, Timer
from setaria.facts.fact import HUB, Fact
from setaria.facts.ids import id_text
from setaria.facts.keeping_up import KeepingUp
from setaria.facts.log import Batch, Cursor, Log, LogFaulty, Snapshot
from setaria.facts.refused import Refused
from setaria.facts.writer import Writer
from setaria.home.facts import Notified
from setaria.home.home import Home
from setaria.home.notifying.decide import RemoveNotifier
from setaria.home.notifying.facts import NotificationsUndelivered
from setaria.home.notifying.state import Known, Notifiers
from setaria.home.ports import Done, Notification, Notifier, Outcome, Unreachable
from setaria.home.structure import Member
from setaria.rights import Role
from setaria.words import say

LATE: Final = HOUR
MOST_A_MINUTE: Final = 30  # of one member; then one that sums up the rest
MOST_WAITING: Final = 100  # for one target
AT_ONCE: Final = 8
PAUSES: Final = tuple(seconds * SECOND for seconds in (5, 15, 60, 300, 900))  # the last again and again
SEND_WITHIN: Final = 90.0  # seconds: above what any notifier takes by itself
FACTS_A_STEP: Final = 500
LONGEST_TITLE: Final = 200
LONGEST_MESSAGE: Final = 4_000
KEY: Final = "view/notifications"
FORM: Final = "notifications/1"

logger = logging.getLogger(__name__)


class Waiting(msgspec.Struct, frozen=True, array_like=True):
    notifier: str
    member: str
    notification: Notification


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """`failing` is, by notifier, the refusal that the last attempt ended with."""

    cursor: str
    waiting: list[Waiting]
    failing: dict[str, tuple[str, dict[str, str | int]]]


class Delivery:
    def __init__(
        self,
        home: Home,
        state: Notifiers,
        log: Log,
        writer: Writer,
        clock: Clock,
        make: Callable[[Known], Notifier],
    ) -> None:
        self._home = home
        self._state = state
        self._log = log
        self._writer = writer
        self._clock = clock
        self._make = make
        self._keeping_up = KeepingUp("notifications", log, clock, self.catch_up)
        self._cursor: Cursor | None = None
        self._lanes: dict[str, deque[Waiting]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._sending = asyncio.Semaphore(AT_ONCE)
        self._rates: dict[str, _Rate] = {}
        self._saving = asyncio.Lock()
        self._unsaved = False
        self.failing: dict[str, Refused] = {}

    def start(self) -> None:
        self._keeping_up.start()

    async def stop(self) -> None:
        """What waits is kept; what was held back in this minute is noted now."""
        await self._keeping_up.stop()
        for rate in self._rates.values():
            self._sum_up(rate, send=False)
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._running.clear()
        if self._cursor is not None:
            await self._save()

    async def catch_up(self) -> int:
        """Take in all that the log holds beyond the cursor. Raises LogFaulty, Refused as it does."""
        if self._cursor is None:
            await self._load()
        assert self._cursor is not None
        seen = 0
        while stored := await self._log.read(self._cursor, FACTS_A_STEP):
            for each in stored:
                if isinstance(each.fact.body, Notified):
                    self._take(each.fact, each.fact.body)
                    self._unsaved = True
                self._cursor = self._cursor.moved(each.partition, each.seq)
            seen += len(stored)
            if self._unsaved:
                await self._save()
        return seen

    async def test(self, known: Known, id_: str) -> Outcome:
        """One attempt, now. Raises Refused("notifier_busy")."""
        if not self._rate(known.member).take(self._clock.ticks()):
            raise Refused("notifier_busy", most=MOST_A_MINUTE)
        language = self._language(self._home.structure.members.get(known.member))
        title, message = say("notifiers.test.title", language), say("notifiers.test.message", language, name=known.name)
        outcome = await self._attempt(known, self._notification(id_, self._clock.now(), title, message))
        self._judge(known.id, outcome)
        return outcome

    def forget(self, notifier: str) -> None:
        """It has been removed."""
        self.failing.pop(notifier, None)
        self._lanes.pop(notifier, None)
        if (task := self._running.pop(notifier, None)) is not None and task is not asyncio.current_task():
            task.cancel()

    # Taking in.

    async def _load(self) -> None:
        """A home that is new to this begins with what is said from now on."""
        (saved, _) = (await self._log.read_aggregates([KEY]))[KEY]
        if saved is None or saved.form != FORM:
            self._cursor = await self._log.head()
            self._unsaved = True
            await self._save()
            return
        kept = msgspec.msgpack.decode(saved.state, type=_Kept)
        self._cursor = Cursor.parse(kept.cursor, self._log.partitions)
        self.failing = {
            notifier: Refused(code, **details)
            for notifier, (code, details) in kept.failing.items()
            if notifier in self._state.known
        }
        for each in kept.waiting:
            self._enqueue(each)

    def _take(self, fact: Fact, body: Notified) -> None:
        late = self._clock.now() - fact.time > LATE
        said = self._notification(id_text(fact.id), fact.time, body.title, body.message)
        for member in self._people(body.to):
            targets = self._state.of(member)
            if late:
                for each in targets:
                    self._note(each.id, member, "late", said.id)
            elif targets and self._allowed(member, said):
                for each in targets:
                    self._enqueue(Waiting(each.id, member, said))

    def _people(self, to: tuple[str, ...]) -> list[str]:
        """Whom it concerns; everybody who lives here unless somebody is named."""
        now = self._clock.now()
        members = [each for each in self._home.structure.members.values() if not each.until or now < each.until]
        if to:
            return [each.id for each in members if each.id in to]
        return [each.id for each in members if each.role != Role.GUEST]

    def _allowed(self, member: str, said: Notification) -> bool:
        rate = self._rate(member)
        now = self._clock.ticks()
        if rate.take(now):
            return True
        rate.held += 1
        if rate.timer is None:
            rate.first = said.id
            rate.timer = self._clock.call_at(now + MINUTE, lambda: self._sum_up(rate, send=True))
        return False

    def _rate(self, member: str) -> _Rate:
        return self._rates.setdefault(member, _Rate(member))

    def _sum_up(self, rate: _Rate, *, send: bool) -> None:
        if rate.timer is None:
            return
        rate.timer.cancel()
        held, rate.held, rate.timer = rate.held, 0, None
        self._note("", rate.member, "too_many", rate.first, held)
        if not send:
            return
        language = self._language(self._home.structure.members.get(rate.member))
        message = say("notifiers.held_back", language, count=held)
        said = self._notification(f"{rate.first}-more", self._clock.now(), "", message)
        self._unsaved = True
        for each in self._state.of(rate.member):
            self._enqueue(Waiting(each.id, rate.member, said))

    def _notification(self, id_: str, at: int, title: str, message: str) -> Notification:
        name = self._home.structure.household.name
        return Notification(id_, at, title[:LONGEST_TITLE], message[:LONGEST_MESSAGE], name)

    def _language(self, member: Member | None) -> str:
        return (member.language if member is not None else "") or self._home.structure.household.language

    # Sending.

    def _enqueue(self, waiting: Waiting) -> None:
        lane = self._lanes.setdefault(waiting.notifier, deque())
        if len(lane) >= MOST_WAITING:  # the oldest that is not under way goes
            dropped = lane[1]
            del lane[1]
            self._note(dropped.notifier, dropped.member, "full", dropped.notification.id)
        lane.append(waiting)
        if waiting.notifier not in self._running:
            self._running[waiting.notifier] = asyncio.create_task(self._run(waiting.notifier), name="notifier")

    async def _run(self, notifier: str) -> None:
        """One lane, in order, until it is empty."""
        tries = 0
        try:
            while lane := self._lanes.get(notifier):
                waiting = lane[0]
                known = self._state.known.get(notifier)
                if known is None:
                    return
                if self._clock.now() - waiting.notification.at > LATE:
                    self._note(notifier, waiting.member, "late", waiting.notification.id)
                    outcome: Outcome = Done()
                else:
                    outcome = await self._attempt(known, waiting.notification)
                    self._judge(notifier, outcome)
                if isinstance(outcome, Unreachable):
                    await self._clock.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
                    tries += 1
                    continue
                if isinstance(outcome, Refused):
                    self._note(notifier, waiting.member, "refused", waiting.notification.id)
                tries = 0
                if lane and lane[0] is waiting:
                    lane.popleft()
                self._unsaved = True
                if isinstance(outcome, Refused) and outcome.code == "notifier_gone":
                    await self._gone(notifier)
                    return
                await self._save()
        finally:
            if self._running.get(notifier) is asyncio.current_task():
                del self._running[notifier]
                if not self._lanes.get(notifier):
                    self._lanes.pop(notifier, None)

    async def _attempt(self, known: Known, notification: Notification) -> Outcome:
        try:
            notifier = self._make(known)
            async with self._sending, asyncio.timeout(SEND_WITHIN):
                return await notifier.send(notification)
        except TimeoutError:
            return Unreachable("timeout")
        except Refused as refused:
            return refused
        except Exception:  # one notifier's fault must not keep the others from sending
            logger.exception("notifier %s", known.id)
            return Unreachable("fault")

    def _judge(self, notifier: str, outcome: Outcome) -> None:
        before = self.failing.get(notifier)
        if isinstance(outcome, Done):
            self.failing.pop(notifier, None)
        elif isinstance(outcome, Unreachable):
            self.failing[notifier] = Refused("notifier_unreachable", why=outcome.reason)
        else:
            self.failing[notifier] = outcome
        self._unsaved = self._unsaved or self.failing.get(notifier) != before

    async def _gone(self, notifier: str) -> None:
        try:
            answer = await self._writer.submit(RemoveNotifier(notifier, "gone"), HUB)
        except Refused:  # somebody was quicker; or the log is full: then the next message will find it gone again
            return
        assert answer.facts

    def _note(self, notifier: str, member: str, reason: str, first: str, count: int = 1) -> None:
        body = NotificationsUndelivered(notifier, member, reason, first, count)
        self._writer.record(f"notifier/{notifier or member}", body, HUB)

    async def _save(self) -> None:
        """Losing it costs a repetition. Many that ask at once share one."""
        self._unsaved = True
        async with self._saving:
            if not self._unsaved or self._cursor is None:
                return
            self._unsaved = False
            waiting = [each for lane in self._lanes.values() for each in lane]
            failing = {notifier: (each.code, each.details) for notifier, each in self.failing.items()}
            state = msgspec.msgpack.encode((self._cursor.token, waiting, failing))
            try:
                await self._log.append(0, Batch(snapshots=[Snapshot(KEY, 0, FORM, state)]))
            except (LogFaulty, Refused):
                self._unsaved = True


class _Rate:
    """How much one member was told within a minute; `held` back since then."""

    def __init__(self, member: str) -> None:
        self.member = member
        self.held = 0
        self.first = ""
        self.timer: Timer | None = None
        self._taken: deque[int] = deque(maxlen=MOST_A_MINUTE)

    def take(self, now: int) -> bool:
        if len(self._taken) == MOST_A_MINUTE and now - self._taken[0] < MINUTE:
            return False
        self._taken.append(now)
        return True
