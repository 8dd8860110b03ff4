"""Files and frames, whole and broken: what is not read is said, and no reader needs the whole file."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from setaria.facts.refused import Refused
from setaria.flywheel.histories import csv_in
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.histories.layout import How, Layout
from setaria.flywheel.histories.readers import from_arrow, from_csv, from_pandas, from_parquet, from_polars
from setaria.flywheel.histories.tally import Tally

NOW = 1_735_689_600_000_000  # 2025-01-01
TEXT = "household,time,kind,amount\na,2024-03-01,buy,1.50\nb,2024-03-02,visit,\na,2024-03-04,buy,2\n"
HOW: Any = {"amount": "amount", "now": NOW}


def same(one: Histories, other: Histories) -> None:
    for name in ("households", "start", "end", "offsets", "times", "kinds", "amounts", "currency"):
        assert getattr(one, name).tolist() == getattr(other, name).tolist(), name
    assert one.touchpoints == other.touchpoints
    assert one.rows.amounts == other.rows.amounts


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "events.csv"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_all_readers_say_the_same(file: Path, tmp_path: Path) -> None:
    first = from_csv(file, **HOW)
    assert first.amounts.tolist() == [150, 200, 0]
    frame = pd.read_csv(file, parse_dates=["time"])
    frame.to_parquet(tmp_path / "events.parquet")
    for other in (
        from_pandas(frame, **HOW),
        from_polars(pl.from_pandas(frame), **HOW),
        from_polars(pl.from_pandas(frame).lazy(), **HOW),
        from_arrow(pa.Table.from_pandas(frame), **HOW),
        from_arrow(pa.Table.from_pandas(frame).to_reader(1), **HOW),
        from_parquet(tmp_path / "events.parquet", **HOW),
        from_parquet(tmp_path, **HOW),
    ):
        same(first, other)


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode("utf-8-sig"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.rstrip().encode(),
        TEXT.replace(",", ";").encode(),
        TEXT.replace(",", "\t").encode(),
        TEXT.encode("utf-16"),
        gzip.compress(TEXT.encode(), mtime=0),
        bz2.compress(TEXT.encode()),
        TEXT.replace("visit", '"visit"').encode(),
        TEXT.replace("kind,", "kind,note,")
        .replace("buy,", 'buy,"one,\n""two""",')
        .replace("visit,", "visit,,")
        .encode(),
    ],
)
def test_ways_to_write_the_same_file(file: Path, data: bytes) -> None:
    first = from_csv(file, **HOW)
    file.write_bytes(data)
    same(first, from_csv(file, **HOW))


def test_a_file_from_a_chinese_spreadsheet(file: Path) -> None:
    text = "家庭,时间,类型,金额\n李家,2024/3/1 9:05,购买,1.50\n"
    file.write_bytes(text.encode("gb18030"))
    how: How = {"household": "家庭", "time": "时间", "kind": "类型", "amount": "金额", "now": NOW}
    with pytest.raises(Refused, match="flywheel_file_encoding"):
        from_csv(file, **how)
    histories = from_csv(file, encoding="gb18030", **how)
    assert (histories.households.tolist(), histories.names, histories.amounts.tolist()) == (["李家"], ("购买",), [150])


def test_bytes_of_no_encoding_far_down(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_bytes(TEXT.encode() + b"a,2024-03-05,buy,1\n" * 5_000 + b"\xff\xfe\xff,2024-03-05,buy,1\n")
    with pytest.raises(Refused, match="flywheel_file_encoding"):
        from_csv(file, **HOW)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "flywheel_file_empty"),
        (b"\n\n", "flywheel_file_empty"),
        (b"household,time,kind,amount\n", "flywheel_no_rows"),
        (b"PK\x03\x04whatever", "flywheel_file_not_text"),
        (b"PAR1whatever", "flywheel_file_not_text"),
        (gzip.compress(TEXT.encode(), mtime=0)[:-12], "flywheel_file_unreadable"),
        (b"household,time,kind,amount,time\n", "flywheel_column_twice"),
        (b"household,when,kind,amount\n", "flywheel_column_missing"),
    ],
)
def test_broken_files_are_refused(file: Path, data: bytes, code: str) -> None:
    file.write_bytes(data)
    with pytest.raises(Refused) as refused:
        from_csv(file, **HOW)
    assert refused.value.code == code


def test_other_inputs_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="flywheel_file_missing"):
        from_csv(tmp_path / "none.csv")
    for path in (tmp_path / "none.parquet", tmp_path):
        with pytest.raises(Refused, match="flywheel_file_missing"):
            from_parquet(path)
    (tmp_path / "text.parquet").write_text(TEXT, encoding="utf-8")
    with pytest.raises(Refused, match="flywheel_file_unreadable"):
        from_parquet(tmp_path / "text.parquet")
    with pytest.raises(Refused, match="flywheel_frame_unreadable"):
        from_arrow(object())
    with pytest.raises(Refused, match="flywheel_name_column"):
        from_arrow(pa.table({"household": [[1]], "time": [1], "kind": ["a"]}))
    with pytest.raises(Refused, match="flywheel_column_twice"):
        from_pandas(pd.DataFrame([[1, 2]], columns=["time", "time"]), household="time")
    with pytest.raises(Refused, match="flywheel_encoding_unknown"):
        from_csv(_written(tmp_path / "a.csv"), encoding="klingon")


