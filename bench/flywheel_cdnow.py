"""CDNOW: what each of 23,570 customers buys in the 273 days after 30 September 1997, foretold from the days before.

    python bench/flywheel_cdnow.py

Peer: BG/NBD by lifetimes 0.11.3, in the same run, by the Python of tests/foreign (or SETARIA_FOREIGN_PYTHON), from
which the data are read too. Ours: the flywheel with shared frailty and silent churn, of one type, its decays chosen on
households held out before the cut; no calendar, because nine months do not show a year. A purchase is a customer's day
with one. Nothing after the cut is seen by either side before the comparison.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np

sys.path.append(str(Path(__file__).parents[1]))

from bench.claims import Claims, cpu_seconds
from setaria.flywheel.arrays import Floats
from setaria.flywheel.checks.beside_bg_nbd import deviance
from setaria.flywheel.checks.bg_nbd import BgNbd, purchases
from setaria.flywheel.checks.fitting import Given, changed, posterior
from setaria.flywheel.checks.foretell import Cut, foretell
from setaria.flywheel.fit.choose import choose_decays
from setaria.flywheel.fit.fitted import Fitted
from setaria.flywheel.fit.flywheel import Flywheel, problem_of
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import Specification

ROOT: Final = Path(__file__).parents[1]
PYTHON: Final = Path(os.environ.get("SETARIA_FOREIGN_PYTHON", ROOT / ".venv-foreign" / "bin" / "python"))
PEER: Final = ROOT / "tests" / "foreign" / "lifetimes_figures.py"
CUT: Final = date(1997, 9, 30)
DAYS: Final = 273
EPOCH: Final = date(1970, 1, 1)


def ask(parameters: list[list[float]]) -> dict[str, Any]:
    """What lifetimes says; its own fit, and figures at the given parameters."""
    if not PYTHON.exists():
        raise SystemExit(f"{PYTHON} is missing: make it from tests/foreign/requirements.txt")
    asked = json.dumps({"parameters": parameters, "cut": CUT.isoformat(), "days": DAYS})
    command = [str(PYTHON), "-P", "-W", "ignore", str(PEER)]
    done = subprocess.run(command, input=asked, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def by_lifetimes() -> tuple[dict[str, Any], Floats]:
    """What it told, and the purchases that it expects of each customer, in the order of their numbers."""
    told = ask([])
    return told, np.array(ask([told["fitted"]])["at"][0]["expected"])


def loaded(told: dict[str, Any]) -> Histories:
    """Read from lifetimes where the other Python has it; ours comes first in everything else."""
    sys.path.append(str(Path(told["file"]).parents[2]))
    from setaria.flywheel.datasets import load_cdnow

    return load_cdnow()


def cut(histories: Histories) -> Cut:
    day = (CUT - EPOCH).days
    before = changed(histories, kept=histories.times <= day, end=np.minimum(histories.end, day))
    return Cut(day, before, histories, histories.end)


@dataclass(frozen=True, slots=True)
class Ours:
    fitted: Fitted
    expected: Floats  # H purchases in the held-out days
    chosen_cpu: float  # seconds: choosing decays
    fitted_cpu: float


def by_flywheel(made: Cut, decays: tuple[float, ...] | None = None, churn: bool = True) -> Ours:
    began = time.process_time()
    chosen = decays or choose_decays(made.before)
    between = time.process_time()
    specification = Specification(decays=chosen, own=False, churn=churn, calendar=False)
    fitted = Flywheel(specification, workers=1).fit(made.before)
    took = time.process_time() - between
    problem, _ = problem_of([made.before], specification, fitted.parameters.decays)
    baselines = posterior(problem, fitted.vector).living * fitted.parameters.baseline
    told = foretell(Given(made.whole, fitted, problem.covariates, 0), made, fitted.parameters, baselines)
    return Ours(fitted, told.households[:, 0], between - began, took)


def happened(made: Cut) -> Floats:
    bought: Floats = np.bincount(made.whole.owner[made.after], minlength=len(made.whole)).astype(np.float64)
    return bought


@dataclass(frozen=True, slots=True)
class Score:
    total: float
    mae: float
    rmse: float
    correlation: float
    deviance: float  # Poisson, mean a customer

    @classmethod
    def of(cls, bought: Floats, expected: Floats) -> Score:
        away = bought - expected
        return cls(
            float(expected.sum()),
            float(np.abs(away).mean()),
            float(np.sqrt((away**2).mean())),
            float(np.corrcoef(bought, expected)[0, 1]),
            deviance(bought, expected),
        )


def main() -> None:
    claims = Claims(f"CDNOW: purchases of {DAYS} held-out days, foretold for each customer")
    told, theirs = by_lifetimes()
    histories = loaded(told)
    made = cut(histories)
    seen = purchases(made.before, (0,))
    if seen.frequency.tolist() != told["frequency"]:
        raise SystemExit("lifetimes and we do not read the same purchases")
    model = BgNbd.fit(seen)
    ours = by_flywheel(made)
    bought = happened(made)
    mine, other = Score.of(bought, ours.expected), Score.of(bought, theirs)
    parameters = ours.fitted.parameters
    claims.note(f"{len(histories):,} customers, {int(bought.sum()):,} purchases held out")
    claims.note(
        f"BG/NBD's log-likelihood before the cut: {model.log_likelihood:,.1f}; ours {ours.fitted.log_likelihood:,.1f}"
    )
    days = ", ".join(f"{1 / each:g}" for each in parameters.decays)
    children = ", ".join(f"{each:.3f}" for each in parameters.excitation[0, 0])
    claims.note(f"converged: {ours.fitted.converged}; children {children} after {days} days on average")
    claims.note(f"variance of customers {parameters.shared_variance:.2f}, churn {parameters.churn_rate:.6f} a day")
    off = [abs(score.total / bought.sum() - 1) for score in (mine, other)]
    claims.claim("all purchases", f"{mine.total:,.0f}", f"{other.total:,.0f}", off[0] <= off[1])
    claims.claim(
        "Poisson deviance a customer", f"{mine.deviance:.4f}", f"{other.deviance:.4f}", mine.deviance <= other.deviance
    )
    claims.claim("root mean square error", f"{mine.rmse:.4f}", f"{other.rmse:.4f}", mine.rmse <= other.rmse)
    claims.claim("mean absolute error", f"{mine.mae:.4f}", f"{other.mae:.4f}", mine.mae <= other.mae)
    claims.claim(
        "correlation", f"{mine.correlation:.4f}", f"{other.correlation:.4f}", mine.correlation >= other.correlation
    )
    claims.note(
        f"CPU: decays {ours.chosen_cpu:.1f} s, fit {ours.fitted_cpu:.1f} s; lifetimes {told['cpu_seconds']:.1f} s"
    )
    claims.note(f"CPU of all of this here: {cpu_seconds():.0f} s")
    claims.end()


if __name__ == "__main__":
    main()
