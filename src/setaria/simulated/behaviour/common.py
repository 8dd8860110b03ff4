"""What things of every kind do: toggle, sense the air of their room, run down their battery."""

from __future__ import annotations

from functools import partial

from setaria.facts.clock import MINUTE
from setaria.simulated.behaviour.base import Behaviour, Handle
from setaria.simulated.world import Room

# Own temperatures (of a kettle's water, a motor, a chip) are not the room's; these are.
_SENSORS = ("environment", "temperature-humidity-sensor", "thermostat", "heater", "dm-service", "custom-serveice")


class Common(Behaviour):
    PERIOD = MINUTE

    def setup(self) -> None:
        self._senses: list[tuple[Handle, str, float]] = [
            (handle, quantity, self.random.gauss(0.0, error))
            for quantity, error, names in _QUANTITIES
            for handle in self.find_all(*names)
        ]
        self._battery = (
            self.find("battery.battery-level") if not self.find("vacuum.status", "scooter.status") else self.find()
        )
        self.ticking = bool(self._senses or self._battery)
        for siid, aiid in self.thing.actions_named("*.toggle"):
            for prop in self.thing.named(["*.on"]):
                if prop.siid == siid and prop.format == "bool":
                    self.thing.on_acted.setdefault((siid, aiid), []).append(partial(self._toggle, siid, prop.piid))
        self._sense()

    def tick(self, seconds: float) -> None:
        self._sense()
        # Two AA cells last a sensor two years: one per cent a week. Whole per cents fall out now and then.
        if self._battery and self.random.random() < seconds / (7 * 86_400.0):
            self._battery.add(-1)

    def _sense(self) -> None:
        for handle, quantity, error in self._senses:
            handle.set(_read(self.room, quantity) + error)

    def _toggle(self, siid: int, piid: int) -> None:
        self.thing.handle(siid, piid, not self.thing.values[siid, piid])


_QUANTITIES = (
    (
        "temperature",
        0.3,
        tuple(f"{service}.{name}" for service in _SENSORS for name in ("temperature", "indoor-temperature")),
    ),
    ("humidity", 1.5, tuple(f"{service}.relative-humidity" for service in _SENSORS)),
    ("pm25", 1.0, ("environment.pm2.5-density",)),
    ("lux", 0.0, ("illumination-sensor.illumination", "motion-sensor.illumination", "environment.illumination")),
    ("fahrenheit", 0.3, ("environment.fahrenheit",)),
    ("noise", 0.5, ("environment.noise-decibel", "environment.noise")),
)


def _read(room: Room, quantity: str) -> float:
    match quantity:
        case "temperature":
            return room.temperature
        case "humidity":
            return room.humidity
        case "pm25":
            return room.pm25
        case "lux":
            return room.lux
        case "fahrenheit":
            return room.temperature * 1.8 + 32.0
        case _:
            return room.noise
