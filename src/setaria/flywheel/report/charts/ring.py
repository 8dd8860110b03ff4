"""Who leads to what: touchpoints on a ring, each lead an arrow as thick as what it brings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, NamedTuple

from setaria.flywheel.report.charts.svg import ems, fitted, picture, tag, words
from setaria.flywheel.report.figures import Reader, clean
from setaria.flywheel.report.report import Lead

MOST_TOUCHPOINTS: Final = 12
MOST_LEADS: Final = 32
THICKEST: Final = 11.0


class Node(NamedTuple):
    x: float
    y: float
    radius: float


def drawn_on_ring(leads: Sequence[Lead]) -> list[str]:
    """The touchpoints most leads run between, in the order in which they are first named."""
    weight: Counter[str] = Counter()
    for each in leads:
        for name in {each.source, each.target}:
            weight[name] += each.facts + 1
    most = {name for name, _ in weight.most_common(MOST_TOUCHPOINTS)}
    named = dict.fromkeys(name for each in leads for name in (each.source, each.target))
    return [name for name in named if name in most]


def ring(leads: Sequence[Lead], counts: Mapping[str, int], sent: frozenset[str], reader: Reader, width: float) -> str:
    names = drawn_on_ring(leads)
    if not names:
        return ""
    nodes = _placed(names, counts, width)
    height = width * 0.94
    radius = _radius(width)
    parts = [tag("circle", cx=width / 2, cy=height / 2, r=radius, class_="orbit")]
    chosen = [
        each for each in leads if {each.source, each.target} <= nodes.keys() and 0 < each.children.value < math.inf
    ]
    chosen.sort(key=lambda each: (each.sure, each.children.value))
    turning = {each.source for each in chosen if each.source == each.target}
    strongest = max((each.children.value for each in chosen), default=1.0)
    parts += [_lead(each, nodes, strongest, reader, width) for each in chosen[-MOST_LEADS:]]
    for name, node in nodes.items():
        parts += _touchpoint(name, node, counts, name in sent, reader, (width, name in turning))
    label = reader.say("page.picture", title=reader.say("table.leads"))
    return picture(width, height, label, parts, "ring")


def _radius(width: float) -> float:
    return width * (0.36 if width < 400 else 0.37)


def _placed(names: Sequence[str], counts: Mapping[str, int], width: float) -> dict[str, Node]:
    most = max((counts.get(name, 0) for name in names), default=1) or 1
    made = {}
    for place, name in enumerate(names):
        angle = 2 * math.pi * place / len(names) - math.pi / 2
        size = 7 + 13 * math.sqrt(max(counts.get(name, 0), 0) / most)
        x, y = width / 2 + _radius(width) * math.cos(angle), width * 0.47 + _radius(width) * math.sin(angle)
        made[name] = Node(x, y, size)
    return made


def _lead(lead: Lead, nodes: Mapping[str, Node], strongest: float, reader: Reader, width: float) -> str:
    strength = math.sqrt(lead.children.value / strongest)
    thick = 1.2 + (THICKEST - 1.2) * strength
    told = reader.say(
        "page.sure_lead",
        source=clean(lead.source),
        target=clean(lead.target),
        children=reader.estimate(lead.children),
    )
    start, end = nodes[lead.source], nodes[lead.target]
    path, head = _turn(start, thick) if lead.source == lead.target else _curve(start, end, thick, width)
    shape = tag("path", d=path, class_="lead" + ("" if lead.sure else " unsure"), stroke_width=thick)
    arrow = tag("path", d=head, class_="lead-head") if head else ""
    return tag("g", tag("title", escape(told)), shape, arrow, opacity=round(0.35 + 0.55 * strength, 2))


def _turn(node: Node, thick: float) -> tuple[str, str]:
    """To itself: most of a circle around it."""
    radius = node.radius + 4 + thick / 2
    x, y, reach = node.x, node.y, radius * math.sin(math.pi / 4)
    return f"M{x - reach:.1f} {y + reach:.1f}A{radius:.1f} {radius:.1f} 0 1 1 {x + reach:.1f} {y + reach:.1f}", ""


def _curve(start: Node, end: Node, thick: float, width: float) -> tuple[str, str]:
    """Bent towards the middle, and a little to one side, so that there and back do not hide each other."""
    middle_x, middle_y = (start.x + end.x) / 2, (start.y + end.y) / 2
    centre = width / 2, width * 0.47
    across, down = end.x - start.x, end.y - start.y
    length = math.hypot(across, down) or 1.0
    bend_x = middle_x + 0.35 * (centre[0] - middle_x) - 0.1 * down
    bend_y = middle_y + 0.35 * (centre[1] - middle_y) + 0.1 * across
    head = 5 + thick * 0.9
    from_x, from_y = _towards(start, bend_x, bend_y, start.radius + 4)
    tip_x, tip_y = _towards(end, bend_x, bend_y, end.radius + 3)
    to_x, to_y = _towards(end, bend_x, bend_y, end.radius + 3 + head)
    out_x, out_y = (to_x - tip_x) / head, (to_y - tip_y) / head
    side = 2.5 + thick * 0.75
    arrow = (
        f"M{tip_x:.1f} {tip_y:.1f}L{to_x - out_y * side:.1f} {to_y + out_x * side:.1f}"
        f"L{to_x + out_y * side:.1f} {to_y - out_x * side:.1f}Z"
    )
    return f"M{from_x:.1f} {from_y:.1f}Q{bend_x:.1f} {bend_y:.1f} {to_x:.1f} {to_y:.1f}", arrow if length > 1 else ""


def _towards(node: Node, x: float, y: float, distance: float) -> tuple[float, float]:
    length = math.hypot(x - node.x, y - node.y) or 1.0
    return node.x + (x - node.x) * distance / length, node.y + (y - node.y) * distance / length


def _touchpoint(
    name: str, node: Node, counts: Mapping[str, int], sent: bool, reader: Reader, at: tuple[float, bool]
) -> list[str]:
    width, turns = at
    told = reader.say("page.count_shown", name=clean(name), count=f"{counts.get(name, 0):,}")
    parts = [
        tag(
            "circle",
            tag("title", escape(told)),
            cx=node.x,
            cy=node.y,
            r=node.radius,
            class_="sent" if sent else "node",
        ),
        tag("circle", cx=node.x, cy=node.y, r=3.2, class_="dot"),
    ]
    # Above it in the upper half, below it in the lower, as far out as the picture goes.
    away = node.radius + (17 if turns else 9)
    y = node.y - away if node.y <= width * 0.47 + 1 else node.y + away + 9
    text = fitted(name, width * 0.34)
    half = ems(text) * 6.5
    x = min(max(node.x + (node.x - width / 2) * 0.12, half + 1), width - half - 1)
    return [*parts, words(x, y, text, "tb halo", "middle")]
