"""Kettles, water dispensers, water heaters: water that is brought to a temperature, and cools again."""

from __future__ import annotations

from setaria.facts.clock import SECOND
from setaria.simulated.behaviour.base import Behaviour

_PER_SECOND = 0.25  # °C a full kettle gains
_KEEP_S = 20 * 60.0
_POUR_S = 20.0
_COOLING_S = 7_200.0  # time constant


class Water(Behaviour):
    PERIOD = 5 * SECOND

    def setup(self) -> None:
        own = self.thing.spec.type_name
        self.temperature = self.find(f"{own}.temperature", "*.temperature")
        self.target = self.find(f"{own}.target-temperature", "*.target-temperature")
        self.mode = self.find(f"{own}.mode")
        self.status = self.find(f"{own}.status")
        self.on = self.find(f"{own}.on")
        self.drawn = self.find("*.water-mode")
        self.warmth = self.room.temperature
        self.heating = False
        self.when([self.target, self.mode, self.on], self._heat)
        self.when(self.drawn, self._pour)
        self.temperature.set(round(self.warmth))

    def tick(self, seconds: float) -> None:
        if self.heating:
            # The last step lands on the target: what stands still is not reported again.
            self.warmth += min(_PER_SECOND * seconds, self.target.number - self.warmth)
        else:
            self.warmth += (self.room.temperature - self.warmth) * min(1.0, seconds / _COOLING_S)
        self.temperature.set(round(self.warmth))
        if self.heating and self.warmth >= self.target.number:
            self.status.choose("keep", "*keep*", "idle")

    def _heat(self) -> None:
        if self.on and not self.on.value:
            self._cool()
            return
        self.heating = self.target.number > self.warmth
        if self.heating:
            self.status.choose("heat", "*heat*")
            self.mode.choose("warm-water", "heat")
            self.after("keep", _KEEP_S, self._cool)

    def _cool(self) -> None:
        self.heating = False
        self.status.choose("idle", "closed")
        self.mode.choose("none", "common", "normal")

    def _pour(self) -> None:
        self.status.choose("water-coming-out")
        self.after("pour", _POUR_S, self._poured)

    def _poured(self) -> None:
        self.status.choose("idle")
