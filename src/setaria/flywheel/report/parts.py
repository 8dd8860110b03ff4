"""The pieces of the page: cards, sentences, tables with their CSV. Everything written here is escaped here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Final

from setaria.flywheel.report import tables, tables_csv
from setaria.flywheel.report.figures import Reader
from setaria.flywheel.report.report import Sentence
from setaria.flywheel.report.tables import Cash, Range, Table, Yes

WIDE: Final = 1_070.0  # pixels within a card as wide as the page
SIDE: Final = 412.0
MAIN: Final = 600.0
NARROW: Final = 322.0  # on a phone of 390
MOST_ROWS: Final = 100  # of a table in the page; CSV holds all
SIGNS: Final = {"good": "✓", "careful": "!", "bad": "✗", "plain": "·"}


def card(name: str, title: str, *content: str, class_: str = "w12", hint: str = "", aside: str = "") -> str:
    """`title` and `hint` are text, the rest is markup. An empty card is none."""
    if not any(content):
        return ""
    told = f'<p class="hint">{escape(hint)}</p>' if hint else ""
    return (
        f'<section class="card {class_}" id="{name}" aria-labelledby="{name}-title">'
        f'<header><h2 id="{name}-title">{escape(title)}</h2>{aside}</header>{told}{"".join(content)}</section>'
    )


def both(draw: Callable[[float], str], wide: float) -> str:
    """The same picture for a desk and for a phone; one of them is shown."""
    large, small = draw(wide), draw(NARROW)
    if not large:
        return ""
    return (
        "<figure>" + large.replace('class="picture', 'class="picture wide', 1)
        + small.replace('class="picture', 'class="picture narrow', 1) + "</figure>"
    )  # fmt: skip


def tag(text: str, tone: str = "") -> str:
    return f'<span class="tag {tone}">{escape(text)}</span>'


def sentences(said: Sequence[tuple[str, str]]) -> str:
    """Pairs of text and tone (one of SIGNS)."""
    if not said:
        return ""
    items = (
        f'<li class="{tone}"><span class="sign" aria-hidden="true">{SIGNS[tone]}</span><span>{escape(text)}</span></li>'
        for text, tone in said
    )
    return f'<ul class="says">{"".join(items)}</ul>'


def tone_of(sentence: Sentence) -> str:
    return sentence.tone if sentence.tone in SIGNS else "plain"


def table(made: Table, reader: Reader, *, doubt: bool = False, swatches: Sequence[str] = ()) -> str:
    """`swatches` are classes of colour, one a row."""
    if not made:
        return ""
    title = escape(made.title(reader), quote=True)
    told = escape(f"{made.title(reader)}{reader.say('colon')}{reader.say('page.table')}", quote=True)
    extra = '<td class="swatch"></td>' if swatches else ""
    head = "".join(
        f'<th scope="col"{" class=n" if column.numeric else ""}>{escape(name)}</th>'
        for column, name in zip(made.columns, made.head(reader), strict=True)
    )
    rows = []
    for place, row in enumerate(made.rows[:MOST_ROWS]):
        swatch = f'<td class="swatch">{swatch_of(swatches[place])}</td>' if swatches else ""
        first, *others = (_cell(made, index, cell, reader, doubt) for index, cell in enumerate(row))
        rows.append(f'<tr>{swatch}<th scope="row">{first}</th>{"".join(others)}</tr>')
    foot = ""
    if made.total is not None:
        first, *others = (_cell(made, index, cell, reader, False) for index, cell in enumerate(made.total))
        foot = f'<tfoot><tr>{"<td></td>" if swatches else ""}<th scope="row">{first}</th>{"".join(others)}</tr></tfoot>'
    more = ""
    if len(made.rows) > MOST_ROWS:
        more = f'<p class="note">{escape(reader.say("more_rows", count=len(made.rows) - MOST_ROWS))}</p>'
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{told}"><table><caption>{title}</caption>'
        f"<thead><tr>{extra}{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody>{foot}</table></div>{more}"
    )


def swatch_of(class_: str) -> str:
    return (
        f'<svg width="12" height="12" aria-hidden="true"><rect width="12" height="12" rx="3" class="{class_}"/></svg>'
    )


def _cell(made: Table, index: int, cell: tables.Cell, reader: Reader, doubt: bool) -> str:
    column = made.columns[index]
    if isinstance(cell, Range):
        value, interval = reader.parts(cell.estimate, cell.currency, bare=True)
        mark = doubted(reader) if doubt and cell.model else ""
        shown = f'{escape(value)}{mark}<span class="between-values">{escape(interval)}</span>'
    elif isinstance(cell, Yes):
        shown = tag(tables.shown(cell, reader), "good" if cell.value else "")
    else:
        shown = escape(tables.shown(cell, reader))
        if cell is None or (isinstance(cell, Cash) and cell.minor == 0):
            shown = f'<span class="none">{shown}</span>'
    if index == 0:
        return shown
    return f'<td class="n">{shown}</td>' if column.numeric else f"<td>{shown}</td>"


def doubted(reader: Reader) -> str:
    """Beside each number that the data do not identify."""
    return f'<abbr class="doubt" title="{escape(reader.say("doubt"), quote=True)}">?</abbr>'


def csv_of(made: Table, reader: Reader) -> str:
    told, name = reader.say("page.csv"), tables_csv.file_name(made)
    label = escape(f"{told}{reader.say('colon')}{made.title(reader)}", quote=True)
    link = tables_csv.csv_link(made, reader)
    return f'<a class="csv" download="{name}" href="{link}" aria-label="{label}">{escape(told)}</a>'


def figures(made: Table, reader: Reader, *, doubt: bool = False) -> str:
    """The table behind a picture, folded away, with its CSV."""
    if not made:
        return ""
    return (
        f"<details><summary>{escape(made.title(reader))}{reader.say('colon')}{escape(reader.say('page.table'))}</summary>"
        f"{table(made, reader, doubt=doubt)}{csv_of(made, reader)}</details>"
    )


def legend(named: Sequence[tuple[str, str]]) -> str:
    """Pairs of a class of colour and text."""
    return (
        f'<p class="legend">{"".join(f"<span>{swatch_of(class_)}{escape(text)}</span>" for class_, text in named)}</p>'
    )
