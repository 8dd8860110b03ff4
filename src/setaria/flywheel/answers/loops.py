"""Loops of the branching matrix, and how strong they are: the growth of what comes back to itself.

The flywheel number is the spectral radius of G. A funnel has none, however much it sells; so each number is shown with
the loop that makes it. A component is a strongly connected set of touchpoints; its strength is the spectral radius of G
among them, and the greatest of those is the flywheel number (the spectrum of a block-triangular matrix is that of its
blocks). A cycle is one way round; its strength is the geometric mean of its steps, which never exceeds the component's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy.linalg import schur, solve_sylvester
from scipy.sparse.csgraph import connected_components

from setaria.flywheel.arrays import Floats
from setaria.flywheel.fit.fitted import Figures
from setaria.flywheel.parameters import Parameters

LINK: Final = 1e-6  # children a fact: less is no link
LONGEST: Final = 5  # touchpoints in a cycle; a longer way round is in its component
PATHS: Final = 200_000  # partial cycles looked at
TOGETHER: Final = 1e-4  # eigenvalues so near are one group


@dataclass(frozen=True, slots=True)
class Ring:
    members: tuple[int, ...]  # touchpoints; of a cycle, each leads to the next and the last to the first
    kind: Literal["component", "cycle"]
    strength: float


def radius(matrix: Floats) -> float:
    """The greatest real part of the eigenvalues.

    For a matrix without negative entries that is the spectral radius (Perron and Frobenius); for the one-step
    estimates, which may be negative, it goes on smoothly where the greatest modulus would not.
    """
    return float(np.linalg.eigvals(matrix).real.max()) if matrix.size else 0.0


def radius_gradient(matrix: Floats, together: float = TOGETHER) -> Floats:
    """D x D derivatives of `radius`, finite everywhere.

    For a simple eigenvalue l r^T / (l . r), with its left and right eigenvectors. One eigenvalue of a group, defective,
    multiple or a complex pair, has no derivative (that of sqrt(x) at 0), but the group's mean has: with P the spectral
    projector of the m eigenvalues whose real parts are within `together` of the greatest, it is Re(P)^T / m (Kato,
    "Perturbation Theory for Linear Operators", II.2.2). At G = 0 each type's own return counts 1/D, other entries 0.
    """
    if not matrix.size:
        return np.zeros(matrix.shape)
    top = radius(matrix)
    triangle, basis, count = schur(
        matrix.astype(np.complex128), output="complex", sort=lambda value: bool(value.real >= top - together)
    )
    count = max(int(count), 1)
    inside, outside = triangle[:count, :count], triangle[count:, count:]
    # P in the basis of the Schur form is [[1, Y], [0, 0]] with inside Y - Y outside = coupling.
    head = np.zeros_like(triangle)
    head[:count, :count] = np.eye(count)
    if count < len(matrix):
        head[:count, count:] = solve_sylvester(inside, -outside, triangle[:count, count:])
    projector = basis @ head @ basis.conj().T
    gradient: Floats = projector.real.T / count
    return gradient


def flywheel_number(parameters: Parameters, mean_amounts: Floats) -> Floats:
    """One figure: the spectral radius of G, as `radius`. Amounts do not enter."""
    return np.array([radius(parameters.branching)])


def flywheel_gradient(parameters: Parameters, together: float = TOGETHER) -> Floats:
    """D x D x K derivatives of the flywheel number by the excitation: those by G, the same for each decay."""
    return np.repeat(radius_gradient(parameters.branching, together)[:, :, None], len(parameters.decays), axis=2)


def components(parameters: Parameters, link: float = LINK) -> list[Ring]:
    """Sets of touchpoints each of which leads to each other in some steps, strongest first; one alone if to itself."""
    g = parameters.branching
    _, label = connected_components(np.greater(g.T, link), directed=True, connection="strong")
    found = []
    for each in np.unique(label):
        members = np.flatnonzero(label == each)
        if len(members) > 1 or g[members[0], members[0]] > link:
            found.append(Ring(tuple(int(m) for m in members), "component", radius(g[np.ix_(members, members)])))
    return sorted(found, key=lambda ring: (-ring.strength, ring.members))


def cycles(parameters: Parameters, most: int = 10, least: float = 0.02, longest: int = LONGEST) -> list[Ring]:
    """The strongest simple cycles of at most `longest` touchpoints and of strength at least `least`."""
    g = np.maximum(parameters.branching, 0.0)
    if not g.size:
        return []
    found = [
        Ring(members, "cycle", float(np.exp(np.mean(np.log(_steps(g, members))))))
        for members in _ways_round(g, least, longest)
    ]
    return sorted(found, key=lambda ring: (-ring.strength, ring.members))[:most]


def strengths(rings: Sequence[Ring]) -> Figures:
    """The strengths of these loops, one figure each, at any parameters: the members stay."""

    def figures(parameters: Parameters, mean_amounts: Floats) -> Floats:
        g = parameters.branching
        return np.array([_strength(g, ring) for ring in rings])

    return figures


def _strength(g: Floats, ring: Ring) -> float:
    if ring.kind == "component":
        members = np.array(ring.members)
        return radius(g[np.ix_(members, members)])
    if len(ring.members) == 1:
        return float(g[ring.members[0], ring.members[0]])
    return float(np.prod(np.maximum(_steps(g, ring.members), 0.0)) ** (1.0 / len(ring.members)))


def _steps(g: Floats, members: tuple[int, ...]) -> Floats:
    source = np.array(members)
    steps: Floats = g[np.roll(source, -1), source]
    return steps


def _ways_round(g: Floats, least: float, longest: int) -> Iterator[tuple[int, ...]]:
    """Simple cycles, each from its first member on. A path ends where even the greatest steps could not save it."""
    count, greatest = len(g), float(g.max())
    targets = [[(t, float(g[t, s])) for t in range(count) if g[t, s] > LINK] for s in range(count)]
    looked = 0
    stack: list[tuple[tuple[int, ...], float]] = [((first,), 1.0) for first in range(count)]
    while stack and looked < PATHS:
        path, product = stack.pop()
        looked += 1
        for target, step in targets[path[-1]]:
            reached, steps = product * step, len(path)
            if target == path[0] and reached ** (1.0 / steps) >= least:
                yield path
            hopeful = any(reached * greatest ** (n - steps) >= least**n for n in range(steps + 1, longest + 1))
            if target > path[0] and target not in path and hopeful:
                stack.append(((*path, target), reached))
