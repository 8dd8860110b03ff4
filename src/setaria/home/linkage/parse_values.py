"""Reading the small values of a linkage: durations, times of day, flags, templates. What cannot be read is noted as a
problem, and a harmless value stands in for it, so that the rest is still looked at."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from setaria.facts.refused import Refused
from setaria.home.linkage.document import Node
from setaria.home.linkage.problem import MOST, Problem, Severity
from setaria.home.linkage.rule import Formula, Given, Ref
from setaria.home.ports import Value

SECOND: Final = 1_000_000
DAY: Final = 86_400 * SECOND
LONGEST: Final = 3_660 * DAY
NEAR: Final = 3

TRIGGERS: Final = 64
CONDITIONS: Final = 64
STEPS: Final = 256
DEPTH: Final = 16

_UNITS: Final[Mapping[str, int]] = {
    "days": DAY,
    "hours": 3_600 * SECOND,
    "minutes": 60 * SECOND,
    "seconds": SECOND,
    "milliseconds": 1_000,
}
_CLOCK: Final = re.compile(r"([+-]?)(\d{1,5}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,6}))?)?\Z", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?\d{1,15}(\.\d{1,9})?\Z", re.ASCII)
_FLAGS: Final[Mapping[object, bool]] = {
    **dict.fromkeys(("on", "true", "yes", "enable", "y"), True),
    **dict.fromkeys(("off", "false", "no", "disable", "n"), False),
}
WEEKDAYS: Final[Mapping[str, int]] = {
    name: number
    for number, names in enumerate(
        ("mon monday", "tue tuesday", "wed wednesday", "thu thursday", "fri friday", "sat saturday", "sun sunday")
    )
    for name in names.split()
}


def is_template(value: object) -> bool:
    return isinstance(value, str) and any(mark in value for mark in ("{{", "{%", "{#"))


def near(wrong: str, right: Iterable[str]) -> str:
    return ", ".join(difflib.get_close_matches(wrong[:128], list(right), n=NEAR, cutoff=0.6))


def shown(value: object) -> str:
    text = value if isinstance(value, str) else "…" if isinstance(value, list | dict) else str(value)
    return text if len(text) <= 80 else text[:79] + "…"


class Reader:
    """What is known while one linkage is read. `steps` and `conditions` count towards their bounds."""

    def __init__(self, problems: list[Problem] | None = None) -> None:
        self.problems: list[Problem] = [] if problems is None else problems
        self.positions: dict[str, tuple[int, int]] = {}
        self.steps = 0
        self.conditions = 0

    def place(self, path: str, node: Node) -> None:
        self.positions.setdefault(path, (node.line, node.column))

    def error(self, code: str, node: Node, path: str, **details: object) -> None:
        self._note(Severity.ERROR, code, node, path, details)

    def warn(self, code: str, node: Node, path: str, **details: object) -> None:
        self._note(Severity.WARNING, code, node, path, details)

    def _note(self, severity: Severity, code: str, node: Node, path: str, details: Mapping[str, Any]) -> None:
        if len(self.problems) < MOST:
            self.problems.append(Problem(severity, code, path, node.line, node.column, dict(details)))

    def text(self, node: Node | None, path: str, default: str = "") -> str:
        if node is None or node.value is None:
            return default
        if isinstance(node.value, list | dict):
            self.error("want_text", node, path)
            return default
        if isinstance(node.value, bool):
            return "true" if node.value else "false"
        return str(node.value).strip()

    def texts(self, node: Node | None, path: str) -> tuple[str, ...]:
        """A list, one text, or several with commas between."""
        if node is None or node.value is None:
            return ()
        if isinstance(node.value, list):
            return tuple(text for child in node.value for text in self.texts(child, path))
        text = self.text(node, path)
        if is_template(text):
            self.error("template_here", node, path, text=shown(text))
            return ()
        return tuple(part.strip() for part in text.split(",") if part.strip())

    def flag(self, node: Node | None, path: str, default: bool) -> bool:
        if node is None or node.value is None:
            return default
        if isinstance(node.value, bool):
            return node.value
        word = _FLAGS.get(node.value.lower()) if isinstance(node.value, str) else None
        if word is None:
            self.error("want_flag", node, path, value=shown(node.value))
            return default
        return word

    def number(self, node: Node, path: str) -> float | None:
        value = node.value
        if isinstance(value, str) and _NUMBER.match(value.strip()):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self.error("want_number", node, path, value=shown(value))
            return None
        return float(value)

    def whole(self, node: Node | None, path: str, default: int, lowest: int, highest: int) -> int:
        if node is None or node.value is None:
            return default
        number = self.number(node, path)
        if number is None:
            return default
        if not number.is_integer() or not lowest <= number <= highest:
            self.error("want_whole", node, path, value=shown(node.value), lowest=lowest, highest=highest)
            return default
        return int(number)

    def duration(self, node: Node | None, path: str, default: int = 0, signed: bool = False) -> int:
        """Microseconds from `HH:MM:SS`, `HH:MM`, seconds, or {minutes: 5}."""
        if node is None or node.value is None:
            return default
        total = self._duration(node, path)
        if total is None or abs(total) > LONGEST or (total < 0 and not signed):
            self.error("bad_duration", node, path, value=shown(node.value))
            return default
        return total

    def _duration(self, node: Node, path: str) -> int | None:
        value = node.value
        if isinstance(value, dict):
            total = 0
            for unit, part in value.items():
                if unit not in _UNITS:
                    self.error("unknown_key", part, path, key=shown(unit), near=near(unit, _UNITS))
                    continue
                number = self.number(part, path)
                if number is None or abs(number) > LONGEST:
                    return None if number else 0
                total += round(number * _UNITS[unit])
            return total
        if isinstance(value, str):
            value = value.strip()
            match = _CLOCK.match(value)
            if match:
                return _clock(match)
            if _NUMBER.match(value):
                value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > LONGEST:
            return None
        return round(value * SECOND)

    def duration_or_formula(self, node: Node, path: str) -> int | Formula:
        """A formula gives seconds."""
        if is_template(node.value):
            return self.formula(node, path)
        if isinstance(node.value, dict) and len(node.value) == 1:
            unit, part = next(iter(node.value.items()))
            inner = re.fullmatch(r"\{\{(.*)\}\}", str(part.value).strip(), re.DOTALL)
            if unit in _UNITS and inner and "{{" not in inner[1]:
                factor = _UNITS[unit] // SECOND if _UNITS[unit] >= SECOND else 0.001
                scaled = Node(f"{{{{ ({inner[1].strip()}) * {factor} }}}}", part.line, part.column)
                return self.formula(scaled, path)
        return self.duration(node, path)

    def time_of_day(self, node: Node, path: str) -> int:
        """Microseconds after midnight, -1 when it cannot be read."""
        match = _CLOCK.match(node.value.strip()) if isinstance(node.value, str) else None
        found = _clock(match) if match and not match[1] else -1
        if isinstance(node.value, str) and re.match(r"[a-z_]+\.[a-z0-9_]+\Z", node.value):
            self.error("time_of_entity", node, path, entity=shown(node.value))
        elif match is None or not 0 <= found < DAY or int(match[3]) > 59 or int(match[4] or 0) > 59:
            self.error("bad_time", node, path, value=shown(node.value))
        else:
            return found
        return -1

    def weekdays(self, node: Node | None, path: str) -> tuple[int, ...]:
        if node is None:
            return (0, 1, 2, 3, 4, 5, 6)
        found = set()
        for name in self.texts(node, path):
            number = WEEKDAYS.get(name.lower())
            if number is None:
                self.error("bad_weekday", node, path, value=shown(name), near=near(name.lower(), WEEKDAYS))
            else:
                found.add(number)
        return tuple(sorted(found))

    def refs(self, node: Node | None, path: str, attribute: Node | None = None) -> tuple[Ref, ...]:
        """Not bound yet. An attribute is kept as `thing@attribute` for the checker to find."""
        names = self.texts(node, path)
        suffix = f"@{self.text(attribute, path)}" if attribute is not None and attribute.value is not None else ""
        return tuple(Ref(name + suffix) for name in dict.fromkeys(names))

    def value(self, node: Node, path: str) -> Value | None:
        if isinstance(node.value, list | dict):
            self.error("want_value", node, path)
            return None
        if is_template(node.value):
            self.error("template_here", node, path, text=shown(node.value))
            return None
        scalar: Value | None = node.value
        return scalar

    def values(self, node: Node | None, path: str) -> tuple[Value, ...] | None:
        """None when nothing is given, which accepts anything."""
        if node is None or node.value is None:
            return None
        nodes = node.value if isinstance(node.value, list) else [node]
        found = [self.value(child, path) for child in nodes]
        return tuple(value for value in found if value is not None)

    def bound(self, node: Node | None, path: str) -> float | Ref | None:
        """A number, or something whose value is the number."""
        if node is None or node.value is None:
            return None
        text = node.value.strip() if isinstance(node.value, str) else ""
        if is_template(text):
            self.error("template_here", node, path, text=shown(text))
            return None
        if text and not _NUMBER.match(text) and ("." in text or "/" in text):
            return Ref(text)
        return self.number(node, path)

    def formula(self, node: Node, path: str) -> Formula:
        from setaria.expression import Template

        source = str(node.value)
        try:
            Template.parse(source)
        except Refused as refused:
            line, column = refused.details.get("line", 1), refused.details.get("column", 1)
            assert isinstance(line, int)
            assert isinstance(column, int)
            first = line == 1 and not node.block
            where = Node(None, 0, 0)
            if node.line:
                where = Node(
                    None, node.line + line - (0 if node.block else 1), node.column + column - 1 if first else column
                )
            details = {name: value for name, value in refused.details.items() if name not in ("line", "column")}
            self.error("template_refused", where, path, **details)
        return Formula(source)

    def given(self, node: Node, path: str) -> Given:
        return self.formula(node, path) if is_template(node.value) else self.value(node, path)

    def data(self, node: Node | None, path: str) -> Any:
        """Lists and mappings of values, texts with templates in them as formulas."""
        if node is None:
            return None
        if isinstance(node.value, dict):
            return {key: self.data(child, path) for key, child in node.value.items()}
        if isinstance(node.value, list):
            return [self.data(child, path) for child in node.value]
        return self.formula(node, path) if is_template(node.value) else node.value

    def mapping(self, node: Node | None, path: str) -> dict[str, Any]:
        if node is None or node.value is None:
            return {}
        if not isinstance(node.value, dict):
            self.error("want_mapping", node, path)
            return {}
        found: dict[str, Any] = self.data(node, path)
        return found

    def items(self, node: Node | None) -> list[Node]:
        """A list, or one thing that stands for a list of one."""
        if node is None or node.value is None:
            return []
        return node.value if isinstance(node.value, list) else [node]


class Fields:
    """A mapping whose keys are taken one by one; `done` notes those nobody took."""

    def __init__(self, reader: Reader, node: Node, path: str) -> None:
        self.reader = reader
        self.node = node
        self.path = path
        self._left: dict[str, Node] = dict(node.value) if isinstance(node.value, dict) else {}
        self._known: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def take(self, *names: str) -> Node | None:
        """Several names are spellings of one thing, of which one may be given."""
        self._known.update(names)
        given = [name for name in names if name in self._left]
        found = [self._left.pop(name) for name in given]
        if len(found) > 1:
            self.reader.error("key_twice", found[1], self.path, key=given[1], other=given[0])
        return found[0] if found else None

    def need(self, *names: str) -> Node | None:
        node = self.take(*names)
        if node is None or node.value is None:
            self.reader.error("key_missing", self.node, self.path, key=names[0])
        return node

    def ignore(self, *names: str) -> None:
        for name in names:
            self._left.pop(name, None)

    def done(self) -> None:
        for key, node in self._left.items():
            self.reader.error("unknown_key", node, self.path, key=shown(key), near=near(key, self._known))


def _clock(match: re.Match[str]) -> int:
    sign, hours, minutes, seconds, fraction = match.groups()
    total = (int(hours) * 3_600 + int(minutes) * 60 + int(seconds or 0)) * SECOND
    total += int((fraction or "0").ljust(6, "0"))
    return -total if sign == "-" else total
