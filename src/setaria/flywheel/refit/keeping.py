"""The last reports, each in a folder of its own, whole or not there.

FOLDER/0001763800000123456/     when it was kept, in UTC microseconds
    about.json                  what a list of reports tells
    report.json                 the Report
    facts.json                  touchpoint -> where its facts are in the log; of a fit of the log alone
    shown.LANGUAGE.json         ShownReport
    csv.LANGUAGE/NAME.csv       its tables
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

import msgspec

from setaria.flywheel.refit.about import Behind, Kept
from setaria.flywheel.refit.drift import drift
from setaria.flywheel.refit.restore import restored
from setaria.flywheel.refit.shown import shown_report
from setaria.flywheel.report.report import Report, Sentence
from setaria.words import languages

KEPT: Final = 8  # of those that were fitted, and as many that were handed over
FITTED: Final = "fitted"  # here, from the log
GIVEN: Final = "given"  # made elsewhere
_NAME: Final = re.compile(r"[0-9]{19}")


def kept(folder: Path) -> list[Kept]:
    """Oldest first."""
    if not folder.is_dir():
        return []
    found = sorted(each for each in folder.iterdir() if _NAME.fullmatch(each.name))
    return [msgspec.json.decode((each / "about.json").read_bytes(), type=Kept) for each in found]


def last_fitted(folder: Path) -> tuple[Kept, Report] | None:
    for about in reversed(kept(folder)):
        if about.how == FITTED:
            return about, restored((folder / about.id / "report.json").read_bytes())
    return None


def keep(report: Report, folder: Path, now: int, behind: dict[str, Behind] | None = None) -> Kept:
    """`behind` is None for a report made elsewhere. Raises Refused("flywheel_report_unfit")."""
    how = GIVEN if behind is None else FITTED
    before = last_fitted(folder) if how == FITTED else None
    moved = [] if before is None else drift(before[1], report)
    folder.mkdir(parents=True, exist_ok=True)
    at = max([now, *(each.at + 1 for each in kept(folder))])
    name = f"{at:019d}"
    part = folder / f".{name}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        about = _write(report, part, Kept(name, at, how, *_told(report), []), moved, behind)
        part.rename(folder / name)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    _forget(folder, how)
    return about


def _told(report: Report) -> tuple[str, bool, int, int]:
    source = report.source
    return source.name[:200], source.simulated, source.households, source.facts


def _write(report: Report, part: Path, about: Kept, moved: list[Sentence], behind: dict[str, Behind] | None) -> Kept:
    tables: dict[str, str] = {}
    for language in languages():
        shown, tables = shown_report(report, language, moved)
        (part / f"shown.{language}.json").write_bytes(msgspec.json.encode(shown))
        folder = part / f"csv.{language}"
        folder.mkdir()
        for file, text in tables.items():
            (folder / file).write_text(text, encoding="utf-8-sig", errors="replace", newline="")
    (part / "report.json").write_bytes(msgspec.json.encode(report))
    if behind is not None:
        (part / "facts.json").write_bytes(msgspec.json.encode(behind))
    about = msgspec.structs.replace(about, tables=sorted(tables))
    (part / "about.json").write_bytes(msgspec.json.encode(about))
    return about


def _forget(folder: Path, how: str) -> None:
    same = [each for each in kept(folder) if each.how == how]
    for each in same[:-KEPT]:
        shutil.rmtree(folder / each.id, ignore_errors=True)
