"""Money by week, one touchpoint upon another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from setaria.flywheel.report.charts.svg import line, number, picture, tag, ticks, words
from setaria.flywheel.report.figures import Reader, clean

Weeks = Sequence[tuple[float, Mapping[str, int]]]


def stacked_weeks(weeks: Weeks, colour: Mapping[str, str], currency: str, reader: Reader, width: float) -> str:
    """Those without a colour of their own together, on top. Weeks whose refunds outweigh count as 0 in the picture."""
    if len(weeks) < 2:
        return ""
    coloured = [name for name, each in colour.items() if each != "c0"]
    others = reader.say("part.others")
    layers = [(name, colour[name], [max(0, amounts.get(name, 0)) for _, amounts in weeks]) for name in coloured]
    rest = [max(0, sum(each for name, each in amounts.items() if name not in coloured)) for _, amounts in weeks]
    if any(rest):
        layers.append((others, "c0", rest))
    tallest = max(sum(layer[2][place] for layer in layers) for place in range(len(weeks)))
    if tallest <= 0:
        return ""
    left, top, height = 44.0, 8.0, 240.0 if width >= 480 else 200.0
    marks = ticks(tallest)
    across, up = (width - left - 8) / (len(weeks) - 1), (height - top - 26) / marks[-1]
    floor = height - 26
    parts = []
    for mark in marks:
        y = floor - mark * up
        parts += [
            line(left, y, width - 8, y, "grid"),
            words(left - 8, y + 4, reader.short(mark, currency), "t small", "end"),
        ]
    below = [0.0] * len(weeks)
    for name, class_, amounts in layers:
        above = [low + amount for low, amount in zip(below, amounts, strict=True)]
        points = [f"{number(left + place * across)} {number(floor - each * up)}" for place, each in enumerate(above)]
        back = [f"{number(left + place * across)} {number(floor - each * up)}" for place, each in enumerate(below)][
            ::-1
        ]
        shape = "M" + "L".join([*points, *back]) + "Z"
        parts.append(tag("path", tag("title", escape(clean(name))), d=shape, class_=f"layer {class_}"))
        below = above
    every = max(1, len(weeks) // (6 if width >= 480 else 3))
    for place in range(0, len(weeks), every):
        anchor = "start" if place == 0 else "end" if place == len(weeks) - 1 else "middle"
        parts.append(words(left + place * across, height - 6, reader.date(weeks[place][0])[2:7], "t small", anchor))
    return picture(width, height, reader.say("page.picture", title=reader.say("table.weeks")), parts)
