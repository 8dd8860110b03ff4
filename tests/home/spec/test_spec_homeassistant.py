from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setaria.facts.refused import Refused
from setaria.home.ports import Value
from setaria.home.spec.homeassistant import Data, ServiceAct, ServiceToggle, ServiceWrite, Step, services_of, translate
from setaria.home.spec.library import SpecLibrary
from setaria.home.spec.services_table import ADDRESSED, RULES

LAMP, FAN, CURTAIN, COOLER = "yeelink.light.color5", "dmaker.fan.p11", "lumi.curtain.hagl08", "xiaomi.airc.r24r00"
ROBOT, SPEAKER = "roborock.vacuum.s5", "xiaomi.wifispeaker.lx06"
LIBRARY = SpecLibrary()


def shown(step: Step) -> tuple[str, Value | None]:
    if isinstance(step, ServiceWrite):
        return step.property.address, step.value
    if isinstance(step, ServiceToggle):
        return f"!{step.property.address}", None
    return f"{step.action.address}()", None


CALLS: list[tuple[str, str, Data, list[tuple[str, Value | None]]]] = [
    (LAMP, "light.turn_on", {}, [("light.on", True)]),
    (LAMP, "light.turn_on", {"brightness": 128, "transition": 2}, [("light.on", True), ("light.brightness", 50)]),
    (LAMP, "light.turn_on", {"brightness": 1}, [("light.on", True), ("light.brightness", 1)]),
    (LAMP, "light.turn_on", {"brightness_pct": "70"}, [("light.on", True), ("light.brightness", 70)]),
    (LAMP, "light.turn_on", {"brightness_pct": 0}, [("light.on", False)]),
    (LAMP, "light.turn_on", {"color_temp_kelvin": 9000}, [("light.on", True), ("light.color-temperature", 6500)]),
    (LAMP, "light.turn_on", {"color_temp": 370}, [("light.on", True), ("light.color-temperature", 2703)]),
    (LAMP, "light.turn_on", {"rgb_color": [255, 136, 0]}, [("light.on", True), ("light.color", 0xFF8800)]),
    (LAMP, "light.turn_on", {"rgb_color": "#ff8800"}, [("light.on", True), ("light.color", 0xFF8800)]),
    (LAMP, "light.turn_on", {"rgb_color": "(255, 136, 0)"}, [("light.on", True), ("light.color", 0xFF8800)]),
    (LAMP, "light.turn_on", {"effect": "day"}, [("light.on", True), ("light.mode", 2)]),
    (LAMP, "light.turn_off", {}, [("light.on", False)]),
    (LAMP, "light.toggle", {}, [("light.toggle()", None)]),
    ("cuco.plug.co1", "homeassistant.turn_off", {}, [("switch.on", False)]),
    ("yeelink.switch.sw1", "switch.toggle", {}, [("!switch.on", None)]),
    (FAN, "switch.turn_on", {"property": "alarm.alarm"}, [("alarm.alarm", True)]),
    (FAN, "switch.toggle", {"property": "alarm.alarm"}, [("!alarm.alarm", None)]),
    (FAN, "fan.turn_on", {"percentage": 100}, [("fan.on", True), ("fan.fan-level", 4)]),
    (FAN, "fan.set_percentage", {"percentage": 50}, [("fan.on", True), ("fan.fan-level", 2)]),
    (FAN, "fan.set_percentage", {"percentage": 1}, [("fan.on", True), ("fan.fan-level", 1)]),
    (FAN, "fan.set_percentage", {"percentage": 0}, [("fan.on", False)]),
    (FAN, "fan.set_preset_mode", {"preset_mode": "natural"}, [("fan.mode", 1)]),
    (FAN, "fan.oscillate", {"oscillating": True}, [("fan.horizontal-swing", True)]),
    ("yeelink.light.fancl1", "fan.turn_off", {}, [("fan.on", False)]),
    ("zhimi.airp.mb5", "fan.set_preset_mode", {"preset_mode": "sleep"}, [("air-purifier.mode", 1)]),
    (CURTAIN, "cover.open_cover", {}, [("curtain.motor-control", 1)]),
    (CURTAIN, "cover.close_cover", {}, [("curtain.motor-control", 2)]),
    (CURTAIN, "cover.stop_cover", {}, [("curtain.motor-control", 0)]),
    (CURTAIN, "cover.toggle", {}, [("curtain.motor-control", 3)]),
    (CURTAIN, "cover.set_cover_position", {"position": 33.4}, [("curtain.target-position", 33)]),
    ("kyok.curtain.kycl", "cover.open_cover", {}, [("curtain.motor-control", 0)]),
    ("hyd.airer.znlyj1", "cover.open_cover", {}, [("airer.motor-control", 1)]),
    (
        COOLER,
        "climate.set_temperature",
        {"temperature": 25.3, "hvac_mode": "cool"},
        [("air-conditioner.on", True), ("air-conditioner.mode", 2), ("air-conditioner.target-temperature", 25.5)],
    ),
    (
        COOLER,
        "climate.set_hvac_mode",
        {"hvac_mode": "fan_only"},
        [("air-conditioner.on", True), ("air-conditioner.mode", 4)],
    ),
    (COOLER, "climate.set_hvac_mode", {"hvac_mode": "off"}, [("air-conditioner.on", False)]),
    (COOLER, "climate.turn_on", {}, [("air-conditioner.on", True)]),
    (COOLER, "climate.set_fan_mode", {"fan_mode": "medium"}, [("fan-control.fan-level", 2)]),
    (COOLER, "climate.set_swing_mode", {"swing_mode": "vertical"}, [("fan-control.vertical-swing", True)]),
    (COOLER, "climate.set_swing_mode", {"swing_mode": "off"}, [("fan-control.vertical-swing", False)]),
    ("zhimi.heater.ma2", "climate.set_hvac_mode", {"hvac_mode": "heat"}, [("heater.on", True)]),
    (
        "viomi.waterheater.e8",
        "water_heater.set_temperature",
        {"temperature": 45},
        [("water-heater.target-temperature", 45.0)],
    ),
    (ROBOT, "vacuum.start", {}, [("vacuum.start-sweep()", None)]),
    (ROBOT, "vacuum.pause", {}, [("vacuum.stop-sweeping()", None)]),
    ("viomi.vacuum.v7", "vacuum.pause", {}, [("vacuum.pause-sweeping()", None)]),
    (ROBOT, "vacuum.stop", {}, [("vacuum.stop-sweeping()", None)]),
    (ROBOT, "vacuum.return_to_base", {}, [("battery.start-charge()", None)]),
    (ROBOT, "vacuum.set_fan_speed", {"fan_speed": "turbo"}, [("vacuum.mode", 104)]),
    ("setaria.scooter.k1", "lock.lock", {}, [("scooter.locked", True)]),
    ("setaria.scooter.k1", "lock.unlock", {}, [("scooter.locked", False)]),
    (SPEAKER, "media_player.volume_set", {"volume_level": 0.5}, [("speaker.volume", 50)]),
    (SPEAKER, "media_player.volume_set", {"volume_level": 0}, [("speaker.volume", 6)]),
    (SPEAKER, "media_player.volume_mute", {"is_volume_muted": True}, [("speaker.mute", True)]),
    (SPEAKER, "media_player.media_play", {}, [("play-control.play()", None)]),
    (SPEAKER, "media_player.media_pause", {}, [("play-control.pause()", None)]),
    ("zhimi.humidifier.ca4", "humidifier.set_humidity", {"humidity": 95}, [("humidifier.target-humidity", 80)]),
    ("zhimi.humidifier.ca4", "humidifier.set_mode", {"mode": "auto"}, [("humidifier.fan-level", 0)]),
    ("isa.camera.hlc7", "camera.turn_off", {}, [("camera-control.on", False)]),
    (
        FAN,
        "number.set_value",
        {"property": "off-delay-time.off-delay-time", "value": 30},
        [("off-delay-time.off-delay-time", 30)],
    ),
    (FAN, "select.select_option", {"property": "fan.mode", "option": "natural-wind"}, [("fan.mode", 1)]),
    (FAN, "button.press", {"action": "off-delay-time.toggle"}, [("off-delay-time.toggle()", None)]),
]


