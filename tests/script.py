"""A stream written as a program: what happened when (the truth), and what an agent would have seen of it.

    run = Script(protocol="rtmp").open().play(10).stop(5).burst().play(10).run()

Everything is deterministic: jitter is a sequence handed in (`jitter(seed, amount)` makes one), time starts at
`start`. Times of the truth and of `log` are the publisher's; those of the observations are the agent's.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from qoe_agent.model import (
    BACKLOG,
    DISCONTINUITY,
    IDR,
    KEY,
    Format,
    Lost,
    Observation,
    Opened,
    Packet,
    Playlist,
    Segment,
    Tick,
)
from tests.truth import AUDIO, DELTA_SIZE, KEY_SIZE, SOUND, SOUND_SIZE, VIDEO, Fact, Run, jitter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["AUDIO", "DELTA_SIZE", "KEY_SIZE", "SOUND", "SOUND_SIZE", "VIDEO", "Fact", "Run", "Script", "jitter"]


@dataclass(slots=True)
class Script:
    """Writes a live stream step by step. Every step returns the script."""

    protocol: str = "rtmp"
    fps: float = 30.0
    gop: float = 2.0
    audio: bool = True
    video: bool = True
    start: float = 1000.0
    pts: float = 0.0
    """Media time at the start."""
    delay: float = 0.02
    """Publisher to agent, seconds."""
    jitter: Sequence[float] = (0.0,)
    """Extra delays, used in turn: one a packet on push transports, one a segment on HLS."""
    bframes: int = 0
    segment: float = 2.0
    """HLS: seconds in a segment; also the target duration."""
    window: int = 3
    """HLS: segments in the playlist, and fetched at the start."""
    fetch: float = 0.1
    """HLS: seconds that fetching a segment takes."""
    width: int = 1280
    height: int = 720
    now: float = field(init=False)
    media: float = field(init=False)
    _out: list[tuple[float, Observation]] = field(init=False, default_factory=list)
    _truth: list[Fact] = field(init=False, default_factory=list)
    _log: list[Packet] = field(init=False, default_factory=list)
    _held: list[Packet] = field(init=False, default_factory=list)
    _server: list[tuple[int, list[Packet]]] = field(init=False, default_factory=list)
    _current: list[Packet] = field(init=False, default_factory=list)
    _sequence: int = field(init=False, default=0)
    _frame: int = field(init=False, default=0)
    _video_at: float = field(init=False)
    _sound_at: float = field(init=False)
    _latest: float = field(init=False, default=0.0)
    _opened: bool = field(init=False, default=False)
    _muted: bool = field(init=False, default=False)
    _jumped: int = field(init=False, default=0)
    _delays: itertools.cycle[float] = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.start
        self.media = self._video_at = self._sound_at = self.pts
        self._delays = itertools.cycle(self.jitter)

    def open(self, took: float = 0.1, cache: float = 0.0) -> Script:
        """The agent connects; `cache` seconds of media come at once (a GOP cache).

        On HLS the publisher has been at it for `window` and a half segments; those that are listed come first.
        """
        requested = self.now
        if self.protocol == "hls" and not self._server:
            self._preroll()
        self.now, self._opened = requested + took, True
        self._see(Opened(self.now, requested, self.protocol, {"connect": took}))
        self._formats()
        if cache:
            for number, packet in enumerate(self._make(cache, produced=lambda pts: self.now)):
                self._arrive(packet, self.now + 0.0002 * number, BACKLOG)
        if self.protocol == "hls":
            self._see(self._playlist(self.now))
            for number, packets in self._server:
                self._fetched(number, packets, self.now, BACKLOG)
        return self

    def play(self, seconds: float) -> Script:
        """Publish in real time."""
        began, first = self.now, self.media
        for packet in self._make(seconds, produced=lambda pts: began + pts - first):
            self._deliver(packet)
        self.now += seconds
        return self

    def stop(self, seconds: float) -> Script:
        """The publisher's network stands while its encoder runs on: follow with `burst` or `drop`."""
        began, first = self.now, self.media
        self._held += self._make(seconds, produced=lambda pts: began + pts - first)
        self.now += seconds
        self._truth.append(Fact("stop", began, self.now))
        return self

    def burst(self, gap: float = 0.0001) -> Script:
        """What was held back comes at once, `gap` seconds between packets."""
        for number, packet in enumerate(self._held):
            self._deliver(replace(packet, at=self.now + gap * number))
        self._held.clear()
        return self

    def drop(self) -> Script:
        """What was held back never comes."""
        self._held.clear()
        self._truth[-1] = replace(self._truth[-1], kind="drop")
        return self

    def pause(self, seconds: float) -> Script:
        """The publisher's media clock stands: nothing comes, and timestamps go on where they stopped."""
        self._truth.append(Fact("pause", self.now, self.now + seconds))
        self.now += seconds
        return self

    def mute(self, seconds: float) -> Script:
        """Audio packets are missing for a while."""
        self._truth.append(Fact("mute", self.now, self.now + seconds))
        self._muted = True
        self.play(seconds)
        self._muted = False
        return self

    def resize(self, width: int, height: int) -> Script:
        """The next frame is a key frame of another size."""
        self._truth.append(Fact("resize", self.now, self.now))
        self.width, self.height, self._frame = width, height, 0
        self._formats()
        return self

    def jump(self, seconds: float, flagged: bool = False) -> Script:
        """All timestamps jump; `flagged`: the transport announces it."""
        self._truth.append(Fact("jump", self.now, self.now))
        self.media += seconds
        self._video_at += seconds
        self._sound_at += seconds
        self._jumped = 2 if flagged else 0
        return self

    def lost(self, reason: str = "reset", detail: str = "") -> Script:
        """The pull ends; the publisher's clock is not touched."""
        self._truth.append(Fact("ended" if reason == "ended" else "lost", self.now, self.now))
        self._opened = False
        self._held.clear()
        self._see(Lost(max(self.now, self._latest), reason, detail))
        return self

    def reconnect(self, after: float, restart: bool = False, took: float = 0.1, cache: float = 0.0) -> Script:
        """Open again `after` seconds; the programme ran on meanwhile, or restarts at 0."""
        self.now += after
        if restart:
            self.media = self._video_at = self._sound_at = 0.0
            self._current.clear()
            self._server.clear()
            self._frame = 0
        elif self.protocol == "hls":
            self.now -= after
            self.play(after)
        else:
            self._make(after, produced=lambda pts: pts)
        return self.open(took, cache)

    def see(self, seen: Observation) -> Script:
        """Add any observation at this point."""
        self._see(seen)
        return self

    def wait(self, seconds: float) -> Script:
        """Nothing but Ticks."""
        self.now += seconds
        return self

    def run(self, tick: float = 1.0, extra: Iterable[float] = (), lag: float = 0.0) -> Run:
        """Everything in the order in which an agent meets it, a Tick every `tick` seconds, at `extra` and last."""
        end = max([self.now, *(at for at, _ in self._out)])
        count = int((end - self.start) / tick) + 1
        ticks = sorted({self.start + tick * n for n in range(count)} | {end, *extra})
        merged = [*self._out, *((at, Tick(at, lag)) for at in ticks)]
        merged.sort(key=lambda item: item[0])
        return Run([seen for _, seen in merged], self._truth, self._log, end)

    def _see(self, seen: Observation, emitted: float | None = None) -> None:
        self._out.append((seen.at if emitted is None else emitted, seen))

    def _formats(self) -> None:
        at = self.now
        if self.video:
            self._see(Format(at, VIDEO, "video", "h264", b"\x01", self.width, self.height, frame_rate=self.fps))
        if self.audio:
            self._see(Format(at, AUDIO, "audio", "aac", b"\x11\x90", sample_rate=48000, channels=2))

    def _make(self, seconds: float, produced: Callable[[float], float]) -> list[Packet]:
        """The next `seconds` of media in decoding order; `produced` says when each is let go."""
        made, until = [], self.media + seconds - 1e-9
        while self.video and self._video_at < until:
            made.append(self._picture(produced))
        while self.audio and self._sound_at < until:
            pts = self._sound_at
            if not self._muted:
                made.append(Packet(produced(pts), AUDIO, "audio", pts, pts, KEY | self._break(), SOUND_SIZE, b""))
            self._sound_at += SOUND
        self.media += seconds
        made.sort(key=lambda packet: (packet.dts, packet.track))
        return made

    def _picture(self, produced: Callable[[float], float]) -> Packet:
        dts, length = self._video_at, round(self.gop * self.fps)
        number, key = self._frame % length, self._frame % length == 0
        shown = self._shown(number, length)
        flags = (KEY | IDR if key else 0) | self._break()
        self._frame += 1
        self._video_at += 1 / self.fps
        pts = dts + (shown - number + (1 if self.bframes else 0)) / self.fps
        size = KEY_SIZE if key else DELTA_SIZE
        return Packet(produced(dts), VIDEO, "video", pts, dts, flags, size, b"")

    def _shown(self, number: int, length: int) -> int:
        """Place in display order of the picture at `number` in decoding order: I, then P B B …"""
        step = self.bframes + 1
        if number == 0 or self.bframes == 0:
            return number
        group, place = divmod(number - 1, step)
        last = min((group + 1) * step, length - 1)
        return last if place == 0 else group * step + place

    def _break(self) -> int:
        if not self._jumped:
            return 0
        self._jumped -= 1
        return DISCONTINUITY

    def _deliver(self, packet: Packet) -> None:
        self._log.append(packet)
        if self.protocol == "hls":
            self._into_segment(packet)
        elif self._opened:
            self._arrive(packet, packet.at + self.delay + next(self._delays))

    def _arrive(self, packet: Packet, at: float, flags: int = 0) -> None:
        self._latest = at = max(at, self._latest)  # TCP keeps the order
        self._see(replace(packet, at=at, flags=packet.flags | flags))

    def _into_segment(self, packet: Packet) -> None:
        lead = VIDEO if self.video else AUDIO
        began = self._current[0].dts if self._current else packet.dts
        due = packet.dts is not None and began is not None and abs(packet.dts - began) >= self.segment - 0.03
        if not (due and packet.track == lead and packet.flags & KEY):
            self._current.append(packet)
            return
        done, self._current = self._current, [packet]
        self._sequence += 1
        self._server = [*self._server, (self._sequence, done)][-self.window :]
        if self._opened:
            listed = max(packet.at + self.delay + next(self._delays), self._latest)
            self._see(self._playlist(listed))
            self._fetched(self._sequence, done, listed)

    def _preroll(self) -> None:
        """The publisher was at work before we came."""
        past = (self.window + 0.5) * self.segment
        began, first = self.now - past, self.media
        for packet in self._make(past, produced=lambda pts: began + pts - first):
            self._into_segment(packet)

    def _playlist(self, at: float) -> Playlist:
        first = self._server[0][0] if self._server else None
        return Playlist(at, at - 0.01, "media", "", self.segment, first, len(self._server))

    def _fetched(self, sequence: int, packets: list[Packet], requested: float, flags: int = 0) -> None:
        requested = max(requested, self._latest)
        size, read = sum(packet.size for packet in packets), 0
        self._latest = done = requested + self.fetch
        for packet in packets:
            read += packet.size
            at = requested + self.fetch * read / size
            self._see(replace(packet, at=at, flags=packet.flags | flags), emitted=done)
        frames = sum(packet.track == VIDEO for packet in packets)
        seconds = round(frames / self.fps if frames else len(packets) * SOUND, 3)
        tracks = tuple(sorted({packet.track for packet in packets}))
        self._see(
            Segment(done, requested, requested + 0.01, sequence, seconds, size, backlog=bool(flags), tracks=tracks)
        )
