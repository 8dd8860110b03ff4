from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from setaria.flywheel.answers.segments import MONTH, by_age, by_cohort, by_entry, by_role, direct, handed
from setaria.flywheel.histories.histories import Histories, Touchpoint
from setaria.flywheel.report.report import Handed, Segment

TOUCHPOINTS = (Touchpoint("promotion", receives=False), Touchpoint("phone"), Touchpoint("lamp"))
ROLES = ("child", "elder")
Fact = tuple[float, int, int, int]  # time, kind, amount, role


def day(text: str) -> float:
    return float(np.datetime64(text, "D").astype(np.int64))


def made(*households: tuple[float, list[Fact]], end: float = 25_000.0) -> Histories:
    facts = [fact for _, household in households for fact in sorted(household, key=lambda each: each[0])]
    columns = list(zip(*facts, strict=True)) if facts else [()] * 4
    return Histories(
        touchpoints=TOUCHPOINTS,
        households=np.array([str(each) for each in range(len(households))], dtype=object),
        start=np.array([start for start, _ in households], dtype=np.float64),
        end=np.full(len(households), end),
        offsets=np.concatenate([[0], np.cumsum([len(each) for _, each in households])]).astype(np.int64),
        times=np.array(columns[0], dtype=np.float64),
        kinds=np.array(columns[1], dtype=np.int16),
        amounts=np.array(columns[2], dtype=np.int64),
        currencies=("CNY", "USD"),
        currency=np.array([0 if kind else -1 for kind in columns[1]], dtype=np.int8),
        roles=np.array(columns[3], dtype=np.int8),
        role_names=ROLES,
    )


HISTORIES = made(
    (day("2024-02-29"), [(day("2024-02-29"), 0, 0, -1), (day("2024-03-01"), 1, 500, 0), (day("2024-05-01"), 2, 70, 1)]),
    (day("2024-03-31"), [(day("2024-04-01"), 2, 30, 1)]),
    (day("2024-04-01"), []),
    end=day("2024-06-01"),
)
INDUCED = np.array([5, 60, 0, 0], dtype=np.int64)


def test_by_role_cohort_and_entry() -> None:
    own = direct(HISTORIES, 0)
    assert own.tolist() == [0, 500, 70, 30]
    assert by_role(HISTORIES, own, INDUCED) == [
        Segment("role", "child", 1, 1, 500, 60),
        Segment("role", "elder", 2, 2, 100, 0),
        Segment("role", "", 1, 1, 0, 5),
    ]
    assert by_cohort(HISTORIES, own, INDUCED) == [
        Segment("cohort", "2024-02", 1, 3, 570, 65),
        Segment("cohort", "2024-03", 1, 1, 30, 0),
        Segment("cohort", "2024-04", 1, 0, 0, 0),
    ]
    assert by_cohort(HISTORIES, own, INDUCED, "quarter") == [
        Segment("cohort", "2024-Q1", 2, 4, 600, 65),
        Segment("cohort", "2024-Q2", 1, 0, 0, 0),
    ]
    assert by_entry(HISTORIES, own, INDUCED) == [
        Segment("entry", "phone", 1, 3, 570, 65),
        Segment("entry", "lamp", 1, 1, 30, 0),
        Segment("entry", "", 1, 0, 0, 0),
    ]


def test_by_age_with_the_households_watched_then() -> None:
    # Watched for 93, 62 and 61 days: 4, 3 and 3 months begun.
    found = by_age(HISTORIES, direct(HISTORIES, 0), INDUCED)
    assert [(each.name, each.households, each.facts, each.direct) for each in found] == [
        ("0", 3, 3, 530), ("1", 3, 0, 0), ("2", 3, 1, 70), ("3", 1, 0, 0)
    ]  # fmt: skip
    assert by_age(HISTORIES, direct(HISTORIES, 0), INDUCED, months=2)[-1] == Segment("age", "1", 3, 1, 70, 0)


def test_what_the_young_start_and_the_old_go_on_with() -> None:
    amounts = np.array([[0, 0, 0, 500], [60, 10, 0, 30], [0, 0, 0, 0]])
    facts = np.array([[0.0, 0.0, 0.0, 1.0], [0.8, 0.1, 0.0, 1.1], [0.0, 0.0, 0.25, 0.0]])
    assert handed(ROLES, amounts, facts) == [
        Handed(None, "child", 1.0, 500),
        Handed("child", "elder", 0.8, 60),
        Handed(None, "elder", 1.1, 30),
        Handed("elder", "elder", 0.1, 10),
        Handed("", "", 0.25, 0),
    ]


def test_without_roles_there_is_nothing_by_role() -> None:
    import dataclasses

    plain = dataclasses.replace(HISTORIES, roles=None, role_names=())
    assert by_role(plain, direct(plain, 0), INDUCED) == []
    assert handed(plain.role_names, np.zeros((1, 2), dtype=np.int64), np.ones((1, 2))) == []


facts = st.tuples(
    st.floats(20_000, 24_999), st.integers(0, 2), st.integers(-(2**55), 2**55), st.integers(-1, 1)
)  # beyond what a float holds exactly


@given(st.lists(st.tuples(st.floats(20_000, 24_000), st.lists(facts, max_size=6)), max_size=5), st.integers(0, 2**32))
def test_every_table_adds_up(households: list[tuple[float, list[Fact]]], seed: int) -> None:
    histories = made(*households)
    own = direct(histories, 0)
    induced = np.random.default_rng(seed).integers(-(2**55), 2**55, histories.facts)
    tables = [
        by_role(histories, own, induced),
        by_cohort(histories, own, induced),
        by_cohort(histories, own, induced, "quarter"),
        by_entry(histories, own, induced),
        by_age(histories, own, induced),
    ]
    for table in tables:
        assert sum(each.direct for each in table) == sum(own.tolist())
        assert sum(each.induced for each in table) == sum(induced.tolist())
        assert sum(each.facts for each in table) == histories.facts
    for table in tables[1:4]:
        assert sum(each.households for each in table) == len(histories)


def test_a_month_is_a_twelfth_of_a_year() -> None:
    assert pytest.approx(365.25) == 12 * MONTH
