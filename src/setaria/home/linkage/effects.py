"""What one rule listens to, reads and writes, as far as can be known before it runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from setaria.facts.refused import Refused
from setaria.home.linkage.catalogue import Catalogue
from setaria.home.linkage.check_steps import known_data
from setaria.home.linkage.rule import (
    ActStep,
    ChooseStep,
    Condition,
    ConditionStep,
    DelayStep,
    EventStep,
    EventTrigger,
    Formula,
    HelperStep,
    IfStep,
    NumericCondition,
    NumericTrigger,
    ParallelStep,
    Ref,
    RepeatStep,
    Rule,
    SceneStep,
    SequenceStep,
    ServiceStep,
    SetStep,
    StateCondition,
    StateTrigger,
    Step,
    StopStep,
    Trigger,
    WaitStep,
    ZoneCondition,
    ZoneTrigger,
)
from setaria.home.linkage.stored import changed
from setaria.home.linkage.targets import targets
from setaria.home.ports import Value
from setaria.home.spec.capability import capability
from setaria.home.spec.homeassistant import ServiceAct, ServiceWrite, translate
from setaria.home.spec.model import Action, Property, Spec

WRITES: Final = 4_096  # of one rule; a rule that turns off a whole tower is looked at in part


class Written(msgspec.Struct, frozen=True):
    """`value` None is one that is only known when the rule runs. `guards` must hold for it, beside the rule's own
    conditions; `later` is after a delay or a wait."""

    address: str
    value: Value | None
    path: str
    guards: tuple[Condition, ...] = ()
    later: bool = False


class Effects(msgspec.Struct, frozen=True):
    """`triggers_on` are addresses, and `event:NAME` for events of the home."""

    triggers_on: frozenset[str]
    reads: frozenset[str]
    writes: tuple[Written, ...]
    fires_events: frozenset[str]


def effects(rule: Rule, catalogue: Catalogue) -> Effects:
    writer = _Writer(catalogue)
    writer.steps(rule.actions, ())
    return Effects(
        triggers_on=frozenset(name for trigger in rule.triggers if trigger.enabled for name in heard(trigger)),
        reads=_reads(rule),
        writes=tuple(writer.writes),
        fires_events=frozenset(writer.events),
    )


def heard(trigger: Trigger) -> Iterator[str]:
    match trigger:
        case StateTrigger() | NumericTrigger():
            yield from (ref.address for ref in trigger.refs)
            if isinstance(trigger, NumericTrigger):
                yield from (bound.address for bound in (trigger.above, trigger.below) if isinstance(bound, Ref))
        case ZoneTrigger():
            yield from (f"member/{member}.home" for member in trigger.members)
        case EventTrigger():
            yield f"{trigger.thing}/{trigger.event}" if trigger.thing else f"event:{trigger.event}"


def _reads(rule: Rule) -> frozenset[str]:
    """Of conditions, templates and waits; not of the rule's own triggers."""
    from setaria.expression import Template

    found: set[str] = set()

    def look(part: Any) -> Any:
        match part:
            case StateCondition() | NumericCondition():
                found.update(ref.address for ref in part.refs)
            case ZoneCondition():
                found.update(f"member/{member}.home" for member in part.members)
            case WaitStep():
                found.update(name for trigger in part.triggers for name in heard(trigger))
            case Formula():
                with contextlib.suppress(Refused):  # the checker has said so
                    found.update(Template.parse(part.source).reads)
        return part

    changed((rule.conditions, rule.actions, rule.variables), look)
    return frozenset(found)


