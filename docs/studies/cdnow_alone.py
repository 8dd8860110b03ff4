"""CDNOW by the flywheel's model of one touchpoint, fitted with nothing of the flywheel's own fit: a second opinion.

`python docs/studies/cdnow_alone.py` writes cdnow_alone_results.json and cdnow.svg; minutes on one core. The customer's
factor is summed over even nodes of its logarithm, the time of silence is integrated exactly, derivatives are
differences. BG/NBD is that of checks/bg_nbd.py, which tests/foreign holds against lifetimes.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from flywheel_pictures import calibration
from scipy.optimize import minimize
from scipy.special import gammainc
from scipy.stats import gamma

sys.path.append(str(Path(__file__).parents[2]))

from bench.flywheel_cdnow import DAYS, Score, ask, cut, happened, loaded

from setaria.flywheel.arrays import Floats, Whole
from setaria.flywheel.checks.bg_nbd import BgNbd, purchases
from setaria.flywheel.fit.decays import Decays
from setaria.flywheel.histories.histories import Histories

HERE: Final = Path(__file__).parent
LOGS: Final = np.linspace(np.log(2e-4), np.log(400.0), 120)  # of the customer's factor: the greatest is about 55
FACTORS: Final = np.exp(LOGS)
GROUPS: Final = ((0, 0), (1, 1), (2, 2), (3, 4), (5, 7), (8, 9_999))  # repeat purchases before the cut
NAMES: Final = ("none before", "1", "2", "3-4", "5-7", "8 and more")
# delays in days, with churn, and where to begin, near the maximum: log mu, children, log variance, log churn rate
CASES: Final = {
    "churn 45": ((45,), True, (-5.667, 0.1845, 1.3048, -6.788)),
    "churn alone": ((), True, (-4.999, 0.668, -5.613)),
    "churn 7 45 365": ((7, 45, 365), True, (-6.2295, 0.0035, 0.215, 0.563, 3.0526, -4.793)),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """Of H customers and their N repeat purchases; N + H gaps: each customer's from its first purchase to the cut."""

    counts: Whole  # H
    first: Whole  # H: index of its first gap
    later: Whole  # N: index of the gap after each repeat
    gaps: Floats  # (N + H) x 2, days since its first purchase
    ages: Floats  # H
    excited: Floats  # N x K, for one child
    spent: Floats  # H x K: the same, integrated
    state: Floats  # H x K on the day after the cut
    decays: Decays

    @classmethod
    def of(cls, before: Histories, day: int, delays: tuple[int, ...]) -> Seen:
        decays = Decays.of(1 / np.array(delays, dtype=np.float64), "day")
        counts = np.diff(before.offsets) - 1
        excited, spent, state, gaps = [], [], [], []
        for h in range(len(before)):
            times = before.times[before.facts_of(h)]
            spent.append((decays.mass * -np.expm1(-decays.rates * (day - times)[:, None])).sum(axis=0))
            state.append(np.exp(-decays.rates * (day + 1 - times)[:, None]).sum(axis=0))
            gaps += list(zip(times - times[0], [*(times[1:] - times[0]), day - times[0]], strict=True))
            excited += [
                (decays.jumps * np.exp(-decays.rates * (times[i] - times[:i])[:, None])).sum(axis=0)
                for i in range(1, len(times))
            ]
        first = before.offsets[:-1]
        later = np.setdiff1d(np.arange(before.facts), first)
        ages = day - before.times[first]
        columns = np.array(excited), np.array(spent), np.array(state)
        return cls(counts, first, later, np.array(gaps), ages, columns[0], columns[1], columns[2], decays)

    def posterior(self, p: Floats, churn: bool) -> tuple[Floats, Floats]:
        """H log-likelihoods, and H baselines expected at the cut, E[z mu 1(not silent)], a day."""
        kinds = len(self.decays.rates)
        mu, children, variance = np.exp(p[0]), p[1 : 1 + kinds], np.exp(p[1 + kinds])
        rate = np.exp(p[2 + kinds]) if churn else 0.0
        prior = gamma.logpdf(FACTORS, 1 / variance, scale=variance) + LOGS + np.log(LOGS[1] - LOGS[0])
        prior[0] = np.log(gammainc(1 / variance, FACTORS[0] / variance) + np.exp(prior[0]) / 2)
        excited = np.maximum(self.excited @ children, 1e-300)
        so_far = self._sums(np.log(FACTORS * mu + excited[:, None]))
        last = so_far[self.first + self.counts] - (FACTORS * mu + rate) * self.ages[:, None]
        whole = last
        if churn:
            alone = self._sums(np.log(excited)[:, None])
            rest = np.repeat(alone[self.first + self.counts], self.counts + 1, axis=0) - alone
            ends = FACTORS * mu + rate
            length = np.maximum(self.gaps[:, 1:] - self.gaps[:, :1], 1e-9)
            fell = so_far + rest - ends * self.gaps[:, :1] + np.log(rate / ends) + np.log(-np.expm1(-ends * length))
            top = np.maximum.reduceat(fell, self.first, axis=0)
            apart = np.exp(fell - np.repeat(top, self.counts + 1, axis=0))
            whole = np.logaddexp(last, top + np.log(np.add.reduceat(apart, self.first, axis=0)))
        joint = whole + prior
        top = joint.max(axis=1, keepdims=True)
        total = np.exp(joint - top).sum(axis=1)
        lasting = (np.exp(last + prior - top) * FACTORS).sum(axis=1) * mu / total
        return top[:, 0] + np.log(total) - self.spent @ children, lasting

    def _sums(self, of_repeats: Floats) -> Floats:
        """(N + H) x Q: sums over a customer's repeats before each gap."""
        made = np.zeros((len(self.gaps), of_repeats.shape[1]))
        made[self.later] = of_repeats
        made = np.cumsum(made, axis=0)
        less: Floats = made - np.repeat(made[self.first], self.counts + 1, axis=0)
        return less

    def foretold(self, p: Floats, churn: bool) -> Floats:
        """H purchases in the days after the cut, all generations."""
        kinds = len(self.decays.rates)
        rate = np.exp(p[2 + kinds]) if churn else 0.0
        _, baseline = self.posterior(p, churn)
        state, total = self.state.copy(), np.zeros(len(self.counts))
        for day in range(DAYS):
            facts = state @ (p[1 : 1 + kinds] * self.decays.jumps) + baseline * np.exp(-rate * (day + 0.5))
            total += facts
            state = (state + facts[:, None]) * np.exp(-self.decays.rates)
        return total


