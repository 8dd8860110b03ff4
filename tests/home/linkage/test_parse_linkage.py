from __future__ import annotations

import textwrap

import msgspec
import pytest

from setaria.home.linkage.parse import Parsed, parse, parse_value
from setaria.home.linkage.parse_values import CONDITIONS, DEPTH, STEPS, TRIGGERS
from setaria.home.linkage.problem import Problem, Severity
from setaria.home.linkage.rule import (
    And,
    Assignment,
    ChooseStep,
    ConditionStep,
    DelayStep,
    EventTrigger,
    Formula,
    FormulaCondition,
    HelperStep,
    IfStep,
    Missed,
    Mode,
    Not,
    NotifyStep,
    NumericTrigger,
    Or,
    ParallelStep,
    PatternTrigger,
    Rate,
    Ref,
    RepeatStep,
    SceneStep,
    SequenceStep,
    ServiceStep,
    SetStep,
    StartTrigger,
    StateCondition,
    StateTrigger,
    Step,
    StopStep,
    SunTrigger,
    TimeCondition,
    TimeTrigger,
    Trigger,
    VariablesStep,
    WaitStep,
    ZoneTrigger,
)

SECOND = 1_000_000
ACTION = "actions: [{stop: x}]\n"
TRIGGER = "triggers: [{trigger: start}]\n"


def one(text: str) -> Parsed:
    parsed, problems = parse(textwrap.dedent(text))
    assert problems == []
    assert len(parsed) == 1
    return parsed[0]


def trigger(text: str) -> Trigger:
    return one(f"triggers:\n  - {text}\n{ACTION}").rule.triggers[0]


def step(text: str) -> Step:
    return one(f"{TRIGGER}actions:\n  - {text}\n").rule.actions[0]


def faults(text: str) -> list[tuple[str, int]]:
    return [(problem.code, problem.line) for problem in parse(textwrap.dedent(text))[1]]


