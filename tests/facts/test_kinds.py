"""Kinds and their versions, and the corpus of every version ever written (corpus/*.jsonl, one CloudEvent a line)."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.facts.log_engines import Dimmed, Facts, Measured, Noted

import setaria
from setaria.facts import kinds
from setaria.facts.fact import Row, from_cloud_event, from_row, is_reading, to_cloud_event, to_row
from setaria.facts.kinds import Body, Keep, Unknown, all_kinds, kind, kind_named, kind_of, label_of, lift, split_label
from setaria.facts.refused import Refused

CORPUS = Path(__file__).parent / "corpus"
LINES: list[tuple[str, dict[str, Any]]] = [
    (f"{path.name}:{number}", json.loads(line))
    for path in sorted(CORPUS.glob("*.jsonl"))
    for number, line in enumerate(path.read_text().splitlines(), 1)
    if line.strip()
]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kinds declared in a test are forgotten after it."""
    monkeypatch.setattr(kinds, "_by_name", dict(kinds._by_name))
    monkeypatch.setattr(kinds, "_by_body", dict(kinds._by_body))


def test_a_kind_knows_its_name_version_and_keeping() -> None:
    declared = kind_of(Dimmed(1, "%"))
    assert declared is kind_named("logtest.dimmed")
    assert (declared.label, declared.keep, declared.body) == ("logtest.dimmed/3", Keep.FOR_EVER, Dimmed)
    assert kind_of(Measured(1)).keep is Keep.READING
    assert kind_named("logtest.unheard_of") is None


def test_labels_come_apart_as_they_were_made() -> None:
    assert split_label(label_of(Noted("x"))) == ("logtest.noted", 1)
    assert split_label(label_of(Unknown("a/b", 12, msgspec.Raw(b"{}")))) == ("a/b", 12)


@pytest.mark.usefixtures("registry")
def test_a_kind_is_declared_once() -> None:
    with pytest.raises(AssertionError, match="declared twice"):

        @kind("logtest.noted")
        class Again(Body, frozen=True):
            pass


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize("lifts", [{}, {2: dict}, {1: dict, 2: dict}])
def test_every_old_version_has_an_upcaster(lifts: dict[int, Any]) -> None:
    with pytest.raises(AssertionError, match="upcaster"):

        @kind("logtest.gap", version=2, upcast=lifts)
        class Gap(Body, frozen=True):
            pass


def test_lifting_goes_through_every_version_and_changes_nothing_it_was_given() -> None:
    declared = kind_of(Dimmed(1, "%"))
    old = {"level": 5}
    assert lift(declared, 1, old) == {"brightness": 5, "unit": "lux"}
    assert lift(declared, 3, {"brightness": 1, "unit": "%"}) == {"brightness": 1, "unit": "%"}
    assert old == {"level": 5}


def test_readings_are_those_whose_kind_says_so(facts: Facts) -> None:
    assert is_reading(facts(Measured(1)))
    assert not is_reading(facts(Noted("x")))
    assert not is_reading(facts(Unknown("logtest.measured", 99, msgspec.Raw(b"{}"))))


@pytest.mark.parametrize(
    "document", [b"", b"[", b"{}", b"[]", b'["h",["w","r"],null]', b'["h",["w","r"],null,{"text":1}]']
)
def test_a_row_that_is_not_what_its_kind_says_is_refused(document: bytes) -> None:
    with pytest.raises(Refused) as refused:
        from_row(b"\x01" * 16, 0, "lamp", "logtest.noted/1", document)
    assert refused.value.code == "fact_unreadable"
    assert refused.value.details["id"] == "01" * 16


# The corpus.


def import_every_rooms_facts() -> None:
    root = Path(setaria.__file__).parent
    for path in root.rglob("facts.py"):
        importlib.import_module(".".join(("setaria", *path.relative_to(root).with_suffix("").parts)))


def test_every_version_of_every_kind_is_in_the_corpus() -> None:
    import_every_rooms_facts()
    written = {(line["type"], int(line.get("kindversion", 1))) for _, line in LINES}
    missing = [
        f"{declared.name}/{version}"
        for declared in all_kinds()
        if declared.body.__module__.startswith("setaria.")
        for version in range(1, declared.version + 1)
        if (declared.name, version) not in written
    ]
    assert not missing, f"{len(missing)} without a line in tests/facts/corpus/*.jsonl: {', '.join(sorted(missing))}"


@pytest.mark.parametrize("line", [pytest.param(line, id=where) for where, line in LINES])
def test_each_fact_of_the_corpus_reads_back_in_its_newest_form(line: dict[str, Any]) -> None:
    import_every_rooms_facts()
    fact = from_cloud_event(line)
    assert not isinstance(fact.body, Unknown), f"nobody knows {line['type']}/{line.get('kindversion', 1)} any more"
    newest = kind_of(fact.body)
    again = to_cloud_event(fact)
    assert (again["type"], again["kindversion"]) == (line["type"], newest.version)
    assert from_row(*to_row(fact)) == fact
    assert from_cloud_event(again) == fact
    if int(line.get("kindversion", 1)) == newest.version:
        assert again["data"] == line["data"], "its newest form loses and adds nothing"
    # As the log holds it: in the version it was written in.
    body = Unknown(line["type"], int(line.get("kindversion", 1)), msgspec.Raw(msgspec.json.encode(line["data"])))
    row = to_row(msgspec.structs.replace(fact, body=body))
    assert from_row(*Row(*row)) == fact
