"""The flywheel page: reports, the facts behind their numbers, their tables, and fits."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from setaria.facts.fact import Fact, to_cloud_event
from setaria.facts.kinds import Unknown, kind_named
from setaria.facts.log import Cursor, Wanted
from setaria.facts.refused import Refused
from setaria.flywheel.refit.about import Behind, Kept
from setaria.home.telling.facts import FactTeller
from setaria.home.telling.past import former_names
from setaria.home.telling.wording import Wording
from setaria.rights import Act
from setaria.web.answers import ALWAYS, RefusalView, view_of
from setaria.web.flywheel_desk import FlywheelDesk, stage_in_words
from setaria.web.table import Call, Query, Route
from setaria.web.views import Done
from setaria.words import languages

MOST_FACTS: Final = 200
MOST_LOOKS: Final = 40  # for one answer that filters; what is left comes with the next
CSV: Final = "text/csv"


class FitView(msgspec.Struct, frozen=True):
    """`stage` is a sentence, empty when nothing is under way; `next` is UTC microseconds, 0 when none is planned."""

    stage: str
    done: float
    failed: RefusalView | None
    next: int


class FlywheelView(msgspec.Struct, frozen=True):
    """`report` is a Report as `setaria flywheel fit --json` prints it, `shown` the same in words and tables of the
    asked language; both are null while there is none. `missing` is what of the extra is not installed. `facts` is how
    many the log holds. `traced`: touchpoints whose facts are in this log."""

    missing: list[str]
    facts: int
    fit: FitView
    reports: list[Kept]
    current: Kept | None
    traced: list[str]
    report: Any
    shown: Any


class FlywheelQuery(Query, frozen=True):
    """The newest report when none is named."""

    report: str = ""


class BehindQuery(Query, frozen=True):
    """The newest first; go on with before = `cursor`. With `then`, facts of both touchpoints."""

    touchpoint: str
    then: str = ""
    report: str = ""
    before: str = "now"
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_FACTS)] = 30


class BehindPage(msgspec.Struct, frozen=True):
    """Facts as CloudEvents with what they say (`sentence`) and `touchpoint`; none where a report was made elsewhere."""

    facts: list[dict[str, Any]]
    cursor: str
    more: bool


class TableQuery(Query, frozen=True):
    """A link carries no Accept-Language of the page's: `language` does."""

    report: str = ""
    language: str = ""


async def see_flywheel(call: Call) -> FlywheelView:
    desk = _desk(call)
    query: FlywheelQuery = call.query
    kept = desk.kept()
    current = desk.find(query.report) if query.report or kept else None
    report, shown, traced = None, None, list[str]()
    if current is not None:
        report = msgspec.Raw(desk.read(current, "report.json"))
        shown = msgspec.Raw(desk.read(current, f"shown.{call.language}.json"))
        traced = list(desk.behind(current))
    facts = sum((await call.services.log.head()).seqs)
    return FlywheelView(desk.missing, facts, _fit(call, desk), kept, current, traced, report, shown)


async def see_fit(call: Call) -> FitView:
    return _fit(call, _desk(call))


async def fit(call: Call) -> FitView:
    desk = _desk(call)
    desk.fit()
    return _fit(call, desk)


async def give_report(call: Call) -> Kept:
    desk = _desk(call)
    return desk.find(await desk.give(call.scope["setaria.body"]))


async def forget_report(call: Call) -> Done:
    desk = _desk(call)
    if not (wanted := call.parameters["report"]):
        raise Refused("not_found", what="report", id="")
    desk.forget(desk.find(wanted))
    return Done()


async def see_behind(call: Call) -> BehindPage:
    query: BehindQuery = call.query
    desk, log = _desk(call), call.services.log
    behind = desk.behind(desk.find(query.report))
    wanted = {name: behind[name] for name in (query.touchpoint, query.then) if name in behind}
    at = await log.head() if query.before == "now" else Cursor.parse(query.before, log.partitions)
    found: list[tuple[Fact, str]] = []
    if wanted:
        labels = tuple(label for each in wanted.values() for label in _labels(each))
        for _ in range(MOST_LOOKS):
            look = await log.look_back(at, query.limit - len(found), Wanted(labels))
            at = look.reached
            found += [(each.fact, name) for each in look.found if (name := _touchpoint(each.fact, wanted))]
            if len(found) == query.limit or not any(at.seqs):
                break
    return await _page(call, found, at.token, more=bool(wanted) and any(at.seqs))


