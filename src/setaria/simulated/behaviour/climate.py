"""Whatever warms, cools, dries or moistens a room: air conditioners, heaters, thermostats, humidifiers, fans."""

from __future__ import annotations

from typing import Final

import msgspec

from setaria.facts.clock import MINUTE
from setaria.simulated.behaviour.base import Behaviour
from setaria.simulated.world import Effect


class Power(msgspec.Struct, frozen=True):
    """At full power, in the units of `Effect`."""

    heat: float = 0.0
    cool: float = 0.0
    moisten: float = 0.0
    dry: float = 0.0
    noise: float = 40.0
    watts: float = 40.0


POWERS: Final = {
    "air-conditioner": Power(heat=7.0, cool=8.0, dry=12.0, noise=44.0, watts=1_100.0),
    "air-condition-outlet": Power(heat=7.0, cool=8.0, dry=12.0, noise=44.0, watts=1_100.0),
    "heater": Power(heat=6.0, noise=25.0, watts=2_000.0),
    "bath-heater": Power(heat=15.0, noise=48.0, watts=2_400.0),
    "thermostat": Power(heat=3.0, noise=20.0),
    "electric-blanket": Power(heat=0.2, noise=20.0),
    "humidifier": Power(moisten=14.0, noise=38.0),
    "dehumidifier": Power(dry=10.0, heat=0.4, noise=46.0),
    "diffuser": Power(moisten=1.0, noise=30.0),
    "fan": Power(noise=42.0),
}
_BAND: Final = 1.0  # °C or per mille of humidity over which the power goes from none to full


class Climate(Behaviour):
    PERIOD = MINUTE

    def setup(self) -> None:
        own = self.thing.spec.type_name
        self.power = POWERS.get(own, Power())
        self.on = self.find(f"{own}.on", "air-conditioner.on", "ptc-bath-heater.on", "*.on")
        self.mode = self.find(f"{own}.mode", "air-conditioner.mode", "*.mode")
        self.target = self.find(f"{own}.target-temperature", "*.target-temperature")
        self.wetness = self.find(f"{own}.target-humidity", "*.target-humidity")
        self.status = self.find(f"{own}.status")
        self.tank = self.find("humidifier.water-level")
        self.watts = self.find("power-consumption.electric-power")
        self.energy = self.find("power-consumption.power-consumption")
        self._kwh = self.energy.number
        self._water = self.tank.number
        self.when([self.on, self.mode, self.target, self.wetness], self._run)
        self._run()

    @property
    def effort(self) -> Effect:
        """What it does to the room now; all zero when it has nothing to do."""
        if not self.on.value:
            return Effect()
        room, power = self.room, self.power
        warmer = _share(self.target.number - room.temperature) if self.target else 1.0
        cooler = _share(room.temperature - self.target.number) if self.target else 1.0
        wetter = _share((self.wetness.number - room.humidity) / 3.0) if self.wetness else 1.0
        drier = _share((room.humidity - self.wetness.number) / 3.0) if self.wetness else 1.0
        if power.cool:
            return self._conditioned(warmer, cooler)
        if self.tank and self.tank.number <= 0:
            wetter = 0.0
        heat = power.heat * (drier if power.dry else warmer)
        return Effect(heat=heat, damp=power.moisten * wetter - power.dry * drier, noise=power.noise)

    def tick(self, seconds: float) -> None:
        effect = self._run()
        hours = seconds / 3_600.0
        if self.tank and effect.damp > 0:
            self._water = max(0.0, self._water - 0.6 * effect.damp * hours)
            self.tank.set(self._water)
            if not self.tank.number:
                self.happen("humidifier.low-water-level")
        self._kwh += self._watts(effect) * hours / 1_000.0
        self.energy.set(self._kwh)

    def _conditioned(self, warmer: float, cooler: float) -> Effect:
        power = self.power
        if self.mode.says("heat"):
            return Effect(heat=power.heat * warmer, noise=power.noise)
        if self.mode.says("dry"):
            return Effect(heat=-0.5, damp=-power.dry, noise=power.noise)
        if self.mode.says("fan"):
            return Effect(noise=power.noise)
        if self.mode.says("auto"):
            return Effect(heat=power.heat * warmer - power.cool * cooler, noise=power.noise)
        return Effect(heat=-power.cool * cooler, damp=-2.0 * cooler, noise=power.noise)

    def _run(self) -> Effect:
        effect = self.effort
        self.affect(effect if effect != Effect() else None)
        busy = effect.heat != 0.0 or effect.damp != 0.0
        if busy:
            self.status.choose("busy", "heating", "heat", "*加热中*", "*cool*", "*work*", "running")
        else:
            self.status.choose("idle", "*未加热*", "off", "*idle*")
        self.watts.set(self._watts(effect))
        return effect

    def _watts(self, effect: Effect) -> float:
        if not self.on.value:
            return 0.8
        full = self.power.heat or self.power.cool or self.power.moisten or self.power.dry or 1.0
        return 12.0 + self.power.watts * min(1.0, (abs(effect.heat) + abs(effect.damp)) / full)


def _share(missing: float) -> float:
    return min(1.0, max(0.0, missing / _BAND))
