"""What may be said about one stream."""

import dataclasses
from dataclasses import field
from typing import Annotated, Any, Literal

from qoe_agent.config.alerting import StreamAlerts
from qoe_agent.config.probing import ProbeOptions
from qoe_agent.config.schedule import Schedule
from qoe_agent.config.section import section
from qoe_agent.config.tiling import TileOptions
from qoe_agent.config.values import (
    File,
    Headers,
    Labels,
    Line,
    Name,
    Seconds,
    SecondsOrOff,
    Url,
    Variant,
    Word,
)
from qoe_agent.config.viewers import Viewers
from qoe_agent.maths.tiles import Tile
from qoe_agent.model import Target

_TARGET = Target(url="")


@section
class Join:
    """Join probes: fresh connections that time what each new viewer meets."""

    every: SecondsOrOff = 60.0
    """How often a fresh connection is made, or off. Each costs the server one viewer until the first picture."""
    timeout: Seconds = 10.0
    """A join without a picture by then has failed."""


@section
class Thresholds:
    """When `watch` calls a stream bad. Each is a duration, or off."""

    startup: SecondsOrOff = 2.0
    """Longest wait from the request to the first picture."""
    stall: SecondsOrOff = 1.0
    """Longest stall."""
    black: SecondsOrOff = 2.0
    """Longest black picture."""
    silence: SecondsOrOff = 2.0
    """Longest silence."""
    content_freeze: SecondsOrOff = 2.0
    """Longest stretch in which frames flow but the picture stands."""
    lost: bool = True
    """Whether a lost stream is bad."""


@section
class StreamOptions:
    """What `defaults`, a profile and a stream may say alike. A stream wins over its profile, that over `defaults`."""

    labels: Labels = field(default_factory=dict)
    """Labels of your own, on `qoe_stream_info` only."""
    source: Literal["auto", "rtmp", "http", "hls", "udp", "container", "libav", "replay"] = "auto"
    """What pulls the stream; auto goes by the URL, libav forces FFmpeg's libraries."""
    variant: Variant = "best"
    """HLS: best, worst, a height such as 720, or all (each rendition with a label of its own)."""
    headers: Headers = field(default_factory=dict, repr=False)
    """Extra HTTP request headers."""
    cookies: Headers = field(default_factory=dict, repr=False)
    """HTTP cookies to send."""
    user_agent: Line = _TARGET.user_agent
    """How the agent names itself: HTTP User-Agent, RTMP flashVer."""
    proxy: Url | None = field(default=_TARGET.proxy, repr=False)
    """HTTP proxy, as a URL."""
    ca_file: File | None = _TARGET.ca_file
    """Certificates to trust instead of the system's (PEM)."""
    verify_tls: bool = _TARGET.verify_tls
    """False accepts any certificate."""
    rtsp_transport: Literal["tcp", "udp"] = _TARGET.rtsp_transport
    """How RTSP media travels."""
    open_timeout: Seconds = _TARGET.open_timeout
    """The first media must have come by then."""
    lost_after: Seconds = _TARGET.lost_after
    """Without one whole media packet for so long, the stream is lost."""
    decode: Literal["keyframes", "adaptive", "all", "none"] = "keyframes"
    """What is decoded: key frames now and then; every key frame, and everything where something is suspicious and for
    two seconds in thirty (adaptive); all; or none, so that only packets are looked at and there are no join probes."""
    pictures_every: Seconds = 5.0
    """Least time between two decoded key frames (keyframes)."""
    join: Join = field(default_factory=Join)
    """Join probes: fresh connections that time startup as each new viewer meets it."""
    expected: Literal["always", "schedule", "on_publish"] = "always"
    """When the stream should be there: always, in the windows of `schedule`, or while its publisher says so."""
    schedule: tuple[Schedule, ...] = ()
    """Weekly windows in which the stream is expected (with `expected: schedule`)."""
    probes: Annotated[dict[str, dict[str, Any]], ProbeOptions()] = field(default_factory=dict)
    """Options of the probes, by the probe's name."""
    tiles: Annotated[tuple[Tile, ...], TileOptions()] = ()
    """Parts of the picture that are judged for black and for standing still by themselves: names with left, top, width
    and height as shares of the coded picture, {host: [0, 0, 0.5, 1], guest: [0.5, 0, 0.5, 1]}, or with a mapping of
    region, black and freeze (true or false each); or a grid such as 2x2 (rows x columns: r1c1, r1c2, …), with what
    holds for all of it as {grid: 2x2, black: false}. At most 16. A stream's tiles replace those of its profile."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    """When `watch` calls the stream bad."""
    evidence: Literal["full", "thumbnail", "off"] = "full"
    """What is kept of its incidents where `agent.evidence` has a folder: everything; no clip, only stills; nothing, and
    pages show no pictures of it either."""
    alerts: StreamAlerts = field(default_factory=StreamAlerts, compare=False)  # watched all the same
    """Which of its incidents are told, see `alerts` below."""


@section
class Profile(StreamOptions):
    """Options under a name, for the streams that choose it."""

    description: Line = ""
    """What it is for."""


@section
class Stream(StreamOptions):
    """One stream to watch."""

    name: Name
    """Its name in every metric."""
    url: Url = field(repr=False)
    """Where it is. Secrets belong into environment variables: rtmp://host/live/key?token=${TOKEN}."""
    profile: Word = "default"
    """The profile whose options it takes where it has none of its own."""
    viewers: Viewers = field(default_factory=Viewers, compare=False)  # changes nothing of how it is watched
    """Which viewers' events are about it, beside those that call it by its name."""

    def target(self) -> Target:
        """What a source needs to know."""
        return Target(
            url=self.url,
            source=self.source,
            variant=self.variant,
            headers=self.headers,
            cookies=self.cookies,
            user_agent=self.user_agent,
            proxy=self.proxy,
            ca_file=self.ca_file,
            verify_tls=self.verify_tls,
            rtsp_transport=self.rtsp_transport,
            open_timeout=self.open_timeout,
            lost_after=self.lost_after,
        )

    def options_of(self, probe: str) -> dict[str, Any]:
        """What the probe of that name is made with."""
        said = self.probes.get(probe, {})
        return {**said, "tiles": self.tiles} if probe == "tiles" else said

    def single(self) -> "Stream":
        """The stream with one rendition to watch, for where there is one verdict."""
        return dataclasses.replace(self, variant="best") if self.variant == "all" else self

    def expected_at(self, at: float) -> bool:
        """Whether it should be there at `at` (Unix seconds), as far as the configuration knows."""
        return self.expected != "schedule" or any(window.holds(at) for window in self.schedule)
