"""From histories to the report: everything, in the order in which one thing needs another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from setaria.facts.refused import Refused
from setaria.flywheel.answers import attribution, segments
from setaria.flywheel.answers.budget import Spend, advise
from setaria.flywheel.answers.calibration import taken_in
from setaria.flywheel.answers.experiments import Asked, compare, usual_unit
from setaria.flywheel.answers.explained import Credit, credit, explained
from setaria.flywheel.answers.removal import removals
from setaria.flywheel.answers.saturation import baseline_of, saturation
from setaria.flywheel.answers.scores import scores
from setaria.flywheel.answers.together import together
from setaria.flywheel.answers.value import value
from setaria.flywheel.answers.whatif import excited
from setaria.flywheel.arrays import Floats
from setaria.flywheel.checks.run import run_checks
from setaria.flywheel.fit.choose import choose_decays
from setaria.flywheel.fit.fitted import Fitted
from setaria.flywheel.fit.flywheel import Expected, Flywheel, expected, problem_of
from setaria.flywheel.fit.marginal import Problem
from setaria.flywheel.fit.specifications import NAMES, Rungs, climb_ladder
from setaria.flywheel.histories.assignments import Assignments
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import Estimate, Parameters, Specification
from setaria.flywheel.report import build, verdict
from setaria.flywheel.report.report import (
    Budget,
    Compared,
    Explained,
    Handed,
    Measured,
    Report,
    Segment,
    Sentence,
    Source,
)

Told = Callable[[str, float], None]
FAST: Final = Specification(own=False, churn=False, calendar=False)
_SHARD: Final = 2048  # households


def analyse(
    histories: Histories,
    *,
    costs: Mapping[str, float] | None = None,
    specification: Specification | None = None,
    progress: Told | None = None,
    assignments: Assignments | None = None,
    asked: Asked | None = None,
    scores_to: Path | None = None,
    now: float = 0.0,
) -> Report:
    """Everything the facts can tell. `costs`: minor units of one fact of a touchpoint, in the main currency.

    `specification` names what the answers rest on; the other four are fitted beside it in any case, except with FAST,
    which stops at shared frailty. `assignments`: who got what by lot; what is `asked` of them is measured, shown before
    the model, and taken in by the fit that answers. `scores_to` takes each household's outlook as CSV. Raises Refused
    where there is nothing to fit, and before the fit where an experiment cannot be measured.
    """
    told = progress or (lambda key, done: None)
    _fit_to_be_fitted(histories)
    asked = asked or Asked(unit=usual_unit(histories))
    lots = compare(histories, assignments.given, asked) if assignments else None
    wanted = specification or Specification()
    told("flywheel.progress_decays", 0.0)
    decays = wanted.decays or choose_decays(histories, told)
    wanted = msgspec.structs.replace(wanted, decays=decays)
    names = NAMES[:2] if wanted == msgspec.structs.replace(FAST, decays=decays) else NAMES
    rungs = climb_ladder(histories, wanted, names=names, told=told)
    chosen = _rung_of(wanted)
    fitted = rungs.fitted[chosen] if chosen else Flywheel(wanted).fit(histories)
    told("flywheel.progress_answers", 0.0)
    problem = _problem(histories, fitted)
    measured: list[Measured] = []
    if lots is not None:
        fitted, measured = taken_in(histories, fitted, problem, lots[0], asked)
    expectations, fitted = expected(fitted, problem)
    report = _report(histories, fitted, problem, expectations, rungs, chosen or NAMES[-1], costs or {}, told, now)
    report.assigned = assignments.rows if assignments is not None and assignments.rows.read else None
    report.measured, report.unmeasured = measured, lots[1] if lots is not None else []
    if scores_to is not None:
        scores(histories, fitted).write(scores_to)
    return report


def _problem(histories: Histories, fitted: Fitted) -> Problem:
    problem, _ = problem_of(list(histories.shards(_SHARD)), fitted.specification, fitted.parameters.decays)
    return problem


def _fit_to_be_fitted(histories: Histories) -> None:
    if not len(histories):
        raise Refused("flywheel_no_households")
    if not histories.counted.any():
        raise Refused("flywheel_no_counted_facts")
    if len(histories) < 2:
        raise Refused("flywheel_one_household")


def _rung_of(specification: Specification) -> str:
    """The name among the five; "" for a mixture of its own."""
    flags = (specification.shared, specification.own, specification.churn, specification.calendar)
    steps = {(False, False, False, False): 0, (True, False, False, False): 1, (True, True, False, False): 2}
    steps |= {(True, True, True, False): 3, (True, True, True, True): 4}
    return NAMES[steps[flags]] if flags in steps else ""


def _report(
    histories: Histories,
    fitted: Fitted,
    problem: Problem,
    expectations: Sequence[Expected],
    rungs: Rungs,
    chosen: str,
    costs: Mapping[str, float],
    told: Told,
    now: float,
) -> Report:
    found = credit(problem, fitted, expectations)
    main = attribution.main_currency(histories)
    code = histories.currencies[main] if histories.currencies else ""
    specified = rungs.specified(main)
    elasticity = _elasticities(histories, fitted, expectations, costs)
    values = build.values(histories, fitted, found, costs, elasticity)
    shares = _to_come(histories, fitted, explained(histories, found, histories.rows))
    loops = build.loops(histories, fitted)
    number = build.number_of(fitted, loops)
    told("flywheel.progress_checks", 0.0)
    checks = run_checks(histories, fitted, problem, main, told)
    rejected = chosen if chosen in rungs.fitted else next(reversed(rungs.fitted))
    identified, said = verdict.verdict(specified, rejected, number, loops, checks, fitted.converged)
    budget, budget_words = _budget(histories, fitted, costs, elasticity, main, identified)
    own = shares[main] if shares else None
    compared = _compared(histories, own, main) if histories.currencies else []
    told("flywheel.progress_what_if", 0.0)
    return Report(
        source=_source(histories, now),
        rows=histories.rows,
        currency=code,
        headline=verdict.headline(values.get(code, []), own, code),
        verdict=said,
        identified=identified,
        values=values,
        leads=build.leads(histories, fitted, found),
        explained=shares,
        flywheel_number=number,
        loops=loops,
        specified=specified,
        checks=checks,
        together=together(histories),
        segments=_segments(histories, found, main) if histories.currencies else [],
        handed=_handed(histories, found, main),
        compared=compared,
        differences=attribution.differences(histories, compared, own, loops, main) if compared else [],
        what_if=removals(histories, fitted, main) if histories.currencies else [],
        budget=budget,
        budget_words=budget_words,
        weeks=build.weeks(histories, main) if histories.currencies else [],
    )


def _to_come(histories: Histories, fitted: Fitted, shares: list[Explained]) -> list[Explained]:
    """With what facts so far still lead to: sum over d of val_d sum_sk A[d, s, k] R_sk at the windows' ends."""
    state = excited(histories, fitted.parameters.decays)
    if not shares or not build.dies_out(fitted):
        return shares

    def coming(parameters: Parameters, mean_amounts: Floats) -> Floats:
        children = np.einsum("dsk,sk->d", parameters.excitation, state)
        worth: Floats = value(parameters, mean_amounts).reshape(mean_amounts.shape) @ children
        return worth

    figures = fitted.estimates(coming, floor=0.0)
    return [msgspec.structs.replace(each, to_come=figure) for each, figure in zip(shares, figures, strict=True)]


