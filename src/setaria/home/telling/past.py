"""Names of what is no longer there, and what things were called before: read from the home's own facts, when needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from setaria.facts.fact import Fact
from setaria.facts.kinds import Body, all_kinds
from setaria.facts.log import Log, Wanted
from setaria.home import facts as f
from setaria.home.home import Home
from setaria.home.naming import RESERVED
from setaria.home.telling.wording import Former, Wording

MOST_READ: Final = 1_000
WHAT: Final = ("thing", "member", "scene", "helper", "room", "storey", "linkage")
_NAMING: Final[Mapping[type[Body], str]] = {
    f.ThingAdded: "thing",
    f.ThingArranged: "thing",
    f.MemberSaved: "member",
    f.SceneSaved: "scene",
    f.HelperSaved: "helper",
    f.RoomSaved: "room",
    f.StoreySaved: "storey",
    f.LinkageSaved: "linkage",
}


def labels_of(bodies: Iterable[type[Body]]) -> tuple[str, ...]:
    """Every version of these kinds, as the log writes them."""
    wanted = set(bodies)
    kinds = [each for each in all_kinds() if each.body in wanted]
    return tuple(f"{each.name}/{version}" for each in kinds for version in range(1, each.version + 1))


async def former_names(home: Home, log: Log, facts: Iterable[Fact]) -> Former:
    """For wording these facts; empty, and nothing is read, when the home still knows all that they name."""
    arranged = {each.id: each.body for each in facts if isinstance(each.body, f.ThingArranged)}
    if not arranged and not any(_unknown(home, each) for each in facts):
        return {}
    wanted = Wanted(labels=labels_of(_NAMING), aggregates=(f"home/{home.household}",))
    look = await log.look_back(await log.head(), MOST_READ, wanted)
    former: dict[tuple[str, str], str] = {}
    waiting: dict[str, list[bytes]] = {}  # thing -> facts whose state before is still to come
    for stored in look.found:
        body = stored.fact.body
        if isinstance(body, f.ThingAdded | f.ThingArranged):
            for fact_id in waiting.pop(body.thing, ()):
                former["thing_before", fact_id.hex()] = f"{body.name}\n{body.room}"
            if stored.fact.id in arranged:
                waiting.setdefault(body.thing, []).append(stored.fact.id)
        for what, name, called in _named(body):
            former.setdefault((what, name), called)
    return former


def _named(body: Body) -> Iterator[tuple[str, str, str]]:
    """(what, its id, what it is called)."""
    if isinstance(body, f.LinkageSaved):
        yield "linkage", body.rule.id, body.rule.alias or body.rule.id
        return
    for kind, what in _NAMING.items():
        if isinstance(body, kind):
            yield what, getattr(body, what), getattr(body, "name", "")


def _unknown(home: Home, fact: Fact) -> bool:
    wording = Wording(home, "")
    named = [fact.aggregate.partition("/")[::2], fact.actor.who.partition("/")[::2]]
    named += [(what, getattr(fact.body, what, "")) for what in WHAT]
    trigger = getattr(fact.body, "trigger", None)
    if isinstance(trigger, Mapping):
        named.append(("thing", str(trigger.get("entity_id", "")).partition("/")[0]))
    return any(
        what in WHAT and name and name not in RESERVED and not wording.knows(what, str(name)) for what, name in named
    )
