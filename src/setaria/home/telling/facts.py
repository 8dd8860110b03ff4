"""One fact as a sentence.

Most kinds are told by their words alone: `telling.fact.home_room_saved` is filled with the fact's fields (ids of what
has a name as that name) and `who`, whose deed it was. What needs more has a method. A kind nobody knows is named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from setaria.facts.fact import Fact
from setaria.facts.kinds import Body, Unknown, label_of, split_label
from setaria.home import facts as f
from setaria.home.telling.state import Tone, reason_in_words
from setaria.home.telling.wording import Wording, last_refused
from setaria.words import say
from setaria.words.format import when

RUN_KINDS: Final = (f.RunEnded, f.RunPaused)
NOT_TOLD: Final[Mapping[str, str]] = {
    "home.reading": "a thing's history shows it",
    "home.statistics": "what remains of readings",
    "home.command_ended": "told with what was asked for, or with the run that sent it",
    "home.thing_located": "an address on the network is nobody's news",
    "home.hold_began": "a trigger that waits has done nothing yet",
    "home.hold_ended": "told by the run that it sets off",
    "home.run_queued": "told by the run once it has ended",
    "home.event_fired": "told by the run that fires it and by those that it sets off",
    "home.tiles_arranged": "how somebody likes a page",
    "home.spec_described": "what a foreign thing says it can do; that it was added is told",
    "home.session_renewed": "a cookie's new value: nobody did anything",
}
"""Kinds that have no sentence of their own, and why."""

# Fields that hold the id of something with a name -> what it is.
_NAMED: Final = {
    **{each: each for each in ("thing", "member", "scene", "helper", "room", "storey", "linkage")},
    "by": "member",
}
_TIMES: Final = frozenset({"until", "since", "due", "expires"})
_TONES: Final[Mapping[str, Tone]] = {"home.thing_lost": Tone.CARE, "home.notified": Tone.ON}
_ENDINGS: Final = ("cancelled", "missed", "full")


class Sentence(msgspec.Struct, frozen=True):
    """`because` is why, "" when that goes without saying."""

    text: str
    tone: Tone = Tone.PLAIN
    because: str = ""


def kind_name(fact: Fact) -> str:
    return split_label(label_of(fact.body))[0]


class FactTeller:
    def __init__(self, wording: Wording) -> None:
        self.wording = wording
        self.language = wording.language
        self._tells: dict[type[Body], Callable[[Fact, Any], Sentence]] = {
            f.RunEnded: self._run_ended,
            f.RunPaused: self._run_paused,
            f.RunDeclined: self._run_declined,
            f.CommandGiven: self._command_given,
            f.SceneSet: self._scene_set,
            f.HelperSet: self._helper_set,
            f.PresenceChanged: self._presence,
            f.Notified: self._notified,
            f.Happened: self._happened,
            f.ThingReached: lambda fact, _: Sentence(self._of("reached", name=self._owner(fact))),
            f.ThingLost: self._lost,
            f.ThingAdded: self._added,
            f.ThingArranged: self._arranged,
            f.ThingReplaced: self._replaced,
            f.LinkageSaved: self._linkage_saved,
            f.LinkageSwitched: self._linkage_switched,
            f.GrantGiven: self._grant_given,
            f.MemberSaved: self._member_saved,
        }

    def sentence(self, fact: Fact) -> Sentence:
        """Of any fact, also of one that is not told by itself. Never raises."""
        tell = self._tells.get(type(fact.body))
        return self._by_words(fact) if tell is None else tell(fact, fact.body)

    def who(self, fact: Fact) -> str:
        what, _, name = fact.actor.who.partition("/")
        if what in ("member", "linkage") and name:
            return self.wording.name(what, name)
        key = f"telling.who.{what}"
        told = say(key, self.language, name=name)
        return say("telling.who.hub", self.language) if told == key else told

    def _of(self, name: str, /, **parameters: object) -> str:
        return say(f"telling.fact.{name}", self.language, **parameters)

    def _owner(self, fact: Fact) -> str:
        return self.wording.owner(fact.aggregate)

    def _by_words(self, fact: Fact) -> Sentence:
        name = kind_name(fact)
        key = f"telling.fact.{name.replace('.', '_')}"
        parameters = {"who": self.who(fact), "owner": self._owner(fact), "kind": name, **self._fields(fact)}
        text = say(key, self.language, **parameters)
        if text == key:
            return Sentence(self._of("unknown", who=parameters["who"], kind=name))
        return Sentence(text, _TONES.get(name, Tone.PLAIN))

    def _fields(self, fact: Fact) -> dict[str, object]:
        body = fact.body
        if isinstance(body, Unknown):
            return {}
        fields: dict[str, object] = {}
        for name in body.__struct_fields__:
            value = getattr(body, name)
            if name in _NAMED and isinstance(value, str):
                fields[name] = self.wording.name(_NAMED[name], value)
            elif name in _TIMES and isinstance(value, int):
                fields[name] = self.moment(value)
            elif isinstance(value, bool | int | float | str):
                fields[name] = self.wording.plain(value)
        return fields

    def moment(self, time: int) -> str:
        return when(time, self.wording.home.structure.household.zone, self.language)

    # Linkages.

    def _run_ended(self, fact: Fact, body: f.RunEnded) -> Sentence:
        name, because = self._owner(fact), self.wording.why(body.trigger)
        if body.outcome == "failed":
            why = self.wording.refused(last_refused(body.trace))
            return Sentence(self.wording.say("failed", name=name, why=why), Tone.CARE, because)
        deeds = self.wording.deeds(body.trace)
        if body.outcome in _ENDINGS:
            tone = Tone.PLAIN if body.outcome == "cancelled" else Tone.CARE
            text = self._of(f"run_{body.outcome}", name=name)
            return Sentence(self._of("but_did", what=text, deeds=deeds) if deeds else text, tone, because)
        what = deeds or self.wording.say("nothing_done")
        return Sentence(self.wording.say("ran", name=name, what=what), Tone.ON if deeds else Tone.PLAIN, because)

    def _run_paused(self, fact: Fact, body: f.RunPaused) -> Sentence:
        deeds = self.wording.deeds(body.trace)
        waits = self.wording.say("waits", what=deeds) if deeds else self.wording.say("waiting")
        text = self.wording.say("ran", name=self._owner(fact), what=waits)
        return Sentence(text, Tone.ON, self.wording.why(body.trigger))

    def _run_declined(self, fact: Fact, body: f.RunDeclined) -> Sentence:
        why = say(f"telling.declined.{body.reason}", self.language)
        why = body.reason if why.startswith("telling.") else why
        return Sentence(self._of("declined", name=self._owner(fact), why=why), Tone.OFF, self.wording.why(body.trigger))

    def _linkage_saved(self, fact: Fact, body: f.LinkageSaved) -> Sentence:
        key = "linkage_undone" if body.undo else "linkage_made" if body.revision <= 1 else "linkage_changed"
        return Sentence(self._of(key, who=self.who(fact), name=body.rule.alias or body.rule.id))

    def _linkage_switched(self, fact: Fact, body: f.LinkageSwitched) -> Sentence:
        key = "linkage_on" if body.enabled else "linkage_off"
        return Sentence(self._of(key, who=self.who(fact), name=self.wording.name("linkage", body.linkage)))

    # What people do.

    def _command_given(self, fact: Fact, body: f.CommandGiven) -> Sentence:
        owner = fact.aggregate.partition("/")[2]
        if body.action:
            name, action = self._owner(fact), self.wording.action(owner, body.action)
            what = self.wording.say("deed_act", name=name, action=action)
        else:
            values = [self.wording.value(owner, address, value) for address, value in body.writes.items()]
            what = f"{self._owner(fact)} {say('telling.state.join', self.language).join(values)}"
        return Sentence(self.wording.say("person", name=self.who(fact), what=what))

    def _scene_set(self, fact: Fact, body: f.SceneSet) -> Sentence:
        scene = self.wording.say("deed_scene", name=self.wording.name("scene", body.scene))
        return Sentence(self.wording.say("person", name=self.who(fact), what=scene))

    def _helper_set(self, fact: Fact, body: f.HelperSet) -> Sentence:
        what = f"{self._owner(fact)} {self.wording.plain(body.value)}"
        if fact.actor.who.partition("/")[0] == "member":
            what = self.wording.say("person", name=self.who(fact), what=what)
        return Sentence(what)

    def _presence(self, fact: Fact, body: f.PresenceChanged) -> Sentence:
        return Sentence(self.wording.say("came" if body.home else "left", name=self._owner(fact)))

    def _notified(self, fact: Fact, body: f.Notified) -> Sentence:
        who = self.wording.joined([self.wording.name("member", each) for each in body.to])
        return Sentence(self.wording.say("told" if who else "told_all", who=who, message=body.message), Tone.ON)

    # Things and members.

    def _happened(self, fact: Fact, body: f.Happened) -> Sentence:
        thing = fact.aggregate.partition("/")[2]
        return Sentence(self._of("happened", name=self._owner(fact), event=self.wording.event(thing, body.event)))

    def _lost(self, fact: Fact, body: f.ThingLost) -> Sentence:
        why = reason_in_words(body.reason, self.language)
        return Sentence(self.wording.say("lost", name=self._owner(fact), why=why), Tone.CARE)

    def _added(self, fact: Fact, body: f.ThingAdded) -> Sentence:
        room = self.wording.name("room", body.room) if body.room else ""
        return Sentence(self._of("added_in" if room else "added", who=self.who(fact), name=body.name, room=room))

    def _arranged(self, fact: Fact, body: f.ThingArranged) -> Sentence:
        """Renamed or moved, where the name it had is known; else as it stands now."""
        before = self.wording.former.get(("thing_before", fact.id.hex()))
        was_name, _, was_room = (before or "").partition("\n")
        who, name = self.who(fact), body.name
        if before is not None and was_name != name:
            return Sentence(self._of("renamed", who=who, name=was_name, to=name))
        room = self.wording.name("room", body.room) if body.room else self._of("no_room")
        moved = before is not None and was_room != body.room
        return Sentence(self._of("moved" if moved else "arranged", who=who, name=name, room=room))

    def _replaced(self, fact: Fact, body: f.ThingReplaced) -> Sentence:
        key = "replaced_alike" if body.model == body.was_model else "replaced"
        name = self.wording.name("thing", body.thing)
        return Sentence(self._of(key, who=self.who(fact), name=name, was=body.was_model, model=body.model))

    def _member_saved(self, fact: Fact, body: f.MemberSaved) -> Sentence:
        role = say(f"telling.role.{body.role}", self.language)
        role = body.role if role.startswith("telling.") else role
        until = self.moment(body.until) if body.until else ""
        key = "member_until" if until else "member"
        return Sentence(self._of(key, who=self.who(fact), name=body.name, role=role, until=until))

    def _grant_given(self, fact: Fact, body: f.GrantGiven) -> Sentence:
        things = [self.wording.name("thing", each) for each in body.things]
        rooms = [self.wording.name("room", each) for each in body.rooms]
        where = self.wording.joined([*things, *rooms][:8]) or self._of("everywhere")
        until = self.moment(body.until) if body.until else ""
        key = "lent_until" if until else "lent"
        member = self.wording.name("member", body.member)
        return Sentence(self._of(key, who=self.who(fact), member=member, where=where, until=until))
