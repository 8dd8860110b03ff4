"""Run by a Python that has python-miio (GPL-3.0): a program of its own, never imported.

Reads {"things": {model: {"host", "token"}}} from standard input and writes what python-miio made of each thing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from miio.exceptions import DeviceError
from miio.miot_device import MiotDevice

from miio import AirHumidifierMiot, AirPurifierMiot, DreameVacuum, FanMiot, HeaterMiot

Told = dict[str, Any]


def fan(place: Any) -> Told:
    device = FanMiot(place["host"], place["token"], model="dmaker.fan.p10")
    device.on()
    device.set_speed(37)
    device.set_oscillate(True)
    status = device.status()
    return {"is_on": status.is_on, "speed": status.speed, "oscillate": status.oscillate, "model": device.info().model}


def purifier(place: Any) -> Told:
    device = AirPurifierMiot(place["host"], place["token"], model="zhimi.airp.mb5")
    device.on()
    device.set_child_lock(True)
    status = device.status()
    told: Told = {"is_on": status.is_on, "child_lock": status.child_lock, "aqi": isinstance(status.aqi, int | float)}
    device.off()
    return {**told, "is_off": not device.status().is_on}


def humidifier(place: Any) -> Told:
    device = AirHumidifierMiot(place["host"], place["token"], model="zhimi.humidifier.ca4")
    device.on()
    device.set_target_humidity(55)
    status = device.status()
    return {"is_on": status.is_on, "target_humidity": status.target_humidity}


def heater(place: Any) -> Told:
    device = HeaterMiot(place["host"], place["token"], model="zhimi.heater.mc2")
    device.on()
    device.set_target_temperature(24)
    status = device.status()
    return {"is_on": status.is_on, "target_temperature": status.target_temperature}


def vacuum(place: Any) -> Told:
    device = DreameVacuum(place["host"], place["token"], model="dreame.vacuum.p2009")
    sweeping = device.call_action_by(2, 1)  # its own `start` sends an argument that the instance does not list
    status = device.status()
    return {
        "acted": sweeping["code"],
        "battery": isinstance(status.battery_level, int),
        "status": str(status.device_status),
        "home": device.home()["code"],
    }


def light(place: Any) -> Told:
    device = MiotDevice(place["host"], place["token"], model="yeelink.light.lamp22", mapping={})
    wrote = device.set_property_by(2, 1, True) + device.set_property_by(2, 2, 42)
    read = device.get_property_by(2, 2)
    wrong = device.set_property_by(2, 2, 4200)
    acted = device.call_action_by(2, 1)
    try:
        unknown = str(device.send("get_prop", ["power"]))
    except DeviceError as error:
        unknown = str(error)
    return {
        "wrote": [result["code"] for result in wrote],
        "read": read[0]["value"],
        "wrong": wrong[0]["code"],
        "acted": acted["code"],
        "on": device.get_property_by(2, 1)[0]["value"],
        "unknown": unknown,
    }


def curtain(place: Any) -> Told:
    mapping = {"target_position": {"siid": 2, "piid": 7}, "current_position": {"siid": 2, "piid": 3}}
    device = MiotDevice(place["host"], place["token"], model="lumi.curtain.hagl08", mapping=mapping)
    wrote = device.set_property("target_position", 50)
    read = {result["did"]: result["value"] for result in device.get_properties_for_mapping()}
    return {"wrote": wrote[0]["code"], "target": read["target_position"], "current": "current_position" in read}


KINDS: dict[str, Callable[[Any], Told]] = {
    "dmaker.fan.p10": fan,
    "zhimi.airp.mb5": purifier,
    "zhimi.humidifier.ca4": humidifier,
    "zhimi.heater.mc2": heater,
    "dreame.vacuum.p2009": vacuum,
    "yeelink.light.lamp22": light,
    "lumi.curtain.hagl08": curtain,
}


def main() -> None:
    things = json.load(sys.stdin)["things"]
    told: dict[str, Told] = {}
    for model, place in things.items():
        try:
            told[model] = KINDS[model](place)
        except Exception as error:  # told to the test, whatever it is
            told[model] = {"error": f"{type(error).__name__}: {error}"}
    json.dump(told, sys.stdout)


main()
