"""What all parts of the checker share: the home, the places of the rule, the problems so far."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from setaria.facts.refused import Refused
from setaria.home.linkage.catalogue import Catalogue
from setaria.home.linkage.check_refs import Finder, Found
from setaria.home.linkage.check_values import literals
from setaria.home.linkage.problem import MOST, Problem, Severity
from setaria.home.linkage.rule import Formula, Ref
from setaria.home.ports import Value

# A state function with its address, and the value it is compared with if that is written out.
_IS_STATE: Final = re.compile(r"""\bis_state\(\s*(['"])(?P<name>[^'"]+)\1\s*,\s*(['"])(?P<word>[^'"]*)\3\s*\)""")
_COMPARED: Final = re.compile(
    r"""\bstates\(\s*(['"])(?P<name>[^'"]+)\1\s*\)\s*(?P<op>==|!=)\s*(['"])(?P<word>[^'"]*)\4"""
)
_ATTRIBUTE: Final = re.compile(
    r"""\bstate_attr\(\s*(['"])(?P<name>[^'"/@]+)\1\s*,\s*(['"])(?P<attribute>[^'"]+)\3\s*\)"""
)


class Desk:
    def __init__(self, catalogue: Catalogue, positions: Mapping[str, tuple[int, int]]) -> None:
        self.catalogue = catalogue
        self.finder = Finder(catalogue)
        self.positions = positions
        self.problems: list[Problem] = []
        self.names: set[str] = set()  # of variables the rule sets
        self._found: dict[tuple[str, str], Found | Refused] = {}

    def note(self, severity: Severity, code: str, path: str, **details: object) -> None:
        line, column = self.place(path)
        problem = Problem(severity, code, path, line, column, details)
        if len(self.problems) < MOST and problem not in self.problems:
            self.problems.append(problem)

    def place(self, path: str) -> tuple[int, int]:
        """Of the nearest part that has one."""
        while path not in self.positions and path:
            path = path.rpartition("/")[0]
        return self.positions.get(path, (0, 0))

    def error(self, code: str, path: str, **details: object) -> None:
        self.note(Severity.ERROR, code, path, **details)

    def warn(self, code: str, path: str, **details: object) -> None:
        self.note(Severity.WARNING, code, path, **details)

    def refuse(self, refused: Refused, path: str) -> None:
        self.error(refused.code, path, **refused.details)

    def find(self, address: str, path: str, word: str = "") -> Found | None:
        key = (address, word)
        if key not in self._found:
            try:
                self._found[key] = self.finder.found(address, word)
            except Refused as refused:
                self._found[key] = refused
        found = self._found[key]
        if isinstance(found, Refused):
            self.refuse(found, path)
            return None
        return found

    def readable(self, address: str, path: str, word: str = "") -> Found | None:
        found = self.find(address, path, word)
        if found is not None and found.prop is not None and not (found.prop.readable or found.prop.notifies):
            self.error("not_readable", path, address=found.ref.address)
            return None
        return found

    def values(self, found: Found, given: tuple[Value, ...] | None, path: str) -> tuple[Value, ...] | None:
        if given is None:
            return None
        known: list[Value] = []
        for value in given:
            try:
                known += literals(found, value)
            except Refused as refused:
                self.refuse(refused, path)
        return tuple(dict.fromkeys(known))

    def bound(self, bound: float | Ref | None, path: str) -> float | Ref | None:
        if not isinstance(bound, Ref):
            return bound
        found = self.readable(bound.address, path)
        if found is None:
            return bound
        if not found.numeric:
            self.error("not_numeric", path, address=found.ref.address)
        return found.ref

    def formula(self, formula: Formula, path: str) -> Formula:
        """Full addresses, and typed values where a state is compared with a word."""
        from setaria.expression import Template

        source = _ATTRIBUTE.sub(lambda match: f"states('{match['name']}@{match['attribute']}')", formula.source)
        source = _IS_STATE.sub(lambda match: self._is_state(match, path), source)
        source = _COMPARED.sub(lambda match: self._compared(match, path), source)
        try:
            template = Template.parse(source)
        except Refused:  # the parser has said so
            return formula
        for address in sorted(template.reads):
            found = self.readable(address, path)
            if found is not None and found.ref.address != address:
                source = re.sub(rf"""(['"]){re.escape(address)}\1""", rf"\g<1>{found.ref.address}\g<1>", source)
        strange = template.names - self.names - KNOWN_NAMES
        if strange:
            self.warn("variable_unknown", path, names=", ".join(sorted(strange)))
        return formula if source == formula.source else Formula(source)

    def _is_state(self, match: re.Match[str], path: str) -> str:
        meant = self._meant(match, path)
        if meant is None:
            return match[0]
        address, values = meant
        return f"is_state('{address}', {_written(values)})"

    def _compared(self, match: re.Match[str], path: str) -> str:
        meant = self._meant(match, path)
        if meant is None:
            return match[0]
        address, values = meant
        if len(values) == 1:
            return f"states('{address}') {match['op']} {_written(values)}"
        return f"states('{address}') {'in' if match['op'] == '==' else 'not in'} {_written(values)}"

    def _meant(self, match: re.Match[str], path: str) -> tuple[str, tuple[Value, ...]] | None:
        word = match["word"].strip().casefold()
        if word in ("unavailable", "unknown", "none"):
            return None
        found = self.find(match["name"], path, word)
        values = None if found is None else self.values(found, (match["word"],), path)
        return (found.ref.address, values) if found is not None and values else None


KNOWN_NAMES: Final = frozenset(("trigger", "repeat", "wait", "this", "context"))


def _written(values: tuple[Value, ...]) -> str:
    texts = [
        ("true" if value else "false")
        if isinstance(value, bool)
        else f"'{value}'"
        if isinstance(value, str)
        else str(value)
        for value in values
    ]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def described(value: object) -> str:
    """A rule's part, for a sentence."""
    return str(msgspec.to_builtins(value))[:80]
