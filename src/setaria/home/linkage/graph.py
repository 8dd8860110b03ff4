"""Rules seen together: those that set each other off for ever, that pull one property two ways, that never run.

Nothing here is certain: conditions are only followed where they are plain. So all findings are warnings.
"""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from setaria.home.linkage.catalogue import Catalogue
from setaria.home.linkage.effects import Effects, Written, effects, heard
from setaria.home.linkage.problem import Problem, Severity
from setaria.home.linkage.rule import (
    And,
    Condition,
    EventTrigger,
    NumericTrigger,
    PatternTrigger,
    Rule,
    StartTrigger,
    StateCondition,
    StateTrigger,
    SunTrigger,
    TimeCondition,
    TimeTrigger,
    Trigger,
    TriggerCondition,
    ZoneTrigger,
)
from setaria.home.ports import Value

__all__ = ["Effects", "effects", "findings", "may_fire"]

FINDINGS: Final = 200
_EDGES: Final = 2_000  # looked at in one knot of rules
_DAY: Final = 86_400_000_000


class _Edge(msgspec.Struct, frozen=True):
    source: int
    target: int
    fact: str  # an address, or `event:NAME`
    value: Value | None


def findings(rules: Sequence[Rule], catalogue: Catalogue) -> list[Problem]:
    """Of enabled rules. `details` name the rules by alias (`rules`) and id (`ids`), and the facts between (`facts`)."""
    live = [rule for rule in rules if rule.enabled]
    known = [effects(rule, catalogue) for rule in live]
    found = [*_loops(live, known), *_conflicts(live, known), *_never(live, known)]
    return found[:FINDINGS]


def _problem(code: str, rules: Sequence[Rule], facts: str, **details: object) -> Problem:
    names = " → ".join(rule.alias or rule.id for rule in rules)
    ids = list(dict.fromkeys(rule.id for rule in rules))
    return Problem(Severity.WARNING, code, details={"rules": names, "ids": ids, "facts": facts, **details})


# Loops.


def _loops(rules: Sequence[Rule], known: Sequence[Effects]) -> Iterator[Problem]:
    edges = _edges(rules, known)
    seen: set[frozenset[int]] = set()
    for first in itertools.islice((edge for each in edges.values() for edge in each), _EDGES):
        cycle = _back(edges, first)
        members = frozenset(edge.source for edge in cycle)
        if not cycle or members in seen or not _goes_on(cycle, known):
            continue
        seen.add(members)
        around = [rules[edge.source] for edge in cycle] + [rules[cycle[0].source]]
        yield _problem("loop", around, " → ".join(_fact(edge.fact, edge.value) for edge in cycle))


def _edges(rules: Sequence[Rule], known: Sequence[Effects]) -> Mapping[int, list[_Edge]]:
    listeners: dict[str, list[tuple[int, Trigger]]] = defaultdict(list)
    for index, rule in enumerate(rules):
        for trigger in rule.triggers:
            if trigger.enabled:
                for name in heard(trigger):
                    listeners[name].append((index, trigger))
    edges: dict[int, dict[tuple[int, str, Value | None], _Edge]] = defaultdict(dict)
    for index, each in enumerate(known):
        for written in each.writes:
            for target, trigger in listeners.get(written.address, ()):
                if may_fire(trigger, written.value):
                    edge = _Edge(index, target, written.address, written.value)
                    edges[index].setdefault((target, edge.fact, edge.value), edge)
        for event in each.fires_events:
            for target, _ in listeners.get(f"event:{event}", ()):
                edges[index].setdefault((target, f"event:{event}", None), _Edge(index, target, f"event:{event}", None))
    return {index: list(each.values()) for index, each in edges.items()}


def may_fire(trigger: Trigger, value: Value | None) -> bool:
    """Whether a property that becomes `value` (None: nobody knows what) may set the trigger off."""
    if value is None:
        return True
    match trigger:
        case StateTrigger():
            return (trigger.to is None or value in trigger.to) and value not in (trigger.not_to or ())
        case NumericTrigger():
            if isinstance(value, str):
                return False
            above = not isinstance(trigger.above, float) or value > trigger.above
            return above and (not isinstance(trigger.below, float) or value < trigger.below)
        case ZoneTrigger():
            return value is (trigger.event == "enter")
    return True


def _back(edges: Mapping[int, list[_Edge]], first: _Edge) -> list[_Edge]:
    """The shortest way round that starts with this edge, or none."""
    if first.source == first.target:
        return [first]
    came: dict[int, _Edge] = {first.target: first}
    waiting = deque([first.target])
    while waiting:
        node = waiting.popleft()
        for edge in edges.get(node, ()):
            if edge.target == first.source:
                way = [edge]
                while way[-1] is not first:
                    way.append(came[way[-1].source])
                return way[::-1]
            if edge.target not in came:
                came[edge.target] = edge
                waiting.append(edge.target)
    return []


def _goes_on(cycle: Sequence[_Edge], known: Sequence[Effects]) -> bool:
    """Every fact on the way must happen again: a property that is only ever given one value changes once."""
    for edge in cycle:
        if edge.fact.startswith("event:") or edge.value is None:
            continue
        written = {
            (type(each.value), each.value)
            for index in {each.source for each in cycle}
            for each in known[index].writes
            if each.address == edge.fact
        }
        if len(written) < 2 and (type(None), None) not in written:
            return False
    return True


def _fact(name: str, value: Value | None) -> str:
    if name.startswith("event:"):
        return name.removeprefix("event:")
    return name if value is None else f"{name} = {str(value).lower() if isinstance(value, bool) else value}"


# Conflicts.


