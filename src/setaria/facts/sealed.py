"""A stream encrypted with a passphrase, of any length, in bounded memory.

    header   magic (8) | version u16 | log2 of scrypt's n u8 | r u32 | p u32 | salt (32) | HMAC-SHA256 of all that (32)
    chunks   each 1 MiB (the last may be shorter), AES-256-GCM, 16-byte tag

Numbers are big-endian. scrypt makes 64 bytes of the passphrase: the chunks' key and the header's HMAC key, so that a
wrong passphrase is told from damage. The nonce is an 11-byte counter and a byte that is 1 on the last chunk alone (the
STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, CRYPTO 2015), the header is the associated data: chunks
that are missing, moved, doubled or appended are found.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from collections.abc import Callable
from secrets import token_bytes
from typing import BinaryIO, Final

from setaria.facts.refused import Refused

MAGIC: Final = b"SETARIA\x1a"
VERSION: Final = 1
HEADER: Final = struct.Struct(">8sHBII32s")
TAG: Final = 32
CHUNK: Final = 1 << 20
SEAL: Final = 16
SCRYPT_WORK: Final = 2**15
MOST_WORK: Final = 2**20  # 1 GiB of memory: beyond this a header is not believed

Progress = Callable[[int, int], None]


class Sealer:
    """A file for tarfile to write to."""

    def __init__(self, out: BinaryIO, passphrase: str, work: int) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        assert 2 <= work <= MOST_WORK
        assert work & (work - 1) == 0
        fields = HEADER.pack(MAGIC, VERSION, work.bit_length() - 1, 8, 1, token_bytes(32))
        key, self._header = _unlock(passphrase, fields)
        self._cipher = AESGCM(key)
        self._out = out
        self._waiting = bytearray()
        self._number = 0
        out.write(self._header)

    def write(self, content: bytes) -> int:
        self._waiting += content
        while len(self._waiting) > CHUNK:
            self._seal(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]
        return len(content)

    def close(self) -> None:
        self._seal(bytes(self._waiting), last=True)

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._number, last), chunk, self._header))
        self._number += 1


class Opener:
    """A file for tarfile to read from. Raises Refused: archive_locked, archive_damaged, archive_newer."""

    def __init__(self, source: BinaryIO, passphrase: str, progress: Progress | None) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._header = source.read(HEADER.size + TAG)
        if len(self._header) < HEADER.size + TAG or not self._header.startswith(MAGIC):
            raise Refused("archive_damaged", where="header")
        _, version, log_work, r, p, _ = HEADER.unpack(self._header[: HEADER.size])
        if version > VERSION:
            raise Refused("archive_newer", version=version, known=VERSION)
        if version < 1 or not 1 <= log_work <= 20 or r != 8 or p != 1:
            raise Refused("archive_damaged", where="header")
        key, header = _unlock(passphrase, self._header[: HEADER.size])
        if not hmac.compare_digest(header, self._header):
            raise Refused("archive_locked")
        self._cipher = AESGCM(key)
        self._source = source
        self._total = os.fstat(source.fileno()).st_size
        self._progress = progress
        self._number = 0
        self._ended = False
        self._open = b""
        self._next = source.read(CHUNK + SEAL)

    def read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size > 0 and (self._open or not self._ended):
            if not self._open:
                self._unseal()
            part, self._open = self._open[:size], self._open[size:]
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def finish(self) -> None:
        """Read on to the end, to see that nothing is missing."""
        while not self._ended:
            self._unseal()

    def _unseal(self) -> None:
        from cryptography.exceptions import InvalidTag

        sealed, self._next = self._next, self._source.read(CHUNK + SEAL)
        self._ended = not self._next
        try:
            self._open = self._cipher.decrypt(_nonce(self._number, self._ended), sealed, self._header)
        except (InvalidTag, ValueError) as error:
            where = HEADER.size + TAG + self._number * (CHUNK + SEAL)
            raise Refused("archive_damaged", where=f"byte {where}") from error
        self._number += 1
        if self._progress is not None:
            self._progress(self._source.tell(), self._total)


def _unlock(passphrase: str, fields: bytes) -> tuple[bytes, bytes]:
    """The chunks' key, and the whole header."""
    _, _, log_work, r, p, salt = HEADER.unpack(fields)
    work = 1 << log_work
    made = hashlib.scrypt(
        passphrase.encode(), salt=salt, n=work, r=r, p=p, maxmem=128 * r * (work + p + 2) + (1 << 20), dklen=64
    )
    return made[:32], fields + hmac.digest(made[32:], fields, "sha256")


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
