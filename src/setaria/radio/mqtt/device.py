"""One device as it is bound: messages of its topics -> readings and happenings, writes and acts -> publications.

Without I/O and without a clock. What it knows are the values as parts mean them; numbers of choices are made here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from setaria.facts.refused import Refused
from setaria.home.ports import Act, Reading, Value, Write
from setaria.radio.mqtt.parts import Available, Deed, Field, Happening, Part, Publication
from setaria.radio.mqtt.synthesis import Allotter
from setaria.radio.mqtt.templates import Heard

SLACK: Final = 0.015  # of what was written: scales are coarse, and some lamps round down


class Bound(msgspec.Struct, frozen=True, eq=False):
    part: Part
    field: Field
    siid: int
    piid: int
    numbers: Mapping[str, int]
    words: Mapping[int, str]

    @property
    def assumed(self) -> bool:
        """Nothing will tell what came of a write."""
        return self.part.optimistic or not self.field.sources

    def number(self, value: Value) -> Value | None:
        """As the spec has it; None for a word that is none of the choices."""
        return self.numbers.get(str(value)) if self.field.choices else value

    def word(self, value: Value) -> Value:
        return self.words[int(value)] if self.field.choices else value


class Told(msgspec.Struct):
    """What one message said. `ending` are (siid, piid, seconds) of what is over by itself."""

    readings: list[Reading] = []
    happened: list[tuple[int, int]] = []
    ending: list[tuple[int, int, float]] = []
    availability: bool = False


class Order(msgspec.Struct):
    """What a write means: what to publish, and which values will tell that it was done; None is any value."""

    publications: list[Publication]
    awaited: dict[tuple[int, int], Value | None]


class Device:
    def __init__(self, parts: Sequence[Part], allotter: Allotter) -> None:
        self.parts = tuple(parts)
        self.faults: Counter[str] = Counter()
        self._bound: dict[tuple[int, int], Bound] = {}
        self._deeds: dict[tuple[int, int], Deed] = {}
        self._known: dict[str, dict[str, Value]] = {part.key: {} for part in parts}
        self._hearers: dict[str, list[tuple[Bound, int]]] = {}
        self._happenings: dict[str, list[tuple[Happening, int, int]]] = {}
        self._available: dict[str, list[tuple[str, int, Available]]] = {}
        self._states: dict[str, list[bool | None]] = {}
        self._latest: dict[str, bool] = {}
        for part in parts:
            self._bind(part, allotter)

    def _bind(self, part: Part, allotter: Allotter) -> None:
        for field in part.fields:
            siid, piid, _ = allotter.entry("p", part, field)
            numbers = {word: allotter.word(part, field, word) for word in field.choices}
            bound = Bound(part, field, siid, piid, numbers, {number: word for word, number in numbers.items()})
            self._bound[siid, piid] = bound
            for place, source in enumerate(field.sources):
                self._hearers.setdefault(source.topic, []).append((bound, place))
        for deed in part.deeds:
            siid, aiid, _ = allotter.entry("a", part, deed)
            self._deeds[siid, aiid] = deed
        for happening in part.happenings:
            siid, eiid, _ = allotter.entry("e", part, happening)
            self._happenings.setdefault(happening.source.topic, []).append((happening, siid, eiid))
        self._states[part.key] = [None] * len(part.available)
        for place, available in enumerate(part.available):
            self._available.setdefault(available.topic, []).append((part.key, place, available))

    @property
    def topics(self) -> list[str]:
        return list(dict.fromkeys([*self._available, *self._hearers, *self._happenings]))

    @property
    def polls(self) -> list[Publication]:
        return list(dict.fromkeys(each for part in self.parts for each in part.polls))

    def take_over(self, other: Device) -> None:
        """What was known before it was bound anew."""
        for key, values in other._known.items():
            if key in self._known:
                self._known[key].update(values)
        for key, states in other._states.items():
            if key in self._states and len(self._states[key]) == len(states):
                self._states[key] = states
                if key in other._latest:
                    self._latest[key] = other._latest[key]

    # What comes in.

    def hear(self, heard: Heard) -> Told:
        told = Told()
        for key, place, available in self._available.get(heard.topic, ()):
            self._hear_available(heard, key, place, available, told)
        for bound, place in self._hearers.get(heard.topic, ()):
            self._hear_value(heard, bound, place, told)
        if not heard.retain:  # what a broker kept did not happen now
            for happening, siid, eiid in self._happenings.get(heard.topic, ()):
                if self._trying(happening.source.hear, heard) == happening.word:
                    told.happened.append((siid, eiid))
        return told

    def _trying(self, hear: Callable[[Heard], Value | None], heard: Heard) -> Value | None:
        try:
            return hear(heard)
        except Refused:
            self.faults["template"] += 1
            return None

    def _hear_available(self, heard: Heard, key: str, place: int, available: Available, told: Told) -> None:
        found = self._trying(available.hear, heard)
        if found is not None:
            self._states[key][place] = self._latest[key] = bool(found)
            told.availability = True

    def _hear_value(self, heard: Heard, bound: Bound, place: int, told: Told) -> None:
        value = self._trying(bound.field.sources[place].hear, heard)
        if value is None:
            return
        number = bound.number(value)
        if number is None:
            self.faults["value"] += 1
            return
        self._known[bound.part.key][bound.field.key] = value
        told.readings.append(Reading(bound.siid, bound.piid, number))
        if bound.field.off_after and value is True:
            told.ending.append((bound.siid, bound.piid, bound.field.off_after))

    def over(self, siid: int, piid: int) -> None:
        """What is over by itself is over."""
        bound = self._bound[siid, piid]
        self._known[bound.part.key][bound.field.key] = False

    @property
    def unsaid(self) -> bool:
        """Whether it should say that it is there and has said neither yet."""
        states = [each for part in self.parts for each in self._states[part.key]]
        return bool(states) and all(each is None for each in states)

    def available(self) -> bool:
        """A device is there when any of its entities that say so is; one that never says, while it is announced."""
        saying = [part for part in self.parts if part.available]
        return not saying or any(map(self._part_available, saying))

    def _part_available(self, part: Part) -> bool:
        states = self._states[part.key]
        if part.mode == "all":
            return all(states)
        return any(states) if part.mode == "any" else self._latest.get(part.key, False)

    # What goes out.

    def order(self, writes: Iterable[Write]) -> Order:
        """Raises Refused: property_not_writable, expression_failed."""
        by_part: dict[str, dict[str, Value]] = {}
        parts: dict[str, Part] = {}
        awaited: dict[tuple[int, int], Value | None] = {}
        for write in writes:
            bound = self._bound.get((write.siid, write.piid))
            if bound is None or not bound.field.writable:
                raise Refused("property_not_writable", property=f"{write.siid}.{write.piid}", thing="")
            value = bound.word(write.value)
            parts[bound.part.key] = bound.part
            by_part.setdefault(bound.part.key, {})[bound.field.key] = value
            if not bound.assumed and not close(self._known[bound.part.key].get(bound.field.key), value):
                # A lamp tells the nearest colour that it can make, which may be far from the one that was asked.
                awaited[write.siid, write.piid] = None if bound.field.unit == "rgb" else write.value
        publications = [each for key, values in by_part.items() for each in parts[key].encode(values, self._known[key])]
        return Order(publications, awaited)

    def assume(self, writes: Iterable[Write]) -> list[Reading]:
        """After publishing: what nothing will tell."""
        readings = []
        for write in writes:
            bound = self._bound.get((write.siid, write.piid))
            if bound is not None and bound.assumed:
                self._known[bound.part.key][bound.field.key] = bound.word(write.value)
                readings.append(Reading(write.siid, write.piid, write.value))
        return readings

    def act(self, act: Act) -> list[Publication]:
        """Raises Refused("unknown_action")."""
        deed = self._deeds.get((act.siid, act.aiid))
        if deed is None:
            raise Refused("unknown_action", address=f"{act.siid}.{act.aiid}", model="", near="")
        return list(deed.publications)


def close(told: Value | None, wanted: Value) -> bool:
    """Whether what a device tells is what was asked, scales being what they are."""
    if isinstance(told, bool) or isinstance(wanted, bool) or isinstance(told, str) or isinstance(wanted, str):
        return told == wanted
    return told is not None and abs(told - wanted) <= max(abs(wanted) * SLACK, 0.5 if told == int(told) else 1e-9)
