"""In which language the terminal speaks."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final

from setaria.facts.refused import Refused
from setaria.words import pick, refusal, say

_VARIABLES: Final = ("SETARIA_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


def language_of(arguments: Sequence[str]) -> str:
    """`--lang` wherever it stands, else the first of the variables that is set."""
    for place, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == "--lang" and place + 1 < len(arguments):
            return pick(arguments[place + 1])
        if argument.startswith("--lang="):
            return pick(argument.removeprefix("--lang="))
    return pick(next((found for name in _VARIABLES if (found := os.environ.get(name))), ""))


def complain(refused: Refused, language: str) -> None:
    """On stderr: what was refused, and what to do next."""
    sentence, following = said_by_hub(refused) or refusal(refused, language)
    if sentence == f"refused.{refused.code}":  # nobody has written it: better the bare refusal than its key alone
        sentence = say("cli.refused_unsaid", language, what=str(refused))
    sys.stderr.write("\n".join(filter(None, (sentence, following))) + "\n")


def said_by_hub(refused: Refused) -> tuple[str, str] | None:
    """A refusal that came over the API brings its own words (client.HubRefused)."""
    sentence = getattr(refused, "sentence", "")
    return (sentence, getattr(refused, "following", "")) if sentence else None
