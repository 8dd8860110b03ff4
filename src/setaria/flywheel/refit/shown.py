"""A report put into words and tables of one language, once, so that who shows it need only pass it on."""

from __future__ import annotations

from typing import Final

import msgspec

from setaria.facts.refused import Refused
from setaria.flywheel.report.figures import Reader
from setaria.flywheel.report.report import Report, Sentence
from setaria.flywheel.report.saying import (
    headline,
    lot_sentences,
    missing_specifications,
    next_steps,
    number_shown,
    strongest_loop,
)
from setaria.flywheel.report.tables import (
    EXPLAINED,
    Cash,
    Cell,
    Range,
    Table,
    all_tables,
    shown,
)
from setaria.flywheel.report.tables_csv import csv_text, file_name
from setaria.words import say

TONES: Final = ("plain", "good", "careful", "bad")
METHODS: Final = ("flywheel_parent", "flywheel_root", "last_touch", "first_touch", "linear", "markov", "shapley")
SPECIFICATIONS: Final = ("naive", "shared", "own", "churn", "calendar")
MOST_ROWS: Final = 200  # of a table in the page; its CSV holds all


class Line(msgspec.Struct, frozen=True):
    text: str
    tone: str


class ShownColumn(msgspec.Struct, frozen=True):
    name: str
    numeric: bool


class ShownTable(msgspec.Struct, frozen=True):
    """`file` is the name of its CSV. A cell is its text, its interval or "", and "?" where the data do not identify it;
    what is empty at the end is left out. `more` rows are in the CSV alone."""

    name: str
    file: str
    title: str
    currency: str
    columns: list[ShownColumn]
    rows: list[list[list[str]]]
    total: list[list[str]] | None = None
    more: int = 0


class ShownCheck(msgspec.Struct, frozen=True):
    name: str
    title: str
    text: str
    passed: bool | None


class ShownNumber(msgspec.Struct, frozen=True):
    """Only with specifications beside it. `limit`: it is an upper limit. `missing` of the five were not fitted."""

    value: str
    interval: str
    limit: bool
    loop: str
    missing: int


class ShownReport(msgspec.Struct, frozen=True):
    source: str
    headline: list[Line]
    verdict: list[Line]
    next: list[Line]
    drift: list[Line]
    budget: list[Line]
    differences: list[Line]  # why other methods credit otherwise
    understood: list[Line]  # of the input
    lots: list[Line]  # what was read of lots, whether they agree with the model
    checks: list[ShownCheck]
    number: ShownNumber | None
    tables: list[ShownTable]
    words: dict[str, str]  # names of parts, specifications and methods


def shown_report(report: Report, language: str, moved: list[Sentence]) -> tuple[ShownReport, dict[str, str]]:
    """And its tables as CSV, by the names of their files. Raises Refused("flywheel_report_unfit")."""
    reader = Reader(language)
    try:
        tables = all_tables(report, reader)
        made = ShownReport(
            source=_source(report, reader),
            headline=[Line(text, tone) for text, tone in headline(report, reader)],
            verdict=_lines(report.verdict, reader),
            next=_lines(next_steps(report), reader),
            drift=_lines(moved, reader),
            budget=_lines(report.budget_words, reader),
            differences=_lines(report.differences, reader),
            understood=_lines(getattr(report.rows, "understood", []), reader),
            lots=[Line(text, tone) for text, tone in lot_sentences(report, reader)],
            checks=[
                ShownCheck(each.name, reader.say(f"check.{each.name}"), reader.sentence(each.sentence), each.passed)
                for each in report.checks
            ],
            number=_number(report, reader),
            tables=[_table(each, reader, doubt=not report.identified) for each in tables],
            words=_words(reader),
        )
        return made, {file_name(each): csv_text(each, reader) for each in tables}
    except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as error:  # details that fit no form
        raise Refused("flywheel_report_unfit", where="$", why=type(error).__name__) from error


def _source(report: Report, reader: Reader) -> str:
    source = report.source
    first, last = (reader.date(each) for each in (source.first, source.last))
    grain = reader.say(f"grain.{source.grain}")
    counts = {name: f"{getattr(source, name):,}" for name in ("households", "facts", "touchpoints")}
    return reader.say("source", **counts, first=first, last=last, grain=grain)


def _lines(sentences: list[Sentence], reader: Reader) -> list[Line]:
    return [Line(reader.sentence(each), each.tone if each.tone in TONES else "plain") for each in sentences]


def _number(report: Report, reader: Reader) -> ShownNumber | None:
    found = number_shown(report, reader)
    if found is None:
        return None
    value, interval, limit = found
    return ShownNumber(value, interval, limit, strongest_loop(report), missing_specifications(report))


def _table(table: Table, reader: Reader, *, doubt: bool) -> ShownTable:
    head = zip(table.columns, table.head(reader), strict=True)
    return ShownTable(
        table.name,
        file_name(table),
        table.title(reader),
        table.currency,
        [ShownColumn(name, column.numeric) for column, name in head],
        [[_cell(cell, reader, doubt=doubt) for cell in row] for row in table.rows[:MOST_ROWS]],
        None if table.total is None else [_cell(cell, reader, doubt=False) for cell in table.total],
        max(0, len(table.rows) - MOST_ROWS),
    )


def _cell(cell: Cell, reader: Reader, *, doubt: bool) -> list[str]:
    if isinstance(cell, Range):
        value, interval = reader.parts(cell.estimate, cell.currency, bare=True)
        return [value, interval, "?"] if doubt and cell.model else [value, interval]
    if isinstance(cell, Cash) and cell.minor == 0:
        return ["–"]
    return [shown(cell, reader)]


def _words(reader: Reader) -> dict[str, str]:
    keys = [f"part.{each}" for each in (*EXPLAINED, "others")]
    keys += [f"specification.{each}" for each in SPECIFICATIONS] + [f"method.{each}" for each in METHODS]
    keys += ["column.nothing_earlier", "table.measured", "hint.measured"]
    return {key: say(f"flywheel.report.{key}", reader.language) for key in keys}
