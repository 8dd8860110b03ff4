"""The interface that is committed was built from the sources that are committed."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from setaria.web.static_files import FOLDER, listing

UI = Path(__file__).parents[2] / "ui"


@pytest.mark.skipif(not UI.is_dir(), reason="an installed package has no sources of the interface")
def test_the_build_is_of_these_sources() -> None:
    spec = importlib.util.spec_from_file_location("stamp", UI / "stamp.py")
    assert spec is not None
    assert spec.loader is not None
    stamp = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stamp)
    assert stamp.is_fresh(), "the interface was changed and not built: make ui"


def test_the_page_names_only_what_is_there() -> None:
    served = listing(FOLDER)
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    named = re.findall(r'(?:src|href)="(/[^"]+)"', page)
    assert named
    assert [name for name in named if name not in served] == []


def test_nothing_in_the_pages_leads_out_of_the_home() -> None:
    """No script, style or picture comes from elsewhere; what is left are names, not addresses that are asked."""
    known = ("http://www.w3.org/", "https://svelte.dev/e/", "https://lucide.dev")
    for path in FOLDER.rglob("*"):
        if path.suffix not in (".js", ".css", ".html", ".webmanifest"):
            continue
        for found in re.findall(r"""https?://[^\s"'`)<>\\]+""", path.read_text(encoding="utf-8")):
            assert found.startswith(known) or "${" in found or found in ("http://", "https://"), (path.name, found)
