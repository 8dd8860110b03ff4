"""What is known of households from before they were watched, as columns of numbers."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from setaria.facts.refused import Refused
from setaria.flywheel.arrays import Floats
from setaria.flywheel.histories.texts import missing_texts

MOST_LEVELS: Final = 20
MOST_COVARIATES: Final = 100
SMALL: Final = 1e-8


def covariates_of(table: pa.Table) -> tuple[Floats, tuple[str, ...]]:
    """H x P, linearly independent of each other and of a constant.

    Numbers are centred and brought to unit deviation; texts become one column a level, the commonest left out.

    Where a number is missing it is the mean, with a column "NAME?" that says so; a missing text is a level of its own.
    """
    columns: list[Floats] = []
    labels: list[str] = []
    for name in table.column_names:
        column = table[name]
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_string_view(column.type):
            column = column.cast(pa.string())
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            numbers = _as_numbers(column)
            if numbers is None:
                _levels(name, column, columns, labels)
                continue
            column = numbers
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or _plain(column.type)):
            raise Refused("flywheel_covariate", column=name[:40], type=str(column.type))
        _number(name, column, columns, labels)
    if len(labels) > MOST_COVARIATES:
        raise Refused("flywheel_covariates_many", count=len(labels), most=MOST_COVARIATES)
    values = np.column_stack(columns) if columns else np.zeros((len(table), 0))
    kept = _independent(values)
    return np.ascontiguousarray(values[:, kept], dtype=np.float64), tuple(labels[each] for each in kept)


def _independent(values: Floats) -> list[int]:
    """Columns that are no mixture of a constant and columns before them: others have no coefficient of their own."""
    basis = [np.full(len(values), 1 / np.sqrt(max(1, len(values))))]
    kept: list[int] = []
    for each in range(values.shape[1]):
        rest = values[:, each]
        for _ in range(2):  # a second time, for what rounding left
            for direction in basis:
                rest = rest - direction * (direction @ rest)
        size = float(np.linalg.norm(rest))
        if size > SMALL * max(1.0, float(np.linalg.norm(values[:, each]))):
            basis.append(rest / size)
            kept.append(each)
    return kept


def _plain(kind: pa.DataType) -> bool:
    return bool(pa.types.is_boolean(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind))


def _as_numbers(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    try:
        return pc.if_else(missing_texts(column), None, column).cast(pa.float64())
    except pa.ArrowInvalid:
        return None


def _number(name: str, column: pa.ChunkedArray, columns: list[Floats], labels: list[str]) -> None:
    values = column.cast(pa.float64()).to_numpy()
    known = np.isfinite(values)
    if not known.any():
        return
    mean, deviation = float(values[known].mean()), float(values[known].std())
    if deviation > 0:
        columns.append(np.where(known, (values - mean) / deviation, 0.0))
        labels.append(name)
    if not known.all():
        columns.append((~known).astype(np.float64))
        labels.append(f"{name}?")


def _levels(name: str, column: pa.ChunkedArray, columns: list[Floats], labels: list[str]) -> None:
    texts = pc.utf8_trim_whitespace(column)
    texts = pc.if_else(missing_texts(texts), "?", texts).cast(pa.string())
    counts = {each["values"]: each["counts"] for each in pc.value_counts(texts).to_pylist()}
    if len(counts) > MOST_LEVELS:
        raise Refused("flywheel_covariate_levels", column=name[:40], count=len(counts), most=MOST_LEVELS)
    commonest = max(sorted(counts), key=lambda level: counts[level])
    for level in sorted(counts.keys() - {commonest}):
        columns.append(pc.equal(texts, level).to_numpy().astype(np.float64))
        labels.append(f"{name}={level}")
