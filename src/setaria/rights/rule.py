"""The one place that decides."""

from __future__ import annotations

from typing import Final

import msgspec

from setaria.facts.refused import Refused
from setaria.rights.grants import Grant, covers
from setaria.rights.table import TABLE, Act, Role, Rule


class Principal(msgspec.Struct, frozen=True):
    """Who acts. A linkage carries its `author` as the author is now, or None once the author has left."""

    member: str
    role: Role
    grants: tuple[Grant, ...] = ()
    author: Principal | None = None


class Target(msgspec.Struct, frozen=True):
    """What is acted on, as far as it applies.

    `member` is whom it concerns; `secure` says that a lock, a camera or a door is among what is operated.
    """

    thing: str = ""
    room: str = ""
    member: str = ""
    secure: bool = False


class Ruling(msgspec.Struct, frozen=True):
    """`rule` is what decided: role, own, grant; or denied, not_own, not_granted, author_gone. For the audit."""

    allowed: bool
    rule: str
    act: Act
    grant: str = ""


HOME: Final = Target()
# A scene or linkage that operates a lock must not open it for somebody who may not.
_OPERATING: Final = frozenset({Act.THING_CONTROL, Act.SCENE_RUN, Act.LINKAGE_RUN})


def why(principal: Principal, act: Act, target: Target = HOME, *, now: int, minute: int | None = None) -> Ruling:
    """`now` in UTC microseconds, `minute` of the local week from Monday 00:00 (None: not known)."""
    if target.secure and act in _OPERATING:
        act = Act.THING_SECURE
    rule = TABLE[act][principal.role]
    if rule is Rule.ALLOW:
        return Ruling(True, "role", act)
    if rule is Rule.DENY:
        return Ruling(False, "denied", act)
    if rule is Rule.AUTHOR:
        author = principal.author
        if author is None or author.role is Role.LINKAGE:
            return Ruling(False, "author_gone", act)
        return why(author, act, target, now=now, minute=minute)
    if rule is Rule.OWN and principal.member != "" and principal.member == target.member:
        return Ruling(True, "own", act)
    for grant in principal.grants:
        # A guest is someone who will leave: a grant to one that never ends is a mistake, and does not count.
        endless = principal.role is Role.GUEST and grant.until is None
        if grant.member == principal.member and not endless and _covers(grant, act, target, now, minute):
            return Ruling(True, "grant", act, grant.id)
    return Ruling(False, "not_own" if rule is Rule.OWN else "not_granted", act)


def _covers(grant: Grant, act: Act, target: Target, now: int, minute: int | None) -> bool:
    return covers(grant, act, target.thing, target.room, now, minute)


def allowed(principal: Principal, act: Act, target: Target = HOME, *, now: int, minute: int | None = None) -> bool:
    return why(principal, act, target, now=now, minute=minute).allowed


def require(principal: Principal, act: Act, target: Target = HOME, *, now: int, minute: int | None = None) -> Ruling:
    """The ruling that allows it, or raises Refused `not_allowed` (act, why)."""
    ruling = why(principal, act, target, now=now, minute=minute)
    if not ruling.allowed:
        raise Refused("not_allowed", act=str(ruling.act), why=ruling.rule)
    return ruling


def may_give(giver: Principal, grant: Grant, *, now: int) -> bool:
    """Nobody gives what is not theirs by role, nor in another's name."""
    return (
        grant.by == giver.member
        and allowed(giver, Act.GRANT_GIVE, now=now)
        and all(TABLE[act][giver.role] is Rule.ALLOW for act in grant.acts)
    )
