"""The close look at pictures: by their waves, where the broad one, by fingerprints of 32 x 18, does not see enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from qoe_agent.compare.aligning import cosines, likeness
from qoe_agent.compare.aligning.held import Held
from qoe_agent.compare.aligning.likeness import WHOLE, Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Singles = NDArray[np.float32]
    Numbers = NDArray[np.int64]

CLOSE = 0.2
"""Share of the waves that say something of their own: errors of coding hang together."""
LATE = 0.8
"""Times the usual error by which an encoder short of bits leaves pictures as they were."""
FIXED, LOOSE = 60.0, 450.0
"""Nats by which a path must be better than another, where the edges are known, and where they are not."""
LOST = 4.0
"""Times the usual difference, at least, at which a frame counts as not found by its waves."""
FEW, INTRA = 28, 12
"""Frames on which edges are sought, and how many of those at most that are coded by themselves."""
CUTS = (0.3, 0.55, 1.0)
"""Shares of the classes of waves with which edges are sought, one after the other."""
TURNS, ANEW = 6, 3
"""Steps towards the best edges, and from those of a lag nearby."""
TIGHT = 0.4
"""Pixels by which a side may seem longer or shorter where nothing was cut."""
BARS = 4.0
"""Pixels by which bars, as wide on either side, may have been cut too narrow, or too wide."""
SURE = 3.0
"""Times its own error."""
LOGO = 12.0
"""Codes by which a place is always brighter or darker than it should be: something was laid over it."""
COVERED = 0.2
"""Share of the picture that may be."""
LIT, CODES = 0.006, 1.0
"""Share of all that brightness tells, and codes by which it is off where levels are not fitted well. A fade's pictures
differ by it more than by their waves, and of these coding takes most where it is dark: then older ones look better."""
ASTRAY = 5.0
"""Times the median of what is left of a frame, beyond which it lies elsewhere and says nothing about edges."""


class Seen(NamedTuple):
    """How the reference's waves are made to look like the test's."""

    frame: Frame
    free: tuple[int, ...]
    """Edges that are not where the picture ends."""
    share: Singles
    scale: Singles
    """By which errors of a wave are multiplied for a mean square of one."""
    bias: Singles


class Close:
    """By waves, from fingerprints that are finer by a whole number of parts."""

    lost, late, coded, dear, close = LOST, LATE, 0.25, 2.0, True

    def __init__(
        self, test: Bytes, reference: Bytes, fresh: NDArray[np.bool_], broad: likeness.Fit,
        aside: tuple[tuple[float, float], tuple[float, float]], barred: tuple[bool, bool],
    ) -> None:  # fmt: skip
        """Across and down: how far off the middle the test was cut, and how far the reference; whether the test was."""
        self.which = cosines.waves(*test.shape[1:])
        self.pixels = CLOSE * len(self.which.ring)
        self.code = CODES * float(np.sqrt(test[0].size))
        self.reference, self.fresh, self.start = reference, fresh, broad.frame
        self.aside, self.barred = aside, barred
        codes = np.arange(256, dtype=np.float32)
        self.levels = np.asarray(codes * broad.gain + np.square(codes - 128) / 128 * broad.bend, np.float32)
        self.levels -= float(self.levels[reference[:: max(1, len(reference) // 16)]].mean())
        self.open = _open(broad, test.shape[1:])
        middle = np.float32(test[:: max(1, len(test) // 16)].mean())
        blocks = np.array_split(np.arange(len(test)), len(test) // 64 + 1)
        self.ours = np.concatenate([
            cosines.taken(self._covered(test[each] - middle, None), WHOLE, self.which) for each in blocks
        ])  # fmt: skip
        self.kept: dict[Frame, dict[int, Singles]] = {}
        self.held: list[Held] = []

    def fitted(self, on: Numbers, frames: Numbers, near: Seen | None = None) -> Seen:
        """Edges by Gauss and Newton's method, from broad waves to fine ones; then what is left of each wave."""
        some = _chosen(self.fresh[on])
        ours, theirs = self.ours[on[some]], self._pictures(frames[some], near.frame if near else self.start)
        fresh = self.fresh[on[some]]
        frame, free = (near.frame, near.free) if near else (self.start, (0, 1, 2, 3))
        if near is None:
            for cut in CUTS:
                frame, _ = self._edges(ours, theirs, frame, free, cut, np.ones(len(fresh), bool))
            frame = self._told(ours, theirs, frame, free, fresh) or frame
            frame, free = self._whole(ours, theirs, frame, fresh)
        elif free:
            # In a fast pan another lag has its edges far from here: from broad waves on, as for the first fit.
            for cut in CUTS:
                frame, _ = self._edges(ours, theirs, frame, free, cut, np.ones(len(fresh), bool), ANEW)
            frame = self._told(ours, theirs, frame, free, fresh) or frame
        if self.open is not None:
            # What lies over the test's picture lies elsewhere over the reference's, now that the edges are known.
            theirs = self._pictures(frames[some], frame)
        shown = cosines.taken(theirs, frame, self.which)
        there = _there(ours, shown, cosines.lens(ours, shown, self.which))
        ours, shown = ours[there], shown[there]
        found = cosines.lens(ours - ours.mean(axis=0), shown - shown.mean(axis=0), self.which)
        found.share[0] = self._brightness(ours[:, 0] - ours[:, 0].mean(), shown[:, 0] - shown[:, 0].mean())
        bias = ours.mean(axis=0) - found.share * shown.mean(axis=0)
        # Another lag is to explain the same errors, not to say that there are more.
        scale = near.scale if near else np.asarray(1 / np.sqrt(found.noise), np.float32)
        scale[0] = np.sqrt(LIT * len(scale)) / self.code
        return Seen(frame, free, found.share, scale, np.asarray(bias, np.float32))

    def _brightness(self, ours: Singles, theirs: Singles) -> np.float32:
        """What of the reference's mean reaches the test, once levels are fitted: all, unless much says otherwise."""
        known = len(ours) * self.code**2
        return np.float32((float(ours @ theirs) + known) / (float(theirs @ theirs) + known))

    def table(self, some: Numbers, frames: Numbers, fit: Seen) -> Singles:
        """Mean square differences of each and each."""
        weights = np.full(self.ours.shape[1], 1 / self.ours.shape[1], np.float32)
        held = self._held(fit)
        self._predict(frames, held)
        return likeness.squares(held.ours[some], held.theirs[frames], weights)

    def apart(self, some: Numbers, frames: Numbers, fit: Seen) -> Singles:
        """One by one."""
        held = self._held(fit)
        return held.apart(some, frames, lambda wanted: self._predict(wanted, held))

    def priced(self, excess: Singles, usual: Singles, fresh: NDArray[np.bool_]) -> Singles:
        """Nats, with heavy tails."""
        return likeness.price(excess, usual, fresh, self.pixels)

    def loose(self, fit: Seen) -> bool:
        """Where something was cut."""
        return bool(fit.free)

    def enough(self, fit: Seen) -> float:
        """More where edges are not known: a pan moves them as time does."""
        return FIXED if not fit.free else LOOSE

    def _held(self, fit: Seen) -> Held:
        for each in self.held:
            if each.fit is fit:
                return each
        theirs = np.empty((len(self.reference), len(fit.share)), np.float32)
        found = Held(fit, self.ours * fit.scale, theirs, np.zeros(len(theirs), bool))
        self.held = [*self.held[-1:], found]
        return found

    def _predict(self, frames: Numbers, held: Held) -> None:
        fit = held.fit
        known = self.kept.setdefault(fit.frame, {})
        if len(self.kept) > 2:
            self.kept.pop(next(iter(self.kept)))
        wanted = np.unique(frames[~held.known[frames]])
        for start in range(0, len(wanted), 64):
            some = wanted[start : start + 64]
            new = np.array([each for each in some if int(each) not in known], np.int64)
            shown = cosines.taken(self._pictures(new, fit.frame), fit.frame, self.which)
            known.update(zip(new.tolist(), shown, strict=True))
            rows = np.array([known[int(each)] for each in some], np.float32)
            held.theirs[some] = (rows * fit.share + fit.bias) * fit.scale
        held.known[wanted] = True

    def _pictures(self, frames: Numbers, frame: Frame) -> Singles:
        return self._covered(self.levels[self.reference[frames]], frame)

    def _covered(self, pictures: Singles, frame: Frame | None) -> Singles:
        """Without what was laid over the test's picture."""
        if self.open is None:
            return pictures
        if frame is None:
            return pictures * self.open
        rows, columns = self.open.shape
        down = _places(frame.top, frame.bottom, rows)
        return pictures * self.open[down][:, _places(frame.left, frame.right, columns)]

    def _edges(self, ours: Singles, theirs: Singles, frame: Frame, free: tuple[int, ...], cut: float,
               on: NDArray[np.bool_], turns: int = TURNS) -> tuple[Frame, Singles]:  # fmt: skip
        """The edges that fit best, by frames `on`, and how far off each may be: in pixels."""
        fine = self.which.ring < cut * cosines.RINGS
        sides = np.array([theirs.shape[2]] * 2 + [theirs.shape[1]] * 2)
        errors = np.zeros(len(free), np.float32)
        if not free:
            return frame, errors
        for _ in range(turns):
            shown = cosines.taken(theirs, frame, self.which)
            there = _there(ours, shown, cosines.lens(ours, shown, self.which))
            seen = cosines.lens(ours[there], shown[there], self.which)
            some = on & there if (on & there).any() else on
            scale = np.sqrt(np.float32(CLOSE)) * fine / np.sqrt(seen.noise)
            rest = ((ours[some] - seen.share * shown[some]) * scale).ravel()
            turned = cosines.slopes(theirs[some], frame, self.which, free) * (seen.share * scale)
            turned = turned.reshape(len(free), -1)
            normal = (turned @ turned.T).astype(np.float64) + 1e-2 * np.eye(len(free))
            step = np.clip(np.linalg.solve(normal, turned @ rest), -3, 3)
            errors = np.sqrt(np.diag(np.linalg.inv(normal))).astype(np.float32)
            edges = np.array(frame)
            edges[list(free)] += step / sides[list(free)]
            if np.abs(edges - WHOLE).max() > likeness.WIDEST:
                return frame, errors + np.inf
            frame = Frame(*edges.tolist())
            if np.abs(step).max() < 0.01:
                break
        return frame, errors

    def _told(self, ours: Singles, theirs: Singles, frame: Frame, free: tuple[int, ...],
              fresh: NDArray[np.bool_]) -> Frame | None:  # fmt: skip
        """The edges by the pictures alone that are coded by themselves, if those are enough."""
        if not fresh.any():
            return None
        found, errors = self._edges(ours, theirs, frame, free, 1.0, fresh, ANEW)
        return found if (errors < TIGHT / 2).all() else None

    def _whole(
        self, ours: Singles, theirs: Singles, frame: Frame, fresh: NDArray[np.bool_]
    ) -> tuple[Frame, tuple[int, ...]]:
        """A side that is as long as the reference's was not cut: then it lies where the reference's does.

        One that is longer, as bars were cut too narrow, has its picture in the middle of them; so has one that is
        shorter, as bars were cut too wide, and lies there. Where the other was cut, one that only may be as long is
        free.
        """
        rows, columns = theirs.shape[1:]
        on = fresh if fresh.any() else np.ones(len(fresh), bool)
        errors = self._edges(ours, theirs, frame, (0, 1, 2, 3), 1.0, on, 1)[1]
        free: tuple[int, ...] = ()
        edges, doubtful = list(WHOLE), free
        for first, size in ((0, columns), (2, rows)):
            ours_off, theirs_off = self.aside[first // 2]
            error = float(np.hypot(*errors[first : first + 2]))
            length, middle = frame[first + 1] - frame[first], (frame[first] + frame[first + 1]) / 2
            more, uneven = (length - 1) * size, bool(ours_off or theirs_off)
            central = 0.5 - theirs_off + ours_off * length
            off = abs(middle - central) * size
            even = TIGHT < more < BARS or (self.barred[first // 2] and -BARS < more < 0 and off < min(error, TIGHT / 4))
            if (more > -TIGHT and off < TIGHT) if uneven else even:
                edges[first : first + 2] = central - length / 2, central + length / 2
            elif uneven or abs(more) > max(TIGHT, min(SURE * error, 2.0)):
                free = (*free, first, first + 1)
            elif abs(more) > TIGHT:
                doubtful = (first, first + 1)
        free = tuple(sorted((*free, *doubtful))) if free else free
        return Frame(*(frame[n] if n in free else edge for n, edge in enumerate(edges))), free


def _chosen(fresh: NDArray[np.bool_]) -> Numbers:
    """Frames for edges: those that are coded by themselves, up to a number, and others, evenly."""
    own, others = np.flatnonzero(fresh), np.flatnonzero(~fresh)
    own = own[np.unique(np.linspace(0, len(own) - 1, min(INTRA, len(own))).astype(np.int64))]
    many = max(FEW - len(own), 0)
    others = others[np.unique(np.linspace(0, len(others) - 1, min(many, len(others))).astype(np.int64))]
    return np.sort(np.concatenate([own, others]))


def _there(ours: Singles, shown: Singles, seen: cosines.Lens) -> NDArray[np.bool_]:
    """Frames that are not laid astray, as far as one can see."""
    left = (np.square(ours - seen.share * shown) / seen.noise).mean(axis=1)
    return np.asarray(left <= ASTRAY * np.median(left))


def _open(broad: likeness.Fit, shape: tuple[int, ...]) -> Singles | None:
    """Where nothing lies over the test's picture, soft at its edges; None where nothing does at all."""
    bias = broad.bias - np.median(broad.bias)
    over = np.abs(bias) > max(LOGO, 4 * float(np.median(np.abs(bias))))
    if not over.any() or over.mean() > COVERED:
        return None
    table = (1 - over).reshape(broad.down.shape[0], -1).astype(np.float32)
    table = cv2.erode(table, np.ones((3, 3), np.uint8))
    large = cv2.resize(table, shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.GaussianBlur(large, (0, 0), shape[0] / table.shape[0] / 2), np.float32)


def _places(start: float, end: float, size: int) -> Numbers:
    """The test's pixel that lies on each of the reference's."""
    where = ((np.arange(size) + 0.5) / size - start) / (end - start) * size
    return np.clip(where, 0, size - 1).astype(np.int64)