def _source(histories: Histories, now: float) -> Source:
    return Source(
        name=histories.name,
        first=float(histories.times.min()) if histories.facts else 0.0,
        last=float(histories.end.max()),
        households=len(histories),
        facts=histories.facts,
        counted=int(histories.counted.sum()),
        touchpoints=histories.types,
        grain=histories.grain,
        currencies=list(histories.currencies),
        simulated=histories.simulated,
        fitted_at=now,
    )


def _segments(histories: Histories, found: Credit, main: int) -> list[Segment]:
    own = segments.direct(histories, main)
    induced = np.where(histories.currency == main, found.induced, 0).astype(np.int64)
    parts = own - induced
    return [
        *segments.by_role(histories, parts, induced),
        *segments.by_cohort(histories, parts, induced, "quarter"),
        *segments.by_entry(histories, parts, induced),
        *segments.by_age(histories, parts, induced),
    ]


def _handed(histories: Histories, found: Credit, main: int) -> list[Handed]:
    amounts = found.by_role[main] if histories.currencies else np.zeros(found.children_by_role.shape, dtype=np.int64)
    return segments.handed(histories.role_names, amounts, found.children_by_role)


def _compared(histories: Histories, own: Explained | None, main: int) -> list[Compared]:
    made = attribution.compare(histories, main)
    if own is None:
        return made
    by_parent: dict[str, int] = {}
    by_root: dict[str, int] = {}
    for earner, row in own.parents.items():
        for parent, amount in row.items():
            by_parent[parent] = by_parent.get(parent, 0) + amount
        for root, amount in own.roots.get(earner, {}).items():
            by_root[root] = by_root.get(root, 0) + amount
    return [Compared("flywheel_parent", by_parent), Compared("flywheel_root", by_root), *made]


def _elasticities(
    histories: Histories, fitted: Fitted, expectations: Sequence[Expected], costs: Mapping[str, float]
) -> dict[str, Estimate]:
    """How much more of each touchpoint with a cost would bring, where its dose varies enough to tell."""
    made: dict[str, Estimate] = {}
    if not costs:
        return made
    baseline = baseline_of(
        np.concatenate([each.own for each in expectations]), np.concatenate([each.inverse for each in expectations])
    )
    for name in histories.names:
        if name in costs:
            dose = saturation(histories, fitted.parameters, name, baseline)
            if dose.elasticity:
                made[name] = dose.elasticity
    return made


def _budget(
    histories: Histories,
    fitted: Fitted,
    costs: Mapping[str, float],
    elasticity: Mapping[str, Estimate],
    main: int,
    identified: bool,
) -> tuple[list[Budget], list[Sentence]]:
    if not costs or not histories.currencies:
        return [], []
    counts = np.bincount(histories.kinds, minlength=histories.types)
    spends = [
        Spend(name, d, float(counts[d]), costs[name], elasticity.get(name))
        for d, name in enumerate(histories.names)
        if name in costs
    ]
    advice = advise(fitted, spends, main, histories.currencies[main], identified)
    return advice.budget, advice.words
