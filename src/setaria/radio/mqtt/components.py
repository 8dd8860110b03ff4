"""The components of Home Assistant's MQTT discovery and what becomes of each: COMPONENTS is the list of all.

A component reads its configuration from a draft and fills it; defaults are those of Home Assistant's documentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from setaria.facts.refused import Refused
from setaria.home.ports import Value
from setaria.home.spec.formats import Format
from setaria.home.spec.model import Range, slug
from setaria.radio.mqtt import appliances, topics
from setaria.radio.mqtt.announcing import Entity
from setaria.radio.mqtt.classes import BINARY, PRESSES, SENSORS, Sense
from setaria.radio.mqtt.draft import Draft
from setaria.radio.mqtt.lights import light
from setaria.radio.mqtt.parts import Happening, Part, Publication, Source
from setaria.radio.mqtt.templates import Heard, read, same, wire_text

STATE: Final = ("state_topic", "value_template")
COMMAND: Final = ("command_topic", "command_template")
LONGEST_OFF_DELAY: Final = 86_400.0


def part_of(entity: Entity, prefix: str) -> Part:
    """Raises Refused: mqtt_component_unknown, mqtt_topic_refused, mqtt_discovery_incomplete, expression_refused…"""
    fill = COMPONENTS.get(entity.component)
    if fill is None:
        raise Refused("mqtt_component_unknown", component=entity.component, name=entity.name or entity.key[:80])
    draft = Draft(entity, prefix)
    fill(draft)
    part = draft.finish()
    if not (part.fields or part.deeds or part.happenings):
        raise Refused("mqtt_discovery_incomplete", topic=entity.key, missing="state_topic")
    return part


def switch(draft: Draft) -> None:
    draft.kind = "outlet" if draft.text("device_class") == "outlet" else "switch"
    if draft.text("entity_category"):
        draft.kind = ""
    on, off = draft.text("payload_on", "ON"), draft.text("payload_off", "OFF")
    states = (draft.text("state_on", on), draft.text("state_off", off))
    service, name = ("switch", "on") if draft.kind else ("settings", draft.name_slug)
    draft.switch("on", service, name, STATE, COMMAND, (on, off), states)


def binary_sensor(draft: Draft) -> None:
    sense = BINARY.get(draft.text("device_class")) or Sense("binary-sensor", draft.name_slug, "", Format.BOOL)
    draft.kind = sense.kind
    on, off = draft.text("payload_on", "ON"), draft.text("payload_off", "OFF")
    words = (off, on) if sense.inverted else (on, off)
    delay = min(max(draft.number("off_delay", 0), 0), LONGEST_OFF_DELAY)
    if sense.inverted:
        delay = 0.0  # what ends by itself is a motion or a ring, never an open door
    draft.switch("on", sense.service, sense.property, STATE, ("", ""), words, off_after=delay)


def sensor(draft: Draft) -> None:
    device_class = draft.text("device_class")
    options = draft.words("options")
    if options:
        draft.choice("value", "sensor", draft.name_slug, STATE, ("", ""), options)
        return
    unit = draft.text("unit_of_measurement")
    sense = SENSORS.get(device_class)
    if sense is not None and draft.text("entity_category") != "config":
        draft.kind = sense.kind if not draft.text("entity_category") else ""
        draft.quantity("value", sense.service, sense.property, STATE, form=sense.format, unit=unit)
    elif unit or draft.has("state_class") or draft.has("suggested_display_precision"):
        draft.quantity("value", "sensor", draft.name_slug, STATE, unit=unit)
    else:
        draft.field("value", "sensor", draft.name_slug, Format.STRING, draft.sources(*STATE, _shown))


def _shown(wire: Any) -> Value | None:
    return None if wire is None else wire_text(wire)


def select(draft: Draft) -> None:
    draft.choice("value", "settings", draft.name_slug, STATE, COMMAND, draft.words("options"))


def number(draft: Draft) -> None:
    low, high, step = draft.number("min", 1), draft.number("max", 100), draft.number("step", 1)
    if not low < high or step <= 0:
        raise Refused("mqtt_discovery_incomplete", topic=draft.entity.key, missing="min, max, step")
    whole = all(float(each).is_integer() for each in (low, high, step)) and abs(low) < 2**31 and high < 2**31
    found: Range = (int(low), int(high), int(step)) if whole else (low, high, step)
    draft.quantity(
        "value",
        "settings",
        draft.name_slug,
        STATE,
        COMMAND,
        form=Format.INT32 if whole else Format.FLOAT,
        unit=draft.text("unit_of_measurement"),
        range=found,
    )


def text(draft: Draft) -> None:
    publish = draft.publisher(*COMMAND)
    writer = None if publish is None else (lambda value, known: [publish(value)])
    draft.field("value", "settings", draft.name_slug, Format.STRING, draft.sources(*STATE, _shown), writer)


def button(draft: Draft) -> None:
    identify = draft.text("device_class") == "identify"
    service, name = ("identify", "identify") if identify else ("control", draft.name_slug)
    draft.deed("press", service, name, "command_topic", draft.text("payload_press", "PRESS"))


def scene(draft: Draft) -> None:
    draft.deed("activate", "scene", draft.name_slug, "command_topic", draft.text("payload_on", "ON"))


def siren(draft: Draft) -> None:
    """Without a template what is sent is JSON, and what is told may be (components/mqtt/siren.py of Home Assistant)."""
    on, off = draft.text("payload_on", "ON"), draft.text("payload_off", "OFF")
    states = (draft.text("state_on", on), draft.text("state_off", off))

    def sounding(wire: Any) -> Value | None:
        found = Heard("", wire.encode()).json if isinstance(wire, str) and wire.startswith("{") else wire
        told = found.get("state") if isinstance(found, dict) else found
        return True if same(told, states[0]) else False if same(told, states[1]) else None

    publish = draft.publisher("command_topic", "command_template")
    hush = draft.publisher("command_topic", "command_off_template")
    templated, hushed = draft.has("command_template"), draft.has("command_template", "command_off_template")

    def write(value: Value, known: Mapping[str, Value]) -> list[Publication]:
        word, plain = (on, not templated) if value else (off, not hushed)
        send = hush if not value and draft.has("command_off_template") else publish
        assert send is not None
        return [send(msgspec.json.encode({"state": word}).decode() if plain else word, state=word)]

    sources = draft.sources("state_topic", "state_value_template", sounding)
    draft.field("on", "alarm", "alarm", Format.BOOL, sources, None if publish is None else write)


def update(draft: Draft) -> None:
    def installed(wire: Any) -> Value | None:
        return _version(wire, "installed_version")

    service = "firmware-update"
    draft.field("installed", service, "installed-version", Format.STRING, draft.sources(*STATE, installed))
    if draft.has("latest_version_topic"):
        latest = draft.sources("latest_version_topic", "latest_version_template", _shown)
    else:
        latest = draft.sources("state_topic", "value_template", lambda wire: _version(wire, "latest_version"))
    draft.field("latest", service, "latest-version", Format.STRING, latest)
    draft.deed("install", service, "install", "command_topic", draft.text("payload_install"))


def _version(wire: Any, key: str) -> Value | None:
    """The state is a version, or JSON with both."""
    text = wire_text(wire)
    if text.lstrip().startswith("{"):
        found = Heard("", text.encode()).json
        value = found.get(key) if isinstance(found, dict) else None
        return None if value is None else wire_text(value)
    return text if key == "installed_version" else None


def event(draft: Draft) -> None:
    draft.kind = "remote-control"
    doorbell = draft.text("device_class") == "doorbell"
    service = "doorbell" if doorbell else "motion-sensor" if draft.text("device_class") == "motion" else "button"
    template = draft.template("value_template")
    topic = topics.checked(draft.config.get("state_topic"), draft.prefix)

    def hear(heard: Heard) -> Value | None:
        found = read(template, heard)
        if isinstance(found, str):
            found = Heard("", found.encode()).json
        kind = found.get("event_type") if isinstance(found, dict) else None
        return kind if isinstance(kind, str) else None

    for kind in draft.words("event_types"):
        draft.happenings.append(Happening(kind, service, _pressed(kind, doorbell), Source(topic, hear), kind, kind))


def _pressed(kind: str, doorbell: bool = False) -> str:
    if doorbell and kind == "press":
        return "doorbell-ring"
    return PRESSES.get(kind) or re.sub(r"[^a-z0-9-]+", "-", slug(kind)).strip("-") or "event"


def device_automation(draft: Draft) -> None:
    """A trigger of a device: its type is what happened, its subtype on which button."""
    if draft.text("automation_type") != "trigger":
        raise Refused("mqtt_component_unknown", component="device_automation", name=draft.text("automation_type"))
    kind, subtype = draft.text("type"), draft.text("subtype")
    if not kind:
        raise Refused("mqtt_discovery_incomplete", topic=draft.entity.key, missing="type")
    draft.kind = "remote-control"
    draft.scope = "" if kind == "action" else subtype
    template = draft.template("value_template")
    wanted = draft.text("payload")

    def hear(heard: Heard) -> Value | None:
        found = read(template, heard)
        return kind if not wanted or same(found, wanted) else None

    source = Source(topics.checked(draft.config.get("topic"), draft.prefix), hear)
    # Zigbee2MQTT has one type, `action`, and the press as the subtype.
    what = subtype if kind == "action" and subtype else kind
    described = " ".join(each for each in (subtype, kind) if each)
    draft.happenings.append(Happening("trigger", "button", _pressed(what), source, kind, described))


def humidity_range(draft: Draft) -> Range:
    return int(draft.number("min_humidity", 0)), int(draft.number("max_humidity", 100)), 1


def humidifier(draft: Draft) -> None:
    draft.kind = "dehumidifier" if draft.text("device_class") == "dehumidifier" else "humidifier"
    service = draft.kind
    words = (draft.text("payload_on", "ON"), draft.text("payload_off", "OFF"))
    draft.switch("on", service, "on", ("state_topic", "state_value_template"), COMMAND, words)
    draft.quantity(
        "target",
        service,
        "target-humidity",
        ("target_humidity_state_topic", "target_humidity_state_template"),
        ("target_humidity_command_topic", "target_humidity_command_template"),
        form=Format.UINT8,
        unit="percentage",
        range=humidity_range(draft),
        from_wire=round,
    )
    mode = ("mode_state_topic", "mode_state_template")
    draft.choice("mode", service, "mode", mode, ("mode_command_topic", "mode_command_template"), draft.words("modes"))
    current = ("current_humidity_topic", "current_humidity_template")
    draft.quantity("current", "environment", "relative-humidity", current, unit="percentage")


def lock(draft: Draft) -> None:
    draft.kind = "lock"
    locked, unlocked = draft.text("state_locked", "LOCKED"), draft.text("state_unlocked", "UNLOCKED")
    words = (draft.text("payload_lock", "LOCK"), draft.text("payload_unlock", "UNLOCK"))
    draft.switch("locked", "lock", "locked", STATE, COMMAND, words, (locked, unlocked))
    draft.deed("open", "lock", "open", "command_topic", draft.text("payload_open"))
    jammed = draft.text("state_jammed", "JAMMED")

    def stuck(wire: Any) -> Value | None:
        return same(wire, jammed) if wire is not None else None

    draft.field("jammed", "lock", "jammed", Format.BOOL, draft.sources(*STATE, stuck))


Fill = Callable[[Draft], None]

COMPONENTS: Final[Mapping[str, Fill]] = {
    "binary_sensor": binary_sensor,
    "button": button,
    "climate": appliances.climate,
    "cover": appliances.cover,
    "device_automation": device_automation,
    "event": event,
    "fan": appliances.fan,
    "humidifier": humidifier,
    "light": light,
    "lock": lock,
    "number": number,
    "scene": scene,
    "select": select,
    "sensor": sensor,
    "siren": siren,
    "switch": switch,
    "text": text,
    "update": update,
    "vacuum": appliances.vacuum,
}
