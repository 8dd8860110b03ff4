from __future__ import annotations

import re
from pathlib import Path

import setaria.home.linkage as room
from setaria.words.catalogue import PARAMETER, rooms

SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in sorted(Path(room.__path__[0]).glob("*.py")))
CALLS = re.compile(r"""(?:\.error|\.warn|unknown|_problem)\(\s*"([a-z_]+)\"""")


def test_every_problem_has_its_sentence() -> None:
    used = set(CALLS.findall(SOURCES))
    assert len(used) > 60
    for language in ("zh-CN", "en"):
        words = rooms(language)["linkage"]
        assert {code for code in used if f"linkage.problem.{code}" not in words} == set()


def test_every_phrase_has_its_words() -> None:
    used = set(re.findall(r'self\.say\(\s*"([a-z_]+)"', SOURCES))
    assert len(used) > 40
    assert {name for name in used if f"linkage.say.{name}" not in rooms("en")["linkage"]} == set()


def test_both_languages_say_the_same() -> None:
    english, chinese = rooms("en")["linkage"], rooms("zh-CN")["linkage"]
    assert english.keys() == chinese.keys()
    for key, sentence in english.items():
        assert set(PARAMETER.findall(sentence)) == set(PARAMETER.findall(chinese[key])), key
