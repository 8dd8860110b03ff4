"""A MIoT-Spec-V2 instance: what a model of thing has, can do and tells.

Everything has an address as people write it: `light.on`; with `#n` for the n-th of several services of the same name
(`light#2.on`) or of several properties, actions or events of the same name in one service (`light.on#2`), counted in
the order of their ids.
"""

from __future__ import annotations

import functools
import math
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

import msgspec

from setaria.facts.refused import Refused
from setaria.home.ports import Value
from setaria.home.spec.formats import INTEGER_BOUNDS, Access, Format

STRING_BYTES: Final = 1024  # of a value to write
READING_BYTES: Final = 64 * 1024  # of a string a thing reports; maps of vacuums come in pieces of some KiB
NEAR_MATCHES: Final = 3
STEP_TOLERANCE: Final = 1e-6  # of a step
LARGEST_READING: Final = 2**64

_has: Final = int.__and__  # a flag's own operator makes a new flag, which takes ten times as long
_TRUE: Final = frozenset({"on", "true", "1", "yes", "open"})
_FALSE: Final = frozenset({"off", "false", "0", "no", "close", "closed"})

Range = tuple[int | float, int | float, int | float]
T = TypeVar("T")


def slug(text: str) -> str:
    """`Go Charging` -> `go-charging`; letters of any script stay."""
    return re.sub(r"[\W_]+", "-", text.strip().casefold()).strip("-")


