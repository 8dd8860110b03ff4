"""Models of things as tiles need them: in one language, and small. Each is made and encoded once."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Final

import msgspec

from setaria.home.home import Home
from setaria.home.spec.capability import capability
from setaria.home.spec.formats import Format
from setaria.home.spec.kinds import Tile
from setaria.home.spec.model import Action, Property, Service, Spec
from setaria.home.spec.names import name_of, value_name
from setaria.home.structure import Thing
from setaria.home.telling.state import at_rest
from setaria.web import views as v

MODELS_KEPT: Final = 1_024  # of each language one
MOST_SHOWN: Final = 4
# Services that say what a thing is rather than how it fares.
ASIDE: Final = frozenset({"device-information", "identify", "custom", "ota", "debug"})


def of_things(home: Home, things: Iterable[Thing], language: str) -> dict[str, msgspec.Raw]:
    """As ModelView each, encoded, by model. A thing whose model is not known adds none."""
    specs: dict[str, Spec] = {}
    for thing in things:
        live = home.live.things.get(thing.id)
        if live is not None:
            specs[thing.model] = live.spec
    return {model: encoded(spec, language) for model, spec in specs.items()}


@functools.lru_cache(MODELS_KEPT)
def encoded(spec: Spec, language: str) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(view(spec, language)))


# Not told of a home at a glance: a thing's own sheet has all that its spec describes.
AT_A_SECOND_LOOK: Final = frozenset(
    (
        *("brightness_delta", "target_time", "swing_angle", "horizontal_swing", "vertical_swing", "child_lock"),
        *(
            "alarm",
            "indicator",
            "timer",
            "anion",
            "eco",
            "mop_mode",
            "night_shot",
            "motion_detection",
            "default_on",
            "fault",
        ),
        *("brush_life", "cleaning_area", "cleaning_time", "charging", "mileage", "tds", "energy", "voltage", "current"),
    )
)


def view(spec: Spec, language: str) -> v.ModelView:
    able = capability(spec)
    worth, parts = shown(spec), channels(spec)
    featured = {each.address for each in able.features.values()}
    return v.ModelView(
        able.tile.value,
        spec.type_name,
        able.domain,
        name_of(spec, language),
        {name: _feature(each, language) for name, each in able.features.items() if name not in AT_A_SECOND_LOOK},
        {name: _deed(spec, each, language) for name, each in able.actions.items()},
        [each.address for each in worth],
        {
            **{each.address: _feature(each, language) for each in worth if each.address not in featured},
            **{each.address: _feature(each, language, name_of(service, language)) for service, each in parts},
        },
    )


def shown(spec: Spec) -> tuple[Property, ...]:
    """Of a thing without a tile of its own, or with nothing known by name: what can be switched, then what is measured,
    then the rest; in each the features first, then the order of the spec."""
    able = capability(spec)
    if parts := channels(spec):
        return tuple(each for _, each in parts)
    if able.tile is not Tile.GENERIC and any(each.readable for each in able.features.values()):
        return ()
    aside = {service.siid for service in spec.services if service.name in ASIDE}
    features = [each for each in able.features.values() if each.readable]
    others = [each for each in spec.properties() if each.readable and each.siid not in aside]
    unique = {each.address: each for each in (*features, *others) if each.format is not Format.STRING}
    return tuple(sorted(unique.values(), key=_weight)[:MOST_SHOWN])


def channels(spec: Spec) -> tuple[tuple[Service, Property], ...]:
    """Of what switches several things apart; none of what has but one switch."""
    if capability(spec).tile is not Tile.SWITCH:
        return ()
    found = tuple(
        (service, each)
        for service in spec.services
        if service.name in ("switch", "outlet")
        for each in service.properties
        if each.name == "on" and each.format is Format.BOOL and each.readable
    )
    return found if len(found) > 1 else ()


def _weight(each: Property) -> int:
    """The lower the earlier; equal ones stay in their order."""
    if each.format is Format.BOOL:
        return 0 if each.writable else 3
    return 1 if each.unit else 2


def _feature(each: Property, language: str, name: str = "") -> v.FeatureView:
    choices = [v.ValueView(value, value_name(each, value, language), at_rest(each, value)) for value, _ in each.values]
    return v.FeatureView(
        each.address,
        name or name_of(each, language),
        each.format.value,
        each.readable,
        each.writable,
        each.unit,
        each.range,
        choices,
    )


def _deed(spec: Spec, each: Action, language: str) -> v.DeedView:
    inputs = (spec.property(each.siid, piid) for piid in each.inputs)
    return v.DeedView(each.address, name_of(each, language), [one.address for one in inputs if one is not None])
