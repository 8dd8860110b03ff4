"""Data to try things on: two sets of real households, from packages that are installed apart, and a simulated one."""

from __future__ import annotations

from setaria.flywheel.datasets.cdnow import load_cdnow
from setaria.flywheel.datasets.completejourney import load_completejourney
from setaria.flywheel.datasets.sample import load_sample

__all__ = ["load_cdnow", "load_completejourney", "load_sample"]
