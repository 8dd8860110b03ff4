"""Triggers that wait for something to happen: state, number, event, presence. (Times are schedule.py's.)

A first value is not a change: a thing that has just been seen for the first time triggers nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from setaria.facts.clock import SECOND
from setaria.home.linkage import rule as r
from setaria.home.linkage.comparing import between, bound
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
    found = [world.slot(ref.address) for ref in dict.fromkeys(refs)]
    return [slot for slot in found if slot is not None]


def _matcher(trigger: r.StateTrigger) -> Callable[[Value | None, Value | None], bool]:
    """Asked with the value and the one before."""
    was, to, not_was, not_to = trigger.was, trigger.to, trigger.not_was, trigger.not_to
    if to is not None and was is None and not_was is None and not_to is None:
        return lambda value, before: value in to
    return lambda value, before: (
        (to is None or value in to)
        and (was is None or before in was)
        and (not_to is None or value not in not_to)
        and (not_was is None or before not in not_was)
    )


def _watch_state(trigger: r.StateTrigger, number: int, world: World, fired: Fired, holder: Holder) -> Unwatch:
    held, name = trigger.held, trigger.id
    matches = _matcher(trigger)

    stays = holding(trigger, world)

    def tell(slot: Slot, before: Value | None) -> None:
        fired(_change("state", name, slot, before, held))

    def at_once(slot: Slot, before: Value | None) -> None:
        if before is not None and matches(slot.value, before):
            tell(slot, before)

    def after_a_while(slot: Slot, before: Value | None) -> None:
        if before is None:
            return
        if holder.holds(number, slot.address):
            if stays(slot.value):
                return
            holder.leave(number, slot.address)
        if matches(slot.value, before):
            holder.begin(number, slot.address, held, lambda: tell(slot, before))

    changed = after_a_while if held else at_once
    slots = _slots(trigger.refs, world)
    for slot in slots:
        _attach(slot, changed)
    return _detach(slots, changed)


def holding(trigger: r.StateTrigger | r.NumericTrigger, world: World) -> Callable[[Value | None], bool]:
    """Whether a wait (`for:`) goes on with this value. One that names no value waits for no change at all."""
    if isinstance(trigger, r.NumericTrigger):
        return _inside(trigger, world)
    to, not_to, was = trigger.to, trigger.not_to, trigger.was
    if to is not None:
        return lambda value: value in to
    if not_to is not None:
        return lambda value: value not in not_to
    if was is not None:
        return lambda value: value not in was
    return lambda value: False


def told_of(
    trigger: r.StateTrigger | r.NumericTrigger, slot: Slot, before: Value | None, world: World
) -> dict[str, Any]:
    if isinstance(trigger, r.StateTrigger):
        return _change("state", trigger.id, slot, before, trigger.held)
    told = _change("numeric_state", trigger.id, slot, before, trigger.held)
    told["above"], told["below"] = bound(trigger.above, world)(), bound(trigger.below, world)()
    return told


def take_up(trigger: r.Trigger, number: int, world: World, fired: Fired, holder: Holder, since: int) -> None:
    """Go on with what a restart interrupted: a wait (`for:`) begun by a change later than `since`."""
    if not isinstance(trigger, r.StateTrigger | r.NumericTrigger) or not trigger.enabled or not trigger.held:
        return
    stays = holding(trigger, world)
    any_value = isinstance(trigger, r.StateTrigger) and trigger.to is trigger.not_to is trigger.was is None

    def then(slot: Slot) -> Callable[[], None]:
        return lambda: fired(told_of(trigger, slot, None, world))

    for slot in _slots(trigger.refs, world):
        if slot.changed > since and (any_value or stays(slot.value)):
            left = slot.changed + trigger.held - world.clock.now()
            holder.begin(number, slot.address, max(0, left), then(slot))


def _inside(trigger: r.NumericTrigger, world: World) -> Callable[[Value | None], bool]:
    above, below = bound(trigger.above, world), bound(trigger.below, world)

    def inside(value: Value | None) -> bool:
        high, low = above(), below()
        missing = (trigger.above is not None and high is None) or (trigger.below is not None and low is None)
        return not missing and between(value, high, low)

    return inside


def _watch_numeric(trigger: r.NumericTrigger, number: int, world: World, fired: Fired, holder: Holder) -> Unwatch:
    held = trigger.held
    inside = _inside(trigger, world)

    def tell(slot: Slot, before: Value | None) -> None:
        fired(told_of(trigger, slot, before, world))

    def changed(slot: Slot, before: Value | None) -> None:
        if before is None:
            return
        now_inside = inside(slot.value)
        if held and holder.holds(number, slot.address):
            if not now_inside:
                holder.leave(number, slot.address)
            return
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
