"""A linkage part by part: for each trigger, condition and step its sentence, what it was understood as, and what is
wrong with it. A page shows these, so that it and the hub never tell a linkage differently."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from setaria.home.linkage.catalogue import Catalogue
from setaria.home.linkage.rule import (
    And,
    ChooseStep,
    Condition,
    ConditionStep,
    IfStep,
    Not,
    Or,
    ParallelStep,
    RepeatStep,
    Rule,
    SequenceStep,
    Step,
    Trigger,
    WaitStep,
)

if TYPE_CHECKING:
    from setaria.home.linkage.render import Teller

UNREAD: Final = "unread"
_BLOCKS: Final = (And, Or, Not, ChooseStep, IfStep, ParallelStep, RepeatStep, SequenceStep, WaitStep)


class Told(msgspec.Struct, frozen=True):
    """A problem in words. `next` is what to do, "" when nothing is."""

    severity: str
    code: str
    path: str
    line: int
    column: int
    sentence: str
    next: str


class Part(msgspec.Struct, frozen=True):
    """`path` as in traces. `kind` is that of the rule's part (state, service, if, …), "unread" when it was not
    understood. `typed` is the part as checked, with full addresses and typed values; null for what holds other parts.
    `problems` are those of this very part."""

    path: str
    sentence: str
    kind: str
    problems: tuple[Told, ...] = ()
    typed: Any = None


class Parts(msgspec.Struct, frozen=True):
    """Each part stands before those inside it."""

    triggers: tuple[Part, ...]
    conditions: tuple[Part, ...]
    actions: tuple[Part, ...]


def parts_of(
    rule: Rule,
    language: str,
    names: Mapping[str, str],
    catalogue: Catalogue,
    problems: Iterable[Told] = (),
    paths: Iterable[str] = (),
) -> Parts:
    """`paths` are those of all that was written; what is there and in no rule was not understood."""
    from setaria.home.linkage.render import Teller

    teller = Teller(language, names, catalogue)
    found: dict[str, list[Any]] = {}
    for part in (*_triggers(rule.triggers), *_conditions(rule.conditions), *_steps(rule.actions)):
        found.setdefault(part.path, []).append(part)
    of_part: dict[str, list[Told]] = {}
    written = {*paths, *found}
    for problem in problems:
        of_part.setdefault(_nearest(problem.path, written), []).append(problem)
    told = [_part(path, same, teller, of_part.get(path, ())) for path, same in found.items()]
    lost = [path for path in of_part if path and path not in found]
    told += [Part(path, "", UNREAD, tuple(of_part[path])) for path in lost]
    roots: dict[str, list[Part]] = {"trigger": [], "condition": [], "action": []}
    for each in told:
        roots.get(each.path.partition("/")[0], []).append(each)
    return Parts(tuple(roots["trigger"]), tuple(roots["condition"]), tuple(roots["action"]))


def _nearest(path: str, written: set[str]) -> str:
    while path and path not in written:
        path = path.rpartition("/")[0]
    return path


def _part(path: str, same: Sequence[Any], teller: Teller, problems: Sequence[Told]) -> Part:
    """One written part may have become several: a trigger for each of the events it names, a step around others."""
    first = same[0]
    struct = first.condition if isinstance(first, ConditionStep) else first
    kind = str(struct.__struct_config__.tag)
    typed = None if isinstance(struct, _BLOCKS) or len(same) > 1 else msgspec.to_builtins(struct)
    return Part(path, teller.part(same), kind, tuple(problems), typed)


def _triggers(triggers: Iterable[Trigger]) -> Iterator[Any]:
    yield from triggers


def _conditions(conditions: Iterable[Condition]) -> Iterator[Any]:
    for each in conditions:
        if each.path:
            yield each
        if isinstance(each, And | Or | Not):
            yield from _conditions(each.conditions)


def _steps(steps: Iterable[Step]) -> Iterator[Any]:
    for step in steps:
        yield step
        yield from _inside(step)


def _inside(step: Step) -> Iterator[Any]:
    match step:
        case ConditionStep() if isinstance(step.condition, And | Or | Not):
            yield from _conditions(step.condition.conditions)
        case WaitStep():
            yield from _triggers(step.triggers)
        case IfStep():
            yield from _conditions(step.conditions)
            yield from _steps((*step.then, *step.otherwise))
        case ChooseStep():
            for choice in step.choices:
                yield from _conditions(choice.conditions)
                yield from _steps(choice.steps)
            yield from _steps(step.default)
        case RepeatStep():
            yield from _conditions((*(step.while_ or ()), *(step.until or ())))
            yield from _steps(step.steps)
        case SequenceStep():
            yield from (each for each in _steps(step.steps) if each.path != step.path)
        case ParallelStep():
            for branch in step.branches:
                yield from _steps(branch)
