"""YAML as a tree of nodes that know where they stand in the text.

Plain `on`, `off`, `yes`, `no` stay the strings they are written as: whether they mean a bool or a name is for the spec
to say. So do dates, and times such as `07:30:00`, which YAML 1.1 reads as the number 27000. Every alias is counted as
if what it stands for were written out, so a small file cannot grow into a large tree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NoReturn

import msgspec

from setaria.facts.refused import Refused

if TYPE_CHECKING:
    import yaml

SOURCE_BYTES: Final = 256 * 1024
NODES: Final = 5_000
DEPTH: Final = 32
DIGITS: Final = 18  # what surely fits 64 bits

Scalar = bool | int | float | str | None

_INT: Final = re.compile(r"[-+]?(0|[1-9][0-9_]*)\Z", re.ASCII)
_HEX: Final = re.compile(r"0x[0-9a-fA-F]{1,15}\Z")
_FLOAT: Final = re.compile(r"[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]{1,3})?\Z", re.ASCII)
_TAGS: Final = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq"))
_CONSTANTS: Final[Mapping[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class Node(msgspec.Struct):
    """`value` is a scalar, a list of nodes or a dict of nodes. Lines and columns start at 1; 0 is nowhere.

    `last` is the line on which it ends. `tag` is "input" for `!input`, whose name is the value, else "".
    """

    value: Any
    line: int = 0
    column: int = 0
    last: int = 0
    size: int = 1
    depth: int = 1
    tag: str = ""
    block: bool = False  # a string written with | or >

    def plain(self) -> Any:
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def children(self) -> Iterator[Node]:
        if isinstance(self.value, dict):
            yield from self.value.values()
        elif isinstance(self.value, list):
            yield from self.value


def read(source: str) -> list[Node]:
    """The documents of a text. Raises Refused `linkage_unreadable` (line, column, why, which is a word of the list
    `linkage.unreadable.*`, and what)."""
    import yaml

    if len(source) > SOURCE_BYTES or len(source.encode(errors="replace")) > SOURCE_BYTES:
        _unreadable(1, 1, "too_long", SOURCE_BYTES)
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Builder().documents(yaml.parse(source, Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        _unreadable(line, column, "not_yaml", error.problem or "")
    except yaml.reader.ReaderError as error:
        before = source[: error.position] if isinstance(error.position, int) else ""
        _unreadable(before.count("\n") + 1, len(before) - before.rfind("\n"), "character", str(error.reason))
    except UnicodeEncodeError as error:
        before = source[: error.start]
        _unreadable(before.count("\n") + 1, len(before) - before.rfind("\n"), "character", "")


def node_of(value: object) -> Node:
    """The tree of a plain value, such as the JSON of a request. Raises as `read` does."""
    return _from_plain(value, 1, [NODES])


def _from_plain(value: object, depth: int, left: list[int]) -> Node:
    left[0] -= 1
    if left[0] < 0:
        _unreadable(0, 0, "too_many", NODES)
    if depth > DEPTH:
        _unreadable(0, 0, "too_deep", DEPTH)
    if isinstance(value, Mapping):
        return _collection({_text(str(key)): _from_plain(child, depth + 1, left) for key, child in value.items()})
    if isinstance(value, list | tuple):
        return _collection([_from_plain(child, depth + 1, left) for child in value])
    return Node(_plain_scalar(value))


def _plain_scalar(value: object) -> Scalar:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 10**DIGITS else "…"
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return _text(str(value)[:SOURCE_BYTES])


def _collection(value: list[Node] | dict[str, Node], line: int = 0, column: int = 0, last: int = 0) -> Node:
    children = list(value.values()) if isinstance(value, dict) else value
    size = 1 + sum(child.size for child in children)
    depth = 1 + max((child.depth for child in children), default=0)
    return Node(value, line, column, last, size, depth)


def _unreadable(line: int, column: int, why: str, what: object) -> NoReturn:
    shown = what if isinstance(what, int) else _text(str(what)[:120])
    raise Refused("linkage_unreadable", line=line, column=column, why=why, what=shown)


def _text(text: str) -> str:
    """Half surrogate pairs cannot be stored."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def plain_as_read(text: str) -> Scalar:
    """What text without quotes is read as."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if len(text) <= DIGITS:
        if _INT.match(text):
            return int(text.replace("_", ""))
        if _HEX.match(text):
            return int(text, 16)
        if _FLOAT.match(text):
            number = float(text.replace("_", ""))
            return number if math.isfinite(number) else text
    return _text(text)


class _Open:
    """A list or a mapping whose end has not come yet."""

    __slots__ = ("anchor", "items", "key", "keys", "mapping", "mark", "merged")

    def __init__(self, mark: Any, mapping: bool, anchor: str | None) -> None:
        self.mark = mark
        self.anchor = anchor
        self.mapping = mapping
        self.items: list[Node] = []
        self.keys: dict[str, Node] = {}
        self.key: str | None = None
        self.merged: dict[str, Node] = {}  # from `<<`; what is written here wins

    def add(self, node: Node) -> None:
        if not self.mapping:
            self.items.append(node)
        elif self.key is None:
            self.key = self._as_key(node)
        elif self.key == "<<":
            self._merge(node)
            self.key = None
        else:
            self.keys[self.key] = node
            self.key = None

    def _as_key(self, node: Node) -> str:
        if isinstance(node.value, list | dict) or node.tag:
            _unreadable(node.line, node.column, "key", "")
        key = "null" if node.value is None else str(node.value).lower() if isinstance(node.value, bool) else node.value
        key = str(key)
        if key in self.keys:
            _unreadable(node.line, node.column, "twice", key)
        return key

    def _merge(self, node: Node) -> None:
        for source in [node] if isinstance(node.value, dict) else node.value if isinstance(node.value, list) else []:
            if not isinstance(source.value, dict):
                _unreadable(node.line, node.column, "merge", "")
            self.merged = source.value | self.merged
        if not isinstance(node.value, list | dict):
            _unreadable(node.line, node.column, "merge", "")

    def close(self, last: int) -> Node:
        value: list[Node] | dict[str, Node] = self.merged | self.keys if self.mapping else self.items
        return _collection(value, self.mark.line + 1, self.mark.column + 1, last)


class _Builder:
    """Events of a parser in, nodes out. Counts as it goes, so that nothing is built that is too large."""

    def __init__(self) -> None:
        self._count = 0
        self._open: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}  # None while what it names is still open
        self._documents: list[Node] = []

    def documents(self, events: Iterator[yaml.Event]) -> list[Node]:
        import yaml

        for event in events:
            match event:
                case yaml.ScalarEvent():
                    self._add(self._leaf(event), event.anchor)
                case yaml.AliasEvent():
                    self._add(self._alias(event), None)
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    self._start(event, isinstance(event, yaml.MappingStartEvent))
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    self._end(event.start_mark)
                case yaml.DocumentStartEvent():
                    self._anchors.clear()
        return self._documents

    def _end(self, mark: Any) -> None:
        ended = self._open.pop()
        last = mark.line + 1 if mark.column else mark.line  # a block ends before the next line
        self._add(ended.close(max(last, ended.mark.line + 1)), ended.anchor)

    def _start(self, event: Any, mapping: bool) -> None:
        mark = event.start_mark
        if event.tag is not None and event.tag not in _TAGS:
            _unreadable(mark.line + 1, mark.column + 1, *_refused_tag(event.tag))
        self._grow(1, mark)
        if len(self._open) >= DEPTH:
            _unreadable(mark.line + 1, mark.column + 1, "too_deep", DEPTH)
        if event.anchor:
            self._anchors[event.anchor] = None
        self._open.append(_Open(mark, mapping, event.anchor))

    def _grow(self, nodes: int, mark: Any) -> None:
        self._count += nodes
        if self._count > NODES:
            _unreadable(mark.line + 1, mark.column + 1, "too_many", NODES)

    def _leaf(self, event: Any) -> Node:
        mark = event.start_mark
        self._grow(1, mark)
        tag = event.tag
        node = Node(_text(event.value), mark.line + 1, mark.column + 1, event.end_mark.line + 1)
        node.block = event.style in ("|", ">")
        if tag == "!input":
            node.tag = "input"
        elif tag is not None and tag not in ("!", "tag:yaml.org,2002:str"):
            if tag not in _TAGS:
                _unreadable(node.line, node.column, *_refused_tag(tag))
            node.value = plain_as_read(event.value)
        elif tag is None and event.implicit[0]:
            node.value = plain_as_read(event.value)
        return node

    def _alias(self, event: Any) -> Node:
        mark = event.start_mark
        node = self._anchors.get(event.anchor)
        if node is None:
            _unreadable(mark.line + 1, mark.column + 1, "alias", event.anchor)
        self._grow(node.size, mark)
        if len(self._open) + node.depth > DEPTH:
            _unreadable(mark.line + 1, mark.column + 1, "too_deep", DEPTH)
        return node

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node
        if self._open:
            self._open[-1].add(node)
        else:
            self._documents.append(node)


def _refused_tag(tag: str) -> tuple[str, str]:
    name = tag.lstrip("!")
    if name == "secret":
        return "secret", name
    if name.startswith("include"):
        return "include", name
    return "tag", tag
