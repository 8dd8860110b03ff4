"""Things that change one notified property over and over, so that what a follower missed can be counted."""

from __future__ import annotations

from functools import partial
from typing import Final

from setaria.facts.clock import SECOND, Clock
from setaria.home.spec.formats import Format
from setaria.home.spec.model import Property
from setaria.simulated.thing import SimulatedThing
from setaria.simulated.values import bounds

FASTEST: Final = 1_000.0  # changes a second of one thing


class Churn:
    """Each thing changes `rate` times a second, evenly, all of them out of step; `changed` counts."""

    def __init__(self, things: list[SimulatedThing], clock: Clock, rate: float) -> None:
        if not 0.0 < rate <= FASTEST:
            raise ValueError(f"a rate lies above 0 and is at most {FASTEST:g}")
        self.changed = 0
        self.things = 0
        self._clock = clock
        self._gap = int(SECOND / rate)
        self._stopped = False
        start = clock.ticks()
        for place, thing in enumerate(things):
            prop = counter(thing)
            if prop is not None:
                self.things += 1
                due = start + self._gap * place // max(1, len(things))
                clock.call_at(due, partial(self._change, thing, prop, due))

    def stop(self) -> None:
        self._stopped = True

    def _change(self, thing: SimulatedThing, prop: Property, due: int) -> None:
        if self._stopped:
            return
        place = (prop.siid, prop.piid)
        before = thing.values[place]
        thing.change(prop, following(prop, before))
        self.changed += thing.values[place] != before
        due += self._gap
        self._clock.call_at(due, partial(self._change, thing, prop, due))


def counter(thing: SimulatedThing) -> Property | None:
    """The property that can count furthest: of the numbers the one with the widest range, else a switch."""
    notified = [prop for prop in thing.spec.properties() if prop.notifies and prop.readable]
    numbers = [prop for prop in notified if not prop.values and prop.format not in (Format.BOOL, Format.STRING)]
    numbers = [prop for prop in numbers if bounds(prop)[1] - bounds(prop)[0] >= 1]
    if numbers:
        return max(numbers, key=lambda prop: min(bounds(prop)[1], 2**31) - max(bounds(prop)[0], 0))
    return next((prop for prop in notified if prop.format is Format.BOOL), None)


def following(prop: Property, value: bool | int | float | str) -> bool | int | float:
    """One step up, from the top back to the bottom."""
    if prop.format is Format.BOOL or isinstance(value, str):
        return not value
    low, high = bounds(prop)
    step = (prop.range[2] if prop.range else 0) or 1
    return max(low, 0) if value + step > high else value + step