def test_old_and_new_spelling_are_the_same_rule() -> None:
    old = one(
        """
        id: x
        trigger:
          platform: state
          entity_id: a, b
          to: 'on'
        condition: {condition: state, entity_id: c, state: 'off'}
        action:
          service: light.turn_on
          entity_id: d
        """
    )
    new = one(
        """
        id: x
        triggers:
          - trigger: state
            entity_id: [a, b]
            to: "on"
        conditions:
          - condition: state
            entity_id: c
            state: "off"
        actions:
          - action: light.turn_on
            target: {entity_id: d}
        """
    )
    assert msgspec.structs.replace(old.rule, source="") == msgspec.structs.replace(new.rule, source="")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "{trigger: state, entity_id: a, from: off, to: [on, 3], for: 5}",
            StateTrigger(refs=(Ref("a"),), was=("off",), to=("on", 3), held=5 * SECOND),
        ),
        (
            "{platform: state, entity_id: a, not_to: [x], for: {minutes: 1, seconds: 30}}",
            StateTrigger(refs=(Ref("a"),), not_to=("x",), held=90 * SECOND),
        ),
        ("{trigger: state, entity_id: a, to: }", StateTrigger(refs=(Ref("a"),))),
        ("{trigger: state, entity_id: a, attribute: b}", StateTrigger(refs=(Ref("a@b"),))),
        (
            '{trigger: numeric_state, entity_id: a, above: 5, below: b/c.d, for: "00:01:00"}',
            NumericTrigger(refs=(Ref("a"),), above=5.0, below=Ref("b/c.d"), held=60 * SECOND),
        ),
        (
            '{trigger: time, at: ["07:30", "08:00:01"], weekday: mon}',
            TimeTrigger(at=(27_000 * SECOND, 28_801 * SECOND), weekdays=(0,)),
        ),
        ("{trigger: time, at: 07:30:00}", TimeTrigger(at=(27_000 * SECOND,))),
        ("{trigger: time_pattern, minutes: /5}", PatternTrigger(hours="*", minutes="/5", seconds="0")),
        ("{trigger: time_pattern, hours: 3}", PatternTrigger(hours="3", minutes="0", seconds="0")),
        ("{trigger: time_pattern, seconds: '/10'}", PatternTrigger(hours="*", minutes="*", seconds="/10")),
        ("{trigger: sun, event: sunset, offset: '-00:30:00'}", SunTrigger(event="sunset", offset=-1_800 * SECOND)),
        ("{trigger: sun, event: sunrise, offset: 60}", SunTrigger(event="sunrise", offset=60 * SECOND)),
        ("{trigger: event, event_type: e, event_data: {a: 1}}", EventTrigger(event="e", data={"a": 1})),
        ("{trigger: event, event: t/s.e}", EventTrigger(thing="t", event="s.e")),
        (
            "{trigger: zone, entity_id: person.wei, zone: zone.home, event: leave}",
            ZoneTrigger(members=("wei",), event="leave"),
        ),
        ("{platform: homeassistant, event: start}", StartTrigger()),
        (
            "{trigger: template, value_template: \"{{ is_state('a', 'x') }}\"}",
            StateTrigger(refs=(Ref("a"),), to=("x",)),
        ),
        (
            "{trigger: template, value_template: \"{{ states('a') | float(0) < 5.5 }}\"}",
            NumericTrigger(refs=(Ref("a"),), below=5.5),
        ),
        ("{trigger: state, entity_id: sun.sun, to: below_horizon}", SunTrigger(event="sunset")),
    ],
)
def test_triggers(text: str, expected: Trigger) -> None:
    assert trigger(text) == msgspec.structs.replace(expected, path="trigger/0", id="0")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "{action: light.turn_on, target: {entity_id: [a, b], area_id: c, label_id: l}, data: {brightness: 3}}",
            ServiceStep(
                service="light.turn_on", things=("a", "b"), rooms=("c",), labels=("l",), data={"brightness": 3}
            ),
        ),
        ("{service: light.turn_off, data: {entity_id: all}}", ServiceStep(service="light.turn_off", things=("all",))),
        (
            "{set: {a/b.c: true, a/b.d: 40}}",
            SetStep(assignments=(Assignment(Ref("a/b.c"), True), Assignment(Ref("a/b.d"), 40))),
        ),
        (
            "{action: property.set, target: {entity_id: a/b.c}, data: {value: auto}}",
            SetStep(assignments=(Assignment(Ref("a/b.c"), "auto"),)),
        ),
        (
            "{action: switch.turn_off, entity_id: a/switch#2.on}",
            SetStep(assignments=(Assignment(Ref("a/switch#2.on"), False),)),
        ),
        (
            "{act: a/b.c, arguments: {x: 1}}",
            ServiceStep(service="thing.act", things=("a/b.c",), data={"x": 1}),
        ),
        ("{action: thing.act, target: {entity_id: a/b.c}}", ServiceStep(service="thing.act", things=("a/b.c",))),
        ("{scene: scene.x}", SceneStep(scene="x")),
        ("{action: scene.turn_on, target: {entity_id: scene.x}}", SceneStep(scene="x")),
        ("{delay: '00:00:05'}", DelayStep(duration=5 * SECOND)),
        ("{delay: {milliseconds: 250}}", DelayStep(duration=250_000)),
        ("{delay: '{{ 3 }}'}", DelayStep(duration=Formula("{{ 3 }}"))),
        ("{delay: {minutes: '{{ n }}'}}", DelayStep(duration=Formula("{{ (n) * 60 }}"))),
        ("{action: input_boolean.turn_on, entity_id: input_boolean.h}", HelperStep(helper="h", operation="turn_on")),
        ("{action: switch.toggle, entity_id: helper/h.on}", HelperStep(helper="h", operation="toggle")),
        (
            "{action: counter.set_value, entity_id: counter.h, data: {value: 3}}",
            HelperStep(helper="h", operation="set", value=3),
        ),
        (
            "{action: timer.start, entity_id: timer.h, data: {duration: 60}}",
            HelperStep(helper="h", operation="start", value=60.0),
        ),
        ("{action: notify.notify, data: {message: hi}}", NotifyStep(message="hi")),
        ("{action: notify, data: {message: hi}}", NotifyStep(message="hi")),
        ("{action: notify.wei, data: {message: hi, title: t}}", NotifyStep(message="hi", title="t", to=("wei",))),
        ("{stop: why, error: true}", StopStep(reason="why", error=True)),
        ("{variables: {a: '{{ 1 }}', b: [2]}}", VariablesStep(variables={"a": Formula("{{ 1 }}"), "b": [2]})),
    ],
)
def test_steps(text: str, expected: Step) -> None:
    assert step(text) == msgspec.structs.replace(expected, path="action/0")


def test_several_helpers_become_several_steps() -> None:
    found = step("{action: homeassistant.turn_off, entity_id: [input_boolean.a, light.b, input_boolean.c]}")
    assert isinstance(found, SequenceStep)
    assert [type(each) for each in found.steps] == [HelperStep, HelperStep, ServiceStep]


