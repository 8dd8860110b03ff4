"""Passwords: what they must be, and their hashes (argon2id, RFC 9106), which lie among the secrets and nowhere else.

Parameters: OWASP Password Storage Cheat Sheet, m = 19 MiB, t = 2, p = 1.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

from setaria.facts.refused import Refused
from setaria.facts.secrets import SecretStore
from setaria.home.accounts.codes import make_id

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST: Final = 8  # characters
LONGEST: Final = 256
MEMORY: Final = 19_456  # KiB
PASSES: Final = 2
LANES: Final = 1
AT_ONCE: Final = 2  # each takes MEMORY
MOST_WAITING: Final = 16
FOLDER: Final = "password/"
# The hash of nothing, with our parameters: who is not there must be as slow to answer as who is.
NOBODY: Final = f"$argon2id$v=19$m={MEMORY},t={PASSES},p={LANES}$c2V0YXJpYS5ub2JvZHkuLg$" + "A" * 43

T = TypeVar("T")


def readable(password: str) -> str:
    """NFC, so that it is the same from every keyboard. Raises Refused("password_unusable")."""
    plain = unicodedata.normalize("NFC", password)
    if not SHORTEST <= len(plain) <= LONGEST:
        raise Refused("password_unusable", shortest=SHORTEST, longest=LONGEST)
    try:
        plain.encode()
    except UnicodeEncodeError:
        raise Refused("password_unusable", shortest=SHORTEST, longest=LONGEST) from None
    return plain


class Passwords:
    """Hashes off the event loop, at most two at once."""

    def __init__(self, store: SecretStore) -> None:
        self._store = store
        self._threads: ThreadPoolExecutor | None = None
        self._waiting = 0

    async def keep(self, password: str) -> str:
        """The name under which the hash of this password lies; it counts once a fact says so. Raises
        Refused("password_unusable" | "sign_in_busy")."""
        plain = readable(password)
        made = await self._off(lambda: _hasher().hash(plain))
        name = make_id()
        self._store.put(FOLDER + name, made.encode())
        return name

    async def is_right(self, name: str, password: str) -> bool:
        """`name` as `keep` gave it; empty is nobody's, for which it takes as long to say no."""
        try:
            plain = readable(password)
        except Refused:
            name, plain = "", "x"
        kept = self._store.get(FOLDER + name) if name else None
        hashed = NOBODY if kept is None else kept.decode()
        return await self._off(lambda: _verify(hashed, plain))

    def forget(self, name: str) -> None:
        self._store.drop(FOLDER + name)

    def forget_all_but(self, names: set[str]) -> None:
        """What no fact names any more, or never came to."""
        for each in self._store.names():
            if each.startswith(FOLDER) and each.removeprefix(FOLDER) not in names:
                self._store.drop(each)

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _off(self, work: Callable[[], T]) -> T:
        if self._waiting >= MOST_WAITING:
            raise Refused("sign_in_busy")
        if self._threads is None:
            self._threads = ThreadPoolExecutor(AT_ONCE, "password")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher, Type

    return PasswordHasher(PASSES, MEMORY, LANES, type=Type.ID)


def _verify(hashed: str, plain: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(hashed, plain)
    except (VerificationError, InvalidHashError):
        return False
