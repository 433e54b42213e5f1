"""What may be said about the agent itself: its web side, its resources, where its streams come from."""

import ipaddress
from dataclasses import field
from fnmatch import fnmatchcase
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field

from qoe_agent.config.listening import Listen, Listening, host_port
from qoe_agent.config.section import section, wrong
from qoe_agent.config.values import (
    NETWORK,
    Bytes,
    File,
    Headers,
    HttpUrl,
    Labels,
    Pattern,
    Seconds,
    Word,
    address,
)

LEAST_TOKEN = 16
"""Characters that a bearer token must have."""
NTP = 123
"""The port of time servers."""


def time_server(value: str) -> tuple[str, int]:
    """`"time.example.com"`, `"time.example.com:123"`, `"::1"` or `"[::1]:123"` as host and port."""
    bare = value.count(":") != 1 and "]:" not in value
    host, port = (value.removeprefix("[").removesuffix("]"), NTP) if bare else host_port(value)
    if not host or not 0 < port <= 65535 or any(letter.isspace() or letter in "/@?#[]" for letter in host):
        raise ValueError("must be a host, or host:port, such as time.example.com")
    return host, port


def _url_pattern(value: str) -> str:
    scheme, mark, rest = value.partition("://")
    if not mark or not rest or rest.startswith("/"):
        raise ValueError("must be a pattern such as https://cdn.example.com/live/*")
    if not any(fnmatchcase(known, scheme.lower()) for known in NETWORK):
        raise ValueError("no source reads this kind of URL from the network")
    if "@" in rest.partition("/")[0] or "?" in rest.partition("/")[2] or "#" in rest:
        raise ValueError("patterns speak of scheme, host and path only")
    return value


def _token(value: str) -> str:
    if len(value) < LEAST_TOKEN:
        raise ValueError(f"must have at least {LEAST_TOKEN} characters")
    if not all("!" <= letter <= "~" for letter in value):
        raise ValueError("must be of printable ASCII characters without spaces")
    return value


def _template(value: str) -> str:
    if "{name}" not in value:
        raise ValueError("must hold {name}")
    return value


def _template_url(value: str) -> str:
    parts = urlsplit(address(_template(value)))
    if "{" in parts.scheme + parts.netloc:
        raise ValueError("the host must not depend on the callback")
    return value


"""Address and port to serve on."""
Template = Annotated[str, Field(max_length=4096), AfterValidator(_template)]
TemplateUrl = Annotated[str, Field(max_length=4096), AfterValidator(_template_url)]


@section
class Web(Listening):
    """The web side: metrics, probes on demand, health."""

    listen: Listen = "127.0.0.1:9843"
    """Address and port to serve on. Any but a loopback address needs a token."""
    token: Annotated[str, AfterValidator(_token)] | None = field(default=None, repr=False)
    """Bearer token that requests must carry, at least 16 characters; best from the environment: ${QOE_TOKEN}."""
    tls_cert: File | None = None
    """Certificate chain to serve HTTPS with (PEM)."""
    tls_key: File | None = None
    """Its private key (PEM)."""
    allowed_hosts: tuple[Word, ...] = ()
    """Host names under which the agent may be addressed, besides localhost and IP addresses."""
    probe_targets: tuple[Annotated[str, AfterValidator(_url_pattern)], ...] = ()
    """Patterns of URLs that /probe?target= may fetch, such as https://cdn.example.com/live/*; else names only."""
    probe_concurrency: Annotated[int, Field(ge=1, le=1000)] = 4
    """How many /probe requests may pull at once."""

    def __post_init__(self) -> None:
        if self.token is None and not self.loopback:
            raise wrong("token", "required, because web.listen is not a loopback address")
        self.pair()

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    def admits(self, url: str) -> bool:
        """Whether `probe_targets` let a stranger have `url` fetched: scheme, host (with port) and path each match."""
        try:
            parts = urlsplit(url)
            valid = parts.hostname is not None and (parts.port or True)
        except ValueError:
            return False
        if not valid or "@" in parts.netloc or "\\" in url or any(ord(letter) <= 32 for letter in url):
            return False
        return any(_admits(pattern, parts) for pattern in self.probe_targets)


def _admits(pattern: str, parts: SplitResult) -> bool:
    scheme, _, rest = pattern.partition("://")
    host, slash, path = rest.partition("/")
    dotted = any(segment in (".", "..") for segment in parts.path.lower().replace("%2e", ".").split("/"))
    return (
        parts.scheme in NETWORK
        and not dotted
        and fnmatchcase(parts.scheme, scheme.lower())
        and fnmatchcase(parts.netloc.lower(), host.lower())
        and fnmatchcase(parts.path or "/", slash + path or "/")
    )


@section
class Evidence:
    """What is kept of incidents: stills, a clip, what was known then."""

    folder: File | None = None
    """Where; null: nothing is kept. Only the agent's user may read it."""
    bytes: Bytes = 1_000_000_000
    """Disk space that it may take; the oldest goes first."""
    keep: Seconds = 7 * 86400.0
    """How long each is kept."""


