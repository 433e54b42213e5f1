"""A test laid on its reference under one reading of their clocks: path and likeness, each learnt from the other."""

from __future__ import annotations

import copy
import itertools
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from qoe_agent.compare.aligning import medians, paths, voting
from qoe_agent.compare.aligning.doubts import OLDER, SHORTEST, enough, told, torn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from qoe_agent.compare.aligning.clocks import Reading
    from qoe_agent.compare.aligning.looks import Broad, Look

    Singles = NDArray[np.float32]
    Numbers = NDArray[np.int64]
    Floats = NDArray[np.float64]

F = TypeVar("F")

REACH = 12.0
"""Frames around a route's lags that are searched."""
LEARN = 160
"""Frames at most on which the fit is learnt."""
UNRELATED = 0.6
"""Share of the unrelated frames' difference at which a frame counts as not found."""
ROUNDS = 3
"""Times that the fit is learnt from the path, and the path found with the fit, at most."""
CODED = 1.5
"""Times the usual error that a repeated picture may differ: each was coded in its own way."""
BEARING = 8
"""Pieces as long as that part of the test are weighed with a fit of their own."""
PIECES = 6
"""Pieces of a path at most that are tried where those beside them lie."""
MANY = 1280
"""Frames at most that tell whether a piece lies elsewhere, with edges that suit that, or are laid anew with those."""
MOSTLY = 0.85
"""Share of the frames that must repeat: a shot that is shown twice is no loop."""
AROUND_IT = (-2.0, 2.0)
"""Frames from a lag that must fit less well."""
SOME = 40
"""Frames by which a lag is settled to the frame."""
EXCUSED = 0.8, 0.4
"""Share of what a picture that may be late has for an older one that does not count: where it is looked for, and where
the path as a whole is weighed."""
AROUND = 12
"""Frames to each side over which the usual error of coding is taken."""
SHIFTS = (-3.0, -2.0, -1.0, 1.0, 2.0, 3.0)
"""Frames by which the whole path is moved, if that fits better: an encoder short of bits shows things late."""