def _conflicts(rules: Sequence[Rule], known: Sequence[Effects]) -> Iterator[Problem]:
    writers: dict[str, list[tuple[int, Written]]] = defaultdict(list)
    for index, each in enumerate(known):
        for written in each.writes:
            if written.value is not None and not written.later:
                writers[written.address].append((index, written))
    seen: set[tuple[int, int, str]] = set()
    for address, writes in writers.items():
        for (one, first), (other, second) in itertools.islice(itertools.combinations(writes, 2), _EDGES):
            key = (one, other, address)
            if one == other or first.value == second.value or key in seen:
                continue
            shared = _shared(rules[one], first, rules[other], second)
            if shared is not None:
                seen.add(key)
                facts = f"{_fact(address, first.value)} ↔ {_fact(address, second.value)}"
                yield _problem("conflict", [rules[one], rules[other]], facts, trigger=shared)


def _shared(one: Rule, first: Written, other: Rule, second: Written) -> str | None:
    """What sets both off at once, in words, or None."""
    left, right = (*one.conditions, *first.guards), (*other.conditions, *second.guards)
    if any(_exclude(a, b) for a in _flat(left) for b in _flat(right)):
        return None
    for mine in one.triggers:
        for theirs in other.triggers:
            if mine.enabled and theirs.enabled and _passes(mine, left) and _passes(theirs, right):
                shared = _same(mine, theirs)
                if shared:
                    return shared
    return None


def _flat(conditions: Iterable[Condition]) -> Iterator[Condition]:
    for condition in conditions:
        if isinstance(condition, And):
            yield from _flat(condition.conditions)
        elif condition.enabled:
            yield condition


def _passes(trigger: Trigger, conditions: Iterable[Condition]) -> bool:
    return all(trigger.id in each.ids for each in _flat(conditions) if isinstance(each, TriggerCondition))


def _exclude(one: Condition, other: Condition) -> bool:
    if isinstance(one, StateCondition) and isinstance(other, StateCondition):
        if one.match_any or other.match_any or set(one.states) & set(other.states):
            return False
        return bool({ref.address for ref in one.refs} & {ref.address for ref in other.refs})
    if isinstance(one, TimeCondition) and isinstance(other, TimeCondition):
        return not (set(one.weekdays) & set(other.weekdays)) or not _overlap(_spans(one), _spans(other))
    return False


def _spans(condition: TimeCondition) -> list[tuple[int, int]]:
    after = max(condition.after, 0)
    before = condition.before if condition.before >= 0 else _DAY
    return [(after, before)] if after < before else [(after, _DAY), (0, before)]


def _overlap(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> bool:
    return any(max(a, c) < min(b, d) for a, b in one for c, d in other)


def _same(one: Trigger, other: Trigger) -> str:
    match one, other:
        case StateTrigger(), StateTrigger():
            return _same_state(one, other)
        case NumericTrigger(), NumericTrigger():
            shared = sorted({r.address for r in one.refs} & {r.address for r in other.refs})
            low = max((b for b in (one.above, other.above) if isinstance(b, float)), default=float("-inf"))
            high = min((b for b in (one.below, other.below) if isinstance(b, float)), default=float("inf"))
            return shared[0] if shared and low < high and one.held == other.held else ""
        case TimeTrigger(), TimeTrigger():
            times = sorted(set(one.at) & set(other.at)) if set(one.weekdays) & set(other.weekdays) else []
            return _clock(times[0]) if times else ""
        case SunTrigger(), SunTrigger():
            return one.event if (one.event, one.offset) == (other.event, other.offset) else ""
        case EventTrigger(), EventTrigger():
            same = (one.thing, one.event) == (other.thing, other.event)
            apart = any(other.data.get(key, value) != value for key, value in one.data.items())
            return f"{one.thing}/{one.event}".lstrip("/") if same and not apart else ""
        case ZoneTrigger(), ZoneTrigger():
            members = sorted(set(one.members) & set(other.members))
            return f"member/{members[0]}.home" if members and one.event == other.event else ""
        case (StartTrigger(), StartTrigger()) | (PatternTrigger(), PatternTrigger()):
            alike = msgspec.structs.replace(one, path="", id="") == msgspec.structs.replace(other, path="", id="")
            return "time" if alike else ""
    return ""


def _same_state(one: StateTrigger, other: StateTrigger) -> str:
    shared = sorted({ref.address for ref in one.refs} & {ref.address for ref in other.refs})
    if not shared or one.held != other.held:
        return ""
    values = None if one.to is None or other.to is None else set(one.to) & set(other.to)
    return "" if values == set() else shared[0] if values is None else _fact(shared[0], sorted(values, key=str)[0])


def _clock(microseconds: int) -> str:
    minutes = microseconds // 60_000_000
    return f"{minutes // 60:02}:{minutes % 60:02}"


# Rules that never run.


def _never(rules: Sequence[Rule], known: Sequence[Effects]) -> Iterator[Problem]:
    fired = frozenset(event for each in known for event in each.fires_events)
    for rule in rules:
        live = [trigger for trigger in rule.triggers if trigger.enabled]
        dead = [trigger for trigger in live if _impossible(trigger, fired)]
        for trigger in dead:
            if isinstance(trigger, EventTrigger):
                yield _problem("event_unfired", [rule], trigger.event, path=trigger.path)
        if len(dead) == len(live):
            yield _problem("rule_never_runs", [rule], "")


def _impossible(trigger: Trigger, fired: frozenset[str]) -> bool:
    if isinstance(trigger, EventTrigger):
        return not trigger.thing and trigger.event not in fired
    return isinstance(trigger, StateTrigger) and trigger.to == ()
