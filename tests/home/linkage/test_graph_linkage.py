from __future__ import annotations

import pytest

from setaria.home.linkage.check import check
from setaria.home.linkage.fixed_catalogue import FixedCatalogue
from setaria.home.linkage.graph import effects, findings
from setaria.home.linkage.parse import parse
from setaria.home.linkage.rule import Rule


def rules(text: str, home: FixedCatalogue) -> list[Rule]:
    parsed, problems = parse(text)
    assert problems == []
    found = [check(each, home) for each in parsed]
    assert all(each.sound for each in found)
    return [each.rule for each in found]


def found(text: str, home: FixedCatalogue) -> list[tuple[str, str]]:
    return [(problem.code, problem.details["rules"]) for problem in findings(rules(text, home), home)]


def linkage(name: str, trigger: str, *steps: str, extra: str = "") -> str:
    return f"- {{alias: {name}, triggers: [{trigger}], actions: [{', '.join(steps)}]{extra}}}\n"


def becomes(thing: str, value: str) -> str:
    return f"{{trigger: state, entity_id: {thing}, to: {value}}}"


def put(thing: str, value: str) -> str:
    return f"{{set: {{{thing}/on: {value}}}}}"


def test_effects_name_what_is_read_and_written(sample_catalogue: FixedCatalogue) -> None:
    lit = "{{ is_state('living_light', 'on') }}"
    (rule,) = rules(
        linkage(
            "A",
            becomes("door_contact", "open"),
            f"{{if: {lit!r}, then: [{{action: light.turn_off, target: {{area_id: living}}}}]}}",
            "{delay: 5}",
            "{scene: evening}",
            "{event: hello}",
            "{action: counter.increment, entity_id: counter.openings}",
            "{action: cover.set_cover_position, target: {entity_id: living_curtain}, data: {position: 30}}",
        ),
        sample_catalogue,
    )
    seen = effects(rule, sample_catalogue)
    assert seen.triggers_on == {"door_contact/magnet-sensor.contact-state"}
    assert seen.reads == {"living_light/light.on"}
    assert seen.fires_events == {"hello"}
    assert {(each.address, each.value, each.later) for each in seen.writes} == {
        ("living_light/light.on", False, False),
        ("living_strip/light.on", False, False),
        ("living_light/light.on", None, True),
        ("living_strip/light.on", None, True),
        ("helper/openings.count", None, True),
        ("living_curtain/curtain.target-position", 30, True),
        ("living_curtain/curtain.current-position", 30, True),
    }


def test_a_loop_of_two(sample_catalogue: FixedCatalogue) -> None:
    text = linkage("A", becomes("living_light", "on"), put("living_strip", "on"), put("living_light", "off"))
    text += linkage("B", becomes("living_strip", "on"), put("living_light", "on"), put("living_strip", "off"))
    assert found(text, sample_catalogue) == [("loop", "A → B → A")]


def test_the_path_of_a_loop_is_told(sample_catalogue: FixedCatalogue) -> None:
    text = linkage("A", "{trigger: event, event: x}", "{event: y}")
    text += linkage("B", "{trigger: event, event: y}", "{event: z}")
    text += linkage("C", "{trigger: event, event: z}", "{event: x}")
    (problem,) = findings(rules(text, sample_catalogue), sample_catalogue)
    assert (problem.code, problem.details["rules"], problem.details["facts"]) == ("loop", "A → B → C → A", "y → z → x")


@pytest.mark.parametrize(
    "steps",
    [
        put("living_light", "off"),  # does not trigger `to: on`
        put("living_light", "on"),  # is on already
        put("living_strip", "on"),
    ],
)
def test_what_is_no_loop(steps: str, sample_catalogue: FixedCatalogue) -> None:
    assert found(linkage("A", becomes("living_light", "on"), steps), sample_catalogue) == []


def test_two_that_agree_do_not_loop(sample_catalogue: FixedCatalogue) -> None:
    text = linkage("A", becomes("living_light", "on"), put("living_strip", "on"))
    text += linkage("B", becomes("living_strip", "on"), put("living_light", "on"))
    assert found(text, sample_catalogue) == []


def test_a_toggle_of_its_own_trigger_loops(sample_catalogue: FixedCatalogue) -> None:
    text = linkage(
        "A", "{trigger: state, entity_id: living_light}", "{action: light.toggle, target: {entity_id: living_light}}"
    )
    assert found(text, sample_catalogue) == [("loop", "A → A")]


def test_a_number_only_loops_inside_its_bounds(sample_catalogue: FixedCatalogue) -> None:
    def swing(low: int, high: int) -> str:
        steps = [f"{{set: {{living_light/brightness: {value}}}}}" for value in (low, high)]
        return linkage("A", "{trigger: numeric_state, entity_id: living_light/brightness, above: 50}", *steps)

    assert found(swing(10, 90), sample_catalogue) == [("loop", "A → A")]
    assert found(swing(10, 40), sample_catalogue) == []


def test_conflict_on_the_same_trigger(sample_catalogue: FixedCatalogue) -> None:
    one = linkage("A", becomes("door_contact", "open"), put("living_light", "on"))
    text = one + linkage("B", becomes("door_contact", "open"), put("living_light", "off"))
    (problem,) = findings(rules(text, sample_catalogue), sample_catalogue)
    assert (problem.code, problem.details["ids"]) == ("conflict", ["a", "b"])
    assert problem.details["facts"] == "living_light/light.on = true ↔ living_light/light.on = false"


@pytest.mark.parametrize(
    "other",
    [
        linkage("B", becomes("door_contact", "closed"), put("living_light", "off")),
        linkage("B", becomes("door_contact", "open"), put("living_light", "on")),
        linkage("B", becomes("door_contact", "open"), "{delay: 60}", put("living_light", "off")),
        linkage(
            "B",
            becomes("door_contact", "open"),
            put("living_light", "off"),
            extra=", conditions: [{condition: time, after: '08:00', before: '20:00'}]",
        ),
        linkage("B", becomes("door_contact", "open"), put("living_light", "off"), extra=", enabled: false"),
    ],
)
def test_what_is_no_conflict(other: str, sample_catalogue: FixedCatalogue) -> None:
    night = ", conditions: [{condition: time, after: '20:00', before: '08:00'}]"
    text = linkage("A", becomes("door_contact", "open"), put("living_light", "on"), extra=night) + other
    assert found(text, sample_catalogue) == []


def test_branches_by_trigger_do_not_conflict(sample_catalogue: FixedCatalogue) -> None:
    def rule(name: str, first: str, second: str) -> str:
        def choice(trigger: str, value: str) -> str:
            return f"{{conditions: [{{condition: trigger, id: {trigger}}}], sequence: [{put('living_light', value)}]}}"

        triggers = "{trigger: time, at: '08:00', id: a}, {trigger: time, at: '20:00', id: b}"
        return linkage(name, triggers, f"{{choose: [{choice('a', first)}, {choice('b', second)}]}}")

    assert found(rule("A", "on", "off") + rule("B", "on", "off"), sample_catalogue) == []
    assert found(rule("A", "on", "off") + rule("B", "off", "on"), sample_catalogue) == [("conflict", "A → B")]


def test_an_event_nobody_fires(sample_catalogue: FixedCatalogue) -> None:
    text = linkage("A", "{trigger: event, event: ghost}", put("living_light", "on"))
    assert found(text, sample_catalogue) == [("event_unfired", "A"), ("rule_never_runs", "A")]
    text += linkage("B", "{trigger: start}", "{event: ghost}")
    assert found(text, sample_catalogue) == []
