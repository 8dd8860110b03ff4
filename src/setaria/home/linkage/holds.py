"""The waits of triggers with `for:`: durable for a linkage's own triggers, passing for those inside a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from setaria.facts.clock import Clock, Timer
from setaria.facts.kinds import Body
from setaria.home import facts as f
from setaria.home.linkage import rule as r
from setaria.home.linkage.armed import Armed
from setaria.home.linkage.memory import Hold, Memory, hold_key
from setaria.home.linkage.watch import holding, told_of
from setaria.home.linkage.world import World
from setaria.home.live import Slot

Record = Callable[[Armed, Body], None]
Firing = Callable[[Armed, int], Callable[[dict[str, Any]], None]]


class Holds:
    """Each hold is a fact when it begins and when it ends."""

    def __init__(self, world: World, memory: Memory, record: Record) -> None:
        self._world = world
        self._clock = world.clock
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
        """That it fired is written after what it set off: a crash between the two repeats, and loses nothing."""
        key = hold_key(armed.id, trigger, address)

        def due() -> None:
            self._timers.pop(key, None)
            ending = self._memory.holds.get(key)
            then()
            if self._memory.holds.get(key) is ending:
                self._record(armed, f.HoldEnded(trigger, address, "fired"))

        self._timers[key] = self._clock.call_at(self._clock.ticks() + after, due)

    def leave(self, armed: Armed, trigger: int, address: str, how: str = "left") -> None:
        key = hold_key(armed.id, trigger, address)
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if key in self._memory.holds:
            self._record(armed, f.HoldEnded(trigger, address, how))

    def holds(self, armed: Armed, trigger: int, address: str) -> bool:
        return hold_key(armed.id, trigger, address) in self._memory.holds

    def drop(self, armed: Armed, how: str) -> None:
        for hold in [each for each in self._memory.holds.values() if each.linkage == armed.id]:
            self.leave(armed, hold.trigger, hold.address, how)

    def resume(self, armed: Mapping[str, Armed], firing: Firing) -> None:
        """Take up the holds that a restart interrupted; those that fell due meanwhile as `missed` says."""
        now = self._clock.now()
        for key, hold in list(self._memory.holds.items()):
            linkage = armed.get(hold.linkage)
            triggers = linkage.rule.triggers if linkage is not None and linkage.enabled else ()
            trigger = triggers[hold.trigger] if hold.trigger < len(triggers) else None
            slot = self._world.slot(hold.address)
            if linkage is None:
                self._memory.holds.pop(key)
            elif slot is None or not isinstance(trigger, r.StateTrigger | r.NumericTrigger):
                self._record(linkage, f.HoldEnded(hold.trigger, hold.address, "changed"))
            elif key not in self._timers:
                how = self._how_it_ended(hold, slot, trigger, linkage, now)
                if how:
                    self._record(linkage, f.HoldEnded(hold.trigger, hold.address, how))
                    continue
                then = _telling(firing(linkage, hold.trigger), trigger, slot, self._world)
                self._set(linkage, hold.trigger, hold.address, max(0, hold.due - now), then)

    def _how_it_ended(
        self, hold: Hold, slot: Slot, trigger: r.StateTrigger | r.NumericTrigger, armed: Armed, now: int
    ) -> str:
        """While the hub was off, or in the last facts before that, which a crash may have taken."""
        if slot.changed > hold.due - trigger.held and not holding(trigger, self._world)(slot.value):
            return "left"
        missed = armed.rule.missed
        late = now - hold.due
        return "missed" if missed is not None and 0 <= missed.within < late else ""

    def prune(self, armed: Armed) -> None:
        """The home has changed: nothing is held for a thing that is gone or was replaced."""
        for hold in [each for each in self._memory.holds.values() if each.linkage == armed.id]:
            slot = self._world.slot(hold.address)
            if slot is None or slot.value is None:
                self.leave(armed, hold.trigger, hold.address, "changed")

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()


def _telling(
    fire: Callable[[dict[str, Any]], None], trigger: r.StateTrigger | r.NumericTrigger, slot: Slot, world: World
) -> Callable[[], None]:
    return lambda: fire(told_of(trigger, slot, None, world))


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
