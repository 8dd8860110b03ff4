"""Where each parameter stands in the vector that Newton moves, and the way there and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.parameters import Parameters

LEAST_MU = 1e-9  # per day: a type that never begins by itself
LOG_VARIANCE = (np.log(1e-2), np.log(25.0))  # less cannot be told from none
LOG_OWN = np.log(0.04)  # the least of a type's own factor: its lattice is no finer
LOG_CHURN = (np.log(1e-6), np.log(0.2))


@dataclass(frozen=True, slots=True)
class Layout:
    """A block for each receiver, [log mu, calendar, covariates, excitation decay-major], then the hyperparameters.

    Hyperparameters, each only where it is switched on: log variance of the household's factor, log churn rate, log
    variance of each receiver's own factor.
    """

    receivers: Whole  # indices of types
    types: int
    decays: int
    features: int
    covariates: int
    shared: bool
    churn: bool
    own: bool

    @property
    def front(self) -> int:
        return 1 + self.features + self.covariates

    @property
    def wide(self) -> int:
        return self.types * self.decays

    @property
    def block(self) -> int:
        return self.front + self.wide

    @property
    def blocks(self) -> int:
        return self.block * len(self.receivers)

    @property
    def hyper(self) -> int:
        return int(self.shared) + int(self.churn) + (len(self.receivers) if self.own else 0)

    @property
    def size(self) -> int:
        return self.blocks + self.hyper

    @property
    def hyper_columns(self) -> Whole:
        """Which of the kernel's last columns (shared, churn, own of each) are in the vector."""
        chosen = [0] * self.shared + [1] * self.churn
        if self.own:
            chosen += range(2, 2 + len(self.receivers))
        return np.array(chosen, dtype=np.int64)

    def lower(self) -> Floats:
        bound = np.full(self.size, -np.inf)
        for r in range(len(self.receivers)):
            bound[r * self.block] = np.log(LEAST_MU)
            bound[r * self.block + self.front : (r + 1) * self.block] = 0.0
        bound[self.blocks :] = LOG_VARIANCE[0]
        if self.own:
            bound[self.size - len(self.receivers) :] = LOG_OWN
        if self.churn:
            bound[self.blocks + int(self.shared)] = LOG_CHURN[0]
        return bound

    def upper(self) -> Floats:
        bound = np.full(self.size, np.inf)
        bound[self.blocks :] = LOG_VARIANCE[1]
        if self.churn:
            bound[self.blocks + int(self.shared)] = LOG_CHURN[1]
        return bound

    def excitation_slice(self, r: int) -> slice:
        return slice(r * self.block + self.front, (r + 1) * self.block)

    def vector(self, parameters: Parameters) -> Floats:
        made = np.zeros(self.size)
        for r, d in enumerate(self.receivers):
            at = r * self.block
            made[at] = np.log(max(parameters.baseline[d], LEAST_MU))
            if self.features and parameters.calendar.size:
                made[at + 1 : at + 1 + self.features] = parameters.calendar[d]
            if self.covariates and parameters.covariates.size:
                made[at + 1 + self.features : at + self.front] = parameters.covariates[d]
            made[self.excitation_slice(r)] = parameters.excitation[d].T.reshape(-1)
        at = self.blocks
        if self.shared:
            made[at] = np.log(parameters.shared_variance or 0.3)
            at += 1
        if self.churn:
            made[at] = np.log(parameters.churn_rate or 1e-3)
            at += 1
        if self.own:
            own = parameters.own_variance if parameters.own_variance.size else np.full(self.types, 0.3)
            made[at:] = np.log(np.maximum(own[self.receivers], 1e-2))
        return np.clip(made, self.lower(), self.upper())

    def parameters(self, vector: Floats, rates: Floats) -> Parameters:
        baseline = np.zeros(self.types)
        excitation = np.zeros((self.types, self.types, self.decays))
        calendar = np.zeros((self.types, self.features))
        covariates = np.zeros((self.types, self.covariates))
        for r, d in enumerate(self.receivers):
            at = r * self.block
            baseline[d] = np.exp(vector[at])
            calendar[d] = vector[at + 1 : at + 1 + self.features]
            covariates[d] = vector[at + 1 + self.features : at + self.front]
            excitation[d] = vector[self.excitation_slice(r)].reshape(self.decays, self.types).T
        at = self.blocks
        shared = float(np.exp(vector[at])) if self.shared else 0.0
        at += int(self.shared)
        churn = float(np.exp(vector[at])) if self.churn else 0.0
        at += int(self.churn)
        own = np.zeros(0)
        if self.own:
            own = np.zeros(self.types)
            own[self.receivers] = np.exp(vector[at : at + len(self.receivers)])
        return Parameters(rates, baseline, excitation, calendar, covariates, shared, own, churn)
