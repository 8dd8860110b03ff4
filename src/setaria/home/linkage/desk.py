"""Where people write linkages: checking, saving, looking back at runs, trying out on the past."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from setaria.facts.decider import Asked
from setaria.facts.fact import Actor, Fact
from setaria.facts.log import Log
from setaria.facts.refused import Refused
from setaria.home import facts as f
from setaria.home.commands import SaveLinkage
from setaria.home.decide import decide
from setaria.home.home import Home
from setaria.home.linkage.dry_run import DryRun, dry_run
from setaria.home.linkage.problem import Problem, Severity, tell
from setaria.home.linkage.rule import Rule
from setaria.home.structure import evolve
from setaria.rights import Act, Principal

MOST_DAYS: Final = 31
TRACES_LOOKED_AT: Final = 2_000


class Told(msgspec.Struct, frozen=True):
    """A problem in words. `next` is what to do, "" when nothing is."""

    severity: str
    code: str
    path: str
    line: int
    column: int
    sentence: str
    next: str


class Draft(msgspec.Struct, frozen=True):
    """A linkage that was read and checked, not saved. `ok`: it may be saved."""

    id: str
    alias: str
    sentence: str
    ok: bool
    problems: tuple[Told, ...]


class Drafts(msgspec.Struct, frozen=True):
    """`problems` are of the text as a whole, `findings` of the drafts together with what the home has."""

    ok: bool
    drafts: tuple[Draft, ...]
    problems: tuple[Told, ...]
    findings: tuple[Told, ...]


class Trace(msgspec.Struct, frozen=True):
    """One run, or one time it did not run. `steps` are (path, what came of it, microseconds since the start)."""

    run: str
    at: int
    revision: int
    outcome: str
    reason: str
    took: int
    trigger: dict[str, Any]
    steps: tuple[tuple[Any, ...], ...]


class Imported(msgspec.Struct, frozen=True):
    total: int
    converted: tuple[str, ...]
    lines: tuple[str, ...]


def told(problem: Problem, language: str) -> Told:
    sentence, after = tell(problem, language)
    return Told(problem.severity, problem.code, problem.path, problem.line, problem.column, sentence, after)


class LinkageDesk:
    def __init__(self, home: Home, log: Log) -> None:
        self._home = home
        self._log = log

    def check(self, text: str, language: str) -> Drafts:
        drafts, whole, rules = self._read(text, language)
        ok = bool(rules) and all(each.ok for each in drafts) and not any(_is_error(each) for each in whole)
        return Drafts(ok, drafts, whole, self.findings(rules, language))

    async def save(self, by: Principal, text: str, language: str, command_id: str = "") -> list[str]:
        """All linkages of a text or none. Raises Refused("linkage_not_sound") with every problem in its details."""
        self._home.permits.require(by, Act.LINKAGE_WRITE)
        rules = self._sound(text, language)
        self._require_all(by, rules)
        for number, rule in enumerate(rules):
            each_id = f"{command_id}:{number}" if command_id else ""
            await self._home.arrange(by, SaveLinkage(rule, by.member), each_id)
        return [rule.id for rule in rules]

    def _require_all(self, by: Principal, rules: Sequence[Rule]) -> None:
        """Raises what any of them would be refused for, before the first is saved."""
        state = msgspec.structs.replace(self._home.structure, linkages=dict(self._home.structure.linkages))
        actor = Actor(f"member/{by.member}", str(by.role))
        now = self._home.clock.now()
        for rule in rules:
            asked = Asked(SaveLinkage(rule, by.member), actor, now, self._home.household)
            for body in decide(state, asked):
                evolve(state, Fact(b"", now, "", "", actor, body))

    def findings(self, rules: Sequence[Rule], language: str) -> tuple[Told, ...]:
        """Loops, conflicts and rules that can never fire, among these and all that the home has."""
        from setaria.home.linkage.graph import findings

        new = {rule.id for rule in rules}
        kept = [
            each.rule
            for each in self._home.structure.linkages.values()
            if each.rule is not None and each.enabled and each.id not in new
        ]
        return tuple(told(problem, language) for problem in findings([*kept, *rules], self._home.arranged))

    def sentence(self, rule: Rule, language: str) -> str:
        from setaria.home.linkage.render import sentence

        return sentence(rule, language, self._names(), self._home.arranged)

    async def traces(self, linkage: str, limit: int, declined: bool) -> list[Trace]:
        """Newest first. With `declined`, also the times it did not run, and why."""
        if linkage not in self._home.structure.linkages:
            raise Refused("not_found", what="linkage", id=linkage[:80])
        found: list[Trace] = []
        known: set[str] = set()
        for stored in await self._log.latest(f"linkage/{linkage}", TRACES_LOOKED_AT):
            trace = trace_of(stored.fact.time, stored.fact.body)
            if len(found) >= limit:
                break
            if trace is None or trace.run in known or not (declined or trace.run):
                continue
            known.update({trace.run} - {""})  # its end tells all that its waits did
            found.append(trace)
        return found

    async def dry_run(self, text: str | None, linkage: str | None, days: int, language: str) -> DryRun:
        """What a linkage would have done over the home's own past. Raises Refused."""
        if not 1 <= days <= MOST_DAYS:
            raise Refused("days_unusable", most=MOST_DAYS)
        if text is not None:
            rule = self._sound(text, language, only_one=True)[0]
        else:
            known = self._home.structure.linkages.get(linkage or "")
            if known is None or known.rule is None:
                raise Refused("not_found", what="linkage", id=(linkage or "")[:80])
            rule = known.rule
        return await dry_run(rule, self._home, self._log, days)

    async def import_ha(
        self, by: Principal, text: str, mapping: Mapping[str, str], language: str, save: bool = False
    ) -> Imported:
        from setaria.home.linkage.import_ha import import_ha, report_lines

        report = import_ha(text, mapping, self._home.arranged)
        if save:
            self._home.permits.require(by, Act.LINKAGE_WRITE)
            self._require_all(by, [rule for rule, _ in report.converted])
            for rule, _ in report.converted:
                await self._home.arrange(by, SaveLinkage(rule, by.member))
        converted = tuple(rule.id for rule, _ in report.converted)
        return Imported(report.total, converted, tuple(report_lines(report, language)))

    def _sound(self, text: str, language: str, only_one: bool = False) -> list[Rule]:
        """The linkages of a text without errors, one at least. Raises Refused("linkage_not_sound")."""
        drafts, whole, rules = self._read(text, language)
        errors = [each for each in (*whole, *(told for draft in drafts for told in draft.problems)) if _is_error(each)]
        if errors or not rules or (only_one and len(rules) != 1):
            raise Refused("linkage_not_sound", errors=len(errors), problems=[_plain(each) for each in errors])
        return rules

    def _read(self, text: str, language: str) -> tuple[tuple[Draft, ...], tuple[Told, ...], list[Rule]]:
        from setaria.home.linkage.check import check
        from setaria.home.linkage.parse import parse

        parsed, found = parse(text)
        of_one = {id(problem) for each in parsed for problem in each.problems}
        whole = [problem for problem in found if id(problem) not in of_one]
        drafts = []
        rules = []
        for each in parsed:
            checked = check(each, self._home.arranged)
            problems = tuple(told(problem, language) for problem in checked.problems)
            sentence = self.sentence(checked.rule, language) if checked.sound else ""
            drafts.append(Draft(checked.rule.id, checked.rule.alias, sentence, checked.sound, problems))
            rules.append(checked.rule)
        return tuple(drafts), tuple(told(problem, language) for problem in whole), rules

    def _names(self) -> dict[str, str]:
        structure = self._home.structure
        return {
            **{member.id: member.name for member in structure.members.values()},
            **{helper.id: helper.name for helper in structure.helpers.values()},
            **{room.id: room.name for room in structure.rooms.values()},
            **{scene.id: scene.name for scene in structure.scenes.values()},
            **{thing.id: thing.name for thing in structure.things.values()},
        }


def trace_of(time: int, body: object) -> Trace | None:
    if isinstance(body, f.RunEnded):
        return Trace(body.run, body.began, body.revision, body.outcome, "", body.took, body.trigger, body.trace)
    if isinstance(body, f.RunPaused):
        return Trace(body.run, body.began, body.revision, "waiting", "", 0, body.trigger, body.trace)
    if isinstance(body, f.RunDeclined):
        return Trace("", time, body.revision, "declined", body.reason, 0, body.trigger, body.trace)
    return None


def _is_error(each: Told) -> bool:
    return each.severity == Severity.ERROR


def _plain(each: Told) -> dict[str, Any]:
    return {name: getattr(each, name) for name in Told.__struct_fields__}
