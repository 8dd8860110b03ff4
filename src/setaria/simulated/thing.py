"""One thing as its spec describes it: values, actions, events, and the answers to what is asked of them.

Nothing here knows of packets; `endpoint.py` is the thing's end of the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from random import Random
from typing import Any, Final

import msgspec

from setaria.facts.clock import Clock
from setaria.facts.refused import Refused
from setaria.home.ports import Value
from setaria.home.spec.model import Event, Property, Spec
from setaria.simulated import values

PROPERTIES_AT_ONCE: Final = 64  # of one message; most real devices stop at 15

Argument = tuple[int, Value]


class Code(IntEnum):
    """The result codes of one property or action, as Xiaomi's IoT documents list them."""

    OK = 0
    UNREADABLE = -4001
    UNWRITABLE = -4002
    ABSENT = -4003
    INTERNAL = -4004
    WRONG_VALUE = -4005
    WRONG_ARGUMENTS = -4006
    WRONG_DID = -4007


class Failure(msgspec.Struct, frozen=True):
    """The `error` of an answer: what devices send when a whole message cannot be carried out."""

    code: int
    message: str


UNKNOWN_METHOD: Final = Failure(-32601, "Method not found.")
WRONG_PARAMETERS: Final = Failure(-32602, "Invalid params")
TOO_MUCH: Final = Failure(-9999, "user ack timeout")  # what real firmware answers to messages that are too long for it


class _Ask(msgspec.Struct):
    siid: int
    piid: int
    did: Any = ""
    value: Any = None


class _Order(msgspec.Struct, rename={"arguments": "in"}):
    siid: int
    aiid: int
    did: Any = ""
    arguments: list[Any] = []


