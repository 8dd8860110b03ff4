"""Air purifiers and fresh-air machines: they clean their room's air, hum, and wear their filters out."""

from __future__ import annotations

from typing import Final

from setaria.facts.clock import MINUTE
from setaria.simulated.behaviour.base import Behaviour
from setaria.simulated.world import Effect

_AIR_CHANGES: Final = 5.0  # of one room in an hour at full speed
_FILTER_HOURS: Final = 3_500.0  # at full speed
_TOP_RPM: Final = 2_200.0


class Purifier(Behaviour):
    PERIOD = MINUTE

    def setup(self) -> None:
        self.on = self.find("air-purifier.on", "air-fresh.on", "*.on")
        self.mode = self.find("air-purifier.mode", "air-fresh.mode")
        self.level = self.find("air-purifier.fan-level", "air-fresh.fan-level", "*.manual-level")
        self.favourite = self.find("*.favorite-level", "*.favorite-fan-level", "*.favorite-speed")
        self.filters = self.find_all("*.filter-life-level")
        self.used = self.find_all("*.filter-used-time")
        self.left = self.find_all("filter.filter-left-time")
        self.motor = self.find_all("*.moto-speed-rpm", "*.motor-speed", "*.motor-set-speed", "*.motor-speed-rpm")
        self.volume = self.find("aqi.purify-volume", "*.purify-volume")
        self._life = [handle.number for handle in self.filters]
        self._hours = [handle.number for handle in self.used]
        self.when([self.on, self.mode, self.level, self.favourite], self._run)
        self.does("filter.reset-filter-life", self._renew)
        self._run()

    @property
    def speed(self) -> float:
        """0 at rest, 1 at full speed."""
        if not self.on.value:
            return 0.0
        if self.mode.says("sleep", "silent", "*sleep*"):
            return 0.15
        if self.mode.says("favorite", "favourite", "*strong*"):
            return 0.3 + 0.7 * self.favourite.fraction
        if self.mode.says("manual", "*level*", "none") or not self.mode:
            return 0.25 + 0.75 * self.level.fraction
        # Automatic: as hard as the air is bad.
        return min(1.0, max(0.2, self.room.pm25 / 75.0))

    def tick(self, seconds: float) -> None:
        self._run()
        speed = self.speed
        if speed:
            hours = seconds / 3_600.0
            for place, handle in enumerate(self.filters):
                self._life[place] = max(0.0, self._life[place] - 100.0 * speed * hours / _FILTER_HOURS)
                handle.set(self._life[place])
                if handle.number == 0:
                    self.happen("*.filter-exhausted", "filter.filter-eof")
            for place, handle in enumerate(self.used):
                self._hours[place] += hours
                handle.set(self._hours[place])
            for handle in self.left:
                handle.set(self._life[0] / 100.0 * _FILTER_HOURS / 24.0 if self._life else handle.number)
            self.volume.add(round(400.0 * speed * hours))

    def _run(self) -> None:
        speed = self.speed
        for handle in self.motor:
            handle.set(round(_TOP_RPM * speed / 10.0) * 10)
        self.affect(Effect(clean=_AIR_CHANGES * speed, noise=20.0 + 45.0 * speed) if speed else None)

    def _renew(self) -> None:
        self._life = [100.0] * len(self._life)
        self._hours = [0.0] * len(self._hours)
        for handle in self.filters:
            handle.set(100)
        for handle in self.used:
            handle.set(0)
