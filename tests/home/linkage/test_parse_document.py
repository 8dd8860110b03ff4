from __future__ import annotations

import pytest

from setaria.facts.refused import Refused
from setaria.home.linkage.document import DEPTH, NODES, SOURCE_BYTES, node_of, read


def test_scalars_keep_what_the_spec_must_decide() -> None:
    (node,) = read("a: on\nb: 'off'\nc: 07:30:00\nd: 0x10\ne: 1.5\nf: 012\ng: true\nh:\ni: 2024-01-01\nj: -3\n")
    assert node.plain() == {
        "a": "on",
        "b": "off",
        "c": "07:30:00",
        "d": 16,
        "e": 1.5,
        "f": "012",
        "g": True,
        "h": None,
        "i": "2024-01-01",
        "j": -3,
    }


def test_every_node_knows_its_place() -> None:
    (node,) = read("x:\n  - y: 1\n    z: two\n")
    inner = node.value["x"].value[0].value["z"]
    assert (inner.line, inner.column, inner.value) == (3, 8, "two")


def test_merge_keys_give_way_to_what_is_written() -> None:
    (node,) = read("a: &a {p: 1, q: 2}\nb: {<<: *a, q: 3}\n")
    assert node.plain()["b"] == {"p": 1, "q": 3}


@pytest.mark.parametrize(
    ("text", "why", "line", "column"),
    [
        ("a: 1\na: 2\n", "twice", 2, 1),
        ("a: !secret b\n", "secret", 1, 4),
        ("a:\n  !include b.yaml\n", "include", 2, 3),
        ("a: !!python/object:os.system x\n", "tag", 1, 4),
        ("a: &a [*a]\n", "alias", 1, 8),
        ("a: *b\n", "alias", 1, 4),
        ("? [1]\n: 2\n", "key", 1, 3),
        ("a: [1\n", "not_yaml", 2, 1),
        ("a: \x01\n", "character", 1, 4),
        ("a: {<<: 3}\n", "merge", 1, 9),
    ],
)
def test_refuses_with_the_place(text: str, why: str, line: int, column: int) -> None:
    with pytest.raises(Refused) as caught:
        read(text)
    details = caught.value.details
    assert caught.value.code == "linkage_unreadable"
    assert (details["why"], details["line"], details["column"]) == (why, line, column)


def test_aliases_count_as_what_they_stand_for() -> None:
    bomb = "a: &a [" + "x," * 9 + "x]\n"
    for name, before in zip("bcdefgh", "abcdefg", strict=True):
        bomb += f"{name}: &{name} [" + f"*{before}," * 9 + f"*{before}]\n"
    with pytest.raises(Refused) as caught:
        read(bomb)
    assert caught.value.details["why"] == "too_many"


@pytest.mark.parametrize("extra", [0, 1])
def test_number_of_nodes_is_bounded(extra: int) -> None:
    text = "[" + ",".join("x" * (NODES - 1 + extra)) + "]"
    if extra:
        with pytest.raises(Refused, match="too_many"):
            read(text)
    else:
        assert read(text)[0].size == NODES


@pytest.mark.parametrize("extra", [0, 1])
def test_depth_is_bounded(extra: int) -> None:
    text = "[" * (DEPTH + extra) + "]" * (DEPTH + extra)
    if extra:
        with pytest.raises(Refused, match="too_deep"):
            read(text)
    else:
        assert read(text)[0].depth == DEPTH


def test_depth_of_an_alias_counts() -> None:
    inner = "a: &a " + "[" * 20 + "]" * 20 + "\n"
    with pytest.raises(Refused, match="too_deep"):
        read(inner + "b: " + "[" * 20 + "*a" + "]" * 20 + "\n")


def test_length_is_bounded() -> None:
    assert read("#" * SOURCE_BYTES) == []
    with pytest.raises(Refused, match="too_long"):
        read("#" * (SOURCE_BYTES + 1))


def test_plain_values_have_the_same_bounds() -> None:
    deep: object = 1
    for _ in range(DEPTH + 1):
        deep = [deep]
    with pytest.raises(Refused, match="too_deep"):
        node_of(deep)
    with pytest.raises(Refused, match="too_many"):
        node_of([0] * NODES)
    assert node_of({"a": [1, "\ud800", 10**30]}).plain() == {"a": [1, "?", "…"]}
