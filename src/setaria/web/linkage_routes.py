"""Linkages: reading, checking, saving, running, looking back, trying out on the past."""

from __future__ import annotations

import functools
from typing import Annotated, Any, Final

import msgspec

from setaria.facts.refused import Refused
from setaria.home import commands as c
from setaria.home.linkage.desk import Imported, Traces
from setaria.home.linkage.dry_run import DryRun
from setaria.home.linkage.parts import Parts, Told
from setaria.home.linkage.reading import Drafts, Finding
from setaria.home.linkage.rule import EventTrigger, NumericTrigger, Rule, StateTrigger
from setaria.home.spec.homeassistant import services_of
from setaria.home.spec.model import Spec
from setaria.home.structure import Linkage
from setaria.rights import Act
from setaria.web import views as v
from setaria.web.table import Body, Call, Query, Route

MOST_MAPPED: Final = 2_000
MODELS_KEPT: Final = 512


class LinkageView(msgspec.Struct, frozen=True):
    """`last` is when it last began to run, 0 for never; `saved` when this revision was. `kind` is that of its first
    trigger, `about` the thing it watches, if any: for a picture."""

    id: str
    alias: str
    sentence: str
    enabled: bool
    author: str
    revision: int
    saved: int
    place: str
    last: int
    kind: str
    about: str


class Linkages(msgspec.Struct, frozen=True):
    """`findings` are those of the home's linkages together."""

    linkages: list[LinkageView]
    findings: tuple[Finding, ...]


class LinkageFull(msgspec.Struct, frozen=True):
    """`source` is the text it was read from, or one made of the rule where that text no longer says what the rule is;
    `document` is the same as plain JSON; `findings` are those of the whole home that name it."""

    linkage: LinkageView
    source: str
    document: Any
    rule: Any
    parts: Parts
    findings: tuple[Told, ...]


class TextBody(Body, frozen=True):
    text: str


class DocumentBody(Body, frozen=True):
    """One linkage as plain JSON, in the form that the text has."""

    document: dict[str, Any]


class Documents(msgspec.Struct, frozen=True):
    documents: list[Any]


class Text(msgspec.Struct, frozen=True):
    text: str


class Services(msgspec.Struct, frozen=True):
    """By model: the services (`light.turn_on`) that a thing of it offers."""

    models: dict[str, tuple[str, ...]]


class ImportBody(Body, frozen=True):
    """`mapping` names for entities of Home Assistant the thing that each is."""

    text: str
    mapping: Annotated[dict[str, str], msgspec.Meta(max_length=MOST_MAPPED)] = {}
    save: bool = False


class DryRunBody(Body, frozen=True):
    """Either a text of one linkage or the id of one."""

    text: str | None = None
    linkage: str | None = None
    days: int = 7


class SwitchBody(Body, frozen=True):
    enabled: bool


