"""The picture of the study: SVG by hand, on a light ground."""

from __future__ import annotations

from html import escape
from typing import Final

INK, PAPER, LINE = "#1F1B16", "#FFFEF9", "#DDD6C8"
ORANGE, BLUE, PLUM, GREEN, GREY = "#E0982E", "#3C7EB9", "#B5547A", "#4D9A6A", "#B9B1A3"
FONT: Final = "'Noto Sans', 'Noto Sans SC', 'PingFang SC', 'Microsoft YaHei', Arial, sans-serif"
WIDTH, HEIGHT = 1080, 800
YEARS: Final = [str(year) for year in range(2015, 2026)]

WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "title": "Published figures of Xiaomi beside a simulated world",
        "note": "Published: many sources are secondary, 2021 users derived; 2025 is three quarters. "
        "World: simulated, 4,000 households, one seed.",
        "given": "The world was given how many households are within reach (published monthly users) and advertising "
        "per user (2023); its scale was set once by hand.",
        "shares": "Revenue by leg, without EVs: published",
        "shares_world": "Revenue by leg: world (simulated)",
        "phone": "smartphone",
        "things": "IoT and lifestyle",
        "internet": "Internet services",
        "rest": "Internet and other, not separated",
        "growth": "Connected devices, 2018 = 1",
        "five": "Users or homes with five and more, %",
        "per_device": "IoT revenue per device, CNY",
        "published": "published",
        "world": "world (simulated)",
    },
    "zh-CN": {
        "title": "小米公开数字与模拟世界",
        "note": "公开数字多为二手来源，2021 年用户数为推算；世界为模拟：4,000 个家庭，一个种子；2025 年为前三季度。",
        "given": "给定的只有：能触及多少家庭（按公开月活）和每位用户的广告收入（2023 年）；规模由人工设定一次。",
        "shares": "各项收入占比（不含汽车）：公开",
        "shares_world": "各项收入占比：世界（模拟）",
        "phone": "智能手机",
        "things": "IoT 与生活消费",
        "internet": "互联网服务",
        "rest": "互联网与其他（未分列）",
        "growth": "连接设备数，2018 年 = 1",
        "five": "五件及以上的用户或家庭，%",
        "per_device": "每台连接设备的 IoT 收入，元",
        "published": "公开",
        "world": "世界（模拟）",
    },
}  # fmt: skip

Shares = list[tuple[str, list[tuple[str, float]]]]  # year, (colour, share)
Line = list[tuple[str, float]]


def text(
    x: float, y: float, words: str, size: int = 13, anchor: str = "start", colour: str = INK, bold: bool = False
) -> str:
    weight = ' font-weight="600"' if bold else ""
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}"{weight}>{escape(words)}</text>'


def bars(x: float, y: float, width: float, height: float, title: str, shares: Shares) -> list[str]:
    parts = [text(x, y - 14, title, 15, bold=True)]
    step = width / len(shares)
    for place, (year, stack) in enumerate(shares):
        left, low = x + place * step + 4, y + height
        for colour, share in stack:
            tall = share * height
            low -= tall
            parts.append(
                f'<rect x="{left:.1f}" y="{low:.1f}" width="{step - 8:.1f}" height="{tall:.1f}" fill="{colour}"/>'
            )
            if share >= 0.045:
                ink = INK if colour in (GREY, ORANGE) else "#FFFFFF"
                parts.append(text(left + (step - 8) / 2, low + tall / 2 + 4, f"{share * 100:.0f}", 11, "middle", ink))
        parts.append(text(left + (step - 8) / 2, y + height + 16, year[2:], 12, "middle"))
    return parts


