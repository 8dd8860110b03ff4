from __future__ import annotations

from pathlib import Path

import pytest

from setaria.home.linkage.document import read
from setaria.home.linkage.fixed_catalogue import FixedCatalogue
from setaria.home.linkage.import_ha import Note, Report, import_ha, report_lines
from setaria.home.linkage.problem import Severity
from setaria.home.linkage.rule import (
    NotifyStep,
    NumericTrigger,
    Or,
    Rule,
    ServiceStep,
    SetStep,
    StateTrigger,
    SunTrigger,
)

DATA = Path(__file__).parent / "data"
TEXT = (DATA / "home_assistant.yaml").read_text(encoding="utf-8")
MAPPING: dict[str, str] = read((DATA / "mapping.yaml").read_text(encoding="utf-8"))[0].plain()
EXPECTED: dict[str, tuple[str, str]] = {
    each["id"]: (each["alias"], each["description"]) for each in read(TEXT)[0].plain()
}


@pytest.fixture(scope="module")
def report(sample_catalogue: FixedCatalogue) -> Report:
    return import_ha(TEXT, MAPPING, sample_catalogue)


def rule(report: Report, name: str) -> Rule:
    return next(each for each, _ in report.converted if each.id == name)


def test_the_corpus_is_large_enough() -> None:
    assert len(EXPECTED) >= 60
    assert sum(verdict == "ok" for _, verdict in EXPECTED.values()) >= 50


@pytest.mark.parametrize("name", EXPECTED)
def test_verdict(name: str, report: Report) -> None:
    alias, verdict = EXPECTED[name]
    converted = {each.id for each, _ in report.converted}
    if verdict == "ok":
        why = [problems for refused, problems in report.refused if refused == alias]
        assert name in converted, why
        return
    assert name not in converted
    problems = next(problems for refused, problems in report.refused if refused == alias)
    wanted = set(verdict.removeprefix("outside:").replace(" ", "").split(","))
    assert {problem.code for problem in problems if problem.severity is Severity.ERROR} == wanted
    assert all(problem.line > 0 for problem in problems)


def test_the_count_adds_up(report: Report) -> None:
    assert report.total == len(EXPECTED) == len(report.converted) + len(report.refused)
    assert report.unknown == ("binary_sensor.garage", "light.garage")


def test_lines_for_a_terminal(report: Report) -> None:
    lines = report_lines(report, "en")
    assert lines[0] == f"{len(report.converted)} of {report.total} converted."
    assert "Not converted: Two floors" in lines
    assert lines[-2:] == ["  binary_sensor.garage", "  light.garage"]
    assert report_lines(report, "zh-CN")[0].startswith("共")


def test_entities_become_typed_addresses(report: Report) -> None:
    opened = rule(report, "a01").triggers[0]
    assert isinstance(opened, StateTrigger)
    assert (opened.refs[0].address, opened.to) == ("door_contact/magnet-sensor.contact-state", (False,))
    home = rule(report, "a10").triggers[0]
    assert isinstance(home, StateTrigger)
    assert (home.refs[0].address, home.to) == ("member/li_wei.home", (True,))
    assert isinstance(rule(report, "a71").triggers[0], SunTrigger)
    assert isinstance(rule(report, "a72").conditions[0], Or)
    lamp = rule(report, "a72").actions[0]
    assert isinstance(lamp, ServiceStep)
    assert lamp.things == ("bedroom_lamp",)  # by its own id, without a mapping


def test_brightness_is_rescaled_and_told(report: Report) -> None:
    (found, notes) = next((each, notes) for each, notes in report.converted if each.id == "a38")
    trigger = found.triggers[0]
    assert isinstance(trigger, NumericTrigger)
    assert trigger.above == 78.0
    assert Note("note_brightness", {"value": 200.0, "percent": 78.0}) in notes


def test_one_half_of_a_switch_stays_one_half(report: Report) -> None:
    step = rule(report, "a15").actions[0]
    assert isinstance(step, SetStep)
    assert [(each.ref.address, each.value) for each in step.assignments] == [("bedroom_switch/switch#2.on", True)]


def test_phones_become_members(report: Report, sample_catalogue: FixedCatalogue) -> None:
    step = rule(report, "a11").actions[0]
    assert isinstance(step, NotifyStep)
    assert step.to == ("li_wei",)
    without = import_ha(TEXT, {**MAPPING, "notify.mobile_app_wei": "nobody"}, sample_catalogue)
    (found, notes) = next((each, notes) for each, notes in without.converted if each.id == "a11")
    everybody = found.actions[0]
    assert isinstance(everybody, NotifyStep)
    assert everybody.to == ()
    assert Note("note_notify", {"name": "mobile_app_wei"}) in notes


def test_packages_and_blueprints(sample_catalogue: FixedCatalogue) -> None:
    files = {
        "packages/light.yaml": "automation:\n  - alias: A\n    use_blueprint:\n      path: me/motion.yaml\n"
        "      input: {motion: binary_sensor.living_room_motion, lamp: light.living_room}\n",
        "blueprints/automation/me/motion.yaml": "blueprint:\n  name: M\n  domain: automation\n"
        "  input: {motion: {}, lamp: {}}\n"
        "trigger: {platform: state, entity_id: !input motion, to: 'on'}\n"
        "action: {service: light.turn_on, target: {entity_id: !input lamp}}\n",
        "broken.yaml": "a: [",
    }
    result = import_ha(files, MAPPING, sample_catalogue)
    assert [each.id for each, _ in result.converted] == ["a"]
    assert [(name, problems[0].code) for name, problems in result.refused] == [("broken.yaml", "unreadable_not_yaml")]
    assert result.total == 2
