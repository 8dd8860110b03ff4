"""Letting people in: invitations, and a thing that is shared with another household."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from setaria.facts.clock import DAY, MINUTE
from setaria.home.accounts.accounts import LONGEST_INVITATION, SHORTEST_INVITATION
from setaria.home.accounts.sharing import share
from setaria.rights import Act
from setaria.web.home_routes import thing_of
from setaria.web.qr import svg_of
from setaria.web.table import Body, Call, Route

JOIN: Final = "/join"
MOST_ACTS: Final = len(Act)


class InviteBody(Body, frozen=True):
    """For how many minutes the code is good: a day, if nothing is said."""

    minutes: Annotated[int, msgspec.Meta(ge=SHORTEST_INVITATION // MINUTE, le=LONGEST_INVITATION // MINUTE)] = (
        DAY // MINUTE
    )


class InvitationView(msgspec.Struct, frozen=True):
    """`path` is below the hub's own address, the code behind the #, where no server sees it; `qr` is the whole address
    as SVG."""

    code: str
    path: str
    qr: str
    until: int


class ShareBody(Body, frozen=True):
    """`name` of the person, `of` of their household; `until` in UTC microseconds. Without `acts` they see the thing and
    operate it; one that guards the home they only see."""

    name: str
    of: str
    until: int
    acts: Annotated[tuple[Act, ...], msgspec.Meta(max_length=MOST_ACTS)] = ()


class SharedView(msgspec.Struct, frozen=True):
    member: str
    code: str
    path: str
    qr: str
    until: int


async def invite(call: Call) -> InvitationView:
    body: InviteBody = call.body
    member = call.parameters["member"]
    code, until = await call.services.accounts.invite(call.by, member, body.minutes * MINUTE)
    return InvitationView(code, path_of(code), svg_of(address_of_page(call) + path_of(code)), until)


async def share_thing(call: Call) -> SharedView:
    body: ShareBody = call.body
    home, accounts = call.services.home, call.services.accounts
    thing = thing_of(call)
    shared = await share(home, accounts, call.by, thing.id, body.name, body.of, body.until, body.acts)
    path = path_of(shared.code)
    return SharedView(shared.member, shared.code, path, svg_of(address_of_page(call) + path), shared.until)


def path_of(code: str) -> str:
    return f"{JOIN}#{code}"


def address_of_page(call: Call) -> str:
    """For somebody else's phone; else as the caller's own browser reaches it, by a name that the guard knows."""
    if page := call.services.page():
        return page
    host: bytes = call.scope["setaria.headers"].get(b"host", b"")
    return f"{call.scope.get('scheme', 'http')}://{host.decode('ascii', 'replace')}"


ROUTES: Final = (
    Route(
        "POST",
        "/api/members/{member}/invitation",
        invite,
        Act.MEMBER_MANAGE,
        InvitationView,
        "A code with which a member comes in and sets a password",
        InviteBody,
    ),
    Route(
        "POST",
        "/api/things/{thing}/share",
        share_thing,
        Act.MEMBER_MANAGE,
        SharedView,
        "Lend a thing to somebody of another household",
        ShareBody,
    ),
)
