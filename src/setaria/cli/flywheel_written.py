"""What a simulation writes: its events, and its assignments by lot."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from setaria.flywheel.histories.histories import Histories
    from setaria.flywheel.simulate.world.run import Run


def write_events(histories: Histories, out: Any) -> int:
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("household", "time", "event", "amount"))
    names, priced = histories.names, (histories.currency >= 0).tolist()
    for place, (who, day, kind, amount) in enumerate(
        zip(
            histories.owner.tolist(),
            histories.times.tolist(),
            histories.kinds.tolist(),
            histories.amounts.tolist(),
            strict=True,
        )
    ):
        when = _moment(day * 86_400)
        shown = f"{amount // 100}.{amount % 100:02}" if priced[place] and amount >= 0 else ""
        writer.writerow((histories.households[who], when, names[kind], shown))
    return int(histories.facts)


def write_lots(lived: Run, out: Any) -> None:
    from setaria.flywheel.simulate.world.kinds import ASSIGNED

    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("experiment", "household", "arm", "time", "probability"))
    for fact in lived.facts():
        if fact.kind == ASSIGNED:
            body, when = fact.body, _moment(fact.time / 1e6)
            writer.writerow((body["experiment"], fact.household, body["arm"], when, f"{body['probability']:.6g}"))


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"