class Property(msgspec.Struct, frozen=True, gc=False):
    """`range` is (lowest, highest, step), a step of 0 meaning any; `values`, if any, are the only ones allowed.
    `own_name`: the description is what its people call it, and shown before what its name means."""

    siid: int
    piid: int
    name: str
    address: str
    description: str
    format: Format
    access: Access
    unit: str = ""
    range: Range | None = None
    values: tuple[tuple[Value, str], ...] = ()
    own_name: bool = False

    @property
    def readable(self) -> bool:
        return _has(self.access, Access.READ) != 0

    @property
    def writable(self) -> bool:
        return _has(self.access, Access.WRITE) != 0

    @property
    def notifies(self) -> bool:
        return _has(self.access, Access.NOTIFY) != 0

    def check(self, value: Value) -> Value:
        """The value as it is to be sent. Access is not looked at. Raises Refused: `value_wrong_type`,
        `value_not_in_list`, `value_out_of_range`, `value_too_long`."""
        if self.format is Format.BOOL:
            if not isinstance(value, bool):
                raise self._wrong_type(value)
            return self._listed(value)
        if self.format is Format.STRING:
            return self._check_string(value)
        number = self._number(value)
        if self.values:
            return self._listed(number)
        return self._within(number)

    def parse(self, value: Value) -> Value:
        """As `check`, and a listed value may be given by its name: `mode: auto`."""
        if isinstance(value, str) and self.values and self.format is not Format.STRING:
            named = self.named(value)
            if named is None:
                raise self._not_listed(value)
            return named
        return self.check(value)

    def named(self, text: str) -> Value | None:
        """The listed value with this description, in any case, or as its slug."""
        wanted, wanted_slug = text.strip().casefold(), slug(text)
        for value, description in self.values:
            if description.strip().casefold() == wanted:
                return value
        if wanted_slug:
            for value, description in self.values:
                if slug(description) == wanted_slug:
                    return value
        return None

    def described(self, value: Value) -> str:
        """The spec's own word for a listed value, or ""."""
        return next((description for listed, description in self.values if listed == value), "")

    def accept(self, value: object) -> Value | None:
        """What a thing reported, made to fit the format; no list or range binds a reading. None: it makes no sense."""
        if self.format is Format.STRING:
            return _string_reading(value)
        if isinstance(value, str):
            text = value[:64].strip().casefold()
            if self.format is Format.BOOL and (text in _TRUE or text in _FALSE):
                return text in _TRUE
            named = self.named(text) if self.values else None
            if named is not None:
                return named
            if text in ("on", "true", "off", "false"):
                return float(text in _TRUE) if self.format is Format.FLOAT else int(text in _TRUE)
            try:
                value = int(text)
            except ValueError:
                try:
                    value = float(text)
                except ValueError:
                    return None
        return self._numeric_reading(value)

    def _numeric_reading(self, value: object) -> Value | None:
        bound = sys.float_info.max if self.format is Format.FLOAT else LARGEST_READING
        if not isinstance(value, int | float) or not abs(value) <= bound:  # so written, it keeps NaN out too
            return None
        if self.format is Format.BOOL:
            return bool(value) if value in (0, 1) else None
        return float(value) if self.format is Format.FLOAT else round(value)

    def _check_string(self, value: Value) -> Value:
        if not isinstance(value, str):
            raise self._wrong_type(value)
        try:
            size = len(value.encode())
        except UnicodeEncodeError:  # half of a surrogate pair
            raise self._wrong_type(value) from None
        if size > STRING_BYTES:
            raise Refused("value_too_long", property=self.address, bytes=size, maximum=STRING_BYTES)
        return self._listed(value)

    def _number(self, value: Value) -> int | float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong_type(value)
        if isinstance(value, float) and not math.isfinite(value):
            raise self._wrong_type(value)
        if self.format is Format.FLOAT:
            try:
                return float(value)
            except OverflowError:
                raise self._out_of_range(value) from None
        if isinstance(value, float):
            if not value.is_integer():
                raise self._wrong_type(value)
            return int(value)
        return value

    def _within(self, value: int | float) -> int | float:
        bounds = INTEGER_BOUNDS.get(self.format)
        if bounds is not None and not bounds[0] <= value <= bounds[1]:
            raise self._out_of_range(value)
        if self.range is None:
            return value
        low, high, step = self.range
        slack = step * STEP_TOLERANCE
        if not low - slack <= value <= high + slack:
            raise self._out_of_range(value)
        if step <= 0 or value == high:  # some highest values are off the grid, and meant
            return value
        if isinstance(value, int) and isinstance(low, int) and isinstance(step, int):
            if (value - low) % step:
                raise self._out_of_range(value)
            return value
        on_grid = low + round((value - low) / step) * step
        if abs(value - on_grid) > slack:
            raise self._out_of_range(value)
        return round(float(on_grid), 9) if self.format is Format.FLOAT else round(on_grid)

    def _listed(self, value: Value) -> Value:
        if not self.values:
            return value
        for listed, _ in self.values:
            if listed == value:
                return listed
        raise self._not_listed(value)

    def _not_listed(self, value: Value) -> Refused:
        choices = [f"{listed} {description}".strip() for listed, description in self.values]
        return Refused("value_not_in_list", property=self.address, value=shown(value), accepted=", ".join(choices[:32]))

    def _wrong_type(self, value: object) -> Refused:
        return Refused("value_wrong_type", property=self.address, value=shown(value), format=self.format.value)

    def _out_of_range(self, value: int | float) -> Refused:
        low, high, step = self.range or (*INTEGER_BOUNDS.get(self.format, (0, 0)), 1)
        return Refused(
            "value_out_of_range", property=self.address, value=shown(value), minimum=low, maximum=high, step=step
        )


class Action(msgspec.Struct, frozen=True, gc=False):
    """`inputs` and `outputs` are piids of the same service."""

    siid: int
    aiid: int
    name: str
    address: str
    description: str
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    own_name: bool = False


class Event(msgspec.Struct, frozen=True, gc=False):
    """`arguments` are piids of the same service."""

    siid: int
    eiid: int
    name: str
    address: str
    description: str
    arguments: tuple[int, ...] = ()
    own_name: bool = False


