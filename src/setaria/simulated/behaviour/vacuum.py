"""Vacuums: out of the dock, round the rooms until done or nearly empty, back into the dock, and charge."""

from __future__ import annotations

from enum import Enum
from typing import Final

from setaria.facts.clock import SECOND
from setaria.simulated.behaviour.base import Behaviour
from setaria.simulated.world import Effect

CLEANING_S: Final = 45 * 60
RETURNING_S: Final = 90
_DRAIN: Final = 0.9  # per cent of the battery a minute
_CHARGE: Final = 0.6
_LOW: Final = 15
_AREA: Final = 1.0  # m² a minute


class Doing(Enum):
    """With the words that the many vendors' lists have for it, best first."""

    CHARGING = ("charging", "charging-completed", "charged", "fullcharge", "full", "docked", "idle", "sleep")
    SWEEPING = ("sweeping", "sweep", "cleaning", "*sweeping*", "working", "*clean*")
    MOPPING = ("mopping", "mop", "sweeping-and-mopping", "sweeping", "cleaning")
    PAUSED = ("paused", "pause", "*pause*", "idle")
    RETURNING = ("go-charging", "*go-charging*", "*gocharging*", "*charg*", "returning", "*return*")
    IDLE = ("idle", "standby", "sleep", "*idle*")


_OUT: Final = (Doing.SWEEPING, Doing.MOPPING)


class Vacuum(Behaviour):
    PERIOD = 20 * SECOND

    def setup(self) -> None:
        self.status = self.find("vacuum.status", "*.status")
        self.battery = self.find("battery.battery-level")
        self.charging = self.find("battery.charging-state")
        self.minutes = self.find("*.cleaning-time", "*.clean-time")
        self.area = self.find("*.cleaning-area", "*.clean-area")
        self.totals = self.find("*.total-clean-times", "*.total-clean-count", "*.total-clean-counts")
        self._charge = self.battery.number if self.battery else 100.0
        self._cleaned = 0.0
        for name in ("start-sweep", "start-only-sweep", "start-sweep-mop", "start-clean", "start-room-sweep", "start"):
            self.does(f"*.{name}", self._start)
        self.does("vacuum.start-mop", self._mop)
        for name in ("stop-sweeping", "stop-clean", "stop"):
            self.does(f"*.{name}", self._pause)  # where they stop they wait
        for name in ("pause-sweeping", "pause"):
            self.does(f"*.{name}", self._pause)
        for name in ("start-charge", "start-charging", "set-go-charging", "go-charging", "return-home"):
            self.does(f"*.{name}", self._return)
        self.doing = Doing.CHARGING
        self._become(Doing.CHARGING)

    def tick(self, seconds: float) -> None:
        if self.doing in _OUT:
            self._cleaned += seconds
            self._charge = max(0.0, self._charge - _DRAIN * seconds / 60.0)
            self.minutes.set(self._cleaned // 60)
            self.area.set(_AREA * self._cleaned / 60.0)
            if self._charge <= _LOW:
                self.happen("battery.low-battery")
                self._return()
            elif self._cleaned >= CLEANING_S:
                self._finish()
        elif self.doing is Doing.CHARGING:
            self._charge = min(100.0, self._charge + _CHARGE * seconds / 60.0)
        self.battery.set(int(self._charge))

    def _start(self) -> None:
        self._begin(Doing.SWEEPING)

    def _mop(self) -> None:
        self._begin(Doing.MOPPING)

    def _begin(self, doing: Doing) -> None:
        if self.doing is not Doing.PAUSED:
            self._cleaned = 0.0
        self._become(doing)

    def _pause(self) -> None:
        if self.doing in (*_OUT, Doing.RETURNING):
            self._become(Doing.PAUSED)

    def _finish(self) -> None:
        self.totals.add(1)
        self.happen("*.cleanup-completed", "*.clean-end", "*.finish-clean", "*.current-clean-record")
        self._return()

    def _return(self) -> None:
        if self.doing is not Doing.CHARGING:
            self._become(Doing.RETURNING)
            self.after("dock", RETURNING_S, self._dock)

    def _dock(self) -> None:
        self._become(Doing.CHARGING)

    def _become(self, doing: Doing) -> None:
        self.doing = doing
        if doing is not Doing.RETURNING:
            self.cancel("dock")
        self.status.choose(*doing.value)
        words = {Doing.CHARGING: ("charging",), Doing.RETURNING: ("go-charging", "not-charging")}
        self.charging.choose(*words.get(doing, ("not-charging", "*not*")))
        self.affect(Effect(noise=62.0) if doing in _OUT else None)
