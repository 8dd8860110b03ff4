"""The last that happened, each in a line: linkages that ran, with how long it took; people, scenes, things lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from setaria.facts.clock import SECOND
from setaria.facts.fact import Fact
from setaria.facts.kinds import Body
from setaria.facts.log import Cursor
from setaria.home import facts as f
from setaria.home.home import Home
from setaria.home.telling.state import Tone, reason_in_words
from setaria.home.telling.wording import Wording, last_refused

KEPT: Final = 50
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
        self.wording = Wording(home, language)
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
            f.ThingReached: lambda fact, body: self._together(fact, "reached", self.wording.owner(fact.aggregate)),
            f.ThingLost: self._lost,
        }

    def take(self, facts: Sequence[Fact], _: Cursor) -> None:
        for fact in facts:
            tell = self._tells.get(type(fact.body))
            if tell is not None:
                tell(fact, fact.body)

    def say(self, name: str, /, **parameters: object) -> str:
        return self.wording.say(name, **parameters)

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
        return self.say("ran_in", name=line.lead, what=line.text, time=self.wording.took(line.took))

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
        deeds = self.wording.deeds(body.trace[told:])
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
        deeds = self.wording.deeds(body.trace[told:])
        if deeds or not told:
            self._ran(fact, body.run, body.trigger, deeds or self.say("nothing_done"), -1 if told else body.took)

    def _ran(self, fact: Fact, run: str, trigger: dict[str, Any], deeds: str, took: int) -> None:
        why = self.wording.why(trigger)
        text = self.say("because", why=why, deeds=deeds) if why else deeds
        self.note(Line(fact.time, "ran", text, Tone.ON, took=took, run=run, lead=self.wording.owner(fact.aggregate)))

    def _failed(self, fact: Fact, body: f.RunEnded) -> None:
        why = self.wording.refused(last_refused(body.trace))
        self.note(
            Line(fact.time, "failed", self.say("failed", name=self.wording.owner(fact.aggregate), why=why), Tone.CARE)
        )

    def _command_ended(self, fact: Fact, body: f.CommandEnded) -> None:
        for line in reversed(self.lines):
            if line.run and line.run == body.cause and line.took >= 0:
                line.took = max(line.took, body.took)
                self._changed()
                return

    # What people do, and what happens to things.

    def _command_given(self, fact: Fact, body: f.CommandGiven) -> None:
        who, _, member = fact.actor.who.partition("/")
        if who != "member":
            return
        owner = fact.aggregate.partition("/")[2]
        if body.action:
            what = [f"{self.wording.name('thing', owner)} {self.wording.action(owner, body.action)}"]
        else:
            what = self.wording.deed({f"{owner}/{address}": value for address, value in body.writes.items()})
        text = self.say("person", name=self.wording.name("member", member), what="".join(what))
        self.note(Line(fact.time, "person", text))

    def _scene_set(self, fact: Fact, body: f.SceneSet) -> None:
        who, _, member = fact.actor.who.partition("/")
        if who == "member":
            scene = self.say("deed_scene", name=self.wording.name("scene", body.scene))
            text = self.say("person", name=self.wording.name("member", member), what=scene)
            self.note(Line(fact.time, "scene", text))

    def _helper_set(self, fact: Fact, body: f.HelperSet) -> None:
        name, value = self.wording.owner(fact.aggregate), self.wording.plain(body.value)
        self.note(Line(fact.time, "helper", f"{name} {value}"))

    def _presence(self, fact: Fact, body: f.PresenceChanged) -> None:
        text = self.say("came" if body.home else "left", name=self.wording.owner(fact.aggregate))
        self.note(Line(fact.time, "presence", text))

    def _notified(self, fact: Fact, body: f.Notified) -> None:
        who = self.wording.joined([self.wording.name("member", each) for each in body.to])
        key = "told" if who else "told_all"
        self.note(Line(fact.time, "told", self.say(key, who=who, message=body.message), Tone.ON))

    def _lost(self, fact: Fact, body: f.ThingLost) -> None:
        if not self._one_more(fact, "lost"):
            why = reason_in_words(body.reason, self.language)
            self.note(
                Line(fact.time, "lost", self.say("lost", name=self.wording.owner(fact.aggregate), why=why), Tone.CARE)
            )
