"""The house of DESIGN.md, enforced on every import in src, those inside functions included."""

from __future__ import annotations

import ast
import functools
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import setaria

SOURCE = Path(setaria.__file__).parent
PROJECT = SOURCE.parents[1]
MAX_LINES = 600  # 400 is the smell, this is the wall

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"facts", "money", "words", "rights", "expression"}),
    frozenset({"home"}),
    frozenset({"community", "market", "stores", "releases", "services", "books", "flywheel"}),
    frozenset({"radio", "notifiers"}),
    frozenset({"simulated", "uplink", "web", "upkeep"}),
    frozenset({"cli", "app"}),
)
DOMAINS = LAYERS[2]
LAYER_OF = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
# What is below everything: how to say no, and what time it is.
FOUNDATION = frozenset({"setaria.facts.refused", "setaria.facts.clock"})
PROTOCOLS = frozenset({"miio", "mqtt", "ble", "mesh", "infrared", "matter"})
# Licences that ours cannot carry.
FORBIDDEN = frozenset({"miio", "python_miio", "hawkmoth", "MySQLdb", "PyQt5", "PyQt6"})
# Where the import's name is not the distribution's.
DISTRIBUTIONS = {"yaml": "pyyaml", "argon2": "argon2_cffi"}


def imports(tree: ast.Module, module: str, package: bool) -> Iterator[str]:
    """Full names; `from a import b` is `a.b`, whether b is a module or stands in one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".") if package else module.split(".")[:-1]
                base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
            yield from (f"{base}.{name.name}" for name in node.names)


def room_of(module: str) -> str:
    """`setaria.radio.miio.codec` is in room `radio.miio`, `setaria.home.state` in `home`."""
    _, *parts = module.split(".")
    if not parts:
        return ""
    if parts[0] == "radio" and len(parts) > 1 and (parts[1] in PROTOCOLS or (SOURCE / "radio" / parts[1]).is_dir()):
        return ".".join(parts[:2])
    return parts[0]


def within(name: str, module: str) -> bool:
    return name == module or name.startswith(module + ".")


def objection(importer: str, imported: str) -> str | None:
    if not within(imported, "setaria") or imported in ("setaria", "setaria.__version__"):
        return None
    if any(within(imported, base) for base in FOUNDATION):
        return None
    mine, theirs = room_of(importer), room_of(imported)
    if mine == theirs or mine == "":
        return None
    top, their_top = mine.split(".")[0], theirs.split(".")[0]
    if top not in LAYER_OF or their_top not in LAYER_OF:
        return f"{importer} imports {imported}: DESIGN.md has no such room"
    if their_top == "app" and top != "cli":
        return f"{importer} imports {imported}: only cli may"
    if LAYER_OF[their_top] < LAYER_OF[top] or (top, their_top) == ("cli", "app"):
        return None
    if {top, their_top} <= DOMAINS and within(imported, f"setaria.{their_top}.facts"):
        return None
    # What all radios share stands beside their folders.
    if top == their_top == "radio" and theirs == "radio":
        return None
    return f"{importer} imports {imported}: from {theirs} into {mine}"


def modules() -> Iterator[tuple[str, bool, Path]]:
    for path in sorted(SOURCE.rglob("*.py")):
        parts = ["setaria", *path.relative_to(SOURCE).with_suffix("").parts]
        package = parts[-1] == "__init__"
        yield ".".join(parts[:-1] if package else parts), package, path


@functools.cache
def every_import() -> tuple[tuple[str, str], ...]:
    return tuple(
        (module, name)
        for module, package, path in modules()
        for name in imports(ast.parse(path.read_text(encoding="utf-8")), module, package)
    )


def test_layers() -> None:
    wrong = [text for importer, imported in every_import() if (text := objection(importer, imported))]
    assert not wrong, "\n".join(wrong)


def test_every_room_is_in_the_design() -> None:
    here = {path.stem for path in SOURCE.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert sorted(here - LAYER_OF.keys() - {"__init__", "__pycache__", "__main__", "py"}) == []


@pytest.mark.parametrize(
    ("importer", "imported", "right"),
    [
        ("setaria.home.state", "setaria.facts.log.Log", True),
        ("setaria.home.state", "setaria.home.linkage.run", True),
        ("setaria.home.state", "setaria.market.facts.Paid", False),
        ("setaria.facts.log", "setaria.money.Money", False),
        ("setaria.money", "setaria.facts.refused.Refused", True),
        ("setaria.words.format", "setaria.facts.clock.DAY", True),
        ("setaria.words.format", "setaria.facts.clock", True),
        ("setaria.words.format", "setaria.facts.log.Log", False),
        ("setaria.words.format", "setaria.facts.clockwork.X", False),
        ("setaria.rights.rule", "setaria.words.say", False),
        ("setaria.books.react", "setaria.market.facts.Paid", True),
        ("setaria.books.react", "setaria.market.facts", True),
        ("setaria.books.react", "setaria.market.facts_of_life.X", False),
        ("setaria.books.react", "setaria.market.state.Order", False),
        ("setaria.radio.mqtt.radio", "setaria.radio.miio.codec", False),
        ("setaria.radio.miio.radio", "setaria.radio.miio.codec.X", True),
        ("setaria.radio.miio.radio", "setaria.home.ports.Radio", True),
        ("setaria.radio.miio.radio", "setaria.radio.backoff.Backoff", True),
        ("setaria.radio.miio.radio", "setaria.web.api", False),
        ("setaria.simulated.server", "setaria.radio.miio.codec", True),
        ("setaria.simulated.server", "setaria.uplink.send", False),
        ("setaria.web.api", "setaria.app.build", False),
        ("setaria.app", "setaria.web.api.routes", True),
        ("setaria.app", "setaria.cli.main", False),
        ("setaria.cli.up", "setaria.app.build", True),
        ("setaria.cli.up", "setaria.__version__", True),
        ("setaria.toys.x", "setaria.home.state", False),
        ("setaria.home.x", "msgspec.json", True),
    ],
)
def test_the_rule_itself(importer: str, imported: str, right: bool) -> None:
    assert (objection(importer, imported) is None) is right


def test_imports_are_found_wherever_they_stand() -> None:
    source = "import a.b\nfrom c import d as e\ndef f():\n from . import g\n from ..h import i\n from .. import j\n"
    found = set(imports(ast.parse(source), "setaria.home.x", package=False))
    assert found == {"a.b", "c.d", "setaria.home.g", "setaria.h.i", "setaria.j"}
    assert set(imports(ast.parse("from .x import y"), "setaria.home", package=True)) == {"setaria.home.x.y"}


def foreign() -> dict[str, str]:
    """The top name of each import that is neither ours nor Python's, and where it stands."""
    return {
        name.split(".")[0]: module
        for module, name in every_import()
        if name.split(".")[0] not in sys.stdlib_module_names | {"setaria"}
    }


def test_nothing_under_the_gpl_is_imported() -> None:
    assert foreign().keys() & FORBIDDEN == set()


def test_what_is_imported_is_declared() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project.get("optional-dependencies", {})
    wanted = [*project["dependencies"], *(each for name, group in extras.items() if name != "dev" for each in group)]
    declared = {re.split(r"[\s<>=!~\[;]", each)[0].lower().replace("-", "_") for each in wanted}
    missing = {
        name: where for name, where in foreign().items() if DISTRIBUTIONS.get(name, name.lower()) not in declared
    }
    assert missing == {}


def test_no_file_is_a_god() -> None:
    lines = {path.relative_to(PROJECT): path.read_text(encoding="utf-8").count("\n") for _, _, path in modules()}
    assert {path: count for path, count in lines.items() if count >= MAX_LINES} == {}
