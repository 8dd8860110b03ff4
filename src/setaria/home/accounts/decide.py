"""What the accounts allow: command in, facts out, or Refused. Pure, and without a look at the date: what has run out
is for sessions.py to say, which goes by a clock that nobody can set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from setaria.facts.decider import Asked, Command
from setaria.facts.fact import Fact
from setaria.facts.kinds import Body
from setaria.facts.refused import Refused
from setaria.home.accounts import commands as c
from setaria.home.accounts import facts as f
from setaria.home.accounts.state import AccountsState, evolve

MOST_SESSIONS: Final = 20  # of one member: a new one ends the one that was renewed longest ago
MOST_TOKENS: Final = 200
ENDINGS: Final = ("signed_out", "ended", "password", "many")


class AccountsDecider:
    aggregates: Final = ("accounts",)
    form: Final = "accounts/1"

    def __init__(self, household: str) -> None:
        self.key = f"accounts/{household}"

    @property
    def commands(self) -> Sequence[type[Command]]:
        return tuple(_DECISIONS)

    def aggregate_of(self, command: Any) -> str:
        return self.key

    def create(self, aggregate: str) -> AccountsState:
        return AccountsState()

    def evolve(self, state: AccountsState, fact: Fact) -> None:
        evolve(state, fact)

    def decide(self, state: AccountsState, asked: Asked) -> Sequence[Body]:
        return _DECISIONS[type(asked.command)](state, asked.command)

    def freeze(self, state: AccountsState) -> bytes:
        return msgspec.msgpack.encode(state)

    def thaw(self, aggregate: str, frozen: bytes) -> AccountsState:
        return msgspec.msgpack.decode(frozen, type=AccountsState)


def _sign_up(state: AccountsState, command: c.SignUp) -> Sequence[Body]:
    used: list[Body] = []
    if command.invitation:
        invitation = state.invitations.get(command.member)
        if invitation is None or invitation.id != command.invitation:
            raise Refused("code_wrong")
        used.append(f.InvitationUsed(command.invitation, command.member))
    return [
        *used,
        f.PasswordSet(command.member, command.secret),
        *_all_ended(state, command.member, "password"),
        f.SessionBegan(command.session, command.member, command.digest, command.device),
    ]


def _change_password(state: AccountsState, command: c.ChangePassword) -> Sequence[Body]:
    made: list[Body] = [f.PasswordSet(command.member, command.secret)]
    made += _all_ended(state, command.member, "password", but=command.session)
    if command.session in state.sessions:
        made.append(f.SessionRenewed(command.session, command.member, command.digest))
    return made


def _all_ended(state: AccountsState, member: str, why: str, but: str = "") -> list[Body]:
    return [f.SessionEnded(each.id, member, why) for each in state.sessions_of(member) if each.id != but]


def _invite(state: AccountsState, command: c.Invite) -> Sequence[Body]:
    return [f.MemberInvited(command.invitation, command.member, command.digest, command.until)]


def _begin(state: AccountsState, command: c.BeginSession) -> Sequence[Body]:
    if command.member not in state.passwords:
        raise Refused("sign_in_wrong")
    surplus = state.sessions_of(command.member)[: -MOST_SESSIONS + 1]
    ended = [f.SessionEnded(each.id, command.member, "many") for each in surplus]
    return [*ended, f.SessionBegan(command.session, command.member, command.digest, command.device)]


def _renew(state: AccountsState, command: c.RenewSession) -> Sequence[Body]:
    known = state.sessions.get(command.session)
    if known is None or known.digest != command.was:
        raise Refused("not_found", what="session", id=command.session[:80])
    return [f.SessionRenewed(command.session, known.member, command.digest)]


def _end(state: AccountsState, command: c.EndSession) -> Sequence[Body]:
    assert command.why in ENDINGS
    known = state.sessions.get(command.session)
    if known is None:
        raise Refused("not_found", what="session", id=command.session[:80])
    return [f.SessionEnded(command.session, known.member, command.why)]


def _issue(state: AccountsState, command: c.IssueToken) -> Sequence[Body]:
    if len(state.tokens) >= MOST_TOKENS:
        raise Refused("too_many", what="tokens", most=MOST_TOKENS)
    return [
        f.TokenIssued(
            command.token,
            command.name,
            command.digest,
            command.acts,
            command.rooms,
            command.things,
            command.until,
            command.by,
        )
    ]


def _revoke(state: AccountsState, command: c.RevokeToken) -> Sequence[Body]:
    if command.token not in state.tokens:
        raise Refused("not_found", what="token", id=command.token[:80])
    return [f.TokenRevoked(command.token)]


def _close(state: AccountsState, command: c.CloseAccount) -> Sequence[Body]:
    return [f.AccountClosed(command.member)] if command.member in state.members() else []


_DECISIONS: Final[dict[type[Command], Callable[[AccountsState, Any], Sequence[Body]]]] = {
    c.SignUp: _sign_up,
    c.ChangePassword: _change_password,
    c.Invite: _invite,
    c.BeginSession: _begin,
    c.RenewSession: _renew,
    c.EndSession: _end,
    c.IssueToken: _issue,
    c.RevokeToken: _revoke,
    c.CloseAccount: _close,
}
