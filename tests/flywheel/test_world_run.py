from __future__ import annotations

import msgspec
import numpy as np
import pytest

from setaria.flywheel.arrays import Flags
from setaria.flywheel.simulate.world import run as running
from setaria.flywheel.simulate.world.kinds import TABLE, K, Leg
from setaria.flywheel.simulate.world.parameters import Brand, Peopled, WorldParameters
from setaria.flywheel.simulate.world.run import Run, simulate
from setaria.flywheel.simulate.world.world import World

SMALL = WorldParameters(households=400, days=365, brand=Brand(greeting_days=20))
BUYS = (K.ORDER, K.STORE_ORDER, K.PLEDGE)


@pytest.fixture(scope="module")
def lived() -> Run:
    return simulate(SMALL, seed=5)


def of(run: Run, *kinds: K) -> Flags:
    flags: Flags = np.isin(run.columns.kind, [int(kind) for kind in kinds])
    return flags


def test_what_must_hold_every_evening(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = running.live
    evenings: list[int] = []

    def watched(world: World) -> None:
        before = world.now.budget.copy()
        looked(world)
        now = world.now
        assert now.budget.min() >= 0
        assert now.budget.dtype == np.int64
        assert (now.budget <= before + world.homes.spending).all()
        assert now.own.min() >= 0
        assert now.broken.min() >= 0
        wanted = np.array([product.wanted for product in world.parameters.products])
        assert (now.own + now.broken <= wanted[:, None]).all()
        assert (now.need >= 0).all()
        assert (now.need <= 2).all()
        assert (now.satisfaction >= 0).all()
        assert (now.satisfaction <= 1).all()
        assert (now.knowledge <= 1).all()
        evenings.append(world.day)

    monkeypatch.setattr(running, "live", watched)
    simulate(msgspec.structs.replace(SMALL, households=150, days=200, people=Peopled(spending=2_000)), seed=2)
    assert evenings == list(range(200))


def test_what_is_owned_was_bought_or_there_before_less_what_is_gone(lived: Run) -> None:
    columns, products = lived.columns, len(lived.parameters.products)
    count = lived.parameters.households

    def by_home(flags: Flags) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
        places = columns.product[flags] * count + columns.household[flags]
        return np.bincount(places, minlength=products * count).reshape(products, count)

    before = np.zeros((products, count), dtype=np.int64)
    before[0] = lived.homes.phone_before
    most = before + by_home(of(lived, *BUYS))
    assert (lived.end.own + lived.end.broken <= most).all()
    here = lived.end.gone < 0
    worn = by_home(of(lived, K.WORN))
    failed, mended = by_home(of(lived, K.FAILED)), by_home(of(lived, K.REPAIRED))
    assert (lived.end.own == most - worn - failed + mended)[:, here].all()


def test_nobody_acts_after_leaving(lived: Run) -> None:
    gone = lived.end.gone[lived.columns.household]
    assert (lived.end.gone >= 0).sum() > 10
    assert (lived.columns.day[gone >= 0] <= gone[gone >= 0]).all()


def test_money_is_whole_and_only_where_something_is_sold(lived: Run) -> None:
    columns = lived.columns
    assert columns.amount.dtype == np.int64
    assert columns.amount.min() >= 0
    earns = np.array([TABLE[kind].leg != Leg.NONE for kind in K])[columns.kind]
    assert not columns.amount[~earns].any()
    assert not columns.cost[~earns].any()
    assert (columns.amount[of(lived, *BUYS)] > 0).all()


def test_the_same_seed_lives_the_same_life_and_another_does_not(lived: Run) -> None:
    short = msgspec.structs.replace(SMALL, days=120)
    once, again, other = simulate(short, seed=5), simulate(short, seed=5), simulate(short, seed=6)
    for one, two in zip(once.columns, again.columns, strict=True):
        assert np.array_equal(one, two)
    assert once.batches == again.batches
    assert once.revenue != other.revenue
    begun = lived.columns.day < 120  # a longer run begins as the shorter one
    assert np.array_equal(lived.columns.time[begun], once.columns.time)


def test_what_is_shown_is_shown_in_a_store_and_before_what_is_bought_there(lived: Run) -> None:
    columns = lived.columns
    visits = {
        (home, day): time
        for home, day, time in zip(
            *(column[of(lived, K.VISITED)] for column in (columns.household, columns.day, columns.time)), strict=True
        )
    }
    later = of(lived, K.DEMO, K.STORE_ORDER)
    assert of(lived, K.DEMO).sum() > 100
    assert of(lived, K.STORE_ORDER).sum() > 5
    for home, day, time in zip(columns.household[later], columns.day[later], columns.time[later], strict=True):
        assert visits[home, day] < time < 1


def test_elders_start_only_where_somebody_linked_something_before(lived: Run) -> None:
    columns = lived.columns
    linked = {int(home) for home in columns.household[of(lived, K.LINKED)]}
    started = [int(home) for home in columns.household[of(lived, K.ELDER)]]
    assert len(started) > 5
    assert set(started) <= linked
    assert (lived.homes.elders[started] > 0).all()
    assert len(set(started)) == len(started)


def test_a_lot_is_drawn_with_the_chance_that_is_written_down(lived: Run) -> None:
    columns = lived.columns
    for kind, chance in ((K.PROMOTION_LOT, 0.30), (K.RING_LOT, 0.10)):
        drawn = of(lived, kind)
        chosen = columns.chosen[drawn]
        assert np.allclose(columns.extra[drawn], chance)
        assert abs(chosen.mean() - chance) < 4 * (chance * (1 - chance) / len(chosen)) ** 0.5
    sent = of(lived, K.PROMOTION).sum()
    assert sent == columns.chosen[of(lived, K.PROMOTION_LOT)].sum()


def test_targeting_is_written_into_the_chance() -> None:
    run = simulate(WorldParameters(households=300, days=90, brand=Brand(targeted=2.0)), seed=3)
    drawn = of(run, K.PROMOTION_LOT)
    assert set(run.columns.extra[drawn].round(6).tolist()) == {0.3, 0.6}


def test_a_thing_without_linkages_or_releases_has_none_recorded() -> None:
    run = simulate(msgspec.structs.replace(SMALL, without=frozenset({"link", "release"}), days=100), seed=5)
    assert not of(run, K.LINKED, K.RELEASE, K.RING_LOT, K.ELDER).any()
    assert not run.trains
    assert not run.end.links.any()
