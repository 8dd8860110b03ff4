"""Whom and what a fact is about: what filters ask, and what somebody who sees only his own may read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from setaria.facts.fact import Fact
from setaria.facts.kinds import Unknown
from setaria.facts.log import Wanted
from setaria.home import facts as f
from setaria.home.structure import Structure

MOST_SCENES: Final = 30  # named when facts of one thing are looked for
Runs = f.RunEnded | f.RunPaused | f.RunDeclined


class Filter(msgspec.Struct, frozen=True):
    """Each part narrows. `own` is the member who may see only what he did and what is about him."""

    member: str = ""
    thing: str = ""
    linkage: str = ""
    own: str = ""

    def wants(self, fact: Fact, structure: Structure) -> bool:
        return (
            (not self.member or about_member(fact, self.member))
            and (not self.own or about_member(fact, self.own))
            and (not self.thing or about_thing(fact, self.thing, structure))
            and (not self.linkage or about_linkage(fact, self.linkage))
        )

    def looking(self, household: str, structure: Structure, without: Sequence[str]) -> Wanted:
        """What to ask the log for: never less than `wants`, and as little more as can be said."""
        if self.linkage:
            return Wanted(without=tuple(without), aggregates=(f"linkage/{self.linkage}", f"home/{household}"))
        aggregates: tuple[str, ...] = ()
        naming: tuple[str, ...] = ()
        if self.thing:
            scenes = [each.id for each in structure.scenes.values() if self.thing in _things_of(each.targets)]
            aggregates = (f"thing/{self.thing}",)
            naming = (f'"{self.thing}/', *(f'"{each}"' for each in (self.thing, *scenes[:MOST_SCENES])))
        elif member := self.member or self.own:
            aggregates = (f"member/{member}",)
            naming = (f'"{member}"', f'"member/{member}"', f'"member/{member}.', '"to":[]', '"notify":[]')
        return Wanted((), tuple(without), aggregates, naming)


def about_member(fact: Fact, member: str) -> bool:
    """Done by him, or about him."""
    if f"member/{member}" in (fact.actor.who, fact.aggregate):
        return True
    body = fact.body
    if isinstance(body, Unknown):
        return f'"{member}"'.encode() in bytes(body.data)
    if isinstance(body, Runs):
        return _set_off_by(body.trigger, member) or any(_told(what, member) for what in notes(body.trace))
    if isinstance(body, f.Notified):
        return not body.to or member in body.to
    return member in (getattr(body, "member", ""), getattr(body, "by", ""), getattr(body, "author", ""))


def _set_off_by(trigger: Mapping[str, Any], member: str) -> bool:
    if trigger.get("platform") == "person":
        return trigger.get("id") == member
    return str(trigger.get("entity_id", "")).startswith(f"member/{member}.")


def _told(what: Mapping[str, Any], member: str) -> bool:
    to = what.get("notify")
    return isinstance(to, list | tuple) and (not to or member in to)


def about_thing(fact: Fact, thing: str, structure: Structure) -> bool:
    body = fact.body
    if fact.aggregate == f"thing/{thing}":
        return True
    if isinstance(body, Unknown):
        return f'"{thing}"'.encode() in bytes(body.data)
    if isinstance(body, Runs):
        return thing in things_of_run(body, structure)
    if isinstance(body, f.SceneSet):
        return thing in _scene_things(body.scene, structure)
    return thing == getattr(body, "thing", "") or thing in getattr(body, "things", ())


def about_linkage(fact: Fact, linkage: str) -> bool:
    body = fact.body
    if isinstance(body, f.LinkageSaved):
        return body.rule.id == linkage
    return fact.aggregate == f"linkage/{linkage}" or getattr(body, "linkage", "") == linkage


def things_of_run(body: Runs, structure: Structure) -> list[str]:
    """What it wrote to, in order, then what set it off."""
    found: dict[str, None] = {}
    for what in notes(body.trace):
        if "scene" in what:
            found |= dict.fromkeys(_scene_things(str(what["scene"]), structure))
        for address in (str(what.get("act", "")), *map(str, what)):
            if "/" in address:
                found[address.partition("/")[0]] = None
    for address in (str(body.trigger.get("entity_id", "")), str(body.trigger.get("event", ""))):
        if "/" in address:
            found[address.partition("/")[0]] = None
    return [each for each in found if each not in ("member", "helper")]


def notes(trace: Sequence[Sequence[Any]]) -> Iterator[Mapping[str, Any]]:
    for step in trace:
        if len(step) > 1 and isinstance(step[1], Mapping):
            yield step[1]


def _scene_things(scene: str, structure: Structure) -> set[str]:
    known = structure.scenes.get(scene)
    return set() if known is None else _things_of(known.targets)


def _things_of(addresses: Mapping[str, Any]) -> set[str]:
    return {address.partition("/")[0] for address in addresses} - {"helper"}
