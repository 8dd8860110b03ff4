"""Pictures for notebooks."""

from __future__ import annotations

import sys

import pytest
from tests.flywheel.report_example import ENGLISH, bare, example

from setaria.facts.refused import Refused
from setaria.flywheel.report import plots

PLOTS = (plots.plot_values, plots.plot_leads, plots.plot_specifications, plots.plot_back_test)


@pytest.fixture(autouse=True)
def no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")


def test_each_draws_and_says_what_must_be_said() -> None:
    from matplotlib import pyplot

    for plot in PLOTS:
        axes = plot(example(("$x$ bought", *ENGLISH[1:]), identified=False))
        assert "not identified · simulated" in axes.get_title()
        axes.figure.canvas.draw()
        mine = pyplot.subplots()[1]
        assert plot(example(ENGLISH), mine) is mine
        assert "not identified" not in mine.get_title()
        pyplot.close("all")


def test_the_five_specifications_are_all_there() -> None:
    from matplotlib import pyplot

    axes = plots.plot_specifications(example(ENGLISH))
    assert [each.get_text() for each in axes.get_yticklabels()] == [
        *("Naive", "+ households differ", "+ each has its tastes", "+ some fall silent", "+ calendar")
    ]
    assert plots.plot_values(example(ENGLISH)).containers[0][0].get_width() == pytest.approx(1299.0)
    pyplot.close("all")


def test_nothing_to_plot_and_nothing_to_plot_with(monkeypatch: pytest.MonkeyPatch) -> None:
    for plot in PLOTS:
        with pytest.raises(Refused) as refused:
            plot(bare())
        assert refused.value.code == "flywheel_nothing_to_plot"
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for plot in PLOTS:
        with pytest.raises(Refused) as refused:
            plot(example())
        assert refused.value.code == "flywheel_plot_missing"
