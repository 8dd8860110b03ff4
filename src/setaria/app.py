"""A hub, wired: the log, the home on it, its radios, what runs beside, and the API in front."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from setaria import __version__
from setaria.facts.clock import MINUTE, SystemClock, Timer
from setaria.facts.fact import HUB
from setaria.facts.ids import IdSource
from setaria.facts.refused import Refused
from setaria.facts.secrets import KeyFile, SecretStore
from setaria.facts.sqlite import SqliteLog
from setaria.facts.writer import Writer
from setaria.home import commands as c
from setaria.home.accounts.accounts import Accounts
from setaria.home.accounts.decide import AccountsDecider
from setaria.home.deciders import ArrangementDecider, ControlDecider
from setaria.home.home import Home
from setaria.home.linkage.desk import LinkageDesk
from setaria.home.loading import load, save_snapshot
from setaria.home.notifying.decide import NotifierDecider
from setaria.home.notifying.desk import Notifying
from setaria.home.ports import Radio
from setaria.home.retention import Retention
from setaria.home.spec.library import SpecLibrary
from setaria.notifiers.http import Http
from setaria.notifiers.push import PushKey
from setaria.notifiers.table import notifier_types
from setaria.radio.mqtt.options import MqttSettings
from setaria.rights import Principal
from setaria.upkeep.keeper import HubUpkeep
from setaria.web.flywheel_desk import FlywheelDesk
from setaria.web.lan import Lan

if TYPE_CHECKING:
    from setaria.web.lan import LocalNetwork
    from setaria.web.server import Site

SNAPSHOT_EVERY: Final = 5 * MINUTE
GARBAGE: Final = (10_000, 20, 50)  # a home makes many short-lived values and hardly any cycles
HOUSEHOLD: Final = "home"


class Settings(msgspec.Struct, frozen=True):
    """`folder` holds all of a hub's data. `broadcast` are the miIO discovery addresses; port 0 takes any free one.
    Without `lan` only this computer is served."""

    folder: Path
    language: str = "zh-CN"
    host: str = "127.0.0.1"
    port: int = 8080
    broadcast: tuple[tuple[str, int], ...] = (("255.255.255.255", 54321),)
    miio: bool = True
    mdns: bool = True
    bind: str = "0.0.0.0"  # noqa: S104  things are on any interface
    lan: Lan | None = None
    mqtt: MqttSettings | None = None

    @property
    def log_path(self) -> Path:
        return self.folder / "log.db"


class Hub:
    """`open`, `start`, `serve` and `close`, in this order. One process at a time may hold a folder."""

    def __init__(self, settings: Settings, clock: SystemClock, log: SqliteLog, radios: Sequence[Radio] | None) -> None:
        last_id, last_time = log.last_known()
        clock.raise_floor(last_time)
        self.settings = settings
        self.clock = clock
        self.log = log
        ids = IdSource(clock, last_id)
        deciders = (
            ArrangementDecider(HOUSEHOLD),
            ControlDecider(),
            AccountsDecider(HOUSEHOLD),
            NotifierDecider(HOUSEHOLD),
        )
        self.writer = Writer(log, clock, ids, deciders, HOUSEHOLD)
        self.specs = SpecLibrary([settings.folder / "specs"])
        self.secrets = SecretStore(settings.folder / "secrets", KeyFile(settings.folder / "key"))
        made = make_radios(settings, clock, self.secrets) if radios is None else radios
        self.home = Home(HOUSEHOLD, self.writer, clock, ids, self.specs, self.secrets, made, log)
        self.retention = Retention(log, self.writer, clock)
        self.replayed = load(self.home, log)
        key = PushKey(self.secrets)
        types = notifier_types(clock, key, Http())
        self.notifying = Notifying(self.home, log, self.writer, clock, ids, self.secrets, types, lambda: key.public)
        self.notifying.load(log)
        self.upkeep = HubUpkeep(settings.folder, __version__, log, clock, self.writer)
        self.flywheel = FlywheelDesk(settings.folder / "flywheel", settings.log_path, clock)
        self.accounts = Accounts(self.home, self.writer, clock, self.secrets)
        self.accounts.load(log)
        self.lan_refused: Refused | None = None
        self._site: Site | None = None
        self._snapshot_timer: Timer | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    def open(cls, settings: Settings, radios: Sequence[Radio] | None = None) -> Hub:
        """Raises Refused: log_in_use, log_damaged, log_newer, key_file_open…; nothing is left open then."""
        settings.folder.mkdir(parents=True, exist_ok=True)
        settings.folder.chmod(0o700)
        clock = SystemClock()
        log = SqliteLog.open_now(settings.log_path, clock)
        try:
            return cls(settings, clock, log, radios)
        except BaseException:
            log.close_now()
            raise

    async def start(self) -> None:
        self.writer.start()
        await self._welcome()
        await self.home.start()
        self.accounts.start()
        self.retention.start()
        self.notifying.start()
        self.upkeep.start()
        self.flywheel.start()
        self._keep_snapshots()
        gc.freeze()  # what a home is made of stays: the collector need not look at it again
        gc.set_threshold(*GARBAGE)

    async def serve(self) -> str:
        """Answer on the API; returns its address. Raises Refused: port_in_use, port_unusable, host_not_loopback,
        and for the local network what `LocalNetwork.start` does."""
        from setaria.web.server import Services, Site

        services = Services(
            self.home,
            self.writer,
            self.log,
            self.clock,
            LinkageDesk(self.home, self.log),
            __version__,
            self.accounts,
            self.settings.language,
            notifying=self.notifying,
            upkeep=self.upkeep,
            page=lambda: "" if self.lan is None else self.lan.url,
            flywheel=self.flywheel,
        )
        self._site = Site(services, self.settings.host, self.settings.port)
        await self._site.start()
        self.accounts.terminal.write(self.settings.folder, self._site.url)
        self._run(self.warm_up())
        self.upkeep.served()
        await self._open_lan(self._site)
        return self._site.url

    async def _open_lan(self, site: Site) -> None:
        """A home that other devices cannot reach is better than none, unless they are what somebody asked for."""
        lan = self.settings.lan
        if lan is None:
            return
        try:
            await site.open_lan(lan, self.settings.folder / "tls", self.secrets)
        except Refused as refused:
            if lan.needed:
                raise
            self.lan_refused = refused

    @property
    def lan(self) -> LocalNetwork | None:
        """How other devices of the home reach this hub, when they do."""
        return None if self._site is None else self._site.lan

    async def warm_up(self) -> None:
        """Compile what the first trigger would otherwise have to, one linkage a turn of the loop."""
        for armed in list(self.home.engine.armed.values()):
            armed.compile(self.home.world)
            await asyncio.sleep(0)

    async def close(self) -> None:
        """What was acknowledged is durable already; what is under way is written down."""
        if self._site is not None:
            self.accounts.terminal.remove(self.settings.folder)
            await self._site.stop()
        if self._snapshot_timer is not None:
            self._snapshot_timer.cancel()
        await self.retention.stop()
        await self.notifying.stop()
        await self.upkeep.stop()
        await self.flywheel.stop()
        await self.accounts.stop()
        await self.home.stop()
        await self.writer.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if not self.writer.lost:  # else the state holds what the log does not
            await save_snapshot(self.home, self.log)
        await self.log.close()

    @property
    def site(self) -> Site | None:
        return self._site

    @property
    def owner(self) -> Principal:
        """In whose name what runs within this process arranges the home: the first owner."""
        return self.accounts.first_owner()

    async def _welcome(self) -> None:
        """A new home has one owner, who can be renamed."""
        if self.home.structure.members:
            return
        chinese = self.settings.language == "zh-CN"
        name, owner = ("我的家", "主人") if chinese else ("My home", "Owner")
        for command in (
            c.DescribeHousehold(name, language=self.settings.language),
            c.SaveMember("owner", owner, "owner", language=self.settings.language),
        ):
            answer = await self.writer.submit(command, HUB)
            self.home.take_over(answer.facts)

    def _keep_snapshots(self) -> None:
        def save() -> None:
            self._run(save_snapshot(self.home, self.log))
            self._keep_snapshots()

        self._snapshot_timer = self.clock.call_at(self.clock.ticks() + SNAPSHOT_EVERY, save)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def make_radios(settings: Settings, clock: SystemClock, secrets: SecretStore) -> list[Radio]:
    """Raises Refused("mqtt_broker_missing")."""
    chance = random.Random()  # noqa: S311  spreads polls in time
    made: list[Radio] = []
    if settings.miio:
        from setaria.radio.miio.radio import MiioRadio

        made.append(
            MiioRadio(clock, broadcast=settings.broadcast, random=chance, bind=settings.bind, mdns=settings.mdns)
        )
    if settings.mqtt is not None:
        from setaria.radio.mqtt.settings import make_radio

        made.append(make_radio(settings.mqtt, clock, secrets, chance))
    return made
