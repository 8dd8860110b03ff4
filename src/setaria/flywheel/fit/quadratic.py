"""The step of a projected Newton method."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from setaria.flywheel.arrays import Flags, Floats

ROUNDS = 200
_LEAST = 1e-4  # of an eigenvalue that was negative, the diagonal being 1
_SURELY = 1e-9  # of an eigenvalue that is left as it is
_NOTHING = 1e-12  # of information


def _scaled(matrix: Floats) -> tuple[Floats, Floats]:
    """A positive definite matrix with a diagonal of about 1, and the scale that was taken out of each coordinate.

    Where it is not positive definite, its eigenvalues are turned positive on that scale: only the directions that are
    wrong change.
    """
    scale = np.sqrt(np.maximum(np.abs(np.diag(matrix)), _NOTHING))
    scaled: Floats = matrix / np.outer(scale, scale)
    try:
        linalg.cholesky(scaled - _SURELY * np.eye(len(matrix)), lower=True, check_finite=False)
    except linalg.LinAlgError:
        values, vectors = linalg.eigh(scaled, check_finite=False)
        scaled = (vectors * np.maximum(np.abs(values), _LEAST)) @ vectors.T
    return scaled, scale


def inverse(matrix: Floats) -> Floats:
    """Of a symmetric matrix made positive."""
    scaled, scale = _scaled(matrix)
    return even(linalg.inv(scaled, check_finite=False) / np.outer(scale, scale))


def even(matrix: Floats) -> Floats:
    """A symmetric matrix, without what rounding made uneven."""
    made: Floats = (matrix + matrix.T) / 2
    return made


def step(information: Floats, gradient: Floats, at: Floats, lower: Floats) -> Floats:
    """argmax_d gradient . d - d' information d / 2, at + d >= lower (Portugal, Judice, Vicente 1994: block pivoting).

    `information` is made positive where it is not. Ends with single pivots where blocks would circle.
    """
    size = len(at)
    information, scale = _scaled(information)
    gradient = gradient / scale
    bound = np.where(np.isfinite(lower), (lower - at) * scale, -np.inf)
    held: Flags = np.isfinite(bound) & (bound >= 0) & (gradient < 0)
    fewest, patience = size + 1, 3
    moved = np.zeros(size)
    for _ in range(ROUNDS):
        free = ~held
        moved = np.where(held, bound, 0.0)
        if free.any():
            right = gradient[free] - information[np.ix_(free, held)] @ moved[held]
            moved[free] = linalg.solve(information[np.ix_(free, free)], right, assume_a="pos", check_finite=False)
        pull = gradient - information @ moved
        tolerance = 1e-12 * (1.0 + np.abs(gradient).max())
        wrong: Flags = np.where(held, pull > tolerance, moved < bound - 1e-14)
        count = int(wrong.sum())
        if not count:
            break
        if count < fewest:
            fewest, patience = count, 3
        elif patience:
            patience -= 1
        else:
            last = int(np.flatnonzero(wrong)[-1])
            wrong = np.zeros(size, dtype=np.bool_)
            wrong[last] = True
        held = held ^ wrong
    made: Floats = np.maximum(moved, bound) / scale
    return made


def steps(information: Floats, gradient: Floats, at: Floats) -> Floats:
    """`step` of many problems of one size at once (matrices N x F x F, vectors N x F), at + d >= 0."""
    scale = np.sqrt(np.maximum(np.diagonal(information, axis1=1, axis2=2), _NOTHING))
    scaled = information / (scale[:, :, None] * scale[:, None, :])
    eye = np.eye(scale.shape[1])
    try:
        np.linalg.cholesky(scaled - _SURELY * eye)
    except np.linalg.LinAlgError:
        zero = np.zeros(scale.shape[1])
        return np.array([step(*each, zero) for each in zip(information, gradient, at, strict=True)]).reshape(at.shape)
    pull, bound = gradient / scale, -at * scale
    held: Flags = (bound >= 0) & (pull < 0)
    tolerance = 1e-12 * (1.0 + np.abs(pull).max(axis=1, initial=0.0))[:, None]
    fewest, patience = np.full(len(at), scale.shape[1] + 1), np.full(len(at), 3)
    moved = np.zeros_like(at)
    for _ in range(ROUNDS):
        moved = np.where(held, bound, 0.0)
        right = np.where(held, bound, pull - np.einsum("nab,nb->na", scaled, moved))
        free = ~held
        matrices = np.where(free[:, :, None] & free[:, None, :], scaled, eye)
        moved = np.linalg.solve(matrices, right[:, :, None])[:, :, 0]
        wrong: Flags = np.where(held, pull - np.einsum("nab,nb->na", scaled, moved) > tolerance, moved < bound - 1e-14)
        count = wrong.sum(axis=1)
        if not count.any():
            break
        fewer = count < fewest
        patience = np.where(fewer, 3, patience - 1)
        fewest = np.minimum(fewest, count)
        last = np.arange(wrong.shape[1]) == wrong.shape[1] - 1 - np.argmax(wrong[:, ::-1], axis=1)[:, None]
        held = held ^ (wrong & (last | (patience >= 0)[:, None]))
    made: Floats = np.maximum(moved, bound) / scale
    return made
