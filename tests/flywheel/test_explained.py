"""Credit adds up, to the cent, whatever the histories and the parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.flywheel.fit_worlds import truth, world

from setaria.flywheel.answers.explained import credit, explained
from setaria.flywheel.answers.segments import handed
from setaria.flywheel.fit.flywheel import Flywheel, expected, problem_of
from setaria.flywheel.histories.histories import Histories, Touchpoint
from setaria.flywheel.histories.rows import Amounts, RowsRead
from setaria.flywheel.parameters import Specification

NAIVE = Specification(decays=(1 / 7,), shared=False, own=False, churn=False, calendar=False)


@st.composite
def histories(draw: st.DrawFn) -> Histories:
    households = draw(st.integers(2, 6))
    lengths = [draw(st.integers(0, 8)) for _ in range(households)]
    lengths[0] = max(lengths[0], 2)
    facts = sum(lengths)
    times = np.concatenate([np.sort(draw(st.lists(st.integers(0, 60), min_size=n, max_size=n))) for n in lengths])
    kinds = np.array(draw(st.lists(st.integers(0, 2), min_size=facts, max_size=facts)), dtype=np.int16)
    kinds[1] = 0  # so that at least one fact is counted
    times[1] = max(times[1], 1)
    amounts = draw(st.lists(st.integers(0, 10**12), min_size=facts, max_size=facts))
    currency = draw(st.lists(st.integers(-1, 1), min_size=facts, max_size=facts))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    times[offsets[0] : offsets[1]].sort()
    return Histories(
        (Touchpoint("a"), Touchpoint("b"), Touchpoint("sent", receives=False)),
        np.array([str(h) for h in range(households)], dtype=object),
        np.zeros(households),
        np.full(households, 61.0),
        offsets,
        times.astype(np.float64),
        kinds,
        np.where(np.array(currency) >= 0, amounts, 0).astype(np.int64),
        ("CNY", "USD"),
        np.array(currency, dtype=np.int8),
        roles=np.array(draw(st.lists(st.integers(-1, 1), min_size=facts, max_size=facts)), dtype=np.int8),
        role_names=("child", "elder"),
        rows=RowsRead(amounts=[Amounts("CNY", bad=7, outside=5), Amounts("USD", refunds_alone=-3)]),
    )


@settings(max_examples=60, deadline=None)
@given(histories())
def test_parts_add_up_to_the_input(made: Histories) -> None:
    fitted = Flywheel(NAIVE, workers=1).fit(made, intervals=False)
    problem, _ = problem_of([made], NAIVE, fitted.parameters.decays)
    expectations, fitted = expected(fitted, problem)
    found = credit(problem, fitted, expectations)
    for c, each in enumerate(explained(made, found, made.rows)):
        outside = {"CNY": 12, "USD": -3}[each.currency]
        assert each.own + each.repeat + each.cross + each.sent + each.uncounted + each.outside == each.total
        assert each.total == made.total(c) + outside
        counted = each.total - each.uncounted - each.outside
        assert sum(sum(row.values()) for row in each.parents.values()) == counted
        assert sum(sum(row.values()) for row in each.roots.values()) == counted
        assert found.by_role[c].sum() == counted
        assert found.by_role[c][:, -1].sum() == each.own
        assert each.own >= 0
        assert each.sent >= 0


def test_credit_goes_where_the_branching_says() -> None:
    parameters = truth(number=0.5, types=3)
    made = world(parameters, 1200)
    fitted = Flywheel(NAIVE, workers=1).fit(made)
    problem, _ = problem_of([made], NAIVE, fitted.parameters.decays)
    expectations, fitted = expected(fitted, problem)
    found = credit(problem, fitted, expectations)
    # At the maximum the expected children of each link are the link times the exposure of its parents.
    days = made.end[made.owner] - made.times
    exposed = np.bincount(made.kinds, weights=1 - np.exp(-days / 7), minlength=3)
    assert np.allclose(found.children[:, :3], fitted.parameters.branching * exposed, atol=0.5)
    assert np.allclose(found.children.sum(axis=1), np.bincount(made.kinds[made.counted], minlength=3))


def test_credit_by_role_is_the_credit_of_the_facts_in_it() -> None:
    """With a role for each touchpoint, what one role owes another is what the touchpoints owe each other."""
    made = world(truth(number=0.5, types=3), 400)
    roles = np.array([0, -1, 0], dtype=np.int8)[made.kinds]
    made = replace(made, roles=roles, role_names=("child",))
    fitted = Flywheel(NAIVE, workers=1).fit(made, intervals=False)
    problem, _ = problem_of(list(made.shards(150)), NAIVE, fitted.parameters.decays)
    expectations, fitted = expected(fitted, problem)
    found = credit(problem, fitted, expectations)
    child, unknown = [0, 2], [1]
    for row, earners in enumerate((child, unknown)):
        for column, parents in enumerate((child, unknown, [3])):
            assert found.children_by_role[row, column] == pytest.approx(found.children[np.ix_(earners, parents)].sum())
            by_type = found.parents[0][np.ix_(earners, parents)].sum()
            assert abs(found.by_role[0, row, column] - by_type) <= made.facts  # of each fact's minor units one at most
    handed_on = handed(made.role_names, found.by_role[0], found.children_by_role)
    assert sum(each.amount for each in handed_on) == found.parents[0].sum()
