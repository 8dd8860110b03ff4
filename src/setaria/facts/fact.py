"""A fact, and its two written forms: a row of the log, and a CloudEvent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec

from setaria.facts.ids import id_bytes, id_text
from setaria.facts.kinds import Body, Unknown, is_reading_body, kind_named, label_of, lift, split_label
from setaria.facts.refused import Refused

LARGEST_FACT: Final = 1 << 20  # bytes of the encoded document


class Actor(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who did it, in which role: `member/wei` as `owner`, `linkage/hall` as `linkage`, `radio/miio` as `thing`."""

    who: str
    role: str


HUB: Final = Actor("hub", "hub")


class Fact(msgspec.Struct, frozen=True, gc=False):
    """`aggregate` keys the state it belongs to; `household` is empty outside a home; time is UTC microseconds."""

    id: bytes
    time: int
    aggregate: str
    household: str
    actor: Actor
    body: Body
    amount: int | None = None


class Row(NamedTuple):
    """A fact as both engines store it; `document` is the JSON array [household, [who, role], amount, body]."""

    id: bytes
    time: int
    aggregate: str
    kind: str
    document: bytes


_encode = msgspec.json.Encoder().encode
_row = tuple.__new__  # a third of what Row(...) costs, once a fact
_decoders: dict[str, Callable[[bytes], Any]] = {}
MOST_DECODERS: Final = 2_000
UNREADABLE: Final = (msgspec.DecodeError, KeyError, TypeError, ValueError)


def to_row(fact: Fact) -> Row:
    """Raises Refused("fact_too_large")."""
    body: object = fact.body
    if type(body) is Unknown:
        body = body.data
    document = _encode((fact.household, fact.actor, fact.amount, body))
    if len(document) > LARGEST_FACT:
        raise Refused("fact_too_large", size=len(document), largest=LARGEST_FACT)
    return _row(Row, (fact.id, fact.time, fact.aggregate, label_of(fact.body), document))


def from_row(fact_id: bytes, time: int, aggregate: str, label: str, document: bytes) -> Fact:
    """Raises Refused("fact_unreadable") when the document is not what its kind says."""
    decode = decoder_of(label)
    try:
        household, actor, amount, body = decode(document)
    except UNREADABLE as error:
        raise Refused("fact_unreadable", id=fact_id.hex(), kind=label, why=str(error)) from error
    return Fact(fact_id, time, aggregate, household, actor, body, amount)


def decoder_of(label: str) -> Callable[[bytes], Any]:
    """What reads a kind's document into (household, actor, amount, body); may raise any of UNREADABLE."""
    decode = _decoders.get(label)
    if decode is None:
        if len(_decoders) >= MOST_DECODERS:  # kinds of others, imported: ours come again at once
            _decoders.clear()
        decode = _decoders[label] = _decoder(label)
    return decode


def _decoder(label: str) -> Callable[[bytes], Any]:
    name, version = split_label(label)
    declared = kind_named(name)
    if declared is None or version > declared.version:
        raw = msgspec.json.Decoder(tuple[str, Actor, int | None, msgspec.Raw])

        def unknown(document: bytes) -> Any:
            household, actor, amount, data = raw.decode(document)
            return household, actor, amount, Unknown(name, version, data.copy())

        return unknown
    if version == declared.version:
        return msgspec.json.Decoder(tuple[str, Actor, int | None, declared.body]).decode  # type: ignore[name-defined]
    old = msgspec.json.Decoder(tuple[str, Actor, int | None, dict[str, Any]])

    def lifted(document: bytes) -> Any:
        household, actor, amount, data = old.decode(document)
        return household, actor, amount, msgspec.convert(lift(declared, version, data), declared.body)

    return lifted


def to_cloud_event(fact: Fact) -> dict[str, Any]:
    """CloudEvents 1.0, structured JSON form. Extensions: actor, actorrole, household, kindversion, amount."""
    name, version = split_label(label_of(fact.body))
    body: object = fact.body.data if isinstance(fact.body, Unknown) else fact.body
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": id_text(fact.id),
        "source": f"/household/{fact.household}" if fact.household else "/operator",
        "type": name,
        "subject": fact.aggregate,
        "time": datetime.fromtimestamp(fact.time / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        + f"{fact.time % 1_000_000:06d}Z",
        "datacontenttype": "application/json",
        "kindversion": version,
        "actor": fact.actor.who,
        "actorrole": fact.actor.role,
        "data": msgspec.json.decode(_encode(body)),
    }
    if fact.household:
        event["household"] = fact.household
    if fact.amount is not None:
        event["amount"] = fact.amount
    return event


def from_cloud_event(event: dict[str, Any]) -> Fact:
    """Raises Refused("cloud_event_unreadable") naming what is missing or wrong."""
    try:
        if event["specversion"] != "1.0":
            raise ValueError("specversion is not 1.0")
        moment = datetime.fromisoformat(event["time"])
        if moment.tzinfo is None:
            raise ValueError("time has no zone")
        elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
        time = (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds
        label = f"{event['type']}/{int(event.get('kindversion', 1))}"
        household = str(event.get("household", ""))
        actor = Actor(str(event.get("actor", event["source"])), str(event.get("actorrole", "")))
        document = _encode((household, actor, event.get("amount"), event.get("data", {})))
        if len(document) > LARGEST_FACT:
            raise Refused("fact_too_large", size=len(document), largest=LARGEST_FACT)
        return from_row(id_bytes(event["id"]), time, str(event["subject"]), label, document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Refused("cloud_event_unreadable", why=str(error)) from error


def is_reading(fact: Fact) -> bool:
    return is_reading_body(fact.body)
