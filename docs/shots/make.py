"""`make shots`: the pictures of the README, taken from the running program in a real terminal (tmux) and in Chromium.

Draws docs/shots/up.en.svg and up.zh-CN.svg; the home in them is the simulated sample home, as its header says. The
pages (pages.py) are drawn into docs/shots/PAGE.FORM.THEME.LANGUAGE.png.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final

import pages
from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

HERE: Final = Path(__file__).parent
SETARIA: Final = Path(sys.executable).with_name("setaria")
CELL: Final = 8.4
LINE: Final = 19.0
MARGIN: Final = 20.0
FONTS: Final = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Noto Sans Mono CJK SC', monospace"
COLUMNS: Final = 132
ROWS: Final = 30
PORT: Final = 28_700
READY_WITHIN: Final = 40.0  # seconds
GRAIN: Final = TerminalTheme(
    (19, 18, 14),
    (243, 238, 224),
    [
        (60, 56, 46),
        (226, 106, 96),
        (106, 176, 129),
        (240, 170, 63),
        (112, 164, 214),
        (214, 120, 160),
        (120, 190, 190),
        (243, 238, 224),
    ],
    [
        (132, 124, 108),
        (240, 130, 120),
        (130, 200, 150),
        (250, 200, 110),
        (140, 190, 235),
        (235, 150, 185),
        (150, 215, 215),
        (255, 253, 248),
    ],
)


def tmux(*arguments: str) -> str:
    return subprocess.run(["tmux", *arguments], check=True, capture_output=True, text=True).stdout


def picture(language: str) -> str:
    """What the terminal shows once a linkage has run, with its colours."""
    name = f"setaria-shot-{language}"
    with tempfile.TemporaryDirectory() as folder:
        command = f"SETARIA_LANG={language} {SETARIA} up --no-lan --port {PORT} --data {folder}"
        tmux("new-session", "-d", "-s", name, "-x", str(COLUMNS), "-y", str(ROWS), command)
        try:
            began = time.monotonic()
            while "28" not in tmux("capture-pane", "-t", name, "-p") and time.monotonic() - began < READY_WITHIN:
                time.sleep(0.5)
            time.sleep(3)
            token = Path(folder, "terminal").read_text(encoding="utf-8").split()[0]
            let_in = {**os.environ, "SETARIA_TOKEN": token, "SETARIA_HUB": f"http://127.0.0.1:{PORT}"}
            for deed in (
                ["linkage", "run", "bedroom_switch_scene"],
                ["set", "bedroom_lamp", "light.on=true", "light.brightness=40"],
                ["set", "living_purifier", "air-purifier.on=true"],
            ):
                subprocess.run([SETARIA, *deed], check=True, capture_output=True, env=let_in)
            time.sleep(4)
            return tmux("capture-pane", "-t", name, "-e", "-p")
        finally:
            tmux("send-keys", "-t", name, "C-c")
            time.sleep(2)
            subprocess.run(["tmux", "kill-session", "-t", name], check=False, capture_output=True)


def words(line: Text, console: Console) -> Iterator[tuple[int, str, Style]]:
    """(cell, word, style): each word is placed by itself, so that no font can push the columns apart."""
    cell = 0
    for segment in line.render(console):
        for part in re.findall(r" +|[^ ]+", segment.text.replace("\n", "")):
            if part.strip():
                yield cell, part, segment.style or Style()
            cell += cell_len(part)


def draw(language: str) -> None:
    console = Console(width=COLUMNS, color_system="truecolor", force_terminal=True)
    drawn = []
    for row, line in enumerate(Text.from_ansi(picture(language).rstrip()).split("\n", allow_blank=True)):
        for cell, word, style in words(line, console):
            ink = (style.color.get_truecolor(GRAIN) if style.color else GRAIN.foreground_color).hex
            look = ' font-weight="650"' * bool(style.bold) + ' opacity=".6"' * bool(style.dim)
            x, y = MARGIN + cell * CELL, MARGIN + (row + 0.75) * LINE
            drawn.append(f'<text x="{x:.1f}" y="{y:.1f}" fill="{ink}"{look}>{escape(word)}</text>')
    width, height = 2 * MARGIN + COLUMNS * CELL, 2 * MARGIN + ROWS * LINE
    HERE.joinpath(f"up.{language}.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img"'
        f' aria-label="setaria up" font-family="{FONTS}" font-size="14">\n'
        f'<rect width="100%" height="100%" rx="12" fill="{GRAIN.background_color.hex}"/>\n'
        + "\n".join(drawn)
        + "\n</svg>\n"
    )


if __name__ == "__main__":
    for each in ("en", "zh-CN"):
        draw(each)
    pages.draw()
