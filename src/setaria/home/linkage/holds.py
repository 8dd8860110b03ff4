"""The waits of triggers with `for:`: durable for a linkage's own triggers, passing for those inside a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from setaria.facts.clock import Clock, Timer
from setaria.facts.kinds import Body
from setaria.home import facts as f
from setaria.home.linkage.armed import Armed
from setaria.home.linkage.memory import Memory, hold_key

Record = Callable[[Armed, Body], None]
Firing = Callable[[Armed, int], Callable[[dict[str, Any]], None]]


class Holds:
    """Each hold is a fact when it begins and when it ends."""

    def __init__(self, clock: Clock, memory: Memory, record: Record) -> None:
        self._clock = clock
        self._memory = memory
        self._record = record
        self._timers: dict[str, Timer] = {}

    def remember(self, memory: Memory) -> None:
        self._memory = memory

    def of(self, armed: Armed) -> _DurableHolder:
        return _DurableHolder(self, armed)

    def begin(self, armed: Armed, trigger: int, address: str, held: int, then: Callable[[], None]) -> None:
        due = self._clock.now() + held
        self._record(armed, f.HoldBegan(trigger, address, due))
        self._set(armed, trigger, address, held, then)

    def _set(self, armed: Armed, trigger: int, address: str, after: int, then: Callable[[], None]) -> None:
        key = hold_key(armed.id, trigger, address)

        def due() -> None:
            self._timers.pop(key, None)
            self._record(armed, f.HoldEnded(trigger, address, "fired"))
            then()

        self._timers[key] = self._clock.call_at(self._clock.ticks() + after, due)

    def leave(self, armed: Armed, trigger: int, address: str, how: str = "left") -> None:
        timer = self._timers.pop(hold_key(armed.id, trigger, address), None)
        if timer is not None:
            timer.cancel()
            self._record(armed, f.HoldEnded(trigger, address, how))

    def holds(self, armed: Armed, trigger: int, address: str) -> bool:
        return hold_key(armed.id, trigger, address) in self._timers

    def drop(self, armed: Armed, how: str) -> None:
        for hold in [each for each in self._memory.holds.values() if each.linkage == armed.id]:
            self.leave(armed, hold.trigger, hold.address, how)

    def resume(self, armed: Mapping[str, Armed], firing: Firing) -> None:
        """Take up the holds that a restart interrupted; those that fell due meanwhile as `missed` says."""
        now = self._clock.now()
        for key, hold in list(self._memory.holds.items()):
            linkage = armed.get(hold.linkage)
            if linkage is None or hold.trigger >= len(linkage.rule.triggers):
                self._memory.holds.pop(key)
                continue
            if key in self._timers:
                continue
            fire = firing(linkage, hold.trigger)
            told = {
                "platform": "state",
                "id": linkage.rule.triggers[hold.trigger].id,
                "entity_id": hold.address,
                "from": None,
                "to": None,
                "resumed": True,
            }
            late = now - hold.due
            missed = linkage.rule.missed
            within = missed.within if missed is not None else -1
            if late > 0 and 0 <= within < late:
                self._record(linkage, f.HoldEnded(hold.trigger, hold.address, "missed"))
            else:
                self._set(linkage, hold.trigger, hold.address, max(0, -late), _telling(fire, told))

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()


def _telling(fire: Callable[[dict[str, Any]], None], told: dict[str, Any]) -> Callable[[], None]:
    return lambda: fire(told)


class _DurableHolder:
    __slots__ = ("_armed", "_holds")

    def __init__(self, holds: Holds, armed: Armed) -> None:
        self._holds = holds
        self._armed = armed

    def begin(self, trigger: int, address: str, held: int, then: Callable[[], None]) -> None:
        self._holds.begin(self._armed, trigger, address, held, then)

    def leave(self, trigger: int, address: str) -> None:
        self._holds.leave(self._armed, trigger, address)

    def holds(self, trigger: int, address: str) -> bool:
        return self._holds.holds(self._armed, trigger, address)


class LocalHolder:
    """For a wait inside a run: begun anew after a restart."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._timers: dict[tuple[int, str], Timer] = {}

    def begin(self, trigger: int, address: str, held: int, then: Callable[[], None]) -> None:
        key = (trigger, address)

        def due() -> None:
            self._timers.pop(key, None)
            then()

        self._timers[key] = self._clock.call_at(self._clock.ticks() + held, due)

    def leave(self, trigger: int, address: str) -> None:
        timer = self._timers.pop((trigger, address), None)
        if timer is not None:
            timer.cancel()

    def holds(self, trigger: int, address: str) -> bool:
        return (trigger, address) in self._timers

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
