"""Sessions: whose cookie it is, when it gets another value, when nobody has used it for too long.

All by ticks, into which the dates of the log are turned once, at the start: a date that jumps ends no session and
brings none back. That a session is used is remembered here; only a new value of its cookie, once a day, is a fact.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from setaria.facts.clock import DAY, SECOND, Clock
from setaria.home.accounts.codes import Digests, is_value
from setaria.home.accounts.state import AccountsState, Session

UNUSED_FOR: Final = 30 * DAY
RENEWED_AFTER: Final = DAY
OLD_GOOD_FOR: Final = 60 * SECOND
SEEN_EACH: Final = 60 * SECOND  # how finely is told when a session was used last


class _Life(msgspec.Struct):
    """Ticks; `date` is UTC microseconds of the last use."""

    renewed: int
    seen: int
    date: int


class _Old(msgspec.Struct):
    """A value that another took the place of: good for a minute from when the new one first came back (a browser that
    never got it must not be locked out), or from the change at once."""

    session: str
    until: int | None


class Sessions:
    def __init__(self, clock: Clock, digests: Digests) -> None:
        self._clock = clock
        self._digests = digests
        self._by_digest: dict[str, Session] = {}
        self._known: dict[str, Session] = {}
        self._lives: dict[str, _Life] = {}
        self._old: dict[str, _Old] = {}

    def take(self, state: AccountsState) -> None:
        """After any change of them."""
        now, ticks = self._clock.now(), self._clock.ticks()
        self._known = dict(state.sessions)
        self._by_digest = {each.digest: each for each in self._known.values()}
        for gone in self._lives.keys() - self._known.keys():
            del self._lives[gone]
        self._old = {digest: old for digest, old in self._old.items() if old.session in self._known}
        for each in self._known.values():
            if each.id not in self._lives:
                at = ticks - max(0, now - each.renewed)
                self._lives[each.id] = _Life(at, at, each.renewed)

    def find(self, value: str) -> Session | None:
        """Whose value it is, and none that is over. It counts as a use."""
        if not is_value(value):
            return None
        digest, ticks = self._digests.of("session", value), self._clock.ticks()
        session = self._by_digest.get(digest)
        if session is None:
            old = self._old.get(digest)
            if old is None or (old.until is not None and ticks >= old.until):
                self._old.pop(digest, None)
                return None
            session = self._known[old.session]
        else:
            for was, old in self._old.items():
                if old.session == session.id and old.until is None and was != digest:
                    old.until = ticks + OLD_GOOD_FOR
        return session if self.use(session.id) else None

    def use(self, session: str) -> bool:
        """False, and no use, when it is over."""
        life, ticks = self._lives.get(session), self._clock.ticks()
        if life is None or ticks - life.seen >= UNUSED_FOR:
            return False
        if ticks - life.seen >= SEEN_EACH:
            life.date = self._clock.now()
            life.seen = ticks
        return True

    def is_due(self, session: Session) -> bool:
        """For another value of its cookie."""
        return self._clock.ticks() - self._lives[session.id].renewed >= RENEWED_AFTER

    def renewing(self, session: Session, *, at_once: bool = False) -> None:
        """Its value is about to become an old one; `at_once` its minute begins now."""
        ticks = self._clock.ticks()
        self._lives[session.id].renewed = ticks
        self._old = {digest: old for digest, old in self._old.items() if old.session != session.id}
        self._old[session.digest] = _Old(session.id, ticks + OLD_GOOD_FOR if at_once else None)

    def not_renewed(self, session: Session) -> None:
        """It did not come to that: the next use tries again."""
        if session.id in self._lives:
            self._lives[session.id].renewed -= RENEWED_AFTER
        self._old.pop(session.digest, None)

    def alive(self, wanted: Iterable[Session]) -> list[tuple[Session, int]]:
        """Those that are not over, each with the date of its last use."""
        ticks = self._clock.ticks()
        return [
            (each, self._lives[each.id].date)
            for each in wanted
            if each.id in self._lives and ticks - self._lives[each.id].seen < UNUSED_FOR
        ]
