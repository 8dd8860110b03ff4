"""OpenAPI 3.1 of the table of routes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from setaria.rights import Act
from setaria.web.answers import RefusedAnswer
from setaria.web.credentials import COOKIE, SECURE_COOKIE
from setaria.web.table import EVENT_STREAM, Route

_TEMPLATE: Final = "#/components/schemas/{name}"
_PARAMETER: Final = re.compile(r"\{([a-z_]+)\}")
_TEXT: Final = {"type": "string"}
_STATUSES: Final = {
    "400": "Refused",
    "401": "Nobody has signed in",
    "403": "Not allowed, or from elsewhere",
    "404": "Not found",
    "409": "In conflict with what is there",
    "413": "Too much",
    "415": "Not JSON",
    "422": "The value does not fit",
    "429": "Too many at once",
    "502": "The thing refused",
    "503": "The hub cannot, for now",
    "504": "The thing does not answer",
}
SCHEMES: Final = {
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": f"{SECURE_COOKIE} over HTTPS."},
    "token": {"type": "http", "scheme": "bearer", "description": "What POST /api/tokens answered."},
}
_made: dict[str, msgspec.Raw] = {}


def document(routes: Sequence[Route], version: str) -> msgspec.Raw:
    """Made once; `routes` do not change while a program runs."""
    if version not in _made:
        _made[version] = msgspec.Raw(msgspec.json.encode(describe(routes, version)))
    return _made[version]


def describe(routes: Sequence[Route], version: str) -> dict[str, Any]:
    types: list[Any] = [RefusedAnswer]
    for route in routes:
        types += [each for each in (route.answer, route.body, route.query) if each is not None]
    schemas, components = msgspec.json.schema_components(types, ref_template=_TEMPLATE)
    schema_of = dict(zip(map(id, types), schemas, strict=True))
    refused = {"content": {"application/json": {"schema": schema_of[id(RefusedAnswer)]}}}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schema_of, components)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Setaria hub",
            "version": version,
            "summary": "The home: its things, linkages and facts.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{each: []} for each in SCHEMES],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": SCHEMES,
            "responses": {f"Refused{status}": {"description": text, **refused} for status, text in _STATUSES.items()},
        },
    }


def _operation(route: Route, schema_of: dict[int, Any], components: dict[str, Any]) -> dict[str, Any]:
    # What comes as it is, and not as text in JSON, has no schema (OpenAPI 3.1.1, section 4.8.15.2).
    answer = {} if route.answer is bytes else {"schema": schema_of[id(route.answer)]}
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "parameters": _parameters(route, schema_of, components),
        "responses": {
            "200": {"description": "Done", "content": {route.media: answer}},
            **{status: {"$ref": f"#/components/responses/Refused{status}"} for status in _STATUSES},
        },
    }
    if route.acts:
        operation["x-right"] = route.acts[0] if isinstance(route.right, Act) else list(route.acts)
    else:
        operation["security"] = []
    if route.body is not None:
        schema = schema_of[id(route.body)]
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _operation_id(route: Route) -> str:
    """`GET /api/things/{thing}/facts` -> `get_things_thing_facts`."""
    words = re.findall(r"[a-z]+", route.path.removeprefix("/api"))
    return "_".join([route.method.lower(), *words])


def _parameters(route: Route, schema_of: dict[int, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _TEXT} for name in _PARAMETER.findall(route.path)
    ]
    if route.query is not None:
        schema = components[schema_of[id(route.query)]["$ref"].rpartition("/")[2]]
        required = schema.get("required", ())
        made += [
            {"name": name, "in": "query", "required": name in required, "schema": known}
            for name, known in schema["properties"].items()
        ]
    if route.method != "GET":
        key = {"type": "string", "maxLength": 200}
        made.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": key})
    if route.media == EVENT_STREAM:
        made.append({"name": "Last-Event-ID", "in": "header", "required": False, "schema": _TEXT})
    return made
