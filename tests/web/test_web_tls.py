"""The home's own authority and what it issues; a certificate of one's own; each seen by `cryptography` and `ssl`."""

from __future__ import annotations

import datetime
import ssl
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from setaria.facts.clock import DAY, MINUTE, VirtualClock
from setaria.facts.refused import Refused
from setaria.facts.secrets import KeyFile, SecretStore
from setaria.web.tls.authority import AUTHORITY_LASTS, LEAF_LASTS, issue, make_authority, permits
from setaria.web.tls.keeper import CA, KEPT, KEY_NAME, PAIR, RENEW_BEFORE, Keeper, content, der, fingerprint
from setaria.web.tls.own import check_own

NOW = VirtualClock().now() + 100 * DAY
WANTED = ("localhost", "setaria.local", "nas.local", "127.0.0.1", "192.168.1.5", "fd00::5")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW)


@pytest.fixture
def keeper(tmp_path: Path, clock: VirtualClock) -> Keeper:
    return keeper_in(tmp_path, clock)


def keeper_in(folder: Path, clock: VirtualClock) -> Keeper:
    return Keeper(folder / "tls", SecretStore(folder / "secrets", KeyFile(folder / "key")), clock)


def leaf_in(keeper: Keeper) -> x509.Certificate:
    return x509.load_pem_x509_certificate(content(keeper.pair))


def named_in(leaf: x509.Certificate) -> tuple[str, ...]:
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))


async def test_the_first_certificate(keeper: Keeper, clock: VirtualClock) -> None:
    assert keeper.due(WANTED)
    kept = await keeper.renew(WANTED, "nas")
    assert not keeper.due(WANTED)
    leaf, authority = leaf_in(keeper), x509.load_pem_x509_certificate(keeper.authority)
    leaf.verify_directly_issued_by(authority)
    assert named_in(leaf) == kept.named == WANTED
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)
    lasts = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    assert lasts <= datetime.timedelta(days=397)
    assert leaf.not_valid_before_utc < moment(clock.now())
    assert authority.not_valid_after_utc == moment(clock.now() + AUTHORITY_LASTS)
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    assert authority.extensions.get_extension_for_class(x509.NameConstraints).critical
    assert kept.fingerprint == authority.fingerprint(hashes.SHA256()).hex() == fingerprint(keeper.authority)
    assert der(keeper.authority) == authority.public_bytes(serialization.Encoding.DER)


async def test_keys_are_for_nobody_else(keeper: Keeper, tmp_path: Path) -> None:
    await keeper.renew(WANTED)
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700
    for name in (PAIR, CA, KEPT):
        assert stat.S_IMODE((tmp_path / "tls" / name).stat().st_mode) == 0o600
    assert b"PRIVATE KEY" not in keeper.authority
    assert b"PRIVATE KEY" not in (tmp_path / "secrets").read_bytes()
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(keeper.pair)


async def test_what_was_kept_is_read_again(keeper: Keeper, clock: VirtualClock, tmp_path: Path) -> None:
    kept = await keeper.renew(WANTED)
    again = keeper_in(tmp_path, clock)
    assert again.kept == kept
    assert not again.due(WANTED[:3])  # an address that has gone is no reason


async def test_another_address_is_named_by_the_same_authority(keeper: Keeper) -> None:
    first = await keeper.renew(WANTED)
    more = (*WANTED, "10.7.7.7")
    assert keeper.due(more)
    second = await keeper.renew(more)
    assert second.fingerprint == first.fingerprint
    assert "10.7.7.7" in named_in(leaf_in(keeper))
    leaf_in(keeper).verify_directly_issued_by(x509.load_pem_x509_certificate(keeper.authority))


