"""Scooters: parked, they charge; unlocked and ridden by somebody's hand, they run down."""

from __future__ import annotations

from typing import Final

from setaria.facts.clock import SECOND
from setaria.simulated.behaviour.base import Behaviour

_KM_OF_A_BATTERY: Final = 45.0
_CHARGE: Final = 0.4  # per cent a minute


class Scooter(Behaviour):
    """It rides while its `speed` is above 0, which only somebody's hand (`SimulatedThing.handle`) can make it."""

    PERIOD = 20 * SECOND

    def setup(self) -> None:
        self.status = self.find("scooter.status")
        self.locked = self.find("scooter.locked")
        self.speed = self.find("scooter.speed")
        self.mileage = self.find("scooter.mileage")
        self.left = self.find("scooter.left-mileage")
        self.battery = self.find("battery.battery-level")
        self.charging = self.find("battery.charging-state")
        self._charge = self.battery.number
        self.when([self.speed, self.locked], self._moved)
        self._moved()

    def tick(self, seconds: float) -> None:
        if self.speed.number:
            kilometres = self.speed.number * seconds / 3_600.0
            self.mileage.add(kilometres)
            self._charge = max(0.0, self._charge - 100.0 * kilometres / _KM_OF_A_BATTERY)
            if self._charge == 0.0:
                self.speed.set(0)
                self.happen("battery.low-battery")
        else:
            self._charge = min(100.0, self._charge + _CHARGE * seconds / 60.0)
        self._moved()

    def _moved(self) -> None:
        if self.speed.number and self.locked.value:
            self.speed.set(0)
            self.happen("scooter.moved-while-locked")
        riding = self.speed.number > 0
        full = self._charge >= 100.0
        self.status.choose("riding" if riding else "parked" if full else "charging")
        self.charging.choose("not-charging" if riding or full else "charging")
        self.battery.set(int(self._charge))
        self.left.set(self._charge / 100.0 * _KM_OF_A_BATTERY)
