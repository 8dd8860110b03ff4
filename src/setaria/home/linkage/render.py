"""A rule as one sentence: `When Hall motion sensor is on, if it is after sunset, then turn on Hall light for 2 min.`"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from setaria.home.linkage.catalogue import Catalogue
from setaria.home.linkage.parse_simple import simple_test
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
from setaria.home.ports import Value
from setaria.home.spec.model import Property
from setaria.home.spec.names import name_of, value_name
from setaria.words.catalogue import say
from setaria.words.format import duration

LONGEST: Final = 1_000  # characters
_LONG: Final = 100
SHOWN: Final = 4  # of triggers, conditions, steps; the rest is counted
_DEPTH: Final = 3
_MINUTE: Final = 60_000_000
# The last part of an address -> what true and false are called of it.
_STATES: Final = frozenset(
    ("on", "home", "motion-state", "contact-state", "running", "locked", "submersion-state", "door-state")
)
_SHOWN_DATA: Final = {
    "brightness_pct": " %",
    "color_temp_kelvin": " K",
    "temperature": " °C",
    "percentage": " %",
    "position": " %",
    "hvac_mode": "",
    "fan_mode": "",
    "preset_mode": "",
}
_ROLES: Final = frozenset(("owner", "adult", "child", "elder", "guest"))
_VERBS: Final = frozenset(
    (
        *("turn_on", "turn_off", "toggle", "open_cover", "close_cover", "stop_cover", "start", "stop", "pause", "lock"),
        *("unlock", "return_to_base", "set_temperature", "set_percentage", "set_cover_position", "set_hvac_mode"),
        *("set_fan_mode", "set_preset_mode"),
    )
)


def sentence(
    rule: Rule, language: str, names: Mapping[str, str] | None = None, catalogue: Catalogue | None = None
) -> str:
    """`names` are those of things, rooms, scenes, helpers and members by their id, in this language. With a catalogue
    the spec's words stand for listed values."""
    return Teller(language, names or {}, catalogue).rule(rule)


