"""What is handed out to be shown again: codes that people type, values that programs carry; and how they are kept.

Only the digest of any of them is ever written down: HMAC-SHA256 under a key that lies sealed beside the log. So a copy
of the log lets nobody in, and not even a short code can be tried out on it.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Callable
from typing import Final

from setaria.facts.secrets import SecretStore

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # nothing that looks like something else
GROUP: Final = 4
SETUP_LETTERS: Final = 8  # 39 bits: good for ten tries
INVITATION_LETTERS: Final = 16  # 79 bits
VALUE_BYTES: Final = 32
BEARER: Final = "setaria_"
KEY_NAME: Final = "accounts/key"
KEY_BYTES: Final = 32
LONGEST_TYPED: Final = 64
_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{43}")  # 32 bytes in base64url

Random = Callable[[int], bytes]


def make_code(letters: int) -> str:
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(letters))
    return "-".join(drawn[at : at + GROUP] for at in range(0, letters, GROUP))


def read_code(typed: str) -> str:
    """As it was made, however it was typed; empty when it cannot be a code."""
    plain = "".join(each for each in typed[:LONGEST_TYPED].upper() if each not in " -\t")
    if not plain or any(each not in ALPHABET for each in plain):
        return ""
    return "-".join(plain[at : at + GROUP] for at in range(0, len(plain), GROUP))


def make_value() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(VALUE_BYTES)).rstrip(b"=").decode()


def is_value(given: str) -> bool:
    return _VALUE.fullmatch(given) is not None


def make_id() -> str:
    return secrets.token_hex(8)


class Digests:
    """The key is made, and the store opened, when a digest is first asked for: a start needs none."""

    def __init__(self, store: SecretStore) -> None:
        self._store = store
        self._key = b""

    def of(self, purpose: str, value: str) -> str:
        if not self._key:
            self._key = self._store.get(KEY_NAME) or self._make()
        return hmac.new(self._key, f"{purpose}\0{value}".encode(), "sha256").hexdigest()

    def _make(self) -> bytes:
        key = secrets.token_bytes(KEY_BYTES)
        self._store.put(KEY_NAME, key)
        return key
