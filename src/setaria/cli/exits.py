"""What `setaria` ends with, for scripts that ask."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Exit(IntEnum):
    OK = 0
    REFUSED = 1
    USAGE = 2
    NO_HUB = 3
    UNREACHABLE = 4
    INTERRUPTED = 130


_BY_CODE: Final = {
    "no_hub": Exit.NO_HUB,
    "thing_unreachable": Exit.UNREACHABLE,
    "option_unusable": Exit.USAGE,
}


def exit_of(code: str) -> Exit:
    """The exit of a refusal's code."""
    return _BY_CODE.get(code, Exit.REFUSED)
