"""How a hub comes by its MQTT, as data: a broker of its own, or another's. Nothing else is loaded with it."""

from __future__ import annotations

from typing import Final

import msgspec

PORT: Final = 1883
PREFIX: Final = "homeassistant"


class Broker(msgspec.Struct, frozen=True):
    """Where a broker is and who we are there. `ca` is a PEM file to trust besides what the machine trusts."""

    host: str
    port: int = PORT
    tls: bool = False
    ca: str = ""
    username: str = ""
    password: str = ""


class MqttSettings(msgspec.Struct, frozen=True):
    """`broker` is one that runs elsewhere; without it, one runs within, listening at `listen`. `prefix` is that of
    Home Assistant's discovery."""

    listen: tuple[str, int] = ("127.0.0.1", PORT)
    broker: Broker | None = None
    prefix: str = PREFIX
