"""A thing that is shared with another household: a guest of theirs, a grant on the one thing, an invitation."""

from __future__ import annotations

import contextlib
from typing import Final

import msgspec

from setaria.facts.refused import Refused
from setaria.home import commands as c
from setaria.home.accounts.accounts import LONGEST_INVITATION, SHORTEST_INVITATION, Accounts
from setaria.home.accounts.codes import make_id
from setaria.home.home import Home
from setaria.rights import Act, Principal

_LENT: Final = (Act.HOME_SEE, Act.THING_CONTROL)
_LENT_SECURE: Final = (Act.HOME_SEE,)


class Shared(msgspec.Struct, frozen=True):
    """`until` is when the invitation ends."""

    member: str
    code: str
    until: int


async def share(
    home: Home,
    accounts: Accounts,
    by: Principal,
    thing: str,
    name: str,
    of: str,
    until: int,
    acts: tuple[Act, ...] = (),
) -> Shared:
    """All of it or nothing. Raises Refused as the three do: not_allowed, not_found, name_unusable, guest_needs_end…"""
    home.permits.require(by, Act.MEMBER_MANAGE)
    member = f"guest_{make_id()}"
    lent = acts or (_LENT_SECURE if home.arranged.secure(thing) else _LENT)
    await home.arrange(by, c.SaveMember(member, name, "guest", until, of=of))
    try:
        grant = c.GiveGrant(f"share_{make_id()}", member, tuple(map(str, lent)), things=(thing,), until=until)
        await home.arrange(by, grant)
        lasts = min(LONGEST_INVITATION, max(SHORTEST_INVITATION, until - home.clock.now()))
        code, invited_until = await accounts.invite(by, member, lasts)
    except Refused:
        with contextlib.suppress(Refused):
            await home.arrange(by, c.RemoveMember(member))
        raise
    return Shared(member, code, invited_until)
