"""What can be done with a data folder while no hub runs, and beside one that does: nothing here writes to the log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from setaria.cli.places import LOG, data_folder
from setaria.facts.clock import SystemClock
from setaria.facts.sqlite import SqliteLog


def open_log(data: Path | None) -> tuple[SqliteLog, Path]:
    """Raises Refused: log_missing, log_damaged, log_newer."""
    folder = data_folder(data)
    return SqliteLog.open_now(folder / LOG, SystemClock(), read_only=True), folder


def check_offline(text: str, data: Path | None, language: str) -> Any:
    """As POST /api/linkages/check answers, against the home as the log tells it; a loop with other linkages too."""
    import setaria.home.facts  # noqa: F401  the kinds of fact, so that they can be read
    from setaria.app import HOUSEHOLD
    from setaria.home.arranged import Arranged
    from setaria.home.linkage.check import check
    from setaria.home.linkage.desk import Draft, Drafts, told
    from setaria.home.linkage.graph import findings
    from setaria.home.linkage.parse import parse
    from setaria.home.linkage.render import sentence
    from setaria.home.loading import load_structure
    from setaria.home.spec.library import SpecLibrary

    log, folder = open_log(data)
    try:
        structure = load_structure(log, HOUSEHOLD)
    finally:
        log.close_now()
    arranged = Arranged(structure, SpecLibrary([folder / "specs"]))
    tables: list[dict[str, Any]] = [structure.members, structure.helpers, structure.rooms, structure.scenes]
    names = {key: each.name for table in (*tables, structure.things) for key, each in table.items()}
    parsed, whole = parse(text)
    checked = [check(each, arranged) for each in parsed]
    new = {each.rule.id for each in checked}
    kept = [each.rule for each in structure.active_linkages() if each.rule and each.enabled and each.id not in new]
    drafts = tuple(
        Draft(
            each.rule.id,
            each.rule.alias,
            sentence(each.rule, language, names, arranged) if each.sound else "",
            each.sound,
            tuple(told(problem, language) for problem in each.problems),
        )
        for each in checked
    )
    found = tuple(told(each, language) for each in findings([*kept, *(each.rule for each in checked)], arranged))
    whole_told = tuple(told(problem, language) for problem in whole)
    return msgspec.to_builtins(Drafts(all(each.ok for each in drafts) and not whole, drafts, whole_told, found))
