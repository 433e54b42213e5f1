"""What counts as a freeze, by everybody's definition: gaps between pictures in, freezes out.

- `w3c`: gap ≥ max(3δ, δ + 150 ms), δ the mean of the last 30 frame gaps, at least 5 of them; the whole gap; gaps over
  5 s are pauses (W3C webrtc-stats freezeCount; libwebrtc video_quality_observer2).
- `agora_sdk_500ms`: gap > 500 ms at 5 frames a second or more; the whole gap (Agora RemoteVideoStats).
- `agora_analytics_600ms`: gap ≥ 600 ms; the whole gap (Agora Analytics).
- `excess_600ms`: gap > 600 ms; only the part beyond 600 ms (as Alibaba RTC counts).

The fixed thresholds are for moving video: below 5 frames a second none of them applies, for slides would always freeze.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

W3C = "w3c"
SDK_500 = "agora_sdk_500ms"
ANALYTICS_600 = "agora_analytics_600ms"
EXCESS_600 = "excess_600ms"
CTA2066 = "cta2066"
DEFINITIONS = (W3C, SDK_500, ANALYTICS_600, EXCESS_600)
"""Those that look at gaps; `cta2066` is the player's stalls."""

SAMPLES, WINDOW = 5, 30
INCREASE = 0.15
PAUSE = 5.0
SLOWEST = 0.2
"""Gap of 5 frames a second; compared with the median, so that freezes do not make a slow stream of a moving one."""


class Freeze(NamedTuple):
    """A gap that is a freeze."""

    definition: str
    seconds: float
    """What it counts for."""


class Gaps:
    """The gaps between pictures on one time base, in order."""

    __slots__ = ("_recent", "_sum")

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._sum = 0.0

    @property
    def mean(self) -> float | None:
        """Mean of the recent gaps; None before the first."""
        return self._sum / len(self._recent) if self._recent else None

    def judge(self, gap: float) -> list[Freeze]:
        """Which freezes a gap of this length is (so far: an open gap can be asked about, too)."""
        mean = self.mean
        if mean is None or gap < INCREASE:
            return []
        found = []
        if len(self._recent) >= SAMPLES and max(3 * mean, mean + INCREASE) <= gap <= PAUSE:
            found.append(Freeze(W3C, gap))
        if gap >= 0.5 and sorted(self._recent)[len(self._recent) // 2] <= SLOWEST:
            if gap > 0.5:
                found.append(Freeze(SDK_500, gap))
            if gap >= 0.6:
                found.append(Freeze(ANALYTICS_600, gap))
            if gap > 0.6:
                found.append(Freeze(EXCESS_600, gap - 0.6))
        return found

    def take(self, gap: float) -> list[Freeze]:
        """A gap is complete: judge it, then remember it."""
        found = self.judge(gap)
        if len(self._recent) == WINDOW:
            self._sum -= self._recent[0]
        self._recent.append(gap)
        self._sum += gap
        return found


class Account:
    """The freezes on one time base: what they came to since it was last asked, open ones included."""

    __slots__ = ("_credited", "_sums", "gaps")

    def __init__(self) -> None:
        self.gaps = Gaps()
        self._credited: dict[str, float] = {}
        self._sums: dict[str, list[float]] = {}

    def open(self, gap: float) -> None:
        """A gap has lasted this long so far. W3C knows only at its end whether it was a pause."""
        self._credit(freeze for freeze in self.gaps.judge(gap) if freeze.definition != W3C)

    def close(self, gap: float) -> None:
        """A gap is over."""
        self._credit(self.gaps.take(gap))
        self._credited.clear()

    def sums(self) -> list[tuple[str, float, float]]:
        """(definition, freezes, seconds) since last time."""
        sums = [(definition, count, seconds) for definition, (count, seconds) in self._sums.items()]
        self._sums.clear()
        return sums

    def _credit(self, freezes: Iterable[Freeze]) -> None:
        for definition, seconds in freezes:
            before = self._credited.get(definition)
            sums = self._sums.setdefault(definition, [0.0, 0.0])
            sums[0] += before is None
            sums[1] += max(0.0, seconds - (before or 0.0))
            self._credited[definition] = max(seconds, before or 0.0)