class Laid(Generic[F]):
    """The path of the test through the reference, the fit between their pictures, and what other paths would cost."""

    def __init__(self, look: Look[F], broad: Broad, reading: Reading, fresh: NDArray[np.bool_], lags: Floats) -> None:
        """`lags`: where to begin, of each of the test's frames."""
        self.look, self.broad, self.reading, self.fresh = look, broad, reading, fresh
        self.moving = voting.moving(broad.ours)
        self.band = paths.bands(sorted(set(lags.tolist())), REACH, reading.fine)
        self.frames = reading.frames(0.0, reading.at + lags)
        for _ in range(ROUNDS):
            before = self.frames
            self.fit: F = self._learnt(before)
            self._walk()
            if (self.frames == before).all():
                break
        if self._shift() and look.close:
            self._walk()
        if look.loose(self.fit) and self._joined():
            self._walk()

    def found(self) -> NDArray[np.bool_]:
        """Which frames of the test are found in the reference."""
        return (self.frames >= 0) & (self.left < self.lost)

    def evidence(self, lags: Floats, *, refit: bool = False) -> tuple[float, float]:
        """Nats for the path, and against it, compared with other lags, where those lie inside the reference."""
        return told((self.rivalry if refit else self.gains)(lags)[1])

    def repeats(self, lags: Floats) -> bool:
        """Whether other lags show what the path shows, but for what coding leaves on either."""
        both, frames = self._differing(lags)
        if len(both) < SHORTEST:
            return False
        theirs = self._apart(both, frames[both], self.fit)
        near = [self.reading.frames(by, self.reading.at[both] + lags[both]) for by in AROUND_IT]
        # What only goes on slowly is more and more alike towards the path, and less and less beyond.
        least = all(theirs.mean() <= self._apart(both, each, self.fit).mean() for each in near)
        least = least and not torn(theirs, self.usual[both])
        return bool(least and np.quantile(theirs - CODED * self.usual[both], MOSTLY) < self.look.coded)

    def move(self, lags: Floats) -> None:
        """Take another path, and the fit that suits it."""
        self._take(lags)
        self.fit = self._learnt(self.frames, self.fit)
        self._take(lags)

    def settled(self, lags: Floats) -> Floats:
        """Other lags moved to where frames, a few all over the test, look most like the reference's."""
        some = np.flatnonzero(self.frames >= 0)
        some = some[:: max(1, len(some) // SOME)]
        near = [lags + by for by in (0.0, *AROUND_IT, *(by / 2 for by in AROUND_IT))]
        shown = [self.reading.frames(0.0, self.reading.at[some] + each[some]) for each in near]
        return near[int(np.argmin([self._apart(some, each, self.fit).mean() for each in shown]))]

    def gains(self, lags: Floats, among: NDArray[np.bool_] | bool = True) -> tuple[Numbers, Singles]:
        """Frames of the test, `among` some, that other lags lay on other frames, and nats for the path of each."""
        both, _ = self._differing(lags, among)
        theirs, own = (self._excused(both, each[both], self.fit, EXCUSED[1]) for each in (lags, self.lags))
        least, usual = self.least[both], self.usual[both]
        return both, self._priced(theirs, both, least, usual) - self._priced(own, both, least, usual)

    def rivalry(self, lags: Floats, *, every: bool = False) -> tuple[Numbers, Singles, Singles]:
        """The same against other lags with a fit of their own, and once more with the path laid by that fit, too.
        `every`: also of frames that lie where they did, as that fit is theirs, too; `MANY`, evenly, at most."""
        both, frames = self._differing(lags)
        if every:
            both = np.flatnonzero((frames >= 0) & (self.frames >= 0))
            both = both[:: -(-len(both) // MANY) or 1]
        fit = self._learnt(np.where(self.frames >= 0, frames, -1), self.fit)
        ways = ((lags, fit), (self.lags, self.fit), (self.lags, fit))
        theirs, own, eased = (self._excused(both, each[both], way, EXCUSED[1]) for each, way in ways)
        # What coding leaves is what the better of two fits leaves: else one that is wrong would excuse itself.
        least = np.minimum(np.minimum(own, theirs), self.least[both])
        usual = np.minimum(_usual(least), self.usual[both])
        other, *paths_own = (self._priced(each, both, least, usual) for each in (theirs, own, eased))
        return both, other - paths_own[0], other - paths_own[1]

    def _differing(self, lags: Floats, among: NDArray[np.bool_] | bool = True) -> tuple[Numbers, Numbers]:
        """Frames of the test that other lags lay on other frames of the reference; and these, of all."""
        frames = self.reading.frames(0.0, self.reading.at + lags)
        return np.flatnonzero((frames >= 0) & (self.frames >= 0) & (frames != self.frames) & among), frames

    def _learnt(self, frames: Numbers, near: F | None = None) -> F:
        on = np.flatnonzero(frames >= 0)
        enough(frames >= 0, "lie inside the reference")
        if len(on) > LEARN:
            # Half evenly, half where most moves.
            loud = on[np.argsort(self.moving[on])[-LEARN // 2 :]]
            on = np.union1d(on[np.linspace(0, len(on) - 1, LEARN // 2).astype(np.int64)], loud)
        return self.look.fitted(on, frames[on], near)

    def _walk(self) -> None:
        """The cheapest path under the present fit."""
        self.unrelated = self._unrelated()
        self.lost = max(UNRELATED * self.unrelated, self.look.lost)
        count, band = len(self.frames), self.band
        self.least = np.zeros(count, np.float32)
        for start in range(0, count, paths.BLOCK):
            some = np.arange(start, min(count, start + paths.BLOCK))
            self.least[some] = self._squares(some, band.lags).min(axis=1)
        self.usual = _usual(self.least)
        if self.look.close:
            # Right after a cut an encoder short of bits leaves more, whatever the picture is laid on.
            self.usual = np.maximum(self.usual, self.least)
        costs = partial(self._costs, lags=band.lags)
        path = paths.likeliest(self.reading, band, costs, self._still(), self.look.dear)
        self.total = path.total
        self._take(band.lags[path.states])

    def _take(self, lags: Floats) -> None:
        self.lags = lags
        self.frames = self.reading.frames(0.0, self.reading.at + lags)
        self.left = self._apart(np.arange(len(lags)), self.frames, self.fit)

    def _shift(self) -> bool:
        """Move the whole path, as long as that fits better; whether it was."""
        for turn in range(len(SHIFTS)):
            gains = []
            for by in SHIFTS:
                gain, against = self.evidence(self.lags + by, refit=self.look.loose(self.fit))
                gains.append(against - gain if np.isfinite(gain) else -np.inf)
            if max(gains) <= 0:
                return turn > 0
            self.move(self.lags + SHIFTS[int(np.argmax(gains))])
        return True

    def _joined(self) -> bool:
        """Lay pieces where those beside them lie, or a frame off, as long as edges that suit that fit all better."""
        for turn in range(PIECES):
            best, found = 0.0, None
            for lags in self._otherwise():
                both, *nats = self.rivalry(lags)
                worse = -max(float(each.sum()) for each in nats)
                if len(both) >= SHORTEST and worse > best:
                    best, found = worse, lags
            if found is None:
                return turn > 0
            self.move(found)
        return True

    def _otherwise(self) -> Iterator[Floats]:
        """Lags of the path but for one piece that goes on where the one beside it lies, or is a frame off; and where
        all is laid anew with the edges that suit that piece there."""
        pieces = [slice(*each) for each in paths.pieces(self.lags) if each[1] - each[0] >= SHORTEST]
        if not 1 < len(pieces) <= PIECES:
            return
        for piece, beside in [*itertools.pairwise(pieces), *itertools.pairwise(pieces[::-1])]:
            lags = self.lags.copy()
            lags[piece] = np.median(self.lags[beside])
            yield lags
        for piece, lags in self.apart():
            yield from (lags, self._anew(piece, lags))

    def _anew(self, piece: slice, lags: Floats) -> Floats:
        """All laid with the edges that suit a piece at other lags; just those lags where that cannot be."""
        frames = np.full(len(lags), -1)
        frames[piece] = self.reading.frames(0.0, self.reading.at + lags)[piece]
        if (frames >= 0).sum() < SHORTEST or len(lags) > MANY:
            return lags
        anew = copy.copy(self)
        anew.fit = self._learnt(frames, self.fit)
        anew._walk()
        return anew.lags

    def apart(self) -> Iterator[tuple[slice, Floats]]:
        """Of several pieces those that are long enough to bear upon the fit, and lags with each a frame off."""
        pieces = [slice(*each) for each in paths.pieces(self.lags)]
        long = [each for each in pieces if (each.stop - each.start) * BEARING >= len(self.lags)]
        for piece, by in itertools.product(long if len(pieces) > 1 else (), (-1.0, 1.0)):
            lags = self.lags.copy()
            lags[piece] += by
            yield piece, lags

    def _squares(self, some: Numbers, lags: Floats) -> Singles:
        """Mean square differences of frames of the test at each lag; outside the reference, of what is unrelated."""
        there = np.stack([self.reading.frames(0.0, self.reading.at[n] + lags) for n in some])
        used, where = np.unique(there, return_inverse=True)
        apart = self.look.table(some, np.maximum(used, 0), self.fit)
        apart[:, used < 0] = self.lost
        return np.asarray(np.take_along_axis(apart, where.reshape(there.shape), axis=1))

    def _costs(self, some: Numbers, lags: Floats) -> Singles:
        apart = self._squares(some, lags)
        if not self.look.late:
            return self._priced(apart, some, self.least[some], self.usual[some])
        older = apart.copy()
        for by in range(1, OLDER + 1):
            source = np.searchsorted(lags, lags - by - 1e-6)
            there = np.abs(lags[source] - lags + by) < 1e-6
            older[:, there] = np.minimum(older[:, there], apart[:, source[there]])
        return self._priced(self._late(apart, older, some, EXCUSED[0]), some, self.least[some], self.usual[some])

    def _excused(self, some: Numbers, lags: Floats, fit: F, part: float) -> Singles:
        """Mean square differences at lags of each frame's own, less what may be because the picture is late."""
        at = self.reading.at[some] + lags
        apart = self._apart(some, self.reading.frames(0.0, at), fit)
        if not self.look.late:
            return apart
        older = apart
        for by in range(1, OLDER + 1):
            frames = self.reading.frames(-float(by), at)
            older = np.minimum(older, np.where(frames >= 0, self._apart(some, frames, fit), np.inf))
        return self._late(apart, older, some, part)

    def _late(self, apart: Singles, older: Singles, some: Numbers, part: float) -> Singles:
        """What is left where an older frame fits better, and the picture leans on others."""
        shape = (-1, *[1] * (apart.ndim - 1))
        most = self.look.late * self.usual[some].reshape(shape)
        spared = apart - part * np.minimum(apart - older, most)
        return np.asarray(np.where(self.fresh[some].reshape(shape), apart, spared), np.float32)

    def _priced(self, apart: Singles, some: Numbers, least: Singles, usual: Singles) -> Singles:
        """Nats of mean square differences of the test's frames `some`, one or more for each, above their `least`."""
        capped = np.minimum(apart, max(self.lost, 1.0))
        shape = (-1, *[1] * (apart.ndim - 1))
        over = np.maximum(capped - least.reshape(shape), 0)
        return self.look.priced(over, usual.reshape(shape), self.fresh[some].reshape(shape))

    def _apart(self, some: Numbers, frames: Numbers, fit: F) -> Singles:
        """Mean square differences of frames of the test and the reference's, one by one."""
        apart = self.look.apart(some, np.maximum(frames, 0), fit)
        return np.asarray(np.where(frames >= 0, apart, self.lost), np.float32)

    def _unrelated(self) -> float:
        """The median difference of frames that do not belong together."""
        count, theirs = len(self.frames), len(self.broad.reference)
        on = np.linspace(0, count - 1, min(64, count)).astype(np.int64)
        off = np.linspace(0, theirs - 1, min(64, theirs)).astype(np.int64)
        return float(np.median(self.look.table(on, off, self.fit)))

    def _still(self) -> Singles:
        """How sure it is that each frame is the one before it again: it changes far less than those around it."""
        near = medians.around(self.moving, AROUND // 2)
        still = np.clip(1 - self.moving / np.maximum(0.3 * near, 1e-6), 0, 1)
        return np.asarray(np.where(near > voting.QUIET, still, 0), np.float32)


def _usual(least: Singles) -> Singles:
    """The usual error around each frame."""
    return np.asarray(medians.around(least, AROUND), np.float32)
