"""Value of each touchpoint: its own amount, what it brings indirectly, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from setaria.flywheel.parameters import Estimate
from setaria.flywheel.report.charts.svg import box, fitted, line, picture, tag, ticks, words
from setaria.flywheel.report.figures import Reader
from setaria.flywheel.report.report import Value

MOST: Final = 24
ROW: Final = 34.0


def value_bars(values: Sequence[Value], currency: str, reader: Reader, width: float, doubt: bool = False) -> str:
    """Without an infinite horizon the bars show the longest that there is."""
    drawn = [(each, estimate) for each in values[:MOST] if (estimate := brought(each)) is not None]
    if not drawn:
        return ""
    narrow = width < 480
    left, right, row = (0.0, 76.0, ROW + 16) if narrow else (150.0, 90.0, ROW)
    ends = [each.mean + max(0.0, estimate.value, _finite(estimate.high, estimate.value)) for each, estimate in drawn]
    marks = ticks(max(1.0, *ends), 3 if narrow else 5)
    scale = (width - left - right) / marks[-1]
    height = row * len(drawn) + 26
    parts = []
    for mark in marks:
        x = left + mark * scale
        parts.append(line(x, 4, x, height - 22, "grid"))
        anchor = "start" if narrow and not mark else "middle"
        parts.append(words(x, height - 6, reader.short(mark, currency), "t small", anchor))
    for place, (each, estimate) in enumerate(drawn):
        parts += _row(each, estimate, currency, reader, (left, place * row, scale, narrow, width, doubt))
    label = reader.say("page.picture", title=reader.say("table.values"))
    return picture(width, height, label, parts)


def brought(value: Value) -> Estimate | None:
    """What it brings beyond its own amount, or the longest horizon's where the loops may not end."""
    if value.indirect is not None:
        return value.indirect
    if not value.within:
        return None
    longest = value.within[max(value.within)]
    return Estimate(longest.value - value.mean, longest.low - value.mean, longest.high - value.mean)


def _row(
    value: Value, more: Estimate, currency: str, reader: Reader, at: tuple[float, float, float, bool, float, bool]
) -> list[str]:
    left, top, scale, narrow, width, doubt = at
    bar = top + (22 if narrow else 9)
    name_room = width if narrow else left - 14
    name = fitted(value.touchpoint, name_room)
    parts = [
        words(0 if narrow else left - 12, bar - 6 if narrow else bar + 12, name, "tb", "start" if narrow else "end")
    ]
    own, all_of_it = max(value.mean, 0.0) * scale, max(value.mean + more.value, 0.0) * scale
    told, interval = reader.parts(more, currency)
    title = f"{reader.say('page.legend_indirect')} {told} ({interval})"
    parts.append(
        box(left + own, bar, max(all_of_it - own, 1.0), 16, "indirect" + (" doubtful" if doubt else ""), 3, title)
    )
    direct = f"{reader.say('page.legend_direct')} {reader.expected(value.mean, currency)}"
    parts.append(box(left, bar, own, 16, "direct", 3, direct) if own > 0 else "")
    low, high = _finite(more.low, more.value), _finite(more.high, more.value)
    ends = [left + max(value.mean + end, 0.0) * scale for end in (low, high)]
    if ends[1] - ends[0] > 1:
        parts.append(tag("path", d=f"M{ends[0]:.1f} {bar + 4:.1f}v8m0-4H{ends[1]:.1f}m0-4v8", class_="whisker"))
    shown = reader.expected(value.mean + more.value, currency) + (" ?" if doubt else "")
    parts.append(words(max(ends[1], left + all_of_it) + 8, bar + 12, shown, "tb number"))
    return parts


def _finite(value: float, instead: float) -> float:
    return value if math.isfinite(value) else instead
