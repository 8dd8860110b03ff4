"""One way to compile a kernel: no GIL, and kept on disk, so that only the first run after installation waits.

Numba looks at the file of a kernel alone when it asks whether what it kept is still true, and not at the kernels that
it took in from other files. So what is kept lies in a folder named after all of this room's sources together.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])

_ROOM = Path(__file__).parent


def compiled(kernel: F) -> F:
    return _kept(kernel, fastmath=False)


def fast(kernel: F) -> F:
    """As `compiled`, and sums may be reordered: for dense arithmetic without NaN or infinity in it."""
    return _kept(kernel, fastmath={"reassoc", "contract", "nsz", "arcp"})


def _kept(kernel: F, *, fastmath: bool | set[str]) -> F:
    settings: Any = numba.config
    before = settings.CACHE_DIR
    settings.CACHE_DIR = _folder() or before
    try:
        return cast("F", numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=fastmath)(kernel))
    finally:
        settings.CACHE_DIR = before


@functools.cache
def _folder() -> str:
    """Empty where the package cannot be written beside: Numba then has a folder of the user's."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(_ROOM.rglob("*.py")):
        source = path.read_bytes()
        if b"flywheel.compiled" in source or path.parent.name == "kernels" or path == Path(__file__):
            digest.update(source)
    folder = _ROOM / "__pycache__" / f"kernels-{digest.hexdigest()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return ""
    return str(folder) if os.access(folder, os.W_OK) else ""