class Teller:
    def __init__(self, language: str, names: Mapping[str, str], catalogue: Catalogue | None = None) -> None:
        self.language = language
        self.names = names
        self.catalogue = catalogue

    def say(self, name: str, /, **parameters: object) -> str:
        """A sentence shortens what is put into it; what is put together here is long and must stay whole."""
        long = {key: value for key, value in parameters.items() if isinstance(value, str) and len(value) > _LONG}
        text = say(f"linkage.say.{name}", self.language, **parameters | {key: f"⟦{key}⟧" for key in long})
        for key, value in long.items():
            text = text.replace(f"⟦{key}⟧", value)
        return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"

    def part(self, same: Sequence[Trigger | Condition | Step]) -> str:
        """One written part, which may have become several triggers."""
        parts = []
        for each in same:
            if isinstance(each, Trigger):
                parts.append(self.trigger(each))
            elif isinstance(each, Condition):
                parts.append(self.condition(each))
            else:
                return self.step(each, 0)
        return self._joined(parts, "or")

    def rule(self, rule: Rule) -> str:
        when = self._joined([self.trigger(each) for each in rule.triggers if each.enabled], "or")
        given = self._joined([self.condition(each) for each in rule.conditions if each.enabled], "clause")
        then = self._steps(rule.actions, 0)
        if not given:
            return self.say("rule", when=when, then=then)
        return self.say("rule_if", when=when, given=given, then=then)

    def _joined(self, parts: Sequence[str], word: str) -> str:
        parts = list(dict.fromkeys(parts))
        if not parts:
            return ""
        more = len(parts) - SHOWN
        shown = list(parts[:SHOWN]) + ([self.say("more", count=more)] if more > 0 else [])
        return self.say(f"join_{word}").join(shown)

    # Names.

    def _name(self, name: str) -> str:
        return self.names.get(name, name)

    def _many(self, names: Iterable[str], word: str = "and") -> str:
        return self._joined([self._name(name) for name in names], word)

    def _ref(self, ref: Ref) -> tuple[str, str]:
        """The name of its owner, and the property ("" when the owner says enough)."""
        owner, _, place = ref.address.partition("/")
        if owner in ("helper", "member"):
            owner, _, place = place.partition(".")
        last = _last(place)
        return self._name(owner), "" if last in (*_STATES, "status") else self._property(last, ref)

    def _property(self, name: str, ref: Ref) -> str:
        key = f"linkage.say.property_{re.sub('[^a-z0-9]', '_', name)}"
        told = say(key, self.language)
        if told != key:
            return told
        prop = self._prop(ref)
        return name.replace("-", " ") if prop is None else _lowered(name_of(prop, self.language))

    def _prop(self, ref: Ref | None) -> Property | None:
        if self.catalogue is None or ref is None or not ref.siid:
            return None
        spec = self.catalogue.spec_of(ref.address.partition("/")[0])
        return None if spec is None else spec.property(ref.siid, ref.piid)

    def _refs(self, refs: Iterable[Ref]) -> str:
        return self._joined([self.say("of", name=n, what=p) if p else n for n, p in map(self._ref, refs)], "and")

    def _value(self, value: object, ref: Ref | None = None) -> str:
        if isinstance(value, Formula):
            return self.say("computed")
        if isinstance(value, bool):
            last = "" if ref is None else _last(ref.address.partition("/")[2])
            key = last.replace("-", "_") if last in _STATES else "switch"
            return self.say(f"state_{key}_{str(value).lower()}")
        prop = self._prop(ref)
        if prop is not None and isinstance(value, int | float | str) and prop.described(value):
            return f"“{value_name(prop, value, self.language)}”"
        return f"{value:g}" if isinstance(value, float) else str(value)

    def _values(self, values: Iterable[Value], ref: Ref) -> str:
        return self._joined([self._value(value, ref) for value in values], "or")

    def _clock(self, microseconds: int) -> str:
        minutes = microseconds // _MINUTE
        return f"{minutes // 60:02}:{minutes % 60:02}"

    def _held(self, text: str, held: int) -> str:
        return self.say("held", what=text, time=duration(held, self.language)) if held else text

    def _between(self, refs: Iterable[Ref], above: float | Ref | None, below: float | Ref | None) -> str:
        def bound(limit: float | Ref) -> str:
            return self._refs([limit]) if isinstance(limit, Ref) else f"{limit:g}"

        what = self._refs(refs)
        if above is not None and below is not None:
            return self.say("between", what=what, low=bound(above), high=bound(below))
        if above is not None:
            return self.say("above", what=what, low=bound(above))
        return self.say("below", what=what, high=bound(below if below is not None else 0.0))

    # Triggers.

    def trigger(self, trigger: Trigger) -> str:
        match trigger:
            case StateTrigger():
                return self._state_trigger(trigger)
            case NumericTrigger():
                return self._held(self._between(trigger.refs, trigger.above, trigger.below), trigger.held)
            case TimeTrigger():
                return self.say("at", times=self._joined([self._clock(at) for at in trigger.at], "or"))
            case PatternTrigger():
                return self._pattern(trigger)
            case SunTrigger():
                return self.say("it_is", what=self._sun(trigger.event, trigger.offset))
            case EventTrigger():
                return self._event(trigger)
            case ZoneTrigger():
                key = "comes_home" if trigger.event == "enter" else "leaves_home"
                return self.say(key, who=self._many(trigger.members, "or"))
        return self.say("hub_start")

    def _state_trigger(self, trigger: StateTrigger) -> str:
        refs = self._joined([self._refs([ref]) for ref in trigger.refs], "or")
        if trigger.to is not None:
            text = self.say("becomes", what=refs, value=self._values(trigger.to, trigger.refs[0]))
        elif trigger.was is not None:
            text = self.say("stops", what=refs, value=self._values(trigger.was, trigger.refs[0]))
        else:
            text = self.say("changes", what=refs)
        return self._held(text, trigger.held)

    def _event(self, trigger: EventTrigger) -> str:
        told = trigger.event.rpartition(".")[2].replace("-", " ")
        if not trigger.thing:
            return self.say("event", event=told)
        spec = self.catalogue.spec_of(trigger.thing) if self.catalogue else None
        known = (
            next((e for e in spec.events() if (e.siid, e.eiid) == (trigger.siid, trigger.eiid)), None) if spec else None
        )
        if known is not None:
            told = _lowered(name_of(known, self.language))
        return self.say("event_of", name=self._name(trigger.thing), event=told)

    def _act(self, step: ActStep) -> str:
        spec = self.catalogue.spec_of(step.thing) if self.catalogue else None
        known = next((a for a in spec.actions() if (a.siid, a.aiid) == (step.siid, step.aiid)), None) if spec else None
        told = step.address.rpartition(".")[2].replace("-", " ")
        if known is not None:
            told = _lowered(name_of(known, self.language))
        given = [self._value(value) for _, value in step.arguments]
        text = self.say("act", name=self._name(step.thing), action=told)
        return self.say("with_value", what=text, value=self.say("join_list").join(given)) if given else text

    def _pattern(self, trigger: PatternTrigger) -> str:
        for part, unit in ((trigger.seconds, "second"), (trigger.minutes, "minute"), (trigger.hours, "hour")):
            if part == "*":
                return self.say("every", time=say(f"words.duration.{unit}", self.language, count=1))
            if part.startswith("/"):
                return self.say("every", time=say(f"words.duration.{unit}", self.language, count=part[1:]))
        return self.say("pattern", hours=trigger.hours, minutes=trigger.minutes.zfill(2))

    def _sun(self, event: str, offset: int) -> str:
        name = self.say(event)
        if not offset:
            return name
        time = duration(abs(offset), self.language)
        return self.say("sun_after" if offset > 0 else "sun_before", event=name, time=time)

    # Conditions.

    def condition(self, condition: Condition) -> str:
        match condition:
            case And() | Or():
                word = "clause" if isinstance(condition, And) else "or"
                inner = self._joined([self.condition(each) for each in condition.conditions], word)
                return inner if len(condition.conditions) < 2 else self.say("group", what=inner)
            case Not():
                return self.say("not", what=self._joined([self.condition(each) for each in condition.conditions], "or"))
            case StateCondition():
                word = "or" if condition.match_any else "and"
                refs = self._joined([self._refs([ref]) for ref in condition.refs], word)
                values = self._values(condition.states, condition.refs[0])
                return self._held(self.say("is", what=refs, value=values), condition.held)
            case NumericCondition():
                return self._between(condition.refs, condition.above, condition.below)
            case SunCondition():
                return self._sun_condition(condition)
            case TimeCondition():
                return self._time_condition(condition)
            case TriggerCondition():
                return self.say("triggered_by", ids=", ".join(condition.ids))
            case ZoneCondition():
                return self.say("is_home", who=self._many(condition.members))
            case FormulaCondition():
                return self._formula(condition.formula)

    def _formula(self, formula: Formula) -> str:
        inner = formula.source.strip().removeprefix("{{").removesuffix("}}").strip()
        if re.sub(r"\s+", " ", inner) == "wait.trigger is none":
            return self.say("timed_out")
        test = simple_test(formula.source)
        if test is not None and test.equals is not None and not test.negated:
            return self.say("is", what=self._refs([test.ref]), value=test.equals)
        return self.say("formula")

    def _sun_condition(self, condition: SunCondition) -> str:
        parts = []
        if condition.after:
            parts.append(self.say("it_is_after", what=self._sun(condition.after, condition.after_offset)))
        if condition.before:
            parts.append(self.say("it_is_before", what=self._sun(condition.before, condition.before_offset)))
        return self._joined(parts, "and")

    def _time_condition(self, condition: TimeCondition) -> str:
        parts = []
        if condition.after >= 0 and condition.before >= 0:
            span = {"after": self._clock(condition.after), "before": self._clock(condition.before)}
            parts.append(self.say("it_is_between", **span))
        elif condition.after >= 0:
            parts.append(self.say("it_is_after", what=self._clock(condition.after)))
        elif condition.before >= 0:
            parts.append(self.say("it_is_before", what=self._clock(condition.before)))
        if condition.weekdays != (0, 1, 2, 3, 4, 5, 6):
            days = self._joined_days(condition.weekdays)
            parts.append(self.say("it_is_day", days=days))
        return self._joined(parts, "and")

    def _joined_days(self, days: Sequence[int]) -> str:
        if tuple(days) == (0, 1, 2, 3, 4):
            return self.say("weekdays")
        if tuple(days) == (5, 6):
            return self.say("weekend")
        return self.say("join_list").join(self.say(f"day_{day}") for day in days)

    # Steps.

    def _steps(self, steps: Sequence[Step], depth: int) -> str:
        """On, wait for it, off is said as `on for that long`."""
        parts: list[str] = []
        live = [step for step in steps if step.enabled and not isinstance(step, VariablesStep)]
        index = 0
        while index < len(live):
            step, rest = live[index], live[index + 1 : index + 3]
            text, taken = self.step(step, depth), 1
            if len(rest) == 2 and isinstance(rest[0], DelayStep) and _undoes(step, rest[1]):
                text, taken = self.say("for_long", what=text, time=self._time(rest[0].duration)), 3
            parts.append(text)
            index += taken
        return self._joined(parts, "then")

    def step(self, step: Step, depth: int) -> str:
        match step:
            case SetStep():
                sets = [self._set(each.ref, each.value) for each in step.assignments]
                return self._joined(sets, "and")
            case ActStep():
                return self._act(step)
            case ServiceStep():
                return self._service(step)
            case SceneStep():
                return self.say("scene", name=self._name(step.scene))
            case HelperStep():
                return self.say(f"helper_{step.operation}", name=self._name(step.helper), value=self._value(step.value))
            case NotifyStep():
                return self._notify(step)
        return self._flow(step, depth)

    def _notify(self, step: NotifyStep) -> str:
        """What a template puts in is left open."""
        message = step.message
        text = re.sub(r"\{[{%].*?[%}]\}", "…", message.source) if isinstance(message, Formula) else str(message)
        if step.to:
            return self.say("notify_to", who=self._people(step.to), message=text[:60])
        return self.say("notify", message=text[:60])

    def _people(self, names: Iterable[str]) -> str:
        told = {name: say(f"linkage.say.all_{name}", self.language) for name in names if name in _ROLES}
        return self._joined([told.get(name) or self._name(name) for name in names], "and")

    def _flow(self, step: Step, depth: int) -> str:
        match step:
            case DelayStep():
                return self.say("delay", time=self._time(step.duration))
            case WaitStep():
                return self._wait(step)
            case EventStep():
                return self.say("fire", event=step.event)
            case StopStep():
                return self.say("stop_run")
            case ConditionStep():
                return self.say("only_if", what=self.condition(step.condition))
        return self._nested(step, depth)

    def _nested(self, step: Step, depth: int) -> str:
        if depth >= _DEPTH:
            return "…"
        match step:
            case ChooseStep():
                parts = [
                    self._if(choice.conditions, choice.steps, depth) for choice in step.choices[:SHOWN] if choice.steps
                ]
                if step.default:
                    parts.append(self.say("otherwise", then=self._steps(step.default, depth + 1)))
                return self.say("join_choice").join(parts)
            case IfStep():
                text = self._if(step.conditions, step.then, depth)
                if not step.otherwise:
                    return text
                return (
                    text + self.say("join_choice") + self.say("otherwise", then=self._steps(step.otherwise, depth + 1))
                )
            case RepeatStep():
                return self._repeat(step, depth)
            case SequenceStep():
                return self._steps(step.steps, depth + 1)
            case ParallelStep():
                return self._joined([self._steps(branch, depth + 1) for branch in step.branches], "and")
        return ""

    def _if(self, conditions: Sequence[Condition], steps: Sequence[Step], depth: int) -> str:
        given = self._joined([self.condition(each) for each in conditions], "clause")
        return self.say("if", given=given, then=self._steps(steps, depth + 1))

    def _repeat(self, step: RepeatStep, depth: int) -> str:
        what = self._steps(step.steps, depth + 1)
        if step.while_ is not None:
            return self.say("while", what=what, given=self._joined([self.condition(c) for c in step.while_], "and"))
        if step.until is not None:
            return self.say("until", what=what, given=self._joined([self.condition(c) for c in step.until], "and"))
        count: Any = len(step.for_each) if step.for_each is not None else step.count
        return self.say("repeat", what=what, count=self._value(count))

    def _time(self, time: int | Formula) -> str:
        return self.say("computed") if isinstance(time, Formula) else duration(time, self.language)

    def _wait(self, step: WaitStep) -> str:
        what = self._joined([self.trigger(each) for each in step.triggers], "or")
        if step.timeout < 0:
            return self.say("wait", what=what)
        return self.say("wait_at_most", what=what, time=duration(step.timeout, self.language))

    def _set(self, ref: Ref, value: object) -> str:
        name, what = self._ref(ref)
        if isinstance(value, bool) and not what:
            return self.say("turn_on" if value else "turn_off", name=name)
        return self.say(
            "set", what=self.say("of", name=name, what=what) if what else name, value=self._value(value, ref)
        )

    def _service(self, step: ServiceStep) -> str:
        domain, _, verb = step.service.partition(".")
        if domain == "light" and step.rooms and not step.things:
            name = self.say("lights_in", room=self._many(step.rooms))
        else:
            everything = [
                self.say("everything") if thing == "all" else thing.partition("/")[0] for thing in step.things
            ]
            name = self._many([*everything, *step.rooms, *step.labels])
        if verb not in _VERBS:
            return self.say("service", service=verb.replace("_", " "), name=name)
        shown = [f"{self._value(step.data[key])}{unit}" for key, unit in _SHOWN_DATA.items() if key in step.data]
        text = self.say(verb, name=name)
        return self.say("with_value", what=text, value=self.say("join_list").join(shown)) if shown else text


def _last(place: str) -> str:
    """`environment.pm2.5-density` -> `pm2.5-density`; `home` -> `home`."""
    service, dot, name = place.partition(".")
    return (name if dot else service).partition("#")[0]


def _lowered(name: str) -> str:
    """As a word within a sentence: `Target temperature` is no name of its own, `PM2.5` is."""
    return name[:1].lower() + name[1:] if name[1:2].islower() or name[1:2] == "" else name


def _undoes(first: Step, second: Step) -> bool:
    match first, second:
        case ServiceStep(), ServiceStep():
            on, off = first.service.rpartition("."), second.service.rpartition(".")
            same = (first.things, first.rooms, first.labels) == (second.things, second.rooms, second.labels)
            return same and on[2] == "turn_on" and off[2] == "turn_off"
        case SetStep(), SetStep():
            return len(first.assignments) == len(second.assignments) == 1 and (
                first.assignments[0].ref == second.assignments[0].ref
                and first.assignments[0].value is True
                and second.assignments[0].value is False
            )
    return False
