"""Machines that run a programme to its end: washers, cookers, ovens, fryers, coffee machines."""

from __future__ import annotations

from typing import ClassVar, Final

import msgspec

from setaria.facts.clock import SECOND
from setaria.simulated.behaviour.base import Behaviour
from setaria.simulated.world import Effect


class Plan(msgspec.Struct, frozen=True):
    """`status` holds the words for resting, running, paused and done; `minutes` is for want of a setting."""

    minutes: float
    rest: tuple[str, ...] = ("idle", "standby", "off", "*idle*", "*wait*", "shutdown")
    run: tuple[str, ...] = ("running", "busy", "cooking", "*running*", "*cook*", "*working*", "*brew*", "*heat*")
    pause: tuple[str, ...] = ("paused", "pause", "*pause*")
    done: tuple[str, ...] = (
        "wash-finished",
        "keep-warm",
        "completed",
        "cooked",
        "*finish*",
        "*complete*",
        "idle",
        "standby",
    )
    heat_to: float = 0.0  # °C the machine itself reaches
    noise: float = 50.0


PLANS: Final = {
    "washer": Plan(45, noise=62.0),
    "cooker": Plan(40, heat_to=100.0),
    "pressure-cooker": Plan(35, heat_to=115.0),
    "microwave-oven": Plan(3, heat_to=90.0, noise=55.0),
    "oven": Plan(30, heat_to=180.0),
    "air-fryer": Plan(20, heat_to=180.0, noise=58.0),
    "coffee-machine": Plan(2, heat_to=92.0, noise=65.0),
}
_STARTS: Final = (
    "start-wash",
    "start-cook",
    "cooking-start",
    "start",
    "start-fry",
    "start-brew",
    "resume-cook",
    "start-cooking",
)
_STOPS: Final = ("cancel-cooking", "cancel-cook", "stop", "stop-cook", "stop-cooking", "cancel")
_ENDS: Final = ("wash-end", "cooking-finished", "cook-complete", "cook-finish", "*-finish", "finish", "complete")


class Programme(Behaviour):
    PERIOD: ClassVar[int] = 15 * SECOND

    def setup(self) -> None:
        self.plan = PLANS.get(self.thing.spec.type_name, Plan(30))
        own = self.thing.spec.type_name
        self.status = self.find(f"{own}.status", "*.status")
        self.left = self.find(f"{own}.left-time", "*.left-time")
        self.chosen = self.find(f"{own}.wash-time", f"{own}.target-time", f"{own}.cook-time", "*.target-time")
        self.temperature = self.find(f"{own}.temperature")
        self.wanted = self.find(f"{own}.target-temperature")
        self.on = self.find(f"{own}.on")
        self.door = self.find(f"{own}.door-state")
        self._remaining = 0.0
        self._warmth = 20.0
        self.running = False
        for name in _STARTS:
            self.does(f"*.{name}", self._start)
        for name in _STOPS:
            self.does(f"*.{name}", self._cancel)
        self.does("*.pause", self._pause)
        self.when(self.on, self._switched)
        self.status.choose("off", *self.plan.rest)
        self.temperature.set(self._warmth)

    def tick(self, seconds: float) -> None:
        goal = self._goal() if self.running else self.room.temperature
        self._warmth += (goal - self._warmth) * min(1.0, seconds / (180.0 if self.running else 1_800.0))
        self.temperature.set(round(self._warmth))
        if self.running:
            self._remaining = max(0.0, self._remaining - seconds)
            self.left.set(-(-self._remaining // 60))
            if not self._remaining:
                self._end()

    def _goal(self) -> float:
        wanted = self.wanted.number
        return wanted if self.plan.heat_to and wanted >= 40 else self.plan.heat_to or 20.0

    def _start(self) -> None:
        if not self._remaining:
            minutes = self.chosen.number if self.chosen.number >= 1 else self.plan.minutes
            if self.thing.spec.type_name == "washer":
                minutes = max(self.plan.minutes, minutes)  # the time chosen is the wash alone, without rinsing
            self._remaining = 60.0 * minutes
        self.on.set(True)
        self.running = True
        self.left.set(-(-self._remaining // 60))
        self.status.choose(*self.plan.run)
        self.door.choose("*drum*", "*locked*")
        self.affect(Effect(noise=self.plan.noise, damp=2.0 if self.plan.heat_to else 0.5))

    def _pause(self) -> None:
        if self.running:
            self.running = False
            self.status.choose(*self.plan.pause)
            self.affect(None)

    def _cancel(self) -> None:
        self._rest()
        self.status.choose(*self.plan.rest)

    def _end(self) -> None:
        self._rest()
        self.status.choose(*self.plan.done)
        self.happen(*(f"*.{name}" for name in _ENDS))

    def _rest(self) -> None:
        self.running = False
        self._remaining = 0.0
        self.left.set(0)
        self.door.choose("*can-open*")
        self.affect(None)

    def _switched(self) -> None:
        self._rest()
        self.status.choose("standby", *self.plan.rest) if self.on.value else self.status.choose("off", *self.plan.rest)
