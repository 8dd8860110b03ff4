"""A small file of simulated events, and the file of households that belongs to it. See make_sample.py."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.histories.readers import from_csv

HERE: Final = Path(__file__).parent
EVENTS: Final = HERE / "sample.csv.gz"
HOUSEHOLDS: Final = HERE / "sample_households.csv"
NOW: Final = 1_767_225_600_000_000  # 2026-01-01


def load_sample() -> Histories:
    """800 simulated households through 2025 in Shanghai: visit, promotion (sent), band, phone, accessory, linkage use,
    vote. Amounts in CNY. Not one of them exists.
    """
    return from_csv(
        EVENTS,
        household="household",
        time="time",
        kind="event",
        amount="amount",
        basket="order",
        role="role",
        row="id",
        zone="Asia/Shanghai",
        windows=HOUSEHOLDS,
        sends=("promotion",),
        now=NOW,
        name="sample",
        simulated=True,
    )
