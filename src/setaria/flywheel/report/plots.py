"""A report's pictures for notebooks, on matplotlib's axes. The page draws its own and needs none of this.

Each function draws on `axes`, or on new ones, and gives them back. Raises Refused("flywheel_plot_missing") without
matplotlib, ("flywheel_nothing_to_plot") when the report holds nothing of the kind.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from setaria.facts.refused import Refused
from setaria.flywheel.parameters import Estimate
from setaria.flywheel.report.charts.values import brought
from setaria.flywheel.report.figures import Reader, clean, unit_of
from setaria.flywheel.report.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ORANGE: Final = "#e0982e"
BAR: Final = "#6b6350"
LINE: Final = "#cfc7b2"
MOST_LEADS: Final = 20


def plot_values(report: Report, axes: Axes | None = None, *, currency: str = "", language: str = "en") -> Axes:
    """Per touchpoint: its own amount, what it brings indirectly, and that interval; in units of the currency."""
    reader, code = Reader(language), currency or report.currency
    every = ((each, brought(each)) for each in report.values.get(code, []))
    found = [(each, estimate) for each, estimate in every if estimate is not None]
    axes = _axes(axes, len(found), "values")
    unit = unit_of(code)
    names = [_text(each.touchpoint) for each, _ in found]
    own = [each.mean / unit for each, _ in found]
    more = [estimate.value / unit for _, estimate in found]
    places = list(range(len(found)))
    axes.barh(places, own, color=BAR, height=0.55, label=reader.say("page.legend_direct"))
    axes.barh(places, more, left=own, color=ORANGE, height=0.55, label=reader.say("page.legend_indirect"))
    ends = [a + b for a, b in zip(own, more, strict=True)]
    whiskers = _whiskers([_scaled(estimate, 1 / unit) for _, estimate in found])
    axes.errorbar(ends, places, xerr=whiskers, fmt="none", ecolor="black", elinewidth=1, capsize=3)
    _rows(axes, names)
    axes.set_xlabel(code)
    axes.set_title(_titled(report, reader, "table.values"))
    axes.legend(frameon=False)
    return axes


def plot_leads(report: Report, axes: Axes | None = None, *, language: str = "en") -> Axes:
    """The strongest leads with their intervals: expected direct children of each fact."""
    reader = Reader(language)
    found = sorted(report.leads, key=lambda each: -each.children.value)[:MOST_LEADS]
    axes = _axes(axes, len(found), "leads")
    names = [f"{_text(each.source)} → {_text(each.target)}" for each in found]
    _intervals(axes, names, [each.children for each in found], [each.sure for each in found])
    axes.set_xlabel(reader.say("column.children"))
    axes.set_title(_titled(report, reader, "table.leads"))
    return axes


def plot_specifications(report: Report, axes: Axes | None = None, *, language: str = "en") -> Axes:
    """The flywheel number as each specification has it, which is the only way it is shown."""
    reader = Reader(language)
    axes = _axes(axes, len(report.specified), "specified")
    names = [reader.say(f"specification.{each.name}") for each in report.specified]
    last = len(names) - 1
    numbers = [each.flywheel_number for each in report.specified]
    _intervals(axes, names, numbers, [place == last for place in range(len(names))])
    axes.axvline(1.0, color=LINE, linestyle="--", linewidth=1)
    axes.set_xlim(left=0.0)
    axes.set_xlabel(reader.say("column.flywheel_number"))
    axes.set_title(_titled(report, reader, "table.specified"))
    return axes


def plot_back_test(report: Report, axes: Axes | None = None, *, language: str = "en") -> Axes:
    """Predicted against happened, with the line on which they agree."""
    reader = Reader(language)
    found = [each.points for each in report.checks if each.name == "back_test"]
    points = [(point[0], point[1]) for each in found for point in each if len(point) >= 2]
    axes = _axes(axes, len(points), "back_test")
    highest = max(max(point) for point in points)
    axes.plot([0, highest], [0, highest], color=LINE, linestyle="--", linewidth=1)
    axes.scatter([point[0] for point in points], [point[1] for point in points], color=ORANGE)
    axes.set_xlabel(reader.say("column.predicted"))
    axes.set_ylabel(reader.say("column.happened"))
    axes.set_title(_titled(report, reader, "table.back_test"))
    return axes


def _axes(axes: Axes | None, count: int, what: str) -> Axes:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise Refused("flywheel_plot_missing") from error
    if not count:
        raise Refused("flywheel_nothing_to_plot", what=what)
    if axes is not None:
        return axes
    made: Any = pyplot.subplots(figsize=(7.5, max(2.5, 0.42 * count + 1.2)), layout="constrained")[1]
    drawn: Axes = made
    return drawn


def _titled(report: Report, reader: Reader, key: str) -> str:
    """What must be said with any picture: that it is simulated, that it is not identified."""
    said = [reader.say(key)]
    said += [] if report.identified else [reader.say("doubt_short")]
    said += [reader.say("simulated_short")] if report.source.simulated else []
    return " · ".join(said)


def _text(name: str) -> str:
    """As it stands: matplotlib would read what is between dollar signs as mathematics."""
    return clean(name, 32).replace("$", r"\$")


def _scaled(estimate: Estimate, by: float) -> Estimate:
    return Estimate(estimate.value * by, estimate.low * by, estimate.high * by)


def _whiskers(estimates: Sequence[Estimate]) -> list[list[float]]:
    def reach(one: float, other: float) -> float:
        return max(0.0, one - other) if math.isfinite(one) and math.isfinite(other) else 0.0

    return [[reach(each.value, each.low) for each in estimates], [reach(each.high, each.value) for each in estimates]]


def _intervals(axes: Axes, names: Sequence[str], estimates: Sequence[Estimate], strong: Sequence[bool]) -> None:
    whiskers = _whiskers(estimates)
    for place, (estimate, is_strong) in enumerate(zip(estimates, strong, strict=True)):
        reach = [[whiskers[0][place]], [whiskers[1][place]]]
        colour = ORANGE if is_strong else BAR
        axes.errorbar([estimate.value], [place], xerr=reach, fmt="o", color=colour, ecolor=colour, capsize=3)
    _rows(axes, names)


def _rows(axes: Axes, names: Sequence[str]) -> None:
    """The first on top."""
    axes.set_yticks(list(range(len(names))), labels=list(names))
    axes.invert_yaxis()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
