"""The first pass over an input larger than memory: its rows, parted so that each household lies in one part."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from setaria.flywheel.arrays import Texts, Whole
from setaria.flywheel.histories.rows_in import RowsIn

MOST_PARTS: Final = 512  # files open at once
_PRIME: Final = np.uint64(0x100000001B3)
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)


def part_of(texts: pa.Array, parts: int) -> Whole:
    """Which part each name belongs to: the same on every machine and in every run. A polynomial mod 2^64."""
    texts = pa.concat_arrays([texts.cast(pa.large_string()), pa.array([""], pa.large_string())])
    offsets = np.frombuffer(texts.buffers()[1], dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2] or b"", dtype=np.uint8)[offsets[0] : offsets[-1]]
    offsets = offsets - offsets[0]
    lengths = np.diff(offsets)
    powers = np.cumprod(np.full(int(lengths.max()) + 1, _PRIME))
    place = np.arange(len(data)) - np.repeat(offsets[:-1], lengths)
    terms = (data.astype(np.uint64) + np.uint64(1)) * powers[place]
    sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(terms)])
    mixed = (sums[offsets[1:]] - sums[offsets[:-1]]) * _MIX
    parted: Whole = ((mixed >> np.uint64(32)) % np.uint64(parts)).astype(np.int64)
    return parted[:-1]


def parts_of(names: Texts, parts: int) -> Whole:
    return part_of(pa.array(names, pa.string()), parts) if len(names) else np.zeros(0, dtype=np.int64)


def spill(blocks: Iterable[tuple[pa.Table, Whole]], reader: RowsIn, folder: Path, parts: int) -> list[Path]:
    """One file a part, in the order of the input; memory is that of one block."""
    paths = [folder / f"{part:04}.arrow" for part in range(parts)]
    writers: list[Any] = []
    with ExitStack() as stack:
        for block, places in blocks:
            rows = _plain(reader.take(block, places))
            if not writers:
                options = pa.ipc.IpcWriteOptions(compression="lz4")
                for path in paths:
                    writer = pa.ipc.new_stream(str(path), rows.schema, options=options)
                    writers.append(stack.enter_context(writer))
            part = part_of(pc.cast(rows["household"].combine_chunks(), pa.string()), parts)
            order = np.argsort(part, kind="stable")
            rows = rows.take(pa.array(order))
            edges = np.searchsorted(part[order], np.arange(parts + 1))
            for writer, low, high in zip(writers, edges[:-1], edges[1:], strict=True):
                if high > low:
                    writer.write_table(rows.slice(low, high - low))
    return paths if writers else []


def spilled(path: Path) -> pa.Table:
    with pa.ipc.open_stream(str(path)) as reader:
        table = reader.read_all()
    columns = {name: _encoded(table[name]) for name in table.column_names}
    return pa.table(columns)


def _plain(rows: pa.Table) -> pa.Table:
    return pa.table({name: _decoded(rows[name]) for name in rows.column_names})


def _decoded(column: pa.ChunkedArray) -> pa.Array:
    chunk = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if isinstance(chunk, pa.ChunkedArray):
        chunk = pa.concat_arrays(chunk.chunks)
    return chunk.cast(pa.string()) if pa.types.is_dictionary(chunk.type) else chunk


def _encoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.dictionary_encode() if pa.types.is_string(column.type) else column
