"""`setaria flywheel`: what an analyst types and is told. The fit is tested in its room; here something stands in."""

from __future__ import annotations

import csv
import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from tests.flywheel.report_example import ENGLISH, example

from setaria.cli.exits import Exit
from setaria.cli.flywheel_pages import free_page, writing
from setaria.cli.tree import run
from setaria.facts.refused import Refused

EVENTS = """customer,when,what,worth
a,2026-01-01,visit,
a,2026-01-03,buy,12.50
b,2026-01-02,visit,
b,2026-01-09,buy,20.00
b,2026-02-30,buy,5.00
"""
COLUMNS = ("--household", "customer", "--time", "when", "--type", "what", "--amount", "worth")


class Asked(NamedTuple):
    histories: Any
    costs: Any
    specification: Any


class Answer(NamedTuple):
    code: int
    out: str
    error: str


Setaria = Callable[..., Answer]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """What the fit was asked for; its answer is the example."""
    calls: list[Asked] = []

    def analyse(histories: Any, *, costs: Any, specification: Any, progress: Any, scores_to: Any, now: float) -> Any:
        assert now > 20_000
        assert scores_to is None
        calls.append(Asked(histories, costs, specification))
        progress("flywheel.progress_nobody_wrote", 0.5)
        return example(ENGLISH)

    module = ModuleType("setaria.flywheel.analyse")
    module.analyse = analyse  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "setaria.flywheel.analyse", module)
    return calls


@pytest.fixture
def setaria(
    asked: list[Asked], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Setaria:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SETARIA_LANG", "en")
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "events.csv").write_text(EVENTS, encoding="utf-8")

    def answer(*arguments: str) -> Answer:
        code = run(["flywheel", *arguments])
        told = capsys.readouterr()
        return Answer(code, told.out, told.err)

    return answer


