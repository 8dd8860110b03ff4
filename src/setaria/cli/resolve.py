"""What people type -> things, properties, actions and values of the home."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from setaria.cli.client import Client
from setaria.facts.refused import Refused
from setaria.home.ports import Value

_TRUE: Final = frozenset({"true", "on", "yes", "1", "开", "是", "真"})
_FALSE: Final = frozenset({"false", "off", "no", "0", "关", "否", "假"})
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"[-+]?([0-9]{1,18}(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,2})?")

Described = Mapping[str, Any]
"""A thing, property or action as the API describes it."""


def named(entries: Iterable[Described], wanted: str, what: str) -> Described:
    """By id, or by a name that only one has. Raises Refused: not_found, name_ambiguous."""
    entries = list(entries)
    for entry in entries:
        if entry["id"] == wanted:
            return entry
    same = [entry for entry in entries if str(entry.get("name", "")).casefold() == wanted.casefold()]
    if len(same) == 1:
        return same[0]
    if same:
        ids = ", ".join(str(entry["id"]) for entry in same)
        raise Refused("name_ambiguous", name=wanted[:80], ids=ids)
    raise Refused("not_found", what=what, id=wanted[:80])


def thing_id(client: Client, wanted: str) -> str:
    return str(named(client.get("/api/things")["things"], wanted, "thing")["id"])


def full_thing(client: Client, wanted: str) -> Described:
    thing: Described = client.get(f"/api/things/{thing_id(client, wanted)}")
    return thing


def properties_of(thing: Described) -> list[Described]:
    return [each for service in (thing.get("spec") or {"services": []})["services"] for each in service["properties"]]


def actions_of(thing: Described) -> list[Described]:
    return [each for service in (thing.get("spec") or {"services": []})["services"] for each in service["actions"]]


def find(entries: Iterable[Described], wanted: str) -> Described | None:
    """By address (`light.on`), by what it is on every model (`on`), by the end of its address, or by its name."""
    entries = list(entries)
    said = wanted.casefold()
    for matches in (
        lambda each: each["address"] == wanted,
        lambda each: each["feature"] and each["feature"].replace("_", "-") == said.replace("_", "-"),
        lambda each: each["address"].partition(".")[2] == wanted,
        lambda each: said in (name.casefold() for name in each["names"].values()),
    ):
        found = [each for each in entries if matches(each)]
        if len(found) == 1:
            return found[0]
    return None


def assignment(text: str) -> tuple[str, str]:
    """`light.on=off`. Raises Refused("option_unusable")."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise Refused("option_unusable", option=text[:80], value="")
    return name.strip(), value.strip()


def plain_value(text: str) -> Value:
    """A value whose property is not known: true and on are bools, digits numbers, all else text."""
    if text.casefold() in ("true", "on"):
        return True
    if text.casefold() in ("false", "off"):
        return False
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        return float(text)
    return text


def value_for(prop: Described, text: str) -> Value:
    """As its format takes it; a listed value by its name in either language. What makes no sense is left to the hub to
    refuse."""
    said = text.casefold()
    kind = prop["format"]
    if kind == "string":
        return text
    for choice in prop["choices"]:
        if said in (name.casefold() for name in choice["names"].values()):
            value: Value = choice["value"]
            return value
    if kind == "bool":
        return True if said in _TRUE else False if said in _FALSE else text
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text
