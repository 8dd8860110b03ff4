"""What is wrong with a linkage, and where. The sentences stand in the words under `linkage.problem.<code>`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec

MOST: Final = 200  # problems of one text; more would help nobody


class Severity(StrEnum):
    ERROR = "error"  # it cannot be saved
    WARNING = "warning"  # it can, and probably is not what was meant


class Problem(msgspec.Struct, frozen=True):
    """`path` as in traces; line and column start at 1, 0 is unknown. `details` are JSON values for the sentence."""

    severity: Severity
    code: str
    path: str = ""
    line: int = 0
    column: int = 0
    details: Mapping[str, Any] = {}


def tell(problem: Problem, language: str) -> tuple[str, str]:
    """The sentence, and what to do next ("" when there is nothing to do)."""
    from setaria.words.catalogue import say

    key = f"linkage.problem.{problem.code}"
    details = dict(problem.details)
    if problem.code == "template_refused":
        details["why"] = say(
            f"refused.expression_refused.why.{details.get('why')}", language, about=details.get("about")
        )
    following = say(f"{key}.next", language, **details)
    unanswered = "near" in details and not details["near"]  # nothing like it: no question to ask
    return say(key, language, **details), "" if unanswered or following == f"{key}.next" else following
