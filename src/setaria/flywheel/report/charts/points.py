"""Predicted against happened: on the line where the model was right."""

from __future__ import annotations

import math
from collections.abc import Sequence

from setaria.flywheel.report.charts.svg import line, picture, tag, ticks, words
from setaria.flywheel.report.figures import Reader

MOST = 400
WIDE_RANGE = 50.0  # from which the axes count in powers of ten


def predicted_and_happened(points: Sequence[Sequence[float]], reader: Reader, width: float) -> str:
    """Each point is [predicted, happened, …]."""
    drawn = [
        (each[0], each[1])
        for each in points
        if len(each) >= 2 and all(map(math.isfinite, each[:2])) and min(each[:2]) >= 0
    ]
    drawn = drawn[:: max(1, math.ceil(len(drawn) / MOST))]
    if not drawn:
        return ""
    positive = [value for pair in drawn for value in pair if value > 0]
    powers = len(positive) == 2 * len(drawn) and max(positive) / min(positive) > WIDE_RANGE
    marks, at = _powers(positive) if powers else _plain(positive)
    left, floor, size = 52.0, 40.0, width - 52.0 - 10
    height = size + floor + 8

    def x(value: float) -> float:
        return left + at(value) * size

    def y(value: float) -> float:
        return 8 + size - at(value) * size

    parts = [line(x(marks[0]), y(marks[0]), x(marks[-1]), y(marks[-1]), "reference")]
    for mark in marks:
        parts += [
            line(left, y(mark), left + size, y(mark), "grid"),
            words(left - 7, y(mark) + 4, _short(mark), "t small", "end"),
        ]
        parts.append(words(x(mark), 8 + size + 16, _short(mark), "t small", "middle"))
    parts.append(words(left + size, height - 4, reader.say("column.predicted") + " →", "t small", "end"))
    parts.append(words(left + 4, 20, "↑ " + reader.say("column.happened"), "t small"))
    parts += [tag("circle", cx=x(predicted), cy=y(happened), r=4.5, class_="point") for predicted, happened in drawn]
    return picture(width, height, reader.say("page.picture", title=reader.say("table.back_test")), parts)


def _short(value: float) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def _plain(values: Sequence[float]) -> tuple[list[float], _Scale]:
    marks = ticks(max(values, default=1.0))
    return marks, _Scale(0.0, marks[-1], False)


def _powers(values: Sequence[float]) -> tuple[list[float], _Scale]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return [10.0**power for power in range(low, max(high, low + 1) + 1)], _Scale(low, max(high, low + 1), True)


class _Scale:
    def __init__(self, low: float, high: float, powers: bool) -> None:
        self.low, self.high, self.powers = low, high, powers

    def __call__(self, value: float) -> float:
        placed = math.log10(value) if self.powers and value > 0 else value
        return min(max((placed - self.low) / (self.high - self.low), 0.0), 1.0)
