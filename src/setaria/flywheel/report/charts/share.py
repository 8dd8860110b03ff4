"""One bar of what the whole is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from setaria.flywheel.report.charts.svg import box, picture


class Part(NamedTuple):
    name: str
    amount: int
    class_: str
    title: str


def share_bar(parts: Sequence[Part], label: str, width: float, height: float = 22.0) -> str:
    total = sum(max(0, each.amount) for each in parts)
    if total <= 0:
        return ""
    drawn, x = [], 0.0
    for each in parts:
        wide = max(0, each.amount) / total * width
        if wide > 0:
            drawn.append(box(x, 0, max(wide - 1.5, 0.8), height, each.class_, 3, f"{each.name} {each.title}"))
        x += wide
    return picture(width, height, label, drawn)
