"""The one form in which a bench says what it measured: `claim | ours | peer | holds`."""

from __future__ import annotations

import gc
import resource
import sys
import time
from collections.abc import Sequence


class Claims:
    """Prints each claim as it is known; `end` exits with 1 when one did not hold."""

    def __init__(self, title: str) -> None:
        self.failed = 0
        print(f"\n{title}")
        print(f"  {_machine()}")

    def claim(self, text: str, ours: str, peer: str, holds: bool) -> None:
        self.failed += not holds
        print(f"  {text} | {ours} | {peer} | {'holds' if holds else 'DOES NOT HOLD'}", flush=True)

    def note(self, text: str) -> None:
        print(f"    {text}", flush=True)

    def end(self) -> None:
        sys.exit(1 if self.failed else 0)


def _machine() -> str:
    """How fast this machine is right now: a fixed loop, for reading the figures of one run against another's."""
    gc.collect()
    began = time.perf_counter()
    total = 0
    for number in range(2_000_000):
        total += number
    took = time.perf_counter() - began
    return f"machine: a loop of 2,000,000 additions took {took * 1e3:.0f} ms; {sys.version.split()[0]}"


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
