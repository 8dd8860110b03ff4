"""The model's parameters, and which parts of the model are switched on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np

from setaria.flywheel.arrays import Floats

DECAYS: Final = (1.0, 1 / 7, 1 / 45, 1 / 365)  # per day: a day, a week, a month and a half, a year


class Specification(msgspec.Struct, frozen=True):
    """What a fit assumes. `decays` are fixed rates per day; None lets held-out households choose among DECAYS.

    shared: a gamma factor of the household on all its baselines. own: one more for each of its types.
    churn: the household falls silent for good after an exponential time. calendar: season, weekday, festivals.
    sent_means: the household's rate of each source-only type enters its baselines (Mundlak).
    """

    decays: tuple[float, ...] | None = None
    shared: bool = True
    own: bool = True
    churn: bool = True
    calendar: bool = True
    sent_means: bool = True


@dataclass(frozen=True, slots=True)
class Parameters:
    """D types, K decays, C calendar features, P covariates.

    lambda_hd(t) = z_hd mu_d exp(calendar_d . c(t) + covariates_d . x_h) 1[alive]
                   + sum_sk excitation[d, s, k] decays_k sum_{t_j < t, of type s} exp(-decays_k (t - t_j)), per day
    """

    decays: Floats  # K, per day
    baseline: Floats  # D, mu per day; 0 for source-only types
    excitation: Floats  # D x D x K: [child, parent, decay], expected direct children
    calendar: Floats = field(default_factory=lambda: np.zeros((0, 0)))  # D x C
    covariates: Floats = field(default_factory=lambda: np.zeros((0, 0)))  # D x P
    shared_variance: float = 0.0  # of u_h, gamma with mean 1
    own_variance: Floats = field(default_factory=lambda: np.zeros(0))  # D, of w_hd; empty is none
    churn_rate: float = 0.0  # per day; 0 is no churn

    @property
    def branching(self) -> Floats:
        """D x D, G[child, parent]: expected direct children of each type for one fact of the parent's type."""
        matrix: Floats = self.excitation.sum(axis=2)
        return matrix

    @property
    def flywheel_number(self) -> float:
        return float(np.max(np.abs(np.linalg.eigvals(self.branching)))) if self.branching.size else 0.0


class Estimate(msgspec.Struct, frozen=True):
    """A value with its interval of 95 %; `low` and `high` may be NaN where the data give none."""

    value: float
    low: float
    high: float
    error: float = 0.0  # standard error before clipping; 0 where none is known
