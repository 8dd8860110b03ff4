"""`setaria up --mqtt`: a lamp and a thermometer on the hub's own broker, arranged like the rest of the sample home."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from setaria.app import Hub, Settings
from setaria.cli.up import mqtt, sample
from setaria.cli.up.happenings import Happenings
from setaria.radio.mqtt.options import MqttSettings

HOST = "127.0.18.9"


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.02)


async def test_a_lamp_and_a_thermometer_come_in(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "hub", "zh-CN", miio=False, mdns=False, mqtt=MqttSettings(listen=(HOST, 0)))
    hub = Hub.open(settings)
    await hub.start()
    await sample.arrange_household(hub, "zh-CN")
    bringing = asyncio.create_task(mqtt.bring(hub, "zh-CN", 600.0, Happenings(hub.home, "zh-CN", lambda: None)))
    things, live = hub.home.structure.things, hub.home.live
    await until(lambda: {"bedroom_mood", "balcony_climate"} <= things.keys())
    lamp, air = things["bedroom_mood"], things["balcony_climate"]
    assert (lamp.name, lamp.room, air.name, air.room) == ("卧室氛围灯", "bedroom", "阳台温湿度计", "balcony")
    await until(lambda: all(live.things[each].reachable for each in ("bedroom_mood", "balcony_climate")))
    await hub.home.write(hub.owner, "bedroom_mood", {"light.on": True, "light.brightness": 40})
    assert live.slots["bedroom_mood/light.brightness"].value == 40
    first = live.slots["balcony_climate/environment.temperature"].value
    assert first is not None
    await until(lambda: live.slots["balcony_climate/environment.temperature"].value != first)
    bringing.cancel()
    await asyncio.gather(bringing, return_exceptions=True)
    await hub.close()


async def test_without_the_broker_there_is_one_calm_line(tmp_path: Path) -> None:
    hub = Hub.open(Settings(tmp_path / "hub", "en", miio=False, mdns=False))
    await hub.start()
    happenings = Happenings(hub.home, "en", lambda: None)
    await mqtt.bring(hub, "en", 1.0, happenings)
    assert [line.text for line in happenings.lines] == ["Without MQTT: setaria[mqtt] is not installed."]
    await hub.close()
