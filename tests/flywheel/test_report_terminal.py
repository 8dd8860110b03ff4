"""The report in the terminal."""

from __future__ import annotations

import io
import re
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from tests.flywheel.report_example import CHINESE, ENGLISH, HOSTILE, bare, example, unbounded

from setaria.flywheel.parameters import Estimate
from setaria.flywheel.report.report import Report
from setaria.flywheel.report.terminal import blocks, show

ORDER = (
    *("What was decided by lot", "What a fact is worth", "Where the money comes from", "Who leads to what", "Loops"),
    *("Flywheel number", "What can be relied on", "Checks", "Beside other methods", "What if", "Rows read", "Next"),
)


def written(report: Report, language: str = "en", width: int = 120, *, colour: bool = False) -> str:
    out = io.StringIO()
    system: Literal["standard"] | None = "standard" if colour else None
    show(report, language, Console(file=out, width=width, highlight=False, force_terminal=colour, color_system=system))
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 100, 118, 160])
@pytest.mark.parametrize(("language", "names"), [("zh-CN", CHINESE), ("en", ENGLISH), ("en", HOSTILE)])
def test_it_fits_the_width_and_says_everything(width: int, language: str, names: tuple[str, ...]) -> None:
    text = written(example(names), language, width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "flywheel.report." not in text
    assert "…" not in text.replace("a…", "") or names is HOSTILE  # no figure is cut
    for amount in ("6,437,251.47", "3,647,301.97", "1,736,677.18", "379.50"):
        assert amount in text


def test_the_order_is_the_lot_then_the_answer_in_money() -> None:
    report = example(ENGLISH)
    text = written(report)
    places = [text.index(f"\n{title}") for title in ORDER]
    assert places == sorted(places)
    assert re.search(r"holdout-2026-05 .* all amounts +90 days", text.split("Do more of")[0])
    report.measured = []
    head = written(report).splitlines()[:8]
    assert head[2] == "Simulated data: these households do not exist."
    assert head[4].startswith("✓ Do more of “Store visit”: each unit of cost returns 8.20 (7.03 to 9.36)")


def test_the_flywheel_number_stands_with_its_five_specifications() -> None:
    text = written(example(ENGLISH))
    after = text.split("\nFlywheel number\n")[1]
    assert after.startswith("0.39  0.35 to 0.43")
    for name in ("Naive", "+ households differ", "+ each has its tastes", "+ some fall silent", "+ calendar"):
        assert name in after.split("What can be relied on")[0]
    alone = example(ENGLISH)
    alone.specified = []
    text = written(alone)
    assert "0.35 to 0.43" not in text
    assert "The flywheel number is not shown" in text
    few = example(ENGLISH)
    few.specified = few.specified[:2]
    assert "3 of the five specifications are missing" in written(few)


def test_each_number_that_is_not_identified_says_so() -> None:
    sure, unsure = written(example(ENGLISH)), written(example(ENGLISH, identified=False))
    assert " ?" not in sure
    assert "? means not identified" in unsure
    worth = unsure.split("What a fact is worth")[1].split("Where the money")[0]
    assert len(re.findall(r"\d \?", worth)) == 12 * 2 + 4
    assert "\n0.39 ?" in unsure
    lot = unsure.split("What was decided by lot")[1].split("Do more of")[0]
    assert lot.count(" ?") == 2  # what the model says, and not what was measured


def test_plain_without_a_terminal_and_coloured_on_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in written(example(HOSTILE))
    assert "\x1b[32m" in written(example(ENGLISH), colour=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", written(example(ENGLISH), colour=True))


def test_names_are_text_and_no_commands() -> None:
    text = written(example(HOSTILE), colour=True)
    assert "[red]not red[/red]" in text.replace("\n", "")
    assert "\x07" not in text
    assert "\x1b[31mred" not in text
    assert "\u202e" not in text


def test_little_to_say() -> None:
    text = written(bare(), "zh-CN", 80)
    assert "文件里没有金额" in text
    assert "飞轮值" not in text
    assert "flywheel." not in text
    text = written(unbounded())
    assert "no interval" in text
    assert "1.02" in text


def test_large_figures_go_below_each_other_and_are_never_cut() -> None:
    report = example(ENGLISH)
    (first, *others) = report.values["CNY"]
    large = msgspec.structs.replace(
        first,
        count=123_456_789,
        mean=98_765_432_100.0,
        indirect=Estimate(12_345_678_900.0, 11_111_111_100.0, 13_333_333_300.0),
        cost=55_555_555_500.0,
        roi=Estimate(0.5, -12_345.0, 12_345.0),
        marginal_roi=Estimate(0.25, -54_321.0, 54_321.0),
    )
    report.values = {"CNY": [large, *others]}
    worth = written(report, width=80).split("What a fact is worth")[1].split("Where the money")[0]
    assert max(map(cell_len, worth.splitlines())) <= 80
    for figure in ("123,456,789", "CN¥987,654,321", "CN¥123,456,789", "111,111,111–133,333,333", "CN¥555,555,555"):
        assert f"{figure} " in worth + " " or f"{figure}\n" in worth
    for figure in ("-12,345 to 12,345", "-54,321 to 54,321", "Marginal return"):
        assert figure in worth
    assert worth.count("Purifier bought") > 1


@given(st.lists(st.integers(1, 90), min_size=1, max_size=14), st.integers(60, 160))
def test_blocks_hold_every_column_once_and_fit(wide: list[int], room: int) -> None:
    made = blocks(wide, room)
    assert [place for block in made for place in block[1:]] == list(range(1, len(wide)))
    for block in made:
        assert block[0] == 0
        assert len(block) <= 2 or sum(wide[place] + 2 for place in block) - 2 <= room
