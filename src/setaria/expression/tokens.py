"""Source text -> tokens, and the refusal that says where."""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

from setaria.expression.bounds import MAX_INTEGER
from setaria.facts.refused import Refused

Kind = Literal["number", "text", "name", "op", "end"]
_PATTERN: Final = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
      | (?P<name>[^\W\d]\w*)
      | (?P<quote>["'])
      | (?P<op>\*\*|//|==|!=|<=|>=|[-+*/%~<>=().,:\[\]{}|])""",
    re.VERBOSE,
)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\\": "\\", "'": "'", '"': '"', "/": "/"}
_CLOSING: Final = {"(": ")", "[": "]", "{": "}"}


class Token(NamedTuple):
    kind: Kind
    value: bool | int | float | str | None
    at: int


def refuse(why: str, source: str, at: int, about: str = "") -> Refused:
    """`line` and `column` count from 1; `text` is the line, shortened around the place."""
    start = source.rfind("\n", 0, at) + 1
    stop = source.find("\n", at)
    line = source[start : len(source) if stop < 0 else stop]
    shown = line[max(0, at - start - 40) : at - start + 40]
    where = {"line": source.count("\n", 0, at) + 1, "column": at - start + 1}
    return Refused("expression_refused", why=why, text=shown, about=about[:40], **where)


def tokenize(source: str, at: int = 0, closing: str = "") -> tuple[list[Token], int]:
    """The tokens up to `closing` (`}}` or `%}`, outside any bracket) or the end, and where the text goes on."""
    tokens: list[Token] = []
    nested: list[str] = []
    while True:
        if closing and not nested and source.startswith((closing, "-" + closing), at):
            tokens.append(Token("end", None, at))
            return tokens, at
        if at >= len(source):
            if closing:
                raise refuse("unclosed_tag", source, len(source), closing)
            tokens.append(Token("end", None, at))
            return tokens, at
        match = _PATTERN.match(source, at)
        if match is None:
            raise refuse("unexpected_character", source, at, source[at])
        if match.lastgroup == "quote":
            token, at = _quoted(source, at)
            tokens.append(token)
            continue
        if match.lastgroup == "op":
            _track(nested, match[0])
        if match.lastgroup != "space":
            tokens.append(_token(match, source))
        at = match.end()


def _track(nested: list[str], op: str) -> None:
    if op in _CLOSING:
        nested.append(_CLOSING[op])
    elif nested and op == nested[-1]:
        nested.pop()


def _token(match: re.Match[str], source: str) -> Token:
    found, at = match[0], match.start()
    if match.lastgroup == "number":
        return Token("number", _number(found, source, at), at)
    return Token("name" if match.lastgroup == "name" else "op", found, at)


def _number(found: str, source: str, at: int) -> int | float:
    try:
        value: int | float = float(found) if set(found) & set(".eE") else int(found)
    except ValueError:
        raise refuse("bad_number", source, at, found) from None
    if not -MAX_INTEGER <= value <= MAX_INTEGER and (isinstance(value, int) or value == float("inf")):
        raise refuse("number_too_large", source, at, found)
    return value


def _quoted(source: str, at: int) -> tuple[Token, int]:
    quote, end = source[at], at + 1
    while end < len(source) and source[end] != quote:
        end += 2 if source[end] == "\\" else 1
    if end >= len(source):
        raise refuse("unclosed_text", source, at)

    def plain(match: re.Match[str]) -> str:
        code = match[1] or match[2]
        if code is None:
            # An escape nobody knows stays as it stands, as in Jinja: '\d'.
            return _ESCAPES.get(match[3], match[0])
        if 0xD800 <= int(code, 16) <= 0xDFFF:
            raise refuse("bad_escape", source, at, match[0])
        return chr(int(code, 16))

    return Token("text", _ESCAPE.sub(plain, source[at + 1 : end]), at), end + 1
