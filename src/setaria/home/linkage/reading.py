"""Linkages read, checked and told against a picture of the home that no longer changes, in any thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from setaria.facts.refused import Refused
from setaria.home.arranged import Arranged
from setaria.home.linkage.parts import Part, Parts, Told, parts_of
from setaria.home.linkage.problem import Problem, Severity, tell
from setaria.home.linkage.rule import Rule
from setaria.home.spec.library import SpecLibrary
from setaria.home.structure import Structure

if TYPE_CHECKING:  # what reads and checks is only loaded once there is something to read
    from setaria.home.linkage.check import Checked
    from setaria.home.linkage.parse import Parsed


class Draft(msgspec.Struct, frozen=True):
    """A linkage that was read and checked, not saved. `ok`: it may be saved. `problems` are all of them, also those
    that stand with a part."""

    id: str
    alias: str
    sentence: str
    ok: bool
    problems: tuple[Told, ...]
    parts: Parts


class Drafts(msgspec.Struct, frozen=True):
    """`problems` are of the text as a whole, `findings` of the drafts together with what the home has."""

    ok: bool
    drafts: tuple[Draft, ...]
    problems: tuple[Told, ...]
    findings: tuple[Told, ...]


class Finding(msgspec.Struct, frozen=True):
    """`linkages` are the ids of those that it is about."""

    told: Told
    linkages: tuple[str, ...]


class Opened(msgspec.Struct, frozen=True):
    """`text` is the author's own where it still says what the rule is, else made of the rule, as `document` is: names
    were translated by an import, or a blueprint was filled."""

    text: str
    document: Any
    parts: Parts


class Read(msgspec.Struct, frozen=True):
    drafts: tuple[Draft, ...]
    whole: tuple[Told, ...]
    rules: tuple[Rule, ...]

    @property
    def ok(self) -> bool:
        return bool(self.rules) and all(each.ok for each in self.drafts) and not any(map(is_error, self.whole))


def told(problem: Problem, language: str) -> Told:
    sentence, after = tell(problem, language)
    return Told(problem.severity, problem.code, problem.path, problem.line, problem.column, sentence, after)


def is_error(each: Told) -> bool:
    return each.severity == Severity.ERROR


def names_of(structure: Structure) -> dict[str, str]:
    return {
        **{member.id: member.name for member in structure.members.values()},
        **{helper.id: helper.name for helper in structure.helpers.values()},
        **{room.id: room.name for room in structure.rooms.values()},
        **{scene.id: scene.name for scene in structure.scenes.values()},
        **{thing.id: thing.name for thing in structure.things.values()},
    }


class View:
    """Made in the loop: takes what it needs of the home's arrangement, and stays as that was."""

    def __init__(self, known: Structure, specs: SpecLibrary, language: str) -> None:
        still = msgspec.structs.replace(
            known,
            rooms=dict(known.rooms),
            members=dict(known.members),
            things=dict(known.things),
            scenes=dict(known.scenes),
            helpers=dict(known.helpers),
        )
        self.language = language
        self.catalogue = Arranged(still, specs)
        self.names: Mapping[str, str] = names_of(known)
        self.kept = [each.rule for each in known.linkages.values() if each.rule is not None and each.enabled]

    def read(self, text: str) -> Read:
        from setaria.home.linkage.parse import parse

        parsed, found = parse(text)
        of_one = {id(problem) for each in parsed for problem in each.problems}
        whole = tuple(told(problem, self.language) for problem in found if id(problem) not in of_one)
        checked = [(each, self._check(each)) for each in parsed]
        drafts = tuple(self._draft(each, found) for each, found in checked)
        return Read(drafts, whole, tuple(found.rule for _, found in checked))

    def drafts(self, text: str) -> Drafts:
        read = self.read(text)
        findings = tuple(each.told for each in self.findings(read.rules))
        return Drafts(read.ok, read.drafts, read.whole, findings)

    def _check(self, parsed: Parsed) -> Checked:
        from setaria.home.linkage.check import check

        return check(parsed, self.catalogue)

    def _draft(self, parsed: Parsed, checked: Checked) -> Draft:
        problems = tuple(told(problem, self.language) for problem in checked.problems)
        sentence = self.sentence(checked.rule) if checked.sound else ""
        parts = parts_of(checked.rule, self.language, self.names, self.catalogue, problems, parsed.positions)
        return Draft(checked.rule.id, checked.rule.alias, sentence, checked.sound, problems, parts)

    def sound(self, text: str, only_one: bool = False) -> list[Rule]:
        """The linkages of a text without errors, one at least. Raises Refused("linkage_not_sound")."""
        read = self.read(text)
        all_told = (*read.whole, *(problem for draft in read.drafts for problem in draft.problems))
        errors = [each for each in all_told if is_error(each)]
        if errors or not read.rules or (only_one and len(read.rules) != 1):
            raise Refused("linkage_not_sound", errors=len(errors), problems=[_plain(each) for each in errors])
        return list(read.rules)

    def sentence(self, rule: Rule) -> str:
        from setaria.home.linkage.render import sentence

        return sentence(rule, self.language, self.names, self.catalogue)

    def parts(self, rule: Rule) -> Parts:
        return parts_of(rule, self.language, self.names, self.catalogue)

    def sentences(self, rule: Rule) -> dict[str, str]:
        """Of each part, by its path."""
        parts = self.parts(rule)
        every: tuple[Part, ...] = (*parts.triggers, *parts.conditions, *parts.actions)
        return {part.path: part.sentence for part in every}

    def opened(self, rule: Rule) -> Opened:
        from setaria.home.linkage.texts import documents_of, yaml_of
        from setaria.home.linkage.written import document_of

        if rule.source and self._says(rule):
            try:
                return Opened(rule.source, documents_of(rule.source)[0], self.parts(rule))
            except Refused:  # a blueprint with all that it needs
                return Opened(rule.source, document_of(rule), self.parts(rule))
        document = document_of(rule)
        return Opened(yaml_of(document), document, self.parts(rule))

    def _says(self, rule: Rule) -> bool:
        """Whether the text is still this rule, by this name."""
        from setaria.home.linkage.parse import parse

        parsed, _ = parse(rule.source)
        if len(parsed) != 1:
            return False
        found = msgspec.structs.replace(self._check(parsed[0]).rule, source=rule.source)
        return found == rule

    def findings(self, rules: Sequence[Rule] = ()) -> tuple[Finding, ...]:
        """Loops, conflicts and rules that can never fire, among these and all that the home has."""
        from setaria.home.linkage.graph import findings

        new = {rule.id for rule in rules}
        all_rules = [*(rule for rule in self.kept if rule.id not in new), *rules]
        return tuple(
            Finding(told(each, self.language), tuple(each.details.get("ids", ())))
            for each in findings(all_rules, self.catalogue)
        )


def _plain(each: Told) -> dict[str, Any]:
    return {name: getattr(each, name) for name in Told.__struct_fields__}
