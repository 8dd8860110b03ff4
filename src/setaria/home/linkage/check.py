"""A parsed rule against the home: bound to the specs, its values typed, and all found in it that cannot be."""

from __future__ import annotations

from typing import Any

import msgspec

from setaria.home.linkage.catalogue import Catalogue
from setaria.home.linkage.check_base import Desk
from setaria.home.linkage.check_parts import check_conditions, check_ids, check_triggers, contradictions, trigger_ids
from setaria.home.linkage.check_steps import check_steps
from setaria.home.linkage.parse import Parsed
from setaria.home.linkage.problem import Problem, Severity
from setaria.home.linkage.rule import Formula, Rule, TriggerCondition, VariablesStep
from setaria.home.linkage.stored import changed


class Checked(msgspec.Struct, frozen=True):
    """`problems` are those of the parser and the checker together. The rule may be saved when it is `sound`."""

    rule: Rule
    problems: tuple[Problem, ...] = ()

    @property
    def sound(self) -> bool:
        return not any(problem.severity is Severity.ERROR for problem in self.problems)


def check(parsed: Parsed, catalogue: Catalogue) -> Checked:
    """Changes neither the home nor what is passed in; raises nothing."""
    rule = parsed.rule
    desk = Desk(catalogue, parsed.positions)
    desk.names = _names(rule)
    contradictions(desk, rule.conditions)
    variables = changed(rule.variables, lambda part: desk.formula(part, "") if isinstance(part, Formula) else part)
    checked = msgspec.structs.replace(
        rule,
        variables=variables,
        triggers=check_triggers(desk, rule.triggers),
        conditions=check_conditions(desk, rule.conditions),
        actions=check_steps(desk, rule.actions),
    )
    _ids(desk, checked)
    if rule.triggers and not any(trigger.enabled for trigger in rule.triggers):
        desk.warn("no_trigger_enabled", "trigger")
    return Checked(checked, (*parsed.problems, *desk.problems))


def _names(rule: Rule) -> set[str]:
    """Variables of the whole rule: which step has run before another is not asked here."""
    names = set(rule.variables)

    def look(part: Any) -> Any:
        if isinstance(part, VariablesStep):
            names.update(part.variables)
        return part

    changed(rule.actions, look)
    return names


def _ids(desk: Desk, rule: Rule) -> None:
    known = trigger_ids(rule.triggers)

    def look(part: Any) -> Any:
        if isinstance(part, TriggerCondition):
            check_ids(desk, part, known)
        return part

    changed((rule.conditions, rule.actions), look)