async def see_table(call: Call) -> None:
    query: TableQuery = call.query
    desk = _desk(call)
    language = query.language if query.language in languages() else call.language
    name = call.parameters["table"]
    content = desk.table(desk.find(query.report), name, language)
    headers = [
        (b"content-type", f"{CSV}; charset=utf-8".encode()),
        (b"content-disposition", f'attachment; filename="{name}"'.encode()),
        (b"content-length", str(len(content)).encode()),
        *ALWAYS,
    ]
    await call.send({"type": "http.response.start", "status": 200, "headers": headers})
    await call.send({"type": "http.response.body", "body": content})


def _desk(call: Call) -> FlywheelDesk:
    desk = call.services.flywheel
    if desk is None:
        raise Refused("not_served", what="flywheel")
    return desk


def _fit(call: Call, desk: FlywheelDesk) -> FitView:
    doing = desk.doing if desk.doing is not None and desk.doing.what == "fit" else None
    failed = None if desk.failed is None else view_of(desk.failed, call.language)
    stage = "" if doing is None else stage_in_words(doing, call.language)
    return FitView(stage, 0.0 if doing is None else doing.done, failed, desk.next_fit)


def _labels(behind: Behind) -> tuple[str, ...]:
    known = kind_named(behind.kind)
    return () if known is None else tuple(f"{known.name}/{version}" for version in range(1, known.version + 1))


def _touchpoint(fact: Fact, wanted: dict[str, Behind]) -> str:
    """Of which of these touchpoints a fact is; "" of none."""
    if isinstance(fact.body, Unknown):
        return ""
    for name, each in wanted.items():
        known = kind_named(each.kind)
        if known is None or not isinstance(fact.body, known.body):
            continue
        if each.roles and fact.actor.role not in each.roles:
            continue
        if all(str(getattr(fact.body, field, None)) == value for field, value in each.fields.items()):
            return name
    return ""


async def _page(call: Call, found: list[tuple[Fact, str]], cursor: str, *, more: bool) -> BehindPage:
    services = call.services
    former = await former_names(services.home, services.log, [fact for fact, _ in found])
    teller = FactTeller(Wording(services.home, call.language, former))
    told = [
        {**to_cloud_event(fact), "sentence": teller.sentence(fact).text, "touchpoint": name} for fact, name in found
    ]
    return BehindPage(told, cursor, more)


ROUTES: Final = (
    Route(
        *("GET", "/api/flywheel", see_flywheel, Act.FACTS_READ, FlywheelView),
        "The newest report of the flywheel, or an earlier one",
        query=FlywheelQuery,
    ),
    Route("GET", "/api/flywheel/fit", see_fit, Act.FACTS_READ, FitView, "How far a fit is"),
    Route("POST", "/api/flywheel/fit", fit, Act.FACTS_READ, FitView, "Begin to fit what the log holds now"),
    Route(
        *("GET", "/api/flywheel/facts", see_behind, Act.FACTS_READ, BehindPage),
        "The facts behind a number: those of a touchpoint, or of two",
        query=BehindQuery,
    ),
    Route(
        *("GET", "/api/flywheel/tables/{table}", see_table, Act.FACTS_READ, str, "A table of a report as CSV"),
        query=TableQuery,
        stream=True,
        media=CSV,
    ),
    Route(
        *("POST", "/api/flywheel/reports", give_report, Act.HOUSEHOLD_MANAGE, Kept),
        "Show a report made elsewhere, as `setaria flywheel fit --json` prints it",
        dict[str, Any],
        raw=True,
    ),
    Route(
        *("DELETE", "/api/flywheel/reports/{report}", forget_report, Act.HOUSEHOLD_MANAGE, Done, "Remove a report"),
    ),
)
