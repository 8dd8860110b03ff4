"""Conditions as closures over the slots they read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from setaria.facts.clock import DAY, SECOND
from setaria.home.linkage import rule as r
from setaria.home.linkage.comparing import between, bound
from setaria.home.linkage.run import MOST_TRACE, Run
from setaria.home.linkage.sun import sun_times
from setaria.home.linkage.world import World
from setaria.home.live import Slot

Test = Callable[[Run], bool]


def all_of(conditions: Sequence[r.Condition], world: World, *, traced: bool = True) -> Test | None:
    """None when there is nothing to test. With `traced` each result is noted under its path."""
    tests = [(each.path, test_of(each, world)) for each in conditions if each.enabled]
    if not tests:
        return None
    if not traced:
        plain = [test for _, test in tests]
        return lambda run: all(test(run) for test in plain)

    def check(run: Run) -> bool:
        trace, at = run.trace, run.ticks() - run.started  # they are asked all at the same moment
        for path, test in tests:
            holds = test(run)
            if len(trace) < MOST_TRACE:
                trace.append((path, holds, at))
            if not holds:
                return False
        return True

    return check


def test_of(condition: r.Condition, world: World) -> Test:
    return _TESTS[type(condition)](condition, world)


def _and(condition: r.And, world: World) -> Test:
    tests = _inner(condition.conditions, world)
    return lambda run: all(test(run) for test in tests)


def _or(condition: r.Or, world: World) -> Test:
    tests = _inner(condition.conditions, world)
    return lambda run: any(test(run) for test in tests)


def _not(condition: r.Not, world: World) -> Test:
    tests = _inner(condition.conditions, world)
    return lambda run: not any(test(run) for test in tests)


def _inner(conditions: Sequence[r.Condition], world: World) -> list[Test]:
    return [test_of(each, world) for each in conditions if each.enabled]


def _state(condition: r.StateCondition, world: World) -> Test:
    slots = [world.slot(ref.address) for ref in condition.refs]
    present = [slot for slot in slots if slot is not None]
    if len(present) < len(slots) and not condition.match_any:
        return lambda run: False
    states, held = condition.states, condition.held
    if len(present) == 1 and not held:
        only = present[0]
        if len(states) == 1:
            wanted = states[0]
            return lambda run: only.value == wanted
        return lambda run: only.value in states

    def holds(slot: Slot) -> bool:
        return slot.value in states and (not held or world.clock.now() - slot.changed >= held)

    if condition.match_any:
        return lambda run: any(holds(slot) for slot in present)
    return lambda run: all(holds(slot) for slot in present)


def _numeric(condition: r.NumericCondition, world: World) -> Test:
    slots = [world.slot(ref.address) for ref in condition.refs]
    only = slots[0] if len(slots) == 1 else None
    if only is not None and not isinstance(condition.above, r.Ref) and not isinstance(condition.below, r.Ref):
        slot, floor, ceiling = only, condition.above, condition.below
        return lambda run: between(slot.value, floor, ceiling)
    above, below = bound(condition.above, world), bound(condition.below, world)
    by_ref = isinstance(condition.above, r.Ref), isinstance(condition.below, r.Ref)

    def check(run: Run) -> bool:
        high, low = above(), below()
        if (by_ref[0] and high is None) or (by_ref[1] and low is None):
            return False
        return all(slot is not None and between(slot.value, high, low) for slot in slots)

    return check


def _sun(condition: r.SunCondition, world: World) -> Test:
    """Home Assistant's rule: `after` and `before` are of today, and `after: sunset, before: sunrise` is the night."""

    def check(run: Run) -> bool:
        now = world.clock.now()
        sunrise, sunset = sun_times(world, world.local_now().date())
        moments = {"sunrise": sunrise, "sunset": sunset}
        after = moments[condition.after] + condition.after_offset if condition.after else None
        before = moments[condition.before] + condition.before_offset if condition.before else None
        # Where the sun stays down both are at noon, and from one to the other it is night all day.
        night = (condition.after, condition.before) == ("sunset", "sunrise")
        if after is not None and before is not None and (before < after or (night and before == after)):
            return now >= after or now < before
        return (after is None or now >= after) and (before is None or now < before)

    return check


def _time(condition: r.TimeCondition, world: World) -> Test:
    after, before, weekdays = condition.after, condition.before, frozenset(condition.weekdays)

    def check(run: Run) -> bool:
        local = world.local_now()
        if local.weekday() not in weekdays:
            return False
        moment = (local.hour * 3600 + local.minute * 60 + local.second) * SECOND + local.microsecond
        start = after if after >= 0 else 0
        end = before if before >= 0 else DAY
        return start <= moment < end if start < end else moment >= start or moment < end

    return check


def _trigger(condition: r.TriggerCondition, world: World) -> Test:
    ids = frozenset(condition.ids)
    return lambda run: run.trigger.get("id") in ids


def _zone(condition: r.ZoneCondition, world: World) -> Test:
    slots = [world.slot(f"member/{member}.home") for member in condition.members]
    wanted = condition.zone == "home"
    return lambda run: all(slot is not None and slot.value is wanted for slot in slots)


def _formula(condition: r.FormulaCondition, world: World) -> Test:
    from setaria.expression import Template

    template = Template.parse(condition.formula.source)
    return lambda run: template.test(run.scope)


_TESTS: Final[dict[type, Callable[[Any, World], Test]]] = {
    r.And: _and,
    r.Or: _or,
    r.Not: _not,
    r.StateCondition: _state,
    r.NumericCondition: _numeric,
    r.SunCondition: _sun,
    r.TimeCondition: _time,
    r.TriggerCondition: _trigger,
    r.ZoneCondition: _zone,
    r.FormulaCondition: _formula,
}
