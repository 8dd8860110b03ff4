"""Each household's outlook, against what happens when the simulation goes on."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from tests.flywheel.fit_worlds import truth, world

from setaria.flywheel.answers.scores import scores
from setaria.flywheel.fit.flywheel import Flywheel, expected, problem_of
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.parameters import Specification

DAYS = 60.0
SPECIFICATION = Specification(decays=(1 / 7,), own=False, calendar=False)


def cut(histories: Histories) -> tuple[Histories, np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """All but the last days, and H x D facts of those days."""
    end = histories.end - DAYS
    before = histories.times <= end[histories.owner]
    later = np.zeros((len(histories), histories.types))
    np.add.at(later, (histories.owner[~before], histories.kinds[~before].astype(np.int64)), 1.0)
    counts = np.bincount(histories.owner[before], minlength=len(histories))
    seen = Histories(
        histories.touchpoints,
        histories.households,
        histories.start,
        end,
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        histories.times[before],
        histories.kinds[before],
        histories.amounts[before],
        histories.currencies,
        histories.currency[before],
    )
    return seen, later


def test_what_is_expected_happens(tmp_path: Path) -> None:
    parameters = truth(number=0.4, shared=1.0, churn=1 / 500, mu=0.01)
    seen, later = cut(world(parameters, 1500, seed=4))
    fitted = Flywheel(SPECIFICATION, workers=1).fit(seen, intervals=False)
    problem, _ = problem_of([seen], SPECIFICATION, fitted.parameters.decays)
    _, fitted = expected(fitted, problem)
    found = scores(seen, fitted, DAYS)
    assert found.facts.sum() / later.sum() == np.clip(found.facts.sum() / later.sum(), 0.92, 1.08)
    # Households in the order of what is expected of them: the upper half does most of what happens.
    order = np.argsort(found.facts.sum(axis=1))
    upper = later[order[len(order) // 2 :]].sum()
    assert upper / later.sum() > 0.75
    assert np.allclose(found.amounts, found.facts @ fitted.mean_amounts.T)
    assert ((found.alive >= 0) & (found.alive <= 1)).all()

    path = tmp_path / "scores.csv"
    found.households[0] = "=1+1"
    found.write(path)
    with path.open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 1501
    assert rows[0][:4] == ["household", "alive", "factor", "amount_CNY_60_days"]
    assert rows[1][0] == "'=1+1"
