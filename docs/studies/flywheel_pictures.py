"""The pictures of the flywheel's studies: SVG by hand, on a light ground, from figures and nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any, Final

from xiaomi_picture import BLUE, FONT, GREEN, GREY, INK, LINE, ORANGE, PAPER, PLUM, text

WIDTH: Final = 1080
ROW: Final = 34
SPECIFICATIONS: Final = {
    "naive": "naive",
    "shared": "+ shared frailty",
    "own": "+ own frailty",
    "churn": "+ churn",
    "calendar": "+ calendar",
}
Interval = tuple[str, float, float, float]  # name, value, low, high


def sheet(title: str, height: float, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" font-family="{FONT}" role="img">'
    ground = f'<rect width="{WIDTH}" height="{height:g}" fill="{PAPER}"/>'
    return "\n".join(
        [head, f"<title>{escape(title)}</title>", ground, text(40, 42, title, 21, bold=True), *parts, "</svg>\n"]
    )


def rule(x1: float, y1: float, x2: float, y2: float, colour: str = LINE, wide: float = 1.0) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{wide:g}"/>'


def ticks(most: float) -> list[float]:
    size = 10.0 ** math.floor(math.log10(max(most, 1e-9) / 4))
    step = next(size * each for each in (1, 2, 5, 10) if size * each * 5 >= most)
    return [step * place for place in range(math.ceil(most / step - 1e-9) + 1)]


def values(x: float, y: float, width: float, title: str, rows: Sequence[tuple[str, float, Interval]]) -> list[str]:
    """Rows of (touchpoint, own amount, what it brings beyond), in units of the currency."""
    parts = [text(x, y - 16, title, 15, bold=True)]
    marks = ticks(max([1e-9, *(own + max(0.0, more[1], more[3]) for _, own, more in rows)]))
    left, scale = x + 110, (width - 200) / marks[-1]
    bottom = y + ROW * len(rows)
    for mark in marks:
        parts += [rule(left + mark * scale, y, left + mark * scale, bottom)]
        parts += [text(left + mark * scale, bottom + 16, f"{mark:,.10g}", 11, "middle")]
    for place, (name, own, more) in enumerate(rows):
        top = y + place * ROW + 8
        middle = top + 9
        parts.append(text(left - 10, middle + 5, name, 13, "end"))
        parts.append(f'<rect x="{left:.1f}" y="{top}" width="{own * scale:.1f}" height="18" fill="{BLUE}"/>')
        beyond = f'x="{left + own * scale:.1f}" y="{top}" width="{max(0.0, more[1]) * scale:.1f}" height="18"'
        parts.append(f'<rect {beyond} fill="{ORANGE}"/>')
        low, high = (left + max(0.0, own + end) * scale for end in more[2:])
        parts += [rule(low, middle, high, middle, INK, 1.5)]
        parts += [rule(end, middle - 4, end, middle + 4, INK, 1.5) for end in (low, high)]
        parts.append(text(max(high, left + (own + more[1]) * scale) + 8, middle + 5, f"{own + more[1]:,.2f}", 12))
    return parts


def intervals(
    x: float, y: float, width: float, title: str, rows: Sequence[Interval], top: float, mark: float = 1.0
) -> list[str]:
    """From 0 to `top`; what reaches farther is cut there."""
    left, scale = x + 130, (width - 200) / top
    bottom = y + ROW * len(rows)
    parts = [text(x, y - 16, title, 15, bold=True)]
    for at in [each for each in ticks(top) if each <= top]:
        parts += [rule(left + at * scale, y, left + at * scale, bottom, INK if at == mark else LINE)]
        parts += [text(left + at * scale, bottom + 16, f"{at:g}", 11, "middle")]
    for place, (name, value, low, high) in enumerate(rows):
        middle = y + place * ROW + 17
        colour = PLUM if place < len(rows) - 1 else GREEN
        parts.append(text(left - 10, middle + 5, name, 13, "end"))
        ends = [left + min(max(end, 0.0), top) * scale for end in (low, high)]
        parts.append(rule(ends[0], middle, ends[1], middle, colour, 3))
        parts.append(f'<circle cx="{left + min(value, top) * scale:.1f}" cy="{middle:.1f}" r="5" fill="{colour}"/>')
        parts.append(text(left + width - 196, middle + 5, f"{value:.2f}", 12, bold=True))
    return parts


def of_report(report: dict[str, Any], title: str, notes: Sequence[str], days: int = 365) -> str:
    """Value of each touchpoint beside the five specifications. Without an infinite horizon: within `days`."""
    rows = []
    for each in report["values"][report["currency"]]:
        own, more = each["mean"] / 100, each["indirect"]
        if more is None:
            soon = each["within"].get(days) or each["within"][str(days)]
            more = {name: soon[name] - each["mean"] for name in ("value", "low", "high")}
        told = (each["touchpoint"], more["value"] / 100, more["low"] / 100, more["high"] / 100)
        rows.append((each["touchpoint"], own, told))
    numbers = [
        (SPECIFICATIONS[each["name"]], *(each["flywheel_number"][name] for name in ("value", "low", "high")))
        for each in report["specified"]
    ]
    long = any(each["indirect"] is None for each in report["values"][report["currency"]])
    what = f"What one more brings within {days} days" if long else "What one more is expected to bring"
    tall = ROW * max(len(rows), len(numbers))
    legend = 110 + tall + 40
    parts = [
        *values(40, 110, 560, f"{what}, {report['currency']}", rows),
        *intervals(640, 110, 420, "Flywheel number, five specifications", numbers, top_of(numbers)),
        f'<rect x="40" y="{legend}" width="13" height="13" fill="{BLUE}"/>',
        text(59, legend + 11, "its own amount"),
        f'<rect x="180" y="{legend}" width="13" height="13" fill="{ORANGE}"/>',
        text(199, legend + 11, "what it leads to, with the interval of 95 %"),
        *(text(40, legend + 40 + 20 * place, note, 12) for place, note in enumerate(notes)),
    ]
    return sheet(title, legend + 50 + 20 * len(notes), parts)


def top_of(rows: Sequence[Interval]) -> float:
    return max(1.0, ticks(max(min(high, 2 * value) for _, value, _, high in rows))[-1])


def calibration(
    title: str, groups: Sequence[str], drawn: Sequence[tuple[str, Sequence[float]]], notes: Sequence[str]
) -> str:
    """Bars beside each other for each group of customers."""
    colours = (GREY, ORANGE, BLUE)
    marks = ticks(max(max(each) for _, each in drawn))
    x, y, width, height = 80.0, 110.0, 940.0, 260.0
    parts = [text(40, y - 20, "Purchases a customer in the days held out", 15, bold=True)]
    for mark in marks:
        at = y + height * (1 - mark / marks[-1])
        parts += [rule(x, at, x + width, at), text(x - 8, at + 4, f"{mark:g}", 11, "end")]
    step = width / len(groups)
    bar = (step - 16) / len(drawn)
    for place, group in enumerate(groups):
        left = x + place * step + 8
        for number, (_, figures) in enumerate(drawn):
            tall = height * figures[place] / marks[-1]
            at = f'x="{left + number * bar:.1f}" y="{y + height - tall:.1f}" width="{bar - 2:.1f}" height="{tall:.1f}"'
            parts.append(f'<rect {at} fill="{colours[number]}"/>')
            parts.append(
                text(left + (number + 0.5) * bar - 1, y + height - tall - 4, f"{figures[place]:.2f}", 10, "middle")
            )
        parts.append(text(left + (step - 16) / 2, y + height + 18, group, 12, "middle"))
    legend = y + height + 46
    for number, (name, _) in enumerate(drawn):
        parts.append(f'<rect x="{40 + 240 * number}" y="{legend}" width="13" height="13" fill="{colours[number]}"/>')
        parts.append(text(59 + 240 * number, legend + 11, name))
    parts += [text(40, legend + 40 + 20 * place, note, 12) for place, note in enumerate(notes)]
    return sheet(title, legend + 50 + 20 * len(notes), parts)
