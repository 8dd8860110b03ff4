"""Steps against the home. What a room or a label holds is looked at but not fixed: it may change later."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from setaria.facts.refused import Refused
from setaria.home.linkage.check_base import Desk
from setaria.home.linkage.check_parts import LONG, check_condition, check_conditions, check_triggers, contradictions
from setaria.home.linkage.check_refs import unknown
from setaria.home.linkage.check_values import literals
from setaria.home.linkage.parse_services import ACT
from setaria.home.linkage.parse_values import DAY
from setaria.home.linkage.rule import (
    ActStep,
    Assignment,
    Choice,
    ChooseStep,
    ConditionStep,
    DelayStep,
    EventStep,
    Formula,
    Given,
    HelperStep,
    IfStep,
    NotifyStep,
    ParallelStep,
    RepeatStep,
    SceneStep,
    SequenceStep,
    ServiceStep,
    SetStep,
    Step,
    StopStep,
    VariablesStep,
    WaitStep,
)
from setaria.home.linkage.targets import EVERY
from setaria.home.spec.homeassistant import translate
from setaria.home.spec.model import Action, Property, Spec

ROLES: Final = frozenset(("owner", "adult", "child", "elder", "guest"))
_OPERATIONS: Final = {
    "switch": ("turn_on", "turn_off", "toggle"),
    "counter": ("increment", "decrement", "reset", "set"),
    "timer": ("start", "cancel"),
}


def check_steps(desk: Desk, steps: Sequence[Step]) -> tuple[Step, ...]:
    for before, after in itertools.pairwise(steps):
        if isinstance(before, StopStep) and before.enabled:
            desk.warn("unreachable_step", after.path)
            break
    return tuple(checked for step in steps if (checked := _step(desk, step)) is not None)


def _step(desk: Desk, step: Step) -> Step:
    check = _CHECKS.get(type(step))
    return step if check is None else check(desk, step)


def _set(desk: Desk, step: SetStep) -> Step:
    assignments = tuple(_assignment(desk, each, step.path) for each in step.assignments)
    return msgspec.structs.replace(step, assignments=assignments)


def _assignment(desk: Desk, given: Assignment, path: str) -> Assignment:
    found = desk.find(given.ref.address, path)
    if found is None:
        return given
    if found.prop is None or not found.prop.writable:
        desk.error("not_writable", path, address=found.ref.address)
        return given
    if isinstance(given.value, Formula):
        return Assignment(found.ref, desk.formula(given.value, path))
    try:
        assert given.value is not None
        values = literals(found, given.value)
        return Assignment(found.ref, found.prop.parse(values[0]))
    except Refused as refused:
        desk.refuse(refused, path)
        return given


def _service(desk: Desk, step: ServiceStep) -> Step:
    if step.service == ACT:
        return _acts(desk, step)
    data = {key: _datum(desk, value, step.path) for key, value in step.data.items()}
    things = [found for name in step.things if (found := _thing(desk, name, step.path)) is not None]
    for thing, spec in things:
        part = thing.partition("/")[2]
        refused = _refused(spec, step.service, data, part) if spec is not None else None
        if refused is not None:
            desk.error(refused.code, step.path, **{**refused.details, "thing": thing})
    rooms = [room for name in step.rooms if (room := _room(desk, name, step.path))]
    for room in rooms:
        _some(desk, step, data, desk.catalogue.things_in(room), "room", room)
    for label in step.labels:
        if label not in desk.catalogue.labels():
            desk.refuse(unknown("label_unknown", label, desk.catalogue.labels()), step.path)
        else:
            _some(desk, step, data, desk.catalogue.things_labelled(label), "label", label)
    if EVERY in step.things:
        _some(desk, step, data, desk.catalogue.things(), "home", EVERY)
    names = tuple(dict.fromkeys(thing for thing, _ in things))
    return msgspec.structs.replace(step, things=names, rooms=tuple(rooms), data=data)


def _thing(desk: Desk, name: str, path: str) -> tuple[str, Spec | None] | None:
    if name == EVERY:
        return EVERY, None
    whole, slash, part = name.partition("/")
    try:
        thing, spec = desk.finder.thing(whole)
    except Refused as refused:
        desk.refuse(refused, path)
        return None
    return thing + slash + part, spec


def _room(desk: Desk, name: str, path: str) -> str:
    try:
        return desk.finder.room(name)
    except Refused as refused:
        desk.refuse(refused, path)
        return ""


def _datum(desk: Desk, value: Any, path: str) -> Any:
    if isinstance(value, Formula):
        return desk.formula(value, path)
    if isinstance(value, list | tuple):
        return [_datum(desk, each, path) for each in value]
    if isinstance(value, dict):
        return {key: _datum(desk, each, path) for key, each in value.items()}
    return value


def known_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is only known when the step runs."""
    return {
        key: value for key, value in data.items() if all(map(_plain, value if isinstance(value, list) else [value]))
    }


