"""Keys -> sentences."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from setaria.facts.refused import Refused

LANGUAGES: Final = ("zh-CN", "en")
DEFAULT: Final = "en"
MAX_SHOWN: Final = 200  # characters of one value in a sentence
MAX_LISTED: Final = 20  # values of a list in a sentence
PARAMETER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_WANTED: Final = re.compile(r"\s*([A-Za-z]{1,8})(?:[-_][\w.@-]*)?\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*)?")


def languages() -> tuple[str, ...]:
    return LANGUAGES


def pick(wanted: str) -> str:
    """The language to use for an Accept-Language header or a LANG variable, whatever it holds."""
    best, found = 0.0, DEFAULT
    for part in wanted[:200].split(","):
        match = _WANTED.match(part)
        if match is None:
            continue
        weight = float(match[2] or 1)
        for language in LANGUAGES:
            if match[1].lower() == language.partition("-")[0] and weight > best:
                best, found = weight, language
    return found


def say(key: str, language: str, /, **parameters: object) -> str:
    """The sentence, or the key itself when nobody wrote one. Never raises."""
    sentence = _catalogue(language).get(key)
    return key if sentence is None else _filled(sentence, language, parameters)


def refusal(refused: Refused, language: str) -> tuple[str, str]:
    """The sentence of a refusal and what to do next, or an empty text.

    A parameter whose value is itself a stable name (`why="too_deep"`) is put into words by the key
    `refused.CODE.PARAMETER.VALUE`, where there is one.
    """
    key, catalogue = f"refused.{refused.code}", _catalogue(language)
    parameters = dict(refused.details)
    for name, value in refused.details.items():
        named = catalogue.get(f"{key}.{name}.{value}") if isinstance(value, str) else None
        if named is not None:
            parameters[name] = _filled(named, language, refused.details)
    return (
        _filled(catalogue.get(key, key), language, parameters),
        _filled(catalogue.get(f"{key}.next", ""), language, parameters),
    )


def rooms(language: str) -> dict[str, Mapping[str, str]]:
    """Each room's sentences, read anew."""
    here = Path(__file__).parent
    return {
        path.name.removesuffix(f".{language}.json"): msgspec.json.decode(path.read_bytes(), type=dict[str, str])
        for path in sorted(here.glob(f"*.{language}.json"))
    }


def _catalogue(language: str) -> Mapping[str, str]:
    return _read(language if language in LANGUAGES else DEFAULT)


@functools.cache
def _read(language: str) -> Mapping[str, str]:
    return {key: sentence for room in rooms(language).values() for key, sentence in room.items()}


def _filled(sentence: str, language: str, parameters: Mapping[str, object]) -> str:
    if "{" not in sentence:
        return sentence
    return PARAMETER.sub(lambda match: _shown(parameters.get(match[1], "…"), language), sentence)


def _shown(value: object, language: str) -> str:
    if isinstance(value, bool) or value is None:
        written = say(f"words.{str(value).lower()}", language)
    elif isinstance(value, float):
        written = f"{value:.10g}"
    elif isinstance(value, (list, tuple, set, frozenset)):
        shown = [_shown(item, language) for item in list(value)[:MAX_LISTED]]
        written = say("words.comma", language).join(shown + ["…"] * (len(value) > MAX_LISTED))
    elif isinstance(value, (str, int)):
        written = _CONTROL.sub(" ", str(value)) if isinstance(value, str) else _digits(value)
    else:
        written = type(value).__name__
    return written if len(written) <= MAX_SHOWN else written[: MAX_SHOWN - 1] + "…"


def _digits(value: int) -> str:
    # Python refuses to write integers of more than 4,300 digits.
    return str(value) if value.bit_length() <= 1024 else "…"
