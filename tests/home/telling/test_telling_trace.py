"""A run's trace as sentences: what set it off, what its conditions asked and saw, its waits, what came of its deeds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.home.home_place import LAMP, Place

from setaria.facts.clock import MILLISECOND, MINUTE, SECOND
from setaria.facts.refused import Refused
from setaria.home import commands as c
from setaria.home import facts as f
from setaria.home.telling.trace import TraceSentence, answers_of, trace_sentences

EVENING = """
id: evening
alias: Evening
triggers:
  - {trigger: state, entity_id: helper/night.on, to: "on"}
conditions:
  - {condition: sun, after: sunset}
  - {condition: numeric_state, entity_id: lamp/light.brightness, below: 80}
actions:
  - {action: light.turn_on, target: {entity_id: lamp}}
  - wait_for_trigger:
      - {trigger: state, entity_id: helper/night.on, to: "off"}
    timeout: "00:02:00"
  - {action: notify, data: {message: done}}
"""


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    made = await Place(tmp_path).open()
    await made.settle_in()
    await made.done(made.home.arrange(made.owner, c.DescribeHousehold("李家", "Asia/Shanghai", 39.9, 116.4, "zh-CN")))
    await made.add("lamp", LAMP, "1", "living", {"light.on": False, "light.brightness": 40})
    await made.arrange(c.ArrangeThing("lamp", "台灯", "living", ()))
    await made.arrange(c.SaveHelper("night", "switch", "夜里"))
    await made.run(MINUTE)
    yield made
    await made.close()


async def told(place: Place, linkage: str, language: str) -> list[TraceSentence]:
    ended = (await place.facts(f.RunEnded))[-1]
    body: Any = ended.body
    rule = place.home.structure.linkages[linkage].rule
    answers = await place.done(answers_of(place.home, place.log, body))
    return trace_sentences(place.home, body.trace, body.trigger, language, began=body.began, rule=rule, answers=answers)


async def test_a_run_in_plain_sentences(place: Place) -> None:
    await place.link(EVENING)
    await place.done(place.home.operate_helper(place.owner, "night", "turn_on"))
    await place.run(3 * MINUTE)
    sentences = await told(place, "evening", "en")
    texts = [each.text for each in sentences]
    assert texts[0].startswith("夜里 on, 17:31:")
    assert len(texts[0].rpartition(", ")[2]) == len("17:31:00.123")
    assert texts[1].endswith(": holds (sunset 16:53)")
    assert texts[2].endswith(": holds (台灯 40%)")
    assert texts[3] == "台灯 on"
    assert texts[4].startswith("waits until 17:3")
    assert texts[5:] == ["waited in vain", "told “done”"]
    tones = [str(each.tone) for each in sentences]
    assert tones == ["plain", "done", "done", "done", "plain", "warn", "done"]
    assert [each.path for each in sentences][:4] == ["trigger", "condition/0", "condition/1", "action/0"]
    assert [each.at for each in sentences] == sorted(each.at for each in sentences)
    assert sentences[5].at >= 2 * MINUTE
    chinese = await told(place, "evening", "zh-CN")
    assert chinese[1].text.endswith("：成立（日落 16:53）")
    assert [each.text for each in chinese[5:]] == ["没有等到", "通知“done”"]


async def test_what_a_thing_refused_stands_beneath_its_step(place: Place) -> None:
    await place.link(EVENING)
    place.radio.devices["1"].refuses = Refused("device_refused", device_code=-9)
    await place.done(place.home.operate_helper(place.owner, "night", "turn_on"))
    await place.run(3 * MINUTE)
    sentences = await told(place, "evening", "en")
    at = next(number for number, each in enumerate(sentences) if each.text == "台灯 on")
    failed = sentences[at + 1]
    assert (failed.text, str(failed.tone), failed.path) == ("台灯: refused (-9)", "warn", "action/0")
    assert failed.at >= sentences[at].at + 10 * MILLISECOND


async def test_a_condition_that_did_not_hold_stops(place: Place) -> None:
    await place.link(EVENING.replace("below: 80", "below: 20"))
    await place.done(place.home.operate_helper(place.owner, "night", "turn_on"))
    await place.run(SECOND)
    declined: Any = (await place.facts(f.RunDeclined))[-1]
    rule = place.home.structure.linkages["evening"].rule
    sentences = trace_sentences(
        place.home, declined.body.trace, declined.body.trigger, "en", began=declined.time, rule=rule
    )
    assert str(sentences[-1].tone) == "stop"
    assert sentences[-1].text.endswith(": does not hold (台灯 40%)")
    plain = trace_sentences(place.home, declined.body.trace, declined.body.trigger, "en")
    assert [each.text for each in plain] == ["夜里 on", "holds", "does not hold"]


async def test_what_has_changed_since_is_not_said_to_have_been_seen(place: Place) -> None:
    await place.link(EVENING)
    await place.done(place.home.operate_helper(place.owner, "night", "turn_on"))
    await place.run(3 * MINUTE)
    await place.done(place.home.write(place.owner, "lamp", {"light.brightness": 70}))
    assert (await told(place, "evening", "en"))[2].text.endswith(": holds")
