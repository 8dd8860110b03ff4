"""What each method credits to a touchpoint: the flywheel's word, and the span of the others'."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from setaria.flywheel.report.charts.svg import fitted, line, picture, tag, ticks, words
from setaria.flywheel.report.figures import Reader
from setaria.flywheel.report.report import Compared

MOST: Final = 16
OURS: Final = ("flywheel_parent", "flywheel_root")


def credit_spans(compared: Sequence[Compared], currency: str, reader: Reader, width: float) -> str:
    totals: dict[str, int] = {}
    for each in compared:
        for name, amount in each.credits.items():
            if name:
                totals[name] = max(totals.get(name, 0), amount)
    names = sorted(totals, key=lambda name: -totals[name])[:MOST]
    if not names or max(totals.values()) <= 0:
        return ""
    narrow = width < 480
    left, step = (0.0, 44.0) if narrow else (150.0, 30.0)
    marks = ticks(float(max(totals.values())), 3 if narrow else 6)
    scale = (width - left - 16) / marks[-1]
    height = step * len(names) + 26
    parts = []
    for mark in marks:
        x = left + 4 + mark * scale
        parts += [
            line(x, 2, x, height - 22, "grid"),
            words(x, height - 6, reader.short(mark, currency), "t small", "middle"),
        ]
    for place, name in enumerate(names):
        y = place * step + (31 if narrow else 15)
        parts.append(
            words(
                0 if narrow else left - 12,
                y - 14 if narrow else y + 4.5,
                fitted(name, width if narrow else left - 14),
                "tb",
                "start" if narrow else "end",
            )
        )
        found = [
            (each.method, left + 4 + max(0, each.credits.get(name, 0)) * scale, each.credits.get(name, 0))
            for each in compared
        ]
        theirs = [x for method, x, _ in found if method not in OURS]
        if theirs:
            parts.append(tag("path", d=f"M{min(theirs):.1f} {y}H{max(theirs):.1f}", class_="span"))
        for method, x, amount in sorted(found, key=lambda each: each[0] in OURS):
            told = f"{reader.say(f'method.{method}')} {reader.money(amount, currency)}"
            class_ = "point strong" if method == OURS[0] else "point root" if method == OURS[1] else "point other"
            parts.append(
                tag("circle", tag("title", escape(told)), cx=x, cy=y, r=5.5 if method in OURS else 3.5, class_=class_)
            )
    return picture(width, height, reader.say("page.picture", title=reader.say("table.compared")), parts)
