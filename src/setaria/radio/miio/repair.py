"""Reads the slightly broken JSON that real devices send.

what is seen                                what is read
NULs or garbage after the value             ignored
[1,,2,]  {"a":1,}  [,1]                     the commas that separate nothing are skipped
{"a":}                                      null
{"a":1,"a":2}                               the last one
"\\x"                                        the character after the backslash
invalid UTF-8                               U+FFFD
007  on"  otu_stat                          a number if it is one, else the bare word as text
the end comes too early                     refused: nobody knows what was lost
"""

from __future__ import annotations

import math
from typing import Final

from setaria.radio.miio.codec import READ_LIMIT, CodecError, Fault

DEPTH_LIMIT: Final = 16

_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_WORDS: Final = {"true": True, "false": False, "null": None, "": None}
_BLANK: Final = " \t\r\n"
_ENDS: Final = ",]}:" + _BLANK
_INTEGER_LIMIT: Final = 2**63


def repair(payload: bytes) -> object:
    """The first JSON value in `payload`. Raises CodecError(BAD_JSON)."""
    if len(payload) > READ_LIMIT:
        raise CodecError(Fault.OVERSIZED, f"{len(payload)} bytes of JSON")
    return _Reader(payload.decode("utf-8", "replace").rstrip("\x00")).value(0)


class _Reader:
    __slots__ = ("at", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def peek(self) -> str:
        text, at = self.text, self.at
        while at < len(text) and text[at] in _BLANK:
            at += 1
        self.at = at
        if at == len(text):
            raise CodecError(Fault.BAD_JSON, "ends too early")
        return text[at]

    def value(self, depth: int) -> object:
        if depth > DEPTH_LIMIT:
            raise CodecError(Fault.BAD_JSON, f"nested deeper than {DEPTH_LIMIT}")
        first = self.peek()
        if first == "{":
            return self.members(depth)
        if first == "[":
            return self.items(depth)
        if first == '"':
            return self.string()
        return self.word()

    def members(self, depth: int) -> dict[str, object]:
        self.at += 1
        found: dict[str, object] = {}
        while (first := self.peek()) != "}":
            if first in ",:]":
                self.at += 1
                continue
            name = self.string() if first == '"' else str(self.word())
            found[name] = None
            if self.peek() == ":":
                self.at += 1
                found[name] = None if self.peek() in ",}" else self.value(depth + 1)
        self.at += 1
        return found

    def items(self, depth: int) -> list[object]:
        self.at += 1
        found: list[object] = []
        while (first := self.peek()) != "]":
            if first in ",:}":
                self.at += 1
                continue
            found.append(self.value(depth + 1))
        self.at += 1
        return found

    def string(self) -> str:
        text = self.text
        self.at += 1
        parts: list[str] = []
        while True:
            start = self.at
            while self.at < len(text) and text[self.at] not in '"\\':
                self.at += 1
            parts.append(text[start : self.at])
            if self.at + 1 > len(text):
                raise CodecError(Fault.BAD_JSON, "a string does not end")
            if text[self.at] == '"':
                self.at += 1
                # A lone surrogate is no character, and could not be stored.
                return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            parts.append(self.escape())

    def escape(self) -> str:
        escaped = self.text[self.at + 1 : self.at + 2]
        self.at += 2
        if escaped == "u":
            digits = self.text[self.at : self.at + 4]
            if len(digits) == 4 and all(digit in "0123456789abcdefABCDEF" for digit in digits):
                self.at += 4
                return chr(int(digits, 16))
        return _ESCAPES.get(escaped, escaped)

    def word(self) -> object:
        text, start = self.text, self.at
        while self.at < len(text) and text[self.at] not in _ENDS:
            self.at += 1
        word = text[start : self.at]
        if word in _WORDS:
            if not word:
                self.at += 1
            return _WORDS[word]
        return _number(word)


def _number(word: str) -> object:
    try:
        integer = int(word)
    except ValueError:
        pass
    else:
        return integer if -_INTEGER_LIMIT <= integer < _INTEGER_LIMIT else float(integer)
    try:
        real = float(word)
    except ValueError:
        return word.strip('"')
    return real if math.isfinite(real) else word
