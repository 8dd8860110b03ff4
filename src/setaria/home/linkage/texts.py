"""Text <-> the plain document that a page edits: YAML in, JSON values out, and back as YAML that reads well."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from setaria.facts.refused import Refused
from setaria.home.linkage.document import Node, node_of, plain_as_read, read
from setaria.home.linkage.parse import linkages_in
from setaria.home.linkage.parse_values import Reader

SAFE: Final = 2**53  # a browser's numbers are exact below
_FIRST: Final = (
    *("id", "alias", "description", "enabled", "mode", "max", "cooldown", "rate", "missed", "variables"),
    *("triggers", "trigger", "conditions", "condition", "actions", "action"),
)
_PLACES: Final = {key: place for place, key in enumerate(_FIRST)}
_DOUBTFUL: Final = re.compile(r"(on|off|yes|no|true|false|[-+]?[0-9]+(:[0-9]+)+(\.[0-9]*)?)\Z", re.IGNORECASE)
_OF_BLUEPRINTS: Final = ("blueprint", "use_blueprint")


def documents_of(text: str) -> list[Any]:
    """Each linkage of a text as plain JSON. Raises Refused: `linkage_unreadable`, or `linkage_text_only` when it holds
    what a plain document cannot: a blueprint, or a number that a browser would round."""
    found = [node for document in read(text) for node in linkages_in(Reader(), document)]
    for node in found:
        if any(each.tag or _too_large(each.value) for each in _all(node)) or _is_blueprint(node):
            raise Refused("linkage_text_only")
    return [node.plain() for node in found]


def _is_blueprint(node: Node) -> bool:
    return isinstance(node.value, dict) and any(key in node.value for key in _OF_BLUEPRINTS)


def _too_large(value: object) -> bool:
    return isinstance(value, int) and abs(value) > SAFE


def _all(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children():
        yield from _all(child)


def yaml_of(document: Any) -> str:
    """One linkage as YAML, its keys in the order people know. Raises Refused: `linkage_unreadable` when it is too
    large, `document_unfit` when YAML cannot say it as it is."""
    import yaml

    node_of(document)
    ordered = dict(sorted(document.items(), key=_place)) if isinstance(document, dict) else document
    text: str = yaml.dump(ordered, Dumper=_dumper(), allow_unicode=True, sort_keys=False, width=100_000)
    found = read(text)
    if len(found) != 1 or found[0].plain() != document:
        raise Refused("document_unfit")
    return text


def _place(item: tuple[Any, Any]) -> int:
    return _PLACES.get(item[0], len(_FIRST))


def _dumper() -> Any:
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)  # a list stands to the right of its key

    Dumper.add_representer(str, _text)
    return Dumper


def _text(dumper: Any, text: str) -> Any:
    """In quotes where another reader of YAML might take it for a number, a time or a bool."""
    doubtful = not text or plain_as_read(text) != text or _DOUBTFUL.match(text) is not None
    style = "|" if "\n" in text.strip() else '"' if doubtful else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)
