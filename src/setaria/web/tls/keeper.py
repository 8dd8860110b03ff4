"""Keeps a certificate that is good for what this machine is called today.

In the folder lie `ca.crt` (for whoever wants to trust it), `hub.pem` (the hub's key and certificate in one file, so
that no crash can part them; a plain file of mode 0600, since the server reads nothing else) and `kept.json` (what they
are good for, so that an ordinary start reads no X.509). The authority's own key is in the secret store.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Final

import msgspec

from setaria.facts.clock import DAY, Clock
from setaria.facts.refused import Refused
from setaria.facts.secrets import SecretStore

if TYPE_CHECKING:
    from setaria.web.tls.authority import Leaf

logger = logging.getLogger(__name__)

RENEW_BEFORE: Final = 30 * DAY
KEY_NAME: Final = "tls/authority"
CA: Final = "ca.crt"
PAIR: Final = "hub.pem"
KEPT: Final = "kept.json"
LARGEST_FILE: Final = 256 * 1024
VERSION: Final = 1
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"


class Kept(msgspec.Struct, frozen=True):
    """`wanted` is what was to be certified, `named` what the authority may speak for. Times in UTC microseconds."""

    version: int
    wanted: tuple[str, ...]
    named: tuple[str, ...]
    since: int
    until: int
    authority_until: int
    fingerprint: str


class Keeper:
    def __init__(self, folder: Path, secrets: SecretStore, clock: Clock) -> None:
        self.folder = folder
        self._secrets = secrets
        self._clock = clock
        self.kept: Kept | None = self._read()

    @property
    def pair(self) -> Path:
        return self.folder / PAIR

    @property
    def authority(self) -> bytes:
        """PEM, or empty while there is none."""
        return content(self.folder / CA)

    def due(self, wanted: Sequence[str]) -> bool:
        """Whether a new certificate should be made now. Not by a clock that nobody has set yet: it would be no good
        once the clock is right, and what is there already may well be."""
        if not self._clock.trusted():
            return False
        kept = self.kept
        if kept is None or not set(wanted) <= set(kept.wanted):
            return True
        return not kept.since <= self._clock.now() < kept.until - RENEW_BEFORE

    async def renew(self, wanted: Sequence[str], host: str = "") -> Kept:
        """Makes the authority too when there is none, or it ends. Raises Refused: tls_unwritable, and what the secret
        store does."""
        now = self._clock.now()
        known = (self.authority, self._secrets.get(KEY_NAME) or b"")
        certificate, key, leaf, authority_until = await asyncio.to_thread(_make, known, now, host, tuple(wanted))
        mark = fingerprint(certificate)
        kept = Kept(VERSION, tuple(wanted), leaf.named, leaf.since, leaf.until, authority_until, mark)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            if certificate != known[0]:
                self._secrets.put(KEY_NAME, key)
                _replace(self.folder / CA, certificate)
            _replace(self.folder / PAIR, leaf.pair)
            _replace(self.folder / KEPT, msgspec.json.encode(kept))
        except OSError as error:
            raise Refused("tls_unwritable", path=str(self.folder), why=error.strerror or "") from None
        self.kept = kept
        return kept

    def _read(self) -> Kept | None:
        """None unless all three files are there and belong together."""
        try:
            kept = msgspec.json.decode(content(self.folder / KEPT), type=Kept)
        except msgspec.DecodeError:
            return None
        pair, authority = content(self.folder / PAIR), self.authority
        if kept.version != VERSION or not pair or not authority or fingerprint(authority) != kept.fingerprint:
            return None
        return kept


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of the DER in a PEM, in hexadecimal, or "" when there is none in it."""
    inner = der(certificate)
    return hashlib.sha256(inner).hexdigest() if inner else ""


def der(certificate: bytes) -> bytes:
    """Of a PEM; empty when there is none in it."""
    try:
        return b64decode(certificate.decode("ascii").partition(_BEGIN)[2].partition(_END)[0])
    except ValueError:
        return b""


def content(path: Path) -> bytes:
    """Empty when it cannot be read."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            return file.read(LARGEST_FILE)
    except OSError:
        return b""


def _make(known: tuple[bytes, bytes], now: int, host: str, wanted: tuple[str, ...]) -> tuple[bytes, bytes, Leaf, int]:
    from setaria.web.tls.authority import Authority, ends, issue, make_authority

    if all(known) and (until := ends(known[0])) - RENEW_BEFORE > now:
        authority = Authority(*known, until)
        try:
            return (*known, issue(authority, now, wanted), until)
        except ValueError:
            logger.warning("the key of the home's certificate authority is not its own: a new one is made")
    authority = make_authority(now, host, wanted)
    return authority.certificate, authority.key, issue(authority, now, wanted), authority.until


def _replace(path: Path, written: bytes) -> None:
    """The file appears whole or not at all, and for nobody else to read."""
    made = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(written)
            file.flush()
            os.fsync(descriptor)
        made.replace(path)
    except OSError:
        made.unlink(missing_ok=True)
        raise
