"""What-if: the expected path as it is, and then."""

from __future__ import annotations

from setaria.flywheel.report.charts.svg import line, number, picture, tag, ticks, words
from setaria.flywheel.report.figures import Reader, clean
from setaria.flywheel.report.report import WhatIf


def what_if_path(what_if: WhatIf, currency: str, reader: Reader, width: float) -> str:
    count = min(len(what_if.days), len(what_if.before), len(what_if.after))
    if count < 2 or what_if.days[count - 1] <= what_if.days[0]:
        return ""
    days, before, after = what_if.days[:count], what_if.before[:count], what_if.after[:count]
    marks = ticks(max(1.0, *before, *after), 3)
    left, floor, height = 46.0, 154.0, 180.0
    first, last = days[0], days[-1]

    def at(day: float, amount: float) -> str:
        x = left + (day - first) / (last - first) * (width - left - 10)
        return f"{number(x)} {number(floor - min(max(amount, 0.0), marks[-1]) / marks[-1] * (floor - 10))}"

    parts = []
    for mark in marks:
        y = floor - mark / marks[-1] * (floor - 10)
        parts += [
            line(left, y, width - 10, y, "grid"),
            words(left - 7, y + 4, reader.short(mark, currency), "t small", "end"),
        ]
    there = "L".join(at(*each) for each in zip(days, before, strict=True))
    back = "L".join(at(*each) for each in reversed(list(zip(days, after, strict=True))))
    parts.append(tag("path", d=f"M{there}L{back}Z", class_="between"))
    parts.append(tag("path", d=f"M{there}", class_="path"))
    parts.append(tag("path", d="M" + "L".join(at(*each) for each in zip(days, after, strict=True)), class_="path then"))
    parts.append(words(left, height - 6, reader.days(first), "t small"))
    parts.append(words(width - 10, height - 6, reader.days(last), "t small", "end"))
    return picture(width, height, reader.say("page.picture", title=clean(what_if.name)), parts)
