"""What may be said about viewers: where their events come in, who may send them, and which stream they are about."""

import ipaddress
import os
from dataclasses import field
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from qoe_agent.config.listening import Listen, Listening
from qoe_agent.config.section import section, wrong
from qoe_agent.config.values import File, HeaderName, HttpUrl, Pattern, Seconds, Word

MOST_SOURCES = 100
"""Sources that may be configured: each is a label."""

_SourceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
_Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,128}$")]
_Rate = Annotated[float, Field(gt=0, le=1e9)]


def _origin(value: str) -> str:
    if value == "*":
        return value
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or value != f"{parts.scheme}://{parts.netloc}":
        raise ValueError("must be an origin such as https://www.example.com, or * for any")
    return value.lower()


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise ValueError("must be an address or a network such as 10.0.0.0/8") from None


def _application(value: str) -> str:
    app, slash, name = value.partition("/")
    if not (app and slash and name):
        raise ValueError("must be app/name, as in rtmp://host/app/name")
    return value


@section
class Viewers:
    """Which viewers' events are about a stream, beside those that name it."""

    cid: tuple[Word, ...] = ()
    """Content ids (CMCD's `cid`, or `stream` of plain events) under which players know it."""
    rtmp: Annotated[str, Field(max_length=400), AfterValidator(_application)] | None = None
    """app/name under which a media server's callbacks know it; null: those of its own RTMP address."""
    path: Pattern | None = None
    """Regular expression of the paths under which servers deliver it (MediaMTX's paths, access logs)."""


@section
class Source:
    """Somebody who sends viewers' events."""

    name: _SourceName
    """Its name in metrics and in what is stored."""
    keys: Annotated[tuple[_Key, ...], Field(min_length=1, max_length=100)]
    """Public keys, as the path's part in /in/KEY/…: they may write and no more, and stand in pages for all to see."""
    revoked: Annotated[tuple[_Key, ...], Field(max_length=1000)] = ()
    """Keys that are no longer taken: players are told to stop (410)."""
    origins: Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], Field(max_length=100)] = ()
    """Sites whose pages may send, such as https://www.example.com, or * for any; servers and apps need none."""
    rate: _Rate | None = None
    """Events a second that are taken, with bursts of ten seconds; beyond it the answer is 429. Null: no limit."""
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of sessions that are taken, by a hash of the session's id; the others are told to stop (410)."""


@section
class Stat:
    """A media server that is asked who watches: for where its callbacks are not wanted, or may be lost."""

    name: _SourceName
    """Its name in metrics and in what is stored."""
    url: HttpUrl = field(repr=False)
    """Of nginx-rtmp a location with `rtmp_stat all`, of SRS /api/v1/clients/, of MediaMTX /v3/paths/list."""
    kind: Literal["nginx-rtmp", "srs", "mediamtx"] = "nginx-rtmp"
    """What it is."""
    every: Annotated[Seconds, Field(ge=1, le=300)] = 10.0
    """How often it is asked: by so much it is not known when somebody left."""
    source: _SourceName | None = None
    """The one of `sources` to which its callbacks go: they tell who comes and goes then, and the list who has left, or
    come, without one. Null: it does not call back."""
    server: Annotated[str, Field(max_length=64)] = ""
    """With `source`: what its callbacks call it (`?server=` of nginx-rtmp, `server` of MediaMTX); SRS says that."""


@section
class Ingest(Listening):
    """Viewers' events come in here, on a listener and in a process of their own. Off while `folder` is null."""

    listen: Listen = "127.0.0.1:9844"
    """Address and port to take events on; nothing else is served there."""
    tls_cert: File | None = None
    """Certificate chain to serve HTTPS with (PEM)."""
    tls_key: File | None = None
    """Its private key (PEM)."""
    folder: File | None = None
    """Where events are kept: a log, and Parquet files by day. Null: no events are taken in."""
    keep: Seconds = 90 * 86400.0
    """How long, in whole days."""
    pseudonyms: File | None = None
    """File of the secret keys by which users become pseudonyms, made at the first start; null: pseudonyms.keys in
    `folder`. Keep a copy of it, and keep it from those who analyse the events."""
    trusted_proxies: Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], Field(max_length=100)] = ()
    """Addresses or networks of proxies whose X-Forwarded-For is believed."""
    region_header: HeaderName | None = None
    """Header in which a trusted proxy says where the viewer is, such as CF-IPCountry; for events that do not say it.
    Nothing is ever looked up from an address."""
    address_rate: _Rate | None = None
    """Requests a second that are taken from one address (of IPv6, one /64), with bursts of ten seconds; null: no limit.
    Addresses are never stored."""
    max_sessions: Annotated[int, Field(ge=1, le=10_000_000)] = 1_000_000
    """Sessions that are followed at once for live metrics; the events of others are stored all the same."""
    sources: Annotated[tuple[Source, ...], Field(max_length=MOST_SOURCES)] = ()
    """Who may send."""
    stats: Annotated[tuple[Stat, ...], Field(max_length=MOST_SOURCES)] = ()
    """Servers that are asked who watches."""

    def __post_init__(self) -> None:
        if self.folder is not None and not self.sources and not self.stats:
            raise wrong("sources", "required, because without any nobody may send")
        self.pair()
        if self.region_header is not None and not self.trusted_proxies:
            raise wrong("trusted_proxies", "required, because anybody could send region_header")
        names = [source.name for source in self.sources] + [stat.name for stat in self.stats]
        keys = [key for source in self.sources for key in (*source.keys, *source.revoked)]
        if len(set(names)) < len(names):
            raise wrong("sources", "each needs a name of its own, and so does each of stats")
        if any(stat.source not in (None, *(source.name for source in self.sources)) for stat in self.stats):
            raise wrong("stats", "source must be the name of one of sources")
        if len(set(keys)) < len(keys):
            raise wrong("sources", "a key must stand in one place only, among keys or revoked")

    @property
    def ring(self) -> str:
        """The file of the keys for pseudonyms."""
        return self.pseudonyms or os.path.join(self.folder or "", "pseudonyms.keys")
