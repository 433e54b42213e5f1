"""The vocabulary: what was seen (observations) and what follows from it (findings).

Everything is in seconds and bytes. `at` is when something was seen, on the agent's own steady
clock (Unix seconds at process start, then monotonic: see `clock`); `pts` is when it is to be shown.
`None` means unknown; nothing here ever holds 0 or -1 for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind: TypeAlias = Literal["video", "audio", "data"]
Severity: TypeAlias = Literal["info", "warning", "critical"]

KEY = 1
"""The packet is a key frame (for audio: any frame)."""
IDR = 2
"""The picture resets the decoder: H.264 NAL type 5, HEVC IDR, AV1 key frame with its sequence header."""
RECOVERY = 4
"""The packet carries a recovery point: decodable from here, though not an IDR."""
CORRUPT = 8
"""The transport says that bytes are missing or wrong."""
BACKLOG = 16
"""Part of a server's opening burst (GOP cache, playlist backlog): not live, so neither bitrate nor latency."""
DISCONTINUITY = 32
"""The transport announces a break in the timeline at this packet."""
WRAPPED = 64
"""The transport's timestamp counter wrapped here; `pts` and `dts` are already unwrapped."""


@dataclass(frozen=True, slots=True)
class Target:
    """What to pull and how: all that a source may know."""

    url: str
    """Where the stream is. May hold secrets: never log it, show it with `redact`."""
    source: str = "auto"
    """`auto`, or the source's name: rtmp, http, hls, udp, container (libav), replay."""
    variant: str = "best"
    """HLS: `best`, `worst`, a height such as `720`, or a rendition's name as `renditions()` gave it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Extra request headers (HTTP)."""
    cookies: Mapping[str, str] = field(default_factory=dict)
    """Cookies to send (HTTP)."""
    user_agent: str = "qoe-agent"
    """How the agent names itself: HTTP User-Agent, RTMP flashVer."""
    proxy: str | None = None
    """HTTP proxy, as a URL."""
    ca_file: str | None = None
    """Certificates to trust instead of the system's."""
    verify_tls: bool = True
    """False accepts any certificate."""
    rtsp_transport: Literal["tcp", "udp"] = "tcp"
    """How RTSP media travels."""
    open_timeout: float = 10.0
    """Seconds until the first media packet must have come."""
    lost_after: float = 10.0
    """Seconds without one whole media packet after which the stream is lost."""
    over: bool = False
    """The show ended in an earlier pull: a playlist that is still complete is that show, not a new one."""
    stale: frozenset[tuple[int, int | None, int]] = frozenset()
    """Playlists (track, media sequence, segments) that stood still when an earlier pull fell silent: no news."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The connection stands and media is about to flow."""

    at: float
    requested: float
    """When the pull began."""
    protocol: str
    """rtmp, rtmps, flv, ts, udp, hls, rtsp, file, …"""
    phases: Mapping[str, float] = field(default_factory=dict)
    """Seconds spent in each of resolve, connect, tls, handshake, first_byte, as far as the transport is ours."""


@dataclass(frozen=True, slots=True)
class Format:
    """A track is now like this: sent before its first packet and again whenever anything changes."""

    at: float
    track: int
    kind: Kind
    codec: str
    """FFmpeg's name: h264, hevc, av1, vp9, aac, mp3, opus, …; `unknown:…` where we have none."""
    extradata: bytes = b""
    """What a decoder needs first: avcC, hvcC, av1C, AudioSpecificConfig; empty where it is in the packets."""
    width: int | None = None
    height: int | None = None
    profile: str | None = None
    level: str | None = None
    pixel_format: str | None = None
    frame_rate: float | None = None
    """Frames per second as the stream declares them."""
    sample_rate: int | None = None
    channels: int | None = None
    bit_rate: float | None = None
    """Declared rate in bytes per second."""


@dataclass(slots=True)
class Packet:
    """One coded picture or sound frame. Immutable by convention (a test tries), unfrozen for speed."""

    at: float
    """When its last byte arrived."""
    track: int
    kind: Kind
    pts: float | None
    dts: float | None
    flags: int
    size: int
    """Bytes of payload as received (data may be less in a replay)."""
    data: bytes
    """The payload as the decoder wants it (length-prefixed NALs, Annex B, ADTS, raw AAC, …)."""

    @property
    def key(self) -> bool:
        """Decoding may start here."""
        return self.flags & KEY != 0


