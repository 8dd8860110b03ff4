from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from setaria.facts.refused import Refused
from setaria.home.spec import library as library_module
from setaria.home.spec.library import SHIPPED, SpecLibrary
from setaria.home.spec.load import load
from setaria.home.spec.model import Spec

OWN = b'{"type": "urn:miot-spec-v2:device:light:0000A001:mine:1", "services": []}'


def test_all_models_are_shipped_with_their_notice(library: SpecLibrary) -> None:
    assert len(library.models()) == 232
    assert list(library.models()) == sorted(library.models())
    assert "homebridge-miot" in (SHIPPED / "NOTICE").read_text()
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 3 * 2**20


@pytest.mark.parametrize(("model", "code"), [("setaria.fridge.f1", "0000A00F"), ("setaria.scooter.k1", "0000A077")])
def test_what_we_wrote_ourselves_says_so(library: SpecLibrary, model: str, code: str) -> None:
    spec = library.get(model)
    assert spec.source.startswith("Setaria")
    assert spec.type_code == code
    assert spec.faults == ()


def test_only_what_is_asked_for_is_read_and_then_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counting(file: Path, model: str) -> Spec:
        read.append(model)
        return load(file, model)

    monkeypatch.setattr(library_module, "load", counting)
    fresh = SpecLibrary()
    assert fresh.get("dmaker.fan.p11") is fresh.get("dmaker.fan.p11")
    assert read == ["dmaker.fan.p11"]


def test_a_households_own_file_wins(tmp_path: Path) -> None:
    (tmp_path / "light__yeelink.light.lamp22.json").write_bytes(OWN)
    (tmp_path / "acme.light.one.json").write_bytes(OWN)
    (tmp_path / "broken.json").write_bytes(b"{")
    mixed = SpecLibrary([tmp_path / "missing", tmp_path])
    assert mixed.get("yeelink.light.lamp22").services == ()
    assert mixed.get("yeelink.light.lamp15").services
    assert "acme.light.one" in mixed
    with pytest.raises(Refused, match="spec_unreadable"):
        mixed.get("broken")


def test_a_new_file_is_seen_after_a_refresh(tmp_path: Path) -> None:
    late = SpecLibrary([tmp_path])
    (tmp_path / "acme.light.one.json").write_bytes(OWN)
    with pytest.raises(Refused) as caught:
        late.get("acme.light.one")
    assert caught.value.code == "spec_unknown"
    late.refresh()
    assert late.get("acme.light.one").model == "acme.light.one"


def test_a_folder_is_looked_at_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_module, "MODELS", 2)
    for name in "abc":
        (tmp_path / f"{name}.json").write_bytes(OWN)
    limited = SpecLibrary([tmp_path])
    assert "b" in limited
    assert "c" not in limited


def test_the_whole_library_takes_few_mebibytes() -> None:
    fresh = SpecLibrary()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for model in fresh.models():
            fresh.get(model)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 6 * 2**20
