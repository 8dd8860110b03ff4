"""Runs beside, after and instead of one another; limits; cascades; edits while runs are under way."""

from __future__ import annotations

import pytest
from tests.home.linkage.engine_bench import NAMES, Bench

from setaria.facts.clock import SECOND
from setaria.home import facts as f
from setaria.home.linkage.armed import MOST_STARTS_A_SECOND
from setaria.home.linkage.fixed_catalogue import FixedCatalogue
from setaria.home.spec.library import SpecLibrary

GO = "triggers: [{trigger: event, event: go}]\n"
RUN = (
    "actions: [{action: notify.notify, data: {message: 'begin {{ trigger.event.data.n }}'}}, {delay: 10}, "
    "{action: notify.notify, data: {message: 'end {{ trigger.event.data.n }}'}}]\n"
)


@pytest.fixture
def bench(sample_catalogue: FixedCatalogue) -> Bench:
    return Bench(sample_catalogue)


def fire(bench: Bench, n: int, event: str = "go") -> None:
    bench.fire(event, {"n": n}, "test")


def three(bench: Bench, mode: str) -> None:
    bench.save(f"id: a\nmode: {mode}\n" + GO + RUN)
    for n in range(3):
        fire(bench, n)
        bench.wait(2)


def test_single(bench: Bench) -> None:
    three(bench, "single")
    bench.wait(60)
    assert bench.messages() == ["begin 0", "end 0"]
    assert bench.declined() == ["busy", "busy"]
    fire(bench, 9)
    assert bench.messages()[-1] == "begin 9"


def test_restart(bench: Bench) -> None:
    three(bench, "restart")
    bench.wait(60)
    assert bench.messages() == ["begin 0", "begin 1", "begin 2", "end 2"]
    assert bench.outcomes() == ["cancelled", "cancelled", "done"]


@pytest.mark.parametrize("restart", [False, True])
def test_queued(bench: Bench, restart: bool) -> None:
    three(bench, "queued")
    assert len(bench.bodies(f.RunQueued)) == 2
    for _ in range(40):
        if restart:
            bench.restart()
            assert bench.rebuilt() == bench.remembered()
        bench.wait(1)
    assert bench.messages() == [f"{what} {n}" for n in range(3) for what in ("begin", "end")]
    assert bench.outcomes() == ["done"] * 3
    assert bench.remembered().queued == {}


def test_a_queued_run_that_never_waits_is_forgotten(bench: Bench) -> None:
    bench.save(
        "id: a\nmode: queued\n" + GO + "actions: [{if: '{{ trigger.event.data.n == 0 }}', then: [{delay: 5}]}]\n",
    )
    fire(bench, 0)
    fire(bench, 1)
    bench.wait(5)
    assert bench.outcomes() == ["done", "done"]
    assert bench.remembered().queued == bench.rebuilt().queued == {}


def test_a_full_queue(bench: Bench) -> None:
    bench.save("id: a\nmode: queued\nmax: 2\n" + GO + RUN)
    for n in range(4):
        fire(bench, n)
    bench.wait(60)
    assert bench.messages() == ["begin 0", "end 0", "begin 1", "end 1"]
    assert bench.declined() == ["busy", "busy"]


def test_a_long_queue_runs_in_order(bench: Bench) -> None:
    step = "{action: notify.notify, data: {message: '{{ trigger.event.data.n }}'}}"
    bench.save(
        f"id: a\nmode: queued\nmax: 100\n{GO}"
        f"actions: [{step}, {{wait_for_trigger: [{{trigger: event, event: free}}]}}]\n"
    )
    for n in range(40):
        fire(bench, n)
    for _ in range(40):
        fire(bench, 0, "free")
    assert bench.messages() == [str(n) for n in range(40)]
    assert bench.running() == 0


def test_a_queue_of_runs_that_do_not_wait(bench: Bench) -> None:
    """The queue is worked off without a stack that grows with it, and nobody gets in front."""
    first = "{if: '{{ trigger.event.data.n == 0 }}', then: [{delay: 5}]}"
    step = "{action: notify.notify, data: {message: 'n{{ trigger.event.data.n }}'}}"
    again = "{if: '{{ trigger.event.data.n == 1 }}', then: [{event: go, event_data: {n: 1000}}]}"
    bench.save(f"id: a\nmode: queued\nmax: 100\n{GO}actions: [{first}, {step}, {again}]\n")
    for n in range(30):
        fire(bench, n)
        bench.wait(0.1)
    bench.wait(5)
    assert bench.messages() == [*(f"n{n}" for n in range(30)), "n1000"]


