"""`setaria up --mqtt`: the hub's own broker, and a simulated bridge with two things on it."""

from __future__ import annotations

import asyncio
import importlib.util
from random import Random
from typing import Final

from setaria.app import Hub
from setaria.cli.up.happenings import Happenings, Line
from setaria.facts.refused import Refused
from setaria.home import commands as c
from setaria.home.ports import Found
from setaria.home.telling.state import Tone
from setaria.words import say

RADIO: Final = "mqtt"
PORT: Final = 1883
CLIENT: Final = "sample-zigbee"
FOUND_WAITING: Final = 100
SEED: Final = 7


def is_installed() -> bool:
    return importlib.util.find_spec("amqtt") is not None


async def bring(hub: Hub, language: str, speed: float, happenings: Happenings) -> None:
    """Runs until it is cancelled; the things are added the first time."""
    from setaria.radio.mqtt.options import Broker
    from setaria.radio.mqtt.radio import MqttRadio
    from setaria.simulated.mqtt import DEVICES, Bridge

    radio = hub.home.radios.get(RADIO)
    if not isinstance(radio, MqttRadio) or radio.within is None:
        happenings.note(Line(hub.clock.now(), "missing", say("cli.up.no_mqtt", language)))
        return
    named = {each.id: each.zh if language == "zh-CN" else each.en for each in DEVICES}
    host, _, port = radio.place.rpartition(":")
    password = radio.within.access.add(CLIENT, "zigbee2mqtt", hub.clock.now())
    broker = Broker(host, int(port), username=CLIENT, password=password)
    found: asyncio.Queue[Found] = asyncio.Queue(FOUND_WAITING)
    hub.home.following.on_found(lambda each: None if found.full() else found.put_nowait(each))
    bridge = Bridge(broker, hub.clock, Random(SEED), named, speed)  # noqa: S311  a simulation
    plan = {each.address: each for each in DEVICES}
    await bridge.start()
    try:
        while True:
            each = await found.get()
            device = plan.get(each.address)
            if each.radio != RADIO or device is None or each.needs or hub.home.structure.thing_at(RADIO, each.address):
                continue
            room = device.room if device.room in hub.home.structure.rooms else ""
            add = c.AddThing(RADIO, each.address, each.model, device.id, named[device.id], room)
            try:
                await hub.home.arrange(hub.owner, add)
            except Refused as refused:
                happenings.note(Line(hub.clock.now(), "refused", str(refused), Tone.CARE))
    finally:
        await bridge.stop()
