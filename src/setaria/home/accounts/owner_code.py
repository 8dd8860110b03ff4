"""The code that lets an owner in who has no password, or has forgotten it.

While no owner has one, the hub makes it and the terminal prints it. Later, `setaria owner code` leaves one beside the
log, as only who owns the folder can.
"""

from __future__ import annotations

import hmac
from typing import Final

import msgspec

from setaria.facts.clock import HOUR, Clock
from setaria.facts.secrets import SecretStore
from setaria.home.accounts.codes import SETUP_LETTERS, Digests, make_code, read_code

WRONG_TRIES: Final = 10
LEFT_GOOD_FOR: Final = HOUR
LEFT_NAME: Final = "accounts/owner_code"
_PURPOSE: Final = "owner"


class _Left(msgspec.Struct, frozen=True):
    digest: str
    since: int
    until: int


def leave_code(store: SecretStore, now: int) -> tuple[str, int]:
    """A new code, and until when it is good; the hub need not run."""
    code, until = make_code(SETUP_LETTERS), now + LEFT_GOOD_FOR
    digest = Digests(store).of(_PURPOSE, code)
    store.put(LEFT_NAME, msgspec.msgpack.encode(_Left(digest, now, until)))
    return code, until


class OwnerCode:
    def __init__(self, store: SecretStore, digests: Digests, clock: Clock) -> None:
        self._store = store
        self._digests = digests
        self._clock = clock
        self._code = ""
        self._wrong = 0
        self._wrong_of_left: tuple[str, int] = ("", 0)

    def shown(self) -> str:
        """The one for the terminal; the same until it is used, or was mistaken ten times."""
        self._code = self._code or make_code(SETUP_LETTERS)
        return self._code

    def is_shown(self, typed: str) -> bool:
        """A wrong one counts."""
        if self._code and hmac.compare_digest(read_code(typed), self._code):
            return True
        self._wrong += 1
        if self._wrong >= WRONG_TRIES:
            self._code, self._wrong = "", 0
        return False

    def is_left(self, typed: str) -> bool:
        """A wrong one counts; after ten the code that was left is void."""
        left = self._left()
        if left is None:
            return False
        if hmac.compare_digest(self._digests.of(_PURPOSE, read_code(typed)), left.digest):
            return True
        digest, wrong = self._wrong_of_left
        self._wrong_of_left = (left.digest, wrong + 1 if digest == left.digest else 1)
        if self._wrong_of_left[1] >= WRONG_TRIES:
            self._store.drop(LEFT_NAME)
        return False

    def use(self) -> None:
        self._code, self._wrong = "", 0
        if self._store.get(LEFT_NAME) is not None:
            self._store.drop(LEFT_NAME)

    def _left(self) -> _Left | None:
        kept = self._store.get(LEFT_NAME)
        if kept is None:
            return None
        left = msgspec.msgpack.decode(kept, type=_Left)
        return left if left.since <= self._clock.now() < left.until else None