def test_parallel(bench: Bench) -> None:
    bench.save("id: a\nmode: parallel\nmax: 2\n" + GO + RUN)
    for n in range(3):
        fire(bench, n)
        bench.wait(2)
    bench.restart()
    bench.wait(60)
    assert bench.messages() == ["begin 0", "begin 1", "end 0", "end 1"]
    assert bench.declined() == ["busy"]


# Limits.


def test_cooldown(bench: Bench) -> None:
    bench.save("id: a\ncooldown: 60\n" + GO + "actions: [{event: x}]\n")
    fire(bench, 0)
    bench.wait(59)
    fire(bench, 1)
    bench.restart()
    fire(bench, 2)
    bench.wait(1)
    fire(bench, 3)
    assert len(bench.ended()) == 2
    assert bench.declined() == ["cooldown", "cooldown"]


def test_rate(bench: Bench) -> None:
    bench.save("id: a\nrate: {runs: 2, within: 60}\n" + GO + "actions: [{event: x}]\n")
    for _ in range(3):
        fire(bench, 0)
        bench.wait(10)
    assert (len(bench.ended()), bench.declined()) == (2, ["rate"])
    bench.wait(30)
    fire(bench, 0)
    assert len(bench.ended()) == 3


def test_too_fast(bench: Bench) -> None:
    bench.save("id: a\n" + GO + "actions: [{event: x}]\n")
    for _ in range(MOST_STARTS_A_SECOND + 20):
        fire(bench, 0)
    assert len(bench.ended()) == MOST_STARTS_A_SECOND
    assert bench.declined() == ["too_fast"]
    assert bench.engine.dropped == 20
    bench.wait(1)
    fire(bench, 0)
    assert len(bench.ended()) == MOST_STARTS_A_SECOND + 1


# Cascades.

SWITCH = "{action: input_boolean.turn_%s, target: {entity_id: helper/guest_mode}}"
ON = "triggers: [{trigger: state, entity_id: helper/guest_mode, to: 'on'}]\n"


def say(text: str) -> str:
    return f"{{action: notify.notify, data: {{message: '{text}'}}}}"


def test_what_a_linkage_sets_off_comes_after_it(bench: Bench) -> None:
    bench.save(f"id: a\n{GO}actions: [{SWITCH % 'on'}, {say('a')}]\n")
    bench.save(f"id: b\n{ON}actions: [{say('b')}]\n")
    bench.see(guest=False)
    fire(bench, 0)
    assert bench.messages() == ["a", "b"]
    assert [fact.aggregate for fact in bench.facts if isinstance(fact.body, f.RunEnded)] == ["linkage/a", "linkage/b"]


@pytest.mark.parametrize("waits", ["{delay: 1}", "{wait_for_trigger: [{trigger: event, event: free}]}"])
def test_so_it_does_after_a_wait(bench: Bench, waits: str) -> None:
    bench.save(f"id: a\n{GO}actions: [{waits}, {SWITCH % 'on'}, {say('a')}]\n")
    bench.save(f"id: b\n{ON}actions: [{say('b')}]\n")
    fire(bench, 0)
    fire(bench, 0, "free") if "wait" in waits else bench.wait(1)
    assert bench.messages() == ["a", "b"]


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_all_hear_of_a_change_before_one_of_them_undoes_it(bench: Bench, order: str) -> None:
    """A switch used as a button: one linkage puts it back, the other must have seen it all the same."""
    texts = {"a": f"id: a\n{ON}actions: [{SWITCH % 'off'}]\n", "b": f"id: b\n{ON}actions: [{say('b')}]\n"}
    for name in order:
        bench.save(texts[name])
    waits = "{wait_for_trigger: [{trigger: state, entity_id: helper/guest_mode, to: 'on'}]}"
    bench.save(f"id: c\n{GO}actions: [{waits}, {say('c')}]\n")
    fire(bench, 0)
    bench.see(guest=True)
    assert sorted(bench.messages()) == ["b", "c"]
    assert bench.live.slots[NAMES["guest"]].value is False


def test_a_run_that_sets_itself_off_ends_first(bench: Bench) -> None:
    bench.save(f"id: a\nmode: restart\n{GO}actions: [{{delay: 1}}, {{event: go, event_data: {{n: 1}}}}, {say('x')}]\n")
    fire(bench, 0)
    bench.wait(1)
    assert bench.messages() == ["x"]
    assert bench.outcomes() == ["done"]
    assert bench.running() == 1


def test_a_run_asked_for_by_a_person_obeys_the_mode(bench: Bench) -> None:
    bench.save("id: a\n" + GO + "conditions: ['{{ false }}']\n" + "actions: [{delay: 5}]\n")
    bench.engine.run_now("a", "li_wei")
    bench.engine.run_now("a", "li_wei")
    assert bench.declined() == ["busy"]
    assert bench.running() == 1
    assert bench.bodies(f.RunPaused)[0].trigger == {"platform": "person", "id": "li_wei"}


