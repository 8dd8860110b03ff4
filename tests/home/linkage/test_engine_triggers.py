"""What sets a linkage off, and what it then knows of it."""

from __future__ import annotations

import msgspec
import pytest
from tests.home.linkage.engine_bench import NAMES, Bench

from setaria.facts.fact import HUB
from setaria.home import facts as f
from setaria.home.linkage.fixed_catalogue import FixedCatalogue

TELL = "actions: [{action: notify.notify, data: {message: '%s'}}]\n"
MOTION_OFF = "{trigger: state, entity_id: kitchen_motion, to: 'off', for: '00:05:00'}"


@pytest.fixture
def bench(sample_catalogue: FixedCatalogue) -> Bench:
    return Bench(sample_catalogue)


def rule(trigger: str, message: str = "x", more: str = "") -> str:
    return f"id: a\n{more}triggers: [{trigger}]\n" + TELL % message


def test_a_first_value_is_no_change(bench: Bench) -> None:
    bench.save(rule("{trigger: state, entity_id: kitchen_motion, to: 'on'}"))
    bench.see(motion=True)
    assert bench.taken() == []
    bench.see(motion=False)
    bench.see(motion=True)
    assert bench.messages() == ["x"]


@pytest.mark.parametrize(
    ("keys", "fires"),
    [
        ("to: 'on'", [False, True, False, True]),
        ("from: 'on'", [False, False, True, False]),
        ("from: 'off', to: 'on'", [False, True, False, True]),
        ("not_to: 'on'", [False, False, True, False]),
        ("not_from: 'on'", [False, True, False, True]),
        ("", [False, True, True, True]),
    ],
)
def test_state_triggers(bench: Bench, keys: str, fires: list[bool]) -> None:
    comma = ", " if keys else ""
    bench.save(rule(f"{{trigger: state, entity_id: kitchen_motion{comma}{keys}}}"))
    seen = []
    for value in (False, True, False, True):
        bench.see(motion=value)
        seen.append(bool(bench.taken()))
    assert seen == fires


def test_a_value_reported_twice_is_no_change(bench: Bench) -> None:
    bench.save(rule("{trigger: state, entity_id: kitchen_motion, to: 'on'}"))
    bench.see(motion=False)
    bench.see(motion=True)
    bench.see(motion=True)
    assert bench.messages() == ["x"]


def test_one_thing_named_twice_fires_once(bench: Bench) -> None:
    bench.save(rule("{trigger: state, entity_id: [kitchen_motion, kitchen_motion], to: 'on'}"))
    bench.see(motion=False)
    bench.see(motion=True)
    assert bench.messages() == ["x"]


def test_a_number_fires_when_it_enters(bench: Bench) -> None:
    bench.save(rule("{{trigger: numeric_state, entity_id: {}, above: 75, below: 100}}".format(NAMES["pm"])))
    fired = []
    for value in (80, 70, 76, 90, 75, 99, 100, 120, 99):
        bench.see(pm=value)
        fired.append(len(bench.taken()))
    assert fired == [0, 0, 1, 0, 0, 1, 0, 0, 1]


def test_a_bound_may_be_another_value(bench: Bench) -> None:
    bench.save(rule(f"{{trigger: numeric_state, entity_id: {NAMES['pm']}, above: helper/openings}}"))
    bench.see(pm=10)
    bench.see(count=50)
    bench.see(pm=40)
    assert bench.taken() == []
    bench.see(pm=60)
    assert bench.messages() == ["x"]


def test_a_bound_that_is_unknown_lets_nothing_through(bench: Bench) -> None:
    bench.save(rule(f"{{trigger: numeric_state, entity_id: {NAMES['pm']}, above: {NAMES['temperature']}}}"))
    bench.see(pm=10)
    bench.see(pm=60)
    assert bench.taken() == []


def test_members_come_and_go(bench: Bench) -> None:
    bench.save(rule("{trigger: zone, entity_id: person.li_wei, zone: home, event: enter}", "{{ trigger.event }}"))
    bench.see(wei=True)
    bench.see(wei=False)
    assert bench.taken() == []
    bench.see(wei=True)
    assert bench.messages() == ["enter"]


def test_events_match_by_their_data(bench: Bench) -> None:
    bench.save(
        rule("{trigger: event, event: bell, event_data: {door: front}}", "{{ trigger.event.data.who }}"),
    )
    bench.live.fire("bell", {"door": "back", "who": "a"}, HUB, "li")
    bench.live.fire("bell", {"door": "front", "who": "b"}, HUB, "li")
    bench.live.fire("ball", {"door": "front", "who": "c"}, HUB, "li")
    assert bench.messages() == ["b"]