@dataclass(frozen=True, slots=True)
class Captured:
    """The transport says when media was captured (rtcp, prft, act, onfi; what packets hold inside, probes read)."""

    at: float
    track: int
    pts: float
    time: float
    """Unix seconds by its own clock (onfi: its local time as if it were UTC)."""
    method: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture, as far as the looks of the probes described it: never its pixels."""

    at: float
    """When the packet that it came from arrived."""
    track: int
    pts: float | None
    width: int
    height: int
    pixel_format: str
    key: bool
    decoded: float
    """When the decoder handed it out (agent clock)."""
    looks: Mapping[str, Any] = field(default_factory=dict)
    """What each probe's look returned, by the probe's name."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A stretch of decoded sound, as far as the looks of the probes described it."""

    at: float
    track: int
    pts: float | None
    duration: float
    sample_rate: int
    channels: int
    decoded: float
    looks: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Playlist:
    """A playlist was fetched (HLS), or could not be."""

    at: float
    requested: float
    kind: Literal["master", "media"]
    error: str = ""
    """Empty when it came; else one of the reasons that `Lost` uses."""
    target_duration: float | None = None
    media_sequence: int | None = None
    segments: int = 0
    ended: bool = False
    changed: bool = True
    """Whether anything is new since the last fetch."""
    track: int = 0
    """The first track number of its segments: tells a rendition's pictures from sound in a playlist of its own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said beside media, for people: bounded, and without secrets (`maths.quoting`)."""

    at: float
    kind: Literal["headers", "metadata", "master", "playlist"]
    text: str
    track: int = 0
    """Of a playlist: the first track number of its segments."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A media segment (or part) is complete, after its packets; a player has its media only now."""

    at: float
    requested: float
    first_byte: float | None
    sequence: int
    duration: float
    """Seconds, as the playlist declares it."""
    size: int
    error: str = ""
    """Empty when it came whole; else what went wrong (its packets, if any, were still sent)."""
    backlog: bool = False
    """It was listed before we came: not live."""
    discontinuity: bool = False
    program_date_time: float | None = None
    """Unix seconds of its first sample, as the playlist says."""
    tracks: tuple[int, ...] = ()
    """Which tracks had packets in it."""
    track: int = 0


@dataclass(frozen=True, slots=True)
class Damage:
    """Something in the bytes was wrong: counted, never fatal."""

    at: float
    track: int | None
    kind: Literal["decode", "parse", "corrupt"]
    count: int = 1
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Joined:
    """A join probe (or the first pull) ended: what one new viewer met."""

    at: float
    requested: float
    outcome: str
    """`ok`, or the reason why no picture came (see `Lost.reason`), or `deadline`."""
    startup: float | None = None
    """Request to the first decodable picture (audio-only streams: first decodable sound)."""
    first_packet: float | None = None
    """Request to the first media packet."""
    first_key: float | None = None
    """Request to the first key-frame packet."""
    phases: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passes: absence becomes data. Sent about once a second, also while there is no connection."""

    at: float
    lag: float = 0.0
    """Seconds since the last Tick in which the agent itself stood still: what came then is said to have come later."""
    unix: float = 0.0
    """Agent time plus this is Unix time, as well as the agent knows it."""
    uncertainty: float | None = None
    """Seconds by which that may be wrong; None while nobody vouches for the agent's clock."""


LOST_REASONS = {
    "ended": "the stream ended cleanly (end of file, unpublish, ENDLIST)",
    "silent": "no whole media packet within the deadline",
    "timeout": "a connection or request took longer than its deadline",
    "resolve": "the host name has no address",
    "refused": "the host refused the connection",
    "unreachable": "no route to the host",
    "reset": "the connection broke",
    "tls": "the TLS handshake or certificate failed",
    "auth": "the server wants credentials that we do not have (401, 403, RTMP connect rejected)",
    "not_found": "the server does not know the stream (404, NetStream.Play.StreamNotFound)",
    "status": "the server answered with another error status",
    "protocol": "the answer was not the protocol we speak (garbage, HTML instead of media)",
    "empty": "the answer was well-formed but holds no media",
    "unsupported": "the stream needs something we do not have",
    "failed": "anything else; the detail says what",
    "stopped": "the agent itself stopped pulling",
}
"""The closed set of reasons for a pull to end; also the values of the label `reason`."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The pull ended. A source returns it; the session decides what comes next."""

    at: float
    reason: str
    """One of LOST_REASONS."""
    detail: str = ""  # for people: one line, no secrets

    @property
    def clean(self) -> bool:
        """The stream's own end, not a fault."""
        return self.reason == "ended"


Media: TypeAlias = Format | Packet | Captured | Picture | Sound
Observation: TypeAlias = Opened | Media | Answer | Playlist | Segment | Damage | Joined | Tick | Lost


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that we export, declared once beside the code that fills it."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    """Label names beside `stream` and `rendition`, which every stream metric has."""
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, without +Inf."""
    kept: bool = False
    """A gauge that states a fact (a time, qoe_up): it stays when the stream dies."""


@dataclass(slots=True)
class Sample:
    """A number for a declared metric. Counter: an increment. Gauge: the value, or None to withdraw it.
    Histogram: one observed value. Immutable by convention, unfrozen for speed."""

    metric: Metric
    value: float | None
    labels: tuple[str, ...] = ()
    """Label values in the order of `metric.labels`."""
    count: int = 1
    """Histogram only: how many values this stands for; `value` is then their mean and all lie in one bucket."""


@dataclass(frozen=True, slots=True)
class Incident:
    """An interval that a viewer would notice. The same (kind, key, start) again is an update; `end` closes it."""

    kind: str
    start: float
    end: float | None
    severity: Severity
    key: str = ""
    """Tells apart what may be open at once within a kind (a track, a definition)."""
    start_pts: float | None = None
    end_pts: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    """What it is based on, in plain JSON values."""


Finding: TypeAlias = Sample | Incident