def test_loops_between_linkages_are_bounded(bench: Bench) -> None:
    toggle = "{action: input_boolean.toggle, target: {entity_id: helper/guest_mode}}"
    bench.save(f"id: a\ntriggers: [{{trigger: state, entity_id: helper/guest_mode}}]\nactions: [{toggle}]\n")
    bench.see(guest=True)
    assert len(bench.ended()) == MOST_STARTS_A_SECOND
    bench.wait(100)
    assert len(bench.ended()) == MOST_STARTS_A_SECOND


def test_a_long_chain_does_not_recurse(bench: Bench) -> None:
    for n in range(400):
        bench.save(f"id: c{n}\ntriggers: [{{trigger: event, event: e{n}}}]\nactions: [{{event: e{n + 1}}}]\n")
    fire(bench, 0, "e0")
    assert len(bench.ended()) == 400


# Edits.


@pytest.mark.parametrize("mode", ["single", "queued", "restart", "parallel"])
def test_a_new_revision_ends_what_is_under_way(bench: Bench, mode: str) -> None:
    text = f"id: a\nmode: {mode}\n" + GO + RUN
    bench.save(text)
    fire(bench, 0)
    fire(bench, 1)
    bench.taken()
    bench.save(text)
    assert set(bench.outcomes()) == {"cancelled"}
    assert bench.running() == 0
    bench.wait(60)
    assert bench.taken() == []
    fire(bench, 2)
    assert bench.messages()[-1] == "begin 2"
    assert bench.rebuilt() == bench.remembered()


def test_a_new_revision_drops_holds(bench: Bench) -> None:
    text = (
        f"id: a\ntriggers: [{{trigger: state, entity_id: kitchen_motion, to: 'off', for: 60}}]\nactions: [{say('x')}]\n"
    )
    bench.save(text)
    bench.see(motion=True)
    bench.see(motion=False)
    bench.save(text)
    bench.wait(600)
    assert bench.taken() == []
    assert [body.how for body in bench.bodies(f.HoldEnded)] == ["changed"]


def test_an_edit_that_the_crash_hid_from_the_runs(bench: Bench) -> None:
    """Saved, but the hub died before it could end what the old revision had under way."""
    bench.save("id: a\nmode: queued\n" + GO + RUN)
    fire(bench, 0)
    fire(bench, 1)
    bench.taken()
    bench.kept["a"].revision = 2
    bench.restart()
    bench.wait(60)
    assert bench.taken() == []
    assert bench.outcomes() == ["cancelled", "cancelled"]
    assert bench.rebuilt() == bench.remembered()


def test_a_removed_linkage_is_gone(bench: Bench) -> None:
    bench.save("id: a\nmode: queued\n" + GO + RUN)
    fire(bench, 0)
    fire(bench, 1)
    bench.taken()
    bench.remove("a")
    fire(bench, 2)
    bench.wait(60)
    assert bench.taken() == [("fire", "go", {"n": 2})]
    bench.restart()
    bench.wait(60)
    assert bench.taken() == []
    memory = bench.remembered()
    assert (memory.paused, memory.queued, memory.holds) == ({}, {}, {})


def test_switched_off_and_on(bench: Bench) -> None:
    bench.save(
        f"id: a\ntriggers: [{{trigger: event, event: go}}, {{trigger: time, at: '12:01:00'}}]\n"
        f"mode: parallel\nactions: [{{delay: 10}}, {say('x')}]\n",
    )
    fire(bench, 0)
    bench.switch("a", False)
    fire(bench, 1)
    bench.restart()
    fire(bench, 2)
    bench.wait(100)
    assert bench.messages() == ["x"]
    bench.switch("a", True)
    fire(bench, 3)
    bench.wait(10)
    assert bench.messages() == ["x", "x"]


def test_switched_off_nothing_is_held(bench: Bench) -> None:
    bench.save(
        f"id: a\ntriggers: [{{trigger: state, entity_id: kitchen_motion, to: 'off', for: 60}}]\nactions: [{say('x')}]\n"
    )
    bench.see(motion=True)
    bench.see(motion=False)
    bench.switch("a", False)
    bench.restart()
    bench.switch("a", True)
    bench.wait(600)
    assert bench.taken() == []


EVERYTHING = f"""
id: a
mode: parallel
triggers:
  - {{trigger: state, entity_id: kitchen_motion, to: 'off', for: 60}}
  - {{trigger: numeric_state, entity_id: {NAMES["pm"]}, above: 75}}
  - {{trigger: event, event: go}}
  - {{trigger: time, at: '12:02:00'}}
actions:
  - wait_for_trigger: [{{trigger: state, entity_id: living_motion, to: 'on', for: 30}}]
    timeout: 600
  - action: notify.notify
    data: {{message: "{{{{ trigger.platform }}}} {{{{ wait.completed }}}}"}}
"""


