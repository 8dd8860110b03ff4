"""What a Tasmota device feels: switches and buttons on its inputs (SetOption114, SetOption73), and its sensors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from setaria.radio.mqtt.announcing import Config, Entity, text_of
from setaria.radio.mqtt.tasmota_outputs import within
from setaria.radio.mqtt.tasmota_said import STAT, TELE, Said

MOST_SENSORS: Final = 64
_KEY: Final = re.compile(r"[\w .%-]{1,40}")

# SwitchMode -> whether it has a state, seconds after which that is over, what a TOGGLE and what a HOLD mean.
SHORT, LONG, DOUBLE = "short_press", "long_press", "double_press"
MODES: Final[Mapping[int, tuple[bool, float, str, str]]] = {
    0: (False, 0, SHORT, ""),
    1: (True, 0, "", ""),
    2: (True, 0, "", ""),
    3: (True, 0, SHORT, ""),
    4: (True, 0, SHORT, ""),
    5: (True, 0, SHORT, LONG),
    6: (True, 0, SHORT, LONG),
    7: (False, 0, SHORT, ""),
    8: (False, 0, SHORT, DOUBLE),
    9: (True, 0, "", DOUBLE),
    10: (True, 0, "", DOUBLE),
    11: (False, 0, SHORT, ""),
    12: (False, 0, SHORT, ""),
    13: (True, 1, "", ""),
    14: (True, 1, "", ""),
    15: (True, 0, "", ""),
    16: (True, 0, "", ""),
}
PRESSES: Final[Mapping[str, str]] = {
    "SINGLE": "single",
    "DOUBLE": "double",
    "TRIPLE": "triple",
    "QUAD": "quad",
    "PENTA": "penta",
    "HOLD": "hold",
}
SINGLE_ONLY: Final = "13"
SWAPPED: Final = "11"
BUTTONS_TELL: Final = "73"

# Quantity -> device class, unit; without a class the name stays the quantity's. {…} names where the unit is told.
QUANTITIES: Final[Mapping[str, tuple[str, str]]] = {
    "ActivePower": ("power", "W"),
    "Ambient": ("illuminance", "lx"),
    "ApparentPower": ("", "VA"),
    "Battery": ("battery", "%"),
    "CCT": ("", "K"),
    "CarbonDioxide": ("carbon_dioxide", "ppm"),
    "Current": ("current", "A"),
    "CurrentNeutral": ("", "A"),
    "DewPoint": ("", "{TempUnit}"),
    "Distance": ("", "cm"),
    "Energy": ("energy", "kWh"),
    "ExportActive": ("", "kWh"),
    "ExportReactive": ("", "kvarh"),
    "ExportTariff": ("", "kWh"),
    "Factor": ("", ""),
    "Frequency": ("", "Hz"),
    "Humidity": ("humidity", "%"),
    "Illuminance": ("illuminance", "lx"),
    "ImportActive": ("", "kWh"),
    "ImportReactive": ("", "kvarh"),
    "Moisture": ("", "%"),
    "PM1": ("pm1", "µg/m³"),
    "PM10": ("pm10", "µg/m³"),
    "PM2.5": ("pm25", "µg/m³"),
    "PhaseAngle": ("", "°"),
    "Power": ("power", "W"),
    "Pressure": ("pressure", "{PressureUnit}"),
    "ReactivePower": ("", "var"),
    "SeaPressure": ("", "{PressureUnit}"),
    "Speed": ("", "{SpeedUnit}"),
    "TVOC": ("volatile_organic_compounds_parts", "ppb"),
    "Temperature": ("temperature", "{TempUnit}"),
    "Today": ("", "kWh"),
    "Total": ("energy", "kWh"),
    "TotalTariff": ("", "kWh"),
    "Voltage": ("voltage", "V"),
    "Weight": ("", "kg"),
    "Yesterday": ("", "kWh"),
    "eCO2": ("carbon_dioxide", "ppm"),
}
UNITS: Final[Mapping[str, str]] = {"C": "°C", "F": "°F"}
# No sensors: what is switched tells its state elsewhere, and cards that pass by are no state.
_PASSED_OVER: Final = frozenset({"Time", "PN532", "RDM6300", "TotalStartTime", "Id"})


def inputs(said: Said) -> Iterator[Entity]:
    modes, names = said.listed("swc"), said.listed("swn")
    for place, mode in enumerate(modes):
        name = (text_of(names[place]) if place < len(names) else "") or f"Switch{place + 1}"
        if isinstance(mode, int) and mode in MODES and re.fullmatch(r"[^'\\\"]{1,64}", name):
            yield from _switch(said, place + 1, name, *MODES[mode])
    for place, told in enumerate(said.listed("btn")):
        if told == 1 and said.option(BUTTONS_TELL):
            yield _button(said, place + 1)


def _switch(said: Said, number: int, name: str, stands: bool, over: float, toggle: str, hold: str) -> Iterator[Entity]:
    if stands:
        config: Config = {
            "state_topic": (said.topic(STAT, "RESULT"), said.topic(TELE, "SENSOR"), said.topic(STAT, "STATUS10")),
            "value_template": _state_of(name),
            "payload_on": said.word(1, "ON"),
            "payload_off": said.word(0, "OFF"),
            "object_id": f"switch_{number}",
        }
        if over:
            config["off_delay"] = over
        yield said.entity("binary_sensor", f"SW_{number}", name, config)
    meanings = {said.word(2, "TOGGLE"): toggle, said.word(3, "HOLD"): hold}
    if any(meanings.values()):
        yield said.entity("event", f"SE_{number}", name, _event(said, name, meanings))


def _state_of(name: str) -> str:
    """In a RESULT an object with an `Action`, in a SENSOR the bare word."""
    return (
        "{% set told = value_json['StatusSNS'] if value_json['StatusSNS'] is defined else value_json %}"
        f"{{% set own = told['{name}'] if told['{name}'] is defined else '' %}}"
        "{{ own['Action'] if own is mapping else own }}"
    )


def _button(said: Said, number: int) -> Entity:
    meanings = dict(PRESSES)
    if said.option(SINGLE_ONLY):
        meanings = {"SINGLE": "single"}
    elif said.option(SWAPPED):
        meanings |= {"SINGLE": "double", "DOUBLE": "single"}
    name = f"Button{number}"
    return said.entity("event", f"BTN_{number}", name, _event(said, name, meanings))


def _event(said: Said, name: str, meanings: Mapping[str, str]) -> Config:
    known = {word: kind for word, kind in meanings.items() if kind and "'" not in word and "\\" not in word}
    table = ", ".join(f"'{word}': '{kind}'" for word, kind in known.items())
    return {
        "state_topic": said.topic(STAT, "RESULT"),
        "event_types": list(known.values()),
        "value_template": (
            f"{{% set own = value_json['{name}'] if value_json['{name}'] is defined else '' %}}"
            "{% if own is mapping and own['Action'] in {" + table + "} %}"
            '{"event_type": "{{ {' + table + "}[own['Action']] }}\"}"
            "{% endif %}"
        ),
    }


def sensors(said: Said, told: Config) -> Iterator[Entity]:
    found = told.get("sn")
    if not isinstance(found, dict):
        return
    for path, value in _leaves(found):
        quantity = next(each for each in reversed(path) if isinstance(each, str))
        device_class, unit = _quantity(str(path[0]), quantity)
        if unit.startswith("{"):
            unit = text_of(found.get(unit[1:-1]))
            unit = UNITS.get(unit, unit)
        config: Config = {
            "state_topic": (said.topic(TELE, "SENSOR"), said.topic(STAT, "STATUS10")),
            "value_template": within(*path),
        }
        if device_class:
            config["device_class"] = device_class
        if isinstance(value, int | float):
            config["state_class"] = "measurement"
        if unit:
            config["unit_of_measurement"] = unit
        words = [str(each) if isinstance(each, str) else str(each + 1) for each in path]
        yield said.entity("sensor", "_".join(map(str, path)), " ".join(words), config)


def _quantity(sensor: str, quantity: str) -> tuple[str, str]:
    """Inputs of the converter bear its pin's number; two sensors call something else energy."""
    if sensor in ("AS3935", "LD2410") and quantity == "Energy":
        return "", ""
    if sensor == "ANALOG" and quantity not in QUANTITIES:
        quantity = quantity.rstrip("0123456789")
    return QUANTITIES.get(quantity, ("", ""))


def _leaves(found: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Sensors with their quantities, quantities of parts of a sensor, and several of one quantity."""
    given = 0
    for path, value in _walk(found, ()):
        if len(path) > 1 and isinstance(value, int | float | str) and not isinstance(value, bool):
            given += 1
            if given > MOST_SENSORS:
                return
            yield path, value


def _walk(found: Any, before: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(found, dict) and len(before) < 3:
        for key, value in list(found.items())[:MOST_SENSORS]:
            if key not in _PASSED_OVER and _KEY.fullmatch(key) and not re.fullmatch(r"Shutter\d+", key):
                yield from _walk(value, (*before, key))
    elif isinstance(found, list) and before:
        for place, value in enumerate(found[:8]):
            yield from _walk(value, (*before, place)) if not isinstance(value, dict | list) else ()
    elif not isinstance(found, dict | list):
        yield before, found
