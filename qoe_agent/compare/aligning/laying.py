"""A test laid on its reference under one reading of their clocks: path and likeness, each learnt from the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qoe_agent.compare.aligning import likeness, paths, routes, voting
from qoe_agent.compare.aligning.likeness import Fit, price, squares
from qoe_agent.compare.shapes import Unlike

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qoe_agent.compare.aligning.clocks import Reading
    from qoe_agent.compare.aligning.content import Prints
    from qoe_agent.compare.aligning.routes import Route
    from qoe_agent.compare.aligning.voting import Votes

    Singles = NDArray[np.float32]
    Numbers = NDArray[np.int64]
    Floats = NDArray[np.float64]

REACH = 12.0
"""Frames around a route's lags that are searched."""
LEARN = 160
"""Frames at most on which the fit is learnt."""
UNRELATED = 0.6
"""Share of the unrelated frames' difference at which a frame counts as not found."""
ROUNDS = 3
"""Times that the fit is learnt from the path, and the path found with the fit, at most."""
SHORTEST = 8
"""Frames that must lie on each other."""
STRETCH = 12
"""Frames whose evidence is added before it counts as for or against: neighbours hang together."""
CODED = 1.5, 0.75
"""Times the usual error, and square codes more, that a repeated picture may differ: each was coded in its own way."""
AROUND = 12
"""Frames to each side over which the usual error of coding is taken."""
SHIFTS = (-3.0, -2.0, -1.0, 1.0, 2.0, 3.0)
"""Frames by which the whole path is moved, if that fits better: an encoder short of bits shows things late."""