class Service(msgspec.Struct, frozen=True):
    siid: int
    name: str
    address: str
    description: str
    properties: tuple[Property, ...] = ()
    actions: tuple[Action, ...] = ()
    events: tuple[Event, ...] = ()
    own_name: bool = False


class Spec(msgspec.Struct, frozen=True, dict=True, eq=False):
    """`source` says where the instance was read, if its file does; `faults` what in the file could not be used.

    Compared by identity: a library keeps one of each model.
    """

    urn: str
    type_name: str
    type_code: str
    model: str
    description: str
    services: tuple[Service, ...]
    source: str = ""
    faults: tuple[str, ...] = ()

    def properties(self) -> Iterable[Property]:
        return (prop for service in self.services for prop in service.properties)

    def actions(self) -> Iterable[Action]:
        return (action for service in self.services for action in service.actions)

    def events(self) -> Iterable[Event]:
        return (event for service in self.services for event in service.events)

    def service(self, siid: int) -> Service | None:
        return next((service for service in self.services if service.siid == siid), None)

    def property(self, siid: int, piid: int) -> Property | None:
        return self._property_ids.get((siid, piid))

    def action(self, siid: int, aiid: int) -> Action | None:
        return self._action_ids.get((siid, aiid))

    def event(self, siid: int, eiid: int) -> Event | None:
        return self._event_ids.get((siid, eiid))

    def find_service(self, address: str) -> Service:
        return _found(self, self._services, "unknown_service", address)

    def find_property(self, address: str) -> Property:
        return _found(self, self._properties, "unknown_property", address)

    def find_action(self, address: str) -> Action:
        return _found(self, self._actions, "unknown_action", address)

    def find_event(self, address: str) -> Event:
        return _found(self, self._events, "unknown_event", address)

    @functools.cached_property
    def _property_ids(self) -> Mapping[tuple[int, int], Property]:
        return {(prop.siid, prop.piid): prop for prop in self.properties()}

    @functools.cached_property
    def _action_ids(self) -> Mapping[tuple[int, int], Action]:
        return {(action.siid, action.aiid): action for action in self.actions()}

    @functools.cached_property
    def _event_ids(self) -> Mapping[tuple[int, int], Event]:
        return {(event.siid, event.eiid): event for event in self.events()}

    @functools.cached_property
    def _services(self) -> Mapping[str, Service]:
        return {service.address: service for service in self.services}

    @functools.cached_property
    def _properties(self) -> Mapping[str, Property]:
        return {prop.address: prop for prop in self.properties()}

    @functools.cached_property
    def _actions(self) -> Mapping[str, Action]:
        return {action.address: action for action in self.actions()}

    @functools.cached_property
    def _events(self) -> Mapping[str, Event]:
        return {event.address: event for event in self.events()}


def _found(spec: Spec, table: Mapping[str, T], code: str, address: str) -> T:
    found = table.get(address)
    if found is None:
        raise Refused(code, address=address[:128], model=spec.model, near=", ".join(near_matches(address, table)))
    return found


def near_matches(wrong: str, right: Iterable[str]) -> list[str]:
    import difflib  # only ever needed to say no

    wrong = wrong[:128].casefold()
    choices = list(right)
    ending = wrong.rpartition(".")[2]
    same_ending = [choice for choice in choices if choice.partition(".")[2] == ending]
    near = same_ending + difflib.get_close_matches(wrong, choices, n=NEAR_MATCHES, cutoff=0.5)
    return list(dict.fromkeys(near))[:NEAR_MATCHES]


def _string_reading(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)[:64] if abs(value) <= LARGEST_READING else None
    if isinstance(value, str) and len(value.encode(errors="replace")) <= READING_BYTES:
        return value.encode(errors="replace").decode()
    return None


def shown(value: object) -> Value:
    """A JSON value short enough for a sentence."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()[:64]
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) < LARGEST_READING):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    try:
        return str(value)[:64]
    except ValueError:  # Python writes out no integer of more than 4,300 digits
        return "…"
