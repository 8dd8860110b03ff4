"""Text with expressions in it: `{{ value }}`, `{% if %}` with elif and else, `{% set x = ... %}`, `{# comments #}`.

`-` beside a brace strips the white space on that side. There are no loops. When the template renders one value and
beside it nothing but white space, this value itself is the result; otherwise the result is text, stripped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn

from setaria.expression.bounds import MAX_DEPTH, MAX_TEXT
from setaria.expression.compile import Run, compiled
from setaria.expression.compute import Fault, is_true, text
from setaria.expression.environment import Environment, Scope, Value
from setaria.expression.parse import KEYWORDS, Parser, check_size, check_source
from setaria.expression.program import evaluated
from setaria.expression.tokens import Token, refuse, tokenize
from setaria.expression.tree import Assign, Body, If, Output, Statement, Text, dynamic_reads, names, reads, walk
from setaria.facts.refused import Refused

Step = Callable[[Environment, list[Any]], None]
_OPENING: Final = re.compile(r"\{(?:\{|%|#)-?")
_WHERE_ELSE: Final = frozenset({"elif", "else", "endif"})


class _Piece:
    """A text, an output or a tag, in the order of the source."""

    __slots__ = ("at", "kind", "text", "tokens")

    def __init__(self, kind: str, at: int, text: str = "", tokens: list[Token] | None = None) -> None:
        self.kind, self.at, self.text, self.tokens = kind, at, text, tokens or []


def _pieces(source: str) -> Iterator[_Piece]:
    at, strip = 0, False
    while True:
        match = _OPENING.search(source, at)
        between = source[at : match.start() if match else len(source)]
        between = between.lstrip() if strip else between
        if match and match[0].endswith("-"):
            between = between.rstrip()
        if between:
            yield _Piece("text", at, between)
        if match is None:
            return
        start, end = match.start(), match.end()
        if match[0].startswith("{#"):
            at = source.find("#}", end)
            if at < 0:
                raise refuse("unclosed_tag", source, start, "#}")
            strip = source[at - 1] == "-" and at > end
        else:
            kind, closing = ("output", "}}") if match[0].startswith("{{") else ("tag", "%}")
            tokens, at = tokenize(source, end, closing)
            yield _Piece(kind, start, tokens=tokens)
            strip = source[at] == "-"
            at += strip
        at += 2


class _Reader:
    def __init__(self, source: str) -> None:
        self._source = source
        self._pieces = list(_pieces(source))
        self._at = 0

    def body(self) -> Body:
        statements = self._block(0)
        if self._at < len(self._pieces):
            self._fail("statement_out_of_place", self._pieces[self._at])
        return Body(statements)

    def _fail(self, why: str, piece: _Piece) -> NoReturn:
        raise self._wrong(why, piece)

    def _wrong(self, why: str, piece: _Piece) -> Refused:
        return refuse(why, self._source, piece.at, str(piece.tokens[0].value or "") if piece.tokens else "")

    def _block(self, depth: int) -> tuple[Statement, ...]:
        """Up to the end or a tag that only an `if` may take."""
        statements: list[Statement] = []
        while self._at < len(self._pieces):
            piece = self._pieces[self._at]
            if piece.kind == "text":
                statements.append(Text(piece.text))
            elif piece.kind == "output":
                statements.append(Output(Parser(self._source, piece.tokens).whole()))
            elif piece.tokens[0].value in _WHERE_ELSE:
                break
            elif piece.tokens[0].value == "if":
                if depth >= MAX_DEPTH:
                    self._fail("too_deep", piece)
                statements.append(self._if(piece, depth + 1))
                continue
            else:
                statements.append(self._assign(piece))
            self._at += 1
        return tuple(statements)

    def _assign(self, piece: _Piece) -> Assign:
        match piece.tokens:
            case [Token("name", "set"), Token("name", str(name)), Token("op", "="), *rest] if name not in KEYWORDS:
                return Assign(name, Parser(self._source, rest).whole())
            case [Token("name", "for" | "macro"), *_]:
                self._fail("loop_refused", piece)
        raise self._wrong("unknown_statement", piece)

    def _if(self, opening: _Piece, depth: int) -> If:
        branches: list[tuple[Any, tuple[Statement, ...]]] = []
        otherwise: tuple[Statement, ...] = ()
        closed, piece = False, opening
        while True:
            word, rest = piece.tokens[0].value, piece.tokens[1:]
            if word in ("if", "elif"):
                condition = Parser(self._source, rest).whole()
            elif rest[0].kind != "end":
                self._fail("unexpected_token", piece)
            self._at += 1
            if word == "endif":
                return If(tuple(branches), otherwise)
            if closed:
                self._fail("statement_out_of_place", piece)
            if word == "else":
                closed, otherwise = True, self._block(depth)
            else:
                branches.append((condition, self._block(depth)))
            if self._at >= len(self._pieces):
                self._fail("unclosed_block", opening)
            piece = self._pieces[self._at]


class Template:
    """`Template(tree)` or `Template.parse(text)`; used as a `Program` is."""

    __slots__ = ("_scoped", "_step", "dynamic_reads", "names", "reads", "tree")

    def __init__(self, tree: Body) -> None:
        self.tree = tree
        self.reads = reads(tree)
        self.dynamic_reads = dynamic_reads(tree)
        self.names = names(tree)
        self._scoped = any(isinstance(node, Assign) for node, _ in walk(tree))
        self._step = _sequence(tree.statements)

    @classmethod
    def parse(cls, source: str) -> Template:
        check_source(source)
        return cls(check_size(_Reader(source).body(), source))

    def evaluate(self, world: Environment) -> Value:
        """Text, or the one value it renders. Raises Refused `expression_failed` (why, about)."""
        return evaluated(self._rendered, world)

    def render(self, world: Environment) -> str:
        return evaluated(lambda world: text(self._rendered(world)), world)  # type: ignore[no-any-return]

    def test(self, world: Environment) -> bool:
        return is_true(self.evaluate(world))

    def _rendered(self, world: Environment) -> Value:
        found: list[Any] = []
        self._step(Scope(world) if self._scoped else world, found)
        kept = [part for part in found if not isinstance(part, _Literal) or not part.text.isspace()]
        if len(kept) == 1 and not isinstance(kept[0], _Literal):
            return kept[0]
        rendered = "".join([part.text if isinstance(part, _Literal) else text(part) for part in found]).strip()
        if len(rendered) > MAX_TEXT:
            raise Fault("text_too_long")
        return rendered


class _Literal:
    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def _sequence(statements: tuple[Statement, ...]) -> Step:
    steps = [_step(statement) for statement in statements]
    if len(steps) == 1:
        return steps[0]

    def run(world: Environment, found: list[Any]) -> None:
        for step in steps:
            step(world, found)

    return run


def _step(statement: Statement) -> Step:
    if isinstance(statement, Text):
        literal = _Literal(statement.text)
        return lambda world, found: found.append(literal)
    if isinstance(statement, Output):
        value = compiled(statement.value)
        return lambda world, found: found.append(value(world))
    if isinstance(statement, Assign):
        return _assigning(statement.name, compiled(statement.value))
    branches = [(compiled(condition), _sequence(block)) for condition, block in statement.branches]
    otherwise = _sequence(statement.otherwise)

    def run(world: Environment, found: list[Any]) -> None:
        for condition, block in branches:
            if condition(world):
                return block(world, found)
        return otherwise(world, found)

    return run


def _assigning(name: str, value: Run) -> Step:
    def run(world: Environment, found: list[Any]) -> None:
        assert isinstance(world, Scope)
        world.variables[name] = value(world)

    return run
