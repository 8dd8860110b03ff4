"""Fans: levels and speeds say the same thing twice, and a timer turns them off."""

from __future__ import annotations

from setaria.facts.clock import MINUTE
from setaria.simulated.behaviour.base import Behaviour, Handle
from setaria.simulated.world import Effect


class Fan(Behaviour):
    PERIOD = MINUTE

    def setup(self) -> None:
        self.on = self.find("fan.on", "*.on")
        self.level = self.find("fan.fan-level", "*.fan-level")
        self.speed = self.find("fan.speed-level", "*.speed-level", "*.stepless-fan-level")
        self.delay = self.find("*.off-delay-time", "*.off-delay", "*.power-off-time", "*.countdown-time")
        self._minutes = 0.0
        self.when(self.on, self._run)
        self.when(self.level, self._level_chosen)
        self.when(self.speed, self._speed_chosen)
        self.when(self.delay, self._delayed)
        self._run()

    def tick(self, seconds: float) -> None:
        if self._minutes > 0 and self.on.value:
            self._minutes = max(0.0, self._minutes - seconds / 60.0)
            self.delay.set(-(-self._minutes // 1))
            if not self._minutes:
                self.on.set(False)
                self._run()

    def _delayed(self) -> None:
        self._minutes = self.delay.number

    def _level_chosen(self) -> None:
        self._copy(self.level, self.speed)

    def _speed_chosen(self) -> None:
        self._copy(self.speed, self.level)

    def _copy(self, source: Handle, sink: Handle) -> None:
        sink.set_fraction(source.fraction)
        self._run()

    def _run(self) -> None:
        strength = max(self.level.fraction, self.speed.fraction)
        self.affect(Effect(noise=28.0 + 28.0 * strength) if self.on.value else None)