def test_events_of_things(bench: Bench) -> None:
    bench.save(rule("{trigger: event, event: living_motion/motion-sensor.motion-detected}"))
    bench.live.happened("living_motion", "motion-sensor.motion-detected", {})
    bench.live.happened("kitchen_motion", "motion-sensor.motion-detected", {})
    assert bench.messages() == ["x"]


def test_the_start_of_the_hub(bench: Bench) -> None:
    bench.save(rule("{trigger: homeassistant, event: start}", "{{ trigger.platform }}"))
    assert bench.taken() == []
    bench.engine.started()
    assert bench.messages() == ["start"]


def test_what_a_run_knows_of_its_trigger(bench: Bench) -> None:
    bench.save(
        rule(
            "{trigger: state, id: moved, entity_id: kitchen_motion, to: 'on'}",
            "{{ trigger.id }} {{ trigger.from_state.state }} {{ trigger.to_state.state }} {{ trigger.platform }}",
        )
    )
    bench.see(motion=False)
    bench.see(motion=True)
    assert bench.messages() == ["moved False True state"]


def test_a_rule_without_source_knows_its_trigger(bench: Bench) -> None:
    """A blueprint's text is not in the source of the linkage that uses it."""
    kept = bench.save(rule("{trigger: state, id: moved, entity_id: kitchen_motion, to: 'on'}", "{{ trigger.id }}"))
    bench.kept["a"].rule = msgspec.structs.replace(kept, source="")
    bench._arm("a")
    bench.see(motion=False)
    bench.see(motion=True)
    assert bench.messages() == ["moved"]


@pytest.mark.parametrize("trigger", [MOTION_OFF, "{trigger: time, at: '12:30:00'}", "{trigger: event, event: e}"])
def test_disabled_triggers_do_nothing(bench: Bench, trigger: str) -> None:
    bench.save(rule(trigger.replace("{", "{enabled: false, ")))
    bench.see(motion=True)
    bench.see(motion=False)
    bench.live.fire("e", {}, HUB, "li")
    bench.wait(3600)
    assert bench.taken() == []
    assert bench.bodies(f.HoldBegan) == []


# Triggers that must hold for a while.


def test_held_for_a_while(bench: Bench) -> None:
    bench.save(rule(MOTION_OFF, "{{ trigger.to_state.state }} {{ trigger.for }}"))
    bench.see(motion=True)
    bench.see(motion=False)
    bench.wait(299)
    assert bench.taken() == []
    bench.wait(1)
    assert len(bench.taken()) == 1
    assert [body.how for body in bench.bodies(f.HoldEnded)] == ["fired"]
    bench.wait(3600)
    assert bench.taken() == []
    assert bench.rebuilt() == bench.remembered()


def test_left_before_the_time(bench: Bench) -> None:
    bench.save(rule(MOTION_OFF))
    bench.see(motion=True)
    bench.see(motion=False)
    bench.wait(299)
    bench.see(motion=True)
    bench.wait(3600)
    assert bench.taken() == []
    bench.see(motion=False)
    bench.wait(300)
    assert bench.messages() == ["x"]
    assert [body.how for body in bench.bodies(f.HoldEnded)] == ["left", "fired"]


def test_another_wanted_value_goes_on_holding(bench: Bench) -> None:
    bench.save(rule("{trigger: state, entity_id: balcony_washer/washer.status, to: [2, 3], for: '00:05:00'}"))
    for value in (1, 2):
        bench.observe("balcony_washer/washer.status", value)
    bench.wait(200)
    bench.observe("balcony_washer/washer.status", 3)
    bench.wait(100)
    assert bench.messages() == ["x"]


@pytest.mark.parametrize(("keys", "fires"), [("from: 1", True), ("not_to: 1", True), ("", False)])
def test_what_goes_on_holding_when_no_value_is_wanted(bench: Bench, keys: str, fires: bool) -> None:
    comma = ", " if keys else ""
    bench.save(rule(f"{{trigger: state, entity_id: balcony_washer/washer.status, for: '00:05:00'{comma}{keys}}}"))
    for value in (1, 2):
        bench.observe("balcony_washer/washer.status", value)
    bench.wait(200)
    bench.observe("balcony_washer/washer.status", 3)
    bench.wait(100)
    assert bool(bench.taken()) is fires
    bench.wait(200)
    assert bool(bench.taken()) is not fires


