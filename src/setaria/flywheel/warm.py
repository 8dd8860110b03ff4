"""python -m setaria.flywheel.warm: compiles every kernel once, on a data set of a few households, so that nobody waits.

What is compiled stays on disk (see `compiled`); what earlier sources left there for a month goes. Ends well where the
extra setaria[flywheel] is not installed.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TextIO

EXTRA: Final = ("numpy", "scipy", "numba", "pyarrow")
MONTH: Final = 30 * 86_400  # seconds
HOUSEHOLDS: Final = 60  # enough that a part of them is held out


def main(out: TextIO = sys.stdout) -> None:
    missing = [each for each in EXTRA if importlib.util.find_spec(each) is None]
    if missing:
        print(f"flywheel: {', '.join(missing)} not installed (setaria[flywheel]); nothing to compile", file=out)
        return
    begun = time.process_time()
    clear_old(Path(__file__).parent / "__pycache__", time.time())
    shown = out.isatty()
    for done, total in steps():
        if shown:
            print(f"\rflywheel: compiling kernels, {done} of {total}", end="", file=out, flush=True)
    print(f"{chr(13) if shown else ''}flywheel: kernels ready ({time.process_time() - begun:.0f} CPU s)", file=out)


def clear_old(folder: Path, now: float) -> None:
    """Kernels of other sources, untouched for a month: another working copy of today may still want its own."""
    for old in folder.glob("kernels-*"):
        if now - max((each.stat().st_mtime for each in (old, *old.rglob("*"))), default=now) > MONTH:
            shutil.rmtree(old, ignore_errors=True)


def steps() -> Iterator[tuple[int, int]]:
    """Runs every kernel; yields how many of how many steps are done."""
    import warnings

    from setaria.flywheel.histories.histories import Histories

    warnings.simplefilter("ignore")  # of numerical kind, from so few facts
    histories = _simulated()
    todo: tuple[Callable[[Histories], Any], ...] = (_refunded, _fitted, _analysed)
    for done, step in enumerate(todo):
        yield done, len(todo)
        step(histories)
    yield len(todo), len(todo)


def _simulated() -> Any:
    import numpy as np

    from setaria.flywheel.histories.histories import Touchpoint
    from setaria.flywheel.parameters import Parameters
    from setaria.flywheel.simulate.branching import simulate

    truth = Parameters(
        decays=np.array([1 / 7]),
        baseline=np.array([0.02, 0.02, 0.0]),
        excitation=np.full((3, 3, 1), 0.1) * np.array([1.0, 1.0, 0.0])[:, None, None],
        shared_variance=0.5,
        own_variance=np.array([0.5, 0.5, 0.0]),
        churn_rate=1e-3,
    )
    return simulate(
        truth,
        touchpoints=(Touchpoint("visit"), Touchpoint("order"), Touchpoint("promotion", receives=False)),
        households=HOUSEHOLDS,
        seed=1,
        amounts=(0, 1_000, 0),
        sent=(0.0, 0.0, 0.01),
    )


def _refunded(histories: Any) -> None:
    import numpy as np

    from setaria.flywheel.histories.refunds import settle

    one = np.ones(1, dtype=np.int64)
    settle(one.copy(), one, one, one.copy(), one, one)


def _fitted(histories: Any) -> None:
    from setaria.flywheel.fit.flywheel import Flywheel
    from setaria.flywheel.parameters import Specification

    Flywheel(Specification(decays=(1 / 7,)), gain=1.0).fit(histories)


def _analysed(histories: Any) -> None:
    from setaria.flywheel.analyse import FAST, analyse

    analyse(histories, specification=FAST, costs={"promotion": 100.0})


if __name__ == "__main__":
    main()
