"""A linkage as its author means it: the typed form between YAML (parse.py) and the program that runs (compile.py).

It is what a `linkage_saved` fact keeps, so that starting a hub reads no YAML. Every part carries its `path`, written as
Home Assistant writes trace paths (`action/0/choose/1/sequence/0`). Times and durations are microseconds.

State is addressed in one way, whatever it belongs to:
    living_light/light.on       a property of a thing, bound to siid/piid when the linkage is saved
    helper/guest_mode.on        a helper (switch: .on, counter: .count, timer: .running)
    member/wei.home             whether a member is at home
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from setaria.home.ports import Value


class Mode(StrEnum):
    SINGLE = "single"
    RESTART = "restart"
    QUEUED = "queued"
    PARALLEL = "parallel"


class Formula(msgspec.Struct, frozen=True, tag="formula"):
    """A template or expression, evaluated when the step runs."""

    source: str


Given = Value | Formula | None
"""What may stand where a value is expected."""


class Ref(msgspec.Struct, frozen=True):
    """One piece of state. siid and piid are 0 for helpers and members."""

    address: str
    siid: int = 0
    piid: int = 0


class Missed(msgspec.Struct, frozen=True):
    """What a time that passed while the hub was off means: run at the next start if no later than `within`.

    Without it a trigger that was missed is skipped, and a run under way that was due to go on goes on: a lamp that was
    to go off after two minutes goes off.
    """

    within: int = 0  # 0 skips it; -1 runs it however late


# Triggers. `id` is what a trigger condition and `trigger.id` refer to; it defaults to the position.


class _Trigger(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    path: str = ""
    id: str = ""
    enabled: bool = True


class StateTrigger(_Trigger, frozen=True, tag="state"):
    """None accepts anything; an empty tuple accepts nothing."""

    refs: tuple[Ref, ...]
    was: tuple[Value, ...] | None = None
    to: tuple[Value, ...] | None = None
    not_was: tuple[Value, ...] | None = None
    not_to: tuple[Value, ...] | None = None
    held: int = 0  # `for:`


class NumericTrigger(_Trigger, frozen=True, tag="numeric_state"):
    """Fires when the value enters the open interval (above, below)."""

    refs: tuple[Ref, ...]
    above: float | Ref | None = None
    below: float | Ref | None = None
    held: int = 0


class TimeTrigger(_Trigger, frozen=True, tag="time"):
    """`at` are local times of day as microseconds after midnight; weekdays 0 = Monday."""

    at: tuple[int, ...]
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)


class PatternTrigger(_Trigger, frozen=True, tag="time_pattern"):
    """Each of hours, minutes, seconds: `*`, a number, or `/n`."""

    hours: str = "*"
    minutes: str = "*"
    seconds: str = "0"


class SunTrigger(_Trigger, frozen=True, tag="sun"):
    event: str  # sunrise | sunset
    offset: int = 0


class EventTrigger(_Trigger, frozen=True, tag="event"):
    """A thing's event (`thing/service.event`, bound to siid/eiid) or a named event of the home (`event`)."""

    thing: str = ""
    event: str = ""
    siid: int = 0
    eiid: int = 0
    data: dict[str, Value] = {}


class ZoneTrigger(_Trigger, frozen=True, tag="zone"):
    members: tuple[str, ...]
    event: str  # enter | leave
    zone: str = "home"


class StartTrigger(_Trigger, frozen=True, tag="start"):
    pass


Trigger = (
    StateTrigger
    | NumericTrigger
    | TimeTrigger
    | PatternTrigger
    | SunTrigger
    | EventTrigger
    | ZoneTrigger
    | StartTrigger
)


# Conditions.


class _Condition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    path: str = ""
    enabled: bool = True


class And(_Condition, frozen=True, tag="and"):
    conditions: tuple[Condition, ...]


class Or(_Condition, frozen=True, tag="or"):
    conditions: tuple[Condition, ...]


class Not(_Condition, frozen=True, tag="not"):
    """True when none of them is."""

    conditions: tuple[Condition, ...]


class StateCondition(_Condition, frozen=True, tag="state"):
    refs: tuple[Ref, ...]
    states: tuple[Value, ...]
    held: int = 0
    match_any: bool = False


class NumericCondition(_Condition, frozen=True, tag="numeric_state"):
    refs: tuple[Ref, ...]
    above: float | Ref | None = None
    below: float | Ref | None = None


class SunCondition(_Condition, frozen=True, tag="sun"):
    after: str = ""  # sunrise | sunset | ""
    before: str = ""
    after_offset: int = 0
    before_offset: int = 0


class TimeCondition(_Condition, frozen=True, tag="time"):
    """Local times of day in microseconds after midnight, -1 for none; `after` later than `before` spans midnight."""

    after: int = -1
    before: int = -1
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)


