"""The checks on households whose truth is known: what is right passes, what is naive fails where it should."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from setaria.flywheel.checks.run import run_checks
from setaria.flywheel.fit.fitted import Fitted
from setaria.flywheel.fit.flywheel import Flywheel, problem_of
from setaria.flywheel.histories.histories import Histories, Touchpoint
from setaria.flywheel.parameters import Parameters, Specification
from setaria.flywheel.report.figures import Reader
from setaria.flywheel.report.report import Check
from setaria.flywheel.simulate.branching import simulate
from setaria.words import languages

POINTS = (Touchpoint("visit"), Touchpoint("try"), Touchpoint("buy"), Touchpoint("mail", receives=False))
DECAYS = (1 / 7, 1 / 45)
SHARED = Specification(decays=DECAYS, own=False, churn=False, calendar=False)
NAIVE = Specification(decays=DECAYS, shared=False, own=False, churn=False, calendar=False)
# The last misses one time in twenty by its nature, and does for these seeds: what it does is tested by itself.
NAMES = ["back_test", "bg_nbd", "held_out", "reversal", "placebo", "rescaling", "mean_amount"]


def parameters(leads: bool) -> Parameters:
    excitation = np.zeros((4, 4, 2))
    if leads:
        excitation[1, 0] = [0.25, 0.05]
        excitation[2, 1] = [0.15, 0.2]
        excitation[0, 2] = [0.1, 0.2]
        excitation[0, 3] = [0.15, 0.0]
    baseline = np.array([0.03, 0.015, 0.01, 0.0]) * (1.0 if leads else 1.6)
    return Parameters(np.array(DECAYS), baseline, excitation, shared_variance=0.8)


def households(leads: bool, count: int = 300, **options: Any) -> Histories:
    return simulate(
        parameters(leads),
        touchpoints=POINTS,
        households=count,
        seed=21,
        window=(400.0, 700.0),
        amounts=[0.0, 0.0, 5000.0, 0.0],
        sent=[0.0, 0.0, 0.0, 0.02],
        **options,
    )


def checked(histories: Histories, specification: Specification) -> tuple[Fitted, dict[str, Check]]:
    fitted = Flywheel(specification, workers=1).fit(histories)
    heard: list[tuple[str, float]] = []
    problem, _ = problem_of([histories], specification, fitted.parameters.decays)
    checks = run_checks(histories, fitted, problem, 0, lambda key, done: heard.append((key, done)))
    assert [each.name for each in checks] == NAMES
    assert {key for key, _ in heard} == {"flywheel.progress_checks"}
    assert all(0.0 <= done < 1.0 for _, done in heard)
    return fitted, {each.name: each for each in checks}


@cache
def right() -> dict[str, Check]:
    return checked(households(True), SHARED)[1]


@cache
def naive() -> dict[str, Check]:
    return checked(households(False), NAIVE)[1]


def test_a_model_that_is_right_passes() -> None:
    assert {name: each.passed for name, each in right().items() if name != "mean_amount"} == dict.fromkeys(
        NAMES[:-1], True
    )


def test_heavy_buyers_fitted_naively_fail_where_it_shows() -> None:
    found = naive()
    assert found["placebo"].passed is False
    assert found["placebo"].against is not None
    assert found["placebo"].figure > 0.8 * found["placebo"].against > 0.4
    assert found["back_test"].passed is False
    assert found["reversal"].passed is False  # it foretells better than nothing, backwards just as well


def test_heavy_buyers_alone_have_no_effect_no_direction_and_no_placebo() -> None:
    _, found = checked(households(False), SHARED)
    assert found["placebo"].passed is True
    assert found["held_out"].passed is not True
    assert found["reversal"].passed is not False
    assert found["back_test"].passed is True
    assert found["rescaling"].passed is True


def test_by_the_day_as_by_the_second() -> None:
    _, found = checked(households(True, grain="day"), SHARED)
    assert {name: each.passed for name, each in found.items() if name != "mean_amount"} == dict.fromkeys(
        NAMES[:-1], True
    )


def test_weeks_foretold_are_as_the_picture_wants_them() -> None:
    points = np.array(right()["back_test"].points)
    foretold, happened, low, high, day = points.T
    details = right()["back_test"].sentence.details
    assert happened.sum() == details["facts"]
    assert foretold.sum() == pytest.approx(details["foretold"], abs=1.0)
    assert np.all((low <= foretold) & (foretold <= high))
    assert np.mean((low <= happened) & (happened <= high)) > 0.8
    assert set(np.diff(day)) == {7.0}


def test_the_same_twice() -> None:
    again = checked(households(True), SHARED)[1]
    assert again == right()


@pytest.mark.parametrize("language", languages())
def test_every_sentence_has_its_words(language: str) -> None:
    reader = Reader(language)
    few = checked(households(True, count=8), SHARED)[1]
    assert [each.passed for each in few.values()].count(None) >= 5
    for found in (right(), naive(), few):
        for each in found.values():
            text = reader.sentence(each.sentence)
            assert "{" not in text
            assert "flywheel." not in text
