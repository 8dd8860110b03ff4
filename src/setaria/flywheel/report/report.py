"""All that a fit says, as one value: the terminal, the HTML page, the API and the Flywheel page show this and no more.

Amounts are whole minor units of `currency` (credits, totals) or floats of minor units where they are expectations
(values and their intervals). Rates and numbers of children are per fact. Times are days since 1970-01-01 UTC.
"""

from __future__ import annotations

from typing import Any

import msgspec

from setaria.flywheel.histories.rows import RowsRead
from setaria.flywheel.parameters import Estimate

VERSION = 1


class Sentence(msgspec.Struct, frozen=True):
    """A sentence of the catalogue: its key and what it needs. Said in the reader's language, and only then."""

    key: str
    details: dict[str, Any] = {}
    tone: str = "plain"  # plain, good, careful, bad


class Source(msgspec.Struct, frozen=True):
    name: str
    first: float
    last: float
    households: int
    facts: int
    counted: int
    touchpoints: int
    grain: str
    currencies: list[str]
    simulated: bool = False
    fitted_at: float = 0.0


class Value(msgspec.Struct, frozen=True):
    """One touchpoint, in one currency: what one more fact of it is expected to bring."""

    touchpoint: str
    receives: bool
    count: int
    total: int  # amounts of its own facts
    mean: float  # direct: the mean amount of a fact
    value: Estimate | None  # all generations, no horizon; None where the loops may not die out
    indirect: Estimate | None
    within: dict[int, Estimate] = {}  # days -> value of the facts up to then, its own amount included
    cost: float | None = None  # of one fact
    roi: Estimate | None = None  # (indirect - cost) / cost for what is sent or done, by this fact
    marginal_roi: Estimate | None = None
    explained: int = 0  # amounts whose direct parent was of this touchpoint
    rooted: int = 0  # amounts whose first ancestor was of this touchpoint


class Lead(msgspec.Struct, frozen=True):
    """How one touchpoint leads to another: expected direct children of `target` for a fact of `source`."""

    source: str
    target: str
    children: Estimate
    days: float  # mean delay
    sure: bool  # the interval leaves 0 out
    facts: int = 0  # of the target, explained by the source (rounded expectation)
    amount: int = 0


class Explained(msgspec.Struct, frozen=True):
    """Shares of one currency's input; the parts add up to `total` in whole minor units."""

    currency: str
    total: int  # the input's
    own: int  # counted facts: explained by no earlier fact
    repeat: int  # by earlier facts of the same type
    cross: int  # by earlier facts of other types
    sent: int  # by what the brand sent
    uncounted: int  # first facts and facts before the window: nobody asks where they came from
    outside: int  # rows after the end, bad rows, refunds without an order
    parents: dict[str, dict[str, int]] = {}  # earner -> direct parent ("" is nothing earlier) -> amount
    roots: dict[str, dict[str, int]] = {}  # earner -> first ancestor -> amount; "" when its own start
    to_come: Estimate | None = None  # already triggered by facts so far, still to come


class Specified(msgspec.Struct, frozen=True):
    """One of the five specifications, fitted to the same facts."""

    name: str  # naive, shared, own, churn, calendar
    flywheel_number: Estimate
    log_likelihood: float
    held_out: float | None  # per counted fact of held-out households, natural logarithm
    values: list[float] = []  # by touchpoint, in the main currency
    held_out_error: float = 0.0  # standard error of held_out's distance to the best, over households


class Loop(msgspec.Struct, frozen=True):
    members: list[str]
    strength: Estimate  # spectral radius of the branching matrix among them
    sure: bool


class Check(msgspec.Struct, frozen=True):
    """One test of the model against the data. `passed` None: the data cannot say."""

    name: str  # held_out, bg_nbd, rescaling, placebo, reversal, back_test, mean_amount
    passed: bool | None
    figure: float
    against: float | None
    sentence: Sentence
    points: list[list[float]] = []  # for a picture


class Together(msgspec.Struct, frozen=True):
    """Two touchpoints at the same time in the same household (a basket, a day)."""

    one: str
    other: str
    count: int
    ratio: float  # to what independence would give


class Segment(msgspec.Struct, frozen=True):
    """Households, or facts by the actor's role, of one kind."""

    by: str  # role, cohort, entry, age
    name: str
    households: int
    facts: int
    direct: int
    induced: int


class Handed(msgspec.Struct, frozen=True):
    """What counted facts of actors in the role `child` owe to earlier facts of actors in the role `parent`."""

    parent: str | None  # "" is none known, None nothing earlier
    child: str
    facts: float  # expected
    amount: int


class Compared(msgspec.Struct, frozen=True):
    """The amount a method credits to each touchpoint; each method's amounts add up to the same total."""

    method: str  # flywheel_parent, flywheel_root, last_touch, first_touch, linear, markov, shapley
    credits: dict[str, int]


class Measured(msgspec.Struct, frozen=True):
    """An experiment by lot: what the randomisation says, and what the model says."""

    name: str
    households: int
    treated: int
    effect: Estimate  # per treated household, amount or facts
    unit: str  # amount, facts
    model: Estimate | None = None
    days: float = 0.0  # after the assignment in which the outcome is counted
    outcome: str = ""  # the touchpoint whose facts or amounts are counted; "" is all that receive
    calibrated: Estimate | None = None  # what the report's answers rest on; None where the fit did not take it in
    agree: float | None = None  # the chance of a distance so great between the lot and a model that is right


class WhatIf(msgspec.Struct, frozen=True):
    """A touchpoint removed or scaled: expected amounts over the coming days."""

    name: str
    scale: float
    days: list[float]
    before: list[float]
    after: list[float]
    change: Estimate  # at the last day


class Budget(msgspec.Struct, frozen=True):
    touchpoint: str
    now: float
    advised: float
    gain: Estimate


class Report(msgspec.Struct):
    source: Source
    rows: RowsRead
    currency: str  # the main one: that of the greatest total
    headline: list[Sentence] = []  # what to do more of, and how sure
    verdict: list[Sentence] = []  # what is identified and what is not
    identified: bool = False
    values: dict[str, list[Value]] = {}  # currency -> touchpoints, by value
    leads: list[Lead] = []
    explained: list[Explained] = []
    flywheel_number: Estimate | None = None
    loops: list[Loop] = []
    specified: list[Specified] = []
    checks: list[Check] = []
    together: list[Together] = []
    segments: list[Segment] = []
    handed: list[Handed] = []  # in the main currency
    compared: list[Compared] = []
    differences: list[Sentence] = []  # why the methods differ
    measured: list[Measured] = []
    unmeasured: list[Sentence] = []  # which experiments could not be measured, and why
    assigned: RowsRead | None = None  # what became of the rows that said who got what by lot
    what_if: list[WhatIf] = []
    budget: list[Budget] = []
    budget_words: list[Sentence] = []
    weeks: list[tuple[float, dict[str, int]]] = []  # a week's first day -> touchpoint -> amount
    version: int = VERSION
