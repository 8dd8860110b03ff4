"""Histories in a folder: one Parquet file a shard, one row a household, its facts as lists. Any engine reads them.

0000.parquet, 0001.parquet, ...   household, start, end, times, kinds, amounts, currency,
                                  and roles, references, covariates where there are any
histories.json                    what they share; written last, so that a folder without it is not finished
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Unpack

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from setaria.facts.refused import Refused
from setaria.flywheel.arrays import Flags
from setaria.flywheel.histories.csv_in import COMPRESSED, CsvIn
from setaria.flywheel.histories.histories import Grain, Histories, Touchpoint
from setaria.flywheel.histories.layout import How, Layout
from setaria.flywheel.histories.readers import Block, parquet_blocks, table_of
from setaria.flywheel.histories.rows_in import RowsIn
from setaria.flywheel.histories.spill import MOST_PARTS, parts_of, spill, spilled
from setaria.flywheel.histories.table import frame_of, histories_of
from setaria.flywheel.histories.tally import Tally, Understood
from setaria.flywheel.histories.understanding import explain
from setaria.flywheel.histories.windows import Stated, listed, stated

META: Final = "histories.json"
FORMAT: Final = 1
TEXT_OF_A_SHARD: Final = 32 << 20  # bytes of CSV; a shard of them takes some 250 MB to make
_PACKED: Final = 6  # how much larger a compressed file or Parquet is taken to be when it is read
_FAULTS: Final = (pa.ArrowException, OSError, KeyError, AssertionError, ValueError)


class ShardFile(msgspec.Struct, frozen=True):
    file: str
    households: int
    facts: int


class Meta(msgspec.Struct, frozen=True):
    touchpoints: tuple[Touchpoint, ...]
    currencies: tuple[str, ...]
    grain: Grain
    covariate_names: tuple[str, ...]
    role_names: tuple[str, ...]
    simulated: bool
    name: str
    rows: Understood
    shards: tuple[ShardFile, ...]
    format: int = FORMAT

    @property
    def households(self) -> int:
        return sum(each.households for each in self.shards)

    @property
    def facts(self) -> int:
        return sum(each.facts for each in self.shards)


class Shards:
    """Histories on disk, a shard at a time. Raises Refused for a folder that is not whole."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        try:
            self.meta = msgspec.json.decode((self.folder / META).read_bytes(), type=Meta)
        except (OSError, msgspec.DecodeError) as error:
            raise Refused("flywheel_shards_missing", folder=self.folder.name) from error
        if self.meta.format != FORMAT:
            raise Refused("flywheel_shards_format", folder=self.folder.name, format=self.meta.format)
        for each in self.meta.shards:
            if not (self.folder / each.file).is_file():
                raise Refused("flywheel_shard_missing", file=each.file)

    def __len__(self) -> int:
        return len(self.meta.shards)

    def __iter__(self) -> Iterator[Histories]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Histories:
        """Raises Refused("flywheel_shard_unreadable") when its bytes are not those that were written."""
        return self._part(index, None, _read)

    def size(self, index: int) -> int:
        """Households of a shard."""
        return self.meta.shards[index].households

    def lean(self, index: int) -> Histories:
        """Without names, amounts and references, which a likelihood does not need: read in half the time."""
        columns = ["start", "end", "times", "kinds", *(["covariates"] if self.meta.covariate_names else [])]
        return self._part(index, columns, _read_lean)

    def _part(self, index: int, columns: list[str] | None, read: Callable[[pa.Table, Meta], Histories]) -> Histories:
        shard = self.meta.shards[index]
        try:
            table = pq.read_table(
                self.folder / shard.file, columns=columns, page_checksum_verification=True, use_threads=False
            )
            histories = read(table, self.meta)
            assert (len(histories), histories.facts) == (shard.households, shard.facts)
        except FileNotFoundError as error:
            raise Refused("flywheel_shard_missing", file=shard.file) from error
        except _FAULTS as error:
            raise Refused("flywheel_shard_unreadable", file=shard.file, why=str(error)[:160]) from error
        return histories


def save(parts: Iterable[Histories], folder: str | Path) -> Shards:
    """Histories that share their touchpoints and currencies (parts of one, or a simulation's), each as a shard."""
    folder = _emptied(Path(folder))
    files: list[ShardFile] = []
    first: Histories | None = None
    for part in parts:
        first = first or part
        files.append(_write(part, folder, len(files)))
    if first is None:
        raise Refused("flywheel_shards_none")
    rows = msgspec.convert(msgspec.to_builtins(first.rows), Understood)
    return _finished(folder, first, rows, files)


