"""Files and frames to assignments by lot. Bad rows stay behind, counted and listed as those of histories are.

A lot is only as good as its probabilities: one that cannot be right is no bad row, it refuses the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from setaria.facts.clock import DAY, SystemClock
from setaria.facts.refused import Refused
from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.histories.assignments import MAX_ASSIGNMENTS, Assignment, Assignments
from setaria.flywheel.histories.csv_in import CsvIn
from setaria.flywheel.histories.histories import Grain
from setaria.flywheel.histories.readers import as_arrow
from setaria.flywheel.histories.rows import RowsRead
from setaria.flywheel.histories.tally import SHOWN, Tally
from setaria.flywheel.histories.texts import missing_texts, names
from setaria.flywheel.histories.times import MISSING, UNREADABLE, Times

COLUMNS: Final = ("experiment", "household", "arm", "time", "probability", "stratum")
REQUIRED: Final = ("household", "arm", "time")
UNNAMED: Final = "experiment"  # where neither a column nor a file names it
BLOCK: Final = 1 << 18  # rows of a table at a time
PARQUET: Final = (".parquet", ".pq")
PACKED: Final = (".gz", ".bz2", ".zst")
# In order: of a row with several, the first is told.
TROUBLES: Final = (
    "",
    "experiment_missing",
    "household_missing",
    "arm_missing",
    "time_missing",
    "time_unreadable",
    "time_before_1970",
    "time_future",
    "probability_wrong",
)
_NUMBER: Final = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def read_assignments(
    source: Any,
    *,
    zone: str = "UTC",
    grain: Grain = "exact",
    day_shift: int = 0,
    now: int | None = None,
    name: str = "",
    merge: Mapping[str, str] | None = None,
) -> Assignments:
    """A path of CSV (plain or compressed) or Parquet, or a frame: pandas, Polars, Arrow. Raises Refused.

    Columns: household, arm, time; experiment, else all is one experiment, called `name` or as the file is;
    probability (of the arm drawn) or stratum, else the arms' shares in the whole are the probabilities. `grain` and
    `day_shift` are those of the histories: by the day, a time stands for its day in `zone`, moved so many microseconds.
    `merge`: prospect -> household.
    """
    path = Path(source) if isinstance(source, str | Path) else None
    reader = AssignmentsIn(
        zone, grain, now, name or (UNNAMED if path is None else _stem(path)), merge or {}, day_shift=day_shift
    )
    if path is not None and path.suffix not in PARQUET:
        with CsvIn(path, None, reader.tally, "", "") as opened:
            check(opened.head)
            for block, places in opened.blocks():
                reader.take(block, [str(each) for each in places])
        return reader.finish()
    if path is not None:
        batches = _parquet(path)
    else:
        table = as_arrow(source)
        check(table.column_names)
        batches = iter(table.to_batches(max_chunksize=BLOCK))
    at = 0
    for batch in batches:
        reader.take(pa.table(batch), [str(each) for each in range(at + 1, at + 1 + len(batch))])
        at += len(batch)
    return reader.finish()


def _parquet(path: Path) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(path) as opened:
            check(opened.schema_arrow.names)
            yield from opened.iter_batches(batch_size=BLOCK)
    except FileNotFoundError as error:
        raise Refused("flywheel_file_missing", path=path.name) from error
    except (pa.ArrowException, OSError) as error:
        raise Refused("flywheel_file_unreadable", path=path.name, why=str(error)[:160]) from error


def _stem(path: Path) -> str:
    stem = path.name
    for packed in PACKED:
        stem = stem.removesuffix(packed)
    return stem.rpartition(".")[0] or stem


def check(present: Sequence[str]) -> None:
    """Raises Refused. A column of another name may be a probability misspelt, and would bend the effect unseen."""
    for each in present:
        if each not in COLUMNS:
            raise Refused("flywheel_assignments_column", column=each[:SHOWN], known=list(COLUMNS))
        if present.count(each) > 1:
            raise Refused("flywheel_column_twice", column=each)
    for each in REQUIRED:
        if each not in present:
            raise Refused("flywheel_column_missing", column=each, what=each, columns=list(present))


class AssignmentsIn:
    """Takes blocks of named columns. `strict`: a probability that cannot be right refuses everything."""

    def __init__(
        self,
        zone: str,
        grain: Grain,
        now: int | None,
        name: str,
        merge: Mapping[str, str],
        strict: bool = True,
        day_shift: int = 0,
    ) -> None:
        self.tally = Tally()
        self._name = name
        self._strict = strict
        self._times = Times(zone)
        self._grain = grain
        self._day_shift = day_shift
        self._latest = (SystemClock().now() if now is None else now) + DAY
        self._merge = merge
        self._given: list[Assignment] = []

    def take(self, block: pa.Table, places: Sequence[str]) -> None:
        columns = {name: _whole(block[name]) for name in block.column_names}
        rows = len(block)
        experiment = self._texts(columns, "experiment", rows, self._name)
        household = [self._merge.get(each, each) for each in self._texts(columns, "household", rows, "")]
        arm = self._texts(columns, "arm", rows, "")
        stratum = self._texts(columns, "stratum", rows, "")
        when = self._times.read(columns["time"])
        probability, wrong = _probabilities(columns.get("probability"), rows)
        if self._strict and wrong.any():
            place = int(np.flatnonzero(wrong)[0])
            shown = str(columns["probability"][place].as_py())[:SHOWN]
            raise Refused("flywheel_assignments_probability", place=places[place], shown=shown)
        trouble = np.select(
            [
                np.array([not each for each in experiment], dtype=np.bool_),
                np.array([not each for each in household], dtype=np.bool_),
                np.array([not each for each in arm], dtype=np.bool_),
                when.utc == MISSING,
                when.utc == UNREADABLE,
                (when.local < 0) | (when.utc < 0),
                when.utc > self._latest,
                wrong,
            ],
            list(range(1, len(TROUBLES))),
            0,
        )
        at = when.utc / DAY if self._grain == "exact" else ((when.local + self._day_shift) // DAY).astype(np.float64)
        self._bad(columns, trouble, places)
        chances = probability.tolist()
        for place in np.flatnonzero(trouble == 0).tolist():
            chance = None if np.isnan(chances[place]) else chances[place]
            self._given.append(
                Assignment(experiment[place], household[place], arm[place], float(at[place]), chance, stratum[place])
            )
        self.tally.rows.read += rows
        if len(self._given) > MAX_ASSIGNMENTS:
            raise Refused("flywheel_experiment_size", count=len(self._given), most=MAX_ASSIGNMENTS)

    def finish(self, some: bool = True) -> Assignments:
        """`some`: none at all is refused."""
        rows = self.tally.finish()
        if some and not self._given:
            most = max(rows.troubles, key=lambda name: rows.troubles[name], default="nothing")
            raise Refused("flywheel_assignments_none", read=rows.read, bad=rows.bad, trouble=most)
        kept = RowsRead(rows.read, len(self._given), bad=rows.bad, troubles=rows.troubles, examples=rows.examples)
        return Assignments(self._given, kept)

    def _texts(self, columns: Mapping[str, pa.Array], what: str, rows: int, otherwise: str) -> list[str]:
        if what not in columns:
            return [otherwise] * rows
        return [each or "" for each in names(columns[what], what).cast(pa.string()).to_pylist()]

    def _bad(self, columns: Mapping[str, pa.Array], trouble: Whole, places: Sequence[str]) -> None:
        self.tally.rows.bad += int((trouble > 0).sum())
        for each in np.unique(trouble[trouble > 0]).tolist():
            name = TROUBLES[each]
            where = np.flatnonzero(trouble == each)
            listed = where[: max(0, self.tally.room(name))].tolist()
            column = columns.get(name.split("_")[0])
            shown = ["" if column is None else column[place].as_py() for place in listed]
            texts = ["" if value is None else str(value) for value in shown]
            self.tally.trouble(name, len(where), zip((places[place] for place in listed), texts, strict=True))


def _probabilities(column: pa.Array | None, rows: int) -> tuple[Floats, Any]:
    """NaN where there is none; and flags of those that are no probability or leave no lot (0, 1)."""
    if column is None or pa.types.is_null(column.type):
        return np.full(rows, np.nan), np.zeros(rows, dtype=np.bool_)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = pc.utf8_trim_whitespace(column)
        missing = _flags(missing_texts(column))
        number = pc.fill_null(pc.match_substring_regex(column, _NUMBER), False)
        values = pc.if_else(number, column, None).cast(pa.float64()).to_numpy(zero_copy_only=False)
    else:
        try:
            values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowException as error:
            raise Refused("flywheel_assignments_probability", place="1", shown=str(column.type)[:SHOWN]) from error
        missing = np.isnan(values)
    # Written so that NaN is wrong too.
    wrong = ~missing & ~((values > 0) & (values < 1))
    return np.where(missing, np.nan, values), wrong


def _flags(column: pa.Array) -> Any:
    return column.to_numpy(zero_copy_only=False)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    chunks = column.unify_dictionaries().chunks
    return chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)
