"""Columns of names, whatever they were."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from setaria.facts.refused import Refused

# How programs write that there is nothing. Not for names: NA may be somebody.
NOTHING: Final = pa.array(["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "NaT"])


def missing_texts(column: pa.Array) -> pa.Array:
    """Flags, for a column of trimmed texts."""
    return pc.or_(pc.is_null(column), pc.is_in(column, NOTHING.cast(column.type)))


def names(column: pa.Array, name: str) -> pa.DictionaryArray:
    """Trimmed texts as a dictionary; null where there is none. A whole number is written without a point."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        values = names(column.dictionary, name).cast(pa.string())
        return pc.dictionary_encode(values.take(column.indices))
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_finite(column), column, None)
        whole = pc.all(pc.equal(column, pc.floor(column))).as_py()
        column = column.cast(pa.int64(), safe=False) if whole is not False else column
    elif not _nameable(kind):
        raise Refused("flywheel_name_column", column=name, type=str(kind))
    encoded = pc.dictionary_encode(column.cast(pa.string()))
    trimmed = pc.utf8_trim_whitespace(encoded.dictionary)
    if not trimmed.equals(encoded.dictionary) or pc.any(pc.equal(trimmed, "")).as_py():
        empty = pc.if_else(pc.equal(trimmed, ""), None, trimmed)
        encoded = pc.dictionary_encode(empty.take(encoded.indices))
    return encoded


def _nameable(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_null(kind)
    )
