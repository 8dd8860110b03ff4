"""The vectors were written by python-miio 0.5.12's `Message.build`, run as a program of its own, and frozen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.radio.miio.codec import (
    HEADER_SIZE,
    MESSAGE_LIMIT,
    READ_LIMIT,
    CodecError,
    Fault,
    Hello,
    HelloReply,
    Keys,
    Message,
    Push,
    decode,
    encode,
    encode_hello,
    encode_hello_reply,
    encoded_size,
    is_hello,
    is_hello_reply,
    parse_hello,
    parse_hello_reply,
    read_header,
)

TOKEN = bytes.fromhex("00112233445566778899aabbccddeeff")
DID = 234567890
STAMP = 1_700_000_000
VECTORS = [
    (
        b'{"id": 1, "method": "miIO.info", "params": []}\x00',
        (
            "21310050000000000dfb38d26553f100461d566320bfe411104e348ddb89529e2a36b2b7afa85bd6a9f1ed82b485a3d6"
            "c2c13a12855c97fc9a0bd7be55469c61b5393611ac2c922588d969ad8c226bde"
        ),
    ),
    (
        (
            b'{"id": 9999, "method": "set_properties", "params": '
            b'[{"did": "234567890", "siid": 2, "piid": 1, "value": true}]}\x00'
        ),
        (
            "213100a0000000000dfb38d26553f10021b4cfcec7a19da98a137f9c90cc3b590b07741daeb0ea18ac705a1a60b88d85"
            "5a4dff00aab937e4142ac9f83b22c7ec20f5d7f5e8e4f028f393023516675b92596cfbe588b203a1402c6bd9e21efa1e"
            "b599bac75446248ae2f20709610ee94881d9facb39733195f61ab7951291a39a0ff3865b7f289e820f7d72a14515420f"
            "fe0d22e69f149f7246203fd7eac86253"
        ),
    ),
]

tokens = st.binary(min_size=16, max_size=16)
device_ids = st.integers(0, 2**64 - 1)
stamps = st.integers(0, 2**32 - 1)
payloads = st.binary(max_size=1300)


@pytest.mark.parametrize(("payload", "written"), VECTORS)
def test_reads_and_writes_what_python_miio_wrote(payload: bytes, written: str) -> None:
    datagram = bytes.fromhex(written)
    assert decode(Keys(TOKEN), datagram) == Message(DID, STAMP, payload)
    assert encode(Keys(TOKEN), DID, STAMP, payload) == datagram


def test_vectors_hold_on_contexts_that_have_run() -> None:
    keys = Keys(TOKEN)
    for _ in range(3):
        for payload, written in VECTORS:
            assert encode(keys, DID, STAMP, payload).hex() == written
            assert decode(keys, bytes.fromhex(written)).payload == payload


@given(tokens, st.lists(st.tuples(device_ids, stamps, payloads), min_size=1, max_size=5))
def test_what_is_encoded_is_decoded_and_depends_on_nothing_before(
    token: bytes, messages: list[tuple[int, int, bytes]]
) -> None:
    writer, reader = Keys(token), Keys(token)
    for device_id, stamp, payload in messages:
        datagram = encode(writer, device_id, stamp, payload)
        assert datagram == encode(Keys(token), device_id, stamp, payload)
        assert len(datagram) == encoded_size(len(payload))
        assert read_header(datagram) == (device_id, stamp, len(datagram))
        assert decode(reader, datagram) == Message(device_id, stamp, payload)


@given(payloads, st.data())
def test_a_changed_byte_is_noticed_and_harms_no_later_message(payload: bytes, data: st.DataObject) -> None:
    keys = Keys(TOKEN)
    datagram = bytearray(encode(keys, DID, STAMP, payload))
    place = data.draw(st.integers(0, len(datagram) - 1))
    datagram[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CodecError):
        decode(keys, bytes(datagram))
    assert decode(keys, encode(keys, DID, STAMP, payload)).payload == payload


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda rest: b"\x21\x31\x00\x20" + rest))
def test_noise_raises_nothing_but_codec_errors(noise: bytes) -> None:
    for read in (parse_hello, parse_hello_reply, read_header, lambda datagram: decode(Keys(TOKEN), datagram)):
        try:
            read(noise)
        except CodecError as error:
            assert error.fault in Fault  # noqa: PT017  any fault will do


def _fault(datagram: bytes, keys: Keys | None = None) -> Fault:
    with pytest.raises(CodecError) as caught:
        decode(keys or Keys(TOKEN), datagram)
    return caught.value.fault


def test_every_fault_of_a_datagram_has_its_name() -> None:
    good = encode(Keys(TOKEN), DID, STAMP, b"{}")
    assert _fault(good[: HEADER_SIZE - 1]) is Fault.SHORT
    assert _fault(b"\x21\x32" + good[2:]) is Fault.WRONG_MAGIC
    assert _fault(good + b"\x00") is Fault.WRONG_LENGTH
    assert _fault(good[:-1]) is Fault.WRONG_LENGTH
    assert _fault(b"\x21\x31\x00\x20" + good[4:32]) is Fault.WRONG_LENGTH
    assert _fault(good, Keys(bytes(16))) is Fault.WRONG_CHECKSUM
    assert _fault(b"\x21\x31" + (READ_LIMIT + 16).to_bytes(2, "big") + bytes(READ_LIMIT + 12)) is Fault.OVERSIZED


def test_padding_that_is_none_is_refused_though_the_checksum_holds() -> None:
    import hashlib

    keys = Keys(TOKEN)
    for last in (b"\x00", b"\x11", b"\x02"):
        ciphertext = Keys(TOKEN).encrypt(bytes(15) + last)
        front = b"\x21\x31\x00\x30" + DID.to_bytes(8, "big") + STAMP.to_bytes(4, "big")
        datagram = front + hashlib.md5(front + TOKEN + ciphertext).digest() + ciphertext
        assert _fault(datagram, keys) is Fault.BAD_PADDING


def test_limits_of_what_is_written_and_read() -> None:
    keys = Keys(TOKEN)
    most = MESSAGE_LIMIT - HEADER_SIZE - (MESSAGE_LIMIT - HEADER_SIZE) % 16 - 1
    assert len(encode(keys, DID, STAMP, bytes(most))) <= MESSAGE_LIMIT
    with pytest.raises(CodecError, match="oversized"):
        encode(keys, DID, STAMP, bytes(most + 1))
    long = encode(keys, DID, STAMP, bytes(READ_LIMIT - HEADER_SIZE - 1), limit=READ_LIMIT)
    assert len(long) == READ_LIMIT
    assert len(decode(keys, long).payload) == READ_LIMIT - HEADER_SIZE - 1


def test_hellos() -> None:
    assert encode_hello() == bytes.fromhex("21310020" + "ff" * 28)
    assert encode_hello(0x0102030405060708) == bytes.fromhex("21310020" + "ff" * 12) + b"MDID" + bytes(
        (1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0)
    )
    assert parse_hello(encode_hello()) == Hello()
    assert parse_hello(encode_hello(77)) == Hello(77)
    assert is_hello(encode_hello())
    assert is_hello(encode_hello(77))
    assert not is_hello(encode_hello_reply(HelloReply(1, 2)))
    assert not is_hello_reply(encode_hello(77))
    with pytest.raises(CodecError):
        parse_hello(encode_hello_reply(HelloReply(1, 2)))


@given(device_ids, stamps, st.integers(0, 2**32 - 1), st.integers(0, 255), st.booleans())
def test_hello_replies_with_push(device_id: int, stamp: int, subscribed_at: int, kind: int, wildcard: bool) -> None:
    reply = HelloReply(device_id, stamp, push=Push(subscribed_at, kind, wildcard))
    datagram = encode_hello_reply(reply)
    assert datagram[16:20] == b"MSUB"
    assert datagram[24:27] == b"PUB"
    assert (datagram[28] == 0xFE) is wildcard
    if not is_hello(datagram):
        assert parse_hello_reply(datagram) == reply


def test_a_hidden_token_is_none_and_a_given_one_is_read() -> None:
    for hidden in (b"\xff" * 16, bytes(16)):
        datagram = bytes.fromhex("21310020000000000dfb38d26553f100") + hidden
        assert parse_hello_reply(datagram) == HelloReply(DID, STAMP)
    given_away = bytes.fromhex("21310020000000000dfb38d26553f100") + TOKEN
    assert parse_hello_reply(given_away) == HelloReply(DID, STAMP, TOKEN)
    assert encode_hello_reply(HelloReply(DID, STAMP, TOKEN)) == given_away


def test_a_token_has_sixteen_bytes() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Keys(bytes(15))
