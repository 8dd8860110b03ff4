"""The JSON of a MIoT-Spec-V2 instance as it is written, before anything is made of it."""

from __future__ import annotations

from typing import Any

import msgspec


class RawValue(msgspec.Struct, gc=False):
    value: bool | int | float | str
    description: str | None = None


class RawProperty(msgspec.Struct, rename="kebab", gc=False):
    iid: int
    format: str
    type: str = ""
    description: str | None = None
    access: list[str] | None = None
    unit: str | None = None
    value_range: list[int | float] | None = None
    value_list: list[RawValue] | None = None
    x_own_name: bool = False


class RawAction(msgspec.Struct, gc=False):
    iid: int
    type: str = ""
    description: str | None = None
    inputs: list[int] | None = msgspec.field(default=None, name="in")
    out: list[int] | None = None
    own_name: bool = msgspec.field(default=False, name="x-own-name")


class RawEvent(msgspec.Struct, gc=False):
    iid: int
    type: str = ""
    description: str | None = None
    arguments: list[int] | None = None
    own_name: bool = msgspec.field(default=False, name="x-own-name")


class RawService(msgspec.Struct, gc=False):
    iid: int
    type: str = ""
    description: str | None = None
    properties: list[RawProperty] | None = None
    actions: list[RawAction] | None = None
    events: list[RawEvent] | None = None
    own_name: bool = msgspec.field(default=False, name="x-own-name")


class RawSpec(msgspec.Struct, gc=False):
    services: list[RawService]
    type: str = ""
    description: str | None = None
    source: str | None = msgspec.field(default=None, name="x-source")


ENTRIES: dict[str, type[RawProperty] | type[RawAction] | type[RawEvent]] = {
    "properties": RawProperty,
    "actions": RawAction,
    "events": RawEvent,
}


def salvage(tree: Any, faults: list[str]) -> RawSpec | None:
    """What can be used of JSON that does not fit as a whole; `faults` gets the rest. None: nothing can."""
    if not isinstance(tree, dict) or not isinstance(tree.get("services"), list):
        return None
    services = []
    for index, entry in enumerate(tree["services"]):
        service = _salvage_service(entry, f"services[{index}]", faults)
        if service is not None:
            services.append(service)
    return RawSpec(
        services=services,
        type=_text(tree, "type"),
        description=_text(tree, "description"),
        source=_text(tree, "x-source"),
    )


def _salvage_service(entry: Any, where: str, faults: list[str]) -> RawService | None:
    if not isinstance(entry, dict) or type(entry.get("iid")) is not int:
        faults.append(f"{where}: no iid")
        return None
    kept: dict[str, Any] = {}
    for name, raw_type in ENTRIES.items():
        kept[name] = []
        listed = entry.get(name)
        if listed is not None and not isinstance(listed, list):
            faults.append(f"{where}.{name}: not a list")
            continue
        for index, item in enumerate(listed or ()):
            try:
                kept[name].append(msgspec.convert(item, raw_type, strict=False))
            except msgspec.ValidationError as refusal:
                faults.append(f"{where}.{name}[{index}]: {refusal}"[:200])
    return RawService(iid=entry["iid"], type=_text(entry, "type"), description=_text(entry, "description"), **kept)


def _text(tree: dict[str, Any], key: str) -> str:
    found = tree.get(key)
    return found if isinstance(found, str) else ""
