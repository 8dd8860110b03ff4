"""The one form in which a bench says what it measured: `claim | ours | peer | holds`."""

from __future__ import annotations

import gc
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Final

LOOP: Final = 2_000_000
SYNCS: Final = 50


class Claims:
    """Prints each claim as it is known; `end` exits with 1 when one did not hold."""

    def __init__(self, title: str) -> None:
        self.failed = 0
        print(f"\n{title}\n  {machine()}\n  claim | ours | peer | holds", flush=True)

    def claim(self, text: str, ours: str, peer: str, holds: bool) -> None:
        self.failed += not holds
        print(f"  {text} | {ours} | {peer} | {'holds' if holds else 'DOES NOT HOLD'}", flush=True)

    def note(self, text: str) -> None:
        print(f"    {text}", flush=True)

    def end(self) -> None:
        sys.exit(1 if self.failed else 0)


def machine() -> str:
    """What the figures stand on: a shared or throttled machine shows here first."""
    gc.collect()
    began, cpu = time.perf_counter(), time.process_time()
    total = 0
    for number in range(LOOP):
        total += number
    took = time.perf_counter() - began
    share = (time.process_time() - cpu) / took
    with tempfile.NamedTemporaryFile() as file:
        began = time.perf_counter()
        for _ in range(SYNCS):
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
        syncs = SYNCS / (time.perf_counter() - began)
    return (
        f"machine: {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {LOOP / took / 1e6:.0f} million loop steps/s"
        f" at {share:.0%} of a CPU, {syncs:,.0f} fsync/s, Python {sys.version.split()[0]}"
    )


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
