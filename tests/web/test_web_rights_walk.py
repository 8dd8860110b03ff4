"""Every route x everyone: let in exactly when the table of rights says so. A new route is walked by being there."""

from __future__ import annotations

from typing import Any

from tests.web import route_walk as walk
from tests.web.site_helpers import Client, Reply

from setaria.app import Hub
from setaria.home import commands as c
from setaria.home.home import ARRANGING_NEEDS
from setaria.rights import TABLE, Act, Principal, Role, Rule, Target, allowed
from setaria.web.server import Site
from setaria.web.table import OPEN, Route

# What may be operated or watched may be seen (home/sight.py).
ALSO = {Act.HOME_SEE: (Act.THING_CONTROL, Act.CAMERA_WATCH)}


def places_of(route: Route, by: Principal) -> list[Target]:
    """Where a right would do: the thing or member in the path; with neither, anywhere that this one could have it."""
    if "{thing}" in route.path:
        return [Target(walk.THING, walk.ROOM)]
    if "{member}" in route.path:
        return [Target(member=walk.PLACES["member"])]
    if "{helper}" in route.path or "{scene}" in route.path:
        return [Target()]
    lent = [Target(thing, walk.ROOM) for grant in by.grants for thing in grant.things]
    return [Target(), Target(member=by.member), *lent]


def expected(route: Route, by: Principal | None, now: int) -> bool:
    if route.right is OPEN:
        return True
    if by is None:
        return False
    acts = [each for act in route.acts for each in (act, *(ALSO.get(act, ()) if route.home_asks else ()))]
    places = places_of(route, by) if route.home_asks else [Target()]
    return any(allowed(by, act, place, now=now) for act in acts for place in places)


def let_in(route: Route, reply: Reply) -> bool:
    """A thing that is there and out of sight is not told of."""
    code = "" if reply.status == 200 else reply.refused
    hidden = code == "not_found" and reply.json()["refused"]["details"].get("what") == "thing"
    return code not in ("sign_in_needed", "token_void", "not_allowed") and not hidden


async def test_every_route_lets_in_whom_the_table_does(site: Site, hub: Hub) -> None:
    people = await walk.furnish(hub)
    wrong = []
    for route in site.routes:
        if route.path == "/api/arrange":
            continue  # its commands are walked below
        body = None if route.body is None else walk.sample(route.body)
        for person in people.values():
            headers = await walk.headers_of(hub, person)
            reply = await walk.ask(site.app, route.method, walk.path_of(route), body, headers)
            assert reply.status < 500 or reply.refused != "fault", (route.path, person.name)
            may = expected(route, person.principal, hub.clock.now())
            if let_in(route, reply) is not may:
                wrong.append(f"{route.method} {route.path} x {person.name}: {reply.status} {reply.body[:80]!r}")
    assert not wrong, "\n".join(wrong)


async def test_nobody_is_asked_to_sign_in_and_told_how(site: Site) -> None:
    for route in site.routes:
        reply = await walk.ask(site.app, route.method, walk.path_of(route), None, {})
        if route.right is not OPEN:
            assert (reply.status, reply.refused) == (401, "sign_in_needed"), route.path
            assert reply.headers["www-authenticate"] == "Bearer"


def test_only_these_are_open(site: Site) -> None:
    assert {(each.method, each.path) for each in site.routes if each.right is OPEN} == {
        ("GET", "/api/session"),
        ("POST", "/api/session/setup"),
        ("POST", "/api/session/join"),
        ("POST", "/api/session/sign-in"),
        ("POST", "/api/session/sign-out"),
        ("GET", "/api/openapi.json"),
    }


async def test_every_arrangement_is_for_whom_the_table_says(site: Site, hub: Hub) -> None:
    people = await walk.furnish(hub)
    for command, act in ARRANGING_NEEDS.items():
        body = walk.sample(command)
        for person in people.values():
            headers = await walk.headers_of(hub, person)
            reply = await walk.ask(site.app, "POST", "/api/arrange", body, headers)
            about = Target()
            if command is c.ArrangeTiles and person.principal is not None:
                about = Target(member=person.principal.member)
            may = person.principal is not None and allowed(person.principal, act, about, now=hub.clock.now())
            code = "" if reply.status == 200 else reply.refused
            if code != "command_elsewhere":
                assert (code not in ("sign_in_needed", "not_allowed")) is may, (command, person.name, reply.body)


async def test_the_document_tells_what_each_route_needs(client: Client, site: Site) -> None:
    document: dict[str, Any] = (await client.get("/api/openapi.json")).json()
    schemes = document["components"]["securitySchemes"]
    assert document["security"] == [{each: []} for each in schemes]
    assert schemes["session"] | {"description": ""} == {
        "type": "apiKey",
        "in": "cookie",
        "name": "setaria_session",
        "description": "",
    }
    assert schemes["token"]["scheme"] == "bearer"
    for route in site.routes:
        operation = document["paths"][route.path][route.method.lower()]
        if route.right is OPEN:
            assert operation["security"] == []
            assert "x-right" not in operation
        else:
            assert "security" not in operation  # that of the whole document
            told = operation["x-right"]
            assert [told] if isinstance(told, str) else told == list(route.acts)
        assert "401" in operation["responses"]


def test_the_walk_meets_every_rule() -> None:
    """The table has no role that the walk does not have."""
    roles = {Role.OWNER, Role.ADULT, Role.CHILD, Role.ELDER, Role.GUEST, Role.PROGRAM}
    assert set(Role) - roles == {Role.LINKAGE, Role.HUB}
    assert tuple(act for act in Act if TABLE[act][Role.PROGRAM] is Rule.GRANTED) == walk.PROGRAM_ACTS
