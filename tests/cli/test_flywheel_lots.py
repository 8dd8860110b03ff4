"""Experiments by lot from the command line, with a real fit of a small file."""

from __future__ import annotations

import csv
import json
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from setaria.cli.exits import Exit
from setaria.cli.tree import run

COLUMNS = ("--household", "customer", "--time", "when", "--type", "what", "--amount", "worth", "--sends", "promotion")
WINDOW = ("--start", "2026-01-01", "--end", "2026-03-31")
Setaria = Callable[..., tuple[int, str, str]]


@pytest.fixture
def setaria(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Setaria:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SETARIA_LANG", "en")
    monkeypatch.setenv("COLUMNS", "130")
    write_files(tmp_path)

    def answer(*arguments: str) -> tuple[int, str, str]:
        code = run(["flywheel", *arguments])
        told = capsys.readouterr()
        return code, told.out, told.err

    return answer


def write_files(folder: Path, households: int = 120) -> None:
    """On 1 February half are sent a promotion by lot, after which most of them buy for 30 once more."""
    random = np.random.default_rng(1)
    events, lots = ["customer,when,what,worth"], ["household,arm,time,probability"]
    for number in range(households):
        bought = [int(day) for day in random.integers(1, 90, random.poisson(2))]
        if number % 2:
            events.append(f"h{number},2026-02-01T08:00:00Z,promotion,")
            bought += [int(day) for day in random.integers(32, 45, int(random.random() < 0.7))]
        for day in bought:
            stamp = np.datetime64("2025-12-31") + day
            events.append(f"h{number},{stamp}T{random.integers(9, 22):02}:{random.integers(0, 60):02}:00Z,buy,30.00")
        lots.append(f"h{number},{'mailed' if number % 2 else 'nothing'},2026-02-01,0.5")
    (folder / "events.csv").write_text("\n".join(events) + "\n")
    (folder / "spring.csv").write_text("\n".join([*lots, "h1,,2026-02-02,0.5"]) + "\n")


def test_a_lot_is_measured_and_stands_first_wherever_the_report_does(setaria: Setaria, tmp_path: Path) -> None:
    lot = ("--assignments", "spring.csv", "--control", "nothing", "--absent-is-zero")
    command = ("fit", "events.csv", *COLUMNS, *WINDOW, *lot, "--fast", "--csv-folder", "tables", "--overwrite")
    code, out, error = setaria(*command)
    assert (code, error) == (0, "")
    assert out.index("What was decided by lot") < out.index("What a fact is worth")
    assert "Assignments read: 120; rows that could not be used: 1." in out
    assert "no arm" in out
    with (tmp_path / "tables" / "measured.csv").open(encoding="utf-8-sig", newline="") as file:
        head, row = csv.reader(file)
    assert (head[0], head[1], head[4]) == ("Experiment", "Measured effect", "The model says")
    assert head[7] == "Both together"
    assert head[10:] == ["What counts", "Over", "Treated", "Households"]
    assert (row[0], row[10:]) == ("spring", ["all amounts", "30", "60", "120"])
    value, low, high, model = map(float, row[1:5])
    assert 0 < low < value < high
    assert low < 21.0 < high  # 70 % of 30.00
    assert model > 0
    page = (tmp_path / "events.flywheel.html").read_text(encoding="utf-8")
    assert page.index('id="measured"') < page.index('id="answer"')
    _, out, _ = setaria(*command, "--lang", "zh-CN")
    assert "由抽签决定的" in out
    assert "读到 120 条分配，1 行无法使用。" in out
    _, out, _ = setaria(*command[:-1], "--overwrite", "--json", "--outcome", "buy", "--outcome-unit", "facts")
    report = json.loads(out)
    (found,) = report["measured"]
    assert (found["unit"], found["outcome"], found["days"]) == ("facts", "buy", 30.0)
    assert found["effect"]["value"] == pytest.approx(value / 30, rel=1e-3)
    assert report["assigned"]["examples"] == [{"place": "121", "trouble": "arm_missing", "shown": ""}]


def test_what_cannot_be_measured_is_refused_before_the_fit(setaria: Setaria, tmp_path: Path) -> None:
    fit = ("fit", "events.csv", *COLUMNS, *WINDOW, "--assignments", "spring.csv")
    code, _, error = setaria(*fit, "--absent-is-zero")
    assert code == Exit.REFUSED
    assert "No household of “spring” is in the arm “control”" in error
    code, _, error = setaria(*fit, "--absent-is-zero", "--control", "nothing", "--horizon-days", "60")
    assert "“spring” has not been watched for 60 days" in error
    code, _, error = setaria(*fit, "--control", "nothing")
    assert "households of “spring” are not in the histories" in error
    (tmp_path / "spring.csv").write_text("household,arm,time,probability\nh1,mailed,2026-02-01,1.5\n")
    code, _, error = setaria(*fit)
    assert "Row 1 gives “1.5” as a probability" in error
    assert not list(tmp_path.glob("*.html"))


@pytest.mark.parametrize(
    "wrong",
    [
        ("--outcome-unit", "money", "--assignments", "spring.csv"),
        ("--horizon-days", "-1", "--assignments", "spring.csv"),
        ("--horizon-days", "nan", "--assignments", "spring.csv"),
        ("--control", "nothing"),
        ("--absent-is-zero",),
    ],
)
def test_an_option_that_means_nothing_is_a_wrong_use(wrong: tuple[str, ...], setaria: Setaria) -> None:
    code, _, error = setaria("fit", "events.csv", *COLUMNS, *wrong)
    assert code == Exit.USAGE
    assert wrong[0] in error


def test_a_simulation_writes_its_lots_and_says_how_to_measure_them(
    setaria: Setaria, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ("simulate", "ecosystem_model", "world.csv", "--households", "60", "--days", "90", "--lots", "l.csv")
    code, out, _ = setaria(*made, "--json")
    assert code == 0
    following = shlex.split(json.loads(out)["next"])
    assert following[-3:] == ["--assignments", "l.csv", "--absent-is-zero"]
    from setaria.flywheel.answers.experiments import Asked, measure
    from setaria.flywheel.histories.assignments_in import read_assignments
    from setaria.flywheel.histories.readers import from_csv

    histories = from_csv("world.csv", kind="event", amount="amount", start="2024-01-01", sends=("promotion", "release"))
    given = [each for each in read_assignments("l.csv").given if each.experiment == "promotion"]
    assert measure(histories, given, Asked(absent_is_zero=True))[0].households == 60
    assert setaria(*made)[0] == Exit.REFUSED
    with (tmp_path / "l.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["time"] == "2024-01-01T07:00:00Z"
    _, out, _ = setaria(*made, "--overwrite")
    assert shlex.split(out.splitlines()[1]) == following  # whole, however long
