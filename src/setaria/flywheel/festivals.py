"""The days on which Chinese households and shops do other things than usual, 2000 to 2060.

Lunar dates: those of the packages lunardate 0.3.0, LunarCalendar 0.0.9 and holidays 0.109, which agree on every one.
Qingming by the 21st century's rule of thumb, equal to Hong Kong's public holidays of 2000 to 2060 in `holidays`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

Festivals = Mapping[str, Sequence[tuple[date, date]]]  # name -> first and last days, both included

# Year: Chinese New Year (1st of the 1st month), Dragon Boat (5th of the 5th), Mid-Autumn (15th of the 8th), as MMDD.
# fmt: off
LUNAR: Final = {
    2000: (205, 606, 912), 2001: (124, 625, 1001), 2002: (212, 615, 921), 2003: (201, 604, 911),
    2004: (122, 622, 928), 2005: (209, 611, 918), 2006: (129, 531, 1006), 2007: (218, 619, 925),
    2008: (207, 608, 914), 2009: (126, 528, 1003), 2010: (214, 616, 922), 2011: (203, 606, 912),
    2012: (123, 623, 930), 2013: (210, 612, 919), 2014: (131, 602, 908), 2015: (219, 620, 927),
    2016: (208, 609, 915), 2017: (128, 530, 1004), 2018: (216, 618, 924), 2019: (205, 607, 913),
    2020: (125, 625, 1001), 2021: (212, 614, 921), 2022: (201, 603, 910), 2023: (122, 622, 929),
    2024: (210, 610, 917), 2025: (129, 531, 1006), 2026: (217, 619, 925), 2027: (206, 609, 915),
    2028: (126, 528, 1003), 2029: (213, 616, 922), 2030: (203, 605, 912), 2031: (123, 624, 1001),
    2032: (211, 612, 919), 2033: (131, 601, 908), 2034: (219, 620, 927), 2035: (208, 610, 916),
    2036: (128, 530, 1004), 2037: (215, 618, 924), 2038: (204, 607, 913), 2039: (124, 527, 1002),
    2040: (212, 614, 920), 2041: (201, 603, 910), 2042: (122, 622, 928), 2043: (210, 611, 917),
    2044: (130, 531, 1005), 2045: (217, 619, 925), 2046: (206, 608, 915), 2047: (126, 529, 1004),
    2048: (214, 615, 922), 2049: (202, 604, 911), 2050: (123, 623, 930), 2051: (211, 613, 919),
    2052: (201, 601, 907), 2053: (219, 620, 926), 2054: (208, 610, 916), 2055: (128, 530, 1005),
    2056: (215, 617, 924), 2057: (204, 606, 913), 2058: (124, 625, 1002), 2059: (212, 614, 921),
    2060: (202, 603, 909),
}
# fmt: on
NEW_YEAR: Final = {"new_year_before": (-15, -2), "new_year": (-1, 6), "new_year_after": (7, 14)}  # days from its first
FIXED: Final = (  # name, month, first day, last day
    ("long_holiday", 5, 1, 5),
    ("long_holiday", 10, 1, 7),
    ("june_sales", 6, 1, 3),
    ("june_sales", 6, 16, 18),
    ("november_sales", 11, 1, 3),
    ("november_sales", 11, 9, 11),
    ("winter_sales", 12, 11, 12),
    ("winter_sales", 12, 20, 26),  # Christmas
)
RISING: Final = frozenset({"new_year_before"})  # weighs more from day to day, up to 1 on its last
NAMES: Final = (*NEW_YEAR, "short_holiday", "long_holiday", "june_sales", "november_sales", "winter_sales")


def celebrated(first: date, last: date) -> dict[str, list[tuple[date, date]]]:
    """What touches these days; before 2000 and after 2060 without the lunar festivals."""
    found: dict[str, list[tuple[date, date]]] = {name: [] for name in NAMES}
    for year in range(max(first.year - 1, date.min.year + 1), min(last.year + 1, date.max.year - 1) + 1):
        for name, month, begins, ends in FIXED:
            found[name].append((date(year, month, begins), date(year, month, ends)))
        friday = black_friday(year)
        found["winter_sales"].append((friday - timedelta(4), friday + timedelta(3)))  # to the Monday after
        short = [qingming(year)] if year in LUNAR else []
        if year in LUNAR:
            new_year, dragon_boat, mid_autumn = lunar(year)
            short += [dragon_boat, mid_autumn]
            for name, (begin, end) in NEW_YEAR.items():
                found[name].append((new_year + timedelta(begin), new_year + timedelta(end)))
        found["short_holiday"] += [(day - timedelta(1), day + timedelta(1)) for day in short]
    return {
        name: [(begin, end) for begin, end in ranges if begin <= last and end >= first]
        for name, ranges in found.items()
    }


def lunar(year: int) -> tuple[date, date, date]:
    """Chinese New Year, Dragon Boat, Mid-Autumn; KeyError outside 2000 to 2060."""
    new_year, dragon_boat, mid_autumn = (date(year, *divmod(month_and_day, 100)) for month_and_day in LUNAR[year])
    return new_year, dragon_boat, mid_autumn


def qingming(year: int) -> date:
    """2000 to 2099."""
    within = year % 100
    return date(year, 4, int(within * 0.2422 + 4.81) - within // 4)


def black_friday(year: int) -> date:
    """The day after the fourth Thursday of November."""
    first_thursday = 1 + (3 - date(year, 11, 1).weekday()) % 7
    return date(year, 11, first_thursday + 22)
