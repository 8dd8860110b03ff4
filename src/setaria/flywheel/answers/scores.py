"""Each household's own outlook: whether it is still there, and what it is expected to do and to pay.

Expected facts within T days of the end = sum over decays of what its facts so far still lead to, all generations, plus
what begins anew: E[z 1(alive)] mu exp(covariates . x) times the integral of exp(-churn t) (I + N(T - t)), N as in
`horizon.descendants`. The calendar at its mean; nothing that the brand may send.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.linalg import expm

from setaria.flywheel.answers.horizon import augmented, descendants
from setaria.flywheel.arrays import Floats, Texts
from setaria.flywheel.fit.decays import Decays
from setaria.flywheel.fit.fitted import Fitted
from setaria.flywheel.histories.histories import Histories

NODES = 16


@dataclass(frozen=True, slots=True)
class Scores:
    """H households. `facts` (H x D) and `amounts` (H x currencies, minor units) are expectations over `days`."""

    households: Texts
    days: float
    alive: Floats
    frailty: Floats
    facts: Floats
    amounts: Floats
    touchpoints: tuple[str, ...]
    currencies: tuple[str, ...]

    def write(self, path: Path) -> None:
        """CSV, a household a row; amounts in whole minor units."""
        with path.open("w", newline="", encoding="utf-8") as out:
            rows = csv.writer(out)
            rows.writerow(
                [
                    "household",
                    "alive",
                    "factor",
                    *(f"amount_{code}_{self.days:g}_days" for code in self.currencies),
                    *(f"facts_{_plain(name)}" for name in self.touchpoints),
                ]
            )
            for h, name in enumerate(self.households):
                amounts = [round(each) for each in self.amounts[h]]
                counts = [f"{each:.4f}" for each in self.facts[h]]
                rows.writerow([_plain(str(name)), f"{self.alive[h]:.4f}", f"{self.frailty[h]:.4f}", *amounts, *counts])


def _plain(text: str) -> str:
    """A spreadsheet must not take a name for a formula."""
    return "'" + text if text[:1] in "=+-@\t\r" else text


def scores(histories: Histories, fitted: Fitted, days: float = 90.0) -> Scores:
    """`fitted` with each household's posterior, as `fit.flywheel.expected` returns it."""
    assert len(fitted.living) == len(histories)
    parameters = fitted.parameters
    types = histories.types
    side = types * len(parameters.decays)
    later = expm(augmented(parameters) * days)[side:, :side]
    starts = fitted.living * parameters.baseline
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    grown = np.zeros((types, types))
    for node, weight in zip((nodes + 1) / 2 * days, weights / 2 * days, strict=True):
        alive = np.exp(-parameters.churn_rate * node)
        grown += weight * alive * (np.eye(types) + descendants(parameters, days - node))
    facts = _states(histories, parameters.decays) @ later.T + starts @ grown.T
    return Scores(
        histories.households,
        days,
        fitted.alive,
        fitted.frailty,
        facts,
        facts @ fitted.mean_amounts.T,
        histories.names,
        histories.currencies,
    )


def _states(histories: Histories, rates: Floats) -> Floats:
    """H x (D K), [parent, decay]: each household's decayed facts at its end."""
    decays = Decays.of(rates, histories.grain)
    shift = 1.0 if histories.grain == "day" else 0.0
    ages = histories.end[histories.owner] - histories.times
    made = np.zeros((len(histories), histories.types, len(rates)))
    for k, rate in enumerate(rates):
        # What later days can still see of a fact is its mass; that of the first such day is its jump.
        left = np.exp(-rate * ages) * (decays.mass[k] if shift else 1.0)
        np.add.at(made[:, :, k], (histories.owner, histories.kinds.astype(np.int64)), left)
    return made.reshape(len(histories), -1)
