"""CDNOW: purchases of all who first bought at an online shop in early 1997, for 18 months (Fader and Hardie)."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from setaria.flywheel.datasets.installed import file_of
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.histories.readers import from_arrow

LAST: Final = "1998-06-30"
NOW: Final = 899_251_200_000_000  # 1998-07-01


def load_cdnow() -> Histories:
    """69,659 purchases of 23,570 customers, one touchpoint, by the day: purchases on one day are one
    fact, as BG/NBD counts them. Each is watched from the first purchase, which is not counted, to 30 June 1998.
    """
    text = file_of("lifetimes", "lifetimes", "datasets/CDNOW_master.txt").read_text(encoding="ascii")
    words = text.split()[4:]  # the first four are the head
    lines = pa.table({"household": words[0::4], "time": words[1::4], "amount": words[3::4]})
    return from_arrow(
        lines, amount="amount", touchpoint="purchase", money="USD", end=LAST, grain="day", now=NOW, name="CDNOW"
    )
