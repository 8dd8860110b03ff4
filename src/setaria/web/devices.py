"""What a browser says of itself (User-Agent), in a few plain words: `Chrome, Android`."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 512  # characters that are looked at
# The first that is found names it: many say that they are others as well.
BROWSERS: Final = (
    ("MicroMessenger/", "WeChat"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("MiuiBrowser/", "Mi Browser"),
    ("HuaweiBrowser/", "Huawei Browser"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python", "Python"),
)
SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)


def device_name(agent: str) -> str:
    """Empty when nothing is recognised."""
    looked_at = agent[:LONGEST]
    found = (next((name for mark, name in table if mark in looked_at), "") for table in (BROWSERS, SYSTEMS))
    return ", ".join(filter(None, found))
