"""Curtains and airers: a motor that takes ten seconds from end to end."""

from __future__ import annotations

from typing import Final

from setaria.simulated.behaviour.base import Behaviour

TRAVEL_S: Final = 10.0
_STEP_S: Final = 0.5


class Cover(Behaviour):
    """`position` is exact, in per cent open; the property shows whole steps of it."""

    def setup(self) -> None:
        self.control = self.find("curtain.motor-control", "airer.motor-control", "*.motor-control")
        self.current = self.find("*.current-position")
        self.target = self.find("*.target-position")
        self.status = self.find("curtain.status", "airer.status")
        self.position = 100.0 * self.current.fraction
        self._goal = self.position
        self.when(self.target, self._to_target)
        self.when(self.control, self._controlled)
        self._say()

    def _to_target(self) -> None:
        self._go(100.0 * self.target.fraction)

    def _controlled(self) -> None:
        if self.control.says("pause", "stop", "*pause*", "*stop*"):
            self._go(self.position)
        elif self.control.says("open", "up", "*open*", "*up*"):
            self._go(100.0)
        elif self.control.says("close", "down", "*close*", "*down*"):
            self._go(0.0)
        else:  # toggle, cycle
            self._go(0.0 if self.position > 50.0 else 100.0)

    def _go(self, goal: float) -> None:
        self._goal = goal
        if self.target.fraction * 100.0 != goal:
            self.target.set(goal)
        self._say()
        if self.position != goal:
            self.after("move", _STEP_S, self._move)
        else:
            self.cancel("move")

    def _move(self) -> None:
        stride = 100.0 * _STEP_S / TRAVEL_S
        left = self._goal - self.position
        self.position = self._goal if abs(left) <= stride else self.position + (stride if left > 0 else -stride)
        self.current.set(self.position)
        if self.position != self._goal:
            self.after("move", _STEP_S, self._move)
        self._say()

    def _say(self) -> None:
        if self.position == self._goal:
            self.status.choose("stopped", "stop", "*stop*", "*pause*", "idle")
        elif self._goal > self.position:
            self.status.choose("opening", "*opening*", "up", "*up*", "*rising*")
        else:
            self.status.choose("closing", "*closing*", "down", "*down*", "*drop*")