def _plain(value: object) -> bool:
    return isinstance(value, bool | int | float | str)


def _refused(spec: Spec, service: str, data: Mapping[str, Any], part: str = "") -> Refused | None:
    known = known_data(data)
    try:
        translate(spec, service, known, part)
    except Refused as refused:
        later = len(known) < len(data)
        return None if later and refused.code == "service_data_missing" else refused
    return None


def _some(desk: Desk, step: ServiceStep, data: Mapping[str, Any], things: Iterable[str], kind: str, name: str) -> None:
    """At least one of them must offer the service; those that do not are passed over when it runs."""
    last: Refused | None = None
    for thing in things:
        spec = desk.catalogue.spec_of(thing)
        if spec is None:
            continue
        refused = _refused(spec, step.service, data)
        if refused is None:
            return
        if refused.code != "service_not_offered":
            last = refused
    if last is not None:
        desk.refuse(last, step.path)
    else:
        desk.error("service_nowhere", step.path, service=step.service, kind=kind, name=name)


def _acts(desk: Desk, step: ServiceStep) -> Step:
    acts = [act for address in step.things if (act := _act(desk, step, address)) is not None]
    if len(acts) == 1:
        return acts[0]
    return SequenceStep(path=step.path, alias=step.alias, enabled=step.enabled, steps=tuple(acts)) if acts else step


def _act(desk: Desk, step: ServiceStep, address: str) -> ActStep | None:
    name, _, place = address.partition("/")
    try:
        thing, spec = desk.finder.thing(name)
    except Refused as refused:
        desk.refuse(refused, step.path)
        return None
    from setaria.home.spec.capability import capability

    actions = {action.address: action for action in spec.actions()}
    action = actions.get(place) or capability(spec).actions.get(place)
    if action is None:
        desk.refuse(unknown("action_unknown", place, [*actions], thing=thing), step.path)
        return None
    return ActStep(
        path=step.path,
        alias=step.alias,
        enabled=step.enabled,
        continue_on_error=step.continue_on_error,
        thing=thing,
        address=f"{thing}/{action.address}",
        siid=action.siid,
        aiid=action.aiid,
        arguments=_arguments(desk, spec, action, step),
    )


def _arguments(desk: Desk, spec: Spec, action: Action, step: ServiceStep) -> tuple[tuple[int, Given], ...]:
    wanted = [(piid, spec.property(action.siid, piid)) for piid in action.inputs]
    names = {(prop.name if prop is not None else str(piid)): piid for piid, prop in wanted}
    given: dict[int, Any] = {}
    for key, value in step.data.items():
        if key in names:
            given[names[key]] = value
        elif key.isdecimal() and int(key) < len(wanted):
            given[wanted[int(key)][0]] = value
        else:
            desk.refuse(unknown("argument_unknown", key, [*names], address=action.address), step.path)
    missing = [name for name, piid in names.items() if given.get(piid) is None]
    if missing:
        desk.error("argument_missing", step.path, names=", ".join(missing), address=action.address)
        return ()
    return tuple((piid, _argument(desk, prop, given[piid], step.path)) for piid, prop in wanted)


def _argument(desk: Desk, prop: Property | None, value: Any, path: str) -> Given:
    if isinstance(value, Formula):
        return desk.formula(value, path)
    if not isinstance(value, bool | int | float | str):
        desk.error("want_value", path)
        return None
    try:
        return value if prop is None else prop.parse(value)
    except Refused as refused:
        desk.refuse(refused, path)
        return value