class _Writer:
    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.writes: list[Written] = []
        self.events: set[str] = set()
        self._later = False

    def _write(self, address: str, value: Value | None, path: str, guards: tuple[Condition, ...]) -> None:
        if len(self.writes) < WRITES:
            self.writes.append(Written(address, value, path, guards, self._later))

    def steps(self, steps: Iterable[Step], guards: tuple[Condition, ...]) -> None:
        for step in steps:
            if not step.enabled:
                continue
            match step:
                case StopStep():
                    return
                case ConditionStep():
                    guards = (*guards, step.condition)
                case DelayStep() | WaitStep():
                    self._later = True
                case EventStep():
                    self.events.add(step.event)
                case ChooseStep() | IfStep() | RepeatStep() | SequenceStep() | ParallelStep():
                    self._nested(step, guards)
                case _:
                    self._leaf(step, guards)

    def _nested(
        self, step: ChooseStep | IfStep | RepeatStep | SequenceStep | ParallelStep, guards: tuple[Condition, ...]
    ) -> None:
        before, later = self._later, self._later
        match step:
            case ChooseStep():
                branches = [(choice.steps, choice.conditions) for choice in step.choices]
                branches.append((step.default, ()))
            case IfStep():
                branches = [(step.then, step.conditions), (step.otherwise, ())]
            case RepeatStep():
                branches = [(step.steps, step.while_ or ())]
            case SequenceStep():
                branches = [(step.steps, ())]
            case ParallelStep():
                branches = [(branch, ()) for branch in step.branches]
        for steps, conditions in branches:
            self._later = before
            self.steps(steps, (*guards, *conditions))
            later = later or self._later
        self._later = later

    def _leaf(self, step: Step, guards: tuple[Condition, ...]) -> None:
        match step:
            case SetStep():
                for each in step.assignments:
                    value = None if isinstance(each.value, Formula) else each.value
                    self._property(each.ref.address, value, step.path, guards)
            case ActStep():
                spec = self.catalogue.spec_of(step.thing)
                action = None if spec is None else spec.action(step.siid, step.aiid)
                if spec is not None and action is not None:
                    self._acted(step.thing, spec, action, step.path, guards)
            case ServiceStep():
                self._service(step, guards)
            case SceneStep():
                for address in self.catalogue.scene_writes(step.scene):
                    self._property(address, None, step.path, guards)
            case HelperStep():
                for address, value in _helper_writes(step):
                    self._write(address, value, step.path, guards)

    def _property(self, address: str, value: Value | None, path: str, guards: tuple[Condition, ...]) -> None:
        """A curtain told where to go will be there: what is written is in the end read elsewhere."""
        self._write(address, value, path, guards)
        thing, _, place = address.partition("/")
        spec = self.catalogue.spec_of(thing)
        features: Mapping[str, Property] = {} if spec is None else capability(spec).features
        target, now = features.get("target_position"), features.get("position")
        if target is not None and now is not None and target.address == place:
            self._write(f"{thing}/{now.address}", value, path, guards)

    def _acted(self, thing: str, spec: Spec, action: Action, path: str, guards: tuple[Condition, ...]) -> None:
        """An action's effects are not in the spec; the two that are plain from its name are."""
        features = capability(spec).features
        feature = "on" if action.name == "toggle" else "mode" if action.name == "toggle-mode" else ""
        if feature in features:
            self._write(f"{thing}/{features[feature].address}", None, path, guards)

    def _service(self, step: ServiceStep, guards: tuple[Condition, ...]) -> None:
        data = known_data(step.data)
        for target in targets(step, self.catalogue):
            thing, _, part = target.partition("/")
            spec = self.catalogue.spec_of(thing)
            if spec is None:
                continue
            try:
                translated = translate(spec, step.service, data, part)
            except Refused:
                continue
            for each in translated:
                if isinstance(each, ServiceAct):
                    self._acted(thing, spec, each.action, step.path, guards)
                else:
                    value = each.value if isinstance(each, ServiceWrite) and len(data) == len(step.data) else None
                    self._property(f"{thing}/{each.property.address}", value, step.path, guards)


def _helper_writes(step: HelperStep) -> list[tuple[str, Value | None]]:
    name = f"helper/{step.helper}"
    match step.operation:
        case "turn_on" | "turn_off":
            return [(f"{name}.on", step.operation == "turn_on")]
        case "toggle":
            return [(f"{name}.on", None)]
        case "start":
            return [(f"{name}.running", True), (f"{name}.running", False)]  # it runs out
        case "cancel":
            return [(f"{name}.running", False)]
        case "set" if not isinstance(step.value, Formula):
            return [(f"{name}.count", step.value)]
    return [(f"{name}.count", None)]
