"""Parts of a device -> a MIoT-Spec instance of its own, `urn:setaria-spec:…`, whose ids and names never move.

What was once allotted to a field of an entity stays its own for ever, also while the entity is away; so addresses,
linkages and histories hold when a device gains entities, loses some or tells them in another order. The allotment goes
with the instance, under `x-mqtt`, and so does what the device announced: a hub that starts without its broker has all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from setaria.facts.refused import Refused
from setaria.radio.mqtt.classes import KINDS, OTHERWISE, UNITS
from setaria.radio.mqtt.parts import Deed, Field, Happening, Part

URN: Final = "urn:setaria-spec:{what}:{name}:00000000:mqtt:1"
SHARED: Final = frozenset(
    {
        "battery",
        "binary-sensor",
        "control",
        "environment",
        "identify",
        "power-consumption",
        "scene",
        "sensor",
        "settings",
    }
)
# Without a state of its own a field has the value that was last written; of these it would say nothing.
UNTOLD: Final = frozenset({"motor-control", "target-position"})
MOST_ENTRIES: Final = 1_000  # ever, of one device
MOST_WORDS: Final = 4_000
MOST_ANNOUNCED: Final = 256 * 1024  # bytes that one device says of itself


class Allotment(msgspec.Struct):
    """services: scope and name -> (siid, name); entries: kind, entity and field -> (siid, id, name); words of choices
    -> the number each has."""

    services: dict[str, tuple[int, str]] = {}
    entries: dict[str, tuple[int, int, str]] = {}
    words: dict[str, int] = {}


class Kept(msgspec.Struct):
    """`announced`: topic -> payload, as it was told."""

    allotted: Allotment = msgspec.field(default_factory=Allotment)
    announced: dict[str, msgspec.Raw] = {}


class _Instance(msgspec.Struct):
    kept: Kept = msgspec.field(name="x-mqtt", default_factory=Kept)


def kept_in(spec: bytes) -> Kept:
    """Of an instance made here; of any other, nothing."""
    try:
        return msgspec.json.decode(spec, type=_Instance).kept
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Kept()


def kind_of(parts: Iterable[Part]) -> str:
    kinds = {part.kind for part in parts}
    return next((kind for kind in KINDS if kind in kinds), OTHERWISE)


class Allotter:
    """Gives every field, deed and happening its ids; those it has already stay. Raises Refused("mqtt_too_many")."""

    def __init__(self, allotted: Allotment) -> None:
        self.allotted = allotted

    def service(self, part: Part, name: str) -> int:
        scope = "" if name in SHARED else part.scope
        key = f"{scope}/{name}"
        found = self.allotted.services.get(key)
        if found is None:
            siid = max((siid for siid, _ in self.allotted.services.values()), default=1) + 1
            found = self.allotted.services[key] = (siid, name)
        return found[0]

    def entry(self, kind: str, part: Part, each: Field | Deed | Happening) -> tuple[int, int, str]:
        key = f"{kind}/{part.key}/{each.key}"
        entries = self.allotted.entries
        found = entries.get(key)
        if found is None:
            if len(entries) >= MOST_ENTRIES:
                raise Refused("mqtt_too_many", what="fields", most=MOST_ENTRIES)
            siid = self.service(part, each.service)
            beside = [own for other, own in entries.items() if own[0] == siid and other[0] == kind]
            taken = {name for _, _, name in beside}
            number = max((own[1] for own in beside), default=0) + 1
            found = entries[key] = (siid, number, _free(each.name, taken))
        return found

    def word(self, part: Part, field: Field, word: str) -> int:
        prefix = f"{part.key}/{field.key}/"
        words = self.allotted.words
        if prefix + word not in words:
            if len(words) >= MOST_WORDS:
                raise Refused("mqtt_too_many", what="choices", most=MOST_WORDS)
            words[prefix + word] = 1 + max((n for key, n in words.items() if key.startswith(prefix)), default=-1)
        return words[prefix + word]


def _free(name: str, taken: set[str]) -> str:
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}-{number}", number + 1
    return candidate


def instance(parts: Iterable[Part], name: str, allotter: Allotter, announced: Mapping[str, Any]) -> bytes:
    """The JSON of the instance. Services that are empty now are kept: their places in the numbering are theirs."""
    parts = tuple(parts)
    services: dict[int, dict[str, Any]] = {}
    for part in parts:
        for field in part.fields:
            siid, piid, called = allotter.entry("p", part, field)
            _service(services, siid, allotter, part, field.service)["properties"].append(
                _property(part, field, piid, called, allotter)
            )
        for kind, section, several in (("a", "actions", part.deeds), ("e", "events", part.happenings)):
            for each in several:
                siid, iid, called = allotter.entry(kind, part, each)
                told = _named({"iid": iid, "type": _urn(section[:-1], called)}, each.described or part.name)
                _service(services, siid, allotter, part, each.service)[section].append(told)
    for siid, called in allotter.allotted.services.values():
        services.setdefault(siid, {"iid": siid, "type": _urn("service", called)})
    for service in services.values():
        for section in ("properties", "actions", "events"):
            service.get(section, []).sort(key=lambda entry: entry["iid"])
    return msgspec.json.encode(
        {
            "type": _urn("device", kind_of(parts)),
            "description": name,
            "services": [services[siid] for siid in sorted(services)],
            "x-mqtt": {"allotted": allotter.allotted, "announced": announced},
        }
    )


def _service(
    services: dict[int, dict[str, Any]], siid: int, allotter: Allotter, part: Part, name: str
) -> dict[str, Any]:
    found = services.get(siid)
    if found is None:
        found = {"iid": siid, "type": _urn("service", name), "properties": [], "actions": [], "events": []}
        own = part.name if name not in SHARED and part.scope == part.key else part.scope
        services[siid] = _named(found, own if name not in SHARED else "")
    return services[siid]


def _property(part: Part, field: Field, piid: int, called: str, allotter: Allotter) -> dict[str, Any]:
    told_of = bool(field.sources) or (field.writable and field.name not in UNTOLD)
    access = ["read", "notify"] * told_of + ["write"] * field.writable
    told: dict[str, Any] = {
        "iid": piid,
        "type": _urn("property", called),
        "format": field.format.value,
        "access": access,
        "unit": UNITS.get(field.unit, field.unit),
    }
    if field.range is not None:
        told["value-range"] = field.range
    if field.choices:
        told["value-list"] = [
            {"value": allotter.word(part, field, word), "description": word} for word in field.choices
        ]
    return _named(told, field.described or (part.name if field.service in SHARED else ""))


def _named(told: dict[str, Any], name: str) -> dict[str, Any]:
    """A name of its own is shown before any that the name of the type would have."""
    return {**told, "description": name, "x-own-name": True} if name else told


def _urn(what: str, name: str) -> str:
    return URN.format(what=what, name=name)
