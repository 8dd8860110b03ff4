"""From a log of facts to its report, and to where each touchpoint's facts are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from setaria.facts.clock import DAY, SystemClock
from setaria.facts.fact import Fact
from setaria.facts.kinds import label_of, split_label
from setaria.facts.refused import Refused
from setaria.facts.sqlite import SqliteLog
from setaria.flywheel.refit.about import Behind

if TYPE_CHECKING:
    from setaria.flywheel.answers.experiments import Asked
    from setaria.flywheel.histories.facts import Told
    from setaria.flywheel.histories.histories import Histories
    from setaria.flywheel.report.report import Report

A_READ: Final = 5_000
LEAST_HOUSEHOLDS: Final = 30  # intervals come from how households differ
Progress = Callable[[str, float], None]
Analyse = Callable[..., "Report"]
EVERY: Final = {"daily": DAY, "weekly": 7 * DAY}


def next_fit(last: int, every: str) -> int:
    """UTC microseconds, from when the last fit was made."""
    return last + EVERY[every]


def facts_of(log: SqliteLog) -> Iterator[Fact]:
    after = 0
    while stored := log.read_now(after, A_READ):
        yield from (each.fact for each in stored)
        after = stored[-1].seq


def fit_log(
    path: Path,
    progress: Progress = lambda key, done: None,
    *,
    table: Sequence[Told] | None = None,
    analyse: Analyse | None = None,
) -> tuple[Report, dict[str, Behind]]:
    """Raises Refused: log_missing, flywheel_households_few, and what reading and fitting do."""
    from setaria.flywheel.histories.assignments_facts import assignments_from_facts, set_aside
    from setaria.flywheel.histories.facts import HOME, from_facts

    clock = SystemClock()
    table = HOME if table is None else table
    progress("flywheel.refit.reading", 0.0)
    log = SqliteLog.open_now(path, clock, read_only=True)
    try:
        if (found := households(facts_of(log), table)) < LEAST_HOUSEHOLDS:
            raise Refused("flywheel_households_few", households=found, least=LEAST_HOUSEHOLDS)
        drawn: list[Fact] = []
        histories = from_facts(set_aside(facts_of(log), drawn), table, name=path.parent.name, now=clock.now())
    finally:
        log.close_now()
    lots = {}
    if drawn:
        assignments = assignments_from_facts(drawn, grain=histories.grain, now=clock.now())
        lots = {"assignments": assignments, "asked": _asked(histories)}
    report = (analyse or _analyse())(histories, progress=progress, now=clock.now() / DAY, **lots)
    return report, behind(histories, table)


def _asked(histories: Histories) -> Asked:
    """A log misses no household that did something, and its experiments end when they end: what cannot be measured yet
    is told of in the report."""
    from setaria.flywheel.answers.experiments import Asked, usual_unit

    return Asked(unit=usual_unit(histories), absent_is_zero=True, lenient=True)


def households(facts: Iterable[Fact], table: Sequence[Told], enough: int = LEAST_HOUSEHOLDS) -> int:
    """With facts that are touchpoints; no more than `enough` are looked for."""
    fields = {row.kind: row.household for row in table}
    found: set[str] = set()
    for fact in facts:
        kind = split_label(label_of(fact.body))[0]
        if kind in fields:
            field = fields[kind]
            found.add(fact.household or (str(getattr(fact.body, field, "")) if field else ""))
            if len(found - {""}) >= enough:
                break
    return len(found - {""})


def _analyse() -> Analyse:
    from setaria.flywheel.analyse import analyse

    return analyse


def behind(histories: Histories, table: Sequence[Told]) -> dict[str, Behind]:
    """A touchpoint `thing_added:lamp` is a row's name and the value of its mark."""
    rows = {row.touchpoint: row for row in table}
    found = {}
    for name in histories.names:
        row = rows.get(name) or rows.get(name.partition(":")[0])
        if row is None:
            continue
        marked = {row.mark: name.partition(":")[2]} if row.mark and name not in rows else {}
        found[name] = Behind(row.kind, {**row.where, **marked}, list(row.roles))
    return found
