"""From when to when households are watched, as stated: for all of them, or household by household."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from setaria.facts.clock import DAY
from setaria.facts.refused import Refused
from setaria.flywheel.arrays import Flags, Floats, Texts, Whole
from setaria.flywheel.histories.covariates import covariates_of
from setaria.flywheel.histories.histories import Grain
from setaria.flywheel.histories.layout import Layout, Moment
from setaria.flywheel.histories.texts import names
from setaria.flywheel.histories.times import MISSING, UNREADABLE, Times

_DATE: Final = r"^\s*(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{8})\s*$"
UNSTATED: Final = MISSING


@dataclass(frozen=True, slots=True)
class Stated:
    """Windows by household, in ticks (microseconds, or days for day grain); UNSTATED where the table says nothing."""

    households: Texts
    start: Whole
    end: Whole
    covariates: Floats
    unknown: Floats  # P: of a household that the table does not have
    covariate_names: tuple[str, ...] = ()


def ticks_of(column: pa.Array, times: Times, grain: Grain, offset: int, end: bool) -> Whole:
    """A date is its whole day: a window may begin just before it or end just after it."""
    read = times.read(column)
    known = read.utc > UNREADABLE
    if (read.utc == UNREADABLE).any():
        wrong = column[int(np.flatnonzero(read.utc == UNREADABLE)[0])].as_py()
        raise Refused("flywheel_window_unreadable", text=str(wrong)[:40])
    hour = np.where(known, (read.local + offset) % DAY, 0)
    dates = _dates(column, hour, known)
    if grain == "day":
        days = (read.local + offset) // DAY
        ticks = days if end else np.where(dates | (hour == 0), days - 1, days)
    else:
        ticks = np.where(dates, read.utc + DAY - 1 if end else read.utc - 1, read.utc)
    return np.where(known, ticks, UNSTATED)


def _dates(column: pa.Array, hour: Whole, known: Flags) -> Flags:
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        written: Flags = pc.fill_null(pc.match_substring_regex(column, _DATE), False).to_numpy(zero_copy_only=False)
        return written
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return np.full(len(column), not hour[known].any())
    return np.zeros(len(column), dtype=np.bool_)


def tick_of(moment: Moment, zone: str, grain: Grain, offset: int, end: bool) -> int:
    """One moment that the caller states."""
    if isinstance(moment, datetime):
        aware = moment.tzinfo is not None
        column = pa.array([moment.isoformat() if aware else moment.replace(tzinfo=None).isoformat()])
    elif isinstance(moment, date):
        column = pa.array([moment.isoformat()])
    elif isinstance(moment, str):
        column = pa.array([moment])
    else:
        column = pa.array([moment], pa.timestamp("us", "UTC"))
    tick = int(ticks_of(column, Times(zone), grain, offset, end)[0])
    if tick == UNSTATED:
        raise Refused("flywheel_window_unreadable", text=str(moment)[:40])
    return tick


def listed(table: pa.Table | None, layout: Layout) -> pa.Array | None:
    """Names in a table of households."""
    if table is None:
        return None
    household = _household(table, layout)
    encoded = names(_one(table[household]), household)
    if encoded.null_count or (len(encoded.dictionary) and encoded.dictionary.null_count):
        raise Refused("flywheel_window_household_missing")
    if len(encoded.dictionary) < len(encoded):
        counts = np.bincount(encoded.indices.to_numpy())
        raise Refused("flywheel_window_twice", household=encoded.dictionary[int(np.argmax(counts))].as_py()[:40])
    return encoded.cast(pa.string())


def _household(table: pa.Table, layout: Layout) -> str:
    present = table.column_names
    household = layout.household if layout.household in present else "household"
    if household not in present:
        raise Refused("flywheel_column_missing", column=layout.household, what="household", columns=present[:20])
    return household


def stated(table: pa.Table | None, layout: Layout, grain: Grain, offset: int, unlisted: bool) -> Stated:
    """Of a table household, start, end, and covariates in all other columns. `unlisted`: others have facts too."""
    if table is None:
        nothing = np.zeros(0, dtype=np.int64)
        return Stated(np.zeros(0, dtype=np.object_), nothing, nothing, np.zeros((0, 0)), np.zeros(0))
    table = table.combine_chunks()
    household, column_names = _household(table, layout), table.column_names
    edges = {
        edge: ticks_of(_one(table[edge]), Times(layout.zone), grain, offset, edge == "end")
        if edge in column_names
        else np.full(len(table), UNSTATED)
        for edge in ("start", "end")
    }
    rest = [name for name in column_names if name not in (household, "start", "end")]
    known = table.select(rest)
    if unlisted and rest:  # a last row, of which nothing is known
        known = pa.concat_tables([known, pa.table({name: pa.nulls(1, known[name].type) for name in rest})])
    values, covariate_names = covariates_of(known)
    unknown = values[-1] if unlisted and rest else np.zeros(len(covariate_names))
    whole = names(_one(table[household]), household).cast(pa.string()).to_numpy(zero_copy_only=False)
    return Stated(whole, edges["start"], edges["end"], values[: len(table)], unknown, covariate_names)


def _one(column: pa.ChunkedArray) -> pa.Array:
    chunks = column.unify_dictionaries().chunks
    return pa.concat_arrays(chunks) if len(chunks) != 1 else chunks[0]
