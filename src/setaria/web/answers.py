"""Answers on the wire: JSON, and refusals with their HTTP status."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from setaria.facts.refused import Refused
from setaria.words.catalogue import refusal

Headers = list[tuple[bytes, bytes]]

ALWAYS: Final[Sequence[tuple[bytes, bytes]]] = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
UNREADABLE: Final = 400  # what a code means that stands in no row below: refused by a rule
STATUS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("sign_in_needed", "sign_in_wrong", "token_void"), 401),
    **dict.fromkeys(
        (
            "not_allowed",
            "password_wrong",
            "code_wrong",
            "host_foreign",
            "origin_foreign",
            "origin_missing",
            "no_owner",
            "peer_not_near",
        ),
        403,
    ),
    **dict.fromkeys(("not_found", "route_unknown", "spec_unknown"), 404),
    "method_unknown": 405,
    "request_too_slow": 408,
    **dict.fromkeys(
        (
            "id_taken",
            "thing_already_added",
            "log_in_use",
            "nothing_to_undo",
            "member_has_linkages",
            "command_id_reused",
        ),
        409,
    ),
    "body_too_large": 413,
    "content_type_unfit": 415,
    "property_not_writable": 422,
    **dict.fromkeys(("log_busy", "live_full", "sign_in_throttled", "sign_in_busy"), 429),
    "fault": 500,
    "command_faulty": 500,
    "device_refused": 502,
    **dict.fromkeys(("request_too_long", "done_not_kept"), 503),
    "thing_unreachable": 504,
}
WORTH_PACKING: Final = 1_000  # bytes
LEVEL: Final = 5
_CODING: Final = re.compile(rb"([a-z*]+)(?:\s*;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?))?")
_PREFIXES: Final = (("unknown_", 404), ("value_", 422), ("argument_", 422), ("log_", 503), ("secrets_", 503))

_encode = msgspec.json.Encoder().encode


class RefusalView(msgspec.Struct, frozen=True):
    """`sentence` and `next` are in the language of Accept-Language; `next` may be empty."""

    code: str
    details: dict[str, Any]
    sentence: str
    next: str


class RefusedAnswer(msgspec.Struct, frozen=True):
    refused: RefusalView


def status_of(code: str) -> int:
    status = STATUS.get(code)
    if status is None:
        status = next((each for prefix, each in _PREFIXES if code.startswith(prefix)), UNREADABLE)
    return status


def view_of(refused: Refused, language: str) -> RefusalView:
    sentence, following = refusal(refused, language)
    return RefusalView(refused.code, refused.details, sentence, following)


def encode(answer: object) -> bytes:
    return _encode(answer)


def encode_refused(refused: Refused, language: str) -> bytes:
    try:
        return _encode(RefusedAnswer(view_of(refused, language)))
    except (TypeError, ValueError, OverflowError):  # a detail that is no JSON value, half a surrogate pair
        bare = Refused(refused.code)
        return _encode(RefusedAnswer(view_of(bare, language)))


def accepts(coding: bytes, headers: Mapping[bytes, bytes]) -> bool:
    """By Accept-Encoding (RFC 9110, section 12.5.3); who names nothing gets nothing compressed."""
    weights = {match[1]: match[2] for match in _CODING.finditer(headers.get(b"accept-encoding", b"")[:400].lower())}
    weight = weights.get(coding, weights.get(b"*", b"0"))
    return weight is None or float(weight) > 0


def gzipping(send: Any, accepted: bool) -> Any:
    """A `send` that packs JSON longer than a packet: with its length known, it comes in one part (`send_json`)."""
    held: Any = None

    async def packing(message: Any) -> None:
        nonlocal held
        if message["type"] == "http.response.start" and _is_long_json(message["headers"]):
            held = message
            return
        if held is not None:
            start, held = held, None
            await _send_packed(send, start, message, accepted)
            return
        await send(message)

    return packing


async def _send_packed(send: Any, start: Any, message: Any, accepted: bool) -> None:
    body = message.get("body", b"")
    varies = [value for name, value in start["headers"] if name == b"vary"]
    headers = [(name, value) for name, value in start["headers"] if name not in (b"vary", b"content-length")]
    headers.append((b"vary", b", ".join((b"accept-encoding", *varies))))
    if accepted:
        packer = zlib.compressobj(LEVEL, wbits=31)
        body = packer.compress(body) + packer.flush()
        headers.append((b"content-encoding", b"gzip"))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({**start, "headers": headers})
    await send({**message, "body": body})


def _is_long_json(headers: Headers) -> bool:
    fields = dict(headers)
    return (
        fields.get(b"content-type", b"").startswith(b"application/json")
        and b"content-encoding" not in fields
        and int(fields.get(b"content-length", b"0")) > WORTH_PACKING
    )


async def send_json(send: Any, status: int, document: bytes, extra: Sequence[tuple[bytes, bytes]] = ()) -> None:
    headers: Headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(document)).encode()),
        *ALWAYS,
        *extra,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": document})


async def send_refused(send: Any, refused: Refused, language: str, extra: Sequence[tuple[bytes, bytes]] = ()) -> None:
    await send_json(send, status_of(refused.code), encode_refused(refused, language), extra)
