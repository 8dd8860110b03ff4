"""A run's trace as plain sentences, each with when it was, in microseconds since the run began."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from setaria.facts.clock import MILLISECOND
from setaria.facts.log import Log, Wanted
from setaria.home import facts as f
from setaria.home.home import Home
from setaria.home.linkage import rule as r
from setaria.home.telling.about import things_of_run
from setaria.home.telling.past import labels_of
from setaria.home.telling.wording import Wording
from setaria.words import say
from setaria.words.format import clock, local

MOST_THINGS: Final = 16
MOST_ANSWERS: Final = 500
PLAINLY: Final = ("set", "stop", "event", "turns", "cancelled")
_STOPS: Final = frozenset({"stop", "cancelled"})


class TraceTone(StrEnum):
    """DONE worked, WARN did not quite, STOP ended the run or a part of it, PLAIN only says."""

    DONE = "done"
    WARN = "warn"
    STOP = "stop"
    PLAIN = "plain"


class TraceSentence(msgspec.Struct, frozen=True):
    """`path` is the step's, as in its linkage (`action/0`); `trigger` for what set it off."""

    at: int
    path: str
    tone: TraceTone
    text: str


def trace_sentences(
    home: Home,
    trace_steps: Sequence[Sequence[Any]],
    trigger: Mapping[str, Any],
    language: str,
    *,
    began: int = 0,
    rule: r.Rule | None = None,
    answers: Iterable[tuple[str, f.CommandEnded]] = (),
) -> list[TraceSentence]:
    """What set it off, then every step. Never raises.

    With `began` (UTC microseconds) it says when; with `rule`, of the run's revision, what its conditions asked, and
    with what they saw as far as it has not changed since; with `answers` of (thing, how its command ended), what
    came of its actions.
    """
    teller = _Teller(home, language, began, rule)
    failed = {thing: ended for thing, ended in answers if ended.outcome != "done"}
    told = [TraceSentence(0, "trigger", TraceTone.PLAIN, teller.trigger(trigger))]
    for path, what, *after in trace_steps:
        at = after[0] if after and isinstance(after[0], int) else 0
        tone, text = teller.step(str(path), what)
        if text:
            told.append(TraceSentence(at, str(path), tone, text))
        told += [
            TraceSentence(at + ended.took, str(path), TraceTone.WARN, teller.failed(thing, ended))
            for thing, ended in failed.items()
            if _sent_to(what, thing)
        ]
    return told


async def answers_of(home: Home, log: Log, body: f.RunEnded | f.RunPaused) -> list[tuple[str, f.CommandEnded]]:
    """(thing, how its command ended) for what a run sent and was not done; bounded, so of old runs it may be less."""
    things = things_of_run(body, home.structure)[:MOST_THINGS]
    if not things:
        return []
    wanted = Wanted(labels=labels_of([f.CommandEnded]), aggregates=tuple(f"thing/{each}" for each in things))
    look = await log.look_back(await log.head(), MOST_ANSWERS, wanted)
    found = [(each.fact.aggregate.partition("/")[2], each.fact.body) for each in look.found]
    return [(thing, ended) for thing, ended in found if isinstance(ended, f.CommandEnded) and ended.cause == body.run]


def _sent_to(what: object, thing: str) -> bool:
    if not isinstance(what, Mapping) or "refused" in what:
        return False
    return any(str(address).startswith(f"{thing}/") for address in (what.get("act", ""), *what))