def test_fit_reads_the_file_and_writes_the_page_beside_it(setaria: Setaria, asked: list[Asked], tmp_path: Path) -> None:
    told = setaria("fit", "events.csv", *COLUMNS, "--start", "2026-01-01", "--zone", "Asia/Shanghai")
    assert (told.code, told.error) == (0, "")
    assert "What a fact is worth" in told.out
    assert told.out.endswith("\nThe page is in events.flywheel.html\n")
    assert (tmp_path / "events.flywheel.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    (call,) = asked
    assert (call.histories.name, call.histories.rows.bad, call.costs, call.specification) == (
        "events.csv",
        1,
        None,
        None,
    )
    assert call.histories.total(0) == 3250
    assert max(map(len, told.out.splitlines())) <= 100


def test_a_page_is_never_written_over_unasked(setaria: Setaria, asked: list[Asked], tmp_path: Path) -> None:
    for name in ("events.flywheel.html", "events.flywheel-2.html", "events.flywheel-3.html"):
        assert setaria("fit", "events.csv", *COLUMNS).out.endswith(f"The page is in {name}\n")
    assert setaria("fit", "events.csv", *COLUMNS, "--overwrite").out.endswith(
        "The page is in events.flywheel.html; the one that was there is replaced.\n"
    )
    before = len(asked)
    there = tmp_path / "there.html"
    there.write_text("mine")
    refused = setaria("fit", "events.csv", *COLUMNS, "--html", str(there))
    assert refused.code == Exit.REFUSED
    assert refused.error == f"{there} exists already.\nChoose another name, or replace it with --overwrite.\n"
    assert there.read_text() == "mine"
    assert len(asked) == before  # said before the long work
    assert free_page(Path("d/x.csv.gz"), overwrite=False) == Path("d/x.flywheel.html")
    assert free_page(tmp_path, overwrite=False).parent == tmp_path.parent


def test_tables_as_csv(setaria: Setaria, tmp_path: Path) -> None:
    told = setaria("fit", "events.csv", *COLUMNS, "--csv-folder", "tables", "--html", "page.html")
    assert told.out.endswith("\nThe page is in page.html\n\nThe tables are in tables\n")
    with (tmp_path / "tables" / "values.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["Touchpoint"] == "Purifier bought"
    assert rows[0]["Direct"] == "1299.00"
    assert setaria("fit", "events.csv", *COLUMNS, "--csv-folder", "tables").code == Exit.REFUSED


def test_json_is_all_of_standard_output(setaria: Setaria, tmp_path: Path) -> None:
    told = setaria("fit", "events.csv", *COLUMNS, "--json")
    document = json.loads(told.out)
    assert document["source"]["simulated"] is True
    assert document["explained"][0]["total"] == 643_725_147
    assert not list(tmp_path.glob("*.html"))
    told = setaria("fit", "events.csv", *COLUMNS, "--json", "--html", "page.html")
    json.loads(told.out)
    assert told.error == "The page is in page.html\n"


def test_costs_and_fast(setaria: Setaria, asked: list[Asked], tmp_path: Path) -> None:
    (tmp_path / "costs.csv").write_text("touchpoint,cost\nvisit,1.25\n")
    setaria("fit", "events.csv", *COLUMNS, "--costs", "costs.csv", "--fast")
    (call,) = asked
    assert call.costs == {"visit": 125.0}
    specification = call.specification
    assert (specification.shared, specification.own, specification.churn, specification.calendar) == (
        True,
        *[False] * 3,
    )
    assert setaria("fit", "events.csv", *COLUMNS, "--costs", "none.csv").code == Exit.REFUSED
    assert "--amount" in setaria("fit", "events.csv", *COLUMNS[:6], "--costs", "costs.csv").error


def test_whoever_does_not_say_the_columns_is_told_them(setaria: Setaria, asked: list[Asked]) -> None:
    told = setaria("fit", "events.csv", "--household", "customer")
    assert (told.code, told.out) == (Exit.REFUSED, "")
    assert told.error.splitlines() == [
        "It is not said which column of events.csv is what; --time, --type are missing.",
        "The file has these columns: customer, when, what, worth.",
    ]
    assert not asked
    assert setaria("fit", "none.csv").code == Exit.REFUSED


def test_wrong_options(setaria: Setaria, asked: list[Asked]) -> None:
    assert setaria("fit", "events.csv", *COLUMNS, "--grain", "hour").code == Exit.USAGE
    assert "NOPE" in setaria("fit", "events.csv", *COLUMNS, "--currency", "nope").error
    assert setaria("fit").code == Exit.USAGE
    assert not asked


def test_the_extra_that_is_missing_is_named(setaria: Setaria, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "numba" else real(name, *rest))
    told = setaria("sample")
    assert told.code == Exit.REFUSED
    assert "numba" in told.error
    assert "pip install 'setaria[flywheel]'" in told.error


def test_ctrl_c_ends_it_and_leaves_nothing(setaria: Setaria, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(*arguments: Any, **named: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["setaria.flywheel.analyse"], "analyse", pressed)
    assert setaria("fit", "events.csv", *COLUMNS) == (Exit.INTERRUPTED, "", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.csv"]
    with pytest.raises(KeyboardInterrupt), writing(tmp_path / "out.html"):
        raise KeyboardInterrupt
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.csv"]
    with pytest.raises(Refused) as refused, writing(tmp_path / "no" / "out.html"):
        pass
    assert refused.value.code == "file_unwritable"


def test_the_sample_says_that_it_is_simulated(setaria: Setaria, asked: list[Asked], tmp_path: Path) -> None:
    told = setaria("sample", "--html", "s.html")
    (call,) = asked
    assert call.histories.simulated
    assert "these households do not exist" in told.out
    assert (tmp_path / "s.html").exists()


def test_holdout_by_numbers_and_by_a_file(setaria: Setaria) -> None:
    told = setaria("holdout", "--effect", "5", "--deviation", "80")
    assert told.out.startswith(
        "To see an effect of CN¥5.00 a household over 90 days with a power of 80%: 8,038 households"
    )
    document = json.loads(setaria("holdout", "--of", "8038", "--deviation", "80", "--json").out)
    assert document["effect"] == pytest.approx(500, rel=1e-3)
    fifth = json.loads(setaria("holdout", "--of", "1000", "--deviation", "80", "--share", "0.2", "--json").out)
    assert (fifth["treated"], fifth["held"]) == (800, 200)
    assert setaria("holdout").code == Exit.REFUSED
    assert "--deviation" in setaria("holdout", "--effect", "5").error
    assert setaria("holdout", "--effect", "5", "--deviation", "x").code == Exit.REFUSED
    assert setaria("holdout", "--effect", "5", "--deviation", "80", "--share", "1").code == Exit.USAGE
    file = ("events.csv", *COLUMNS, "--start", "2026-01-01", "--days", "3")
    assert "In the file a household brings CN¥" in setaria("holdout", "--of", "100", *file).out


def test_a_simulated_file_can_be_fitted_at_once(setaria: Setaria, asked: list[Asked], tmp_path: Path) -> None:
    made = setaria("simulate", "with_fans", "w x.csv", "--households", "20", "--days", "60", "--json")
    document = json.loads(made.out)
    lines = (tmp_path / "w x.csv").read_text().splitlines()
    assert len(lines) == document["facts"] + 1
    _, _, *arguments = shlex.split(document["next"])
    told = setaria(*arguments)
    assert told.code == 0, told.error
    (call,) = asked
    assert (call.histories.facts, call.histories.simulated) == (document["facts"], True)
    assert {each.name for each in call.histories.touchpoints if not each.receives} == set(document["sends"])
    assert setaria("simulate", "with_fans", "w x.csv").code == Exit.REFUSED
    again = setaria("simulate", "with_fans", "w x.csv", "--households", "20", "--days", "60", "--overwrite")
    assert again.code == 0
    assert (tmp_path / "w x.csv").read_text().splitlines() == lines
    assert "early_model" in setaria("simulate", "nope", "y.csv").error
    assert setaria("simulate", "with_fans", "y.csv", "--households", "0").code == Exit.USAGE


def test_help_waits_for_no_library() -> None:
    asks = "import sys; from setaria.cli.tree import run; run(['flywheel', 'fit', '--help'])"
    asks += "; sys.exit('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "--household" in done.stdout
