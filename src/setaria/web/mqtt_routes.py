"""MQTT: how its broker fares, who may come to it, and what was announced and could not be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from setaria.facts.refused import Refused
from setaria.rights import Act
from setaria.web.table import Body, Call, Route
from setaria.web.views import Done
from setaria.words.catalogue import refusal

if TYPE_CHECKING:
    from setaria.radio.mqtt.radio import MqttRadio
    from setaria.radio.mqtt.registry import Finding
    from setaria.radio.mqtt.within import Within

RADIO: Final = "mqtt"
EMBEDDED, OTHER = "embedded", "other"
MOST_FINDINGS: Final = 50


class MqttFinding(msgspec.Struct, frozen=True):
    """`topic` is where it was announced, or what is meant; `at` in UTC microseconds."""

    topic: str
    sentence: str
    next: str
    at: int


class MqttClient(msgspec.Struct, frozen=True, rename={"sort": "for"}):
    """`topics` are those that it may publish to; `added` in UTC microseconds, 0 for not known."""

    name: str
    sort: str
    topics: tuple[str, ...]
    added: int
    connected: bool


class MqttView(msgspec.Struct, frozen=True):
    """`broker` is `embedded`, `other`, or empty without MQTT; `sentence` says why it does not run, `next` what to
    do."""

    running: bool
    broker: str
    listen: str
    sentence: str
    next: str
    findings: list[MqttFinding]
    clients: list[MqttClient]


class MqttClientBody(Body, frozen=True, rename={"sort": "for"}):
    """`for` is zigbee2mqtt, tasmota, esphome or any; with the name of one that is there it gets a new password."""

    name: str
    sort: str = "any"


class MqttPassword(msgspec.Struct, frozen=True):
    """`password` is shown this once."""

    name: str
    password: str


async def see_mqtt(call: Call) -> MqttView:
    radio = _radio(call)
    if radio is None:
        sentence, after = refusal(Refused("mqtt_off"), call.language)
        return MqttView(False, "", "", sentence, after, [], [])
    within, running = radio.within, radio.health().running
    stopped = Refused("mqtt_starting" if within is not None else "mqtt_broker_gone", listen=radio.place)
    sentence, after = ("", "") if running else refusal(stopped, call.language)
    findings = [_finding(each, call.language) for each in reversed(radio.found_wanting[-MOST_FINDINGS:])]
    clients = [] if within is None else _clients(within)
    return MqttView(running, OTHER if within is None else EMBEDDED, radio.place, sentence, after, findings, clients)


async def add_client(call: Call) -> MqttPassword:
    body: MqttClientBody = call.body
    within = _within(call)
    password = within.access.add(body.name, body.sort, call.services.clock.now())
    within.let_go(body.name)  # with the password that it had
    return MqttPassword(body.name, password)


async def remove_client(call: Call) -> Done:
    within, name = _within(call), call.parameters["name"]
    within.access.remove(name)
    within.let_go(name)
    return Done()


def _radio(call: Call) -> MqttRadio | None:
    radio = call.services.home.radios.get(RADIO)
    if radio is None:
        return None  # and nothing of it is loaded
    from setaria.radio.mqtt.radio import MqttRadio

    return radio if isinstance(radio, MqttRadio) else None


def _within(call: Call) -> Within:
    """Raises Refused: mqtt_off, mqtt_broker_elsewhere."""
    radio = _radio(call)
    if radio is None:
        raise Refused("mqtt_off")
    if radio.within is None:
        raise Refused("mqtt_broker_elsewhere", listen=radio.place)
    return radio.within


def _finding(found: Finding, language: str) -> MqttFinding:
    return MqttFinding(found.about, *refusal(found.refused, language), found.at)


def _clients(within: Within) -> list[MqttClient]:
    connected = within.connected
    known = {name: within.access.client(name) for name in sorted(within.access.names())}
    return [
        MqttClient(name, each.sort, each.publishes, each.added, name in connected)
        for name, each in known.items()
        if each is not None
    ]


ROUTES: Final = (
    Route("GET", "/api/mqtt", see_mqtt, Act.RADIO_MANAGE, MqttView, "How MQTT fares, and who may come to its broker"),
    Route(
        "POST",
        "/api/mqtt/clients",
        add_client,
        Act.RADIO_MANAGE,
        MqttPassword,
        "Let a device or bridge come to the broker; its password is shown once",
        MqttClientBody,
    ),
    Route(
        "DELETE",
        "/api/mqtt/clients/{name}",
        remove_client,
        Act.RADIO_MANAGE,
        Done,
        "Take one away; its connection ends at once",
    ),
)
