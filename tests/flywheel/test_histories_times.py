"""Times as people and programs write them."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.facts.refused import Refused
from setaria.flywheel.histories.times import MISSING, UNREADABLE, Times

FIRST, LAST = (datetime.datetime.fromisoformat(text) for text in ("1970-01-01", "2200-01-01"))
MOMENT = 1_706_697_045_250_000  # 2024-01-31T10:30:45.25 UTC


def utc(values: Any, zone: str = "UTC") -> list[int | str | None]:
    column = values if isinstance(values, pa.Array) else pa.array(values)
    words = {int(UNREADABLE): "unreadable", int(MISSING): None}
    return [words.get(each, each) for each in Times(zone).read(column).utc.tolist()]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-31T10:30:45.25Z", MOMENT),
        ("2024-01-31 10:30:45.250000", MOMENT),
        ("2024-01-31T18:30:45.25+08:00", MOMENT),
        ("2024-01-31T18:30:45.25+0800", MOMENT),
        ("2024-01-31T05:30:45.25-05", MOMENT),
        ("2024/1/31 10:30:45.25", MOMENT),
        (" 2024-01-31T10:30:45,250 ", MOMENT),
        ("2024-01-31T10:30", MOMENT - 45_250_000),
        ("2024-02-29", 1_709_164_800_000_000),
        ("2023-02-29", "unreadable"),
        ("2024-01-32", "unreadable"),
        ("2024-13-01", "unreadable"),
        ("2024-01-31T25:00:00", "unreadable"),
        ("31.01.2024", "unreadable"),
        ("tomorrow", "unreadable"),
        ("", None),
        ("NaT", None),
    ],
)
def test_texts(text: str, moment: int | str | None) -> None:
    assert utc(["2024-01-01", text, "x"])[1] == moment  # beside others, some of them wrong
    if moment is not None and moment != "unreadable" and "/" not in text and "," not in text:
        assert utc([text]) == [moment]  # alone, the quick way


def test_counts_are_told_apart_by_their_size() -> None:
    for divisor in (1, 1_000, 1_000_000):
        assert utc([MOMENT // divisor, None]) == [MOMENT // divisor * divisor, None]
        assert utc([str(MOMENT // divisor)]) == [MOMENT // divisor * divisor]
    assert utc([MOMENT * 1_000]) == [MOMENT]
    assert utc([MOMENT / 1e6, float("nan"), float("-inf"), 1e300]) == [MOMENT, None, "unreadable", "unreadable"]
    assert utc([20240131, 19700101, 20240230]) == [1_706_659_200_000_000, 0, "unreadable"]
    assert utc(["20240131", "19700101", "x"]) == [1_706_659_200_000_000, 0, "unreadable"]


def test_columns_of_frames() -> None:
    stamp = datetime.datetime.fromisoformat("2024-01-31T18:30:45.250000")
    aware = stamp.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=8)))
    assert utc(pa.array([stamp], pa.timestamp("ns")), "Asia/Shanghai") == [MOMENT]
    assert utc(pa.array([aware, None], pa.timestamp("ms", "America/New_York"))) == [MOMENT, None]
    assert utc(pa.array([datetime.date(2024, 2, 29)])) == [1_709_164_800_000_000]
    assert utc(pa.array(pd.Series([pd.Timestamp(aware)]))) == [MOMENT]
    assert utc(pa.array(["2024-02-29"]).dictionary_encode()) == [1_709_164_800_000_000]
    assert utc(pa.nulls(2)) == [None, None]
    with pytest.raises(Refused, match="flywheel_time_column"):
        utc(pa.array([[1]]))


def test_hours_that_clocks_skip_or_repeat() -> None:
    times = Times("Europe/Berlin").read(pa.array(["2024-03-31T02:30:00", "2024-10-27T02:30:00"]))
    assert times.utc.astype("datetime64[us]").astype(str).tolist()[1] == "2024-10-27T00:30:00.000000"
    assert times.local.astype("datetime64[us]").astype(str).tolist()[0] == "2024-03-31T02:30:00.000000"


def test_a_column_does_not_change_its_mind() -> None:
    times = Times("UTC")
    times.read(pa.array(["", ""]))
    assert times.unit == ""
    times.read(pa.array([str(MOMENT // 1_000)]))
    assert times.unit == "milliseconds"
    assert times.read(pa.array(["2024-01-01"])).utc.tolist() == [UNREADABLE]


@given(st.lists(st.datetimes(FIRST, LAST), min_size=1, max_size=5))
def test_both_ways_of_reading_texts_agree(moments: list[datetime.datetime]) -> None:
    texts = [moment.isoformat(" " if i % 2 else "T") for i, moment in enumerate(moments)]
    right = np.array(moments, dtype="datetime64[us]").astype(np.int64).tolist()
    assert utc(texts) == right
    assert utc([*texts, "x"]) == [*right, "unreadable"]
    assert utc([*(f"{text}+00:00" for text in texts), "x", "2024-01-01"])[: len(right)] == right
