"""The pictures: pure functions of figures, sound for any of them."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.flywheel.report_example import CHINESE, ENGLISH, HOSTILE, example

from setaria.flywheel.parameters import Estimate
from setaria.flywheel.report.charts.credits import credit_spans
from setaria.flywheel.report.charts.flow import flow, ribbons
from setaria.flywheel.report.charts.intervals import Row, interval_rows
from setaria.flywheel.report.charts.path import what_if_path
from setaria.flywheel.report.charts.points import predicted_and_happened
from setaria.flywheel.report.charts.ring import MOST_TOUCHPOINTS, drawn_on_ring, ring
from setaria.flywheel.report.charts.share import Part, share_bar
from setaria.flywheel.report.charts.svg import colours, ems, fitted, ticks
from setaria.flywheel.report.charts.values import value_bars
from setaria.flywheel.report.charts.weeks import stacked_weeks
from setaria.flywheel.report.figures import Reader
from setaria.flywheel.report.report import Compared, Explained, Lead, Value, WhatIf

EN = Reader("en")
figure = st.floats(allow_nan=True, allow_infinity=True, width=32)
estimate = st.builds(Estimate, figure, figure, figure)
name = st.sampled_from(["a", "b", "c", '<script>"&', "], {x}", "门店" * 30])


def sound(svg: str) -> ET.Element | None:
    """Well formed, and every coordinate is a number."""
    if not svg:
        return None
    root = ET.fromstring(svg)
    for each in root.iter():
        for key, value in each.attrib.items():
            if key in ("d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height"):
                assert not re.search(r"nan|inf|e[+-]?\d", value), (each.tag, key, value)
    assert root.attrib["aria-label"]
    return root


@pytest.mark.parametrize("width", [322.0, 412.0, 1070.0])
@pytest.mark.parametrize("names", [CHINESE, ENGLISH, HOSTILE])
def test_each_picture_of_the_example(names: tuple[str, ...], width: float) -> None:
    report = example(names)
    colour = colours(names)
    counts = {each.touchpoint: each.count for each in report.values["CNY"]}
    back = next(each.points for each in report.checks if each.name == "back_test")
    rows = [Row("a", each.flywheel_number, "x") for each in report.specified]
    drawn = [
        value_bars(report.values["CNY"], "CNY", EN, width),
        ring(report.leads, counts, frozenset(names[2:3]), EN, width),
        flow(report.explained[0], colour, EN, width),
        stacked_weeks(report.weeks, colour, "CNY", EN, width),
        predicted_and_happened(back, EN, width),
        interval_rows(rows, "five", EN, width, (0.0, 1.0)),
        what_if_path(report.what_if[0], "CNY", EN, width),
        credit_spans(report.compared, "CNY", EN, width),
    ]
    for svg in drawn:
        root = sound(svg)
        assert root is not None
        assert float(root.attrib["width"]) == width


def test_flow_is_as_thick_as_its_money() -> None:
    (explained,) = example().explained
    flows = ribbons(explained, EN)
    assert sum(flows.values()) == explained.repeat + explained.cross + explained.sent
    root = sound(flow(explained, colours(CHINESE), EN, 600.0))
    assert root is not None
    assert len(root.findall("path")) == len(flows)


def test_value_bars_are_in_proportion() -> None:
    def bar(mean: float, more: float) -> Value:
        return Value("x", True, 1, 1, mean, Estimate(mean + more, 0, 0), Estimate(more, more, more))

    root = sound(value_bars([bar(1000, 3000), bar(2000, 0)], "CNY", EN, 800.0))
    assert root is not None
    widths = {str(each.get("class")): float(str(each.get("width"))) for each in root.findall("rect")[:2]}
    assert widths["indirect"] == pytest.approx(3 * widths["direct"], rel=0.01)


def test_a_ring_draws_the_most_connected_only() -> None:
    leads = [Lead(f"t{i}", f"t{i + 1}", Estimate(0.1, 0.05, 0.2), 1.0, True, facts=i) for i in range(40)]
    names = drawn_on_ring(leads)
    assert len(names) == MOST_TOUCHPOINTS
    assert "t39" in names
    assert sound(ring(leads, {}, frozenset(), EN, 412.0)) is not None


@settings(max_examples=40)
@given(
    st.lists(st.builds(Lead, name, name, estimate, figure, st.booleans()), max_size=12),
    st.lists(
        st.builds(Value, name, st.booleans(), st.integers(0, 9), st.integers(-9, 9), figure, estimate, estimate),
        max_size=5,
    ),
    st.sampled_from([322.0, 600.0]),
)
def test_any_estimates_can_be_drawn(leads: list[Lead], values: list[Value], width: float) -> None:
    sound(ring(leads, {"a": 3, "b": -1}, frozenset("a"), EN, width))
    sound(value_bars(values, "CNY", EN, width))
    sound(
        interval_rows([Row(each.touchpoint, each.value or Estimate(0, 0, 0), "s") for each in values], "x", EN, width)
    )


@settings(max_examples=40)
@given(
    st.dictionaries(name, st.dictionaries(name | st.just(""), st.integers(-(10**12), 10**15), max_size=4), max_size=4),
    st.lists(st.lists(figure, max_size=3), max_size=6),
    st.lists(
        st.tuples(st.floats(0, 40_000), st.dictionaries(name, st.integers(-(10**9), 10**12), max_size=3)), max_size=5
    ),
)
def test_any_amounts_can_be_drawn(
    parents: dict[str, dict[str, int]], points: list[list[float]], weeks: list[tuple[float, dict[str, int]]]
) -> None:
    sound(flow(Explained("CNY", 1, 1, 0, 0, 0, 0, 0, parents=parents), {}, EN, 600.0))
    sound(predicted_and_happened(points, EN, 322.0))
    sound(stacked_weeks(weeks, colours(["a", "b"]), "CNY", EN, 322.0))
    sound(credit_spans([Compared("linear", each) for each in parents.values()], "CNY", EN, 322.0))
    finite = [value for point in points for value in point]
    days = [float(place) for place in range(len(finite))]
    sound(what_if_path(WhatIf("x", 0.0, days, finite, finite, Estimate(0, 0, 0)), "CNY", EN, 322.0))
    sound(share_bar([Part(key, sum(each.values()), "own", "t") for key, each in parents.items()], "x", 322.0))


def test_nothing_draws_nothing() -> None:
    assert (
        value_bars([], "CNY", EN, 300.0)
        == ring([], {}, frozenset(), EN, 300.0)
        == stacked_weeks([], {}, "CNY", EN, 300.0)
        == ""
    )
    assert (
        predicted_and_happened([], EN, 300.0)
        == interval_rows([], "x", EN, 300.0)
        == credit_spans([], "CNY", EN, 300.0)
        == ""
    )


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_ticks_reach_the_most(most: float) -> None:
    marks = ticks(most)
    assert 2 <= len(marks) <= 12
    assert marks[0] == 0
    if math.isfinite(most) and 1e-290 < most < 1e290:
        assert marks[-1] >= most * 0.999


@given(st.text(max_size=80), st.floats(30, 300))
def test_a_label_fits(text: str, pixels: float) -> None:
    assert ems(fitted(text, pixels)) * 13 <= pixels + 13
