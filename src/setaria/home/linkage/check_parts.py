"""Triggers and conditions against the home: bound to siid/piid, values typed, and those found that never hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

import msgspec

from setaria.facts.refused import Refused
from setaria.home.linkage.check_base import Desk
from setaria.home.linkage.check_refs import NUMERIC, Found, unknown
from setaria.home.linkage.check_values import ABSENT, literals
from setaria.home.linkage.parse_values import DAY
from setaria.home.linkage.rule import (
    And,
    Condition,
    EventTrigger,
    FormulaCondition,
    Not,
    NumericCondition,
    NumericTrigger,
    Or,
    Ref,
    StateCondition,
    StateTrigger,
    SunTrigger,
    TimeCondition,
    Trigger,
    TriggerCondition,
    ZoneCondition,
    ZoneTrigger,
)
from setaria.home.ports import Value
from setaria.home.spec.capability import capability

LONG: Final = 30 * DAY
_Values = tuple[Value, ...] | None
N = TypeVar("N", NumericTrigger, NumericCondition)


def check_triggers(desk: Desk, triggers: Iterable[Trigger]) -> tuple[Trigger, ...]:
    return tuple(checked for trigger in triggers for checked in _trigger(desk, trigger))


def _trigger(desk: Desk, trigger: Trigger) -> Sequence[Trigger]:
    match trigger:
        case StateTrigger():
            return _state_trigger(desk, trigger)
        case NumericTrigger():
            _held(desk, trigger.held, trigger.path)
            return (_numeric(desk, trigger),)
        case EventTrigger() if trigger.thing:
            return (_event(desk, trigger),)
        case ZoneTrigger():
            return (msgspec.structs.replace(trigger, members=_members(desk, trigger)),)
        case SunTrigger() if abs(trigger.offset) > DAY // 2:
            desk.warn("offset_long", trigger.path)
    return (trigger,)


def _held(desk: Desk, held: int, path: str) -> None:
    if held > LONG:
        desk.warn("duration_long", path, days=held // DAY)


def _word(*lists: _Values) -> str:
    """A word that tells which property of a thing is meant, when only the thing is named."""
    words = [value for each in lists for value in each or () if isinstance(value, str)]
    return next((word.casefold() for word in words if word.casefold() not in ABSENT), "")


def _state_trigger(desk: Desk, trigger: StateTrigger) -> Sequence[Trigger]:
    """Several when the things named take different values for the same word."""
    path = trigger.path
    _held(desk, trigger.held, path)
    groups: dict[tuple[_Values, ...], list[Ref]] = {}
    others: list[Trigger] = []
    for ref in trigger.refs:
        found = desk.readable(ref.address, path, _word(trigger.to, trigger.was, trigger.not_to, trigger.not_was))
        if found is None:
            continue
        opening = _cover(found, trigger)
        if opening is not None:
            others.append(opening)
            continue
        to, was = desk.values(found, trigger.to, path), desk.values(found, trigger.was, path)
        not_to, not_was = (
            desk.values(found, _present(found, given), path) for given in (trigger.not_to, trigger.not_was)
        )
        if to is not None and to == was and len(to) == 1:
            desk.error("never_changes", path, address=found.ref.address, value=to[0])
        groups.setdefault((to, was, not_to or None, not_was or None), []).append(found.ref)
    made = [
        msgspec.structs.replace(trigger, refs=tuple(refs), to=to, was=was, not_to=not_to, not_was=not_was)
        for (to, was, not_to, not_was), refs in groups.items()
    ]
    return [*made, *others] or [trigger]


def _present(found: Found, given: _Values) -> _Values:
    """No value here is ever `unavailable`: the last one known stays."""
    if given is None or found.prop is None:
        return given
    return tuple(value for value in given if not (isinstance(value, str) and value.casefold() in ABSENT))


def _cover(found: Found, trigger: StateTrigger) -> Trigger | None:
    """`open` of a curtain is a position above 0."""
    if not (found.main and found.domain == "cover" and found.feature in ("position", "target_position")):
        return None
    words = {value for value in trigger.to or () if isinstance(value, str)}
    if words == {"open"} and trigger.was in (None, ("closed",)):
        bounds: tuple[float | None, float | None] = (0.0, None)
    elif words == {"closed"} and trigger.was in (None, ("open",)):
        bounds = (None, 1.0)
    else:
        return None
    return NumericTrigger(
        path=trigger.path, id=trigger.id, enabled=trigger.enabled, refs=(found.ref,), above=bounds[0], below=bounds[1],
        held=trigger.held,
    )  # fmt: skip


def _numeric(desk: Desk, part: N) -> N:
    path = part.path
    above, below = desk.bound(part.above, path), desk.bound(part.below, path)
    refs = []
    for ref in part.refs:
        found = desk.readable(ref.address, path, NUMERIC)
        if found is None:
            continue
        refs.append(found.ref)
        if not found.numeric:
            desk.error("not_numeric", path, address=found.ref.address)
        else:
            _reachable(desk, found, above, below, path)
    if isinstance(above, float) and isinstance(below, float) and above >= below:
        desk.error("range_empty", path, above=above, below=below)
    return msgspec.structs.replace(part, refs=tuple(refs) or part.refs, above=above, below=below)


def _reachable(desk: Desk, found: Found, above: float | Ref | None, below: float | Ref | None, path: str) -> None:
    if found.prop is None:
        return
    if found.prop.values:
        numbers = [value for value, _ in found.prop.values if not isinstance(value, str)]
        low, high = min(numbers, default=0), max(numbers, default=0)
    elif found.prop.range is not None:
        low, high, _ = found.prop.range
    else:
        return
    if (isinstance(above, float) and above >= high) or (isinstance(below, float) and below <= low):
        limit = above if isinstance(above, float) and above >= high else below
        assert isinstance(limit, float)
        desk.error("never_reached", path, address=found.ref.address, limit=limit, minimum=low, maximum=high)


def _event(desk: Desk, trigger: EventTrigger) -> Trigger:
    path = trigger.path
    try:
        thing, spec = desk.finder.thing(trigger.thing)
    except Refused as refused:
        desk.refuse(refused, path)
        return trigger
    events = {event.address: event for event in spec.events()}
    event = events.get(trigger.event) or capability(spec).events.get(trigger.event)
    if event is None:
        desk.refuse(unknown("event_unknown", trigger.event, [*events], thing=thing), path)
        return trigger
    data: dict[str, Value] = {}
    arguments = {prop.name: prop for piid in event.arguments if (prop := spec.property(event.siid, piid)) is not None}
    for name, value in trigger.data.items():
        prop = arguments.get(name)
        if prop is None:
            desk.refuse(unknown("argument_unknown", name, [*arguments], address=f"{thing}/{event.address}"), path)
            continue
        try:
            data[name] = literals(Found(Ref(f"{thing}/{prop.address}"), prop.format, prop), value)[0]
        except Refused as refused:
            desk.refuse(refused, path)
    return msgspec.structs.replace(
        trigger, thing=thing, event=event.address, siid=event.siid, eiid=event.eiid, data=data
    )


def _members(desk: Desk, part: ZoneTrigger | ZoneCondition) -> tuple[str, ...]:
    if part.zone != "home":
        desk.error("zone_unknown", part.path, name=part.zone)
    for name in part.members:
        try:
            desk.finder.member(name)
        except Refused as refused:
            desk.refuse(refused, part.path)
    return part.members


def check_conditions(desk: Desk, conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    return tuple(check_condition(desk, condition) for condition in conditions)


def check_condition(desk: Desk, condition: Condition) -> Condition:
    match condition:
        case And() | Or() | Not():
            if isinstance(condition, And):
                contradictions(desk, condition.conditions)
            return msgspec.structs.replace(condition, conditions=check_conditions(desk, condition.conditions))
        case StateCondition():
            return _state_condition(desk, condition)
        case NumericCondition():
            return _numeric(desk, condition)
        case ZoneCondition():
            return msgspec.structs.replace(condition, members=_members(desk, condition))
        case FormulaCondition():
            _constant(desk, condition)
            return msgspec.structs.replace(condition, formula=desk.formula(condition.formula, condition.path))
        case TimeCondition() if not condition.weekdays or (
            condition.after >= 0 and condition.after == condition.before
        ):
            desk.error("never_true", condition.path)
    return condition


def _constant(desk: Desk, condition: FormulaCondition) -> None:
    if condition.formula.source.strip("{}- \n").casefold() in ("false", "0", "off", "none"):
        desk.warn("never_true", condition.path)


def _state_condition(desk: Desk, condition: StateCondition) -> Condition:
    path = condition.path
    _held(desk, condition.held, path)
    groups: dict[tuple[Value, ...], list[Ref]] = {}
    others: list[Condition] = []
    for ref in condition.refs:
        found = desk.readable(ref.address, path, _word(condition.states))
        if found is None:
            continue
        position = _position(found, condition)
        if position is not None:
            others.append(position)
            continue
        groups.setdefault(desk.values(found, condition.states, path) or (), []).append(found.ref)
    parts: list[Condition] = [
        msgspec.structs.replace(condition, refs=tuple(refs), states=states) for states, refs in groups.items()
    ]
    parts += others
    if len(parts) < 2:
        return parts[0] if parts else condition
    kind = Or if condition.match_any else And
    return kind(path=path, enabled=condition.enabled, conditions=tuple(parts))


def _position(found: Found, condition: StateCondition) -> Condition | None:
    if not (found.main and found.domain == "cover" and found.feature in ("position", "target_position")):
        return None
    if condition.states == ("open",):
        return NumericCondition(path=condition.path, enabled=condition.enabled, refs=(found.ref,), above=0.0)
    if condition.states == ("closed",):
        return NumericCondition(path=condition.path, enabled=condition.enabled, refs=(found.ref,), below=1.0)
    return None


def contradictions(desk: Desk, conditions: Sequence[Condition]) -> None:
    """Two conditions that must both hold and cannot: the same one thing in different states."""
    seen: dict[str, tuple[frozenset[Value], str]] = {}
    for condition in conditions:
        if not isinstance(condition, StateCondition) or not condition.enabled or condition.match_any:
            continue
        for ref in condition.refs:
            states = frozenset(str(state).casefold() for state in condition.states)
            before = seen.setdefault(ref.address, (states, condition.path))
            if not states & before[0]:
                desk.error("contradiction", condition.path, address=ref.address, other=before[1])


def trigger_ids(triggers: Iterable[Trigger]) -> frozenset[str]:
    return frozenset(trigger.id for trigger in triggers)


def check_ids(desk: Desk, condition: TriggerCondition, known: frozenset[str]) -> None:
    for name in condition.ids:
        if name not in known:
            desk.refuse(unknown("trigger_id_unknown", name, known), condition.path)
