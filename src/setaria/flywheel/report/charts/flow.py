"""From the fact directly before to the touchpoint that earns: ribbons as thick as the money."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import Final

from setaria.flywheel.report.charts.svg import COLOURS, box, fitted, picture, tag, words
from setaria.flywheel.report.figures import Reader, clean
from setaria.flywheel.report.report import Explained

MOST_LEFT: Final = 8
MOST_RIGHT: Final = COLOURS + 1  # the last for all others
GAP: Final = 18.0
BAR: Final = 8.0


def ribbons(explained: Explained, reader: Reader) -> dict[tuple[str, str], int]:
    """(parent, earner) -> amount; those beyond the most of either side together. What nothing explains is left out."""
    flows = {
        (parent, earner): amount
        for earner, by_parent in explained.parents.items()
        for parent, amount in by_parent.items()
        if parent and amount > 0
    }
    left, right = Counter[str](), Counter[str]()
    for (parent, earner), amount in flows.items():
        left[parent] += amount
        right[earner] += amount
    others = reader.say("part.others")
    few_left, few_right = _few(left, MOST_LEFT, others), _few(right, MOST_RIGHT, others)
    merged: Counter[tuple[str, str]] = Counter()
    for (parent, earner), amount in flows.items():
        merged[few_left[parent], few_right[earner]] += amount
    return dict(merged)


def _few(amounts: Counter[str], most: int, others: str) -> dict[str, str]:
    kept = {name for name, _ in amounts.most_common(most if len(amounts) <= most else most - 1)}
    return {name: name if name in kept else others for name in amounts}


def flow(explained: Explained, colour: dict[str, str], reader: Reader, width: float) -> str:
    flows = ribbons(explained, reader)
    total = sum(flows.values())
    if total <= 0:
        return ""
    left, right = Counter[str](), Counter[str]()
    for (parent, earner), amount in flows.items():
        left[parent] += amount
        right[earner] += amount
    narrow = width < 480
    room_left, room_right = (104.0, 98.0) if narrow else (136.0, 150.0)
    height = max(220.0, 44.0 * len(left), 62.0 * len(right))
    scale = (height - GAP * (max(len(left), len(right)) - 1)) / total
    tops_left, tops_right = _tops(left, scale, height), _tops(right, scale, height)
    x1, x2 = room_left + BAR, width - room_right - BAR
    parts, used_left, used_right = [], dict(tops_left), dict(tops_right)
    order_left, order_right = [name for name, _ in left.most_common()], [name for name, _ in right.most_common()]
    for parent in order_left:
        for earner in order_right:
            amount = flows.get((parent, earner), 0)
            if amount:
                thick = amount * scale
                told = f"{clean(parent)} → {clean(earner)} {reader.money(amount, explained.currency)}"
                shape = _ribbon(x1, used_left[parent], x2, used_right[earner], thick)
                parts.append(
                    tag("path", tag("title", escape(told)), d=shape, class_=f"ribbon {colour.get(earner, 'c0')}")
                )
                used_left[parent] += thick
                used_right[earner] += thick
    for name, amount in left.items():
        top, tall = tops_left[name], amount * scale
        parts.append(box(room_left, top, BAR, max(tall, 1.5), "bar"))
        parts.append(words(room_left - 8, top + tall / 2 + 4.5, fitted(name, room_left - 10), "tb plain", "end"))
    for name, amount in right.items():
        top, tall = tops_right[name], amount * scale
        parts.append(box(x2, top, BAR, max(tall, 1.5), colour.get(name, "c0")))
        parts.append(words(x2 + BAR + 8, top + tall / 2 - 2, fitted(name, room_right - 10), "tb plain"))
        parts.append(words(x2 + BAR + 8, top + tall / 2 + 14, reader.short(amount, explained.currency), "t number"))
    label = reader.say("page.picture", title=reader.say("table.parents"))
    return picture(width, height + 18, label, parts)


def _tops(amounts: Counter[str], scale: float, height: float) -> dict[str, float]:
    """Spread over the whole height, the largest on top."""
    free = height - scale * sum(amounts.values())
    gap = free / (len(amounts) - 1) if len(amounts) > 1 else 0.0
    tops, y = {}, 0.0 if len(amounts) > 1 else free / 2
    for name, amount in amounts.most_common():
        tops[name] = y + 4
        y += amount * scale + gap
    return tops


def _ribbon(x1: float, y1: float, x2: float, y2: float, thick: float) -> str:
    half = (x1 + x2) / 2
    thick = max(thick, 0.6)
    return (
        f"M{x1:.1f} {y1:.1f}C{half:.1f} {y1:.1f} {half:.1f} {y2:.1f} {x2:.1f} {y2:.1f}v{thick:.2f}"
        f"C{half:.1f} {y2 + thick:.1f} {half:.1f} {y1 + thick:.1f} {x1:.1f} {y1 + thick:.1f}Z"
    )