class TriggerCondition(_Condition, frozen=True, tag="trigger"):
    ids: tuple[str, ...]


class ZoneCondition(_Condition, frozen=True, tag="zone"):
    members: tuple[str, ...]
    zone: str = "home"


class FormulaCondition(_Condition, frozen=True, tag="template"):
    formula: Formula


Condition = (
    And
    | Or
    | Not
    | StateCondition
    | NumericCondition
    | SunCondition
    | TimeCondition
    | TriggerCondition
    | ZoneCondition
    | FormulaCondition
)


# Steps.


class _Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    path: str = ""
    alias: str = ""
    enabled: bool = True
    continue_on_error: bool = False


class Assignment(msgspec.Struct, frozen=True):
    ref: Ref
    value: Given


class SetStep(_Step, frozen=True, tag="set"):
    """`action: property.set`: the one form that can write every property."""

    assignments: tuple[Assignment, ...]


class ActStep(_Step, frozen=True, tag="act"):
    """`action: thing.act`: an action of the spec, arguments by piid in the order of its `in` list."""

    thing: str
    address: str
    siid: int
    aiid: int
    arguments: tuple[tuple[int, Given], ...] = ()


class ServiceStep(_Step, frozen=True, tag="service"):
    """A Home Assistant service (`light.turn_on`), resolved against each target thing's spec when compiled."""

    service: str
    things: tuple[str, ...] = ()
    rooms: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    data: dict[str, Any] = {}  # Given, or a list of Given


class SceneStep(_Step, frozen=True, tag="scene"):
    scene: str


class HelperStep(_Step, frozen=True, tag="helper"):
    """operation: turn_on, turn_off, toggle | increment, decrement, reset, set | start, cancel."""

    helper: str
    operation: str
    value: Given = None


class NotifyStep(_Step, frozen=True, tag="notify"):
    """`to` are members or roles (`owner`, `adult`); empty means everybody who lives here."""

    message: Given
    title: Given = ""
    to: tuple[str, ...] = ()


class DelayStep(_Step, frozen=True, tag="delay"):
    """A Formula gives seconds."""

    duration: int | Formula


class WaitStep(_Step, frozen=True, tag="wait"):
    triggers: tuple[Trigger, ...]
    timeout: int = -1  # -1 waits for ever
    continue_on_timeout: bool = True


class Choice(msgspec.Struct, frozen=True):
    conditions: tuple[Condition, ...]
    steps: tuple[Step, ...]


class ChooseStep(_Step, frozen=True, tag="choose"):
    choices: tuple[Choice, ...]
    default: tuple[Step, ...] = ()


class IfStep(_Step, frozen=True, tag="if"):
    conditions: tuple[Condition, ...]
    then: tuple[Step, ...]
    otherwise: tuple[Step, ...] = ()


class RepeatStep(_Step, frozen=True, tag="repeat"):
    """Exactly one of count, for_each, while_, until is set; `bound` ends while and until that never end."""

    steps: tuple[Step, ...]
    count: int | Formula | None = None
    for_each: tuple[Any, ...] | None = None
    while_: tuple[Condition, ...] | None = None
    until: tuple[Condition, ...] | None = None
    bound: int = 1_000


class SequenceStep(_Step, frozen=True, tag="sequence"):
    steps: tuple[Step, ...]


class ParallelStep(_Step, frozen=True, tag="parallel"):
    branches: tuple[tuple[Step, ...], ...]


class VariablesStep(_Step, frozen=True, tag="variables"):
    variables: dict[str, Any]  # Given, lists and dicts of Given


class StopStep(_Step, frozen=True, tag="stop"):
    reason: str = ""
    error: bool = False


class EventStep(_Step, frozen=True, tag="event"):
    event: str
    data: dict[str, Any] = {}


class ConditionStep(_Step, frozen=True, tag="condition"):
    """Ends the run quietly when it does not hold."""

    condition: Condition


Step = (
    SetStep
    | ActStep
    | ServiceStep
    | SceneStep
    | HelperStep
    | NotifyStep
    | DelayStep
    | WaitStep
    | ChooseStep
    | IfStep
    | RepeatStep
    | SequenceStep
    | ParallelStep
    | VariablesStep
    | StopStep
    | EventStep
    | ConditionStep
)


class Rate(msgspec.Struct, frozen=True):
    """At most `runs` in any `within`."""

    runs: int
    within: int


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`id` is a stable slug; `source` is the author's YAML, kept to the letter."""

    id: str
    alias: str
    description: str = ""
    triggers: tuple[Trigger, ...]
    conditions: tuple[Condition, ...] = ()
    actions: tuple[Step, ...]
    variables: dict[str, Any] = {}
    mode: Mode = Mode.SINGLE
    max_runs: int = 10
    missed: Missed | None = None
    cooldown: int = 0
    rate: Rate | None = None
    enabled: bool = True
    source: str = ""
