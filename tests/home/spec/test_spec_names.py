from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

import setaria.home.spec.names
from setaria.home.spec.library import SpecLibrary
from setaria.home.spec.load import load
from setaria.home.spec.model import Action, Event, Property, Service, Spec
from setaria.home.spec.names import name_of, value_name

TABLE = json.loads(Path(setaria.home.spec.names.__file__).with_name("names.json").read_text())


def test_every_shipped_device_type_and_service_has_a_name_in_both_languages(library: SpecLibrary) -> None:
    specs = [library.get(model) for model in library.models()]
    assert {spec.type_name for spec in specs} <= TABLE["device"].keys()
    named = {service.name for spec in specs for service in spec.services if service.properties or service.actions}
    assert named - TABLE["service"].keys() == {"service-1"}  # the one whose file gives no type


@pytest.mark.parametrize(("section", "number"), [("property", 200), ("action", 60), ("event", 40)])
def test_the_most_frequent_names_are_known(library: SpecLibrary, section: str, number: int) -> None:
    counted: Counter[str] = Counter()
    for model in library.models():
        spec = library.get(model)
        entries: list[Property | Action | Event] = [*spec.properties(), *spec.actions(), *spec.events()]
        kind = {"property": Property, "action": Action, "event": Event}[section]
        counted.update(entry.name for entry in entries if isinstance(entry, kind))
    known = [name for name, _ in counted.most_common(number) if name in TABLE[section]]
    assert len(known) >= number * 0.9


def test_every_name_is_a_pair_and_chinese_is_chinese() -> None:
    same_in_both = {"PM2.5", "PM10"}
    for section in TABLE.values():
        for key, (chinese, english) in section.items():
            assert chinese.strip() == chinese
            assert english.strip() == english
            assert chinese in same_in_both or any("\u4e00" <= letter <= "\u9fff" for letter in chinese), key
            assert english.isascii(), key


def test_names_in_both_languages(library: SpecLibrary) -> None:
    strip = library.get("cuco.plug.cp5")
    assert [name_of(strip, language) for language in ("zh-CN", "en", "fr")] == ["插座", "Outlet", "Outlet"]
    assert name_of(strip.find_service("switch#2"), "zh-CN") == "开关 2"
    fan = library.get("dmaker.fan.p11")
    assert name_of(fan.find_property("alarm.alarm"), "en") == "Beep"
    assert name_of(fan.find_property("fan.fan-level"), "zh-CN") == "风速"
    assert name_of(fan.find_action("off-delay-time.toggle"), "zh-CN") == "切换"
    assert (
        name_of(library.get("lumi.sensor_motion.v2").find_event("motion-sensor.motion-detected"), "zh-CN")
        == "检测到移动"
    )


def test_a_name_not_in_the_table_falls_back_to_the_spec() -> None:
    entries = [
        {"iid": 1, "format": "bool", "description": "Beam on", "type": "urn:miot-spec-v2:property:beam:1:a:1"},
        {"iid": 2, "format": "bool", "type": "urn:miot-spec-v2:property:beam-width:1:a:1"},
    ]
    device = {"type": "urn:miot-spec-v2:device:teleporter:0000AFFF:a:1", "description": "Beam me up"}
    service = {"iid": 2, "type": "urn:miot-spec-v2:service:pad:1:a:1", "properties": entries}
    spec = load(json.dumps({**device, "services": [service]}).encode())
    named: list[Spec | Service | Property] = [spec, *spec.services, *spec.properties()]
    assert [name_of(each, "zh-CN") for each in named] == ["Beam me up", "Pad", "Beam on", "Beam width"]


def test_values_have_names(library: SpecLibrary) -> None:
    mode = library.get("xiaomi.airc.r24r00").find_property("air-conditioner.mode")
    assert (value_name(mode, 2, "zh-CN"), value_name(mode, 2, "en")) == ("制冷", "Cool")
    assert value_name(mode, 99, "en") == ""
    locked = library.get("setaria.scooter.k1").find_property("scooter.locked")
    assert (value_name(locked, True, "zh-CN"), value_name(locked, False, "en")) == ("已锁", "Unlocked")
