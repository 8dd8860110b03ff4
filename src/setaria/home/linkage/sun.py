"""Sunrise and sunset at the home, by astral."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from setaria.home.linkage.world import World


def sun_times(world: World, day: date) -> tuple[int, int]:
    """UTC microseconds of sunrise and sunset on a local day.

    Where the sun does not rise (or set) that day, the day is taken as all night (or all light): both at noon, or at the
    two midnights.
    """
    return _sun_times(day, round(world.latitude, 3), round(world.longitude, 3), world.zone)


@lru_cache(maxsize=64)
def _sun_times(day: date, latitude: float, longitude: float, zone: ZoneInfo) -> tuple[int, int]:
    from astral import Observer
    from astral.sun import elevation, sunrise, sunset

    observer = Observer(latitude, longitude)
    try:
        return _micros(sunrise(observer, day, tzinfo=zone)), _micros(sunset(observer, day, tzinfo=zone))
    except ValueError:
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        noon = midnight + timedelta(hours=12)
        if elevation(observer, noon) > 0:
            return _micros(midnight), _micros(midnight + timedelta(days=1))
        return _micros(noon), _micros(noon)


def _micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6)
