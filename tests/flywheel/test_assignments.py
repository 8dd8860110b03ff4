"""Who got what by lot, from files, frames and facts: every bad row is counted and listed, never silently dropped."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.facts.clock import DAY
from setaria.facts.fact import Actor, Fact
from setaria.facts.kinds import Body, Unknown
from setaria.facts.refused import Refused
from setaria.flywheel.facts import Assigned
from setaria.flywheel.histories.assignments import Assignment
from setaria.flywheel.histories.assignments_facts import Drawn, assignments_from_facts, set_aside
from setaria.flywheel.histories.assignments_in import TROUBLES, read_assignments
from setaria.flywheel.histories.readers import from_csv
from setaria.words import languages, refusal, say

NOW = 20_500 * DAY
HEAD = "experiment,household,arm,time,probability\n"
GOOD = [
    Assignment("spring", "h1", "sent", 20_089.0, 0.3),
    Assignment("spring", "h2", "control", 20_089.5, 0.7),
    Assignment("autumn", "h1", "control", 20_090.0, 0.5),
]
TEXT = (
    f"{HEAD}spring,h1,sent,2025-01-01,0.3\nspring,h2,control,2025-01-01T12:00:00Z,.7\n"
    "autumn,h1,control,2025-01-02,5e-1\n"
)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "lots.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def refused(source: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        read_assignments(source, now=NOW)
    for language in languages():
        for sentence in refusal(caught.value, language):
            assert sentence
            assert "refused." not in sentence
            assert "…" not in sentence
    return caught.value


def test_a_file_plain_packed_or_parquet_is_read_alike(tmp_path: Path, written: Callable[[str], Path]) -> None:
    plain = written(TEXT)
    packed = tmp_path / "lots.csv.gz"
    packed.write_bytes(gzip.compress(TEXT.encode()))
    table = pa.table({name: [getattr(each, name) for each in GOOD] for name in ("experiment", "household", "arm")})
    stamps = pa.array([int(each.at * DAY) for each in GOOD], pa.timestamp("us", "UTC"))
    table = table.append_column("time", stamps).append_column("probability", pa.array([0.3, 0.7, 0.5]))
    for suffix in ("parquet", "pq"):
        pq.write_table(table, tmp_path / f"lots.{suffix}")
    for source in (plain, packed, tmp_path / "lots.parquet", tmp_path / "lots.pq", table, table.to_pandas()):
        found = read_assignments(source, now=NOW)
        assert found.given == GOOD
        assert (found.rows.read, found.rows.facts, found.rows.bad) == (3, 3, 0)


def test_without_a_column_the_file_names_the_experiment(tmp_path: Path) -> None:
    path = tmp_path / "holdout.may.csv.gz"
    path.write_bytes(gzip.compress(b"household;arm;time;stratum\nh1;sent;2025-01-01;north\nh2;control;2025-01-01;\n"))
    found = read_assignments(path, now=NOW).given
    assert [(each.experiment, each.probability, each.stratum) for each in found] == [
        ("holdout.may", None, "north"),
        ("holdout.may", None, ""),
    ]
    assert read_assignments(path, now=NOW, name="may").given[0].experiment == "may"


def test_by_the_day_a_time_is_its_day_in_the_zone(written: Callable[[str], Path]) -> None:
    path = written("household,arm,time\nh1,sent,2025-01-01T20:00:00Z\nh2,control,2025-01-01\n")
    assert [each.at for each in read_assignments(path, grain="day", now=NOW).given] == [20_089.0, 20_089.0]
    there = read_assignments(path, grain="day", zone="Asia/Shanghai", now=NOW).given
    assert [each.at for each in there] == [20_090.0, 20_089.0]
    shifted = read_assignments(path, grain="day", day_shift=4 * 3_600_000_000, now=NOW).given
    assert [each.at for each in shifted] == [20_090.0, 20_089.0]
    exact = read_assignments(path, zone="Asia/Shanghai", now=NOW).given
    assert [each.at for each in exact] == pytest.approx([20_089 + 20 / 24, 20_089 - 8 / 24])


def test_days_that_begin_elsewhere_begin_there_for_lots_too(written: Callable[[str], Path], tmp_path: Path) -> None:
    """Stamps of a shop in Shanghai, exported in UTC: all at 16:00, the midnight of the day after."""
    days = [f"2025-01-{day:02}T16:00:00Z" for day in range(1, 29)]
    events = tmp_path / "events.csv"
    events.write_text("household,time,type\n" + "".join(f"h{n % 3},{day},visit\n" for n, day in enumerate(days)))
    histories = from_csv(events, household="household", time="time", kind="type")
    assert histories.grain == "day"
    lots = written(f"household,arm,time\nh0,sent,{days[3]}\n")
    given = read_assignments(lots, grain=histories.grain, day_shift=histories.day_shift, now=NOW).given
    assert given[0].at == histories.times[histories.facts_of(0)][1]


def test_bad_rows_are_counted_and_listed_with_their_line(written: Callable[[str], Path]) -> None:
    rows = (
        "spring,h1,sent,2025-01-01,0.3",
        ",h2,sent,2025-01-01,0.3",
        "spring,,sent,2025-01-01,0.3",
        "spring,h2,,2025-01-01,0.3",
        "spring,h2,sent,NaN,0.3",
        "spring,h2,sent,2025-02-30,0.3",
        "spring,h2,sent,1969-01-01,0.3",
        "spring,h2,sent,2199-01-01,0.3",
        "spring,h2,sent",
        "spring,h2,control,2025-01-01,0.7",
    )
    found = read_assignments(written(HEAD + "\n".join(rows) + "\n"), now=NOW)
    assert [each.household for each in found.given] == ["h1", "h2"]
    assert (found.rows.read, found.rows.facts, found.rows.bad) == (10, 2, 8)
    assert sum(found.rows.troubles.values()) == 8
    places = {each.trouble: (each.place, each.shown) for each in found.rows.examples}
    assert places == {
        "experiment_missing": ("2", ""),
        "household_missing": ("3", ""),
        "arm_missing": ("4", ""),
        "time_missing": ("5", "NaN"),
        "time_unreadable": ("6", "2025-02-30"),
        "time_before_1970": ("7", "1969-01-01"),
        "time_future": ("8", "2199-01-01"),
        "columns_wrong": ("9", "spring,h2,sent"),
    }
    for trouble in (*TROUBLES[1:], *places):
        for language in languages():
            assert say(f"flywheel.row_{trouble}", language) != f"flywheel.row_{trouble}"


@given(bad=st.lists(st.booleans(), min_size=1, max_size=60))
def test_no_row_is_lost_uncounted(bad: list[bool]) -> None:
    frame = pd.DataFrame(
        {
            "household": [f"h{each}" for each in range(len(bad))],
            "arm": [None if each else "sent" for each in bad],
            "time": pd.Timestamp("2025-01-01"),
        }
    )
    if all(bad):
        assert refused(frame).details == {"read": len(bad), "bad": len(bad), "trouble": "arm_missing"}
        return
    found = read_assignments(frame, now=NOW, name="x")
    assert found.rows.read == len(bad) == found.rows.bad + found.rows.facts
    assert len(found.given) == bad.count(False)


@pytest.mark.parametrize(
    ("text", "code", "details"),
    [
        ("", "flywheel_file_empty", {}),
        (HEAD, "flywheel_assignments_none", {"read": 0, "trouble": "nothing"}),
        ("household,arm\nh1,sent\n", "flywheel_column_missing", {"column": "time"}),
        ("household,time\nh1,2025-01-01\n", "flywheel_column_missing", {"column": "arm"}),
        ("household,arm,time,probabilty\nh1,sent,2025-01-01,.5\n", "flywheel_assignments_column", {}),
        ("household,arm,arm,time\nh1,sent,sent,2025-01-01\n", "flywheel_column_twice", {}),
        (TEXT.replace("0.3", "1"), "flywheel_assignments_probability", {"place": "1", "shown": "1"}),
        (TEXT.replace(".7", "0"), "flywheel_assignments_probability", {"place": "2", "shown": "0"}),
        (TEXT.replace(".7", "-0.1"), "flywheel_assignments_probability", {"place": "2"}),
        (TEXT.replace("5e-1", "50%"), "flywheel_assignments_probability", {"place": "3", "shown": "50%"}),
    ],
)
def test_what_cannot_be_a_lot_is_refused(
    text: str, code: str, details: dict[str, Any], written: Callable[[str], Path]
) -> None:
    found = refused(written(text))
    assert found.code == code
    assert found.details.items() >= details.items()


def test_no_file_and_no_frame_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.csv").code == "flywheel_file_missing"
    assert refused(tmp_path / "none.parquet").code == "flywheel_file_missing"
    (tmp_path / "text.parquet").write_text(TEXT)
    assert refused(tmp_path / "text.parquet").code == "flywheel_file_unreadable"
    assert refused(3).code == "flywheel_frame_unreadable"


def fact(body: Body, household: str = "h1", number: int = 1, time: int = 20_000 * DAY) -> Fact:
    return Fact(number.to_bytes(16, "big"), time, "experiment/spring", household, Actor("brand", "brand"), body)


def test_facts_say_who_got_what_also_of_a_kind_that_is_not_known() -> None:
    body = Assigned("spring", "sent", 0.3)
    raw = msgspec.Raw(msgspec.json.encode({"lottery": "phones", "won": True, "who": "h3"}))
    facts = [fact(body), fact(Unknown("market.drawn", 1, raw), "", 2)]
    table = (Drawn(kind="experiment.assigned"), Drawn(kind="market.drawn", named="draw", arm="won", household="who"))
    found = assignments_from_facts(facts, table, now=NOW)
    assert found.given == [
        Assignment("spring", "h1", "sent", 20_000.0, 0.3),
        Assignment("draw", "h3", "True", 20_000.0, None),
    ]
    kept: list[Fact] = []
    assert list(set_aside(iter(facts), kept)) == facts
    assert kept == facts[:1]
    assert assignments_from_facts(facts[1:], now=NOW).given == []
    merged = assignments_from_facts(facts[:1], now=NOW, merge={"h1": "h9"}, grain="day", zone="Asia/Shanghai")
    assert (merged.given[0].household, merged.given[0].at) == ("h9", 20_000.0)


def test_a_fact_that_says_nothing_is_listed_by_its_id() -> None:
    wrong = msgspec.Raw(json.dumps({"experiment": "x", "arm": "sent", "probability": "half"}).encode())
    facts = [
        fact(Assigned("spring", "sent", 1.5), number=1),
        fact(Assigned("spring", "", 0.5), number=2),
        fact(Unknown("experiment.assigned", 9, wrong), number=3),
        fact(Assigned("spring", "sent", 0.5), "", number=4),
        fact(Assigned("spring", "sent", 0.5), number=5),
    ]
    found = assignments_from_facts(facts, now=NOW)
    assert (found.rows.read, found.rows.bad, len(found)) == (5, 4, 1)
    assert found.rows.troubles == {"arm_missing": 1, "household_missing": 1, "probability_wrong": 2}
    assert {each.place[-1] for each in found.rows.examples} == {"1", "2", "3", "4"}
