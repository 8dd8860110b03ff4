"""Time rescaled by the model: each type's gaps should be exponential with mean 1 (Ogata 1988; Brown et al. 2002)."""

from __future__ import annotations

from typing import Final

import numpy as np

from setaria.flywheel.arrays import Floats
from setaria.flywheel.checks.fitting import SEED, Given, problem_on
from setaria.flywheel.checks.rescale import rescale
from setaria.flywheel.checks.saying import said, unknown
from setaria.flywheel.fit.marginal import Problem
from setaria.flywheel.kernels.latent_data import Model
from setaria.flywheel.report.report import Check

NAME: Final = "rescaling"
HOUSEHOLDS: Final = 2_000
FACTS: Final = (100_000, 40_000)
NEAR: Final = 0.05
LEAST: Final = 500  # facts: the distance of pure luck is about 0.87 / sqrt(facts)
NODES: Final = 64
_TAIL: Final = 1e-4
_DRAWN: Final = 24  # points of the picture


def rescaling(given: Given) -> Check:
    """figure: the greatest distance of the survival curve (Nelson and Aalen's, last gaps censored) from exp(-x).

    Of each type with 500 facts or more, in the mean by facts; the other types are taken together. Passed: below 0.05.
    points: [x, survival seen, exp(-x)], all types together.
    """
    histories, _ = given.sample(HOUSEHOLDS, *FACTS)
    if histories.counted.sum() < LEAST:
        return unknown(NAME, "too_few")
    gaps, censored, _ = filtered(problem_on([histories], given), given.fitted.vector)
    counted = histories.counted
    receivers = given.fitted.layout.receivers
    groups: dict[str, tuple[Floats, Floats]] = {}
    rest: list[tuple[Floats, Floats]] = []
    for r, d in enumerate(receivers):
        one = gaps[counted & (histories.kinds == d)], censored[:, r]
        if len(one[0]) >= LEAST:
            groups[histories.names[d]] = one
        else:
            rest.append(one)
    others = np.concatenate([each[0] for each in rest]) if rest else np.zeros(0)
    if len(others) >= LEAST:
        groups[""] = others, np.concatenate([each[1] for each in rest])
    if not groups:
        groups[""] = gaps[counted], censored.reshape(-1)
    distances = {name: distance(*each) for name, each in groups.items()}
    sizes = np.array([len(each[0]) for each in groups.values()], dtype=np.float64)
    figure = float(np.average(list(distances.values()), weights=sizes))
    worst = max(distances, key=lambda name: distances[name])
    everything = survival(gaps[counted], censored.reshape(-1))
    detail = {
        "distance": figure,
        "near": NEAR,
        "touchpoint": worst or histories.names[int(receivers[0])],
        "worst": distances[worst],
        "households": len(histories),
    }
    x = np.linspace(0.0, 4.0, _DRAWN)
    seen = np.interp(x, *everything)
    return said(NAME, figure < NEAR, figure, NEAR, detail, np.column_stack([x, seen, np.exp(-x)]).tolist())


def filtered(problem: Problem, vector: Floats) -> tuple[Floats, Floats, Floats]:
    """Of the first part: gaps of its facts (N; only those of counted ones mean something), the last, censored ones
    (H x receivers), and the baselines expected at the end, a day (H x D)."""
    histories, model = problem.shards[0].histories, problem.model(vector)
    nodes, prior = _nodes(model)
    gaps = np.zeros(histories.facts)
    censored = np.zeros((len(histories), len(problem.layout.receivers)))
    lasting = np.zeros_like(censored)
    places = np.random.default_rng(SEED).random(histories.facts)
    # One after another in a day, too: else the gap between two of them would lie below 0.
    places = places[np.lexsort((places, histories.times, histories.owner))]
    columns = problem.setting.columns(problem.shards[0], histories)
    rescale(model, columns, nodes, prior, histories.grain == "day", places, gaps, censored, lasting)
    baselines = np.zeros((len(histories), histories.types))
    baselines[:, problem.layout.receivers] = lasting
    return gaps, censored, baselines


def _nodes(model: Model) -> tuple[Floats, Floats]:
    """Of the household's gamma factor, even on a logarithmic scale, and their prior weights."""
    if model.shared <= 0:
        return np.ones(1), np.ones(1)
    from scipy.stats import gamma

    low, high = gamma.ppf([_TAIL, 1 - _TAIL], model.shared, scale=1 / model.shared)
    nodes = np.exp(np.linspace(np.log(max(low, 1e-8)), np.log(high), NODES))
    prior = gamma.pdf(nodes, model.shared, scale=1 / model.shared) * nodes
    return nodes, prior / prior.sum()


def survival(gaps: Floats, censored: Floats) -> tuple[Floats, Floats]:
    """x from 0 on and the share that lasts longer, as far as a hundredth of all are still at risk."""
    lengths = np.concatenate([gaps, censored])
    order = np.argsort(lengths, kind="stable")
    ended = np.concatenate([np.ones(len(gaps)), np.zeros(len(censored))])[order]
    at_risk = np.arange(len(lengths), 0, -1)
    hazard = np.cumsum(ended / at_risk)
    enough = at_risk >= max(20, len(lengths) // 100)
    x, left = lengths[order][enough], np.exp(-hazard[enough])
    return np.concatenate([[0.0], x]), np.concatenate([[1.0], left])


def distance(gaps: Floats, censored: Floats) -> float:
    x, left = survival(gaps, censored)
    return float(np.abs(left - np.exp(-x)).max())
