"""The report as one page: no network, no script, one language; the same order as in the terminal."""

from __future__ import annotations

import base64
import hashlib
import re
from html import escape
from pathlib import Path
from typing import Final

from setaria.flywheel.report import cards
from setaria.flywheel.report.figures import Reader, clean
from setaria.flywheel.report.report import Report
from setaria.flywheel.report.terminal import source_line
from setaria.words import languages

# An ear of millet: a stalk and its grains.
GRAIN: Final = (
    '<svg width="22" height="22" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
    'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="M3 21 17 7'
    "M7 17c-3-1-3.6-4-2-6.5C7.5 12 8.5 14.5 7 17ZM7 17c1 3 4 3.6 6.5 2C12 16.5 9.5 15.5 7 17Z"
    "M12 12c-3-1-3.6-4-2-6.5C12.5 7 13.5 9.5 12 12ZM12 12c1 3 4 3.6 6.5 2C17 11.5 14.5 10.5 12 12Z"
    'M17 7c0-2.5 1.5-4 4-4 0 2.5-1.5 4-4 4Z"/></svg>'
)


def to_html(report: Report, language: str) -> str:
    reader = Reader(language)
    style = _style()
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{allowed}'; img-src data:; base-uri 'none'; form-action 'none'"
    title = escape(reader.say("page_title", name=clean(report.source.name)))
    return (
        f'<!doctype html><html lang="{language if language in languages() else "en"}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f'<link rel="icon" href="data:,"><title>{title}</title><style>{style}</style></head><body>'
        f'<a class="skip" href="#answer">{escape(reader.say("page.skip"))}</a>'
        f"{_header(report, reader)}<main>{cards.grid(report, reader)}</main>{_footer(report, reader)}</body></html>\n"
    )


def _style() -> str:
    css = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    return re.sub(r"\s+", " ", css).strip()


def _header(report: Report, reader: Reader) -> str:
    banner = ""
    if report.source.simulated:
        told = f"<strong>{escape(reader.say('simulated'))}</strong><span>{escape(reader.say('simulated_what'))}</span>"
        banner = f'<p class="banner" role="note">{told}</p>'
    return (
        f'<header><p class="brand">{GRAIN}Setaria</p><h1>{escape(reader.say("title"))}</h1>'
        f'<p class="lead-in"><strong>{escape(clean(report.source.name))}</strong> · '
        f"{escape(source_line(report, reader))}</p>{banner}</header>"
    )


def _footer(report: Report, reader: Reader) -> str:
    fitted = report.source.fitted_at
    made = [reader.say("page.fitted", date=reader.date(fitted))] if fitted else []
    return f"<footer><p>{escape(' '.join([*made, reader.say('page.made')]))}</p></footer>"
