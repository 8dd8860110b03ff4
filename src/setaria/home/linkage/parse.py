"""YAML -> rules, in the form people know from Home Assistant and with our own additions. Every problem is collected,
with the place where it is; nothing here knows the home (check.py does)."""

from __future__ import annotations

import re
import textwrap
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from setaria.facts.refused import Refused
from setaria.home.linkage.document import Node, node_of, read
from setaria.home.linkage.parse_blueprint import fill
from setaria.home.linkage.parse_conditions import read_conditions
from setaria.home.linkage.parse_steps import read_steps
from setaria.home.linkage.parse_triggers import read_triggers
from setaria.home.linkage.parse_values import Fields, Reader, near, shown
from setaria.home.linkage.problem import Problem, Severity
from setaria.home.linkage.rule import Missed, Mode, Rate, Rule

RULES: Final = 1_000
MOST_RUNS: Final = 100
_LISTS: Final = ("linkages", "automation", "automations")
_OURS: Final = frozenset(("trigger", "triggers", "action", "actions", "use_blueprint", "blueprint"))


class Parsed(msgspec.Struct, frozen=True):
    """`positions` give line and column of each part of the rule by its path; "" is the whole linkage."""

    rule: Rule
    positions: Mapping[str, tuple[int, int]]
    problems: tuple[Problem, ...] = ()  # those of this linkage only

    @property
    def sound(self) -> bool:
        return not any(problem.severity is Severity.ERROR for problem in self.problems)


def parse(
    text: str, inputs: Mapping[str, Any] | None = None, blueprints: Mapping[str, str] | None = None
) -> tuple[list[Parsed], list[Problem]]:
    """One linkage, a list, or a mapping with `linkages:`, `automation:` or `automation <name>:`.

    `inputs` fill a blueprint if the text is one; `blueprints` are texts by the path that `use_blueprint` names. A
    linkage with an error is in the list too: see `sound` before saving it. Never raises for what the text holds.
    """
    try:
        documents = read(text)
    except Refused as refused:
        return [], [unreadable(refused)]
    return _Parser(text, inputs or {}, blueprints or {}).all(documents)


def parse_value(value: object) -> tuple[list[Parsed], list[Problem]]:
    """As `parse`, from a plain value such as the JSON of a request."""
    try:
        document = node_of(value)
    except Refused as refused:
        return [], [unreadable(refused)]
    return _Parser("", {}, {}).all([document])


def unreadable(refused: Refused) -> Problem:
    line, column = refused.details.get("line", 0), refused.details.get("column", 0)
    assert isinstance(line, int)
    assert isinstance(column, int)
    details = {name: value for name, value in refused.details.items() if name not in ("line", "column")}
    why = details.pop("why", "not_yaml")
    return Problem(Severity.ERROR, f"unreadable_{why}", "", line, column, details)


def slug(text: str) -> str:
    """Lower-case ASCII; "" when nothing is left."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:64]


class _Parser:
    def __init__(self, text: str, inputs: Mapping[str, Any], blueprints: Mapping[str, str]) -> None:
        self.lines = text.splitlines()
        self.inputs = inputs
        self.blueprints = blueprints
        self.loose: list[Problem] = []  # of no linkage in particular
        self.parsed: list[Parsed] = []
        self.taken: set[str] = set()

    def all(self, documents: list[Node]) -> tuple[list[Parsed], list[Problem]]:
        reader = Reader(self.loose)
        nodes = [node for document in documents for node in linkages_in(reader, document)]
        if not nodes and not self.loose:
            reader.error("nothing_here", documents[0] if documents else Node(None, 1, 1), "")
        if len(nodes) > RULES:
            reader.error("too_many_linkages", nodes[RULES], "", maximum=RULES)
        for node in nodes[:RULES]:
            self._one(node, whole=len(nodes) == 1 and len(documents) == 1 and node is documents[0])
        return self.parsed, self.loose + [problem for parsed in self.parsed for problem in parsed.problems]

    def _one(self, node: Node, whole: bool) -> None:
        reader = Reader()
        reader.place("", node)
        source = "\n".join(self.lines) if whole else self._slice(node)
        body = self._body(reader, node)
        nothing = Rule(id="", alias=_alias(node), triggers=(), actions=())
        rule = nothing if body is None else _read_rule(reader, body)
        name = self._unique(rule)
        rule = msgspec.structs.replace(rule, id=name, alias=rule.alias or name.replace("_", " "), source=source)
        self.parsed.append(Parsed(rule, reader.positions, tuple(reader.problems)))

    def _body(self, reader: Reader, node: Node) -> Node | None:
        if not isinstance(node.value, dict):
            reader.error("want_mapping", node, "")
            return None
        try:
            if "blueprint" in node.value:
                given = {str(name): node_of(value) for name, value in self.inputs.items()}
                return fill(reader, node, given)
            if "use_blueprint" in node.value:
                return self._use(reader, node)
        except Refused as refused:
            reader.problems.append(unreadable(refused))
            return None
        stray = next(_stray_inputs(node), None)
        if stray is not None:
            reader.error("input_outside_blueprint", stray, "", name=shown(stray.value))
            return None
        return node

    def _use(self, reader: Reader, node: Node) -> Node | None:
        """The keys beside `use_blueprint` win over the blueprint's own."""
        use = node.value["use_blueprint"]
        if not isinstance(use.value, dict) or "path" not in use.value:
            reader.error("key_missing", use, "", key="path")
            return None
        path = reader.text(use.value["path"], "")
        text = self.blueprints.get(path)
        if text is None:
            reader.error("blueprint_unknown", use.value["path"], "", name=shown(path), near=near(path, self.blueprints))
            return None
        given = use.value.get("input")
        documents = read(text)
        if len(documents) != 1 or not isinstance(documents[0].value, dict):
            reader.error("blueprint_header", use, "")
            return None
        inputs = given.value if given is not None and isinstance(given.value, dict) else {}
        body = fill(reader, documents[0], inputs, use)
        if body is None:
            return None
        own = {key: child for key, child in node.value.items() if key != "use_blueprint"}
        return Node({**body.value, **own}, node.line, node.column)

    def _slice(self, node: Node) -> str:
        """The author's lines, moved to the left margin."""
        if not node.line or not self.lines:
            return ""
        lines = self.lines[node.line - 1 : node.last]
        lines[0] = " " * (node.column - 1) + lines[0][node.column - 1 :]
        return textwrap.dedent("\n".join(lines)).rstrip() + "\n"

    def _unique(self, rule: Rule) -> str:
        wanted = slug(rule.id) or slug(rule.alias)
        if not wanted or len(wanted) < len(rule.alias) // 3:  # little of a Chinese alias is left
            wanted = slug(rule.id) or f"linkage_{zlib.crc32((rule.alias or rule.id).encode()):08x}"
        name, count = wanted, 2
        while name in self.taken:
            name, count = f"{wanted}_{count}", count + 1
        self.taken.add(name)
        return name


