"""Plugs: what is plugged in draws power while the plug is on, and the energy adds up."""

from __future__ import annotations

from typing import Final

from setaria.facts.clock import MINUTE
from setaria.simulated.behaviour.base import Behaviour

_VOLTS: Final = 220.0
_WANDER: Final = 0.04  # of the load, from one reading to the next


class Outlet(Behaviour):
    PERIOD = MINUTE

    def setup(self) -> None:
        self.switches = self.find_all("switch.on", "*.on")
        self.watts = self.find_all("power-consumption.electric-power", "power.power", "*.electric-power")
        self.energy = self.find_all(
            "power-consumption.power-consumption", "power.power-consumption", "switch.power-consumption"
        )
        self.volts = self.find("power-consumption.voltage", "*.voltage")
        self.amperes = self.find("power-consumption.electric-current", "*.electric-current")
        self.load = self.random.choice((9.0, 38.0, 75.0, 120.0, 640.0))
        self._kwh = [handle.number for handle in self.energy]
        self.when(self.switches[:1], self._measure)
        self._measure()
        self.ticking = bool(self.watts or self.energy or self.amperes)

    @property
    def drawn(self) -> float:
        """Watts."""
        on = bool(self.switches and self.switches[0].value)
        return self.load * (1.0 + self.random.gauss(0.0, _WANDER)) if on else 0.0

    def tick(self, seconds: float) -> None:
        drawn = self._measure()
        for place, handle in enumerate(self.energy):
            self._kwh[place] += drawn * seconds / 3_600_000.0
            handle.set(self._kwh[place])

    def _measure(self) -> float:
        drawn = max(0.0, self.drawn)
        volts = _VOLTS + round(self.random.gauss(0.0, 0.6))
        for handle in self.watts:
            handle.set(drawn)
        self.volts.set(volts)
        self.amperes.set(drawn / volts)
        return drawn