class SimulatedThing:
    """`token` has 16 bytes. `reported` and `happened` are told of every notified change and every event."""

    def __init__(self, spec: Spec, did: str, token: bytes, clock: Clock, random: Random) -> None:
        self.spec = spec
        self.did = did
        self.token = token
        self.clock = clock
        self.random = random
        self.values: dict[tuple[int, int], Value] = {
            (prop.siid, prop.piid): values.default(prop, random) for prop in spec.properties()
        }
        self.on_written: dict[tuple[int, int], list[Callable[[], object]]] = {}
        self.on_acted: dict[tuple[int, int], list[Callable[[], None]]] = {}
        self.reported: Callable[[Property, Value], None] = lambda _prop, _value: None
        self.happened: Callable[[Event, Sequence[Argument]], None] = lambda _event, _arguments: None
        self._services = {service.siid: service.name for service in spec.services}

    # asked over the wire

    def get_properties(self, params: object) -> list[dict[str, object]] | Failure:
        try:
            asks = msgspec.convert(params, list[_Ask])
        except msgspec.ValidationError:
            return WRONG_PARAMETERS
        if len(asks) > PROPERTIES_AT_ONCE:
            return TOO_MUCH
        return [self._read(ask) for ask in asks]

    def set_properties(self, params: object) -> list[dict[str, object]] | Failure:
        try:
            asks = msgspec.convert(params, list[_Ask])
        except msgspec.ValidationError:
            return WRONG_PARAMETERS
        if len(asks) > PROPERTIES_AT_ONCE:
            return TOO_MUCH
        return [
            {"did": ask.did, "siid": ask.siid, "piid": ask.piid, "code": int(self.write(ask.siid, ask.piid, ask.value))}
            for ask in asks
        ]

    def action(self, params: object) -> dict[str, object] | Failure:
        try:
            order = msgspec.convert(params, _Order)
        except msgspec.ValidationError:
            return WRONG_PARAMETERS
        answer: dict[str, object] = {"did": order.did, "siid": order.siid, "aiid": order.aiid}
        code, out = self.act(order.siid, order.aiid, order.arguments)
        answer["code"] = int(code)
        if code is Code.OK:
            answer["out"] = out
        return answer

    def write(self, siid: int, piid: int, value: object) -> Code:
        """As a person or a hub does it: checked, carried out, reported."""
        prop = self.spec.property(siid, piid)
        if prop is None:
            return Code.ABSENT
        if not prop.writable:
            return Code.UNWRITABLE
        if not isinstance(value, bool | int | float | str):
            return Code.WRONG_VALUE
        try:
            checked = prop.check(value)
        except Refused:
            return Code.WRONG_VALUE
        self._take(prop, checked)
        self._react(self.on_written, siid, piid)
        return Code.OK

    def act(self, siid: int, aiid: int, arguments: Sequence[object]) -> tuple[Code, list[dict[str, Value]]]:
        """`arguments` are values in the order of the spec, or {piid, value} objects; they become property values."""
        action = self.spec.action(siid, aiid)
        if action is None:
            return Code.ABSENT, []
        given = _by_piid(action.inputs, arguments)
        if given is None:
            return Code.WRONG_ARGUMENTS, []
        checked: list[tuple[Property, Value]] = []
        for piid, value in given:
            prop = self.spec.property(siid, piid)
            try:
                if prop is not None:
                    checked.append((prop, prop.check(value)))
            except Refused:
                return Code.WRONG_ARGUMENTS, []
        for prop, value in checked:
            self._take(prop, value)
        self._react(self.on_acted, siid, aiid)
        out = [
            {"piid": piid, "value": self.values[siid, piid]} for piid in action.outputs if (siid, piid) in self.values
        ]
        return Code.OK, out

    # changed by the thing itself, or by the hand of the world

    def change(self, prop: Property, value: Value) -> None:
        self._take(prop, values.fit(prop, value))

    def handle(self, siid: int, piid: int, value: Value) -> Code:
        """As somebody's hand on the thing itself: even what no hub may write, with all its consequences."""
        prop = self.spec.property(siid, piid)
        if prop is None:
            return Code.ABSENT
        self._take(prop, values.fit(prop, value))
        self._react(self.on_written, siid, piid)
        return Code.OK

    def happen(self, siid: int, eiid: int, arguments: Sequence[Argument] | None = None) -> Code:
        """Without `arguments` those of the spec are taken from the properties' present values."""
        event = self.spec.event(siid, eiid)
        if event is None:
            return Code.ABSENT
        if arguments is None:
            arguments = [(piid, self.values[siid, piid]) for piid in event.arguments if (siid, piid) in self.values]
        self.happened(event, arguments)
        return Code.OK

    def happen_named(self, names: Sequence[str], arguments: Mapping[str, Value]) -> None:
        for name in names:
            for event in self.spec.events():
                if self._is(name, event.siid, event.name):
                    self._happen_with(event, arguments)
                    return

    # looked up

    def named(self, names: Sequence[str]) -> list[Property]:
        """In the order of `names`, and for equal names of their ids."""
        return [prop for name in names for prop in self.spec.properties() if self._is(name, prop.siid, prop.name)]

    def actions_named(self, name: str) -> list[tuple[int, int]]:
        return [
            (action.siid, action.aiid) for action in self.spec.actions() if self._is(name, action.siid, action.name)
        ]

    @staticmethod
    def bounds(prop: Property) -> tuple[float, float]:
        return values.bounds(prop)

    @staticmethod
    def listed(prop: Property) -> tuple[tuple[Value, str], ...]:
        return values.slugs(prop.values)

    def _is(self, name: str, siid: int, own: str) -> bool:
        service, _, wanted = name.partition(".")
        return own == wanted and service in ("*", self._services[siid])

    def _read(self, ask: _Ask) -> dict[str, object]:
        prop = self.spec.property(ask.siid, ask.piid)
        code = Code.ABSENT if prop is None else Code.OK if prop.readable else Code.UNREADABLE
        answer: dict[str, object] = {"did": ask.did, "siid": ask.siid, "piid": ask.piid, "code": int(code)}
        if code is Code.OK:
            answer["value"] = self.values[ask.siid, ask.piid]
        return answer

    def _take(self, prop: Property, value: Value) -> None:
        place = (prop.siid, prop.piid)
        if self.values[place] != value:
            self.values[place] = value
            if prop.notifies:
                self.reported(prop, value)

    def _happen_with(self, event: Event, arguments: Mapping[str, Value]) -> None:
        filled: list[Argument] = []
        for piid in event.arguments:
            prop = self.spec.property(event.siid, piid)
            if prop is not None:
                given = arguments.get(prop.name)
                filled.append((piid, self.values[event.siid, piid] if given is None else values.fit(prop, given)))
        self.happened(event, filled)

    @staticmethod
    def _react(reactions: Mapping[tuple[int, int], Iterable[Callable[[], object]]], siid: int, iid: int) -> None:
        for react in tuple(reactions.get((siid, iid), ())):
            react()


def _by_piid(inputs: Sequence[int], arguments: Sequence[object]) -> list[Argument] | None:
    if len(arguments) != len(inputs):
        return None
    given: list[Argument] = []
    for piid, argument in zip(inputs, arguments, strict=True):
        value = argument
        if isinstance(argument, dict):
            if argument.get("piid") not in inputs:
                return None
            piid, value = argument["piid"], argument.get("value")
        if not isinstance(value, bool | int | float | str):
            return None
        given.append((piid, value))
    return given
