"""Tables as CSV: plain numbers, amounts in the currency's unit, each estimate as value, low and high."""

from __future__ import annotations

import base64
import csv
import io
import math
from collections.abc import Iterable
from typing import Final

from setaria.flywheel.report.figures import Reader, clean, unit_of
from setaria.flywheel.report.tables import Cash, Cell, Column, Days, Range, Share, Table, Yes
from setaria.money import EXPONENTS

# What a spreadsheet would take for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_text(table: Table, reader: Reader) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    head: list[str] = []
    for column, name in zip(table.columns, table.head(reader), strict=True):
        head += (
            [name, *(f"{name} {reader.say(f'column.{end}')}" for end in ("low", "high"))] if column.spread else [name]
        )
    writer.writerow([_harmless(each) for each in head])
    for row in [*table.rows, *([table.total] if table.total else [])]:
        writer.writerow(
            [text for column, cell in zip(table.columns, row, strict=True) for text in _plain(column, cell)]
        )
    return out.getvalue()


def _plain(column: Column, cell: Cell) -> Iterable[str]:
    if column.spread:
        if not isinstance(cell, Range):
            return ("", "", "")
        return tuple(
            _figure(each, cell.currency) for each in (cell.estimate.value, cell.estimate.low, cell.estimate.high)
        )
    match cell:
        case None | Yes(None):
            return ("",)
        case Cash(minor, currency):
            return (_figure(minor, currency),)
        case Yes(value):
            return ("1" if value else "0",)
        case Share(value) | Days(value):
            return (_figure(value, None),)
        case str():
            return (_harmless(clean(cell, 1_000)),)
        case int() | float():
            return (_figure(cell, None),)
        case Range(estimate, currency):
            return (_figure(estimate.value, currency),)


def _figure(value: float, currency: str | None) -> str:
    if not math.isfinite(value):
        return ""
    if currency is None:
        return str(value) if isinstance(value, int) else f"{value:.6g}"
    digits = EXPONENTS.get(currency, 2)
    if isinstance(value, int):
        whole, part = divmod(abs(value), unit_of(currency))
        return f"{'-' if value < 0 else ''}{whole}" + (f".{part:0{digits}}" if digits else "")
    return f"{value / unit_of(currency):.{digits}f}"


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def file_name(table: Table) -> str:
    name = table.name + (f"-{table.currency}" if table.currency else "")
    return "".join(each for each in name if each.isascii() and (each.isalnum() or each in "-_")) + ".csv"


def csv_link(table: Table, reader: Reader) -> str:
    """A data: link; the mark at its start tells spreadsheets that it is UTF-8."""
    encoded = base64.b64encode(csv_text(table, reader).encode("utf-8-sig", "replace")).decode()
    return f"data:text/csv;charset=utf-8;base64,{encoded}"
