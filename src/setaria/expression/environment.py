"""What an expression may see of the world."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from setaria.facts.refused import Refused

Plain = bool | int | float | str
# What expressions compute with: None, bool, int, float, str, datetime, timedelta, and lists and mappings of these.
Value = Any


class Environment(Protocol):
    def state(self, address: str) -> Plain | None:
        """Typed; None when unknown or when there is no such address."""

    def attribute(self, address: str, name: str) -> Value: ...

    @property
    def variables(self) -> Mapping[str, Value]: ...

    def now(self) -> datetime:
        """With the zone of the home."""


class Fixed:
    """An environment of values known beforehand: MQTT templates (`value`, `value_json`), dry runs, tests."""

    __slots__ = ("_attributes", "_now", "_states", "variables")

    def __init__(
        self,
        variables: Mapping[str, Value] | None = None,
        states: Mapping[str, Plain] | None = None,
        attributes: Mapping[tuple[str, str], Value] | None = None,
        now: datetime | None = None,
    ) -> None:
        self.variables: Mapping[str, Value] = {} if variables is None else variables
        self._states = {} if states is None else states
        self._attributes = {} if attributes is None else attributes
        self._now = now

    def state(self, address: str) -> Plain | None:
        return self._states.get(address)

    def attribute(self, address: str, name: str) -> Value:
        return self._attributes.get((address, name))

    def now(self) -> datetime:
        if self._now is None:
            raise Refused("expression_failed", why="no_clock", about="now")
        return self._now


class Scope:
    """Another environment, with variables of its own in front."""

    __slots__ = ("attribute", "now", "state", "variables")

    def __init__(self, outer: Environment) -> None:
        self.state, self.attribute, self.now = outer.state, outer.attribute, outer.now
        self.variables = dict(outer.variables)
