"""Text files with a head, read by blocks: a file of 10 GB needs no more memory than a small one."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from setaria.facts.refused import Refused
from setaria.flywheel.arrays import Whole
from setaria.flywheel.histories.layout import Layout
from setaria.flywheel.histories.rows_in import check_columns
from setaria.flywheel.histories.tally import Tally

BLOCK: Final = 4 << 20  # bytes of text at a time; a line must be shorter. Arrow reads up to 32 of them ahead
DELIMITERS: Final = ",;\t|"
COMPRESSED: Final = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd"}
OTHERS: Final = {b"PK\x03\x04": "zip", b"PAR1": "parquet", b"\xd0\xcf\x11\xe0": "excel"}
UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


class CsvIn:
    """An open file; without a layout all its columns are read, under their own names, as text."""

    def __init__(self, path: Path, layout: Layout | None, tally: Tally, delimiter: str, encoding: str) -> None:
        self.path = path
        self._layout = layout
        self._tally = tally
        self._ragged: list[int] = []
        self._encoding = encoding
        self._stream = self._open()
        try:
            self.head, self.delimiter = self._head(delimiter)
            if layout is not None:
                check_columns(layout, self.head)
            self._wanted = list(dict.fromkeys(layout.columns.values())) if layout else self.head
        finally:
            self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stream.close()

    def _open(self) -> Any:
        try:
            with self.path.open("rb") as file:
                begin = file.read(4)
        except FileNotFoundError as error:
            raise Refused("flywheel_file_missing", path=self.path.name) from error
        except OSError as error:
            raise Refused("flywheel_file_unreadable", path=self.path.name, why=str(error)[:160]) from error
        for magic, what in OTHERS.items():
            if begin.startswith(magic):
                raise Refused("flywheel_file_not_text", path=self.path.name, what=what)
        if not begin:
            raise Refused("flywheel_file_empty", path=self.path.name)
        packed = next((name for magic, name in COMPRESSED.items() if begin.startswith(magic)), None)
        if not self._encoding and begin[:2] in UTF_16:
            self._encoding = "utf-16"
        return pa.input_stream(str(self.path), compression=packed)

    def _head(self, delimiter: str) -> tuple[list[str], str]:
        """Names of the columns, and what stands between them."""
        try:
            line = self._stream.read(1 << 16)
            text = codecs.getincrementaldecoder(self._encoding or "utf-8")().decode(line)  # may end within a letter
        except UnicodeDecodeError as error:
            raise self._wrong_encoding() from error
        except LookupError as error:
            raise Refused("flywheel_encoding_unknown", encoding=self._encoding[:40]) from error
        except (pa.ArrowException, OSError) as error:
            raise Refused("flywheel_file_unreadable", path=self.path.name, why=str(error)[:160]) from error
        first = text.lstrip("\ufeff").split("\n")[0].rstrip("\r")
        if not first.strip():
            raise Refused("flywheel_file_empty", path=self.path.name)
        chosen = delimiter or max(DELIMITERS, key=first.count)
        return [name.strip() for name in next(csv.reader([first], delimiter=chosen))], chosen

    def _wrong_encoding(self) -> Refused:
        return Refused("flywheel_file_encoding", path=self.path.name, encoding=self._encoding or "UTF-8")

    def blocks(self) -> Iterator[tuple[pa.Table, Whole]]:
        """Blocks and the places of their rows."""
        self._stream = self._open()
        try:
            with self._reader() as reader:
                at = 0
                for batch in reader:
                    places = np.arange(at + 1, at + 1 + len(batch))
                    yield self._named(batch), self._shifted(places)
                    at += len(batch)
        except pa.ArrowInvalid as error:
            if "UTF8" in str(error) or "utf" in str(error).lower():
                raise self._wrong_encoding() from error
            raise Refused("flywheel_file_unreadable", path=self.path.name, why=str(error)[:160]) from error
        except UnicodeDecodeError as error:
            raise self._wrong_encoding() from error
        except (pa.ArrowException, OSError, EOFError) as error:
            raise Refused("flywheel_file_unreadable", path=self.path.name, why=str(error)[:160]) from error

    def _reader(self) -> Any:
        return pacsv.open_csv(
            self._stream,
            read_options=pacsv.ReadOptions(
                use_threads=False,
                block_size=BLOCK,
                column_names=self.head,
                skip_rows=1,
                encoding=self._encoding or "utf8",
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=self._skip
            ),
            convert_options=pacsv.ConvertOptions(
                include_columns=self._wanted,
                column_types=dict.fromkeys(self._wanted, pa.string()),
                strings_can_be_null=False,
            ),
        )

    def _skip(self, row: Any) -> str:
        place = row.number - 1  # the head not counted
        self._ragged.append(place)
        self._tally.rows.read += 1
        self._tally.rows.bad += 1
        self._tally.trouble("columns_wrong", 1, [(str(place), row.text)])
        return "skip"

    def _shifted(self, places: Whole) -> Whole:
        """Places in the file, of rows numbered without those that were skipped."""
        skipped = np.array(self._ragged, dtype=np.int64)
        return places + np.searchsorted(skipped - np.arange(len(skipped)), places, side="right")

    def _named(self, batch: pa.RecordBatch) -> pa.Table:
        if self._layout is None:
            return pa.table(batch)
        return pa.table({what: batch[name] for what, name in self._layout.columns.items()})
