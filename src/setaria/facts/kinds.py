"""Kinds of fact: what a body is called, which version it has, how long it is kept, how old versions are lifted.

A kind is declared once, on the struct of its newest version:

    @kind("home.thing_added", version=2, upcast={1: add_room})
    class ThingAdded(Body, frozen=True):
        ...

An upcaster takes the decoded JSON object of its version and returns that of the next; it must be pure. Facts in the log
are never rewritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, TypeVar

import msgspec

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


class Keep(Enum):
    """How long facts of a kind are kept."""

    FOR_EVER = "for ever"
    READING = "31 days raw, then as statistics"


class Body(msgspec.Struct, frozen=True):
    """What a fact says beyond its envelope."""

    def amount(self) -> int | None:
        """Money in minor units, or a count, when the fact carries one that books or flywheel add up."""
        return None


class Unknown(Body, frozen=True):
    """A fact of a kind, or of a version, that this program does not know: it is carried along untouched."""

    kind: str
    version: int
    data: msgspec.Raw


class Kind(msgspec.Struct, frozen=True, eq=False):
    name: str
    version: int
    keep: Keep
    body: type[Body]
    upcast: Mapping[int, Upcaster]

    @property
    def label(self) -> str:
        """How the log writes it: `home.thing_added/2`."""
        return f"{self.name}/{self.version}"


BodyType = TypeVar("BodyType", bound=type[Body])

_by_name: dict[str, Kind] = {}
_by_body: dict[type[Body], Kind] = {}
_labels: dict[type[Body], str] = {}
_readings: set[type[Body]] = set()


def kind(
    name: str, *, version: int = 1, keep: Keep = Keep.FOR_EVER, upcast: Mapping[int, Upcaster] | None = None
) -> Callable[[BodyType], BodyType]:
    def declare(body: BodyType) -> BodyType:
        lifts = dict(upcast or {})
        assert name not in _by_name, f"the kind {name} is declared twice"
        assert sorted(lifts) == list(range(1, version)), f"{name}: an upcaster for each version below {version}"
        declared = Kind(name, version, keep, body, lifts)
        _by_name[name] = declared
        _by_body[body] = declared
        _labels[body] = declared.label
        if keep is Keep.READING:
            _readings.add(body)
        return body

    return declare


def kind_of(body: Body) -> Kind:
    return _by_body[type(body)]


def kind_named(name: str) -> Kind | None:
    return _by_name.get(name)


def all_kinds() -> Iterable[Kind]:
    return _by_name.values()


def label_of(body: Body) -> str:
    label = _labels.get(type(body))
    if label is not None:
        return label
    assert isinstance(body, Unknown), f"{type(body).__name__} is not declared as a kind"
    return f"{body.kind}/{body.version}"


def is_reading_body(body: Body) -> bool:
    return type(body) in _readings


def split_label(label: str) -> tuple[str, int]:
    name, _, version = label.rpartition("/")
    return name, int(version)


def lift(declared: Kind, version: int, data: dict[str, Any]) -> dict[str, Any]:
    """Carry a decoded body from an old version to the newest."""
    for step in range(version, declared.version):
        data = declared.upcast[step](data)
    return data
