"""Histories on disk: the same as in memory, and never a broken one."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from setaria.facts.refused import Refused
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.histories.readers import from_csv
from setaria.flywheel.histories.shards import META, Shards, save, shards_of_csv, shards_of_parquet
from setaria.flywheel.histories.spill import part_of

NOW = 1_735_689_600_000_000  # 2025-01-01


@pytest.fixture
def file(tmp_path: Path) -> Path:
    source = random.Random(3)
    lines = ["household,time,kind,amount,currency,order,role,id"]
    for number in range(3_000):
        kind = source.choice(["buy", "buy", "visit", "vote", "return"])
        sign = "-" if kind == "return" else ""
        amount = f"{sign}{source.randint(1, 9_999) / 100:.2f}" if kind in ("buy", "return") else ""
        when = f"2024-{source.randint(1, 12):02}-{source.randint(1, 31):02}T{source.randint(0, 23):02}:15:00"
        who = f"h{source.randint(0, 60)}"
        currency, order = source.choice(["", "USD"]), source.choice(["", number])
        lines.append(f"{who},{when},{kind},{amount},{currency},{order},adult,{number // 2 * 2}")
    path = tmp_path / "events.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def how() -> dict[str, Any]:
    windows = pa.table({"household": ["h1", "h2", "nobody"], "start": ["2024-02-01"] * 3, "age": [1.0, 2.0, 4.0]})
    columns = {"amount": "amount", "currency": "currency", "basket": "order", "role": "role", "row": "id"}
    return {**columns, "now": NOW, "windows": windows, "end": "2024-11-30", "zone": "Asia/Shanghai", "sends": ("vote",)}


def told(histories: Histories, household: int) -> tuple[Any, ...]:
    here = histories.facts_of(household)
    assert histories.references is not None
    assert histories.roles is not None
    columns = (
        histories.times,
        histories.kinds,
        histories.amounts,
        histories.currency,
        histories.references,
        histories.roles,
    )
    edges = (histories.start[household], histories.end[household], *histories.covariates[household])
    return edges, [column[here].tolist() for column in columns]


def test_shards_hold_the_same_as_memory(file: Path, tmp_path: Path) -> None:
    whole = from_csv(file, **how())
    shards = shards_of_csv(file, tmp_path / "shards", shards=7, **how())
    assert len(shards) == 7
    found = {name: told(part, i) for part in shards for i, name in enumerate(part.households)}
    assert found == {name: told(whole, i) for i, name in enumerate(whole.households)}
    assert shards.meta.rows.amounts == whole.rows.amounts
    assert shards.meta.rows.troubles == whole.rows.troubles
    assert (shards.meta.households, shards.meta.facts, shards[0].touchpoints) == (
        len(whole),
        whole.facts,
        whole.touchpoints,
    )
    assert sorted(path.name for path in (tmp_path / "shards").iterdir()) == [f"{i:04}.parquet" for i in range(7)] + [
        META
    ]


def test_shards_of_parquet_and_of_parts(file: Path, tmp_path: Path) -> None:
    pq.write_table(pa.csv.read_csv(file), tmp_path / "events.parquet")
    whole = from_csv(file, **how())
    shards = shards_of_parquet(tmp_path / "events.parquet", tmp_path / "one", **how())
    assert (len(shards), shards.meta.facts) == (1, whole.facts)
    saved = save(whole.shards(20), tmp_path / "parts")
    assert [len(part) for part in saved] == [20, 20, 20, 2]
    assert np.concatenate([part.times for part in saved]).tolist() == whole.times.tolist()
    assert saved.meta.covariate_names == ("age", "age?")


def test_a_household_lies_in_one_part_on_every_machine() -> None:
    names = pa.array([f"h{i}" for i in range(2_000)] + ["家庭", "", "h1"])
    parts = part_of(names, 8)
    assert parts[1] == parts[-1]
    assert part_of(names.slice(5, 20), 8).tolist() == parts[5:25].tolist()
    assert np.bincount(parts, minlength=8).min() > 180  # evenly
    assert part_of(pa.array(["h0", "h1", "家庭", ""]), 1_000).tolist() == [638, 432, 597, 0]


def test_memory_is_that_of_a_block_and_a_shard(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("household,time,kind,note\n")
        for at in range(40):
            file.write(
                "".join(
                    f"h{(at * 5_000 + i) % 9_973},{1_700_000_000 + at * 5_000 + i},visit,{'x' * 80}\n"
                    for i in range(5_000)
                )
            )
    pool = pa.default_memory_pool()
    base = pool.bytes_allocated()
    most = 0
    import setaria.flywheel.histories.shards as tested

    real = tested._write

    def watched(part: Histories, folder: Path, number: int) -> Any:
        nonlocal most
        most = max(most, pool.bytes_allocated() - base)
        return real(part, folder, number)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tested, "_write", watched)
        shards = shards_of_csv(path, tmp_path / "shards", shards=16, now=NOW)
    assert shards.meta.facts == 200_000
    rows_in_memory = 200_000 * (8 * 5 + 4 + 4)  # what all rows at once would take at least
    assert most < rows_in_memory / 2


@pytest.mark.parametrize("harm", ["cut", "flip", "gone", "other", "meta", "format"])
def test_a_damaged_folder_is_refused(file: Path, tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "shards"
    shards_of_csv(file, folder, shards=2, **how())
    victim = folder / "0001.parquet"
    data = victim.read_bytes()
    if harm == "cut":
        victim.write_bytes(data[:-200])
    elif harm == "flip":
        at = len(data) // 3
        victim.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
    elif harm == "gone":
        victim.unlink()
    elif harm == "other":
        victim.write_bytes((folder / "0000.parquet").read_bytes())
    else:
        text = (folder / META).read_text(encoding="utf-8")
        (folder / META).write_text(
            text[:-9] if harm == "meta" else text.replace('"format": 1', '"format": 9'), encoding="utf-8"
        )
    code = {"gone": "flywheel_shard_missing", "meta": "flywheel_shards_missing", "format": "flywheel_shards_format"}
    with pytest.raises(Refused) as refused:
        list(Shards(folder))
    assert refused.value.code == code.get(harm, "flywheel_shard_unreadable")


def test_nothing_is_written_over_and_nothing_half_done_is_read(file: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="flywheel_folder_taken"):
        shards_of_csv(file, tmp_path, **how())
    with pytest.raises(Refused, match="flywheel_sends_unknown"):
        shards_of_csv(file, tmp_path / "new", **{**how(), "sends": ("x",)})
    assert list((tmp_path / "new").iterdir()) == []
    with pytest.raises(Refused, match="flywheel_shards_missing"):
        Shards(tmp_path / "new")
    with pytest.raises(Refused, match="flywheel_shards_none"):
        save([], tmp_path / "new")
    with pytest.raises(Refused, match="flywheel_window_without_facts"):
        shards_of_csv(file, tmp_path / "new", **{**how(), "windows": None, "start": "2023-01-01", "end": "2023-02-01"})
