"""The log, read from outside: facts as CloudEvents."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from setaria.facts.fact import Fact, to_cloud_event
from setaria.facts.ids import id_bytes
from setaria.facts.kinds import kind_named, label_of, split_label
from setaria.facts.log import Cursor, Log, Wanted, start
from setaria.facts.refused import Refused
from setaria.home.telling.about import about_member
from setaria.home.telling.facts import FactTeller
from setaria.home.telling.past import former_names
from setaria.home.telling.wording import Wording
from setaria.rights import Act
from setaria.web.activity_routes import only_own
from setaria.web.home_routes import thing_of
from setaria.web.table import Call, Query, Route

MOST_FACTS: Final = 1_000
A_READ: Final = 1_000
MOST_LOOKED_AT: Final = 20_000  # facts, for one answer that filters

Limit = Annotated[int, msgspec.Meta(ge=1, le=MOST_FACTS)]


class FactsQuery(Query, frozen=True):
    """`after` is a cursor; without one, from the beginning. `kind` as in home.reading, `aggregate` as in thing/lamp.

    With `before`, a cursor or `now`, the newest come first, readings are left out, and one goes on with before."""

    after: str = ""
    before: str = ""
    limit: Limit = 500
    kind: str = ""
    aggregate: str = ""


class FactPage(msgspec.Struct, frozen=True):
    """Go on with after (or before) = `cursor`; `more` says that there may be some at once."""

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
    if query.before:
        return await _before(log, query)
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


async def _before(log: Log, query: FactsQuery) -> FactPage:
    """By kind and aggregate the engine itself looks, and of an aggregate only where its facts lie."""
    cursor = await log.head() if query.before == "now" else Cursor.parse(query.before, log.partitions)
    known = kind_named(query.kind) if query.kind else None
    if query.kind and known is None:
        return FactPage([], start(log.partitions).token, False)
    labels = () if known is None else tuple(f"{known.name}/{version}" for version in range(1, known.version + 1))
    look = await log.look_back(
        cursor, query.limit, Wanted(labels, aggregates=(query.aggregate,) if query.aggregate else ())
    )
    found = [to_cloud_event(each.fact) for each in look.found]
    return FactPage(found, look.reached.token, any(look.reached.seqs))


def _wanted(fact: Fact, query: FactsQuery) -> bool:
    if query.aggregate and fact.aggregate != query.aggregate:
        return False
    return not query.kind or split_label(label_of(fact.body))[0] == query.kind


async def see_fact(call: Call) -> dict[str, Any]:
    """Raises Refused: not_found, not_allowed."""
    wanted, own = call.parameters["fact"], only_own(call)
    try:
        stored = await call.services.log.find(id_bytes(wanted[:40]))
    except ValueError:
        stored = None
    if stored is None:
        raise Refused("not_found", what="fact", id=wanted[:80])
    fact = stored.fact
    if own and not about_member(fact, own):
        raise Refused("not_allowed", act=str(Act.FACTS_READ), why="not_own")
    services = call.services
    former = await former_names(services.home, services.log, [fact])
    sentence = FactTeller(Wording(services.home, call.language, former)).sentence(fact)
    return {**to_cloud_event(fact), "sentence": sentence.text}


async def see_thing_facts(call: Call) -> Latest:
    stored = await call.services.log.latest(f"thing/{thing_of(call).id}", call.query.limit)
    return Latest([to_cloud_event(each.fact) for each in stored])


ROUTES: Final = (
    Route(
        "GET",
        "/api/facts/{fact}",
        see_fact,
        Act.FACTS_READ,
        dict[str, Any],
        "One fact as a CloudEvent, with what it says in words (`sentence`)",
        home_asks=True,
    ),
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
