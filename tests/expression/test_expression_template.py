from __future__ import annotations

from typing import Any

import pytest

from setaria.expression import Fixed, Template, bounds
from setaria.facts.refused import Refused

WORLD = Fixed({"value": "on", "value_json": {"t": 21.5, "state": "ON", "list": [1]}, "n": 3}, {"a/b.on": True})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("plain text", "plain text"),
        ("", ""),
        ("{{ value_json.t }}", 21.5),
        (" {{ value_json.list }}\n", [1]),
        ("{{ value_json.absent }}", None),
        ("{{ value_json.t }} C", "21.5 C"),
        ("{{ value_json.absent }}x", "x"),
        ("{{ n }}{{ n }}", "33"),
        ("{{ {'a': {'b': 1}}.a.b }}", 1),
        ("{{ '}}' ~ \"%}\" }}", "}}%}"),
        ("{{- n -}}", 3),
        ("a  {{- n -}}  b", "a3b"),
        ("a  {#- x -#}  b{# {{ not }} #}c", "abc"),
        ("{% if value == 'on' %} ON {% else %} OFF {% endif %}", "ON"),
        ("{% if n == 1 %}a{% elif n == 3 %}{{ n + 1 }}{% else %}c{% endif %}", 4),
        ("{% if false %}a{% endif %}", ""),
        ("{% if n %}{% if value == 'off' %}a{% else %}b{% endif %}{% endif %}", "b"),
        ("{% set m = {'ON': 'heat'} %}{{ m[value_json.state] }}", "heat"),
        ("{% set x = 1 %}{% if true %}{% set x = x + 1 %}{% endif %}{{ x }}", 2),
        ("{%- set x = 1 -%}  {{ x }}", 1),
        ("50 % { } {1}", "50 % { } {1}"),
        ("{{ states('a/b.on') }}", True),
    ],
)
def test_rendered(source: str, expected: Any) -> None:
    template = Template.parse(source)
    assert template.evaluate(WORLD) == expected
    assert template.render(WORLD) == ("" if expected is None else str(expected))


@pytest.mark.parametrize(
    ("source", "why", "line", "column"),
    [
        ("{{ }}", "empty", 1, 4),
        ("{% %}", "unknown_statement", 1, 1),
        ("a\n {{ 1 + }}", "unexpected_end", 2, 9),
        ("{{ x", "unclosed_tag", 1, 5),
        ("a {# x", "unclosed_tag", 1, 3),
        ("{% if x %}\n", "unclosed_block", 1, 1),
        ("{% if x %}{% else %}", "unclosed_block", 1, 1),
        ("{% if x %}{% else %}{% else %}{% endif %}", "statement_out_of_place", 1, 21),
        ("{% endif %}", "statement_out_of_place", 1, 1),
        ("{% if x %}{% else y %}{% endif %}", "unexpected_token", 1, 11),
        ("\n{% for x in y %}{% endfor %}", "loop_refused", 2, 1),
        ("{% include 'x' %}", "unknown_statement", 1, 1),
        ("{% set if = 1 %}", "unknown_statement", 1, 1),
        ("{% if %}{% endif %}", "empty", 1, 7),
    ],
)
def test_refused_with_its_place(source: str, why: str, line: int, column: int) -> None:
    with pytest.raises(Refused) as caught:
        Template.parse(source)
    details = caught.value.details
    assert (caught.value.code, details["why"]) == ("expression_refused", why)
    assert (details["line"], details["column"]) == (line, column)


def test_setting_changes_nothing_outside() -> None:
    given = {"x": 1}
    assert Template.parse("{% set x = 2 %}{{ x }}").evaluate(Fixed(given)) == 2
    assert given == {"x": 1}


def test_template_bounds() -> None:
    nested = bounds.MAX_DEPTH // 2 - 1
    assert Template.parse("{% if x %}" * nested + "a" + "{% endif %}" * nested)
    with pytest.raises(Refused, match="too_deep"):
        Template.parse("{% if x %}" * 40 + "{% endif %}" * 40)
    with pytest.raises(Refused, match="too_many_parts"):
        Template.parse("{{ x }}" * (bounds.MAX_NODES // 2 + 1))
    with pytest.raises(Refused, match="text_too_long"):
        Template.parse("{{ x }}{{ x }}").evaluate(Fixed({"x": "a" * bounds.MAX_TEXT}))


def test_reads_and_conditions() -> None:
    template = Template.parse("{% if is_state('a/b.on', 'on') %}true{% else %}{{ states(x) }}{% endif %}")
    assert (template.reads, template.dynamic_reads) == (frozenset({"a/b.on"}), True)
    assert template.test(WORLD) is True
