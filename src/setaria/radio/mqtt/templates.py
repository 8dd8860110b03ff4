"""Templates of other people's devices, in the bounded dialect of `expression`: a loop is refused when it is read."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from setaria.expression import Fixed, Template
from setaria.facts.refused import Refused

KEPT: Final = 4_096  # parsed templates; those of a home are few and alike
LONGEST_VALUE: Final = 65_536
_MISSING: Final = object()


@functools.lru_cache(KEPT)
def parsed(source: str) -> Template:
    """Raises Refused("expression_refused")."""
    return Template.parse(source)


class Heard:
    """One message, read as JSON at most once. `text` is None when it is no UTF-8."""

    __slots__ = ("_json", "payload", "retain", "text", "topic")

    def __init__(self, topic: str, payload: bytes, retain: bool = False) -> None:
        self.topic = topic
        self.payload = payload
        self.retain = retain
        self._json: Any = _MISSING
        try:
            self.text: str | None = payload.decode()
        except UnicodeDecodeError:
            self.text = None

    @property
    def json(self) -> Any:
        """None when it is no JSON."""
        if self._json is _MISSING:
            try:
                self._json = msgspec.json.decode(self.payload)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                self._json = None
        return self._json


def read(template: Template | None, heard: Heard) -> Any:
    """What a message says: its text, or what the template makes of it. None: nothing. Raises Refused
    ("expression_failed") when the template does not fit the message."""
    if template is None or heard.text is None:
        return heard.text
    variables: dict[str, Any] = {"value": heard.text}
    if "value_json" in template.names:
        found = heard.json
        if found is None and heard.text.strip() != "null":
            raise Refused("expression_failed", why="not_json", about="value_json")
        variables["value_json"] = found
    return template.evaluate(Fixed(variables))


def rendered(template: Template | None, value: Any, more: Mapping[str, Any] | None = None) -> str:
    """The payload of a command. Raises Refused("expression_failed")."""
    if template is None:
        return wire_text(value)
    return template.render(Fixed({"value": value, **(more or {})}))


def wire_text(value: Any) -> str:
    """As devices write it: whole numbers without a fraction, booleans as Home Assistant renders them."""
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    return "None" if value is None else msgspec.json.encode(value).decode()


def same(wire: Any, wanted: str) -> bool:
    """Whether a payload is the one that stands in a configuration."""
    text = wire_text(wire)
    return text == wanted or (text in ("True", "False") and text.casefold() == wanted.casefold())
