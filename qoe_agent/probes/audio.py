"""Audio: is there sound, and is it silent?

Silence is heard: all channels below −60 dBFS, or digital zeros, for `silence` seconds; onset and end are exact
to the sample in media time. On the agent's clock they lie where an even delivery would have put them: segments
come in bursts, so the earliest arrivals of late say how media time relates to it.

Missing audio is something else: no packets while video flows.

Sound that was not decoded is not known. Where stretches of sound lie more than 0.5 s apart (decoding falls to
1 s in 5 under overload, or packets are missing), a silence goes on only if both sides of the hole are silent
and the hole is at most 5 s; and only what was heard counts, towards the counter and towards the minimum.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any

from qoe_agent.maths.cadence import BREAK
from qoe_agent.maths.due import LONGEST, Due
from qoe_agent.maths.quiet import Run, Spell, quiet_runs
from qoe_agent.model import (
    Format,
    Incident,
    Lost,
    Metric,
    Observation,
    Opened,
    Packet,
    Sample,
    Segment,
    Sound,
    Tick,
)
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from qoe_agent.model import Finding

PRESENT = Metric("qoe_audio_present", "gauge", "1 while audio packets come, 0 while none do though video flows.")
SILENT = Metric(
    "qoe_silence_seconds_total", "counter", "Sound heard to be silent, in silences of at least the minimum: zeros "
    "(kind digital), or below -60 dBFS (quiet).", ("kind",),
)  # fmt: skip
PEAK = Metric("qoe_audio_peak_ratio", "gauge", "Largest sample lately decoded; 1 is full scale.")

LEVEL = 10 ** (-60 / 20)
"""Magnitude below which sound is quiet."""
LEAST = 0.05
"""Seconds of the shortest run that is worth telling apart."""
SMEAR = 0.04
"""Seconds of a silence that coding fills: up to a block of the transform at either end (AAC: 1,024 samples)."""
SEAM = 0.5
"""Seconds between stretches of sound that are no hole."""
HOLE = 5.0
"""Seconds of unknown sound that a silence may span."""
STALE = 30.0
"""Seconds without any decoded sound after which a silence is over as far as it is known."""
PEAK_FRESH = 12.0
"""Seconds that a peak is worth showing."""


class Listen:
    """The look: peak, number of samples and silent runs of a stretch of sound; None if it is not sound."""

    def __call__(
        self, samples: NDArray[np.float32], rate: int, pts: float | None
    ) -> tuple[float, int, list[Run]] | None:
        peak, runs = quiet_runs(samples, LEVEL, int(LEAST * rate))
        return (peak, samples.shape[1], runs) if isfinite(peak) else None


@probe(
    PRESENT, SILENT, PEAK,
    sees=(Opened, Format, Packet, Segment, Sound, Tick, Lost),
    incidents={
        "silence": "sound is there and silent",
        "audio_missing": "no audio packets though video flows, of a stream that declares or had audio",
    },
    sound=lambda _: Listen(),
)  # fmt: skip
@dataclass(slots=True)
class Audio:
    """Listens to the first audio track; packets of any audio track count as audio."""

    silence: float = 2.0
    """Seconds of silence that make an incident."""
    missing: float = 3.0
    """Seconds of video without audio packets that make an incident."""

    _had: bool = field(default=False, init=False, repr=False)
    """The stream has or had audio, by its packets or by declaration; earlier connections count."""
    _audio: tuple[float, float | None] | None = field(default=None, init=False, repr=False)
    """Arrival and pts of the last audio packet."""
    _video: float | None = field(default=None, init=False, repr=False)
    """Decoding time of the last video packet."""
    _video_at: tuple[float, float] | None = field(default=None, init=False, repr=False)
    """Arrival of the first and of the last video packet."""
    _sounding: set[int] = field(default_factory=set, init=False, repr=False)
    """The audio tracks that were declared."""
    _due: Due = field(default_factory=lambda: Due(HOLE), init=False, repr=False)
    _apart: float = field(default=0.0, init=False, repr=False)
    """The longest segment of nothing but sound: by so much it may lie behind the segments of the pictures."""
    _without: float = field(default=0.0, init=False, repr=False)
    """Seconds of video since the last audio packet."""
    _gone: Incident | None = field(default=None, init=False, repr=False)
    _track: int | None = field(default=None, init=False, repr=False)
    _heard: tuple[float, float | None] | None = field(default=None, init=False, repr=False)
    """Arrival and pts of the end of the last stretch of sound."""
    _spell: Spell | None = field(default=None, init=False, repr=False)
    _told: dict[str, float] = field(default_factory=dict, init=False, repr=False)
    """Seconds of the present silence that are already in the counter; empty while it is no incident."""
    _silent: dict[str, float] = field(default_factory=lambda: {"digital": 0.0, "quiet": 0.0}, init=False, repr=False)
    _peak: tuple[float, float] | None = field(default=None, init=False, repr=False)
    """When, and the largest since the last Tick."""
    _ticked: bool = field(default=True, init=False, repr=False)
    _since: float = field(default=0.0, init=False, repr=False)
    """Sound that arrived earlier belongs to a connection of the past."""
    _dead: bool = field(default=False, init=False, repr=False)

    def feed(self, seen: Observation) -> Iterable[Finding]:
        if isinstance(seen, Packet):
            if seen.kind == "video":
                self._watch(seen)
            elif seen.kind == "audio":
                self._had, self._audio, self._without = True, (seen.at, seen.pts), 0.0
                if self._gone:
                    return self._back(seen.at, seen.pts)
        elif isinstance(seen, Tick):
            return self._tick(seen)
        elif isinstance(seen, Sound):
            return self._sound(seen)
        elif isinstance(seen, Format):
            if seen.kind == "audio":
                self._had = True
                self._sounding.add(seen.track)
        elif isinstance(seen, Segment):
            self._due.segment(seen.duration)
            if seen.tracks and self._sounding.issuperset(seen.tracks):
                self._apart = max(self._apart, min(seen.duration, LONGEST))
        elif isinstance(seen, Opened | Lost):
            return self._restart(seen)
        return ()

    def _restart(self, seen: Opened | Lost) -> Iterator[Finding]:
        yield from self._back(seen.at, None)
        yield from self._sounds_again()
        self._audio = self._video = self._video_at = self._track = self._heard = self._peak = None
        self._without = self._apart = 0.0
        self._due = Due(HOLE)
        self._sounding.clear()
        self._since, self._dead = seen.at, isinstance(seen, Lost)
        if self._dead:
            yield from self._counters()

    def _watch(self, seen: Packet) -> None:
        media = seen.pts if seen.dts is None else seen.dts
        self._video_at = (self._video_at[0] if self._video_at else seen.at, seen.at)
        if media is None:
            return
        if self._video is not None and 0.0 < media - self._video <= BREAK:
            self._without += media - self._video
        self._video = media

    def _alone(self) -> bool:
        """Whether video has come without audio for too long, by media time and by arrival."""
        if self._video_at is None:
            return False
        since = self._audio[0] if self._audio else self._video_at[0]
        patience = self.missing + self._apart
        return self._without > patience and self._video_at[1] - since > patience

    def _back(self, at: float, pts: float | None) -> Iterator[Finding]:
        """Audio packets come again, or the pull ended."""
        was, self._gone = self._gone, None
        if was:
            yield Incident(was.kind, was.start, max(at, was.start), was.severity, "", was.start_pts, pts, was.detail)

    def _tick(self, tick: Tick) -> Iterator[Finding]:
        yield from self._counters()
        if self._dead:
            return
        alone = self._alone()
        if alone and self._had and self._gone is None and self._video_at:
            start, pts = self._audio or (self._video_at[0], None)
            self._gone = Incident("audio_missing", start, None, "warning", start_pts=pts)
            yield self._gone
        if self._audio or alone:
            yield Sample(PRESENT, 0.0 if alone else 1.0)
        if self._heard and tick.at - self._heard[0] > STALE:
            yield from self._sounds_again()
        if self._peak:
            yield Sample(PEAK, self._peak[1] if tick.at - self._peak[0] <= PEAK_FRESH else None)
        self._ticked = True

    def _sound(self, seen: Sound) -> Iterator[Finding]:
        """Take the silent runs of a stretch, in order."""
        if self._dead or seen.at < self._since or self._track not in (None, seen.track):
            return
        self._track = seen.track
        look: Any = seen.looks.get("audio")
        if not look or seen.sample_rate <= 0:
            return
        peak, count, runs = look
        rate = seen.sample_rate
        if self._ticked or self._peak is None or peak > self._peak[1]:
            self._peak, self._ticked = (seen.at, peak), False
        ended = None if seen.pts is None else seen.pts + count / rate
        if not runs or runs[0][0] > 0 or not self._reaches(seen, seen.at - count / rate, runs[0][1] / rate):
            yield from self._sounds_again()
        yield from self._runs(runs, count, rate, self._due.when(seen.at, ended) - count / rate, seen)
        self._heard = (seen.at, ended)

    def _runs(self, runs: Sequence[Run], count: int, rate: int, begin: float, seen: Sound) -> Iterator[Finding]:
        """`begin`: where the stretch begins on the agent's clock."""
        reached, pts = 0, seen.pts
        for start, end, level in runs:
            if start > reached:
                yield from self._sounds_again()
            reached = end
            spell = self._spell
            if spell is None:
                onset = None if pts is None else pts + start / rate
                self._spell = spell = Spell(begin + start / rate, onset, begin + start / rate, onset)
            finish, finish_pts = begin + end / rate, None if pts is None else pts + end / rate
            if spell.start_pts is not None and finish_pts is not None:
                even = spell.start + finish_pts - spell.start_pts
                finish = even if abs(even - finish) <= self._due.uneven else finish
            spell.extend((end - start) / rate, level, max(spell.start, finish), finish_pts)
            yield from self._judge(spell)
        if reached < count:
            yield from self._sounds_again()

    def _reaches(self, seen: Sound, begin: float, quiet: float) -> bool:
        """Whether a silence at the end of the stretch before goes on in this one, which begins with `quiet` seconds."""
        if self._heard is None:
            return True
        at, pts = self._heard
        hole = begin - at if pts is None or seen.pts is None else seen.pts - pts
        if abs(hole) <= SEAM:
            return seen.at - at <= STALE
        both = self._spell is not None and min(quiet, self._spell.heard) >= LEAST
        return both and 0.0 < hole <= HOLE and seen.at - at <= STALE

    def _judge(self, spell: Spell) -> Iterator[Finding]:
        """Open the incident when enough was heard, and count on."""
        if spell.heard < self.silence - SMEAR:
            return
        if not self._told:
            yield self._incident(spell, None)
        for kind, seconds in (("digital", spell.digital), ("quiet", spell.quiet)):
            self._silent[kind] += seconds - self._told.get(kind, 0.0)
            self._told[kind] = seconds

    def _sounds_again(self) -> Iterator[Finding]:
        """The silence, if there is one, ended where it was last known."""
        spell, self._spell = self._spell, None
        if spell and self._told:
            yield self._incident(spell, spell.end)
        self._told.clear()

    def _incident(self, spell: Spell, end: float | None) -> Incident:
        kind = "digital" if spell.digital > spell.quiet else "quiet"
        detail = {"kind": kind, "level": spell.level, "heard_seconds": spell.heard}
        end_pts = None if end is None else spell.end_pts
        return Incident("silence", spell.start, end, "warning", "", spell.start_pts, end_pts, detail)

    def _counters(self) -> Iterator[Finding]:
        for kind, seconds in self._silent.items():
            yield Sample(SILENT, seconds, (kind,))
            self._silent[kind] = 0.0
