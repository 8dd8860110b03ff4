"""The tree of an expression or template: plain, tagged structs, so a compiled linkage can be stored and read back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar

import msgspec

Comparison = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in"]
Arithmetic = Literal["+", "-", "*", "/", "//", "%", "**"]
Table = Literal["function", "filter", "test", "method"]


class Constant(msgspec.Struct, frozen=True, array_like=True, tag="constant"):
    value: bool | int | float | str | None


class Name(msgspec.Struct, frozen=True, array_like=True, tag="name"):
    name: str


class ListOf(msgspec.Struct, frozen=True, array_like=True, tag="list"):
    items: tuple[Expression, ...]


class DictOf(msgspec.Struct, frozen=True, array_like=True, tag="dict"):
    pairs: tuple[tuple[Expression, Expression], ...]


class Attribute(msgspec.Struct, frozen=True, array_like=True, tag="attribute"):
    target: Expression
    name: str


class Index(msgspec.Struct, frozen=True, array_like=True, tag="index"):
    target: Expression
    key: Expression


class Slice(msgspec.Struct, frozen=True, array_like=True, tag="slice"):
    target: Expression
    start: Expression | None
    stop: Expression | None


class Unary(msgspec.Struct, frozen=True, array_like=True, tag="unary"):
    op: Literal["-", "+", "not"]
    operand: Expression


class Binary(msgspec.Struct, frozen=True, array_like=True, tag="binary"):
    op: Arithmetic
    left: Expression
    right: Expression


class Concat(msgspec.Struct, frozen=True, array_like=True, tag="concat"):
    parts: tuple[Expression, ...]


class Logic(msgspec.Struct, frozen=True, array_like=True, tag="logic"):
    op: Literal["and", "or"]
    parts: tuple[Expression, ...]


class Compare(msgspec.Struct, frozen=True, array_like=True, tag="compare"):
    first: Expression
    rest: tuple[tuple[Comparison, Expression], ...]


class Choice(msgspec.Struct, frozen=True, array_like=True, tag="choice"):
    condition: Expression
    then: Expression
    otherwise: Expression | None


class Call(msgspec.Struct, frozen=True, array_like=True, tag="call"):
    """A filter's, test's or method's first argument is what it stands behind."""

    table: Table
    name: str
    arguments: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...] = ()


Expression = (
    Constant
    | Name
    | ListOf
    | DictOf
    | Attribute
    | Index
    | Slice
    | Unary
    | Binary
    | Concat
    | Logic
    | Compare
    | Choice
    | Call
)


class Text(msgspec.Struct, frozen=True, array_like=True, tag="text"):
    text: str


class Output(msgspec.Struct, frozen=True, array_like=True, tag="output"):
    value: Expression


class Assign(msgspec.Struct, frozen=True, array_like=True, tag="assign"):
    name: str
    value: Expression


class If(msgspec.Struct, frozen=True, array_like=True, tag="if"):
    branches: tuple[tuple[Expression, tuple[Statement, ...]], ...]
    otherwise: tuple[Statement, ...] = ()


class Body(msgspec.Struct, frozen=True, array_like=True, tag="body"):
    statements: tuple[Statement, ...]


Statement = Text | Output | Assign | If
Tree = Expression | Statement | Body
AnyTree = TypeVar("AnyTree", bound=Tree)

STATE_FUNCTIONS = frozenset({"states", "is_state", "state_attr", "is_state_attr", "has_value"})


def _children(field: object) -> Iterator[Tree]:
    if isinstance(field, msgspec.Struct):
        yield field  # type: ignore[misc]  # every struct inside a tree is one of its nodes
    elif isinstance(field, tuple):
        for item in field:
            yield from _children(item)


def children(tree: Tree) -> Iterator[Tree]:
    for name in tree.__struct_fields__:
        yield from _children(getattr(tree, name))


def walk(tree: Tree) -> Iterator[tuple[Tree, int]]:
    """Every node with its depth, from 1."""
    waiting = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting.extend((child, depth + 1) for child in children(node))


def reads(tree: Tree) -> frozenset[str]:
    """The constant addresses whose state the tree may read."""
    return frozenset(address for address in _addresses(tree) if address is not None)


def dynamic_reads(tree: Tree) -> bool:
    """Whether some address is only known when the tree is evaluated."""
    return None in set(_addresses(tree))


def names(tree: Tree) -> frozenset[str]:
    """The variables it needs from outside: those named, less those it sets itself."""
    used = {node.name for node, _ in walk(tree) if isinstance(node, Name)}
    return frozenset(used - {node.name for node, _ in walk(tree) if isinstance(node, Assign)})


def relocate(tree: AnyTree, rename: Callable[[str], str]) -> AnyTree:
    """The same tree with each constant address replaced, as when an import gives its entities their places here."""
    return _rebuilt(tree, rename)  # type: ignore[no-any-return]


def _rebuilt(field: Any, rename: Callable[[str], str]) -> Any:
    if isinstance(field, tuple):
        return tuple(_rebuilt(item, rename) for item in field)
    if not isinstance(field, msgspec.Struct):
        return field
    node = type(field)(*(_rebuilt(getattr(field, name), rename) for name in field.__struct_fields__))
    if isinstance(node, Call):
        address = _address(node)
        if isinstance(address, Constant) and isinstance(address.value, str):
            moved = Constant(rename(address.value))
            swap = tuple((name, moved if value is address else value) for name, value in node.keywords)
            return Call(node.table, node.name, tuple(moved if a is address else a for a in node.arguments), swap)
    return node


def _address(node: Call) -> Expression | None:
    if node.table != "function" or node.name not in STATE_FUNCTIONS:
        return None
    return node.arguments[0] if node.arguments else dict(node.keywords)["address"]


def _addresses(tree: Tree) -> Iterator[str | None]:
    for node, _ in walk(tree):
        address = _address(node) if isinstance(node, Call) else None
        if address is not None:
            known = isinstance(address, Constant) and isinstance(address.value, str)
            yield address.value if known else None  # type: ignore[union-attr,misc]  # what `known` says
