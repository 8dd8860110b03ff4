"""Where people write linkages: checked, saved all or none, looked back at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.home.home_place import LAMP, Place

from setaria.facts.clock import MINUTE, SECOND
from setaria.home import commands as c
from setaria.home import facts as f
from setaria.home.linkage.desk import LinkageDesk

GOOD = """
id: lamp_at_seven
alias: 七点开灯
triggers: [{trigger: time, at: "19:00:00"}]
actions: [{action: light.turn_on, target: {entity_id: lamp}}]
"""
BAD = """
id: broken
alias: 坏的
triggers: [{trigger: time, at: "25:00:00"}]
actions: [{action: light.turn_on, target: {entity_id: lampe}}]
"""
WAITS = """
id: waits
alias: 等一等
triggers: [{trigger: event, event: go}]
conditions: ["{{ trigger.event.data.n > 0 }}"]
actions: [{delay: 60}, {action: light.turn_on, target: {entity_id: lamp}}]
"""


def both(first: str, second: str) -> str:
    def item(text: str) -> str:
        lines = text.strip().splitlines()
        return "\n".join(["- " + lines[0], *("  " + line for line in lines[1:])])

    return f"{item(first)}\n{item(second)}\n"


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place = await Place(tmp_path).open()
    await place.settle_in()
    await place.add("lamp", LAMP, "1", "living", {"light.on": False})
    yield place
    await place.close()


@pytest.fixture
def desk(place: Place) -> LinkageDesk:
    return LinkageDesk(place.home, place.log)


async def test_a_good_draft(desk: LinkageDesk) -> None:
    drafts = await desk.check(GOOD, "en")
    assert drafts.ok
    assert drafts.problems == ()
    (draft,) = drafts.drafts
    assert (draft.id, draft.alias, draft.ok, draft.problems) == ("lamp_at_seven", "七点开灯", True, ())
    assert "19:00" in draft.sentence
    assert draft.sentence != (await desk.check(GOOD, "zh-CN")).drafts[0].sentence


@pytest.mark.parametrize("language", ["en", "zh-CN"])
async def test_each_problem_is_told_once_with_its_place(desk: LinkageDesk, language: str) -> None:
    drafts = await desk.check(BAD, language)
    assert not drafts.ok
    assert drafts.problems == ()
    (draft,) = drafts.drafts
    assert not draft.ok
    assert draft.sentence == ""
    assert [(each.line, each.severity) for each in draft.problems] == [(4, "error"), (5, "error")]
    assert len({each.code for each in draft.problems}) == 2
    for each in draft.problems:
        assert each.sentence
        assert each.code not in each.sentence
        assert "{" not in each.sentence
        assert any("\u4e00" <= char <= "\u9fff" for char in each.sentence) is (language == "zh-CN")


async def test_a_warning_does_not_stand_in_the_way(desk: LinkageDesk) -> None:
    drafts = await desk.check(GOOD.replace("actions: [", "actions: [{stop: x}, "), "en")
    assert [each.severity for each in drafts.drafts[0].problems] == ["warning"]
    assert drafts.ok


@pytest.mark.parametrize("text", ["", "a: [", "- 5", "[]", "\0"])
async def test_what_is_no_linkage(desk: LinkageDesk, text: str) -> None:
    drafts = await desk.check(text, "en")
    assert not drafts.ok
    assert drafts.problems or any(draft.problems for draft in drafts.drafts)


async def test_saving(place: Place, desk: LinkageDesk) -> None:
    assert await place.done(desk.save(place.owner, both(GOOD, WAITS), "en")) == ["lamp_at_seven", "waits"]
    saved = place.home.structure.linkages["lamp_at_seven"]
    assert (saved.author, saved.revision, saved.enabled) == ("wei", 1, True)
    assert saved.rule is not None
    assert "七点开灯" in saved.rule.source
    assert set(place.home.engine.armed) == {"lamp_at_seven", "waits"}


async def test_saving_again_with_the_same_command(place: Place, desk: LinkageDesk) -> None:
    for _ in range(2):
        await place.done(desk.save(place.owner, both(GOOD, WAITS), "en", "command-1"))
    assert place.home.structure.linkages["waits"].revision == 1
    await place.done(desk.save(place.owner, both(GOOD, WAITS), "en", "command-2"))
    assert place.home.structure.linkages["waits"].revision == 2


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (BAD, "linkage_not_sound"),
        (GOOD.replace("lamp_at_seven", "7_o_clock"), "id_unusable"),
        (GOOD.replace("lamp_at_seven", "b").replace("七点开灯", "x\u200by"), "name_unusable"),
    ],
)
async def test_all_or_nothing(place: Place, desk: LinkageDesk, second: str, code: str) -> None:
    refused = await place.refused(desk.save(place.owner, both(WAITS, second), "en"))
    assert refused.code == code
    assert place.home.structure.linkages == {}
    assert await place.bodies(f.LinkageSaved) == []


async def test_too_many_at_once(place: Place, desk: LinkageDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    from setaria.home import decide

    monkeypatch.setitem(decide.MOST, "linkages", 1)
    await place.refused(desk.save(place.owner, both(WAITS, GOOD), "en"))
    assert place.home.structure.linkages == {}


async def test_the_problems_are_in_the_refusal(place: Place, desk: LinkageDesk) -> None:
    refused = await place.refused(desk.save(place.owner, BAD, "en"))
    problems = refused.details["problems"]
    assert isinstance(problems, list)
    assert refused.details["errors"] == len(problems) == 2
    assert {each["line"] for each in problems} == {4, 5}


async def test_who_may_not_write(place: Place, desk: LinkageDesk) -> None:
    for text in (GOOD, BAD):  # nor learn what is wrong with it
        refused = await place.refused(desk.save(place.who("mei"), text, "en"))
        assert refused.code == "not_allowed"
    refused = await place.refused(desk.import_ha(place.who("mei"), GOOD, {}, "en", save=True))
    assert refused.code == "not_allowed"


async def test_traces(place: Place, desk: LinkageDesk) -> None:
    await place.done(desk.save(place.owner, WAITS, "en"))
    began = place.clock.now()
    for n in (1, 0):
        place.home.acting.fire("go", {"n": n}, "test")
    await place.run(SECOND)
    found = (await place.done(desk.traces("waits", 10, True))).traces
    assert [(each.outcome, each.reason) for each in found] == [("declined", "conditions"), ("waiting", "")]
    assert found[1].run
    await place.run(MINUTE)
    (trace,) = (await place.done(desk.traces("waits", 10, False))).traces
    assert trace.outcome == "done"  # and the wait is not told a second time
    assert trace.at == began
    assert 60 * SECOND <= trace.took < 61 * SECOND
    assert [step[0] for step in trace.steps] == ["condition/0", "action/0", "action/1"]
    assert trace.steps[2][1] == {"lamp/light.on": True}
    assert trace.steps[2][2] >= 60 * SECOND
    assert trace.trigger["data"] == {"n": 1}
    assert len((await place.done(desk.traces("waits", 1, True))).traces) == 1
    assert (await place.done(desk.traces("waits", 0, True))).traces == []
    assert (await place.refused(desk.traces("nobody", 10, True))).code == "not_found"


async def test_dry_runs(place: Place, desk: LinkageDesk) -> None:
    await place.done(desk.save(place.owner, GOOD, "en"))
    await place.run(3 * 86_400 * SECOND)
    by_id = await place.done(desk.dry_run(None, "lamp_at_seven", 30, "en"))
    by_text = await place.done(desk.dry_run(GOOD, None, 30, "en"))
    assert by_id.ran == by_text.ran == len(await place.bodies(f.RunEnded)) == 3
    assert by_text.at_night == 3  # the sun is down at seven in November
    assert by_text.runs[0].sent == ("lamp: 2.1 = True",)
    for days in (0, 32):
        assert (await place.refused(desk.dry_run(GOOD, None, days, "en"))).code == "days_unusable"
    assert (await place.refused(desk.dry_run(BAD, None, 3, "en"))).code == "linkage_not_sound"
    assert (await place.refused(desk.dry_run(both(GOOD, WAITS), None, 3, "en"))).code == "linkage_not_sound"
    assert (await place.refused(desk.dry_run(None, "nobody", 3, "en"))).code == "not_found"
    assert (await place.refused(desk.dry_run(None, None, 3, "en"))).code == "not_found"


async def test_importing(place: Place, desk: LinkageDesk) -> None:
    text = both(WAITS.replace("entity_id: lamp", "entity_id: light.ceiling"), GOOD.replace("lamp}", "light.unknown}"))
    looked = await place.done(desk.import_ha(place.owner, text, {"light.ceiling": "lamp"}, "en"))
    assert (looked.total, looked.converted) == (2, ("waits",))
    assert looked.lines
    assert place.home.structure.linkages == {}
    saved = await place.done(desk.import_ha(place.owner, text, {"light.ceiling": "lamp"}, "en", save=True))
    assert saved == looked
    assert set(place.home.structure.linkages) == {"waits"}


async def test_findings_among_drafts_and_what_is_saved(place: Place, desk: LinkageDesk) -> None:
    await place.arrange(c.SaveHelper("flag", "switch", "旗"))
    ping = (
        "id: ping\nalias: ping\ntriggers: [{trigger: state, entity_id: helper/flag, to: 'on'}]\n"
        "actions: [{action: input_boolean.turn_off, target: {entity_id: helper/flag}}]\n"
    )
    pong = ping.replace("ping", "pong").replace("to: 'on'", "to: 'off'").replace("turn_off", "turn_on")
    assert (await desk.check(ping, "en")).findings == ()
    await place.done(desk.save(place.owner, ping, "en"))
    findings = (await desk.check(pong, "en")).findings
    assert any("ping" in each.sentence and "pong" in each.sentence for each in findings)


async def test_an_author_whose_time_is_over(place: Place, desk: LinkageDesk) -> None:
    """A linkage acts in its author's rights: with nobody behind it, it does nothing, and says so."""
    await place.done(desk.save(place.who("fang"), WAITS, "en"))
    await place.arrange(c.SaveMember("fang", "fang", "guest", place.clock.now() + 10 * SECOND))
    assert place.home.permits.linkage_may("fang", "lamp") in (True, False)  # and what was so once is not kept
    place.home.acting.fire("go", {"n": 1}, "test")
    await place.run(MINUTE + SECOND)
    (trace,) = (await place.done(desk.traces("waits", 10, False))).traces
    assert trace.outcome == "failed"
    assert trace.steps[-1][1]["refused"] == "not_allowed"
    assert place.value("lamp/light.on") is False
