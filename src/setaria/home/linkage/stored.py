"""Rules as they come back from JSON. Where a rule's type says Any (data, variables, for_each), msgspec cannot tell a
stored Formula from a mapping, so `revived` does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from setaria.home.linkage.rule import Formula, Rule

T = TypeVar("T")


def changed(part: T, change: Callable[[Any], Any]) -> T:
    """The same tree with `change` applied to every part, the innermost first. As deep as the rule is: DEPTH."""
    return _changed(part, change)  # type: ignore[no-any-return]


def _changed(part: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(part, msgspec.Struct):
        fields = {name: getattr(part, name) for name in part.__struct_fields__}
        new = {name: _changed(value, change) for name, value in fields.items()}
        if any(new[name] is not value for name, value in fields.items()):
            part = msgspec.structs.replace(
                part, **{name: new[name] for name in fields if new[name] is not fields[name]}
            )
    elif isinstance(part, tuple):
        items = tuple(_changed(item, change) for item in part)
        part = items if any(one is not other for one, other in zip(items, part, strict=True)) else part
    elif isinstance(part, list):
        part = [_changed(item, change) for item in part]
    elif isinstance(part, dict):
        part = {key: _changed(item, change) for key, item in part.items()}
    return change(part)


def revived(rule: Rule) -> Rule:
    def change(part: Any) -> Any:
        if isinstance(part, dict) and part.keys() == {"type", "source"} and part["type"] == "formula":
            return Formula(str(part["source"]))
        return part

    return changed(rule, change)


def load(stored: bytes) -> Rule:
    return revived(msgspec.json.decode(stored, type=Rule))


def dump(rule: Rule) -> bytes:
    return msgspec.json.encode(rule)
