"""What an entity is made of: fields with a value, deeds to do, happenings to tell, and the topics it speaks on.

Values stand here as they are meant, not as they are sent: a light's brightness is a percentage, a choice its word.
`synthesis.py` gives them a place in a spec, `device.py` carries them to and fro.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from setaria.home.ports import Value
from setaria.home.spec.formats import Format
from setaria.home.spec.model import Range
from setaria.radio.mqtt.templates import Heard

Hear = Callable[[Heard], Value | None]
"""None: the message says nothing about it. May raise Refused("expression_failed")."""


class Publication(msgspec.Struct, frozen=True):
    topic: str
    payload: str
    qos: int = 0
    retain: bool = False


class Source(msgspec.Struct, frozen=True):
    topic: str
    hear: Hear


class Field(msgspec.Struct, frozen=True):
    """A property. `choices` are the words on the wire; the address is `service.name` unless that is taken."""

    key: str
    service: str
    name: str
    format: Format
    sources: tuple[Source, ...] = ()
    writable: bool = False
    unit: str = ""
    range: Range | None = None
    choices: tuple[str, ...] = ()
    described: str = ""
    off_after: float = 0.0  # seconds after which a true is over


class Deed(msgspec.Struct, frozen=True):
    """An action without arguments."""

    key: str
    service: str
    name: str
    publications: tuple[Publication, ...]
    described: str = ""


class Happening(msgspec.Struct, frozen=True):
    """An event; it happened when `hear` of a message is `word`."""

    key: str
    service: str
    name: str
    source: Source
    word: str
    described: str = ""


Encode = Callable[[Mapping[str, Value], Mapping[str, Value]], list[Publication]]
"""(values to write, values as known) by field key -> what to publish. Raises Refused."""


class Available(msgspec.Struct, frozen=True):
    """`hear` gives True or False, None when the message is neither."""

    topic: str
    hear: Callable[[Heard], bool | None]


class Part(msgspec.Struct, frozen=True):
    """One entity. Parts of the same `scope` have their services in common. `polls` ask it for its state."""

    key: str
    scope: str
    component: str
    name: str
    kind: str  # the device type it would make alone, "" for none
    fields: tuple[Field, ...]
    deeds: tuple[Deed, ...]
    happenings: tuple[Happening, ...]
    encode: Encode
    available: tuple[Available, ...] = ()
    mode: str = "latest"
    optimistic: bool = False
    polls: tuple[Publication, ...] = ()


def nothing(writes: Mapping[str, Value], known: Mapping[str, Value]) -> list[Publication]:
    return []
