"""Runs the study of docs/study-cdnow.md: `python docs/studies/cdnow.py`. Needs .venv-foreign with lifetimes.

Writes cdnow_results.json; some minutes on one core. The comparison itself is bench/flywheel_cdnow.py.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

sys.path.append(str(Path(__file__).parents[2]))

from bench.flywheel_cdnow import DAYS, Ours, Score, by_flywheel, by_lifetimes, cut, happened, loaded

from setaria.flywheel.answers.loops import flywheel_number
from setaria.flywheel.arrays import Floats
from setaria.flywheel.checks.bg_nbd import purchases

HERE: Final = Path(__file__).parent
GROUPS: Final = ((0, 0), (1, 1), (2, 2), (3, 4), (5, 7), (8, 9_999))  # repeat purchases before the cut


def described(ours: Ours) -> dict[str, Any]:
    parameters, number = ours.fitted.parameters, ours.fitted.estimates(flywheel_number, floor=0.0)[0]
    return {
        "converged": ours.fitted.converged,
        "log_likelihood": round(ours.fitted.log_likelihood, 2),
        "mean_delays": [round(1 / each, 4) for each in parameters.decays],
        "children": [round(float(each), 4) for each in parameters.excitation[0, 0]],
        "baseline_a_year": round(float(parameters.baseline[0]) * 365, 4),
        "variance": round(parameters.shared_variance, 4),
        "mean_life": round(1 / parameters.churn_rate, 1) if parameters.churn_rate else None,
        "flywheel_number": [round(each, 4) for each in (number.value, number.low, number.high)],
    }


def by_group(frequency: Floats, what: Floats) -> list[float]:
    return [round(float(what[(frequency >= low) & (frequency <= high)].mean()), 4) for low, high in GROUPS]


def main() -> None:
    told, theirs = by_lifetimes()
    made = cut(loaded(told))
    bought, frequency = happened(made), purchases(made.before, (0,)).frequency
    both = {"with churn": by_flywheel(made), "without churn": by_flywheel(made, churn=False)}
    expected = {"BG/NBD": theirs} | {name: each.expected for name, each in both.items()}
    results = {
        "customers": len(bought),
        "happened": int(bought.sum()),
        "days": DAYS,
        "bg_nbd": [round(each, 4) for each in told["fitted"]],
        "flywheel": {name: described(each) for name, each in both.items()},
        "scores": {
            name: {key: round(value, 4) for key, value in asdict(Score.of(bought, each)).items()}
            for name, each in expected.items()
        },
        "groups": {
            "customers": [int(((frequency >= low) & (frequency <= high)).sum()) for low, high in GROUPS],
            "happened": by_group(frequency, bought),
            **{name: by_group(frequency, np.asarray(each)) for name, each in expected.items()},
        },
    }
    (HERE / "cdnow_results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