def linkages_in(reader: Reader, node: Node) -> Iterator[Node]:
    if isinstance(node.value, list):
        yield from node.value
    elif isinstance(node.value, dict):
        keys = [key for key in node.value if key in _LISTS or key.startswith("automation ")]
        if not keys or _OURS & set(node.value):
            yield node
        for key in keys:
            if not _OURS & set(node.value):
                child = node.value[key]
                yield from child.value if isinstance(child.value, list) else [] if child.value is None else [child]
    elif node.value is not None:
        reader.error("want_mapping", node, "")


def _stray_inputs(node: Node) -> Iterator[Node]:
    if node.tag == "input":
        yield node
    for child in node.children():
        yield from _stray_inputs(child)


def _alias(node: Node) -> str:
    alias = node.value.get("alias") if isinstance(node.value, dict) else None
    return alias.value if alias is not None and isinstance(alias.value, str) else ""


def _read_rule(reader: Reader, node: Node) -> Rule:
    fields = Fields(reader, node, "")
    mode, max_runs = _mode(fields)
    triggers = read_triggers(reader, fields.need("triggers", "trigger"), "trigger")
    conditions = read_conditions(reader, fields.take("conditions", "condition"), "condition")
    actions = read_steps(reader, fields.need("actions", "action"), "action")
    if not triggers and not reader.problems:
        reader.error("empty_list", node, "", key="triggers")
    if not actions and not reader.problems:
        reader.error("empty_list", node, "", key="actions")
    enabled = reader.flag(fields.take("enabled", "initial_state"), "", True)
    if "trigger_variables" in fields:
        reader.error("trigger_variables", fields.take("trigger_variables") or node, "")
    fields.ignore("max_exceeded", "trace", "hide_entity")
    rule = Rule(
        id=reader.text(fields.take("id"), "")[:64],
        alias=" ".join(reader.text(fields.take("alias"), "").split())[:200],
        description=reader.text(fields.take("description"), "")[:2_000],
        triggers=triggers,
        conditions=conditions,
        actions=actions,
        variables=reader.mapping(fields.take("variables"), ""),
        mode=mode,
        max_runs=max_runs,
        missed=_missed(reader, fields.take("missed")),
        cooldown=reader.duration(fields.take("cooldown"), ""),
        rate=_rate(reader, fields.take("rate")),
        enabled=enabled,
    )
    fields.done()
    return rule


def _mode(fields: Fields) -> tuple[Mode, int]:
    reader = fields.reader
    node = fields.take("mode")
    word = reader.text(node, "", "single")
    if word not in list(Mode):
        reader.error("want_one_of", node or fields.node, "", value=shown(word), accepted=", ".join(Mode))
        word = "single"
    max_node = fields.take("max", "max_runs")
    return Mode(word), reader.whole(max_node, "", 10, 1, MOST_RUNS)


def _missed(reader: Reader, node: Node | None) -> Missed | None:
    if node is None or node.value is None:
        return None
    if node.value == "skip":
        return Missed()
    if node.value == "run":
        return Missed(-1)
    if isinstance(node.value, dict) and set(node.value) == {"within"}:
        return Missed(reader.duration(node.value["within"], ""))
    reader.error("want_one_of", node, "", value=shown(node.value), accepted='skip, run, {within: "00:10:00"}')
    return Missed()


def _rate(reader: Reader, node: Node | None) -> Rate | None:
    if node is None or node.value is None:
        return None
    if not isinstance(node.value, dict):
        reader.error("want_mapping", node, "")
        return None
    fields = Fields(reader, node, "")
    runs_node, within_node = fields.need("runs"), fields.need("within")
    runs = reader.whole(runs_node, "", 0, 1, 100_000)
    within = reader.duration(within_node, "")
    fields.done()
    return Rate(runs, within) if runs and within else None
