"""Blueprints: a linkage with holes (`!input`), and what fills them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from setaria.home.linkage.document import NODES, Node
from setaria.home.linkage.parse_values import DEPTH, Reader, near, shown


def fill(reader: Reader, node: Node, inputs: Mapping[str, Node], at: Node | None = None) -> Node | None:
    """The blueprint's body with each `!input` replaced. None when an input is missing. `at` is where it is used."""
    where = at or node
    header = node.value.get("blueprint")
    if header is None or not isinstance(header.value, dict):
        reader.error("blueprint_header", header or node, "")
        return None
    domain = header.value.get("domain")
    if domain is not None and domain.value != "automation":
        reader.error("blueprint_domain", domain, "", domain=shown(domain.value))
        return None
    values = _declared(header.value.get("input"), 0)
    for name, given in inputs.items():
        if name not in values:
            reader.error("input_unknown", where, "", name=shown(name), near=near(name, values))
        else:
            values[name] = given
    missing = [name for name, value in values.items() if value is None]
    if missing:
        reader.error("inputs_missing", where, "", names=", ".join(map(shown, missing)))
        return None
    body = Node({key: child for key, child in node.value.items() if key != "blueprint"}, node.line, node.column)
    filler = _Filler(reader, {name: value for name, value in values.items() if value is not None})
    filled = filler.fill(body)
    return filled if filler.complete else None


def _declared(node: Node | None, depth: int) -> dict[str, Node | None]:
    """Inputs with their defaults, None for those that have none. Sections hold inputs of their own."""
    found: dict[str, Node | None] = {}
    if node is None or not isinstance(node.value, dict) or depth > DEPTH:
        return found
    for name, child in node.value.items():
        described = child.value if isinstance(child.value, dict) else {}
        if "input" in described:
            found |= _declared(described["input"], depth + 1)
        else:
            found[name] = described.get("default")
    return found


class _Filler:
    def __init__(self, reader: Reader, values: Mapping[str, Node]) -> None:
        self.reader = reader
        self.values = values
        self.complete = True
        self._left = NODES

    def fill(self, node: Node) -> Node:
        self._left -= 1
        if self._left == 0:
            self.reader.error("blueprint_too_large", node, "", maximum=NODES)
        if self._left <= 0:
            self.complete = False
            return Node(None, node.line, node.column)
        if node.tag == "input":
            return self._input(node)
        if isinstance(node.value, dict):
            return msgspec.structs.replace(node, value={key: self.fill(child) for key, child in node.value.items()})
        if isinstance(node.value, list):
            return msgspec.structs.replace(node, value=[self.fill(child) for child in node.value])
        return node

    def _input(self, node: Node) -> Node:
        value = self.values.get(str(node.value))
        if value is None:
            self.reader.error(
                "input_undeclared", node, "", name=shown(node.value), near=near(str(node.value), self.values)
            )
            self.complete = False
            return Node(None, node.line, node.column)
        self._left -= value.size
        line, column = (value.line, value.column) if value.line else (node.line, node.column)
        return msgspec.structs.replace(value, line=line, column=column, tag="")
