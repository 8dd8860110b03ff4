"""What became of every row of the input: none is dropped without being counted, and money adds up."""

from __future__ import annotations

import msgspec

EXAMPLES = 20  # of each trouble are listed; all are counted


class BadRow(msgspec.Struct, frozen=True):
    """`place` is the row's number in its file, from 1 (the head not counted), or the id of the fact."""

    place: str
    trouble: str  # a code of words: flywheel.row_TROUBLE
    shown: str = ""


class Amounts(msgspec.Struct):
    """Minor units of one currency. `read` is the sum of all others: input is what the file holds, to the cent."""

    currency: str
    read: int = 0
    kept: int = 0  # on facts of histories, refunds taken off
    bad: int = 0  # on rows that could not be used
    outside: int = 0  # on rows after their household's end
    refunds_alone: int = 0  # negative amounts for which no earlier order was found


class RowsRead(msgspec.Struct):
    read: int = 0
    facts: int = 0  # facts made of them
    merged: int = 0  # lines of a basket that joined another line
    refunds: int = 0  # rows that reversed (part of) an earlier order
    doubled: int = 0  # the same row a second time, where rows have ids
    outside: int = 0  # after their household's end
    bad: int = 0
    troubles: dict[str, int] = {}  # trouble -> rows
    examples: list[BadRow] = []
    amounts: list[Amounts] = []
