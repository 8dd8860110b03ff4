"""QR codes as SVG that a page with a strict policy may show: attributes only, no style."""

from __future__ import annotations

import io
from typing import Final

LONGEST: Final = 512  # characters
QUIET: Final = 4  # modules around it (ISO/IEC 18004)


def svg_of(text: str) -> str:
    """Black on white in both looks: a reader needs the contrast."""
    import segno

    assert len(text) <= LONGEST
    written = io.BytesIO()
    made = segno.make(text, error="m", micro=False)
    made.save(written, kind="svg", border=QUIET, dark="#000", light="#fff", xmldecl=False, omitsize=True, nl=False)
    return written.getvalue().decode()