def _written(path: Path) -> Path:
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_lines_with_the_wrong_number_of_columns_keep_the_count(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Places are those of the file, also after skipped lines and over blocks."""
    monkeypatch.setattr(csv_in, "BLOCK", 256)
    lines = [f"a,2024-03-{at % 28 + 1:02},buy,{'x' if at in (7, 77) else 1}" for at in range(100)]
    lines[3], lines[50], lines[60] = "a,b", "a,b,c,d,e", "?"
    file.write_text("household,time,kind,amount\n" + "\n".join(lines) + "\n", encoding="utf-8")
    histories = from_csv(file, **HOW)
    assert histories.rows.troubles == {"amount_unreadable": 2, "columns_wrong": 3}
    assert [(each.place, each.shown) for each in histories.rows.examples] == [
        *(("8", "x"), ("78", "x"), ("4", "a,b"), ("51", "a,b,c,d,e"), ("61", "?")),
    ]
    assert (histories.rows.read, histories.rows.bad) == (100, 5)


def test_a_large_file_is_read_by_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What some blocks hold bounds the text in memory, not what the file holds."""
    monkeypatch.setattr(csv_in, "BLOCK", 1 << 16)
    path = tmp_path / "large.csv"
    line = "household-{},2024-03-01T10:00:00,buy,1.00," + "x" * 200 + "\n"
    with path.open("w", encoding="utf-8") as file:
        file.write("household,time,kind,amount,note\n")
        for number in range(22):
            file.write("".join(line.format(number * 5_000 + i) for i in range(5_000)))
    before = pa.total_allocated_bytes()
    most = 0
    with csv_in.CsvIn(path, Layout(amount="amount", now=NOW), Tally(), "", "") as opened:
        rows = 0
        for block, places in opened.blocks():
            most = max(most, pa.total_allocated_bytes() - before)
            assert places[0] == rows + 1
            rows += len(block)
    assert rows == 110_000
    assert most < 64 * csv_in.BLOCK < path.stat().st_size / 6


def test_names_that_are_numbers() -> None:
    table = pa.table({"household": [7.0, 8.0, None], "time": ["2024-03-01"] * 3, "kind": [1, 1, 1]})
    histories = from_arrow(table, now=NOW)
    assert (histories.households.tolist(), histories.names) == (["7", "8"], ("1",))
    assert histories.rows.troubles["household_missing"] == 1


def test_a_table_of_households_from_a_file(file: Path, tmp_path: Path) -> None:
    (tmp_path / "households.csv").write_text(
        "household,start,income\na,2024-02-01,3\nz,2024-02-01,5\n", encoding="utf-8"
    )
    histories = from_csv(file, windows=tmp_path / "households.csv", **HOW)
    assert histories.households.tolist() == ["a", "b", "z"]
    pq.write_table(
        pa.table({"household": ["a", "z"], "start": ["2024-02-01"] * 2, "income": [3, 5]}), tmp_path / "h.parquet"
    )
    same(histories, from_csv(file, windows=str(tmp_path / "h.parquet"), **HOW))
    assert histories.covariate_names == ("income", "income?")
    assert histories.covariates.tolist() == [[-1, 0], [0, 1], [1, 0]]


def test_keywords_are_the_fields_of_the_layout() -> None:
    assert How.__annotations__.keys() == Layout.__annotations__.keys()
    assert np.all([name in Layout.__struct_fields__ for name in How.__annotations__])


def test_texts_as_each_library_keeps_them(file: Path) -> None:
    """Of all columns, as text: Polars has views, pandas large strings."""
    frame = pl.read_csv(file, infer_schema=False)
    windows = pl.DataFrame({"household": ["a", "b"], "start": ["2024-02-01"] * 2, "town": ["Wuhan", "Xi'an"]})
    first = from_csv(file, windows=windows, **HOW)
    assert first.start.tolist() == [19753, 19753]  # the day before
    views = pa.table({name: pa.array(frame[name].to_list(), pa.string_view()) for name in frame.columns})
    for other in (
        from_polars(frame, windows=windows, **HOW),
        from_pandas(frame.to_pandas().astype(object), windows=windows.to_pandas(), **HOW),
        from_pandas(pd.read_csv(file, dtype="category"), windows=windows, **HOW),
        from_arrow(views, windows=windows, **HOW),
    ):
        same(first, other)
        assert other.covariates.tolist() == first.covariates.tolist() == [[0.0], [1.0]]


def test_a_head_that_ends_within_a_letter(file: Path) -> None:
    file.write_text(TEXT + "家" * 30_000 + ",2024-03-05,buy,1\n", encoding="utf-8")
    assert from_csv(file, **HOW).households[-1] == "家" * 30_000


def test_a_column_that_is_no_role() -> None:
    rows = pa.table({"household": ["a"] * 200, "time": ["2024-03-01"] * 200, "kind": ["x"] * 200, "role": range(200)})
    with pytest.raises(Refused, match="flywheel_roles_many"):
        from_arrow(rows, role="role", now=NOW)
