"""Templates that say no more than a trigger can: `{{ is_state('x', 'on') }}`, `{{ states('x') | float > 5 }}`."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from setaria.home.linkage.rule import Ref

_NAME: Final = r"""['"](?P<name>[^'"{}]+)['"]"""
_WORD: Final = r"""['"](?P<word>[^'"{}]*)['"]"""
_FORMS: Final = (
    re.compile(rf"(?P<not>not\s+)?is_state\(\s*{_NAME}\s*,\s*{_WORD}\s*\)"),
    re.compile(rf"states\(\s*{_NAME}\s*\)\s*(?P<op>==|!=)\s*{_WORD}"),
    re.compile(
        rf"states\(\s*{_NAME}\s*\)\s*\|\s*(?:float|int)(?:\([^()]*\))?\s*(?P<op>[<>])\s*(?P<number>-?\d{{1,12}}(?:\.\d{{1,9}})?)"
    ),
)


class SimpleTest(msgspec.Struct, frozen=True):
    ref: Ref
    equals: str | None = None
    negated: bool = False
    above: float | None = None
    below: float | None = None


def simple_test(template: str) -> SimpleTest | None:
    inner = re.fullmatch(r"\{\{-?(?P<inner>[^{}]*?)-?\}\}", template.strip())
    if inner is None:
        return None
    for form in _FORMS:
        match = form.fullmatch(inner["inner"].strip())
        if match is None:
            continue
        found = match.groupdict()
        ref = Ref(found["name"])
        if found.get("number") is not None:
            number = float(found["number"])
            return SimpleTest(ref, above=number) if found["op"] == ">" else SimpleTest(ref, below=number)
        return SimpleTest(ref, equals=found["word"], negated=bool(found.get("not")) or found.get("op") == "!=")
    return None
