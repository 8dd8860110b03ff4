"""Home Assistant's MQTT discovery, read: topic and payload -> what device with which entities.

Two forms (Home Assistant's documentation, "MQTT discovery"):
    PREFIX/COMPONENT/[NODE/]OBJECT/config   one entity
    PREFIX/device/[NODE/]OBJECT/config      a device with all of its entities under `components`
An empty payload takes back what the topic announced; `migrate_discovery` lets another topic take its entities over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from setaria.facts.refused import Refused
from setaria.radio.mqtt.abbreviations import DEVICE, ORIGIN, expand, long_names
from setaria.radio.mqtt.options import PREFIX

LARGEST_PAYLOAD: Final = 65_536
MOST_ENTITIES: Final = 200  # of one announcement
LONGEST_ID: Final = 200
LONGEST_NAME: Final = 80
DEVICE_FORM: Final = "device"
AUTOMATION: Final = "device_automation"
# Shared options of the device form that its components take over.
SHARED: Final[tuple[str, ...]] = (
    "availability",
    "availability_mode",
    "availability_template",
    "availability_topic",
    "command_topic",
    "encoding",
    "payload_available",
    "payload_not_available",
    "qos",
    "state_topic",
)
_PART: Final = re.compile(r"[a-zA-Z0-9_-]{1,200}")
_COMPONENT: Final = re.compile(r"[a-z_]{1,40}")

Config = dict[str, Any]


class Place(msgspec.Struct, frozen=True):
    """Where something is announced; `id` is what tells it from others of its component."""

    topic: str
    component: str
    id: str


class Device(msgspec.Struct, frozen=True):
    """`address` is what the home knows it by; `aliases` are all it may be named by."""

    address: str
    aliases: tuple[str, ...]
    name: str = ""
    maker: str = ""
    model: str = ""
    area: str = ""


class Entity(msgspec.Struct, frozen=True):
    """`key` never changes: the unique id, or where it was announced. `config` has long keys and whole topics. `polls`
    are topics and payloads that make it tell its state; never another's words, for they are published unasked."""

    key: str
    component: str
    name: str
    config: Config
    polls: tuple[tuple[str, str], ...] = ()


class Announcement(msgspec.Struct, frozen=True):
    topic: str
    device: Device
    entities: tuple[Entity, ...]
    origin: str = ""
    faults: tuple[Refused, ...] = ()


class Withdrawal(msgspec.Struct, frozen=True):
    topic: str


class Migration(msgspec.Struct, frozen=True):
    """What this topic announced stays, and may be taken over by another."""

    topic: str


Discovery = Announcement | Withdrawal | Migration


def place_of(topic: str, prefix: str = PREFIX) -> Place | None:
    """None: not a discovery topic."""
    if not topic.startswith(f"{prefix}/") or not topic.endswith("/config"):
        return None
    parts = topic[len(prefix) + 1 :].split("/")
    if len(parts) not in (3, 4) or not _COMPONENT.fullmatch(parts[0]):
        return None
    if not all(_PART.fullmatch(part) for part in parts[1:-1]):
        return None
    return Place(topic, parts[0], "/".join(parts[1:-1]))


def read(place: Place, payload: bytes) -> Discovery:
    """Raises Refused: mqtt_discovery_too_large, mqtt_discovery_unreadable, mqtt_discovery_incomplete."""
    if len(payload) > LARGEST_PAYLOAD:
        raise too_large(place.topic, len(payload))
    if not payload.strip():
        return Withdrawal(place.topic)
    try:
        found = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Refused("mqtt_discovery_unreadable", topic=place.topic) from None
    if not isinstance(found, dict):
        raise Refused("mqtt_discovery_unreadable", topic=place.topic)
    if len(found) == 1 and any(found.get(each) is True for each in ("migrate_discovery", "migr_discvry")):
        return Migration(place.topic)
    return announced(place, found)


def too_large(topic: str, size: int) -> Refused:
    return Refused("mqtt_discovery_too_large", topic=topic[:200], size=size, largest=LARGEST_PAYLOAD)


