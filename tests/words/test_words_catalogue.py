"""The catalogue is whole: both languages say the same, and every refusal and right has its words."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import setaria
from setaria.facts.refused import Refused
from setaria.rights import Act
from setaria.words import catalogue, languages, pick, refusal, say

SOURCE = Path(setaria.__file__).parent
KEY = re.compile(r"[a-z0-9_]+(\.[a-zA-Z0-9_-]+)*")


def everything(language: str) -> dict[str, str]:
    return {key: sentence for room in catalogue.rooms(language).values() for key, sentence in room.items()}


def literals(node: ast.expr) -> Iterator[str]:
    return (each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str))


def calls(root: Path, *functions: str) -> Iterator[tuple[str, str]]:
    """(where, text) for each constant text that a call of one of these functions has as its first argument."""
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in functions:
                yield from ((f"{path.relative_to(root)}:{node.lineno}", text) for text in literals(node.args[0]))


def test_both_languages_have_the_same_rooms_and_keys() -> None:
    chinese, english = (catalogue.rooms(language) for language in languages())
    assert chinese.keys() == english.keys()
    for room, sentences in chinese.items():
        assert sentences.keys() == english[room].keys(), room


def test_every_file_is_of_a_known_language() -> None:
    names = [path.name for path in (SOURCE / "words").glob("*.json")]
    assert [name for name in names if name.split(".")[1:-1] not in [[language] for language in languages()]] == []


@pytest.mark.parametrize("language", languages())
def test_no_key_stands_twice(language: str) -> None:
    found = Counter(key for room in catalogue.rooms(language).values() for key in room)
    assert [key for key, count in found.items() if count > 1] == []
    for path in (SOURCE / "words").glob(f"*.{language}.json"):
        inside = Counter(re.findall(r'^\s*"([^"]+)"\s*:', path.read_text(encoding="utf-8"), re.MULTILINE))
        assert [key for key, count in inside.items() if count > 1] == [], path.name


@pytest.mark.parametrize("language", languages())
def test_sentences_are_sound(language: str) -> None:
    for key, sentence in everything(language).items():
        assert KEY.fullmatch(key), key
        assert sentence == "" or sentence.strip() or key == "words.duration.join", key
        assert sentence, key


def test_both_languages_take_the_same_parameters() -> None:
    chinese, english = (everything(language) for language in languages())
    for key, sentence in chinese.items():
        assert set(catalogue.PARAMETER.findall(sentence)) == set(catalogue.PARAMETER.findall(english.get(key, ""))), key


def test_every_refusal_has_words() -> None:
    known = [everything(language) for language in languages()]
    used = set(calls(SOURCE, "Refused"))
    missing = sorted(f"{code} ({where})" for where, code in used if any(f"refused.{code}" not in k for k in known))
    assert not missing, "no words for: " + ", ".join(missing)


def test_every_reason_an_expression_gives_has_words() -> None:
    reasons = {"expression_refused": ("refuse", "_fail", "_wrong"), "expression_failed": ("Fault", "_or")}
    english = everything("en")
    for code, functions in reasons.items():
        found = {text for _, text in calls(SOURCE / "expression", *functions) if re.fullmatch(r"[a-z_]{3,}", text)}
        assert len(found) > 5
        found -= {"unknown_"}
        assert sorted(why for why in found if f"refused.{code}.why.{why}" not in english) == []
    for table in ("function", "filter", "test", "method"):
        assert f"refused.expression_refused.why.unknown_{table}" in english


def test_every_act_has_words() -> None:
    assert [act for act in Act if f"refused.not_allowed.act.{act}" not in everything("en")] == []


def test_a_refusal_in_words() -> None:
    refused = Refused("expression_refused", why="unknown_filter", about="x", text="1 | x", line=1, column=5)
    assert refusal(refused, "en") == (
        "The expression cannot be used. Line 1, column 5: there is no filter “x”.",
        "Correct it at “1 | x” and save again.",
    )
    assert refusal(refused, "zh-CN")[0] == "表达式无法使用。第 1 行第 5 列：没有名为“x”的过滤器。"
    assert refusal(Refused("not_allowed", act="thing.secure", why="denied"), "en")[0] == (
        "You may not operate a lock, camera or door: your role does not include it."
    )
    assert refusal(Refused("nobody_wrote_this", a=1), "en") == ("refused.nobody_wrote_this", "")


def test_say() -> None:
    assert say("no.such.key", "en", a=1) == "no.such.key"
    assert say("words.duration.day", "en", count=3) == "3 d"
    assert say("words.duration.day", "xx", count=3) == "3 d"
    assert say("words.duration.day", "en") == "… d"
    assert say("words.duration.day", "en", count=True) == "yes d"
    assert say("words.duration.day", "zh-CN", count=None) == "无 d".replace("d", "天")
    assert say("words.duration.day", "en", count=[1, 2.50, "x"]) == "1, 2.5, x d"
    assert say("words.duration.day", "en", key="a", language="b", count="{count}\n\x00{x.y}") == "{count} {x.y} d"


def test_values_are_shortened() -> None:
    assert len(say("words.duration.day", "en", count="x" * 10_000)) == catalogue.MAX_SHOWN + 2
    assert len(say("words.duration.day", "en", count=["x" * 10_000] * 500)) == catalogue.MAX_SHOWN + 2
    assert say("words.duration.day", "en", count=list(range(30))).endswith("19, … d")


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.just(object())),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=5,
)


@given(st.sampled_from(sorted(everything("en"))), st.text(max_size=8), values)
def test_say_never_raises(key: str, language: str, value: object) -> None:
    names = catalogue.PARAMETER.findall(everything("en")[key])
    assert isinstance(say(key, language, **dict.fromkeys(names, value)), str)
    assert isinstance(refusal(Refused("expression_refused", why=value, text=value), language)[0], str)


def test_an_integer_too_long_to_write_is_no_fault() -> None:
    assert say("words.duration.day", "en", count=10**5000) == "… d"


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("", "en"),
        ("C", "en"),
        ("C.UTF-8", "en"),
        ("zh_CN.UTF-8", "zh-CN"),
        ("zh", "zh-CN"),
        ("zh-TW,en;q=0.5", "zh-CN"),
        ("en-GB,zh;q=0.9", "en"),
        ("fr;q=0.9, zh-Hans-CN;q=0.8, en;q=0.7", "zh-CN"),
        ("en;q=0.2,zh;q=0.7", "zh-CN"),
        ("zh;q=0", "en"),
        ("zht", "en"),
        (";;;,,,q=,\x00", "en"),
    ],
)
def test_pick(wanted: str, language: str) -> None:
    assert pick(wanted) == language


@given(st.text())
def test_pick_never_raises(wanted: str) -> None:
    assert pick(wanted) in languages()
