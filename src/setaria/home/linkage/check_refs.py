"""Finding what an address or a name means in this home.

Besides full addresses (`living_light/light.on`) these are found, so that what people know keeps working:
    living_light, light.living_light        the thing's main property
    living_light/brightness                 a feature, under the name that is the same for every model
    living_light@brightness                 `attribute:` of Home Assistant
    input_boolean.x, counter.x, timer.x     a helper
    person.wei                              a member
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from setaria.facts.refused import Refused
from setaria.home.linkage.catalogue import Catalogue
from setaria.home.linkage.parse_values import near
from setaria.home.linkage.rule import Ref
from setaria.home.ports import Value
from setaria.home.spec.capability import Capability, capability
from setaria.home.spec.formats import Format
from setaria.home.spec.model import Property, Spec

# Home Assistant domain -> features, the first that a thing has being its main one.
MAIN: Final[Mapping[str, tuple[str, ...]]] = {
    "binary_sensor": ("motion", "contact", "submersion", "smoke", "door"),
    "climate": ("on", "mode"),
    "cover": ("position", "target_position", "status", "motor_control"),
    "lock": ("locked", "contact", "door", "status"),
    "media_player": ("playing", "on"),
    "sensor": ("status", "temperature", "pm25", "illumination", "power", "humidity"),
    "vacuum": ("status",),
}
_ANY: Final = ("on", "status", "motion", "contact", "temperature")
_ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "battery_level": ("battery",),
    "current_humidity": ("humidity",),
    "current_position": ("position", "target_position"),
    "current_temperature": ("temperature",),
    "fan_mode": ("fan_level",),
    "hvac_mode": ("mode",),
    "percentage": ("speed", "fan_level"),
    "preset_mode": ("mode",),
    "temperature": ("target_temperature", "temperature"),
    "humidity": ("target_humidity", "humidity"),
    "volume_level": ("volume",),
}
_HELPERS: Final[Mapping[str, tuple[str, str]]] = {  # kind: property, domain of Home Assistant
    "switch": ("on", "input_boolean"),
    "counter": ("count", "counter"),
    "timer": ("running", "timer"),
}
NUMERIC: Final = "#"  # in place of a word: a number is wanted
_NUMBERS: Final = ("humidity", "pm25", "illumination", "position", "brightness", "power", "battery", "left_time")


class Found(msgspec.Struct, frozen=True):
    """`prop` is None for helpers and members, whose type `format` gives. `feature` is the capability's name for the
    property; `main` says that the author named the thing and not the property."""

    ref: Ref
    format: Format
    prop: Property | None = None
    feature: str = ""
    main: bool = False
    domain: str = ""

    @property
    def numeric(self) -> bool:
        return self.format not in (Format.BOOL, Format.STRING)


class Finder:
    """Raises Refused with codes of `linkage.problem.*`."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def thing(self, name: str) -> tuple[str, Spec]:
        candidates = [name]
        domain, dot, rest = name.partition(".")
        if dot and domain.isascii():
            candidates.append(rest)
        for candidate in candidates:
            thing = self.catalogue.find_thing(candidate)
            spec = None if thing is None else self.catalogue.spec_of(thing)
            if thing is not None and spec is not None:
                return thing, spec
        raise Refused("thing_unknown", name=name[:80], near=near(candidates[-1], self.catalogue.things()))

    def found(self, address: str, main_for: str = "") -> Found:
        """`main_for` is a word the property should know, when the thing alone is named."""
        for prefix in ("helper/", "input_boolean.", "counter.", "timer."):
            if address.startswith(prefix):
                return self._helper(address[len(prefix) :])
        for prefix in ("member/", "person."):
            if address.startswith(prefix):
                return self._member(address[len(prefix) :])
        name, slash, place = address.partition("/")
        if not slash:
            name, at, attribute = address.partition("@")
            thing, spec = self.thing(name)
            return self._attribute(thing, spec, attribute) if at else self._main(thing, spec, main_for)
        thing, spec = self.thing(name)
        place = place.partition("@")[0]
        seen = capability(spec)
        if "." not in place and place in seen.features:
            return self._of(thing, spec, seen.features[place])
        if "." not in place:
            raise unknown("property_unknown", place, [*seen.features], thing=thing)
        try:
            return self._of(thing, spec, spec.find_property(place))
        except Refused as refused:
            raise Refused(
                "property_unknown", name=place[:80], thing=thing, near=str(refused.details.get("near", ""))
            ) from None

    def room(self, name: str) -> str:
        room = self.catalogue.find_room(name)
        if room is None:
            raise unknown("room_unknown", name, self.catalogue.rooms())
        return room

    def helper(self, name: str) -> str:
        """Its kind."""
        kind = self.catalogue.helper_kind(name)
        if kind is None:
            raise unknown("helper_unknown", name, self.catalogue.helpers())
        return kind

    def member(self, name: str) -> str:
        if name not in self.catalogue.members():
            raise unknown("member_unknown", name, self.catalogue.members())
        return name

    def _helper(self, rest: str) -> Found:
        name, _, wanted = rest.partition(".")
        kind = self.helper(name)
        last = _HELPERS[kind][0]
        if wanted not in ("", last):
            raise unknown("property_unknown", wanted, [last], thing=f"helper/{name}")
        form = Format.INT32 if kind == "counter" else Format.BOOL
        return Found(Ref(f"helper/{name}.{last}"), form, domain=_HELPERS[kind][1])

    def _member(self, rest: str) -> Found:
        name, _, wanted = rest.partition(".")
        self.member(name)
        if wanted not in ("", "home"):
            raise unknown("property_unknown", wanted, ["home"], thing=f"member/{name}")
        return Found(Ref(f"member/{name}.home"), Format.BOOL, domain="person")

    def _of(self, thing: str, spec: Spec, prop: Property, main: bool = False) -> Found:
        seen = capability(spec)
        feature = next((name for name, each in seen.features.items() if each is prop), "")
        ref = Ref(f"{thing}/{prop.address}", prop.siid, prop.piid)
        return Found(ref, prop.format, prop, feature, main, seen.domain)

    def _main(self, thing: str, spec: Spec, word: str) -> Found:
        seen = capability(spec)
        features = [*MAIN.get(seen.domain, ()), *_ANY]
        if word == NUMERIC:
            features = [
                name for name in (*features, *_NUMBERS) if name in seen.features and _counts(seen.features[name])
            ]
        elif seen.domain == "climate" and word and word not in ("on", "off", "true", "false"):
            features.insert(0, "mode")
        prop = next((seen.features[name] for name in features if name in seen.features), None)
        if prop is None:
            prop = next((each for each in spec.properties() if each.readable), None)
        if prop is None:
            raise unknown("no_main_property", thing, [each.address for each in spec.events()], thing=thing)
        return self._of(thing, spec, prop, main=True)

    def _attribute(self, thing: str, spec: Spec, name: str) -> Found:
        seen = capability(spec)
        prop = _by_attribute(seen, name)
        if prop is None:
            wanted = name.replace("_", "-")
            prop = next((each for each in spec.properties() if each.name == wanted), None)
        if prop is None:
            raise unknown("attribute_unknown", name, [*seen.features], thing=thing)
        return self._of(thing, spec, prop)


def _counts(prop: Property) -> bool:
    return prop.format not in (Format.BOOL, Format.STRING) and not prop.values


def _by_attribute(seen: Capability, name: str) -> Property | None:
    return next((seen.features[each] for each in (*_ATTRIBUTES.get(name, ()), name) if each in seen.features), None)


def unknown(code: str, name: str, right: Collection[str], **details: Value) -> Refused:
    return Refused(code, name=name[:80], near=near(name, right), **details)