def test_a_number_held(bench: Bench) -> None:
    bench.save(rule(f"{{trigger: numeric_state, entity_id: {NAMES['pm']}, above: 75, for: '00:01:00'}}"))
    bench.see(pm=50)
    bench.see(pm=80)
    bench.wait(30)
    bench.see(pm=90)
    bench.wait(29)
    assert bench.taken() == []
    bench.wait(1)
    assert bench.messages() == ["x"]
    bench.see(pm=100)
    bench.wait(100)
    assert bench.messages() == ["x"]


def test_a_bound_that_moves_does_not_begin_a_second_hold(bench: Bench) -> None:
    bench.save(rule(f"{{trigger: numeric_state, entity_id: {NAMES['pm']}, above: helper/openings, for: '00:01:00'}}"))
    bench.see(pm=10)
    bench.see(count=50)
    bench.see(pm=60)
    bench.wait(20)
    bench.see(count=65)
    bench.see(pm=70)
    bench.wait(200)
    assert bench.messages() == ["x"]


@pytest.mark.parametrize("numeric", [False, True])
def test_a_hold_survives_a_restart(bench: Bench, numeric: bool) -> None:
    trigger = MOTION_OFF
    if numeric:
        trigger = f"{{trigger: numeric_state, entity_id: {NAMES['pm']}, above: 75, for: '00:05:00'}}"
    bench.save(rule(trigger, "{{ trigger.platform }} {{ trigger.to_state.state }}"))
    bench.see(motion=True, pm=10)
    bench.see(motion=False, pm=80)
    bench.wait(100)
    bench.restart(off=100)
    bench.wait(99)
    assert bench.taken() == []
    bench.wait(1)
    (message,) = bench.messages()
    assert message.startswith("numeric_state 80" if numeric else "state ")
    bench.wait(3600)
    assert len(bench.messages()) == 1
    assert bench.rebuilt() == bench.remembered()


def test_a_hold_may_be_left_after_a_restart(bench: Bench) -> None:
    bench.save(rule(MOTION_OFF))
    bench.see(motion=True)
    bench.see(motion=False)
    bench.restart(off=100)
    bench.see(motion=True)
    bench.wait(3600)
    assert bench.taken() == []


@pytest.mark.parametrize(
    ("missed", "off", "fires"),
    [
        ("", 600, True),
        ("missed: run\n", 600, True),
        ("missed: skip\n", 600, False),
        ("missed: skip\n", 250, True),
        ("missed: {within: '00:10:00'}\n", 600, True),
        ("missed: {within: '00:01:00'}\n", 600, False),
    ],
)
def test_a_hold_due_while_off(bench: Bench, missed: str, off: int, fires: bool) -> None:
    bench.save(rule(MOTION_OFF, more=missed))
    bench.see(motion=True)
    bench.see(motion=False)
    bench.restart(off=off)
    bench.wait(60)
    assert bool(bench.taken()) is fires
    assert [body.how for body in bench.bodies(f.HoldEnded)] == ["fired" if fires else "missed"]
    bench.wait(3600)
    assert bench.taken() == []


def test_a_hold_whose_end_was_lost_does_not_fire(bench: Bench) -> None:
    """The reading is in the log, that the hold was left is not."""
    bench.save(rule(MOTION_OFF))
    bench.see(motion=True)
    bench.see(motion=False)
    bench.wait(100)
    bench.see(motion=True)
    assert isinstance(bench.facts[-1].body, f.HoldEnded)
    bench.restart(lost=1)
    bench.wait(3600)
    assert bench.taken() == []
    assert bench.rebuilt().holds == {}


def test_a_hold_that_fired_is_repeated_rather_than_lost(bench: Bench) -> None:
    bench.save(rule(MOTION_OFF))
    bench.see(motion=True)
    bench.see(motion=False)
    bench.wait(300)
    lost = len(bench.facts) - next(n for n, fact in enumerate(bench.facts) if isinstance(fact.body, f.RunEnded))
    bench.restart(lost=lost)
    bench.wait(10)
    assert bench.messages() == ["x", "x"]
    bench.wait(3600)
    assert bench.messages() == ["x", "x"]


def test_holds_before_the_clock_is_trusted(bench: Bench) -> None:
    """Values come in before `resume`: a hold that is left then must not fire later."""
    bench.save(rule(MOTION_OFF))
    bench.see(motion=True)
    bench.see(motion=False)
    bench.die()
    bench.awake()
    bench._arm("a")
    bench.see(motion=True)
    bench.engine.resume()
    bench.wait(3600)
    assert bench.taken() == []
    assert bench.rebuilt().holds == {}
