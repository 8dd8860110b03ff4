"""How things of each kind behave: one small class a kind, chosen by the device type of the thing's spec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from setaria.simulated.behaviour.base import Behaviour
from setaria.simulated.behaviour.camera import Camera
from setaria.simulated.behaviour.climate import Climate
from setaria.simulated.behaviour.common import Common
from setaria.simulated.behaviour.cover import Cover
from setaria.simulated.behaviour.fan import Fan
from setaria.simulated.behaviour.fridge import Fridge
from setaria.simulated.behaviour.light import Light
from setaria.simulated.behaviour.lock import Lock
from setaria.simulated.behaviour.outlet import Outlet
from setaria.simulated.behaviour.programme import Programme
from setaria.simulated.behaviour.purifier import Purifier
from setaria.simulated.behaviour.scooter import Scooter
from setaria.simulated.behaviour.sensor import DoorSensor, MotionSensor
from setaria.simulated.behaviour.speaker import Speaker
from setaria.simulated.behaviour.switch import Gateway, Switch
from setaria.simulated.behaviour.vacuum import Vacuum
from setaria.simulated.behaviour.water import Water
from setaria.simulated.thing import SimulatedThing
from setaria.simulated.world import Room

KINDS: Final[Mapping[str, tuple[type[Behaviour], ...]]] = {
    "air-condition-outlet": (Climate,),
    "air-conditioner": (Climate,),
    "air-fresh": (Purifier,),
    "air-fryer": (Programme,),
    "air-purifier": (Purifier,),
    "airer": (Cover, Light),
    "ambient-light": (Light,),
    "bath-heater": (Climate, Light),
    "camera": (Camera,),
    "coffee-machine": (Programme,),
    "cooker": (Programme,),
    "curtain": (Cover,),
    "dehumidifier": (Climate,),
    "diffuser": (Climate,),
    "door": (Lock,),
    "electric-blanket": (Climate,),
    "fan": (Fan,),
    "fridge": (Fridge,),
    "gateway": (Gateway,),
    "heater": (Climate,),
    "humidifier": (Climate,),
    "kettle": (Water,),
    "light": (Light,),
    "lock": (Lock,),
    "magnet-sensor": (DoorSensor,),
    "microwave-oven": (Programme,),
    "motion-sensor": (MotionSensor,),
    "night-light": (Light,),
    "outlet": (Outlet,),
    "oven": (Programme,),
    "pressure-cooker": (Programme,),
    "scooter": (Scooter,),
    "speaker": (Speaker,),
    "switch": (Switch,),
    "thermostat": (Climate,),
    "vacuum": (Vacuum,),
    "video-doorbell": (Camera,),
    "washer": (Programme,),
    "water-dispenser": (Water,),
    "water-heater": (Water,),
}


def behave(thing: SimulatedThing, room: Room) -> list[Behaviour]:
    """Bring a thing to life in a room. Each of the behaviours can be stopped."""
    kinds: list[type[Behaviour]] = [Common, *KINDS.get(thing.spec.type_name, ())]
    return [kind(thing, room) for kind in kinds]
