"""How a test seems to lie after a first look: it is scored so at once, and what that decodes proves it or not.

To find out by content, or by stamps far from any key frame, takes as much decoding as to score. So a few pictures at
the beginning give a guess; fingerprints of all frames, or the later stamps, come out of the decoding that scores; from
those it is then found out, as it is without a guess, how the test lies.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qoe_agent.compare import align, asides, crop, places, registering, stamped, thumbs
from qoe_agent.compare.aligning import clocks, glimpse, pairing
from qoe_agent.compare.beginnings import FINE, Beginnings

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from qoe_agent.compare.aligning.clocks import Reading
    from qoe_agent.compare.asides import Aside
    from qoe_agent.compare.shapes import Alignment, Asked, Media, Step
    from qoe_agent.compare.space import Part

SLACK = 4
"""Frames by which a test may lie further off than the lengths explain."""
DEAREST = 0.4
"""Share of all frames that may be decoded for the first look."""
FURTHER = 24
"""Frames that may be decoded to reach one place further on."""
FAR = 16
"""Frames behind the first pair up to which decoding goes on from it to reach another."""


class Guess(NamedTuple):
    """How a test lies."""

    alignment: Alignment
    asides: tuple[Aside, ...] = ()
    """What is to come out of scoring, of the test and of the reference."""
    proof: Callable[[], Alignment | None] | None = None
    """By those: how it does lie, None where they do not tell; raises Unlike. No guess at all where there is none."""
    bars: crop.Bars | None = None
    """What was cut of either side for that, where bars were looked for."""
    had: tuple[int, ...] = ()
    """Frames of the test that `stills` knows, and those of the reference that they show."""
    parts: tuple[Part | None, ...] = ()
    """What `registering.part` has said of it: one, where it was asked."""


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
    with closing(Beginnings(reference, test)) as first:
        if timed := align.by_times(reference, test, first.span):
            return Guess(timed, had=_had(reference, test, *pairing.pairs(timed.runs), first))
        guess = _by_content(reference, test, asked, first)
    return guess or Guess(align.by_content(reference, test, heard, asked))


def _by_stamp(reference: Media, begun: stamped.Begun) -> Guess:
    def proof() -> Alignment | None:
        frames = begun.proof()
        return None if frames is None else align.made("stamp", frames, reference, 1.0)

    return Guess(align.made("stamp", begun.frames, reference, 1.0), begun.asides, proof)


def _by_content(reference: Media, test: Media, asked: Asked, begun: Beginnings) -> Guess | None:
    """Where the first frames are found in the reference, as far as that is cheap, and nothing looks otherwise."""
    video = reference.video
    if not (asides.possible(reference) and asides.possible(test)) or video.rate != test.video.rate:
        return None
    if not (video.constant and test.video.constant):
        return None
    frames = _began(reference, test, clocks.readings(align.side(test), align.side(reference))[0], begun)
    if frames is None or not _goes_on(reference, test, frames):
        return None
    cut = crop.bars(reference, test, asked)
    finer = thumbs.finest(max(len(each.video.times) for each in (test, reference)))
    ours, theirs = (asides.fingerprints(*each, finer) for each in ((test, cut.test), (reference, cut.reference)))

    def proof() -> Alignment | None:
        own, shown = asides.read(test, ours), asides.read(reference, theirs)
        return align.by_prints(reference, test, own, shown, cut) if own and shown else None

    own = np.flatnonzero(frames >= 0)
    had = _had(reference, test, own, frames[own], begun)
    return Guess(align.made("content", frames, reference, 0.0), (ours, theirs), proof, cut, had)


def _began(reference: Media, test: Media, reading: Reading, begun: Beginnings) -> NDArray[np.int64] | None:
    """The reference's frame of each of the test's, by those at the beginning; None where those do not tell."""
    longer = len(reading.slots) - 1 - round(float(reading.at[-1]))
    lags = range(min(0, longer) - SLACK, max(0, longer) + SLACK + 1)
    most = glimpse.FIRST - lags[0], glimpse.FIRST + lags[-1]
    if sum(most) > DEAREST * (len(test.video.times) + len(reference.video.times)):
        return None
    ours, theirs = align.both((test, (0, most[0] - 1)), (reference, (0, most[1] - 1)), FINE, begun.span)
    if len(ours.luma) < most[0] or len(theirs.luma) < most[1]:
        return None
    lag = glimpse.lag(ours.luma, ours.fresh, theirs.luma, reading, lags)
    return None if lag is None else reading.frames(float(lag))


def _had(
    reference: Media, test: Media, own: NDArray[np.int64], shown: NDArray[np.int64], begun: Beginnings
) -> tuple[int, ...]:
    """The first pairs at which it will be looked how they lie in space, as far as those are not far."""
    first = [int(places.near(len(own), share)[0]) for share in registering.SHARES[: registering.QUICKLY]]
    had = [at for at in first if own[at] <= own[0] + FAR]
    for media, numbers in ((test, own[had].tolist()), (reference, shown[had].tolist())):
        begun.keep(media, numbers)
    return tuple(own[had].tolist())


def _goes_on(reference: Media, test: Media, frames: NDArray[np.int64]) -> bool:
    """Whether nothing speaks against it further on, where it can be looked there cheaply."""
    for shares in (align.MIDDLE, align.END):
        at = places.within((reference, test), frames, shares, glimpse.FIRST, glimpse.BESIDE)
        if not at:
            continue
        near = align.around(reference, frames[at : at + glimpse.FIRST], glimpse.BESIDE)
        if places.behind(reference, np.array(near[:1]))[0] + places.behind(test, np.array([at]))[0] > FURTHER:
            continue
        ours, theirs = align.both((test, (at, at + glimpse.FIRST - 1)), (reference, near), FINE)
        if glimpse.astray(ours.luma, frames[ours.numbers], theirs.luma, theirs.numbers):
            return False
    return True
