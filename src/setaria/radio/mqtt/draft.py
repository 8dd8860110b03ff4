"""The means by which the components read their configurations into parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from setaria.expression import Template
from setaria.facts.refused import Refused
from setaria.home.ports import Value
from setaria.home.spec.convert import numeric
from setaria.home.spec.formats import Format
from setaria.home.spec.model import Range, slug
from setaria.radio.mqtt import topics
from setaria.radio.mqtt.announcing import Config, Entity, text_of
from setaria.radio.mqtt.parts import Available, Deed, Field, Happening, Part, Publication, Source
from setaria.radio.mqtt.templates import Heard, parsed, read, rendered, same, wire_text

MOST_CHOICES: Final = 200
LONGEST_CHOICE: Final = 200
MOST_AVAILABILITY: Final = 16
LONGEST_TEMPLATE: Final = 4_096

Decode = Callable[[Any], Value | None]
Writer = Callable[[Value, Mapping[str, Value]], list[Publication]]


class Draft:
    """Filled by a component (components.py); refusals of single fields are kept in `faults`."""

    def __init__(self, entity: Entity, prefix: str) -> None:
        self.entity = entity
        self.config: Config = entity.config
        self.prefix = prefix
        self.kind = ""
        self.scope = entity.key
        self.fields: list[Field] = []
        self.deeds: list[Deed] = []
        self.happenings: list[Happening] = []
        self.writers: dict[str, Writer] = {}
        self.order: dict[str, int] = {}
        self.encode: Callable[[Mapping[str, Value], Mapping[str, Value]], list[Publication]] | None = None

    # Options.

    def text(self, key: str, default: str = "") -> str:
        value = self.config.get(key)
        if isinstance(value, bool):
            return "True" if value else "False"
        return value[:LONGEST_CHOICE] if isinstance(value, str) else text_of(value) or default

    def number(self, key: str, default: float) -> float:
        found = numeric(self.config.get(key))
        return default if found is None else found

    def flag(self, key: str) -> bool:
        return self.config.get(key) is True or self.text(key).casefold() in ("true", "on", "yes", "1")

    def words(self, key: str, default: Sequence[str] = ()) -> tuple[str, ...]:
        listed = self.config.get(key)
        if not isinstance(listed, list):
            return tuple(default)
        if len(listed) > MOST_CHOICES:
            raise Refused("mqtt_too_many", what=key, most=MOST_CHOICES)
        kept = [wire_text(each) for each in listed if isinstance(each, str | int | float)]
        return tuple(dict.fromkeys(each for each in kept if each and len(each) <= LONGEST_CHOICE))

    def template(self, key: str) -> Template | None:
        source = self.config.get(key)
        if source is None or source == "":
            return None
        if not isinstance(source, str) or len(source) > LONGEST_TEMPLATE:
            raise Refused("mqtt_template_refused", key=key)
        return parsed(source)

    @property
    def name_slug(self) -> str:
        """Of the entity's own name, or of its id when that has no Latin letters; for an address."""
        for text in (self.entity.name, self.text("object_id"), self.entity.key.partition(":")[2]):
            found = re.sub(r"[^a-z0-9-]+", "-", slug(text)).strip("-")
            if found and found[0].isalpha() and len(re.sub(r"[^a-z]", "", found)) > 1:
                return found[:48].rstrip("-")
        return self.entity.component.replace("_", "-")

    # Topics.

    def has(self, *keys: str) -> bool:
        return any(self.config.get(key) for key in keys)

    def sources(self, topic_key: str, template_key: str, decode: Decode) -> tuple[Source, ...]:
        """Empty when there is no such topic."""
        wanted = self.config.get(topic_key)
        if not wanted:
            return ()
        template = self.template(template_key)

        def hear(heard: Heard) -> Value | None:
            found = read(template, heard)
            return None if found is None or found == "" else decode(found)

        several = wanted if isinstance(wanted, tuple) else (wanted,)
        return tuple(Source(topics.checked(each, self.prefix), hear) for each in several)

    def publisher(self, topic_key: str, template_key: str = "") -> Callable[..., Publication] | None:
        """(value, **more variables of its template) -> what to publish; None when there is no such topic."""
        if not self.config.get(topic_key):
            return None
        topic = topics.checked(self.config[topic_key], self.prefix)
        template = self.template(template_key) if template_key else None
        qos, retain = self.qos, self.flag("retain")

        def publish(value: Any, **more: Any) -> Publication:
            return Publication(topic, rendered(template, value, more), qos, retain)

        return publish

    @property
    def qos(self) -> int:
        return min(max(int(self.number("qos", 0)), 0), 2)

    # What it is made of.

    def field(
        self,
        key: str,
        service: str,
        name: str,
        form: Format,
        sources: tuple[Source, ...] = (),
        writer: Writer | None = None,
        *,
        unit: str = "",
        range: Range | None = None,  # noqa: A002  as the spec calls it
        choices: Sequence[str] = (),
        described: str = "",
        off_after: float = 0.0,
    ) -> None:
        """Passed over when it can be neither read nor written."""
        if not sources and writer is None:
            return
        self.fields.append(
            Field(
                key, service, name, form, sources, writer is not None, unit, range, tuple(choices), described, off_after
            )
        )
        if writer is not None:
            self.writers[key] = writer

    def switch(
        self,
        key: str,
        service: str,
        name: str,
        state: tuple[str, str],
        command: tuple[str, str],
        words: tuple[str, str],
        states: tuple[str, str] | None = None,
        off_after: float = 0.0,
    ) -> None:
        """`words` are the payloads for on and off, `states` what the state calls them if it differs."""
        on, off = states or words

        def decode(wire: Any) -> Value | None:
            return True if same(wire, on) else False if same(wire, off) else None

        publish = self.publisher(*command)
        writer = None if publish is None else _sends(lambda value: publish(words[0] if value else words[1]))
        self.field(key, service, name, Format.BOOL, self.sources(*state, decode), writer, off_after=off_after)

    def choice(
        self,
        key: str,
        service: str,
        name: str,
        state: tuple[str, str],
        command: tuple[str, str],
        choices: Sequence[str],
        described: str = "",
        to_wire: Callable[[Any], Any] | None = None,
    ) -> None:
        if not choices:
            return
        by_fold = {each.casefold(): each for each in reversed(choices)}

        def decode(wire: Any) -> Value | None:
            text = wire_text(wire)
            return text if text in choices else by_fold.get(text.casefold())

        publish = self.publisher(*command)
        writer = None if publish is None else _sends(lambda value: publish(to_wire(value) if to_wire else value))
        self.field(
            key,
            service,
            name,
            Format.UINT16,
            self.sources(*state, decode),
            writer,
            choices=choices,
            described=described,
        )

    def quantity(
        self,
        key: str,
        service: str,
        name: str,
        state: tuple[str, str],
        command: tuple[str, str] = ("", ""),
        *,
        form: Format = Format.FLOAT,
        unit: str = "",
        range: Range | None = None,  # noqa: A002
        to_wire: Callable[[Any], Any] | None = None,
        from_wire: Callable[[float], Value | None] | None = None,
        described: str = "",
    ) -> None:
        def decode(wire: Any) -> Value | None:
            found = numeric(wire)
            return None if found is None else from_wire(found) if from_wire else found

        publish = self.publisher(*command) if command[0] else None
        writer = (
            None if publish is None else _sends(lambda value: publish(to_wire(value) if to_wire is not None else value))
        )
        sources = self.sources(*state, decode)
        self.field(key, service, name, form, sources, writer, unit=unit, range=range, described=described)

    def deed(self, key: str, service: str, name: str, topic_key: str, payload: str, described: str = "") -> None:
        publish = self.publisher(topic_key)
        if publish is not None and payload:
            self.deeds.append(Deed(key, service, name, (publish(payload),), described))

    def finish(self) -> Part:
        order, writers = self.order, self.writers

        def encode(writes: Mapping[str, Value], known: Mapping[str, Value]) -> list[Publication]:
            in_order = sorted(writes, key=lambda key: order.get(key, 0))
            return [each for key in in_order for each in writers[key](writes[key], {**known, **writes})]

        return Part(
            self.entity.key,
            self.scope,
            self.entity.component,
            self.entity.name,
            self.kind,
            tuple(self.fields),
            tuple(self.deeds),
            tuple(self.happenings),
            self.encode or encode,
            self._availability(),
            self.text("availability_mode", "latest"),
            self.flag("optimistic"),
            tuple(Publication(topics.checked(topic, self.prefix), payload) for topic, payload in self.entity.polls),
        )

    def _availability(self) -> tuple[Available, ...]:
        listed = self.config.get("availability")
        wanted: list[Mapping[str, Any]] = (
            [each for each in listed if isinstance(each, dict)]
            if isinstance(listed, list)
            else ([listed] if isinstance(listed, dict) else [])
        )
        if self.has("availability_topic"):
            own = {key: self.config.get(key) for key in ("payload_available", "payload_not_available")}
            template = self.config.get("availability_template")
            wanted = [{**own, "topic": self.config["availability_topic"], "value_template": template}]
        return tuple(self._available(each) for each in wanted[:MOST_AVAILABILITY])

    def _available(self, config: Mapping[str, Any]) -> Available:
        yes = wire_text(config.get("payload_available") or "online")
        no = wire_text(config.get("payload_not_available") or "offline")
        source = config.get("value_template")
        template = parsed(source) if isinstance(source, str) and source else None

        def hear(heard: Heard) -> bool | None:
            found = read(template, heard)
            return True if same(found, yes) else False if same(found, no) else None

        return Available(topics.checked(config.get("topic"), self.prefix), hear)


def _sends(publish: Callable[[Any], Publication]) -> Writer:
    return lambda value, known: [publish(value)]