def test_paths_are_those_of_traces() -> None:
    parsed = one(
        """
        triggers: {trigger: start}
        actions:
          - choose:
              - conditions: "{{ true }}"
                sequence: [{stop: a}]
            default: [{stop: b}]
          - if: "{{ true }}"
            then: {stop: c}
            else: {stop: d}
          - repeat: {count: 2, sequence: [{delay: 1}]}
          - parallel: [{delay: 1}, {sequence: [{delay: 2}]}]
          - wait_for_trigger: {trigger: start}
            timeout: 3
            continue_on_timeout: no
        """
    )
    choose, branch, repeat, parallel, wait = parsed.rule.actions
    assert isinstance(choose, ChooseStep)
    assert choose.choices[0].conditions[0].path == "action/0/choose/0/conditions/0"
    assert choose.choices[0].steps[0].path == "action/0/choose/0/sequence/0"
    assert choose.default[0].path == "action/0/default/0"
    assert isinstance(branch, IfStep)
    assert (branch.then[0].path, branch.otherwise[0].path) == ("action/1/then/0", "action/1/else/0")
    assert isinstance(repeat, RepeatStep)
    assert repeat.steps[0].path == "action/2/repeat/sequence/0"
    assert isinstance(parallel, ParallelStep)
    assert [b[0].path for b in parallel.branches] == [
        "action/3/parallel/0/sequence/0",
        "action/3/parallel/1/sequence/0",
    ]
    assert isinstance(wait, WaitStep)
    assert (wait.triggers[0].path, wait.timeout, wait.continue_on_timeout) == (
        "action/4/wait_for_trigger/0",
        3 * SECOND,
        False,
    )
    assert parsed.positions["action/0/default/0"] == (7, 15)


def test_short_conditions() -> None:
    rule = one(
        """
        triggers: {trigger: start}
        conditions:
          - "{{ 1 == 1 }}"
          - or:
              - {condition: state, entity_id: a, state: [x, y], match: any, for: 60}
              - not: {condition: time, after: "22:00", before: "06:00", weekday: [sat, sun]}
          - and: ["{{ true }}"]
        actions:
          - "{{ true }}"
        """
    ).rule
    first, either, both = rule.conditions
    assert isinstance(first, FormulaCondition)
    assert isinstance(either, Or)
    assert isinstance(both, And)
    state, negated = either.conditions
    assert isinstance(state, StateCondition)
    assert (state.states, state.match_any, state.held) == (("x", "y"), True, 60 * SECOND)
    assert isinstance(negated, Not)
    time = negated.conditions[0]
    assert isinstance(time, TimeCondition)
    assert (time.after, time.before, time.weekdays) == (79_200 * SECOND, 21_600 * SECOND, (5, 6))
    assert isinstance(rule.actions[0], ConditionStep)


def test_our_own_keys() -> None:
    rule = one(
        f"""
        id: Mein Ding
        mode: queued
        max: 3
        enabled: off
        missed: {{within: "00:10:00"}}
        cooldown: 60
        rate: {{runs: 5, within: "01:00:00"}}
        {TRIGGER}
        {ACTION}
        """
    ).rule
    assert (rule.id, rule.mode, rule.max_runs, rule.enabled) == ("mein_ding", Mode.QUEUED, 3, False)
    assert (rule.missed, rule.cooldown, rule.rate) == (Missed(600 * SECOND), 60 * SECOND, Rate(5, 3_600 * SECOND))
    assert one(f"missed: run\n{TRIGGER}{ACTION}").rule.missed == Missed(-1)
    assert one(f"missed: skip\n{TRIGGER}{ACTION}").rule.missed == Missed()


@pytest.mark.parametrize("wrapped", ["linkages:\n{}", "automation:\n{}", "automation lights:\n{}", "{}"])
def test_a_file_may_hold_several(wrapped: str) -> None:
    text = wrapped.format("- alias: one\n  trigger: {platform: start}\n  action: {stop: }\n" * 2)
    parsed, problems = parse(text)
    assert problems == []
    assert [each.rule.id for each in parsed] == ["one", "one_2"]
    assert parsed[1].rule.source == "alias: one\ntrigger: {platform: start}\naction: {stop: }\n"


def test_documents_and_single_linkages() -> None:
    text = f"alias: 走廊灯\n{TRIGGER}{ACTION}"
    parsed, _ = parse(f"{text}---\n{text}")
    assert len({each.rule.id for each in parsed}) == 2
    assert one(text).rule.source == text.rstrip("\n")
    assert one(text).rule.id == one(text).rule.id != ""


