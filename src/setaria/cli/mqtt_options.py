"""The hub's options for MQTT."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import msgspec

from setaria.facts.refused import Refused
from setaria.radio.mqtt.options import PORT, Broker, MqttSettings

SCHEMES: Final = {"mqtt": (False, PORT), "mqtts": (True, 8883)}


class MqttOptions(msgspec.Struct, frozen=True):
    """As typed. Without any of them a hub has no MQTT, and nothing of it is loaded."""

    on: bool = False
    listen: str = ""
    broker: str = ""
    ca: str = ""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mqtt", action=argparse.BooleanOptionalAction, default=False)
    parser.add_argument("--mqtt-listen", default="")
    parser.add_argument("--mqtt-broker", default="")
    parser.add_argument("--mqtt-ca", default="")


def options_of(given: argparse.Namespace) -> MqttOptions:
    return MqttOptions(given.mqtt, given.mqtt_listen, given.mqtt_broker, given.mqtt_ca)


def mqtt_of(options: MqttOptions) -> MqttSettings | None:
    """Raises Refused("option_unusable")."""
    if options.broker:
        return MqttSettings(broker=_broker(options.broker, options.ca))
    if options.listen:
        return MqttSettings(listen=_address(options.listen))
    return MqttSettings() if options.on else None


def _broker(url: str, ca: str) -> Broker:
    """A password is not taken here: it would stand in the list of processes."""
    from urllib.parse import unquote, urlsplit

    try:
        parts = urlsplit(url)
        tls, usual = SCHEMES[parts.scheme]
        host, port, user = parts.hostname, parts.port or usual, unquote(parts.username or "")
    except (KeyError, ValueError):
        host, port, tls, user = None, 0, False, ""
        parts = None
    if not host or parts is None or parts.password:
        raise Refused("option_unusable", option="--mqtt-broker", value=url.rpartition("@")[2][:80])
    if ca and not (tls and Path(ca).is_file()):
        raise Refused("option_unusable", option="--mqtt-ca", value=ca[:80])
    return Broker(host, port, tls, ca, user)


def _address(text: str) -> tuple[str, int]:
    from ipaddress import ip_address

    host, _, port = text.partition(":")
    try:
        ip_address(host)
        number = int(port or PORT)
    except ValueError:
        number = 0
    if not 0 < number < 65_536:
        raise Refused("option_unusable", option="--mqtt-listen", value=text[:80])
    return host, number
