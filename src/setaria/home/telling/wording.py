"""Names, values, deeds and reasons of one home in one language: what every sentence about it is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from setaria.facts.clock import MILLISECOND, SECOND
from setaria.facts.refused import Refused
from setaria.home.home import Home
from setaria.home.spec.names import name_of
from setaria.home.telling.state import lowered, reason_in_words, value_in_words
from setaria.words import refusal, say
from setaria.words.format import duration

SHOWN_DEEDS: Final = 3
LONGEST_VALUE: Final = 60  # characters; maps of vacuums come in kilobytes
_TIMES: Final = ("time", "sun", "time_pattern", "start")
Former = Mapping[tuple[str, str], str]
"""(thing, its id) -> the name it had: of what is no longer there."""


class Wording:
    """Never raises: facts outlive what they name, and those of other programs may hold anything."""

    def __init__(self, home: Home, language: str, former: Former | None = None) -> None:
        self.home = home
        self.language = language
        self.former: Former = former or {}

    def say(self, name: str, /, **parameters: object) -> str:
        return say(f"telling.happened.{name}", self.language, **parameters)

    def joined(self, parts: Sequence[str]) -> str:
        return say("words.comma", self.language).join(parts)

    # Names.

    def name(self, what: str, name: str) -> str:
        """`what` is thing, member, scene, helper, room, storey or linkage; its id for one that is not known."""
        known = self._known(what, name)
        return known if known is not None else self.former.get((what, name), name)

    def knows(self, what: str, name: str) -> bool:
        return self._known(what, name) is not None

    def _known(self, what: str, name: str) -> str | None:
        structure = self.home.structure
        if what == "linkage":
            linkage = structure.linkages.get(name)
            return linkage.rule.alias or name if linkage is not None and linkage.rule is not None else None
        tables: dict[str, Mapping[str, Any]] = {
            "thing": structure.things,
            "member": structure.members,
            "scene": structure.scenes,
            "helper": structure.helpers,
            "room": structure.rooms,
            "storey": structure.storeys,
        }
        known = tables.get(what, {}).get(name)
        return None if known is None else str(known.name)

    def owner(self, aggregate: str) -> str:
        """`thing/lamp` -> `Lamp`."""
        what, _, name = aggregate.partition("/")
        return self.name(what, name)

    # Values.

    def value(self, thing: str, address: str, value: Any) -> str:
        spec = self.home.arranged.spec_of(thing)
        if isinstance(value, str) and len(value) > LONGEST_VALUE:
            value = value[: LONGEST_VALUE - 1] + "…"
        if spec is None or value is None or not isinstance(value, bool | int | float | str):
            return "—" if value is None else self.plain(value)
        return value_in_words(spec, address, value, self.language)

    def plain(self, value: Any) -> str:
        if isinstance(value, bool):
            return say(f"telling.state.on_{str(value).lower()}", self.language)
        return f"{value:.10g}" if isinstance(value, float) else str(value)[:LONGEST_VALUE]

    def state(self, address: str, value: Any) -> str:
        """`living_light/light.on`, True -> `Living room light on`."""
        owner, _, rest = address.partition("/")
        if owner == "member":
            return self.say("came" if value else "left", name=self.name("member", rest.partition(".")[0]))
        if owner == "helper":
            return f"{self.name('helper', rest.partition('.')[0])} {self.plain(value)}"
        return f"{self.name('thing', owner)} {self.value(owner, rest, value)}"

    def action(self, thing: str, address: str) -> str:
        spec = self.home.arranged.spec_of(thing)
        try:
            return address if spec is None else lowered(name_of(spec.find_action(address), self.language))
        except Refused:
            return address

    def event(self, thing: str, address: str) -> str:
        spec = self.home.arranged.spec_of(thing)
        for service in () if spec is None else spec.services:
            for each in service.events:
                if each.address == address:
                    return lowered(name_of(each, self.language))
        return address.rpartition(".")[2].replace("-", " ")

    def took(self, microseconds: int) -> str:
        """Below ten milliseconds with a decimal: linkages take less."""
        if microseconds >= SECOND:
            return duration(microseconds, self.language)
        shown = f"{microseconds / MILLISECOND:.1f}" if microseconds < 10 * MILLISECOND else ""
        return say("words.duration.millisecond", self.language, count=shown or str(round(microseconds / MILLISECOND)))

    # Why and what.

    def why(self, trigger: Mapping[str, Any]) -> str:
        """What set a linkage off; "" when nobody can say."""
        platform = trigger.get("platform")
        if platform in ("state", "numeric_state", "zone"):
            return self.state(str(trigger.get("entity_id", "")), trigger.get("to"))
        if platform == "event":
            thing, slash, event = str(trigger.get("event", "")).partition("/")
            return f"{self.name('thing', thing)} {self.event(thing, event)}" if slash else thing.replace("-", " ")
        if platform == "person":
            return self.say("by", name=self.name("member", str(trigger.get("id", ""))))
        return self.say(f"why_{platform}") if platform in _TIMES else ""

    def deeds(self, trace: Sequence[Sequence[Any]], shown: int = SHOWN_DEEDS) -> str:
        """What the steps of a run did, the first of it by name; "" for nothing."""
        deeds: list[str] = []
        for step in trace:
            if len(step) > 1 and isinstance(step[1], Mapping):
                deeds += self.deed(step[1])
        more = len(deeds) - shown
        return self.joined(deeds[:shown] + ([self.say("more", count=more)] if more > 0 else []))

    def deed(self, what: Mapping[str, Any]) -> list[str]:
        if "scene" in what:
            return [self.say("deed_scene", name=self.name("scene", str(what["scene"])))]
        if "message" in what:
            return [self.say("deed_told", message=what["message"])]
        if "act" in what:
            thing, _, rest = str(what["act"]).partition("/")
            return [self.say("deed_act", name=self.name("thing", thing), action=self.action(thing, rest))]
        by_thing: dict[str, list[str]] = {}
        for address, value in what.items():
            owner, slash, rest = str(address).partition("/")
            if not slash or self.home.arranged.spec_of(owner) is None:
                continue
            if isinstance(value, list | tuple):  # an action's arguments
                by_thing.setdefault(owner, []).append(self.action(owner, rest))
            else:
                by_thing.setdefault(owner, []).append(self.value(owner, rest, value))
        space = say("telling.state.join", self.language)
        return [f"{self.name('thing', owner)} {space.join(values)}" for owner, values in by_thing.items()]

    def refused(self, what: Mapping[str, Any]) -> str:
        """What a step left that was refused, as a sentence."""
        code = str(what.get("refused", ""))
        details = {str(name): value for name, value in what.items() if name not in ("refused", "code", "self")}
        sentence, _ = refusal(Refused(code, **details), self.language)
        return code if sentence.startswith("refused.") else sentence

    def outcome(self, outcome: str, code: str) -> str:
        """Why a command came to nothing: what `home.command_ended` says."""
        if outcome == "unreachable":
            return reason_in_words(code, self.language)
        name, _, detail = code.partition(":")
        if detail:
            return say("telling.outcome.device_refused", self.language, code=detail)
        sentence = say(f"telling.outcome.why_{name}", self.language)
        return name.replace("_", " ") if sentence.startswith("telling.") else sentence


def last_refused(trace: Sequence[Sequence[Any]]) -> Mapping[str, Any]:
    """Of a run that failed, what it came to grief over."""
    found: Mapping[str, Any] = {}
    for step in trace:
        if len(step) > 1 and isinstance(step[1], Mapping) and "refused" in step[1]:
            found = step[1]
    return found
