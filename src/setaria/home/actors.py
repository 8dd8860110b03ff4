"""How a principal is named in facts, and in whose name what it leaves behind goes on."""

from __future__ import annotations

from setaria.facts.fact import Actor
from setaria.rights import Principal, Role


def actor_of(by: Principal) -> Actor:
    """`member/wei` as `owner`; a program brings its own kind: `program/251dac81` as `program`."""
    who = by.member if by.role is Role.PROGRAM else f"member/{by.member}"
    return Actor(who, str(by.role))


def author_of(by: Principal) -> str:
    """The member who answers for a linkage: oneself; for a program whoever issued its token."""
    return by.member if by.author is None else by.author.member
