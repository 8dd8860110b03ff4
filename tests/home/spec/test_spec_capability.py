from __future__ import annotations

import pytest

from setaria.facts.refused import Refused
from setaria.home.spec.capability import capability, capability_in, kind_of
from setaria.home.spec.features import DEEDS, FEATURES, HAPPENINGS
from setaria.home.spec.formats import Access
from setaria.home.spec.kinds import KINDS, UNKNOWN, Tile
from setaria.home.spec.library import SpecLibrary
from setaria.home.spec.load import load

EXPECTED: list[tuple[str, Tile, int | None, str, dict[str, str], dict[str, str]]] = [
    (
        "yeelink.light.color5",
        Tile.LIGHT,
        0x010D,
        "light",
        {
            "on": "light.on",
            "brightness": "light.brightness",
            "color": "light.color",
            "color_temperature": "light.color-temperature",
        },
        {"toggle": "light.toggle"},
    ),
    ("yeelink.light.mono4", Tile.LIGHT, 0x0101, "light", {"brightness": "light.brightness"}, {}),
    (
        "jbl123.light.wy0a03",
        Tile.STRIP,
        0x010C,
        "light",
        {"mode": "light.mode"},
        {"brightness_up": "light.brightness-up"},
    ),
    (
        "cuco.plug.cp2",
        Tile.SWITCH,
        0x010A,
        "switch",
        {"on": "switch.on", "energy": "switch.power-consumption"},
        {"toggle": "switch.toggle"},
    ),
    ("yeelink.switch.sw1", Tile.SWITCH, 0x010F, "switch", {"on": "switch.on"}, {}),
    (
        "lumi.curtain.hagl08",
        Tile.CURTAIN,
        0x0202,
        "cover",
        {
            "position": "curtain.current-position",
            "target_position": "curtain.target-position",
            "motor_control": "curtain.motor-control",
        },
        {},
    ),
    (
        "zhimi.airp.mb5",
        Tile.PURIFIER,
        0x002D,
        "fan",
        {
            "pm25": "environment.pm2.5-density",
            "fan_level": "air-purifier.fan-level",
            "filter_life": "filter.filter-life-level",
        },
        {},
    ),
    ("dmaker.fan.p11", Tile.FAN, 0x002B, "fan", {"horizontal_swing": "fan.horizontal-swing", "mode": "fan.mode"}, {}),
    (
        "xiaomi.airc.r24r00",
        Tile.CLIMATE,
        0x0072,
        "climate",
        {
            "target_temperature": "air-conditioner.target-temperature",
            "temperature": "environment.temperature",
            "fan_level": "fan-control.fan-level",
            "humidity": "environment.relative-humidity",
        },
        {},
    ),
    ("zhimi.humidifier.ca4", Tile.PURIFIER, None, "humidifier", {"target_humidity": "humidifier.target-humidity"}, {}),
    (
        "roborock.vacuum.s5",
        Tile.VACUUM,
        0x0074,
        "vacuum",
        {"status": "vacuum.status", "battery": "battery.battery-level"},
        {
            "start": "vacuum.start-sweep",
            "stop": "vacuum.stop-sweeping",
            "return_to_dock": "battery.start-charge",
            "locate": "identify.identify",
        },
    ),
    ("viomi.vacuum.v7", Tile.VACUUM, 0x0074, "vacuum", {"mode": "vacuum.mode"}, {"pause": "vacuum.pause-sweeping"}),
    (
        "mibx5.washer.v7",
        Tile.APPLIANCE,
        0x0073,
        "sensor",
        {"left_time": "washer.left-time", "status": "washer.status"},
        {"start": "washer.start-wash", "pause": "washer.pause"},
    ),
    (
        "setaria.fridge.f1",
        Tile.APPLIANCE,
        0x0070,
        "sensor",
        {"temperature": "fridge-chamber.temperature", "door": "fridge-chamber.door-state"},
        {},
    ),
    (
        "isa.magnet.dw2hl",
        Tile.SENSOR,
        0x0015,
        "binary_sensor",
        {"contact": "magnet-sensor.contact-state", "illumination": "magnet-sensor.illumination"},
        {},
    ),
    ("lumi.sensor_motion.v2", Tile.SENSOR, 0x0107, "binary_sensor", {"motion": "motion-sensor.motion-state"}, {}),
    (
        "xiaomi.wifispeaker.lx06",
        Tile.SPEAKER,
        0x0022,
        "media_player",
        {"volume": "speaker.volume", "playing": "play-control.playing-state"},
        {"play": "play-control.play", "next": "play-control.next", "say": "intelligent-speaker.play-text"},
    ),
    ("isa.camera.hlc7", Tile.CAMERA, 0x0142, "camera", {"on": "camera-control.on"}, {}),
    (
        "miot.door.06131",
        Tile.LOCK,
        0x000A,
        "lock",
        {"battery": "battery.battery-level", "contact": "door.door-state"},
        {},
    ),
    (
        "setaria.scooter.k1",
        Tile.GENERIC,
        None,
        "sensor",
        {"locked": "scooter.locked", "mileage": "scooter.mileage"},
        {"locate": "scooter.identify"},
    ),
]


