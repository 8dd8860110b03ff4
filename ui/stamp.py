"""What the built interface was built from: a digest of its sources, kept beside it as `built-from.txt`.

Told without Node, so that a build somebody forgot is found everywhere. `python ui/stamp.py write|check`.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

UI: Final = Path(__file__).parent
BUILT: Final = UI.parent / "src" / "setaria" / "web" / "static"
WORDS: Final = UI.parent / "src" / "setaria" / "words"
STAMP: Final = BUILT / "built-from.txt"
ALONE: Final = ("index.html", "package-lock.json", "svelte.config.js", "tsconfig.json", "vite.config.ts")


def sources() -> Iterator[Path]:
    yield from (UI / name for name in ALONE)
    for folder in (UI / "src", UI / "public"):
        yield from (path for path in folder.rglob("*") if path.is_file())
    yield from WORDS.glob("ui*.json")


def digest() -> str:
    told = hashlib.sha256()
    for path in sorted(sources(), key=lambda each: each.relative_to(UI.parent).as_posix()):
        content = path.read_bytes()
        told.update(f"{path.relative_to(UI.parent).as_posix()}\0{len(content)}\0".encode() + content)
    return told.hexdigest()


def is_fresh() -> bool:
    return STAMP.is_file() and STAMP.read_text(encoding="utf-8").strip() == digest()


if __name__ == "__main__":
    if sys.argv[1:] == ["write"]:
        STAMP.write_text(digest() + "\n", encoding="utf-8")
    elif not is_fresh():
        sys.exit("The interface was changed and not built: make ui")
