"""Tones as a terminal shows them."""

from __future__ import annotations

from typing import Final

from setaria.home.telling.state import Tone

STYLES: Final = {Tone.PLAIN: "", Tone.ON: "yellow", Tone.OFF: "bright_black", Tone.CARE: "red"}
"""For rich: few colours, and only those that a light and a dark terminal both show."""
