"""Where a hub's data lies, and which ports are free."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Final

from setaria.facts.refused import Refused

SAMPLE_FOLDER: Final = Path("var/sample")
LOG: Final = "log.db"
PORTS_TRIED: Final = 50


def hub_folder() -> Path:
    """The default of `setaria hub`. Source: XDG Base Directory Specification."""
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local/share") / "setaria"


def data_folder(given: Path | None) -> Path:
    """The folder to read when nobody says which: that of `setaria hub`, or of `setaria up` when only that one is."""
    if given is not None:
        return given
    named = os.environ.get("SETARIA_DATA", "")
    if named:
        return Path(named)
    if not (hub_folder() / LOG).exists() and (SAMPLE_FOLDER / LOG).exists():
        return SAMPLE_FOLDER
    return hub_folder()


def free_port(wanted: int, host: str, kind: socket.SocketKind) -> int | None:
    """`wanted`, or the next port above it that nobody holds."""
    for port in range(wanted, min(wanted + PORTS_TRIED, 65_536)):
        if is_free(port, host, kind):
            return port
    return None


def is_free(port: int, host: str, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:  # what a listener that has just ended leaves behind does not count
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def parse_address(text: str) -> tuple[str, int]:
    """`192.168.1.255:54321`, or without a port miIO's. Raises Refused("option_unusable")."""
    host, _, port = text.partition(":")
    try:
        socket.inet_aton(host)
        number = int(port or 54_321)
    except (OSError, ValueError):
        number = 0
    if not 0 < number < 65_536:
        raise Refused("option_unusable", option="--broadcast", value=text[:80])
    return host, number