async def test_it_is_renewed_thirty_days_before_its_end(keeper: Keeper, clock: VirtualClock) -> None:
    kept = await keeper.renew(WANTED)
    clock.advance(kept.until - RENEW_BEFORE - clock.now() - MINUTE)
    assert not keeper.due(WANTED)
    clock.advance(MINUTE)
    assert keeper.due(WANTED)
    renewed = await keeper.renew(WANTED)
    assert renewed.until - kept.until > LEAF_LASTS - 2 * RENEW_BEFORE
    assert renewed.fingerprint == kept.fingerprint


async def test_an_authority_that_ends_is_made_anew_and_outlives_what_it_issues(
    keeper: Keeper, clock: VirtualClock
) -> None:
    first = await keeper.renew(WANTED)
    clock.advance(AUTHORITY_LASTS - 40 * DAY)
    late = await keeper.renew(WANTED)
    assert late.fingerprint == first.fingerprint
    assert late.until == late.authority_until == first.authority_until
    clock.advance(15 * DAY)
    assert keeper.due(WANTED)
    assert (await keeper.renew(WANTED)).fingerprint != first.fingerprint


async def test_a_clock_that_is_not_set_issues_nothing(keeper: Keeper, clock: VirtualClock) -> None:
    clock.set(0, trusted=False)
    assert not keeper.due(WANTED)
    assert keeper.kept is None
    clock.set(NOW)
    kept = await keeper.renew(WANTED)
    clock.set(0, trusted=False)
    assert not keeper.due((*WANTED, "10.7.7.7"))
    assert keeper.kept == kept  # what is there goes on being served


async def test_what_a_clock_too_far_ahead_made_is_made_again(keeper: Keeper, clock: VirtualClock) -> None:
    clock.set(NOW + 5_000 * DAY)
    ahead = await keeper.renew(WANTED)
    clock.set(NOW)
    assert keeper.due(WANTED)
    kept = await keeper.renew(WANTED)
    assert kept.fingerprint == ahead.fingerprint  # devices that trust it need not be asked again
    authority = x509.load_pem_x509_certificate(keeper.authority)
    assert authority.not_valid_before_utc <= moment(NOW) < authority.not_valid_after_utc


@pytest.mark.parametrize("name", [PAIR, CA, KEPT])
async def test_a_file_that_is_gone_or_spoilt_is_made_again(
    keeper: Keeper, clock: VirtualClock, tmp_path: Path, name: str
) -> None:
    await keeper.renew(WANTED)
    path = tmp_path / "tls" / name
    path.unlink()
    assert keeper_in(tmp_path, clock).due(WANTED)
    path.write_bytes(b"")
    again = keeper_in(tmp_path, clock)
    assert again.due(WANTED)
    await again.renew(WANTED)
    leaf_in(again).verify_directly_issued_by(x509.load_pem_x509_certificate(again.authority))
    assert not keeper_in(tmp_path, clock).due(WANTED)


async def test_a_key_that_is_another_authoritys_makes_a_new_one(keeper: Keeper, clock: VirtualClock) -> None:
    first = await keeper.renew(WANTED)
    keeper._secrets.put(KEY_NAME, make_authority(clock.now(), "x", ()).key)
    second = await keeper.renew(WANTED)
    assert second.fingerprint != first.fingerprint
    leaf_in(keeper).verify_directly_issued_by(x509.load_pem_x509_certificate(keeper.authority))


async def test_a_folder_that_cannot_be_written_is_refused(keeper: Keeper, tmp_path: Path) -> None:
    (tmp_path / "tls").write_bytes(b"")
    with pytest.raises(Refused, match="tls_unwritable"):
        await keeper.renew(WANTED)
    assert keeper.kept is None


