"""schemathesis 4, a fuzzer written by others, reads our OpenAPI and asks the sample home for all it can think of.

It comes as the owner, so that what it generates is done: things are switched, linkages saved, rooms removed, backups
made. Names that exist are mixed in, or almost all would be a 404. SETARIA_FUZZ_EXAMPLES is how many cases it makes up
for each route besides those that it derives from the document (about 2,000): 50 make more than 5,000 in all.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import subprocess
import threading
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest
from tests.browser.running import RunningHub

pytestmark = pytest.mark.foreign

ROOT: Final = Path(__file__).parents[2]
PROGRAM: Final = Path(os.environ.get("SETARIA_SCHEMATHESIS", ROOT / ".venv-foreign" / "bin" / "st"))
EXAMPLES: Final = int(os.environ.get("SETARIA_FUZZ_EXAMPLES", "3"))
SEED: Final = 20_261_122
WITHIN: Final = 30  # seconds for one answer: beyond is a hang
MOST_GROWTH: Final = 100.0  # MB: what is kept of the home itself grows with what was done to it
LEFT_OUT: Final = {
    "/api/live": "it never ends; it is followed here all the while instead",
    "/api/upgrade": "it would install whatever version it made up, and start the hub anew",
    "/api/rollback": "it would start the hub anew",
}
# A home has rules that no schema can hold (a room that exists, a password that is right): a refusal is an answer.
NOT_CHECKED: Final = "positive_data_acceptance"
# It gives the same short keys again and again, and what comes again with another body is refused before it is done.
KEY: Final = "Idempotency-Key"
WITH_KEY: Final = ("/api/scenes/{scene}/set", "/api/tokens/{token}")
TOLD: Final = ("living_light", "living_curtain", "living_ac", "door_lock", "living_vacuum", "balcony_washer")
TYPES: Final = {"bool": "boolean", "string": "string", "float": "number"}


class Following(threading.Thread):
    """Live updates, counted by name, for as long as the hub sends any."""

    def __init__(self, hub: RunningHub, headers: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self.heard: Counter[str] = Counter()
        self.fresh = threading.Event()
        self._connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=60)
        self._connection.request("GET", "/api/live", headers=headers)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200

    def run(self) -> None:
        with contextlib.closing(self._connection), contextlib.suppress(OSError, http.client.HTTPException):
            for line in self._answer:
                if line.startswith(b"event: "):
                    self.heard[line[7:].strip().decode()] += 1
                    self.fresh.set()


def ask(hub: RunningHub, headers: dict[str, str], path: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(hub.url + path, data, {**headers, "Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=WITHIN) as answer:
        return json.load(answer)


def write_of(thing: dict[str, Any]) -> dict[str, Any]:
    """A schema of what can be written to this very thing."""
    found = {}
    for service in thing["spec"]["services"]:
        for each in service["properties"]:
            if each["writable"]:
                schema: dict[str, Any] = {"type": TYPES.get(each["format"], "integer")}
                if each["range"]:
                    schema |= {"minimum": each["range"][0], "maximum": each["range"][1]}
                elif each["choices"]:
                    schema = {"enum": [choice["value"] for choice in each["choices"]]}
                found[each["address"]] = schema
    writes = {"type": "object", "properties": found, "additionalProperties": False, "minProperties": 1}
    return {"type": "object", "properties": {"writes": writes}, "required": ["writes"]}


def act_of(thing: dict[str, Any]) -> dict[str, Any]:
    actions = [each["address"] for service in thing["spec"]["services"] for each in service["actions"]]
    return {"type": "object", "properties": {"action": {"enum": actions or ["none.none"]}}, "required": ["action"]}


def described(document: dict[str, Any], things: list[dict[str, Any]]) -> dict[str, Any]:
    """The hub's own document, and paths of some things by name, with what they understand."""
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path not in WITH_KEY:
                operation["parameters"] = [each for each in operation["parameters"] if each["name"] != KEY]
    for thing in things:
        for deed, schema in (("write", write_of(thing)), ("act", act_of(thing))):
            operation = json.loads(json.dumps(document["paths"][f"/api/things/{{thing}}/{deed}"]["post"]))
            operation["operationId"] = f"{deed}_{thing['id']}"
            operation["parameters"] = [each for each in operation["parameters"] if each["in"] != "path"]
            operation["requestBody"]["content"]["application/json"]["schema"] = schema
            document["paths"][f"/api/things/{thing['id']}/{deed}"] = {"post": operation}
    return document


