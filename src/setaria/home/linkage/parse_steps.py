"""Steps in Home Assistant's form, and our two: `property.set` (short: `set:`) and `thing.act` (short: `act:`).

Which step a mapping is, its keys say (`READERS`). Calls of services are in parse_services.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from setaria.home.linkage.document import Node
from setaria.home.linkage.parse_conditions import read_condition, read_conditions
from setaria.home.linkage.parse_services import read_act, read_call, read_scene, read_set
from setaria.home.linkage.parse_simple import simple_test
from setaria.home.linkage.parse_triggers import read_triggers, trigger_of
from setaria.home.linkage.parse_values import DEPTH, STEPS, Fields, Reader, is_template, near, shown
from setaria.home.linkage.rule import (
    Choice,
    ChooseStep,
    ConditionStep,
    DelayStep,
    EventStep,
    Formula,
    FormulaCondition,
    IfStep,
    Not,
    ParallelStep,
    RepeatStep,
    SequenceStep,
    Step,
    StopStep,
    VariablesStep,
    WaitStep,
)

_CONDITIONS: Final = ("condition", "and", "or", "not")


def read_steps(reader: Reader, node: Node | None, path: str, depth: int = 0) -> tuple[Step, ...]:
    """`path` is that of the list: `action`, `action/0/then`."""
    found = [_read(reader, each, f"{path}/{index}", depth) for index, each in enumerate(reader.items(node))]
    return tuple(step for step in found if step is not None)


def _read(reader: Reader, node: Node, path: str, depth: int) -> Step | None:
    reader.place(path, node)
    reader.steps += 1
    if reader.steps > STEPS:
        if reader.steps == STEPS + 1:
            reader.error("too_many_steps", node, path, maximum=STEPS)
        return None
    if depth >= DEPTH:
        reader.error("too_deep", node, path, maximum=DEPTH)
        return None
    if is_template(node.value):
        condition = read_condition(reader, node, path)
        return None if condition is None else ConditionStep(path=path, condition=condition)
    if isinstance(node.value, list):
        return SequenceStep(path=path, steps=read_steps(reader, node, f"{path}/sequence", depth + 1))
    if not isinstance(node.value, dict):
        reader.error("step_not_understood", node, path, text=shown(node.value))
        return None
    if any(name in node.value for name in _CONDITIONS):
        condition = read_condition(reader, node, path)
        return None if condition is None else ConditionStep(path=path, condition=condition)
    return _read_fields(Fields(reader, node, path), depth)


def _read_fields(fields: Fields, depth: int) -> Step | None:
    reader, node, path = fields.reader, fields.node, fields.path
    kind = next((name for name in READERS if name in fields), None)
    if kind is None:
        key = next(iter(node.value), "")
        code = "device_ids" if "device_id" in fields else "step_unknown"
        reader.error(code, node, path, key=shown(key), near=near(key, READERS))
        return None
    alias = reader.text(fields.take("alias"), path)
    enabled = reader.flag(fields.take("enabled"), path, True)
    go_on = reader.flag(fields.take("continue_on_error"), path, False)
    fields.ignore("metadata")
    if "response_variable" in fields:
        reader.error("response_variable", fields.take("response_variable") or node, path)
    found = READERS[kind](fields, depth)
    fields.done()
    if found is None:
        return None
    return msgspec.structs.replace(found, path=path, alias=alias, enabled=enabled, continue_on_error=go_on)


def _delay(fields: Fields, _: int) -> Step | None:
    node = fields.need("delay")
    return None if node is None else DelayStep(duration=fields.reader.duration_or_formula(node, fields.path))


def _wait(fields: Fields, _: int) -> Step | None:
    reader, path = fields.reader, fields.path
    triggers = read_triggers(reader, fields.need("wait_for_trigger"), f"{path}/wait_for_trigger")
    timeout, go_on = _timeout(fields)
    return WaitStep(triggers=triggers, timeout=timeout, continue_on_timeout=go_on) if triggers else None


def _wait_template(fields: Fields, _: int) -> Step | None:
    """Waits only if the template does not hold already, so it becomes an `if` around a wait."""
    reader, path = fields.reader, fields.path
    node = fields.need("wait_template")
    timeout, go_on = _timeout(fields)
    if node is None:
        return None
    test = simple_test(str(node.value))
    if test is None:
        reader.error("template_wait", node, path, text=shown(str(node.value)))
        return None
    trigger = msgspec.structs.replace(trigger_of(test), path=f"{path}/wait_for_trigger/0", id="0")
    wait = WaitStep(path=f"{path}/then/0", triggers=(trigger,), timeout=timeout, continue_on_timeout=go_on)
    holds = FormulaCondition(path=f"{path}/if/0/conditions/0", formula=reader.formula(node, path))
    return IfStep(conditions=(Not(path=f"{path}/if/0", conditions=(holds,)),), then=(wait,))


def _timeout(fields: Fields) -> tuple[int, bool]:
    reader, path = fields.reader, fields.path
    timeout = reader.duration(fields.take("timeout"), path, default=-1)
    return timeout, reader.flag(fields.take("continue_on_timeout"), path, True)


def _choose(fields: Fields, depth: int) -> Step | None:
    reader, path = fields.reader, fields.path
    choices = []
    for index, node in enumerate(reader.items(fields.need("choose"))):
        where = f"{path}/choose/{index}"
        reader.place(where, node)
        if not isinstance(node.value, dict):
            reader.error("want_mapping", node, where)
            continue
        choice = Fields(reader, node, where)
        choice.ignore("alias", "enabled")
        conditions = read_conditions(reader, choice.need("conditions", "condition"), f"{where}/conditions")
        steps = read_steps(reader, choice.need("sequence"), f"{where}/sequence", depth + 1)
        choice.done()
        choices.append(Choice(conditions, steps))
    default = read_steps(reader, fields.take("default"), f"{path}/default", depth + 1)
    return ChooseStep(choices=tuple(choices), default=default)


def _if(fields: Fields, depth: int) -> Step | None:
    reader, path = fields.reader, fields.path
    return IfStep(
        conditions=read_conditions(reader, fields.need("if"), f"{path}/if/condition"),
        then=read_steps(reader, fields.need("then"), f"{path}/then", depth + 1),
        otherwise=read_steps(reader, fields.take("else"), f"{path}/else", depth + 1),
    )


def _repeat(fields: Fields, depth: int) -> Step | None:
    reader, path = fields.reader, f"{fields.path}/repeat"
    node = fields.need("repeat")
    if node is None:
        return None
    if not isinstance(node.value, dict):
        reader.error("want_mapping", node, path)
        return None
    inner = Fields(reader, node, path)
    kinds = [name for name in ("count", "for_each", "while", "until") if name in inner]
    if len(kinds) != 1:
        reader.error("repeat_one_of", node, path)
        return None
    steps = read_steps(reader, inner.need("sequence"), f"{path}/sequence", depth + 1)
    bound = reader.whole(inner.take("bound"), path, 1_000, 1, 10_000)
    kind_node = inner.take(kinds[0])
    inner.done()
    if kind_node is None:
        return None
    if kinds[0] == "count":
        count: int | Formula = (
            reader.formula(kind_node, path)
            if is_template(kind_node.value)
            else reader.whole(kind_node, path, 1, 0, 10_000)
        )
        return RepeatStep(steps=steps, count=count, bound=bound)
    if kinds[0] == "for_each":
        if not isinstance(kind_node.value, list):
            reader.error("for_each_list", kind_node, path)
            return None
        return RepeatStep(steps=steps, for_each=tuple(reader.data(kind_node, path)), bound=bound)
    conditions = read_conditions(reader, kind_node, f"{path}/{kinds[0]}")
    if kinds[0] == "while":
        return RepeatStep(steps=steps, while_=conditions, bound=bound)
    return RepeatStep(steps=steps, until=conditions, bound=bound)


def _sequence(fields: Fields, depth: int) -> Step | None:
    return SequenceStep(
        steps=read_steps(fields.reader, fields.take("sequence"), f"{fields.path}/sequence", depth + 1),
    )


def _parallel(fields: Fields, depth: int) -> Step | None:
    reader, path = fields.reader, fields.path
    branches = []
    for index, node in enumerate(reader.items(fields.need("parallel"))):
        where = f"{path}/parallel/{index}/sequence"
        only = isinstance(node.value, dict) and set(node.value) <= {"sequence", "alias", "enabled"}
        steps = node.value["sequence"] if only and "sequence" in node.value else node
        branches.append(read_steps(reader, steps, where, depth + 1))
    return ParallelStep(branches=tuple(branches))


def _variables(fields: Fields, _: int) -> Step | None:
    return VariablesStep(variables=fields.reader.mapping(fields.take("variables"), fields.path))


def _stop(fields: Fields, _: int) -> Step | None:
    reader, path = fields.reader, fields.path
    return StopStep(reason=reader.text(fields.take("stop"), path), error=reader.flag(fields.take("error"), path, False))


def _event(fields: Fields, _: int) -> Step | None:
    reader, path = fields.reader, fields.path
    name = reader.text(fields.need("event"), path)
    data: dict[str, Any] = reader.mapping(fields.take("event_data_template"), path)
    data = data | reader.mapping(fields.take("event_data", "data"), path)
    return EventStep(event=name, data=data) if name else None


# In this order: the first of these keys that a mapping has names the step.
READERS: Final[Mapping[str, Callable[[Fields, int], Step | None]]] = {
    "action": read_call,
    "service": read_call,
    "service_template": read_call,
    "set": read_set,
    "act": read_act,
    "scene": read_scene,
    "delay": _delay,
    "wait_for_trigger": _wait,
    "wait_template": _wait_template,
    "choose": _choose,
    "if": _if,
    "repeat": _repeat,
    "parallel": _parallel,
    "sequence": _sequence,
    "variables": _variables,
    "stop": _stop,
    "event": _event,
}
