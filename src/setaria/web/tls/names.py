"""By which names and addresses this machine can be reached from the home's own network."""

from __future__ import annotations

import array
import fcntl
import re
import socket
import struct
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Final

import msgspec

from setaria.facts.refused import Refused

ALWAYS: Final = ("localhost", "setaria.local")
LOOPBACK: Final = ("127.0.0.1", "::1")
MOST_ADDRESSES: Final = 32
MOST_NAMES: Final = 16
# Networks between containers and guests of this machine: nobody else is on them.
_INNER: Final = ("docker", "br-", "veth", "virbr", "cni", "flannel", "podman", "lxc")
_LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_SIOCGIFCONF: Final = 0x8912  # Linux, netdevice(7)
_IFREQ: Final = 40 if struct.calcsize("P") == 8 else 32
_MOST_INTERFACES: Final = 128
_INET6: Final = Path("/proc/net/if_inet6")
_PASSING: Final = 0x01 | 0x08 | 0x20 | 0x40  # temporary, failed, deprecated, tentative: linux/if_addr.h
_SHARED: Final = ip_network("100.64.0.0/10")  # RFC 6598: what private networks over the Internet use


class Machine(msgspec.Struct, frozen=True):
    """`names` are of its host name, lower case; `addresses` without loopback and link-local ones, the best first."""

    names: tuple[str, ...]
    addresses: tuple[str, ...]


def find_machine() -> Machine:
    """Asks the kernel; sends nothing."""
    found = [*_ipv4(), *_ipv6()] if _INET6.exists() else _by_own_name()
    usable = [each for each in dict.fromkeys(found) if not (each.is_loopback or each.is_link_local)]
    spoken = _speaks_from()
    usable.sort(key=lambda each: (each.version, not each.is_private, each != spoken))
    return Machine(names_of(socket.gethostname()), tuple(map(str, usable[:MOST_ADDRESSES])))


def names_of(host: str) -> tuple[str, ...]:
    """`nas.lan` is known as that, as `nas` and as `nas.local`."""
    host = host.lower().rstrip(".")
    short = host.partition(".")[0]
    return tuple(dict.fromkeys(each for each in (host, short, f"{short}.local") if is_name(each)))


def is_name(text: str) -> bool:
    """A DNS name, and not an address written as one."""
    labels = text.split(".")
    return len(text) <= 253 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()


def check_name(given: str) -> str:
    """A further name to be known by. Raises Refused("name_unfit")."""
    name = given.strip().lower().rstrip(".")
    if not is_name(name):
        raise Refused("name_unfit", name=given[:80])
    return name


def certified(machine: Machine, further: Sequence[str]) -> tuple[str, ...]:
    """All that a certificate should name: names first, then addresses.

    A bare host name is left out: an authority that may speak for `dev` may speak for all below it (RFC 5280).
    """
    dotted = (each for each in (*machine.names, *further[:MOST_NAMES]) if "." in each)
    return (*dict.fromkeys((*ALWAYS, *dotted)), *dict.fromkeys((*LOOPBACK, *machine.addresses)))


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_neighbour(peer: str, ours: Iterable[str]) -> bool:
    """Whether a peer is of the home's own network: at a private address, or at one of a public IPv6 network that we are
    in as well (its first 64 bits, RFC 4291). What a router lets in from outside is not."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return address.is_private or address.is_link_local or _shares_network(address, ours)
        address = address.ipv4_mapped
    if address in _SHARED:
        return any(is_address(each) and ip_address(each) in _SHARED for each in ours)
    return address.is_private or address.is_link_local


def _shares_network(address: IPv6Address, ours: Iterable[str]) -> bool:
    network = int(address) >> 64
    return any(":" in each and int(IPv6Address(each)) >> 64 == network for each in ours)


def _ipv4() -> list[IPv4Address | IPv6Address]:
    """Every address of every interface that is up (netdevice(7), SIOCGIFCONF)."""
    room = array.array("B", bytes(_IFREQ * _MOST_INTERFACES))
    start, size = room.buffer_info()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking, _SIOCGIFCONF, struct.pack("iP", size, start))
        except OSError:
            return []
    filled = struct.unpack("iP", answer)[0]
    found: list[IPv4Address | IPv6Address] = []
    for at in range(0, filled, _IFREQ):
        entry = room[at : at + _IFREQ].tobytes()
        if not entry.startswith(tuple(name.encode() for name in _INNER)):
            found.append(IPv4Address(entry[20:24]))  # behind the name (16), the family and the port
    return found


def _ipv6() -> list[IPv4Address | IPv6Address]:
    """Those that stay. Source: the kernel's net/ipv6/addrconf.c: address, index, prefix, scope, flags, name."""
    try:
        lines = _INET6.read_text(encoding="ascii").splitlines()[:_MOST_INTERFACES]
    except OSError:
        return []
    rows = [fields for line in lines if len(fields := line.split()) == 6]
    return [
        IPv6Address(bytes.fromhex(row[0]))
        for row in rows
        if not row[5].startswith(_INNER) and not int(row[4], 16) & _PASSING
    ]


def _by_own_name() -> list[IPv4Address | IPv6Address]:
    """Where the kernel cannot be asked in Linux's way."""
    found = [spoken] if (spoken := _speaks_from()) is not None else []
    try:
        named = socket.getaddrinfo(socket.gethostname(), None, type=socket.SOCK_DGRAM)
    except OSError:
        return found
    return [*found, *(ip_address(str(each[4][0]).partition("%")[0]) for each in named)]


def _speaks_from() -> IPv4Address | IPv6Address | None:
    """The address that packets to elsewhere would leave from: none is sent, a datagram's connect only looks it up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("198.51.100.1", 9))
        except OSError:
            return None
        return ip_address(asking.getsockname()[0])
