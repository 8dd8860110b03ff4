"""What expressions mean: each line of a table is one expression and its value."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from setaria.expression import Fixed, Program
from setaria.facts.refused import Refused

NOW = datetime(2026, 3, 5, 21, 30, 15, tzinfo=ZoneInfo("Asia/Shanghai"))
WORLD = Fixed(
    variables={
        "value": 5,
        "word": "21.5",
        "bytes": "0a1b",
        "json": {"a": {"b": [1, 2, 3]}, "items": 7, "none": None},
        "trigger": {"to_state": {"state": "on"}},
    },
    states={
        "hall/light.on": True,
        "hall/light.brightness": 40,
        "room/sensor.temperature": 21.5,
        "tv/mode.mode": "film",
    },
    attributes={("hall/light.on", "name"): "Hall", ("hall/light.on", "modes"): ["a", "b"]},
    now=NOW,
)


def value_of(source: str) -> Any:
    return Program.parse(source).evaluate(WORLD)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("none", None),
        ("True and false", False),
        ("1_000 + 0.5", 1000.5),
        ("'it\\'s' \" two\"", "it's two"),
        (r"'\u5c0f\d'", "小\\d"),
        ("[1, 'a', [none],]", [1, "a", [None]]),
        ("(1, 2)", [1, 2]),
        ("{'a': 1, 2: 'b'}", {"a": 1, 2: "b"}),
        ("{2: 'b'}[2]", "b"),
        ("[missing, {'a': missing}]", [None, {"a": None}]),
        ("json.a.b[1]", 2),
        ("json['a'].b[-1]", 3),
        ("json.a.b.0", 1),
        ("json.items", 7),
        ("json.none.x", None),
        ("json.a.b[9]", None),
        ("bytes[0:2]", "0a"),
        ("json.a.b[1:]", [2, 3]),
        ("7 // 2 + 7 % 2 * 2", 5),
        ("2 ** 3 ** 2", 64),
        ("-2 ** 2", 4),
        ("-5 | abs", 5),
        ("- - 3", 3),
        ("1 ~ 2 == '12'", True),
        ("'a' ~ 1 ~ none ~ true", "a1NoneTrue"),
        ("'ab' * 2 + 'c'", "ababc"),
        ("[1] * 2 + [2]", [1, 1, 2]),
        ("1 < value <= 5 < 6", True),
        ("1 < value < 5", False),
        ("'b' in 'abc' and 2 not in [1, 3]", True),
        ("'a' in json", True),
        ("not 1 == 2", True),
        ("not not 0", False),
        ("0 or '' or 'x'", "x"),
        ("1 and 0 and missing.x", 0),
        ("'y' if value > 3 else 'n'", "y"),
        ("'y' if value > 9", None),
        ("1 if false else 2 if false else 3", 3),
        ("value is defined and missing is not defined", True),
        ("none is none and 1 is not none", True),
        ("1 is number and true is not number and 'x' is string", True),
        ("4 is even and 3 is odd and 9 is divisibleby 3 and 9 is divisibleby(3)", True),
        ("2 is in [1, 2]", True),
        ("value is eq 5", True),
        ("1 + 2 is number", 2),
        ("is_number('3.5') and not is_number('x') and not is_number('nan')", True),
    ],
)
def test_language(source: str, expected: Any) -> None:
    found = value_of(source)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("states('room/sensor.temperature')", 21.5),
        ("states('no/such.thing')", None),
        ("states('hall/' ~ 'light.on')", True),
        ("state_attr('hall/light.on', 'name')", "Hall"),
        ("is_state_attr('hall/light.on', 'name', 'Hall')", True),
        ("has_value('tv/mode.mode') and not has_value('no/such.thing')", True),
        ("states.light.hall.state", None),
        ("trigger.to_state.state == 'on'", True),
        ("float('3.5') + int('4')", 7.5),
        ("int('ff', base=16)", 255),
        ("int('9007199254740993')", 9007199254740993),
        ("'x' | float(0) + 1", 1),
        ("'7.9' | int", 7),
        ("none | float(default=2)", 2),
        ("bool('yes') and not bool('OFF') and bool(1)", True),
        ("2.345 | round(2)", 2.35),
        ("2.5 | round", 2),
        ("2.1 | round(0, 'ceil')", 3),
        ("2.19 | round(1, 'floor')", 2.1),
        ("2.3 | round(1, 'half')", 2.5),
        ("'x' | round(default=-1)", -1),
        ("max(1, 2.5) + min([3, 4])", 5.5),
        ("[1, 2, 6] | average", 3.0),
        ("[1, 2, 6] | sum", 9),
        ("missing | default('d')", "d"),
        ("'' | default('d', true)", "d"),
        ("none | default('d')", None),
        ("' aB ' | trim | lower ~ 'x' | upper", "abX"),
        ("'a-b-c' | replace('-', '')", "abc"),
        ("[1, 'b'] | join(', ')", "1, b"),
        ("'abc' | length + [1] | count", 4),
        ("[3, 4] | first * 10 + [3, 4] | last", 34),
        ("{'a': [1, none]} | tojson", '{"a":[1,null]}'),
        ("('[1, 2]' | from_json)[1]", 2),
        ("'x' | from_json(default=3)", 3),
        ("'3' | multiply(2)", 6.0),
        ("5 | bitwise_and(4)", 4),
        ("iif(value > 3, 'a', 'b') ~ (value > 9) | iif('a', 'b')", "ab"),
        ("iif(none, 1, 2, 3)", 3),
        ("'%.1f|%02d|%s%%' | format(2.25, 3, 'x')", "2.2|03|x%"),
        ("word.split('.')[0] | int", 21),
        ("'ABC'.lower().startswith('ab')", True),
        ("json.get('q', 4) + json.a.get('b') | length", 7),
        ("now().hour >= 21 and now().weekday() == 3", True),
        ("now().strftime('%H:%M')", "21:30"),
        ("now() > today_at('21:00')", True),
        ("(now() - timedelta(hours=1, minutes=30)).minute", 0),
        ("utcnow().hour", 13),
        ("(as_timestamp(now()) - as_timestamp('2026-03-05T21:30:00')) | int", 15),
        ("0 | timestamp_custom('%Y-%m-%d %H:%M')", "1970-01-01 08:00"),
        ("0 | timestamp_custom('%H:%M', local=false)", "00:00"),
        ("(today_at('21:30:15') - now()).total_seconds()", 0.0),
    ],
)
def test_functions(source: str, expected: Any) -> None:
    assert value_of(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("states('hall/light.on') == 'on'", True),
        ("states('hall/light.on') == 'ON'", True),
        ("states('hall/light.on') == true", True),
        ("states('hall/light.on') == 'off'", False),
        ("states('hall/light.on') != 'off'", True),
        ("states('hall/light.on') == 'open'", False),
        ("is_state('hall/light.on', 'on')", True),
        ("is_state('hall/light.on', true)", True),
        ("is_state('hall/light.on', ['x', 'on'])", True),
        ("is_state('tv/mode.mode', 'film')", True),
        ("states('hall/light.brightness') == '40'", True),
        ("states('hall/light.brightness') == '40.0'", True),
        ("states('hall/light.brightness') > '5'", True),
        ("'5' < states('hall/light.brightness')", True),
        ("states('no/such.thing') in ['unknown', 'unavailable']", True),
        ("states('no/such.thing') == 'unknown'", True),
        ("states('hall/light.on') in ['on', 'open']", True),
        ("states('hall/light.on') not in ['off']", True),
        ("'on' == 'true'", False),
        ("1 == true", True),
    ],
)
def test_the_rule_of_text(source: str, expected: bool) -> None:
    assert value_of(source) is expected


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        ("true", True),
        ("'on'", True),
        ("' True '", True),
        ("'off'", False),
        ("'film'", False),
        ("0", False),
        ("2", True),
        ("none", False),
        ("[]", False),
    ],
)
def test_condition(value: str, holds: bool) -> None:
    assert Program.parse(value).test(WORLD) is holds


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("1 ~ 2 + 3", "wrong_type"),
        ("missing + 1", "undefined"),
        ("missing.x", "undefined"),
        ("missing > 1", "undefined"),
        ("'3' + 4", "wrong_type"),
        ("-'a'", "wrong_type"),
        ("'film' > 3", "not_comparable"),
        ("none < 3", "not_comparable"),
        ("[1] < 3", "not_comparable"),
        ("'x' | float", "not_a_number"),
        ("'x' | int", "not_a_number"),
        ("'x' | bool", "not_true_or_false"),
        ("1 / 0", "division_by_zero"),
        ("1 % 0", "division_by_zero"),
        ("0 ** -1", "division_by_zero"),
        ("(-8) ** 0.5", "cannot_compute"),
        ("'x' | from_json", "not_json"),
        ("as_timestamp('x')", "not_a_time"),
        ("today_at('25:00')", "not_a_time"),
        ("states(3)", "wrong_type"),
        ("now().strftime('%1000000d')", "wrong_type"),
        ("'%9999d' | format(1)", "wrong_type"),
        ("'{}'.get('a')", "wrong_type"),
        ("{[1]: 2}", "wrong_type"),
        ("(3).lower()", "wrong_type"),
    ],
)
def test_faults_are_refusals(source: str, why: str) -> None:
    with pytest.raises(Refused) as caught:
        value_of(source)
    assert (caught.value.code, caught.value.details["why"]) == ("expression_failed", why)


def test_no_clock_is_a_refusal() -> None:
    with pytest.raises(Refused) as caught:
        Program.parse("now()").evaluate(Fixed())
    assert caught.value.details["why"] == "no_clock"


def test_python_attributes_cannot_be_reached() -> None:
    class Thing:
        secret = "s"

    world = Fixed({"thing": Thing(), "text": "a", "list": [1], "f": len})
    for source in ("thing.secret", "text.__class__", "list.append", "f.__globals__", "thing['secret']"):
        assert Program.parse(source).evaluate(world) is None
    for source in ("text.format(1)", "f(1)", "thing.secret()", "list.append(1)", "text.__class__()", "now().replace"):
        with pytest.raises(Refused):
            Program.parse(source).evaluate(world)
