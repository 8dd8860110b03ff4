"""What happened and why, in words: of the home, of one thing, of one fact."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from setaria.facts.refused import Refused
from setaria.home.telling.about import Filter
from setaria.home.telling.activity import MOST_ENTRIES, Activity, activity
from setaria.home.telling.life import Life, life
from setaria.rights import Act, Target
from setaria.web.home_routes import thing_of
from setaria.web.table import Call, Query, Route

LONGEST_NAME: Final = 80


class ActivityQuery(Query, frozen=True):
    """`before` is what the page before gave as `next`. Filters narrow together."""

    before: str = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_ENTRIES)] = 50
    member: Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)] = ""
    thing: Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)] = ""
    linkage: Annotated[str, msgspec.Meta(max_length=LONGEST_NAME)] = ""


def only_own(call: Call) -> str:
    """Whose facts the caller may read: "" for everybody's, else his own id. Raises Refused("not_allowed").

    What was lent of a room or a thing is not asked: it gives what things tell, not who used them, and this tells who.
    """
    permits = call.services.home.permits
    try:
        permits.require(call.by, Act.FACTS_READ)
    except Refused:
        permits.require(call.by, Act.FACTS_READ, Target(member=call.by.member))
        return call.by.member
    return ""


async def see_activity(call: Call) -> Activity:
    query: ActivityQuery = call.query
    wanted = Filter(query.member, query.thing, query.linkage, only_own(call))
    services = call.services
    return await activity(services.home, services.log, call.language, query.before, query.limit, wanted)


async def see_life(call: Call) -> Life:
    thing = thing_of(call)
    return await life(call.services.home, call.services.log, thing.id, call.language)


def require_thing(call: Call, thing: str) -> None:
    """Raises Refused("not_allowed") unless the caller may read what this thing tells."""
    permits = call.services.home.permits
    permits.require(call.by, Act.FACTS_READ, permits.target(thing))


ROUTES: Final = (
    Route(
        "GET",
        "/api/things/{thing}/life",
        see_life,
        Act.FACTS_READ,
        Life,
        "One thing's life, newest first: added, linked, lost and found again, replaced",
    ),
    Route(
        "GET",
        "/api/activity",
        see_activity,
        Act.FACTS_READ,
        Activity,
        "What happened and why, newest first",
        query=ActivityQuery,
        home_asks=True,
    ),
)
