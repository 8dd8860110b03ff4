"""The home as it is now: every value in memory, watched by whoever wants to know, with durable facts behind it.

Nothing here waits. A change is seen by the linkages in the same call in which it enters; its fact follows by group
commit. All of it can be rebuilt from the log: `apply` takes facts, `freeze` and `thaw` carry a snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

import msgspec

from setaria.facts.fact import Actor, Fact
from setaria.facts.kinds import Body
from setaria.home import facts as f
from setaria.home.dead_band import worth_keeping
from setaria.home.ports import Reading, Value
from setaria.home.spec.model import Property, Spec

FORM: Final = "live/1"
LONGEST_KEPT: Final = 1_024  # characters of a string property kept in a fact: maps of vacuums come in kilobytes


class Slot:
    """One piece of state and those who watch it. `changed` is UTC microseconds, 0 when it was never seen."""

    __slots__ = ("address", "changed", "kept", "owner", "property", "value", "watchers")

    def __init__(self, address: str, owner: str, property: Property | None = None) -> None:  # noqa: A002  the design's word
        self.address = address
        self.owner = owner
        self.property = property
        self.value: Value | None = None
        self.kept: Value | None = None
        self.changed = 0
        self.watchers: tuple[Watcher, ...] = ()


Watcher = Callable[[Slot, Value | None], None]
"""Called with the slot, which holds the new value, and the value before."""


class LiveThing:
    __slots__ = ("actor", "aggregate", "by_key", "id", "location", "reachable", "reason", "spec")

    def __init__(self, thing: str, radio: str, spec: Spec, slots: Mapping[int, Slot]) -> None:
        self.id = thing
        self.aggregate = f"thing/{thing}"
        self.actor = Actor(f"radio/{radio}", "thing")
        self.spec = spec
        self.by_key = slots
        self.reachable = False
        self.reason = "not_seen_yet"
        self.location = ""


def key_of(siid: int, piid: int) -> int:
    return siid << 16 | piid


class Recorder(Protocol):
    def record(self, aggregate: str, body: Body, actor: Actor, time: int | None = None) -> Fact: ...


class _Frozen(msgspec.Struct, array_like=True):
    slots: list[tuple[str, Value | None, int]]
    things: dict[str, tuple[bool, str, str]]


class Live:
    def __init__(self, recorder: Recorder, now: Callable[[], int]) -> None:
        self.record = recorder.record
        self._now = now
        self.slots: dict[str, Slot] = {}
        self.things: dict[str, LiveThing] = {}
        self.event_watchers: dict[str, tuple[Callable[[str, Mapping[str, Value]], None], ...]] = {}
        self._changed: list[Callable[[Slot], None]] = []
        self._reach: list[Callable[[LiveThing], None]] = []

    def on_reach(self, told: Callable[[LiveThing], None]) -> None:
        """For showing: called when a thing is reached or lost."""
        self._reach.append(told)

    def on_change(self, told: Callable[[Slot], None]) -> None:
        """For showing, not for deciding: called after the watchers."""
        self._changed.append(told)

    # Making and unmaking.

    def add_thing(self, thing: str, radio: str, spec: Spec) -> LiveThing:
        """Slots keep their values and watchers when a thing is replaced by another model with the same address."""
        by_key: dict[int, Slot] = {}
        for each in spec.properties():
            address = f"{thing}/{each.address}"
            slot = self.slots.get(address)
            if slot is None:
                slot = self.slots[address] = Slot(address, thing)
            slot.property = each
            by_key[key_of(each.siid, each.piid)] = slot
        live = self.things[thing] = LiveThing(thing, radio, spec, by_key)
        kept = {slot.address for slot in by_key.values()}
        for address in [each.address for each in self.slots.values() if each.owner == thing]:
            if address not in kept:
                del self.slots[address]
        return live

    def remove_thing(self, thing: str) -> None:
        self.things.pop(thing, None)
        for address in [slot.address for slot in self.slots.values() if slot.owner == thing]:
            del self.slots[address]

    def add_slot(self, address: str, owner: str, value: Value | None) -> Slot:
        slot = self.slots.get(address)
        if slot is None:
            slot = self.slots[address] = Slot(address, owner)
            slot.value = value
        return slot

    def remove_slots(self, prefix: str) -> None:
        for address in [each for each in self.slots if each.startswith(prefix)]:
            del self.slots[address]

    # What enters.

    def observed(self, thing: str, readings: Iterable[Reading]) -> None:
        """Values from the thing itself. Unknown properties and senseless values are passed over."""
        live = self.things.get(thing)
        if live is None:
            return
        by_key = live.by_key
        for reading in readings:
            slot = by_key.get(reading.siid << 16 | reading.piid)
            if slot is None:
                continue
            spec_property = slot.property
            assert spec_property is not None
            value = spec_property.accept(reading.value)
            if value is not None and value != slot.value:
                self._change(slot, value, live)

    def _change(self, slot: Slot, value: Value, live: LiveThing) -> None:
        before = slot.value
        slot.value = value
        slot.changed = self._now()
        spec_property = slot.property
        assert spec_property is not None
        if slot.kept is None or worth_keeping(spec_property, slot.kept, value):
            slot.kept = value
            kept = value[:LONGEST_KEPT] if type(value) is str else value
            self.record(live.aggregate, f.Reading(spec_property.address, kept), live.actor, slot.changed)
        for watcher in slot.watchers:
            watcher(slot, before)
        for told in self._changed:
            told(slot)

    def set(self, address: str, value: Value, aggregate: str, body: Body, actor: Actor) -> None:
        """A helper or a presence: the fact is kept even when the value stays (a timer that starts anew)."""
        slot = self.slots[address]
        before, slot.value = slot.value, value
        slot.changed = self._now()
        self.record(aggregate, body, actor, slot.changed)
        if before != value:
            for watcher in slot.watchers:
                watcher(slot, before)
        for told in self._changed:
            told(slot)

    def happened(self, thing: str, event: str, arguments: Mapping[str, Value]) -> None:
        """`event` is addressed within the thing: `switch-sensor.click`."""
        live = self.things.get(thing)
        if live is None:
            return
        self.record(live.aggregate, f.Happened(event, dict(arguments)), live.actor)
        for watcher in self.event_watchers.get(f"{thing}/{event}", ()):
            watcher(f"{thing}/{event}", arguments)

    def fire(self, event: str, data: Mapping[str, Value], actor: Actor, household: str) -> None:
        """A named event of the home."""
        self.record(f"home/{household}", f.EventFired(event, dict(data)), actor)
        for watcher in self.event_watchers.get(event, ()):
            watcher(event, data)

    def reached(self, thing: str) -> None:
        live = self.things.get(thing)
        if live is not None and not live.reachable:
            live.reachable, live.reason = True, ""
            self.record(live.aggregate, f.ThingReached(), live.actor)
            self._tell_reach(live)

    def located(self, thing: str, location: str) -> None:
        """Where its radio finds it; kept, so that after a restart nobody has to shout."""
        live = self.things.get(thing)
        if live is not None and live.location != location:
            live.location = location
            self.record(live.aggregate, f.ThingLocated(location), live.actor)

    def lost(self, thing: str, reason: str) -> None:
        live = self.things.get(thing)
        if live is not None and (live.reachable or live.reason != reason):
            live.reachable, live.reason = False, reason
            self.record(live.aggregate, f.ThingLost(reason), live.actor)
            self._tell_reach(live)

    def _tell_reach(self, live: LiveThing) -> None:
        for told in self._reach:
            told(live)

    # What is rebuilt.

    def apply(self, fact: Fact) -> None:
        """Take over what a fact of the past says; nobody is told."""
        body = fact.body
        owner = fact.aggregate.partition("/")[2]
        if type(body) is f.Reading:
            self._restore(f"{owner}/{body.property}", body.value, fact.time)
        elif type(body) is f.Statistics:
            slot = self.slots.get(f"{owner}/{body.property}")
            if slot is not None and slot.changed <= body.since + body.width:
                self._restore(slot.address, body.last, body.since + body.width)
        elif isinstance(body, f.ThingReached | f.ThingLost):
            live = self.things.get(owner)
            if live is not None:
                live.reachable = isinstance(body, f.ThingReached)
                live.reason = body.reason if isinstance(body, f.ThingLost) else ""
        elif isinstance(body, f.ThingLocated):
            if owner in self.things:
                self.things[owner].location = body.location
        elif type(body) is f.PresenceChanged:
            self._restore(f"member/{owner}.home", body.home, fact.time)

    def _restore(self, address: str, value: Value, time: int) -> None:
        slot = self.slots.get(address)
        if slot is not None:
            slot.value, slot.kept, slot.changed = value, value, time

    def freeze(self) -> bytes:
        seen = [(slot.address, slot.value, slot.changed) for slot in self.slots.values() if slot.changed]
        things = {each.id: (each.reachable, each.reason, each.location) for each in self.things.values()}
        return msgspec.msgpack.encode(_Frozen(seen, things))

    def thaw(self, frozen: bytes) -> None:
        state = msgspec.msgpack.decode(frozen, type=_Frozen)
        for address, value, changed in state.slots:
            if value is not None:
                self._restore(address, value, changed)
        for thing, (reachable, reason, location) in state.things.items():
            live = self.things.get(thing)
            if live is not None:
                live.reachable, live.reason, live.location = reachable, reason, location

    def values(self) -> dict[str, Any]:
        """Every value that was ever seen, by address: for comparing a state with one rebuilt."""
        return {slot.address: slot.value for slot in self.slots.values() if slot.value is not None}