@section
class Agent:
    """The agent as a process."""

    vantage: Word | None = None
    """Where the agent looks from, as a label on every metric."""
    region: Word | None = None
    """The region it stands in, as a label on every metric."""
    ring_bytes: Bytes = 128_000_000
    """Memory for the latest packets of all streams together."""
    workers: Annotated[int, Field(ge=0, le=256)] | None = None
    """Processes that watch the streams; null: one for each core; 0: none, the agent does all by itself."""
    worker_memory: Bytes = 2_000_000_000
    """Memory (resident) at which a worker process is replaced."""
    decode_threads: Annotated[int, Field(ge=1, le=256)] = 1
    """Threads that decode, in each worker process."""
    decode_cpu: Annotated[float, Field(gt=0, le=1024)] | None = None
    """CPU that decoding of all streams together may take, in cores, such as 1.5; beyond it, decoding is left out step
    by step (qoe_agent_overload_level), bursts first. Null: as much as there is."""
    shards: Annotated[int, Field(ge=1, le=1000)] | None = None
    """How many agents share the streams; each knows which it is by the number at the end of its host name, or by
    --shard. Null: this one watches all of them."""
    handover: Seconds = 30.0
    """How long a stream that has become another agent's is watched on; the other one must have started by then."""
    log_format: Literal["text", "json"] = "text"
    """Log lines for people or for machines."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe log lines that are written."""
    evidence: Evidence = field(default_factory=Evidence)
    """What is kept of incidents: stills, a clip, what was known then."""
    max_streams: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Streams beyond this many are refused, wherever they come from."""


@section
class Clock:
    """How the agent knows what time it is, against which it tells latencies. Nothing sets the machine's clock."""

    source: Literal["kernel", "ntp", "http", "none"] = "kernel"
    """Who vouches for the clock: kernel (what the system's NTP client says of it), a server (ntp, http), or none."""
    server: Annotated[str, Field(min_length=1, max_length=4096)] | None = field(default=None, repr=False)
    """ntp: host or host:port. http: a URL whose body is a UTC time (DASH's http-xsdate) or that has a Date header."""
    every: Annotated[Seconds, Field(ge=1)] = 60.0
    """How often the server is asked; four times quickly at the start."""
    timeout: Annotated[Seconds, Field(le=60)] = 2.0
    """How long its answer may take; half of that is how far off it may be."""

    def __post_init__(self) -> None:
        asks = self.source in ("ntp", "http")
        if asks and self.server is None:
            raise wrong("server", f"required, because the source is {self.source}")
        if not asks and self.server is not None:
            raise wrong("server", f"nobody is asked, because the source is {self.source}")
        try:
            if self.source == "http":
                address(self.server or "", frozenset({"http", "https"}))
            elif self.server is not None:
                time_server(self.server)
        except ValueError as error:
            raise wrong("server", str(error)) from None


@section
class FileSd:
    """Streams from files, as Prometheus writes them or as `streams` is written here."""

    files: Annotated[tuple[File, ...], Field(min_length=1)]
    """Paths or patterns (*.yml, *.json), relative to this file; changes are seen within two seconds."""
    labels: Labels = field(default_factory=dict)
    """Labels for all of them."""
    profile: Word = "default"
    """Profile of those that name none."""


@section
class HttpSd:
    """Streams from an HTTP server, as Prometheus's http_sd serves them or as `streams` is written here."""

    url: HttpUrl = field(repr=False)
    """Where the list is."""
    every: Annotated[Seconds, Field(ge=1)] = 30.0
    """How often it is asked for."""
    timeout: Seconds = 10.0
    """How long an answer may take; until one comes the last one holds."""
    headers: Headers = field(default_factory=dict, repr=False)
    """Extra request headers, such as Authorization."""
    labels: Labels = field(default_factory=dict)
    """Labels for all of them."""
    profile: Word = "default"
    """Profile of those that name none."""


@section
class Callback:
    """Streams that begin and end with the publish callbacks of a media server (POST /-/publish)."""

    app: Word
    """The application whose publishers are meant."""
    url: TemplateUrl = field(repr=False)
    """Where such a stream is pulled from; {name} and {app} stand for what the callback says."""
    stream: Template = "{name}"
    """The stream's name in every metric."""
    match: Pattern = "^[A-Za-z0-9_.-]{1,100}$"
    """Names that are taken; others are left alone."""
    labels: Labels = field(default_factory=dict)
    """Labels for all of them."""
    profile: Word = "default"
    """Their profile."""
    max_streams: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """Publishers beyond this many at once are left alone."""


@section
class Discovery:
    """Where streams come from besides `streams`."""

    file_sd: tuple[FileSd, ...] = ()
    """Files that are read again whenever they change."""
    http_sd: tuple[HttpSd, ...] = ()
    """Servers that are asked again and again."""
    callbacks: tuple[Callback, ...] = ()
    """Publish callbacks of nginx-rtmp (on_publish, on_publish_done, on_update) and SRS (on_publish, on_unpublish)."""
