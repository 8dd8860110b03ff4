"""What a run does, step by step."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
from tests.home.linkage.engine_bench import NAMES, Bench

from setaria.home import facts as f
from setaria.home.linkage import run as running
from setaria.home.linkage.fixed_catalogue import FixedCatalogue, FixedThing

SAY = "{action: notify.notify, data: {message: '%s'}}"


@pytest.fixture
def bench(sample_catalogue: FixedCatalogue) -> Bench:
    return Bench(sample_catalogue)


def go(bench: Bench, actions: str, more: str = "") -> None:
    """Save a linkage that an event sets off, and fire it."""
    text = "id: a\n" + more + "triggers: [{trigger: event, event: go, id: went}]\nactions:\n"
    bench.save(text + textwrap.indent(textwrap.dedent(actions), "  "))
    fire(bench)


def fire(bench: Bench, event: str = "go") -> None:
    bench.fire(event, {}, "test")
    bench.sent.pop(next(n for n, each in enumerate(bench.sent) if each[:2] == ("fire", event)))


def say(text: str) -> str:
    return "- " + SAY % text + "\n"


def without(catalogue: FixedCatalogue, gone: str) -> FixedCatalogue:
    things = [
        FixedThing(each, spec) for each in catalogue.things() if each != gone and (spec := catalogue.spec_of(each))
    ]
    return FixedCatalogue(things)


def trace(bench: Bench) -> list[tuple[Any, ...]]:
    return [tuple(each) for each in bench.ended()[-1].trace]


# Conditions.


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("{condition: state, entity_id: kitchen_motion, state: 'on'}", True),
        ("{condition: state, entity_id: kitchen_motion, state: ['off']}", False),
        ("{condition: state, entity_id: kitchen_motion, state: 'on', for: '00:10:00'}", False),
        ("{condition: state, entity_id: kitchen_motion, state: 'on', for: '00:05:00'}", True),
        ("{condition: state, entity_id: [kitchen_motion, living_motion], state: 'on'}", False),
        ("{condition: state, entity_id: [kitchen_motion, living_motion], state: 'on', match: any}", True),
        ("{condition: state, entity_id: parents_motion, state: 'off'}", False),  # never seen
        ("{{condition: numeric_state, entity_id: {}, above: 50, below: 70}}".format(NAMES["pm"]), True),
        ("{{condition: numeric_state, entity_id: {}, above: 60}}".format(NAMES["pm"]), False),
        ("{{condition: numeric_state, entity_id: {}, above: helper/openings}}".format(NAMES["pm"]), True),
        ("{{condition: numeric_state, entity_id: {}, above: 0}}".format(NAMES["temperature"]), False),
        ("{{condition: numeric_state, entity_id: {}, above: {}}}".format(NAMES["pm"], NAMES["temperature"]), False),
        ("{condition: time, after: '12:00:00', before: '13:00:00'}", True),
        ("{condition: time, after: '22:00:00', before: '12:10:00'}", True),
        ("{condition: time, after: '22:00:00', before: '12:05:00'}", False),
        ("{condition: time, weekday: [mon]}", True),
        ("{condition: time, weekday: [tue, wed]}", False),
        ("{condition: sun, after: sunrise, before: sunset}", True),
        ("{condition: sun, after: sunset, before: sunrise}", False),
        ("{condition: sun, before: sunrise, before_offset: '09:00:00'}", True),
        ("{condition: trigger, id: went}", True),
        ("{condition: zone, entity_id: person.li_wei, zone: home}", True),
        ("{condition: zone, entity_id: [person.li_wei, person.wang_fang], zone: home}", False),
        ("'{{{{ states(\"{}\") | float > 50 }}}}'".format(NAMES["pm"]), True),
        ("{condition: template, value_template: \"{{ trigger.id == 'gone' }}\"}", False),
        ("{not: [{condition: trigger, id: went}]}", False),
        ("{or: [{condition: state, entity_id: kitchen_motion, state: 'off'}, {condition: trigger, id: went}]}", True),
        ("{and: [{condition: state, entity_id: kitchen_motion, state: 'off'}, {condition: trigger, id: went}]}", False),
        ("{condition: state, entity_id: kitchen_motion, state: 'off', enabled: false}", True),
        (
            (
                "{and: [{condition: state, entity_id: kitchen_motion, state: 'off', enabled: false}, "
                "{condition: trigger, id: went}]}"
            ),
            True,
        ),
    ],
)
@pytest.mark.parametrize("where", ["conditions", "step", "if", "while"])
def test_conditions(bench: Bench, condition: str, holds: bool, where: str) -> None:
    bench.see(motion=True, living=False, wei=True, pm=60)
    bench.observe("member/wang_fang.home", False)
    bench.wait(300)
    done = say("x")
    if where == "conditions":
        go(bench, done, f"conditions: [{condition}]\n")
    elif where == "step":
        go(bench, f"- {condition}\n{done}")
    elif where == "if":
        go(bench, f"- if: [{condition}]\n  then: [{SAY % 'x'}]\n  else: [{SAY % 'y'}]\n")
    else:
        go(bench, f"- repeat: {{while: [{condition}], bound: 2, sequence: [{SAY % 'x'}]}}\n")
    wanted = {"if": ["x"] if holds else ["y"], "while": ["x", "x"] if holds else []}
    assert bench.messages() == wanted.get(where, ["x"] if holds else [])
    if where == "conditions" and not holds:
        assert bench.declined() == ["conditions"]
        assert bench.bodies(f.RunDeclined)[0].trace[0][:2] == ("condition/0", False)
    if where == "step" and not holds:
        assert bench.outcomes() == ["stopped"]


def test_a_condition_that_cannot_be_worked_out_does_not_hold(bench: Bench) -> None:
    go(bench, say("x"), "conditions: [\"{{ states('kitchen_motion') | float > 5 }}\"]\n")
    assert bench.declined() == ["conditions"]
    assert "refused" in str(bench.bodies(f.RunDeclined)[0].trace)


def test_the_trigger_condition_picks_among_triggers(bench: Bench) -> None:
    bench.save(
        """
        id: a
        triggers: [{trigger: event, event: one, id: first}, {trigger: event, event: two}]
        conditions: [{condition: trigger, id: [first, "1"]}]
        actions:
          - choose:
              - {conditions: [{condition: trigger, id: first}], sequence: [{stop: one}]}
              - {conditions: [{condition: trigger, id: "1"}], sequence: [{stop: two}]}
        """
    )
    fire(bench, "one")
    fire(bench, "two")
    assert [body.trace[-1][1] for body in bench.ended()] == [{"stop": "one"}, {"stop": "two"}]


# Acting.


def test_every_way_of_acting(bench: Bench) -> None:
    bench.see(lamp=True)
    go(
        bench,
        """
        - set: {living_light/light.on: true, living_light/light.brightness: "{{ 20 * 2 }}"}
        - action: light.turn_on
          target: {entity_id: living_strip}
          data: {brightness_pct: "{{ 30 + 1 }}"}
        - action: light.toggle
          target: {entity_id: living_light}
        - act: living_speaker/intelligent-speaker.play-text
          arguments: ["{{ trigger.id }}"]
        - scene: evening
        - action: counter.increment
          target: {entity_id: helper/openings}
        - event: done
          event_data: {n: "{{ 1 + 1 }}", list: "{{ [1, 2] }}", none: "{{ none }}"}
        - action: notify.nainai
          data: {message: "{{ states('living_light') }}"}
        """,
    )
    assert bench.outcomes() == ["done"]
    assert bench.sent[:5] == [
        ("write", "living_light/light.on", True),
        ("write", "living_light/light.brightness", 40),
        ("write", "living_strip/light.on", True),
        ("write", "living_strip/light.brightness", 31),
        ("write", "living_light/light.on", False),
    ]
    assert bench.sent[5][0] == "act"
    assert bench.sent[5][2] == ((1, "went"),)
    assert bench.sent[6:] == [
        ("scene", "evening", None),
        ("help", "openings", "increment"),
        ("fire", "done", {"n": 2, "list": "[1, 2]", "none": "None"}),
        ("notify", "nainai", "True"),
    ]
    assert [each[0] for each in trace(bench)] == [f"action/{n}" for n in (0, 0, 1, 2, 3, 4, 5, 6, 7)]


def test_two_parts_of_one_thing_are_both_switched(bench: Bench) -> None:
    go(
        bench,
        """
        - action: switch.turn_on
          target: {entity_id: [bedroom_switch/switch.on, bedroom_switch/switch#2.on]}
        """,
    )
    assert sorted(bench.written()) == [("bedroom_switch/switch#2.on", True), ("bedroom_switch/switch.on", True)]


def test_rooms_and_labels_pass_over_what_does_not_offer_the_service(bench: Bench) -> None:
    go(bench, "- {action: light.turn_off, target: {area_id: kitchen}}")
    assert bench.written() == [("kitchen_light/light.on", False)]


def test_a_value_out_of_range_fails_the_run(bench: Bench) -> None:
    go(bench, '- set: {living_light/light.brightness: "{{ 900 }}"}\n' + say("x"))
    assert bench.sent == []
    assert bench.outcomes() == ["failed"]
    path, what, _ = trace(bench)[-1]
    assert path == "action/0"
    assert what["refused"] == "value_out_of_range"


def test_an_argument_that_does_not_fit_fails_the_run(bench: Bench) -> None:
    go(bench, '- {act: living_speaker/intelligent-speaker.play-text, arguments: ["{{ [1] }}"]}')
    assert bench.outcomes() == ["failed"]


def test_a_thing_that_is_gone(bench: Bench, sample_catalogue: FixedCatalogue) -> None:
    """Nothing else is disturbed: the step says so, and what guards it goes on."""
    bench.save(
        """
        id: a
        triggers: [{trigger: event, event: go}]
        actions:
          - action: light.turn_on
            target: {entity_id: living_light}
            continue_on_error: true
          - {action: light.turn_on, target: {entity_id: kitchen_light}}
        """
    )
    bench.catalogue = bench.world.catalogue = without(sample_catalogue, "living_light")
    bench.live.remove_thing("living_light")
    bench.engine.home_changed()
    fire(bench)
    assert bench.written() == [("kitchen_light/light.on", True)]
    assert bench.outcomes() == ["done"]


# Errors and their bounds.


def test_errors_end_a_run_unless_guarded(bench: Bench) -> None:
    bad = '{set: {living_light/light.brightness: "{{ 900 }}"}, continue_on_error: %s}'
    go(bench, f"- {bad % 'true'}\n{say('x')}- {bad % 'false'}\n{say('y')}")
    assert bench.messages() == ["x"]
    assert bench.outcomes() == ["failed"]


def test_a_guard_around_a_block(bench: Bench) -> None:
    go(
        bench,
        f"""
        - sequence:
            - {SAY % "a"}
            - set: {{living_light/light.brightness: "{{{{ 900 }}}}"}}
            - {SAY % "b"}
          continue_on_error: true
        - {SAY % "c"}
        """,
    )
    assert bench.messages() == ["a", "c"]


def test_a_stop_is_no_error_to_go_on_from(bench: Bench) -> None:
    go(bench, f"- {{stop: why, error: true, continue_on_error: true}}\n{say('x')}")
    assert bench.sent == []
    assert bench.outcomes() == ["failed"]
    assert trace(bench)[-1][1] == {"stop": "why"}


def test_a_fault_of_our_own_ends_the_run_only(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(bench, "notify", broken)
    go(bench, say("x"))
    assert bench.outcomes() == ["failed"]
    assert trace(bench)[-1][1] == {"refused": "linkage_faulty", "why": "RuntimeError"}


def test_too_many_steps(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST_STEPS", 1_000)
    go(
        bench,
        """
        - repeat:
            count: 100
            sequence: [{repeat: {count: 100, sequence: [{variables: {x: 1}}]}}]
          continue_on_error: true
        """,
    )
    assert bench.outcomes() == ["failed"]
    assert len(trace(bench)) <= running.MOST_TRACE


def test_too_many_threads(bench: Bench) -> None:
    wide = "[" + ", ".join(["{delay: 5}"] * 40) + "]"
    go(bench, f"- parallel: [{{parallel: {wide}}}, {{parallel: {wide}}}]\n")
    assert bench.outcomes() == ["failed"]
    assert "linkage_too_wide" in str(trace(bench))
    assert bench.running() == 0


# Order.


def test_choose_takes_the_first_that_holds(bench: Bench) -> None:
    bench.see(guest=True)
    go(
        bench,
        f"""
        - choose:
            - conditions: [{{condition: state, entity_id: helper/guest_mode, state: "off"}}]
              sequence: [{SAY % "a"}]
            - conditions: ["{{{{ is_state('helper/guest_mode', 'on') }}}}"]
              sequence: [{SAY % "b"}, {{delay: 5}}, {SAY % "c"}]
            - conditions: [{{condition: trigger, id: went}}]
              sequence: [{SAY % "d"}]
          default: [{SAY % "e"}]
        - {SAY % "f"}
        """,
    )
    bench.wait(5)
    assert bench.messages() == ["b", "c", "f"]
    assert [each[0] for each in trace(bench)][:3] == [
        "action/0/choose/0/conditions/0",
        "action/0/choose/1/conditions/0",
        "action/0/choose/1/sequence/0",
    ]


def test_choose_falls_back(bench: Bench) -> None:
    go(
        bench,
        f"""
        - choose:
            - conditions: [{{condition: state, entity_id: helper/guest_mode, state: "on"}}]
              sequence: [{SAY % "a"}]
          default: [{SAY % "b"}]
        """,
    )
    assert bench.messages() == ["b"]


@pytest.mark.parametrize("pause", ["", "{delay: 1}, "])
def test_loops(bench: Bench, pause: str) -> None:
    go(
        bench,
        f"""
        - repeat: {{count: 3, sequence: [{pause}{SAY % "c{{ repeat.index }}{{ repeat.first }}{{ repeat.last }}"}]}}
        - repeat: {{count: "{{{{ 1 + 1 }}}}", sequence: [{pause}{SAY % "f"}]}}
        - repeat: {{for_each: [a, {{k: b}}], sequence: [{pause}{SAY % "{{ repeat.index }} {{ repeat.item }}"}]}}
        - repeat:
            while: ["{{{{ repeat.index <= 2 }}}}"]
            sequence: [{pause}{SAY % "w{{ repeat.index }}"}]
        - repeat:
            until: ["{{{{ repeat.index == 2 }}}}"]
            sequence: [{pause}{SAY % "u{{ repeat.index }}"}]
        - repeat: {{count: 0, sequence: [{SAY % "never"}]}}
        """,
    )
    bench.wait(20)
    said = bench.messages()
    assert said[:5] == ["c1TrueFalse", "c2FalseFalse", "c3FalseTrue", "f", "f"]
    assert said[5] == "1 a"
    assert said[6].startswith("2 {")
    assert said[7:] == ["w1", "w2", "u1", "u2"]
    assert bench.outcomes() == ["done"]


def test_loops_that_never_end_are_bounded(bench: Bench) -> None:
    go(
        bench,
        f"- repeat: {{until: [{{condition: state, entity_id: helper/guest_mode, state: 'on'}}], bound: 7, "
        f"sequence: [{SAY % 'x'}]}}\n",
    )
    assert len(bench.messages()) == 7
    assert bench.outcomes() == ["done"]


def test_a_count_is_not_cut_by_the_bound_of_while(bench: Bench) -> None:
    go(
        bench,
        "- repeat: {count: 1500, sequence: [{action: counter.increment, target: {entity_id: helper/openings}}]}\n",
    )
    assert bench.live.slots["helper/openings.count"].value == 1500


def test_a_count_is_asked_once(bench: Bench) -> None:
    bench.see(count=3)
    go(
        bench,
        """
        - repeat:
            count: "{{ states('helper/openings') }}"
            sequence: [{action: counter.decrement, target: {entity_id: helper/openings}}]
        """,
    )
    assert bench.live.slots["helper/openings.count"].value == 0


@pytest.mark.parametrize("restart", [False, True])
def test_a_loop_in_a_loop_gives_the_outer_back(bench: Bench, restart: bool) -> None:
    go(
        bench,
        f"""
        - repeat:
            count: 2
            sequence:
              - repeat: {{for_each: [a, b], sequence: [{SAY % "{{ repeat.index }}{{ repeat.item }}"}, {{delay: 1}}]}}
              - {SAY % "outer {{ repeat.index }}"}
        """,
    )
    for _ in range(6):
        if restart:
            bench.restart()
        bench.wait(1)
    assert bench.messages() == ["1a", "2b", "outer 1", "1a", "2b", "outer 2"]


def test_loops_side_by_side_keep_their_own_count(bench: Bench) -> None:
    loop = "{repeat: {count: 2, sequence: [{delay: %s}, " + SAY % "%s{{ repeat.index }}" + "]}}"
    go(bench, f"- parallel: [{loop % (2, 'a')}, {loop % (3, 'b')}]\n")
    for _ in range(10):
        bench.wait(1)
        bench.restart()
    assert bench.messages() == ["a1", "b1", "a2", "b2"]


def test_variables(bench: Bench) -> None:
    go(
        bench,
        f"""
        - variables: {{x: "{{{{ base + 1 }}}}", list: ["{{{{ base }}}}", {{k: v}}]}}
        - {SAY % "{{ x }} {{ list[0] }} {{ list[1].k }}"}
        - delay: 5
        - {SAY % "{{ x + base }}"}
        """,
        'variables: {base: "{{ 20 + 1 }}"}\n',
    )
    bench.restart()
    bench.wait(5)
    assert bench.messages() == ["22 21 v", "43"]


def test_variables_that_cannot_be_worked_out(bench: Bench) -> None:
    go(bench, say("x"), 'variables: {base: "{{ 1 / 0 }}"}\n')
    assert bench.sent == []
    assert bench.outcomes() == ["failed"]
    assert trace(bench)[0][0] == "variables"


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [("5", 5), ("'00:01:00'", 60), ("{minutes: 2}", 120), ("'{{ 2 * 3 }}'", 6), ("{minutes: '{{ 1 + 1 }}'}", 120)],
)
def test_delays(bench: Bench, delay: str, seconds: int) -> None:
    go(bench, f"- delay: {delay}\n{say('x')}")
    bench.wait(seconds - 1)
    assert bench.sent == []
    bench.wait(1)
    assert bench.messages() == ["x"]
    assert bench.ended()[0].took == seconds * 1_000_000


@pytest.mark.parametrize("delay", ["'{{ -5 }}'", "'{{ \"abc\" }}'", "0"])
def test_odd_delays(bench: Bench, delay: str) -> None:
    go(bench, f"- delay: {delay}\n{say('x')}")
    assert bench.messages() == (["x"] if delay == "0" else [])
    assert bench.outcomes() == (["done"] if delay == "0" else ["failed"])
    assert bench.bodies(f.RunPaused) == []


@pytest.mark.parametrize(
    "step",
    [
        SAY % "no",
        "{condition: state, entity_id: helper/guest_mode, state: 'on'}",
        "{delay: 5}",
        "{stop: x}",
        "{wait_for_trigger: [{trigger: event, event: e}]}",
        "{choose: [], default: [" + SAY % "no" + "]}",
        "{repeat: {count: 2, sequence: [" + SAY % "no" + "]}}",
        "{parallel: [" + SAY % "no" + "]}",
        "{if: [], then: [" + SAY % "no" + "]}",
    ],
)
def test_disabled_steps_do_nothing(bench: Bench, step: str) -> None:
    go(bench, f"- {step[:-1]}, enabled: false}}\n{say('x')}")
    assert bench.messages() == ["x"]
    assert bench.outcomes() == ["done"]


# Waiting for triggers.


def test_waiting_for_a_trigger(bench: Bench) -> None:
    bench.see(motion=False)
    go(
        bench,
        f"""
        - wait_for_trigger: [{{trigger: state, entity_id: kitchen_motion, to: "on", id: moved}}]
        - {SAY % "{{ wait.completed }} {{ wait.trigger.id }} {{ wait.trigger.to_state.state }}"}
        """,
    )
    bench.wait(3600)
    assert bench.sent == []
    bench.see(motion=True)
    assert bench.messages() == ["True moved True"]
    bench.see(motion=False)
    bench.see(motion=True)
    assert len(bench.sent) == 1


@pytest.mark.parametrize("go_on", [True, False])
def test_waiting_in_vain(bench: Bench, go_on: bool) -> None:
    go(
        bench,
        f"""
        - wait_for_trigger: [{{trigger: event, event: e}}]
          timeout: 10
          continue_on_timeout: {str(go_on).lower()}
        - {SAY % "{{ wait.completed }} {{ wait.trigger is none }}"}
        """,
    )
    bench.wait(10)
    assert bench.messages() == (["False True"] if go_on else [])
    assert bench.outcomes() == (["done"] if go_on else ["stopped"])
    fire(bench, "e")
    assert len(bench.ended()) == 1


@pytest.mark.parametrize(
    ("trigger", "seconds"),
    [
        ("{trigger: time, at: '12:10:00'}", 600),
        ("{trigger: time_pattern, minutes: '/7'}", 420),
        ("{trigger: sun, event: sunset, offset: '-07:00:00'}", None),
    ],
)
@pytest.mark.parametrize("restart", [False, True])
def test_waiting_for_a_time(bench: Bench, trigger: str, seconds: int | None, restart: bool) -> None:
    go(bench, f"- wait_for_trigger: [{trigger}]\n{say('{{ wait.trigger.platform }}')}")
    if restart:
        bench.wait(60)
        bench.restart(off=30)
        bench.wait(-90 + (seconds or 3600) - 1)
    else:
        bench.wait((seconds or 3600) - 1)
    if seconds is not None:
        assert bench.sent == []
        bench.wait(1)
    assert bench.messages() == [trigger.split(": ")[1].split(",")[0]]


def test_disabled_triggers_of_a_wait(bench: Bench) -> None:
    go(
        bench,
        """
        - wait_for_trigger:
            - {trigger: time, at: "12:01:00", enabled: false}
            - {trigger: event, event: e, enabled: false}
            - {trigger: event, event: other}
        - stop: ok
        """,
    )
    bench.wait(3600)
    fire(bench, "e")
    assert bench.running() == 1
    fire(bench, "other")
    assert bench.running() == 0


@pytest.mark.parametrize("restart", [False, True])
def test_waiting_for_what_must_hold(bench: Bench, restart: bool) -> None:
    bench.see(motion=True)
    go(
        bench,
        f"- wait_for_trigger: [{{trigger: state, entity_id: kitchen_motion, to: 'off', for: 60}}]\n{say('x')}",
    )
    bench.wait(10)
    bench.see(motion=False)
    bench.wait(30)
    bench.see(motion=True)
    bench.wait(10)
    bench.see(motion=False)
    bench.wait(20)
    if restart:
        bench.restart(off=20)
        bench.wait(19)
    else:
        bench.wait(39)
    assert bench.sent == []
    bench.wait(1)
    assert bench.messages() == ["x"]


def test_what_held_before_the_wait_does_not_count_after_a_restart(bench: Bench) -> None:
    bench.see(motion=True)
    bench.see(motion=False)
    bench.wait(5)
    go(
        bench,
        f"- wait_for_trigger: [{{trigger: state, entity_id: kitchen_motion, to: 'off', for: 60}}]\n{say('x')}",
    )
    bench.restart(off=20)
    bench.wait(600)
    assert bench.sent == []


# Side by side.


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 3, 1), (1, 1, 1), (0, 0, 0), (0, 2, 0)])
@pytest.mark.parametrize("restart", [False, True])
def test_branches_join_in_any_order(bench: Bench, order: tuple[int, int, int], restart: bool) -> None:
    branches = ", ".join(f"{{sequence: [{{delay: {n}}}, {SAY % n}]}}" for n in order)
    go(bench, f"- parallel: [{branches}]\n{say('joined')}")
    for _ in range(4):
        if restart:
            bench.restart()
        bench.wait(1)
    assert bench.messages() == [*(str(n) for n in sorted(order)), "joined"]
    assert bench.outcomes() == ["done"]
    assert bench.rebuilt() == bench.remembered()


def test_a_branch_may_wake_another(bench: Bench) -> None:
    go(
        bench,
        f"""
        - parallel:
            - sequence:
                - wait_for_trigger: [{{trigger: state, entity_id: helper/guest_mode, to: "on"}}]
                - {SAY % "woken {{ wait.completed }}"}
            - sequence:
                - delay: 1
                - action: input_boolean.turn_on
                  target: {{entity_id: helper/guest_mode}}
                - {SAY % "after"}
                - wait_for_trigger: [{{trigger: event, event: never}}]
                  timeout: 5
                - {SAY % "second {{ wait.completed }}"}
        - {SAY % "joined"}
        """,
    )
    bench.wait(10)
    assert bench.messages() == ["after", "woken True", "second False", "joined"]


def test_parallel_in_parallel(bench: Bench) -> None:
    go(
        bench,
        f"""
        - parallel:
            - parallel: [{{delay: 2}}, {{delay: 1}}]
            - sequence: [{{parallel: [{{delay: 3}}, {SAY % "a"}]}}, {SAY % "b"}]
        - {SAY % "c"}
        """,
    )
    bench.wait(2)
    assert bench.messages() == ["a"]
    bench.restart()
    bench.wait(1)
    assert bench.messages() == ["a", "b", "c"]


def test_stop_inside_a_branch_ends_the_run(bench: Bench) -> None:
    go(bench, f"- parallel: [{{delay: 5}}, {{sequence: [{{delay: 1}}, {{stop: enough}}]}}]\n{say('x')}")
    bench.wait(60)
    assert bench.sent == []
    assert bench.outcomes() == ["stopped"]


BAD = '{set: {living_light/light.brightness: "{{ 900 }}"}}'


def test_a_fault_inside_a_branch_ends_the_run(bench: Bench) -> None:
    go(bench, f"- parallel: [{{delay: 5}}, {{sequence: [{{delay: 1}}, {BAD}]}}]\n{say('x')}")
    bench.wait(60)
    assert bench.sent == []
    assert bench.outcomes() == ["failed"]


def test_a_guarded_step_of_a_branch(bench: Bench) -> None:
    go(
        bench,
        f"- parallel: [{{sequence: [{BAD[:-1]}, continue_on_error: true}}, {SAY % 'a'}]}}, {SAY % 'b'}]\n{say('c')}",
    )
    assert bench.messages() == ["a", "b", "c"]


@pytest.mark.parametrize("delay", [0, 1])
@pytest.mark.parametrize("restart", [False, True])
def test_a_guard_around_branches_lets_the_others_finish(bench: Bench, delay: int, restart: bool) -> None:
    go(
        bench,
        f"""
        - parallel:
            - sequence: [{{delay: {delay}}}, {BAD}, {SAY % "never"}]
            - sequence: [{{delay: 2}}, {SAY % "other"}]
          continue_on_error: true
        - {SAY % "after"}
        """,
    )
    for _ in range(3):
        bench.wait(1)
        if restart:
            bench.restart()
    assert bench.messages() == ["other", "after"]
    assert bench.outcomes() == ["done"]


def test_a_guard_further_out(bench: Bench) -> None:
    go(
        bench,
        f"""
        - sequence:
            - parallel:
                - parallel: [{BAD}, {SAY % "inner"}]
                - {SAY % "outer"}
            - {SAY % "never"}
          continue_on_error: true
        - {SAY % "after"}
        """,
    )
    assert bench.messages() == ["inner", "outer", "after"]


# Rights, traces.


def test_a_linkage_acts_in_its_authors_rights(bench: Bench) -> None:
    bench.forbidden.add(("xiaoman", "living_light"))
    text = "id: %s\ntriggers: [{trigger: event, event: go}]\nactions: [{set: {living_light/light.on: true}}]\n"
    bench.save(text % "a", author="xiaoman")
    bench.save(text % "b", author="li_wei")
    fire(bench)
    assert bench.written() == [("living_light/light.on", True)]
    assert (bench.outcomes("a"), bench.outcomes("b")) == (["failed"], ["done"])
    assert bench.ended("a")[0].trace[0][1]["refused"] == "not_allowed"


@pytest.mark.parametrize(
    "step",
    [
        "{action: light.turn_on, target: {entity_id: living_light}}",
        '{set: {living_light/light.brightness: "{{ 40 }}"}}',
        "{scene: evening}",
    ],
)
def test_every_step_asks_for_the_right(bench: Bench, step: str) -> None:
    bench.forbidden.add(("li_wei", "living_light"))
    go(bench, f"- {step}\n")
    assert bench.sent == []
    assert bench.outcomes() == ["failed"]


def test_a_trace_tells_path_result_and_time(bench: Bench) -> None:
    go(
        bench,
        f"""
        - delay: 5
        - if: [{{condition: state, entity_id: helper/guest_mode, state: "on"}}]
          then: [{SAY % "a"}]
          else: [{{delay: 5}}, {SAY % "b"}]
        """,
    )
    bench.wait(5)
    bench.restart(off=2)
    bench.wait(3)
    start = bench.moment("2026-06-01 12:00") + 5_000_000
    assert trace(bench) == [
        ("action/0", {"until": start}, 0),
        ("action/1/if/condition/0", False, 5_000_000),
        ("action/1/else/0", {"until": start + 5_000_000}, 5_000_000),
        ("action/1/else/1", {"notify": [], "message": "b"}, 10_000_000),
    ]


def test_a_wait_of_a_branch_is_its_own(bench: Bench) -> None:
    go(
        bench,
        f"""
        - wait_for_trigger: [{{trigger: event, event: never}}]
          timeout: 1
        - parallel:
            - sequence: [{{wait_for_trigger: [{{trigger: event, event: e}}]}}, {SAY % "{{ wait.completed }}"}]
        - {SAY % "{{ wait.completed }}"}
        """,
    )
    bench.wait(1)
    fire(bench, "e")
    assert bench.messages() == ["True", "False"]
