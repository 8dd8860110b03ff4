"""The last that happened, each in a line: linkages that ran, with how long it took; people, scenes, things lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from setaria.cli.in_words import Tone, lowered, value_in_words
from setaria.facts.clock import MILLISECOND, SECOND
from setaria.facts.fact import Fact
from setaria.facts.kinds import Body
from setaria.facts.log import Cursor
from setaria.facts.refused import Refused
from setaria.home import facts as f
from setaria.home.home import Home
from setaria.words import refusal, say
from setaria.words.format import duration

KEPT: Final = 50
SHOWN_DEEDS: Final = 3
TOGETHER: Final = 10 * SECOND  # the same kind of news within this time shares a line
MOST_RUNS: Final = 1_000  # that wait, remembered


class Line(msgspec.Struct):
    """`count` is of what came together; `lead` is the linkage that ran, `took` its microseconds, -1 for nobody asks."""

    time: int
    kind: str
    text: str
    tone: Tone = Tone.PLAIN
    count: int = 1
    took: int = -1
    run: str = ""
    lead: str = ""
    number: int = 0


class Happenings:
    """Told of durable facts; `changed` is called when a line came or became another."""

    def __init__(self, home: Home, language: str, changed: Callable[[], None]) -> None:
        self.home = home
        self.language = language
        self.lines: deque[Line] = deque(maxlen=KEPT)
        self._changed = changed
        self._paused: dict[str, int] = {}  # run -> steps already told
        self._number = 0
        self._tells: dict[type[Body], Callable[[Fact, Any], None]] = {
            f.RunEnded: self._run_ended,
            f.RunPaused: self._run_paused,
            f.CommandEnded: self._command_ended,
            f.CommandGiven: self._command_given,
            f.SceneSet: self._scene_set,
            f.HelperSet: self._helper_set,
            f.PresenceChanged: self._presence,
            f.Notified: self._notified,
            f.ThingAdded: lambda fact, body: self._together(fact, "added", body.name),
            f.ThingReached: lambda fact, body: self._together(fact, "reached", self._owner(fact)),
            f.ThingLost: self._lost,
        }

    def take(self, facts: Sequence[Fact], _: Cursor) -> None:
        for fact in facts:
            tell = self._tells.get(type(fact.body))
            if tell is not None:
                tell(fact, fact.body)

    def say(self, name: str, /, **parameters: object) -> str:
        return say(f"cli.happened.{name}", self.language, **parameters)

    def note(self, line: Line) -> None:
        self._number += 1
        line.number = self._number
        self.lines.append(line)
        self._changed()

    def text(self, line: Line) -> str:
        """The line as it is now: how long a linkage took is known when its things have answered."""
        if line.count > 1:
            return self.say(f"{line.kind}_many", count=line.count)
        if not line.lead:
            return line.text
        if line.took < 0:
            return self.say("ran", name=line.lead, what=line.text)
        took = duration(line.took, self.language) if line.took >= SECOND else self._milliseconds(line.took)
        return self.say("ran_in", name=line.lead, what=line.text, time=took)

    def _milliseconds(self, took: int) -> str:
        shown = f"{took / MILLISECOND:.1f}" if took < 10 * MILLISECOND else str(round(took / MILLISECOND))
        return say("words.duration.millisecond", self.language, count=shown)

    def _together(self, fact: Fact, kind: str, name: str) -> None:
        if not self._one_more(fact, kind):
            self.note(Line(fact.time, kind, self.say(kind, name=name)))

    def _one_more(self, fact: Fact, kind: str) -> bool:
        """Whether a line of the same kind is fresh enough to count this in."""
        for line in reversed(self.lines):
            if line.kind == kind and fact.time - line.time < TOGETHER:
                line.count += 1
                self._changed()
                return True
        return False

    # Linkages.

    def _run_paused(self, fact: Fact, body: f.RunPaused) -> None:
        told = self._paused.get(body.run, 0)
        if len(self._paused) < MOST_RUNS:
            self._paused[body.run] = len(body.trace)
        deeds = self._deeds(body.trace[told:])
        if told and not deeds:
            return
        took = body.trace[-1][2] if body.trace and not told else -1
        self._ran(fact, body.run, body.trigger, self.say("waits", what=deeds) if deeds else self.say("waiting"), took)

    def _run_ended(self, fact: Fact, body: f.RunEnded) -> None:
        told = self._paused.pop(body.run, 0)
        if body.outcome in ("cancelled", "missed", "full"):
            return
        if body.outcome == "failed":
            self._failed(fact, body)
            return
        deeds = self._deeds(body.trace[told:])
        if deeds or not told:
            self._ran(fact, body.run, body.trigger, deeds or self.say("nothing_done"), -1 if told else body.took)

    def _ran(self, fact: Fact, run: str, trigger: dict[str, Any], deeds: str, took: int) -> None:
        why = self._why(trigger)
        text = self.say("because", why=why, deeds=deeds) if why else deeds
        self.note(Line(fact.time, "ran", text, Tone.ON, took=took, run=run, lead=self._owner(fact)))

    def _failed(self, fact: Fact, body: f.RunEnded) -> None:
        refused: dict[str, Any] = {}
        for _, what, *_ in body.trace:
            if isinstance(what, dict) and "refused" in what:
                refused = what
        details = {name: value for name, value in refused.items() if name != "refused"}
        code = str(refused.get("refused", ""))
        why, _ = refusal(Refused(code, **details), self.language)
        self.note(Line(fact.time, "failed", self.say("failed", name=self._owner(fact), why=why), Tone.CARE))

    def _command_ended(self, fact: Fact, body: f.CommandEnded) -> None:
        for line in reversed(self.lines):
            if line.run and line.run == body.cause and line.took >= 0:
                line.took = max(line.took, body.took)
                self._changed()
                return

    def _why(self, trigger: dict[str, Any]) -> str:
        platform = trigger.get("platform")
        if platform in ("state", "numeric_state", "zone"):
            return self._state(str(trigger.get("entity_id", "")), trigger.get("to"))
        if platform == "event":
            return str(trigger.get("event", "")).rpartition(".")[2].replace("-", " ")
        if platform == "person":
            return self.say("by", name=self._name("member", str(trigger.get("id", ""))))
        return self.say(f"why_{platform}") if platform in ("time", "sun", "time_pattern", "start") else ""

    def _deeds(self, trace: Sequence[Sequence[Any]]) -> str:
        deeds: list[str] = []
        for _, what, *_ in trace:
            if isinstance(what, dict):
                deeds += self._deed(what)
        more = len(deeds) - SHOWN_DEEDS
        shown = deeds[:SHOWN_DEEDS] + ([self.say("more", count=more)] if more > 0 else [])
        return say("words.comma", self.language).join(shown)

    def _deed(self, what: dict[str, Any]) -> list[str]:
        if "scene" in what:
            return [self.say("deed_scene", name=self._name("scene", str(what["scene"])))]
        if "message" in what:
            return [self.say("deed_told", message=what["message"])]
        if "act" in what:
            thing, _, rest = str(what["act"]).partition("/")
            return [self.say("deed_act", name=self._name("thing", thing), action=self._action(thing, rest))]
        by_thing: dict[str, list[str]] = {}
        for address, value in what.items():
            owner, slash, rest = address.partition("/")
            spec = self.home.arranged.spec_of(owner) if slash else None
            if spec is None:
                continue
            if isinstance(value, list):  # an action's arguments
                by_thing.setdefault(owner, []).append(self._action(owner, rest))
            else:
                by_thing.setdefault(owner, []).append(value_in_words(spec, rest, value, self.language))
        space = say("cli.state.join", self.language)
        return [f"{self._name('thing', owner)} {space.join(values)}" for owner, values in by_thing.items()]

    # What people do, and what happens to things.

    def _command_given(self, fact: Fact, body: f.CommandGiven) -> None:
        who, _, member = fact.actor.who.partition("/")
        if who != "member":
            return
        owner = fact.aggregate.partition("/")[2]
        if body.action:
            what = [f"{self._name('thing', owner)} {self._action(owner, body.action)}"]
        else:
            what = self._deed({f"{owner}/{address}": value for address, value in body.writes.items()})
        text = self.say("person", name=self._name("member", member), what="".join(what))
        self.note(Line(fact.time, "person", text))

    def _scene_set(self, fact: Fact, body: f.SceneSet) -> None:
        who, _, member = fact.actor.who.partition("/")
        if who == "member":
            scene = self.say("deed_scene", name=self._name("scene", body.scene))
            text = self.say("person", name=self._name("member", member), what=scene)
            self.note(Line(fact.time, "scene", text))

    def _helper_set(self, fact: Fact, body: f.HelperSet) -> None:
        value = (
            body.value
            if not isinstance(body.value, bool)
            else say(f"cli.state.on_{str(body.value).lower()}", self.language)
        )
        self.note(Line(fact.time, "helper", f"{self._owner(fact)} {value}"))

    def _presence(self, fact: Fact, body: f.PresenceChanged) -> None:
        text = self.say("came" if body.home else "left", name=self._owner(fact))
        self.note(Line(fact.time, "presence", text))

    def _notified(self, fact: Fact, body: f.Notified) -> None:
        who = say("words.comma", self.language).join(self._name("member", each) for each in body.to)
        key = "told" if who else "told_all"
        self.note(Line(fact.time, "told", self.say(key, who=who, message=body.message), Tone.ON))

    def _lost(self, fact: Fact, body: f.ThingLost) -> None:
        if not self._one_more(fact, "lost"):
            why = reason_in_words(body.reason, self.language)
            self.note(Line(fact.time, "lost", self.say("lost", name=self._owner(fact), why=why), Tone.CARE))

    # Names.

    def _owner(self, fact: Fact) -> str:
        what, _, name = fact.aggregate.partition("/")
        return self._name(what, name)

    def _name(self, what: str, name: str) -> str:
        structure = self.home.structure
        if what == "linkage":
            linkage = structure.linkages.get(name)
            return linkage.rule.alias or name if linkage is not None and linkage.rule is not None else name
        tables: dict[str, Any] = {
            "thing": structure.things,
            "member": structure.members,
            "scene": structure.scenes,
            "helper": structure.helpers,
        }
        known = tables.get(what, {}).get(name)
        return name if known is None else str(known.name)

    def _action(self, thing: str, address: str) -> str:
        from setaria.home.spec.names import name_of

        spec = self.home.arranged.spec_of(thing)
        try:
            return address if spec is None else lowered(name_of(spec.find_action(address), self.language))
        except Refused:
            return address

    def _state(self, address: str, value: Any) -> str:
        owner, _, rest = address.partition("/")
        if owner == "member":
            name = self._name("member", rest.partition(".")[0])
            return self.say("came" if value else "left", name=name)
        if owner == "helper":
            shown = say(f"cli.state.on_{str(value).lower()}", self.language) if isinstance(value, bool) else value
            return f"{self._name('helper', rest.partition('.')[0])} {shown}"
        spec = self.home.arranged.spec_of(owner)
        shown = value if spec is None else value_in_words(spec, rest, value, self.language)
        return f"{self._name('thing', owner)} {shown}"


def reason_in_words(reason: str, language: str) -> str:
    """Why a thing is not reached."""
    text = say(f"cli.reason.{reason}", language)
    return reason.replace("_", " ") if text.startswith("cli.reason.") else text