class TracesQuery(Query, frozen=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 20
    declined: bool = False


class Saved(msgspec.Struct, frozen=True):
    saved: list[str]


class Run(msgspec.Struct, frozen=True):
    run: str


def _view(call: Call, linkage: Linkage, rule: Rule) -> LinkageView:
    services = call.services
    return LinkageView(
        linkage.id,
        rule.alias,
        services.desk.sentence(rule, call.language),
        linkage.enabled,
        linkage.author,
        linkage.revision,
        linkage.saved,
        "hub",
        services.home.engine.memory.began.get(linkage.id, 0),
        *_first(rule),
    )


def _first(rule: Rule) -> tuple[str, str]:
    if not rule.triggers:
        return "", ""
    first = rule.triggers[0]
    about = ""
    if isinstance(first, StateTrigger | NumericTrigger) and first.refs:
        about = first.refs[0].address.partition("/")[0]
    elif isinstance(first, EventTrigger):
        about = first.thing
    return str(first.__struct_config__.tag), about


def _linkage_of(call: Call) -> tuple[Linkage, Rule]:
    wanted = call.parameters["linkage"]
    known = call.services.home.structure.linkages.get(wanted)
    if known is None or known.rule is None:
        raise Refused("not_found", what="linkage", id=wanted[:80])
    return known, known.rule


async def see_linkages(call: Call) -> Linkages:
    known = call.services.home.structure.linkages.values()
    views = [_view(call, each, each.rule) for each in known if each.rule is not None]
    return Linkages(views, await call.services.desk.findings(call.language))


async def see_linkage(call: Call) -> LinkageFull:
    linkage, rule = _linkage_of(call)
    desk = call.services.desk
    opened = await desk.opened(rule, call.language)
    alone = msgspec.structs.replace(rule, source="")
    of_home = await desk.findings(call.language)
    findings = tuple(each.told for each in of_home if linkage.id in each.linkages)
    return LinkageFull(_view(call, linkage, rule), opened.text, opened.document, alone, opened.parts, findings)


async def see_services(call: Call) -> Services:
    home = call.services.home
    models = {each.model: home.arranged.spec_of(each.id) for each in home.structure.things.values()}
    return Services({model: services_of_model(spec) for model, spec in models.items() if spec is not None})


@functools.lru_cache(MODELS_KEPT)
def services_of_model(spec: Spec) -> tuple[str, ...]:
    return services_of(spec)


async def check(call: Call) -> Drafts:
    return await call.services.desk.check(call.body.text, call.language)


async def documents(call: Call) -> Documents:
    return Documents(await call.services.desk.documents(call.body.text))


async def yaml(call: Call) -> Text:
    return Text(await call.services.desk.yaml(call.body.document))


async def save(call: Call) -> Saved:
    return Saved(await call.services.desk.save(call.by, call.body.text, call.language, call.command))


async def import_ha(call: Call) -> Imported:
    body: ImportBody = call.body
    desk = call.services.desk
    return await desk.import_ha(call.by, body.text, body.mapping, call.language, body.save)


async def run(call: Call) -> Run:
    return Run(await call.services.home.run_linkage(call.by, call.parameters["linkage"]))


async def undo(call: Call) -> v.Done:
    await call.services.home.arrange(call.by, c.UndoLinkage(call.parameters["linkage"]), call.command)
    return v.Done()


async def switch(call: Call) -> v.Done:
    command = c.SwitchLinkage(call.parameters["linkage"], call.body.enabled)
    await call.services.home.arrange(call.by, command, call.command)
    return v.Done()


async def remove(call: Call) -> v.Done:
    await call.services.home.arrange(call.by, c.RemoveLinkage(call.parameters["linkage"]), call.command)
    return v.Done()


async def see_traces(call: Call) -> Traces:
    query: TracesQuery = call.query
    desk = call.services.desk
    return await desk.traces(call.parameters["linkage"], query.limit, query.declined, call.language)


async def dry_run(call: Call) -> DryRun:
    body: DryRunBody = call.body
    if (body.text is None) == (body.linkage is None):
        raise Refused("dry_run_of_what")
    return await call.services.desk.dry_run(body.text, body.linkage, body.days, call.language)


ONE: Final = "/api/linkages/{linkage}"
ROUTES: Final = (
    Route("GET", "/api/linkages", see_linkages, Act.HOME_SEE, Linkages, "Every linkage"),
    Route("POST", "/api/linkages", save, Act.LINKAGE_WRITE, Saved, "Save linkages: all of a text, or none", TextBody),
    Route("POST", "/api/linkages/check", check, Act.HOME_SEE, Drafts, "Check linkages, saving nothing", TextBody),
    Route("GET", "/api/linkages/services", see_services, Act.HOME_SEE, Services, "What things can be told to do"),
    Route(
        "POST",
        "/api/linkages/document",
        documents,
        Act.HOME_SEE,
        Documents,
        "The linkages of a text as plain JSON",
        TextBody,
    ),
    Route("POST", "/api/linkages/yaml", yaml, Act.HOME_SEE, Text, "A linkage's JSON as text", DocumentBody),
    Route(
        "POST",
        "/api/linkages/import-ha",
        import_ha,
        Act.LINKAGE_WRITE,
        Imported,
        "Read automations of Home Assistant",
        ImportBody,
    ),
    Route(
        "POST",
        "/api/linkages/dry-run",
        dry_run,
        Act.FACTS_READ,
        DryRun,
        "What a linkage would have done over the home's past",
        DryRunBody,
    ),
    Route("GET", ONE, see_linkage, Act.HOME_SEE, LinkageFull, "One linkage with its source"),
    Route("DELETE", ONE, remove, Act.LINKAGE_WRITE, v.Done, "Remove a linkage; undo brings it back"),
    Route("POST", f"{ONE}/run", run, Act.LINKAGE_RUN, Run, "Run its actions now"),
    Route("POST", f"{ONE}/undo", undo, Act.LINKAGE_WRITE, v.Done, "Back to the revision before"),
    Route("POST", f"{ONE}/switch", switch, Act.LINKAGE_WRITE, v.Done, "Switch a linkage on or off", SwitchBody),
    Route("GET", f"{ONE}/traces", see_traces, Act.FACTS_READ, Traces, "Its runs, newest first", query=TracesQuery),
)