class _Teller:
    def __init__(self, home: Home, language: str, began: int, rule: r.Rule | None) -> None:
        self.home = home
        self.language = language
        self.began = began
        self.wording = Wording(home, language)
        self.parts: dict[str, Any] = {}
        if rule is not None:
            _by_path((rule.conditions, rule.actions), self.parts)

    def say(self, name: str, /, **parameters: object) -> str:
        return say(f"telling.trace.{name}", self.language, **parameters)

    def trigger(self, trigger: Mapping[str, Any]) -> str:
        why = self.wording.why(trigger) or str(trigger.get("platform", ""))
        held = trigger.get("for")
        if isinstance(held, int) and held:
            why = self.say("held", what=why, time=self.wording.took(held * 1_000_000))
        return self.say("set_off", why=why, time=self.moment(self.began)) if self.began else why

    def moment(self, time: int) -> str:
        moment = local(time, self.home.structure.household.zone)
        return f"{moment:%H:%M:%S}.{moment.microsecond // MILLISECOND:03}"

    def failed(self, thing: str, ended: f.CommandEnded) -> str:
        why = self.wording.outcome(ended.outcome, ended.code)
        return say("telling.outcome.of_thing", self.language, name=self.wording.name("thing", thing), why=why)

    def step(self, path: str, what: Any) -> tuple[TraceTone, str]:
        if isinstance(what, bool):
            return self.condition(path, what)
        if what is None:
            return TraceTone.PLAIN, self.say("waits") if isinstance(self.parts.get(path), r.WaitStep) else ""
        if not isinstance(what, Mapping):
            return TraceTone.PLAIN, self.wording.plain(what)
        if "refused" in what:
            return TraceTone.STOP, self.wording.refused(what)
        if noted := self.noted(what):
            return noted
        return TraceTone.DONE, self.wording.joined(self.wording.deed(what))

    def noted(self, what: Mapping[str, Any]) -> tuple[TraceTone, str] | None:
        """Of a step that sends nothing to a thing."""
        if isinstance(what.get("until"), int):
            return TraceTone.PLAIN, self.say("until", time=clock(what["until"], self.home.structure.household.zone))
        if "completed" in what:
            came = bool(what["completed"])
            return TraceTone.DONE if came else TraceTone.WARN, self.say(f"completed.{str(came).lower()}")
        if "missed" in what and isinstance(what["missed"], int):
            return TraceTone.STOP, self.say("missed", time=self.wording.took(what["missed"]))
        if "helper" in what:
            name = self.wording.name("helper", str(what["helper"]))
            operation = say(f"telling.operation.{what.get('operation')}", self.language)
            shown = str(what.get("operation", "")) if operation.startswith("telling.") else operation
            return TraceTone.DONE, self.say("helper", name=name, operation=shown)
        for key in PLAINLY:
            if key in what and "/" not in key:
                value = what[key]
                shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
                if key == "cancelled":
                    reason = say(f"telling.cancelled.{value}", self.language)
                    shown = value if reason.startswith("telling.") else reason
                return TraceTone.STOP if key in _STOPS else TraceTone.PLAIN, self.say(key, value=shown)
        return None

    # Conditions.

    def condition(self, path: str, holds: bool) -> tuple[TraceTone, str]:
        tone = TraceTone.DONE if holds else TraceTone.STOP
        asked = self.parts.get(path)
        if isinstance(asked, r.ConditionStep):
            asked = asked.condition
        key = f"condition_{str(holds).lower()}"
        what = self.asked(asked) if asked is not None else ""
        if not what:
            return tone, self.say(str(holds).lower())
        saw = self.wording.joined(self.saw(asked))
        return tone, self.say(f"{key}_saw", what=what, saw=saw) if saw else self.say(key, what=what)

    def asked(self, condition: Any) -> str:
        from setaria.home.linkage.render import Teller

        structure = self.home.structure
        tables: tuple[Mapping[str, Any], ...] = (
            structure.members,
            structure.helpers,
            structure.rooms,
            structure.scenes,
            structure.things,
        )
        names = {each.id: str(each.name) for table in tables for each in table.values()}
        return Teller(self.language, names, self.home.arranged).condition(condition)

    def saw(self, condition: Any) -> list[str]:
        """Values as they were, of what has not changed since; when the sun rose and set that day."""
        if isinstance(condition, r.SunCondition) and self.began:
            return self.sun(condition)
        if isinstance(condition, r.And | r.Or | r.Not):
            return [text for each in condition.conditions for text in self.saw(each)]
        if not isinstance(condition, r.StateCondition | r.NumericCondition):
            return []
        slots = [self.home.live.slots.get(ref.address) for ref in condition.refs]
        return [
            self.wording.state(slot.address, slot.value)
            for slot in slots
            if slot is not None and slot.value is not None and 0 < slot.changed <= self.began
        ]

    def sun(self, condition: r.SunCondition) -> list[str]:
        from setaria.home.linkage.sun import sun_times

        zone = self.home.structure.household.zone
        try:
            rise, fall = sun_times(self.home.world, local(self.began, zone).date())
        except (ValueError, OverflowError):
            return []
        moments = {"sunrise": rise, "sunset": fall}
        asked = [each for each in (condition.after, condition.before) if each]
        return [self.say(each, time=clock(moments[each], zone)) for each in asked if each in moments]


def _by_path(part: Any, found: dict[str, Any]) -> None:
    if isinstance(part, list | tuple):
        for each in part:
            _by_path(each, found)
    elif isinstance(part, msgspec.Struct):
        path = getattr(part, "path", "")
        if path:
            found.setdefault(path, part)
        for name in part.__struct_fields__:
            _by_path(getattr(part, name), found)
