"""Tree -> source text, with no more brackets than needed: `parse(write(tree)) == tree`."""

from __future__ import annotations

import msgspec

from setaria.expression.parse import POWERS
from setaria.expression.tree import (
    Attribute,
    Binary,
    Body,
    Call,
    Choice,
    Compare,
    Concat,
    Constant,
    DictOf,
    Expression,
    If,
    Index,
    ListOf,
    Logic,
    Name,
    Output,
    Slice,
    Statement,
    Text,
    Unary,
)

_LOOSEST, _NOT, _SIGN, _FILTER, _CLOSE = 0, 3, 9, 10, 11


def write(tree: Expression | Body) -> str:
    if isinstance(tree, Body):
        return "".join(_statement(statement) for statement in tree.statements)
    return _written(tree)[0]


def _statement(statement: Statement) -> str:
    if isinstance(statement, Text):
        return statement.text
    if isinstance(statement, Output):
        return f"{{{{ {write(statement.value)} }}}}"
    if isinstance(statement, If):
        words = ["if", *["elif"] * (len(statement.branches) - 1)]
        parts = [
            f"{{% {word} {write(condition)} %}}{write(Body(block))}"
            for word, (condition, block) in zip(words, statement.branches, strict=True)
        ]
        if statement.otherwise:
            parts.append(f"{{% else %}}{write(Body(statement.otherwise))}")
        return "".join([*parts, "{% endif %}"])
    return f"{{% set {statement.name} = {write(statement.value)} %}}"


def _in(tree: Expression, power: int) -> str:
    source, own = _written(tree)
    return source if own >= power else f"({source})"


def _written(tree: Expression) -> tuple[str, int]:  # noqa: C901  one case a node
    """The source, and how tightly it binds."""
    match tree:
        case Constant(value):
            written = _constant(value)
            return written, _SIGN if written.startswith("-") else _CLOSE
        case Name(name):
            return name, _CLOSE
        case ListOf(items):
            return f"[{', '.join(map(write, items))}]", _CLOSE
        case DictOf(pairs):
            return f"{{{', '.join(f'{write(key)}: {write(value)}' for key, value in pairs)}}}", _CLOSE
        case Attribute(target, name):
            return f"{_in(target, _CLOSE)}.{name}", _CLOSE
        case Index(target, key):
            return f"{_in(target, _CLOSE)}[{write(key)}]", _CLOSE
        case Slice(target, start, stop):
            return f"{_in(target, _CLOSE)}[{write(start) if start else ''}:{write(stop) if stop else ''}]", _CLOSE
        case Unary("not", Call("test") as call):
            return _test(call, "is not"), _FILTER
        case Unary("not", operand):
            return f"not {_in(operand, _NOT)}", _NOT
        case Unary(op, operand):
            return f"{op}{_in(operand, _SIGN if isinstance(operand, Unary) else _CLOSE)}", _SIGN
        case Binary(op, left, right):
            return f"{_in(left, POWERS[op])} {op} {_in(right, POWERS[op] + 1)}", POWERS[op]
        case Concat(parts):
            return " ~ ".join(_in(part, POWERS["~"] + 1) for part in parts), POWERS["~"]
        case Logic(op, parts):
            return f" {op} ".join(_in(part, POWERS[op] + 1) for part in parts), POWERS[op]
        case Compare(first, rest):
            own = POWERS["=="]
            operands = "".join(f" {op} {_in(operand, own + 1)}" for op, operand in rest)
            return f"{_in(first, own + 1)}{operands}", own
        case Choice(condition, then, otherwise):
            end = f" else {write(otherwise)}" if otherwise is not None else ""
            return f"{_in(then, 1)} if {_in(condition, 1)}{end}", _LOOSEST
        case Call("test") as call:
            return _test(call, "is"), _FILTER
        case Call() as call:
            return _call(call)


def _constant(value: bool | int | float | str | None) -> str:
    if isinstance(value, str):
        return "'" + msgspec.json.encode(value).decode()[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"
    return str(value).lower() if value is None or isinstance(value, bool) else repr(value)


def _given(arguments: tuple[Expression, ...], keywords: tuple[tuple[str, Expression], ...]) -> str:
    return ", ".join([*map(write, arguments), *(f"{name}={write(value)}" for name, value in keywords)])


def _test(call: Call, word: str) -> str:
    given = _given(call.arguments[1:], call.keywords)
    return f"{_in(call.arguments[0], _SIGN)} {word} {call.name}{f'({given})' if given else ''}"


def _call(call: Call) -> tuple[str, int]:
    if call.table == "function":
        return f"{call.name}({_given(call.arguments, call.keywords)})", _CLOSE
    given = _given(call.arguments[1:], call.keywords)
    if call.table == "method":
        return f"{_in(call.arguments[0], _CLOSE)}.{call.name}({given})", _CLOSE
    return f"{_in(call.arguments[0], _SIGN)} | {call.name}{f'({given})' if given else ''}", _FILTER