@pytest.mark.parametrize(
    ("name", "permitted"),
    [
        *(("setaria.local", True), ("a.b.lan", True), ("hub.home.arpa", True), ("hub.example.org", True)),
        *(("192.168.0.1", True), ("10.0.0.1", True), ("127.9.9.9", True), ("fd12::1", True), ("203.0.113.7", True)),
        *(("bank.example", False), ("example.org", False), ("notlan", False), ("xlocal", False), ("local.evil", False)),
        *(("8.8.8.8", False), ("203.0.113.8", False), ("2001:470::1", False), ("172.32.0.1", False)),
    ],
)
def test_the_authority_speaks_for_this_home_only(name: str, permitted: bool) -> None:
    made = make_authority(NOW, "nas", ("hub.example.org", "203.0.113.7", "2001:470::1", "nas.local"))
    authority = x509.load_pem_x509_certificate(made.certificate)
    assert permits(authority, name) is permitted
    leaf = issue(made, NOW, ("localhost", name))
    assert (name in leaf.named) is permitted
    assert (name in named_in(x509.load_pem_x509_certificate(leaf.pair))) is permitted


async def test_a_name_that_came_later_is_left_out_and_not_asked_for_again(keeper: Keeper) -> None:
    await keeper.renew(WANTED)
    more = (*WANTED, "hub.example.org")
    assert keeper.due(more)
    kept = await keeper.renew(more)
    assert "hub.example.org" not in kept.named
    assert not keeper.due(more)


# A certificate of one's own.


def moment(time: int) -> datetime.datetime:
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return (epoch + datetime.timedelta(microseconds=time)).replace(microsecond=0)


def pair_in(
    folder: Path, names: Sequence[str] = ("hub.example.org",), since: int = NOW, days: int = 90
) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(moment(since))
        .not_valid_after(moment(since + days * DAY))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, folder = serialization.Encoding.PEM, folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    )
    (folder / "key.pem").chmod(0o600)
    return folder / "cert.pem", folder / "key.pem"


def refused(certificate: Path, key: Path, now: int = NOW + DAY, trusted: bool = True) -> str:
    with pytest.raises(Refused) as caught:
        check_own(certificate, key, now, trusted)
    return caught.value.code


def test_ones_own_pair_is_taken(tmp_path: Path) -> None:
    own = check_own(*pair_in(tmp_path, ("Hub.example.org", "*.example.org")), NOW + DAY, True)
    assert own.named == ("hub.example.org",)
    assert own.until - own.since == 90 * DAY


def test_the_end_and_the_beginning_of_ones_own(tmp_path: Path) -> None:
    pair = pair_in(tmp_path)
    assert refused(*pair, now=NOW + 90 * DAY) == "tls_certificate_expired"
    assert refused(*pair, now=NOW - DAY) == "tls_certificate_early"
    check_own(*pair, NOW - DAY, False)  # a clock that has not been set cannot tell


def test_pairs_that_do_not_fit(tmp_path: Path) -> None:
    certificate, key = pair_in(tmp_path / "one")
    other_certificate, other_key = pair_in(tmp_path / "two")
    assert refused(certificate, other_key) == "tls_pair_unlike"
    assert refused(key, key) == "tls_certificate_unfit"
    assert refused(certificate, other_certificate) in ("tls_key_unfit", "tls_key_open")
    assert refused(certificate, tmp_path / "gone") == refused(tmp_path / "gone", key) == "tls_file_unreadable"
    assert refused(tmp_path, key) == "tls_file_unreadable"


@pytest.mark.parametrize(
    "written", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_files_that_hold_no_such_thing(tmp_path: Path, written: bytes) -> None:
    certificate, key = pair_in(tmp_path)
    spoilt = tmp_path / "spoilt"
    spoilt.write_bytes(written)
    spoilt.chmod(0o600)
    assert refused(spoilt, key) == "tls_certificate_unfit"
    assert refused(certificate, spoilt) == "tls_key_unfit"


def test_keys_that_are_open_or_locked(tmp_path: Path) -> None:
    certificate, key = pair_in(tmp_path)
    key.chmod(0o604)
    assert refused(certificate, key) == "tls_key_open"
    key.chmod(0o640)  # Debian's group ssl-cert
    check_own(certificate, key, NOW + DAY, True)
    locked = serialization.BestAvailableEncryption(b"x")
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
    assert refused(certificate, key) == "tls_key_locked"