@pytest.mark.parametrize(("model", "service", "data", "steps"), CALLS)
def test_a_call_becomes_what_the_spec_offers(
    model: str, service: str, data: Data, steps: list[tuple[str, Value | None]]
) -> None:
    assert [shown(step) for step in translate(LIBRARY.get(model), service, data)] == steps


def test_one_socket_of_a_strip() -> None:
    assert [shown(step) for step in translate(LIBRARY.get("cuco.plug.cp5"), "switch.turn_on", part="switch#2")] == [
        ("switch#2.on", True)
    ]


@pytest.mark.parametrize(
    ("model", "service", "data", "code"),
    [
        (LAMP, "light.turn_onn", {}, "service_unknown"),
        (LAMP, "light", {}, "service_unknown"),
        (LAMP, "fan.turn_on", {}, "service_not_offered"),
        (LAMP, "light.turn_on", {"sparkle": 1}, "service_data_unknown"),
        (LAMP, "light.turn_on", {"brightness": "bright"}, "service_data_wrong"),
        (LAMP, "light.turn_on", {"brightness": "nan"}, "service_data_wrong"),
        (LAMP, "light.turn_on", {"rgb_color": [1, 2]}, "service_data_wrong"),
        (LAMP, "light.turn_on", {"rgb_color": [1, 2, 256]}, "service_data_wrong"),
        (LAMP, "light.turn_on", {"color_temp": 0}, "service_data_wrong"),
        (LAMP, "light.turn_on", {"effect": "disco"}, "value_not_in_list"),
        (LAMP, "light.turn_on", {"effect": 0}, "value_not_in_list"),
        (LAMP, "light.turn_on", {"effect": 10**5000}, "value_not_in_list"),
        (LAMP, "light.turn_on", {"brightness": 10**5000}, "service_data_wrong"),
        (LAMP, "light.turn_on", {"rgb_color": [10**5000]}, "service_data_wrong"),
        (LAMP, "light.turn_on", {"effect": [1]}, "service_data_wrong"),
        (LAMP, "light.turn_on", {f"k{n}": 1 for n in range(33)}, "service_data_wrong"),
        ("yeelink.light.mono4", "light.turn_on", {"rgb_color": [1, 2, 3]}, "service_not_offered"),
        (FAN, "fan.set_percentage", {}, "service_data_missing"),
        (FAN, "fan.oscillate", {"oscillating": "yes"}, "service_data_wrong"),
        (FAN, "number.set_value", {"value": 30}, "service_data_missing"),
        (FAN, "number.set_value", {"property": "fan.nothing", "value": 30}, "unknown_property"),
        (FAN, "number.set_value", {"property": "fan.status", "value": 3}, "service_not_offered"),
        (FAN, "number.set_value", {"property": "off-delay-time.off-delay-time", "value": 999}, "value_out_of_range"),
        (FAN, "switch.turn_on", {"property": "fan.mode"}, "service_not_offered"),
        (FAN, "button.press", {"action": "fan.nothing"}, "unknown_action"),
        (SPEAKER, "button.press", {"action": "intelligent-speaker.play-text"}, "service_not_offered"),
        (COOLER, "climate.set_hvac_mode", {"hvac_mode": "auto"}, "value_not_in_list"),
        (COOLER, "climate.set_swing_mode", {"swing_mode": "horizontal"}, "service_not_offered"),
        (COOLER, "climate.set_swing_mode", {"swing_mode": "upside down"}, "service_data_wrong"),
        ("miot.door.06131", "lock.unlock", {}, "service_not_offered"),
        ("leshi.curtain.v0001", "cover.toggle", {}, "service_not_offered"),
    ],
)
def test_a_call_that_cannot_be_done_is_refused(model: str, service: str, data: Data, code: str) -> None:
    with pytest.raises(Refused) as caught:
        translate(LIBRARY.get(model), service, data)
    assert caught.value.code == code


