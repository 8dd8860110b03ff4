"""The past of one property as a file for a spreadsheet: RFC 4180, UTF-8, local times with their offset."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from setaria.home.ports import Value
from setaria.home.spec.model import Property
from setaria.home.spec.names import name_of, value_name
from setaria.home.structure import Thing
from setaria.rights import Act
from setaria.web.activity_routes import require_thing
from setaria.web.answers import ALWAYS
from setaria.web.history import MOST_POINTS, HistoryQuery, Point, history_of
from setaria.web.home_routes import thing_of
from setaria.web.table import Call, Query, Route
from setaria.words import say
from setaria.words.format import local

MOST_ROWS: Final = 1_000_000
MOST_READS: Final = 2_000  # of the history, a page each
TYPE: Final = b"text/csv; charset=utf-8; header=present"
# What a spreadsheet takes for a formula; a quote in front shows that it is text.
_FORMULA: Final = re.compile(r"\s*[=+\-@|%]")
_QUOTED: Final = re.compile(r'[",\r\n]')
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]")


class CsvQuery(Query, frozen=True):
    """Times are UTC microseconds or ISO 8601; without any, the last 24 hours."""

    property: str
    since: str = ""
    until: str = ""


def cell(text: str) -> str:
    """A text that nothing takes for a formula."""
    text = _CONTROL.sub(" ", text)
    if _FORMULA.match(text):
        text = f"'{text}"
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if _QUOTED.search(text) else text


def value_cell(value: Value) -> str:
    """Numbers stay numbers, negative ones too; booleans are true and false."""
    if isinstance(value, bool):
        return str(value).lower()
    return cell(value) if isinstance(value, str) else repr(value)


def line(cells: Sequence[str]) -> str:
    return ",".join(cells) + "\r\n"


async def see_history_csv(call: Call) -> None:
    """Sends the first lines before the last are read."""
    thing = thing_of(call)
    require_thing(call, thing.id)
    query: CsvQuery = call.query
    found = call.services.home.specs.get(thing.model).find_property(query.property)
    pages = _pages(call, thing, query)
    first = await anext(pages)  # what is refused is refused before the answer begins
    headers = [
        (b"content-type", TYPE),
        (b"content-disposition", f'attachment; filename="{_file_name(thing, found)}"'.encode()),
        *ALWAYS,
    ]
    await call.send({"type": "http.response.start", "status": 200, "headers": headers})
    await _body(call, _head(call, thing, found) + _lines(call, found, first))
    rows = len(first)
    async for points in pages:
        rows += len(points)
        await _body(call, _lines(call, found, points[: len(points) - max(0, rows - MOST_ROWS)]))
        if rows >= MOST_ROWS:
            break
    await call.send({"type": "http.response.body", "body": b""})


async def _body(call: Call, text: str) -> None:
    if text:
        await call.send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _pages(call: Call, thing: Thing, query: CsvQuery) -> AsyncIterator[list[Point]]:
    page = HistoryQuery(query.property, query.since, query.until or str(call.services.clock.now()), MOST_POINTS)
    for _ in range(MOST_READS):
        found = await history_of(call, thing, page)
        yield found.points
        if not found.more:
            return
        page = msgspec.structs.replace(page, since=str(found.reached))


def _head(call: Call, thing: Thing, found: Property) -> str:
    name = f"{thing.name} · {name_of(found, call.language)}"
    unit = f" ({found.unit})" if found.unit and found.unit != "none" else ""
    cells = [cell(say("telling.csv.time", call.language)), cell(f"{name}{unit}")]
    return line([*cells, cell(say("telling.csv.meaning", call.language))] if found.values else cells)


def _lines(call: Call, found: Property, points: Sequence[Point]) -> str:
    zone = call.services.home.structure.household.zone
    lines = []
    for time, value in points:
        cells = [local(time, zone).isoformat(timespec="microseconds"), value_cell(value)]
        if found.values:
            cells.append(cell(value_name(found, value, call.language)))
        lines.append(line(cells))
    return "".join(lines)


def _file_name(thing: Thing, found: Property) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", f"{thing.id}-{found.address}") + ".csv"


ROUTES: Final = (
    Route(
        "GET",
        "/api/things/{thing}/history.csv",
        see_history_csv,
        Act.FACTS_READ,
        str,
        "The past of one property as CSV",
        query=CsvQuery,
        home_asks=True,
        stream=True,
        media="text/csv",
    ),
)
