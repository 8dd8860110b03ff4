"""Files and frames to Histories. Everything goes through Arrow, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Unpack

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from setaria.facts.refused import Refused
from setaria.flywheel.arrays import Whole
from setaria.flywheel.histories.csv_in import CsvIn
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.histories.layout import How, Layout
from setaria.flywheel.histories.rows_in import RowsIn, check_columns
from setaria.flywheel.histories.table import frame_of, histories_of
from setaria.flywheel.histories.tally import Tally
from setaria.flywheel.histories.understanding import explain
from setaria.flywheel.histories.windows import listed, stated

BLOCK: Final = 1 << 18  # rows of a table at a time

# A block of named columns, and the places of its rows in the input.
Block = tuple[pa.Table, Whole]


def from_csv(path: str | Path, *, delimiter: str = "", encoding: str = "", **how: Unpack[How]) -> Histories:
    """A text file with a head, plain or compressed (gz, bz2, zst). Raises Refused.

    Without `delimiter` the head decides among comma, semicolon, tab and bar; without `encoding` it is UTF-8, or UTF-16
    if the file begins so.
    """
    layout, tally = Layout(**how), Tally()
    with CsvIn(Path(path), layout, tally, delimiter, encoding) as opened:
        return made(opened.blocks(), layout, tally)


def from_parquet(path: str | Path, **how: Unpack[How]) -> Histories:
    """A Parquet file, or a folder of them. Raises Refused."""
    layout = Layout(**how)
    return made(parquet_blocks(Path(path), layout), layout, Tally())


def from_arrow(table: Any, **how: Unpack[How]) -> Histories:
    """An Arrow table, record batch or reader, or anything that offers itself as an Arrow stream. Raises Refused."""
    layout = Layout(**how)
    return made(arrow_blocks(table, layout), layout, Tally())


def from_pandas(frame: Any, **how: Unpack[How]) -> Histories:
    """A pandas DataFrame; its index is not read. Raises Refused."""
    layout = Layout(**how)
    return made(arrow_blocks(as_arrow(frame, list(layout.columns.values())), layout), layout, Tally())


def from_polars(frame: Any, **how: Unpack[How]) -> Histories:
    """A Polars DataFrame or LazyFrame. Raises Refused."""
    layout = Layout(**how)
    return made(arrow_blocks(as_arrow(frame), layout), layout, Tally())


def made(blocks: Iterable[Block], layout: Layout, tally: Tally) -> Histories:
    """Histories in memory of the blocks of an input."""
    table = table_of(layout.windows)
    reader = RowsIn(layout, tally, listed(table, layout))
    rows = [reader.take(block, places) for block, places in blocks]
    tally.check_size()
    frame = frame_of(reader)
    windows = stated(table, layout, frame.grain, frame.offset, reader.seen.unlisted)
    whole = pa.concat_tables(rows, promote_options="permissive")
    del rows
    histories = histories_of(whole, frame, windows, layout, tally)
    explain(tally, reader, frame)
    if (layout.start is not None or layout.windows is not None) and not histories.counted.any():
        raise Refused("flywheel_window_without_facts")
    return replace(histories, rows=tally.finish())


def parquet_blocks(path: Path, layout: Layout) -> Iterator[Block]:
    try:
        files = sorted(path.glob("**/*.parquet")) if path.is_dir() else [path]
        if not files:
            raise Refused("flywheel_file_missing", path=path.name)
        at = 0
        for file in files:
            with pq.ParquetFile(file) as opened:
                check_columns(layout, opened.schema_arrow.names)
                names = dict.fromkeys(layout.columns.values())
                for batch in opened.iter_batches(batch_size=BLOCK, columns=list(names)):
                    yield _named(pa.table(batch), layout), np.arange(at + 1, at + 1 + len(batch))
                    at += len(batch)
    except FileNotFoundError as error:
        raise Refused("flywheel_file_missing", path=path.name) from error
    except (pa.ArrowException, OSError) as error:
        raise Refused("flywheel_file_unreadable", path=path.name, why=str(error)[:160]) from error


def arrow_blocks(table: Any, layout: Layout) -> Iterator[Block]:
    if not isinstance(table, pa.Table | pa.RecordBatchReader):
        table = as_arrow(table)
    check_columns(layout, table.schema.names)
    batches = table.to_batches(max_chunksize=BLOCK) if isinstance(table, pa.Table) else table
    at = 0
    for batch in batches:
        yield _named(pa.table(batch), layout), np.arange(at + 1, at + 1 + len(batch))
        at += len(batch)


def _named(block: pa.Table, layout: Layout) -> pa.Table:
    return pa.table({what: block[name] for what, name in layout.columns.items()})


def as_arrow(frame: Any, columns: list[str] | None = None) -> pa.Table:
    """pandas and Polars frames, batches, streams; raises Refused for anything else."""
    try:
        if isinstance(frame, pa.RecordBatch):
            return pa.Table.from_batches([frame])
        if hasattr(frame, "collect") and hasattr(frame, "lazy"):
            frame = frame.collect()  # a Polars LazyFrame
        if type(frame).__module__.startswith("pandas"):
            present = list(frame.columns)
            wanted = [name for name in columns or present if name in present]
            if len(set(present)) < len(present):
                return pa.table([pa.array([])] * len(present), names=[str(name) for name in present])
            return pa.Table.from_pandas(frame[wanted] if columns else frame, preserve_index=False)
        return pa.table(frame)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise Refused("flywheel_frame_unreadable", type=type(frame).__name__, why=str(error)[:160]) from error


def table_of(given: Any) -> pa.Table | None:
    """A small table, whole, from a frame or a path."""
    if given is None or isinstance(given, pa.Table):
        return given
    if isinstance(given, str | Path):
        path = Path(given)
        if path.suffix == ".parquet":
            try:
                return pq.read_table(path)
            except FileNotFoundError as error:
                raise Refused("flywheel_file_missing", path=path.name) from error
            except (pa.ArrowException, OSError) as error:
                raise Refused("flywheel_file_unreadable", path=path.name, why=str(error)[:160]) from error
        with CsvIn(path, None, Tally(), "", "") as opened:
            blocks = [block for block, _ in opened.blocks()]
        return (
            pa.concat_tables(blocks) if blocks else pa.table({name: pa.array([], pa.string()) for name in opened.head})
        )
    return as_arrow(given)
