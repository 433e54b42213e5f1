"""Loudness: how loud the programme is (ITU-R BS.1770-5, EBU R128), its range, and its true peak.

Momentary (400 ms) and short-term (3 s) are the latest; `minute` is gated over the last minute of sound, `integrated`
since the connection began, as EBU Tech 3341 defines it. −120 LUFS stands for anything fainter. Weights of channels
go by their number, in FFmpeg's order. The first audio track is heard: all of it under `decode: all`, else four seconds
in thirty, so that a minute of sound is gathered in seven and a half.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qoe_agent.maths.loudness import Levels, Meter
from qoe_agent.maths.seams import Seams
from qoe_agent.model import Lost, Metric, Observation, Opened, Sample, Sound, Tick
from qoe_agent.probes import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from qoe_agent.model import Finding

LOUDNESS = Metric(
    "qoe_loudness_lufs", "gauge", "Loudness, K-weighted (EBU R128): of the last 400 ms (momentary), the last 3 s "
    "(short), gated over the last minute of sound that was heard (minute) or since connecting (integrated).",
    ("window",),
)  # fmt: skip
RANGE = Metric("qoe_loudness_range_lu", "gauge", "Loudness range over the last minute of sound (EBU Tech 3342).")
TRUE_PEAK = Metric(
    "qoe_true_peak_ratio", "gauge", "Largest magnitude of the last minute, between samples too; 1 is 0 dBTP."
)  # fmt: skip

FRESH, SAMPLED = 12.0, 45.0
"""Seconds without decoded sound after which nothing is known, and without any that was measured."""
MINUTE = 60.0


class Listen:
    """The look: a meter that hears one track."""

    when = "bursts"

    def __init__(self) -> None:
        self._meter, self._seams = Meter(), Seams()

    def __call__(self, samples: NDArray[np.float32], rate: int, pts: float | None) -> Levels | None:
        joint = self._seams.take(pts, samples.shape[1] / rate)
        if joint == "past":
            return None
        if joint == "hole":
            self._meter.restart()
        return self._meter.add(samples, rate)


@probe(LOUDNESS, RANGE, TRUE_PEAK, sees=(Opened, Sound, Tick, Lost), sound=lambda _: Listen())
@dataclass(slots=True)
class Loudness:
    """Shows what the meter shows."""

    _levels: tuple[float, Levels] | None = field(default=None, init=False, repr=False)
    """When, and what."""
    _heard: float = field(default=0.0, init=False, repr=False)
    """When sound came last, measured or not."""
    _peaks: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=240), init=False, repr=False)
    """Arrival and true peak of stretches."""
    _shown: bool = field(default=False, init=False, repr=False)
    _since: float = field(default=0.0, init=False, repr=False)
    """Sound that arrived earlier belongs to a connection of the past."""

    def feed(self, seen: Observation) -> Iterable[Finding]:
        if isinstance(seen, Sound):
            self._heard = max(self._heard, seen.at)
            told: Any = seen.looks.get("loudness")
            if told and seen.at >= self._since:
                self._levels = seen.at, Levels(*told)
                self._peaks.append((seen.at, self._levels[1].true_peak))
        elif isinstance(seen, Tick):
            return self._tick(seen.at)
        elif isinstance(seen, Opened | Lost):
            self._since, self._levels = seen.at, None
            self._peaks.clear()
        return ()

    def _tick(self, at: float) -> Iterator[Finding]:
        if self._levels and (at - self._heard > FRESH or at - self._levels[0] > SAMPLED):
            self._levels = None
        while self._peaks and self._peaks[0][0] < at - MINUTE:
            self._peaks.popleft()
        if self._levels is None and not self._shown:
            return
        self._shown = self._levels is not None
        levels = self._levels[1] if self._levels else Levels(None, None, None, None, None, 0.0)
        yield Sample(LOUDNESS, levels.momentary, ("momentary",))
        yield Sample(LOUDNESS, levels.short, ("short",))
        yield Sample(LOUDNESS, levels.minute, ("minute",))
        yield Sample(LOUDNESS, levels.integrated, ("integrated",))
        yield Sample(RANGE, levels.spread)
        peaks = [peak for _, peak in self._peaks]
        yield Sample(TRUE_PEAK, max(peaks) if self._shown and peaks else None)
