"""Text to document and back, a rule written anew, and every part told: nothing is lost on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from setaria.facts.refused import Refused
from setaria.home.linkage.check import Checked, check
from setaria.home.linkage.document import NODES, SOURCE_BYTES, read
from setaria.home.linkage.fixed_catalogue import FixedCatalogue
from setaria.home.linkage.import_ha import import_ha
from setaria.home.linkage.parse import parse
from setaria.home.linkage.parts import UNREAD, Part, Parts, Told, parts_of
from setaria.home.linkage.rule import Rule
from setaria.home.linkage.stored import changed
from setaria.home.linkage.texts import documents_of, yaml_of
from setaria.home.linkage.written import document_of, duration

EXAMPLES = sorted((Path(__file__).parents[3] / "examples" / "linkages").glob("*.yaml"))
DATA = Path(__file__).parent / "data"


def checked(text: str, home: FixedCatalogue) -> Checked:
    (parsed,), _ = parse(text)
    return check(parsed, home)


def meant(rule: Rule) -> Rule:
    """Without the text and the places in it: a sequence may be written where there was none."""

    def bare(part: Any) -> Any:
        if isinstance(part, msgspec.Struct) and "path" in part.__struct_fields__:
            return msgspec.structs.replace(part, path="")
        return part

    return changed(msgspec.structs.replace(rule, source=""), bare)


def everything(parts: Parts) -> list[Part]:
    return [*parts.triggers, *parts.conditions, *parts.actions]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_through_the_document_and_back(path: Path, sample_catalogue: FixedCatalogue) -> None:
    text = path.read_text(encoding="utf-8")
    before = checked(text, sample_catalogue).rule
    (document,) = documents_of(text)
    assert msgspec.json.decode(msgspec.json.encode(document)) == document
    as_json = checked(msgspec.json.encode(document).decode(), sample_catalogue)
    assert as_json.problems == ()
    assert meant(as_json.rule) == meant(before)
    written = yaml_of(document)
    assert documents_of(written) == [document]
    assert meant(checked(written, sample_catalogue).rule) == meant(before)
    assert " 0" not in written.replace(' "0', "")  # times stand in quotes: other readers take them for numbers
    assert written.splitlines()[0] == f"id: {path.stem}"
    assert yaml_of(documents_of(written)[0]) == written


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_written_anew(path: Path, sample_catalogue: FixedCatalogue) -> None:
    rule = checked(path.read_text(encoding="utf-8"), sample_catalogue).rule
    again = checked(yaml_of(document_of(rule)), sample_catalogue)
    assert again.problems == ()
    assert meant(again.rule) == meant(rule)


def corpus(home: FixedCatalogue) -> list[Rule]:
    mapping = yaml.safe_load((DATA / "mapping.yaml").read_text(encoding="utf-8"))
    text = (DATA / "home_assistant.yaml").read_text(encoding="utf-8")
    return [rule for rule, _ in import_ha(text, mapping, home).converted]


def test_imported_automations_written_anew(sample_catalogue: FixedCatalogue) -> None:
    rules = corpus(sample_catalogue)
    assert len(rules) > 20
    for rule in rules:
        again = checked(yaml_of(document_of(rule)), sample_catalogue)
        assert again.sound, (rule.id, again.problems)
        assert meant(again.rule) == meant(rule), rule.id


def test_the_corpus_through_documents(sample_catalogue: FixedCatalogue) -> None:
    text = (DATA / "home_assistant.yaml").read_text(encoding="utf-8")
    parsed, _ = parse(text)
    documents = documents_of(text)
    assert len(documents) == len(parsed)
    for each, document in zip(parsed, documents, strict=True):
        (again,), _ = parse(yaml_of(document))
        assert meant(msgspec.structs.replace(again.rule, id=each.rule.id)) == meant(each.rule)
        assert [problem.code for problem in again.problems] == [problem.code for problem in each.problems]


def test_every_part_is_told(sample_catalogue: FixedCatalogue) -> None:
    for path in EXAMPLES:
        rule = checked(path.read_text(encoding="utf-8"), sample_catalogue).rule
        for language in ("en", "zh-CN"):
            found = everything(parts_of(rule, language, {}, sample_catalogue))
            assert all(part.sentence for part in found), path.stem
            assert not any("linkage.say" in part.sentence for part in found)
            paths = [part.path for part in found]
            assert len(set(paths)) == len(paths)
    nested = {part.path: part.kind for part in everything(parts_of(rule, "en", {}, sample_catalogue))}
    assert nested["action/0"] == "notify"


def test_parts_of_parts_and_what_they_were_understood_as(sample_catalogue: FixedCatalogue) -> None:
    rule = checked((EXAMPLES[0].parent / "elder_no_motion.yaml").read_text(encoding="utf-8"), sample_catalogue).rule
    found = {part.path: part for part in everything(parts_of(rule, "en", {}, sample_catalogue))}
    assert {"action/2", "action/2/wait_for_trigger/0", "action/3/if/condition/0", "action/3/then/0"} <= set(found)
    typed = msgspec.json.decode(msgspec.json.encode(found["trigger/0"].typed))
    assert typed["refs"] == [{"address": "parents_motion/motion-sensor.motion-state", "siid": 2, "piid": 1}]
    assert found["action/3"].typed is None
    assert "in time" in found["action/3/if/condition/0"].sentence


def test_problems_stand_with_their_part(sample_catalogue: FixedCatalogue) -> None:
    text = """
