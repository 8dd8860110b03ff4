"""Triggers in Home Assistant's form. `READERS` says which there are; `REFUSED` which have no meaning here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from setaria.home.linkage.document import Node
from setaria.home.linkage.parse_simple import SimpleTest, simple_test
from setaria.home.linkage.parse_values import DEPTH, TRIGGERS, Fields, Reader, near, shown
from setaria.home.linkage.rule import (
    EventTrigger,
    NumericTrigger,
    PatternTrigger,
    Ref,
    StartTrigger,
    StateTrigger,
    SunTrigger,
    TimeTrigger,
    Trigger,
    ZoneTrigger,
)

REFUSED: Final = frozenset(
    ["calendar", "conversation", "device", "geo_location", "mqtt", "persistent_notification", "tag", "webhook"],
)
SUN: Final = Ref("sun.sun")
SUN_STATES: Final = {"below_horizon": "sunset", "above_horizon": "sunrise"}
_PATTERNS: Final = {"hours": 23, "minutes": 59, "seconds": 59}
_PATTERN: Final = re.compile(r"\*|/?\d{1,2}\Z")


def read_triggers(reader: Reader, node: Node | None, path: str) -> tuple[Trigger, ...]:
    """`path` is that of the list: `trigger`, or `action/0/wait_for_trigger`."""
    found: list[Trigger] = []
    for position, each in enumerate(_flat(reader, node, 0)):
        if position >= TRIGGERS:
            reader.error("too_many_triggers", each, path, maximum=TRIGGERS)
            break
        found += _read(reader, each, f"{path}/{position}", str(position))
    return tuple(found)


def _flat(reader: Reader, node: Node | None, depth: int) -> Iterator[Node]:
    for each in reader.items(node):
        if isinstance(each.value, list) and depth < DEPTH:
            yield from _flat(reader, each, depth + 1)
        elif isinstance(each.value, dict) and set(each.value) == {"triggers"} and depth < DEPTH:
            yield from _flat(reader, each.value["triggers"], depth + 1)
        else:
            yield each


def _read(reader: Reader, node: Node, path: str, default_id: str) -> list[Trigger]:
    reader.place(path, node)
    if not isinstance(node.value, dict):
        reader.error("want_mapping", node, path)
        return []
    fields = Fields(reader, node, path)
    kind_node = fields.take("trigger", "platform")
    if kind_node is None:
        reader.error("device_ids" if "device_id" in fields else "trigger_kind_missing", node, path)
        return []
    kind = reader.text(kind_node, path)
    read = READERS.get(kind)
    if read is None:
        code = "device_ids" if kind == "device" else "trigger_unsupported" if kind in REFUSED else "trigger_unknown"
        reader.error(code, kind_node, path, kind=shown(kind), near=near(kind, READERS))
        return []
    trigger_id = reader.text(fields.take("id"), path) or default_id
    enabled = reader.flag(fields.take("enabled"), path, True)
    fields.ignore("alias", "metadata")
    if "variables" in fields:
        reader.error("trigger_variables", fields.take("variables") or node, path)
    found = read(fields)
    fields.done()
    return [msgspec.structs.replace(each, path=path, id=trigger_id, enabled=enabled) for each in found]


def _state(fields: Fields) -> list[Trigger]:
    reader, path = fields.reader, fields.path
    node = fields.need("entity_id")
    refs = reader.refs(node, path, fields.take("attribute"))
    to, not_to = fields.take("to"), fields.take("not_to")
    was, not_was = fields.take("from"), fields.take("not_from")
    for one, other, key in ((to, not_to, "to"), (was, not_was, "from")):
        if one is not None and other is not None:
            reader.error("key_twice", other, path, key=f"not_{key}", other=key)
    held = reader.duration(fields.take("for"), path)
    if not refs:
        return []
    if refs == (SUN,):
        return _sun_state(fields, to)
    values = [reader.values(each, path) for each in (to, not_to, was, not_was)]
    return [StateTrigger(refs=refs, to=values[0], not_to=values[1], was=values[2], not_was=values[3], held=held)]


def _sun_state(fields: Fields, to: Node | None) -> list[Trigger]:
    """`sun.sun` is no thing here; its two states are."""
    event = SUN_STATES.get(fields.reader.text(to, fields.path))
    if event is None:
        fields.reader.error("want_one_of", to or fields.node, fields.path, value="", accepted=", ".join(SUN_STATES))
        return []
    return [SunTrigger(event=event)]


def _numeric(fields: Fields) -> list[Trigger]:
    reader, path = fields.reader, fields.path
    refs = reader.refs(fields.need("entity_id"), path, fields.take("attribute"))
    above_node, below_node = fields.take("above"), fields.take("below")
    above, below = reader.bound(above_node, path), reader.bound(below_node, path)
    held = reader.duration(fields.take("for"), path)
    template = fields.take("value_template")
    if template is not None:
        reader.error("value_template", template, path)
    if above_node is None and below_node is None:
        reader.error("numeric_without_bound", fields.node, path)
    return [NumericTrigger(refs=refs, above=above, below=below, held=held)] if refs else []


def _time(fields: Fields) -> list[Trigger]:
    reader, path = fields.reader, fields.path
    node = fields.need("at")
    weekdays = reader.weekdays(fields.take("weekday"), path)
    times: list[int] = []
    for each in reader.items(node):
        if isinstance(each.value, dict):
            reader.error("time_of_entity", each, path, entity=shown(each.plain().get("entity_id", "")))
        elif isinstance(each.value, str) and "," in each.value:
            parts = [part.strip() for part in each.value.split(",")]
            times += [reader.time_of_day(Node(part, each.line, each.column), path) for part in parts]
        else:
            times.append(reader.time_of_day(each, path))
    at = tuple(dict.fromkeys(time for time in times if time >= 0))
    return [TimeTrigger(at=at, weekdays=weekdays)] if at else []


def _pattern(fields: Fields) -> list[Trigger]:
    reader, path = fields.reader, fields.path
    given = {name: fields.take(name) for name in _PATTERNS}
    if not any(given.values()):
        reader.error("key_missing", fields.node, path, key="minutes")
    # As Home Assistant: what is finer than the finest given is 0, what is coarser is any.
    parts: dict[str, str] = {}
    finest = max((index for index, name in enumerate(_PATTERNS) if given[name] is not None), default=0)
    for index, (name, highest) in enumerate(_PATTERNS.items()):
        node = given[name]
        if node is None:
            parts[name] = "0" if index > finest else "*"
            continue
        text = reader.text(node, path)
        number = int(text.lstrip("/")) if _PATTERN.match(text) and text != "*" else 0
        if not _PATTERN.match(text) or number > highest or (text.startswith("/") and number == 0):
            reader.error("bad_pattern", node, path, key=name, value=shown(text), highest=highest)
            text = "*"
        parts[name] = text if text == "*" else f"/{number}" if text.startswith("/") else str(number)
    return [PatternTrigger(hours=parts["hours"], minutes=parts["minutes"], seconds=parts["seconds"])]


def _sun(fields: Fields) -> list[Trigger]:
    reader, path = fields.reader, fields.path
    node = fields.need("event")
    event = reader.text(node, path)
    offset = reader.duration(fields.take("offset"), path, signed=True)
    if event not in ("sunrise", "sunset"):
        reader.error("want_one_of", node or fields.node, path, value=shown(event), accepted="sunrise, sunset")
        return []
    return [SunTrigger(event=event, offset=offset)]


def _event(fields: Fields) -> list[Trigger]:
    """`thing/service.event` is a thing's own; any other name is an event of the home."""
    reader, path = fields.reader, fields.path
    names = reader.texts(fields.need("event_type", "event", "entity_id"), path)
    data_node = fields.take("event_data", "data")
    data = {}
    if data_node is not None and isinstance(data_node.value, dict):
        read = {key: reader.value(child, path) for key, child in data_node.value.items()}
        data = {key: value for key, value in read.items() if value is not None}
    elif data_node is not None and data_node.value is not None:
        reader.error("want_mapping", data_node, path)
    context = fields.take("context")
    if context is not None:
        reader.error("event_context", context, path)
    found: list[Trigger] = []
    for name in names:
        thing, slash, event = name.partition("/")
        found.append(
            EventTrigger(thing=thing, event=event, data=data) if slash else EventTrigger(event=name, data=data)
        )
    return found


