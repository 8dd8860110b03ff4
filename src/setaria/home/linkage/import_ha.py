"""Automations of Home Assistant -> linkages of this home, and for each that cannot be one, why, with the line.

An entity becomes what `mapping` says; else the thing whose id, or whose name as a slug, is the entity's; else it is
listed once as unknown. Values are translated where the entity is: `open` of a door sensor, 128 of 255 of a brightness.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from setaria.home.linkage.catalogue import Catalogue
from setaria.home.linkage.check import check
from setaria.home.linkage.check_steps import ROLES
from setaria.home.linkage.parse import Parsed, parse, slug
from setaria.home.linkage.parse_services import part_of
from setaria.home.linkage.problem import Problem, Severity, tell
from setaria.home.linkage.rule import (
    Assignment,
    Formula,
    NotifyStep,
    NumericCondition,
    NumericTrigger,
    Ref,
    Rule,
    SequenceStep,
    ServiceStep,
    SetStep,
    Step,
    ZoneCondition,
    ZoneTrigger,
)
from setaria.home.linkage.stored import changed
from setaria.home.linkage.targets import EVERY

_ENTITY: Final = re.compile(r"[a-z_]+\.[a-z0-9_]+\Z")
_QUOTED: Final = re.compile(r"""(['"])([a-z_]+\.[a-z0-9_]+)\1""")
_HELPERS: Final = ("input_boolean.", "counter.", "timer.")
_FULL: Final = 255


class Note(msgspec.Struct, frozen=True):
    """What was read differently from how it was written; the sentence is `linkage.import.<code>`."""

    code: str
    details: Mapping[str, Any] = {}


class Report(msgspec.Struct, frozen=True):
    """With each converted rule stand its notes and warnings. `unknown` are entities nobody knows, each once."""

    converted: tuple[tuple[Rule, tuple[Note | Problem, ...]], ...]
    refused: tuple[tuple[str, tuple[Problem, ...]], ...]
    total: int
    unknown: tuple[str, ...] = ()


def import_ha(
    texts: str | Mapping[str, str],
    mapping: Mapping[str, str],
    catalogue: Catalogue,
    blueprints: Mapping[str, str] | None = None,
) -> Report:
    """`texts` is one file, or several by name: automations.yaml, packages, blueprints (used by `use_blueprint` under
    their name, with or without the folders in front). Saves nothing."""
    files = {"": texts} if isinstance(texts, str) else dict(texts)
    known = {name: text for name, text in files.items() if re.search(r"(?m)^blueprint:", text)} | dict(blueprints or {})
    known |= {re.sub(r"\A.*?blueprints/automation/", "", name): text for name, text in known.items()}
    converted: list[tuple[Rule, tuple[Note | Problem, ...]]] = []
    refused: list[tuple[str, tuple[Problem, ...]]] = []
    unknown: dict[str, None] = {}
    for name, text in files.items():
        if text in known.values():
            continue
        parsed, problems = parse(text, blueprints=known)
        loose = [problem for problem in problems if not any(problem in each.problems for each in parsed)]
        if loose:
            refused.append((name, tuple(loose)))
        for each in parsed:
            importer = _Importer(mapping, catalogue)
            result = importer.one(each)
            unknown |= dict.fromkeys(importer.unknown)
            if isinstance(result, Rule):
                converted.append((_unique(result, converted), _once(importer.notes)))
            else:
                refused.append((each.rule.alias or each.rule.id, result))
    return Report(tuple(converted), tuple(refused), len(converted) + len(refused), tuple(unknown))


def report_lines(report: Report, language: str) -> list[str]:
    """What a terminal prints: the count, then each refusal with its lines, then the entities to map."""
    from setaria.words.catalogue import say

    lines = [say("linkage.import.report", language, converted=len(report.converted), total=report.total)]
    for alias, problems in report.refused:
        lines.append(say("linkage.import.refused", language, alias=alias))
        for problem in problems:
            if problem.severity is Severity.ERROR:
                sentence, following = tell(problem, language)
                where = say("linkage.import.at", language, line=problem.line) + ": " if problem.line else ""
                lines.append(f"  {where}{sentence} {following}".rstrip())
    if report.unknown:
        lines.append(say("linkage.import.unmapped", language, entity=report.unknown[0]))
        lines += [f"  {entity}" for entity in report.unknown]
    return lines


def _once(notes: list[Note | Problem]) -> tuple[Note | Problem, ...]:
    return tuple(note for index, note in enumerate(notes) if note not in notes[:index])


def _unique(rule: Rule, converted: Collection[tuple[Rule, object]]) -> Rule:
    taken = {each.id for each, _ in converted}
    name, count = rule.id, 2
    while name in taken:
        name, count = f"{rule.id}_{count}", count + 1
    return rule if name == rule.id else msgspec.structs.replace(rule, id=name)


class _Importer:
    """One automation."""

    def __init__(self, mapping: Mapping[str, str], catalogue: Catalogue) -> None:
        self.mapping = mapping
        self.catalogue = catalogue
        self.unknown: dict[str, None] = {}
        self.notes: list[Note | Problem] = []
        self._slugs = {slug(thing): thing for thing in catalogue.things()}

    def one(self, parsed: Parsed) -> Rule | tuple[Problem, ...]:
        moved = Parsed(changed(parsed.rule, self._change), parsed.positions, parsed.problems)
        checked = check(moved, self.catalogue)
        problems = tuple(self._explained(problem) for problem in checked.problems)
        if not checked.sound:
            return problems
        self.notes += problems
        return checked.rule

    def _explained(self, problem: Problem) -> Problem:
        """A thing that is not found is, to who imports, an entity that is not mapped."""
        name = str(problem.details.get("name", ""))
        codes = ("thing_unknown", "helper_unknown", "member_unknown", "room_unknown", "scene_unknown")
        if problem.code not in codes:
            return problem
        entity = next((each for each in self.unknown if each.partition(".")[2] == name or each == name), name)
        self.unknown[entity] = None
        return msgspec.structs.replace(problem, code="entity_unmapped", details={"entity": entity})

    def _change(self, part: Any) -> Any:
        match part:
            case Ref():
                return Ref(self._address(part.address))
            case NumericTrigger() | NumericCondition():
                return self._brightness(part)
            case ServiceStep():
                return self._service(part)
            case ZoneTrigger() | ZoneCondition():
                return msgspec.structs.replace(part, members=tuple(map(self._member, part.members)))
            case NotifyStep():
                return self._notify(part)
            case Formula():
                source = _QUOTED.sub(lambda match: f"{match[1]}{self._address(match[2])}{match[1]}", part.source)
                return part if source == part.source else Formula(source)
        return part

    def _address(self, written: str) -> str:
        entity, at, attribute = written.partition("@")
        if entity.startswith(("person.", "device_tracker.", "member/")):
            return f"member/{self._member(entity)}.home"
        place = self.mapping.get(entity)
        if place is not None:
            self.notes.append(Note("note_mapped", {"entity": entity, "address": place}))
            return place.partition("/")[0] + at + attribute if at else place
        if not _ENTITY.match(entity) or entity.startswith(_HELPERS):
            return written
        return self._find(entity) + at + attribute

    def _find(self, entity: str) -> str:
        """The thing's id, or the entity as it is when there is none."""
        name = entity.partition(".")[2]
        found = self._slugs.get(name) or self.catalogue.find_thing(name) or self._by_name(name)
        if found is None:
            self.unknown[entity] = None
            return entity
        return found

    def _by_name(self, name: str) -> str | None:
        return self.catalogue.find_thing(name.replace("_", " "))

    def _service(self, step: ServiceStep) -> Step:
        """What is one entity of Home Assistant may be one property here: the right half of a wall switch."""
        rooms = tuple(self.mapping.get(room, room) for room in step.rooms)
        places = [name if name == EVERY else self._address(name) for name in step.things]
        verb = step.service.partition(".")[2]
        single = [place for place in places if "/" in place and verb in ("turn_on", "turn_off") and not step.data]
        # The property of a thing's main service says no more than the thing; `switch#2.on` says which half.
        parts = [part_of(place) if "#" in place else place.partition("/")[0] for place in places if place not in single]
        things = tuple(dict.fromkeys(parts))
        moved = msgspec.structs.replace(step, things=things, rooms=rooms)
        if not single:
            return moved
        put = SetStep(
            path=step.path,
            enabled=step.enabled,
            continue_on_error=step.continue_on_error,
            assignments=tuple(Assignment(Ref(place), verb == "turn_on") for place in single),
        )
        return SequenceStep(path=step.path, steps=(put, moved)) if things or rooms or step.labels else put

    def _member(self, written: str) -> str:
        name = re.sub(r"\A(person\.|device_tracker\.|member/)", "", written).removesuffix(".home")
        place = self.mapping.get(written) or self.mapping.get(f"person.{name}") or name
        return place.removeprefix("member/").removesuffix(".home")

    def _notify(self, step: NotifyStep) -> NotifyStep:
        to: list[str] = []
        for name in step.to:
            mapped = self.mapping.get(f"notify.{name}", self.mapping.get(name, name)).removeprefix("member/")
            if mapped in self.catalogue.members() or mapped in ROLES:
                to.append(mapped)
            else:
                self.notes.append(Note("note_notify", {"name": name}))
        return msgspec.structs.replace(step, to=tuple(to) if len(to) == len(step.to) else ())

    def _brightness(self, part: NumericTrigger | NumericCondition) -> NumericTrigger | NumericCondition:
        """Home Assistant counts the brightness to 255, the spec in per cent."""
        if not any(ref.address.endswith("@brightness") for ref in part.refs):
            return part
        bounds: dict[str, float] = {}
        for key, bound in (("above", part.above), ("below", part.below)):
            if isinstance(bound, float):
                bounds[key] = float(round(bound * 100 / _FULL))
                self.notes.append(Note("note_brightness", {"value": bound, "percent": bounds[key]}))
        return msgspec.structs.replace(part, **bounds)
