"""What a caller may see: everything, or the things that were lent, with what belongs to them alone.

Asked of rights/ once, and good until the arrangement changes or `until` comes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from setaria.facts.fact import Actor, Fact
from setaria.facts.refused import Refused
from setaria.home.arranged import Arranged
from setaria.home.binding import operated
from setaria.home.linkage.rule import Rule
from setaria.home.permits import Ask, Permits
from setaria.home.somewhere import acts_somewhere
from setaria.home.structure import Helper, Linkage, Member, Room, Scene, Storey, Thing
from setaria.rights import Act, Principal, Target

# Any of them, for some thing, shows it: what may be operated or watched, or whose facts may be read, may be seen.
SHOWING: Final = (Act.HOME_SEE, Act.THING_CONTROL, Act.THING_SECURE, Act.CAMERA_WATCH, Act.FACTS_READ)
LISTENING: Final = (*SHOWING, Act.RADIO_MANAGE)
_HOME: Final = Target()
_WORD: Final = re.compile(rb"[a-z][a-z0-9_]*")


class Sight(msgspec.Struct, frozen=True, gc=False):
    """`whole` is a home seen as those who live there see it; else `things` and `rooms` are all that is seen of it, and
    of people only oneself. `nothing` is having no right to see anything anywhere: who was lent a room without things
    sees it empty. `told` are the things whose facts one may read, with `facts` those of the whole home; `finds` is
    seeing what is on the air. `asked` and `until`: UTC microseconds."""

    member: str
    nothing: bool
    whole: bool
    facts: bool
    own_facts: bool
    finds: bool
    things: frozenset[str]
    rooms: frozenset[str]
    told: frozenset[str]
    helpers: bool
    asked: int
    until: int

    def good(self, now: int) -> bool:
        """As far as time goes, on a clock that may be set back as well."""
        return self.asked <= now < self.until

    def shows_as(self, other: Sight) -> bool:
        return msgspec.structs.replace(other, asked=self.asked, until=self.until) == self

    def thing(self, thing: str) -> bool:
        return self.whole or thing in self.things

    def room(self, room: str) -> bool:
        return self.whole or room in self.rooms

    def person(self, member: str) -> bool:
        return self.whole or member == self.member

    def owner(self, owner: str) -> bool:
        """Of a slot (home/live.py): a thing, member/ID, helper/ID."""
        if self.whole or owner in self.things:
            return True
        kind, _, name = owner.partition("/")
        return (kind == "member" and name == self.member) or (kind == "helper" and self.helpers)

    def fact(self, fact: Fact) -> bool:
        """Of a thing that was lent, what the thing tells; who else used it, and why, is not lent with it."""
        if self.facts:
            return True
        kind, _, name = fact.aggregate.partition("/")
        if kind == "thing":
            return name in self.told and self._nobody_else(fact.actor)
        return kind == "member" and self.own_facts and name == self.member and self._nobody_else(fact.actor)

    def _nobody_else(self, actor: Actor) -> bool:
        kind, _, name = actor.who.partition("/")
        return kind in ("hub", "radio") or (kind == "member" and name == self.member)


class Sights:
    def __init__(self, arranged: Arranged, permits: Permits) -> None:
        self._arranged = arranged
        self._permits = permits

    def of(self, by: Principal) -> Sight:
        ask = self._permits.asking(by)
        whole = ask(Act.HOME_SEE, _HOME)
        things: set[str] = set()
        told: set[str] = set()
        facts = ask(Act.FACTS_READ, _HOME)
        if not whole:
            for thing in self._arranged.structure.things:
                target = self._permits.target(thing)
                if _shows(ask, target):
                    things.add(thing)
                    if ask(Act.FACTS_READ, target):
                        told.add(thing)
        known = self._arranged.structure.things
        return Sight(
            by.member,
            not acts_somewhere(self._permits, by, LISTENING),
            whole,
            facts,
            ask(Act.FACTS_READ, Target(member=by.member)),
            ask(Act.RADIO_MANAGE, _HOME),
            frozenset(things),
            frozenset(known[thing].room for thing in things) - {""},
            frozenset(told),
            whole or ask(Act.THING_CONTROL, _HOME),
            *self._permits.good_for(by),
        )

    def require(self, by: Principal) -> Sight:
        """Raises Refused("not_allowed") for who may see nothing at all."""
        sight = self.of(by)
        if sight.nothing:
            self._permits.require(by, Act.HOME_SEE)
        return sight

    def require_thing(self, by: Principal, thing: str) -> Thing:
        """One that is out of sight is refused as one that is not there: Refused("not_found"). Who may see nothing at
        all is refused with not_allowed."""
        known = self._arranged.structure.things.get(thing)
        if known is None or not self._sees(by, thing):
            self.require(by)
            raise Refused("not_found", what="thing", id=thing[:80])
        return known

    def require_facts(self, by: Principal, thing: str) -> Sight:
        """To read the past of a thing. Raises Refused: not_found, not_allowed. Which of its facts are for this caller
        says `Sight.fact`."""
        self.require_thing(by, thing)
        self._permits.require(by, Act.FACTS_READ, self._permits.target(thing))
        return self.of(by)

    def _sees(self, by: Principal, thing: str) -> bool:
        ask = self._permits.asking(by)
        return ask(Act.HOME_SEE, _HOME) or _shows(ask, self._permits.target(thing))

    # What of the arrangement is in sight.

    def things(self, sight: Sight) -> list[Thing]:
        return [each for each in self._arranged.structure.things.values() if sight.thing(each.id)]

    def rooms(self, sight: Sight) -> list[Room]:
        return [each for each in self._arranged.structure.rooms.values() if sight.room(each.id)]

    def storeys(self, sight: Sight) -> list[Storey]:
        kept = {each.storey for each in self.rooms(sight)}
        return [each for each in self._arranged.structure.storeys.values() if sight.whole or each.id in kept]

    def members(self, sight: Sight) -> list[Member]:
        return [each for each in self._arranged.structure.members.values() if sight.person(each.id)]

    def helpers(self, sight: Sight) -> list[Helper]:
        return list(self._arranged.structure.helpers.values()) if sight.helpers else []

    def scenes(self, by: Principal, sight: Sight) -> list[Scene]:
        """Of what was lent, those that reach no further."""
        known = self._arranged.structure.scenes.values()
        if sight.whole:
            return list(known)
        operates = self._operating(by)
        return [each for each in known if self._within(_things_of(each.targets), sight, operates)]

    def linkages(self, by: Principal, sight: Sight) -> list[Linkage]:
        """Those that are not removed; of what was lent, those that reach no further and name nothing else."""
        known = self._arranged.structure.active_linkages()
        if sight.whole:
            return known
        operates = self._operating(by)
        hidden = self._hidden(sight)
        return [
            each
            for each in known
            if each.rule is not None
            and self._within(operated(each.rule, self._arranged), sight, operates)
            and hidden.isdisjoint(_words_of(each.rule))
        ]

    def _hidden(self, sight: Sight) -> frozenset[bytes]:
        structure = self._arranged.structure
        hidden = {each for each in structure.things if not sight.thing(each)}
        hidden |= {each for each in structure.rooms if not sight.room(each)}
        hidden |= {each for each in structure.members if not sight.person(each)}
        return frozenset(map(str.encode, hidden if sight.helpers else hidden | structure.helpers.keys()))

    def _within(self, things: Iterable[str], sight: Sight, operates: Callable[[str], bool]) -> bool:
        reached = set(things)
        helpers = reached & {"helper"}
        reached -= helpers
        return bool(reached) and (not helpers or sight.helpers) and all(map(operates, reached))

    def operable(self, by: Principal, things: Iterable[Thing]) -> list[str]:
        operates = self._operating(by)
        return [each.id for each in things if operates(each.id)]

    def _operating(self, by: Principal) -> Callable[[str], bool]:
        ask = self._permits.asking(by)
        return lambda thing: ask(Act.THING_CONTROL, self._permits.target(thing))


def _shows(ask: Ask, target: Target) -> bool:
    return any(ask(act, target) for act in SHOWING)


def _words_of(rule: Rule) -> set[bytes]:
    """Whatever could be an id, in formulas and in the text it was read from as well."""
    return set(_WORD.findall(msgspec.json.encode(rule)))


def _things_of(addresses: Iterable[str]) -> set[str]:
    return {each.partition("/")[0] for each in addresses}
