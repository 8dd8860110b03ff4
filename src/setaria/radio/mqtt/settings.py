"""The radio, made as it is configured."""

from __future__ import annotations

import importlib.util
from random import Random
from typing import Final

import msgspec

from setaria.facts.clock import Clock
from setaria.facts.refused import Refused
from setaria.facts.secrets import SecretStore
from setaria.radio.mqtt.access import BROKER_PASSWORD, Access
from setaria.radio.mqtt.link import TcpLink
from setaria.radio.mqtt.options import MqttSettings
from setaria.radio.mqtt.packets import Will
from setaria.radio.mqtt.radio import OFFLINE, MqttRadio
from setaria.radio.mqtt.within import Within

BROKER: Final = "amqtt"


def make_radio(settings: MqttSettings, clock: Clock, secrets: SecretStore, random: Random) -> MqttRadio:
    """Raises Refused("mqtt_broker_missing") where the broker within is not installed."""
    client = f"setaria-{random.getrandbits(32):08x}"
    will = Will(f"{settings.prefix}/status", OFFLINE, 0, retain=False)
    if settings.broker is not None:
        where = settings.broker
        kept = b"" if where.password else secrets.get(BROKER_PASSWORD) or b""
        where = where if where.password else msgspec.structs.replace(where, password=kept.decode())
        link = TcpLink(where, client, will, clock, random)
        return MqttRadio(clock, link, settings.prefix, place=f"{where.host}:{where.port}")
    if importlib.util.find_spec(BROKER) is None:
        raise Refused("mqtt_broker_missing", missing=BROKER)
    access = Access(secrets, settings.prefix)
    within = Within(access, *settings.listen, client, will, clock, random)
    return MqttRadio(clock, within, settings.prefix, within)