class Laid:
    """The path of the test through the reference, the fit between their pictures, and what other paths would cost."""

    def __init__(self, test: Prints, reference: Prints, reading: Reading, votes: Votes, route: Route) -> None:
        self.test, self.reference, self.reading = test.luma, reference.luma, reading
        self.fresh, self.votes, self.route = test.fresh, votes, route
        self.ours = test.luma.reshape(len(test.luma), -1).astype(np.float32)
        self.moving = _moving(self.ours)
        nearest = np.abs(reading.at[:, None] - votes.places[None]).argmin(axis=1)
        self.frames = reading.frames(0.0, reading.at + route.lags[nearest])
        for _ in range(ROUNDS):
            before = self.frames
            self.fit = self._learnt(before, framed=True)
            self._walk()
            if (self.frames == before).all():
                break
        self._shift()

    def found(self) -> NDArray[np.bool_]:
        """Which frames of the test are found in the reference."""
        return (self.frames >= 0) & (self.left < UNRELATED * self.unrelated)

    def evidence(
        self, lags: Floats, *, refit: bool = False, among: NDArray[np.bool_] | None = None
    ) -> tuple[float, float]:
        """Nats for the path, and against it, compared with other lags, where those lie inside the reference."""
        both, gains = self.gains(lags, refit=refit)
        if among is not None:
            both, gains = both[among[both]], gains[among[both]]
        if len(both) < SHORTEST:
            return np.inf, 0.0
        sums = np.add.reduceat(gains, np.arange(0, len(gains), STRETCH))
        return float(sums[sums > 0].sum()), float(-sums[sums < 0].sum())

    def repeats(self, lags: Floats) -> bool:
        """Whether other lags show what the path shows, but for what coding leaves on either."""
        frames = self.reading.frames(0.0, self.reading.at + lags)
        both = np.flatnonzero((frames >= 0) & (self.frames >= 0) & (frames != self.frames))
        if len(both) < SHORTEST:
            return False
        theirs = self._apart(both, frames[both], self.fit)
        return bool(np.median(theirs - CODED[0] * self.usual[both]) < CODED[1])

    def coded_alone(self, lags: Floats) -> float:
        """Nats by which the path is better than other lags, by the pictures that are coded by themselves."""
        both, gains = self.gains(lags)
        return float(gains[self.fresh[both]].sum())

    def gains(self, lags: Floats, *, refit: bool = False) -> tuple[Numbers, Singles]:
        """Frames of the test that other lags lay on other frames, and nats by which the path is better for each."""
        frames = self.reading.frames(0.0, self.reading.at + lags)
        both = np.flatnonzero((frames >= 0) & (self.frames >= 0) & (frames != self.frames))
        fit = self.fit
        if refit:
            fit = self._learnt(np.where(self.frames >= 0, frames, -1), framed=fit.frame != likeness.WHOLE)
        theirs = self._apart(both, frames[both], fit)
        return both, self._priced(theirs, both) - self._priced(self.left[both], both)

    def _learnt(self, frames: Numbers, *, framed: bool) -> Fit:
        on = np.flatnonzero(frames >= 0)
        if len(on) < SHORTEST:
            raise Unlike(f"only {len(on)} frames of the test lie inside the reference: too few to be sure")
        if len(on) > LEARN:
            # Half evenly, half where most moves.
            loud = on[np.argsort(self.moving[on])[-LEARN // 2 :]]
            on = np.union1d(on[np.linspace(0, len(on) - 1, LEARN // 2).astype(np.int64)], loud)
        return likeness.fitted(self.test[on], self.reference[frames[on]], frames=framed)

    def _walk(self) -> None:
        """The cheapest path under the present fit."""
        self.unrelated = self._unrelated()
        band = paths.bands(routes.middles(self.route), REACH, self.reading.fine)
        count = len(self.ours)
        self.least = np.zeros(count, np.float32)
        for start in range(0, count, paths.BLOCK):
            some = np.arange(start, min(count, start + paths.BLOCK))
            self.least[some] = self._squares(some, band.lags).min(axis=1)
        self.usual = _usual(self.least)
        path = paths.likeliest(self.reading, band, lambda some: self._costs(some, band.lags), self._still())
        self.total = path.total
        self._take(band.lags[path.states])

    def _take(self, lags: Floats) -> None:
        self.lags = lags
        self.frames = self.reading.frames(0.0, self.reading.at + lags)
        self.left = self._apart(np.arange(len(lags)), self.frames, self.fit)

    def _shift(self) -> None:
        """Move the whole path, as long as that fits better."""
        for _ in range(len(SHIFTS)):
            gains = []
            for by in SHIFTS:
                gain, against = self.evidence(self.lags + by)
                gains.append(against - gain if np.isfinite(gain) else -np.inf)
            if max(gains) <= 0:
                return
            self._take(self.lags + SHIFTS[int(np.argmax(gains))])
            self.fit = self._learnt(self.frames, framed=True)
            self._take(self.lags)

    def _squares(self, some: Numbers, lags: Floats) -> Singles:
        """Mean square differences of frames of the test at each lag; outside the reference, of what is unrelated."""
        there = np.stack([self.reading.frames(0.0, self.reading.at[n] + lags) for n in some])
        used, where = np.unique(there, return_inverse=True)
        apart = squares(self.ours[some], self.fit.predicted(self.reference[np.maximum(used, 0)]), self.fit.weights)
        apart[:, used < 0] = UNRELATED * self.unrelated
        return np.asarray(np.take_along_axis(apart, where.reshape(there.shape), axis=1))

    def _costs(self, some: Numbers, lags: Floats) -> Singles:
        return self._priced(self._squares(some, lags), some)

    def _priced(self, apart: Singles, some: Numbers) -> Singles:
        """Nats of mean square differences of the test's frames `some`, one or more for each."""
        capped = np.minimum(apart, max(UNRELATED * self.unrelated, 1.0))
        shape = (-1, *[1] * (apart.ndim - 1))
        over = np.maximum(capped - self.least[some].reshape(shape), 0)
        return price(over, self.usual[some].reshape(shape), self.fresh[some].reshape(shape))

    def _apart(self, some: Numbers, frames: Numbers, fit: Fit) -> Singles:
        """Mean square differences of frames of the test and the reference's, one by one."""
        apart = np.square(self.ours[some] - fit.predicted(self.reference[np.maximum(frames, 0)])) * fit.weights
        return np.asarray(np.where(frames >= 0, apart.sum(axis=1), UNRELATED * self.unrelated), np.float32)

    def _unrelated(self) -> float:
        """The median difference of frames that do not belong together."""
        on = np.linspace(0, len(self.ours) - 1, min(64, len(self.ours))).astype(np.int64)
        off = np.linspace(0, len(self.reference) - 1, min(64, len(self.reference))).astype(np.int64)
        return float(np.median(squares(self.ours[on], self.fit.predicted(self.reference[off]), self.fit.weights)))

    def _still(self) -> Singles:
        """How sure it is that each frame is the one before it again: it changes far less than those around it."""
        near = np.array([np.median(self.moving[max(0, n - 6) : n + 7]) for n in range(len(self.moving))])
        still = np.clip(1 - self.moving / np.maximum(0.3 * near, 1e-6), 0, 1)
        return np.asarray(np.where(near > voting.QUIET, still, 0), np.float32)


def _usual(least: Singles) -> Singles:
    """The usual error around each frame."""
    near = [np.median(least[max(0, n - AROUND) : n + AROUND + 1]) for n in range(len(least))]
    return np.asarray(near, np.float32)


def _moving(ours: Singles) -> Singles:
    """Root mean square change of each frame against the one before."""
    changed = np.zeros(len(ours), np.float32)
    changed[1:] = np.sqrt(np.square(np.diff(ours, axis=0)).mean(axis=1))
    return changed
