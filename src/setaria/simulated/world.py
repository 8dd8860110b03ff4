"""The rooms the things stand in: air, light and noise, pulled about by the weather and by what the things do."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Final

import msgspec

from setaria.facts.clock import DAY, HOUR, MINUTE, SECOND, Clock

CHINA: Final = 8 * HOUR
_STEP: Final = MINUTE
_MIDSUMMER: Final = 172  # day of the year


class Effect(msgspec.Struct, frozen=True):
    """What one thing does to its room. `heat` in °C/h, `damp` in % relative humidity/h, `clean` in air changes/h."""

    heat: float = 0.0
    damp: float = 0.0
    clean: float = 0.0
    lux: float = 0.0
    noise: float = 0.0


class Room:
    """°C, % relative humidity, μg/m³, lux, dB. `window` is how much daylight comes in, 0 to 1."""

    def __init__(self, name: str, random: Random, window: float = 0.4) -> None:
        self.name = name
        self.window = window
        self.temperature = random.uniform(20.0, 24.0)
        self.humidity = random.uniform(42.0, 55.0)
        self.pm25 = random.uniform(25.0, 60.0)
        self.daylight = 0.0
        self.occupants: set[str] = set()
        self.on_motion: list[Callable[[], None]] = []
        self.on_door: list[Callable[[bool], None]] = []
        self._effects: dict[str, Effect] = {}

    @property
    def lux(self) -> float:
        return self.daylight + sum(effect.lux for effect in self._effects.values())

    @property
    def noise(self) -> float:
        levels = [32.0 + 6.0 * len(self.occupants), *(effect.noise for effect in self._effects.values())]
        return 10.0 * math.log10(sum(10.0 ** (level / 10.0) for level in levels))

    def affect(self, source: str, effect: Effect | None) -> None:
        if effect is None:
            self._effects.pop(source, None)
        else:
            self._effects[source] = effect

    def motion(self) -> None:
        for tell in tuple(self.on_motion):
            tell()

    def door(self, opened: bool) -> None:
        for tell in tuple(self.on_door):
            tell(opened)

    def pass_time(self, hours: float, weather: Weather) -> None:
        heat = sum(effect.heat for effect in self._effects.values()) + 0.15 * len(self.occupants)
        damp = sum(effect.damp for effect in self._effects.values()) + 0.4 * len(self.occupants)
        clean = sum(effect.clean for effect in self._effects.values())
        # A flat leaks: a tenth of the difference to a mild version of outdoors every hour.
        leak = 1.0 - math.exp(-0.1 * hours)
        self.temperature += heat * hours + leak * (18.0 + 0.35 * (weather.temperature - 15.0) + 3.0 - self.temperature)
        self.humidity += damp * hours + leak * (weather.humidity - self.humidity)
        self.humidity = min(95.0, max(10.0, self.humidity))
        inflow = 0.35 * hours * max(0.0, weather.pm25 - self.pm25)
        self.pm25 = max(1.0, self.pm25 * math.exp(-clean * hours) + inflow)
        self.daylight = weather.sunlight * 0.01 * self.window


class Weather(msgspec.Struct):
    """Outdoors, with `sunlight` in lux."""

    temperature: float = 15.0
    humidity: float = 55.0
    pm25: float = 60.0
    sunlight: float = 0.0
    cloud: float = 0.3


class World:
    """All rooms, and the time of day at `offset` from UTC (in microseconds)."""

    def __init__(self, clock: Clock, random: Random, offset: int = CHINA) -> None:
        self.clock = clock
        self.random = random
        self.offset = offset
        self.rooms: dict[str, Room] = {}
        self.weather = Weather()
        self._observe()
        self._timer = clock.call_at(clock.ticks() + _STEP, self._step)

    def room(self, name: str) -> Room:
        """Made when first asked for."""
        found = self.rooms.get(name)
        if found is None:
            window = {"door": 0.1, "balcony": 0.9}.get(name, self.random.uniform(0.3, 0.5))
            found = self.rooms[name] = Room(name, Random(f"{self.random.random()}"), window)  # noqa: S311  a simulation
            found.pass_time(0.0, self.weather)
        return found

    def local(self) -> tuple[int, int]:
        """The local day, counted from 1970-01-01, and the second of it."""
        day, rest = divmod(self.clock.now() + self.offset, DAY)
        return day, rest // SECOND

    def weekend(self, day: int) -> bool:
        return (day + 3) % 7 >= 5  # 1970-01-01 was a Thursday

    def stop(self) -> None:
        self._timer.cancel()

    def _step(self) -> None:
        self._timer = self.clock.call_at(self.clock.ticks() + _STEP, self._step)
        weather = self.weather
        weather.cloud = min(0.9, max(0.0, weather.cloud + self.random.gauss(0.0, 0.01)))
        weather.pm25 = min(280.0, max(8.0, weather.pm25 + self.random.gauss(0.0, 0.6) + 0.001 * (60.0 - weather.pm25)))
        self._observe()
        for room in self.rooms.values():
            room.pass_time(_STEP / HOUR, weather)

    def _observe(self) -> None:
        day, second = self.local()
        season = math.cos(2.0 * math.pi * ((day % 365.25) - _MIDSUMMER) / 365.25)
        hour_angle = 2.0 * math.pi * (second / 86_400.0 - 0.5)
        elevation = 0.42 + 0.22 * season + 0.6 * (math.cos(hour_angle) - 0.55)
        weather = self.weather
        weather.sunlight = 90_000.0 * max(0.0, min(1.0, elevation)) * (1.0 - weather.cloud)
        weather.temperature = 14.0 + 13.0 * season + 5.0 * math.cos(hour_angle - 0.6)
        weather.humidity = 55.0 + 15.0 * season - 8.0 * math.cos(hour_angle - 0.6)
