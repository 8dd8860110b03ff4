"""What every kind of behaviour builds on: handles on properties, reactions to writes and actions, and time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import TYPE_CHECKING, ClassVar

from setaria.facts.clock import SECOND, Clock, Timer
from setaria.home.ports import Value
from setaria.simulated.world import Effect, Room

if TYPE_CHECKING:
    from setaria.home.spec.model import Property
    from setaria.simulated.thing import SimulatedThing


class Handle:
    """One property of a thing. On a property the spec lacks it is false, reads as 0, ignores what it is told."""

    __slots__ = ("_property", "_thing")

    def __init__(self, thing: SimulatedThing, found: Property | None) -> None:
        self._thing = thing
        self._property = found

    def __bool__(self) -> bool:
        return self._property is not None

    @property
    def place(self) -> tuple[int, int] | None:
        return None if self._property is None else (self._property.siid, self._property.piid)

    @property
    def value(self) -> Value:
        return 0 if self._property is None else self._thing.values[self._property.siid, self._property.piid]

    @property
    def number(self) -> float:
        value = self.value
        return 0.0 if isinstance(value, str) else float(value)

    @property
    def fraction(self) -> float:
        """Where the number lies in its range or list, 0 at the bottom and 1 at the top."""
        if self._property is None:
            return 0.0
        low, high = self._thing.bounds(self._property)
        return (self.number - low) / (high - low) if high > low else 0.0

    def set(self, value: Value) -> None:
        """As the thing itself changes it: brought into its range and type, and pushed if it is notified."""
        if self._property is not None:
            self._thing.change(self._property, value)

    def set_fraction(self, fraction: float) -> None:
        if self._property is not None:
            low, high = self._thing.bounds(self._property)
            self.set(low + fraction * (high - low))

    def add(self, amount: float) -> None:
        self.set(self.number + amount)

    def choose(self, *words: str) -> bool:
        """Set to the first listed value that one of `words` fits, the earlier word first; say whether there was one.

        Words are slugs of the spec's descriptions; `*word*` fits any description that contains it.
        """
        if self._property is not None:
            for word in words:
                for value, description in self._thing.listed(self._property):
                    if _fits(word, description):
                        self.set(value)
                        return True
        return False

    def says(self, *words: str) -> bool:
        """Whether one of `words` (as in `choose`) fits the present value's description."""
        if self._property is None:
            return False
        value = self.value
        described = [description for listed, description in self._thing.listed(self._property) if listed == value]
        return any(_fits(word, description) for word in words for description in described)


def _fits(word: str, description: str) -> bool:
    return word[1:-1] in description if word.startswith("*") else word == description


class Behaviour:
    """`PERIOD` is how often `tick` is called, in microseconds; 0 for never."""

    PERIOD: ClassVar[int] = 0

    def __init__(self, thing: SimulatedThing, room: Room) -> None:
        self.thing = thing
        self.room = room
        self.clock: Clock = thing.clock
        self.random: Random = thing.random
        self._timers: dict[str, Timer] = {}
        self.ticking = bool(self.PERIOD)
        self.setup()
        if self.ticking:
            self._later("tick", self.random.randrange(self.PERIOD), self._tick)

    def setup(self) -> None:
        """Find the properties, say what to do about writes and actions; `ticking` may be set false."""

    def tick(self, seconds: float) -> None:
        """Let `seconds` pass for whatever changes by itself."""

    def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    # what a kind uses

    def find(self, *names: str) -> Handle:
        """The first property named so: `service.property`, or `*.property` in whichever service."""
        return Handle(self.thing, next(iter(self.thing.named(names)), None))

    def find_all(self, *names: str) -> list[Handle]:
        return [Handle(self.thing, found) for found in self.thing.named(names)]

    def when(self, handles: Handle | Iterable[Handle], react: Callable[[], object]) -> None:
        """Call `react` after a person or a hub wrote the property."""
        for handle in [handles] if isinstance(handles, Handle) else handles:
            if handle.place is not None:
                self.thing.on_written.setdefault(handle.place, []).append(react)

    def does(self, name: str, act: Callable[[], None]) -> None:
        """`name` as in `find`; actions the spec lacks are ignored."""
        for siid, aiid in self.thing.actions_named(name):
            self.thing.on_acted.setdefault((siid, aiid), []).append(act)

    def happen(self, *names: str, **arguments: Value) -> None:
        """Emit the first of these events that the spec has; arguments by property name, the rest as they stand."""
        self.thing.happen_named(names, {name.replace("_", "-"): value for name, value in arguments.items()})

    def after(self, name: str, seconds: float, callback: Callable[[], None]) -> None:
        """Once, instead of whatever waits under the same name."""
        self.cancel(name)
        self._later(name, int(seconds * SECOND), callback)

    def cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def affect(self, effect: Effect | None) -> None:
        """What the thing does to its room until it says otherwise."""
        self.room.affect(f"{self.thing.did}/{type(self).__name__}", effect)

    def _later(self, name: str, microseconds: int, callback: Callable[[], None]) -> None:
        def fire() -> None:
            self._timers.pop(name, None)
            callback()

        self._timers[name] = self.clock.call_at(self.clock.ticks() + microseconds, fire)

    def _tick(self) -> None:
        self._later("tick", self.PERIOD, self._tick)
        self.tick(self.PERIOD / SECOND)