def test_every_problem_is_told_with_its_line() -> None:
    assert faults(
        """
        triggers:
          - trigger: stat
            entity_id: a
          - platform: mqtt
            topic: x
          - trigger: time
            at: 25:00
          - device_id: x
            domain: y
        conditions:
          - condition: tate
          - "{{ 1 + }}"
          - nonsense
        actions:
          - action: light.turn_on
            target: {entity_id: a}
            dta: 3
          - delay: soon
          - action: "light.{{ x }}"
            target: {entity_id: a}
          - frobnicate: 1
        colour: red
        """
    ) == [
        ("trigger_unknown", 3),
        ("trigger_unsupported", 5),
        ("bad_time", 8),
        ("device_ids", 9),
        ("condition_unknown", 12),
        ("template_refused", 13),
        ("condition_not_understood", 14),
        ("unknown_key", 18),
        ("bad_duration", 19),
        ("service_template", 20),
        ("step_unknown", 22),
        ("unknown_key", 23),
    ]


def test_place_in_a_block_of_text() -> None:
    (problem,) = parse(
        f"{TRIGGER}conditions:\n  - condition: template\n    value_template: >\n      {{{{ true }}}}\n"
        f"      {{{{ nope( }}}}\n{ACTION}"
    )[1]
    assert (problem.code, problem.line) == ("template_refused", 6)


def test_near_matches_are_offered() -> None:
    (problem,) = parse(f"{TRIGGER}{ACTION}modee: single\n")[1]
    assert problem.details["near"] == "mode"


def test_bounds() -> None:
    def count(triggers: int = 1, conditions: int = 0, steps: int = 1) -> list[str]:
        text = "triggers:\n" + "  - {trigger: start}\n" * triggers
        text += "conditions:\n" + "  - '{{ true }}'\n" * conditions if conditions else ""
        text += "actions:\n" + "  - {delay: 1}\n" * steps
        return [problem.code for problem in parse(text)[1]]

    assert count(TRIGGERS, CONDITIONS, STEPS) == []
    assert count(triggers=TRIGGERS + 1) == ["too_many_triggers"]
    assert count(conditions=CONDITIONS + 1) == ["too_many_conditions"]
    assert count(steps=STEPS + 1) == ["too_many_steps"]


def test_depth_of_steps_is_bounded() -> None:
    def nested(levels: int) -> list[str]:
        value: object = {"delay": 1}
        for _ in range(levels):
            value = [value]
        return [p.code for p in parse_value({"triggers": {"trigger": "start"}, "actions": value})[1]]

    assert nested(DEPTH) == []
    assert nested(DEPTH + 1) == ["too_deep"]


@pytest.mark.parametrize(("runs", "codes"), [(100, []), (101, ["want_whole"]), (0, ["want_whole"])])
def test_most_runs(runs: int, codes: list[str]) -> None:
    assert [problem.code for problem in parse(f"max: {runs}\n{TRIGGER}{ACTION}")[1]] == codes


BLUEPRINT = """
blueprint:
  name: Motion light
  domain: automation
  input:
    motion: {name: Motion}
    advanced:
      input:
        wait: {default: 120}
triggers: {trigger: state, entity_id: !input motion, to: 'on'}
actions:
  - delay: !input wait
"""


def test_blueprints() -> None:
    (parsed,), problems = parse(BLUEPRINT, {"motion": "hall"})
    assert problems == []
    assert parsed.rule.triggers == (StateTrigger(path="trigger/0", id="0", refs=(Ref("hall"),), to=("on",)),)
    assert parsed.rule.actions == (DelayStep(path="action/0", duration=120 * SECOND),)

    use = "alias: Mine\nuse_blueprint: {path: a.yaml, input: {motion: hall, wait: 5}}\n"
    (used,), problems = parse(use, blueprints={"a.yaml": BLUEPRINT})
    assert problems == []
    assert used.rule.alias == "Mine"
    assert used.rule.actions == (DelayStep(path="action/0", duration=5 * SECOND),)


@pytest.mark.parametrize(
    ("text", "inputs", "code"),
    [
        (BLUEPRINT, {}, "inputs_missing"),
        (BLUEPRINT, {"motion": "x", "montion": "y"}, "input_unknown"),
        (BLUEPRINT.replace("domain: automation", "domain: script"), {"motion": "x"}, "blueprint_domain"),
        (BLUEPRINT.replace("!input wait", "!input waits"), {"motion": "x"}, "input_undeclared"),
        (f"{TRIGGER}actions: [{{delay: !input x}}]\n", {}, "input_outside_blueprint"),
        ("use_blueprint: {path: a}\n", {}, "blueprint_unknown"),
    ],
)
def test_blueprints_refused(text: str, inputs: dict[str, str], code: str) -> None:
    parsed, problems = parse(text, inputs)
    assert [problem.code for problem in problems] == [code]
    assert not parsed[0].sound


def test_unreadable_text_is_a_problem() -> None:
    assert parse("a: !secret x") == (
        [],
        [Problem(Severity.ERROR, "unreadable_secret", "", 1, 4, {"what": "secret"})],
    )
    assert [problem.code for problem in parse("")[1]] == ["nothing_here"]
