"""Draws the README's picture of the sample's report: `python docs/studies/sample.py` writes sample.svg. Simulated."""

from __future__ import annotations

from pathlib import Path

import msgspec
from flywheel_pictures import of_report

from setaria.flywheel.analyse import analyse
from setaria.flywheel.datasets import load_sample

if __name__ == "__main__":
    report = msgspec.to_builtins(analyse(load_sample()))
    said = "identified" if report["identified"] else "not identified"
    notes = [f"800 simulated households that do not exist. Verdict of this report: {said}."]
    Path(__file__).with_name("sample.svg").write_text(
        of_report(report, "What leads to what: the sample", notes), encoding="utf-8"
    )
