"""What one fact brings within so many days, all generations. Right for any flywheel number, also above 1.

With kernels of exponential decay the expected future is a linear Markov state (Oakes, "The Markovian self-exciting
process", J. Appl. Prob. 12, 1975). R[s, k] is the expected sum of exp(-decay_k age) over facts of s so far; after one
fact of type j at time 0:

    R[s, k](0) = 1[s = j]     rate_d = sum_sk excitation[d, s, k] decay_k R[s, k]
    dR[s, k]/dt = -decay_k R[s, k] + rate_s     dN_d/dt = rate_d

that is dR/dt = M R, dN/dt = L R with L (D x D K) the weighted excitation and M = -decays + L repeated for each decay.
One exponential of [[M, 0], [L, 0]] T gives N(T) for all types at once. value within T = m_j + sum_d m_d N_d(T).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm, expm_frechet

from setaria.flywheel.arrays import Floats
from setaria.flywheel.fit.fitted import Figures
from setaria.flywheel.parameters import Parameters

HORIZONS = (30, 90, 365)


def rates_of_state(parameters: Parameters) -> Floats:
    """L: D x (D K), the rates of types for a state, places in the order [parent, decay]."""
    excitation, decays = parameters.excitation, parameters.decays
    return (excitation * decays).reshape(len(excitation), -1)


def generator(parameters: Parameters) -> Floats:
    """M: D K x D K, how the expected state moves, per day."""
    types, decays = len(parameters.excitation), parameters.decays
    rates: Floats = np.repeat(rates_of_state(parameters), len(decays), axis=0)
    return rates - np.diag(np.tile(decays, types))


def augmented(parameters: Parameters) -> Floats:
    """[[M, 0], [L, 0]], of side D K + D."""
    types, side = len(parameters.excitation), parameters.excitation[0].size
    whole = np.zeros((side + types, side + types))
    whole[:side, :side] = generator(parameters)
    whole[side:, :side] = rates_of_state(parameters)
    return whole


def descendants(parameters: Parameters, days: float) -> Floats:
    """D x D: N(T), facts of each type (row) that descend from one fact of each type (column) within `days`.

    The fact itself is not counted. Tends to (I - G)^-1 - I where the flywheel number is below 1.
    """
    types, decay_count = len(parameters.excitation), len(parameters.decays)
    side = types * decay_count
    with np.errstate(over="ignore", invalid="ignore"):
        moved = expm(augmented(parameters) * days)
        counts: Floats = moved[side:, :side].reshape(types, types, decay_count).sum(axis=2)
    return counts


def within(days: float) -> Figures:
    """m_j + sum_d m_d N_d(T), currency-major: C D minor units a fact, its own amount included."""

    def figures(parameters: Parameters, mean_amounts: Floats) -> Floats:
        return (mean_amounts + mean_amounts @ descendants(parameters, days)).ravel()

    return figures


def within_gradient(parameters: Parameters, mean_amounts: Floats, days: float) -> tuple[Floats, Floats, Floats]:
    """Values C x D; derivatives by the excitation C x D x D x D x K; by the amounts of the same currency D x D.

    The last is [type, amount of which type]. For a figure u^T exp(X) v the derivative by X is the Frechet derivative
    of exp at X^T in the direction u v^T (Al-Mohy and Higham, SIAM J. Matrix Anal. Appl. 30(4), 2009): one such for each
    figure gives all D D K derivatives. In words: the derivative by excitation[d, s, k] is the integral over the days of
    what one more fact of d is worth in the days left, times the rate that the expected state lends to that entry.
    """
    types, decay_count = len(parameters.excitation), len(parameters.decays)
    side = types * decay_count
    whole = augmented(parameters) * days
    counts = descendants(parameters, days)
    values = mean_amounts + mean_amounts @ counts
    gradient = np.empty((*mean_amounts.shape, types, types, decay_count))
    direction = np.zeros_like(whole)
    for c in range(len(mean_amounts)):
        for j in range(types):
            direction[:] = 0.0
            # u v^T: u the amounts on the counts, v the state after one fact of j.
            direction[side:, j * decay_count : (j + 1) * decay_count] = mean_amounts[c][:, None]
            by_entry = expm_frechet(whole.T, direction, compute_expm=False)[:, :side] * days
            # An entry of the excitation stands in K rows of M and one of L, times its decay.
            rows = by_entry[:side].reshape(types, decay_count, side).sum(axis=1) + by_entry[side:]
            gradient[c, j] = rows.reshape(types, types, decay_count) * parameters.decays
    return values, gradient, (np.eye(types) + counts).T
