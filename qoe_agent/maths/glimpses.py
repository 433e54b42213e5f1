"""Whether a stream was frozen of which only a picture every few seconds is seen: these, and the sizes of all packets.

Two pictures in a row that are the same, in a stream that moves otherwise, and packets that fell to a fraction between
them or around; the packets say when it began and ended, and so that it was no title card. Where rate control spends
what a standing picture saves, packets fall for moments only, but more often than before; where they do not at all, it
may be the same turn of a loop. Where a single picture lies in it, packets decide, if key frames are alike.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from math import exp, inf
from statistics import fmean, median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qoe_agent.maths.collapse import Fall

SURE = 8.0
"""Seconds, and 1.6 groups of pictures, that packets say it lasted: ten are promised, and stills of goods and title
cards stand for less."""
LULL = {"typical": 0.6, "size": 0.75}
"""Share of what a second's median packet, and all of them, were before: up to there they are smaller now."""
ALIKE, REFINED = 1.35, 2.2
"""Times a key frame of the same picture may be larger or smaller than the one before; and the second than the first,
which rate control still makes for something that moves."""
SCENE = 0.5, 3.0
"""And than the last before the freeze, at least and at most: what was faded in stands from the beginning."""
FALLEN = 0.25
"""Share of the time between them, and twice that before, in which packets must be small if the median is not."""
TELL = 0.7
"""Share of the time between them in which packets are small, from which on these tell its ends."""
SECONDS = 30
"""Seconds before that are asked how packets usually are."""
LIVELY = 0.2
"""Bytes a second between key frames, in key frames, that a stream needs in motion."""
MOVING, MOSTLY = 0.3, 0.45
"""Of the level from which packets fell, what they were in so many of those seconds: one of stills has it in dissolves
only."""
JOINED = 0.6
"""Seconds by which a fall may be interrupted (a key frame, refinement)."""
EDGE = 0.3
"""Seconds by which packets may be off."""
MEMORY = 60.0
"""Seconds (time constant) over which is counted whether standing still is normal."""
NORMAL = 0.3
"""Share of standing still from which on it proves nothing that pictures apart are the same."""


class Extent(NamedTuple):
    """A freeze, in media time."""

    start: float
    until: float
    end: float | None
    """When packets say that it was over."""
    basis: str


class Second(NamedTuple):
    """Packets between key frames, in a second of media."""

    start: float
    size: int
    """Bytes of all."""
    typical: float
    """And of the median one."""


