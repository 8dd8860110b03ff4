"""Things in sight that are not the home's yet: what they are, what is missing, and how to get it."""

from __future__ import annotations

from collections.abc import Container
from itertools import count
from typing import Final

from setaria.facts.refused import Refused
from setaria.home.home import Home
from setaria.home.ports import Found
from setaria.home.spec.capability import capability
from setaria.home.spec.model import Spec
from setaria.home.spec.names import name_of
from setaria.web import views as v
from setaria.words.catalogue import say

_MISSING: Final = frozenset({"token", "token_wrong", "wifi", "spec_unknown", "model_unknown"})


def found(home: Home, each: Found, language: str) -> v.FoundView:
    spec = _spec(home, each.model)
    state = _state(home, each, spec)
    sentence = say(f"found.{state}", language, model=each.model)
    following = say(f"found.{state}.next", language, model=each.model) if state in _MISSING else ""
    return v.FoundView(
        each.radio,
        each.address,
        each.model,
        each.name,
        each.location,
        each.needs,
        each.model in home.specs,
        sentence,
        following,
        "" if spec is None else spec.type_name,
        "" if spec is None else capability(spec).tile.value,
        _suggested(home, each, spec, language),
        _room(home, each.name),
    )


def _spec(home: Home, model: str) -> Spec | None:
    try:
        return home.specs.get(model) if model in home.specs else None
    except Refused:  # a file that cannot be read
        return None


def _state(home: Home, each: Found, spec: Spec | None) -> str:
    if home.finding.trying(each.radio, each.address):
        return "model_unknown"
    if each.needs == "token":
        return "token_wrong" if home.finding.given(each.radio, each.address) else "token"
    if each.needs:
        return each.needs if each.needs in _MISSING else "other"
    if not each.model:
        return "model_unknown"
    return "ready" if spec is not None else "spec_unknown"


def _suggested(home: Home, each: Found, spec: Spec | None, language: str) -> str:
    name = name_of(spec, language) if spec is not None else each.name
    return _unlike(name, {thing.name for thing in home.structure.things.values()}) if name else ""


def _unlike(name: str, taken: Container[str]) -> str:
    numbered = (f"{name} {number}" for number in count(2))
    return name if name not in taken else next(each for each in numbered if each not in taken)


def _room(home: Home, name: str) -> str:
    """The one that the thing's own name speaks of, if any: the longest, as a bedroom is no room."""
    spoken = name.casefold()
    named = [each for each in home.structure.rooms.values() if each.name.casefold() in spoken]
    return max(named, key=lambda each: len(each.name)).id if spoken and named else ""
