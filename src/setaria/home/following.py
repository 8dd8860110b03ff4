"""The home's side of its radios: what they tell it (home/ports.py, Observer), and which things they are to follow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from setaria.facts.fact import HUB
from setaria.facts.refused import Refused
from setaria.facts.secrets import SecretStore
from setaria.home import facts as f
from setaria.home.arranged import Arranged
from setaria.home.finding import Finding, secret_name
from setaria.home.live import Live
from setaria.home.ports import Followed, Found, Radio, Reading, Value
from setaria.home.structure import Thing
from setaria.home.told import Told

AT_ONCE: Final = 50
PAUSE: Final = 0.02  # seconds


class Following:
    def __init__(self, arranged: Arranged, live: Live, secrets: SecretStore, radios: Sequence[Radio]) -> None:
        self.radios: dict[str, Radio] = {radio.name: radio for radio in radios}
        self.finding = Finding(self.radios, secrets, self._news_of)
        self._arranged = arranged
        self._live = live
        self._secrets = secrets
        self._offered: dict[str, bytes] = {}  # secrets that things gave away, believed once they answer with them
        self._on_found: Told[Found] = Told()
        self.on_described: Callable[[str], None] = lambda thing: None
        self._rest: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """A large home answers before all of its things are looked for."""
        for radio in self.radios.values():
            await radio.start(self)
        things = list(self._arranged.structure.things.values())
        for thing in things[:AT_ONCE]:
            self.follow(thing)
        self._rest = asyncio.create_task(self._follow_rest(things[AT_ONCE:]), name="following")

    async def _follow_rest(self, things: Sequence[Thing]) -> None:
        for first in range(0, len(things), AT_ONCE):
            await asyncio.sleep(PAUSE)
            for thing in things[first : first + AT_ONCE]:
                if self._arranged.structure.things.get(thing.id) is thing:  # else whoever changed it has followed it
                    self.follow(thing)

    async def stop(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            await asyncio.gather(self._rest, return_exceptions=True)
        for radio in self.radios.values():
            await radio.stop()

    def follow(self, thing: Thing) -> None:
        """Tell its radio, with the secret and where it was last; without a secret the thing is shown as lost."""
        radio = self.radios.get(thing.radio)
        spec = self._arranged.spec_of(thing.id)
        seen = self.finding.get(thing.radio, thing.address)
        if seen is not None:
            self._live.located(thing.id, seen.location)
        if radio is None or spec is None:
            self._live.lost(thing.id, "no_radio" if radio is None else "spec_unknown")
            return
        readable = [each for each in spec.properties() if each.readable]
        try:
            secret = self._offered.get(thing.id) or self._secrets.get(secret_name(thing.radio, thing.address))
            brought = self._arranged.specs.brought(thing.model)
            if secret is None and brought:
                secret = b""
            if secret is None:
                self._live.lost(thing.id, "token_missing")
                return
            followed = Followed(
                thing.id,
                thing.address,
                thing.model,
                self._live.things[thing.id].location,
                secret,
                tuple((each.siid, each.piid) for each in readable),
                tuple((each.siid, each.piid) for each in readable if each.notifies),
                brought,
            )
            radio.follow(followed)
        except Refused as refused:  # one that cannot be followed must not keep the others from it
            self._live.lost(thing.id, refused.code)

    def follow_anew(self, thing: Thing) -> None:
        """It has just come, or another device has taken its place."""
        self.forget(thing.id)
        self.follow(thing)
        self.finding.forget(thing.radio, thing.address)

    def forget(self, thing: str) -> None:
        for radio in self.radios.values():
            radio.forget(thing)

    def give_secret(self, radio: str, address: str, secret: bytes) -> None:
        self.give_secrets(radio, {address: secret})

    def give_secrets(self, radio: str, secrets: Mapping[str, bytes]) -> None:
        """By address; all are kept, or none."""
        self.finding.give_secrets(radio, secrets)
        for thing in list(self._arranged.structure.things.values()):
            if thing.radio == radio and thing.address in secrets:
                self.follow(thing)

    def radio_of(self, thing: str) -> Radio | None:
        known = self._arranged.structure.things.get(thing)
        return None if known is None else self.radios.get(known.radio)

    def on_found(self, told: Callable[[Found], None]) -> Callable[[], None]:
        """Call what is returned to hear no more."""
        return self._on_found.add(told)

    def _news_of(self, found: Found) -> None:
        for told in self._on_found.all:
            told(found)

    # What radios tell.

    def found(self, found: Found) -> None:
        thing = self._arranged.structure.thing_at(found.radio, found.address)
        if found.spec:
            self._described(found, thing)
        if thing is None:
            if found.needs == "gone":
                self.finding.forget(found.radio, found.address)
                self._arranged.specs.drop(found.model)
                return
            self.finding.sighted(msgspec.structs.replace(found, spec=b""))
            return
        live = self._live.things.get(thing.id)
        if live is not None and live.reachable:
            return  # it answers with the secret that is known: what else speaks in its name is not it
        if found.secret:
            self._offered[thing.id] = found.secret
            self.follow(thing)
        elif found.needs == "token":
            known = self._secrets.get(secret_name(found.radio, found.address)) is not None
            self._live.lost(thing.id, "wrong_token" if known else "token_missing")

    def _described(self, found: Found, thing: Thing | None) -> None:
        model = found.model if thing is None else thing.model
        specs = self._arranged.specs
        before = specs.brought(model)
        try:
            spec = specs.put(model, found.spec)
        except Refused:
            return
        if thing is None or before == found.spec:
            return
        self.keep_spec(model)
        if thing.id in self._live.things:
            self._live.describe_thing(thing.id, spec)
        else:
            self._live.add_thing(thing.id, thing.radio, spec)
        self.on_described(thing.id)

    def keep_spec(self, model: str) -> None:
        """Write down what a thing said of itself: with its first fact, and whenever it says something else."""
        brought = self._arranged.specs.brought(model)
        if brought:
            told = f.SpecDescribed(model, msgspec.json.decode(brought, type=dict))
            self._live.record(f"spec/{model}", told, HUB)

    def located(self, thing: str, location: str) -> None:
        self._live.located(thing, location)

    def reached(self, thing: str) -> None:
        secret = self._offered.pop(thing, None)
        known = self._arranged.structure.things.get(thing)
        if secret is not None and known is not None:
            self._secrets.put(secret_name(known.radio, known.address), secret)
        self._live.reached(thing)

    def lost(self, thing: str, reason: str) -> None:
        self._live.lost(thing, reason)
        known = self._arranged.structure.things.get(thing)
        if self._offered.pop(thing, None) is not None and known is not None:
            self.follow(known)  # with the secret that is known

    def observed(self, thing: str, readings: Sequence[Reading]) -> None:
        self._live.observed(thing, readings)

    def happened(self, thing: str, siid: int, eiid: int, arguments: Sequence[tuple[int, Value]]) -> None:
        live = self._live.things.get(thing)
        event = live.spec.event(siid, eiid) if live is not None else None
        if live is None or event is None:
            return
        named = {}
        for piid, value in arguments:
            known = live.spec.property(siid, piid)
            named[known.name if known is not None else str(piid)] = value
        self._live.happened(thing, event.address, named)
