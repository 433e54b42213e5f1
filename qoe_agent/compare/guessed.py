"""How a test seems to lie after a first look: it is scored so at once, and what that decodes proves it or not.

To find out by content, or by stamps far from any key frame, takes as much decoding as to score. So a few pictures at
the beginning give a guess; fingerprints of all frames, or the later stamps, come out of the decoding that scores; from
those it is then found out, as it is without a guess, how the test lies.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.compare import align, asides, crop, places, stamped, thumbs
from qoe_agent.compare.aligning import clocks, likeness, spots

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from qoe_agent.compare.aligning.clocks import Reading
    from qoe_agent.compare.asides import Aside
    from qoe_agent.compare.shapes import Alignment, Asked, Media, Step
    from qoe_agent.compare.thumbs import Prints

FIRST, SLACK = 16, 4
"""Frames of the test that are looked for, and frames by which they may lie further off than the lengths explain."""
DEAREST = 0.4
"""Share of all frames that may be decoded for the first look."""
FURTHER = 24
"""Frames that may be decoded to reach one place further on."""


class Guess(NamedTuple):
    """How a test lies."""

    alignment: Alignment
    asides: tuple[Aside, ...] = ()
    """What is to come out of scoring, of the test and of the reference."""
    proof: Callable[[], Alignment | None] | None = None
    """By those: how it does lie, None where they do not tell; raises Unlike. No guess at all where there is none."""
    bars: crop.Bars | None = None
    """What was cut of either side for that, where bars were looked for."""


def laid(reference: Media, test: Media, asked: Asked, heard: Callable[[Step], None]) -> Guess:
    """As `align.align`, but for guesses where to know is dear; raises Unlike."""
    if asked.offset is not None or len(reference.video.times) == len(test.video.times) == 1:
        return Guess(align.align(reference, test, asked, heard))
    if found := stamped.places(reference, test):
        if begun := stamped.begun(reference, test, found):
            return _by_stamp(reference, begun)
        marked = stamped.frames(reference, test, found=found)
        if marked is not None:
            return Guess(align.made("stamp", marked, reference, 1.0))
    if timed := align.by_times(reference, test):
        return Guess(timed)
    return _by_content(reference, test, asked) or Guess(align.by_content(reference, test, heard, asked))


def _by_stamp(reference: Media, begun: stamped.Begun) -> Guess:
    def proof() -> Alignment | None:
        frames = begun.proof()
        return None if frames is None else align.made("stamp", frames, reference, 1.0)

    return Guess(align.made("stamp", begun.frames, reference, 1.0), begun.asides, proof)


def _by_content(reference: Media, test: Media, asked: Asked) -> Guess | None:
    """Where the first frames are found in the reference, as far as that is cheap, and nothing looks otherwise."""
    video = reference.video
    if not (asides.possible(reference) and asides.possible(test)) or video.rate != test.video.rate:
        return None
    if not (video.constant and test.video.constant):
        return None
    frames = _began(reference, test, clocks.readings(align.side(test), align.side(reference))[0])
    if frames is None or not _goes_on(reference, test, frames):
        return None
    cut = crop.bars(reference, test, asked)
    finer = thumbs.finest(max(len(each.video.times) for each in (test, reference)))
    ours, theirs = (asides.fingerprints(*each, finer) for each in ((test, cut.test), (reference, cut.reference)))

    def proof() -> Alignment | None:
        own, shown = asides.read(test, ours), asides.read(reference, theirs)
        return align.by_prints(reference, test, own, shown, cut) if own and shown else None

    return Guess(align.made("content", frames, reference, 0.0), (ours, theirs), proof, cut)


def _began(reference: Media, test: Media, reading: Reading) -> NDArray[np.int64] | None:
    """The reference's frame of each of the test's, by those at the beginning of either."""
    longer = len(reading.slots) - 1 - round(float(reading.at[-1]))
    lags = np.arange(min(0, longer) - SLACK, max(0, longer) + SLACK + 1)
    most = FIRST - int(lags[0]), FIRST + align.NEAR + int(lags[-1])
    lengths = len(test.video.times), len(reference.video.times)
    if sum(most) > DEAREST * sum(lengths):
        return None
    with ThreadPoolExecutor(2) as pool:
        ours, theirs = pool.map(
            lambda side: thumbs.span(side[0], 0, side[1] - 1), zip((test, reference), most, strict=True)
        )
    if len(ours.luma) < most[0] or len(theirs.luma) < most[1]:
        return None
    shapes = likeness.shaped(ours.luma), likeness.shaped(theirs.luma)
    found: list[tuple[float, int]] = []
    for lag in lags.tolist():
        own, shown = _first(reading, lag, most)
        if len(own) == FIRST:
            found.append((float(np.square(shapes[0][own] - shapes[1][shown]).sum(axis=1).mean()), lag))
    if not found:
        return None
    own, shown = _first(reading, min(found)[1], most)
    if not _told(ours, own, shown, theirs):
        return None
    return reading.frames(float(min(found)[1]))


def _first(reading: Reading, lag: int, most: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first frames of the test that lie on any of the reference's, and those, if the test lies so."""
    frames = reading.frames(float(lag))[: most[0]]
    own = np.flatnonzero((frames >= 0) & (frames < most[1]))[:FIRST]
    return own, frames[own]


def _told(ours: Prints, own: NDArray[np.int64], shown: NDArray[np.int64], theirs: Prints) -> bool | None:
    """Whether pictures lie on each other, or the other way round; None where too little moves."""
    luma = ours.luma[own]
    alone = spots.alone(luma, shown, theirs.luma, theirs.numbers)
    return spots.holds(luma, ours.fresh[own], shown, theirs.luma, theirs.numbers) if alone is None else alone


def _goes_on(reference: Media, test: Media, frames: NDArray[np.int64]) -> bool:
    """Whether nothing speaks against it further on, where it can be looked there cheaply."""
    for shares in (align.MIDDLE, align.END):
        at = places.within((reference, test), frames, shares, align.SPOT, align.NEAR)
        if not at:
            continue
        dear = places.behind(reference, frames[at : at + 1] - align.NEAR) + places.behind(test, np.array([at]))
        if dear[0] > FURTHER:
            continue
        ours, theirs = align.spot(reference, test, frames, at)
        if _told(ours, np.arange(len(ours.luma)), frames[ours.numbers], theirs) is False:
            return False
    return True
