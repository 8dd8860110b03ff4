"""The strings the simulation hangs on: one JSON object a line in, one a line out.

    {"do": "fault", "thing": T, "loss": 0.2, ...}        the fields of `Faults`; those left out stay as they are
    {"do": "calm", "thing": T}                           no faults any more
    {"do": "set", "thing": T, "siid": 2, "piid": 1, "value": true}       as somebody's hand on the thing
    {"do": "get", "thing": T, "siid": 2, "piid": 1}
    {"do": "event", "thing": T, "siid": 2, "eiid": 1, "arguments": [[1, 5]]}
    {"do": "act", "thing": T, "siid": 2, "aiid": 1, "in": []}
    {"do": "reboot", "thing": T}
    {"do": "reset", "thing": T}                          as from the factory: gives its token away, is in no Wi-Fi
    {"do": "go", "resident": "elder", "room": "kitchen"} room "" is out of the house
    {"do": "list"}, {"do": "stats"}, {"do": "quit"}

T is a did or a slug of the sample home; left out, or "all", it means every thing. Answers are {"ok": true, ...} or
{"ok": false, "error": "..."}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from setaria.home.spec.formats import Format
from setaria.simulated.endpoint import Endpoint
from setaria.simulated.faults import CALM, Faults
from setaria.simulated.server import Server
from setaria.simulated.thing import Code

LINE_LIMIT: Final = 64 * 1024

Answer = dict[str, object]


class MistakenError(ValueError):
    """What was asked makes no sense; the text goes into the answer."""


class Control:
    def __init__(self, server: Server) -> None:
        self.quitting = False
        self._server = server
        self._slugs = {placed.id: did for did, placed in server.home.placed.items()}
        self._acts: Mapping[str, Callable[[dict[str, Any]], Answer]] = {
            "fault": self._fault,
            "calm": self._calm,
            "set": self._set,
            "get": self._get,
            "event": self._event,
            "act": self._act,
            "reboot": self._reboot,
            "reset": self._reset,
            "go": self._go,
            "list": lambda _order: {"things": self.things()},
            "stats": lambda _order: self.stats(),
            "quit": self._quit,
        }

    def do(self, line: bytes) -> bytes:
        """The answer to one line, without its end."""
        try:
            if len(line) > LINE_LIMIT:
                raise MistakenError(f"a line has at most {LINE_LIMIT} bytes")
            order = msgspec.json.decode(line, type=dict[str, Any])
            act = self._acts.get(str(order.pop("do", "")))
            if act is None:
                raise MistakenError(f"do is one of {', '.join(self._acts)}")
            answer = {"ok": True, **act(order)}
        except (ValueError, msgspec.MsgspecError, KeyError, RecursionError) as mistake:
            text = f"{mistake} is missing" if isinstance(mistake, KeyError) else str(mistake)
            answer = {"ok": False, "error": text}
        return msgspec.json.encode(answer)

    def things(self) -> list[Answer]:
        listed: list[Answer] = []
        for did, placed in self._server.home.placed.items():
            host, port = self._server.places[did]
            listed.append(
                {
                    "id": placed.id,
                    "did": did,
                    "model": placed.model,
                    "host": host,
                    "port": port,
                    "token": self._server.home.things[did].token.hex(),
                    "name": placed.zh,
                    "name_en": placed.en,
                    "room": placed.room,
                }
            )
        return listed

    def stats(self) -> Answer:
        received = sum(endpoint.received for endpoint in self._server.endpoints.values())
        return {"received": received, **msgspec.structs.asdict(self._server.tally())}

    def _several(self, order: dict[str, Any]) -> list[Endpoint]:
        name = str(order.pop("thing", "all"))
        return list(self._server.endpoints.values()) if name == "all" else [self._named(name)]

    def _one(self, order: dict[str, Any]) -> Endpoint:
        return self._named(str(order["thing"]))

    def _named(self, name: str) -> Endpoint:
        endpoint = self._server.endpoints.get(self._slugs.get(name, name))
        if endpoint is None:
            raise MistakenError(f"there is no thing {name[:64]}")
        return endpoint

    def _fault(self, order: dict[str, Any]) -> Answer:
        endpoints = self._several(order)
        wanted = [msgspec.convert({**msgspec.structs.asdict(each.faults), **order}, Faults) for each in endpoints]
        for endpoint, faults in zip(endpoints, wanted, strict=True):
            endpoint.faults = faults
        return {"things": len(endpoints)}

    def _calm(self, order: dict[str, Any]) -> Answer:
        for endpoint in self._several(order):
            endpoint.faults = CALM
        return {}

    def _set(self, order: dict[str, Any]) -> Answer:
        value = order["value"]
        if not isinstance(value, bool | int | float | str):
            raise MistakenError("a value is a boolean, a number or a string")
        thing = self._one(order).thing
        siid, piid = _number(order, "siid"), _number(order, "piid")
        prop = thing.spec.property(siid, piid)
        if prop is not None and isinstance(value, str) != (prop.format is Format.STRING):
            raise MistakenError(f"{prop.address} is of the format {prop.format}")
        return _coded(thing.handle(siid, piid, value))

    def _get(self, order: dict[str, Any]) -> Answer:
        place = (_number(order, "siid"), _number(order, "piid"))
        values = self._one(order).thing.values
        return {"value": values[place]} if place in values else _coded(Code.ABSENT)

    def _event(self, order: dict[str, Any]) -> Answer:
        given = order.get("arguments")
        arguments = None if given is None else msgspec.convert(given, list[tuple[int, bool | int | float | str]])
        return _coded(self._one(order).thing.happen(_number(order, "siid"), _number(order, "eiid"), arguments))

    def _act(self, order: dict[str, Any]) -> Answer:
        arguments = msgspec.convert(order.get("in", []), list[Any])
        code, out = self._one(order).thing.act(_number(order, "siid"), _number(order, "aiid"), arguments)
        return {**_coded(code), "out": out}

    def _reboot(self, order: dict[str, Any]) -> Answer:
        for endpoint in self._several(order):
            endpoint.reboot()
        return {}

    def _reset(self, order: dict[str, Any]) -> Answer:
        for endpoint in self._several(order):
            endpoint.reboot()
            endpoint.reset = True
            endpoint.ssid = ""
        return {}

    def _go(self, order: dict[str, Any]) -> Answer:
        resident = self._server.home.residents.get(str(order["resident"]))
        room = str(order["room"])
        if resident is None or (room and room not in self._server.home.world.rooms):
            raise MistakenError("there is no such resident or room")
        resident.go(room)
        return {}

    def _quit(self, _order: dict[str, Any]) -> Answer:
        self.quitting = True
        return {}


def _number(order: dict[str, Any], name: str) -> int:
    value = order[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise MistakenError(f"{name} is a whole number")
    return value


def _coded(code: Code) -> Answer:
    if code is not Code.OK:
        raise MistakenError(f"{int(code)} {code.name.lower()}")
    return {"code": 0}
