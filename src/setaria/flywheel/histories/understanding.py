"""What was taken for granted about an input, for its reader to check."""

from __future__ import annotations

from setaria.flywheel.histories.rows_in import RowsIn
from setaria.flywheel.histories.table import Frame
from setaria.flywheel.histories.tally import Tally


def explain(tally: Tally, reader: RowsIn, frame: Frame) -> None:
    layout, times = reader.layout, reader.times
    tally.understood(f"time_{times.form}", column=layout.time, unit=times.unit, zone=layout.zone)
    if layout.grain is not None:
        tally.understood(f"grain_{frame.grain}_stated")
    elif frame.offset:
        tally.understood("grain_day_elsewhere", hours=f"{frame.offset / 3_600_000_000:+g}")
    else:
        tally.understood(f"grain_{frame.grain}")
    if "amount" in layout.columns:
        key = "amount_minor" if layout.minor else "amount"
        tally.understood(key, column=layout.amount, currencies=list(frame.currencies) or [layout.money])
        if "currency" not in layout.columns:
            tally.understood("money", currency=layout.money)
    else:
        tally.understood("no_amounts")
    tally.understood("baskets" if "basket" in layout.columns else "baskets_by_time", column=layout.basket)
    if "row" not in layout.columns:
        tally.understood("no_row_ids")
    tally.understood("start_stated" if layout.start is not None else "start_first", start=str(layout.start))
    tally.understood("end_stated" if layout.end is not None else "end_last", end=str(layout.end))
    if layout.windows is not None:
        tally.understood("windows")
    if any(name for name in reader.seen.refund_kinds if frame.place[name] < 0):
        refunds = sorted(name for name in reader.seen.refund_kinds if frame.place[name] < 0)
        tally.understood("refund_kinds", names=refunds)
