"""The functions, filters, tests and methods there are, as tables."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from setaria.expression import times
from setaria.expression.bounds import MAX_FORMAT, MAX_JSON, MAX_TEXT
from setaria.expression.compute import (
    FALSE_WORDS,
    NUMBERS,
    TRUE_WORDS,
    UNDEFINED,
    Fault,
    contains,
    equal,
    number,
    order,
    read_number,
    searchable,
    text,
    weigh,
)
from setaria.expression.environment import Environment

MISSING: Final = object()


class Routine(msgspec.Struct, frozen=True):
    """`parameters` of which the first `required` must be given. `world`: `run` takes the environment first."""

    run: Callable[..., Any]
    parameters: tuple[str, ...] = ()
    required: int = 0
    world: bool = False
    variadic: bool = False
    owner: tuple[type, ...] = ()  # of a method: the types that have it


def _states(world: Environment, address: str) -> Any:
    return world.state(_word(address))


def _state_attr(world: Environment, address: str, name: str) -> Any:
    return world.attribute(_word(address), _word(name))


def _is_one_of(found: Any, wanted: Any) -> bool:
    return contains(found, wanted) if isinstance(wanted, (list, tuple)) else equal(found, wanted)


def _is_state(world: Environment, address: str, value: Any) -> bool:
    return _is_one_of(world.state(_word(address)), value)


def _is_state_attr(world: Environment, address: str, name: str, value: Any) -> bool:
    return _is_one_of(world.attribute(_word(address), _word(name)), value)


def _has_value(world: Environment, address: str) -> bool:
    return world.state(_word(address)) is not None


def _word(value: Any) -> str:
    if type(value) is not str:
        raise Fault("wrong_type", "text")
    return value


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise Fault("wrong_type", "int")
    return value


def _numeric(value: Any) -> int | float:
    if type(value) not in NUMBERS:
        raise Fault("undefined" if value is UNDEFINED else "not_a_number")
    return value  # type: ignore[no-any-return]


def _or(default: Any, why: str) -> Any:
    if default is MISSING:
        raise Fault(why)
    return default


def _float(value: Any, default: Any = MISSING) -> Any:
    found = read_number(value)
    return _or(default, "not_a_number") if found is None else float(found)


def _int(value: Any, default: Any = MISSING, base: Any = MISSING) -> Any:
    try:
        if type(value) is str and len(value) <= 64 and base is not MISSING:
            return int(value, base)
        found = read_number(value)
        # Through `int` first: a long integer's text loses digits as a float.
        return _or(default, "not_a_number") if found is None else int(value) if _is_digits(value) else int(found)
    except ValueError:
        return _or(default, "not_a_number")


def _is_digits(value: Any) -> bool:
    return type(value) is str and value.strip().lstrip("+-").isdecimal()


def _bool(value: Any, default: Any = MISSING) -> Any:
    if type(value) in NUMBERS:
        return bool(value)
    word = value.strip().lower() if type(value) is str else ""
    if word in TRUE_WORDS or word in FALSE_WORDS:
        return word in TRUE_WORDS
    return _or(default, "not_true_or_false")


_ROUND: Final[Mapping[str, Callable[[float], float]]] = {"ceil": math.ceil, "floor": math.floor}


def _round(value: Any, precision: Any = 0, method: Any = "common", default: Any = MISSING) -> Any:
    found = read_number(value)
    if found is None:
        return _or(default, "not_a_number")
    if type(precision) is not int or not -15 <= precision <= 15:
        raise Fault("wrong_type", "round")
    if method == "half":
        result = round(found * 2) / 2
    elif method in _ROUND:
        result = _ROUND[method](found * 10**precision) / 10**precision
    elif method == "common":
        result = round(float(found), precision)
    else:
        raise Fault("wrong_type", "round")
    return int(result) if precision == 0 and method != "half" else result


def _iif(condition: Any, then: Any = True, otherwise: Any = False, unknown: Any = MISSING) -> Any:
    if condition is None and unknown is not MISSING:
        return unknown
    return then if condition else otherwise


def _default(value: Any, default: Any = "", empty: Any = False) -> Any:
    return default if value is UNDEFINED or (empty and not value) else value


def _several(values: tuple[Any, ...]) -> list[Any]:
    found = values[0] if len(values) == 1 else values
    if isinstance(found, (Mapping, str)) or not isinstance(found, (list, tuple)):
        raise Fault("undefined" if found is UNDEFINED else "wrong_type", "list")
    return list(searchable(found))


def _extreme(before: Callable[[Any, Any], bool]) -> Callable[..., Any]:
    def run(*values: Any) -> Any:
        best, *others = _several(values) or [UNDEFINED]
        for value in others:
            if order(before, value, best):
                best = value
        return best

    return run


def _sum(values: Any) -> Any:
    return number(sum(_numeric(value) for value in _several((values,))))


def _average(*values: Any) -> Any:
    found = [_numeric(value) for value in _several(values)]
    if not found:
        raise Fault("division_by_zero")
    return sum(found) / len(found)


def _replace(value: Any, old: Any, new: Any) -> str:
    source, gone, instead = text(value), _word(old), text(new)
    if len(source) + source.count(gone) * (len(instead) - len(gone)) > MAX_TEXT:
        raise Fault("text_too_long")
    return source.replace(gone, instead)


def _join(values: Any, between: Any = "") -> str:
    found, glue = [text(value) for value in weigh(_several((values,)))], text(between)
    if sum(map(len, found)) + len(glue) * len(found) > 2 * MAX_TEXT:
        raise Fault("text_too_long")
    return glue.join(found)


def _split(value: str, between: Any = None, most: Any = -1) -> list[str]:
    if between is not None and not _word(between):
        raise Fault("wrong_type", "split")
    if len(value) > MAX_JSON:
        raise Fault("text_too_long")
    return value.split(between, _whole(most))


def _length(value: Any) -> int:
    if not isinstance(value, (str, list, tuple, Mapping)):
        raise Fault("undefined" if value is UNDEFINED else "wrong_type", "length")
    return len(value)


def _item(at: int) -> Callable[[Any], Any]:
    def run(value: Any) -> Any:
        if not isinstance(value, (str, list, tuple)):
            raise Fault("undefined" if value is UNDEFINED else "wrong_type", "list")
        return value[at] if value else UNDEFINED

    return run


def _to_json(value: Any) -> str:
    try:
        return msgspec.json.encode(weigh(value)).decode()
    except (TypeError, msgspec.MsgspecError):
        raise Fault("wrong_type", "to_json") from None


def _from_json(value: Any, default: Any = MISSING) -> Any:
    if len(_word(value)) > MAX_JSON:
        raise Fault("text_too_long")
    try:
        return msgspec.json.decode(value)
    except (msgspec.MsgspecError, RecursionError):
        return _or(default, "not_json")


def _truncate(value: Any, length: Any = 255, killwords: Any = False, end: Any = "...", leeway: Any = 5) -> str:
    """As Jinja: `length` with the end; a text that is longer by no more than the leeway stays whole."""
    shown, ending, most = text(value), _word(end), _whole(length)
    if len(shown) <= most + _whole(leeway):
        return shown
    cut = shown[: max(most - len(ending), 0)]
    return (cut if killwords else cut.rsplit(" ", 1)[0]) + ending


_PIECE: Final = re.compile(r"%(?:%|[-+0 ]{0,2}[0-9]{0,2}(?:\.[0-9])?([dfsxXegi]))")


def _format(pattern: Any, *values: Any) -> str:
    if len(_word(pattern)) > MAX_FORMAT or "%" in _PIECE.sub("", pattern):
        raise Fault("wrong_type", "format")
    kinds = [match[1] for match in _PIECE.finditer(pattern) if match[1]]
    if len(kinds) != len(values):
        raise Fault("wrong_type", "format")
    given = (text(v) if kind == "s" else _numeric(v) for kind, v in zip(kinds, values, strict=True))
    return str(pattern % tuple(int(v) if k in "xX" else v for k, v in zip(kinds, given, strict=True)))


def _method(run: Callable[..., Any], *parameters: str, required: int = 0, owner: type = str) -> Routine:
    return Routine(run, ("self", *parameters), required + 1, owner=(owner,))


def _shared(run: Callable[..., Any], *parameters: str, required: int = 1) -> Routine:
    return Routine(run, parameters, required)


def _is_kind(*kinds: type) -> Routine:
    return Routine(lambda value: isinstance(value, kinds) and (bool in kinds or type(value) is not bool), ("value",), 1)


_FLOAT = _shared(_float, "value", "default")
_INT = _shared(_int, "value", "default", "base")
_BOOL = _shared(_bool, "value", "default")
_ROUNDED = _shared(_round, "value", "precision", "method", "default")
_ABS = _shared(lambda value: number(abs(_numeric(value))), "value")
_IIF = _shared(_iif, "value", "if_true", "if_false", "if_none")
_MIN = Routine(_extreme(lambda a, b: bool(a < b)), ("value",), 1, variadic=True)
_MAX = Routine(_extreme(lambda a, b: bool(a > b)), ("value",), 1, variadic=True)
_AVERAGE = Routine(_average, ("value",), 1, variadic=True)
_IS_NUMBER = _shared(lambda value: read_number(value) is not None, "value")
_TIMESTAMP = Routine(times.as_timestamp, ("value", "default"), 1, world=True)
_DATETIME = Routine(times.as_datetime, ("value", "default"), 1, world=True)
_STAMP_TEXT = Routine(times.timestamp_custom, ("value", "format", "local", "default"), 1, world=True)

FUNCTIONS: Final[Mapping[str, Routine]] = {
    "states": Routine(_states, ("address",), 1, world=True),
    "is_state": Routine(_is_state, ("address", "state"), 2, world=True),
    "state_attr": Routine(_state_attr, ("address", "name"), 2, world=True),
    "is_state_attr": Routine(_is_state_attr, ("address", "name", "value"), 3, world=True),
    "has_value": Routine(_has_value, ("address",), 1, world=True),
    "now": Routine(lambda world: world.now(), world=True),
    "utcnow": Routine(times.utcnow, world=True),
    "today_at": Routine(times.today_at, ("time",), world=True),
    "timedelta": Routine(times.span, ("days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks")),
    "as_timestamp": _TIMESTAMP,
    "as_datetime": _DATETIME,
    "timestamp_custom": _STAMP_TEXT,
    "float": _FLOAT,
    "int": _INT,
    "bool": _BOOL,
    "min": _MIN,
    "max": _MAX,
    "average": _AVERAGE,
    "abs": _ABS,
    "round": _ROUNDED,
    "iif": _IIF,
    "is_number": _IS_NUMBER,
}

FILTERS: Final[Mapping[str, Routine]] = {
    "float": _FLOAT,
    "int": _INT,
    "bool": _BOOL,
    "round": _ROUNDED,
    "abs": _ABS,
    "iif": _IIF,
    "min": _MIN,
    "max": _MAX,
    "average": _AVERAGE,
    "sum": _shared(_sum, "value"),
    "default": _shared(_default, "value", "default_value", "boolean"),
    "d": _shared(_default, "value", "default_value", "boolean"),
    "lower": _shared(lambda value: text(value).lower(), "value"),
    "upper": _shared(lambda value: text(value).upper(), "value"),
    "title": _shared(lambda value: text(value).title(), "value"),
    "capitalize": _shared(lambda value: text(value).capitalize(), "value"),
    "truncate": _shared(_truncate, "value", "length", "killwords", "end", "leeway"),
    "trim": _shared(lambda value: text(value).strip(), "value"),
    "replace": _shared(_replace, "value", "old", "new", required=3),
    "string": _shared(text, "value"),
    "length": _shared(_length, "value"),
    "count": _shared(_length, "value"),
    "first": _shared(_item(0), "value"),
    "last": _shared(_item(-1), "value"),
    "join": _shared(_join, "value", "d"),
    "format": Routine(_format, ("value",), 1, variadic=True),
    "tojson": _shared(_to_json, "value"),
    "to_json": _shared(_to_json, "value"),
    "from_json": _shared(_from_json, "value", "default"),
    "multiply": _shared(lambda value, by: number(_float(value) * _numeric(by)), "value", "amount", required=2),
    "add": _shared(lambda value, by: number(_float(value) + _numeric(by)), "value", "amount", required=2),
    "bitwise_and": _shared(lambda value, by: _whole(value) & _whole(by), "value", "by", required=2),
    "bitwise_or": _shared(lambda value, by: _whole(value) | _whole(by), "value", "by", required=2),
    "is_defined": _shared(lambda value: value, "value"),
    "is_number": _IS_NUMBER,
    "as_timestamp": _TIMESTAMP,
    "as_datetime": _DATETIME,
    "timestamp_custom": _STAMP_TEXT,
}


def _compares(compare: Callable[[Any, Any], bool]) -> Routine:
    return _shared(lambda value, other: order(compare, value, other), "value", "other", required=2)


TESTS: Final[Mapping[str, Routine]] = {
    "defined": _shared(lambda value: value is not UNDEFINED, "value"),
    "undefined": _shared(lambda value: value is UNDEFINED, "value"),
    "none": _shared(lambda value: value is None, "value"),
    "number": _is_kind(int, float),
    "integer": _is_kind(int),
    "float": _is_kind(float),
    "boolean": _is_kind(bool),
    "string": _is_kind(str),
    "mapping": _is_kind(Mapping),
    "sequence": _is_kind(list, tuple, str),
    "iterable": _is_kind(list, tuple, str, Mapping),
    "list": _is_kind(list, tuple),
    "datetime": _is_kind(datetime),
    "true": _shared(lambda value: value is True, "value"),
    "false": _shared(lambda value: value is False, "value"),
    "even": _shared(lambda value: _whole(value) % 2 == 0, "value"),
    "odd": _shared(lambda value: _whole(value) % 2 == 1, "value"),
    "divisibleby": _shared(lambda value, by: _whole(value) % _whole(by) == 0, "value", "num", required=2),
    "in": _shared(contains, "value", "seq", required=2),
    "eq": _shared(equal, "value", "other", required=2),
    "equalto": _shared(equal, "value", "other", required=2),
    "ne": _shared(lambda value, other: not equal(value, other), "value", "other", required=2),
    "lt": _compares(lambda a, b: bool(a < b)),
    "le": _compares(lambda a, b: bool(a <= b)),
    "gt": _compares(lambda a, b: bool(a > b)),
    "ge": _compares(lambda a, b: bool(a >= b)),
    "lower": _shared(lambda value: text(value).islower(), "value"),
    "upper": _shared(lambda value: text(value).isupper(), "value"),
    "is_number": _IS_NUMBER,
}

METHODS: Final[Mapping[str, Routine]] = {
    "lower": _method(str.lower),
    "upper": _method(str.upper),
    "title": _method(str.title),
    "capitalize": _method(str.capitalize),
    "strip": _method(str.strip, "chars"),
    "lstrip": _method(str.lstrip, "chars"),
    "rstrip": _method(str.rstrip, "chars"),
    "startswith": _method(lambda value, start: value.startswith(_word(start)), "prefix", required=1),
    "endswith": _method(lambda value, end: value.endswith(_word(end)), "suffix", required=1),
    "replace": _method(_replace, "old", "new", required=2),
    "split": _method(_split, "sep", "maxsplit"),
    "join": _method(lambda between, values: _join(values, between), "values", required=1),
    "get": _method(
        lambda value, key, default=None: value.get(key, default), "key", "default", required=1, owner=Mapping
    ),
    "keys": _method(lambda value: weigh(list(value)), owner=Mapping),
    "values": _method(lambda value: weigh(list(value.values())), owner=Mapping),
    "weekday": _method(datetime.weekday, owner=datetime),
    "isoweekday": _method(datetime.isoweekday, owner=datetime),
    "timestamp": _method(datetime.timestamp, owner=datetime),
    "isoformat": _method(datetime.isoformat, owner=datetime),
    "strftime": _method(times.strftime, "format", required=1, owner=datetime),
    "total_seconds": _method(timedelta.total_seconds, owner=timedelta),
}

TABLES: Final[Mapping[str, Mapping[str, Routine]]] = {
    "function": FUNCTIONS,
    "filter": FILTERS,
    "test": TESTS,
    "method": METHODS,
}
