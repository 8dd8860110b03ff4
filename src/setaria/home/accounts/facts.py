"""The kinds of fact that say who may come in, and how.

All stand in the aggregate `accounts/<household>`. A code, a token or the value of a cookie stands here only as its
digest under a key that is sealed beside the log (codes.py), a password not even so. Times are UTC microseconds.
"""

from __future__ import annotations

from setaria.facts.kinds import Body, kind


@kind("home.password_set")
class PasswordSet(Body, frozen=True, gc=False):
    """`secret` names the hash in the store of secrets; the fact puts it into force."""

    member: str
    secret: str


@kind("home.member_invited")
class MemberInvited(Body, frozen=True, gc=False):
    """A code for one use; a later one of the same member takes its place."""

    invitation: str
    member: str
    digest: str
    until: int


@kind("home.invitation_used")
class InvitationUsed(Body, frozen=True, gc=False):
    invitation: str
    member: str


@kind("home.session_began")
class SessionBegan(Body, frozen=True, gc=False):
    """`device` in plain words, as the browser told."""

    session: str
    member: str
    digest: str
    device: str = ""


@kind("home.session_renewed")
class SessionRenewed(Body, frozen=True, gc=False):
    """Its cookie has another value from now on."""

    session: str
    member: str
    digest: str


@kind("home.session_ended")
class SessionEnded(Body, frozen=True, gc=False):
    """why: signed_out, ended (from elsewhere), password (it was changed), many (the oldest makes room)."""

    session: str
    member: str
    why: str


@kind("home.token_issued")
class TokenIssued(Body, frozen=True):
    """A program may do `acts`, everywhere or only in `rooms` and with `things`; `until` 0 is no end, `by` a member."""

    token: str
    name: str
    digest: str
    acts: tuple[str, ...]
    rooms: tuple[str, ...] = ()
    things: tuple[str, ...] = ()
    until: int = 0
    by: str = ""


@kind("home.token_revoked")
class TokenRevoked(Body, frozen=True, gc=False):
    token: str


@kind("home.account_closed")
class AccountClosed(Body, frozen=True, gc=False):
    """Who has left: password, invitation, sessions, and the tokens that this member issued, are all void."""

    member: str