def lines(
    x: float, y: float, width: float, height: float, title: str, top: float, drawn: list[tuple[str, bool, Line]]
) -> list[str]:
    """`drawn`: colour, whether it is simulated, and its points."""
    parts = [text(x, y - 14, title, 14, bold=True)]
    for tick in range(5):
        at = y + height * (1 - tick / 4)
        value = top * tick / 4
        parts.append(f'<line x1="{x:.1f}" y1="{at:.1f}" x2="{x + width:.1f}" y2="{at:.1f}" stroke="{LINE}"/>')
        parts.append(text(x - 6, at + 4, f"{value:g}", 11, "end"))
    parts += [text(x + width * YEARS.index(year) / 10, y + height + 16, year[2:], 12, "middle") for year in YEARS[::2]]
    for colour, simulated, points in drawn:
        placed = [(x + width * YEARS.index(year) / 10, y + height * (1 - value / top)) for year, value in points]
        path = " ".join(f"{left:.1f},{at:.1f}" for left, at in placed)
        dash = ' stroke-dasharray="6 4"' if simulated else ""
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"{dash}/>')
        if not simulated:
            parts.extend(f'<circle cx="{left:.1f}" cy="{at:.1f}" r="3.5" fill="{colour}"/>' for left, at in placed)
        end, value = placed[-1], points[-1][1]
        parts.append(text(end[0] + 6, end[1] + 4, f"{value:.3g}", 11, colour=colour))
    return parts


def published_shares(found: dict[str, dict[str, float]]) -> Shares:
    shares: Shares = []
    for year in YEARS:
        phone, things = found["revenue_smartphone"][year], found["revenue_iot_lifestyle"][year]
        net = found["revenue_internet"].get(year)
        core = phone + things + net if net else found["revenue_total"][year]
        last = (GREEN, net / core) if net else (GREY, (core - phone - things) / core)
        shares.append((year, [(ORANGE, phone / core), (BLUE, things / core), last]))
    return shares


def world_shares(world: dict[str, dict[str, float]]) -> Shares:
    shares: Shares = []
    for year in YEARS:
        row = world[year]
        core = row["phone"] + row["things"] + row["internet"]
        shares.append(
            (year, [(ORANGE, row["phone"] / core), (BLUE, row["things"] / core), (GREEN, row["internet"] / core)])
        )
    return shares


def draw(found: dict[str, dict[str, float]], world: dict[str, dict[str, float]], language: str) -> str:
    say = WORDS[language]
    devices, users = found["aiot_devices"], found["users_5plus"]
    apps = found["mau_mihome"]
    known = [year for year in YEARS if year in devices]
    grown = [(year, devices[year] / devices["2018"]) for year in known]
    grown_world = [(year, world[year]["connected"] / world["2018"]["connected"]) for year in YEARS]
    five = [(year, 100 * users[year] / apps[year]) for year in YEARS if year in users and year in apps]
    five_world = [(year, 100 * world[year]["five_share"]) for year in YEARS]
    whole = [year for year in known if year != "2025"]  # a year's revenue over its last day's devices
    each = [(year, 1000 * found["revenue_iot_lifestyle"][year] / devices[year]) for year in whole]
    each_world = [(year, world[year]["per_device"]) for year in YEARS if year != "2025"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="{FONT}" role="img">',
        f"<title>{escape(say['title'])}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>',
        text(40, 42, say["title"], 21, bold=True),
        *bars(40, 100, 470, 250, say["shares"], published_shares(found)),
        *bars(570, 100, 470, 250, say["shares_world"], world_shares(world)),
    ]
    left = 40.0
    for colour, key in ((ORANGE, "phone"), (BLUE, "things"), (GREEN, "internet"), (GREY, "rest")):
        parts.append(f'<rect x="{left}" y="384" width="13" height="13" fill="{colour}"/>')
        parts.append(text(left + 19, 395, say[key]))
        left += 215
    parts += [
        *lines(66, 470, 240, 210, say["growth"], 8, [(BLUE, False, grown), (PLUM, True, grown_world)]),
        *lines(414, 470, 240, 210, say["five"], 100, [(BLUE, False, five), (PLUM, True, five_world)]),
        *lines(764, 470, 240, 210, say["per_device"], 400, [(BLUE, False, each), (PLUM, True, each_world)]),
        f'<line x1="40" y1="726" x2="70" y2="726" stroke="{BLUE}" stroke-width="2.5"/>',
        f'<circle cx="55" cy="726" r="3.5" fill="{BLUE}"/>',
        text(78, 730, say["published"]),
        f'<line x1="200" y1="726" x2="230" y2="726" stroke="{PLUM}" stroke-width="2.5" stroke-dasharray="6 4"/>',
        text(238, 730, say["world"]),
        text(40, 758, say["given"], 12),
        text(40, 778, say["note"], 12),
        "</svg>\n",
    ]
    return "\n".join(parts)
