"""What the facts of the accounts mean: a pure state, evolved by them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from setaria.facts.fact import Fact
from setaria.facts.kinds import Body
from setaria.home.accounts import facts as f


class Invitation(msgspec.Struct, frozen=True):
    id: str
    member: str
    digest: str
    since: int
    until: int


class Session(msgspec.Struct, frozen=True):
    """`renewed` is when its cookie got the value it has."""

    id: str
    member: str
    digest: str
    device: str
    began: int
    renewed: int


class Token(msgspec.Struct, frozen=True):
    """`until` 0 is no end."""

    id: str
    name: str
    digest: str
    acts: tuple[str, ...]
    rooms: tuple[str, ...]
    things: tuple[str, ...]
    issued: int
    until: int
    by: str


class AccountsState(msgspec.Struct):
    """`passwords` and `invitations` by member: the name of the hash among the secrets, the one invitation in force."""

    passwords: dict[str, str] = {}
    invitations: dict[str, Invitation] = {}
    sessions: dict[str, Session] = {}
    tokens: dict[str, Token] = {}

    def sessions_of(self, member: str) -> list[Session]:
        return [each for each in self.sessions.values() if each.member == member]

    def members(self) -> set[str]:
        """All who have anything here."""
        return {
            *self.passwords,
            *self.invitations,
            *(each.member for each in self.sessions.values()),
            *(each.by for each in self.tokens.values()),
        }


def evolve(state: AccountsState, fact: Fact) -> None:
    change = _CHANGES.get(type(fact.body))
    if change is not None:
        change(state, fact.body, fact)


def _password(state: AccountsState, body: f.PasswordSet, _: Fact) -> None:
    state.passwords[body.member] = body.secret


def _invited(state: AccountsState, body: f.MemberInvited, fact: Fact) -> None:
    state.invitations[body.member] = Invitation(body.invitation, body.member, body.digest, fact.time, body.until)


def _used(state: AccountsState, body: f.InvitationUsed, _: Fact) -> None:
    state.invitations.pop(body.member, None)


def _began(state: AccountsState, body: f.SessionBegan, fact: Fact) -> None:
    state.sessions[body.session] = Session(body.session, body.member, body.digest, body.device, fact.time, fact.time)


def _renewed(state: AccountsState, body: f.SessionRenewed, fact: Fact) -> None:
    known = state.sessions.pop(body.session)  # to the end: the order tells which was used last
    state.sessions[body.session] = msgspec.structs.replace(known, digest=body.digest, renewed=fact.time)


def _ended(state: AccountsState, body: f.SessionEnded, _: Fact) -> None:
    state.sessions.pop(body.session, None)


def _issued(state: AccountsState, body: f.TokenIssued, fact: Fact) -> None:
    state.tokens[body.token] = Token(
        body.token, body.name, body.digest, body.acts, body.rooms, body.things, fact.time, body.until, body.by
    )


def _revoked(state: AccountsState, body: f.TokenRevoked, _: Fact) -> None:
    state.tokens.pop(body.token, None)


def _closed(state: AccountsState, body: f.AccountClosed, _: Fact) -> None:
    state.passwords.pop(body.member, None)
    state.invitations.pop(body.member, None)
    state.sessions = {key: each for key, each in state.sessions.items() if each.member != body.member}
    state.tokens = {key: each for key, each in state.tokens.items() if each.by != body.member}


_CHANGES: Final[dict[type[Body], Callable[[AccountsState, Any, Fact], None]]] = {
    f.PasswordSet: _password,
    f.MemberInvited: _invited,
    f.InvitationUsed: _used,
    f.SessionBegan: _began,
    f.SessionRenewed: _renewed,
    f.SessionEnded: _ended,
    f.TokenIssued: _issued,
    f.TokenRevoked: _revoked,
    f.AccountClosed: _closed,
}
CHANGING: Final = frozenset(_CHANGES)