def _zone(fields: Fields) -> list[Trigger]:
    reader, path = fields.reader, fields.path
    members = reader.texts(fields.need("entity_id", "member"), path)
    zone = reader.text(fields.take("zone"), path, "home").removeprefix("zone.")
    node = fields.take("event")
    event = reader.text(node, path, "enter")
    if event not in ("enter", "leave"):
        reader.error("want_one_of", node or fields.node, path, value=shown(event), accepted="enter, leave")
        return []
    return [ZoneTrigger(members=tuple(map(member_of, members)), event=event, zone=zone)] if members else []


def _start(fields: Fields) -> list[Trigger]:
    reader, path = fields.reader, fields.path
    node = fields.take("event")
    event = reader.text(node, path, "start")
    if event != "start":
        reader.error("want_one_of", node or fields.node, path, value=shown(event), accepted="start")
        return []
    return [StartTrigger()]


def _template(fields: Fields) -> list[Trigger]:
    """Only the simple forms that are a state or numeric trigger in other words."""
    reader, path = fields.reader, fields.path
    node = fields.need("value_template")
    held = reader.duration(fields.take("for"), path)
    if node is None:
        return []
    test = simple_test(str(node.value))
    if test is None:
        reader.error("template_trigger", node, path, text=shown(str(node.value)))
        return []
    return [trigger_of(test, held)]


def trigger_of(test: SimpleTest, held: int = 0) -> Trigger:
    if test.equals is not None:
        if test.negated:
            return StateTrigger(refs=(test.ref,), not_to=(test.equals,), held=held)
        return StateTrigger(refs=(test.ref,), to=(test.equals,), held=held)
    return NumericTrigger(refs=(test.ref,), above=test.above, below=test.below, held=held)


def member_of(name: str) -> str:
    """`person.wei`, `member/wei`, `member/wei.home` and `wei` are the same member."""
    return name.removeprefix("person.").removeprefix("member/").removesuffix(".home")


READERS: Final[Mapping[str, Callable[[Fields], list[Trigger]]]] = {
    "state": _state,
    "numeric_state": _numeric,
    "time": _time,
    "time_pattern": _pattern,
    "sun": _sun,
    "event": _event,
    "zone": _zone,
    "homeassistant": _start,
    "start": _start,
    "template": _template,
}
