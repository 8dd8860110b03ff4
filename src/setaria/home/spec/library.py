"""The instances at hand: those shipped with Setaria, a household's own, which win, and those that things bring."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from setaria.facts.refused import Refused
from setaria.home.spec.load import load, model_of
from setaria.home.spec.model import Spec, near_matches

SHIPPED: Final = Path(__file__).parent / "instances"
MODELS: Final = 10_000  # of one folder; what is beyond is not looked at
BROUGHT: Final = "setaria."  # how the model of a thing begins that describes itself


class SpecLibrary:
    """Files are named TYPE__MODEL.json or MODEL.json. A file is read when its model is first asked for, and kept."""

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        """Of two folders with the same model the later wins; a folder that does not exist yet is empty."""
        self._folders = (SHIPPED, *folders)
        self._files: dict[str, Path] = {}
        self._specs: dict[str, Spec] = {}
        self._brought: dict[str, tuple[bytes, Spec]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Look at the folders again, forgetting what was read."""
        self._specs.clear()
        self._files = {model: file for folder in self._folders for model, file in _listed(folder)}

    def models(self) -> tuple[str, ...]:
        return tuple(sorted({*self._files, *self._brought}))

    def __contains__(self, model: object) -> bool:
        return model in self._files or model in self._brought

    def put(self, model: str, content: bytes) -> Spec:
        """Of a thing that describes itself, in place of what it said before. Raises Refused: `spec_unreadable`."""
        known = self._brought.get(model)
        if known is None or known[0] != content:
            known = self._brought[model] = (content, load(content, model))
        return known[1]

    def drop(self, model: str) -> None:
        self._brought.pop(model, None)

    def brought(self, model: str) -> bytes:
        """What a thing said of itself, as it was put; b"" for none."""
        known = self._brought.get(model)
        return known[0] if known is not None else b""

    def get(self, model: str) -> Spec:
        """Raises Refused: `spec_unknown`, `spec_unreadable`."""
        brought = self._brought.get(model)
        if brought is not None:
            return brought[1]
        spec = self._specs.get(model)
        if spec is None:
            file = self._files.get(model)
            if file is None:
                raise Refused("spec_unknown", model=model[:64], near=", ".join(near_matches(model, self._files)))
            spec = self._specs[model] = load(file, model)
        return spec


def _listed(folder: Path) -> Iterable[tuple[str, Path]]:
    try:
        files = sorted(file for file in folder.iterdir() if file.name.endswith(".json"))
    except OSError:
        return ()
    return [(model_of(file), file) for file in files[:MODELS]]
