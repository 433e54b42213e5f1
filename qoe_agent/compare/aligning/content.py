"""A test laid on its reference by what the pictures show, however it was cut, slowed, scaled or dimmed.

Votes of windows give the lags to look at; dynamic programming over the fingerprints of every frame gives the path;
what else would fit (a frame more or less, another round of a loop) is weighed against it, and where it is not clearly
worse, the answer is that it cannot be told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.compare.aligning import clocks, likeness, paths, routes, voting
from qoe_agent.compare.aligning.likeness import Fit, price, squares
from qoe_agent.compare.shapes import Unlike

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from qoe_agent.compare.aligning.clocks import Reading, Side
    from qoe_agent.compare.aligning.routes import Route
    from qoe_agent.compare.aligning.voting import Votes

    Bytes = NDArray[np.uint8]
    Singles = NDArray[np.float32]
    Numbers = NDArray[np.int64]
    Floats = NDArray[np.float64]

STEP = 0.2
"""Seconds over which changes are looked at for votes."""
REACH = 12.0
"""Frames around a route's lags that are searched."""
LEARN = 160
"""Frames at most on which the fit is learnt."""
LEAST_FIT = 0.25
"""Mean correlation of changes below which nothing was found."""
RELATED = 2.0
"""Times by which unrelated frames must differ more than those laid on each other, on the geometric mean."""
UNRELATED = 0.6
"""Share of the unrelated frames' difference at which a frame counts as not found."""
ENOUGH = 15.0
"""Nats by which the path must be better than another."""
CONTRARY = 0.35
"""Share of the evidence for the path that may speak against it."""
BESIDE = (-2.0, -1.0, 1.0, 2.0)
"""Frames by which the whole path is moved to see whether that fits as well."""
STRETCH = 12
"""Frames whose evidence is added before it counts as for or against: neighbours hang together."""
SHORTEST = 8
"""Frames that must lie on each other."""


class Prints(NamedTuple):
    """Fingerprints of a file's frames, (n, 18, 32), and their times."""

    luma: Bytes
    side: Side


class Found(NamedTuple):
    """The reference's frame for each frame of the test, −1 where there is none; how clear that is, in nats."""

    frames: Numbers
    reading: str
    margin: float
    fit: Fit
    prices: Singles


def find(test: Prints, reference: Prints) -> Found:
    """The path of the test through the reference; `Unlike` where there is none, or more than one."""
    tried = []
    for reading in clocks.readings(test.side, reference.side):
        step = max(1.0, round(STEP * float(reference.side.rate)))
        votes = voting.votes(test.luma, reference.luma, reading, step)
        tried.append((reading, votes, routes.route(votes)))
    if max(float(votes.energies.max()) for _, votes, _ in tried) < voting.QUIET:
        raise Unlike("the test's pictures do not move: any offset would fit; --offset says which is meant")
    tried = [each for each in tried if each[2].fit >= LEAST_FIT]
    if not tried:
        raise Unlike("the test does not show what the reference shows: no part of it is found there")
    laid = [_Laid(test, reference, *each) for each in tried]
    best = min(laid, key=lambda each: each.total)
    if best is not laid[0] and laid[0].total - best.total < paths.LEAPING:
        best = laid[0]
    return best.checked()


