"""The first flywheel fit, on the sample that comes along: 800 simulated households. Needs setaria[flywheel].

python examples/flywheel/first_fit.py [PAGE.html]
"""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from setaria.flywheel.analyse import analyse
from setaria.flywheel.answers.loops import flywheel_number
from setaria.flywheel.answers.value import indirect
from setaria.flywheel.datasets import load_sample
from setaria.flywheel.fit.flywheel import Flywheel
from setaria.flywheel.parameters import Specification
from setaria.flywheel.report.html import to_html
from setaria.flywheel.report.terminal import show

console = Console(highlight=False, width=110)
histories = load_sample()
console.print(f"{len(histories)} households, {histories.facts:,} facts: {', '.join(histories.names)}")

# One specification by itself: shared frailty, and decays of a week and a month and a half.
specification = Specification(decays=(1 / 7, 1 / 45), own=False, churn=False, calendar=False)
fitted = Flywheel(specification).fit(histories)
number = fitted.estimates(flywheel_number, floor=0.0)[0]
console.print(
    f"flywheel number {number.value:.2f} ({number.low:.2f} to {number.high:.2f}), by one specification of five"
)
for name, brings in zip(histories.names, fitted.estimates(indirect), strict=True):  # amounts in fen
    console.print(
        f"{name:12} leads to CNY {brings.value / 100:8.2f} ({brings.low / 100:.2f} to {brings.high / 100:.2f})"
    )

# Everything: all five specifications, money to the cent, checks, a verdict.
report = analyse(histories)
show(report, "en", console)
if len(sys.argv) > 1:
    Path(sys.argv[1]).write_text(to_html(report, "en"), encoding="utf-8")
