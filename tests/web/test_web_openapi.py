"""The document says what the table of routes says, and is OpenAPI 3.1."""

from __future__ import annotations

import re
from typing import Any

from tests.web.site_helpers import Client

from setaria.web.server import Site
from setaria.words.catalogue import LANGUAGES, rooms

METHODS = {"get", "post", "put", "delete", "patch", "head", "options", "trace"}


async def document(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get("/api/openapi.json")).json()
    return found


async def test_every_route_is_in_the_document_and_nothing_else(client: Client, site: Site) -> None:
    paths = (await document(client))["paths"]
    told = {(method.upper(), path) for path, operations in paths.items() for method in operations}
    assert told == {(route.method, route.path) for route in site.routes}


async def test_it_has_the_structure_of_openapi(client: Client) -> None:
    """Section numbers of OpenAPI 3.1.0."""
    found = await document(client)
    assert found["openapi"] == "3.1.0"
    assert {"title", "version"} <= found["info"].keys()  # 4.8.2
    names: list[str] = []
    for path, item in found["paths"].items():
        assert path.startswith("/")  # 4.8.8
        for method, operation in item.items():
            assert method in METHODS  # 4.8.9
            names.append(operation["operationId"])
            assert all("description" in each or "$ref" in each for each in operation["responses"].values())
            assert all(re.fullmatch(r"[1-5]\d\d", status) for status in operation["responses"])  # 4.8.16
            placed = [(each["name"], each["in"]) for each in operation["parameters"]]
            assert len(placed) == len(set(placed))  # 4.8.10
            assert {name for name, where in placed if where == "path"} == set(re.findall(r"\{(\w+)\}", path))
            assert all(each["required"] for each in operation["parameters"] if each["in"] == "path")  # 4.8.12
            assert method != "get" or "requestBody" not in operation
    assert len(names) == len(set(names))  # 4.8.10


async def test_every_reference_leads_somewhere(client: Client) -> None:
    found = await document(client)
    references: list[str] = []

    def look(part: Any) -> None:
        if isinstance(part, dict):
            references.extend(value for key, value in part.items() if key == "$ref")
            for each in part.values():
                look(each)
        elif isinstance(part, list):
            for each in part:
                look(each)

    look(found)
    assert references
    for reference in set(references):
        target: Any = found
        for step in reference.removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
    assert all(re.fullmatch(r"[\w.\-]+", name) for name in found["components"]["schemas"])  # 4.8.7


async def test_every_refusal_of_the_web_has_its_words() -> None:
    from pathlib import Path

    import setaria.web

    source = "".join(path.read_text() for path in Path(setaria.web.__file__).parent.glob("*.py"))
    codes = set(re.findall(r'Refused\(\s*"([a-z_]+)"', source))
    assert codes
    for language in LANGUAGES:
        known = {key for room in rooms(language).values() for key in room}
        assert {code for code in codes if f"refused.{code}" not in known} == set()


def test_both_languages_say_the_same_with_the_same_parameters() -> None:
    chinese, english = rooms("zh-CN")["web"], rooms("en")["web"]
    assert chinese.keys() == english.keys()
    for key, sentence in chinese.items():
        assert set(re.findall(r"\{(\w+)\}", sentence)) == set(re.findall(r"\{(\w+)\}", english[key])), key