@pytest.mark.parametrize("changes", [0, 1, 3])
def test_a_changed_home_loses_nothing_and_doubles_nothing(bench: Bench, changes: int) -> None:
    bench.save(EVERYTHING)
    bench.see(motion=True, pm=10, living=False)
    bench.see(motion=False)
    bench.wait(59)
    for _ in range(changes):
        bench.engine.home_changed()
    bench.wait(1)
    bench.see(pm=80)
    fire(bench, 0)
    assert bench.running() == 3
    bench.wait(1)
    bench.see(living=True)
    bench.wait(20)
    for _ in range(changes):
        bench.engine.home_changed()
    bench.wait(10)
    assert sorted(bench.messages()) == ["event True", "numeric_state True", "state True"]
    bench.wait(30)
    assert bench.running() == 1  # since 12:02


def test_a_time_due_just_when_the_home_changes(bench: Bench) -> None:
    bench.save(f"id: a\ntriggers: [{{trigger: time, at: '12:02:00'}}]\nactions: [{say('x')}]\n")
    bench.clock.call_at(bench.clock.ticks() + 120 * SECOND, lambda: None)
    bench.wait(119)
    bench.clock.set(bench.clock.now() + SECOND)  # the loop is late: the timer has not come yet
    bench.engine.home_changed()
    bench.wait(60)
    assert bench.messages() == ["x"]


def test_a_helper_made_anew_while_a_run_waits_for_it(bench: Bench) -> None:
    bench.save(
        f"id: a\n{GO}actions: [{{wait_for_trigger: [{{trigger: state, entity_id: helper/guest_mode, to: 'on'}}]}}, "
        f"{{if: [{{condition: state, entity_id: helper/guest_mode, state: 'on'}}], then: [{say('x')}]}}]\n",
    )
    fire(bench, 0)
    helper = next(each for each in bench.helpers.all() if each.id == "guest_mode")
    bench.helpers.remove("guest_mode")
    bench.engine.home_changed()
    bench.helpers.save(helper)
    bench.engine.home_changed()
    bench.see(guest=True)
    assert bench.messages() == ["x"]


def test_nothing_is_held_for_a_thing_that_is_gone(bench: Bench) -> None:
    bench.save(
        f"id: a\ntriggers: [{{trigger: state, entity_id: kitchen_motion, to: 'off', for: 60}}]\nactions: [{say('x')}]\n"
    )
    bench.see(motion=True)
    bench.see(motion=False)
    bench.live.remove_thing("kitchen_motion")
    bench.engine.home_changed()
    bench.wait(100)
    assert bench.taken() == []
    assert bench.remembered().holds == {}


@pytest.mark.parametrize("held", ["", ", for: 60"])
def test_a_thing_replaced_by_another(bench: Bench, held: str) -> None:
    """Its first value is no change, and what was held for the old one is held no more."""
    bench.save(
        f"id: a\ntriggers: [{{trigger: state, entity_id: kitchen_motion, to: 'on'{held}}}]\nactions: [{say('x')}]\n"
    )
    bench.see(motion=False)
    if held:
        bench.see(motion=True)
    bench.live.add_thing("kitchen_motion", "miio", SpecLibrary().get("lumi.sensor_motion.v2"))
    bench.engine.home_changed()
    bench.see(motion=True)
    bench.wait(100)
    assert bench.messages() == []
    bench.see(motion=False)
    bench.see(motion=True)
    bench.wait(100)
    assert bench.messages() == ["x"]


def test_an_event_before_a_wait_does_not_end_it(bench: Bench) -> None:
    """Both come while another run is under way; the second wait begins after them."""
    free = "{wait_for_trigger: [{trigger: event, event: free}]}"
    bench.save(f"id: a\n{GO}actions: [{free}, {say('one')}, {free}, {say('two')}]\n")
    bench.save("id: b\ntriggers: [{trigger: event, event: twice}]\nactions: [{event: free}, {event: free}]\n")
    fire(bench, 0)
    fire(bench, 0, "twice")
    assert bench.messages() == ["one"]
    fire(bench, 0, "free")
    assert bench.messages() == ["one", "two"]


def test_a_hold_begun_by_the_run_that_another_set_off(bench: Bench) -> None:
    held = "triggers: [{trigger: state, entity_id: helper/guest_mode, to: 'on', for: 60}]\n"
    bench.save(f"id: a\n{held}actions: [{SWITCH % 'off'}, {SWITCH % 'on'}]\n")
    bench.see(guest=True)
    bench.wait(60)
    assert len(bench.ended()) == len(bench.remembered().holds) == 1
    bench.restart()
    bench.wait(60)
    assert len(bench.ended()) == 2
