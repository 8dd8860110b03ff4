"""A rule as the document that its parser reads: for linkages whose text does not say what they are (imported with other
names, made from a blueprint), so that they can be edited all the same. What is parsed from it is the same rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from setaria.home.linkage.rule import (
    ActStep,
    And,
    ChooseStep,
    Condition,
    ConditionStep,
    DelayStep,
    EventStep,
    EventTrigger,
    Formula,
    FormulaCondition,
    HelperStep,
    IfStep,
    Missed,
    Mode,
    Not,
    NotifyStep,
    NumericCondition,
    NumericTrigger,
    Or,
    ParallelStep,
    PatternTrigger,
    Ref,
    RepeatStep,
    Rule,
    SceneStep,
    SequenceStep,
    ServiceStep,
    SetStep,
    StartTrigger,
    StateCondition,
    StateTrigger,
    Step,
    StopStep,
    SunCondition,
    SunTrigger,
    TimeCondition,
    TimeTrigger,
    Trigger,
    TriggerCondition,
    VariablesStep,
    WaitStep,
    ZoneCondition,
    ZoneTrigger,
)

Document = dict[str, Any]
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EVERY_DAY: Final = tuple(range(7))
_SECOND: Final = 1_000_000
_MOST_RUNS: Final = 10
_BOUND: Final = 1_000
_HELPERS: Final = {
    "turn_on": ("input_boolean.turn_on", ""),
    "turn_off": ("input_boolean.turn_off", ""),
    "toggle": ("input_boolean.toggle", ""),
    "increment": ("counter.increment", ""),
    "decrement": ("counter.decrement", ""),
    "reset": ("counter.reset", ""),
    "set": ("counter.set_value", "value"),
    "start": ("timer.start", "duration"),
    "cancel": ("timer.cancel", ""),
}


def document_of(rule: Rule) -> Document:
    whole: Document = {"id": rule.id, "alias": rule.alias}
    if rule.description:
        whole["description"] = rule.description
    if rule.mode is not Mode.SINGLE:
        whole["mode"] = rule.mode.value
    if rule.max_runs != _MOST_RUNS:
        whole["max"] = rule.max_runs
    if rule.cooldown:
        whole["cooldown"] = duration(rule.cooldown)
    if rule.rate is not None:
        whole["rate"] = {"runs": rule.rate.runs, "within": duration(rule.rate.within)}
    if rule.missed is not None:
        whole["missed"] = _missed(rule.missed)
    if not rule.enabled:
        whole["enabled"] = False
    if rule.variables:
        whole["variables"] = _plain(rule.variables)
    whole["triggers"] = _triggers(rule.triggers)
    if rule.conditions:
        whole["conditions"] = _conditions(rule.conditions)
    whole["actions"] = _steps(rule.actions)
    return whole


def duration(microseconds: int) -> str:
    """`HH:MM:SS`, with a fraction if there is one."""
    seconds, fraction = divmod(abs(microseconds), _SECOND)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return ("-" if microseconds < 0 else "") + text + (f".{fraction:06}" if fraction else "")


def _missed(missed: Missed) -> Any:
    if missed.within == 0:
        return "skip"
    return "run" if missed.within < 0 else {"within": duration(missed.within)}


def _plain(value: Any) -> Any:
    if isinstance(value, Formula):
        return value.source
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _one(values: Sequence[Any]) -> Any:
    """One thing stands for a list of one."""
    return values[0] if len(values) == 1 else list(values)


def _refs(refs: Sequence[Ref]) -> Any:
    return _one([ref.address for ref in refs])


def _bounds(part: NumericTrigger | NumericCondition) -> Document:
    found: Document = {"entity_id": _refs(part.refs)}
    for name, bound in (("above", part.above), ("below", part.below)):
        if bound is not None:
            found[name] = bound.address if isinstance(bound, Ref) else int(bound) if bound == int(bound) else bound
    return found


def _people(members: Sequence[str]) -> Any:
    return _one([f"person.{member}" for member in members])


def _days(weekdays: Sequence[int]) -> Document:
    return {} if tuple(weekdays) == _EVERY_DAY else {"weekday": [_DAYS[day] for day in weekdays]}


# Triggers.


def _triggers(triggers: Sequence[Trigger]) -> list[Document]:
    return [_trigger(each, str(place)) for place, each in enumerate(triggers)]


def _trigger(trigger: Trigger, usual_id: str) -> Document:
    found = _TRIGGERS[type(trigger)](trigger)
    if trigger.id not in ("", usual_id):
        found["id"] = trigger.id
    if not trigger.enabled:
        found["enabled"] = False
    return found


def _state_trigger(trigger: StateTrigger) -> Document:
    found: Document = {"trigger": "state", "entity_id": _refs(trigger.refs)}
    listed = {"from": trigger.was, "not_from": trigger.not_was, "to": trigger.to, "not_to": trigger.not_to}
    found |= {key: _one(values) for key, values in listed.items() if values is not None}
    return found | _held(trigger.held)


def _held(held: int) -> Document:
    return {"for": duration(held)} if held else {}


def _numeric_trigger(trigger: NumericTrigger) -> Document:
    return {"trigger": "numeric_state", **_bounds(trigger), **_held(trigger.held)}


def _time_trigger(trigger: TimeTrigger) -> Document:
    return {"trigger": "time", "at": _one([duration(at) for at in trigger.at]), **_days(trigger.weekdays)}


def _pattern_trigger(trigger: PatternTrigger) -> Document:
    parts = {"hours": trigger.hours, "minutes": trigger.minutes, "seconds": trigger.seconds}
    return {"trigger": "time_pattern", **parts}


def _sun_trigger(trigger: SunTrigger) -> Document:
    offset = {"offset": duration(trigger.offset)} if trigger.offset else {}
    return {"trigger": "sun", "event": trigger.event, **offset}


def _event_trigger(trigger: EventTrigger) -> Document:
    name = f"{trigger.thing}/{trigger.event}" if trigger.thing else trigger.event
    return {"trigger": "event", "event_type": name, **({"event_data": dict(trigger.data)} if trigger.data else {})}


def _zone_trigger(trigger: ZoneTrigger) -> Document:
    who = _people(trigger.members)
    return {"trigger": "zone", "entity_id": who, "zone": f"zone.{trigger.zone}", "event": trigger.event}


def _start_trigger(_: StartTrigger) -> Document:
    return {"trigger": "homeassistant", "event": "start"}


# Conditions.


def _conditions(conditions: Sequence[Condition]) -> list[Any]:
    return [_condition(each) for each in conditions]


def _condition(condition: Condition) -> Document:
    found = _CONDITIONS[type(condition)](condition)
    if not condition.enabled:
        found["enabled"] = False
    return found


def _group(condition: And | Or | Not) -> Document:
    word = "and" if isinstance(condition, And) else "or" if isinstance(condition, Or) else "not"
    return {word: _conditions(condition.conditions)}


def _state_condition(condition: StateCondition) -> Document:
    found: Document = {"condition": "state", "entity_id": _refs(condition.refs), "state": _one(condition.states)}
    if condition.match_any:
        found["match"] = "any"
    return found | _held(condition.held)


def _numeric_condition(condition: NumericCondition) -> Document:
    return {"condition": "numeric_state", **_bounds(condition)}


def _sun_condition(condition: SunCondition) -> Document:
    found: Document = {"condition": "sun"}
    for name, event, offset in (
        ("after", condition.after, condition.after_offset),
        ("before", condition.before, condition.before_offset),
    ):
        if event:
            found[name] = event
        if offset:
            found[f"{name}_offset"] = duration(offset)
    return found


def _time_condition(condition: TimeCondition) -> Document:
    found: Document = {"condition": "time"}
    found |= {name: duration(at) for name, at in (("after", condition.after), ("before", condition.before)) if at >= 0}
    days = _days(condition.weekdays)
    return found | (days if len(found) > 1 or days else {"weekday": list(_DAYS)})


def _trigger_condition(condition: TriggerCondition) -> Document:
    return {"condition": "trigger", "id": _one(condition.ids)}


def _zone_condition(condition: ZoneCondition) -> Document:
    return {"condition": "zone", "entity_id": _people(condition.members), "zone": f"zone.{condition.zone}"}


def _formula_condition(condition: FormulaCondition) -> Document:
    return {"condition": "template", "value_template": condition.formula.source}


# Steps.


def _steps(steps: Sequence[Step]) -> list[Document]:
    return [_step(each) for each in steps]


def _step(step: Step) -> Document:
    if isinstance(step, ConditionStep):
        return _condition(step.condition)
    found = _STEPS[type(step)](step)
    if step.alias:
        found["alias"] = step.alias
    if not step.enabled:
        found["enabled"] = False
    if step.continue_on_error:
        found["continue_on_error"] = True
    return found


def _set(step: SetStep) -> Document:
    return {"set": {each.ref.address: _plain(each.value) for each in step.assignments}}


def _act(step: ActStep) -> Document:
    given = {"arguments": [_plain(value) for _, value in step.arguments]} if step.arguments else {}
    return {"act": step.address, **given}


def _service(step: ServiceStep) -> Document:
    named = {"entity_id": step.things, "area_id": step.rooms, "label_id": step.labels}
    target = {key: _one(names) for key, names in named.items() if names}
    return {"action": step.service, "target": target, **({"data": _plain(step.data)} if step.data else {})}


def _scene(step: SceneStep) -> Document:
    return {"scene": step.scene}


def _helper(step: HelperStep) -> Document:
    service, key = _HELPERS[step.operation]
    found: Document = {"action": service, "target": {"entity_id": f"helper/{step.helper}"}}
    if key and step.value is not None:
        found["data"] = {key: _plain(step.value)}
    return found


def _notify(step: NotifyStep) -> Document:
    data = {"title": _plain(step.title)} if step.title else {}
    data["message"] = _plain(step.message)
    if step.to:
        data["target"] = list(step.to)
    return {"action": "notify.notify", "data": data}


def _time(time: int | Formula) -> str:
    return time.source if isinstance(time, Formula) else duration(time)


def _delay(step: DelayStep) -> Document:
    return {"delay": _time(step.duration)}


def _wait(step: WaitStep) -> Document:
    found: Document = {"wait_for_trigger": _triggers(step.triggers)}
    if step.timeout >= 0:
        found["timeout"] = duration(step.timeout)
    if not step.continue_on_timeout:
        found["continue_on_timeout"] = False
    return found


def _choose(step: ChooseStep) -> Document:
    choices = [{"conditions": _conditions(each.conditions), "sequence": _steps(each.steps)} for each in step.choices]
    return {"choose": choices, **({"default": _steps(step.default)} if step.default else {})}


def _if(step: IfStep) -> Document:
    found: Document = {"if": _conditions(step.conditions), "then": _steps(step.then)}
    return found | ({"else": _steps(step.otherwise)} if step.otherwise else {})


def _repeat(step: RepeatStep) -> Document:
    inner: Document = {}
    if step.while_ is not None:
        inner["while"] = _conditions(step.while_)
    elif step.until is not None:
        inner["until"] = _conditions(step.until)
    elif step.for_each is not None:
        inner["for_each"] = _plain(step.for_each)
    else:
        inner["count"] = _plain(step.count)
    if step.bound != _BOUND:
        inner["bound"] = step.bound
    return {"repeat": {**inner, "sequence": _steps(step.steps)}}


def _sequence(step: SequenceStep) -> Document:
    return {"sequence": _steps(step.steps)}


def _parallel(step: ParallelStep) -> Document:
    return {"parallel": [{"sequence": _steps(branch)} for branch in step.branches]}


def _variables(step: VariablesStep) -> Document:
    return {"variables": _plain(step.variables)}


def _stop(step: StopStep) -> Document:
    return {"stop": step.reason, **({"error": True} if step.error else {})}


def _event(step: EventStep) -> Document:
    return {"event": step.event, **({"event_data": _plain(step.data)} if step.data else {})}


_Writer = Callable[[Any], Document]
_TRIGGERS: Final[Mapping[type, _Writer]] = {
    StateTrigger: _state_trigger,
    NumericTrigger: _numeric_trigger,
    TimeTrigger: _time_trigger,
    PatternTrigger: _pattern_trigger,
    SunTrigger: _sun_trigger,
    EventTrigger: _event_trigger,
    ZoneTrigger: _zone_trigger,
    StartTrigger: _start_trigger,
}
_CONDITIONS: Final[Mapping[type, _Writer]] = {
    And: _group,
    Or: _group,
    Not: _group,
    StateCondition: _state_condition,
    NumericCondition: _numeric_condition,
    SunCondition: _sun_condition,
    TimeCondition: _time_condition,
    TriggerCondition: _trigger_condition,
    ZoneCondition: _zone_condition,
    FormulaCondition: _formula_condition,
}
_STEPS: Final[Mapping[type, _Writer]] = {
    SetStep: _set,
    ActStep: _act,
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
    StopStep: _stop,
    EventStep: _event,
}
