"""How the terminal is let in: by the token that a hub leaves in its data folder at each start, or one of one's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from setaria.cli.places import SAMPLE_FOLDER, hub_folder
from setaria.home.accounts.terminal import FILE, LONGEST

TOKEN: Final = "SETARIA_TOKEN"  # noqa: S105  the name of a variable
_HERE: Final = {"localhost": "127.0.0.1", "::1": "127.0.0.1"}


def token_for(address: str, data: Path | None) -> str:
    """Empty when there is none for this very address: what one hub left is never shown to another."""
    if given := os.environ.get(TOKEN, ""):
        return given if given.isascii() and given.isprintable() else ""
    named = os.environ.get("SETARIA_DATA", "")
    folders = [data] if data is not None else [Path(named)] if named else [hub_folder(), SAMPLE_FOLDER]
    for folder in folders:
        token, left_by = _left_in(folder)
        if token and _place(left_by) == _place(address):
            return token
    return ""


def _left_in(folder: Path) -> tuple[str, str]:
    """The token, and the address of the hub that it is for."""
    try:
        with (folder / FILE).open(encoding="ascii", errors="replace") as file:
            lines = file.read(LONGEST).splitlines()
    except OSError:
        return "", ""
    return (lines[0], lines[1]) if len(lines) == 2 and lines[0].isprintable() else ("", "")


def _place(address: str) -> tuple[str, int]:
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        return _HERE.get(host, host), parts.port or 80
    except ValueError:
        return "", 0
