"""The wire: vectors of the standard, any pieces, anything at all, and what is too large."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.facts.clock import SECOND
from setaria.facts.refused import Refused
from setaria.radio.mqtt import packets
from setaria.radio.mqtt.conversation import (
    MOST_IN_FLIGHT,
    Conversation,
    Credentials,
    Ended,
    Message,
    Ready,
    Sent,
    Turned,
)
from setaria.radio.mqtt.packets import Ack, Connack, Decoder, MalformedError, Publish, Suback, Type, Will

CONNACK = b"\x20\x02\x00\x00"


def test_connect_as_the_standard_writes_it() -> None:
    made = packets.connect("c", 30, "u", "p", Will("w", b"x", 1, retain=True))
    assert made == b"\x10\x19\x00\x04MQTT\x04\xee\x00\x1e\x00\x01c\x00\x01w\x00\x01x\x00\x01u\x00\x01p"


def test_publish_and_subscribe_as_the_standard_writes_them() -> None:
    assert packets.publish("a/b", b"hi", 1, True, 10) == b"\x33\x09\x00\x03a/b\x00\x0ahi"
    assert packets.publish("a/b", b"", 0, False, 0) == b"\x30\x05\x00\x03a/b"
    assert packets.subscribe(10, ["a/b", "c/d"], 1) == b"\x82\x0e\x00\x0a\x00\x03a/b\x01\x00\x03c/d\x01"
    assert packets.unsubscribe(2, ["a"]) == b"\xa2\x05\x00\x02\x00\x01a"
    assert packets.ack(Type.PUBREL, 7) == b"\x62\x02\x00\x07"


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300),
    st.binary(max_size=400),
    st.integers(0, 2),
    st.booleans(),
    st.integers(1, 50),
)
def test_what_is_published_is_read_in_any_pieces(topic: str, payload: bytes, qos: int, retain: bool, step: int) -> None:
    sent = packets.publish(topic, payload, qos, retain, 9) * 2
    decoder = Decoder(100_000)
    read = [packet for at in range(0, len(sent), step) for packet in decoder.feed(sent[at : at + step])]
    assert read == [Publish(topic, payload, qos, retain, 9 if qos else 0, len(payload))] * 2


@given(st.binary(max_size=200), st.integers(1, 7))
def test_anything_at_all_is_read_or_malformed(content: bytes, step: int) -> None:
    decoder = Decoder(64)
    try:
        for at in range(0, len(content), step):
            decoder.feed(content[at : at + step])
    except MalformedError:
        return
    assert len(decoder._buffer) <= 64 + 2 + 65_535 + 5


@pytest.mark.parametrize("step", [997, 5_000, 2_000_000])
def test_a_megabyte_is_passed_over_and_never_held(step: int) -> None:
    sent = packets.publish("big", b"x" * 1_000_000, 1, True, 5) + packets.publish("small", b"y", 0, False, 0)
    decoder = Decoder(66_000)
    read: list[packets.Packet] = []
    for at in range(0, len(sent), step):
        read += decoder.feed(sent[at : at + step])
        if step < 1_000_000:
            assert len(decoder._buffer) < 70_000
    assert read == [Publish("big", None, 1, True, 5, 1_000_000), Publish("small", b"y", size=1)]


def test_an_endless_length_and_strange_packets_are_malformed() -> None:
    for content in (
        b"\x30\xff\xff\xff\xff\x01",
        b"\x00\x00",
        b"\x10\x02\x00\x00",
        b"\x36\x02\x00\x00",
        b"\x40\x01\x00",
    ):
        with pytest.raises(MalformedError):
            Decoder(100).feed(content)
    with pytest.raises(MalformedError):
        Decoder(10).feed(b"\x90\x7f")  # only what is published may be large


def ready(will: Will | None = None) -> Conversation:
    talk = Conversation(Credentials("c", "u", "p"), will)
    talk.open(0)
    talk.receive(0, CONNACK)
    assert talk.events.popleft() == Ready()
    talk.outbox.clear()
    return talk


def test_each_quality_is_done_when_it_is() -> None:
    talk = ready()
    talk.publish(0, "t", b"0", 0, False, 1)
    talk.publish(0, "t", b"1", 1, False, 2)
    talk.publish(0, "t", b"2", 2, False, 3)
    assert list(talk.events) == [Sent(1)]
    talk.receive(0, packets.ack(Type.PUBACK, 1) + packets.ack(Type.PUBREC, 2))
    assert list(talk.events) == [Sent(1), Sent(2)]
    assert talk.outbox.endswith(packets.ack(Type.PUBREL, 2))
    talk.receive(0, packets.ack(Type.PUBCOMP, 2))
    assert talk.events[-1] == Sent(3)


def test_what_comes_is_acknowledged_and_refused_filters_are_told() -> None:
    talk = ready()
    talk.subscribe(0, ["a", "b"])
    talk.receive(0, b"\x90\x04\x00\x01\x01\x80" + packets.publish("a", b"x", 1, True, 77))
    assert list(talk.events) == [Turned("b"), Message("a", b"x", True, 1)]
    assert talk.outbox.endswith(packets.ack(Type.PUBACK, 77))


def test_silence_and_refusals_end_it() -> None:
    talk = Conversation(Credentials("c"), None)
    talk.open(0)
    talk.receive(0, b"\x20\x02\x00\x05")
    assert list(talk.events) == [Ended("declined")]
    talk = ready()
    talk.tick(16 * SECOND)
    assert talk.outbox == packets.PING
    talk.tick(20 * SECOND)
    assert not talk.events
    talk.tick(27 * SECOND)
    assert list(talk.events) == [Ended("silent")]
    early = Conversation(Credentials("c"), None)
    early.open(0)
    early.receive(0, packets.publish("a", b"", 0, False, 0))
    assert list(early.events) == [Ended("malformed")]


def test_no_more_is_in_flight_than_may_be() -> None:
    talk = ready()
    for tag in range(MOST_IN_FLIGHT):
        talk.publish(0, "t", b"", 1, False, tag)
    with pytest.raises(Refused) as refused:
        talk.publish(0, "t", b"", 1, False, -1)
    assert refused.value.code == "radio_busy"


def test_parsed_as_written() -> None:
    assert Decoder(99).feed(CONNACK) == [Connack(0)]
    assert Decoder(99).feed(b"\x90\x03\x00\x01\x80") == [Suback(1, (0x80,))]
    assert Decoder(99).feed(b"\xb0\x02\x00\x09") == [Ack(Type.UNSUBACK, 9)]