alias: x
triggers: [{trigger: nothing}, {trigger: time, at: "07:00:00"}]
actions:
  - if: ["{{ true }}"]
    then: [{action: light.turn_on, target: {entity_id: none}}]
"""
    (parsed,), _ = parse(text)
    found = check(parsed, sample_catalogue)
    told = [Told(each.severity, each.code, each.path, each.line, each.column, "?", "") for each in found.problems]
    parts = {
        part.path: part for part in everything(parts_of(found.rule, "en", {}, sample_catalogue, told, parsed.positions))
    }
    assert parts["trigger/0"].kind == UNREAD
    assert [each.code for each in parts["trigger/0"].problems] == ["trigger_unknown"]
    assert [each.code for each in parts["action/0/then/0"].problems] == ["thing_unknown"]
    assert parts["action/0"].problems == ()
    assert parts["trigger/1"].problems == ()


WORDS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["on", "off", "yes", "null", "~", "", "1e3", "0x10", "1_000", "07:30:00", "<<", "- a", "a: b", "{{"]
    ),
    st.sampled_from(["2024-01-01", ".5", "!input x", "&a", "*a", "# no", "a\nb\n", " x ", "=", "?"]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, width=32), WORDS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(WORDS, VALUES, max_size=5))
def test_what_is_written_is_read_the_same_or_refused(document: dict[str, Any]) -> None:
    try:
        text = yaml_of(document)
    except Refused:
        return
    (found,) = read(text)
    assert found.plain() == document


@pytest.mark.parametrize(
    "text",
    [
        "blueprint: {name: x, domain: automation, input: {a: {}}}\ntriggers: []\nactions: []",
        "use_blueprint: {path: x.yaml, input: {}}",
        "alias: x\ntriggers: []\nactions: [{delay: !input wait}]",
        f"alias: x\ntriggers: []\nactions: [{{delay: {2**53 + 1}}}]",
    ],
)
def test_what_only_a_text_can_say(text: str) -> None:
    with pytest.raises(Refused) as refused:
        documents_of(text)
    assert refused.value.code == "linkage_text_only"


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
)


@pytest.mark.parametrize("text", [BOMB, "[" * 100, "x" * (SOURCE_BYTES + 1), "- a\n" * (NODES + 1), "a: *b", "\0"])
def test_hostile_texts_become_no_document(text: str) -> None:
    with pytest.raises(Refused) as refused:
        documents_of(text)
    assert refused.value.code == "linkage_unreadable"


def test_documents_too_large_become_no_text() -> None:
    deep: Any = "x"
    for _ in range(40):
        deep = [deep]
    for document in ({"a": ["x"] * NODES}, {"a": deep}, {"a": "x" * SOURCE_BYTES + "y"}):
        with pytest.raises(Refused):
            yaml_of(document)


@pytest.mark.parametrize(
    ("microseconds", "written"),
    [(0, "00:00:00"), (90_500_000, "00:01:30.500000"), (-600_000_000, "-00:10:00"), (360_000_000_000, "100:00:00")],
)
def test_durations(microseconds: int, written: str) -> None:
    assert duration(microseconds) == written
