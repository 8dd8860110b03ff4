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
from setaria.home.ports import Reading, Value, Write
from setaria.home.spec.formats import Format
from setaria.home.spec.model import Property, Spec
from setaria.home.told import Told

NOT_SEEN_YET: Final = "not_seen_yet"
LONGEST_KEPT: Final = 1_024  # characters of a string property kept in a fact: maps of vacuums come in kilobytes


class Slot:
    """One piece of state and those who watch it. `changed` is UTC microseconds, 0 when it was never seen."""

    __slots__ = ("address", "changed", "kept", "owner", "property", "readable", "type", "value", "watchers")

    def __init__(self, address: str, owner: str) -> None:
        self.address = address
        self.owner = owner
        self.property: Property | None = None
        self.readable = True
        self.type: type | None = None  # readings of exactly this type need no conversion
        self.value: Value | None = None
        self.kept: Value | None = None
        self.changed = 0
        self.watchers: tuple[Watcher, ...] = ()

    def describe(self, spec_property: Property) -> None:
        self.property = spec_property
        self.readable = spec_property.readable
        self.type = bool if spec_property.format is Format.BOOL else None


Watcher = Callable[[Slot, Value | None], None]
"""Called with the slot, which holds the new value, and the value before."""


class LiveThing:
    """`moved` is when it was reached or lost since this program started, 0 for not yet."""

    __slots__ = ("actor", "aggregate", "by_key", "id", "location", "moved", "reachable", "reason", "spec")

    def __init__(self, thing: str, radio: str, spec: Spec, slots: Mapping[int, Slot]) -> None:
        self.id = thing
        self.aggregate = f"thing/{thing}"
        self.actor = Actor(f"radio/{radio}", "thing")
        self.spec = spec
        self.by_key = dict(slots)
        self.reachable = False
        self.reason = NOT_SEEN_YET
        self.location = ""
        self.moved = 0

    def reads(self, write: Write) -> bool:
        """Whether what was written can be read back."""
        slot = self.by_key.get(write.siid << 16 | write.piid)
        return slot is not None and slot.readable


def key_of(siid: int, piid: int) -> int:
    return siid << 16 | piid


class Recorder(Protocol):
    def record(self, aggregate: str, body: Body, actor: Actor, time: int | None = None) -> Fact: ...


class _Frozen(msgspec.Struct, array_like=True):
    """Slots are (address, value, value kept last, changed)."""

    slots: list[tuple[str, Value | None, Value | None, int]]
    things: dict[str, tuple[bool, str, str]]