@pytest.mark.parametrize(("model", "tile", "matter", "domain", "features", "actions"), EXPECTED)
def test_what_each_kind_of_thing_can_do(
    library: SpecLibrary,
    model: str,
    tile: Tile,
    matter: int | None,
    domain: str,
    features: dict[str, str],
    actions: dict[str, str],
) -> None:
    seen = capability(library.get(model))
    assert (seen.tile, seen.matter, seen.domain) == (tile, matter, domain)
    assert {name: seen.features[name].address for name in features} == features
    assert {name: seen.actions[name].address for name in actions} == actions


def test_every_shipped_model_has_a_kind_and_something_to_show(library: SpecLibrary) -> None:
    for model in library.models():
        spec = library.get(model)
        seen = capability(spec)
        assert kind_of(spec) is not UNKNOWN, model
        assert seen.features, model
        assert seen.features.keys() <= FEATURES.keys()
        assert seen.actions.keys() <= DEEDS.keys()
        assert seen.events.keys() <= HAPPENINGS.keys()
        assert all(prop.access is not Access.NONE for prop in seen.features.values())


def test_no_feature_action_or_event_of_the_tables_is_dead(library: SpecLibrary) -> None:
    seen = [capability(library.get(model)) for model in library.models()]
    foreseen = {
        "submersion",
        "smoke",
        "open",
        "close",
        "lock",
        "unlock",
        "opened",
        "closed",
        "clicked",
        "double_clicked",
        "held",
    }
    used = {name for each in seen for table in (each.features, each.actions, each.events) for name in table}
    assert (FEATURES.keys() | DEEDS.keys() | HAPPENINGS.keys()) - used <= foreseen


def test_events_have_uniform_names(library: SpecLibrary) -> None:
    assert capability(library.get("miot.door.06131")).events["rang"].address == "doorbell.doorbell-ring"
    assert capability(library.get("lumi.sensor_motion.v2")).events["motion"].address == "motion-sensor.motion-detected"


def test_charging_a_lock_is_not_returning_to_a_dock(library: SpecLibrary) -> None:
    spec = library.get("miot.door.06131")
    assert spec.find_action("battery.start-charge")
    assert "return_to_dock" not in capability(spec).actions


def test_a_ceiling_lamp_with_a_fan_is_a_fan_too(library: SpecLibrary) -> None:
    lamp = library.get("yeelink.light.fancl1")
    seen = capability_in(lamp, "fan")
    assert seen is not None
    assert seen.features["on"].address == "fan.on"
    assert capability(lamp).features["on"].address == "light.on"
    assert capability_in(lamp, "cover") is None


def test_one_socket_of_a_strip(library: SpecLibrary) -> None:
    strip = library.get("cuco.plug.cp5")
    second = capability_in(strip, "switch", "switch#2")
    assert second is not None
    assert second.features["on"].address == "switch#2.on"
    assert capability_in(strip, "light", "switch#2") is None
    with pytest.raises(Refused, match="unknown_service"):
        capability_in(strip, "switch", "switch#99")


def test_a_kind_nobody_knows_is_generic() -> None:
    spec = load(b'{"type": "urn:miot-spec-v2:device:teleporter:0000AFFF:acme-one:1", "services": []}')
    seen = capability(spec)
    assert (seen.tile, seen.matter, dict(seen.features)) == (Tile.GENERIC, None, {})


def test_a_renamed_kind_is_known_by_its_code() -> None:
    spec = load(b'{"type": "urn:miot-spec-v2:device:super-lamp:0000A001:acme-one:1", "services": []}')
    assert kind_of(spec) is KINDS["light"]
