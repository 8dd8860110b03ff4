"""All checks of one fit, each by itself: what cannot be said is said calmly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from setaria.facts.refused import Refused
from setaria.flywheel.checks.back_test import back_test
from setaria.flywheel.checks.beside_bg_nbd import beside_bg_nbd
from setaria.flywheel.checks.directions import Compared, both_ways, held_out, reversal, with_and_without
from setaria.flywheel.checks.fitting import Given
from setaria.flywheel.checks.foretell import BackTest, back_tested
from setaria.flywheel.checks.mean_amount import mean_amount
from setaria.flywheel.checks.placebo import placebo
from setaria.flywheel.checks.rescaling import rescaling
from setaria.flywheel.checks.saying import unknown
from setaria.flywheel.fit.fitted import Fitted
from setaria.flywheel.fit.marginal import Problem
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.report.report import Check

Told = Callable[[str, float], None]
# What numbers that do not suit can raise: a check that fails so says that it cannot tell.
_UNSUITED: Final = (Refused, ArithmeticError, ValueError, np.linalg.LinAlgError)


def run_checks(histories: Histories, fitted: Fitted, problem: Problem, currency: int, told: Told) -> list[Check]:
    """Seeded: the same twice. `problem` is the fit's."""
    given = Given(histories, fitted, problem.covariates, currency)
    tested: list[BackTest | None] = []
    helped: list[Compared | None] = []

    def foretold() -> BackTest | None:
        if not tested:
            tested.append(None)
            tested[0] = back_tested(given)
        return tested[0]

    def helps() -> Compared | None:
        if not helped:
            helped.append(None)
            helped[0] = with_and_without(given)
        return helped[0]

    made: dict[str, Callable[[], Check]] = {
        "back_test": lambda: back_test(given, foretold()),
        "bg_nbd": lambda: beside_bg_nbd(given, foretold()),
        "held_out": lambda: held_out(helps()),
        "reversal": lambda: reversal(given, both_ways(given), helps()),
        "placebo": lambda: placebo(given),
        "rescaling": lambda: rescaling(given),
        "mean_amount": lambda: mean_amount(given),
    }
    checks = []
    for at, (name, check) in enumerate(made.items()):
        told("flywheel.progress_checks", at / len(made))
        try:
            checks.append(check())
        except _UNSUITED:
            checks.append(unknown(name, "unsuited"))
    return checks
