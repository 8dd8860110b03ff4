"""Addresses as people call what they name, of a home that was asked over the API."""

from __future__ import annotations

from typing import Any, Final

from setaria.cli.client import Client
from setaria.cli.places import data_folder
from setaria.facts.refused import Refused
from setaria.home.spec.library import SpecLibrary
from setaria.home.telling.state import value_in_words
from setaria.words import say
from setaria.words.format import clock

PLAINLY_NOTED: Final = ("set", "stop", "event", "turns", "cancelled", "act")


def library() -> SpecLibrary:
    """The specs that come with the program, and those of the data folder."""
    return SpecLibrary([data_folder(None) / "specs"])


class Names:
    def __init__(self, client: Client) -> None:
        self.language = client.language
        home = client.get("/api/home")
        self.zone: str = home["household"]["zone"]
        self._models = {each["id"]: each["model"] for each in home["things"]}
        self._names = {
            kind: {each["id"]: each["name"] for each in home[kind]}
            for kind in ("things", "members", "scenes", "helpers")
        }
        self._specs = library()

    def of(self, kind: str, name: str) -> str:
        """`kind` is things, members, scenes or helpers."""
        return str(self._names[kind].get(name, name))

    def state(self, address: str, value: Any) -> str:
        """`living_light/light.on`, True -> `Living room light on`."""
        owner, slash, rest = address.partition("/")
        if owner in ("member", "helper") and slash:
            name = self.of(f"{owner}s", rest.partition(".")[0])
            if owner == "member" and isinstance(value, bool):
                return say("telling.happened.came" if value else "telling.happened.left", self.language, name=name)
            return f"{name} {self._plain(value)}"
        return f"{self.of('things', owner)} {self.value(owner, rest, value)}"

    def value(self, thing: str, address: str, value: Any) -> str:
        if value is None or isinstance(value, list | dict):
            return "—" if value is None else ""
        try:
            return value_in_words(self._specs.get(self._models[thing]), address, value, self.language)
        except (KeyError, Refused):
            return f"{address} {self._plain(value)}"

    def _plain(self, value: Any) -> str:
        return say(f"telling.state.on_{str(value).lower()}", self.language) if isinstance(value, bool) else str(value)

    def trigger(self, trigger: dict[str, Any]) -> str:
        platform = str(trigger.get("platform", ""))
        if "to" in trigger:
            return self.state(str(trigger.get("entity_id", "")), trigger["to"])
        if platform == "event":
            return str(trigger.get("event", ""))
        if platform == "person":
            return self.of("members", str(trigger.get("id", "")))
        text = say(f"telling.happened.why_{platform}", self.language)
        return platform if text.startswith("telling.") else text

    def _noted(self, what: Any) -> str:
        """What a step that sends nothing left in a trace; "" when it is none of these."""
        if "until" in what:
            return say("telling.trace.until", self.language, time=clock(int(what["until"]), self.zone))
        if "completed" in what:
            return say(f"telling.trace.completed.{str(bool(what['completed'])).lower()}", self.language)
        if "helper" in what:
            operation = str(what["operation"]).replace("_", " ")
            name = self.of("helpers", str(what["helper"]))
            return say("telling.trace.helper", self.language, name=name, operation=operation)
        for key in PLAINLY_NOTED:
            if key in what:
                value = what[key]
                shown = ", ".join(map(str, value)) if isinstance(value, list) else value
                return say(f"telling.trace.{key}", self.language, value=shown)
        return ""

    def step(self, what: Any) -> str:
        """What came of one step of a run."""
        if isinstance(what, bool):
            return say(f"telling.trace.{str(what).lower()}", self.language)
        if not isinstance(what, dict):
            return "" if what is None else str(what)
        if "scene" in what:
            return say("telling.happened.deed_scene", self.language, name=self.of("scenes", str(what["scene"])))
        if "message" in what:
            return say("telling.happened.deed_told", self.language, message=what["message"])
        if "refused" in what:
            return say("telling.trace.refused", self.language, code=what["refused"])
        if noted := self._noted(what):
            return noted
        addressed = [self.state(name, value) for name, value in what.items() if "/" in name]
        rest = [f"{name} {value}" for name, value in what.items() if "/" not in name and value is not None]
        return say("words.comma", self.language).join([*addressed, *rest])
