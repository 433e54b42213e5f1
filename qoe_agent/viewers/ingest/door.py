"""Who may send, how much: keys, origins, shares, rates. Time is an argument."""

from __future__ import annotations

import hashlib
import ipaddress
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from qoe_agent.viewers.privacy import telling

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qoe_agent.config import Ingest, Source

BURST = 10.0
"""Seconds of its rate that may come at once."""
ADDRESSES = 100_000
"""Addresses whose rate is remembered."""
LONGEST_REGION = 128
"""Characters of a region."""
MOST_HOPS = 20
"""Entries of X-Forwarded-For that are looked at."""


class Bucket:
    """A token bucket: `rate` a second, BURST seconds' worth at most."""

    __slots__ = ("_at", "_left", "rate")

    def __init__(self, rate: float, at: float) -> None:
        self.rate, self._left, self._at = rate, max(1.0, rate * BURST), at

    def wait(self, at: float) -> float:
        """Seconds until something may come; 0: now. What comes may go below zero, and is waited for afterwards."""
        self._left = min(max(1.0, self.rate * BURST), self._left + (at - self._at) * self.rate)
        self._at = at
        return 0.0 if self._left >= 1.0 else (1.0 - self._left) / self.rate

    def take(self, count: int) -> None:
        """So much has come."""
        self._left -= count


class Entry(NamedTuple):
    """What a key opens."""

    source: Source
    revoked: bool


class Door:
    """The sources of a configuration."""

    def __init__(self, options: Ingest, former: Door | None = None) -> None:
        """`former`: whose rates go on."""
        self._entries = {key: Entry(source, False) for source in options.sources for key in source.keys}
        self._entries |= {key: Entry(source, True) for source in options.sources for key in source.revoked}
        self._proxies = [ipaddress.ip_network(each) for each in options.trusted_proxies]
        self._region_header = options.region_header
        self._address_rate = options.address_rate
        self._sources: Mapping[str, Bucket] = former._sources if former else {}
        self._addresses: OrderedDict[str, Bucket] = former._addresses if former else OrderedDict()

    def entry(self, key: str) -> Entry | None:
        """What `key` opens; None: nothing."""
        return self._entries.get(key)

    def source_wait(self, source: Source, at: float) -> float:
        """Seconds until `source` may send again."""
        bucket = self._bucket(source, at)
        return bucket.wait(at) if bucket else 0.0

    def came(self, source: Source, events: int, at: float) -> None:
        """So many events were taken from `source`."""
        if bucket := self._bucket(source, at):
            bucket.take(events)

    def _bucket(self, source: Source, at: float) -> Bucket | None:
        if source.rate is None:
            return None
        found = self._sources.get(source.name)
        if found is None or found.rate != source.rate:
            found = Bucket(source.rate, at)
            self._sources = {**self._sources, source.name: found}
        return found

    def address_wait(self, peer: str | None, forwarded: str | None, at: float) -> float:
        """Seconds until whoever is behind `peer` may send again; counts this request."""
        if self._address_rate is None or peer is None:
            return 0.0
        who = _whole(self.client(peer, forwarded))
        bucket = self._addresses.get(who)
        if bucket is None or bucket.rate != self._address_rate:
            bucket = self._addresses[who] = Bucket(self._address_rate, at)
            if len(self._addresses) > ADDRESSES:
                self._addresses.popitem(last=False)
        self._addresses.move_to_end(who)
        wait = bucket.wait(at)
        if not wait:
            bucket.take(1)
        return wait

    def region(self, peer: str | None, headers: Mapping[str, str]) -> str | None:
        """Where the viewer is, if a trusted proxy says so."""
        if self._region_header is None or peer is None or not self._trusted(peer):
            return None
        said = headers.get(self._region_header, "").strip()
        return said[:LONGEST_REGION] if said and said.isprintable() and not telling(said) else None

    def client(self, peer: str, forwarded: str | None) -> str:
        """The address of the client: of X-Forwarded-For the last that no trusted proxy has."""
        who = peer
        for hop in reversed((forwarded or "").split(",")[-MOST_HOPS:]):
            if not self._trusted(who) or not hop.strip():
                break
            who = hop.strip()
        return who

    def _trusted(self, address: str) -> bool:
        found = _address(address)
        return found is not None and any(found in network for network in self._proxies)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address; of IPv4 also where a listener for both calls it ::ffff:192.0.2.1."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if found.version == 6 else found


def _whole(address: str) -> str:
    """An address, or the network that one customer has."""
    found = _address(address)
    if found is None:
        return address[:64]
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))


def admits(source: Source, origin: str | None) -> bool:
    """Whether pages of `origin` may send; None: it was no page."""
    return origin is None or "*" in source.origins or origin.lower() in source.origins


def shared(source: Source, session: str) -> bool:
    """Whether a session is among the share of those that are taken."""
    if source.share >= 1.0:
        return True
    digest = hashlib.blake2b(session.encode(errors="surrogatepass"), digest_size=8, person=b"share").digest()
    return int.from_bytes(digest) < source.share * (1 << 64)
