"""One simulated data set of bench/flywheel_truth.py, fitted: figures beside their truths, as plain values for JSON."""

from __future__ import annotations

import resource
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

sys.path.append(str(Path(__file__).parents[1]))

from bench import flywheel_truths as truths
from setaria.flywheel.answers.loops import flywheel_number
from setaria.flywheel.answers.value import indirect, value
from setaria.flywheel.arrays import Floats
from setaria.flywheel.fit.fitted import Figures, Fitted
from setaria.flywheel.fit.flywheel import Flywheel, expected, problem_of
from setaria.flywheel.fit.specifications import NAMES, climb_ladder
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import Parameters, Specification
from setaria.flywheel.report import build, verdict
from setaria.flywheel.report.report import Specified

Set = dict[str, Any]
ONE_SIDED: Final = 1.6448536269514722
TWO_SIDED: Final = 1.959963984540054
WORLD_HOUSEHOLDS: Final = 3_000  # world (b) costs a run a touchpoint and seed
WORLD_SEEDS: Final = 2
WORLD_RATES: Final = truths.DECAYS


def one_set(group: str, seed: int, households: int) -> Set:
    """What `GROUPS[group]` found; `error` is a traceback's end where it failed. cpu: seconds of all of it."""
    began = _cpu()
    try:
        found = GROUPS[group](seed, households)
    except Exception as error:  # a bench of thousands tells of a set that fails, and goes on
        found = {"error": f"{error!r} {traceback.format_exc(limit=-3)}"}
    return {"seed": seed, "cpu": _cpu() - began} | found


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _fitted(histories: Histories, specification: Specification) -> Fitted:
    return Flywheel(specification, workers=1).fit(histories)


def _facts_of_fit(histories: Histories, fitted: Fitted) -> Set:
    return {
        "facts": histories.facts,
        "passes": fitted.passes,
        "gain": fitted.gain_left,
        "converged": fitted.converged,
    }


def covered(truth: truths.Truth, seed: int, households: int) -> Set:
    """number, and one of values for each type: [truth, estimate, low, high, one-step estimate, standard error].

    kinds: see `by_kind`. loops: how many the report would call sure.
    """
    histories = truth.made(households, seed)
    fitted = _fitted(histories, truth.specification)
    amounts = truth.mean_amounts[None]
    return _facts_of_fit(histories, fitted) | {
        "number": _beside(fitted, flywheel_number, np.array([truth.parameters.flywheel_number]))[0],
        "values": _beside(fitted, value, value(truth.parameters, amounts)),
        "kinds": by_kind(truth, fitted),
        "loops": sum(each.sure for each in build.loops(histories, fitted)),
    }


def _beside(fitted: Fitted, figures: Figures, true: Floats) -> list[list[float]]:
    assert fitted.influence is not None
    vector, size = fitted.influence.vector, fitted.layout.size
    parameters = fitted.layout.parameters(vector[:size], fitted.parameters.decays)
    middle = figures(parameters, vector[size:].reshape(fitted.mean_amounts.shape))
    return [
        [float(known), each.value, each.low, each.high, float(center), each.error]
        for known, center, each in zip(true, middle, fitted.estimates(figures), strict=True)
    ]


def by_kind(truth: truths.Truth, fitted: Fitted) -> dict[str, list[float]]:
    """Of the parameters of each kind: how many, in how many intervals the truth lies (as shown: with the optimum in
    them, and excitations cut at 0), in how many one-step intervals, sum of z, of z squared, of (optimum - truth) /
    error."""
    assert fitted.influence is not None
    layout, true = fitted.layout, _true_vector(truth, fitted)
    center, optimum = fitted.influence.vector[: layout.size], fitted.vector
    errors = np.sqrt(np.maximum(np.diag(fitted.influence.covariance)[: layout.size], 0.0))
    low = np.minimum(center - TWO_SIDED * errors, optimum)
    high = np.maximum(center + TWO_SIDED * errors, optimum)
    kinds = np.array(_kinds(fitted, true), dtype=np.object_)
    made: dict[str, list[float]] = {}
    for kind in dict.fromkeys(kinds):
        at = np.flatnonzero((kinds == kind) & (errors > 0))
        if not len(at):
            continue
        z = (center[at] - true[at]) / errors[at]
        made[str(kind)] = [
            len(at),
            int(((low[at] <= true[at]) & (true[at] <= high[at])).sum()),
            int((np.abs(z) <= TWO_SIDED).sum()),
            float(z.sum()),
            float((z**2).sum()),
            float(((optimum[at] - true[at]) / errors[at]).sum()),
        ]
    return made


def _true_vector(truth: truths.Truth, fitted: Fitted) -> Floats:
    layout, calendar = fitted.layout, fitted.calendar
    true = layout.vector(truth.parameters)
    if layout.features:  # the fit's columns are centred on its own days
        assert (calendar.names, calendar.first) == (truth.days.names, truth.days.first)
        moved = truth.days.features[0] - calendar.features[0]
        for r, d in enumerate(layout.receivers):
            true[r * layout.block] -= float(truth.parameters.calendar[d] @ moved)
    return true


def _kinds(fitted: Fitted, true: Floats) -> list[str]:
    layout = fitted.layout
    front = ["log mu", *["calendar"] * layout.features, *["covariates"] * layout.covariates]
    made: list[str] = []
    for r in range(len(layout.receivers)):
        made += front
        made += ["A > 0" if each > 0 else "A = 0" for each in true[layout.excitation_slice(r)]]
    made += ["shared variance"] * layout.shared + ["churn rate"] * layout.churn
    return made + ["own variance"] * (layout.size - len(made))


def with_loops(seed: int, households: int) -> Set:
    return covered(truths.one(), seed, households)


