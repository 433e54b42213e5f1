"""Players to imitate: the thresholds of real players' sources.

hls.js 1.7 (stream-controller, gap-controller), Media3 DefaultLoadControl, mpegts.js 1.8 on Media Source Extensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Player:
    """How a player behaves, in seconds of media unless said otherwise."""

    name: str
    start: float
    """Buffered before it first plays."""
    resume: float
    """Buffered before it plays again after a stall."""
    max_gap: float
    """A hole in the timeline up to this is played through (the last picture stands); a larger one is skipped."""
    behind: float = 0.0
    """Segmented streams: target durations that it stays behind the live edge (RFC 8216 §6.3.3)."""
    chase: float | None = None
    """Buffered beyond this, it jumps ahead to `target`."""
    target: float = 0.0


HLS = Player("hls", start=0.1, resume=0.1, max_gap=0.1, behind=3.0)
"""hls.js: plays once the first fragment is appended; skips holes (maxBufferHole 0.1 s)."""
EXO = Player("exo", start=1.0, resume=2.0, max_gap=1.0, behind=3.0)
"""Media3: bufferForPlaybackMs 1000, bufferForPlaybackAfterRebufferMs 2000; presents by time, so small holes pass."""
FLV = Player("flv", start=0.5, resume=0.5, max_gap=1.0)
"""mpegts.js and flv.js live: they play at once, yet bytes reach the buffer through a 384 KB stash (0.8 s at 4 Mb/s)
and a browser resumes only with data ahead. Half a second stands for both: with less, ordinary jitter would stall.
Sample durations are stretched to the next timestamp, so small holes are played through. Latency chasing is off."""
RTC = Player("rtc", start=0.2, resume=0.2, max_gap=1.0, chase=1.0, target=0.2)
"""A jitter buffer of 200 ms that drops what comes too late to be live."""
PLAYERS: Mapping[str, Player] = {player.name: player for player in (HLS, EXO, FLV, RTC)}


def preset(name: str, protocol: str) -> Player:
    """The player called `name`; `auto` chooses by protocol.

    On segmented protocols `rtc` is `hls`: so little is ahead of it that it would run dry between any two segments.
    """
    usual = {"hls": HLS, "dash": HLS, "webrtc": RTC, "whep": RTC, "rtsp": RTC}.get(protocol, FLV)
    if name == "auto" or (name == RTC.name and usual is HLS):
        return usual
    return PLAYERS[name]
