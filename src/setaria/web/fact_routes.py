"""The log, read from outside: facts as CloudEvents."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from setaria.facts.fact import Fact, to_cloud_event
from setaria.facts.kinds import label_of, split_label
from setaria.facts.log import Cursor, start
from setaria.rights import Act
from setaria.web.home_routes import thing_of
from setaria.web.table import Call, Query, Route

MOST_FACTS: Final = 1_000
A_READ: Final = 1_000
MOST_LOOKED_AT: Final = 20_000  # facts, for one answer that filters

Limit = Annotated[int, msgspec.Meta(ge=1, le=MOST_FACTS)]


class FactsQuery(Query, frozen=True):
    """`after` is a cursor; without one, from the beginning. `kind` as in home.reading, `aggregate` as in thing/lamp."""

    after: str = ""
    limit: Limit = 500
    kind: str = ""
    aggregate: str = ""


class FactPage(msgspec.Struct, frozen=True):
    """Go on with after = `cursor`; `more` says that there may be some at once."""

    facts: list[dict[str, Any]]
    cursor: str
    more: bool


class LatestQuery(Query, frozen=True):
    limit: Limit = 100


class Latest(msgspec.Struct, frozen=True):
    """Newest first."""

    facts: list[dict[str, Any]]


async def see_facts(call: Call) -> FactPage:
    query: FactsQuery = call.query
    log = call.services.log
    cursor = Cursor.parse(query.after, log.partitions) if query.after else start(log.partitions)
    found: list[dict[str, Any]] = []
    filtered = bool(query.kind or query.aggregate)
    for _ in range(MOST_LOOKED_AT // A_READ):
        asked = A_READ if filtered else min(A_READ, query.limit - len(found))
        stored = await log.read(cursor, asked)
        for each in stored:
            cursor = cursor.moved(each.partition, each.seq)
            if _wanted(each.fact, query):
                found.append(to_cloud_event(each.fact))
                if len(found) >= query.limit:
                    return FactPage(found, cursor.token, True)
        if not stored:
            return FactPage(found, cursor.token, False)
    return FactPage(found, cursor.token, True)


def _wanted(fact: Fact, query: FactsQuery) -> bool:
    if query.aggregate and fact.aggregate != query.aggregate:
        return False
    return not query.kind or split_label(label_of(fact.body))[0] == query.kind


async def see_thing_facts(call: Call) -> Latest:
    stored = await call.services.log.latest(f"thing/{thing_of(call).id}", call.query.limit)
    return Latest([to_cloud_event(each.fact) for each in stored])


ROUTES: Final = (
    Route(
        "GET",
        "/api/facts",
        see_facts,
        Act.FACTS_READ,
        FactPage,
        "Facts in the order of the log",
        query=FactsQuery,
    ),
    Route(
        "GET",
        "/api/things/{thing}/facts",
        see_thing_facts,
        Act.FACTS_READ,
        Latest,
        "The newest facts of one thing",
        query=LatestQuery,
    ),
)
