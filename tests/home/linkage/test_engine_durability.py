"""Whatever happens to the hub, a run ends once; where the last fact was lost, it is repeated at most once."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.home.linkage.engine_bench import Bench

from setaria.home import facts as f
from setaria.home.linkage.fixed_catalogue import FixedCatalogue

SAY = "{action: notify.notify, data: {message: '%s {{ trigger.event.data.n }}'}}"
FREE = "{wait_for_trigger: [{trigger: event, event: free}], timeout: 90}"
GO = "triggers: [{trigger: event, event: go}]"

LINKAGES = {
    "delay": f"mode: parallel\nmax: 50\n{GO}\nactions: [{SAY % 'a'}, {{delay: 20}}, {SAY % 'b'}]",
    "wait": f"mode: parallel\nmax: 50\n{GO}\nactions: [{SAY % 'a'}, {FREE}, {SAY % 'b'}]",
    "queue": f"mode: queued\nmax: 50\n{GO}\nactions: [{SAY % 'a'}, {{delay: 7}}, {SAY % 'b'}]",
    "restart": f"mode: restart\n{GO}\nactions: [{SAY % 'a'}, {{delay: 15}}, {SAY % 'b'}]",
    "branches": f"mode: parallel\nmax: 50\n{GO}\nactions: [{{parallel: [{{sequence: [{{delay: 5}}, {SAY % 'l'}]}}, "
    f"{{sequence: [{FREE}, {SAY % 'r'}]}}]}}, {SAY % 'b'}]",
    "loop": f"mode: parallel\nmax: 50\n{GO}\nactions: [{{repeat: {{count: 3, sequence: "
    f"[{{delay: 4}}, {SAY % 't{{ repeat.index }}'}]}}}}, {SAY % 'b'}]",
    "time": f"mode: parallel\nmax: 50\n{GO}\nactions: [{{wait_for_trigger: "
    f"[{{trigger: time_pattern, minutes: '/1'}}]}}, {SAY % 'b'}]",
    "hold": "mode: parallel\nmax: 50\ntriggers: [{trigger: state, entity_id: kitchen_motion, to: 'on', for: 10}]\n"
    "actions: [{action: notify.notify, data: {message: h}}]",
}

steps = st.lists(
    st.one_of(
        st.tuples(st.just("go"), st.just(0)),
        st.tuples(st.just("free"), st.just(0)),
        st.tuples(st.just("motion"), st.integers(0, 1)),
        st.tuples(st.just("wait"), st.integers(1, 30)),
        st.tuples(st.just("crash"), st.integers(0, 40)),
        st.tuples(st.just("change"), st.just(0)),
    ),
    max_size=25,
)


def play(bench: Bench, schedule: list[tuple[str, int]], lost: list[int]) -> int:
    """Returns how many events were fired; every crash takes the next of `lost` facts with it."""
    fired = 0
    losses = iter(lost)
    for what, number in schedule:
        match what:
            case "go":
                fired += 1
                bench.fire("go", {"n": fired}, "test")
            case "free":
                bench.fire("free", {}, "test")
            case "motion":
                bench.see(motion=bool(number))
            case "wait":
                bench.wait(number)
            case "change":
                bench.engine.home_changed()
            case _:
                bench.restart(off=number, lost=min(len(bench.facts), next(losses, 0)))
        assert bench.rebuilt() == bench.remembered()
    bench.wait(2_000)
    assert bench.rebuilt() == bench.remembered()
    return fired


@pytest.mark.parametrize("name", LINKAGES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schedule=steps)
def test_each_run_ends_once(sample_catalogue: FixedCatalogue, name: str, schedule: list[tuple[str, int]]) -> None:
    bench = Bench(sample_catalogue)
    bench.save(f"id: {name}\n{LINKAGES[name]}\n")
    fired = play(bench, schedule, [])
    assert bench.running() == 0
    memory = bench.remembered()
    assert (memory.paused, memory.queued, memory.holds) == ({}, {}, {})
    runs = Counter(body.run for body in bench.ended())
    begun = {body.run for body in bench.bodies(f.RunPaused, f.RunQueued)}
    assert begun <= set(runs)
    assert set(runs.values()) <= {1}
    assert set(Counter(bench.messages()).values()) <= {1} or name == "hold"
    holds = [body.how for body in bench.bodies(f.HoldEnded)]
    assert len(holds) == len(bench.bodies(f.HoldBegan))
    if name == "hold":
        assert holds.count("fired") == len(runs) == len(bench.messages())
    elif name != "restart":
        assert len(runs) == fired
        assert Counter(bench.messages()) >= Counter(f"b {n + 1}" for n in range(fired))


@pytest.mark.parametrize("name", LINKAGES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schedule=steps, lost=st.lists(st.integers(0, 3), max_size=6))
def test_lost_facts_repeat_at_most(
    sample_catalogue: FixedCatalogue, name: str, schedule: list[tuple[str, int]], lost: list[int]
) -> None:
    bench = Bench(sample_catalogue)
    bench.save(f"id: {name}\n{LINKAGES[name]}\n")
    play(bench, schedule, lost)
    assert bench.running() == 0
    memory = bench.remembered()
    assert (memory.paused, memory.queued, memory.holds) == ({}, {}, {})
    assert set(Counter(body.run for body in bench.ended()).values()) <= {1}
    begun = {body.run for body in bench.bodies(f.RunPaused, f.RunQueued)}
    assert begun <= {body.run for body in bench.ended()}
    # A lost fact repeats what lay between two waits, at most once: in these linkages two messages at most.
    repeated = [count - 1 for count in Counter(bench.messages()).values()] if name != "hold" else []
    assert max(repeated, default=0) <= sum(lost)
    assert sum(repeated) <= 2 * sum(lost)


@pytest.mark.parametrize("lost", range(4))
def test_the_last_facts_of_a_delay(sample_catalogue: FixedCatalogue, lost: int) -> None:
    bench = Bench(sample_catalogue)
    bench.save(f"id: delay\n{LINKAGES['delay']}\n")
    bench.fire("go", {"n": 1}, "test")
    bench.wait(20)
    bench.restart(lost=lost)
    bench.wait(60)
    wanted = ["a 1", "b 1", "b 1"] if lost == 1 else ["a 1", "b 1"]
    assert bench.messages() == wanted


@pytest.mark.parametrize(
    ("missed", "off", "outcome"),
    [
        ("", 600, "done"),
        ("missed: run\n", 600, "done"),
        ("missed: skip\n", 600, "missed"),
        ("missed: skip\n", 10, "done"),
        ("missed: {within: 60}\n", 60, "done"),
        ("missed: {within: 60}\n", 90, "missed"),
    ],
)
def test_a_delay_that_ended_while_the_hub_was_off(
    sample_catalogue: FixedCatalogue, missed: str, off: int, outcome: str
) -> None:
    bench = Bench(sample_catalogue)
    bench.save(f"id: delay\n{missed}{LINKAGES['delay']}\n")
    bench.fire("go", {"n": 1}, "test")
    bench.restart(off=off)
    bench.wait(20)
    assert bench.outcomes() == [outcome]
    assert bench.messages() == (["a 1", "b 1"] if outcome == "done" else ["a 1"])


def test_a_program_laid_out_differently_by_a_newer_version(sample_catalogue: FixedCatalogue) -> None:
    bench = Bench(sample_catalogue)
    bench.save(f"id: delay\n{LINKAGES['delay']}\n")
    bench.fire("go", {"n": 1}, "test")
    paused = bench.bodies(f.RunPaused)[0]
    for thread in paused.threads:
        thread["at"] = "action/7"
    bench.restart()
    bench.wait(60)
    assert bench.outcomes() == ["failed"]
    assert "linkage_outdated" in str(bench.ended()[0].trace)
    assert bench.messages() == ["a 1"]
    assert bench.rebuilt() == bench.remembered()


def test_a_pause_writes_a_bounded_trace(sample_catalogue: FixedCatalogue) -> None:
    bench = Bench(sample_catalogue)
    bench.save(f"id: a\n{GO}\nactions: [{{repeat: {{count: 300, sequence: [{{delay: 1}}]}}}}]\n")
    bench.fire("go", {"n": 1}, "test")
    bench.wait(250)
    assert max(len(body.trace) for body in bench.bodies(f.RunPaused)) == 100
    bench.restart()
    bench.wait(100)
    assert bench.outcomes() == ["done"]
