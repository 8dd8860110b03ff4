"""The home and its things -> views. Pure reading; descriptions of specs are made once a model."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from setaria.home.helpers import address_of
from setaria.home.home import Home
from setaria.home.ports import Value
from setaria.home.sight import Sight
from setaria.home.spec.capability import Capability, capability
from setaria.home.spec.formats import Format
from setaria.home.spec.kinds import Tile
from setaria.home.spec.model import Action, Event, Property, Service, Spec
from setaria.home.spec.names import LANGUAGES, name_of, value_name
from setaria.home.structure import Helper, Member, Scene, Thing, Tiles
from setaria.web import views as v
from setaria.web.models import shown

MODELS_KEPT: Final = 512
LONGEST_SUMMED: Final = 256  # characters of a string in a summary
_Named = TypeVar("_Named", Property, Action, Event)


def summary(home: Home, thing: Thing) -> v.ThingSummary:
    live = home.live.things.get(thing.id)
    if live is None:
        return v.ThingSummary(
            thing.id,
            thing.name,
            thing.room,
            thing.model,
            Tile.GENERIC.value,
            "",
            False,
            thing.added,
            False,
            "spec_unknown",
            {},
        )
    tile, addresses = main_properties(live.spec)
    slots, prefix = home.live.slots, thing.id + "/"
    values: dict[str, Value | None] = {}
    for address in addresses:
        slot = slots.get(prefix + address)
        value = None if slot is None else slot.value
        values[address] = value[:LONGEST_SUMMED] if type(value) is str else value
    return v.ThingSummary(
        thing.id,
        thing.name,
        thing.room,
        thing.model,
        tile,
        live.spec.type_name,
        home.arranged.secure(thing.id),
        thing.added,
        live.reachable,
        live.reason,
        values,
    )


@functools.lru_cache(MODELS_KEPT)
def main_properties(spec: Spec) -> tuple[str, tuple[str, ...]]:
    """Its tile, and the addresses of what can be read of its features and is shown of it, each once."""
    able = capability(spec)
    readable = [each.address for each in able.features.values() if each.readable]
    return able.tile.value, tuple(dict.fromkeys([*readable, *(each.address for each in shown(spec))]))


def full(home: Home, thing: Thing) -> dict[str, Any]:
    """As ThingFull, with the spec encoded already."""
    live = home.live.things.get(thing.id)
    spec = None if live is None else live.spec
    values: dict[str, v.SlotView] = {}
    if live is not None:
        for slot in live.by_key.values():
            if slot.value is not None:
                values[slot.address.partition("/")[2]] = v.SlotView(slot.value, slot.changed)
    return {
        "id": thing.id,
        "name": thing.name,
        "room": thing.room,
        "model": thing.model,
        "tile": Tile.GENERIC.value if spec is None else main_properties(spec)[0],
        "labels": thing.labels,
        "radio": thing.radio,
        "address": thing.address,
        "location": "" if live is None else live.location,
        "added": thing.added,
        "reachable": live is not None and live.reachable,
        "reason": "spec_unknown" if live is None else live.reason,
        "secure": home.arranged.secure(thing.id),
        "values": values,
        "spec": None if spec is None else encoded_spec(spec),
    }


@functools.lru_cache(MODELS_KEPT)
def encoded_spec(spec: Spec) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(spec_view(spec)))


def spec_view(spec: Spec) -> v.SpecView:
    able = capability(spec)
    services = [_service(spec, each, able) for each in spec.services]
    return v.SpecView(
        spec.model, spec.urn, spec.type_name, _names(spec), able.tile.value, able.domain, able.matter, services
    )


def _service(spec: Spec, service: Service, able: Capability) -> v.ServiceView:
    features, deeds, happenings = _feature_of(able.features), _feature_of(able.actions), _feature_of(able.events)

    def addresses(piids: Iterable[int]) -> list[str]:
        found = (spec.property(service.siid, piid) for piid in piids)
        return [each.address for each in found if each is not None]

    return v.ServiceView(
        service.address,
        service.siid,
        _names(service),
        [_property(each, features.get(each.address, "")) for each in service.properties],
        [
            v.ActionView(
                each.address,
                each.siid,
                each.aiid,
                _names(each),
                addresses(each.inputs),
                addresses(each.outputs),
                deeds.get(each.address, ""),
            )
            for each in service.actions
        ],
        [
            v.EventView(
                each.address,
                each.siid,
                each.eiid,
                _names(each),
                addresses(each.arguments),
                happenings.get(each.address, ""),
            )
            for each in service.events
        ],
    )


def _property(each: Property, feature: str) -> v.PropertyView:
    listed = [value for value, _ in each.values]
    if not listed and each.format is Format.BOOL:
        listed = [False, True]
    choices = [
        v.ChoiceView(value, {language: value_name(each, value, language) for language in LANGUAGES}) for value in listed
    ]
    return v.PropertyView(
        each.address,
        each.siid,
        each.piid,
        _names(each),
        each.format.value,
        each.readable,
        each.writable,
        each.notifies,
        each.unit,
        each.range,
        choices,
        feature,
    )


def _names(named: Spec | Service | Property | Action | Event) -> v.Names:
    return {language: name_of(named, language) for language in LANGUAGES}


def _feature_of(table: Mapping[str, _Named]) -> dict[str, str]:
    return {each.address: name for name, each in reversed(list(table.items()))}


def household(home: Home, whole: bool) -> v.HouseholdView:
    known = home.structure.household
    latitude, longitude = (known.latitude, known.longitude) if whole else (None, None)
    return v.HouseholdView(home.household, known.name, known.zone, latitude, longitude, known.language)


def member(home: Home, each: Member, sign_in: bool) -> v.MemberView:
    at_home = _at_home(home, each.id)
    return v.MemberView(each.id, each.name, each.role, each.until, each.language, at_home, sign_in, each.of)


def _at_home(home: Home, member: str) -> bool | None:
    slot = home.live.slots.get(f"member/{member}.home")
    return slot.value if slot is not None and isinstance(slot.value, bool) else None


def scene(each: Scene) -> v.SceneView:
    return v.SceneView(each.id, each.name, each.targets)


def helper(home: Home, each: Helper) -> v.HelperView:
    slot = home.live.slots.get(address_of(each))
    value = None if slot is None else slot.value
    return v.HelperView(each.id, each.type, each.name, each.initial, value, home.helpers.dues.get(each.id, 0))


def tiles(home: Home, by: str, sight: Sight) -> v.TilesView:
    arranged = home.structure.tiles.get(by, Tiles())
    return v.TilesView(*([each for each in listed if sight.thing(each)] for listed in arranged.lists))
