"""The few elements of SVG that the pictures are made of. Colours are classes of page.css: light and dark."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable
from html import escape
from typing import Final

from setaria.flywheel.report.figures import clean

COLOURS: Final = 4  # c1 to c4; c0 is neutral


def tag(name: str, *children: str, **attributes: object) -> str:
    """`class_` is class, `stroke_width` is stroke-width; children are markup, attributes are escaped here."""
    written = "".join(f' {key.rstrip("_").replace("_", "-")}="{_value(each)}"' for key, each in attributes.items())
    return f"<{name}{written}>{''.join(children)}</{name}>" if children else f"<{name}{written}/>"


def _value(value: object) -> str:
    return number(value) if isinstance(value, float) else escape(str(value), quote=True)


def number(value: float) -> str:
    if not math.isfinite(value):
        return "0"
    text = f"{value:.1f}"
    return text.removesuffix(".0").replace("-0", "0") if text in ("-0.0", "0.0") else text.removesuffix(".0")


def words(x: float, y: float, text: str, class_: str = "t", anchor: str = "start") -> str:
    return tag("text", escape(text), x=x, y=y, class_=class_, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str = "axis") -> str:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def box(x: float, y: float, width: float, height: float, class_: str, round_: float = 2.0, title: str = "") -> str:
    told = [tag("title", escape(title))] if title else []
    radius = min(round_, width / 2, height / 2)
    return tag("rect", *told, x=x, y=y, width=max(width, 0.0), height=max(height, 0.0), rx=radius, class_=class_)


def picture(width: float, height: float, label: str, parts: Iterable[str], class_: str = "") -> str:
    """`label` is what a reader who does not see it is told."""
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=width,
        height=height,
        role="img",
        aria_label=label,
        class_=f"picture {class_}".strip(),
    )


def ems(text: str) -> float:
    """About how wide the text is, in its own size."""
    return sum(1.02 if unicodedata.east_asian_width(each) in "WF" else 0.6 for each in text)


def fitted(text: str, pixels: float, size: float = 13.0) -> str:
    """Cut so that it fits."""
    text = clean(text)
    if ems(text) * size <= pixels:
        return text
    while text and (ems(text) + 0.9) * size > pixels:
        text = text[:-1]
    return text.rstrip() + "…"


def ticks(most: float, about: int = 4) -> list[float]:
    """Round figures from 0 to at least `most`."""
    if not (math.isfinite(most) and most > 0):
        return [0.0, 1.0]
    size = 10.0 ** math.floor(math.log10(most / about))
    step = next(size * each for each in (1, 2, 2.5, 5, 10) if size * each * about >= most * 0.999)
    return [step * place for place in range(math.ceil(most / step - 1e-9) + 1)]


def colours(names: Iterable[str]) -> dict[str, str]:
    """The first four have a colour of their own; the others share the neutral one."""
    return {name: f"c{place + 1 if place < COLOURS else 0}" for place, name in enumerate(names)}
