"""Calls: `action: light.turn_on` and its older spellings, `set:`, `act:`, `scene:`.

What a service means for a thing, the checker asks the spec. Here only the calls that mean no thing's service are told
apart: scenes, helpers, notifications, `property.set`, `thing.act`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from setaria.home.linkage.document import Node
from setaria.home.linkage.parse_values import SECOND, Fields, Reader, is_template, shown
from setaria.home.linkage.rule import (
    Assignment,
    Formula,
    Given,
    HelperStep,
    NotifyStep,
    Ref,
    SceneStep,
    SequenceStep,
    ServiceStep,
    SetStep,
    Step,
)

ACT: Final = "thing.act"  # as a ServiceStep until the checker has found the action
_SERVICE: Final = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+\Z")
_HASH: Final = re.compile(r"[0-9a-f]{32}\Z")
_HELPER_SERVICES: Final[Mapping[str, tuple[str, str]]] = {
    # service: operation, key of its value
    "input_boolean.turn_on": ("turn_on", ""),
    "input_boolean.turn_off": ("turn_off", ""),
    "input_boolean.toggle": ("toggle", ""),
    "counter.increment": ("increment", ""),
    "counter.decrement": ("decrement", ""),
    "counter.reset": ("reset", ""),
    "counter.set_value": ("set", "value"),
    "timer.start": ("start", "duration"),
    "timer.cancel": ("cancel", ""),
}
HELPER_PREFIXES: Final = ("helper/", "input_boolean.", "counter.", "timer.")
_SWITCHING: Final = ("turn_on", "turn_off", "toggle")
_EVERYBODY: Final = frozenset(("notify", "send_message", "all", "everyone", "persistent_notification"))
_NO_SUCH: Final = frozenset(
    (
        "automation",
        "script",
        "input_number",
        "input_select",
        "input_text",
        "input_datetime",
        "input_button",
        "group",
        "hassio",
        "recorder",
        "logbook",
        "shell_command",
        "rest_command",
        "mqtt",
        "python_script",
        "pyscript",
        "tts",
        "conversation",
        "zone",
        "schedule",
        "system_log",
    )
)
_FLAG_KEYS: Final = frozenset(("oscillating", "is_volume_muted", "enabled", "away_mode", "aux_heat", "shuffle"))


def read_call(fields: Fields, _: int) -> Step | None:
    reader, path = fields.reader, fields.path
    node = fields.need("action", "service", "service_template")
    if node is None:
        return None
    service = reader.text(node, path)
    if is_template(service):
        reader.error("service_template", node, path, text=shown(service))
        service = ""
    elif not _SERVICE.match(service) and service != "notify":
        reader.error("bad_service", node, path, service=shown(service))
        service = ""
    data_node = fields.take("data", "data_template", "service_data")
    data = _nodes(reader, data_node, path)
    target_node = fields.take("target")
    target = _nodes(reader, target_node, path)
    top = fields.take("entity_id")
    if top is not None:
        target.setdefault("entity_id", top)
    for key in ("entity_id", "area_id", "device_id", "floor_id", "label_id"):
        if key in data:
            target.setdefault(key, data.pop(key))
    if not service:
        return None
    return _Call(reader, path, node, service, target, data).step()


def _nodes(reader: Reader, node: Node | None, path: str) -> dict[str, Node]:
    if node is None or node.value is None:
        return {}
    if not isinstance(node.value, dict):
        reader.error("template_here" if is_template(node.value) else "want_mapping", node, path, text=shown(node.value))
        return {}
    return dict(node.value)


class _Call:
    """One call, its target and data still as nodes."""

    def __init__(
        self, reader: Reader, path: str, node: Node, service: str, target: dict[str, Node], data: dict[str, Node]
    ) -> None:
        self.reader, self.path, self.node, self.service = reader, path, node, service
        self.target, self.data = target, data

    def step(self) -> Step | None:
        domain, _, name = self.service.partition(".")
        if domain == "notify" or self.service == "persistent_notification.create":
            return self._notify(name if domain == "notify" else "")
        if self.service == "scene.turn_on":
            return _scenes(self.path, self._names("entity_id"))
        if self.service == "property.set":
            return self._set()
        if self.service in _HELPER_SERVICES:
            helpers = self._helpers(self._names("entity_id"), *_HELPER_SERVICES[self.service])
            return _together(self.path, helpers)
        if domain in _NO_SUCH or domain in ("scene", "timer", "counter", "input_boolean", "persistent_notification"):
            self.reader.error("service_unsupported", self.node, self.path, service=self.service)
            return None
        return self._service(name)

    def _names(self, key: str) -> tuple[str, ...]:
        names = self.reader.texts(self.target.get(key), self.path)
        if key == "entity_id" and not names:
            self.reader.error("target_missing", self.node, self.path, service=self.service)
        return names

    def _service(self, name: str) -> Step | None:
        reader, path = self.reader, self.path
        floor = self.target.get("floor_id")
        if floor is not None:
            reader.error("floors", floor, path)
        devices = reader.texts(self.target.get("device_id"), path)
        for device in filter(_HASH.match, devices):
            reader.error("device_ids", self.target["device_id"], path, device=device)
        entities = reader.texts(self.target.get("entity_id"), path)
        helpers = tuple(each for each in entities if each.startswith(HELPER_PREFIXES))
        things = tuple(dict.fromkeys((*(each for each in entities if each not in helpers), *devices)))
        rooms = reader.texts(self.target.get("area_id"), path)
        labels = reader.texts(self.target.get("label_id"), path)
        steps: list[Step] = []
        if helpers and name in _SWITCHING:
            steps += self._helpers(helpers, name, "")
        elif helpers:
            reader.error("helper_service", self.node, path, service=self.service)
        if self.service != ACT and (name not in ("turn_on", "turn_off") or self.data):
            things = tuple(map(part_of, things))
        properties = tuple(each for each in things if "." in each.partition("/")[2])
        if properties and self.service != ACT:
            steps += _flat(self._switch(properties, name))
            things = tuple(each for each in things if each not in properties)
        if things or rooms or labels:
            data = {key: self._datum(key, child) for key, child in self.data.items()}
            steps.append(
                ServiceStep(path=path, service=self.service, things=things, rooms=rooms, labels=labels, data=data)
            )
        if not (entities or devices or rooms or labels):
            unread = any(each.value is not None for each in self.target.values())
            if not unread:
                reader.error("target_missing", self.node, path, service=self.service)
        return _together(path, steps)

    def _datum(self, key: str, node: Node) -> Any:
        if key in _FLAG_KEYS and isinstance(node.value, str) and not is_template(node.value):
            return self.reader.flag(node, self.path, False)
        return self.reader.data(node, self.path)

    def _switch(self, properties: tuple[str, ...], name: str) -> Step | None:
        """`switch.turn_on` of `wall_switch/switch#2.on`: one channel of several."""
        if name not in ("turn_on", "turn_off") or self.data:
            self.reader.error("property_service", self.node, self.path, service=self.service, address=properties[0])
            return None
        value = name == "turn_on"
        return SetStep(path=self.path, assignments=tuple(Assignment(Ref(each), value) for each in properties))

    def _set(self) -> Step | None:
        names = self._names("entity_id")
        node = self.data.get("value")
        for key in self.data:
            if key != "value":
                self.reader.error("unknown_key", self.data[key], self.path, key=shown(key), near="value")
        if node is None:
            self.reader.error("key_missing", self.node, self.path, key="value")
            return None
        value = self.reader.given(node, self.path)
        if value is None or not names:
            return None
        return SetStep(path=self.path, assignments=tuple(Assignment(Ref(name), value) for name in names))

    def _helpers(self, names: tuple[str, ...], operation: str, key: str) -> list[Step]:
        value: Given = None
        node = self.data.get(key) if key else None
        if node is not None and key == "duration":
            duration = self.reader.duration_or_formula(node, self.path)
            value = duration / SECOND if isinstance(duration, int) else duration  # a formula gives seconds, so do these
        elif node is not None:
            value = self.reader.given(node, self.path)
        elif operation == "set":
            self.reader.error("key_missing", self.node, self.path, key=key)
        return [HelperStep(path=self.path, helper=_helper(name), operation=operation, value=value) for name in names]

    def _notify(self, name: str) -> Step | None:
        reader, path = self.reader, self.path
        message = self.data.get("message")
        if message is None:
            reader.error("key_missing", self.node, path, key="message")
            return None
        title = self.data.get("title")
        to: tuple[str, ...] = () if name in _EVERYBODY or not name else (name,)
        if "target" in self.data:
            to = reader.texts(self.data["target"], path)
        elif self.target.get("entity_id") is not None:
            to = tuple(each.removeprefix("notify.") for each in reader.texts(self.target["entity_id"], path))
        if "data" in self.data:
            reader.warn("notify_data", self.data["data"], path)
        text = reader.given(message, path)
        return NotifyStep(
            path=path, message="" if text is None else text, title=_title(reader, title, path), to=_people(to)
        )


def part_of(address: str) -> str:
    """`wall_switch/switch#2.on` -> `wall_switch/switch#2`: a service for one part of a thing."""
    thing, slash, place = address.partition("/")
    return f"{thing}/{place.removesuffix('.on')}" if slash else address


def _title(reader: Reader, node: Node | None, path: str) -> Given:
    return "" if node is None else reader.given(node, path) or ""


def _people(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.removeprefix("member/").removeprefix("person.") for name in names)


def _helper(name: str) -> str:
    return re.sub(r"\.(on|count|running)\Z", "", re.sub(r"\A(helper/|input_boolean\.|counter\.|timer\.)", "", name))


def _flat(step: Step | None) -> list[Step]:
    return [] if step is None else [step]


def _together(path: str, steps: list[Step]) -> Step | None:
    if len(steps) < 2:
        return steps[0] if steps else None
    return SequenceStep(path=path, steps=tuple(steps))


def _scenes(path: str, names: tuple[str, ...]) -> Step | None:
    return _together(path, [SceneStep(path=path, scene=name.removeprefix("scene.")) for name in names])


def read_scene(fields: Fields, _: int) -> Step | None:
    return _scenes(fields.path, fields.reader.texts(fields.need("scene"), fields.path))


def read_set(fields: Fields, _: int) -> Step | None:
    """`set: {living_light/light.on: true, living_light/light.brightness: 40}`."""
    reader, path = fields.reader, fields.path
    node = fields.need("set")
    if node is None:
        return None
    if not isinstance(node.value, dict):
        reader.error("want_mapping", node, path)
        return None
    assignments = []
    for address, child in node.value.items():
        value = reader.given(child, path)
        if value is None:
            reader.error("want_value", child, path)
        else:
            assignments.append(Assignment(Ref(address.strip()), value))
    if not assignments:
        return None
    return SetStep(assignments=tuple(assignments))


def read_act(fields: Fields, _: int) -> Step | None:
    """`act: vacuum/vacuum.start-sweep`, with `arguments` as a list in the spec's order or by name."""
    reader, path = fields.reader, fields.path
    names = reader.texts(fields.need("act"), path)
    node = fields.take("arguments", "data")
    data: dict[str, Any | Formula] = {}
    if node is not None and isinstance(node.value, list):
        data = {str(index): reader.given(child, path) for index, child in enumerate(node.value)}
    else:
        data = reader.mapping(node, path)
    return ServiceStep(service=ACT, things=names, data=data) if names else None
