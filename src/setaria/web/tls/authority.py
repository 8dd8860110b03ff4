"""The home's own certificate authority: pure, bytes in and bytes out.

The authority may speak for this home only: its name constraints (RFC 5280, section 4.2.1.10) permit names that cannot
exist on the Internet, private addresses, and what this machine was called when the authority was made. So a phone that
trusts it gives nobody power over its bank.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from setaria.facts.clock import DAY, HOUR

AUTHORITY_LASTS: Final = 3_652 * DAY
LEAF_LASTS: Final = 397 * DAY  # CA/Browser Forum baseline requirements, section 6.3.2: 398 at most
BACKDATED: Final = HOUR  # clocks of phones differ
AUTHORITY_SINCE: Final = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)  # whatever this machine's clock said
NAMES: Final = ("localhost", "local", "home.arpa", "internal", "lan")  # and all below them; none can be registered
NETWORKS: Final = (
    *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"),
    *("::1/128", "fc00::/7", "fe80::/10"),
)
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND: Final = datetime.timedelta(microseconds=1)


class Authority(msgspec.Struct, frozen=True):
    """`certificate` is PEM, `key` PKCS #8 in DER, `until` UTC microseconds."""

    certificate: bytes
    key: bytes
    until: int


class Leaf(msgspec.Struct, frozen=True):
    """`pair` is PEM: the key and its certificate. `named` are the names and addresses that it is good for."""

    pair: bytes
    named: tuple[str, ...]
    since: int
    until: int


def make_authority(now: int, host: str, named: Sequence[str]) -> Authority:
    """Good for `named` besides the names and networks above, from now on for ten years."""
    key = ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    title = f"Setaria of {host or 'home'} ({identifier.digest[:3].hex()})"[:64]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, title)])
    until = now + AUTHORITY_LASTS
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(AUTHORITY_SINCE)
        .not_valid_after(_moment(until))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(_permitted(named), None), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    written = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Authority(certificate.public_bytes(serialization.Encoding.PEM), written, until)


def issue(authority: Authority, now: int, named: Sequence[str]) -> Leaf:
    """For as many of `named` as the authority may speak for. Raises ValueError when it cannot be read."""
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    signer = serialization.load_der_private_key(authority.key, None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey) or signer.public_key() != issuer.public_key():
        raise ValueError("the key is not the authority's")
    covered = tuple(each for each in named if permits(issuer, each))
    key = ec.generate_private_key(ec.SECP256R1())
    since, until = now - BACKDATED, min(now - BACKDATED + LEAF_LASTS, authority.until)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Setaria hub")]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_moment(since))
        .not_valid_after(_moment(until))
        .add_extension(x509.SubjectAlternativeName(list(map(_general, covered))), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Leaf(written + certificate.public_bytes(serialization.Encoding.PEM), covered, since, until)


def ends(certificate: bytes) -> int:
    """UTC microseconds; 0 when it cannot be read."""
    try:
        return (x509.load_pem_x509_certificate(certificate).not_valid_after_utc - _EPOCH) // _MICROSECOND
    except ValueError:
        return 0


def permits(issuer: x509.Certificate, name: str) -> bool:
    """Whether the authority's name constraints let it speak for a name or an address."""
    permitted = issuer.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    address = _address(name)
    if address is None:
        trees = [each.value for each in permitted if isinstance(each, x509.DNSName)]
        return any(name == tree or name.endswith(f".{tree}") for tree in trees)
    networks = [each.value for each in permitted if isinstance(each, x509.IPAddress)]
    return any(isinstance(each, IPv4Network | IPv6Network) and address in each for each in networks)


def _permitted(named: Sequence[str]) -> list[x509.GeneralName]:
    """Public IPv6 addresses change too often to be worth a constraint, and nobody types one."""
    names, networks = list(NAMES), [ip_network(each) for each in NETWORKS]
    for each in named:
        address = _address(each)
        if address is None:
            if not any(each == tree or each.endswith(f".{tree}") for tree in names):
                names.append(each)
        elif address.version == 4 and not any(address in network for network in networks):
            networks.append(ip_network(address))
    return [*map(x509.DNSName, names), *map(x509.IPAddress, networks)]


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None


def _general(name: str) -> x509.GeneralName:
    address = _address(name)
    return x509.DNSName(name) if address is None else x509.IPAddress(address)


def _moment(time: int) -> datetime.datetime:
    return _EPOCH + datetime.timedelta(microseconds=time)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
