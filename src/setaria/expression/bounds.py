"""What an expression may cost. The language has no loop, so a program takes at most one step a node: 512 of them."""

from __future__ import annotations

from typing import Final

MAX_SOURCE: Final = 4_096  # characters
MAX_DEPTH: Final = 32  # of nesting, and of the tree
MAX_NODES: Final = 512  # of a whole expression or template
MAX_TEXT: Final = 16_384  # characters of any text it makes
MAX_ITEMS: Final = 1_000  # values in any list or dictionary it makes, nested ones counted
MAX_INTEGER: Final = 2**63 - 1
MAX_JSON: Final = 65_536  # characters of text it reads as JSON
MAX_FORMAT: Final = 256  # characters of a pattern for numbers or times
