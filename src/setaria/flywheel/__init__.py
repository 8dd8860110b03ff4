"""How one thing leads to another, and what it earns: a library that stands alone.

    from setaria import flywheel

    histories = flywheel.from_csv("events.csv", household="customer_id", time="ts", kind="event", amount="amount")
    fitted = flywheel.Flywheel().fit(histories)      # the model
    report = flywheel.analyse(histories)             # everything that can be said, checked
    flywheel.print_summary(report)
    flywheel.plot_values(report)

Names are read when they are first asked for: a hub imports parts of this room that need no NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

_NAMES: Final = {
    "Flywheel": "fit.flywheel",
    "Specification": "parameters",
    "Parameters": "parameters",
    "analyse": "analyse",
    "from_csv": "histories.readers",
    "from_parquet": "histories.readers",
    "from_arrow": "histories.readers",
    "from_pandas": "histories.readers",
    "from_polars": "histories.readers",
    "from_facts": "histories.facts",
    "read_assignments": "histories.assignments_in",
    "assignments_from_facts": "histories.assignments_facts",
    "load_sample": "datasets",
    "load_completejourney": "datasets",
    "load_cdnow": "datasets",
    "print_summary": "report.summary",
    "to_html": "report.html",
    "plot_values": "report.plots",
    "plot_leads": "report.plots",
    "plot_specifications": "report.plots",
    "plot_back_test": "report.plots",
    "scores": "answers.scores",
}


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_NAMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_NAMES)