def with_all(seed: int, households: int) -> Set:
    return covered(truths.mixed(seed), seed, households)


def without_loops(seed: int, households: int) -> Set:
    return covered(truths.without_loops(seed), seed, households)


def poisson(kind: str) -> Callable[[int, int], Set]:
    """Nothing leads to anything: the ladder's numbers, and the verdicts on the one that knows and the one before."""

    def found(seed: int, households: int) -> Set:
        truth = truths.confounded(kind, seed, number=0.0)
        made = _ladder(truth, truth.made(households, seed), kind)
        if kind == "baskets":
            apart = truths.confounded(kind, seed, number=0.0, apart=True)
            made["apart"] = _ladder(apart, apart.made(households, seed), kind)
        return made

    return found


def _ladder(truth: truths.Truth, histories: Histories, kind: str) -> Set:
    assert truth.specification.decays is not None
    rungs = climb_ladder(histories, Specification(decays=truth.specification.decays), workers=1)
    specified = rungs.specified(0)
    on = {"own": "own", "churn": "churn", "season": "calendar"}.get(kind, "shared")
    off = NAMES[NAMES.index(on) - 1]
    return {
        "facts": histories.facts,
        "on": on,
        "off": off,
        "numbers": {each.name: msgspec.to_builtins(each.flywheel_number) for each in specified},
        "held_out": {each.name: each.held_out for each in specified},
        "converged": {name: fit.converged for name, fit in rungs.fitted.items()},
        "identified": {name: _judged(specified, name, rungs.fitted[name]) for name in rungs.fitted},
    }


def _judged(specified: list[Specified], name: str, fitted: Fitted) -> bool:
    number = fitted.estimates(flywheel_number, floor=0.0)[0]
    identified, _ = verdict.verdict(specified, name, number, [], [], fitted.converged)
    return identified


def hawkes(kind: str) -> Callable[[int, int], Set]:
    def found(seed: int, households: int) -> Set:
        truth = truths.confounded(kind, seed, number=truths.FLYWHEEL_NUMBER)
        histories = truth.made(households, seed)
        fitted = _fitted(histories, truth.specification)
        number = fitted.estimates(flywheel_number, floor=0.0)[0]
        return _facts_of_fit(histories, fitted) | {"number": msgspec.to_builtins(number)}

    return found


def promotion(seed: int, households: int) -> Set:
    """effect: facts that a promotion leads to; value: what they bring."""
    truth = truths.promoted(seed)
    histories = truth.made(households, seed)
    blind = msgspec.structs.replace(truth.specification, sent_means=False)
    made: Set = {}
    for name, specification in (("with means", truth.specification), ("without", blind)):
        fitted = _fitted(histories, specification)
        effect = fitted.estimates(_effect)[0]
        brought = fitted.estimates(indirect)[-1]
        made[name] = {"effect": msgspec.to_builtins(effect), "value": msgspec.to_builtins(brought)}
        made |= _facts_of_fit(histories, fitted)
    return made


def _effect(parameters: Parameters, mean_amounts: Floats) -> Floats:
    return np.array([parameters.branching[:-1, -1].sum()])


def world(seed: int, households: int) -> Set:
    """World (b), which is no Hawkes process: the model's shares lost without each touchpoint, beside true ones."""
    from setaria.flywheel.simulate.world.measures import true_removal_effects
    from setaria.flywheel.simulate.world.presets import PRESETS, preset
    from setaria.flywheel.simulate.world.run import simulate

    name = tuple(PRESETS)[seed % len(PRESETS)]
    parameters = preset(name, min(households, WORLD_HOUSEHOLDS))
    histories = simulate(parameters, 1 + seed).histories()
    true = {
        each.touchpoint: [each.share, each.error, each.own]
        for each in true_removal_effects(parameters, seeds=range(1 + seed, 1 + seed + WORLD_SEEDS))
    }
    rungs = climb_ladder(histories, Specification(decays=WORLD_RATES), workers=1)
    specified = rungs.specified(0)
    return {
        "facts": histories.facts,
        "preset": name,
        "names": list(histories.names),
        "true": true,
        "removal": {each: removed(histories, fit) for each, fit in rungs.fitted.items()},
        "numbers": {each.name: msgspec.to_builtins(each.flywheel_number) for each in specified},
        "held_out": {each.name: each.held_out for each in specified},
        "converged": {each: fit.converged for each, fit in rungs.fitted.items()},
        "identified": {each: _judged(specified, each, fit) for each, fit in rungs.fitted.items()},
    }


def removed(histories: Histories, fitted: Fitted) -> list[float]:
    """D: of the windows' amounts in the first currency, as answers/whatif.py has it."""
    from setaria.flywheel.answers.whatif import removal_effects, watched

    assert fitted.specification.decays is not None
    problem, _ = problem_of([histories], fitted.specification, fitted.parameters.decays)
    _, fitted = expected(fitted, problem)
    calendar = fitted.calendar
    by_day = np.exp(calendar.features @ fitted.parameters.calendar.T) if calendar.names else None
    seen = watched(
        histories,
        len(fitted.parameters.decays),
        frailty=fitted.factors,
        alive=fitted.alive,
        calendar_by_day=by_day,
        origin=float(calendar.first),
    )
    shares = removal_effects(seen)(fitted.parameters, fitted.mean_amounts)
    return [float(each) for each in shares[: histories.types]]


GROUPS: Final[dict[str, Callable[[int, int], Set]]] = {
    "loops": with_loops,
    "all": with_all,
    "no loops": without_loops,
    **{f"poisson {kind}": poisson(kind) for kind in truths.KINDS},
    **{f"hawkes {kind}": hawkes(kind) for kind in truths.KINDS},
    "promotion": promotion,
    "world": world,
}
