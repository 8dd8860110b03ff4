"""What things do by themselves, watched on a virtual clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from setaria.facts.clock import DAY, HOUR, MINUTE, SECOND, VirtualClock
from setaria.home.ports import Value
from setaria.home.spec.library import SpecLibrary
from setaria.simulated.assembly import SimulatedHome
from setaria.simulated.behaviour import KINDS
from setaria.simulated.behaviour.base import Behaviour
from setaria.simulated.behaviour.cover import Cover
from setaria.simulated.behaviour.light import Light
from setaria.simulated.behaviour.lock import Lock
from setaria.simulated.behaviour.vacuum import Doing, Vacuum
from setaria.simulated.sample_home import SampleThing
from setaria.simulated.thing import Code, SimulatedThing

LIBRARY = SpecLibrary()
NOON = (20_600 * 24 + 4) * HOUR  # of a day in May 2026, in China
WINTER = (20_470 * 24 + 4) * HOUR
_B = TypeVar("_B", bound=Behaviour)


class Bench:
    """One thing in a room, with what it told."""

    def __init__(self, model: str, start: int = NOON) -> None:
        self.clock = VirtualClock(start)
        self.home = SimulatedHome([SampleThing("it", "7", model, "", "", "door")], LIBRARY, self.clock, 1)
        for resident in self.home.residents.values():
            resident.stop()
        self.thing: SimulatedThing = self.home.things["7"]
        self.room = self.home.world.room("door")
        self.told: list[tuple[str, Value]] = []
        self.events: list[str] = []
        self.thing.reported = lambda prop, value: self.told.append((prop.address, value))
        self.thing.happened = lambda event, _arguments: self.events.append(event.name)

    def behaviour(self, kind: type[_B]) -> _B:
        return next(each for each in self.home.behaviours["7"] if isinstance(each, kind))

    def value(self, address: str) -> Value:
        prop = self.thing.spec.find_property(address)
        return self.thing.values[prop.siid, prop.piid]

    def number(self, address: str) -> float:
        value = self.value(address)
        assert not isinstance(value, str)
        return float(value)

    def says(self, address: str) -> str:
        return self.thing.spec.find_property(address).described(self.value(address))

    def write(self, address: str, value: Value) -> None:
        prop = self.thing.spec.find_property(address)
        assert self.thing.write(prop.siid, prop.piid, value) is Code.OK

    def act(self, address: str) -> None:
        action = self.thing.spec.find_action(address)
        assert self.thing.act(action.siid, action.aiid, [])[0] is Code.OK


def test_a_lamp_shows_its_target_at_once_and_fades_to_it_in_a_second() -> None:
    bench = Bench("yeelink.light.lamp22")
    lamp = bench.behaviour(Light)
    assert lamp.shining == 0
    bench.write("light.brightness", 100)
    bench.write("light.on", True)
    bench.clock.advance(SECOND // 2)
    assert bench.value("light.brightness") == 100
    assert 40 <= lamp.shining <= 60
    dark = bench.room.lux
    bench.clock.advance(SECOND)
    assert lamp.shining == 100
    assert bench.room.lux > dark + 100
    bench.act("light.toggle")
    assert bench.value("light.on") is False
    bench.clock.advance(2 * SECOND)
    assert lamp.shining == 0


def test_a_purifier_cleans_the_air_while_it_runs_and_wears_its_filter() -> None:
    bench = Bench("zhimi.airp.mb5")
    bench.room.pm25 = bench.home.world.weather.pm25 = 150.0
    bench.clock.advance(5 * MINUTE)
    start = bench.number("environment.pm2.5-density")
    assert start > 100
    bench.write("air-purifier.on", True)
    bench.write("air-purifier.mode", 3)
    bench.write("air-purifier.fan-level", 3)
    assert bench.number("custom-service.moto-speed-rpm") > 2_000
    bench.clock.advance(HOUR)
    clean = bench.number("environment.pm2.5-density")
    assert clean < 0.3 * start
    assert ("environment.pm2.5-density", bench.value("environment.pm2.5-density")) in bench.told
    life = bench.number("filter.filter-life-level")
    bench.clock.advance(5 * DAY)
    assert bench.number("filter.filter-life-level") < life
    bench.write("air-purifier.on", False)
    bench.clock.advance(3 * HOUR)
    assert bench.number("environment.pm2.5-density") > clean + 10


def test_a_vacuum_sweeps_runs_down_returns_to_its_dock_and_charges() -> None:
    bench = Bench("dreame.vacuum.p2009")
    vacuum = bench.behaviour(Vacuum)
    assert bench.says("vacuum.status") == "Charging"
    bench.clock.advance(3 * HOUR)
    assert bench.value("battery.battery-level") == 100
    bench.act("vacuum.start-sweep")
    assert bench.says("vacuum.status") == "Sweeping"
    bench.clock.advance(20 * MINUTE)
    assert bench.number("battery.battery-level") < 90
    assert bench.number("vacuum-extend.cleaning-area") > 10
    bench.clock.advance(26 * MINUTE)
    assert bench.says("vacuum.status") == "Go Charging"
    assert "cleanup-completed" in bench.events
    low = bench.number("battery.battery-level")
    bench.clock.advance(30 * MINUTE)
    assert bench.says("vacuum.status") == "Charging"
    assert bench.says("battery.charging-state") == "Charging"
    assert bench.number("battery.battery-level") > low
    assert vacuum.doing is Doing.CHARGING


def test_an_empty_vacuum_goes_home_by_itself_and_can_be_called_home() -> None:
    bench = Bench("dreame.vacuum.p2009")
    vacuum = bench.behaviour(Vacuum)
    vacuum._charge = 20.0
    bench.act("vacuum.start-sweep")
    bench.clock.advance(6 * MINUTE)
    assert "low-battery" in bench.events
    assert bench.says("vacuum.status") == "Go Charging"
    bench.act("vacuum.stop-sweeping")
    assert bench.says("vacuum.status") == "Paused"
    bench.clock.advance(10 * MINUTE)
    assert bench.says("vacuum.status") == "Paused"
    bench.act("battery.start-charge")
    bench.clock.advance(2 * MINUTE)
    assert vacuum.doing is Doing.CHARGING


@pytest.mark.parametrize("model", [m for m in LIBRARY.models() if LIBRARY.get(m).type_name == "vacuum"])
def test_every_vacuum_that_can_be_started_says_that_it_cleans(model: str) -> None:
    bench = Bench(model)
    vacuum = bench.behaviour(Vacuum)
    starts = [action for action in bench.thing.spec.actions() if action.name in ("start-sweep", "start-clean", "start")]
    if not starts or not vacuum.status:
        pytest.skip("nothing to start or nothing that says so")
    docked = vacuum.status.value
    bench.thing.act(starts[0].siid, starts[0].aiid, [_some(bench, starts[0].siid, piid) for piid in starts[0].inputs])
    assert vacuum.doing is Doing.SWEEPING
    assert vacuum.status.value != docked


def _some(bench: Bench, siid: int, piid: int) -> Value:
    return bench.thing.values[siid, piid]


@pytest.mark.parametrize(
    ("model", "opens", "status"), [("lumi.curtain.hagl08", 1, "Opening"), ("kyok.curtain.kycl", 0, "Opening")]
)
def test_a_curtain_takes_ten_seconds_and_can_be_stopped_on_the_way(model: str, opens: int, status: str) -> None:
    bench = Bench(model)
    curtain = bench.behaviour(Cover)
    bench.write("curtain.motor-control", opens)
    bench.clock.advance(5 * SECOND)
    assert bench.says("curtain.status") == status
    assert bench.value("curtain.current-position") == 50
    assert bench.value("curtain.target-position") == 100
    bench.clock.advance(6 * SECOND)
    assert bench.value("curtain.current-position") == 100
    assert bench.says("curtain.status") == "Stopped"
    bench.write("curtain.target-position", 20)
    bench.clock.advance(3 * SECOND)
    assert bench.says("curtain.status") == "Closing"
    pause = next(v for v, d in bench.thing.spec.find_property("curtain.motor-control").values if d == "Pause")
    bench.write("curtain.motor-control", pause)
    bench.clock.advance(20 * SECOND)
    assert curtain.position == 70
    assert bench.says("curtain.status") == "Stopped"


def test_a_washer_counts_down_and_says_when_it_is_done() -> None:
    bench = Bench("mibx5.washer.v7")
    assert bench.says("washer.status") == "Off"
    bench.act("washer.start-wash")
    minutes = bench.number("washer.left-time")
    assert minutes >= 40
    assert bench.says("washer.status") == "Running"
    assert bench.says("washer.door-state").startswith("Locked")
    bench.clock.advance(10 * MINUTE)
    assert bench.number("washer.left-time") == pytest.approx(minutes - 10, abs=1)
    bench.act("washer.pause")
    bench.clock.advance(HOUR)
    assert bench.says("washer.status") == "Paused"
    bench.act("washer.start-wash")
    bench.clock.advance(int(minutes) * MINUTE)
    assert bench.says("washer.status") == "Wash Finished"
    assert bench.value("washer.left-time") == 0
    assert bench.events == ["wash-end"]


def test_a_cooker_cooks_and_keeps_warm() -> None:
    bench = Bench("chunmi.cooker.normalcd1")
    action = bench.thing.spec.find_action("cooker.start-cook")
    assert bench.thing.act(action.siid, action.aiid, [2])[0] is Code.OK
    assert bench.says("cooker.status") == "Running"
    bench.clock.advance(HOUR)
    assert bench.says("cooker.status") == "Keep Warm"
    assert bench.events == ["cooking-finished"]
    bench.act("cooker.cancel-cooking")
    assert bench.says("cooker.status") == "Idle"


def test_a_kettle_warms_its_water_to_the_target() -> None:
    bench = Bench("yunmi.kettle.r3")
    cold = bench.number("kettle.temperature")
    bench.write("kettle.target-temperature", 80)
    bench.clock.advance(30 * SECOND)
    assert cold < bench.number("kettle.temperature") < 80
    bench.clock.advance(5 * MINUTE)
    assert bench.value("kettle.temperature") == 80
    assert bench.says("kettle.mode") == "Warm Water"
    bench.clock.advance(5 * HOUR)
    assert bench.number("kettle.temperature") < 50


def test_a_water_dispenser_pours_and_rests() -> None:
    bench = Bench("xiaomi.ysj.a1en")
    bench.write("water-dispenser.water-mode", 2)
    assert bench.says("water-dispenser.status") == "Water Coming Out"
    bench.clock.advance(MINUTE)
    assert bench.says("water-dispenser.status") == "Idle"


def test_a_lock_bolts_itself_thirty_seconds_after_the_door_closed() -> None:
    bench = Bench("miot.door.06131")
    lock = bench.behaviour(Lock)
    bench.room.door(True)
    assert bench.says("door.door-state") == "Open"
    bench.clock.advance(5 * MINUTE)
    assert bench.events == [], "an open door cannot be bolted"
    bench.room.door(False)
    bench.clock.advance(29 * SECOND)
    assert bench.events == []
    bench.room.door(True)
    bench.clock.advance(MINUTE)
    assert bench.events == [], "opened again in time"
    bench.room.door(False)
    bench.clock.advance(31 * SECOND)
    assert bench.events == ["lock-event"]
    assert lock.locked


def test_an_air_conditioner_brings_its_room_to_the_target_and_draws_power() -> None:
    bench = Bench("xiaomi.airc.r24r00")
    bench.room.temperature = 31.0
    bench.write("air-conditioner.mode", 2)
    bench.write("air-conditioner.target-temperature", 25.0)
    bench.write("air-conditioner.on", True)
    energy = bench.number("power-consumption.power-consumption")
    bench.clock.advance(2 * HOUR)
    assert bench.room.temperature == pytest.approx(25.0, abs=1.0)
    assert bench.number("environment.temperature") == pytest.approx(bench.room.temperature, abs=1.6)
    assert bench.number("power-consumption.power-consumption") > energy + 0.3


@pytest.mark.parametrize(("model", "service"), [("zhimi.heater.mc2", "heater"), ("cubee.airrtc.th123e", "thermostat")])
def test_a_heater_warms_its_room_and_no_further_than_it_was_told(model: str, service: str) -> None:
    bench = Bench(model, WINTER)
    bench.room.temperature = 12.0
    bench.write(f"{service}.target-temperature", 22.0)
    bench.write(f"{service}.on", True)
    bench.clock.advance(8 * HOUR)
    assert 20.5 < bench.room.temperature < 23.0


def test_a_humidifier_moistens_its_room_until_its_tank_is_empty() -> None:
    bench = Bench("zhimi.humidifier.ca4")
    bench.room.humidity = 30.0
    bench.write("humidifier.target-humidity", 60)
    bench.write("humidifier.on", True)
    tank = bench.number("humidifier.water-level")
    bench.clock.advance(4 * HOUR)
    assert bench.room.humidity > 50
    assert bench.number("humidifier.water-level") < tank
    bench.write("humidifier.target-humidity", 80)
    bench.clock.advance(5 * DAY)
    assert bench.events == ["low-water-level"]


def test_a_plug_counts_what_is_drawn_through_it() -> None:
    bench = Bench("cuco.plug.cp5pro")
    energy = bench.number("power-consumption.power-consumption")
    bench.clock.advance(HOUR)
    assert bench.number("power-consumption.electric-power") == 0
    bench.write("switch.on", True)
    bench.clock.advance(10 * HOUR)
    assert bench.number("power-consumption.electric-power") > 5
    assert bench.number("power-consumption.power-consumption") > energy


def test_motion_and_doors_are_told_and_quieten() -> None:
    motion = Bench("lumi.sensor_motion.v2")
    motion.room.motion()
    assert motion.told == [("motion-sensor.motion-state", True)]
    assert motion.events == ["motion-detected"]
    motion.clock.advance(50 * SECOND)
    motion.room.motion()
    motion.clock.advance(50 * SECOND)
    assert motion.value("motion-sensor.motion-state") is True
    motion.clock.advance(20 * SECOND)
    assert motion.value("motion-sensor.motion-state") is False
    door = Bench("lumi.sensor_magnet.v2")
    door.room.door(True)
    assert door.value("magnet-sensor.contact-state") is False
    door.clock.advance(2 * MINUTE)
    door.room.door(False)
    assert door.events == ["open", "door-not-closed", "close"]


def test_a_camera_sees_people_but_not_more_often_than_its_interval_and_not_when_off() -> None:
    bench = Bench("isa.camera.hlc7")
    bench.write("motion-detection.alarm-interval", 5)
    for _ in range(3):
        bench.room.motion()
        bench.clock.advance(MINUTE)
    assert bench.events == ["hl-people-motion"]
    bench.clock.advance(5 * MINUTE)
    bench.write("camera-control.on", False)
    bench.room.motion()
    assert bench.events == ["hl-people-motion"]


def test_a_speaker_plays_pauses_and_comes_to_an_end() -> None:
    bench = Bench("xiaomi.wifispeaker.lx06")
    bench.act("play-control.play")
    assert bench.says("play-control.playing-state") == "Playing"
    bench.act("play-control.pause")
    assert bench.says("play-control.playing-state") == "Pause"
    bench.act("play-control.play")
    bench.clock.advance(HOUR)
    assert bench.says("play-control.playing-state") == "Stop"


def test_a_fan_keeps_level_and_speed_in_step_and_turns_itself_off() -> None:
    bench = Bench("dmaker.fan.p10")
    bench.write("fan.on", True)
    bench.write("fan.speed-level", 100)
    assert bench.value("fan.fan-level") == 4
    bench.write("fan.off-delay-time", 30)
    bench.clock.advance(20 * MINUTE)
    assert bench.value("fan.on") is True
    bench.clock.advance(12 * MINUTE)
    assert bench.value("fan.on") is False


def test_a_wall_switch_turns_over_what_its_turn_is_told() -> None:
    bench = Bench("090615.switch.mesw2")
    bench.write("switchturn#2.turn", 1)
    assert (bench.value("switch.on"), bench.value("switch#2.on")) == (False, True)


def test_a_gateway_says_that_it_was_armed() -> None:
    bench = Bench("lumi.gateway.mgl03")
    bench.write("arming.arming-mode", 2)
    assert ("arming.target-arming-mode", 2) in bench.told
    assert ("arming.arming-change", 2) in bench.told


def test_a_fridge_stays_cold_and_its_compressor_rests_between() -> None:
    bench = Bench("setaria.fridge.f1")
    seen: set[str] = set()
    for _ in range(120):
        bench.clock.advance(MINUTE)
        seen.add(bench.says("fridge.status"))
        assert abs(bench.number("fridge-chamber.temperature") - bench.number("fridge-chamber.target-temperature")) < 3
    assert seen == {"Idle", "Cooling"}


def test_a_scooter_does_not_ride_away_locked() -> None:
    bench = Bench("setaria.scooter.k1")
    place = (bench.thing.spec.find_property("scooter.speed").siid, bench.thing.spec.find_property("scooter.speed").piid)
    bench.write("scooter.locked", True)
    bench.thing.handle(*place, 18.0)
    assert bench.value("scooter.speed") == 0
    assert bench.events == ["moved-while-locked"]
    bench.write("scooter.locked", False)
    battery = bench.number("battery.battery-level")
    bench.thing.handle(*place, 18.0)
    bench.clock.advance(20 * MINUTE)
    assert bench.says("scooter.status") == "Riding"
    assert bench.number("battery.battery-level") < battery - 5


def test_every_device_type_in_the_library_behaves_in_a_way_of_its_own_or_only_senses() -> None:
    types = {LIBRARY.get(model).type_name for model in LIBRARY.models()}
    assert types - set(KINDS) == {"air-monitor"}


def test_every_model_lives_through_a_day_within_its_spec_whatever_it_is_told() -> None:
    clock = VirtualClock(NOON)
    things = [SampleThing(f"t{n}", str(n + 1), model, "", "", "living") for n, model in enumerate(LIBRARY.models())]
    home = SimulatedHome(things, LIBRARY, clock, 3)
    for thing in home.things.values():
        for prop in thing.spec.properties():
            if prop.writable and prop.values:
                assert thing.write(prop.siid, prop.piid, prop.values[-1][0]) is Code.OK
            elif prop.writable and prop.name == "on":
                thing.write(prop.siid, prop.piid, True)
        for action in thing.spec.actions():
            thing.act(action.siid, action.aiid, [thing.values[action.siid, piid] for piid in action.inputs])
    clock.advance(DAY // 4)
    for thing in home.things.values():
        for prop in thing.spec.properties():
            value = thing.values[prop.siid, prop.piid]
            assert prop.check(value) == value, f"{thing.spec.model} {prop.address}"


def test_a_stopped_home_has_no_timers_left() -> None:
    clock = VirtualClock(NOON)
    fired: list[str] = []
    things = [SampleThing(f"t{n}", str(n + 1), model, "", "", "living") for n, model in enumerate(LIBRARY.models())]
    home = SimulatedHome(things, LIBRARY, clock, 3)
    clock.advance(HOUR)
    home.stop()
    watch: Callable[[object, object], None] = lambda _prop, _value: fired.append("told")  # noqa: E731
    for thing in home.things.values():
        thing.reported = watch
    clock.advance(DAY)
    assert fired == []
