"""lifetimes 0.11.3 (MIT) and our BG/NBD on CDNOW's 69,659 purchases of 23,570 customers, which lifetimes carries.

`.venv-foreign` is made from requirements.txt beside this file; another Python that has these may be named in
SETARIA_FOREIGN_PYTHON. Where the continuous integration runs (CI is set), their absence is a failure.
"""

from __future__ import annotations

import json
import os
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from setaria.flywheel.checks.bg_nbd import BgNbd, purchases
from setaria.flywheel.histories.histories import Histories, Touchpoint

ROOT = Path(__file__).parents[2]
PYTHON = Path(os.environ.get("SETARIA_FOREIGN_PYTHON", ROOT / ".venv-foreign" / "bin" / "python"))
SCRIPT = Path(__file__).with_name("lifetimes_figures.py")
EPOCH = date(1970, 1, 1)
CUT = date(1997, 9, 30)  # 39 weeks in, as in the paper
DAYS = 273
PARAMETERS = [[0.243, 30.9, 0.793, 2.426], [1.2, 90.0, 1.9, 3.0], [0.05, 4.0, 0.2, 11.0]]


def _told() -> dict[str, Any]:
    if not PYTHON.exists():
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"{PYTHON} is missing: make it from tests/foreign/requirements.txt")
    done = subprocess.run(
        [str(PYTHON), "-P", "-W", "ignore", str(SCRIPT)],
        input=json.dumps({"parameters": PARAMETERS, "cut": CUT.isoformat(), "days": DAYS}),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _cdnow(file: Path) -> Histories:
    """Everything in the file, after the cut too."""
    rows = sorted((fields[0], fields[1]) for fields in map(str.split, file.read_text().splitlines()[1:]))
    names, first, counts = np.unique([name for name, _ in rows], return_index=True, return_counts=True)
    days = {text: (date.fromisoformat(text) - EPOCH).days for text in {text for _, text in rows}}
    times = np.array([days[text] for _, text in rows], dtype=np.float64)
    return Histories(
        touchpoints=(Touchpoint("purchase"),),
        households=names.astype(object),
        start=times[first],
        end=np.full(len(names), times.max()),
        offsets=np.append(first, first[-1] + counts[-1]).astype(np.int64),
        times=times,
        kinds=np.zeros(len(rows), dtype=np.int16),
        amounts=np.zeros(len(rows), dtype=np.int64),
        currencies=(),
        currency=np.full(len(rows), -1, dtype=np.int8),
        grain="day",
    )


@pytest.mark.foreign
def test_ours_is_the_bg_nbd_of_lifetimes() -> None:
    told = _told()
    histories = _cdnow(Path(told["file"]))
    assert (len(histories), histories.facts) == (23_570, 69_659)

    ours = purchases(histories, (0,), until=float((CUT - EPOCH).days))
    assert len(ours) == len(histories)  # all came in the first quarter
    assert ours.frequency.tolist() == told["frequency"]
    assert ours.recency.tolist() == told["recency"]
    assert ours.age.tolist() == told["age"]

    for parameters, theirs in zip(PARAMETERS, told["at"], strict=True):
        model = BgNbd(*parameters)
        likelihoods = model.log_likelihoods(ours)
        np.testing.assert_allclose(likelihoods[::40], theirs["log_likelihoods"], rtol=1e-9, atol=1e-6)
        assert likelihoods.sum() == pytest.approx(theirs["log_likelihood"], rel=1e-11)
        np.testing.assert_allclose(model.expected(ours, DAYS), theirs["expected"], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(model.alive(ours), theirs["alive"], rtol=1e-9, atol=1e-9)

    fitted = BgNbd.fit(ours)
    best = BgNbd(*told["fitted"]).log_likelihoods(ours).sum()
    assert best - 1e-6 <= fitted.log_likelihood <= best + 0.01
    assert [fitted.r, fitted.alpha, fitted.a, fitted.b] == pytest.approx(told["fitted"], rel=2e-3)
