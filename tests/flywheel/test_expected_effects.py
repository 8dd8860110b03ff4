"""What the model expects of a lot, where the truth is known: promotions by lot in the branching simulator."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import numpy as np
import pytest

from setaria.flywheel.analyse import FAST, analyse
from setaria.flywheel.answers.calibration import lots_of, taken_in
from setaria.flywheel.answers.expected_effects import STEPS, doses_of, effect_figures, model_effects
from setaria.flywheel.answers.experiments import Asked, compare, measure, measured, until
from setaria.flywheel.answers.horizon import descendants
from setaria.flywheel.fit.fitted import Fitted
from setaria.flywheel.fit.flywheel import Flywheel, problem_of
from setaria.flywheel.histories.assignments import Assignment, Assignments
from setaria.flywheel.histories.histories import Histories, Touchpoint
from setaria.flywheel.histories.rows import RowsRead
from setaria.flywheel.parameters import Parameters, Specification
from setaria.flywheel.simulate.branching import ORIGIN, simulate

TOUCHPOINTS = (Touchpoint("promotion", receives=False), Touchpoint("visit"), Touchpoint("buy"))
DECAYS = np.array([1.0, 1 / 7])
MEANS = np.array([[0.0, 0.0, 1_000.0]])
LOT = ORIGIN + 60.0


def truth() -> Parameters:
    """A promotion leads to .5 visits and .2 purchases, a visit to .3 purchases, a purchase to .2 visits."""
    excitation = np.zeros((3, 3, 2))
    excitation[1, 0], excitation[2, 0] = (0.3, 0.2), (0.1, 0.1)
    excitation[2, 1], excitation[1, 2] = (0.1, 0.2), (0.0, 0.2)
    return Parameters(DECAYS, np.array([0.0, 0.02, 0.01]), excitation, shared_variance=0.5)


def drawn(seed: int, households: int = 3_000) -> tuple[Histories, list[Assignment]]:
    """The half in the lot is sent two promotions a head on the day after it; all are sent few at other times."""
    parts = []
    for first, rate in ((0, 2.0), (households // 2, 0.02)):
        sends = np.full((120, 3), 1.0)
        sends[:, 0] = 0.02
        sends[60, 0] = rate
        parts.append(
            simulate(
                truth(),
                touchpoints=TOUCHPOINTS,
                households=households // 2,
                first=first,
                seed=seed,
                window=(100.0, 100.0),
                amounts=MEANS[0],
                sent=[1.0, 0.0, 0.0],
                calendar_by_day=sends,
            )
        )
    names = ("households", "start", "end", "times", "kinds", "amounts", "currency", "covariates")
    joined: dict[str, Any] = {name: np.concatenate([getattr(each, name) for each in parts]) for name in names}
    offsets = np.concatenate([parts[0].offsets, parts[1].offsets[1:] + parts[0].facts])
    histories = dataclasses.replace(parts[0], offsets=offsets, **joined)
    return histories, [
        Assignment("spring", str(name), "sent" if place < households // 2 else "control", LOT, 0.5)
        for place, name in enumerate(histories.households)
    ]


def expected_truth(asked: Asked) -> float:
    """1.98 promotions more a head, half a day after the lot on the mean."""
    brings = 1.98 * descendants(truth(), 29.5)[:, 0]
    return float(MEANS[0] @ brings) if asked.unit == "amount" else float(brings[1])


@pytest.fixture(scope="module")
def lot() -> tuple[Histories, list[Assignment]]:
    return drawn(3)


def test_the_dose_is_what_the_lot_sent(lot: tuple[Histories, list[Assignment]]) -> None:
    histories, assignments = lot
    comparisons, _ = compare(histories, assignments, Asked(method="hajek"))
    doses = doses_of(histories, comparisons, Asked(method="hajek"))
    assert doses.names == ("spring",)
    at = np.full(len(histories), LOT)
    who = np.arange(len(histories))
    first, last = until(histories, who, at, inclusive=False), until(histories, who, at + 30, inclusive=True)
    counts = np.array([(histories.kinds[a:b] == 0).sum() for a, b in zip(first, last, strict=True)])
    sent = np.array([each.arm == "sent" for each in assignments])
    assert doses.doses[0, 0].sum() == pytest.approx(counts[sent].mean() - counts[~sent].mean())
    assert doses.doses[0, 0].sum() == pytest.approx(1.98, abs=0.1)
    assert not doses.doses[0, 1:].any()
    assert doses.doses[0, 0, STEPS - 2 :].sum() == pytest.approx(1.98, abs=0.1)  # on the first day


def test_figures_are_descendants_in_the_days_left() -> None:
    """Of one promotion at the lot itself, and of another ten days later."""
    times = [[50.0, 60.0], [20.0], [50.0, 60.0], [20.0]]
    histories = Histories(
        touchpoints=TOUCHPOINTS,
        households=np.array([f"h{each}" for each in range(4)], dtype=object),
        start=np.zeros(4),
        end=np.full(4, 100.0),
        offsets=np.concatenate([[0], np.cumsum([len(each) for each in times])]).astype(np.int64),
        times=np.concatenate(times),
        kinds=np.zeros(6, dtype=np.int16),
        amounts=np.zeros(6, dtype=np.int64),
        currencies=("CNY",),
        currency=np.full(6, -1, dtype=np.int8),
    )
    given = [Assignment("x", f"h{each}", "control" if each % 2 else "sent", 50.0) for each in range(4)]
    whole, rest = descendants(truth(), 30.0)[:, 0], descendants(truth(), 20.0)[:, 0]
    for asked, wanted in (
        (Asked(), MEANS[0] @ (whole + rest)),
        (Asked(unit="facts"), (whole + rest)[1:].sum()),
        (Asked(unit="facts", touchpoint="visit"), (whole + rest)[1]),
    ):
        doses = doses_of(histories, compare(histories, given, asked)[0], asked)
        assert effect_figures(doses)(truth(), MEANS) == pytest.approx([wanted])
    sent = Asked(unit="facts", touchpoint="promotion")  # the dose would be its own outcome
    assert doses_of(histories, compare(histories, given, sent)[0], sent).names == ()
    alike = [moved(each, at=70.0) for each in given]
    assert doses_of(histories, compare(histories, alike, Asked())[0], Asked()).names == ()


def moved(assignment: Assignment, at: float) -> Assignment:
    return msgspec.structs.replace(assignment, at=at)


@pytest.fixture(scope="module")
def fitted(lot: tuple[Histories, list[Assignment]]) -> Fitted:
    return Flywheel(Specification(tuple(DECAYS), own=False, churn=False, calendar=False)).fit(lot[0])


def test_the_lot_measures_the_truth() -> None:
    asked = Asked(unit="facts", touchpoint="visit")
    wanted = expected_truth(asked)
    misses, ours = [], []
    for seed in range(16):
        histories, given = drawn(seed, 800)
        found = measure(histories, given, asked)[0].effect
        misses.append((found.value - wanted) / found.error)
        doses = doses_of(histories, compare(histories, given, asked)[0], asked)
        ours.append(effect_figures(doses)(truth(), MEANS)[0])
    assert abs(np.mean(misses)) < 0.75  # three standard errors
    assert (np.abs(misses) < 2).sum() >= 12
    assert np.mean(ours) == pytest.approx(wanted, rel=0.04)


@pytest.mark.parametrize("asked", [Asked(), Asked(unit="facts", touchpoint="visit")], ids=["amount", "visits"])
def test_the_lot_and_the_model_agree(asked: Asked, lot: tuple[Histories, list[Assignment]], fitted: Fitted) -> None:
    histories, given = lot
    doses = doses_of(histories, compare(histories, given, asked)[0], asked)
    wanted = float(effect_figures(doses)(truth(), MEANS)[0])
    assert wanted == pytest.approx(expected_truth(asked), rel=0.06)
    (found,) = measure(histories, given, asked, model_effects(histories, fitted, given, asked))
    assert 0 < found.effect.low < wanted < found.effect.high
    assert found.model is not None
    assert found.model.low < wanted < found.model.high
    assert found.model.error < found.effect.error  # the model is surer, for it assumes more


def test_the_fit_takes_in_what_the_lot_says(lot: tuple[Histories, list[Assignment]], fitted: Fitted) -> None:
    histories, given = lot
    asked = Asked(unit="facts", touchpoint="visit")
    comparisons = compare(histories, given, asked)[0]
    problem, _ = problem_of([histories], fitted.specification, fitted.parameters.decays)
    calibrated, (found,) = taken_in(histories, fitted, problem, comparisons, asked)
    assert found.calibrated is not None
    assert found.calibrated.low < expected_truth(asked) < found.calibrated.high
    assert found.calibrated.error < 1.2 * found.effect.error
    effects = effect_figures(doses_of(histories, comparisons, asked))
    assert calibrated.estimates(effects) == [found.calibrated]
    parts = lots_of(histories, comparisons, effects)
    assert parts.covariance[0, 0] ** 0.5 == pytest.approx(found.effect.error)


def test_who_has_no_history_is_in_the_lots_error_alone(lot: tuple[Histories, list[Assignment]]) -> None:
    histories, given = lot
    asked = Asked(unit="facts", absent_is_zero=True)
    strangers = [
        Assignment("spring", f"nobody {each}", "sent" if each % 2 else "control", LOT, 0.5) for each in range(3_000)
    ]
    (found,) = compare(histories, [*given, *strangers], asked)[0]
    lots = lots_of(histories, [found], lambda parameters, mean_amounts: np.ones(1))
    assert lots.covariance[0, 0] ** 0.5 == pytest.approx(measured([found], asked)[0].effect.error)
    assert (lots.influence**2).sum() < 0.95 * lots.covariance[0, 0]


def test_the_report_holds_what_was_decided_by_lot(lot: tuple[Histories, list[Assignment]]) -> None:
    histories, assignments = lot
    late = [moved(each, at=LOT + 35) for each in assignments]
    later = [Assignment("late", each.household, each.arm, each.at, each.probability) for each in late]
    rows = RowsRead(read=len(assignments) * 2 + 1, facts=len(assignments) * 2, bad=1, troubles={"arm_missing": 1})
    some = histories.part(1_200, 1_800)
    among = set(some.households)
    report = analyse(
        some,
        specification=FAST,
        assignments=Assignments([each for each in [*assignments, *later] if each.household in among], rows),
        asked=Asked(lenient=True),
    )
    (found,) = report.measured
    assert (found.name, found.households, found.unit, found.days) == ("spring", 600, "amount", 30.0)
    assert found.model is not None
    assert found.agree is not None
    assert found.agree > 0.01
    assert found.calibrated is not None
    low, high = sorted([found.model.value, found.effect.value])
    assert low - found.effect.error < found.calibrated.value < high + found.effect.error
    assert [each.key for each in report.unmeasured] == ["refused.flywheel_experiment_unfinished"]
    assert report.assigned == rows
