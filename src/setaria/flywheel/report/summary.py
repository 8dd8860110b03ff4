"""The report for who works in Python: as in the terminal."""

from __future__ import annotations

from setaria.flywheel.report.report import Report


def print_summary(report: Report, language: str = "en") -> None:
    from rich.console import Console

    from setaria.flywheel.report.terminal import show

    show(report, language, Console())
