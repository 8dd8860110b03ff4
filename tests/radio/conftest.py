"""No property test fails for being slow: how busy the machine is says nothing of the code."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("setaria", deadline=None)
settings.load_profile("setaria")