class _Laid:
    """A test laid on the reference in one reading of the clocks."""

    def __init__(self, test: Prints, reference: Prints, reading: Reading, votes: Votes, route: Route) -> None:
        self.test, self.reference, self.reading = test.luma, reference.luma, reading
        self.votes, self.route = votes, route
        self.ours = test.luma.reshape(len(test.luma), -1).astype(np.float32)
        self.moving = _moving(self.ours)
        at = np.interp(reading.at, votes.places, route.lags)
        nearest = np.abs(reading.at[:, None] - votes.places[None]).argmin(axis=1)
        self.frames = np.where(np.abs(at - route.lags[nearest]) < 2, reading.frames(0.0, reading.at + np.round(at)), -1)
        self.fit = self._learnt(self.frames, framed=False)
        self._walk()
        self.fit = self._learnt(self.frames, framed=True)
        self._walk()

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
        self.cap = _price(UNRELATED * self._unrelated())
        band = paths.bands(routes.middles(self.route), REACH, self.reading.fine)
        path = paths.likeliest(self.reading, band, lambda some: self._costs(some, band.lags), self._still())
        self.lags = band.lags[path.states]
        self.frames = self.reading.frames(0.0, self.reading.at + self.lags)
        self.prices, self.total = path.costs, float(path.costs.sum())

    def _costs(self, some: Numbers, lags: Floats) -> Singles:
        """Of frames of the test at each lag; what lies outside the reference costs as much as what is unrelated."""
        there = np.stack([self.reading.frames(0.0, self.reading.at[n] + lags) for n in some])
        used, where = np.unique(there, return_inverse=True)
        apart = squares(self.ours[some], self.fit.predicted(self.reference[np.maximum(used, 0)]), self.fit.weights)
        costs = np.minimum(price(apart), self.cap)
        costs[:, used < 0] = self.cap + 0.5
        return np.asarray(np.take_along_axis(costs, where.reshape(there.shape), axis=1))

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

    def checked(self) -> Found:
        """The path, if nothing else fits nearly as well."""
        on = (self.frames >= 0) & (self.prices < self.cap - 1e-3)
        if on.sum() < SHORTEST:
            raise Unlike(f"only {int(on.sum())} frames of the test are found in the reference: too few to be sure")
        related = (_price(self._unrelated()) - self.prices[on]).mean() / (0.5 * likeness.PIXELS)
        if related < np.log(RELATED):
            raise Unlike("the test does not show what the reference shows: frames laid on each other are not alike")
        beside = [self._evidence(self.lags + by, refit=True) for by in BESIDE]
        far = {lag: self._evidence(np.full(len(self.lags), float(lag)), refit=False) for lag in self._rivals()}
        unsure = sorted(lag for lag, (gain, against) in far.items() if not _clear(gain, against))
        if unsure:
            raise Unlike(_several(round(float(np.median(self.lags[on]))), unsure))
        if not all(_clear(*each) for each in beside):
            raise Unlike(
                "too little moves to tell the offset to the frame: "
                f"{_fitting(round(float(np.median(self.lags[on]))), beside)} fit alike; --offset settles it"
            )
        margin = min([gain for gain, _ in (*beside, *far.values())])
        return Found(np.where(on, self.frames, -1), self.reading.name, margin, self.fit, self.prices)

    def _rivals(self) -> list[int]:
        return routes.rivals(self.votes, self.route, REACH)

    def _evidence(self, lags: Floats, *, refit: bool) -> tuple[float, float]:
        """Nats for the path, and against it, compared with other lags, where those lie inside the reference."""
        frames = self.reading.frames(0.0, self.reading.at + lags)
        both = np.flatnonzero((frames >= 0) & (self.frames >= 0) & (frames != self.frames))
        if len(both) < SHORTEST:
            return np.inf, 0.0
        fit = self.fit
        if refit:
            fit = self._learnt(np.where(self.frames >= 0, frames, -1), framed=fit.frame != likeness.WHOLE)
        theirs = np.minimum(_paired(self.ours[both], fit.predicted(self.reference[frames[both]]), fit), self.cap)
        gains = theirs - self.prices[both]
        sums = np.add.reduceat(gains, np.arange(0, len(gains), STRETCH))
        return float(sums[sums > 0].sum()), float(-sums[sums < 0].sum())


def _paired(ours: Singles, theirs: Singles, fit: Fit) -> Singles:
    return price(np.asarray((np.square(ours - theirs) * fit.weights).sum(axis=1)))


def _price(square: float) -> float:
    return float(price(np.array([square], np.float32))[0])


def _moving(ours: Singles) -> Singles:
    """Root mean square change of each frame against the one before."""
    changed = np.zeros(len(ours), np.float32)
    changed[1:] = np.sqrt(np.square(np.diff(ours, axis=0)).mean(axis=1))
    return changed


def _clear(gain: float, against: float) -> bool:
    return gain - against >= ENOUGH and against <= CONTRARY * gain


def _several(own: int, others: Sequence[int]) -> str:
    named = ", ".join(str(lag) for lag in sorted([own, *others]))
    return f"ambiguous: the content repeats, and offsets of {named} frames fit alike; --offset says which is meant"


def _fitting(own: int, beside: Sequence[tuple[float, float]]) -> str:
    unclear = [own + int(by) for by, each in zip(BESIDE, beside, strict=True) if not _clear(*each)]
    return "offsets of " + ", ".join(str(lag) for lag in sorted([own, *unclear])) + " frames"
