"""Where people write linkages: checking, saving, looking back at runs, trying out on the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from setaria.facts.decider import Asked
from setaria.facts.fact import Fact
from setaria.facts.log import Log
from setaria.facts.refused import Refused
from setaria.home import facts as f
from setaria.home.actors import actor_of, author_of
from setaria.home.commands import SaveLinkage
from setaria.home.decide import decide
from setaria.home.home import Home
from setaria.home.linkage.aside import Aside
from setaria.home.linkage.dry_run import DryRun, WouldHave, dry_run
from setaria.home.linkage.parts import Told
from setaria.home.linkage.reading import Drafts, Finding, Opened, View, names_of, told
from setaria.home.linkage.rule import Rule
from setaria.home.structure import evolve
from setaria.home.telling.trace import TraceSentence, trace_sentences
from setaria.home.telling.wording import Wording
from setaria.rights import Act, Principal

MOST_DAYS: Final = 31
TRACES_LOOKED_AT: Final = 2_000


class Trace(msgspec.Struct, frozen=True):
    """One run, or one time it did not run. `steps` are (path, what came of it, microseconds since the start), `told`
    the same in words, what set it off first."""

    run: str
    at: int
    revision: int
    outcome: str
    reason: str
    took: int
    trigger: dict[str, Any]
    steps: tuple[tuple[Any, ...], ...]
    told: tuple[TraceSentence, ...] = ()


class Traces(msgspec.Struct, frozen=True):
    """`ran` is how often it ran, as far back as was looked; `more` that it was not looked at the whole past."""

    traces: list[Trace]
    ran: int
    more: bool


class NotImported(msgspec.Struct, frozen=True):
    alias: str
    problems: tuple[Told, ...]


class Imported(msgspec.Struct, frozen=True):
    """`lines` are what a terminal prints; `taken` are sentences of what was converted, by id, `refused` the rest;
    `unknown` are entities for which a thing must be named."""

    total: int
    converted: tuple[str, ...]
    lines: tuple[str, ...]
    taken: dict[str, str]
    refused: tuple[NotImported, ...]
    unknown: tuple[str, ...]


class LinkageDesk:
    """Reading and checking a long text takes longer than a hub may stand still: it is done in a thread, one text at a
    time, against the home as it was when asked."""

    def __init__(self, home: Home, log: Log) -> None:
        self._home = home
        self._log = log
        self._aside = Aside()

    async def check(self, text: str, language: str) -> Drafts:
        view = self._view(language)
        return await self._aside.do(lambda: view.drafts(text))

    async def documents(self, text: str) -> list[Any]:
        """Raises Refused, as texts.documents_of."""
        from setaria.home.linkage.texts import documents_of

        return await self._aside.do(lambda: documents_of(text))

    async def yaml(self, document: Any) -> str:
        """Raises Refused, as texts.yaml_of."""
        from setaria.home.linkage.texts import yaml_of

        return await self._aside.do(lambda: yaml_of(document))

    async def opened(self, rule: Rule, language: str) -> Opened:
        """A saved linkage as it is shown and edited."""
        view = self._view(language)
        return await self._aside.do(lambda: view.opened(rule))

    async def save(self, by: Principal, text: str, language: str, command_id: str = "") -> list[str]:
        """All linkages of a text or none. Raises Refused("linkage_not_sound") with every problem in its details."""
        self._home.permits.require(by, Act.LINKAGE_WRITE)
        view = self._view(language)
        rules = await self._aside.do(lambda: view.sound(text))
        self._require_all(by, rules)
        for number, rule in enumerate(rules):
            each_id = f"{command_id}:{number}" if command_id else ""
            await self._home.arrange(by, SaveLinkage(rule, author_of(by)), each_id)
        return [rule.id for rule in rules]

    def _require_all(self, by: Principal, rules: Sequence[Rule]) -> None:
        """Raises what any of them would be refused for, before the first is saved."""
        state = msgspec.structs.replace(self._home.structure, linkages=dict(self._home.structure.linkages))
        actor = actor_of(by)
        now = self._home.clock.now()
        for rule in rules:
            asked = Asked(SaveLinkage(rule, author_of(by)), actor, now, self._home.household)
            for body in decide(state, asked):
                evolve(state, Fact(b"", now, "", "", actor, body))

    async def findings(self, language: str) -> tuple[Finding, ...]:
        """Loops, conflicts and rules that can never fire among all that the home has."""
        view = self._view(language)
        return await self._aside.do(view.findings)

    def sentence(self, rule: Rule, language: str) -> str:
        from setaria.home.linkage.render import sentence

        return sentence(rule, language, names_of(self._home.structure), self._home.arranged)

    def _view(self, language: str) -> View:
        return View(self._home.structure, self._home.specs, language)

    async def traces(self, linkage: str, limit: int, declined: bool, language: str = "en") -> Traces:
        """Newest first. With `declined`, also the times it did not run, and why."""
        kept = self._home.structure.linkages.get(linkage)
        if kept is None:
            raise Refused("not_found", what="linkage", id=linkage[:80])
        found: list[Trace] = []
        known: set[str] = set()
        facts = await self._log.latest(f"linkage/{linkage}", TRACES_LOOKED_AT)
        ran = 0
        for stored in facts:
            trace = trace_of(stored.fact.time, stored.fact.body)
            if trace is None or trace.run in known or not (declined or trace.run):
                continue
            known.update({trace.run} - {""})  # its end tells all that its waits did
            ran += trace.run != ""
            if len(found) < limit:
                rule = kept.rule if kept.rule is not None and kept.revision == trace.revision else None
                lines = trace_sentences(self._home, trace.steps, trace.trigger, language, began=trace.at, rule=rule)
                found.append(msgspec.structs.replace(trace, told=tuple(lines)))
        return Traces(found, ran, len(facts) >= TRACES_LOOKED_AT)

    async def dry_run(self, text: str | None, linkage: str | None, days: int, language: str) -> DryRun:
        """What a linkage would have done over the home's own past. Raises Refused."""
        if not 1 <= days <= MOST_DAYS:
            raise Refused("days_unusable", most=MOST_DAYS)
        if text is not None:
            view, given = self._view(language), text
            rule = (await self._aside.do(lambda: view.sound(given, only_one=True)))[0]
        else:
            known = self._home.structure.linkages.get(linkage or "")
            if known is None or known.rule is None:
                raise Refused("not_found", what="linkage", id=(linkage or "")[:80])
            rule = known.rule
        found = await dry_run(rule, self._home, self._log, days)
        wording = Wording(self._home, language)
        runs = tuple(msgspec.structs.replace(run, told=_told(wording, run)) for run in found.runs)
        return msgspec.structs.replace(found, runs=runs)

    async def import_ha(
        self, by: Principal, text: str, mapping: Mapping[str, str], language: str, save: bool = False
    ) -> Imported:
        from setaria.home.linkage.import_ha import import_ha, report_lines

        view = self._view(language)
        report = await self._aside.do(lambda: import_ha(text, mapping, view.catalogue))
        rules = [rule for rule, _ in report.converted]
        if save:
            self._home.permits.require(by, Act.LINKAGE_WRITE)
            self._require_all(by, rules)
            for rule in rules:
                await self._home.arrange(by, SaveLinkage(rule, author_of(by)))
        return Imported(
            report.total,
            tuple(rule.id for rule in rules),
            tuple(report_lines(report, language)),
            {rule.id: view.sentence(rule) for rule in rules},
            tuple(
                NotImported(alias, tuple(told(each, language) for each in problems))
                for alias, problems in report.refused
            ),
            report.unknown,
        )


def trace_of(time: int, body: object) -> Trace | None:
    if isinstance(body, f.RunEnded):
        return Trace(body.run, body.began, body.revision, body.outcome, "", body.took, body.trigger, body.trace)
    if isinstance(body, f.RunPaused):
        return Trace(body.run, body.began, body.revision, "waiting", "", 0, body.trigger, body.trace)
    if isinstance(body, f.RunDeclined):
        return Trace("", time, body.revision, "declined", body.reason, 0, body.trigger, body.trace)
    return None


def _told(wording: Wording, run: WouldHave) -> tuple[str, ...]:
    deeds = [text for deed in run.deeds for text in wording.deed(deed)]
    return (wording.why(run.trigger) or str(run.trigger.get("platform", "")), *deeds)