class Glimpses:
    """One video track."""

    __slots__ = (
        "_found", "_keys", "_last", "_moving", "_other", "_past", "_run", "_second", "_seconds", "_sizes", "_still",
        "_until",
    )  # fmt: skip

    def __init__(self) -> None:
        self._second: float | None = None
        self._last = 0.0
        """Media time of the last packet."""
        self._sizes: list[int] = []
        """Of the packets between key frames in the second that is not over."""
        self._seconds: deque[Second] = deque(maxlen=90)
        self._keys: deque[tuple[float, int]] = deque(maxlen=90)
        self._other = -inf
        """The last picture that was another than those now."""
        self._run: float | None = None
        """The first picture that was like the last one."""
        self._until = 0.0
        """The last one."""
        self._found = False
        """What they show is a freeze."""
        self._past = (inf, -inf)
        """The last freeze."""
        self._moving = self._still = 0.0

    def packet(self, pts: float, size: int, *, key: bool) -> None:
        """A packet arrived."""
        self._last = pts
        if key:
            self._keys.append((pts, size))
            return
        if self._second is None or not -1.0 < pts - self._second < 1.0:
            if self._second is not None:
                self._seconds.append(Second(self._second, sum(self._sizes), median(self._sizes)))
            self._second, self._sizes = pts, []
        self._sizes.append(size)

    def picture(self, pts: float, *, same: bool) -> None:
        """A picture was seen; `same`: it is the one before once more."""
        if self._run is None:
            self._run = self._until = pts
            return
        passed = pts - self._until
        if same:
            self._until = pts
            return
        self._count(0.0 if self._found else self._until - self._run, passed)
        self._other, self._run, self._until, self._found = self._until, pts, pts, False

    def _count(self, still: float, moving: float) -> None:
        fading = exp(-(moving + still) / MEMORY)
        self._moving = self._moving * fading + moving
        self._still = self._still * fading + still

    @property
    def moves(self) -> bool:
        """The stream is known to move most of the time."""
        return self._moving > 0.0 and self._still <= NORMAL * (self._still + self._moving)

    def freeze(self, falls: Sequence[Fall], gop: float) -> Extent | None:
        """What the last pictures, and packets up to now, say."""
        found = self._judge(falls, max(SURE, 1.6 * gop), gop)
        if found:
            self._found, self._past = True, (found.start, found.until)
        return found

    def _judge(self, falls: Sequence[Fall], least: float, gop: float) -> Extent | None:
        run, until = self._run, self._until
        if run is None or not self.moves:
            return None
        late = [fall for fall in falls if fall.start > self._other - EDGE and fall.until > self._other + EDGE]
        if run == until:
            found = next((self._told(each, least, gop) for each in self._chains(late, JOINED)[-1:]), None)
            return found if found and self._alike(found.start, found.until) else None
        near = self._chains(late, max(JOINED, gop - EDGE))
        near = [each for each in near if each[0].start < until and each[-1].until > run]
        if any(self._cut(each[0]) for each in near):
            return None
        if any(f.until > run and f.start <= self._other - (0.0 if f.cut else gop) for f in falls):
            return None  # packets were as small while another picture stood there
        if fallen([fall for each in near for fall in each], run, until) >= TELL:
            found = self._told(near[-1], least, inf)
            return found if found and self._alike(found.start, found.until) else None
        before, keys = self._before(run), [size for _, size in self._keys]
        if not before or not keys or median(each.size for each in before) < LIVELY * median(keys):
            return None
        if not self.agrees(run, until, falls):
            return None
        ends = [self._lull(run, until, before, measure) for measure in LULL]
        ends += [(each[0].start, each[-1].until) for each in near]
        start, last = min(start for start, _ in ends), max(last for _, last in ends)
        if last - start < least or not self._alike(start, last):
            return None
        return Extent(start, last, None, "pictures, packets" if near or last > until else "pictures")

    def agrees(self, start: float, until: float, falls: Sequence[Fall]) -> bool:
        """Whether packets were smaller between two pictures than before: else these may be the same turn of a loop.
        They are if they are not known."""
        before = self._before(start)
        within = [each for each in self._seconds if start <= each.start < until - EDGE]
        if not before or not within:
            return True
        for measure, share in LULL.items():
            now, usual = (median(getattr(each, measure) for each in some) for some in (within, before))
            if now <= share * usual:
                return True
        earlier = fmean(fallen(falls, each.start, each.start + 1.0) for each in before)
        return fallen(falls, start, until) >= max(FALLEN, 2 * earlier)

    def _lull(self, run: float, until: float, before: Sequence[Second], measure: str) -> tuple[float, float]:
        """How far the seconds reach, before and after, in which packets were as small as between the pictures; not
        beyond these, if they were no smaller then."""
        sizes = {each.start: float(getattr(each, measure)) for each in self._seconds}
        usual = median(getattr(each, measure) for each in before)
        within = [size for at, size in sizes.items() if run <= at < until - EDGE]
        if not within or median(within) > LULL[measure] * usual:
            return run, until
        level, start, last = (median(within) * usual) ** 0.5, run, until
        for at in sorted((at for at in sizes if self._other < at < run), reverse=True):
            if sizes[at] > level:
                break
            start = at
        for at in sorted(at for at in sizes if at + 1.0 > until):
            if sizes[at] > level:
                break
            last = at + 1.0
        return start, last

    def _before(self, start: float) -> list[Second]:
        """The seconds before, but for a freeze there."""
        began, ended = self._past
        return [s for s in self._seconds if s.start < start - 1.0 and not began - 1.0 < s.start < ended][-SECONDS:]

    def _alike(self, start: float, until: float) -> bool:
        """Whether the key frames there are those of one picture."""
        sizes = [size for at, size in self._keys if start < at < until - 1.0]
        grown = [after / max(1, before) for before, after in pairwise(sizes)]
        earlier = [size for at, size in self._keys if at <= start][-1:]
        if earlier and sizes and not SCENE[0] <= sizes[0] / max(1, earlier[0]) <= SCENE[1]:
            return False
        return all(1 / ALIKE <= by <= (ALIKE if n else REFINED) for n, by in enumerate(grown))

    def _cut(self, fall: Fall) -> bool:
        """Whether another scene began with it: not between two pictures that are the same."""
        run = self._until if self._run is None else self._run
        return fall.cut and not run < fall.start <= self._until

    def _chains(self, falls: Sequence[Fall], join: float) -> list[list[Fall]]:
        """Falls that follow one another within `join` seconds, without a cut between them, are one."""
        return chains([fall._replace(cut=self._cut(fall)) for fall in falls], join)

    def _told(self, chain: Sequence[Fall], least: float, lasts: float) -> Extent | None:
        """What packets tell, if they tell enough, and it is over for at most `lasts`."""
        first, last = chain[0], chain[-1]
        over = last.end is not None and self._last - last.end > lasts
        start, until = first.start, last.until
        if lasts == inf and self._run is not None:
            start, until = min(start, self._run), max(until, self._until)
        if over or self._cut(first) or until - start < least:
            return None
        before = self._before(first.start)
        if sum(each.typical > MOVING * first.level for each in before) < MOSTLY * len(before):
            return None
        within = start <= self._until <= until
        return Extent(start, until, last.end, "pictures, packets" if within else "packets")


def fallen(falls: Sequence[Fall], start: float, end: float) -> float:
    """The share of a stretch of media time that falls cover."""
    return sum(max(0.0, min(each.until, end) - max(each.start, start)) for each in falls) / (end - start)


def chains(falls: Sequence[Fall], join: float) -> list[list[Fall]]:
    """Falls that follow one another within `join` seconds, without a cut between them, are one."""
    made: list[list[Fall]] = []
    for fall in falls:
        if made and not fall.cut and fall.start - made[-1][-1].until <= join:
            made[-1].append(fall)
        else:
            made.append([fall])
    return made
