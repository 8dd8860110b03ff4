"""Devices that announce themselves by mDNS: an address, and a model, without having been asked.

Found through zeroconf, which is imported only when a browser starts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

SERVICE: Final = "_miio._udp.local."
# `yeelink-light-lamp4_miio234567890._miio._udp.local.`; some write _mibt or a MAC's end in front of the dot.
_NAME: Final = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+){1,4})_miio([0-9]{1,20})\.", re.ASCII | re.IGNORECASE)

Noticed = Callable[[int, str, str], None]
"""Device id, model, host."""


def parse_name(name: str) -> tuple[str, int] | None:
    """Model and device id of a service name, None if it is not of the usual form."""
    match = _NAME.match(name[:256])
    if match is None or int(match[2]) >= 2**64:
        return None
    return match[1].replace("-", ".", 2), int(match[2])


class Browser:
    def __init__(self, noticed: Noticed) -> None:
        self._noticed: Final = noticed
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None

    async def start(self) -> None:
        from zeroconf import ServiceStateChange
        from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

        self._zeroconf = AsyncZeroconf()

        def changed(zeroconf: object, service_type: str, name: str, state_change: ServiceStateChange) -> None:
            if state_change is not ServiceStateChange.Removed:
                self._look_up(service_type, name)

        self._browser = AsyncServiceBrowser(self._zeroconf.zeroconf, [SERVICE], handlers=[changed])

    async def stop(self) -> None:
        if self._browser is not None:
            await self._browser.async_cancel()
        if self._zeroconf is not None:
            await self._zeroconf.async_close()
        self._browser = self._zeroconf = None

    def _look_up(self, service_type: str, name: str) -> None:
        """The announcement carries the address along; one that does not is left to the next announcement."""
        from zeroconf import IPVersion, ServiceInfo

        named = parse_name(name)
        if named is None or self._zeroconf is None:
            return
        info = ServiceInfo(service_type, name)
        if not info.load_from_cache(self._zeroconf.zeroconf):
            return
        for host in info.parsed_addresses(IPVersion.V4Only)[:1]:
            self._noticed(named[1], named[0], host)
