"""What the flywheel writes beside the terminal, and how far it is meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from setaria.cli.terminal import Terminal
from setaria.facts.refused import Refused
from setaria.words import say

if TYPE_CHECKING:
    from setaria.flywheel.report.report import Report

PIPED: Final = 100  # columns where there is no screen
MOST_PAGES: Final = 1_000


class Pages:
    """What is written beside the terminal: where, and never over anything unasked. Checked before the long work."""

    def __init__(
        self, terminal: Terminal, file: Path, html: Path | None, csv_folder: Path | None, overwrite: bool
    ) -> None:
        self.terminal = terminal
        self.html = html if html is not None or terminal.json else free_page(file, overwrite)
        self.folder = csv_folder
        self.replaces = self.html is not None and self.html.exists()
        if self.replaces and not overwrite:
            raise Refused("flywheel_file_exists", path=str(self.html))
        if csv_folder is not None and csv_folder.exists() and not overwrite:
            raise Refused("flywheel_file_exists", path=str(csv_folder))

    def show(self, report: Report) -> None:
        """Files first: who pipes the report into `head` has its page none the less."""
        from setaria.flywheel.report.terminal import show

        if self.html is not None:
            from setaria.flywheel.report.html import to_html

            with writing(self.html) as out:
                out.write(to_html(report, self.terminal.language))
        if self.folder is not None:
            self._write_tables(report, self.folder)
        self.terminal.answer(report, lambda: show(report, self.terminal.language, self._console()))
        if self.html is not None:
            self._tell("cli.flywheel.replaced" if self.replaces else "cli.flywheel.page", self.html)
        if self.folder is not None:
            self._tell("cli.flywheel.tables", self.folder)

    def _write_tables(self, report: Report, folder: Path) -> None:
        from setaria.flywheel.report.figures import Reader
        from setaria.flywheel.report.tables import all_tables
        from setaria.flywheel.report.tables_csv import csv_text, file_name

        reader = Reader(self.terminal.language)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Refused("file_unwritable", path=str(folder), why=error.strerror or "?") from error
        for table in all_tables(report, reader):
            with writing(folder / file_name(table), encoding="utf-8-sig") as out:
                out.write(csv_text(table, reader))

    def _tell(self, key: str, path: Path) -> None:
        stream = sys.stderr if self.terminal.json else sys.stdout
        stream.write(("" if self.terminal.json else "\n") + self.terminal.say(key, path=str(path)) + "\n")

    def _console(self) -> Any:
        """As wide as the screen; in a pipe as wide as COLUMNS says, or as a page of text."""
        import os

        from rich.console import Console

        if sys.stdout.isatty():
            return self.terminal.console()
        asked = os.environ.get("COLUMNS", "")
        return Console(file=sys.stdout, highlight=False, width=int(asked) if asked.isdecimal() else PIPED)


def free_page(file: Path, overwrite: bool) -> Path:
    """NAME.flywheel.html beside the input, or the next number that is free."""
    stem = file.name.removesuffix(".gz").removesuffix(".bz2").removesuffix(".zst").rsplit(".", 1)[0] or "events"
    for number in range(1, MOST_PAGES):
        page = file.with_name(f"{stem}.flywheel{'' if number == 1 else f'-{number}'}.html")
        if overwrite or not page.exists():
            return page
    raise Refused("flywheel_file_exists", path=str(page))


@contextmanager
def writing(path: Path, encoding: str = "utf-8") -> Iterator[Any]:
    """A file that is whole or not there, also when somebody presses Ctrl-C."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding=encoding, newline="") as out:
            yield out
        part.replace(path)
    except OSError as error:
        raise Refused("file_unwritable", path=str(path), why=error.strerror or "?") from error
    finally:
        part.unlink(missing_ok=True)


Tell = Callable[[str, float], None]


@contextmanager
def staged(terminal: Terminal) -> Iterator[Tell]:
    """Told (key of words, share done); a bar on the terminal's standard error, nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda key, done: None
        return
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Bars(*columns, console=terminal.console(error=True), transient=True) as bars:
        bar = bars.add_task(terminal.say("cli.flywheel.reading"), total=None)

        def tell(key: str, done: float) -> None:
            label = say(key, terminal.language)
            label = terminal.say("cli.flywheel.fitting") if label == key else label
            bars.update(bar, description=label, completed=done, total=1.0 if done > 0 else None)

        yield tell