def _scene(desk: Desk, step: SceneStep) -> Step:
    if step.scene not in desk.catalogue.scenes():
        desk.refuse(unknown("scene_unknown", step.scene, desk.catalogue.scenes()), step.path)
    return step


def _helper(desk: Desk, step: HelperStep) -> Step:
    try:
        kind = desk.finder.helper(step.helper)
    except Refused as refused:
        desk.refuse(refused, step.path)
        return step
    if step.operation not in _OPERATIONS[kind]:
        desk.error("helper_operation", step.path, helper=step.helper, kind=kind, operation=step.operation)
    return msgspec.structs.replace(step, value=_given(desk, step.value, step.path))


def _given(desk: Desk, value: Given, path: str) -> Given:
    return desk.formula(value, path) if isinstance(value, Formula) else value


def _notify(desk: Desk, step: NotifyStep) -> Step:
    for name in step.to:
        if name not in ROLES and name not in desk.catalogue.members():
            desk.refuse(unknown("recipient_unknown", name, [*desk.catalogue.members(), *ROLES]), step.path)
    message, title = _given(desk, step.message, step.path), _given(desk, step.title, step.path)
    return msgspec.structs.replace(step, message=message, title=title)


def _delay(desk: Desk, step: DelayStep) -> Step:
    if isinstance(step.duration, Formula):
        return msgspec.structs.replace(step, duration=desk.formula(step.duration, step.path))
    if step.duration > LONG:
        desk.warn("duration_long", step.path, days=step.duration // DAY)
    return step


def _wait(desk: Desk, step: WaitStep) -> Step:
    if step.timeout > LONG:
        desk.warn("duration_long", step.path, days=step.timeout // DAY)
    return msgspec.structs.replace(step, triggers=check_triggers(desk, step.triggers))


def _choose(desk: Desk, step: ChooseStep) -> Step:
    choices = []
    for choice in step.choices:
        contradictions(desk, choice.conditions)
        choices.append(Choice(check_conditions(desk, choice.conditions), check_steps(desk, choice.steps)))
    return msgspec.structs.replace(step, choices=tuple(choices), default=check_steps(desk, step.default))


def _if(desk: Desk, step: IfStep) -> Step:
    contradictions(desk, step.conditions)
    conditions, then = check_conditions(desk, step.conditions), check_steps(desk, step.then)
    return msgspec.structs.replace(step, conditions=conditions, then=then, otherwise=check_steps(desk, step.otherwise))


def _repeat(desk: Desk, step: RepeatStep) -> Step:
    return msgspec.structs.replace(
        step,
        steps=check_steps(desk, step.steps),
        count=desk.formula(step.count, step.path) if isinstance(step.count, Formula) else step.count,
        for_each=None if step.for_each is None else tuple(_datum(desk, each, step.path) for each in step.for_each),
        while_=None if step.while_ is None else check_conditions(desk, step.while_),
        until=None if step.until is None else check_conditions(desk, step.until),
    )


def _sequence(desk: Desk, step: SequenceStep) -> Step:
    return msgspec.structs.replace(step, steps=check_steps(desk, step.steps))


def _parallel(desk: Desk, step: ParallelStep) -> Step:
    return msgspec.structs.replace(step, branches=tuple(check_steps(desk, branch) for branch in step.branches))


def _variables(desk: Desk, step: VariablesStep) -> Step:
    return msgspec.structs.replace(step, variables=_datum(desk, step.variables, step.path))


def _event(desk: Desk, step: EventStep) -> Step:
    return msgspec.structs.replace(step, data=_datum(desk, step.data, step.path))


def _condition(desk: Desk, step: ConditionStep) -> Step:
    return msgspec.structs.replace(step, condition=check_condition(desk, step.condition))


_CHECKS: Final[Mapping[type, Callable[[Desk, Any], Step]]] = {
    SetStep: _set,
    ServiceStep: _service,
    SceneStep: _scene,
    HelperStep: _helper,
    NotifyStep: _notify,
    DelayStep: _delay,
    WaitStep: _wait,
    ChooseStep: _choose,
    IfStep: _if,
    RepeatStep: _repeat,
    SequenceStep: _sequence,
    ParallelStep: _parallel,
    VariablesStep: _variables,
    EventStep: _event,
    ConditionStep: _condition,
}
