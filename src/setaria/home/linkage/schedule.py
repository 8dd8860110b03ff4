"""Triggers bound to the clock and the sun: one timer for all of them, and what a jump of the clock means.

Timers bound to the date wait while the clock is not trusted. When it jumps forward, what was passed over counts as
missed; when it jumps back by up to an hour, nothing that has fired fires again.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final

from setaria.facts.clock import HOUR, SECOND, Timer
from setaria.home.linkage import rule as r
from setaria.home.linkage.armed import Armed
from setaria.home.linkage.memory import Memory
from setaria.home.linkage.occurrences import is_time, last_due, next_due
from setaria.home.linkage.world import World

LONGEST_SLEEP: Final = 30 * SECOND  # how soon a jump of the clock is noticed
JUMP: Final = 2 * SECOND
LATE: Final = 5 * SECOND  # a due later than this was missed, not met

Fire = Callable[[Armed, dict[str, Any]], None]
Decline = Callable[[Armed, str, dict[str, Any], tuple[tuple[Any, ...], ...]], None]


class _Entry:
    __slots__ = ("armed", "number", "once", "trigger")

    def __init__(
        self, armed: Armed | None, number: int, trigger: r.Trigger, once: Callable[[dict[str, Any]], None] | None
    ) -> None:
        self.armed = armed
        self.number = number
        self.trigger = trigger
        self.once = once


class Schedule:
    def __init__(self, world: World, memory: Memory, fire: Fire, decline: Decline) -> None:
        self._world = world
        self._memory = memory
        self._fire = fire
        self._decline = decline
        self._order = itertools.count()
        self._dues: list[tuple[int, int, _Entry]] = []
        self._entries: dict[_Entry, None] = {}  # in the order they came
        self._timer: Timer | None = None
        self._seen: tuple[int, int] | None = None  # (now, ticks) at the last look
        self._trusted = False  # whether the clock ever was

    def remember(self, memory: Memory) -> None:
        self._memory = memory

    def add(self, armed: Armed, number: int, trigger: r.Trigger) -> None:
        if is_time(trigger):
            self._enter(_Entry(armed, number, trigger, None))

    def once(self, trigger: r.Trigger, fired: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """For a wait inside a run; the result undoes it."""
        entry = _Entry(None, 0, trigger, fired)
        if is_time(trigger):
            self._enter(entry)
        return lambda: self._entries.pop(entry, None)

    def remove(self, armed: Armed) -> None:
        for entry in [each for each in self._entries if each.armed is armed]:
            del self._entries[entry]

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._entries.clear()
        self._dues.clear()

    def reckon(self) -> None:
        """The place or its zone may be others now. What is due at this moment is met first."""
        now = self._world.clock.now()
        if self._trusted and self._world.clock.trusted():
            self._meet(now)
            self._anew(now)
            self._sleep()

    def catch_up(self, alive: int) -> None:
        """After a start: a due that passed while the hub was off is run if its linkage says so.

        `alive` is when the hub is known to have run last: what was due before was met then.
        """
        now = self._world.clock.now()
        for entry in list(self._entries):
            armed = entry.armed
            if armed is None or armed.rule.missed is None or armed.rule.missed.within == 0:
                continue
            due = last_due(entry.trigger, now, self._world)
            before = self._memory.dues.get(f"{armed.id}/{entry.number}", 0)
            if due is not None and due > max(before, alive, armed.saved) and (alive or armed.saved):
                self._missed(entry, armed, due, now)

    def _enter(self, entry: _Entry) -> None:
        self._entries[entry] = None
        self._trusted = self._trusted or self._world.clock.trusted()
        if self._trusted:
            self._push(entry, self._world.clock.now())
        self._sleep()

    def _push(self, entry: _Entry, after: int) -> None:
        if len(self._dues) > 2 * len(self._entries) + 64:
            self._dues = [each for each in self._dues if each[2] in self._entries]
            heapq.heapify(self._dues)
        due = next_due(entry.trigger, after, self._world)
        if due is not None:
            heapq.heappush(self._dues, (due, next(self._order), entry))

    def _sleep(self) -> None:
        clock = self._world.clock
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if not self._entries:
            return
        now = clock.now()
        self._seen = self._seen or (now, clock.ticks())
        wait = LONGEST_SLEEP
        if not clock.trusted():
            wait = SECOND
        elif self._dues:
            wait = min(LONGEST_SLEEP, max(0, self._dues[0][0] - now))
        self._timer = clock.call_at(clock.ticks() + wait, self._look)

    def _look(self) -> None:
        self._timer = None
        clock = self._world.clock
        now = clock.now()
        if clock.trusted():
            if not self._trusted:
                self._trusted = True
                self._anew(now)
            elif self._seen is not None and abs(now - self._seen[0] - (clock.ticks() - self._seen[1])) > JUMP:
                self._jumped(now)
            self._meet(now)
        self._seen = (now, clock.ticks())
        self._sleep()

    def _meet(self, now: int) -> None:
        while self._dues and self._dues[0][0] <= now:
            due, _, entry = heapq.heappop(self._dues)
            if entry not in self._entries:
                continue
            armed = entry.armed
            if armed is None:
                del self._entries[entry]
                assert entry.once is not None
                entry.once(_told(entry, due))
                continue
            self._push(entry, max(due, now))
            if now - due > LATE:
                self._missed(entry, armed, due, now)
            else:
                self._fire(armed, _told(entry, due))

    def _missed(self, entry: _Entry, armed: Armed, due: int, now: int) -> None:
        missed = armed.rule.missed
        within = 0 if missed is None else missed.within
        told = _told(entry, due)
        if within < 0 or now - due <= within:
            self._fire(armed, told)
        else:
            self._decline(armed, "missed", told, ())

    def _jumped(self, now: int) -> None:
        """Reckon every due anew: those that a jump forward passed over stay due, as missed."""
        self._anew(now, [each for each in self._dues if each[0] <= now and each[2] in self._entries])

    def _anew(self, now: int, passed: Sequence[tuple[int, int, _Entry]] = ()) -> None:
        self._dues = list(passed)
        heapq.heapify(self._dues)
        kept = {id(entry) for _, _, entry in passed}
        for entry in self._entries:
            if id(entry) in kept:
                continue
            after = now
            if entry.armed is not None:
                fired = self._memory.dues.get(f"{entry.armed.id}/{entry.number}", 0)
                if now < fired < now + HOUR:
                    after = fired
            self._push(entry, after)


def _told(entry: _Entry, due: int) -> dict[str, Any]:
    platform = {r.TimeTrigger: "time", r.SunTrigger: "sun", r.PatternTrigger: "time_pattern"}[type(entry.trigger)]
    told: dict[str, Any] = {"platform": platform, "id": entry.trigger.id, "number": entry.number, "due": due}
    if isinstance(entry.trigger, r.SunTrigger):
        told["event"] = entry.trigger.event
    return told
