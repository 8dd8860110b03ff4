"""A certificate of one's own, checked before anything is served with it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from setaria.facts.refused import Refused

LARGEST_FILE: Final = 256 * 1024
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class Own(msgspec.Struct, frozen=True):
    """`named` are the names and addresses it is good for, without wildcards; times in UTC microseconds; `mark` is
    its SHA-256."""

    named: tuple[str, ...]
    since: int
    until: int
    mark: str


def check_own(certificate: Path, key: Path, now: int, clock_trusted: bool) -> Own:
    """Raises Refused: tls_file_unreadable, tls_key_open, tls_certificate_unfit, tls_key_unfit, tls_key_locked,
    tls_pair_unlike, tls_certificate_early, tls_certificate_expired."""
    try:
        leaf = x509.load_pem_x509_certificates(_read(certificate))[0]
        public = leaf.public_key()
    except ValueError:
        raise Refused("tls_certificate_unfit", path=str(certificate)) from None
    written = _read(key)
    if key.stat().st_mode & 0o007:
        raise Refused("tls_key_open", path=str(key))
    try:
        private = serialization.load_pem_private_key(written, None)
    except TypeError:
        raise Refused("tls_key_locked", path=str(key)) from None
    except ValueError:
        raise Refused("tls_key_unfit", path=str(key)) from None
    if _written(private.public_key()) != _written(public):
        raise Refused("tls_pair_unlike", certificate=str(certificate), key=str(key))
    own = Own(
        _named(leaf),
        _micros(leaf.not_valid_before_utc),
        _micros(leaf.not_valid_after_utc),
        leaf.fingerprint(hashes.SHA256()).hex(),
    )
    if clock_trusted and now < own.since:
        raise Refused("tls_certificate_early", path=str(certificate), since=_day(leaf.not_valid_before_utc))
    if clock_trusted and now >= own.until:
        raise Refused("tls_certificate_expired", path=str(certificate), until=_day(leaf.not_valid_after_utc))
    return own


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE)
    except OSError as error:
        raise Refused("tls_file_unreadable", path=str(path), why=error.strerror or "") from None


def _named(leaf: x509.Certificate) -> tuple[str, ...]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    dns = [each.lower() for each in names.get_values_for_type(x509.DNSName) if "*" not in each]
    return (*dns, *map(str, names.get_values_for_type(x509.IPAddress)))


def _written(public: object) -> bytes:
    assert hasattr(public, "public_bytes")
    written: bytes = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return written


def _micros(moment: datetime.datetime) -> int:
    return (moment - _EPOCH) // datetime.timedelta(microseconds=1)


def _day(moment: datetime.datetime) -> str:
    return moment.date().isoformat()
