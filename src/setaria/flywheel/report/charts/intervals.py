"""Estimates below each other with their intervals: specifications, loops, effects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from setaria.flywheel.parameters import Estimate
from setaria.flywheel.report.charts.svg import ems, fitted, line, picture, tag, words
from setaria.flywheel.report.figures import Reader


class Row(NamedTuple):
    name: str
    estimate: Estimate
    shown: str
    strong: bool = False


def interval_rows(rows: Sequence[Row], label: str, reader: Reader, width: float, marks: Sequence[float] = ()) -> str:
    """`marks` are values worth a line, such as 0 and 1."""
    if not rows:
        return ""
    narrow = width < 480
    wanted = max(ems(each.name) for each in rows) * 13 + 14
    above = narrow and wanted > width * 0.3  # the name then has a line of its own
    left = 0.0 if above else min(wanted, width * 0.4)
    right = max(ems(each.shown) for each in rows) * 12 + 14
    ends = [
        end for row in rows for end in (row.estimate.low, row.estimate.high, row.estimate.value) if math.isfinite(end)
    ]
    low, high = min([*ends, *marks], default=0.0), max([*ends, *marks], default=1.0)
    spread = (high - low) or 1.0
    step = 46.0 if above else 30.0
    height = step * len(rows) + (22 if marks else 6)

    def at(value: float) -> float:
        return left + 6 + (min(max(value, low), high) - low) / spread * (width - left - right - 12)

    parts = []
    for mark in marks:
        parts += [
            line(at(mark), 2, at(mark), height - 20, "grid"),
            words(at(mark), height - 5, f"{mark:g}", "t small", "middle"),
        ]
    for place, row in enumerate(rows):
        y = place * step + (33 if above else 17)
        class_, room = "tb" if row.strong else "t", width if above else left - 8
        x, up, anchor = (0.0, -16.0, "start") if above else (left - 8, 4.5, "end")
        parts.append(words(x, y + up, fitted(row.name, room), class_, anchor))
        if math.isfinite(row.estimate.low) and math.isfinite(row.estimate.high):
            shape = f"M{at(row.estimate.low):.1f} {y}H{at(row.estimate.high):.1f}"
            parts.append(tag("path", d=shape, class_="range strong" if row.strong else "range"))
        if math.isfinite(row.estimate.value):
            parts.append(
                tag("circle", cx=at(row.estimate.value), cy=y, r=5.0, class_="point strong" if row.strong else "point")
            )
        parts.append(words(width, y + 4.5, row.shown, "tb number" if row.strong else "t number", "end"))
    return picture(width, height, label, parts)
