"""Lights. What is asked for shows at once; the light itself fades to it within a second, and lights the room."""

from __future__ import annotations

from functools import partial
from typing import Final

from setaria.simulated.behaviour.base import Behaviour, Handle
from setaria.simulated.world import Effect

FADE_S: Final = 1.0
_STEPS: Final = 10
_LUX: Final = 300.0  # of one lamp at full brightness


class Light(Behaviour):
    """`shining` is the actual brightness in per cent, as an eye sees it."""

    def setup(self) -> None:
        self.on = self.find("light.on", "ambient-light.on", "*.on")
        self.brightness = self.find("light.brightness", "ambient-light.brightness")
        self.temperature = self.find("light.color-temperature", "ambient-light.color-temperature")
        self.shining = 0.0
        self._from = 0.0
        self.when([self.on, self.brightness], self._fade)
        for name, handle in (("bright", self.brightness), ("brightness", self.brightness), ("ct", self.temperature)):
            for ending, share in (("increase", 0.1), ("up", 0.1), ("decrease", -0.1), ("down", -0.1)):
                self.does(f"*.{name}-{ending}", partial(self._step, handle, share))
        self._settle()

    @property
    def target(self) -> float:
        if not self.on.value:
            return 0.0
        return 100.0 * max(0.01, self.brightness.fraction) if self.brightness else 100.0

    def _step(self, handle: Handle, share: float) -> None:
        handle.set_fraction(handle.fraction + share)
        self._fade()

    def _fade(self) -> None:
        self._from = self.shining
        self._show(1)

    def _show(self, step: int) -> None:
        self.shining = self._from + (self.target - self._from) * step / _STEPS
        if step < _STEPS:
            self.after("fade", FADE_S / _STEPS, partial(self._show, step + 1))
        else:
            self._settle()

    def _settle(self) -> None:
        self.shining = self.target
        self.affect(Effect(lux=_LUX * self.shining / 100.0) if self.shining else None)
