"""Door locks: the door opens and closes with the residents; 30 seconds after it closed the bolt goes home by itself."""

from __future__ import annotations

from typing import Final

from setaria.simulated.behaviour.base import Behaviour

RELOCK_S: Final = 30.0


class Lock(Behaviour):
    def setup(self) -> None:
        self.door = self.find("door.door-state", "*.door-state")
        self.state = self.find("lock.locked", "lock.lock-state", "*.lock-state")
        self.locked = True
        self.opened = False
        self.door.choose("closed")
        self.when(self.door, self._told)
        self.does("lock.unlock", self.unlock)
        self.does("lock.lock", self.lock)
        self.room.on_door.append(self._door)

    def unlock(self) -> None:
        if self.locked:
            self.locked = False
            self._say("unlock", "unlocked")
        self._relock_later()

    def lock(self) -> None:
        if not self.locked and not self.opened:
            self.locked = True
            self._say("lock", "locked")

    def _door(self, opened: bool) -> None:
        self.door.choose("open") if opened else self.door.choose("closed")
        self._moved(opened)

    def _told(self) -> None:
        self._moved(self.door.says("open"))

    def _moved(self, opened: bool) -> None:
        if opened and self.locked:
            self.unlock()
        self.opened = opened
        if not opened:
            self._relock_later()

    def _relock_later(self) -> None:
        self.after("relock", RELOCK_S, self.lock)

    def _say(self, action: str, state: str) -> None:
        self.state.choose(state)
        if action == "lock":  # the list of this spec knows no other action
            self.happen("lock.lock-event", lock_action=1, operation_position=1)
