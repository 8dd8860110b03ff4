"""One connection to a broker, without I/O: fed bytes and the time, it tells what happened and what to send.

    opened -> CONNECT sent -> CONNACK 0 -> ready -> ended (closed, declined, silent or malformed)

Publishing with QoS 1 is done at its PUBACK, with QoS 2 at its PUBCOMP, with QoS 0 at once.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from setaria.facts.clock import SECOND
from setaria.facts.refused import Refused
from setaria.radio.mqtt import packets
from setaria.radio.mqtt.packets import Ack, Connack, Decoder, MalformedError, Publish, Suback, Type, Will

KEEP_ALIVE: Final = 30  # seconds
SILENCE: Final = 10 * SECOND  # after a ping or a CONNECT without an answer
MOST_IN_FLIGHT: Final = 1_024
MOST_UNSENT: Final = 1 << 20  # bytes
FILTERS_A_PACKET: Final = 100
PACKET_LIMIT: Final = 65_536 + 2_048  # a payload of 64 KiB with its topic
SUBSCRIBED_QOS: Final = 1  # never 2: no copy is kept to tell a second one by


class Credentials(msgspec.Struct, frozen=True):
    client: str
    username: str = ""
    password: str = ""


class Ready(msgspec.Struct, frozen=True):
    pass


class Message(msgspec.Struct, frozen=True):
    """`payload` is None when it was too large to be held."""

    topic: str
    payload: bytes | None
    retain: bool
    size: int


class Sent(msgspec.Struct, frozen=True):
    tag: int


class Turned(msgspec.Struct, frozen=True):
    """The broker gives nothing for this filter."""

    wanted: str


class Ended(msgspec.Struct, frozen=True):
    """why: declined (credentials), unwilling (any other refusal), silent, malformed."""

    why: str


Event = Ready | Message | Sent | Turned | Ended


class Conversation:
    """`outbox` is what to send, `events` what happened; whoever reads them clears them."""

    def __init__(self, credentials: Credentials, will: Will | None, limit: int = PACKET_LIMIT) -> None:
        self.outbox = bytearray()
        self.events: deque[Event] = deque()
        self.ready = False
        self._credentials = credentials
        self._will = will
        self._decoder = Decoder(limit)
        self._numbers = 0
        self._in_flight: dict[int, int] = {}
        self._subscribing: dict[int, list[str]] = {}
        self._heard = self._spoke = 0
        self._waiting_since: int | None = None
        self.ended = False

    def open(self, now: int) -> None:
        own = self._credentials
        self._send(now, packets.connect(own.client, KEEP_ALIVE, own.username, own.password, self._will))
        self._heard = now
        self._waiting_since = now

    def receive(self, now: int, data: bytes) -> None:
        if self.ended:
            return
        self._heard, self._waiting_since = now, None
        try:
            for packet in self._decoder.feed(data):
                self._take(now, packet)
        except MalformedError:
            self._end("malformed")

    def tick(self, now: int) -> None:
        """Call at least once a second."""
        if self.ended:
            return
        if self._waiting_since is not None:
            if now - self._waiting_since >= SILENCE:
                self._end("silent")
        elif self.ready and now - min(self._spoke, self._heard) >= KEEP_ALIVE * SECOND // 2:
            self._send(now, packets.PING)
            self._waiting_since = now

    def publish(self, now: int, topic: str, payload: bytes, qos: int, retain: bool, tag: int) -> None:
        """`Sent(tag)` follows. Raises Refused("radio_busy")."""
        if len(self._in_flight) >= MOST_IN_FLIGHT or len(self.outbox) + len(payload) > MOST_UNSENT:
            raise Refused("radio_busy", limit=MOST_IN_FLIGHT)
        number = self._number() if qos else 0
        self._send(now, packets.publish(topic, payload, qos, retain, number))
        if qos:
            self._in_flight[number] = tag
        else:
            self.events.append(Sent(tag))

    def subscribe(self, now: int, filters: list[str]) -> None:
        """Retained messages come again, also for what was subscribed to before."""
        for first in range(0, len(filters), FILTERS_A_PACKET):
            some = filters[first : first + FILTERS_A_PACKET]
            number = self._number()
            self._subscribing[number] = some
            self._send(now, packets.subscribe(number, some, SUBSCRIBED_QOS))

    def unsubscribe(self, now: int, filters: list[str]) -> None:
        for first in range(0, len(filters), FILTERS_A_PACKET):
            self._send(now, packets.unsubscribe(self._number(), filters[first : first + FILTERS_A_PACKET]))

    def close(self, now: int) -> None:
        if not self.ended:
            self._send(now, packets.DISCONNECT)
            self.ended, self.ready = True, False

    def _take(self, now: int, packet: packets.Packet) -> None:
        if isinstance(packet, Connack):
            if packet.code:
                self._end("declined" if packet.code in (4, 5) else "unwilling")
            else:
                self.ready = True
                self.events.append(Ready())
        elif not self.ready:
            raise MalformedError("before its CONNACK")
        elif isinstance(packet, Publish):
            if packet.qos:
                self._send(now, packets.ack(Type.PUBACK if packet.qos == 1 else Type.PUBREC, packet.packet))
            self.events.append(Message(packet.topic, packet.payload, packet.retain, packet.size))
        elif isinstance(packet, Suback):
            for wanted, code in zip(self._subscribing.pop(packet.packet, ()), packet.codes, strict=False):
                if code & 0x80:
                    self.events.append(Turned(wanted))
        elif isinstance(packet, Ack):
            self._acknowledged(now, packet)

    def _acknowledged(self, now: int, packet: Ack) -> None:
        if packet.type is Type.PUBREC:
            self._send(now, packets.ack(Type.PUBREL, packet.packet))
        elif packet.type is Type.PUBREL:
            self._send(now, packets.ack(Type.PUBCOMP, packet.packet))
        elif packet.type is not Type.UNSUBACK:
            tag = self._in_flight.pop(packet.packet, None)
            if tag is not None:
                self.events.append(Sent(tag))

    def _number(self) -> int:
        while True:
            self._numbers = self._numbers % 65_535 + 1
            if self._numbers not in self._in_flight:
                return self._numbers

    def _send(self, now: int, data: bytes) -> None:
        self.outbox += data
        self._spoke = now

    def _end(self, why: str) -> None:
        self.ended, self.ready = True, False
        self.events.append(Ended(why))
