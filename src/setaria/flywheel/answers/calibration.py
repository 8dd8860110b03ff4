"""What was measured by lot beside what the model says of it, and the fit that takes the lots in."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from setaria.facts.refused import Refused
from setaria.flywheel.answers.expected_effects import doses_of, effect_figures
from setaria.flywheel.answers.experiments import Asked, Comparison, effect_of, measured
from setaria.flywheel.fit.calibrate import Calibrated, Lots, calibrate
from setaria.flywheel.fit.fitted import Figures, Fitted
from setaria.flywheel.fit.marginal import Problem
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.report.report import Measured


def taken_in(
    histories: Histories, fitted: Fitted, problem: Problem, comparisons: Sequence[Comparison], asked: Asked
) -> tuple[Fitted, list[Measured]]:
    """Experiments of which nothing was sent more than to the control are measured, and say nothing of the fit."""
    doses = doses_of(histories, comparisons, asked)
    if not doses.names:
        return fitted, measured(comparisons, asked)
    by_name = {each.name: each for each in comparisons}
    lots = lots_of(histories, [by_name[name] for name in doses.names], effect_figures(doses))
    try:
        found = calibrate(fitted, problem, lots)
    except Refused:  # a fit without intervals cannot be weighed; what it expects is still said
        models = dict(zip(doses.names, fitted.estimates(lots.figures), strict=True))
        return fitted, measured(comparisons, asked, models)
    places = {name: place for place, name in enumerate(doses.names)}
    models = dict(zip(doses.names, found.before, strict=True))
    return found.fitted, [
        _agreeing(entry, found, places[entry.name]) if entry.name in places else entry
        for entry in measured(comparisons, asked, models)
    ]


def _agreeing(entry: Measured, found: Calibrated, place: int) -> Measured:
    calibrated = found.after[place] if found.used[place] else None
    return msgspec.structs.replace(entry, calibrated=calibrated, agree=float(found.agree[place]))


def lots_of(histories: Histories, comparisons: Sequence[Comparison], figures: Figures) -> Lots:
    """Units without a history add to the effects' own errors, and err with no household of the fit."""
    effects = [effect_of(each) for each in comparisons]
    influence = np.zeros((len(histories), len(effects)))
    strangers = np.zeros(len(effects))
    for place, (comparison, found) in enumerate(zip(comparisons, effects, strict=True)):
        known = comparison.household >= 0
        np.add.at(influence[:, place], comparison.household[known], found.parts[known])
        strangers[place] = (np.bincount(comparison.cluster[~known], found.parts[~known]) ** 2).sum()
    covariance = influence.T @ influence + np.diag(strangers)
    return Lots(np.array([each.value for each in effects]), covariance, histories.households, influence, figures)
