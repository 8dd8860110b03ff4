"""Reads MIoT-Spec-V2 instances as real files have them: vendor types, units misspelt, URNs of five to eight fields,
types and lists missing. What cannot be used is left out and named in `Spec.faults`."""

from __future__ import annotations

import functools
import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from setaria.facts.refused import Refused
from setaria.home.ports import Value
from setaria.home.spec.formats import ACCESS, ACCESS_BITS, FORMATS, Format, unit_of
from setaria.home.spec.model import Action, Event, Property, Range, Service, Spec, shown
from setaria.home.spec.raw import RawAction, RawEvent, RawProperty, RawService, RawSpec, RawValue, salvage

FILE_BYTES: Final = 2 * 1024 * 1024
SERVICES: Final = 256
PROPERTIES: Final = 4096  # and as many actions and events together
VALUES: Final = 512  # of one property
ARGUMENTS: Final = 64
FAULTS: Final = 100
NAME_LENGTH: Final = 64
TEXT_LENGTH: Final = 200
LARGEST_ID: Final = 2**31 - 1
LARGEST_NUMBER: Final = 1e100  # real ranges go up to 3.4e38; far enough from where floats overflow
FINEST_STEP: Final = 1e-9  # of the lowest value: floats cannot count finer steps

_decoder: Final = msgspec.json.Decoder(RawSpec)
_intern: Final = sys.intern
_Entry = TypeVar("_Entry", RawService, RawProperty, RawAction, RawEvent)


def load(source: bytes | Path, model: str = "") -> Spec:
    """A file's model comes from its name, TYPE__MODEL.json or MODEL.json. Raises Refused `spec_unreadable`."""
    if isinstance(source, bytes):
        return parse(source, model or "", file=model or "-")
    model = model or model_of(source)
    try:
        with source.open("rb") as stream:
            content = stream.read(FILE_BYTES + 1)
    except OSError as fault:
        raise Refused("spec_unreadable", file=source.name, why=fault.strerror or "not readable") from None
    return parse(content, model, file=source.name)


def model_of(file: Path) -> str:
    return file.name.removesuffix(".json").rpartition("__")[2]


def parse(content: bytes, model: str, file: str) -> Spec:
    """Without a `model` the product field of the URN stands in for it."""
    if len(content) > FILE_BYTES:
        raise Refused("spec_unreadable", file=file, why=f"larger than {FILE_BYTES} bytes")
    faults: list[str] = []
    raw = _read(content, file, faults)
    entries = (
        sum(len(s.properties or ()) for s in raw.services),
        sum(len(s.actions or ()) + len(s.events or ()) for s in raw.services),
    )
    if len(raw.services) > SERVICES or max(entries) > PROPERTIES:
        raise Refused("spec_unreadable", file=file, why=f"more than {SERVICES} services or {PROPERTIES} entries")
    fields = raw.type.split(":") + [""] * 8
    built = _Builder(faults).services(raw.services)
    return Spec(
        urn=raw.type[:TEXT_LENGTH],
        type_name=_name(raw.type, "device"),
        type_code=_intern(fields[4][:8]),
        model=_intern((model or fields[5])[:NAME_LENGTH]),
        description=_text(raw.description),
        services=built,
        source=_text(raw.source),
        faults=tuple(faults[:FAULTS]),
    )


def _read(content: bytes, file: str, faults: list[str]) -> RawSpec:
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        return _decoder.decode(content)
    except (msgspec.ValidationError, RecursionError):
        pass  # JSON so far, but not all of it fits
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise _unreadable(file, fault) from None
    try:
        tree = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise _unreadable(file, fault) from None
    raw = salvage(tree, faults)
    if raw is None:
        raise Refused("spec_unreadable", file=file, why="no list of services")
    return raw


def _unreadable(file: str, fault: Exception) -> Refused:
    return Refused("spec_unreadable", file=file, why=str(fault)[:TEXT_LENGTH])


