"""What a naive flywheel number measures: simulated truths, and what each of the five specifications says of them.

`python docs/studies/naive.py` writes naive_results.json; some minutes on one core. Seeded: the same each time.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

sys.path.append(str(Path(__file__).parents[2]))

from bench.flywheel_truths import DECAYS, confounded

from setaria.flywheel.fit.fitted import Fitted
from setaria.flywheel.fit.flywheel import Flywheel
from setaria.flywheel.fit.specifications import ladder
from setaria.flywheel.parameters import Specification

RESULTS: Final = Path(__file__).parent / "naive_results.json"
HOUSEHOLDS: Final = 3_000
SEED: Final = 1
KINDS: Final = ("shared", "own", "churn", "season")
NUMBERS: Final = (0.0, 0.4)


def numbers(kind: str, number: float) -> dict[str, Any]:
    """The flywheel number by each specification, of one simulated set."""
    truth = confounded(kind, SEED, number=number)
    histories = truth.made(HOUSEHOLDS, SEED)
    made: dict[str, Any] = {"truth": round(truth.parameters.flywheel_number, 4), "facts": histories.facts}
    last: Fitted | None = None
    for place, (name, specification) in enumerate(ladder(Specification(decays=DECAYS)).items()):
        # Frailty needs a start of its own: the naive excitation is far too strong.
        last = Flywheel(specification, workers=1).fit(histories, start=last if place > 1 else None, intervals=False)
        made[name] = round(last.parameters.flywheel_number, 4)
    return made


def main() -> None:
    results: dict[str, Any] = {"households": HOUSEHOLDS, "seed": SEED}
    for number in NUMBERS:
        for kind in KINDS:
            results[f"{kind} {number:g}"] = numbers(kind, number)
            sys.stdout.write(f"{kind} {number:g}: {json.dumps(results[f'{kind} {number:g}'])}\n")
            sys.stdout.flush()
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
