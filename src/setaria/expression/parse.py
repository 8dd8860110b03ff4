"""Tokens -> tree: a Pratt parser for Jinja's expressions, with Jinja's precedence.

From loose to tight: `a if b else c`, `or`, `and`, `not`, comparisons and `in` (chained), `+ -`, `~`, `* / // %`, `**`,
then `| filter` and `is test`, signs, and closest of all `.name [key] (call)`. As in Jinja `-2 ** 2` is 4, `-5 | abs` is
5, and `**` groups to the left.
"""

from __future__ import annotations

from typing import Final, NoReturn

from setaria.expression.bounds import MAX_DEPTH, MAX_NODES, MAX_SOURCE
from setaria.expression.routines import TABLES
from setaria.expression.tokens import Token, refuse, tokenize
from setaria.expression.tree import (
    AnyTree,
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
    Index,
    ListOf,
    Logic,
    Name,
    Slice,
    Table,
    Unary,
    walk,
)
from setaria.facts.refused import Refused

_OR, _AND, _NOT, _COMPARE, _CONCAT = 1, 2, 3, 4, 6
POWERS: Final = {
    "or": _OR,
    "and": _AND,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in", "not in"), _COMPARE),
    "+": 5,
    "-": 5,
    "~": _CONCAT,
    **dict.fromkeys(("*", "/", "//", "%"), 7),
    "**": 8,
}
CONSTANTS: Final = {"true": True, "True": True, "false": False, "False": False, "none": None, "None": None}
KEYWORDS: Final = frozenset({"and", "or", "not", "in", "is", "if", "else", *CONSTANTS})


def parse(source: str) -> Expression:
    """Raises Refused `expression_refused` (why, text, about, line, column)."""
    check_source(source)
    tokens, _ = tokenize(source)
    return check_size(Parser(source, tokens).whole(), source)


def check_source(source: str) -> None:
    if len(source) > MAX_SOURCE:
        raise refuse("too_long", source, MAX_SOURCE)
    if any("\ud800" <= character <= "\udfff" for character in source):
        raise refuse("unexpected_character", "", 0)


def check_size(tree: AnyTree, source: str) -> AnyTree:
    for count, (_, depth) in enumerate(walk(tree), 1):
        if depth > MAX_DEPTH + isinstance(tree, Body):
            raise refuse("too_deep", source, 0)
        if count > MAX_NODES:
            raise refuse("too_many_parts", source, 0)
    return tree