def settings(home: dict[str, Any], linkages: list[str], token: str) -> str:
    """schemathesis.toml: names that exist, for paths and now and then for any text."""
    names = {
        **{kind[:-1]: [each["id"] for each in home[kind]] for kind in ("things", "scenes", "helpers", "members")},
        "linkage": linkages,
    }
    addresses = [f"{thing['id']}/{each}" for thing in home["things"] for each in thing["values"]]
    texts = [path.read_text() for path in sorted((ROOT / "examples" / "linkages").glob("*.yaml"))]
    rooms = [each["id"] for each in home["rooms"]]
    names["word"] = [*(each for some in names.values() for each in some), *addresses, *rooms, *texts, "on", "off"]
    lines = ["[auth.openapi]", f"token = {{ bearer = {json.dumps(token)} }}"]
    lines += ["[generation.dictionaries]", 'string = { dictionary = "word", probability = 0.25 }']
    for name, values in names.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(values, ensure_ascii=False)}"]
    lines += ["[parameters]"]
    lines += [f'"path.{name}" = {{ dictionary = "{name}", probability = 0.8 }}' for name in names if name != "word"]
    return "\n".join(lines)


def resident(process: int) -> float:
    """MB."""
    told = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    assert told is not None
    return int(told[1]) / 1e3


@pytest.fixture
def program() -> Path:
    if not PROGRAM.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{PROGRAM} is missing")
        pytest.skip(f"{PROGRAM} is missing")
    return PROGRAM


def test_nothing_that_is_asked_brings_the_hub_down(program: Path, tmp_path: Path) -> None:
    hub = RunningHub(tmp_path / "home")
    hub.folder.mkdir()
    hub.start()
    try:
        fuzz(hub, program, tmp_path)
    finally:
        hub.stop()


def fuzz(hub: RunningHub, program: Path, folder: Path) -> None:
    token = (hub.folder / "terminal").read_text().split()[0]
    headers = {"Authorization": f"Bearer {token}"}
    home = ask(hub, headers, "/api/home")
    linkages = [each["id"] for each in ask(hub, headers, "/api/linkages")["linkages"]]
    things = [ask(hub, headers, f"/api/things/{name}") for name in TOLD]
    document = described(ask(hub, headers, "/api/openapi.json"), things)
    (folder / "openapi.json").write_text(json.dumps(document))
    (folder / "schemathesis.toml").write_text(settings(home, linkages, token))
    following = Following(hub, headers)
    following.start()
    before = resident(hub.process)

    command = [str(program), "--config-file", "schemathesis.toml", "run", "openapi.json", "--url", hub.url]
    command += ["--seed", str(SEED), "--max-examples", str(EXAMPLES), "--mode", "all", "--workers", "2"]
    command += ["--phases", "coverage,fuzzing", "--exclude-checks", NOT_CHECKED, "--request-timeout", str(WITHIN)]
    command += ["--continue-on-failure", "--warnings", "off", "--generation-database", "none", "--no-color"]
    command += [argument for path in LEFT_OUT for argument in ("--exclude-path", path)]
    command += ["--report", "json", "--report-json-path", "told.json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    after = resident(hub.process)
    print(f"{done.stdout[-1200:]}\nresident: {before:.0f} MB before, {after:.0f} MB after")
    print(f"heard {dict(following.heard)}")

    cases = json.loads((folder / "told.json").read_text())["test_cases"]
    assert done.returncode == 0, done.stdout
    assert cases["errored"] == 0, "a connection was reset, or an answer never came"
    assert cases["generated"] > 1_000, "it did not test what it should"
    assert after - before < MOST_GROWTH
    health = ask(hub, headers, "/api/health")
    assert health["ok"], health
    following.fresh.clear()
    ask(hub, headers, "/api/arrange", {"command": "SaveRoom", "room": "after_all", "name": "After all"})
    assert following.fresh.wait(WITHIN), "live updates have ended"
    assert following.heard["state"] > 50, "it hardly reached a thing"
