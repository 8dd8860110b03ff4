from __future__ import annotations

import textwrap
from typing import Any

import pytest

from setaria.home.linkage.check import Checked, check
from setaria.home.linkage.fixed_catalogue import FixedCatalogue
from setaria.home.linkage.parse import parse
from setaria.home.linkage.problem import Severity, tell
from setaria.home.linkage.rule import (
    ActStep,
    EventTrigger,
    Formula,
    FormulaCondition,
    NumericTrigger,
    Ref,
    ServiceStep,
    SetStep,
    StateTrigger,
)

START = "triggers: [{trigger: start}]\n"
BOTH = (
    "{and: [{condition: state, entity_id: living_light, state: on}, "
    "{condition: state, entity_id: living_light, state: off}]}"
)
STOP = "actions: [{stop: x}]\n"


def checked(text: str, home: FixedCatalogue) -> Checked:
    (parsed,), problems = parse(textwrap.dedent(text))
    assert problems == []
    return check(parsed, home)


def sound(text: str, home: FixedCatalogue) -> Checked:
    result = checked(text, home)
    assert result.problems == ()
    return result


def codes(text: str, home: FixedCatalogue) -> list[str]:
    return [problem.code for problem in checked(text, home).problems]


def trigger(text: str, home: FixedCatalogue) -> Any:
    return sound(f"triggers: [{text}]\n{STOP}", home).rule.triggers[0]


def step(text: str, home: FixedCatalogue) -> Any:
    return sound(f"{START}actions: [{text}]\n", home).rule.actions[0]


@pytest.mark.parametrize(
    ("text", "address", "siid", "piid", "to"),
    [
        ("living_light, to: on", "living_light/light.on", 2, 1, True),
        ("living_light, to: 'off'", "living_light/light.on", 2, 1, False),
        ("living_light, to: true", "living_light/light.on", 2, 1, True),
        ("light.living_light, to: on", "living_light/light.on", 2, 1, True),
        ("客厅灯, to: on", "living_light/light.on", 2, 1, True),
        ("living_light/on, to: on", "living_light/light.on", 2, 1, True),
        ("bedroom_switch/switch#2.on, to: on", "bedroom_switch/switch#2.on", 3, 1, True),
        ("door_contact, to: on", "door_contact/magnet-sensor.contact-state", 2, 2, False),
        ("door_contact, to: open", "door_contact/magnet-sensor.contact-state", 2, 2, False),
        ("door_contact, to: closed", "door_contact/magnet-sensor.contact-state", 2, 2, True),
        ("door_contact/magnet-sensor.contact-state, to: on", "door_contact/magnet-sensor.contact-state", 2, 2, True),
        ("balcony_washer, to: wash finished", "balcony_washer/washer.status", 2, 2, 4),
        ("balcony_washer, to: 4", "balcony_washer/washer.status", 2, 2, 4),
        ("balcony_washer, to: '4'", "balcony_washer/washer.status", 2, 2, 4),
        ("living_purifier/air-purifier.mode, to: auto", "living_purifier/air-purifier.mode", 2, 4, 0),
        ("person.li_wei, to: home", "member/li_wei.home", 0, 0, True),
        ("member/li_wei, to: not_home", "member/li_wei.home", 0, 0, False),
        ("input_boolean.guest_mode, to: on", "helper/guest_mode.on", 0, 0, True),
        ("timer.tidy, to: active", "helper/tidy.running", 0, 0, True),
        ("helper/openings, to: 3", "helper/openings.count", 0, 0, 3),
    ],
)
def test_states_are_bound_and_typed(
    text: str, address: str, siid: int, piid: int, to: Any, sample_catalogue: FixedCatalogue
) -> None:
    name, _, rest = text.partition(", ")
    found = trigger(f"{{trigger: state, entity_id: '{name}', {rest}}}", sample_catalogue)
    assert isinstance(found, StateTrigger)
    assert found.refs == (Ref(address, siid, piid),)
    assert found.to is not None
    assert [(type(value), value) for value in found.to] == [(type(to), to)]


def test_one_word_may_be_several_values(sample_catalogue: FixedCatalogue) -> None:
    found = trigger("{trigger: state, entity_id: living_vacuum, to: cleaning}", sample_catalogue)
    assert found.to == (1, 7)


def test_things_that_differ_become_several_triggers(sample_catalogue: FixedCatalogue) -> None:
    rule = sound(
        f"triggers: [{{trigger: state, id: t, entity_id: [door_contact, living_motion], to: on}}]\n{STOP}",
        sample_catalogue,
    ).rule
    assert [(each.id, each.to) for each in rule.triggers if isinstance(each, StateTrigger)] == [
        ("t", (False,)),
        ("t", (True,)),
    ]


def test_an_open_curtain_is_a_position(sample_catalogue: FixedCatalogue) -> None:
    found = trigger("{trigger: state, entity_id: living_curtain, to: open}", sample_catalogue)
    assert isinstance(found, NumericTrigger)
    assert (found.refs[0].address, found.above, found.below) == ("living_curtain/curtain.current-position", 0.0, None)


