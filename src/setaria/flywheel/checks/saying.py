"""A check and its sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from setaria.flywheel.report.report import Check, Sentence

WORD: Final = {True: "passed", False: "failed", None: "unclear"}
TONE: Final = {True: "good", False: "bad", None: "plain"}


def said(
    name: str,
    passed: bool | None,
    figure: float,
    against: float | None,
    details: dict[str, Any],
    points: Sequence[list[float]] = (),
) -> Check:
    sentence = Sentence(f"flywheel.check_{name}_{WORD[passed]}", details, TONE[passed])
    return Check(name, passed, float(figure), against, sentence, list(points))


def unknown(name: str, why: str) -> Check:
    """Not done. `why` is a sentence of the catalogue, flywheel.check_why_..."""
    details = {"why": {"word": f"flywheel.check_why_{why}"}}
    return Check(name, None, float("nan"), None, Sentence(f"flywheel.check_{name}_unknown", details))
