"""Web push: what a browser shows although no page is open.

Sources: RFC 8030 (delivery), RFC 8291 (encryption for the browser, over RFC 8188), RFC 8292 (VAPID: who sends).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from hashlib import sha256
from secrets import token_bytes
from typing import TYPE_CHECKING, Final

import msgspec

from setaria.facts.clock import HOUR, SECOND, Clock
from setaria.facts.refused import Refused
from setaria.facts.secrets import SecretStore
from setaria.home.notifying.types import Settings
from setaria.home.ports import Notification, Outcome
from setaria.notifiers.http import Http, outcome_of, target_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

SECRET: Final = "push/vapid"  # noqa: S105  the name of one
CONTACT: Final = "mailto:hub@setaria.invalid"  # RFC 8292 wants one; a household gives none away
KEPT_FOR: Final = 3_600  # seconds that the service may keep a message for a browser that is away
TOKEN_FOR: Final = 12 * HOUR
RECORD: Final = 4_096  # bytes: the largest that a service must take
LARGEST: Final = RECORD - 86 - 1 - 16  # header, delimiter and tag
GONE: Final = frozenset({404, 410})
POINT: Final = 65  # bytes of an uncompressed point of P-256
AUTH: Final = 16


class PushKey:
    """The hub's own key pair, made when it is first asked for: every subscription holds for this key alone."""

    def __init__(self, secrets: SecretStore) -> None:
        self._secrets = secrets
        self._key: EllipticCurvePrivateKey | None = None

    @property
    def public(self) -> str:
        """Base64url, as `applicationServerKey` wants it."""
        return encode(_point(self._private()))

    def token(self, origin: str, now: int) -> str:
        """What RFC 8292 has in Authorization. `now` in microseconds."""
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA256

        claims = {"aud": origin, "exp": (now + TOKEN_FOR) // SECOND, "sub": CONTACT}
        written = ".".join(encode(msgspec.json.encode(each)) for each in ({"typ": "JWT", "alg": "ES256"}, claims))
        r, s = decode_dss_signature(self._private().sign(written.encode(), ECDSA(SHA256())))
        signature = encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        return f"vapid t={written}.{signature},k={self.public}"

    def _private(self) -> EllipticCurvePrivateKey:
        from cryptography.hazmat.primitives.asymmetric import ec

        if self._key is None:
            kept = self._secrets.get(SECRET)
            if kept is None:
                kept = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(32, "big")
                self._secrets.put(SECRET, kept)
            self._key = ec.derive_private_key(int.from_bytes(kept, "big"), ec.SECP256R1())
        return self._key


def check(settings: Settings) -> tuple[dict[str, str], str]:
    """Raises Refused: target_unusable, target_insecure, subscription_unusable."""
    from cryptography.hazmat.primitives.asymmetric import ec

    target = target_of(settings["endpoint"], secure=True)
    point, auth = decode(settings["p256dh"]), decode(settings["auth"])
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError as error:
        raise Refused("subscription_unusable") from error
    if len(point) != POINT or len(auth) != AUTH:
        raise Refused("subscription_unusable")
    kept = {name: settings[name] for name in ("endpoint", "p256dh", "auth")}
    return {**kept, "browser": sha256(settings["endpoint"].encode()).hexdigest()[:32]}, target.host


def near(settings: Settings) -> bool:
    return False


class Push:
    def __init__(self, http: Http, clock: Clock, key: PushKey, settings: Settings) -> None:
        self._http = http
        self._clock = clock
        self._key = key
        self._target = target_of(settings["endpoint"], secure=True)
        self._point = decode(settings["p256dh"])
        self._auth = decode(settings["auth"])

    async def send(self, notification: Notification) -> Outcome:
        from cryptography.hazmat.primitives.asymmetric import ec

        own = ec.generate_private_key(ec.SECP256R1())
        body = encrypt(document(notification), self._point, self._auth, own, token_bytes(16))
        headers = {
            "Authorization": self._key.token(self._target.origin, self._clock.now()),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(KEPT_FOR),
            "Urgency": "high",
        }
        return outcome_of(await self._http.post(self._target, headers, body), self._target, GONE)


def document(notification: Notification) -> bytes:
    """What the service worker is given; a message too long for one record is cut."""
    told = {"id": notification.id, "at": notification.at, "title": notification.title or notification.household}
    message = notification.message
    while len(written := msgspec.json.encode({**told, "message": message})) > LARGEST:
        over = len(written) - LARGEST
        message = message[: len(message) - max(1, over // 6)]  # a character takes six bytes at most
    return written


def encrypt(plain: bytes, point: bytes, auth: bytes, own: EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """RFC 8291, sections 3.3 and 3.4: `point` and `auth` are the browser's; `own` and `salt` serve one message."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    shared = own.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point))
    mine = _point(own)
    keying = _expand(_extract(auth, shared), b"WebPush: info\0" + point + mine, 32)
    pseudorandom = _extract(salt, keying)
    key = _expand(pseudorandom, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _expand(pseudorandom, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD.to_bytes(4, "big") + bytes([len(mine)]) + mine
    return header + AESGCM(key).encrypt(nonce, plain + b"\x02", None)


def _extract(salt: bytes, material: bytes) -> bytes:
    return hmac.digest(salt, material, "sha256")


def _expand(key: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand (RFC 5869) for no more than one block."""
    return hmac.digest(key, info + b"\x01", "sha256")[:length]


def _point(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Raises Refused("subscription_unusable")."""
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("subscription_unusable") from error
