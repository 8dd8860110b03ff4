"""miIO datagrams as bytes: hellos in the clear, messages under AES-128-CBC. No I/O.

    offset  0  magic 0x2131
            2  length of the whole datagram
            4  device id, 64 bits (all ones in a hello)
           12  stamp: seconds on the device's own clock
           16  checksum: md5(first 16 bytes + token + ciphertext); in a hello reply the token, or a note on push
           32  ciphertext: key = md5(token), iv = md5(key + token), PKCS7

Two hellos exist. The old one is 28 bytes of 0xFF after the length. The newer one carries `MDID` and the asker's virtual
device id, and a device that pushes answers it with `MSUB`, the stamp of the asker's subscription (0 for none), `PUB`, a
subscription type and 0xFE when one may subscribe to everything at once.
"""

from __future__ import annotations

import struct
from enum import StrEnum
from hashlib import md5
from typing import Final, NamedTuple, Self

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

PORT: Final = 54321
MAGIC: Final = 0x2131
HEADER_SIZE: Final = 32
TOKEN_SIZE: Final = 16
BLOCK: Final = 16

MESSAGE_LIMIT: Final = 1_400  # what a device is sure to take
READ_LIMIT: Final = 4_096  # what we take from a device; no real one has been seen to exceed it

_HEADER: Final = struct.Struct(">HHQI16s")
_FRONT: Final = struct.Struct(">HHQI")
_PUSH: Final = struct.Struct(">4sI3sBB3x")
_PROBE: Final = struct.Struct(">HHQI4sQ4x")
_MAGIC_BYTES: Final = MAGIC.to_bytes(2, "big")
_ALL_ONES: Final = 0xFFFF_FFFF_FFFF_FFFF
_OLD_HELLO: Final = _MAGIC_BYTES + HEADER_SIZE.to_bytes(2, "big") + b"\xff" * 28
_NEW_HELLO: Final = _OLD_HELLO[:16] + b"MDID"
_HIDDEN: Final = (b"\xff" * TOKEN_SIZE, b"\x00" * TOKEN_SIZE)
_PADS: Final = tuple(bytes((n,)) * n for n in range(BLOCK + 1))
_WILDCARD: Final = 0xFE


class Fault(StrEnum):
    SHORT = "short"
    WRONG_MAGIC = "wrong_magic"
    WRONG_LENGTH = "wrong_length"
    OVERSIZED = "oversized"
    WRONG_CHECKSUM = "wrong_checksum"  # nearly always: the token is not this device's
    BAD_PADDING = "bad_padding"
    BAD_JSON = "bad_json"
    BAD_SHAPE = "bad_shape"


class CodecError(ValueError):
    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(f"{fault}: {detail}" if detail else str(fault))
        self.fault = fault


class Header(NamedTuple):
    device_id: int
    stamp: int
    size: int


class Message(NamedTuple):
    device_id: int
    stamp: int
    payload: bytes


class Hello(NamedTuple):
    """`virtual_did` is 0 in the old hello, which asks for no push."""

    virtual_did: int = 0


class Push(NamedTuple):
    """What a device says of push: `subscribed_at` is the `update_ts` of the asker's `miIO.sub`, 0 when it has none."""

    subscribed_at: int = 0
    kind: int = 0
    wildcard: bool = True


class HelloReply(NamedTuple):
    """`token` is b"" unless the device has been reset and gives it away; `push` is None unless it can push."""

    device_id: int
    stamp: int
    token: bytes = b""
    push: Push | None = None


class Keys:
    """What follows from one token. Holds running AES contexts: for one thread, and never printed.

    Setting up a context costs more than a message. So both run on for ever, and CBC's chain is bent back to the start
    by hand: decrypting, the iv goes in as one more block whose output is thrown away; encrypting, the chain's last
    block is taken out of the first by XOR.
    """

    __slots__ = ("_chain", "_decrypt", "_encrypt", "_iv", "_start", "token")

    def __init__(self, token: bytes) -> None:
        if len(token) != TOKEN_SIZE:
            raise ValueError(f"a token has {TOKEN_SIZE} bytes, not {len(token)}")
        key = md5(token, usedforsecurity=False).digest()
        iv = md5(key + token, usedforsecurity=False).digest()
        cipher = Cipher(AES(key), CBC(iv))
        self.token: Final = token
        self._iv: Final = iv
        self._start: Final = int.from_bytes(iv, "big")
        self._chain = self._start
        self._encrypt: Final = cipher.encryptor().update
        self._decrypt: Final = cipher.decryptor().update

    @classmethod
    def from_token(cls, token: bytes) -> Self:
        return cls(token)

    def encrypt(self, padded: bytes) -> bytes:
        bend = self._start ^ self._chain
        if bend:
            padded = (int.from_bytes(padded[:BLOCK], "big") ^ bend).to_bytes(BLOCK, "big") + padded[BLOCK:]
        ciphertext = self._encrypt(padded)
        self._chain = int.from_bytes(ciphertext[-BLOCK:], "big")
        return ciphertext

    def decrypt(self, ciphertext: bytes) -> bytes:
        return self._decrypt(self._iv + ciphertext)[BLOCK:]


