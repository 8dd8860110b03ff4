"""The terminal. `setaria hub` must be up in a moment on a small board: it is answered before typer is even imported."""

from __future__ import annotations

import sys
from typing import Final

_ASKS: Final = frozenset({"--help", "-h", "--show-completion", "--install-completion"})


def main() -> int:
    arguments = sys.argv[1:]
    if arguments[:1] == ["hub"] and not _ASKS & set(arguments):
        from setaria.cli.hub import run_hub

        return run_hub(arguments[1:])
    from setaria.cli.tree import run

    return run(arguments)
