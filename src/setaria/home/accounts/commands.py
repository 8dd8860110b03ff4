"""What is asked of the accounts. Who may ask, and whether a password or a code is right, was seen to before."""

from __future__ import annotations

from setaria.facts.decider import Command


class SignUp(Command, frozen=True, tag=True):
    """A password is set and a session begins; with an `invitation`, this uses it up."""

    member: str
    secret: str
    session: str
    digest: str
    device: str
    invitation: str = ""


class ChangePassword(Command, frozen=True, tag=True):
    """Ends the member's sessions but `session`, which gets another value; `session` may be empty."""

    member: str
    secret: str
    session: str = ""
    digest: str = ""


class Invite(Command, frozen=True, tag=True):
    invitation: str
    member: str
    digest: str
    until: int


class BeginSession(Command, frozen=True, tag=True):
    session: str
    member: str
    digest: str
    device: str


class RenewSession(Command, frozen=True, tag=True):
    """`was` is the digest that this one takes the place of."""

    session: str
    was: str
    digest: str


class EndSession(Command, frozen=True, tag=True):
    session: str
    why: str


class IssueToken(Command, frozen=True, tag=True):
    token: str
    name: str
    digest: str
    acts: tuple[str, ...]
    rooms: tuple[str, ...]
    things: tuple[str, ...]
    until: int
    by: str


class RevokeToken(Command, frozen=True, tag=True):
    token: str


class CloseAccount(Command, frozen=True, tag=True):
    member: str