def encode_hello(virtual_did: int = 0) -> bytes:
    if not virtual_did:
        return _OLD_HELLO
    return _PROBE.pack(MAGIC, HEADER_SIZE, _ALL_ONES, _ALL_ONES >> 32, b"MDID", virtual_did)


def is_hello(datagram: bytes) -> bool:
    return datagram == _OLD_HELLO or (len(datagram) == HEADER_SIZE and datagram.startswith(_NEW_HELLO))


def parse_hello(datagram: bytes) -> Hello:
    """The device's side of it. Raises CodecError unless `is_hello`."""
    _check(datagram)
    if not is_hello(datagram):
        raise CodecError(Fault.BAD_SHAPE, "not a hello")
    return Hello() if datagram == _OLD_HELLO else Hello(_PROBE.unpack(datagram)[5])


def encode_hello_reply(reply: HelloReply) -> bytes:
    tail = _HIDDEN[0]
    if reply.push is not None:
        tail = _PUSH.pack(
            b"MSUB", reply.push.subscribed_at, b"PUB", reply.push.kind, _WILDCARD if reply.push.wildcard else 0
        )
    elif reply.token:
        tail = reply.token
    return _HEADER.pack(MAGIC, HEADER_SIZE, reply.device_id, reply.stamp, tail)


def is_hello_reply(datagram: bytes) -> bool:
    return len(datagram) == HEADER_SIZE and not is_hello(datagram)


def parse_hello_reply(datagram: bytes) -> HelloReply:
    _check(datagram)
    if not is_hello_reply(datagram):
        raise CodecError(Fault.BAD_SHAPE, "not a hello reply")
    _, _, device_id, stamp, tail = _HEADER.unpack(datagram)
    if tail.startswith(b"MSUB") and tail[8:11] == b"PUB":
        _, subscribed_at, _, kind, wildcard = _PUSH.unpack(tail)
        return HelloReply(device_id, stamp, push=Push(subscribed_at, kind, wildcard == _WILDCARD))
    return HelloReply(device_id, stamp, token=b"" if tail in _HIDDEN else tail)


def read_header(datagram: bytes) -> Header:
    """Whom a datagram is from, before its token is known. Raises CodecError."""
    _check(datagram)
    _, size, device_id, stamp = _FRONT.unpack_from(datagram)
    return Header(device_id, stamp, size)


def encode(keys: Keys, device_id: int, stamp: int, payload: bytes, limit: int = MESSAGE_LIMIT) -> bytes:
    """Raises CodecError(OVERSIZED) when the datagram would exceed `limit` bytes."""
    size = encoded_size(len(payload))
    if size > limit:
        raise CodecError(Fault.OVERSIZED, f"{size} bytes")
    ciphertext = keys.encrypt(payload + _PADS[BLOCK - len(payload) % BLOCK])
    front = _FRONT.pack(MAGIC, size, device_id, stamp)
    return front + md5(front + keys.token + ciphertext, usedforsecurity=False).digest() + ciphertext


def encoded_size(payload_size: int) -> int:
    return HEADER_SIZE + payload_size + BLOCK - payload_size % BLOCK


def decode(keys: Keys, datagram: bytes) -> Message:
    """Raises CodecError. The payload keeps whatever the device put after its JSON, NULs included."""
    _check(datagram)
    ciphertext = datagram[HEADER_SIZE:]
    if not ciphertext or len(ciphertext) % BLOCK:
        raise CodecError(Fault.WRONG_LENGTH, "no whole blocks of ciphertext")
    front = datagram[:BLOCK]
    if md5(front + keys.token + ciphertext, usedforsecurity=False).digest() != datagram[BLOCK:HEADER_SIZE]:
        raise CodecError(Fault.WRONG_CHECKSUM)
    padded = keys.decrypt(ciphertext)
    pad = padded[-1]
    if not 1 <= pad <= BLOCK or not padded.endswith(_PADS[pad]):
        raise CodecError(Fault.BAD_PADDING)
    _, _, device_id, stamp = _FRONT.unpack(front)
    return Message(device_id, stamp, padded[:-pad])


def _check(datagram: bytes) -> None:
    size = len(datagram)
    if size < HEADER_SIZE:
        raise CodecError(Fault.SHORT, f"{size} bytes")
    if size > READ_LIMIT:
        raise CodecError(Fault.OVERSIZED, f"{size} bytes")
    if not datagram.startswith(_MAGIC_BYTES):
        raise CodecError(Fault.WRONG_MAGIC)
    if datagram[2] << 8 | datagram[3] != size:
        raise CodecError(Fault.WRONG_LENGTH, f"{size} bytes, not the stated {datagram[2] << 8 | datagram[3]}")
