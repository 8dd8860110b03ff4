"""Columns of amounts to whole minor units, without the error of a float."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from setaria.facts.refused import Refused
from setaria.flywheel.arrays import Bytes, Flags, Whole
from setaria.flywheel.histories.texts import missing_texts

FINE, UNREADABLE, TOO_FINE, TOO_LARGE = range(4)
MOST: Final = 2**63 - 1
NEAR: Final = 1e-6  # of a minor unit: a float so near is that unit
_AMOUNT: Final = (
    r"^(?P<sign>[+-]?)(?P<whole>\d{1,3}(?:,\d{3})+|\d*)(?:\.(?P<part>\d*))?(?:[eE](?P<power>[+-]?\d{1,3}))?$"
)


@dataclass(frozen=True, slots=True)
class Read:
    """`wrong` holds FINE and the troubles; `amounts` are 0 where there is a trouble or nothing."""

    amounts: Whole
    present: Flags
    wrong: Bytes


def minor_units(column: pa.Array, decimals: Whole) -> Read:
    """`decimals`: of each row's currency, how many decimals its minor unit stands for; 0 for amounts in minor units."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return minor_units(column.cast(kind.value_type), decimals)
    if pa.types.is_float64(kind):
        return _floats(column, decimals)
    if pa.types.is_integer(kind):
        return _integers(column, decimals)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        column = column.cast(pa.string())  # the shortest text of a 4-byte float is what was meant
    elif not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise Refused("flywheel_amount_column", type=str(kind))
    return _texts(column.cast(pa.string()), decimals)


def _floats(column: pa.Array, decimals: Whole) -> Read:
    values = column.to_numpy(zero_copy_only=False)
    present = ~np.isnan(values)
    finite = np.isfinite(values)
    scaled = np.where(finite, values, 0.0) * 10.0**decimals
    whole = np.rint(scaled)
    large = np.abs(scaled) > 2.0**53  # a float does not know its units any more
    fine = np.abs(scaled - whole) <= np.maximum(NEAR, 2 * np.spacing(np.abs(scaled)))
    wrong = np.select([~present, ~finite, large, ~fine], [FINE, UNREADABLE, TOO_LARGE, TOO_FINE], FINE)
    good = present & (wrong == FINE)
    return Read(np.where(good, whole, 0.0).astype(np.int64), present, wrong.astype(np.int8))


def _integers(column: pa.Array, decimals: Whole) -> Read:
    present = column.is_valid().to_numpy(zero_copy_only=False)
    values = pc.fill_null(column, 0)
    huge = np.zeros(len(column), dtype=np.bool_)
    if pa.types.is_uint64(column.type):
        huge = values.to_numpy() > MOST
    return _scaled(values.cast(pa.int64(), safe=False).to_numpy(), decimals, present, np.where(huge, TOO_LARGE, FINE))


def _texts(column: pa.Array, decimals: Whole) -> Read:
    encoded = pc.dictionary_encode(column)
    rows = pc.fill_null(encoded.indices, len(encoded.dictionary)).to_numpy()
    texts = pc.utf8_trim_whitespace(pa.concat_arrays([encoded.dictionary, pa.array([""])]))
    digits, places, wrong = _digits(texts)
    present = ~missing_texts(texts).to_numpy(zero_copy_only=False)
    return _scaled(digits[rows], decimals - places[rows], present[rows], np.where(present, wrong, FINE)[rows])


def _digits(texts: pa.Array) -> tuple[Whole, Whole, Whole]:
    """Significant digits as integers, how many of them are decimals (negative: zeros to add), and the troubles."""
    parts = pc.extract_regex(texts, _AMOUNT)

    def part(name: str) -> pa.Array:
        return pc.fill_null(pc.struct_field(parts, name), "")

    decimal = part("part")
    written = pc.binary_join_element_wise(pc.replace_substring(part("whole"), ",", ""), decimal, "")
    bare = pc.utf8_rtrim(written, "0")
    power = part("power")
    power = pc.if_else(pc.equal(power, ""), "0", pc.utf8_ltrim(power, "+")).cast(pa.int64())
    cut = pc.subtract(pc.utf8_length(written), pc.utf8_length(bare))
    places = pc.subtract(pc.subtract(pc.utf8_length(decimal), cut), power).to_numpy(zero_copy_only=False)
    bare = pc.utf8_ltrim(bare, "0")
    length = pc.utf8_length(bare).to_numpy(zero_copy_only=False)
    unreadable = parts.is_null().to_numpy(zero_copy_only=False) | pc.equal(written, "").to_numpy(zero_copy_only=False)
    fits = (length > 0) & (length <= 19)
    number = pc.if_else(pa.array(fits), bare, "0").cast(pa.uint64()).to_numpy()
    large = (length > 19) | (number > MOST)
    negative = pc.equal(part("sign"), "-").to_numpy(zero_copy_only=False)
    digits = np.where(large, 0, number).astype(np.int64) * np.where(negative, -1, 1)
    # 25 digits of which 20 are decimals are too fine, not too large.
    long = np.where(places > 18, TOO_FINE, TOO_LARGE)
    wrong = np.select([unreadable, large], [UNREADABLE, long], FINE)
    return digits, np.where(length == 0, 0, places), wrong


def _scaled(digits: Whole, shift: Whole, present: Flags, wrong: Whole) -> Read:
    """`digits` times ten to `shift`. A negative shift means that the unit is not fine enough: zeros were cut off."""
    some = digits != 0
    power = 10 ** np.clip(shift, 0, 18).astype(np.int64)
    large = some & ((shift > 18) | (np.abs(digits) > MOST // power))
    wrong = np.select([wrong != FINE, some & (shift < 0), large], [wrong, TOO_FINE, TOO_LARGE], FINE)
    good = present & (wrong == FINE)
    return Read(
        np.where(good, digits, 0) * np.where(good, power, 1), present, np.where(present, wrong, FINE).astype(np.int8)
    )
