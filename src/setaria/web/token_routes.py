"""Tokens for programs, and the rights there are."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from setaria.rights import TABLE, Act, Role, Rule
from setaria.web import views as v
from setaria.web.table import Body, Call, Route
from setaria.words import say

MOST_PLACES: Final = 200
ROLES: Final = (Role.OWNER, Role.ADULT, Role.CHILD, Role.ELDER, Role.GUEST, Role.PROGRAM)

Ids = Annotated[tuple[str, ...], msgspec.Meta(max_length=MOST_PLACES)]


class TokenBody(Body, frozen=True):
    """Without `rooms` and `things` everywhere; `until` in UTC microseconds, 0 for no end."""

    name: str
    acts: tuple[Act, ...]
    rooms: Ids = ()
    things: Ids = ()
    until: int = 0


class TokenView(msgspec.Struct, frozen=True):
    """`used` is when it was used last since the hub started, 0 for not yet."""

    id: str
    name: str
    acts: tuple[str, ...]
    rooms: tuple[str, ...]
    things: tuple[str, ...]
    issued: int
    until: int
    by: str
    used: int


class Tokens(msgspec.Struct, frozen=True):
    tokens: list[TokenView]


class Issued(msgspec.Struct, frozen=True):
    """`token` is shown this once: send it as `Authorization: Bearer TOKEN`."""

    id: str
    token: str


class ActView(msgspec.Struct, frozen=True):
    act: str
    name: str


class RoleView(msgspec.Struct, frozen=True):
    """`allowed` by the role alone, about oneself at least; `grantable` only by a grant."""

    role: str
    name: str
    allowed: list[str]
    grantable: list[str]


class Rights(msgspec.Struct, frozen=True):
    acts: list[ActView]
    roles: list[RoleView]


class GrantView(msgspec.Struct, frozen=True):
    """`until` 0 is no end; `windows` are minutes of the local week from Monday 00:00."""

    id: str
    member: str
    acts: list[str]
    rooms: tuple[str, ...]
    things: tuple[str, ...]
    since: int
    until: int
    windows: tuple[tuple[int, int], ...]
    by: str


class Grants(msgspec.Struct, frozen=True):
    grants: list[GrantView]


async def see_tokens(call: Call) -> Tokens:
    accounts = call.services.accounts
    return Tokens(
        [
            TokenView(
                each.id,
                each.name,
                each.acts,
                each.rooms,
                each.things,
                each.issued,
                each.until,
                each.by,
                accounts.used(each.id),
            )
            for each in accounts.tokens_for(call.by)
        ]
    )


async def issue(call: Call) -> Issued:
    body: TokenBody = call.body
    acts = tuple(map(str, body.acts))
    issued = await call.services.accounts.issue_token(call.by, body.name, acts, body.rooms, body.things, body.until)
    return Issued(*issued)


async def revoke(call: Call) -> v.Done:
    await call.services.accounts.revoke_token(call.by, call.parameters["token"])
    return v.Done()


async def see_rights(call: Call) -> Rights:
    return Rights(
        [ActView(act, say(f"refused.not_allowed.act.{act}", call.language)) for act in Act],
        [
            RoleView(
                role,
                say(f"accounts.role.{role}", call.language),
                [act for act in Act if TABLE[act][role] in (Rule.ALLOW, Rule.OWN)],
                [act for act in Act if TABLE[act][role] is Rule.GRANTED],
            )
            for role in ROLES
        ],
    )


async def see_grants(call: Call) -> Grants:
    return Grants(
        [
            GrantView(
                each.id,
                each.member,
                list(each.acts),
                each.rooms,
                each.things,
                each.since,
                each.until or 0,
                each.windows,
                each.by,
            )
            for each in call.services.home.structure.grants.values()
        ]
    )


ROUTES: Final = (
    Route("GET", "/api/tokens", see_tokens, Act.GRANT_GIVE, Tokens, "Tokens that one issued; to an owner all"),
    Route("POST", "/api/tokens", issue, Act.GRANT_GIVE, Issued, "Let a program in", TokenBody),
    Route("DELETE", "/api/tokens/{token}", revoke, Act.GRANT_GIVE, v.Done, "Shut a program out, at once"),
    Route("GET", "/api/rights", see_rights, Act.HOME_SEE, Rights, "What each role may do"),
    Route("GET", "/api/grants", see_grants, Act.GRANT_GIVE, Grants, "What was granted, to whom, until when"),
)
