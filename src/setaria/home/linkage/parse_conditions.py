"""Conditions in Home Assistant's form, with the short ones: a template alone, and:/or:/not:."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from setaria.home.linkage.document import Node
from setaria.home.linkage.parse_simple import simple_test
from setaria.home.linkage.parse_triggers import SUN, SUN_STATES, member_of
from setaria.home.linkage.parse_values import CONDITIONS, DEPTH, Fields, Reader, is_template, near, shown
from setaria.home.linkage.rule import (
    And,
    Condition,
    FormulaCondition,
    Not,
    NumericCondition,
    Or,
    StateCondition,
    SunCondition,
    TimeCondition,
    TriggerCondition,
    ZoneCondition,
)

NESTED: Final = ("and", "or", "not")


def read_conditions(reader: Reader, node: Node | None, path: str, depth: int = 0) -> tuple[Condition, ...]:
    """`path` is that of the list."""
    found = [read_condition(reader, each, f"{path}/{index}", depth) for index, each in enumerate(reader.items(node))]
    return tuple(condition for condition in found if condition is not None)


def read_condition(reader: Reader, node: Node, path: str, depth: int = 0) -> Condition | None:
    reader.place(path, node)
    reader.conditions += 1
    if reader.conditions > CONDITIONS:
        if reader.conditions == CONDITIONS + 1:
            reader.error("too_many_conditions", node, path, maximum=CONDITIONS)
        return None
    if depth > DEPTH:
        reader.error("too_deep", node, path, maximum=DEPTH)
        return None
    if is_template(node.value):
        return _template_of(reader, node, path)
    if isinstance(node.value, list):
        return And(path=path, conditions=read_conditions(reader, node, f"{path}/conditions", depth + 1))
    if not isinstance(node.value, dict):
        reader.error("condition_not_understood", node, path, text=shown(node.value))
        return None
    return _read_fields(reader, Fields(reader, node, path), depth)


def _read_fields(reader: Reader, fields: Fields, depth: int) -> Condition | None:
    node, path = fields.node, fields.path
    enabled_node = fields.take("enabled")
    fields.ignore("alias", "metadata")
    short = next((name for name in NESTED if name in fields), None)
    found: Condition | None
    if short is not None:
        found = _nested(fields, short, fields.take(short), depth)
    else:
        kind_node = fields.take("condition", "platform")
        if kind_node is not None and is_template(kind_node.value):
            found = FormulaCondition(formula=reader.formula(kind_node, path))
        elif kind_node is None or not isinstance(kind_node.value, str):
            device = "device_id" in fields
            reader.error("device_ids" if device else "condition_kind_missing", node, path)
            return None
        elif kind_node.value in NESTED:
            found = _nested(fields, kind_node.value, fields.need("conditions"), depth)
        elif kind_node.value in READERS:
            found = READERS[kind_node.value](fields)
        else:
            code = "device_ids" if kind_node.value == "device" else "condition_unknown"
            reader.error(code, kind_node, path, kind=shown(kind_node.value), near=near(kind_node.value, READERS))
            return None
    fields.done()
    if found is None:
        return None
    return msgspec.structs.replace(found, path=path, enabled=reader.flag(enabled_node, path, True))


def _nested(fields: Fields, kind: str, node: Node | None, depth: int) -> Condition:
    conditions = read_conditions(fields.reader, node, f"{fields.path}/conditions", depth + 1)
    makers: dict[str, type[And] | type[Or] | type[Not]] = {"and": And, "or": Or, "not": Not}
    make = makers[kind]
    if not conditions:
        fields.reader.error("empty_list", node or fields.node, fields.path, key="conditions")
    return make(conditions=conditions)


def _state(fields: Fields) -> Condition | None:
    reader, path = fields.reader, fields.path
    refs = reader.refs(fields.need("entity_id"), path, fields.take("attribute"))
    states = reader.values(fields.need("state"), path)
    match = fields.take("match")
    word = reader.text(match, path, "all")
    if word not in ("all", "any"):
        reader.error("want_one_of", match or fields.node, path, value=shown(word), accepted="all, any")
    held = reader.duration(fields.take("for"), path)
    if not refs or states is None:
        return None
    if refs == (SUN,) and len(states) == 1:
        return _sun_state(str(states[0]), False)
    return StateCondition(refs=refs, states=states, held=held, match_any=word == "any")


def _sun_state(state: str, negated: bool) -> Condition | None:
    if state not in SUN_STATES:
        return None
    below = (state == "below_horizon") is not negated
    if below:
        return Or(conditions=(SunCondition(after="sunset"), SunCondition(before="sunrise")))
    return SunCondition(after="sunrise", before="sunset")


def _template_of(reader: Reader, node: Node, path: str) -> Condition:
    test = simple_test(str(node.value))
    if test is not None and test.ref == SUN and test.equals is not None:
        sun = _sun_state(test.equals, test.negated)
        if sun is not None:
            return msgspec.structs.replace(sun, path=path)
    return FormulaCondition(path=path, formula=reader.formula(node, path))


def _numeric(fields: Fields) -> Condition | None:
    reader, path = fields.reader, fields.path
    refs = reader.refs(fields.need("entity_id"), path, fields.take("attribute"))
    above_node, below_node = fields.take("above"), fields.take("below")
    above, below = reader.bound(above_node, path), reader.bound(below_node, path)
    template = fields.take("value_template")
    if template is not None:
        reader.error("value_template", template, path)
    if above_node is None and below_node is None:
        reader.error("numeric_without_bound", fields.node, path)
    return NumericCondition(refs=refs, above=above, below=below) if refs else None


def _sun(fields: Fields) -> Condition | None:
    reader, path = fields.reader, fields.path
    words = {}
    for name in ("after", "before"):
        node = fields.take(name)
        word = reader.text(node, path)
        if word not in ("", "sunrise", "sunset"):
            reader.error("want_one_of", node or fields.node, path, value=shown(word), accepted="sunrise, sunset")
            word = ""
        words[name] = word
    if not any(words.values()):
        reader.error("key_missing", fields.node, path, key="after")
    return SunCondition(
        after=words["after"],
        before=words["before"],
        after_offset=reader.duration(fields.take("after_offset"), path, signed=True),
        before_offset=reader.duration(fields.take("before_offset"), path, signed=True),
    )


def _time(fields: Fields) -> Condition | None:
    reader, path = fields.reader, fields.path
    after, before, weekday = fields.take("after"), fields.take("before"), fields.take("weekday")
    if after is None and before is None and weekday is None:
        reader.error("key_missing", fields.node, path, key="after")
    return TimeCondition(
        after=-1 if after is None else reader.time_of_day(after, path),
        before=-1 if before is None else reader.time_of_day(before, path),
        weekdays=reader.weekdays(weekday, path),
    )


def _trigger(fields: Fields) -> Condition | None:
    ids = fields.reader.texts(fields.need("id"), fields.path)
    return TriggerCondition(ids=ids) if ids else None


def _zone(fields: Fields) -> Condition | None:
    reader, path = fields.reader, fields.path
    members = reader.texts(fields.need("entity_id", "member"), path)
    zone = reader.text(fields.take("zone"), path, "home").removeprefix("zone.")
    return ZoneCondition(members=tuple(map(member_of, members)), zone=zone) if members else None


def _template(fields: Fields) -> Condition | None:
    node = fields.need("value_template")
    return None if node is None else _template_of(fields.reader, node, fields.path)


READERS: Final[Mapping[str, Callable[[Fields], Condition | None]]] = {
    "state": _state,
    "numeric_state": _numeric,
    "sun": _sun,
    "time": _time,
    "trigger": _trigger,
    "zone": _zone,
    "template": _template,
}