def test_what_a_thing_offers_can_be_called() -> None:
    offered: set[str] = set()
    for model in LIBRARY.models():
        spec = LIBRARY.get(model)
        for service in services_of(spec):
            offered.add(service)
            if not RULES[service].needs:
                assert translate(spec, service), (model, service)
    assert {service.partition(".")[0] for service in offered} == {service.partition(".")[0] for service in RULES}
    assert "light.turn_on" not in services_of(LIBRARY.get(ROBOT))


_values = (
    st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.lists(st.integers(-5, 300), max_size=4)
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(LIBRARY.models()),
    st.sampled_from([*RULES, *ADDRESSED]),
    st.data(),
)
def test_whatever_is_asked_only_values_the_spec_allows_come_out(model: str, service: str, data: st.DataObject) -> None:
    spec = LIBRARY.get(model)
    keys = sorted(RULES[service].keys) if service in RULES else ["property", "action", "value", "option"]
    given_data = data.draw(st.dictionaries(st.sampled_from(keys), _values, max_size=3)) if keys else {}
    try:
        steps = translate(spec, service, given_data)
    except Refused:
        return
    for step in steps:
        if isinstance(step, ServiceWrite):
            assert step.property.writable
            assert step.property.check(step.value) == step.value
        elif isinstance(step, ServiceAct):
            assert step.action.inputs == ()
