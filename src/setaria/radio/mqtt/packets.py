"""MQTT 3.1.1 as a client speaks it (OASIS standard, sections 2 and 3): bytes <-> packets, without I/O.

A PUBLISH larger than the decoder's limit is never held: its topic is told with no payload, its bytes are passed over,
and the connection goes on.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec

LONGEST_TOPIC: Final = 65_535  # bytes
LARGEST_PACKET: Final = 268_435_455


class Type(enum.IntEnum):
    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


class MalformedError(Exception):
    """What came is no MQTT: the connection cannot go on."""


class Will(msgspec.Struct, frozen=True):
    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


class Connack(msgspec.Struct, frozen=True):
    """`code` 0 is a yes; 4 and 5 are about the credentials (section 3.2.2.3)."""

    code: int


class Publish(msgspec.Struct, frozen=True):
    """`payload` is None when it was larger than the limit; `size` is what it was."""

    topic: str
    payload: bytes | None
    qos: int = 0
    retain: bool = False
    packet: int = 0
    size: int = 0


class Ack(msgspec.Struct, frozen=True):
    """PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK."""

    type: Type
    packet: int


class Suback(msgspec.Struct, frozen=True):
    """A code a filter: the granted QoS, 0x80 for a refusal."""

    packet: int
    codes: tuple[int, ...]


class Pong(msgspec.Struct, frozen=True):
    pass


Packet = Connack | Publish | Ack | Suback | Pong

_ACKS: Final = frozenset({Type.PUBACK, Type.PUBREC, Type.PUBREL, Type.PUBCOMP, Type.UNSUBACK})


class Decoder:
    """Fed bytes in any pieces. `limit` bounds what of one packet is held."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._skip = 0  # bytes of an oversized packet that are still to come

    def feed(self, data: bytes) -> list[Packet]:
        """Raises MalformedError."""
        if self._skip:
            passed = min(self._skip, len(data))
            self._skip -= passed
            data = data[passed:]
        self._buffer += data
        packets: list[Packet] = []
        while (found := self._next()) is not None:
            packets.append(found)
        return packets

    def _next(self) -> Packet | None:
        header = _header(self._buffer)
        if header is None:
            return None
        start, size = header
        first = self._buffer[0]
        if size > self._limit:
            return self._oversized(first, start, size)
        if len(self._buffer) < start + size:
            return None
        body = bytes(self._buffer[start : start + size])
        del self._buffer[: start + size]
        return _parse(first, body)

    def _oversized(self, first: int, start: int, size: int) -> Packet | None:
        if first >> 4 != Type.PUBLISH:
            raise MalformedError("too large")
        buffer = self._buffer
        if len(buffer) < start + 2:
            return None
        needed = start + 2 + int.from_bytes(buffer[start : start + 2], "big") + (2 if first & 6 else 0)
        if needed > start + size:
            raise MalformedError("topic longer than its packet")
        if len(buffer) < needed:
            return None
        told = _publish(first, bytes(buffer[start:needed]))
        missing = start + size - len(buffer)
        if missing > 0:
            buffer.clear()
            self._skip = missing
        else:
            del buffer[: start + size]
        return msgspec.structs.replace(told, payload=None, size=start + size - needed)


def _header(buffer: bytearray) -> tuple[int, int] | None:
    """Where the body starts and how long it is (section 2.2.3)."""
    size, shift = 0, 0
    for at in range(1, 5):
        if at >= len(buffer):
            return None
        size |= (buffer[at] & 0x7F) << shift
        if not buffer[at] & 0x80:
            return at + 1, size
        shift += 7
    raise MalformedError("length of more than four bytes")


def _parse(first: int, body: bytes) -> Packet:
    try:
        kind = Type(first >> 4)
    except ValueError:
        raise MalformedError("unknown type") from None
    if kind is Type.PUBLISH:
        return _publish(first, body)
    if kind is Type.PINGRESP:
        return Pong()
    if len(body) < 2:
        raise MalformedError("too short")
    if kind is Type.CONNACK:
        return Connack(body[1])
    packet = int.from_bytes(body[:2], "big")
    if kind in _ACKS:
        return Ack(kind, packet)
    if kind is Type.SUBACK:
        return Suback(packet, tuple(body[2:]))
    raise MalformedError("not for a client")


def _publish(first: int, body: bytes) -> Publish:
    qos = first >> 1 & 3
    at = 2 + int.from_bytes(body[:2], "big")
    if len(body) < 2 or qos == 3 or len(body) < at + (2 if qos else 0):
        raise MalformedError("publish")
    try:
        topic = body[2:at].decode()
    except UnicodeDecodeError:
        raise MalformedError("topic is no UTF-8") from None
    packet = 0
    if qos:
        packet = int.from_bytes(body[at : at + 2], "big")
        at += 2
    return Publish(topic, body[at:], qos, bool(first & 1), packet, len(body) - at)


# What a client sends.


def connect(client: str, keep_alive: int, username: str, password: str, will: Will | None) -> bytes:
    """A clean session: what was missed is asked for anew, not kept by the broker."""
    flags, tail = 0x02, _text(client)
    if will is not None:
        flags |= 0x04 | will.qos << 3 | (0x20 if will.retain else 0)
        tail += _text(will.topic) + len(will.payload).to_bytes(2, "big") + will.payload
    if username:
        flags |= 0x80
        tail += _text(username)
        if password:
            flags |= 0x40
            tail += _text(password)
    return _packet(Type.CONNECT, 0, _text("MQTT") + bytes((4, flags)) + keep_alive.to_bytes(2, "big") + tail)


def publish(topic: str, payload: bytes, qos: int, retain: bool, packet: int) -> bytes:
    number = packet.to_bytes(2, "big") if qos else b""
    return _packet(Type.PUBLISH, qos << 1 | retain, _text(topic) + number + payload)


def subscribe(packet: int, filters: list[str], qos: int) -> bytes:
    wanted = b"".join(_text(each) + bytes((qos,)) for each in filters)
    return _packet(Type.SUBSCRIBE, 2, packet.to_bytes(2, "big") + wanted)


def unsubscribe(packet: int, filters: list[str]) -> bytes:
    return _packet(Type.UNSUBSCRIBE, 2, packet.to_bytes(2, "big") + b"".join(map(_text, filters)))


def ack(kind: Type, packet: int) -> bytes:
    return _packet(kind, 2 if kind is Type.PUBREL else 0, packet.to_bytes(2, "big"))


PING: Final = bytes((Type.PINGREQ << 4, 0))
DISCONNECT: Final = bytes((Type.DISCONNECT << 4, 0))


def _text(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) > LONGEST_TOPIC:
        raise ValueError("text too long")
    return len(encoded).to_bytes(2, "big") + encoded


def _packet(kind: Type, flags: int, body: bytes) -> bytes:
    size = len(body)
    if size > LARGEST_PACKET:
        raise ValueError("packet too large")
    length = bytearray()
    while True:
        size, digit = size >> 7, size & 0x7F
        length.append(digit | 0x80 if size else digit)
        if not size:
            return bytes((kind << 4 | flags,)) + bytes(length) + body
