"""Motion and door sensors: they tell what the residents do."""

from __future__ import annotations

from typing import Final

from setaria.facts.clock import MINUTE
from setaria.simulated.behaviour.base import Behaviour

_QUIET_S: Final = 60.0
_LEFT_OPEN_S: Final = 60.0
_BRIGHT_LUX: Final = 60.0


class MotionSensor(Behaviour):
    def setup(self) -> None:
        self.state = self.find("motion-sensor.motion-state", "*.motion-state")
        self.room.on_motion.append(self._moved)

    def _moved(self) -> None:
        self.state.set(True)
        self.happen("motion-sensor.motion-detected", "*.motion-detected")
        self.after("quiet", _QUIET_S, self._quiet)

    def _quiet(self) -> None:
        self.state.set(False)


class DoorSensor(Behaviour):
    """`contact-state` is true while the magnet touches: closed."""

    PERIOD = MINUTE

    def setup(self) -> None:
        self.contact = self.find("magnet-sensor.contact-state", "*.contact-state")
        self.light = self.find("magnet-sensor.illumination")
        self.contact.set(True)
        self.when(self.contact, self._told)
        self.room.on_door.append(self._door)
        self.ticking = bool(self.light)

    def tick(self, seconds: float) -> None:
        self.light.choose("strong") if self.room.lux > _BRIGHT_LUX else self.light.choose("weak")

    def _door(self, opened: bool) -> None:
        self.contact.set(not opened)
        self._told()

    def _told(self) -> None:
        if self.contact.value:
            self.cancel("open")
            self.happen("magnet-sensor.close")
        else:
            self.happen("magnet-sensor.open")
            self.after("open", _LEFT_OPEN_S, self._left_open)

    def _left_open(self) -> None:
        self.happen("magnet-sensor.door-not-closed")
