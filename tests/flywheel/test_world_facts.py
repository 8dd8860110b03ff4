from __future__ import annotations

import numpy as np
import pytest

from setaria.flywheel.simulate.world.kinds import ASSIGNED, ROLES, TABLE
from setaria.flywheel.simulate.world.measures import outcome
from setaria.flywheel.simulate.world.parameters import Peopled, WorldParameters
from setaria.flywheel.simulate.world.run import Run, simulate

DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def lived() -> Run:
    return simulate(WorldParameters(households=300, days=365), seed=4)


def test_histories_hold_every_touchpoint_once_and_all_the_money(lived: Run) -> None:
    histories = lived.histories()
    assert histories.simulated
    assert len(histories) == 300
    assert histories.total(0) == lived.revenue
    assert len(histories.names) == len(set(histories.names)) <= 14
    assert "purchase_lamp" in histories.names
    sent = {each.name for each in histories.touchpoints if not each.receives}
    assert sent == {"promotion", "release"}
    for home in range(len(histories)):
        times = histories.times[histories.facts_of(home)]
        assert (np.diff(times) > 0).all()
    assert histories.counted.sum() == histories.receivers[histories.kinds].sum()


def test_a_day_grain_is_the_same_facts_on_whole_days(lived: Run) -> None:
    exact, by_day = lived.histories(), lived.histories("day")
    assert np.array_equal(by_day.times, np.floor(exact.times))
    assert by_day.times.min() > by_day.start[0]
    assert by_day.times.max() <= by_day.end[0]
    assert np.array_equal(exact.kinds, by_day.kinds)


def test_facts_before_the_window_are_sources_only(lived: Run) -> None:
    later = lived.histories(from_day=100)
    assert later.facts == lived.histories().facts
    assert 0 < later.counted.sum() < lived.histories().counted.sum()


def test_facts_are_plain_in_order_and_carry_the_same_money(lived: Run) -> None:
    facts = list(lived.facts())
    times = [fact.time for fact in facts]
    assert times == sorted(times)
    assert times[0] >= lived.parameters.first_day * DAY_US
    assert times[-1] < (lived.parameters.first_day + 365) * DAY_US
    homes = [fact for fact in facts if fact.household]
    assert {fact.kind for fact in homes} <= {about.kind for about in TABLE.values()}
    assert {fact.role for fact in homes} == {"", *ROLES}
    assert sum(fact.amount or 0 for fact in homes) == lived.revenue
    brands = [fact for fact in facts if not fact.household]
    assert {fact.kind for fact in brands} == {
        "market.batch_received", "releases.train_left", "books.advertising_earned"
    }  # fmt: skip
    advertising = sum(fact.amount or 0 for fact in brands)
    assert lived.revenue + advertising == outcome(lived).total
    lots = [fact for fact in homes if fact.kind == ASSIGNED]
    assert {(fact.body["experiment"], fact.body["arm"]) for fact in lots} == {
        *(("promotion", "sent"), ("promotion", "control"), ("release", "ring"), ("release", "control"))
    }
    assert {round(fact.body["probability"], 6) for fact in lots if fact.body["arm"] == "control"} == {0.7, 0.9}


def test_a_fact_of_a_household_is_the_same_in_both(lived: Run) -> None:
    histories = lived.histories()
    kind = histories.names.index("vote")
    voted = [fact for fact in lived.facts() if fact.kind == "community.voted"]
    assert len(voted) == (histories.kinds == kind).sum() > 20
    times = sorted(histories.times[histories.kinds == kind])
    assert np.allclose([fact.time / DAY_US for fact in voted], times, atol=2e-11)


def test_a_household_that_is_not_yet_reached_does_nothing_and_is_not_watched() -> None:
    people = Peopled(reach=((0, 0.3), (80, 0.9), (500, 1.0)))
    run = simulate(WorldParameters(households=300, days=160, people=people), seed=4)
    arrives = run.homes.arrives
    assert 60 < (arrives == 0).sum() < 120
    assert (run.columns.day >= arrives[run.columns.household]).all()
    assert not run.homes.phone_before[arrives > 0].any()
    for histories in (run.histories(), run.histories("day")):
        assert (histories.start <= histories.end).all()
        first = histories.offsets[:-1][np.diff(histories.offsets) > 0]
        assert (histories.times[first] > histories.start[np.diff(histories.offsets) > 0]).all()
        assert histories.start[arrives > 200].max() <= histories.end[0]
