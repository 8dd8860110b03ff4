"""The report in the terminal: first what to do more of, in money, then everything that it rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Literal

from setaria.flywheel.report import tables
from setaria.flywheel.report.figures import Reader, clean
from setaria.flywheel.report.report import Explained, Report, Sentence
from setaria.flywheel.report.saying import (
    explained_share,
    headline,
    lot_sentences,
    missing_specifications,
    next_steps,
    number_shown,
)
from setaria.flywheel.report.tables import EXPLAINED, Cash, Column, Range, Table, Yes

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

NARROWEST: Final = 60
WIDEST: Final = 160
ROOMY: Final = 118  # columns from which an interval stands beside its value
NAME_WIDTH: Final = 26
MOST_TOUCHPOINTS: Final = 15
TOP: Final = 10  # rows of a table on the screen; the page and CSV hold all
GAP: Final = 2  # between columns
# Only colours that a light and a dark terminal both show.
TONES: Final = {"good": ("✓", "green"), "careful": ("!", "yellow"), "bad": ("✗", "red"), "plain": ("·", "bright_black")}
PARTS: Final = {  # of the explained bar: each told by its sign as well as by its colour
    "own": ("█", "bright_black"),
    "repeat": ("▓", "yellow"),
    "cross": ("▒", "blue"),
    "sent": ("░", "magenta"),
    "uncounted": ("·", "bright_black"),
    "outside": ("×", "bright_black"),
}


def show(report: Report, language: str, console: Console) -> None:
    Screen(report, Reader(language), console).show()


class Screen:
    def __init__(self, report: Report, reader: Reader, console: Console) -> None:
        self.report = report
        self.reader = reader
        self.console = console
        self.width = max(NARROWEST, min(console.width, WIDEST))
        self.roomy = self.width >= ROOMY

    def show(self) -> None:
        parts: tuple[Callable[[], None], ...] = (
            *(self._head, self._measured, self._headline, self._values, self._explained, self._leads, self._number),
            *(self._verdict, self._checks, self._compared, self._handed, self._what_if, self._budget),
            *(self._rows, self._simulated, self._next),
        )
        for part in parts:
            part()

    # The pieces, in the order of the screen.

    def _head(self) -> None:
        source, say = self.report.source, self.reader.say
        self._line(self._text(say("title"), "bold").append(f"  {clean(source.name)}", "bright_black"))
        self._dim(source_line(self.report, self.reader))
        if source.simulated:
            self._line(self._text(say("simulated"), "magenta"))

    def _headline(self) -> None:
        if self.report.headline:
            self._line()
            for text, tone in headline(self.report, self.reader):
                self._sentence(text, tone)

    def _values(self) -> None:
        for currency in self.report.values:
            table = tables.values_table(self.report, currency)
            self._title(table.title(self.reader), "hint.values")
            self._table(table, top=MOST_TOUCHPOINTS)
            if not self.report.identified and table:
                self._line(self._text(self.reader.say("doubt"), "yellow"))

    def _explained(self) -> None:
        for explained in self.report.explained:
            table = tables.explained_table(explained, self.reader)
            self._title(table.title(self.reader))
            share = self.reader.say("explained_share", share=self.reader.share(explained_share(explained)))
            self._dim(share + self._doubt(model=True))
            self._line(self._bar(explained))
            self._table(table, signs=[self._text(*PARTS[name]) for name in EXPLAINED])
            if explained.to_come is not None:
                coming = self.reader.estimate(explained.to_come, explained.currency) + self._doubt(model=True)
                self._dim(self.reader.say("to_come", amount=coming))

    def _leads(self) -> None:
        table = tables.leads_table(self.report)
        if table:
            self._title(table.title(self.reader), "hint.leads")
            self._table(table, top=TOP)

    def _number(self) -> None:
        shown = number_shown(self.report, self.reader)
        loops = tables.loops_table(self.report)
        if loops:
            self._title(loops.title(self.reader))
            self._table(loops, top=TOP)
        if shown is None:
            if self.report.flywheel_number is not None:
                self._dim(self.reader.say("number_withheld"))
            return
        number, interval, limit = shown
        self._title(self.reader.say("column.flywheel_number"))
        line = self._text(number + self._doubt(model=True), "bold").append(f"  {interval}", "bright_black")
        self._line(line)
        missing = missing_specifications(self.report)
        self._dim(self.reader.say("hint.limit" if limit else "hint.number"))
        if missing:
            self._line(self._text(self.reader.say("specifications_missing", count=missing), "yellow"))
        self._table(tables.specified_table(self.report, self.reader))

    def _verdict(self) -> None:
        if self.report.verdict:
            self._title(self.reader.say("table.verdict"))
            self._sentences(self.report.verdict)

    def _checks(self) -> None:
        if self.report.checks:
            self._title(self.reader.say("table.checks"))
            for check in self.report.checks:
                tone = "plain" if check.passed is None else "good" if check.passed else "bad"
                name = self.reader.say(f"check.{check.name}")
                self._sentence(f"{name}{self.reader.say('colon')}{self.reader.sentence(check.sentence)}", tone)

    def _compared(self) -> None:
        table = tables.compared_table(self.report, self.reader)
        if table:
            self._title(table.title(self.reader), "hint.compared")
            self._sentences(self.report.differences)
            self._table(table, top=TOP)

    def _handed(self) -> None:
        table = tables.handed_table(self.report, self.reader)
        if table:
            self._title(table.title(self.reader), "hint.handed")
            self._table(table, top=TOP)

    def _measured(self) -> None:
        table = tables.measured_table(self.report, self.reader)
        said = lot_sentences(self.report, self.reader)
        if table or said:
            self._title(table.title(self.reader), "hint.measured" if table else "")
            self._table(table)
        for text, tone in said:
            self._sentence(text, tone)
        self._table(tables.assigned_troubles_table(self.report, self.reader))

    def _what_if(self) -> None:
        if not self.report.what_if:
            return
        self._title(self.reader.say("table.what_if"), "hint.what_if")
        for each in self.report.what_if:
            change = self.reader.estimate(each.change, self.report.currency) + self._doubt(model=True)
            days = self.reader.days(each.days[-1]) if each.days else ""
            key = "what_if.removed" if each.scale == 0 else "what_if.scaled"
            scale = self.reader.share(each.scale)
            self._sentence(self.reader.say(key, name=clean(each.name), scale=scale, days=days, change=change), "plain")

    def _budget(self) -> None:
        table = tables.budget_table(self.report)
        if table or self.report.budget_words:
            self._title(table.title(self.reader))
            self._table(table)
            self._sentences(self.report.budget_words)

    def _rows(self) -> None:
        table = tables.rows_table(self.report, self.reader)
        self._title(table.title(self.reader))
        self._dim(self.reader.say("comma").join(f"{row[0]} {row[1]:,}" for row in table.rows))
        amounts = tables.amounts_table(self.report, self.reader)
        if amounts:
            self._table(amounts)
        troubles = tables.troubles_table(self.report, self.reader)
        if troubles:
            self._table(troubles)

    def _simulated(self) -> None:
        if self.report.source.simulated:
            self._line()
            self._sentence(self.reader.say("simulated_what"), "careful")

    def _next(self) -> None:
        steps = next_steps(self.report)
        if steps:
            self._title(self.reader.say("next_title"))
            self._sentences(steps)

    # How they are written.

    def _text(self, text: str, style: str = "") -> Text:
        from rich.text import Text

        return Text(text, style=style)

    def _line(self, text: Text | None = None) -> None:
        self.console.print(text if text is not None else "", width=self.width, soft_wrap=False, markup=False)

    def _dim(self, text: str) -> None:
        self._line(self._text(text, "bright_black"))

    def _title(self, title: str, hint: str = "") -> None:
        self._line()
        self._line(self._text(title, "bold"))
        if hint:
            self._dim(self.reader.say(hint))

    def _sentences(self, sentences: Sequence[Sentence]) -> None:
        for each in sentences:
            self._sentence(self.reader.sentence(each), each.tone)

    def _sentence(self, text: str, tone: str) -> None:
        """Hangs under itself when it needs more than a line."""
        from rich.table import Table as Grid

        sign, style = TONES.get(tone, TONES["plain"])
        grid = Grid.grid(padding=(0, 1, 0, 0))
        grid.add_column(width=1)
        grid.add_column(overflow="fold")
        grid.add_row(self._text(sign, style), self._text(text))
        self.console.print(grid, width=self.width)

    def _doubt(self, *, model: bool) -> str:
        return " ?" if model and not self.report.identified else ""

    def _bar(self, explained: Explained) -> Text:
        """Cells by largest remainder, at least one for a part that is there."""
        wide = min(self.width, 100)
        amounts = [max(0, int(getattr(explained, name))) for name in EXPLAINED]
        cells = shares(amounts, wide)
        bar = self._text("")
        for name, count in zip(EXPLAINED, cells, strict=True):
            sign, style = PARTS[name]
            bar.append(sign * count, style)
        return bar

    def _table(self, table: Table, *, top: int = 0, signs: Sequence[Text] | None = None) -> None:
        """In blocks one below the other where the columns do not fit beside each other: a number is never cut."""
        if not table:
            return
        kept = table.rows[:top] if top else table.rows
        rows = [[self._cell(*pair) for pair in zip(table.columns, row, strict=True)] for row in kept]
        if table.total is not None:
            rows.append([self._text(tables.shown(cell, self.reader), "bold") for cell in table.total])
        heads = [self._text(head) for head in table.head(self.reader)]
        wide = [self._wanted(place, column, heads, rows) for place, column in enumerate(table.columns)]
        marks = list(signs or ())
        for block in blocks(wide, self.width - (len(marks) > 0) * (1 + GAP)):
            self._block(table, block, heads, rows, marks)
        if len(kept) < len(table.rows):
            self._dim(self.reader.say("more_rows", count=len(table.rows) - len(kept)))

    def _block(
        self,
        table: Table,
        block: Sequence[int],
        heads: Sequence[Text],
        rows: Sequence[Sequence[Text]],
        signs: list[Text],
    ) -> None:
        from rich.table import Table as Grid

        grid = Grid(box=None, pad_edge=False, header_style="bright_black", padding=(0, GAP, 0, 0))
        if signs:
            grid.add_column("", width=1)
        for place in block:
            numeric = table.columns[place].numeric
            justify: Literal["left", "right"] = "right" if numeric else "left"
            longest = NAME_WIDTH if _named(table.columns[place]) else None
            grid.add_column(heads[place], justify=justify, overflow="fold", no_wrap=numeric, max_width=longest)
        marks = [*signs, *(self._text("") for _ in rows)]
        for number, row in enumerate(rows):
            grid.add_row(*([marks[number]] if signs else []), *(row[place] for place in block))
        self.console.print(grid, width=self.width)

    def _wanted(self, place: int, column: Column, heads: Sequence[Text], rows: Sequence[Sequence[Text]]) -> int:
        from rich.cells import cell_len

        lines = [line for text in (heads[place], *(row[place] for row in rows)) for line in text.plain.splitlines()]
        wide = max(map(cell_len, lines), default=0)
        return wide if column.numeric else min(wide, NAME_WIDTH)

    def _cell(self, column: Column, cell: tables.Cell) -> Text:
        if isinstance(cell, Range):
            value, interval = self.reader.parts(cell.estimate, cell.currency, bare=True)
            text = self._text(value)
            doubt = self._doubt(model=cell.model)
            if doubt:
                text.append(doubt, "yellow")
            return text.append(f"  {interval}" if self.roomy else f"\n{interval}", "bright_black")
        if isinstance(cell, Yes):
            sign, style = TONES["plain" if cell.value is None else "good" if cell.value else "plain"]
            return self._text(tables.shown(cell, self.reader), style if sign != "·" else "bright_black")
        style = (
            "red"
            if isinstance(cell, Cash) and cell.minor < 0
            else "bright_black"
            if cell is None or is_nothing(cell)
            else ""
        )
        return self._text(tables.shown(cell, self.reader), style)


def _named(column: Column) -> bool:
    return column.key in ("touchpoint", "source", "target", "earner", "what_if", "experiment")


def blocks(wide: Sequence[int], room: int) -> list[list[int]]:
    """The columns of each block of a table: its first column, which all blocks repeat, and as many as fit beside it."""
    made: list[list[int]] = []
    used = room + 1
    for place, width in list(enumerate(wide))[1:]:
        if used + GAP + width > room:
            made.append([0])
            used = wide[0]
        made[-1].append(place)
        used += GAP + width
    return made or [[0]]


def is_nothing(cell: tables.Cell) -> bool:
    return isinstance(cell, Cash) and cell.minor == 0


def shares(amounts: Sequence[int], cells: int) -> list[int]:
    """Whole cells of a bar that add up to `cells`; what is there gets one at least, as far as they go."""
    total = sum(amounts)
    if total <= 0:
        return [0] * len(amounts)
    whole = [max(cells * amount // total, 1 if amount else 0) for amount in amounts]
    by_rest = sorted(range(len(amounts)), key=lambda place: -((cells * amounts[place]) % total))
    while sum(whole) < cells:
        for place in by_rest[: cells - sum(whole)]:
            whole[place] += 1
    while sum(whole) > cells:
        whole[whole.index(max(whole))] -= 1
    return whole


def source_line(report: Report, reader: Reader) -> str:
    source = report.source
    return reader.say(
        "source",
        households=f"{source.households:,}",
        facts=f"{source.facts:,}",
        touchpoints=source.touchpoints,
        first=reader.date(source.first),
        last=reader.date(source.last),
        grain=reader.say(f"grain.{source.grain}"),
    )
