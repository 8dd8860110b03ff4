from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.flywheel.simulate.world.kinds import K
from setaria.flywheel.simulate.world.parameters import Brand, WorldParameters
from setaria.flywheel.simulate.world.products import CATALOGUE
from setaria.flywheel.simulate.world.run import simulate
from setaria.flywheel.simulate.world.supply import Shelf, unit_cost


def test_a_doubling_takes_the_learning_away() -> None:
    lamp = CATALOGUE[2]
    assert unit_cost(lamp, 100, 100) == lamp.launch_cost
    assert unit_cost(lamp, 200, 100) == pytest.approx(lamp.launch_cost * (1 - lamp.learning))
    assert unit_cost(lamp, 800, 100) == pytest.approx(lamp.launch_cost * (1 - lamp.learning) ** 3)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=60))
def test_cost_of_sales_and_stock_add_up_to_the_batches(sales: list[int]) -> None:
    shelf = Shelf(2, CATALOGUE[2], 50.0, 50.0)
    costs = 0
    for day, units in enumerate(sales):
        shelf.fill(day, 45, 3)
        if units:
            each = shelf.take(day, units)
            assert len(each) == units
            assert each.max() - each.min() <= 1
            costs += int(each.sum())
        shelf.close(units)
    assert costs + shelf.value == sum(batch.cost for batch in shelf.batches)
    assert shelf.sold + shelf.units == sum(batch.units for batch in shelf.batches)
    assert shelf.sold == sum(sales)
    assert shelf.units >= 0


def test_batches_of_a_world_follow_the_curve_and_pay_for_what_was_sold() -> None:
    run = simulate(WorldParameters(households=300, days=200, brand=Brand(partner_part=0.0)), seed=1)
    for place, product in enumerate(run.parameters.products):
        batches = [batch for batch in run.batches if batch.product == place]
        launched = product.launch_made * 300
        for batch in batches:
            assert batch.cost == round(batch.units * unit_cost(product, batch.made, launched))
        units_costs = [batch.cost / batch.units for batch in batches]
        assert units_costs[-1] < units_costs[0]
        bought = (run.columns.product == place) & (run.columns.kind != K.REPAIRED) & (run.columns.amount > 0)
        unsold, value = run.unsold[place]
        assert sum(batch.units for batch in batches) == int(bought.sum()) + unsold
        assert sum(batch.cost for batch in batches) == int(run.columns.cost[bought].sum()) + value


def test_a_brand_that_keeps_what_it_learns_sells_at_the_first_price() -> None:
    kept = simulate(WorldParameters(households=200, days=120, brand=Brand(passes_on=0.0)), seed=1)
    first = [look.prices.tolist() for look in kept.looks]
    assert all(prices == first[0] for prices in first)
    passed = simulate(WorldParameters(households=200, days=120), seed=1)
    assert (passed.looks[-1].prices <= passed.looks[0].prices).all()
