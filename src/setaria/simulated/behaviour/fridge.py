"""Fridges: chambers about their targets, a compressor that comes and goes, doors that people in the room open."""

from __future__ import annotations

from typing import Final

from setaria.facts.clock import MINUTE
from setaria.simulated.behaviour.base import Behaviour

_COOLING: Final = 0.15  # °C a minute with the compressor on
_WARMING: Final = 0.04
_BAND: Final = 0.8  # °C about the target
_WATTS: Final = 95.0
_OPEN_S: Final = 15.0
_HUNGRY: Final = 0.06  # share of movements in the room that end at the fridge


class Fridge(Behaviour):
    PERIOD = MINUTE

    def setup(self) -> None:
        self.status = self.find("fridge.status")
        self.temperatures = self.find_all("fridge-chamber.temperature")
        self.targets = self.find_all("fridge-chamber.target-temperature")
        self.doors = self.find_all("fridge-chamber.door-state")
        self.watts = self.find("power-consumption.electric-power")
        self.energy = self.find("power-consumption.power-consumption")
        self._inside = [target.number for target in self.targets]
        self._kwh = self.energy.number
        self.cooling = False
        self.room.on_motion.append(self._someone)

    def tick(self, seconds: float) -> None:
        chambers = list(zip(self._inside, self.targets, strict=True))
        if any(inside > target.number + _BAND for inside, target in chambers):
            self.cooling = True
        elif all(inside < target.number - _BAND for inside, target in chambers):
            self.cooling = False
        minutes = seconds / 60.0
        for place, (inside, target) in enumerate(chambers):
            colder = self.cooling and inside > target.number - 1.5 * _BAND
            self._inside[place] = inside + (-_COOLING if colder else _WARMING) * minutes
        for handle, inside in zip(self.temperatures, self._inside, strict=False):
            handle.set(inside)
        self.status.choose("cooling" if self.cooling else "idle")
        watts = _WATTS if self.cooling else 2.0
        self.watts.set(watts)
        self._kwh += watts * seconds / 3_600_000.0
        self.energy.set(self._kwh)

    def _someone(self) -> None:
        if self.doors and self.random.random() < _HUNGRY:
            self.doors[0].choose("open")
            self.after("door", _OPEN_S, self._close)

    def _close(self) -> None:
        self.doors[0].choose("closed")
        if self._inside:
            self._inside[0] += 0.5
