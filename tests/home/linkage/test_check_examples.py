from __future__ import annotations

from pathlib import Path

import pytest

from setaria.home.linkage.check import check
from setaria.home.linkage.fixed_catalogue import FixedCatalogue
from setaria.home.linkage.graph import findings
from setaria.home.linkage.parse import parse
from setaria.home.linkage.render import sentence
from setaria.home.linkage.rule import Rule
from setaria.home.linkage.stored import dump, load
from setaria.simulated.sample_home import SAMPLE

EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "linkages").glob("*.yaml"))

NIGHT_EN = (
    "When Kitchen motion sensor is seeing motion, if it is between 22:30 and 06:30, then turn on Kitchen ceiling light "
    "(20 %), then wait until Kitchen motion sensor is without motion for 2 min (at most 1 h), then turn off Kitchen "
    "ceiling light."
)
NIGHT_ZH = (
    "当厨房人体传感器变为有动静，如果在 22:30 到 06:30 之间，就打开厨房吸顶灯（20 %），"
    "然后等到厨房人体传感器变为没有动静持续2 分（最多1 小时），然后关闭厨房吸顶灯。"
)


def read(path: Path, home: FixedCatalogue) -> Rule:
    (parsed,), problems = parse(path.read_text(encoding="utf-8"))
    assert problems == []
    checked = check(parsed, home)
    assert checked.problems == ()
    return checked.rule


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 8


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_sound(path: Path, sample_catalogue: FixedCatalogue) -> None:
    rule = read(path, sample_catalogue)
    assert rule.id == path.stem
    assert not rule.alias.isascii()
    assert rule.source == path.read_text(encoding="utf-8").rstrip("\n")
    assert load(dump(rule)) == rule


def test_examples_live_together(sample_catalogue: FixedCatalogue) -> None:
    assert findings([read(path, sample_catalogue) for path in EXAMPLES], sample_catalogue) == []


@pytest.mark.parametrize(
    ("name", "english", "chinese"),
    [
        (
            "night_motion_light",
            NIGHT_EN,
            NIGHT_ZH,
        ),
        (
            "bedroom_switch_scene",
            "When Bedroom wall switch is on, then activate the scene evening, then close Living room curtain.",
            "当卧室墙壁开关变为打开，启用场景“evening”，然后关上客厅窗帘。",
        ),
    ],
)
def test_sentences(name: str, english: str, chinese: str, sample_catalogue: FixedCatalogue) -> None:
    rule = read(next(path for path in EXAMPLES if path.stem == name), sample_catalogue)
    assert sentence(rule, "en", {each.id: each.en for each in SAMPLE.things}, sample_catalogue) == english
    assert sentence(rule, "zh-CN", {each.id: each.zh for each in SAMPLE.things}, sample_catalogue) == chinese


def test_on_wait_off_is_said_as_for(sample_catalogue: FixedCatalogue) -> None:
    (parsed,), _ = parse(
        "triggers: [{trigger: sun, event: sunset}]\n"
        "actions: [{set: {door_light/on: on}}, {delay: 120}, {set: {door_light/on: off}}]\n"
    )
    rule = check(parsed, sample_catalogue).rule
    assert sentence(rule, "en") == "When it is sunset, then turn on door_light for 2 min."
