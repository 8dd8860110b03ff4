"""What a thing can do, under names that are the same for every model."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import msgspec

from setaria.home.spec.features import DEEDS, FEATURES, HAPPENINGS, ONLY_FOR, Shape
from setaria.home.spec.formats import Access, Format
from setaria.home.spec.kinds import BY_CODE, DOMAIN_MAINS, KINDS, LIGHT_TYPES, UNKNOWN, Kind, Tile
from setaria.home.spec.model import Action, Event, Property, Service, Spec


class Capability(msgspec.Struct, frozen=True):
    """`matter` is a Matter device type id, None where Matter has none; `domain` is Home Assistant's."""

    tile: Tile
    matter: int | None
    domain: str
    features: Mapping[str, Property]
    actions: Mapping[str, Action]
    events: Mapping[str, Event]


def kind_of(spec: Spec) -> Kind:
    return KINDS.get(spec.type_name) or BY_CODE.get(spec.type_code) or UNKNOWN


@functools.lru_cache(maxsize=1024)
def capability(spec: Spec) -> Capability:
    kind = kind_of(spec)
    found = _look(spec, spec.services, kind.mains or (spec.type_name,), kind)
    matter = kind.matter
    if kind.domain == "light":
        matter = next((code for feature, code in LIGHT_TYPES if feature in found.features), matter)
        if "strip" in spec.model.rpartition(".")[2] or "flex-switch" in {p.name for p in spec.properties()}:
            return msgspec.structs.replace(found, tile=Tile.STRIP, matter=matter)
    return msgspec.structs.replace(found, matter=matter)


@functools.lru_cache(maxsize=1024)
def capability_in(spec: Spec, domain: str, part: str = "") -> Capability | None:
    """As `domain` sees the thing: a ceiling lamp with a fan as a fan; None if it is nothing of that kind.

    `part` is the address of one service (`switch#2`), when several would do. Raises Refused `unknown_service`.
    """
    kind = kind_of(spec)
    if part:
        service = spec.find_service(part)
        fitting = (*DOMAIN_MAINS.get(domain, ()), *(kind.mains if kind.domain == domain else ()))
        if domain != "homeassistant" and service.name not in fitting:
            return None
        return _look(spec, (service,), (service.name,), kind)
    if kind.domain == domain:
        return capability(spec)
    present = {service.name for service in spec.services}
    mains = tuple(name for name in DOMAIN_MAINS.get(domain, ()) if name in present)
    return _look(spec, spec.services, mains, kind) if mains else None


_E = TypeVar("_E", Property, Action, Event)
_Index = Mapping[str, list[_E]]


def _look(spec: Spec, services: Iterable[Service], mains: tuple[str, ...], kind: Kind) -> Capability:
    services = tuple(services)
    properties = _index(services, [p for s in services for p in s.properties if p.access is not Access.NONE])
    actions = _index(services, [a for s in services for a in s.actions])
    events = _index(services, [e for s in services for e in s.events])
    features = {
        name: prop
        for name, feature in FEATURES.items()
        if spec.type_name in ONLY_FOR.get(name, (spec.type_name,))
        for prop in _first(properties, feature.places, mains, functools.partial(_fits, shape=feature.shape))
    }
    deeds = {
        name: action
        for name, deed in DEEDS.items()
        if not deed.tiles or kind.tile in deed.tiles
        for action in _first(actions, deed.places, mains, functools.partial(_takes, inputs=deed.inputs))
    }
    happenings = {
        name: event for name, places in HAPPENINGS.items() for event in _first(events, places, mains, lambda _: True)
    }
    return Capability(kind.tile, kind.matter, kind.domain, features, deeds, happenings)


def _index(services: Iterable[Service], entries: Iterable[_E]) -> _Index[_E]:
    """`service.name` and `*.name` -> those there, in the order of the spec."""
    names = {service.siid: service.name for service in services}
    index: dict[str, list[_E]] = {}
    for entry in entries:
        index.setdefault(f"{names[entry.siid]}.{entry.name}", []).append(entry)
        index.setdefault(f"*.{entry.name}", []).append(entry)
    return index


def _first(
    index: _Index[_E], places: Iterable[str], mains: tuple[str, ...], fits: Callable[[_E], bool]
) -> tuple[_E, ...]:
    """The one found, or none."""
    for place in places:
        for name in (main + place[1:] for main in mains) if place[0] == "@" else (place,):
            for entry in index.get(name, ()):
                if fits(entry):
                    return (entry,)
    return ()


def _fits(prop: Property, shape: Shape) -> bool:
    if shape is Shape.ANY:
        return True
    if prop.format is Format.STRING:
        return False
    if shape is Shape.BOOL:
        return prop.format is Format.BOOL
    if shape is Shape.STATE:
        return True
    return prop.format is not Format.BOOL and (shape is Shape.CHOICE or not prop.values)


def _takes(action: Action, inputs: int) -> bool:
    return len(action.inputs) == inputs