def fitted(seen: Seen, churn: bool, begin: tuple[float, ...]) -> tuple[Floats, float]:
    kinds = len(seen.decays.rates)
    bounds = [(-12.0, 0.0), *[(0.0, 3.0)] * kinds, (-4.0, 4.0), *[(-13.0, -2.0)] * churn]
    found = minimize(
        lambda p: -seen.posterior(p, churn)[0].sum() / 1000,
        begin,
        method="L-BFGS-B",
        bounds=bounds,
        options={"ftol": 1e-8, "maxiter": 20, "eps": 1e-5},
    )
    return found.x, -1000 * float(found.fun)


def by_group(frequency: Floats, what: Floats) -> list[float]:
    return [round(float(what[(frequency >= low) & (frequency <= high)].mean()), 4) for low, high in GROUPS]


def main() -> None:
    made = cut(loaded(ask([])))
    bought, repeats = happened(made), purchases(made.before, (0,))
    model = BgNbd.fit(repeats)
    expected = {"BG/NBD": model.expected(repeats, DAYS)}
    results: dict[str, Any] = {"BG/NBD": {"log_likelihood": round(model.log_likelihood, 2)}}
    for name, (delays, churn, begin) in CASES.items():
        seen = Seen.of(made.before, made.day, delays)
        found, likelihood = fitted(seen, churn, begin)
        expected[name] = seen.foretold(found, churn)
        results[name] = {
            "log_likelihood": round(likelihood, 2),
            "parameters": [round(float(each), 5) for each in found],
        }
    for name, each in expected.items():
        results[name] |= {key: round(value, 4) for key, value in asdict(Score.of(bought, each)).items()}
        results[name]["groups"] = by_group(repeats.frequency, each)
    results["happened"] = {"total": int(bought.sum()), "groups": by_group(repeats.frequency, bought)}
    (HERE / "cdnow_alone_results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    shown = (("happened", "happened"), ("factor, churn, a delay of 45 days", "churn 45"), ("BG/NBD", "BG/NBD"))
    drawn = [(label, results[name]["groups"]) for label, name in shown]
    title = "CDNOW: customers by their repeat purchases before 1 October 1997"
    notes = [
        "23,570 real customers. Both models saw the days up to 30 September 1997 and nothing of the 273 days after."
    ]
    (HERE / "cdnow.svg").write_text(calibration(title, NAMES, drawn, notes), encoding="utf-8")
    sys.stdout.write(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
