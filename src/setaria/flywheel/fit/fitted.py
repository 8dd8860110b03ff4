"""What a fit gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from setaria.flywheel.arrays import Floats
from setaria.flywheel.calendar import Calendar
from setaria.flywheel.fit.layout import Layout
from setaria.flywheel.parameters import Estimate, Parameters, Specification

# Of the model's parameters and the mean amounts (currencies x D), any number of figures.
Figures = Callable[[Parameters, Floats], Floats]

NORMAL = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Influence:
    """The one-step estimate and its covariance: never clipped, so that intervals cover at a bound too.

    One Newton step without the constraint from the constrained optimum. The vector is the layout's, then the mean
    amounts (currency-major). The covariance is the household-clustered sandwich of both together; `turn` makes of a
    household's scores its part in the estimate's error.
    """

    vector: Floats
    covariance: Floats
    turn: Floats = field(default_factory=lambda: np.zeros((0, 0)))


@dataclass(frozen=True, slots=True)
class Fitted:
    """`parameters` is the constrained optimum; `mean_amounts` (currencies x D) in minor units per fact."""

    specification: Specification
    parameters: Parameters
    mean_amounts: Floats
    log_likelihood: float  # of the counted facts, natural logarithm
    counted: int
    layout: Layout
    calendar: Calendar
    vector: Floats
    covariate_names: tuple[str, ...] = ()
    influence: Influence | None = None
    passes: int = 0
    gain_left: float = float("nan")  # predicted by the last Newton step, in nats
    converged: bool = True
    frailty: Floats = field(default_factory=lambda: np.zeros(0))  # H: E[u_h | all]
    factors: Floats = field(default_factory=lambda: np.zeros((0, 0)))  # H x D: E[z | all] exp(covariates . x)
    living: Floats = field(default_factory=lambda: np.zeros((0, 0)))  # H x D: the same, 0 where it has fallen silent
    alive: Floats = field(default_factory=lambda: np.zeros(0))  # H: P(not yet silent at the end | all)

    def estimates(self, figures: Figures, *, floor: float | None = None) -> list[Estimate]:
        """Values at the optimum; intervals of 95 % by the delta method at the one-step estimate, clipped at `floor`.

        `figures` is differentiated numerically: it should be smooth, and cheap (it is called twice a parameter).
        """
        values = np.atleast_1d(figures(self.parameters, self.mean_amounts))
        if self.influence is None:
            return [Estimate(float(each), float("nan"), float("nan")) for each in values]
        center, errors = self.one_step(figures)
        made = []
        for value, middle, error in zip(values, center, errors, strict=True):
            # The optimum lies within what it is reported with, also where a bound pulls the two apart.
            low, high = min(middle - NORMAL * error, value), max(middle + NORMAL * error, value)
            if floor is not None:
                low, high = max(low, floor), max(high, floor)
            made.append(Estimate(float(value), float(low), float(high), float(error)))
        return made

    def one_step(self, figures: Figures) -> tuple[Floats, Floats]:
        """The figures at the one-step estimate, unclipped, and their standard errors; errors NaN without intervals."""
        if self.influence is None:
            values = np.atleast_1d(figures(self.parameters, self.mean_amounts))
            return values, np.full(len(values), np.nan)
        center, slope = self.linear(figures)
        spread = np.einsum("ij,jk,ik->i", slope, self.influence.covariance, slope)
        return center, np.sqrt(np.maximum(spread, 0.0))

    def linear(self, figures: Figures) -> tuple[Floats, Floats]:
        """The figures at the one-step estimate, and their derivatives by its vector (figures x places)."""
        assert self.influence is not None
        vector, covariance = self.influence.vector, self.influence.covariance
        errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        center = np.atleast_1d(self._at(figures, vector))
        slope = np.zeros((len(center), len(vector)))
        for j in np.flatnonzero(errors > 0):
            small = max(1e-3 * errors[j], 1e-9)
            up, down = vector.copy(), vector.copy()
            up[j] += small
            down[j] -= small
            slope[:, j] = (self._at(figures, up) - self._at(figures, down)) / (2 * small)
        return center, slope

    def _at(self, figures: Figures, vector: Floats) -> Floats:
        size = self.layout.size
        parameters = self.layout.parameters(vector[:size], self.parameters.decays)
        return np.atleast_1d(figures(parameters, vector[size:].reshape(self.mean_amounts.shape)))
