"""The terminal's own way in: whoever can read the hub's data folder may do all in it anyway."""

from __future__ import annotations

import contextlib
import hmac
import os
from pathlib import Path
from typing import Final

from setaria.home.accounts.codes import BEARER, make_value

FILE: Final = "terminal"
MARK: Final = BEARER + "terminal_"
LONGEST: Final = 4_096  # bytes of the file


class TerminalToken:
    """Good for one start of the hub, from the machine itself, with the rights of an owner."""

    def __init__(self) -> None:
        self.value = MARK + make_value()

    def is_it(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(errors="replace"), self.value.encode())

    def write(self, folder: Path, address: str) -> None:
        """Two lines: the token, and where the hub is. The file appears whole, for its owner only."""
        made = folder / f".{FILE}.{os.getpid()}"
        made.unlink(missing_ok=True)
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{self.value}\n{address}\n")
        made.replace(folder / FILE)

    def remove(self, folder: Path) -> None:
        """Unless another start has put its own there."""
        with contextlib.suppress(OSError):
            if (folder / FILE).read_text("ascii", errors="replace")[:LONGEST].startswith(self.value):
                (folder / FILE).unlink()