def test_events_are_bound(sample_catalogue: FixedCatalogue) -> None:
    found = trigger("{trigger: event, event: living_motion/motion-sensor.motion-detected}", sample_catalogue)
    assert isinstance(found, EventTrigger)
    assert (found.thing, found.event, found.siid, found.eiid) == (
        "living_motion",
        "motion-sensor.motion-detected",
        2,
        1,
    )
    assert trigger("{trigger: event, event: living_motion/motion}", sample_catalogue) == found


def test_set_writes_what_the_spec_takes(sample_catalogue: FixedCatalogue) -> None:
    found = step(
        "{set: {living_purifier/air-purifier.mode: Auto, living_light/light.brightness: 40, living_light/on: on}}",
        sample_catalogue,
    )
    assert isinstance(found, SetStep)
    assert [(each.ref.address, each.ref.siid, each.value) for each in found.assignments] == [
        ("living_purifier/air-purifier.mode", 2, 0),
        ("living_light/light.brightness", 2, 40),
        ("living_light/light.on", 2, True),
    ]


def test_actions_are_bound_with_their_arguments(sample_catalogue: FixedCatalogue) -> None:
    found = step("{act: living_speaker/intelligent-speaker.play-text, arguments: [hi]}", sample_catalogue)
    assert isinstance(found, ActStep)
    assert (found.thing, found.siid, found.aiid, found.arguments) == ("living_speaker", 5, 1, ((1, "hi"),))
    assert step("{act: living_speaker/say, arguments: {text-content: hi}}", sample_catalogue) == found
    assert isinstance(step("{act: living_vacuum/vacuum.start-sweep}", sample_catalogue), ActStep)


def test_rooms_stay_rooms(sample_catalogue: FixedCatalogue) -> None:
    found = step("{action: light.turn_off, target: {area_id: [Living room, 卧室], label_id: night}}", sample_catalogue)
    assert isinstance(found, ServiceStep)
    assert (found.things, found.rooms, found.labels) == ((), ("living", "bedroom"), ("night",))


