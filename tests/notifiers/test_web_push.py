"""Web push against an RFC's own vector and other people's code: http_ece opens what we seal, py_vapid checks who we say
we are, over TLS."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from py_vapid import Vapid02
from tests.notifiers.counterparts import HOST, Place, contexts, listening

from setaria.facts.clock import SECOND, VirtualClock
from setaria.facts.refused import Refused
from setaria.facts.secrets import KeyFile, SecretStore
from setaria.home.ports import Done, Notification, Outcome, Unreachable
from setaria.notifiers.http import Http
from setaria.notifiers.push import LARGEST, RECORD, Push, PushKey, check, decode, document, encode, encrypt

NOW = 1_795_339_800 * SECOND
SAID = Notification("01a20298-a73c-7000-8000-000000000007", NOW, "Door", "前门 is open", "Home")


class Browser:
    """A subscription and what opens its messages."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth = b"sixteen bytes..."

    def settings(self, port: int) -> dict[str, str]:
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {
            "endpoint": f"https://{HOST}:{port}/push/abc",
            "p256dh": encode(point),
            "auth": encode(self.auth),
        }

    def open(self, body: bytes) -> bytes:
        opened: bytes = http_ece.decrypt(body, private_key=self.key, auth_secret=self.auth, version="aes128gcm")
        return opened


@pytest.fixture
def key(tmp_path: Path) -> PushKey:
    return PushKey(SecretStore(tmp_path / "secrets", KeyFile(tmp_path / "key")))


def test_the_example_of_rfc_8291() -> None:
    """Section 5."""
    own = ec.derive_private_key(
        int.from_bytes(decode("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big"), ec.SECP256R1()
    )
    point = decode("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")
    made = encrypt(
        b"When I grow up, I want to be a watermelon",
        point,
        decode("BTBZMqHH6r4Tts7J_aSIgg"),
        own,
        decode("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert encode(made) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3j"
        "l7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


async def sent(place: Place, tls: object, key: PushKey, browser: Browser, said: Notification = SAID) -> Outcome:
    return await Push(Http(tls), VirtualClock(NOW), key, browser.settings(place.port)).send(said)  # type: ignore[arg-type]


async def test_a_browser_opens_it_and_its_service_knows_who_sent_it(tmp_path: Path, key: PushKey) -> None:
    server, trusting = contexts(tmp_path)
    browser = Browser()
    async with listening(server) as place:
        place.answers = [201]
        assert await sent(place, trusting, key, browser) == Done()
        (got,) = place.got
        assert json.loads(browser.open(got.body)) == {
            "id": SAID.id,
            "at": NOW,
            "title": "Door",
            "message": "前门 is open",
        }
        assert got.line == "POST /push/abc HTTP/1.1"
        assert (got.headers["content-encoding"], got.headers["ttl"]) == ("aes128gcm", "3600")
        scheme, _, rest = got.headers["authorization"].partition(" ")
        fields = dict(each.strip().split("=", 1) for each in rest.split(","))
        assert scheme == "vapid"
        assert fields["k"] == key.public
        assert Vapid02.verify(got.headers["authorization"])
        claims = json.loads(base64.urlsafe_b64decode(fields["t"].split(".")[1] + "=="))
        assert claims["aud"] == f"https://{HOST}:{place.port}"
        assert NOW // SECOND < claims["exp"] <= NOW // SECOND + 24 * 3600, "RFC 8292, section 2: a day at most"


def test_a_token_that_was_changed_is_found_out(key: PushKey) -> None:
    header = key.token("https://push.example", NOW)
    assert Vapid02.verify(header)
    start, _, rest = header.partition(".")
    changed = f"{start}.{'B' if rest[0] != 'B' else 'C'}{rest[1:]}"
    with pytest.raises(Exception):  # noqa: B017  py_vapid and cryptography each have their own
        assert Vapid02.verify(changed)


def test_the_key_is_made_once_and_stays(tmp_path: Path) -> None:
    first, second = (PushKey(SecretStore(tmp_path / "secrets", KeyFile(tmp_path / "key"))) for _ in range(2))
    assert first.public == second.public
    assert len(decode(first.public)) == 65


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (404, Refused("notifier_gone")),
        (410, Refused("notifier_gone")),
        (429, Unreachable("busy")),
        (503, Unreachable("busy")),
    ],
)
async def test_what_the_service_says(tmp_path: Path, key: PushKey, status: int, outcome: Outcome) -> None:
    server, trusting = contexts(tmp_path)
    async with listening(server) as place:
        place.answers = [status]
        assert await sent(place, trusting, key, Browser()) == outcome


async def test_a_certificate_nobody_vouches_for_is_not_spoken_to(tmp_path: Path, key: PushKey) -> None:
    server, _ = contexts(tmp_path)
    async with listening(server) as place:
        assert await sent(place, None, key, Browser()) == Unreachable("tls")
        assert place.got == []


@given(st.text(max_size=6_000), st.text(max_size=200))
def test_every_message_fits_one_record(message: str, title: str) -> None:
    said = Notification("x" * 36, NOW, title, message.encode(errors="replace").decode(), "Home")
    written = document(
        Notification(said.id, NOW, title.encode(errors="replace").decode(), said.message, said.household)
    )
    assert len(written) <= LARGEST
    assert said.message.startswith(json.loads(written)["message"])
    sealed = encrypt(written, KEYS.point, b"a" * 16, ec.generate_private_key(ec.SECP256R1()), b"s" * 16)
    assert len(sealed) <= RECORD


class KEYS:
    point = (
        ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"endpoint": "http://192.168.1.2/x"}, "target_insecure"),
        ({"endpoint": "ftp://push.example/x"}, "target_unusable"),
        ({"p256dh": "AAAA"}, "subscription_unusable"),
        ({"p256dh": encode(b"\x04" + b"\x01" * 64)}, "subscription_unusable"),
        ({"p256dh": "!!!"}, "subscription_unusable"),
        ({"auth": encode(b"short")}, "subscription_unusable"),
        ({"auth": "ä" * 16}, "subscription_unusable"),
    ],
)
def test_what_is_no_subscription(change: dict[str, str], code: str) -> None:
    with pytest.raises(Refused) as refused:
        check({**Browser().settings(443), **change})
    assert refused.value.code == code


def test_a_compressed_point_is_refused() -> None:
    point = Browser().key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    with pytest.raises(Refused):
        check({**Browser().settings(443), "p256dh": encode(point)})
