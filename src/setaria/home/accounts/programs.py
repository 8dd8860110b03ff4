"""Programs: a token is a principal with one grant, and never more than whoever issued it may give, now."""

from __future__ import annotations

from typing import Final

import msgspec

from setaria.facts.refused import Refused
from setaria.home.accounts.state import Token
from setaria.home.decide import LONGEST_NAME
from setaria.home.structure import Structure
from setaria.rights import TABLE, Act, Grant, Principal, Role, Rule, may_give

PREFIX: Final = "program/"
MOST_PLACES: Final = 200


def principal_of(token: Token, issuer: Principal, now: int) -> Principal:
    """What its issuer may no longer give, it no longer has."""
    who = PREFIX + token.id
    grant = Grant(
        id=token.id,
        member=who,
        acts=tuple(Act(each) for each in token.acts if each in set(Act)),
        rooms=token.rooms,
        things=token.things,
        since=0,
        until=token.until or None,
        by=token.by,
    )
    acts = tuple(act for act in grant.acts if _gives(issuer, grant, act, now))
    return Principal(who, Role.PROGRAM, (msgspec.structs.replace(grant, acts=acts),), issuer)


def check_acts(issuer: Principal, acts: tuple[str, ...], now: int) -> None:
    """Raises Refused: token_acts_unfit for what no program may do, not_allowed for what is not the issuer's."""
    fit = {act for act in Act if TABLE[act][Role.PROGRAM] is Rule.GRANTED}
    unfit = [each for each in acts if each not in fit]
    if unfit or not acts:
        raise Refused("token_acts_unfit", acts=", ".join(unfit)[:200])
    grant = Grant(id="", member="", acts=(), since=0, by=issuer.member)
    for each in acts:
        if not _gives(issuer, grant, Act(each), now):
            raise Refused("not_allowed", act=each, why="not_own")


def _gives(issuer: Principal, grant: Grant, act: Act, now: int) -> bool:
    return may_give(issuer, msgspec.structs.replace(grant, acts=(act,)), now=now)


def check_places(structure: Structure, rooms: tuple[str, ...], things: tuple[str, ...]) -> None:
    """Raises Refused: not_found, too_many."""
    if len(rooms) + len(things) > MOST_PLACES:
        raise Refused("too_many", what="places", most=MOST_PLACES)
    missing = [("room", each) for each in rooms if each not in structure.rooms]
    missing += [("thing", each) for each in things if each not in structure.things]
    for what, each in missing:
        raise Refused("not_found", what=what, id=each[:80])


def checked_name(given: str) -> str:
    """Raises Refused("name_unusable")."""
    name = " ".join(given.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Refused("name_unusable", name=given[:LONGEST_NAME], longest=LONGEST_NAME)
    return name
