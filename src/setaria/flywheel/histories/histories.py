"""What each household did, as columns: the only thing that a fit, an answer or a check reads.

Time is in days since 1970-01-01 UTC (float64; a microsecond is still seen). With `grain` "day" every time is a whole
number and stands for its day. Amounts are whole minor units of the fact's own currency.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import numpy as np

from setaria.flywheel.arrays import Bytes, Flags, Floats, Kinds, Texts, Whole
from setaria.flywheel.histories.rows import RowsRead

Grain = Literal["exact", "day"]


class Touchpoint(msgspec.Struct, frozen=True):
    """`receives` False: what the brand sends (a release, a promotion). It may cause facts and is never caused."""

    name: str
    receives: bool = True


@dataclass(frozen=True, slots=True)
class Histories:
    """H households, N facts, D touchpoints, P covariates, all facts of a household together and in order of time.

    A household is watched over (start, end]. A fact at or before its household's start is a source and is not counted:
    it excites, and nobody asks where it came from. So the first fact of a household without a stated window, which
    opens the window, is not counted.
    """

    touchpoints: tuple[Touchpoint, ...]
    households: Texts  # H names
    start: Floats  # H
    end: Floats  # H
    offsets: Whole  # H + 1: the facts of household h are offsets[h]:offsets[h + 1]
    times: Floats  # N, ascending in each household
    kinds: Kinds  # N, index in touchpoints
    amounts: Whole  # N, minor units, refunds already taken off
    currencies: tuple[str, ...]
    currency: Bytes  # N, index in currencies; -1 where the fact carries no amount
    grain: Grain = "exact"
    day_shift: int = 0  # by the day: microseconds added to local times so that days begin at midnight
    covariates: Floats = field(default_factory=lambda: np.zeros((0, 0)))  # H x P, from before the household's start
    covariate_names: tuple[str, ...] = ()
    roles: Bytes | None = None  # N, index in role_names: the actor's role
    role_names: tuple[str, ...] = ()
    references: Texts | None = None  # N: what the source calls the fact (its id, its row)
    rows: RowsRead = field(default_factory=RowsRead)
    simulated: bool = False
    name: str = ""

    def __post_init__(self) -> None:
        counts = {len(self.households), len(self.start), len(self.end), len(self.offsets) - 1}
        facts = {len(self.times), len(self.kinds), len(self.amounts), len(self.currency), int(self.offsets[-1])}
        assert len(counts) == 1, counts
        assert len(facts) == 1, facts

    def __len__(self) -> int:
        return len(self.households)

    @property
    def facts(self) -> int:
        return len(self.times)

    @property
    def types(self) -> int:
        return len(self.touchpoints)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.touchpoints)

    @property
    def receivers(self) -> Flags:
        """D flags."""
        return np.array([each.receives for each in self.touchpoints], dtype=np.bool_)

    @property
    def owner(self) -> Whole:
        """N: the household of each fact, as its index."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.offsets))

    @property
    def counted(self) -> Flags:
        """N flags: the facts whose origin is asked for."""
        inside = self.times > np.repeat(self.start, np.diff(self.offsets))
        flags: Flags = inside & self.receivers[self.kinds]
        return flags

    def facts_of(self, household: int) -> slice:
        return slice(int(self.offsets[household]), int(self.offsets[household + 1]))

    def part(self, first: int, after: int) -> Histories:
        """Households `first` up to `after`, as views of the same columns."""
        low, high = int(self.offsets[first]), int(self.offsets[after])
        return Histories(
            touchpoints=self.touchpoints,
            households=self.households[first:after],
            start=self.start[first:after],
            end=self.end[first:after],
            offsets=self.offsets[first : after + 1] - low,
            times=self.times[low:high],
            kinds=self.kinds[low:high],
            amounts=self.amounts[low:high],
            currencies=self.currencies,
            currency=self.currency[low:high],
            grain=self.grain,
            day_shift=self.day_shift,
            covariates=self.covariates[first:after] if self.covariate_names else self.covariates,
            covariate_names=self.covariate_names,
            roles=None if self.roles is None else self.roles[low:high],
            role_names=self.role_names,
            references=None if self.references is None else self.references[low:high],
            simulated=self.simulated,
            name=self.name,
        )

    def take(self, chosen: Whole) -> Histories:
        """The households with these indices, in this order, copied."""
        lengths = np.diff(self.offsets)[chosen]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        first = np.repeat(self.offsets[chosen] - offsets[:-1], lengths)
        where = first + np.arange(int(offsets[-1]))
        return Histories(
            touchpoints=self.touchpoints,
            households=self.households[chosen],
            start=self.start[chosen],
            end=self.end[chosen],
            offsets=offsets,
            times=self.times[where],
            kinds=self.kinds[where],
            amounts=self.amounts[where],
            currencies=self.currencies,
            currency=self.currency[where],
            grain=self.grain,
            day_shift=self.day_shift,
            covariates=self.covariates[chosen] if self.covariate_names else self.covariates,
            covariate_names=self.covariate_names,
            roles=None if self.roles is None else self.roles[where],
            role_names=self.role_names,
            references=None if self.references is None else self.references[where],
            simulated=self.simulated,
            name=self.name,
        )

    def shards(self, households: int) -> Iterator[Histories]:
        """Parts of at most so many households each, in order."""
        for first in range(0, len(self), households):
            yield self.part(first, min(first + households, len(self)))

    def total(self, currency: int) -> int:
        """All amounts in one currency, in its minor units: counted facts and others."""
        return int(self.amounts[self.currency == currency].sum())
