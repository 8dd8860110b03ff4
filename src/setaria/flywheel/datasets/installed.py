"""Where an optional package keeps its data, without importing the package."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from setaria.facts.refused import Refused


def folder_of(package: str, distribution: str) -> Path:
    """Raises Refused("flywheel_dataset_missing") when it is not installed."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise Refused("flywheel_dataset_missing", package=distribution)
    return Path(found.submodule_search_locations[0])


def file_of(package: str, distribution: str, inside: str) -> Path:
    path = folder_of(package, distribution) / inside
    if not path.is_file():
        raise Refused("flywheel_dataset_missing", package=distribution)
    return path