class _Builder:
    """Makes the structs, leaving out what cannot be used; a later entry with an id already taken is left out too."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults

    def services(self, raws: list[RawService]) -> tuple[Service, ...]:
        built: list[Service] = []
        seen: Counter[str] = Counter()
        for raw in self._distinct(raws, "service"):
            name = _name(raw.type, f"service-{raw.iid}").replace(".", "-")
            seen[name] += 1
            built.append(self._service(raw, _intern(name), _numbered(name, seen[name])))
        return tuple(built)

    def _service(self, raw: RawService, name: str, address: str) -> Service:
        properties = self._properties(raw.properties or [], raw.iid, address)
        piids = {prop.piid for prop in properties}
        actions, events = [], []
        seen: Counter[str] = Counter()
        for action in self._distinct(raw.actions or [], f"{address} action"):
            at = self._named(action, "action", address, seen)
            inputs = self._known(action.inputs, piids, at[1])
            outputs = self._known(action.out, piids, at[1])
            if inputs is None or outputs is None:  # an action whose arguments are unknown cannot be called rightly
                continue
            text, own = _text(action.description), action.own_name
            actions.append(Action(raw.iid, action.iid, *at, text, inputs, outputs, own))
        seen = Counter()
        for event in self._distinct(raw.events or [], f"{address} event"):
            at = self._named(event, "event", address, seen)
            # An argument without a property is still told: `happened` gives its piid, and only its name is missing.
            arguments = tuple((event.arguments or [])[:ARGUMENTS])
            events.append(Event(raw.iid, event.iid, *at, _text(event.description), arguments, event.own_name))
        text = _text(raw.description)
        return Service(raw.iid, name, address, text, properties, tuple(actions), tuple(events), raw.own_name)

    def _properties(self, raws: list[RawProperty], siid: int, service: str) -> tuple[Property, ...]:
        built: list[Property] = []
        seen: Counter[str] = Counter()
        for raw in self._distinct(raws, f"{service} property"):
            form = FORMATS.get(raw.format.lower())
            if form is None:
                self.faults.append(f"{service} property {raw.iid}: unknown format {raw.format[:32]!r}")
                continue
            name, address = self._named(raw, "property", service, seen)
            access = 0
            for word in raw.access or ():
                access |= ACCESS_BITS.get(word, 0)
            built.append(
                Property(
                    siid,
                    raw.iid,
                    name,
                    address,
                    _text(raw.description),
                    form,
                    ACCESS[access],
                    unit_of(raw.unit),
                    self._range(raw.value_range, form, address) if raw.value_range else None,
                    self._values(raw.value_list, form, address) if raw.value_list else (),
                    raw.x_own_name,
                )
            )
        return tuple(built)

    def _range(self, raw: list[int | float], form: Format, address: str) -> Range | None:
        if form in (Format.BOOL, Format.STRING):  # says nothing about the value itself
            return None
        numbers = [*raw, 0] if len(raw) == 2 else raw
        usable = len(numbers) == 3 and all(abs(n) <= LARGEST_NUMBER for n in numbers) and numbers[0] <= numbers[1]
        if not usable or numbers[2] < 0:
            self.faults.append(f"{address}: the range is none")
            return None
        if form is not Format.FLOAT and all(float(n).is_integer() for n in numbers):
            numbers = [int(n) for n in numbers]
        elif numbers[2] < FINEST_STEP * max(abs(numbers[0]), 1):
            numbers = [*numbers[:2], 0]
        return numbers[0], numbers[1], numbers[2]

    def _values(self, raws: list[RawValue], form: Format, address: str) -> tuple[tuple[Value, str], ...]:
        built: dict[Value, str] = {}
        for raw in raws[:VALUES]:
            value = _listed(raw.value, form)
            if value is None:
                self.faults.append(f"{address}: listed value {shown(raw.value)!r} is no {form.value}")
            else:
                built.setdefault(value, _text(raw.description))
        if len(raws) > VALUES:
            self.faults.append(f"{address}: more than {VALUES} listed values")
            return ()
        return tuple(built.items())

    def _named(
        self, raw: RawProperty | RawAction | RawEvent, kind: str, service: str, seen: Counter[str]
    ) -> tuple[str, str]:
        name = _name(raw.type, f"{kind}-{raw.iid}")
        seen[name] += 1
        return name, _intern(f"{service}.{_numbered(name, seen[name])}")

    def _known(self, piids: list[int] | None, known: set[int], address: str) -> tuple[int, ...] | None:
        listed = tuple((piids or [])[: ARGUMENTS + 1])
        if len(listed) <= ARGUMENTS and known.issuperset(listed):
            return listed
        self.faults.append(f"{address}: arguments without a property")
        return None

    def _distinct(self, raws: Iterable[_Entry], what: str) -> list[_Entry]:
        by_id: dict[int, _Entry] = {}
        for raw in raws:
            if raw.iid in by_id or not 0 <= raw.iid <= LARGEST_ID:
                self.faults.append(f"{what} {shown(raw.iid)}: id taken or impossible")
            else:
                by_id[raw.iid] = raw
        return [by_id[iid] for iid in sorted(by_id)]


def _listed(value: Value, form: Format) -> Value | None:
    if form is Format.STRING:
        return _intern(value[:TEXT_LENGTH] if isinstance(value, str) else str(shown(value)))
    if isinstance(value, str):
        try:
            value = float(value[:32])
        except ValueError:
            return None
    if not abs(value) <= LARGEST_NUMBER:  # so written, it keeps NaN out too
        return None
    if form is Format.BOOL:
        return bool(value) if value in (0, 1) else None
    if form is Format.FLOAT:
        return float(value)
    return int(value) if float(value).is_integer() else None


def _name(urn: str, otherwise: str) -> str:
    """The fourth field of the URN; a type that is no URN is taken as the name itself."""
    fields = urn.split(":", 4)
    return _plain(fields[3] if len(fields) > 3 else fields[-1]) or _intern(otherwise)


@functools.lru_cache(4096)
def _plain(name: str) -> str:
    return _intern(re.sub(r"[^a-z0-9_.-]+", "-", name[:NAME_LENGTH].lower()).strip("-."))


def _numbered(name: str, count: int) -> str:
    return name if count == 1 else _intern(f"{name}#{count}")


def _text(written: str | None) -> str:
    return _intern(written.strip()[:TEXT_LENGTH]) if written else ""
