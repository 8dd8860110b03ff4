"""What lifetimes 0.11.3 says about CDNOW, as JSON; run by a Python that has it.

Standard input: {"parameters": [[r, alpha, a, b], ...], "cut": "1997-09-30", "days": 270}, times in days.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import lifetimes
import numpy as np
import pandas as pd
from lifetimes.utils import summary_data_from_transaction_data

FILE = Path(lifetimes.__file__).parent / "datasets" / "CDNOW_master.txt"


def figures(table: Any, parameters: list[float], days: float) -> dict[str, Any]:
    """Of one table of frequency, recency and T, at given parameters."""
    model = lifetimes.BetaGeoFitter()
    model.params_ = pd.Series(parameters, index=["r", "alpha", "a", "b"])
    columns = [table[name].to_numpy() for name in ("frequency", "recency", "T")]
    every = [
        -model._negative_log_likelihood(np.log(parameters), *(np.array([each]) for each in row), np.ones(1), 0.0)
        for row in zip(*(column[::40] for column in columns), strict=True)
    ]
    whole = -model._negative_log_likelihood(np.log(parameters), *columns, np.ones(len(table)), 0.0)
    return {
        "log_likelihoods": every,
        "log_likelihood": whole * len(table),
        "expected": model.conditional_expected_number_of_purchases_up_to_time(days, *columns).tolist(),
        "alive": model.conditional_probability_alive(*columns).tolist(),
    }


def main() -> None:
    asked = json.load(sys.stdin)
    frame = pd.read_csv(FILE, sep=r"\s+", dtype={"customer_id": str, "date": str})
    frame["date"] = pd.to_datetime(frame["date"], format="%Y%m%d")
    table = summary_data_from_transaction_data(
        frame, "customer_id", "date", observation_period_end=asked["cut"]
    ).sort_index()
    began = time.process_time()
    fitted = lifetimes.BetaGeoFitter().fit(table["frequency"], table["recency"], table["T"])
    took = time.process_time() - began
    json.dump(
        {
            "file": str(FILE),
            "frequency": table["frequency"].tolist(),
            "recency": table["recency"].tolist(),
            "age": table["T"].tolist(),
            "fitted": [float(fitted.params_[name]) for name in ("r", "alpha", "a", "b")],
            "cpu_seconds": took,
            "at": [figures(table, each, asked["days"]) for each in asked["parameters"]],
        },
        sys.stdout,
    )


main()