def announced(place: Place, found: Mapping[str, Any]) -> Announcement:
    whole = expand(found, long_names())
    origin = expand(_mapping(whole.get("origin")), ORIGIN)
    if place.component == DEVICE_FORM:
        named, faults = _components(place, whole)
    else:
        named, faults = [(place.id, place.component, whole)], []
    entities: list[Entity] = []
    for identity, component, config in named:
        try:
            entities.append(_entity(place, identity, component, _based(config)))
        except Refused as refused:
            faults.append(refused)
    if not entities:
        raise faults[0] if faults else _incomplete(place, "components")
    device = _device(place, expand(_mapping(whole.get("device")), DEVICE), entities[0])
    return Announcement(place.topic, device, tuple(entities), text_of(origin.get("name")), tuple(faults))


def _components(place: Place, whole: Config) -> tuple[list[tuple[str, str, Config]], list[Refused]]:
    listed = whole.get("components")
    if not isinstance(whole.get("device"), dict):
        raise _incomplete(place, "device")
    if not isinstance(listed, dict) or not listed:
        raise _incomplete(place, "components")
    shared = {key: whole[key] for key in SHARED if key in whole}
    if "~" in whole:
        shared["~"] = whole["~"]
    named: list[tuple[str, str, Config]] = []
    faults: list[Refused] = []
    if len(listed) > MOST_ENTITIES:
        faults.append(Refused("mqtt_too_many", what="entities", most=MOST_ENTITIES))
    for identity, own in list(listed.items())[:MOST_ENTITIES]:
        config = expand(_mapping(own), long_names())
        component = text_of(config.get("platform"))
        if not _COMPONENT.fullmatch(component):
            faults.append(_incomplete(place, f"{identity[:40]}.platform"))
        elif len(config) > 1:  # with nothing but its platform it is taken back
            named.append((f"{place.id} {identity}"[:LONGEST_ID], component, {**shared, **config}))
    return named, faults


def _entity(place: Place, identity: str, component: str, config: Config) -> Entity:
    unique = text_of(config.get("unique_id"))
    if len(unique) > LONGEST_ID or not unique.isprintable():
        raise _incomplete(place, "unique_id")
    given = config.get("name")
    name = text_of(given) if isinstance(given, str) else ""
    return Entity(f"{component}:{unique or '/' + identity}", component, name, config)


def _device(place: Place, device: Config, first: Entity) -> Device:
    aliases = [f"id:{each}" for each in _texts(device.get("identifiers"))]
    connections = device.get("connections")
    for pair in connections[:16] if isinstance(connections, list) else ():
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair):
            aliases += [f"{pair[0]}:{pair[1].lower()}"[:LONGEST_ID]]
    if not aliases:
        if place.component == AUTOMATION or place.component == DEVICE_FORM:
            raise _incomplete(place, "device.identifiers")
        aliases = [first.key]
    aliases = [each for each in aliases if each.isprintable()]
    if not aliases:
        raise _incomplete(place, "device.identifiers")
    return Device(
        aliases[0].removeprefix("id:"),
        tuple(aliases),
        text_of(device.get("name")) or ("" if device else first.name),
        text_of(device.get("manufacturer")),
        text_of(device.get("model")),
        text_of(device.get("suggested_area")),
    )


def _based(config: Config) -> Config:
    """With `~` at the start or end of any topic replaced by the base."""
    base = config.get("~")
    if not isinstance(base, str):
        return config

    def whole(key: str, value: Any) -> Any:
        if isinstance(value, str) and (key == "topic" or key.endswith("_topic")):
            if value.startswith("~"):
                return base + value[1:]
            return value[:-1] + base if value.endswith("~") else value
        if key == "availability" and isinstance(value, list):
            return [_availability(each, whole) for each in value]
        return value

    return {key: whole(key, value) for key, value in config.items() if key != "~"}


def _availability(each: Any, whole: Any) -> Any:
    if not isinstance(each, dict):
        return each
    return {key: whole(key, value) for key, value in expand(each, long_names()).items()}


def text_of(value: Any) -> str:
    """Short and printable; numbers as their digits; "" for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = value if isinstance(value, str) else str(value) if abs(value) < 1e15 else ""
    text = "".join(each for each in " ".join(text.split()) if each.isprintable())
    return text[: LONGEST_ID + 1]


def _texts(value: Any) -> list[str]:
    found = [text_of(each) for each in value[:16]] if isinstance(value, list) else [text_of(value)]
    return [each for each in found if 0 < len(each) <= LONGEST_ID]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _incomplete(place: Place, missing: str) -> Refused:
    return Refused("mqtt_discovery_incomplete", topic=place.topic, missing=missing)