class Parser:
    """One run of tokens, which must be one expression."""

    def __init__(self, source: str, tokens: list[Token]) -> None:
        self._source, self._tokens, self._at, self._nesting = source, tokens, 0, 0

    def whole(self) -> Expression:
        if self._tokens[0].kind == "end":
            self._fail("empty")
        tree = self._expression()
        if self._next.kind != "end":
            self._fail("unexpected_token")
        return tree

    # ---- tokens ----

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _fail(self, why: str, token: Token | None = None) -> NoReturn:
        raise self._wrong(why, token)

    def _wrong(self, why: str, token: Token | None = None) -> Refused:
        token = token or self._next
        if why == "unexpected_token" and token.kind == "end":
            why = "unexpected_end"
        return refuse(why, self._source, token.at, "" if token.value is None else str(token.value))

    def _is(self, *values: str) -> bool:
        """Whether an operator or keyword comes next, and not a text that looks like one."""
        return self._next.kind in ("op", "name") and self._next.value in values

    def _take(self, value: str) -> bool:
        if self._is(value):
            self._at += 1
            return True
        return False

    def _expect(self, value: str) -> None:
        if not self._take(value):
            self._fail("unexpected_token")

    def _word(self) -> str:
        token = self._next
        if token.kind != "name" or not isinstance(token.value, str):
            self._fail("unexpected_token")
        self._at += 1
        return token.value

    # ---- expressions ----

    def _expression(self) -> Expression:
        self._nesting += 1
        if self._nesting > MAX_DEPTH:
            self._fail("too_deep")
        tree = self._operators(0)
        while self._take("if"):
            condition = self._operators(0)
            tree = Choice(condition, tree, self._expression() if self._take("else") else None)
        self._nesting -= 1
        return tree

    def _operators(self, above: int) -> Expression:
        left = self._not(above) if self._is("not") else self._unary(filtered=True)
        while (op := self._infix()) is not None and POWERS[op] > above:
            left = self._joined(op, left)
        return left

    def _infix(self) -> str | None:
        if self._is("not") and self._tokens[self._at + 1][:2] == ("name", "in"):
            return "not in"
        return str(self._next.value) if self._is(*POWERS) else None

    def _skip(self, op: str) -> None:
        self._at += 2 if op == "not in" else 1

    def _joined(self, op: str, left: Expression) -> Expression:
        power = POWERS[op]
        if power in (_OR, _AND, _CONCAT):
            parts = [left]
            while self._take(op):
                parts.append(self._operators(power))
            return Concat(tuple(parts)) if op == "~" else Logic(op, tuple(parts))  # type: ignore[arg-type]  # its power
        if power == _COMPARE:
            rest = []
            while (comparison := self._infix()) is not None and POWERS[comparison] == _COMPARE:
                self._skip(comparison)
                rest.append((comparison, self._operators(_COMPARE)))
            return Compare(left, tuple(rest))  # type: ignore[arg-type]  # comparisons by their power
        self._skip(op)
        return Binary(op, left, self._operators(power))  # type: ignore[arg-type]  # what is left is arithmetic

    def _not(self, above: int) -> Expression:
        if above >= _COMPARE:
            self._fail("unexpected_token")
        count = 0
        while self._take("not"):
            count += 1
        tree = self._operators(_NOT)
        for _ in range(min(count, MAX_DEPTH + 1)):
            tree = Unary("not", tree)
        return tree

    def _unary(self, filtered: bool) -> Expression:
        signs = []
        while self._is("-", "+"):
            signs.append("-" if self._next.value == "-" else "+")
            self._at += 1
        tree = self._postfix(self._primary())
        for sign in reversed(signs[: MAX_DEPTH + 1]):
            tree = Unary(sign, tree)  # type: ignore[arg-type]
        return self._filters(tree) if filtered else tree

    def _primary(self) -> Expression:
        token = self._next
        if token.kind == "number":
            self._at += 1
            return Constant(token.value)
        if token.kind == "text":
            words = []
            while self._next.kind == "text":
                words.append(str(self._next.value))
                self._at += 1
            return Constant("".join(words))
        if token.kind == "name":
            return self._named()
        if self._take("("):
            tree = self._expression()
            if self._is(","):
                items = self._items(")", [tree])
                return ListOf(items)
            self._expect(")")
            return tree
        if self._take("["):
            return ListOf(self._items("]", []))
        if self._take("{"):
            return self._dict()
        raise self._wrong("unexpected_token")

    def _named(self) -> Expression:
        token, word = self._next, self._word()
        if word in CONSTANTS:
            return Constant(CONSTANTS[word])
        if word in KEYWORDS:
            self._fail("unexpected_token", token)
        if self._is("("):
            return self._call("function", token, [])
        return Name(word)

    def _items(self, closing: str, items: list[Expression]) -> tuple[Expression, ...]:
        while not self._take(closing):
            if items:
                self._expect(",")
                if self._take(closing):
                    break
            items.append(self._expression())
        return tuple(items)

    def _dict(self) -> Expression:
        pairs: list[tuple[Expression, Expression]] = []
        while not self._take("}"):
            if pairs:
                self._expect(",")
                if self._take("}"):
                    break
            key = self._expression()
            self._expect(":")
            pairs.append((key, self._expression()))
        return DictOf(tuple(pairs))

    def _postfix(self, tree: Expression) -> Expression:
        while True:
            token = self._next
            if self._take("."):
                tree = self._dotted(tree)
            elif self._take("["):
                tree = self._subscript(tree)
            elif self._is("("):
                self._fail("not_callable", token)
            else:
                return _entity(tree)

    def _dotted(self, tree: Expression) -> Expression:
        token = self._next
        if token.kind == "number" and type(token.value) is int:
            self._at += 1
            return Index(tree, Constant(token.value))
        word = self._word()
        return self._call("method", token, [tree]) if self._is("(") else Attribute(tree, word)

    def _subscript(self, tree: Expression) -> Expression:
        start = None if self._is(":") else self._expression()
        if self._take(":"):
            stop = None if self._is("]") else self._expression()
            self._expect("]")
            return Slice(tree, start, stop)
        self._expect("]")
        return Index(tree, start) if start is not None else tree

    def _filters(self, tree: Expression) -> Expression:
        while True:
            if self._take("|"):
                token = self._next
                self._word()
                tree = self._call("filter", token, [tree])
            elif self._take("is"):
                tree = self._test(tree)
            else:
                return tree

    def _test(self, tree: Expression) -> Expression:
        negated = self._take("not")
        token, word = self._next, self._word()
        arguments = [tree]
        follows = self._next.kind in ("number", "text") or self._is("[", "{")
        if follows or (self._next.kind == "name" and self._next.value not in KEYWORDS - CONSTANTS.keys()):
            arguments.append(self._postfix(self._primary()))
            self._check("test", token, word, arguments, [])
            call = Call("test", word, tuple(arguments))
        else:
            call = self._call("test", token, arguments)
        return Unary("not", call) if negated else call

    # ---- calls ----

    def _call(self, table: Table, token: Token, arguments: list[Expression]) -> Call:
        name, keywords = str(token.value), list[tuple[str, Expression]]()
        if self._take("("):
            while not self._take(")"):
                if self._next.kind == "name" and self._tokens[self._at + 1].value == "=":
                    keyword = self._word()
                    self._expect("=")
                    keywords.append((keyword, self._expression()))
                elif keywords:
                    self._fail("wrong_arguments")
                else:
                    arguments.append(self._expression())
                if not self._is(")"):
                    self._expect(",")
        self._check(table, token, name, arguments, keywords)
        return Call(table, name, tuple(arguments), tuple(keywords))

    def _check(
        self, table: Table, token: Token, name: str, given: list[Expression], keywords: list[tuple[str, Expression]]
    ) -> None:
        routine = TABLES[table].get(name)
        if routine is None:
            self._fail(f"unknown_{table}", token)
        if routine.variadic:
            right = not keywords and len(given) >= routine.required
        else:
            filled = [*routine.parameters[: len(given)], *(keyword for keyword, _ in keywords)]
            right = (
                len(given) <= len(routine.parameters)
                and len(filled) == len(set(filled))
                and set(routine.parameters[: routine.required]) <= set(filled) <= set(routine.parameters)
            )
        if not right:
            self._fail("wrong_arguments", token)


def _entity(tree: Expression) -> Expression:
    """`states.light.hall.state`, `states.light.hall.attributes.x`: Home Assistant's older spelling of the functions."""
    path: list[str] = []
    node = tree
    while isinstance(node, Attribute):
        path.insert(0, node.name)
        node = node.target
    if not (isinstance(node, Name) and node.name == "states"):
        return tree
    match path:
        case [domain, name, "state"]:
            return Call("function", "states", (Constant(f"{domain}.{name}"),))
        case [domain, name, "attributes", attribute]:
            return Call("function", "state_attr", (Constant(f"{domain}.{name}"), Constant(attribute)))
    return tree
