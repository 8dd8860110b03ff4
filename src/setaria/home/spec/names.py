"""What devices, services, properties, actions, events and listed values are called, in zh-CN and en."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from setaria.home.ports import Value
from setaria.home.spec.capability import kind_of
from setaria.home.spec.kinds import KINDS
from setaria.home.spec.model import Action, Event, Property, Service, Spec

LANGUAGES: Final[Mapping[str, int]] = {"zh-CN": 0, "en": 1}  # the place in each pair of names.json
ENGLISH: Final = LANGUAGES["en"]
BOOL_WORDS: Final[Mapping[str, tuple[str, str]]] = {"on": ("off", "on"), "locked": ("unlocked", "locked")}

_Table = dict[str, dict[str, tuple[str, str]]]
_SECTIONS: Final[tuple[tuple[type, str], ...]] = (
    (Service, "service"),
    (Property, "property"),
    (Action, "action"),
    (Event, "event"),
)


def name_of(named: Spec | Service | Property | Action | Event, language: str) -> str:
    """Falls back to the spec's own description, then to the name itself; a language not known is read as English.

    The n-th of a name carries its number: `Switch 2`.
    """
    place = LANGUAGES.get(language, ENGLISH)
    if isinstance(named, Spec):
        return _device(named, place)
    if named.own_name and named.description:
        return named.description
    section = next(section for kind, section in _SECTIONS if isinstance(named, kind))
    service, _, own = named.address.partition(".")
    pair = _names()[section].get(f"{service.partition('#')[0]}.{named.name}") or _names()[section].get(named.name)
    text = pair[place] if pair else named.description or spoken(named.name)
    number = (own or service).partition("#")[2]
    return f"{text} {number}" if number else text


def value_name(prop: Property, value: Value, language: str) -> str:
    """The word for a listed value or a bool; "" if the property's values have no words, as numbers have none."""
    if isinstance(value, bool):
        description = BOOL_WORDS.get(prop.name, ("false", "true"))[value]
    else:
        description = prop.described(value)
    pair = _names()["value"].get(description.strip().casefold())
    return pair[LANGUAGES.get(language, ENGLISH)] if pair else description


def spoken(name: str) -> str:
    """`off-delay-time` -> `Off delay time`."""
    words = name.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _device(spec: Spec, place: int) -> str:
    kind = kind_of(spec)
    name = spec.type_name if spec.type_name in KINDS else next((n for n, k in KINDS.items() if k is kind), "")
    pair = _names()["device"].get(name)
    return pair[place] if pair else spec.description or spoken(spec.type_name)


@functools.cache
def _names() -> _Table:
    return msgspec.json.decode(Path(__file__).with_name("names.json").read_bytes(), type=_Table)
