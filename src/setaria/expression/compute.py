"""The rules of values: what is equal, what comes before what, what may be added, and how much of it.

The rule of text. In Home Assistant every state is text; here it is typed, and expressions written for the one must hold
for the other. So wherever text meets a value of another type in a comparison, the text is read as that type:
  - against a boolean, `on` and `true` are true, `off` and `false` are false, in any case;
  - against a number, the number it spells;
  - against none, `unknown`, `unavailable` and `none` are none.
Text that cannot be read so is unequal, and has no order (`not_comparable`). `in` looks through a list by the same rule.
Nothing else converts: `'3' + 4` is refused (`wrong_type`), and text counts as true when it is not empty, as in Jinja.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from setaria.expression.bounds import MAX_INTEGER, MAX_ITEMS, MAX_TEXT


class Fault(Exception):  # noqa: N818  becomes a refusal at the edge
    def __init__(self, why: str, about: str = "") -> None:
        super().__init__(why, about)
        self.why, self.about = why, about


class Undefined:
    """The value of a name nobody gave."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = Undefined()
SWITCH_WORDS: Final = {"on": True, "true": True, "off": False, "false": False}
TRUE_WORDS: Final = frozenset({"1", "true", "yes", "on", "enable"})
FALSE_WORDS: Final = frozenset({"0", "false", "no", "off", "disable"})
NONE_WORDS: Final = frozenset({"unknown", "unavailable", "none"})
NUMBERS: Final = frozenset({bool, int, float})


def is_true(value: Any) -> bool:
    """Whether a condition whose value this is holds (Home Assistant's rule for templates in conditions)."""
    if type(value) is str:
        return value.strip().lower() in TRUE_WORDS
    return bool(value)


def read_number(value: Any) -> int | float | None:
    if type(value) in NUMBERS:
        return value if math.isfinite(value) else None
    if type(value) is not str or len(value) > 64:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def equal(left: Any, right: Any) -> bool:
    kind, other = type(left), type(right)
    if kind is not other:
        if kind is str:
            return _reads_as(left, right)
        if other is str:
            return _reads_as(right, left)
    return bool(left == right)


def _reads_as(text: str, value: Any) -> bool:
    if type(value) is bool:
        return SWITCH_WORDS.get(text.strip().lower()) is value
    if value is None:
        return text.strip().lower() in NONE_WORDS
    if type(value) in NUMBERS:
        return bool(read_number(text) == value)
    return False


def contains(item: Any, holder: Any) -> bool:
    if isinstance(holder, str):
        if isinstance(item, str):
            return item in holder
        raise Fault("wrong_type", "in")
    if isinstance(holder, Mapping):
        return item in holder
    if isinstance(holder, (list, tuple)):
        return any(equal(item, each) for each in searchable(holder))
    raise Fault("undefined" if holder is UNDEFINED else "wrong_type", "in")


def searchable(holder: list[Any] | tuple[Any, ...]) -> list[Any] | tuple[Any, ...]:
    """A list that may be gone through; one from outside may be longer than any made here."""
    if len(holder) > MAX_ITEMS:
        raise Fault("list_too_long")
    return holder


def order(compare: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    if left is UNDEFINED or right is UNDEFINED:
        raise Fault("undefined", "<>")
    if type(left) is str and type(right) in NUMBERS:
        left = read_number(left)
    elif type(right) is str and type(left) in NUMBERS:
        right = read_number(right)
    if left is None or right is None:
        raise Fault("not_comparable")
    try:
        return bool(compare(left, right))
    except TypeError:
        raise Fault("not_comparable") from None


def number(value: Any) -> Any:
    """`value` unless it is an integer or a float too large to be kept."""
    if type(value) is float:
        if not math.isfinite(value):
            raise Fault("number_too_large")
    elif type(value) is int and not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise Fault("number_too_large")
    return value


def bounded(value: Any) -> Any:
    """`value`, checked against the bound of its type."""
    kind = type(value)
    if kind is str:
        if len(value) > MAX_TEXT:
            raise Fault("text_too_long")
        return value
    if kind is list or kind is dict:
        return weigh(value)
    return number(value)


def weigh(value: Any) -> Any:
    """`value` unless it holds too much, counting nested values as often as they stand in it."""
    waiting, left, characters = [value], MAX_ITEMS + 1, 0
    while waiting:
        item = waiting.pop()
        left -= 1
        if isinstance(item, str):
            characters += len(item)
        elif isinstance(item, (Mapping, list, tuple)):
            if len(item) > left:
                raise Fault("list_too_long")
            if isinstance(item, Mapping):
                characters += sum(len(key) for key in item if isinstance(key, str))
                item = item.values()
            waiting += item
        if left < 0:
            raise Fault("list_too_long")
        if characters > 4 * MAX_TEXT:
            raise Fault("text_too_long")
    return value


def text(value: Any) -> str:
    """As Jinja writes it: True, 21.5, None, and nothing for what is undefined."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if value is None or kind in NUMBERS or isinstance(value, (datetime, timedelta)):
        return str(value)
    if value is UNDEFINED:
        return ""
    if kind is list or kind is dict:
        return bounded(str(weigh(value)))  # type: ignore[no-any-return]
    raise Fault("wrong_type", "text")


def concat(values: list[Any]) -> str:
    return bounded("".join([text(value) for value in values]))  # type: ignore[no-any-return]


def repeat(value: Any, times: Any) -> Any:
    if type(value) is int:
        value, times = times, value
    if type(times) is not int or type(value) not in (str, list):
        raise Fault("wrong_type", "*")
    if len(value) * times > (MAX_TEXT if type(value) is str else MAX_ITEMS):
        raise Fault("text_too_long" if type(value) is str else "list_too_long")
    return bounded(value * times)


def power(base: Any, exponent: Any) -> Any:
    if type(exponent) is not float and type(base) is not float and base.bit_length() * abs(exponent) > 128:
        raise Fault("number_too_large")
    result = base**exponent
    if type(result) is complex:
        raise Fault("cannot_compute", "**")
    return result


# Which types other than two numbers an operator takes.
_OTHER: Final[Mapping[str, frozenset[tuple[type, type]]]] = {
    "+": frozenset(
        {(str, str), (list, list), (datetime, timedelta), (timedelta, datetime), (timedelta, timedelta)},
    ),
    "-": frozenset({(datetime, datetime), (datetime, timedelta), (timedelta, timedelta)}),
    "*": frozenset({(timedelta, int), (int, timedelta), (timedelta, float), (float, timedelta)}),
    "/": frozenset({(timedelta, int), (timedelta, float), (timedelta, timedelta)}),
    "//": frozenset({(timedelta, int), (timedelta, timedelta)}),
    "%": frozenset({(timedelta, timedelta)}),
    "**": frozenset(),
}


def arithmetic(op: str, compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    other = _OTHER[op]

    def apply(left: Any, right: Any) -> Any:
        kinds = (type(left), type(right))
        if kinds[0] in NUMBERS and kinds[1] in NUMBERS:
            return number(compute(left, right))
        if kinds in other:
            return bounded(compute(left, right))
        if op == "*" and kinds in _REPEATED:
            return repeat(left, right)
        raise Fault("undefined" if UNDEFINED in (left, right) else "wrong_type", op)

    return apply


_REPEATED: Final = frozenset({(str, int), (int, str), (list, int), (int, list)})
