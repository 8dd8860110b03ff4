"""Refusals with their place, bounds at the bound, and trees that survive storage and writing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from setaria.expression import Body, Expression, Fixed, Program, Template, bounds, dynamic_reads, parse, reads, relocate
from setaria.expression.routines import FILTERS, FUNCTIONS, METHODS, TABLES, TESTS
from setaria.expression.tree import (
    Attribute,
    Binary,
    Call,
    Choice,
    Compare,
    Concat,
    Constant,
    DictOf,
    Index,
    ListOf,
    Logic,
    Name,
    Slice,
    Unary,
)
from setaria.expression.write import write
from setaria.facts.refused import Refused


def evaluated(program: Program | Template, world: Fixed) -> str:
    """`answered` or the code of the refusal; anything else raised fails the test."""
    try:
        program.evaluate(world)
    except Refused as refused:
        return refused.code
    return "answered"


def outcome(kind: type[Program] | type[Template], source: str, world: Fixed) -> str:
    try:
        program = kind.parse(source)
    except Refused as refused:
        return refused.code
    return evaluated(program, world)


def refusal(source: str) -> dict[str, Any]:
    with pytest.raises(Refused) as caught:
        parse(source)
    assert caught.value.code == "expression_refused"
    return caught.value.details


@pytest.mark.parametrize(
    ("source", "why", "line", "column"),
    [
        ("", "empty", 1, 1),
        ("1 +", "unexpected_end", 1, 4),
        ("1 +\n  * 2", "unexpected_token", 2, 3),
        ("a b", "unexpected_token", 1, 3),
        ("a $ b", "unexpected_character", 1, 3),
        ("'abc", "unclosed_text", 1, 1),
        (r"'\ud800'", "bad_escape", 1, 1),
        ("'\ud800'", "unexpected_character", 1, 1),
        ("1__0", "bad_number", 1, 1),
        ("9223372036854775808", "number_too_large", 1, 1),
        ("1e999", "number_too_large", 1, 1),
        ("x and open('a')", "unknown_function", 1, 7),
        ("x | regex_match('a')", "unknown_filter", 1, 5),
        ("x is odder", "unknown_test", 1, 6),
        ("x.format(1)", "unknown_method", 1, 3),
        ("states()", "wrong_arguments", 1, 1),
        ("states('a', 'b')", "wrong_arguments", 1, 1),
        ("round(1, value=2)", "wrong_arguments", 1, 1),
        ("round(1, precise=2)", "wrong_arguments", 1, 1),
        ("round(precision=1, 2)", "wrong_arguments", 1, 20),
        ("max(a=1)", "wrong_arguments", 1, 1),
        ("x is even 3", "wrong_arguments", 1, 6),
        ("(a)(b)", "not_callable", 1, 4),
        ("1 + not x", "unexpected_token", 1, 5),
        ("(1", "unexpected_end", 1, 3),
        ("[1, 2", "unexpected_end", 1, 6),
        ("{1: 2", "unexpected_end", 1, 6),
        ("a[1", "unexpected_end", 1, 4),
        ("if", "unexpected_token", 1, 1),
        ("a = 1", "unexpected_token", 1, 3),
        ("a not 'in' b", "unexpected_token", 1, 3),
    ],
)
def test_refused_with_its_place(source: str, why: str, line: int, column: int) -> None:
    details = refusal(source)
    assert (details["why"], details["line"], details["column"]) == (why, line, column)


def test_the_text_shown_is_the_line_around_the_place() -> None:
    details = refusal("a and\n" + "b or " * 60 + "$")
    assert len(details["text"]) <= 81
    assert details["text"].endswith("$")


def test_source_bound() -> None:
    assert Program.parse("1" + " " * (bounds.MAX_SOURCE - 1)).evaluate(Fixed()) == 1
    assert refusal("1" + " " * bounds.MAX_SOURCE)["why"] == "too_long"


@pytest.mark.parametrize(
    "shape", ["({})", "[{}]", "{{'a': {}}}", "not {}", "- {}", "x[{}]", "abs({})", "1 if x else {}"]
)
def test_depth_bound(shape: str) -> None:
    source = "1"
    for _ in range(bounds.MAX_DEPTH - 1):
        source = shape.format(source)
    assert parse(source)
    for _ in range(2):
        source = shape.format(source)
    assert refusal(source)["why"] == "too_deep"


@pytest.mark.parametrize(
    "source", ["(" * 4000, "[" * 4000, "not " * 1000, "-" * 4000, "1 if " * 800, "{1:" * 1300, "f(" * 2000]
)
def test_deep_nonsense_is_refused(source: str) -> None:
    assert refusal(source)["why"]


def test_a_chain_deeper_than_the_bound_is_refused() -> None:
    assert parse(" + ".join("1" * bounds.MAX_DEPTH))
    assert refusal(" + ".join("1" * (bounds.MAX_DEPTH + 1)))["why"] == "too_deep"


def test_node_bound() -> None:
    assert parse(" and ".join("a" * (bounds.MAX_NODES - 1)))
    assert refusal(" and ".join("a" * bounds.MAX_NODES))["why"] == "too_many_parts"


def test_a_program_takes_at_most_a_step_a_node() -> None:
    asked = []

    class Counting(Fixed):
        def state(self, address: str) -> bool:
            asked.append(address)
            return True

    world = Counting()
    half = (bounds.MAX_NODES - 1) // 2
    Program.parse(" and ".join(["states('a')"] * half)).evaluate(world)
    assert len(asked) == half <= bounds.MAX_NODES


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("9 ** 9 ** 9", "number_too_large"),
        ("9 ** (9 ** 9)", "number_too_large"),
        ("9223372036854775807 + 1", "number_too_large"),
        ("-9223372036854775807 - 2", "number_too_large"),
        ("9223372036854775807 * 9223372036854775807", "number_too_large"),
        ("1e300 * 1e300", "number_too_large"),
        ("1e300 ** 2", "cannot_compute"),
        ("'a' * 16385", "text_too_long"),
        ("long ~ long", "text_too_long"),
        ("long + long", "text_too_long"),
        ("long | replace('', long)", "text_too_long"),
        ("long | replace('a', 'aa')", "text_too_long"),
        ("[long, long] | join", "text_too_long"),
        ("[long, long, long, long, long]", "text_too_long"),
        ("many | join(long)", "text_too_long"),
        ("[1] * 1001", "list_too_long"),
        ("many + many", "list_too_long"),
        ("[many, many]", "list_too_long"),
        ("(long * 1).split('a')", "list_too_long"),
        ("huge | tojson", "list_too_long"),
        ("huge | string", "list_too_long"),
        ("huge | max", "list_too_long"),
        ("2 in huge", "list_too_long"),
        ("deep | string", "list_too_long"),
    ],
)
def test_value_bounds(source: str, why: str) -> None:
    deep: list[Any] = []
    for _ in range(2_000):
        deep = [deep]
    world = Fixed(
        {"long": "a" * bounds.MAX_TEXT, "many": [1] * bounds.MAX_ITEMS, "huge": [1] * 100_000, "deep": deep},
    )
    with pytest.raises(Refused) as caught:
        Program.parse(source).evaluate(world)
    assert (caught.value.code, caught.value.details["why"]) == ("expression_failed", why)


@pytest.mark.parametrize(
    ("source", "length"),
    [("'a' * 16384", bounds.MAX_TEXT), ("[1] * 1000", bounds.MAX_ITEMS), ("9223372036854775806 + 1", None)],
)
def test_values_at_the_bound(source: str, length: int | None) -> None:
    found = Program.parse(source).evaluate(Fixed())
    assert (found if length is None else len(found)) == (length or bounds.MAX_INTEGER)


@pytest.mark.parametrize("grow", ["[a, a]", "a + a", "{1: a, 2: a}", "[a] * 2"])
@pytest.mark.parametrize("use", ["a | string", "a | tojson", "a == b"])
def test_values_that_share_their_parts_cannot_explode(grow: str, use: str) -> None:
    doubling = "".join(f"{{% set {x} = [1] %}}" + f"{{% set {x} = {grow.replace('a', x)} %}}" * 25 for x in "ab")
    with pytest.raises(Refused, match="list_too_long"):
        Template.parse(doubling + f"{{{{ {use} }}}}").evaluate(Fixed())


# ---- reads, relocation ----


@pytest.mark.parametrize(
    ("source", "expected", "dynamic"),
    [
        ("states('a/b.c') > 3 and is_state('d/e.f', 'on')", {"a/b.c", "d/e.f"}, False),
        ("state_attr(address='a', name='x')", {"a"}, False),
        ("x[states('a')] if not states.light.b.state else -1", {"a", "light.b"}, False),
        ("states('a' ~ n) or states('b')", {"b"}, True),
        ("1", set(), False),
    ],
)
def test_reads(source: str, expected: set[str], dynamic: bool) -> None:
    tree = parse(source)
    wanted = (frozenset(expected), dynamic)
    assert (reads(tree), dynamic_reads(tree)) == wanted
    assert (Program(tree).reads, Program(tree).dynamic_reads) == wanted


def test_names_are_what_must_be_given() -> None:
    assert Program.parse("value > 3 and trigger.x is defined").names == {"value", "trigger"}
    assert Template.parse("{% set a = value %}{{ a }}").names == {"value"}


def test_relocate() -> None:
    tree = parse("states('light.hall') == 'light.hall' and has_value(address='light.hall') and states(x)")
    moved = relocate(tree, {"light.hall": "hall/light.on"}.__getitem__)
    assert (
        write(moved) == "states('hall/light.on') == 'light.hall' and has_value(address='hall/light.on') and states(x)"
    )


# ---- every routine, storage, writing ----


ODD_VALUES: list[Any] = [None, "a", 3, [], {}, float("nan"), -1, "9" * 5000, object()]


@pytest.mark.parametrize("odd", ODD_VALUES, ids=lambda value: type(value).__name__)
def test_every_routine_answers_or_refuses_whatever_it_is_given(odd: Any) -> None:
    for table, routines in TABLES.items():
        for name, routine in routines.items():
            most = max(routine.required, len(routine.parameters))
            world = Fixed({f"v{i}": odd for i in range(most)})
            for count in (routine.required, most):
                call = Call(table, name, tuple(Name(f"v{i}") for i in range(count)))  # type: ignore[arg-type]
                assert evaluated(Program(call), world) in ("answered", "expression_failed"), (table, name)


words = st.sampled_from(["value", "json", "states", "小米", "x1"])
constants = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, bounds.MAX_INTEGER),
    st.floats(0, 1e300),
    st.text(st.characters(codec="utf-8")),
).map(Constant)


def _calls(children: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    one = st.tuples(children)
    return st.one_of(
        st.builds(Call, st.just("function"), st.just("states"), one),
        st.builds(Call, st.just("filter"), st.sampled_from(["float", "trim"]), one),
        st.builds(Call, st.just("filter"), st.just("round"), one, st.tuples(st.tuples(st.just("default"), children))),
        st.builds(Call, st.just("test"), st.sampled_from(["defined", "none"]), one),
        st.builds(Call, st.just("test"), st.just("eq"), st.tuples(children, children)),
        st.builds(Call, st.just("method"), st.just("get"), st.tuples(children, children)),
    )


def _branches(children: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    optional = st.one_of(st.none(), children)
    several = st.lists(children, min_size=2, max_size=3).map(tuple)
    compared = st.tuples(st.sampled_from(["==", "<", "in", "not in"]), children)
    return st.one_of(
        st.builds(ListOf, st.lists(children, max_size=3).map(tuple)),
        st.builds(DictOf, st.lists(st.tuples(children, children), max_size=2).map(tuple)),
        st.builds(Attribute, children, words.filter(lambda word: word != "states")),
        st.builds(Index, children, children),
        st.builds(Slice, children, optional, optional),
        st.builds(Unary, st.sampled_from(["-", "+", "not"]), children),
        st.builds(Binary, st.sampled_from(["+", "-", "*", "/", "//", "%", "**"]), children, children),
        st.builds(Concat, several),
        st.builds(Logic, st.sampled_from(["and", "or"]), several),
        st.builds(Compare, children, st.lists(compared, min_size=1, max_size=2).map(tuple)),
        st.builds(Choice, children, children, optional),
        _calls(children),
    )


trees: st.SearchStrategy[Expression] = st.recursive(
    st.one_of(constants, st.builds(Name, words.filter(lambda word: word != "states"))), _branches, max_leaves=8
)


@settings(max_examples=150, deadline=None)
@given(trees)
def test_written_trees_parse_to_themselves(tree: Expression) -> None:
    assert repr(parse(write(tree))) == repr(tree)


@settings(max_examples=60, deadline=None)
@given(trees)
def test_trees_survive_storage(tree: Expression) -> None:
    for codec in (msgspec.json, msgspec.msgpack):
        assert repr(codec.decode(codec.encode(tree), type=Expression)) == repr(tree)


def test_templates_survive_storage_and_writing() -> None:
    tree = Template.parse("a {% if x %}{{ x }}{% elif y %}{% set z = 1 %}{% else %}c{% endif %}").tree
    assert msgspec.json.decode(msgspec.json.encode(tree), type=Body) == tree
    assert Template.parse(write(tree)).tree == tree


SOUP = [
    *"+-*/%~<>=().,:[]{}|'\" \n0123",
    *["**", "//", "==", "!=", "<=", ">=", "{{", "}}", "{%", "%}", "{#", "#}", "-%}", "{%-"],
    *[" and ", " or ", " not ", " in ", " is ", " if ", " else ", " endif ", " set ", " elif ", " for "],
    *[
        "true",
        "none",
        "value",
        "json",
        "9e9",
        "9223372036854775807",
        "'a'",
        "'%d'",
        "[1,2]",
        "{'a':1}",
        "missing",
        "小",
        "\\",
    ],
    *[f"{name}(" for name in FUNCTIONS],
    *[f"|{name}" for name in FILTERS],
    *[f".{name}(" for name in METHODS],
    *[f" is {name}" for name in TESTS],
]
WORLD = Fixed({"value": 5, "json": {"a": [1, "x", None]}}, {"a": True})


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(SOUP), max_size=30).map("".join))
def test_token_soup_is_refused_or_answered(source: str) -> None:
    for kind in (Program, Template):
        assert outcome(kind, source, WORLD) in ("answered", "expression_refused", "expression_failed")


@settings(max_examples=150, deadline=None)
@given(trees)
def test_any_tree_is_refused_or_answered(tree: Expression) -> None:
    assert evaluated(Program(tree), WORLD) in ("answered", "expression_failed")


@pytest.mark.parametrize("kind", [Program, Template])
@pytest.mark.parametrize("piece", ["'", "\\", "{{", "{#", "{% if x %}", "{{1}}", "1_", "\n", "x|", "{% set x=x %}"])
def test_what_repeats_for_the_whole_length_ends(kind: type[Program] | type[Template], piece: str) -> None:
    source = (piece * bounds.MAX_SOURCE)[: bounds.MAX_SOURCE - 1] + "$"
    assert outcome(kind, source, WORLD) in ("answered", "expression_refused")
