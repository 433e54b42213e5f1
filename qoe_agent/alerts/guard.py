"""To which addresses notifications may go: a name is resolved, what it stands for is checked, and that is connected to.

So neither a configuration that others may write nor a name that changes its meaning makes the agent post to cloud
metadata services (link-local) or into the network behind it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import TYPE_CHECKING, Literal, TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from qoe_agent.config.alerting import Network

    Address: TypeAlias = IPv4Address | IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16")))
"""Where clouds serve secrets that is not link-local: AWS by IPv6, Alibaba, Oracle, Azure."""
_SHARED = ipaddress.ip_network("100.64.0.0/10")


class Forbidden(OSError):
    """A receiver is at an address to which nothing may be posted."""


def kind(address: Address) -> Literal["public", "private", "other"]:
    """Whether everybody can reach it, or this machine and its neighbours; other: link-local, metadata, multicast."""
    if isinstance(address, ipaddress.IPv6Address) and (within := _embedded(address)):
        return kind(within)
    if address.is_link_local or address.is_multicast or address.is_unspecified or address in _METADATA:
        return "other"
    if address.is_loopback or (address.version == 4 and address in _SHARED):
        return "private"
    if address.is_reserved and not address.is_global:
        return "other"
    if address.is_private:
        return "private"
    return "public" if address.is_global else "other"


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that this one stands for."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def allowed(address: str, network: Network) -> bool:
    """Whether a receiver may be there."""
    try:
        found = kind(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return False
    return network == "any" or found == "public" or (network == "private" and found == "private")


class Guard(AbstractResolver):
    """Resolves names for one receiver."""

    def __init__(self, network: Network) -> None:
        self._network: Network = network

    def literal(self, host: str) -> None:
        """Check a host that is an address itself, which nobody resolves. Forbidden: it may not be."""
        try:
            ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return
        if not allowed(host, self._network):
            raise Forbidden(self._message())

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """What `host` stands for, as far as it is allowed. Forbidden: nothing of it is."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family, flags=socket.AI_ADDRCONFIG)
        results = [
            ResolveResult(
                hostname=host, host=str(place[0]), port=int(place[1]), family=kind, proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, proto, _, place in found
            if allowed(str(place[0]), self._network)
        ]  # fmt: skip
        if not results:
            raise Forbidden(self._message())
        return results

    async def close(self) -> None:
        """Nothing is held."""

    def _message(self) -> str:
        wider = "private or any" if self._network == "public" else "any"
        return f"its address is not {self._network}: if it is meant, set network: {wider}"
