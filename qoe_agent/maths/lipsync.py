"""How far sound and picture lie apart: by which standard that is too much, in which words it is told, and, where
there is no stamp, how it is found from events that both have.

Offsets are in seconds, above 0 = sound late (ITU-R BT.1359-1 counts the other way round).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from math import comb, exp
from statistics import median
from typing import TYPE_CHECKING

from qoe_agent.model import Incident

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from qoe_agent.model import Severity

STANDARDS: Mapping[str, tuple[float, float]] = {
    "bt1359_detectability": (-0.045, 0.125),
    "bt1359_acceptability": (-0.090, 0.185),
    "ebu_r37": (-0.040, 0.060),
    "atsc_is191": (-0.015, 0.045),
}
"""The offsets that are within tolerance, from sound early to sound late: ITU-R BT.1359-1 (what viewers notice, what
they accept), EBU R37 (end of the chain), ATSC IS-191."""

REACH = 0.6
"""Seconds by which sound and picture may lie apart and still be found from events."""
WIDTH = 0.04
"""Seconds within which the lags of true pairs lie."""
APART = 0.09
"""Lags further apart than this are different offsets."""
CHANCE = 1e-6
"""How likely such an agreement may be by chance, among all lags that were tried."""
FEWEST = 5
"""Pairs that must agree."""


def within(offset: float, standard: str) -> bool:
    """Whether an offset is in tolerance."""
    early, late = STANDARDS[standard]
    return early <= offset <= late


def words(offset: float) -> str:
    """An offset for people, who never have to know which sign is which."""
    if abs(offset) < 0.0005:
        return "sound in step"
    return f"sound {'late' if offset > 0 else 'early'} by {abs(offset) * 1000:.0f} ms"


@dataclass(frozen=True, slots=True)
class Agreement:
    """An offset that events in sound and picture agree on."""

    offset: float
    uncertainty: float
    """Half the width of the lags that agree."""
    pairs: int
    of: int
    """Events in the picture."""
    chance: float
    """How likely so many would agree by accident."""


def agreement(cuts: Sequence[float], onsets: Sequence[float]) -> Agreement | None:
    """The one offset at which onsets of sound follow the picture's cuts and flashes more often than chance would
    have it; None where that cannot be said.

    `cuts`, `onsets`: their media times, sorted. Against chance: were the onsets anywhere, so many cuts or more would
    have one at the same lag with the binomial probability that is told, times the number of lags tried. A second
    offset with more than half as many pairs (music, whose beats come in step) leaves it undecided.
    """
    lags = sorted((onset - cut, n) for n, cut in enumerate(cuts) for onset in _near(onsets, cut))
    if len(cuts) < FEWEST or not lags:
        return None
    best, members = 0, (0, 0)
    for first in range(len(lags)):
        last = bisect_left(lags, (lags[first][0] + WIDTH, -1))
        count = len({n for _, n in lags[first:last]})
        if count > best:
            best, members = count, (first, last)
    agreeing = [lag for lag, _ in lags[slice(*members)]]
    offset = median(agreeing)
    rate = (len(lags) - len(agreeing)) / (len(cuts) * (2 * REACH - WIDTH))
    chance = min(1.0, _tail(len(cuts), best, 1 - exp(-rate * WIDTH)) * 4 * REACH / WIDTH)
    if best < FEWEST or best < len(cuts) / 2 or chance > CHANCE or _rival(lags, offset) > best / 2:
        return None
    return Agreement(offset, (agreeing[-1] - agreeing[0]) / 2, best, len(cuts), chance)


def _near(onsets: Sequence[float], cut: float) -> Sequence[float]:
    return onsets[bisect_left(onsets, cut - REACH) : bisect_left(onsets, cut + REACH)]


def _rival(lags: Sequence[tuple[float, int]], offset: float) -> int:
    """The most cuts that agree on another offset."""
    others = [(lag, n) for lag, n in lags if abs(lag - offset) > APART]
    most = 0
    for first in range(len(others)):
        last = bisect_left(others, (others[first][0] + WIDTH, -1))
        most = max(most, len({n for _, n in others[first:last]}))
    return most


def _tail(n: int, least: int, p: float) -> float:
    """The probability of at least so many successes of n."""
    p = max(p, 1.0 / (10 * n))  # a silent background is no proof
    return float(sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(least, n + 1)))


HYSTERESIS = 0.01
"""Seconds within tolerance by which the offset must be back."""


class Tolerance:
    """Turns offsets into incidents: out of a standard's tolerance for so many seconds, until it is back."""

    def __init__(self, standard: str, lasting: float) -> None:
        self._standard, self._lasting = standard, lasting
        self._since: tuple[float, float] | None = None
        """Agent time and pts since when it is out of tolerance."""
        self._open: Incident | None = None

    def judge(self, at: float, pts: float, offset: float, method: str, uncertainty: float) -> Iterator[Incident]:
        """An offset is known."""
        early, late = STANDARDS[self._standard]
        room = HYSTERESIS if self._open else 0.0
        if early + room <= offset <= late - room:
            yield from self.close(at, pts)
            return
        self._since = self._since or (at, pts)
        severity: Severity = "warning" if within(offset, "bt1359_acceptability") else "critical"
        worse = self._open is not None and self._open.severity == "warning" and severity == "critical"
        if worse or (self._open is None and pts - self._since[1] >= self._lasting):
            start, start_pts = self._since
            detail = {"words": words(offset), "offset_seconds": offset, "uncertainty_seconds": uncertainty}
            detail |= {"method": method, "tolerance": self._standard}
            self._open = Incident("av_out_of_sync", start, None, severity, "", start_pts, None, detail)
            yield self._open

    def close(self, at: float, pts: float | None) -> Iterator[Incident]:
        """It is back in tolerance, or no longer known."""
        was, self._open, self._since = self._open, None, None
        if was:
            yield replace(was, end=max(at, was.start), end_pts=pts)