def shards_of_csv(
    path: str | Path,
    folder: str | Path,
    *,
    shards: int = 0,
    delimiter: str = "",
    encoding: str = "",
    **how: Unpack[How],
) -> Shards:
    """As `from_csv`, for a file larger than memory. Without `shards` their number follows the file's size."""
    layout, tally, path = Layout(**how), Tally(), Path(path)
    with CsvIn(path, layout, tally, delimiter, encoding) as opened:
        with path.open("rb") as file:
            packed = file.read(4).startswith(tuple(COMPRESSED))
        size = path.stat().st_size * (_PACKED if packed else 1)
        return _sharded(opened.blocks(), layout, tally, Path(folder), shards or -(-size // TEXT_OF_A_SHARD))


def shards_of_parquet(path: str | Path, folder: str | Path, *, shards: int = 0, **how: Unpack[How]) -> Shards:
    """As `from_parquet`, for files larger than memory."""
    layout, path = Layout(**how), Path(path)
    files = path.glob("**/*.parquet") if path.is_dir() else [path]
    size = _PACKED * sum(file.stat().st_size for file in files if file.exists())
    return _sharded(parquet_blocks(path, layout), layout, Tally(), Path(folder), shards or -(-size // TEXT_OF_A_SHARD))


def _sharded(blocks: Iterable[Block], layout: Layout, tally: Tally, folder: Path, parts: int) -> Shards:
    folder = _emptied(folder)
    parts = max(1, min(parts, MOST_PARTS))
    table = table_of(layout.windows)
    reader = RowsIn(layout, tally, listed(table, layout))
    between = folder / "spilled"
    between.mkdir()
    try:
        paths = spill(blocks, reader, between, parts)
        tally.check_size()
        frame = frame_of(reader)
        windows = stated(table, layout, frame.grain, frame.offset, reader.seen.unlisted)
        where = parts_of(windows.households, parts)
        files: list[ShardFile] = []
        counted = False
        for part, path in enumerate(paths):
            histories = histories_of(spilled(path), frame, _some(windows, where == part), layout, tally)
            path.unlink()
            if len(histories):
                counted = counted or bool(histories.counted.any())
                files.append(_write(histories, folder, len(files)))
        if (layout.start is not None or layout.windows is not None) and not counted:
            raise Refused("flywheel_window_without_facts")
        explain(tally, reader, frame)
        return _finished(folder, histories, tally.finish(), files)
    finally:
        shutil.rmtree(between, ignore_errors=True)


def _some(windows: Stated, chosen: Flags) -> Stated:
    return Stated(
        windows.households[chosen],
        windows.start[chosen],
        windows.end[chosen],
        windows.covariates[chosen],
        windows.unknown,
        windows.covariate_names,
    )


def _emptied(folder: Path) -> Path:
    """Raises Refused("flywheel_folder_taken") rather than write over anything."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Refused("flywheel_folder_taken", folder=folder.name)
    return folder


def _finished(folder: Path, any_part: Histories, rows: Understood, files: list[ShardFile]) -> Shards:
    meta = Meta(
        any_part.touchpoints,
        any_part.currencies,
        any_part.grain,
        any_part.covariate_names,
        any_part.role_names,
        any_part.simulated,
        any_part.name,
        rows,
        tuple(files),
    )
    (folder / META).write_bytes(msgspec.json.format(msgspec.json.encode(meta)))
    return Shards(folder)


def _write(part: Histories, folder: Path, number: int) -> ShardFile:
    lists: dict[str, Any] = {
        "times": part.times,
        "kinds": part.kinds,
        "amounts": part.amounts,
        "currency": part.currency,
    }
    if part.roles is not None:
        lists["roles"] = part.roles
    if part.references is not None:
        lists["references"] = pa.array(part.references, pa.string())
    offsets = pa.array(part.offsets, pa.int64())
    columns: dict[str, Any] = {
        "household": pa.array(part.households, pa.string()),
        "start": part.start,
        "end": part.end,
        **{name: pa.LargeListArray.from_arrays(offsets, pa.array(values)) for name, values in lists.items()},
    }
    if part.covariate_names:
        flat = pa.array(np.ascontiguousarray(part.covariates).ravel())
        columns["covariates"] = pa.FixedSizeListArray.from_arrays(flat, len(part.covariate_names))
    file = f"{number:04}.parquet"
    pq.write_table(pa.table(columns), folder / file, compression="zstd", write_page_checksum=True)
    return ShardFile(file, len(part), part.facts)


def _read(table: pa.Table, meta: Meta) -> Histories:
    return dataclasses.replace(
        _read_lean(table, meta),
        households=table["household"].to_numpy(),
        amounts=_flat(table, "amounts"),
        currency=_flat(table, "currency"),
        roles=_flat(table, "roles") if meta.role_names else None,
        references=_flat(table, "references") if "references" in table.column_names else None,
    )


def _read_lean(table: pa.Table, meta: Meta) -> Histories:
    lengths = table["times"].combine_chunks().value_lengths().to_numpy()
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    covariates = np.zeros((len(table), 0))
    if meta.covariate_names:
        covariates = _flat(table, "covariates").reshape(len(table), len(meta.covariate_names))
    times = _flat(table, "times")
    return Histories(
        touchpoints=meta.touchpoints,
        households=np.full(len(table), "", dtype=object),
        start=table["start"].to_numpy(),
        end=table["end"].to_numpy(),
        offsets=offsets,
        times=times,
        kinds=_flat(table, "kinds"),
        amounts=np.broadcast_to(np.int64(0), len(times)),
        currencies=meta.currencies,
        currency=np.broadcast_to(np.int8(-1), len(times)),
        grain=meta.grain,
        covariates=covariates,
        covariate_names=meta.covariate_names,
        role_names=meta.role_names,
        simulated=meta.simulated,
        name=meta.name,
    )


def _flat(table: pa.Table, name: str) -> Any:
    column = table[name]
    whole = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    return whole.flatten().to_numpy(zero_copy_only=False)
