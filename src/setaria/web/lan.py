"""HTTPS on the local network: the listener, the certificate it shows, and the names it answers to.

Who may knock is of this network only (`is_neighbour`); who may come in is for the accounts to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from setaria.facts.clock import SECOND, Clock
from setaria.facts.refused import Refused
from setaria.facts.secrets import SecretStore

if TYPE_CHECKING:
    from setaria.web.guard import Guard
    from setaria.web.tls.names import Machine

logger = logging.getLogger(__name__)

PORT: Final = 8443
LOOK_EVERY: Final = 60 * SECOND  # for other addresses, for an end, for another certificate of one's own
LOOK_SOON: Final = 5 * SECOND  # while the clock has not been set


class Lan(msgspec.Struct, frozen=True):
    """`host` is one address of this machine, or empty for all; `names` are further ones to be known by, checked.
    `certificate` and `key` are one's own, or both None. What is `needed` and cannot be had is refused."""

    host: str = ""
    port: int = PORT
    names: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    needed: bool = False


class LocalNetwork:
    def __init__(self, lan: Lan, folder: Path, secrets: SecretStore, clock: Clock, guard: Guard) -> None:
        from setaria.web.listener import ALL, Listener
        from setaria.web.tls.keeper import Keeper

        if (lan.certificate is None) != (lan.key is None):
            raise Refused("tls_half_given")
        self.lan = lan
        self.keeper = Keeper(folder, secrets, clock)
        self.beyond: tuple[str, ...] = ()
        self._clock = clock
        self._guard = guard
        self._listener = Listener(guard, lan.host or ALL[0], lan.port)
        self._machine: Machine | None = None
        self._serving: tuple[object, ...] = ()
        self._watching: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        return self._listener.port

    @property
    def open(self) -> bool:
        """False while it waits for the clock to be set."""
        return bool(self._serving)

    @property
    def url(self) -> str:
        """The address to type in at another device."""
        host = self.lan.host or next(iter(self._machine.addresses if self._machine else ()), "127.0.0.1")
        return f"https://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def authority(self) -> bytes:
        """What to trust, in DER: then its SHA-256 is that of the file. Empty with a certificate of one's own."""
        from setaria.web.tls.keeper import der

        return b"" if self.lan.certificate is not None else der(self.keeper.authority)

    async def start(self) -> None:
        """Raises Refused: lan_port_in_use, lan_port_unusable, port_unusable, tls_…"""
        try:
            self._listener.claim()
        except Refused as refused:
            if refused.code == "port_in_use":
                raise Refused("lan_port_in_use", port=self.lan.port) from None
            raise Refused("lan_port_unusable", port=self.lan.port, why=refused.details["why"]) from None
        try:
            await self._look()
        except BaseException:
            await self.stop()
            raise
        self._watching = asyncio.create_task(self._watch(), name="lan")

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None
        await self._listener.stop()

    async def _watch(self) -> None:
        told = ""
        while True:
            await self._clock.sleep(LOOK_EVERY if self.open else LOOK_SOON)
            try:
                await self._look()
                told = ""
            except Refused as refused:
                if str(refused) != told:  # what is served goes on being served
                    told = str(refused)
                    logger.warning("the certificate cannot be renewed: %s", refused)

    async def _look(self) -> None:
        """Serve what is right by now; nothing happens when that is served already."""
        from setaria.web.tls.names import find_machine

        self._machine = find_machine()
        showing = await (self._own() if self.lan.certificate is not None else self._kept())
        if showing is None:
            return
        pair, named, mark = showing
        self._admit(self._machine, named)
        serving, self._serving = self._serving, mark
        if not serving:
            await self._listener.start(pair)
        elif serving != mark:
            await self._listener.swap(pair)

    async def _kept(self) -> tuple[tuple[Path, Path], tuple[str, ...], tuple[object, ...]] | None:
        from setaria.web.tls.names import certified, is_address

        assert self._machine is not None
        host = (self.lan.host,) if is_address(self.lan.host) else ()
        wanted = tuple(dict.fromkeys((*certified(self._machine, self.lan.names), *host)))
        if self.keeper.due(wanted):
            await self.keeper.renew(wanted, socket.gethostname().partition(".")[0])
        kept = self.keeper.kept
        if kept is None:
            return None
        self.beyond = tuple(name for name in self.lan.names if name not in kept.named)
        pair = self.keeper.pair
        return (pair, pair), wanted, (kept.since, kept.named)

    async def _own(self) -> tuple[tuple[Path, Path], tuple[str, ...], tuple[object, ...]]:
        from setaria.web.tls.names import certified
        from setaria.web.tls.own import check_own

        assert self._machine is not None
        assert self.lan.certificate is not None
        assert self.lan.key is not None
        pair = (self.lan.certificate, self.lan.key)
        own = await asyncio.to_thread(check_own, *pair, self._clock.now(), self._clock.trusted())
        return pair, (*certified(self._machine, self.lan.names), *own.named), (own.since, own.until, own.mark)

    def _admit(self, machine: Machine, named: tuple[str, ...]) -> None:
        from setaria.web.guard import entrance
        from setaria.web.tls.names import is_neighbour

        names = dict.fromkeys((*named, *machine.names, *self.lan.names))
        strict = self.lan.certificate is not None  # who trusts by exception must be able to go on doing so
        self._guard.open(
            entrance(names, self.port, secure=True, strict=strict),
            lambda peer: is_neighbour(peer, machine.addresses),
        )
