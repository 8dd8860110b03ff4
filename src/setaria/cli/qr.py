"""A QR code in half blocks, two modules to a cell."""

from __future__ import annotations

from typing import Final

QUIET: Final = 2  # modules around it: ISO/IEC 18004 asks for 4, and phones are content with less on a screen
_CELLS: Final = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}  # light modules are drawn
LIGHT: Final = "\x1b[38;5;231;48;5;16m"  # of the fixed part of the palette, which no theme changes
PLAIN: Final = "\x1b[0m"


def qr_lines(text: str) -> list[str]:
    """To be drawn light on dark, all of the same width."""
    import segno

    rows = [list(row) for row in segno.make(text, error="l", micro=False).matrix_iter(border=QUIET)]
    if len(rows) % 2:
        rows.append([1] * len(rows[0]))  # nothing below the last
    return [
        "".join(_CELLS[bool(upper), bool(lower)] for upper, lower in zip(rows[at], rows[at + 1], strict=True))
        for at in range(0, len(rows), 2)
    ]


def painted(lines: list[str]) -> str:
    """For a terminal, as one text."""
    return "\n".join(f"{LIGHT}{line}{PLAIN}" for line in lines)
