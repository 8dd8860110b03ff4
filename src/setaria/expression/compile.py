"""Tree -> closures, one a node: about ten times as fast as walking the tree."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from setaria.expression.compute import (
    NUMBERS,
    UNDEFINED,
    Fault,
    arithmetic,
    bounded,
    concat,
    contains,
    equal,
    number,
    order,
    power,
    weigh,
)
from setaria.expression.environment import Environment
from setaria.expression.routines import TABLES, Routine
from setaria.expression.times import FIELDS
from setaria.expression.tree import (
    Attribute,
    Binary,
    Call,
    Choice,
    Compare,
    Concat,
    Constant,
    DictOf,
    Expression,
    Index,
    ListOf,
    Logic,
    Name,
    Slice,
    Unary,
)

Run = Callable[[Environment], Any]


def compiled(node: Expression) -> Run:
    return _COMPILERS[type(node)](node)


def _constant(node: Constant) -> Run:
    return _constantly(node.value)


def _name(node: Name) -> Run:
    name = node.name
    return lambda world: world.variables.get(name, UNDEFINED)


def _list(node: ListOf) -> Run:
    items = [compiled(item) for item in node.items]
    return lambda world: weigh([_kept(item(world)) for item in items])


def _dict(node: DictOf) -> Run:
    pairs = [(compiled(key), compiled(value)) for key, value in node.pairs]
    return lambda world: weigh({_key(key(world)): _kept(value(world)) for key, value in pairs})


def _kept(value: Any) -> Any:
    # What is undefined may be looked at, never kept: it is no value of the language.
    return None if value is UNDEFINED else value


def _key(value: Any) -> Any:
    if value is None or type(value) is str or type(value) in NUMBERS:
        return value
    raise Fault("wrong_type", "key")


def _attribute(node: Attribute) -> Run:
    target, name = compiled(node.target), node.name

    def run(world: Environment) -> Any:
        holder = target(world)
        if isinstance(holder, Mapping):
            return holder.get(name, UNDEFINED)
        if isinstance(holder, datetime) and name in FIELDS:
            return FIELDS[name](holder)
        if holder is UNDEFINED:
            raise Fault("undefined", name)
        return UNDEFINED

    return run


def _index(node: Index) -> Run:
    target, key = compiled(node.target), compiled(node.key)

    def run(world: Environment) -> Any:
        holder, at = target(world), key(world)
        if isinstance(holder, Mapping):
            return holder.get(_key(at), UNDEFINED)
        if isinstance(holder, (list, tuple, str)):
            if type(at) is not int:
                return UNDEFINED
            return holder[at] if -len(holder) <= at < len(holder) else UNDEFINED
        if holder is UNDEFINED:
            raise Fault("undefined", str(at)[:40])
        return UNDEFINED

    return run


def _slice(node: Slice) -> Run:
    target = compiled(node.target)
    start = compiled(node.start) if node.start is not None else lambda world: None
    stop = compiled(node.stop) if node.stop is not None else lambda world: None

    def run(world: Environment) -> Any:
        holder = target(world)
        if not isinstance(holder, (list, tuple, str)):
            raise Fault("undefined" if holder is UNDEFINED else "wrong_type", "[:]")
        return holder[start(world) : stop(world)]

    return run


def _unary(node: Unary) -> Run:
    operand = compiled(node.operand)
    if node.op == "not":
        return lambda world: not operand(world)
    sign = operator.neg if node.op == "-" else operator.pos

    def run(world: Environment) -> Any:
        value = operand(world)
        if type(value) not in NUMBERS:
            raise Fault("undefined" if value is UNDEFINED else "wrong_type", node.op)
        return number(sign(value))

    return run


_ARITHMETIC: Final = {
    op: arithmetic(op, compute)
    for op, compute in {
        "+": operator.add,
        "-": operator.sub,
        "*": operator.mul,
        "/": operator.truediv,
        "//": operator.floordiv,
        "%": operator.mod,
    }.items()
} | {"**": arithmetic("**", power)}


def _binary(node: Binary) -> Run:
    left, right, apply = compiled(node.left), compiled(node.right), _ARITHMETIC[node.op]
    return lambda world: apply(left(world), right(world))


def _concat(node: Concat) -> Run:
    parts = [compiled(part) for part in node.parts]
    return lambda world: concat([part(world) for part in parts])


def _logic(node: Logic) -> Run:
    first, *others = [compiled(part) for part in node.parts]
    both = node.op == "and"
    if len(others) == 1:
        second = others[0]
        if both:
            return lambda world: first(world) and second(world)
        return lambda world: first(world) or second(world)

    def run(world: Environment) -> Any:
        value = first(world)
        for other in others:
            if bool(value) is not both:
                return value
            value = other(world)
        return value

    return run


_ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": equal,
    "!=": lambda left, right: not equal(left, right),
    "in": contains,
    "not in": lambda left, right: not contains(left, right),
}
_PLAIN: Final = frozenset({int, float})


def _compare(node: Compare) -> Run:
    first = compiled(node.first)
    rest = [(_comparison(op), compiled(operand)) for op, operand in node.rest]
    if len(rest) == 1:
        (compare, second) = rest[0]
        return lambda world: compare(first(world), second(world))

    def run(world: Environment) -> bool:
        left = first(world)
        for compare, operand in rest:
            right = operand(world)
            if not compare(left, right):
                return False
            left = right
        return True

    return run


def _comparison(op: str) -> Callable[[Any, Any], bool]:
    if op in _COMPARISONS:
        return _COMPARISONS[op]
    before = _ORDERS[op]

    def compare(left: Any, right: Any) -> bool:
        if type(left) in _PLAIN and type(right) in _PLAIN:
            return before(left, right)
        return order(before, left, right)

    return compare


def _choice(node: Choice) -> Run:
    condition, then = compiled(node.condition), compiled(node.then)
    otherwise = compiled(node.otherwise) if node.otherwise is not None else lambda world: UNDEFINED
    return lambda world: then(world) if condition(world) else otherwise(world)


def _call(node: Call) -> Run:
    routine = TABLES[node.table][node.name]
    if node.name == "states" and isinstance(node.arguments[0] if node.arguments else None, Constant):
        address = cast("Constant", node.arguments[0]).value
        if isinstance(address, str):
            return lambda world: world.state(address)
    run = routine.run
    arguments = _arguments(routine, node)
    if node.table == "method":
        return _method(node.name, routine, arguments)
    if routine.world:
        return lambda world: bounded(run(world, *[argument(world) for argument in arguments]))
    if len(arguments) == 1:
        only = arguments[0]
        return lambda world: bounded(run(only(world)))
    return lambda world: bounded(run(*[argument(world) for argument in arguments]))


def _method(name: str, routine: Routine, arguments: Sequence[Run]) -> Run:
    run, owner = routine.run, routine.owner

    def call(world: Environment) -> Any:
        values = [argument(world) for argument in arguments]
        if not isinstance(values[0], owner):
            raise Fault("undefined" if values[0] is UNDEFINED else "wrong_type", name)
        return bounded(run(*values))

    return call


def _constantly(value: Any) -> Run:
    return lambda world: value


def _arguments(routine: Routine, node: Call) -> list[Run]:
    """In the order of the parameters; a gap before the last keyword given takes the default of the routine."""
    given = [compiled(argument) for argument in node.arguments]
    if not node.keywords:
        return given
    keywords = dict(node.keywords)
    last = max(routine.parameters.index(keyword) for keyword in keywords)
    defaults = routine.run.__defaults__ or ()
    for at in range(len(given), last + 1):
        name = routine.parameters[at]
        if name in keywords:
            given.append(compiled(keywords[name]))
        else:
            value = defaults[at - len(routine.parameters)]
            given.append(_constantly(value))
    return given


_COMPILERS: Final[Mapping[type, Callable[[Any], Run]]] = {
    Constant: _constant,
    Name: _name,
    ListOf: _list,
    DictOf: _dict,
    Attribute: _attribute,
    Index: _index,
    Slice: _slice,
    Unary: _unary,
    Binary: _binary,
    Concat: _concat,
    Logic: _logic,
    Compare: _compare,
    Choice: _choice,
    Call: _call,
}
