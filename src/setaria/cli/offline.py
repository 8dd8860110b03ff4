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
    from setaria.home.linkage.reading import View
    from setaria.home.loading import load_structure
    from setaria.home.spec.library import SpecLibrary

    log, folder = open_log(data)
    try:
        structure = load_structure(log, HOUSEHOLD)
    finally:
        log.close_now()
    view = View(structure, SpecLibrary([folder / "specs"]), language)
    return msgspec.to_builtins(view.drafts(text))