class Live:
    def __init__(self, recorder: Recorder, now: Callable[[], int]) -> None:
        self.record = recorder.record
        self._now = now
        self.slots: dict[str, Slot] = {}
        self.things: dict[str, LiveThing] = {}
        self.event_watchers: dict[str, tuple[Callable[[str, Mapping[str, Value]], None], ...]] = {}
        self._changed: Told[Slot] = Told()
        self._reach: Told[LiveThing] = Told()

    def on_reach(self, told: Callable[[LiveThing], None]) -> Callable[[], None]:
        """For showing: called when a thing is reached or lost. Call what is returned to hear no more."""
        return self._reach.add(told)

    def on_change(self, told: Callable[[Slot], None]) -> Callable[[], None]:
        """For showing, not for deciding: called after the watchers. Call what is returned to hear no more."""
        return self._changed.add(told)

    # Making and unmaking.

    def add_thing(self, thing: str, radio: str, spec: Spec) -> LiveThing:
        """When another device takes a thing's place, slots it has too keep their watchers; values are its own."""
        by_key: dict[int, Slot] = {}
        before = self.things.get(thing)
        gone = {slot.address for slot in before.by_key.values()} if before is not None else set()
        for each in spec.properties():
            address = f"{thing}/{each.address}"
            slot = self.slots.get(address)
            if slot is None:
                slot = self.slots[address] = Slot(address, thing)
            slot.describe(each)
            slot.value, slot.kept, slot.changed = None, None, 0
            by_key[key_of(each.siid, each.piid)] = slot
            gone.discard(address)
        for address in gone:
            del self.slots[address]
        live = self.things[thing] = LiveThing(thing, radio, spec, by_key)
        return live

    def describe_thing(self, thing: str, spec: Spec) -> None:
        """The same device has or lacks something since: what it still has stays as it is."""
        live = self.things[thing]
        before = {slot.address: slot for slot in live.by_key.values()}
        live.spec, live.by_key = spec, {}
        for each in spec.properties():
            address = f"{thing}/{each.address}"
            slot = before.pop(address, None) or self.add_slot(address, thing, None)
            if slot.property is not None and slot.property.format is not each.format:
                slot.value, slot.kept, slot.changed = None, None, 0
            slot.describe(each)
            live.by_key[key_of(each.siid, each.piid)] = slot
        for address in before:
            del self.slots[address]

    def remove_thing(self, thing: str) -> None:
        live = self.things.pop(thing, None)
        for slot in live.by_key.values() if live is not None else ():
            del self.slots[slot.address]

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

    def observed(self, thing: str, readings: Iterable[Reading | Write]) -> None:
        """Values from the thing itself. Unknown properties and senseless values are passed over."""
        live = self.things.get(thing)
        if live is None:
            return
        by_key = live.by_key
        for reading in readings:
            slot = by_key.get(reading.siid << 16 | reading.piid)
            if slot is None:
                continue
            value: Value | None = reading.value
            if type(value) is not slot.type:
                assert slot.property is not None
                value = slot.property.accept(value)
            if value != slot.value and value is not None:
                self._change(slot, value, live)

    def _change(self, slot: Slot, value: Value, live: LiveThing) -> None:
        before = slot.value
        slot.value = value
        slot.changed = self._now()
        spec_property = slot.property
        assert spec_property is not None
        if slot.type is bool or slot.kept is None or worth_keeping(spec_property, slot.kept, value):
            slot.kept = value
            kept = value[:LONGEST_KEPT] if type(value) is str else value
            self.record(live.aggregate, f.Reading(spec_property.address, kept), live.actor, slot.changed)
        for watcher in slot.watchers:
            watcher(slot, before)
        for told in self._changed.all:
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
        for told in self._changed.all:
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
        live.moved = self._now()
        for told in self._reach.all:
            told(live)

    # What is rebuilt.

    def forget(self, owner: str) -> None:
        """Of the past: another device came, or somebody left and another took the name."""
        live = self.things.get(owner)
        slots = live.by_key.values() if live is not None else self.slots.values()
        for slot in slots:
            if slot.owner == owner:
                slot.value, slot.kept, slot.changed = None, None, 0
        if live is not None:
            live.reachable, live.reason, live.location = False, NOT_SEEN_YET, ""

    def apply(self, fact: Fact) -> None:
        """Take over what a fact of the past says; nobody is told."""
        body = fact.body
        owner = fact.aggregate.split("/")[1]  # thing/ID, member/ID, statistics/ID/DAY
        if type(body) is f.Reading:
            self._restore(f"{owner}/{body.property}", body.value, body.value, fact.time)
        elif type(body) is f.Statistics:
            slot = self.slots.get(f"{owner}/{body.property}")
            if slot is not None and slot.value != body.last and slot.changed < body.since + body.width:
                self._restore(slot.address, body.last, body.last, body.since + body.width)
        elif isinstance(body, f.ThingReached | f.ThingLost):
            live = self.things.get(owner)
            if live is not None:
                live.reachable = isinstance(body, f.ThingReached)
                live.reason = body.reason if isinstance(body, f.ThingLost) else ""
        elif isinstance(body, f.ThingLocated):
            if owner in self.things:
                self.things[owner].location = body.location
        elif type(body) is f.PresenceChanged:
            self._restore(f"member/{owner}.home", body.home, None, fact.time)

    def _restore(self, address: str, value: Value, kept: Value | None, time: int) -> None:
        slot = self.slots.get(address)
        if slot is not None:
            slot.value, slot.kept, slot.changed = value, kept, time

    def freeze(self) -> bytes:
        seen = [(each.address, each.value, each.kept, each.changed) for each in self.slots.values()]
        seen = [each for each in seen if each[1] is not None]
        things = {each.id: (each.reachable, each.reason, each.location) for each in self.things.values()}
        return msgspec.msgpack.encode(_Frozen(seen, things))

    def thaw(self, frozen: bytes) -> None:
        state = msgspec.msgpack.decode(frozen, type=_Frozen)
        for address, value, kept, changed in state.slots:
            if value is not None:
                self._restore(address, value, kept, changed)
        for thing, (reachable, reason, location) in state.things.items():
            live = self.things.get(thing)
            if live is not None:
                live.reachable, live.reason, live.location = reachable, reason, location

    def values(self) -> dict[str, Any]:
        """Every value that was ever seen, by address: for comparing a state with one rebuilt."""
        return {slot.address: slot.value for slot in self.slots.values() if slot.value is not None}
