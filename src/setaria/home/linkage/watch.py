"""Triggers that wait for something to happen: state, number, event, presence. (Times are schedule.py's.)

A first value is not a change: a thing that has just been seen for the first time triggers nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from setaria.facts.clock import SECOND
from setaria.home.linkage import rule as r
from setaria.home.linkage.conditions import between, bound
from setaria.home.linkage.world import World
from setaria.home.live import Live, Slot, Watcher
from setaria.home.ports import Value

Fired = Callable[[dict[str, Any]], None]
"""Told what a run will know as its trigger."""
Unwatch = Callable[[], None]


class Holder(Protocol):
    """Keeps the waits of triggers with `for:`."""

    def begin(self, trigger: int, address: str, held: int, then: Callable[[], None]) -> None: ...

    def leave(self, trigger: int, address: str) -> None: ...

    def holds(self, trigger: int, address: str) -> bool: ...


def watch(trigger: r.Trigger, number: int, world: World, fired: Fired, holder: Holder) -> Unwatch | None:
    """Begin to watch; None for triggers that are times. `number` is the trigger's place in its linkage."""
    begin = _WATCHES.get(type(trigger))
    return None if begin is None or not trigger.enabled else begin(trigger, number, world, fired, holder)


def _attach(slot: Slot, watcher: Watcher) -> None:
    slot.watchers = (*slot.watchers, watcher)


def _detach(slots: list[Slot], watcher: Watcher) -> Unwatch:
    def unwatch() -> None:
        for slot in slots:
            slot.watchers = tuple(each for each in slot.watchers if each is not watcher)

    return unwatch


def _slots(refs: tuple[r.Ref, ...], world: World) -> list[Slot]:
    found = [world.slot(ref.address) for ref in refs]
    return [slot for slot in found if slot is not None]


def _watch_state(trigger: r.StateTrigger, number: int, world: World, fired: Fired, holder: Holder) -> Unwatch:
    was, to, not_was, not_to, held = trigger.was, trigger.to, trigger.not_was, trigger.not_to, trigger.held
    name = trigger.id

    def matches(value: Value | None, before: Value | None) -> bool:
        return (
            (to is None or value in to)
            and (was is None or before in was)
            and (not_to is None or value not in not_to)
            and (not_was is None or before not in not_was)
        )

    def tell(slot: Slot, before: Value | None) -> None:
        fired(_change("state", name, slot, before, held))

    def changed(slot: Slot, before: Value | None) -> None:
        if before is None:
            return
        if not held:
            if matches(slot.value, before):
                tell(slot, before)
            return
        if holder.holds(number, slot.address):
            if to is not None and slot.value in to:
                return
            holder.leave(number, slot.address)
        if matches(slot.value, before):
            holder.begin(number, slot.address, held, lambda: tell(slot, before))

    slots = _slots(trigger.refs, world)
    for slot in slots:
        _attach(slot, changed)
    return _detach(slots, changed)


def _watch_numeric(trigger: r.NumericTrigger, number: int, world: World, fired: Fired, holder: Holder) -> Unwatch:
    above, below, held = bound(trigger.above, world), bound(trigger.below, world), trigger.held

    def inside(value: Value | None) -> bool:
        high, low = above(), below()
        missing = (trigger.above is not None and high is None) or (trigger.below is not None and low is None)
        return not missing and between(value, high, low)

    def tell(slot: Slot, before: Value | None) -> None:
        told = _change("numeric_state", trigger.id, slot, before, held)
        told["above"], told["below"] = above(), below()
        fired(told)

    def changed(slot: Slot, before: Value | None) -> None:
        if before is None:
            return
        now_inside = inside(slot.value)
        if held and not now_inside and holder.holds(number, slot.address):
            holder.leave(number, slot.address)
        if not now_inside or inside(before):
            return
        if held:
            holder.begin(number, slot.address, held, lambda: tell(slot, before))
        else:
            tell(slot, before)

    slots = _slots(trigger.refs, world)
    for slot in slots:
        _attach(slot, changed)
    return _detach(slots, changed)


def _watch_zone(trigger: r.ZoneTrigger, number: int, world: World, fired: Fired, holder: Holder) -> Unwatch:
    entering = trigger.event == "enter"

    def changed(slot: Slot, before: Value | None) -> None:
        if before is not None and slot.value is entering:
            told = _change("zone", trigger.id, slot, before, 0)
            told["event"], told["zone"] = trigger.event, trigger.zone
            fired(told)

    slots = _slots(tuple(r.Ref(f"member/{member}.home") for member in trigger.members), world)
    for slot in slots:
        _attach(slot, changed)
    return _detach(slots, changed)


def _watch_event(trigger: r.EventTrigger, number: int, world: World, fired: Fired, holder: Holder) -> Unwatch:
    name = f"{trigger.thing}/{trigger.event}" if trigger.thing else trigger.event
    wanted = trigger.data

    def heard(event: str, data: Mapping[str, Value]) -> None:
        if all(data.get(key) == value for key, value in wanted.items()):
            fired({"platform": "event", "id": trigger.id, "event": event, "data": dict(data)})

    live = world.live
    live.event_watchers[name] = (*live.event_watchers.get(name, ()), heard)
    return lambda: _unhear(live, name, heard)


def _unhear(live: Live, name: str, heard: Callable[[str, Mapping[str, Value]], None]) -> None:
    left = tuple(each for each in live.event_watchers.get(name, ()) if each is not heard)
    if left:
        live.event_watchers[name] = left
    else:
        live.event_watchers.pop(name, None)


def _change(platform: str, trigger_id: str, slot: Slot, before: Value | None, held: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "platform": platform,
        "id": trigger_id,
        "entity_id": slot.address,
        "from": before,
        "to": slot.value,
    }
    if held:
        told["for"] = held // SECOND
    return told


def as_variable(told: Mapping[str, Any]) -> dict[str, Any]:
    """`trigger` as Home Assistant's templates know it: `trigger.to_state.state`, `trigger.event.data`."""
    seen = dict(told)
    if "to" in told:
        owner = told["entity_id"]
        seen["from_state"] = {"state": told["from"], "entity_id": owner}
        seen["to_state"] = {"state": told["to"], "entity_id": owner}
    if told.get("platform") == "event":
        seen["event"] = {"event_type": told["event"], "data": told["data"]}
    return seen


_WATCHES: Final[dict[type, Callable[[Any, int, World, Fired, Holder], Unwatch]]] = {
    r.StateTrigger: _watch_state,
    r.NumericTrigger: _watch_numeric,
    r.ZoneTrigger: _watch_zone,
    r.EventTrigger: _watch_event,
}
