"""Cameras and video doorbells: they notice who moves in front of them."""

from __future__ import annotations

from typing import Final

from setaria.simulated.behaviour.base import Behaviour

_PAUSE_S: Final = 180.0  # when the spec has no interval between two alarms


class Camera(Behaviour):
    def setup(self) -> None:
        self.on = self.find("camera-control.on")
        self.watching = self.find("motion-detection.motion-detection")
        self.interval = self.find("motion-detection.alarm-interval")
        self.on.set(True)
        self.watching.set(True)
        self._resting = False
        self.room.on_motion.append(self._moved)
        self.room.on_door.append(self._door)

    def _moved(self) -> None:
        if not self._resting and self._seeing:
            self._resting = True
            self.after("rest", 60.0 * self.interval.number if self.interval else _PAUSE_S, self._rested)
            self.happen("*.hl-people-motion", "*.hl-event-motion", "video-doorbell.someone-passed-by")

    def _door(self, opened: bool) -> None:
        if opened and self._seeing:
            self.happen("video-doorbell.someone-at-the-door")

    def _rested(self) -> None:
        self._resting = False

    @property
    def _seeing(self) -> bool:
        return (not self.on or bool(self.on.value)) and (not self.watching or bool(self.watching.value))