def test_templates_name_full_addresses_and_typed_values(sample_catalogue: FixedCatalogue) -> None:
    rule = sound(
        START
        + "conditions:\n"
        + "  - \"{{ is_state('living_light', 'on') and states('door_contact') == 'open' }}\"\n"
        + "  - \"{{ is_state('living_vacuum', 'cleaning') or states('living_vacuum') != 'cleaning' }}\"\n"
        + "  - \"{{ states('living_purifier/pm25') | float > 5 }}\"\n"
        + "  - \"{{ state_attr('parents_heater', 'current_temperature') | float(0) < 19 }}\"\n"
        + STOP,
        sample_catalogue,
    ).rule
    assert [each.formula.source for each in rule.conditions if isinstance(each, FormulaCondition)] == [
        "{{ is_state('living_light/light.on', true) and states('door_contact/magnet-sensor.contact-state') == false }}",
        "{{ is_state('living_vacuum/vacuum.status', [1, 7]) or states('living_vacuum/vacuum.status') not in [1, 7] }}",
        "{{ states('living_purifier/environment.pm2.5-density') | float > 5 }}",
        "{{ states('parents_heater/environment.temperature') | float(0) < 19 }}",
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{trigger: state, entity_id: livng_light, to: on}", "thing_unknown"),
        ("{trigger: state, entity_id: living_light/light.onn}", "property_unknown"),
        ("{trigger: state, entity_id: helper/nobody}", "helper_unknown"),
        ("{trigger: state, entity_id: person.nobody}", "member_unknown"),
        ("{trigger: state, entity_id: living_light, attribute: nothing}", "attribute_unknown"),
        ("{trigger: state, entity_id: living_light, to: purple}", "value_wrong_type"),
        ("{trigger: state, entity_id: living_light, to: unavailable}", "state_unavailable"),
        ("{trigger: state, entity_id: living_light, from: on, to: on}", "never_changes"),
        ("{trigger: state, entity_id: balcony_washer, to: exploded}", "value_not_in_list"),
        ("{trigger: state, entity_id: living_light/light.brightness, to: 400}", "value_out_of_range"),
        ("{trigger: state, entity_id: living_curtain/curtain.motor-control}", "not_readable"),
        ("{trigger: state, entity_id: living_light, for: {days: 40}}", "duration_long"),
        ("{trigger: numeric_state, entity_id: living_light, attribute: on, above: 1}", "not_numeric"),
        ("{trigger: numeric_state, entity_id: living_purifier/pm25, above: 80, below: 20}", "range_empty"),
        ("{trigger: numeric_state, entity_id: living_light/light.brightness, above: 100}", "never_reached"),
        ("{trigger: event, event: living_motion/motion-sensor.nothing}", "event_unknown"),
        ("{trigger: event, event: door_lock/lock.lock-event, data: {nothing: 1}}", "argument_unknown"),
        ("{trigger: zone, entity_id: person.li_wei, zone: zone.work}", "zone_unknown"),
        ("{trigger: sun, event: sunset, offset: '13:00:00'}", "offset_long"),
        ("{trigger: start, enabled: false}", "no_trigger_enabled"),
    ],
)
def test_triggers_that_cannot_be(text: str, code: str, sample_catalogue: FixedCatalogue) -> None:
    assert codes(f"triggers: [{text}]\n{STOP}", sample_catalogue) == [code]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{condition: trigger, id: nobody}", "trigger_id_unknown"),
        ("{condition: time, after: '10:00', before: '10:00'}", "never_true"),
        ("'{{ false }}'", "never_true"),
        ("\"{{ is_state('livng_light', 'on') }}\"", "thing_unknown"),
        ("'{{ nobody > 3 }}'", "variable_unknown"),
        ("{condition: numeric_state, entity_id: living_purifier/pm25, above: 5000}", "never_reached"),
        (
            BOTH,
            "contradiction",
        ),
    ],
)
def test_conditions_that_cannot_be(text: str, code: str, sample_catalogue: FixedCatalogue) -> None:
    assert codes(f"{START}conditions: [{text}]\n{STOP}", sample_catalogue) == [code]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{set: {living_light/light.brightness: 101}}", "value_out_of_range"),
        ("{set: {living_light/light.on: 7}}", "value_wrong_type"),
        ("{set: {living_purifier/air-purifier.mode: turbo}}", "value_not_in_list"),
        ("{set: {living_purifier/environment.temperature: 20}}", "not_writable"),
        ("{set: {member/li_wei.home: true}}", "not_writable"),
        ("{act: living_vacuum/vacuum.fly}", "action_unknown"),
        ("{act: living_speaker/say}", "argument_missing"),
        ("{act: living_speaker/say, arguments: {voice: x, text-content: y}}", "argument_unknown"),
        ("{action: vacuum.start, target: {entity_id: living_light}}", "service_not_offered"),
        ("{action: light.frobnicate, target: {entity_id: living_light}}", "service_unknown"),
        (
            "{action: light.turn_on, target: {entity_id: living_light}, data: {colour: red}}",
            "service_data_unknown",
        ),
        ("{action: light.turn_on, target: {area_id: cellar}}", "room_unknown"),
        ("{action: vacuum.start, target: {area_id: bedroom}}", "service_nowhere"),
        ("{action: light.turn_on, target: {label_id: nothing}}", "label_unknown"),
        ("{scene: nothing}", "scene_unknown"),
        ("{action: counter.increment, entity_id: counter.nothing}", "helper_unknown"),
        ("{action: counter.increment, entity_id: counter.guest_mode}", "helper_operation"),
        ("{action: notify.nobody, data: {message: x}}", "recipient_unknown"),
        ("{delay: {days: 31}}", "duration_long"),
        ("{stop: x}, {delay: 1}", "unreachable_step"),
        ("{action: light.turn_on, target: {entity_id: living_light/light.brightness}}", "value_wrong_type"),
    ],
)
def test_steps_that_cannot_be(text: str, code: str, sample_catalogue: FixedCatalogue) -> None:
    assert codes(f"{START}actions: [{text}]\n", sample_catalogue) == [code]


def test_near_matches_and_places(sample_catalogue: FixedCatalogue) -> None:
    (problem,) = checked(
        """
        triggers:
          - trigger: start
        actions:
          - if: "{{ true }}"
            then:
              - set: {livng_light/light.on: true}
        """,
        sample_catalogue,
    ).problems
    assert (problem.line, problem.path, problem.severity) == (7, "action/0/then/0", Severity.ERROR)
    sentence, following = tell(problem, "en")
    assert sentence == "There is no thing “livng_light” in this home."
    assert following.startswith("Did you mean: living_light")


def test_a_service_for_one_part_of_a_thing(sample_catalogue: FixedCatalogue) -> None:
    for target in ("bedroom_switch/switch#2.on", "bedroom_switch/switch#2"):
        found = step(f"{{action: switch.toggle, target: {{entity_id: '{target}'}}}}", sample_catalogue)
        assert found == ServiceStep(path="action/0", service="switch.toggle", things=("bedroom_switch/switch#2",))
    text = f"{START}actions: [{{action: switch.toggle, target: {{entity_id: 'bedroom_switch/switch#3'}}}}]\n"
    assert codes(text, sample_catalogue) == ["unknown_service"]


def test_data_only_known_later_is_not_checked_now(sample_catalogue: FixedCatalogue) -> None:
    found = step(
        "{action: fan.set_percentage, target: {entity_id: living_fan}, data: {percentage: '{{ 3 }}'}}",
        sample_catalogue,
    )
    assert found.data == {"percentage": Formula("{{ 3 }}")}
